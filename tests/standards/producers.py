"""Records as producers of other times and other makes write them, by fastavro: a JSON line each, with the topic, the
writer's schema, the record in Avro (base64), and the JSON that means the same."""

import base64
import decimal
import io
import json
import sys
import uuid

import fastavro

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
ID = "00000000-0000-0000-0000-00000000002a"


def optional(kind):
    return ["null", kind]


def money(scale):
    return {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": scale}


def field(name, kind, **more):
    return {"name": name, "type": kind, **more}


def cases():
    touch = {"event_id": "t", "occurred_at": 1000, "kind": "click", "lead_id": "l", "channel": "email"}
    required = [field("event_id", "string"), field("occurred_at", MILLIS), field("kind", "string")]
    yield "an old producer: optional fields are missing", "touchpoints", \
        [*required, field("lead_id", "string"), field("channel", "string")], touch, touch
    yield "another order", "touchpoints", \
        [field("channel", "string"), field("kind", "string"), field("lead_id", "string"), *required[1::-1]], touch, touch
    added = {
        "device": {"os": "linux", "sizes": [1, 2]}, "labels": {"a": "b"}, "flag": True, "score": None, "raw": b"\x00\xff",
    }
    yield "a newer producer: fields are added", "touchpoints", [
        field("device", {"type": "record", "name": "Device", "fields": [
            field("os", "string"), field("sizes", {"type": "array", "items": "long"})]}),
        *required, field("labels", {"type": "map", "values": "string"}), field("lead_id", optional("string")),
        field("flag", "boolean"), field("channel", "string"), field("score", optional("double")), field("raw", "bytes"),
    ], {**touch, **added}, touch
    yield "int for long, a plain long for a time", "touchpoints", \
        [required[0], field("occurred_at", "int"), required[2], field("lead_id", "string"), field("channel", "string")], \
        touch, touch
    yield "unions the other way round, and wider ones", "touchpoints", [
        field("event_id", ["string", "null"]), field("occurred_at", ["null", MILLIS]), field("kind", ["null", "int", "string"]),
        field("lead_id", ["string", "null"]), field("channel", ["boolean", "string", "null"]),
    ], touch, touch
    yield "an enumeration, an id as a UUID, names and aliases of its own", "touchpoints", [
        field("event_id", {"type": "string", "logicalType": "uuid"}), required[1],
        field("kind", {"type": "enum", "name": "Kind", "symbols": ["view", "click"]}, aliases=["type"]),
        field("lead_id", "string", aliases=["person"]), field("channel", "string"),
    ], {**touch, "event_id": uuid.UUID(ID)}, {**touch, "event_id": ID}
    yield "bytes for text", "touchpoints", \
        [*required, field("lead_id", "bytes"), field("channel", "string")], {**touch, "lead_id": b"l"}, touch

    stage = {"event_id": "s", "occurred_at": 1000, "lead_id": "l", "stage": "won", "deal_id": "d"}
    own = [field("event_id", "string"), field("occurred_at", MILLIS), field("lead_id", "string"), field("stage", "string"),
           field("deal_id", optional("string"))]
    for kind, value in [("float", 0.25), ("double", 0.25), ("int", 1), ("long", 1), ("null", None)]:
        yield f"a probability as {kind}", "deal-stages", \
            [*own, field("probability", kind)], {**stage, "probability": value}, {**stage, "probability": value}
    for scale, text in [(0, "12"), (2, "-12.50"), (4, "12.5001"), (6, "12.500001")]:
        yield f"an amount with {scale} decimals", "deal-stages", \
            [*own, field("amount", optional(money(scale)))], {**stage, "amount": decimal.Decimal(text)}, {**stage, "amount": text}
    fixed = {"type": "fixed", "name": "Money", "size": 12, "logicalType": "decimal", "precision": 18, "scale": 2}
    yield "an amount of fixed size", "deal-stages", \
        [*own, field("amount", fixed)], {**stage, "amount": decimal.Decimal("7.25")}, {**stage, "amount": "7.25"}

    fill = {"event_id": "f", "occurred_at": 1000, "lead_id": "l", "form_id": "f1", "form_kind": "survey"}
    yield "answers that may be null", "form-fills", [
        field("event_id", "string"), field("occurred_at", MILLIS), field("lead_id", "string"), field("form_id", "string"),
        field("form_kind", "string"), field("answers", {"type": "map", "values": ["null", "string"]}),
    ], {**fill, "answers": {"nps": "9", "title": None}}, {**fill, "answers": {"nps": "9"}}

    account = {"account_id": "a", "is_target": True, "buying_unit_size": 7}
    yield "a long for an int, nothing for a default", "accounts", \
        [field("account_id", "string"), field("buying_unit_size", "long"), field("is_target", "boolean")], account, account
    spend = {"event_id": "p", "occurred_at": 1000, "channel": "email", "amount": "3.1"}
    yield "a record of another name and namespace", "spend", \
        [field("amount", money(4)), field("channel", "string"), field("occurred_at", "long"), field("event_id", "string")], \
        {**spend, "amount": decimal.Decimal("3.1")}, spend


for about, topic, fields, value, means in cases():
    schema = {"type": "record", "name": "Written", "namespace": "acme.crm", "aliases": ["Touch"], "fields": fields}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    line = {"about": about, "topic": topic, "schema": schema, "means": means}
    json.dump({**line, "datum": base64.b64encode(out.getvalue()).decode()}, sys.stdout)
    print()
