//! Records in Avro: the same events as in JSON, writers whose schemas differ from ours, bad bytes, container files.

use std::sync::Arc;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Decimal, Schema};
use tributary::config::Config;
use tributary::ingest::files::Histories;
use tributary::ingest::{Decoded, Failure, FixedSchemas, Ingest, RawRecord, RegistryDown, SchemaSource, schemas};
use tributary::model::event::{Event, Topic};
use tributary::model::time::Millis;

const NOW: Millis = Millis(1_767_225_600_000);

fn config() -> Config {
    Config::parse("[money.rates]\nEUR = 1.1\n", "test.toml", std::iter::empty()).expect("a configuration")
}

fn ours(topic: Topic) -> Schema {
    Schema::parse_str(schemas::reader_schema(topic)).expect("our schema")
}

fn wire(schema: &Schema, id: u32, value: Value) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(id.to_be_bytes());
    let writer = GenericDatumWriter::builder(schema).build().expect("a writer");
    bytes.extend(writer.write_value_to_vec(value).expect("a datum"));
    bytes
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn some(value: Value) -> Value {
    Value::Union(1, Box::new(value))
}

fn none() -> Value {
    Value::Union(0, Box::new(Value::Null))
}

fn verdict(schema: &Schema, topic: Topic, bytes: &[u8]) -> Result<Event<'static>, String> {
    let source = FixedSchemas::from_iter([(7, schema.clone())]);
    let ingest = Ingest::new(&config(), Arc::new(source));
    let record = RawRecord { key: None, value: Some(bytes), timestamp: NOW };
    match ingest.decode(topic, &record, NOW).expect("an answer") {
        Decoded::Event(event) => {
            // Outlives the bytes by way of the journal's own encoding.
            let packed: &'static [u8] = Box::leak(postcard::to_stdvec(&event).expect("packed").into_boxed_slice());
            Ok(postcard::from_bytes(packed).expect("unpacked"))
        }
        Decoded::Skipped => Err("skipped".to_owned()),
        Decoded::Rejected(rejection) => Err(rejection.to_string()),
    }
}

fn from_json(topic: Topic, json: &'static str) -> Event<'static> {
    let ingest = Ingest::new(&config(), Arc::new(FixedSchemas::default()));
    let record = RawRecord { key: None, value: Some(json.as_bytes()), timestamp: NOW };
    match ingest.decode(topic, &record, NOW) {
        Ok(Decoded::Event(event)) => event,
        other => panic!("{json}: {other:?}"),
    }
}

fn amount(unscaled: &[u8]) -> Value {
    Value::Decimal(Decimal::from(unscaled))
}

#[test]
fn our_schemas_write_what_json_means() {
    let fill = record([
        ("event_id", text("e")),
        ("occurred_at", Value::TimestampMillis(1000)),
        ("lead_id", text("l")),
        ("visitor_id", some(text(""))),
        ("account_id", none()),
        ("form_id", text("f")),
        ("form_kind", text("survey")),
        ("page_url", some(text("https://x.example/a/"))),
        ("asset_id", none()),
        ("experiment", none()),
        ("variant", none()),
        ("answers", some(Value::Map([("nps".to_owned(), text("9")), ("a".to_owned(), text("b"))].into()))),
    ]);
    let schema = ours(Topic::FormFills);
    assert_eq!(
        verdict(&schema, Topic::FormFills, &wire(&schema, 7, fill)),
        Ok(from_json(
            Topic::FormFills,
            r#"{"event_id":"e","occurred_at":1000,"lead_id":"l","form_id":"f","form_kind":"survey","page_url":"https://x.example/a/","answers":{"a":"b","nps":"9"}}"#
        ))
    );
    let stage = record([
        ("event_id", text("e")),
        ("occurred_at", Value::TimestampMillis(1000)),
        ("lead_id", text("l")),
        ("stage", text("won")),
        ("deal_id", some(text("d"))),
        ("account_id", none()),
        ("amount", some(amount(&[0xfe, 0x0c]))), // −500: short, as most amounts are
        ("currency", some(text("EUR"))),
        ("probability", some(Value::Double(0.7))),
        ("owner", none()),
    ]);
    let schema = ours(Topic::DealStages);
    assert_eq!(
        verdict(&schema, Topic::DealStages, &wire(&schema, 7, stage)),
        Ok(from_json(
            Topic::DealStages,
            r#"{"event_id":"e","occurred_at":1000,"lead_id":"l","stage":"won","deal_id":"d","amount":"-0.05","currency":"EUR","probability":0.7}"#
        ))
    );
    let account = record([
        ("account_id", text("a")),
        ("name", none()),
        ("is_target", Value::Boolean(true)),
        ("is_customer", Value::Boolean(false)),
        ("buying_unit_size", some(Value::Int(3))),
        ("industry", none()),
        ("company_size", none()),
        ("tier", none()),
    ]);
    let schema = ours(Topic::Accounts);
    assert_eq!(
        verdict(&schema, Topic::Accounts, &wire(&schema, 7, account)),
        Ok(from_json(Topic::Accounts, r#"{"account_id":"a","is_target":true,"buying_unit_size":3}"#))
    );
}

/// Its own order, names and types, a field that we do not know, an enum for a string, another scale.
const EVOLVED: &str = r#"{"type":"record","name":"CrmSpend","namespace":"acme","fields":[
  {"name":"ledger","type":{"type":"record","name":"Ledger","fields":[{"name":"entries","type":{"type":"array","items":"long"}}]}},
  {"name":"amount","type":["null",{"type":"fixed","name":"Money","size":8,"logicalType":"decimal","precision":18,"scale":2}]},
  {"name":"category","type":{"type":"enum","name":"Category","symbols":["media","gifts"]}},
  {"name":"channel","type":["string","null"]},
  {"name":"occurred_at","type":"long"},
  {"name":"event_id","type":{"type":"string","logicalType":"uuid"}}
]}"#;

fn evolved(category: (u32, &str), channel: Value, amount: Value) -> Value {
    record([
        ("ledger", record([("entries", Value::Array(vec![Value::Long(1)]))])),
        ("amount", amount),
        ("category", Value::Enum(category.0, category.1.to_owned())),
        ("channel", channel),
        ("occurred_at", Value::Long(1000)),
        ("event_id", Value::Uuid(uuid::Uuid::nil())),
    ])
}

#[test]
fn producers_may_evolve_theirs() {
    let schema = Schema::parse_str(EVOLVED).expect("a schema");
    let money = |unscaled: i64| some(amount(&unscaled.to_be_bytes()));
    let channel = || Value::Union(0, Box::new(text("Paid Social")));
    let verdict = |value| verdict(&schema, Topic::Spend, &wire(&schema, 7, value));
    assert_eq!(
        verdict(evolved((0, "media"), channel(), money(-1250))),
        Ok(from_json(
            Topic::Spend,
            r#"{"event_id":"00000000-0000-0000-0000-000000000000","occurred_at":1000,"channel":"paid_social","amount":-12.5}"#
        ))
    );
    let reasons = [
        (evolved((1, "gifts"), channel(), money(1)), "unknown_kind: category"),
        (evolved((0, "media"), Value::Union(1, Box::new(Value::Null)), money(1)), "missing_field: channel"),
        (evolved((0, "media"), channel(), none()), "missing_field: amount"),
    ];
    for (value, reason) in reasons {
        assert!(verdict(value).is_err_and(|message| message.starts_with(reason)), "{reason}");
    }
}

#[test]
fn a_field_of_another_type_is_invalid() {
    let schema = r#"{"type":"record","name":"T","fields":[{"name":"event_id","type":"long"},
        {"name":"occurred_at","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"lead_id","type":"string"},
        {"name":"stage","type":"string"}]}"#;
    let schema = Schema::parse_str(schema).expect("a schema");
    let value = record([
        ("event_id", Value::Long(1)),
        ("occurred_at", Value::TimestampMicros(1)),
        ("lead_id", text("l")),
        ("stage", text("mql")),
    ]);
    let verdict = verdict(&schema, Topic::DealStages, &wire(&schema, 7, value));
    assert!(verdict.is_err_and(|message| message.starts_with("invalid_field: event_id")));
}

#[test]
fn bad_bytes_are_undecodable() {
    let schema = Schema::parse_str(EVOLVED).expect("a schema");
    let channel = Value::Union(0, Box::new(text("email")));
    let good = wire(&schema, 7, evolved((0, "media"), channel, some(amount(&1_i64.to_be_bytes()))));
    assert!(verdict(&schema, Topic::Spend, &good).is_ok());
    for length in 0..good.len() {
        let verdict = verdict(&schema, Topic::Spend, &good[..length]);
        assert!(verdict.is_err_and(|message| message.starts_with("undecodable")), "{length}");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(verdict(&schema, Topic::Spend, &longer).is_err_and(|message| message.starts_with("undecodable")));
    let unknown = [&[0, 0, 0, 0, 8], &good[5..]].concat();
    assert!(verdict(&schema, Topic::Spend, &unknown).is_err_and(|message| message.starts_with("unknown_schema")));
    // An array that claims 2⁶² entries.
    let mut greedy = good[..5].to_vec();
    greedy.extend([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00]);
    assert!(verdict(&schema, Topic::Spend, &greedy).is_err_and(|message| message.starts_with("undecodable")));
}

#[test]
fn a_registry_that_is_down_is_not_bad_input() {
    struct Down;
    impl SchemaSource for Down {
        fn writer_schema(&self, _: u32) -> Result<Option<Arc<Schema>>, RegistryDown> {
            Err(RegistryDown { reason: "no route".to_owned() })
        }
    }
    let ingest = Ingest::new(&config(), Arc::new(Down));
    let decode = |value| ingest.decode(Topic::Spend, &RawRecord { key: None, value: Some(value), timestamp: NOW }, NOW);
    assert!(matches!(decode(&[0, 0, 0, 0, 1]), Err(Failure::RegistryDown(_))));
    assert!(matches!(decode(&[0, 0]), Ok(Decoded::Rejected(_))), "needs no schema");
}

#[test]
fn container_files_are_read_beside_lines() {
    let schema = ours(Topic::DealStages);
    let stage = |id: &str, at| {
        record([
            ("event_id", text(id)),
            ("occurred_at", Value::TimestampMillis(at)),
            ("lead_id", text("l")),
            ("stage", text("mql")),
            ("deal_id", none()),
            ("account_id", none()),
            ("amount", some(amount(&[1]))),
            ("currency", none()),
            ("probability", none()),
            ("owner", none()),
        ])
    };
    let mut writer = apache_avro::Writer::new(&schema, Vec::new()).expect("a writer");
    for (id, at) in [("a3", 30), ("a1", 10)] {
        writer.append_value(stage(id, at)).expect("appended");
    }
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("deal-stages.avro"), writer.into_inner().expect("a file")).expect("written");
    let lines = "{\"timestamp\":20,\"value\":{\"event_id\":\"j2\",\"occurred_at\":1,\"lead_id\":\"l\",\"stage\":\"mql\"}}\r\n\n\
                 no json\n{\"event_id\":\"j0\",\"occurred_at\":5,\"lead_id\":\"l\",\"stage\":\"mql\"}";
    std::fs::write(dir.path().join("deal-stages.ndjson"), lines).expect("written");

    let histories = Histories::open(dir.path()).expect("a history");
    let schemas = histories.schemas(Arc::new(FixedSchemas::default()));
    let ingest = Ingest::for_files(&config(), schemas);
    let mut arrived = Vec::new();
    for record in histories {
        let record = record.expect("a record");
        let raw = RawRecord { key: None, value: record.value.as_deref(), timestamp: record.timestamp };
        let what = match ingest.decode(record.topic, &raw, NOW).expect("an answer") {
            Decoded::Event(event) => event.event_id().map(ToString::to_string).unwrap_or_default(),
            Decoded::Rejected(rejection) => rejection.reason.code().to_owned(),
            Decoded::Skipped => "skipped".to_owned(),
        };
        arrived.push((record.timestamp.0, record.line, what));
    }
    let expected = [(5, 4, "j0"), (10, 2, "a1"), (20, 1, "j2"), (20, 3, "undecodable"), (30, 1, "a3")];
    assert_eq!(arrived, expected.map(|(at, line, what)| (at, line, what.to_owned())));
}
