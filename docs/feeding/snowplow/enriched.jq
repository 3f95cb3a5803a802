# A line of an enriched event (tab-separated) in, an object with Snowplow's column names out; empty columns are left out.
($columns | [splits("\\s+")] | map(select(. != ""))) as $names
| split("\t") | [$names, .] | transpose | map(select(.[1] != "") | { (.[0]): .[1] }) | add
| .unstruct_event |= (if . then fromjson.data else . end)
