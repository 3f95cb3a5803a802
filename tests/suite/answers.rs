//! Alerts and what-if over HTTP: a board with a few rows and alerts in, answers out.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tributary::config::Config;
use tributary::kpi::number::Number;
use tributary::model::time::{Millis, Span};
use tributary::model::window::WindowKind;
use tributary::publish::board::{Board, Change, Status};
use tributary::publish::http::{Server, Site};
use tributary::rollup::alerts::{Alert, AlertChange, AlertId};
use tributary::rollup::row::{Dims, Row, RowChange, RowId, Says};

use crate::http::{Answer, get};
use crate::prometheus::check_metrics;

const NOW: Millis = Millis(1_772_755_200_000);

fn dims(of: &[(&'static str, &str)]) -> Dims {
    of.iter().map(|(name, value)| (*name, Arc::from(*value))).collect()
}

/// Of the 90 days that end today.
fn row(kpi: &str, of: &[(&'static str, &str)], value: Option<f64>, between: Option<(f64, f64)>) -> Change {
    let end = NOW + Span::DAY;
    let id = RowId {
        kpi: Arc::from(kpi),
        window: WindowKind::Rolling(90),
        start: Some(end - Span::days(90)),
        dims: dims(of),
    };
    let (low, high) = between.unzip();
    let says = Says { value: value.map(Number::Real), low, high, ..Says::default() };
    let row =
        Row { id, unit: Arc::from("ratio"), currency: None, end: Some(end), says, watermark: NOW, updated_at: NOW };
    Change::Row(RowChange::Says(Arc::new(row)))
}

fn alert(rule: &str, channel: &str, resolved: Option<Millis>) -> Change {
    Change::Alert(AlertChange::Says(Arc::new(told(rule, channel, resolved))))
}

pub fn told(rule: &str, channel: &str, resolved: Option<Millis>) -> Alert {
    Alert {
        id: AlertId { rule: Arc::from(rule), dims: dims(&[("channel", channel)]) },
        kpi: Some(Arc::from("budget_pace_ratio")),
        window: WindowKind::Month,
        start: Some(NOW),
        end: Some(NOW + Span::days(30)),
        condition: Arc::from("budget_pace_ratio > 1.1"),
        value: Some(Number::Real(1.25)),
        threshold: 1.1,
        since: NOW,
        resolved,
        currency: None,
        watermark: NOW,
        updated_at: NOW,
    }
}

struct Shown {
    server: Server,
    board: Arc<Board>,
}

impl Shown {
    fn start(settings: &str) -> Self {
        let settings = format!("{settings}\n[http]\nlisten = \"127.0.0.1:0\"\n");
        let config = Config::parse(&settings, "tributary.toml", std::iter::empty()).unwrap();
        let board = Arc::new(Board::default());
        let server = Server::start(Site::new(&config, Arc::clone(&board), Arc::default())).unwrap();
        Self { server, board }
    }

    fn publish(&self, changes: impl IntoIterator<Item = Change>) {
        self.board.take(changes.into_iter().collect());
        self.board.set_status(Status { not_ready: None, trouble: None, watermark: Some(NOW), owns_rollup: true });
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn ask(&self, path: &str) -> Answer {
        get(self.address(), path).unwrap()
    }
}

fn outcome(answer: &Value, name: &str) -> Value {
    let outcomes = answer["outcomes"].as_array().unwrap();
    outcomes.iter().find(|outcome| outcome["name"] == name).unwrap().clone()
}

/// Of `all`.
fn credit(kpi: &str, of: &[(&'static str, &str)], value: f64, parts: Option<(f64, f64)>) -> Change {
    let id = RowId { kpi: Arc::from(kpi), window: WindowKind::All, start: None, dims: dims(of) };
    let (numerator, denominator) = parts.map(|(over, under)| (Number::Real(over), Number::Real(under))).unzip();
    let says = Says { value: Some(Number::Real(value)), numerator, denominator, ..Says::default() };
    let row = Row { id, unit: Arc::from("ratio"), currency: None, end: None, says, watermark: NOW, updated_at: NOW };
    Change::Row(RowChange::Says(Arc::new(row)))
}

#[test]
fn models_are_compared_channel_by_channel() {
    let site = Shown::start("");
    let of = |channel, model| [("channel", channel), ("model", model), ("stage", "won")];
    site.publish([
        credit("attributed_share_ratio", &of("email", "first"), 0.75, Some((3.0, 4.0))),
        credit("attributed_share_ratio", &of("pr", "first"), 0.25, Some((1.0, 4.0))),
        credit("attributed_share_ratio", &of("email", "markov"), 0.5, Some((2.0, 4.0))),
        credit("attributed_share_ratio", &[("channel", "pr"), ("model", "first"), ("stage", "lead")], 1.0, None),
        credit("revenue", &[("channel", "email"), ("model", "first")], 900.0, None),
        credit("attributed_value", &of("email", "markov"), 600.0, None),
        credit("touch_dated_conversions", &of("pr", "first"), 2.0, None),
        credit("assisted_conversions", &[("channel", "pr"), ("stage", "won")], 3.0, None),
        credit("path_conversions", &[("path", "pr > email"), ("stage", "won")], 2.0, None),
        credit("path_conversions", &[("path", "email"), ("stage", "won")], 2.0, None),
        credit("journey_touches", &[("stage", "won"), ("stat", "mean")], 1.5, None),
    ]);
    let answer = site.ask("/api/v1/attribution").json();
    let said = (&answer["stage"], &answer["window"], &answer["conversions"], &answer["models"]);
    assert_eq!(said, (&json!("won"), &json!("all"), &json!(4.0), &json!(["first", "markov"])));
    let email = &answer["channels"][0];
    assert_eq!(email["shares"], json!({ "first": 0.75, "markov": 0.5 }));
    assert_eq!((&email["conversions"]["first"], &email["divergence"]), (&json!(3.0), &json!(0.25)));
    assert_eq!(email["value"], json!({ "first": 900.0, "markov": 600.0 }));
    let pr = answer["channels"].as_array().unwrap().iter().find(|channel| channel["channel"] == "pr").unwrap();
    assert_eq!((&pr["touch_dated_conversions"]["first"], &pr["assisted"]), (&json!(2.0), &json!(3.0)));
    // Half of the conversions are nobody's under markov: a quarter from email and one from pr would have to move.
    assert_eq!(answer["distances"], json!([{ "models": ["first", "markov"], "distance": 0.5 }]));
    assert_eq!(answer["paths"][0], json!({ "path": "email", "conversions": 2.0 }));
    assert_eq!(answer["journey_touches"], json!({ "mean": 1.5 }));
    let refused = |query: &str, error: &str| {
        let answer = site.ask(&format!("/api/v1/attribution?{query}"));
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{query}");
    };
    refused("stage=one", "invalid_stage");
    refused("window=1h", "invalid_window");
    refused("start=today", "invalid_start");
    refused("stagge=won", "unknown_parameter");
    let none = Shown::start("[output]\nkpis = [\"leads\"]\n").ask("/api/v1/attribution");
    assert_eq!(none.status, 404);
}

#[test]
fn what_if_goes_by_the_channels_ratios_and_else_by_those_of_all() {
    let site = Shown::start("");
    assert_eq!(site.ask("/api/v1/what-if?channel=email").status, 503, "nothing is published yet");
    let email = [("channel", "email")];
    site.publish([
        row("session_lead_ratio", &[], Some(0.02), None),
        row("session_lead_ratio", &email, Some(0.05), None),
        row("lead_mql_ratio", &[], Some(0.9), Some((0.8, 0.95))),
        row("lead_mql_ratio", &email, Some(0.4), Some((0.3, 0.5))),
        row("mql_sql_ratio", &[], Some(0.5), Some((0.25, 0.75))),
        row("mql_sql_ratio", &email, None, None),
        row("average_deal_value", &email, Some(900.0), None),
        row("cost_per_lead", &[("channel", "email"), ("model", "last")], Some(10.0), None),
    ]);
    let answer = site.ask("/api/v1/what-if?channel=Email&sessions=200").json();
    assert_eq!(
        (&answer["channel"], &answer["sessions"], &answer["window"]),
        (&json!("email"), &json!(200), &json!("90d"))
    );
    let said = |name: &str| {
        let outcome = outcome(&answer, name);
        json!([
            outcome["value"],
            outcome["low"],
            outcome["high"],
            outcome["of"],
            outcome["ratio"]["kpi"],
            outcome["because"]
        ])
    };
    assert_eq!(said("leads"), json!([10.0, null, null, "channel", "session_lead_ratio", null]));
    assert_eq!(said("mqls"), json!([4.0, 3.0, 5.0, "channel", "lead_mql_ratio", null]));
    assert_eq!(said("sqls"), json!([2.0, 1.0, 3.0, "total", "mql_sql_ratio", null]), "the channel's row has no value");
    let because = "no row of sql_customer_ratio in 90d has a value";
    assert_eq!(said("customers"), json!([null, null, null, null, null, because]));
    assert_eq!(said("revenue"), json!([null, null, null, null, null, "customers are not known"]));
    assert_eq!(said("cost"), json!([100.0, null, null, "channel", "cost_per_lead", null]));
    assert_eq!(outcome(&answer, "cost")["ratio"]["dims"], json!({ "channel": "email", "model": "last" }));

    let of_all = site.ask("/api/v1/what-if").json();
    assert_eq!((&of_all["channel"], &of_all["sessions"]), (&Value::Null, &json!(50)));
    assert_eq!(outcome(&of_all, "leads")["value"], json!(1.0));

    let unknown = site.ask("/api/v1/what-if?channel=e-mail");
    assert_eq!((unknown.status, &unknown.json()["error"]), (404, &json!("unknown_channel")));
    assert_eq!(unknown.json()["hint"], "did you mean `email`?");
    let bad = site.ask("/api/v1/what-if?sessions=-5");
    assert_eq!((bad.status, &bad.json()["error"]), (400, &json!("invalid_sessions")));
}

#[test]
fn alerts_are_told_over_http_and_as_gauges_within_the_bound() {
    let site = Shown::start("[metrics]\nmax_series = 2\n");
    assert_eq!(site.ask("/api/v1/alerts").json(), json!([]));
    site.publish([row("leads", &[], Some(1.0), None)]);
    site.publish(["a", "b", "c", "d"].map(|channel| alert("budget_pace_1mo", channel, None)));
    site.publish([alert("budget_pace_1mo", "b", Some(NOW)), alert("mine", "a", None)]);
    let found = |query: &str| {
        let alerts = site.ask(&format!("/api/v1/alerts{query}")).json();
        let alerts = alerts.as_array().unwrap().clone();
        alerts
            .iter()
            .map(|alert| format!("{} {}", alert["rule"], alert["dims"]["channel"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(found("").len(), 5);
    assert_eq!(found("?state=resolved"), ["budget_pace_1mo b"]);
    assert_eq!(found("?state=firing&channel=a"), ["budget_pace_1mo a", "mine a"]);
    assert_eq!(found("?rule=other"), [""; 0]);
    let one = site.ask("/api/v1/alerts?rule=mine").json();
    assert_eq!((&one[0]["value"], &one[0]["since"], &one[0]["resolved"]), (&json!(1.25), &json!(NOW.0), &Value::Null));
    assert_eq!(site.ask("/api/v1/alerts?chanel=a").json()["hint"], "did you mean `channel`?");

    let scrape = site.ask("/metrics").body;
    assert_eq!(check_metrics(&scrape), Ok(()));
    for line in [
        "tributary_alert_firing{rule=\"budget_pace_1mo\",window=\"1mo\",channel=\"a\"} 1",
        "tributary_alert_firing{rule=\"budget_pace_1mo\",window=\"1mo\",channel=\"c\"} 1",
        "tributary_alert_firing{rule=\"budget_pace_1mo\",window=\"1mo\",channel=\"(other)\"} 1",
        "tributary_alert_firing{rule=\"mine\",window=\"1mo\",channel=\"(other)\"} 1",
        "tributary_kpi_series_overflowed 2",
    ] {
        assert!(scrape.contains(line), "{line} in {scrape}");
    }
    site.publish([Change::Alert(AlertChange::Gone(AlertId {
        rule: Arc::from("mine"),
        dims: dims(&[("channel", "a")]),
    }))]);
    assert_eq!(found("?rule=mine"), [""; 0]);
}
