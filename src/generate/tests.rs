//! The whole history, checked from outside: what it holds, how it arrives, that it comes out the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::config::Config;
use crate::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use crate::model::event::Event;
use crate::model::kinds::{FormKind, SpendCategory};
use crate::model::stage::Stage;

fn hash(settings: Settings) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for produced in History::new(settings) {
        hasher.update(produced.topic.name().as_bytes());
        hasher.update(produced.key.as_deref().unwrap_or("-").as_bytes());
        hasher.update(produced.value.as_deref().unwrap_or(b"-"));
        hasher.update(&produced.timestamp.0.to_le_bytes());
    }
    hasher.digest()
}

fn json(produced: &Produced) -> Option<Value> {
    produced.value.as_deref().and_then(|json| serde_json::from_slice(json).ok())
}

fn occurred_at(value: &Value) -> Option<i64> {
    match &value["occurred_at"] {
        Value::Number(at) => at.as_i64(),
        Value::String(at) => at.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
        _ => None,
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    let small = || Settings { leads: 60, days: 30, ..Settings::default() };
    // Pinned: a change of it changes every history that users have made.
    assert_eq!(format!("{:016x}", hash(small())), "93c51702e56de701");
    assert_ne!(hash(Settings { seed: 2, ..small() }), hash(small()));
}

#[test]
fn another_delivery_tells_the_same_story() {
    let story = |settings: Settings| {
        let mut story: Vec<_> = History::new(settings)
            .filter(|produced| produced.rejected_as.is_none() && !produced.duplicate)
            .filter_map(|produced| produced.value)
            .collect();
        story.sort();
        story
    };
    let small = Settings { leads: 40, days: 30, ..Settings::default() };
    let calm = Settings { disorder: 0.0, duplicates: 0.0, bad: 0.0, ..small.clone() };
    assert_eq!(story(calm), story(small));
}

#[test]
fn everything_arrives_in_order_and_within_the_history() {
    let settings = Settings { leads: 200, ..Settings::default() };
    let (start, end) = (settings.start, settings.end());
    let mut last = start;
    for produced in History::new(settings) {
        assert!(produced.timestamp >= last && produced.timestamp < end);
        last = produced.timestamp;
        let Some(at) = json(&produced).as_ref().and_then(occurred_at) else { continue };
        if produced.rejected_as != Some("future") {
            assert!(at >= start.0 && at <= produced.timestamp.0);
        } else {
            assert!(at > NO_CLOCK_YET.0);
        }
    }
}

#[test]
fn shares_are_as_asked() {
    let settings = Settings {
        events: Some(100_000),
        leads: 2500,
        disorder: 0.1,
        duplicates: 0.02,
        bad: 0.001,
        late: 0.002,
        ..Settings::default()
    };
    let (mut events, mut disordered, mut duplicates, mut bad, mut late, mut all) = (0, 0, 0, 0, 0, 0);
    let (mut latest, mut seen) = (0, BTreeSet::new());
    for produced in History::new(settings) {
        all += 1;
        if produced.rejected_as.is_some() {
            bad += 1;
            continue;
        }
        let Some(value) = json(&produced).filter(|_| produced.topic != Topic::Accounts) else { continue };
        let is_new = seen.insert(text(&value, "event_id").to_owned());
        assert_eq!(is_new, !produced.duplicate, "a redelivery follows its first copy");
        if produced.duplicate {
            duplicates += 1;
            continue;
        }
        let at = occurred_at(&value).expect("a time");
        events += 1;
        disordered += u32::from(at < latest);
        late += u32::from(latest - at > DAY);
        latest = latest.max(at);
    }
    assert_eq!(all, 100_000);
    let share = |count: u32| f64::from(count) / f64::from(events);
    assert!((0.095..0.107).contains(&share(disordered)), "{}", share(disordered));
    assert!((0.018..0.022).contains(&share(duplicates)), "{}", share(duplicates));
    assert!((0.0008..0.0011).contains(&share(bad)), "{}", share(bad));
    assert!((0.0015..0.0025).contains(&share(late)), "{}", share(late));
}

#[test]
fn a_default_history_has_everything() {
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut note = |what: &'static str, value: &str| {
        seen.entry(what).or_default().insert(value.to_owned());
    };
    for produced in History::new(Settings::default()) {
        if let Some(reason) = produced.rejected_as {
            note("reason", reason);
            continue;
        }
        let Some(value) = json(&produced) else {
            assert_eq!(produced.topic, Topic::Accounts);
            note("tombstone", "");
            continue;
        };
        match produced.topic {
            Topic::Touchpoints => note("kind", text(&value, "kind")),
            Topic::FormFills => note("form", text(&value, "form_kind")),
            Topic::DealStages => note("stage", text(&value, "stage")),
            Topic::Spend => note("category", value["category"].as_str().unwrap_or("media")),
            Topic::Accounts | Topic::Erasures => continue,
        }
        if value["amount"].is_number() || value["amount"].is_string() {
            note("currency", value["currency"].as_str().unwrap_or("USD"));
        }
    }
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(seen["kind"], TouchKind::ALL.iter().map(|kind| kind.name().to_owned()).collect());
    assert_eq!(seen["form"], FormKind::ALL.iter().map(|kind| kind.name().to_owned()).collect());
    assert_eq!(seen["stage"], Stage::ALL.iter().map(|stage| stage.name().to_owned()).collect());
    assert_eq!(seen["category"], SpendCategory::ALL.iter().map(|category| category.name().to_owned()).collect());
    assert_eq!(seen["currency"], names(&["CNY", "EUR", "USD"]));
    assert!(seen.contains_key("tombstone"));
    let reasons = [
        "future",
        "invalid_field",
        "missing_field",
        "oversized",
        "undecodable",
        "unknown_currency",
        "unknown_kind",
        "unknown_stage",
    ];
    assert_eq!(seen["reason"], names(&reasons));
}

#[test]
fn a_count_is_met_however_the_leads_are_chosen() {
    for (events, leads) in [(1, 5), (500, 1), (5000, 1000), (20_000, Settings::leads_for(20_000))] {
        let history = History::new(Settings { events: Some(events), leads, days: 20, ..Settings::default() });
        assert_eq!(history.count() as u64, events);
    }
}

#[test]
fn ingest_judges_each_record_as_its_label_says() {
    let config = Config::parse(files::CONFIGURATION, "demo.toml", std::iter::empty()).expect("a valid configuration");
    let ingest = Ingest::new(&config, Arc::new(FixedSchemas::default()));
    let settings = Settings { bad: 0.02, ..Settings::default() };
    let now = settings.end();
    let (mut broken, mut channels) = (BTreeSet::new(), BTreeSet::new());
    for produced in History::new(settings) {
        let key = produced.key.as_deref().map(str::as_bytes);
        let raw = RawRecord { key, value: produced.value.as_deref(), timestamp: produced.timestamp };
        let got = match ingest.decode(produced.topic, &raw, now).expect("no registry to be down") {
            Decoded::Rejected(rejection) => Some(rejection.reason.code()),
            Decoded::Skipped => Some("skipped"),
            Decoded::Event(event) => {
                if let Event::Touch(touch) = event {
                    channels.insert(touch.origin.channel.to_string());
                }
                None
            }
        };
        let shown = || String::from_utf8_lossy(raw.value.unwrap_or_default()).chars().take(400).collect::<String>();
        assert_eq!(got, produced.rejected_as, "{:?} {}", produced.topic, shown());
        broken.extend(produced.rejected_as.map(|reason| (produced.topic, reason)));
    }
    assert!(broken.len() >= 22, "of 24 turns: {broken:?}");
    // What the sources are meant to be is what they are taken for.
    let meant = source::SOURCES.iter().map(|source| source.channel.to_owned());
    let by_kind = ["community", "product"].map(str::to_owned);
    assert_eq!(channels, meant.chain(by_kind).collect());
}
