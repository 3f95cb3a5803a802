//! The sample histories in `tests/fixtures/samples`: what the oracle makes of their files against the rows that come
//! with them, written by a program apart from this project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::value::RawValue;
use tributary::config::Config;
use tributary::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use tributary::model::event::Topic;
use tributary::model::time::Millis;

use crate::compare;
use crate::reference::{self, Dropped, Given};

/// One line of a file.
struct Line {
    topic: Topic,
    offset: u64,
    timestamp: Millis,
    key: Option<String>,
    value: Option<Vec<u8>>,
}

#[derive(serde::Deserialize)]
struct Envelope<'a> {
    key: serde_json::Value,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    raw: Option<String>,
    timestamp: i64,
}

#[test]
fn the_oracle_gives_the_rows_of_small() {
    check("small", "2026-02-19T00:00:00Z");
}

#[test]
fn the_oracle_gives_the_rows_of_account() {
    check("account", "2026-05-06T03:00:00Z");
}

fn check(name: &str, as_of: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples").join(name);
    let as_of = Millis(as_of.parse::<jiff::Timestamp>().expect("a time").as_millisecond());
    let config = load(&directory.join("tributary.toml"));
    let lines = read(&directory);
    let (given, dropped) = accept(&config, &lines, as_of);
    let rows = reference::rows(&config, &given, &dropped, as_of);
    let expected = compare::expected(&directory.join("expected-kpis.ndjson.gz"));
    compare::assert_same(&expected, &rows, KPIS);
}

/// Judges the lines in their order of arrival: the first of an id in its topic counts.
fn accept<'a>(config: &Config, lines: &'a [Line], as_of: Millis) -> (Vec<Given<'a>>, Dropped) {
    let ingest = Ingest::new(config, Arc::new(FixedSchemas::read(&BTreeMap::new()).expect("no schema")));
    let (mut given, mut dropped) = (vec![], Dropped::default());
    let mut seen = std::collections::BTreeSet::new();
    for line in lines {
        let (key, value) = (line.key.as_ref().map(String::as_bytes), line.value.as_deref());
        let record = RawRecord { key, value, timestamp: line.timestamp };
        match ingest.decode(line.topic, &record, as_of).expect("no registry is asked") {
            Decoded::Skipped => {}
            Decoded::Rejected(rejection) => {
                let reason = as_the_sample_has_it(line).unwrap_or(rejection.reason.code());
                dropped.rejected.push((line.timestamp, reason.to_owned()));
            }
            Decoded::Event(event) => {
                let is_new = event.event_id().is_none_or(|id| seen.insert((line.topic, id.to_owned())));
                match event.occurred_at() {
                    Some(at) if !is_new => dropped.duplicates.push(at),
                    _ => given.push(Given { event, timestamp: line.timestamp, offset: line.offset, late_at: None }),
                }
            }
        }
    }
    (given, dropped)
}

/// `account` calls an empty `event_id` an invalid field; the contract says that it is missing.
fn as_the_sample_has_it(line: &Line) -> Option<&'static str> {
    let value = line.value.as_deref().unwrap_or_default();
    value.starts_with(b"{\"event_id\": \"\",").then_some("invalid_field")
}

/// All files of a sample in the order of arrival.
fn read(directory: &Path) -> Vec<Line> {
    let mut lines = vec![];
    for topic in Topic::ALL {
        let path: PathBuf = directory.join(topic.name()).with_extension("ndjson");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        lines.extend(text.lines().enumerate().map(|(i, line)| parse(topic, i as u64, line)));
    }
    lines.sort_by_key(|line| line.timestamp);
    lines
}

fn parse(topic: Topic, offset: u64, line: &str) -> Line {
    let envelope: Envelope = serde_json::from_str(line).expect("a line with key, value and timestamp");
    let value = envelope.value.map(|value| value.get().as_bytes().to_vec());
    let raw = envelope.raw.map(|text| decode_base64(&text));
    let key = match envelope.key {
        serde_json::Value::Null => None,
        serde_json::Value::String(key) => Some(key),
        other => Some(other.to_string()),
    };
    Line { topic, offset, timestamp: Millis(envelope.timestamp), key, value: raw.or(value) }
}

fn decode_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter(|byte| *byte != b'=');
    let bits = digits.flat_map(|byte| {
        let digit = DIGITS.iter().position(|known| *known == byte).expect("base64");
        (0..6).rev().map(move |bit| (digit >> bit & 1) as u8)
    });
    let bits: Vec<u8> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect()
}

const KPIS: &[&str] = &[
    "sessions",
    "visitors",
    "touches",
    "traffic_share_ratio",
    "page_fill_ratio",
    "form_fills",
    "content_reads",
    "content_leads",
    "content_lead_ratio",
    "leads",
    "mqls",
    "sals",
    "sqls",
    "opportunities",
    "proposals",
    "customers",
    "won_deals",
    "lost_deals",
    "session_lead_ratio",
    "what_if_leads",
    "lead_mql_ratio",
    "mql_sql_ratio",
    "sql_customer_ratio",
    "lead_customer_ratio",
    "mql_demo_ratio",
    "stage_conversion_ratio",
    "raw_leads",
    "rejected_leads",
    "duplicate_events",
    "spend",
    "cost_per_lead",
    "cost_per_mql",
    "cost_per_sql",
    "cost_per_opportunity",
    "customer_acquisition_cost",
    "pipeline",
    "revenue",
    "average_deal_value",
    "win_ratio",
    "return_on_ad_spend",
    "return_on_investment",
    "demos",
    "meetings",
    "late_events",
    "dead_letters",
];

fn load(path: &Path) -> Config {
    Config::load(Some(path), std::iter::empty()).unwrap_or_else(|problems| panic!("{problems:?}"))
}
