//! Producers and readers of other versions. What producers with schemas of other times and makes write means the same;
//! who knows our records as version 0.1 had them reads what is written today, and the other way round. The schemas of 0.1
//! are frozen in `tests/fixtures`: an incompatible change of `schemas` fails here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use apache_avro::types::Value as Datum;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use tributary::config::Config;
use tributary::generate::{History, Settings};
use tributary::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};
use tributary::publish::avro_json::{Writer, json_schema};
use tributary::publish::ledgers::{self, Ledger};
use tributary::publish::{alert, kpi_update};

use crate::answers;
use crate::line::Line;
use crate::real_parts::tool;
use crate::standards::{validate, written};

const NOW: Millis = Millis(1_767_225_600_000);
const FROZEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schemas/0.1");
const TODAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");

fn read(directory: &str, name: &str) -> String {
    let path = Path::new(directory).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(directory: &str, name: &str) -> Schema {
    Schema::parse_str(&read(directory, name)).expect("a schema")
}

fn names(directory: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(directory).expect("a directory");
    files.map(|file| file.expect("a file").file_name().into_string().expect("text")).collect()
}

#[test]
fn old_and_new_schemas_read_each_other() {
    assert!(names(FROZEN).is_subset(&names(TODAY)), "a record of 0.1 is gone: its readers have nothing left");
    for name in names(FROZEN) {
        let (old, new) = (parsed(FROZEN, &name), parsed(TODAY, &name));
        for (writer, reader, who) in
            [(&old, &new, "today's reader, 0.1's writer"), (&new, &old, "0.1's reader, today's writer")]
        {
            let verdict = SchemaCompatibility::can_read(writer, reader);
            assert_eq!(verdict, Ok(Compatibility::Full), "{name}: {who}");
        }
    }
}

/// What would not pass: a field without a default more, a field less that had none, another type.
#[test]
fn incompatible_changes_are_seen() {
    let old: Value = serde_json::from_str(&read(FROZEN, "conversion.avsc")).expect("JSON");
    let fields = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut new = old.clone();
        change(new["fields"].as_array_mut().expect("fields"));
        Schema::parse(&new).expect("a schema")
    };
    let old = Schema::parse(&old).expect("a schema");
    let full =
        |writer: &Schema, reader: &Schema| SchemaCompatibility::can_read(writer, reader) == Ok(Compatibility::Full);
    let more = fields(&|fields| fields.push(json!({ "name": "more", "type": "string" })));
    let less = fields(&|fields| drop(fields.remove(0)));
    let other = fields(&|fields| fields[0]["type"] = json!("long"));
    let added = fields(&|fields| fields.push(json!({ "name": "more", "type": "string", "default": "" })));
    assert!(!full(&old, &more) && !full(&less, &old) && !full(&old, &other) && !full(&other, &old));
    assert!(full(&old, &added) && full(&added, &old));
}

fn ingest(schema: Option<Schema>) -> Ingest {
    let config = Config::parse("", "test.toml", std::iter::empty()).expect("a configuration");
    let schemas = schema.into_iter().map(|schema| (7, Arc::new(schema))).collect::<BTreeMap<_, _>>();
    Ingest::new(&config, Arc::new(FixedSchemas::from(schemas)))
}

/// What is made of a record: the event, or why there is none.
fn understood(ingest: &Ingest, topic: Topic, bytes: &[u8]) -> String {
    match ingest.decode(topic, &RawRecord { key: None, value: Some(bytes), timestamp: NOW }, NOW).expect("an answer") {
        Decoded::Event(event) => format!("{event:?}"),
        Decoded::Skipped => panic!("skipped"),
        Decoded::Rejected(rejection) => panic!("{rejection}"),
    }
}

#[test]
fn what_foreign_producers_write_means_the_same() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/standards/producers.py");
    let output = Command::new(tool("python/bin/python")).arg(script).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("text");
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let topic = Topic::ALL.into_iter().find(|topic| topic.name() == case["topic"]).expect("a topic");
        let datum = BASE64_STANDARD.decode(case["datum"].as_str().expect("text")).expect("base64");
        let framed = [&[0, 0, 0, 0, 7], &datum[..]].concat();
        let schema = Schema::parse(&case["schema"]).expect("a schema");
        let found = understood(&ingest(Some(schema)), topic, &framed);
        assert_eq!(found, understood(&ingest(None), topic, case["means"].to_string().as_bytes()), "{}", case["about"]);
    }
    assert!(lines.lines().count() > 15, "{lines}");
}

#[test]
fn unknown_fields_in_json_are_ignored() {
    for (topic, known) in [
        (
            Topic::Touchpoints,
            json!({ "event_id": "t", "occurred_at": 1, "kind": "click", "lead_id": "l", "channel": "email" }),
        ),
        (
            Topic::FormFills,
            json!({ "event_id": "f", "occurred_at": 1, "lead_id": "l", "form_id": "f", "form_kind": "contact" }),
        ),
        (Topic::DealStages, json!({ "event_id": "s", "occurred_at": 1, "lead_id": "l", "stage": "mql" })),
        (Topic::Spend, json!({ "event_id": "p", "occurred_at": 1, "channel": "email", "amount": 5 })),
        (Topic::Accounts, json!({ "account_id": "a", "is_target": true })),
    ] {
        let more = json!({ "Kind": "view", "a": { "kind": [1, { "lead_id": null }] }, "schema_version": 9, "": "", "z": 1e300 });
        let mut all: Map<String, Value> = known.as_object().expect("an object").clone();
        all.extend(more.as_object().expect("an object").clone());
        let of = |json: &Value| understood(&ingest(None), topic, json.to_string().as_bytes());
        assert_eq!(of(&Value::Object(all)), of(&known));
    }
}

/// Records as they are written today, in JSON and in Avro, by the name of their schema.
fn records() -> BTreeMap<&'static str, Vec<(Value, Vec<u8>)>> {
    let text = "[topics]\npartitions = 2\n[output]\nkpis = [\"leads\", \"cost_per_lead\", \"lead_mql_ratio\"]\n\
        [time]\nwindows = [\"1mo\", \"all\"]\n[feedback]\nstages = [\"lead\"]\n";
    let config = Config::parse(text, "test.toml", std::iter::empty()).expect("a configuration");
    let settings = Settings { seed: 3, leads: 60, days: 60, events: Some(2500), huge: false, ..Settings::default() };
    let history: Vec<_> = History::new(settings).collect();
    let mut line = Line::new(&config, 3);
    line.run(&history);
    let latest = history.iter().map(|record| record.timestamp).max().expect("records");
    let rows = line.finish(latest + Span::days(2));
    let both = |json: Vec<u8>, avro: Vec<u8>| (serde_json::from_slice(&json).expect("JSON"), avro);
    let mut all = BTreeMap::new();
    let rows =
        rows.iter().map(|row| both(kpi_update::to_json(row).expect("JSON"), kpi_update::to_avro(row).expect("Avro")));
    all.insert("kpi_update.avsc", rows.collect());
    let alerts = [answers::told("busy", "email", None), answers::told("busy", "pr", Some(NOW))];
    let alerts =
        alerts.iter().map(|told| both(alert::to_json(told).expect("JSON"), alert::to_avro(told).expect("Avro")));
    all.insert("alert.avsc", alerts.collect());
    for said in &line.said {
        let name = match Ledger::of(&said.line) {
            Ledger::Lifecycle => "lead_action.avsc",
            Ledger::Suppressions => "suppression.avsc",
            Ledger::Attributions => "attribution.avsc",
            Ledger::Conversions => "conversion.avsc",
        };
        let written = (ledgers::to_json(said).expect("JSON"), ledgers::to_avro(said).expect("Avro"));
        // Tombstones are neither.
        if let (Some(json), Some(avro)) = written {
            all.entry(name).or_insert_with(Vec::new).push(both(json, avro));
        }
    }
    all
}

#[test]
fn readers_of_0_1_read_what_is_written_today() {
    let records = records();
    let inputs = ["touchpoint.avsc", "form_fill.avsc", "deal_stage.avsc", "spend.avsc", "account.avsc"];
    let written_by_us: BTreeSet<String> = records.keys().map(|name| (*name).to_owned()).collect();
    let expected = names(FROZEN).into_iter().filter(|name| !inputs.contains(&name.as_str())).collect();
    assert_eq!(written_by_us, expected, "each record is written");
    let directory = tempfile::tempdir().expect("a directory");
    for (name, records) in &records {
        let (old, new) = (parsed(FROZEN, name), parsed(TODAY, name));
        let reader =
            |writer, reader| GenericDatumReader::builder(writer).reader_schema(reader).build().expect("a reader");
        let ours = GenericDatumReader::builder(&new).build().expect("a reader");
        for (json, avro) in records {
            let before = reader(&new, &old).read_value(&mut &avro[..]).expect("0.1's reader reads it");
            let now = ours.read_value(&mut &avro[..]).expect("today's reader reads it");
            let Datum::Record(fields) = &before else { panic!("{before:?}") };
            let Datum::Record(all) = &now else { panic!("{now:?}") };
            let same = |field: &(String, Datum)| all.iter().any(|known| known == field);
            assert!(fields.iter().all(same), "{name}: {before:?} {json}");
        }
        let sample: Vec<&Value> = records.iter().map(|(json, _)| json).take(500).collect();
        let schema = json!({ "type": "array", "minItems": 1, "items": json_schema(&read(FROZEN, name), Writer::Us) });
        let schema = written(directory.path(), &format!("{name}.schema.json"), &schema);
        let sample = written(directory.path(), &format!("{name}.json"), &json!(sample));
        assert_eq!(validate(&schema, &sample), Ok(()), "{name}");
    }
}
