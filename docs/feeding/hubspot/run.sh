#!/bin/sh
# HubSpot's exports as tributary's records. usage: run.sh DIR, which gets a file a topic
set -eu
here=$(dirname "$0")
mkdir -p "$1"
for export in contacts companies deals; do
  mlr --icsv --ojsonl cat "$here/$export.csv" >"$1/$export.json"
done
for topic in touchpoints form-fills deal-stages accounts spend; do
  jq -n -c -L "$here" --slurpfile contacts "$1/contacts.json" --slurpfile companies "$1/companies.json" \
    --slurpfile deals "$1/deals.json" --slurpfile forms "$here/submissions.json" \
    --slurpfile events "$here/email-events.json" --slurpfile campaigns "$here/campaigns.json" \
    -f "$here/$topic.jq" >"$1/$topic.ndjson"
done
rm "$1/contacts.json" "$1/companies.json" "$1/deals.json"
