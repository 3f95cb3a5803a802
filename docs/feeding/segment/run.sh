#!/bin/sh
# Segment calls as tributary's records. usage: run.sh DIR, which gets a file a topic
set -eu
here=$(dirname "$0")
mkdir -p "$1"
for topic in touchpoints form-fills deal-stages accounts; do
  jq -c -f "$here/$topic.jq" "$here/calls.ndjson" >"$1/$topic.ndjson"
done
