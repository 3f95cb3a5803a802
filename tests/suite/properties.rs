//! The fold against the naive recomputation, on random histories: any cut into flushes, any number of shards, any of
//! them ahead, any interleaving, restarts in between, and the same rows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tributary::config::Config;
use tributary::generate::{History, Produced, Settings};
use tributary::model::time::{Millis, Span};
use tributary::rollup::row::Row;

use crate::ledgers::Net;
use crate::line::Line;
use crate::reference;

pub const KPIS: &[&str] = &[
    "sessions",
    "visitors",
    "touches",
    "traffic_share_ratio",
    "page_fill_ratio",
    "form_fills",
    "content_reads",
    "content_leads",
    "content_lead_ratio",
    "leads",
    "mqls",
    "sals",
    "sqls",
    "opportunities",
    "proposals",
    "customers",
    "won_deals",
    "lost_deals",
    "session_lead_ratio",
    "what_if_leads",
    "lead_mql_ratio",
    "mql_sql_ratio",
    "sql_customer_ratio",
    "lead_customer_ratio",
    "mql_demo_ratio",
    "stage_conversion_ratio",
    "raw_leads",
    "rejected_leads",
    "lead_score",
    "graded_leads",
    "routed_leads",
    "segment_leads",
    "leaked_leads",
    "leakage_ratio",
    "recycled_leads",
    "reactivations",
    "sla_breaches",
    "sla_met_ratio",
    "lead_conversion_seconds",
    "stage_dwell_seconds",
    "sales_cycle_seconds",
    "follow_up_seconds",
    "emails_sent",
    "emails_delivered",
    "email_delivery_ratio",
    "email_unique_open_ratio",
    "email_unique_click_ratio",
    "email_click_to_open_ratio",
    "email_unsubscribe_ratio",
    "nurtured_leads",
    "nurture_mql_ratio",
    "webinar_registrations",
    "webinar_attendees",
    "webinar_replays",
    "webinar_questioners",
    "webinar_attendance_ratio",
    "webinar_conversion_ratio",
    "mail_claim_ratio",
    "mail_meeting_ratio",
    "community_size",
    "community_active_members",
    "nps",
    "survey_responses",
    "satisfaction",
    "referral_likelihood_ratio",
    "referrals",
    "duplicate_events",
    "spend",
    "cost_per_lead",
    "cost_per_mql",
    "cost_per_sql",
    "cost_per_opportunity",
    "customer_acquisition_cost",
    "pipeline",
    "revenue",
    "average_deal_value",
    "win_ratio",
    "return_on_ad_spend",
    "return_on_investment",
    "demos",
    "meetings",
    "late_events",
    "dead_letters",
];

fn config(shards: u16, text: &str) -> Config {
    let text = format!("[topics]\npartitions = {shards}\n{text}\n[output]\nkpis = {KPIS:?}\n");
    Config::parse(&text, "test.toml", std::iter::empty()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn history(settings: Settings) -> Vec<Produced> {
    History::new(settings).collect()
}

/// A row of either side in one form.
type Said = (Option<f64>, Option<f64>, Option<f64>, Option<f64>, Option<f64>, bool);

fn check(config: &Config, seed: u64, records: &[Produced], restarts: bool) {
    let mut line = Line::new(config, seed);
    let half = records.len() / 2;
    let mut heard = line.run(&records[..half]);
    if restarts {
        (0..usize::from(config.topics.partitions)).for_each(|shard| line.restart(shard));
    }
    let rest = line.run(&records[half..]);
    assert!(!restarts || rest.given.len() > 10);
    // The halves of a history are heard apart: what came twice over both is a duplicate of the first.
    let mut known: std::collections::BTreeSet<_> = heard
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
    let expected = reference::rows(config, &heard.given, &heard.dropped, as_of);
    compare(seed, &expected, &rows);
    let actions = reference::ledgers::actions(config, &heard.given, as_of);
    let suppressions = reference::ledgers::suppressions(config, &heard.given, as_of);
    assert!(actions.len() > 30 && !suppressions.is_empty(), "a history that says little proves little");
    line.net.compare(&Net { actions, suppressions });
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
    (row.value, row.numerator, row.denominator, row.previous, row.benchmark, row.is_final)
}

fn said_by(row: &Row) -> Said {
    let number = |number: Option<tributary::kpi::number::Number>| number.map(|number| number.to_f64());
    let says = &row.says;
    let (value, numerator, denominator) = (number(says.value), number(says.numerator), number(says.denominator));
    (value, numerator, denominator, number(says.previous), number(says.benchmark), says.last)
}

fn alike(key: &str, a: &Said, b: &Said) -> bool {
    let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 + 1e-9 * a.abs().max(b.abs()),
        (a, b) => a.is_none() && b.is_none(),
    };
    // Quantiles are sketches.
    let quantile = key.contains("stat=p");
    let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) if quantile => (a - b).abs() <= 0.01 * a.abs(),
        (a, b) => close(a, b),
    };
    near(a.0, b.0) && close(a.1, b.1) && close(a.2, b.2) && near(a.3, b.3) && near(a.4, b.4) && a.5 == b.5
}

fn key(row: &Row) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('|', "%7C").replace(',', "%2C").replace('=', "%3D");
    let start = row.id.start.map(|at| at.0.to_string()).unwrap_or_default();
    let dims: Vec<String> = row.id.dims.iter().map(|(name, text)| format!("{name}={}", escaped(text))).collect();
    format!("{}|{}|{start}|{}", row.id.kpi, row.id.window, dims.join(","))
}

const PLAIN: &str = r#"
[time]
settle = "20d"
windows = ["1h", "1d", "1w", "1mo", "7d", "30d", "all", "now"]
[attribution]
models = ["first", "last", "last_non_direct", "linear", "w_shaped", "time_decay"]
[money.rates]
EUR = 1.1
CNY = 0.14
"#;

/// Rules of every kind over what the generator says of leads.
const SCORED: &str = r#"
[scoring]
threshold = 25
activation_threshold = 5
[scoring.engagement]
page_view = 1
email_clicked = 5
webinar_attended = 15
demo_booked = 25
content_read = 3
form_contact = 10
form_demo_request = 25
form_content = 5
[scoring.caps]
page_view = 8
content_read = 9
[[scoring.fit]]
field = "company_size"
in = ["201-1000", "1000+"]
points = 15
[[scoring.fit]]
field = "account.is_target"
equals = true
points = 5
[[scoring.reject]]
reason = "region"
field = "region"
equals = "latam"
[[scoring.reject]]
reason = "customer"
field = "account.is_customer"
equals = true
[[routes]]
route = "sales"
when = [{ field = "grade", in = ["A", "B"] }]
[[routes]]
route = "odd"
when = [{ field = "lead_id", regex = "[13579]" }, { field = "segment", in = ["enterprise", "in pipeline"] }]
[[routes]]
route = "nurture"
when = []
[[segments]]
segment = "enterprise"
when = [{ field = "company_size", equals = "1000+" }]
[[segments]]
segment = "in pipeline"
when = [{ field = "stage", in = ["sql", "opportunity", "proposal", "won"] }]
[[segments]]
segment = "graded"
when = [{ field = "grade", in = ["A", "B", "C"] }]
"#;

#[test]
fn leads_stand_where_the_rules_say() {
    for seed in 40..43 {
        let settings = Settings { seed, leads: 40, days: 25, events: Some(2000), huge: false, ..Settings::default() };
        let hold_from = ["timestamp", "start"][seed as usize % 2];
        let losses = "[funnel]\nleak_after = \"5d\"\n[sla]\nfollow_up = \"12h\"\nrecycle_after = \"3d\"\n";
        let text = format!("{PLAIN}{SCORED}{losses}[accounts]\nhold_from = \"{hold_from}\"\n");
        check(&config(3, &text), seed, &history(settings), seed % 2 == 1);
    }
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
