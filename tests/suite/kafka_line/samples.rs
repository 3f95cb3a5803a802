//! The sample histories through a running deployment that dies over them: every row of every KPI, in every set of
//! dimensions, is the one that `report` has for the same files.

use std::path::Path;
use std::time::Duration;

use rdkafka::producer::Producer as _;
use tributary::config::Config;
use tributary::generate::Produced;
use tributary::ingest::files::{FileRecord, Histories};
use tributary::model::time::Millis;

use super::deployment::Deployment;
use super::faults::{chance, pause};
use super::loading::{producer, send};
use super::story::reported;
use crate::samples::accept;

/// The greatest time of what is accepted, which the watermark comes to.
fn latest(line: &Deployment, directory: &Path, end: &str) -> String {
    let config = Config::load(Some(&line.config()), std::iter::empty()).unwrap();
    let records: Vec<FileRecord> = Histories::open(directory).unwrap().map(Result::unwrap).collect();
    let end = Millis(end.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    let (given, _) = accept(&config, &records, end);
    let timed = given.iter().filter(|given| given.event.topic().carries_time());
    let latest = timed.filter_map(|given| given.event.occurred_at()).max().unwrap();
    jiff::Timestamp::from_millisecond(latest.0).unwrap().to_string()
}

fn check(name: &str, end: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples").join(name);
    let settings = std::fs::read_to_string(directory.join("tributary.toml")).unwrap();
    let settings = settings
        .replace("[time]\n", "[time]\nidle_after = \"2s\"\nadvance_when_idle = false\n")
        .replace("[output]\n", "[output]\nsettle_interval = \"1s\"\n");
    let line = Deployment::with_settings(&format!("sample-{name}"), &settings);
    let expected = reported(&line, &directory, &latest(&line, &directory, end));
    assert!(expected.len() > 10_000, "{} rows", expected.len());
    line.create_inputs();
    let producer = producer();
    for record in Histories::open(&directory).unwrap() {
        let record = record.unwrap();
        let key = record.key.map(|key| String::from_utf8(key).unwrap());
        let (topic, timestamp) = (record.topic, record.timestamp);
        let produced = Produced { topic, key, value: None, timestamp, rejected_as: None, duplicate: false };
        send(&producer, &line.topic(topic.name()), &produced, record.value.as_deref());
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let mut chance = chance();
    for _ in 0..3 {
        let instance = line.start();
        pause(&mut chance, 500..4_000);
        instance.kill();
    }
    let _instance = line.start();
    line.settle_for(&expected, Duration::from_secs(120), || line.rows());
}

#[test]
fn small_through_a_broker_whatever_dies() {
    check("small", "2026-02-19T00:00:00Z");
}

#[test]
fn account_through_a_broker_whatever_dies() {
    check("account", "2026-05-06T03:00:00Z");
}
