//! The contract's worked examples and small histories whose rows can be told by hand.

use std::collections::BTreeMap;

use tributary::config::Config;
use tributary::model::event::{DealStage, Event, Fill, Origin, Text, Touch};
use tributary::model::kinds::{FormKind, TouchKind};
use tributary::model::money::Micros;
use tributary::model::stage::Stage;
use tributary::model::time::Millis;

use super::{Dropped, Given, Row, rows};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A day of January 2026.
fn january(day: i64) -> i64 {
    1_767_225_600_000 + (day - 1) * DAY
}

fn configured(text: &str) -> Config {
    Config::parse(text, "tributary.toml", std::iter::empty()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn given(event: Event<'static>) -> Given<'static> {
    Given { event, timestamp: Millis(0), offset: 0, late_at: None }
}

fn late(event: Event<'static>, watermark: i64) -> Given<'static> {
    Given { late_at: Some(Millis(watermark)), ..given(event) }
}

fn touch(id: &'static str, at: i64, lead: &'static str, channel: &'static str) -> Event<'static> {
    let none = || Text::borrowed("(none)");
    Event::Touch(Box::new(Touch {
        event_id: id.into(),
        occurred_at: Millis(at),
        kind: TouchKind::Click,
        visitor_id: None,
        lead_id: Some(lead.into()),
        account_id: None,
        origin: Origin { channel: channel.into(), campaign: none(), content: none(), term: none() },
        page: none(),
        details: None,
    }))
}

fn view(id: &'static str, at: i64, visitor: &'static str, lead: Option<&'static str>) -> Event<'static> {
    let Event::Touch(touch) = touch(id, at, "", "direct") else { unreachable!("it is one") };
    let lead_id = lead.map(Text::borrowed);
    Event::Touch(Box::new(Touch { kind: TouchKind::PageView, visitor_id: Some(visitor.into()), lead_id, ..*touch }))
}

fn stage(id: &'static str, at: i64, lead: &'static str, stage: Stage, deal: Option<&'static str>) -> Event<'static> {
    Event::Stage(Box::new(DealStage {
        event_id: id.into(),
        occurred_at: Millis(at),
        lead_id: lead.into(),
        stage,
        deal_id: deal.map(Text::borrowed),
        account_id: None,
        amount: deal.map(|_| Micros(1_000_000)),
        probability: None,
        owner: None,
    }))
}

fn fill(id: &'static str, at: i64, lead: &'static str, visitor: &'static str) -> Event<'static> {
    Event::Fill(Box::new(Fill {
        event_id: id.into(),
        occurred_at: Millis(at),
        lead_id: lead.into(),
        visitor_id: Some(visitor.into()),
        account_id: None,
        form_id: "form".into(),
        form_kind: FormKind::Contact,
        page: "/".into(),
        asset_id: None,
        experiment: None,
        variant: None,
        answers: vec![],
    }))
}

/// The values of a KPI over all time, by its dimensions.
fn ever(rows: &[Row], kpi: &str, dims: &[(&str, &str)]) -> Option<f64> {
    let dims: BTreeMap<String, String> = dims.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    rows.iter().find(|row| row.kpi == kpi && row.window == "all" && row.dims == dims).and_then(|row| row.value)
}

fn total(config: &Config, events: &[Given], kpi: &str) -> Option<f64> {
    ever(&rows(config, events, &Dropped::default(), Millis(january(60))), kpi, &[])
}

#[test]
fn credit_is_as_in_the_worked_table() {
    let config = configured(
        r#"[attribution]
        models = ["position_based", "u_shaped", "w_shaped", "full_path", "last_non_direct", "j_shaped"]"#,
    );
    let events = [
        touch("t1", january(1), "l", "paid_search"),
        touch("t2", january(5), "l", "email"),
        stage("s1", january(5) + HOUR, "l", Stage::Lead, None),
        touch("t3", january(10), "l", "webinar"),
        touch("t4", january(12), "l", "direct"),
        stage("s2", january(13), "l", Stage::Opportunity, Some("d")),
        touch("t5", january(20), "l", "paid_social"),
        stage("s3", january(21), "l", Stage::Won, Some("d")),
    ]
    .map(given);
    let rows = rows(&config, &events, &Dropped::default(), Millis(january(22)));
    for (kpi, model, credit) in [
        ("won_deals", "position_based", [0.4, 0.066_666_667, 0.066_666_667, 0.066_666_666, 0.4]),
        ("won_deals", "u_shaped", [0.4, 0.4, 0.066_666_667, 0.066_666_667, 0.066_666_666]),
        ("won_deals", "w_shaped", [0.3, 0.3, 0.05, 0.3, 0.05]),
        ("won_deals", "full_path", [0.225, 0.225, 0.1, 0.225, 0.225]),
        ("opportunities", "w_shaped", [0.3, 0.3, 0.1, 0.3, 0.0]),
        ("opportunities", "full_path", [0.290_322_581, 0.290_322_581, 0.129_032_257, 0.290_322_581, 0.0]),
        ("leads", "w_shaped", [0.5, 0.5, 0.0, 0.0, 0.0]),
        ("opportunities", "last_non_direct", [0.0, 0.0, 1.0, 0.0, 0.0]),
        ("leads", "j_shaped", [0.25, 0.75, 0.0, 0.0, 0.0]),
    ] {
        let channels = ["paid_search", "email", "webinar", "direct", "paid_social"];
        for (channel, credit) in channels.into_iter().zip(credit) {
            let found = ever(&rows, kpi, &[("channel", channel), ("model", model)]).unwrap_or(0.0);
            assert!((found - credit).abs() < 1.5e-9, "{kpi} {model} {channel}: {found}, not {credit}");
        }
    }
}

#[test]
fn a_late_event_takes_from_open_facts_and_adds_none_to_closed_ones() {
    let config = configured("[time]\nallowed_lateness = \"1h\"\nsettle = \"2h\"");
    let entry = given(stage("s2", january(2), "l", Stage::Lead, None));
    let earlier = || stage("s1", january(1), "l", Stage::Lead, None);
    assert_eq!(total(&config, std::slice::from_ref(&entry), "leads"), Some(1.0));
    // The entry is open, what it would be instead is closed.
    let open = [entry.clone(), late(earlier(), january(2) + HOUR - 1)];
    assert_eq!(total(&config, &open, "leads"), None);
    // At the watermark of entry + L the entry is closed, too.
    let closed = [entry, late(earlier(), january(2) + HOUR)];
    assert_eq!(total(&config, &closed, "leads"), Some(1.0));
}

#[test]
fn a_settling_fact_takes_a_late_amount_until_h_and_l_have_passed() {
    let config = configured("[time]\nallowed_lateness = \"1h\"\nsettle = \"2h\"");
    let won = given(stage("s1", january(2), "l", Stage::Won, Some("d")));
    let raised = |at| {
        let Event::Stage(event) = stage("s2", at, "l", Stage::Proposal, Some("d")) else { unreachable!("it is one") };
        Event::Stage(Box::new(DealStage { amount: Some(Micros(5_000_000)), ..*event }))
    };
    for (event, revenue) in [
        (given(raised(january(2) + 2 * HOUR)), 5.0),
        (given(raised(january(2) + 2 * HOUR + 1)), 1.0),
        (late(raised(january(2) + HOUR), january(2) + 3 * HOUR), 5.0),
        (late(raised(january(2) + HOUR), january(2) + 3 * HOUR + 1), 1.0),
    ] {
        assert_eq!(total(&config, &[won.clone(), event], "revenue"), Some(revenue));
    }
}

#[test]
fn an_anonymous_session_is_the_leads_once_it_is_known() {
    let config = configured("");
    let events = [
        view("v1", january(1), "cookie", None),
        view("v2", january(1) + HOUR / 2, "cookie", None),
        view("v3", january(1) + HOUR + 1, "cookie", None),
        fill("f1", january(3), "l", "cookie"),
        // On a shared device the touches after the next identification are another's.
        view("v4", january(4), "cookie", Some("m")),
        view("v5", january(5), "cookie", None),
        stage("s1", january(6), "l", Stage::Mql, None),
    ]
    .map(given);
    let rows = rows(&config, &events, &Dropped::default(), Millis(january(7)));
    assert_eq!(ever(&rows, "sessions", &[]), Some(4.0));
    assert_eq!(ever(&rows, "leads", &[("channel", "direct"), ("model", "first")]), Some(1.0));
    assert_eq!(ever(&rows, "mqls", &[("channel", "direct"), ("model", "linear")]), Some(1.0));
    assert_eq!(ever(&rows, "session_lead_ratio", &[]), Some(0.25));
}
