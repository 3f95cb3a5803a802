//! The fold against the naive recomputation, on random histories: any cut into flushes, any number of shards, any of
//! them ahead, any interleaving, restarts in between, and the same rows.

mod conserved;
mod journeys;
mod kpis;
mod looked;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tributary::config::Config;
use tributary::generate::{History, Produced, Settings};
use tributary::model::time::{Millis, Span};
use tributary::rollup::row::Row;

pub use self::kpis::KPIS;
use self::settings::{LOSSES, PLAIN, PLANNED, SCORED};
use crate::ledgers::Net;
use crate::line::Line;
use crate::reference;

fn config(shards: u16, text: &str) -> Config {
    config_of(shards, KPIS, text)
}

fn config_of(shards: u16, kpis: &[&str], text: &str) -> Config {
    let text = format!("[topics]\npartitions = {shards}\n{text}\n[output]\nkpis = {kpis:?}\n");
    Config::parse(&text, "test.toml", std::iter::empty()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn history(settings: Settings) -> Vec<Produced> {
    History::new(settings).collect()
}

/// A row of either side in one form.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    value: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    previous: Option<f64>,
    change: Option<f64>,
    benchmark: Option<f64>,
    unit: String,
    currency: Option<String>,
    end: Option<i64>,
    is_final: bool,
}

/// What a history had something to say of.
#[derive(Default)]
struct Told {
    /// KPIs with a row that is not 0.
    kpis: BTreeSet<String>,
    /// What leads did, and why they must get no paid touch.
    actions: BTreeSet<String>,
    suppressions: BTreeSet<String>,
    /// Conversions for ad platforms.
    uploads: usize,
}

impl Extend<Self> for Told {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, all: T) {
        for told in all {
            self.kpis.extend(told.kpis);
            self.actions.extend(told.actions);
            self.suppressions.extend(told.suppressions);
            self.uploads += told.uploads;
        }
    }
}

/// Compares the rows and the ledgers of both.
fn check(config: &Config, seed: u64, records: &[Produced], restarts: bool) -> Told {
    let mut line = Line::new(config, seed);
    let half = records.len() / 2;
    let mut heard = line.run(&records[..half]);
    if restarts {
        (0..usize::from(config.topics.partitions)).for_each(|shard| line.restart(shard));
    }
    let rest = line.run(&records[half..]);
    assert!(!restarts || rest.given.len() > 10);
    // The halves of a history are heard apart: what came twice over both is a duplicate of the first.
    let mut known: BTreeSet<_> = heard
        .given
        .iter()
        .filter_map(|given| Some((given.event.topic(), given.event.event_id()?.to_string())))
        .collect();
    for given in rest.given {
        let id = given.event.event_id().map(|id| (given.event.topic(), id.to_string()));
        match given.event.occurred_at() {
            Some(at) if id.is_some_and(|id| !known.insert(id)) => {
                heard.twice += 1;
                heard.dropped.duplicates.extend(given.late_at.is_none().then_some(at));
            }
            _ => heard.given.push(reference::Given { offset: heard.given.len() as u64, ..given }),
        }
    }
    heard.twice += rest.twice;
    heard.dropped.duplicates.extend(rest.dropped.duplicates);
    heard.dropped.rejected.extend(rest.dropped.rejected);
    let latest = heard.given.iter().filter_map(|given| given.event.occurred_at()).max().expect("events");
    let as_of = latest + Span::HOUR;
    let rows = line.finish(as_of);
    let is_late = |given: &&reference::Given<'_>| given.late_at.is_some() && given.event.occurred_at().is_some();
    let late = heard.given.iter().filter(is_late).count() as u64;
    assert_eq!(line.late_and_duplicate(), (late, heard.twice));
    let has_shares = config.output.kpis.iter().any(|kpi| kpi == "leads") && !config.attribution.models.is_empty();
    assert!(conserved::check(&rows) > 0 || !has_shares, "a history without conversions proves nothing");
    let expected = reference::rows(config, &heard.given, &heard.dropped, as_of);
    compare(seed, &expected, &rows);
    assert!(looked::check(config, &line, &rows) > 0 || !has_shares, "a history without credit proves nothing");
    let actions = reference::ledgers::actions(config, &heard.given, as_of);
    let suppressions = reference::ledgers::suppressions(config, &heard.given, as_of);
    assert!(!actions.is_empty(), "a history that says nothing proves nothing");
    let attributions = reference::attributions::attributions(config, &heard.given, as_of);
    let conversions = reference::attributions::conversions(config, &heard.given, as_of);
    let expected_net = Net { actions, suppressions, attributions, conversions, ..Net::default() };
    line.net.compare(&expected_net);
    let says = |row: &&reference::Row| row.value.is_some_and(|value| value != 0.0);
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let reasons = expected_net.suppressions.values().flat_map(|line| line["reasons"].as_array().expect("a list"));
    Told {
        kpis: expected.iter().filter(says).map(|row| row.kpi.clone()).collect(),
        actions: expected_net.actions.values().map(|action| text(&action["action"])).collect(),
        suppressions: reasons.map(|reason| text(&reason["reason"])).collect(),
        uploads: expected_net.conversions.len(),
    }
}

fn compare(seed: u64, expected: &[reference::Row], rows: &[Row]) {
    let expected: BTreeMap<String, Said> =
        expected.iter().filter(|row| KPIS.contains(&&*row.kpi)).map(|row| (row.key(), said_by_oracle(row))).collect();
    let found: BTreeMap<String, Said> = rows.iter().map(|row| (key(row), said_by(row))).collect();
    assert!(expected.len() > 100, "a history that says little proves little");
    let mut faults: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for (key, want) in &expected {
        let got = found.get(key);
        if got.is_none_or(|got| !alike(key, want, got)) {
            note(&mut faults, key, &format!("expected {want:?}, found {got:?}"));
        }
    }
    for (key, got) in found.iter().filter(|(key, _)| !expected.contains_key(*key)) {
        note(&mut faults, key, &format!("not expected: {got:?}"));
    }
    let report = faults.into_values().fold(String::new(), |mut report, (n, text)| {
        let _ = writeln!(report, "{n} rows differ, such as{text}");
        report
    });
    assert!(report.is_empty(), "seed {seed}, {} rows expected\n{report}", expected.len());
}

fn note<'a>(faults: &mut BTreeMap<&'a str, (usize, String)>, key: &'a str, what: &str) {
    let kpi = key.split('|').next().unwrap_or_default();
    let (n, text) = faults.entry(kpi).or_default();
    *n += 1;
    if *n <= 3 {
        let _ = write!(text, "\n    {key}: {what}");
    }
}

fn said_by_oracle(row: &reference::Row) -> Said {
    Said {
        value: row.value,
        numerator: row.numerator,
        denominator: row.denominator,
        low: row.low,
        high: row.high,
        previous: row.previous,
        change: row.change,
        benchmark: row.benchmark,
        unit: row.unit.clone(),
        currency: row.currency.clone(),
        end: row.end,
        is_final: row.is_final,
    }
}

fn said_by(row: &Row) -> Said {
    let number = |number: Option<tributary::kpi::number::Number>| number.map(|number| number.to_f64());
    let says = &row.says;
    Said {
        value: number(says.value),
        numerator: number(says.numerator),
        denominator: number(says.denominator),
        low: says.low,
        high: says.high,
        previous: number(says.previous),
        change: says.change,
        benchmark: number(says.benchmark),
        unit: row.unit.to_string(),
        currency: row.currency.as_ref().map(ToString::to_string),
        end: row.end.map(|end| end.0),
        is_final: says.last,
    }
}

fn alike(key: &str, a: &Said, b: &Said) -> bool {
    let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 + 1e-9 * a.abs().max(b.abs()),
        (a, b) => a.is_none() && b.is_none(),
    };
    // Quantiles are sketches.
    let is_quantile = key.contains("stat=p") || key.starts_with("goal_lead_seconds|");
    let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) if is_quantile => (a - b).abs() <= 0.01 * a.abs(),
        (a, b) => close(a, b),
    };
    near(a.value, b.value)
        && close(a.numerator, b.numerator)
        && close(a.denominator, b.denominator)
        && close(a.low, b.low)
        && close(a.high, b.high)
        && near(a.previous, b.previous)
        && (is_quantile || close(a.change, b.change))
        && near(a.benchmark, b.benchmark)
        && (&a.unit, &a.currency, a.end, a.is_final) == (&b.unit, &b.currency, b.end, b.is_final)
}

fn key(row: &Row) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('|', "%7C").replace(',', "%2C").replace('=', "%3D");
    let start = row.id.start.map(|at| at.0.to_string()).unwrap_or_default();
    let dims: Vec<String> = row.id.dims.iter().map(|(name, text)| format!("{name}={}", escaped(text))).collect();
    format!("{}|{}|{start}|{}", row.id.kpi, row.id.window, dims.join(","))
}

#[test]
fn leads_stand_where_the_rules_say() {
    for seed in 40..42 {
        let settings = Settings { seed, leads: 40, days: 25, events: Some(2000), huge: false, ..Settings::default() };
        let hold_from = ["timestamp", "start"][seed as usize % 2];
        let text = format!("{PLAIN}{SCORED}{LOSSES}{PLANNED}[accounts]\nhold_from = \"{hold_from}\"\n");
        check(&config(3, &text), seed, &history(settings), seed % 2 == 1);
    }
}

/// Deals take months, customers longer still. Of so long histories only the longer windows are compared.
#[test]
fn every_kpi_is_compared_where_it_says_something() {
    let windows = PLAIN.lines().find(|line| line.starts_with("windows")).expect("they are set");
    let plain = PLAIN.replace(windows, r#"windows = ["1w", "1mo", "1q", "all", "now"]"#).replace("20d", "60d");
    let few = plain.replace(r#", "last_non_direct", "linear", "w_shaped", "time_decay""#, "");
    let mut told = Told::default();
    for seed in 70..73 {
        let settings =
            Settings { seed, leads: 60, days: 150, events: Some(2500), bad: 0.01, huge: false, ..Settings::default() };
        let text = format!("{few}{SCORED}{LOSSES}{PLANNED}");
        told.extend([check(&config(3, &text), seed, &history(settings), seed % 2 == 1)]);
    }
    let silent: Vec<_> = KPIS.iter().filter(|kpi| !told.kpis.contains(**kpi)).collect();
    // What arrives late is for a test of its own.
    assert_eq!(silent, [&"late_events"], "a KPI that says nothing proves nothing");
    let names = |told: &BTreeSet<String>| told.iter().cloned().collect::<Vec<_>>().join(" ");
    let actions = "lead leaked mql reactivated recycled rejected routed sal sla_breached sql";
    assert_eq!(names(&told.actions), actions, "so does an action that never happens");
    assert_eq!(names(&told.suppressions), "customer disqualified unsubscribed", "and so does a reason");
    assert!(told.uploads > 10, "{} conversions for ad platforms", told.uploads);
}

#[test]
fn any_interleaving_gives_the_rows_of_the_oracle() {
    for seed in 0..3 {
        let days = 20 + 10 * seed as u32;
        let records = history(Settings {
            seed,
            leads: 40,
            days,
            events: Some(2000),
            bad: 0.02,
            huge: false,
            ..Settings::default()
        });
        check(&config([1, 4, 8][seed as usize], PLAIN), seed, &records, seed % 2 == 1);
    }
}

#[test]
fn a_history_in_parts_comes_to_the_same() {
    let config = config(2, PLAIN);
    let settings = Settings { seed: 30, leads: 60, days: 20, events: Some(2500), huge: false, ..Settings::default() };
    let records = history(settings);
    let mut line = Line::new(&config, 30);
    let heard = line.run(&records);
    let as_of = heard.given.iter().filter_map(|given| given.event.occurred_at()).max().expect("events");
    let text = |rows: Vec<reference::Row>| rows.iter().map(|row| format!("{row:?}\n")).collect::<String>();
    let whole = text(reference::rows(&config, &heard.given, &heard.dropped, as_of));
    assert!(whole.lines().count() > 1000);
    assert_eq!(text(reference::rows_of_many(&config, &heard.given, &heard.dropped, as_of)), whole);
}

#[test]
fn late_events_change_only_what_is_open() {
    let text = PLAIN.replace("[time]", "[time]\nallowed_lateness = \"2h\"").replace("\"20d\"", "\"4d\"");
    for seed in 10..12 {
        let max_delay = Span(40 * 3_600_000);
        let settings = Settings {
            seed,
            leads: 40,
            days: 25,
            disorder: 0.2,
            max_delay,
            late: 0.05,
            huge: false,
            ..Settings::default()
        };
        let records = history(Settings { events: Some(2000), ..settings });
        check(&config(3, &text), seed, &records, true);
    }
}

/// Every KPI there is, whether or not the oracle knows it: the rows of one shard that reads all as it happened.
#[test]
fn shards_and_interleavings_change_no_kpi() {
    for seed in 50..53 {
        let settings =
            Settings { seed, leads: 60, days: 50, events: Some(4000), bad: 0.01, huge: false, ..Settings::default() };
        let mut records = history(settings);
        let text = |shards: u16| {
            let leaks = "[funnel]\nleak_after = \"9d\"\n[sla]\nfollow_up = \"12h\"\nrecycle_after = \"6d\"\n";
            let time = PLAIN.replace("[time]", "[time]\nallowed_lateness = \"4000d\"");
            format!("[topics]\npartitions = {shards}\n{time}{SCORED}{leaks}[dedupe]\nhorizon = \"4000d\"\n")
        };
        let config = |shards| Config::parse(&text(shards), "test.toml", std::iter::empty()).expect("a configuration");
        let said = |shards: u16, seed: u64, records: &[Produced]| -> BTreeMap<String, Said> {
            let mut line = Line::new(&config(shards), seed);
            let half = records.len() / 2;
            line.run(&records[..half]);
            (0..usize::from(shards)).filter(|_| seed % 2 == 1).for_each(|shard| line.restart(shard));
            line.run(&records[half..]);
            let as_of = Millis(records.iter().map(|record| record.timestamp.0).max().expect("events")) + Span::days(2);
            line.finish(as_of).iter().map(|row| (key(row), said_by(row))).collect()
        };
        let several = said(5, seed, &records);
        records.sort_by_key(|record| record.timestamp);
        let one = said(1, 1000 + 2 * seed, &records);
        let differ: Vec<_> = several.iter().filter(|(key, said)| one.get(*key) != Some(said)).take(5).collect();
        assert!(differ.is_empty() && several.len() == one.len(), "seed {seed}: {differ:?} of {}", several.len());
    }
}

/// For windows that are short, or roll.
const PLANNED_FOR_DAYS: &str = r#"
[[budgets]]
channel = "webinar"
window = "30d"
amount = 1000
[[budgets]]
channel = "paid_search"
window = "2d"
amount = 500
start = "2026-01-02"
[[goals.targets]]
kpi = "spend"
window = "1d"
target = 300
[[goals.targets]]
kpi = "revenue"
window = "1d"
target = 300
[[goals.targets]]
kpi = "leads"
window = "2d"
target = 12
[[goals.targets]]
kpi = "revenue"
window = "2d"
target = 700
[[goals.targets]]
kpi = "sessions"
window = "1h"
target = 2
"#;

/// Every kind of window there is. Minutes are many: what has rows by models in each of them is left to hours.
#[test]
fn windows_of_every_kind_hold_the_same_facts() {
    let kinds = r#"["1m", "1h", "1d", "1w", "1mo", "1q", "1y", "2d", "30d", "all", "now"]"#;
    let windows = PLAIN.lines().find(|line| line.starts_with("windows")).expect("they are set");
    let text = PLAIN.replace(windows, &format!("windows = {kinds}\nallowed_lateness = \"3h\"")).replace("20d", "6h");
    let kpis: Vec<&str> = KPIS.iter().copied().filter(|kpi| !kpi.contains("cost") && !kpi.contains("cac")).collect();
    let settings = Settings {
        seed: 60,
        leads: 12,
        days: 3,
        events: Some(600),
        max_delay: Span::HOUR,
        huge: false,
        ..Settings::default()
    };
    let mut records = history(settings);
    // An answer at the very moment of its question, and heard before it.
    let timestamp = records.last().expect("records").timestamp;
    for kind in ["question_answered", "question_asked"] {
        let value = format!(
            r#"{{"event_id":"{kind}","occurred_at":{},"kind":"{kind}","visitor_id":"v","asset_id":"q"}}"#,
            timestamp.0
        );
        let value = Some(value.into_bytes());
        let topic = tributary::model::event::Topic::Touchpoints;
        records.push(Produced { topic, key: None, value, timestamp, rejected_as: None, duplicate: false });
    }
    check(&config_of(3, &kpis, &format!("{text}{PLANNED}{PLANNED_FOR_DAYS}")), 60, &records, true);
}

#[test]
fn days_are_those_of_the_zone() {
    let text = PLAIN.replace("[time]", "[time]\nzone = \"America/New_York\"");
    let start = Millis(1_772_323_200_000); // 2026-03-01: the clocks change on the 8th.
    let records = history(Settings {
        seed: 20,
        start,
        leads: 30,
        days: 20,
        events: Some(1500),
        huge: false,
        ..Settings::default()
    });
    check(&config(2, &text), 20, &records, false);
}
