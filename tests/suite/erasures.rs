//! Leads that are erased: no number changes, nothing of them is left in what shards hold and save, and in which order
//! shards come to it makes no difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tributary::config::Config;
use tributary::generate::{History, Produced, Settings};
use tributary::model::entity::EntityKey;
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};
use tributary::rollup::row::Row;

use crate::line::Line;

const SETTINGS: &str = r#"
[time]
settle = "20d"
allowed_lateness = "4000d"
windows = ["1d", "1mo", "30d", "all", "now"]
[dedupe]
horizon = "4000d"
[scoring.engagement]
page_view = 1
email_clicked = 5
webinar_attended = 15
[scoring]
threshold = 25
[[scoring.fit]]
field = "account.is_target"
equals = true
points = 5
[money.rates]
EUR = 1.1
CNY = 0.14
"#;

fn config(shards: u16, unit: &str) -> Config {
    let text = format!("[topics]\npartitions = {shards}\n[attribution]\nunit = \"{unit}\"\n{SETTINGS}");
    Config::parse(&text, "test.toml", std::iter::empty()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn history(seed: u64) -> Vec<Produced> {
    let settings = Settings { seed, leads: 60, days: 30, events: Some(3000), huge: false, ..Settings::default() };
    History::new(settings).collect()
}

fn erasure(lead: &str, timestamp: Millis) -> Produced {
    let key = Some(lead.to_owned());
    Produced { topic: Topic::Erasures, key, value: None, timestamp, rejected_as: None, duplicate: false }
}

/// Rows by key, as they say it; of money and credit to the last digit.
fn said(rows: &[Row]) -> BTreeMap<String, String> {
    let says = |row: &Row| {
        (format!("{} {:?} {:?} {:?}", row.id.kpi, row.id.window, row.id.start, row.id.dims), format!("{:?}", row.says))
    };
    rows.iter().map(says).collect()
}

/// What the records say of each lead: who it is, its visitors that are nobody else, and its events but for those of deals.
pub struct Traces {
    pub ids: BTreeSet<String>,
    keys: BTreeSet<EntityKey>,
}

pub fn traces(records: &[Produced]) -> BTreeMap<String, Traces> {
    let values: Vec<Value> =
        records.iter().filter_map(|record| serde_json::from_slice(record.value.as_deref()?).ok()).collect();
    let text = |value: &Value, field: &str| value[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let mut leads_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for value in &values {
        if let (Some(visitor), Some(lead)) = (text(value, "visitor_id"), text(value, "lead_id")) {
            leads_of.entry(visitor).or_default().insert(lead);
        }
    }
    let mut all: BTreeMap<String, Traces> = BTreeMap::new();
    for value in &values {
        let visitor = text(value, "visitor_id");
        let alone = visitor.as_ref().and_then(|visitor| leads_of.get(visitor)).filter(|leads| leads.len() == 1);
        let lead = text(value, "lead_id").or_else(|| alone.and_then(|leads| leads.first().cloned()));
        let Some(lead) = lead else { continue };
        let own = Traces { ids: BTreeSet::from([lead.clone()]), keys: BTreeSet::from([EntityKey::of(&lead)]) };
        let traces = all.entry(lead).or_insert(own);
        traces.ids.extend(text(value, "event_id").filter(|_| text(value, "deal_id").is_none()));
        traces.keys.extend(visitor.filter(|_| alone.is_some()).map(|visitor| EntityKey::of(&visitor)));
    }
    all
}

/// What is found of a lead in stored bytes.
pub fn found(traces: &Traces, stored: &[Vec<u8>]) -> Vec<String> {
    // An id may be the beginning of another one.
    let ends = |chunk: &[u8], at: usize| chunk.get(at).is_none_or(|next| !next.is_ascii_alphanumeric());
    let holds = |what: &[u8], is_text: bool| {
        let of = |chunk: &Vec<u8>| {
            let mut places = chunk.windows(what.len()).enumerate().filter(|(_, part)| *part == what);
            places.any(|(at, _)| !is_text || ends(chunk, at + what.len()))
        };
        stored.iter().any(of)
    };
    let uuid = |id: &str| uuid::Uuid::parse_str(id).ok().map(|id| id.as_bytes().to_vec());
    let held = |id: &&String| uuid(id).map_or_else(|| holds(id.as_bytes(), true), |id| holds(&id, false));
    let ids = traces.ids.iter().filter(held).cloned();
    let keys = traces.keys.iter().filter(|key| holds(&key.0.to_le_bytes(), false)).map(|key| format!("{key:?}"));
    ids.chain(keys).collect()
}

#[test]
fn nothing_is_left_of_an_erased_lead_and_no_number_changes() {
    for (seed, unit) in [(60, "lead"), (61, "account"), (62, "contacts")] {
        let records = history(seed);
        let traces = traces(&records);
        assert!(traces.len() > 40, "{} leads", traces.len());
        let last = records.iter().map(|record| record.timestamp).max().expect("records");
        let as_of = last + Span::days(2);
        let config = config(3, unit);
        let mut line = Line::new(&config, seed);
        line.run(&records);
        let before = said(&line.finish(as_of));
        let (erased, kept): (Vec<_>, Vec<_>) = traces.iter().partition(|(lead, _)| lead.len() % 3 != 0);
        assert!(erased.len() > 10 && kept.len() > 5);
        let whole = line.snapshots();
        let unseen: Vec<_> = traces.iter().filter(|(_, traces)| found(traces, &whole).is_empty()).collect();
        assert!(unseen.len() < 5, "the scan finds leads that are there");
        let suppressed = |line: &Line| -> BTreeSet<String> { line.net.suppressions.keys().cloned().collect() };
        let suppressed_before = suppressed(&line);

        let orders: Vec<Produced> = erased.iter().map(|(lead, _)| erasure(lead, last)).collect();
        line.run(&orders);
        let after = said(&line.finish(as_of));
        assert!(before.len() > 3000);
        let differ: Vec<_> = before.iter().filter(|(key, said)| after.get(*key) != Some(said)).take(5).collect();
        assert!(differ.is_empty() && before.len() == after.len(), "seed {seed}: {differ:?}");
        let left = line.snapshots();
        for (lead, traces) in &erased {
            assert_eq!(found(traces, &left), Vec::<String>::new(), "seed {seed}: of {lead}");
        }
        for (lead, traces) in &kept {
            assert_eq!(found(traces, &left).len(), found(traces, &whole).len(), "seed {seed}: of {lead}, who stays");
        }
        let names: BTreeSet<String> = erased.iter().map(|(lead, _)| (*lead).clone()).collect();
        assert!(!suppressed_before.is_disjoint(&names), "a history that says little proves little");
        assert_eq!(suppressed(&line), &suppressed_before - &names);
    }
}

#[test]
fn in_which_order_shards_come_to_it_makes_no_difference() {
    let records = history(63);
    let half = records.len() / 2;
    let (before, after) = records.split_at(half);
    let names: Vec<String> = traces(before).into_keys().filter(|lead| lead.len() % 3 != 0).collect();
    assert!(names.len() > 5);
    let erasures: Vec<Produced> = names.iter().map(|lead| erasure(lead, before[half - 1].timestamp)).collect();
    let as_of = records.iter().map(|record| record.timestamp).max().expect("records") + Span::days(2);
    let rows = |shards: u16, seed: u64| {
        let mut line = Line::new(&config(shards, "lead"), seed);
        line.run(before);
        // The watermark is the same by then: what waits for it happens before.
        line.finish(erasures[0].timestamp + Span::HOUR);
        line.run(&erasures);
        (0..usize::from(shards)).filter(|_| seed % 2 == 1).for_each(|shard| line.restart(shard));
        line.settle();
        // What happened to who was forgotten and comes back is new.
        line.net.actions.retain(|_, action| names.iter().all(|name| action["lead_id"] != **name));
        line.run(after);
        said(&line.finish(as_of))
    };
    let first = rows(5, 1);
    assert!(first.len() > 3000);
    for (shards, seed) in [(5, 2), (5, 3), (2, 4), (1, 5)] {
        let other = rows(shards, seed);
        let differ: Vec<_> = first.iter().filter(|(key, said)| other.get(*key) != Some(said)).take(5).collect();
        assert!(differ.is_empty() && first.len() == other.len(), "{shards} shards, {seed}: {differ:?}");
    }
}
