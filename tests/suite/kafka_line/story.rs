//! The history that the tests share, and what it comes to: its rows as `report` has them, and the records that are to be
//! rejected. Made once, by the built program.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tributary::config::Config;
use tributary::generate::Settings;
use tributary::ingest::FixedSchemas;
use tributary::ingest::files::Histories;
use tributary::model::time::Millis;
use tributary::runtime::batch;
use tributary::runtime::line::Line;

use super::deployment::{BINARY, Deployment, Wishes};
use crate::ledgers::Net;
use crate::real_parts::new_directory;

/// Arguments of `generate`. Disorder and redeliveries stay within the allowed lateness.
pub const HISTORY: [&str; 10] =
    ["--seed", "11", "--leads", "700", "--days", "60", "--bad", "0.4%", "--start", "2026-01-01T00:00:00Z"];
/// The end of it: no event is later.
pub const UNTIL: &str = "2026-03-02T00:00:00Z";

/// The same history for who makes it without the program.
pub fn settings() -> Settings {
    Settings { seed: 11, leads: 700, days: 60, bad: 0.004, huge: false, ..Settings::default() }
}

/// Rows by key, without what says when they were made.
pub type Rows = BTreeMap<String, Value>;

/// A record as it came: its topic, key, value and time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Came {
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub timestamp: i64,
}

pub struct Story {
    pub rows: Rows,
    /// With the reason of each, sorted.
    pub rejected: Vec<(Came, String)>,
    /// What ledgers come to.
    pub net: Net,
    /// How many records each topic has.
    pub records: BTreeMap<String, usize>,
}

pub fn story() -> &'static Story {
    static SHARED: LazyLock<Story> =
        LazyLock::new(|| Story::tell(&Deployment::new("story", &Wishes::default()), &HISTORY));
    &SHARED
}

impl Story {
    /// Writes a history to the inputs of a deployment, and finds out what must come of it.
    pub fn tell(line: &Deployment, history: &[&str]) -> Self {
        let directory = new_directory("story");
        let files = directory.path().join("history");
        line.load(history, Some(&files));
        let (latest, rejected, records) = read(&files);
        let as_of = jiff::Timestamp::from_millisecond(latest).unwrap().to_string();
        let rows = reported(line, &files, &as_of);
        assert!(rows.len() > 3_000 && rejected.len() > 50, "{} rows, {} rejected", rows.len(), rejected.len());
        let net = net(&line.config(), &files, &as_of);
        assert!(net.actions.len() > 300 && net.suppressions.len() > 30, "a history that says little proves little");
        assert!(net.attributions.len() > 300 && net.conversions.len() > 10, "a history that says little proves little");
        Self { rows, rejected, net, records }
    }
}

/// The rows of a history in files.
pub fn reported(line: &Deployment, files: &Path, as_of: &str) -> Rows {
    let config = line.config();
    let config = ["--config", config.to_str().unwrap()];
    let report = ["report", files.to_str().unwrap(), config[0], config[1], "--as-of", as_of, "--output", "ndjson"];
    run(&report).lines().map(|line| keyed(serde_json::from_str(line).unwrap())).collect()
}

/// What the ledgers of a history in files come to.
fn net(config: &Path, files: &Path, as_of: &str) -> Net {
    let config = Arc::new(Config::load(Some(config), std::iter::empty()).unwrap());
    let parts = Line::of_files(Arc::clone(&config), Arc::new(FixedSchemas::default()));
    let as_of = Millis(as_of.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    let histories = Histories::open(files).unwrap();
    let counts = histories.counts();
    let records = histories.map(|record| anyhow::Ok(record?));
    let outcome = batch::fold(&parts, &config, Some(as_of), counts, records).unwrap();
    let mut net = Net::default();
    outcome.said.iter().for_each(|said| net.take_said(said));
    net
}

/// What the program prints.
pub fn run(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A row and the key that it is published under.
fn keyed(mut row: Value) -> (String, Value) {
    let escaped = |text: &str| text.replace('%', "%25").replace('|', "%7C").replace(',', "%2C").replace('=', "%3D");
    let dims = row["dims"].as_object().unwrap();
    let mut dims: Vec<_> = dims.iter().map(|(name, value)| (name, escaped(value.as_str().unwrap()))).collect();
    dims.sort();
    let dims = dims.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
    let start = row["start"].as_i64().map(|start| start.to_string()).unwrap_or_default();
    let key = format!("{}|{}|{start}|{dims}", row["kpi"].as_str().unwrap(), row["window"].as_str().unwrap());
    strip(&mut row);
    (key, row)
}

/// Takes out of a row what says when it was made.
pub fn strip(row: &mut Value) {
    for when in ["watermark", "updated_at"] {
        assert!(row.as_object_mut().unwrap().remove(when).is_some(), "{row}");
    }
}

/// The greatest `occurred_at` of what is not to be rejected, what is, and how many records there are.
fn read(files: &Path) -> (i64, Vec<(Came, String)>, BTreeMap<String, usize>) {
    let text = |name: &str| std::fs::read_to_string(files.join(format!("{name}.ndjson"))).unwrap();
    let mut reasons: BTreeMap<(String, u64), String> = BTreeMap::new();
    for line in text("expected-rejects").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let of = |field: &str| line[field].as_str().unwrap().to_owned();
        reasons.insert((of("topic"), line["line"].as_u64().unwrap()), of("reason"));
    }
    let (mut latest, mut spent, mut rejected, mut records) = (i64::MIN, i64::MIN, Vec::new(), BTreeMap::new());
    for topic in ["touchpoints", "form-fills", "deal-stages", "spend", "accounts"] {
        for (n, line) in (1..).zip(text(topic).lines()) {
            *records.entry(topic.to_owned()).or_default() += 1;
            match reasons.get(&(topic.to_owned(), n)) {
                Some(reason) => rejected.push((came(topic, line), reason.clone())),
                None if topic == "accounts" => {}
                None => {
                    let line: Value = serde_json::from_str(line).unwrap();
                    let found = if topic == "spend" { &mut spent } else { &mut latest };
                    *found = (*found).max(millis(&line["value"]["occurred_at"]));
                }
            }
        }
    }
    // What is from the future for a report as of that time is not for a clock of today.
    assert!(spent <= latest + 300_000, "the costs go on after the last event: take another seed");
    rejected.sort();
    (latest, rejected, records)
}

fn millis(at: &Value) -> i64 {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    at.as_i64().unwrap_or_else(|| parse(at.as_str().unwrap()))
}

/// A line of a file as the record that it stands for, byte for byte.
fn came(topic: &str, line: &str) -> Came {
    #[derive(serde::Deserialize)]
    struct Line<'a> {
        key: Option<String>,
        #[serde(borrow)]
        value: Option<&'a serde_json::value::RawValue>,
        raw: Option<String>,
        timestamp: i64,
    }
    let line: Line<'_> = serde_json::from_str(line).unwrap();
    let raw = line.raw.map(|raw| BASE64_STANDARD.decode(raw).unwrap());
    let value = raw.or(line.value.map(|value| value.get().as_bytes().to_vec()));
    Came { topic: topic.to_owned(), key: line.key.map(String::into_bytes), value, timestamp: line.timestamp }
}
