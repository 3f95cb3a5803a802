//! Alerts as text: rows in, changes out, one step after the other.

use expect_test::{Expect, expect};

use super::*;
use crate::kpi::measures::{Dim, Scale};
use crate::model::time::Span;
use crate::publish::alert as record;
use crate::rollup::row::{RowId, Says};

const RULES: &str = r#"
[output]
alerts = ["few", "delivery", "dear"]
[[alerts]]
name = "few"
window = "1d"
when = "leads / sessions < 0.1"
at_least = { sessions = 10 }
[[alerts]]
name = "delivery"
window = "1d"
when = "email_delivery_ratio < 0.95"
[[alerts]]
name = "dear"
window = "all"
when = "cost_per_lead > 100"
by = ["channel", "model"]
at_least = { spend = 1000 }
"#;

/// A day by its number, and so many minutes of it.
fn at(day: i64, minutes: i64) -> Millis {
    Millis(0) + Span::days(day) + Span(minutes * 60_000)
}

struct Bench {
    alerts: Alerts,
    /// What is published by now.
    topic: BTreeMap<String, Vec<u8>>,
}

impl Bench {
    fn new(toml: &str) -> Self {
        Self { alerts: Alerts::new(&config(toml)), topic: BTreeMap::new() }
    }

    /// Another owner goes on from what is published.
    fn take_over(&mut self, toml: &str) {
        self.alerts = Alerts::new(&config(toml));
        for (key, value) in &self.topic {
            self.alerts.recall(record::change(key, Some(value)).expect("ours"));
        }
    }

    fn check(&mut self, rows: &[RowChange], watermark: Millis, expected: &Expect) {
        let mut text = String::new();
        for change in self.alerts.changed(rows, watermark, Millis(7)) {
            let key = record::key(change.id());
            match change.alert() {
                Some(alert) => {
                    text += &format!("{key} {}\n", said(alert));
                    self.topic.insert(key, record::to_json(alert).expect("it encodes"));
                }
                None => {
                    text += &format!("{key} gone\n");
                    self.topic.remove(&key);
                }
            }
        }
        expected.assert_eq(&text);
    }
}

fn said(alert: &Alert) -> String {
    let minutes = |at: Millis| at.0 / 60_000;
    let value = alert.value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let start = alert.start.map_or_else(|| "-".to_owned(), |start| minutes(start).to_string());
    let resolved = alert.resolved.map_or_else(String::new, |at| format!(" resolved {}", minutes(at)));
    format!("{value} in {start} since {}{resolved}", minutes(alert.since))
}

fn config(toml: &str) -> Config {
    Config::parse(toml, "test.toml", std::iter::empty()).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

fn id(kpi: &str, day: Option<i64>, dims: &[(Dim, &str)]) -> RowId {
    RowId {
        kpi: Arc::from(kpi),
        window: if day.is_some() { WindowKind::Day } else { WindowKind::All },
        start: day.map(|day| at(day, 0)),
        dims: dims.iter().map(|(dim, value)| (dim.name(), Arc::from(*value))).collect(),
    }
}

fn row(id: RowId, value: Option<Number>) -> RowChange {
    let end = id.start.map(|start| start + Span::DAY);
    let says = Says { value, ..Says::default() };
    let (unit, currency) = (Arc::from("currency"), Some(Arc::from("EUR")));
    RowChange::Says(Arc::new(Row { id, unit, currency, end, says, watermark: Millis(0), updated_at: Millis(0) }))
}

/// Of a day, in total.
fn count(kpi: &str, day: i64, count: i128) -> RowChange {
    row(id(kpi, Some(day), &[]), Some(Number::of(count, Scale::Count)))
}

fn ratio(day: i64, value: Option<f64>) -> RowChange {
    row(id("email_delivery_ratio", Some(day), &[]), value.and_then(Number::real))
}

#[test]
fn an_alert_begins_changes_and_ends_once() {
    let mut bench = Bench::new(RULES);
    bench.check(&[count("sessions", 1, 9)], at(1, 1), &expect![[r#""#]]);
    // No lead is as good as a row that says 0.
    bench.check(
        &[count("sessions", 1, 10)],
        at(1, 2),
        &expect![[r#"
        few| 0 in 1440 since 1442
    "#]],
    );
    bench.check(&[], at(1, 3), &expect![[r#""#]]);
    bench.check(&[count("sessions", 1, 10)], at(1, 4), &expect![[r#""#]]);
    bench.check(
        &[count("sessions", 1, 50), count("leads", 1, 4)],
        at(1, 5),
        &expect![[r#"
        few| 0.08 in 1440 since 1442
    "#]],
    );
    bench.check(
        &[count("leads", 1, 5)],
        at(1, 6),
        &expect![[r#"
        few| 0.1 in 1440 since 1442 resolved 1446
    "#]],
    );
    bench.check(
        &[count("leads", 1, 4)],
        at(1, 7),
        &expect![[r#"
        few| 0.08 in 1440 since 1447
    "#]],
    );
    // A row that is taken back.
    bench.check(
        &[RowChange::Gone(id("sessions", Some(1), &[]))],
        at(1, 8),
        &expect![[r#"
        few| - in 1440 since 1447 resolved 1448
    "#]],
    );
}

#[test]
fn the_next_window_goes_on_with_it_or_ends_it() {
    let mut bench = Bench::new(RULES);
    bench.check(
        &[ratio(1, Some(0.9)), count("sessions", 1, 20)],
        at(1, 1),
        &expect![[r#"
        delivery| 0.9 in 1440 since 1441
        few| 0 in 1440 since 1441
    "#]],
    );
    // Rows of another day say nothing.
    bench.check(&[ratio(0, Some(0.5)), ratio(0, None)], at(1, 2), &expect![[r#""#]]);
    bench.check(
        &[ratio(1, Some(0.99)), ratio(2, Some(0.8))],
        at(2, 0),
        &expect![[r#"
        delivery| 0.8 in 2880 since 1441
        few| - in 1440 since 1441 resolved 2880
    "#]],
    );
    // The day is over, and nothing was sent in the next one.
    bench.check(
        &[],
        at(3, 5),
        &expect![[r#"
        delivery| - in 2880 since 1441 resolved 4325
    "#]],
    );
    bench.check(
        &[ratio(3, Some(0.7))],
        at(3, 6),
        &expect![[r#"
        delivery| 0.7 in 4320 since 4326
    "#]],
    );
    bench.check(
        &[ratio(3, None)],
        at(3, 7),
        &expect![[r#"
        delivery| - in 4320 since 4326 resolved 4327
    "#]],
    );
}

#[test]
fn rows_by_dimensions_are_looked_at_one_by_one() {
    let mut bench = Bench::new(RULES);
    let by = |channel: &'static str| [(Dim::Channel, channel), (Dim::Model, "first")];
    let cost = |channel, cost: f64| row(id("cost_per_lead", None, &by(channel)), Number::real(cost));
    let spend = |channel, spend: i128| {
        row(id("spend", None, &by(channel)[..1]), Some(Number::of(spend * 1_000_000, Scale::Money)))
    };
    bench.check(&[cost("a=b", 150.0), cost("email", 99.0), cost("new", 500.0)], at(1, 1), &expect![[r#""#]]);
    bench.check(
        &[spend("a=b", 1000), spend("email", 1000), spend("new", 999)],
        at(1, 2),
        &expect![[r#"
        dear|channel=a%3Db,model=first 150 in - since 1442
    "#]],
    );
    bench.check(
        &[cost("a=b", 100.0), cost("email", 100.5)],
        at(1, 3),
        &expect![[r#"
        dear|channel=a%3Db,model=first 100 in - since 1442 resolved 1443
        dear|channel=email,model=first 100.5 in - since 1443
    "#]],
    );
    assert!(String::from_utf8_lossy(&bench.topic["dear|channel=email,model=first"]).contains("\"currency\":\"EUR\""));
}

#[test]
fn another_owner_goes_on_where_the_last_one_was() {
    let mut bench = Bench::new(RULES);
    let rows = [ratio(1, Some(0.9)), count("sessions", 1, 30), count("leads", 1, 1)];
    bench.check(
        &rows,
        at(1, 1),
        &expect![[r#"
        delivery| 0.9 in 1440 since 1441
        few| 0.03333333333333333 in 1440 since 1441
    "#]],
    );
    bench.take_over(RULES);
    bench.check(&rows, at(1, 5), &expect![[r#""#]]);
    // It sees something else, and nothing of what was.
    bench.take_over(RULES);
    bench.check(
        &[ratio(1, Some(0.9)), count("sessions", 1, 40), count("leads", 1, 1)],
        at(1, 6),
        &expect![[r#"
        few| 0.025 in 1440 since 1441
    "#]],
    );
    bench.take_over(RULES);
    bench.check(
        &[],
        at(1, 7),
        &expect![[r#"
        delivery| - in 1440 since 1441 resolved 1447
        few| - in 1440 since 1441 resolved 1447
    "#]],
    );
    // What is over is over.
    bench.take_over(RULES);
    bench.check(
        &rows[..1],
        at(1, 8),
        &expect![[r#"
        delivery| 0.9 in 1440 since 1448
    "#]],
    );
}

#[test]
fn a_rule_that_changes_begins_anew_and_one_that_goes_takes_its_alerts_along() {
    let mut bench = Bench::new(RULES);
    let rows = [ratio(1, Some(0.9)), count("sessions", 1, 30)];
    bench.check(
        &rows,
        at(1, 1),
        &expect![[r#"
        delivery| 0.9 in 1440 since 1441
        few| 0 in 1440 since 1441
    "#]],
    );
    bench.take_over(&RULES.replace("< 0.95", "< 0.92").replace("\"few\", ", ""));
    bench.check(
        &rows,
        at(1, 5),
        &expect![[r#"
        delivery| 0.9 in 1440 since 1445
        few| gone
    "#]],
    );
}
