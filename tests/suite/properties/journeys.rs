//! Journeys of leads, of contacts and of accounts, and what the data-driven models make of them.

use tributary::config::Config;
use tributary::generate::{Produced, Settings};
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};

use super::settings::{LOSSES, PLAIN, PLANNED, SCORED};
use super::{KPIS, check, compare, config, config_of, history};
use crate::line::Line;
use crate::reference;

/// Few windows: chains of several channels are long to solve.
fn text(unit: &str, order: usize, min_conversions: usize) -> String {
    let windows = PLAIN.lines().find(|line| line.starts_with("windows")).expect("they are set");
    let data = "[attribution.data_driven]\n";
    let plain = PLAIN
        .replace(windows, r#"windows = ["1w", "1mo", "30d", "all", "now"]"#)
        .replace("[attribution]\n", &format!("[attribution]\nunit = \"{unit}\"\nlookback = \"50d\"\n"))
        .replace(data, &format!("{data}markov_order = {order}\n"))
        .replace("min_conversions = 2", &format!("min_conversions = {min_conversions}"))
        .replace(r#""mql", "opportunity""#, r#""mql", "proposal""#);
    format!("{plain}{SCORED}{LOSSES}{PLANNED}[paths]\ntop = 3\n")
}

/// Long enough for deals to be won.
fn settings(seed: u64) -> Settings {
    Settings { seed, leads: 40, days: 70, events: Some(1800), huge: false, ..Settings::default() }
}

#[test]
fn deals_have_the_journeys_of_their_accounts() {
    for seed in 80..82 {
        check(&config(3, &text("account", 2, 1)), seed, &history(settings(seed)), seed % 2 == 1);
    }
}

#[test]
fn deals_have_the_journeys_of_their_contacts() {
    for seed in 84..86 {
        check(&config(3, &text("contacts", 3, 2)), seed, &history(settings(seed)), seed % 2 == 1);
    }
}

/// What a late event takes from one member of a deal, or adds to it, changes the deal of another.
#[test]
fn late_events_of_members_change_what_is_open() {
    for (seed, unit) in [(88, "account"), (89, "contacts")] {
        let text = text(unit, 1, 1).replace("[time]", "[time]\nallowed_lateness = \"6h\"").replace("20d", "10d");
        let max_delay = Span(60 * 3_600_000);
        let settings = Settings { disorder: 0.2, max_delay, late: 0.05, days: 50, ..settings(seed) };
        check(&config(3, &text), seed, &history(settings), true);
    }
}

/// A KPI has the same rows whatever else is published.
#[test]
fn sourced_and_influenced_stand_alone() {
    for (seed, unit) in [(90, "lead"), (91, "account"), (92, "contacts")] {
        let config = config_of(3, &["sourced_*", "influenced_*"], &text(unit, 1, 1));
        check(&config, seed, &history(settings(seed)), false);
    }
}

/// An event of a day of January 2026, as JSON without the fields that every event has.
fn event(topic: Topic, id: &str, day: i64, fields: &str) -> Produced {
    let timestamp = Millis(1_767_225_600_000) + Span::days(day - 1);
    let text = match topic {
        Topic::Accounts => format!("{{{fields}}}"),
        _ => format!(r#"{{"event_id":"{id}","occurred_at":{},{fields}}}"#, timestamp.0),
    };
    Produced { topic, key: None, value: Some(text.into_bytes()), timestamp, rejected_as: None, duplicate: false }
}

/// A touch of a lead, which may name an account.
fn touch(id: &str, day: i64, lead: &str, channel: &str, account: Option<&str>) -> Produced {
    let account = account.map(|account| format!(r#","account_id":"{account}""#)).unwrap_or_default();
    let fields = format!(r#""kind":"click","lead_id":"{lead}","channel":"{channel}"{account}"#);
    event(Topic::Touchpoints, id, day, &fields)
}

/// An event of the one deal.
fn stage(id: &str, day: i64, lead: &str, stage: &str, account: Option<&str>) -> Produced {
    let account = account.map(|account| format!(r#","account_id":"{account}""#)).unwrap_or_default();
    let fields =
        format!(r#""lead_id":"{lead}","stage":"{stage}","deal_id":"d","amount":100,"currency":"USD"{account}"#);
    event(Topic::DealStages, id, day, &fields)
}

/// Compares every row by the end of January.
fn check_few(config: &Config, records: &[Produced]) {
    let mut line = Line::new(config, 1);
    let heard = line.run(records);
    let as_of = Millis(1_767_225_600_000) + Span::days(30);
    let rows = line.finish(as_of);
    compare(1, &reference::rows(config, &heard.given, &heard.dropped, as_of), &rows);
}

#[test]
fn leads_and_deals_that_move() {
    let (here, there) = (Some("here"), Some("there"));
    let cases = [
        // The lead of a deal comes to an account, or leaves it, once the deal is open.
        [
            touch("1", 2, "b", "email", here),
            stage("2", 3, "a", "opportunity", None),
            touch("3", 10, "a", "direct", here),
        ],
        [
            touch("1", 2, "b", "email", here),
            stage("2", 3, "a", "opportunity", here),
            touch("3", 10, "a", "direct", there),
        ],
        [
            touch("1", 2, "b", "email", there),
            stage("2", 3, "a", "opportunity", here),
            touch("3", 10, "a", "direct", there),
        ],
        // Another does.
        [
            touch("1", 2, "b", "email", None),
            stage("2", 3, "a", "opportunity", here),
            touch("3", 10, "b", "direct", here),
        ],
        [
            touch("1", 2, "b", "email", here),
            stage("2", 3, "a", "opportunity", here),
            touch("3", 10, "b", "direct", there),
        ],
        // The deal goes to another lead, of the same account or not.
        [touch("1", 2, "b", "email", here), stage("2", 3, "a", "opportunity", here), stage("3", 10, "b", "won", None)],
        [touch("1", 2, "a", "email", here), stage("2", 3, "a", "opportunity", None), stage("3", 10, "b", "won", there)],
        [touch("1", 2, "a", "direct", here), stage("2", 3, "a", "opportunity", None), stage("3", 10, "b", "won", here)],
        [touch("1", 2, "b", "email", None), stage("2", 3, "a", "opportunity", None), stage("3", 10, "b", "won", here)],
        [touch("1", 2, "b", "email", there), stage("2", 3, "a", "opportunity", here), stage("3", 10, "b", "won", here)],
        // Its own lead leaves the account that made the journey.
        [
            touch("1", 2, "a", "email", here),
            stage("2", 3, "a", "opportunity", here),
            touch("3", 10, "a", "direct", there),
        ],
    ];
    for case in &cases {
        // Of another lead, whose own journey must not matter.
        let other = [touch("4", 1, "c", "paid_search", Some("elsewhere")), touch("5", 29, "c", "direct", None)];
        let records = [&case[..], &other].concat();
        for unit in ["lead", "contacts", "account"] {
            check_few(&config_of(2, KPIS, &text(unit, 1, 1)), &records);
        }
    }
}

/// Its own touches, as they are known when it leaks; whether it has come to the stage by the window's end.
#[test]
fn a_lost_journey_is_the_one_known_at_the_leak() {
    let view = |id: &str, day: i64, lead: &str| {
        let fields = format!(r#""kind":"page_view","visitor_id":"v"{lead}"#);
        event(Topic::Touchpoints, id, day, &fields)
    };
    let fill = event(Topic::FormFills, "3", 3, r#""lead_id":"a","form_id":"contact","form_kind":"contact""#);
    let records = [
        view("1", 1, ""),
        touch("2", 2, "a", "email", None),
        fill,
        // It leaks on the 8th; only then it is known whose the first touch was.
        view("4", 12, r#","lead_id":"a""#),
        touch("5", 13, "b", "email", None),
        stage("6", 14, "b", "won", None),
        touch("7", 29, "c", "direct", None),
    ];
    check_few(&config_of(2, KPIS, &text("lead", 2, 1)), &records);
}

/// Its record may be heard after the touches that it is about.
#[test]
fn a_customer_is_one_whenever_that_is_heard() {
    let record = event(Topic::Accounts, "", 2, r#""account_id":"here","is_customer":true"#);
    let anonymous = |id: &str, day: i64| {
        event(Topic::Touchpoints, id, day, r#""kind":"page_view","visitor_id":"v","account_id":"here""#)
    };
    let own = touch("2", 4, "a", "email", Some("here"));
    let last = touch("9", 29, "c", "direct", None);
    let config = config_of(2, KPIS, &text("lead", 1, 1));
    check_few(&config, &[record.clone(), anonymous("1", 3), own.clone(), last.clone()]);
    check_few(&config, &[anonymous("1", 3), own, record, last]);
}
