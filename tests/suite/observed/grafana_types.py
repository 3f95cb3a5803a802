"""Reads dashboards with the types of Grafana's own SDK and writes them again: what is lost or changed, Grafana does not
know. Says what that is, and which units do not exist. Arguments: files."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

UNITS = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}


def differences(ours, theirs, path):
    """What is in ours and not in theirs; empty things say nothing."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from differences(value, theirs[key], f"{path}.{key}")
            elif value not in (None, [], {}, ""):
                yield f"{path}.{key}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, pair in enumerate(zip(ours, theirs)):
            yield from differences(*pair, f"{path}[{at}]")
    elif ours != theirs:
        yield f"{path}: {ours!r} is {theirs!r}"


def used_units(node):
    if isinstance(node, list):
        for item in node:
            yield from used_units(item)
    elif isinstance(node, dict):
        if isinstance(node.get("unit"), str):
            yield node["unit"]
        if node.get("id") == "unit":
            yield node["value"]
        for value in node.values():
            yield from used_units(value)


register_default_plugins()
complaints = 0
for file in sys.argv[1:]:
    with open(file, encoding="utf-8") as opened:
        dashboard = json.load(opened)
    back = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    found = [*differences(dashboard, back, "")]
    own = ("suffix:", "currency:")
    found += {unit for unit in used_units(dashboard) if unit not in UNITS and not unit.startswith(own)}
    for complaint in found:
        print(f"{file}: {complaint}")
    complaints += len(found)
sys.exit(complaints > 0)
