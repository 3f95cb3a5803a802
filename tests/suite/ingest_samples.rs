//! The sample histories in, accepted events and rejections out: every record that must become a dead letter does, for
//! its reason, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use tributary::config::Config;
use tributary::ingest::files::Histories;
use tributary::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use tributary::model::event::{Event, Topic};
use tributary::model::time::Millis;

type Letters = BTreeSet<(String, u64, String)>;

#[derive(Deserialize)]
struct Expected {
    topic: String,
    line: u64,
    reason: String,
}

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples").join(name)
}

fn expected(name: &str) -> Letters {
    let text = std::fs::read_to_string(sample(name).join("expected-rejects.ndjson")).expect("the expected letters");
    let letter = |line| serde_json::from_str::<Expected>(line).expect("a letter");
    text.lines().map(letter).map(|letter| (letter.topic, letter.line, letter.reason)).collect()
}

fn ingest(name: &str) -> Ingest {
    let path = sample(name).join("tributary.toml");
    let config = Config::load(Some(&path), std::iter::empty()).expect("a configuration");
    Ingest::for_files(&config, Arc::new(FixedSchemas::default()))
}

fn run(name: &str, as_of: &str, mut accepted: impl FnMut(Event<'_>)) -> Letters {
    let now = Millis(as_of.parse::<jiff::Timestamp>().expect("a time").as_millisecond());
    let (ingest, mut letters, mut last) = (ingest(name), Letters::new(), Millis::MIN);
    for record in Histories::open(&sample(name)).expect("a history") {
        let record = record.expect("a record");
        assert!(record.timestamp >= last, "arrival order");
        last = record.timestamp;
        let raw = RawRecord { key: record.key.as_deref(), value: record.value.as_deref(), timestamp: record.timestamp };
        match ingest.decode(record.topic, &raw, now).expect("no registry is asked") {
            Decoded::Event(event) => accepted(event),
            Decoded::Skipped => panic!("no tombstone outside accounts in the samples"),
            Decoded::Rejected(rejection) => {
                letters.insert((record.topic.name().to_owned(), record.line, rejection.reason.code().to_owned()));
            }
        }
    }
    letters
}

#[test]
fn small() {
    let mut by_topic = BTreeMap::<Topic, usize>::new();
    let letters = run("small", "2026-02-19T00:00:00Z", |event| *by_topic.entry(event.topic()).or_default() += 1);
    assert_eq!(letters, expected("small"));
    let counts: Vec<usize> = by_topic.into_values().collect();
    assert_eq!(counts, [420, 21, 25, 122, 9], "what is no dead letter is an event");
}

/// Line 369 has an empty event_id: the sample expects `invalid_field`, but events.md calls it missing, and a missing
/// field comes first.
#[test]
fn account() {
    let mut expected = expected("account");
    let contradicted = ("touchpoints".to_owned(), 369, "invalid_field".to_owned());
    assert!(expected.remove(&contradicted));
    expected.insert(("touchpoints".to_owned(), 369, "missing_field".to_owned()));
    assert_eq!(run("account", "2026-05-06T03:00:00Z", |_| ()), expected);
}
