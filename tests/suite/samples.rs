//! The sample histories in `tests/fixtures/samples`: what the oracle makes of their files against the rows that come
//! with them, written by a program apart from this project.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tributary::config::Config;
use tributary::ingest::files::{FileRecord, Histories};
use tributary::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use tributary::model::time::Millis;

use crate::compare;
use crate::properties::KPIS;
use crate::reference::{self, Dropped, Given};

#[test]
fn the_oracle_gives_the_rows_of_small() {
    check("small", "2026-02-19T00:00:00Z");
}

#[test]
fn the_oracle_gives_the_rows_of_account() {
    check("account", "2026-05-06T03:00:00Z");
}

#[test]
fn the_report_gives_the_rows_of_small() {
    check_report("small", "2026-02-19T00:00:00Z", &[]);
}

#[test]
fn the_report_gives_the_rows_of_account() {
    // See `as_the_sample_has_it`.
    check_report("account", "2026-05-06T03:00:00Z", &["dead_letters"]);
}

/// Every row of the report against those that come with the sample.
fn check_report(name: &str, as_of: &str, except: &[&str]) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples").join(name);
    let report = std::process::Command::new(env!("CARGO_BIN_EXE_tributary"))
        .arg("report")
        .arg(&directory)
        .arg("--config")
        .arg(directory.join("tributary.toml"))
        .args(["--as-of", as_of, "--output", "ndjson"])
        .output()
        .expect("the report runs");
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stderr));
    let lines = String::from_utf8(report.stdout).expect("text");
    let rows: Vec<reference::Row> = lines.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    let expected = compare::expected(&directory.join("expected-kpis.ndjson.gz"));
    let kpis: BTreeSet<&str> = expected.iter().map(compare::Expected::kpi).collect();
    let kpis = kpis.into_iter().filter(|kpi| !except.contains(kpi));
    compare::assert_same(&expected, &rows, &kpis.collect::<Vec<_>>());
}

fn check(name: &str, as_of: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples").join(name);
    let as_of = Millis(as_of.parse::<jiff::Timestamp>().expect("a time").as_millisecond());
    let config = Config::load(Some(&directory.join("tributary.toml")), std::iter::empty()).expect("a configuration");
    let records: Vec<FileRecord> =
        Histories::open(&directory).expect("a history").map(|record| record.expect("a record")).collect();
    let (given, dropped) = accept(&config, &records, as_of);
    let rows = reference::rows(&config, &given, &dropped, as_of);
    let expected = compare::expected(&directory.join("expected-kpis.ndjson.gz"));
    compare::assert_same(&expected, &rows, KPIS);
}

/// Judges the records in their order of arrival: the first of an id in its topic counts.
pub fn accept<'a>(config: &Config, records: &'a [FileRecord], as_of: Millis) -> (Vec<Given<'a>>, Dropped) {
    let ingest = Ingest::for_files(config, Arc::new(FixedSchemas::default()));
    let (mut given, mut dropped) = (vec![], Dropped::default());
    let mut seen = BTreeSet::new();
    for record in records {
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let raw = RawRecord { key, value, timestamp: record.timestamp };
        match ingest.decode(record.topic, &raw, as_of).expect("no registry is asked") {
            Decoded::Skipped => {}
            Decoded::Rejected(rejection) => {
                let reason = as_the_sample_has_it(record).unwrap_or(rejection.reason.code());
                dropped.rejected.push((record.timestamp, reason.to_owned()));
            }
            Decoded::Event(event) => {
                let is_new = event.event_id().is_none_or(|id| seen.insert((record.topic, id.to_string())));
                match event.occurred_at() {
                    Some(at) if !is_new => dropped.duplicates.push(at),
                    _ => given.push(Given { event, timestamp: record.timestamp, offset: record.line, late_at: None }),
                }
            }
        }
    }
    (given, dropped)
}

/// `account` calls an empty `event_id` an invalid field; the contract says that it is missing.
fn as_the_sample_has_it(record: &FileRecord) -> Option<&'static str> {
    let value = record.value.as_deref().unwrap_or_default();
    value.starts_with(b"{\"event_id\": \"\",").then_some("invalid_field")
}
