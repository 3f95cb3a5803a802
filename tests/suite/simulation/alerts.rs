//! Looks at the alerts when all has come to rest: which fire, and with what values, follows from the published rows
//! alone; and the topic tells each of them in turn, nothing twice, whoever told it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::checks::published;
use super::damage::stored;
use super::replay::Rows;
use super::world::World;

/// The records of each alert, in order, less what says when they were written.
pub fn told(world: &World) -> BTreeMap<String, Vec<Value>> {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for partition in world.partitions(&world.names.alerts) {
        for record in stored(world, &partition) {
            let key = String::from_utf8(record.key.expect("alerts have keys")).expect("keys are text");
            let value = record.value.unwrap_or_else(|| panic!("{key} is gone, though its rule is not"));
            told.entry(key).or_default().push(super::replay::plain(&value));
        }
    }
    told
}

/// The last word on each alert is what the rows say, and its story makes sense.
pub fn check(world: &World) {
    let told = told(world);
    for (key, records) in &told {
        check_story(key, records);
        if records.iter().any(|record| !record["resolved"].is_null()) {
            world.sky.note("an alert was resolved");
        }
    }
    let last = told.iter().map(|(key, records)| (key, &records[records.len() - 1]));
    let firing: BTreeMap<String, f64> = last
        .filter(|(_, record)| record["resolved"].is_null())
        .map(|(key, record)| (key.clone(), record["value"].as_f64().expect("what fires has a value")))
        .collect();
    let expected = expected(&published(world), watermark(world));
    let keys = |of: &BTreeMap<String, f64>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&firing), keys(&expected), "alerts that fire, and those that the rows make");
    for (key, value) in &expected {
        let told = firing[key];
        assert!((told - value).abs() <= 1e-12 * value.abs(), "{key} is told as {told}, and {value} by the rows");
    }
    if !firing.is_empty() {
        world.sky.note("an alert fires at the end");
    }
}

/// Begins, says something new each time, ends; then begins anew, later.
fn check_story(key: &str, records: &[Value]) {
    let at = |record: &Value, field: &str| record[field].as_i64();
    assert!(records[0]["resolved"].is_null(), "{key} ends before it begins: {}", records[0]);
    for pair in records.windows(2) {
        let [before, after] = [&pair[0], &pair[1]];
        assert_ne!(before, after, "{key} is told twice");
        match at(before, "resolved") {
            Some(resolved) => {
                assert!(after["resolved"].is_null(), "{key} ends twice: {before} {after}");
                assert!(at(after, "since") >= Some(resolved), "{key} begins before it ended: {before} {after}");
            }
            None => assert_eq!(at(before, "since"), at(after, "since"), "{key} lost its beginning: {before} {after}"),
        }
        assert!(at(after, "resolved").is_none_or(|resolved| Some(resolved) >= at(after, "since")), "{after}");
    }
}

/// Where event time has come to: some row of a window that never ends was changed last.
fn watermark(world: &World) -> i64 {
    super::replay::journal(world).watermark.expect("a watermark at the end").0
}

/// What the rules of the plan make of the rows of running windows: value by key.
fn expected(rows: &Rows, watermark: i64) -> BTreeMap<String, f64> {
    let running = |kpi: &str, window: &str, dims: &str| -> Option<f64> {
        let found = rows.iter().find(|(key, row)| {
            let parts: Vec<&str> = key.split('|').collect();
            let runs = row["end"].as_i64().is_none_or(|end| end > watermark);
            parts[0] == kpi && parts[1] == window && parts[3] == dims && runs
        });
        found.and_then(|(_, row)| row["value"].as_f64())
    };
    let count = |kpi: &str, window: &str| running(kpi, window, "").unwrap_or(0.0);
    let mut firing = BTreeMap::new();
    let mut judge = |key: String, value: f64, fires: bool| {
        if fires {
            firing.insert(key, value);
        }
    };
    let touches = count("touches", "1d");
    judge("busy|".to_owned(), touches, touches >= 3.0);
    let share = count("leads", "1d") / touches;
    judge("quiet|".to_owned(), share, share < 0.2 && count("sessions", "1d") >= 2.0);
    let late = count("late_events", "all");
    let late_share = late / (late + count("touches", "all") + count("form_fills", "all"));
    judge("late|".to_owned(), late_share, late_share > 0.01);
    for (key, row) in rows.iter().filter(|(key, _)| key.starts_with("sessions|7d|")) {
        let dims = key.rsplit('|').next().unwrap_or_default();
        if dims.starts_with("channel=") && row["end"].as_i64() > Some(watermark) {
            let share = row["value"].as_f64().expect("a count") / count("sessions", "7d");
            judge(format!("spread|{dims}"), share, share > 0.3);
        }
    }
    firing
}
