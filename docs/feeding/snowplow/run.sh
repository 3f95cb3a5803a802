#!/bin/sh
# Snowplow's enriched events as tributary's records. usage: run.sh DIR, which gets a file a topic
set -eu
here=$(dirname "$0")
mkdir -p "$1"
jq -c -R --rawfile columns "$here/columns.txt" -f "$here/enriched.jq" "$here/enriched.tsv" >"$1/enriched.json"
for topic in touchpoints form-fills; do
  jq -c -f "$here/$topic.jq" "$1/enriched.json" >"$1/$topic.ndjson"
done
rm "$1/enriched.json"
