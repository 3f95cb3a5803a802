//! An alert on a real broker: it begins under one instance, changes under the next and ends under a third, each of
//! which is killed. Whoever pages for it reads each step once.

use std::time::Duration;

use serde_json::{Value, json};

use super::deployment::{Deployment, Wishes};
use crate::broker::broker;
use crate::http::get;
use crate::real_parts::wait_for;

/// Touches on a day of March, by their numbers.
fn touch(line: &Deployment, day: u32, numbers: std::ops::Range<u32>) {
    let one = |number: u32| {
        let at = format!("2026-03-{day:02}T10:{number:02}:00Z");
        json!({ "event_id": number.to_string(), "occurred_at": at, "visitor_id": "v", "kind": "click" }).to_string()
    };
    let records: String = numbers.map(|number| one(number) + "\n").collect();
    broker().kcat_fed(&["-P", "-p", "0", "-t", &line.topic("touchpoints")], &records);
}

/// What is told of the alert, in order.
fn told(line: &Deployment) -> Vec<Value> {
    let records = line.records("alerts").into_iter().filter(|record| record.key.as_deref() == Some(b"busy|"));
    records.map(|record| serde_json::from_slice(&record.value.expect("none is gone")).unwrap()).collect()
}

fn wait_told(line: &Deployment, count: usize) -> Vec<Value> {
    wait_for("the alert", Duration::from_secs(60), || Some(told(line)).filter(|told| told.len() >= count))
}

#[test]
fn an_alert_is_told_once_whoever_is_killed_meanwhile() {
    let line = Deployment::new("alerting", &Wishes { history_until: String::new(), ..Wishes::default() });
    line.create_inputs();
    let first = line.start();
    touch(&line, 5, 0..5);
    let begun = wait_told(&line, 1);
    assert_eq!((&begun[0]["value"], &begun[0]["resolved"]), (&json!(5), &Value::Null), "{begun:?}");
    assert_eq!((&begun[0]["kpi"], &begun[0]["condition"]), (&json!("touches"), &json!("touches >= 5")));
    let since = begun[0]["since"].as_i64().unwrap();
    let began = jiff::Timestamp::from_millisecond(since).unwrap().to_string();
    assert!(began.starts_with("2026-03-05T10:0"), "{began}: how far a shard is by then is up to the machine");

    first.kill();
    let second = line.start();
    touch(&line, 5, 5..6);
    let changed = wait_told(&line, 2);
    assert_eq!((&changed[1]["value"], &changed[1]["since"]), (&json!(6), &json!(since)), "{changed:?}");
    let page = second.address();
    let shown = wait_for("the alert over HTTP", Duration::from_secs(20), || {
        let shown = get(page, "/api/v1/alerts?rule=busy&state=firing").ok()?.json();
        shown.as_array().filter(|alerts| !alerts.is_empty()).cloned()
    });
    assert_eq!(shown, [changed[1].clone()]);
    let metrics = get(page, "/metrics").unwrap().body;
    assert!(metrics.contains("tributary_alert_firing{rule=\"busy\",window=\"1d\"} 1"), "{metrics}");

    second.kill();
    let third = line.start();
    touch(&line, 6, 6..7);
    let ended = wait_told(&line, 3);
    let resolved = ended[2]["resolved"].as_i64().unwrap();
    assert_eq!(jiff::Timestamp::from_millisecond(resolved).unwrap().to_string(), "2026-03-06T10:06:00Z");
    assert_eq!(ended[2]["since"], json!(since));

    third.kill();
    let _fourth = line.start();
    touch(&line, 6, 7..8);
    wait_for("the last touch", Duration::from_secs(60), || {
        let row = line.rows().get("touches|1d|1772755200000|").cloned();
        row.filter(|row| row["value"] == 2)
    });
    assert_eq!(told(&line), ended, "nothing is told twice");
}
