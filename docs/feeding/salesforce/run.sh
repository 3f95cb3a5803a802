#!/bin/sh
# Salesforce's exports as tributary's records. usage: run.sh DIR, which gets a file a topic
set -eu
here=$(dirname "$0")
mkdir -p "$1"
for export in Lead LeadHistory Opportunity OpportunityHistory Campaign CampaignMember Account; do
  # -S: everything stays text, so that ids keep their zeros.
  mlr -S --icsv --ojsonl cat "$here/$export.csv" >"$1/$export.json"
done
for topic in touchpoints deal-stages accounts spend; do
  jq -n -c -L "$here" --slurpfile leads "$1/Lead.json" --slurpfile history "$1/LeadHistory.json" \
    --slurpfile opportunities "$1/Opportunity.json" --slurpfile stages "$1/OpportunityHistory.json" \
    --slurpfile campaigns "$1/Campaign.json" --slurpfile members "$1/CampaignMember.json" \
    --slurpfile accounts "$1/Account.json" -f "$here/$topic.jq" >"$1/$topic.ndjson"
done
rm "$1"/*.json
