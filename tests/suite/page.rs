//! The page and the HTTP interface of a running server, seen by a real browser (`page/seen`), a real promtool and plain
//! requests.

mod seen;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tributary::config::Config;
use tributary::kpi::measures::{Dim, Scale};
use tributary::kpi::number::Number;
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};
use tributary::model::window::WindowKind;
use tributary::publish::board::{Board, Status};
use tributary::publish::http::{Server, Site};
use tributary::rollup::row::{Row, RowChange, RowId, Says};
use tributary::telemetry::metrics::Metrics;

use crate::browser::{Browser, Look};
use crate::http::get;
use crate::prometheus::check_metrics;

const CHANNELS: [(&str, f64); 7] = [
    ("paid_search", 0.27),
    ("organic_search", 0.22),
    ("email", 0.16),
    ("paid_social", 0.13),
    ("referral", 0.1),
    ("events", 0.08),
    ("direct", 0.04),
];

/// KPI, unit, and its size on a day.
const KPIS: [(&str, &str, f64); 13] = [
    ("leads", "count", 41.0),
    ("mqls", "count", 17.0),
    ("sals", "count", 12.0),
    ("sqls", "count", 8.0),
    ("opportunities", "count", 5.0),
    ("proposals", "count", 3.0),
    ("won_deals", "count", 1.4),
    ("spend", "currency", 2210.0),
    ("cost_per_lead", "currency", 53.0),
    ("pipeline", "currency", 61_500.0),
    ("revenue", "currency", 18_900.0),
    ("return_on_ad_spend", "ratio", 8.5),
    ("win_ratio", "ratio", 0.4),
];

struct Shown {
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    server: Server,
}

impl Shown {
    fn start(settings: &str) -> Self {
        let settings = format!("{settings}\n[http]\nlisten = \"127.0.0.1:0\"\n");
        let config = Config::parse(&settings, "tributary.toml", std::iter::empty()).unwrap();
        let (board, metrics) = (Arc::new(Board::default()), Arc::new(Metrics::new()));
        let server = Server::start(Site::new(&config, Arc::clone(&board), Arc::clone(&metrics))).unwrap();
        Self { board, metrics, server }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    /// Ninety days of rows, and an instance in good order.
    fn fill(&self) {
        let now = now();
        let today = now.0.div_euclid(Span::DAY.0);
        for day in today - 89..=today {
            self.board.publish(rows_of_day(day, now));
        }
        let topic = Topic::Touchpoints.name();
        self.metrics.consumed.with_label_values(&[topic]).inc_by(182_340);
        self.metrics.accepted.with_label_values(&[topic]).inc_by(178_102);
        self.metrics.duplicated.inc_by(3571);
        self.metrics.late.inc_by(12);
        self.metrics.rejected.with_label_values(&[topic, "missing_field"]).inc_by(186);
        self.metrics.lag_records.with_label_values(&[topic, "0"]).set(0);
        self.metrics.latency_seconds.observe(0.3);
        self.board.set_status(Status {
            not_ready: None,
            trouble: None,
            watermark: Some(now - Span(2000)),
            owns_rollup: true,
        });
    }
}

fn now() -> Millis {
    Millis(jiff::Timestamp::now().as_millisecond())
}

fn rows_of_day(day: i64, now: Millis) -> Vec<RowChange> {
    let wave = 1.0 + 0.25 * (day as f64 / 5.0).sin() + if day % 7 == 3 { -0.3 } else { 0.0 };
    let mut rows = Vec::new();
    for (kpi, unit, size) in KPIS {
        let is_ratio = matches!(kpi, "cost_per_lead" | "return_on_ad_spend" | "win_ratio");
        for (window, days) in [(WindowKind::Day, 1), (WindowKind::Rolling(30), 30)] {
            let size = if is_ratio { size * wave.sqrt() } else { size * wave * days as f64 };
            let number = |value: f64, dims: &[_]| row(kpi, unit, (window, day, days), dims, value, now);
            rows.push(number(if unit == "count" { size.round() } else { size }, &[]));
            for (at, (channel, share)) in CHANNELS.into_iter().enumerate() {
                for (model, lean) in [("first", 0.35), ("last", -0.3), ("linear", 0.0), ("u_shaped", 0.12)] {
                    let share = if is_ratio { 0.5 + share * 3.0 } else { share };
                    let bias = 1.0 + lean * (3.0 - at as f64) / 3.0;
                    rows.push(number(size * share * bias, &[("channel", channel), ("model", model)]));
                }
            }
        }
    }
    rows
}

fn row(
    kpi: &str,
    unit: &str,
    (window, day, days): (WindowKind, i64, i64),
    dims: &[(&'static str, &str)],
    value: f64,
    now: Millis,
) -> RowChange {
    let end = Millis((day + 1) * Span::DAY.0);
    let id = RowId {
        kpi: Arc::from(kpi),
        window,
        start: Some(end - Span::days(days)),
        dims: dims.iter().map(|(name, value)| (*name, Arc::from(*value))).collect(),
    };
    let exact = |value: f64| Number::of((value * 1e6).round() as i128, Scale::Money);
    let says = Says {
        value: Some(exact(value)),
        previous: Some(exact(value * 0.9)),
        change: Some(1.0 / 0.9 - 1.0),
        ..Says::default()
    };
    let currency = (unit == "currency").then(|| Arc::from("USD"));
    let watermark = Millis(end.0.min(now.0));
    let row = Row { id, unit: Arc::from(unit), currency, end: Some(end), says, watermark, updated_at: now };
    RowChange::Says(row.into())
}

fn leads_of(days: i64, value: f64) -> RowChange {
    let today = now().0.div_euclid(Span::DAY.0);
    let window = if days == 1 { WindowKind::Day } else { WindowKind::Rolling(30) };
    row("leads", "count", (window, today, days), &[], value, now())
}

/// Where `TRIBUTARY_PICTURES` says, for a person to look at.
pub fn keep_picture(name: &str, browser: &Browser) {
    if let Some(folder) = std::env::var_os("TRIBUTARY_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), browser.picture()).unwrap();
    }
}

pub const WIDE: Look = Look { width: 1280, height: 900, dark: false };
pub const DARK: Look = Look { dark: true, ..WIDE };
pub const PHONE: Look = Look { width: 390, height: 844, dark: false };

#[test]
fn promtool_accepts_the_metrics_of_the_processor_and_the_kpis() {
    let shown = Shown::start("");
    shown.fill();
    let scrape = get(shown.server.address(), "/metrics").unwrap();
    assert_eq!(scrape.status, 200);
    assert_eq!(check_metrics(&scrape.body), Ok(()));
    for line in [
        "tributary_leads{window=\"1d\"} ",
        "tributary_revenue{window=\"30d\",channel=\"email\",model=\"linear\",currency=\"USD\"} ",
        "tributary_events_rejected_total{reason=\"missing_field\",topic=\"touchpoints\"} 186",
        "tributary_end_to_end_latency_seconds_bucket{le=\"0.5\"} 1",
        "tributary_ready 1",
        "tributary_build_info{version=",
    ] {
        assert!(scrape.body.contains(line), "{line} in {}", scrape.body);
    }
    shown.board.set_status(Status { owns_rollup: false, ..Status::clone(&shown.board.status()) });
    let other = get(shown.server.address(), "/metrics").unwrap().body;
    assert!(!other.contains("tributary_leads{"), "another instance exports the KPIs");
}

#[test]
fn health_rows_and_refusals_over_plain_http() {
    let shown = Shown::start("");
    let address = shown.server.address();
    let ask = |path: &str| get(address, path).unwrap();
    assert_eq!((ask("/healthz").status, ask("/readyz").status), (200, 503));
    assert!(ask("/readyz").body.contains("starting"));
    let empty = raw(address, "GET /api/v1/kpis?kpi=leads HTTP/1.0\r\n\r\n");
    assert!(empty.contains("tributary-empty-because: nothing is published yet: it is starting"), "{empty}");
    assert!(empty.ends_with("\r\n\r\n[]"), "{empty}");

    shown.fill();
    assert_eq!(ask("/readyz").status, 200);
    let rows = ask("/api/v1/kpis?kpi=leads&window=30d&start=running&channel=email&model=first").json();
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    assert_eq!(rows[0]["dims"], serde_json::json!({ "channel": "email", "model": "first" }));
    let history = ask("/api/v1/kpis?kpi=leads&window=1d&dims=").json();
    assert_eq!(history.as_array().map(Vec::len), Some(90));
    let none = raw(address, "GET /api/v1/kpis?kpi=leads&page=%2F HTTP/1.0\r\n\r\n");
    assert!(none.contains("tributary-empty-because: no such rows exist"), "{none}");

    let unknown = ask("/api/v1/kpis?kpi=lead");
    assert_eq!((unknown.status, &unknown.json()["error"]), (404, &"unknown_kpi".into()));
    assert!(raw(address, "POST /api/v1/kpis HTTP/1.0\r\ncontent-length: 0\r\n\r\n").contains(" 405 "));
    assert_eq!(ask("/nowhere").json()["error"], "not_found");
    let rejections = serde_json::json!([{ "topic": "touchpoints", "reason": "missing_field", "count": 186 }]);
    assert_eq!(ask("/api/v1/status").json()["rejections"], rejections);
    let catalogue = ask("/api/v1/catalogue").json();
    let leads = catalogue["kpis"].as_array().unwrap().iter().find(|kpi| kpi["id"] == "leads").unwrap();
    assert_eq!(leads["prometheus"], "tributary_leads");
    let by_model = serde_json::json!([Dim::Channel.name(), Dim::Model.name()]);
    assert!(leads["rows"].as_array().unwrap().iter().any(|row| row["dims"] == by_model));
}

#[test]
fn answers_are_compressed_for_who_takes_it_and_the_stream_is_not() {
    let shown = Shown::start("");
    shown.fill();
    for path in ["/", "/page.js", "/vendor/vendor.js", "/api/v1/kpis?kpi=leads", "/metrics"] {
        let ask = |header: &str| {
            let mut stream = TcpStream::connect(shown.server.address()).unwrap();
            stream.write_all(format!("GET {path} HTTP/1.0\r\n{header}\r\n").as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            (String::from_utf8_lossy(&answer).contains("content-encoding: gzip"), answer.len())
        };
        let ((plain, length), (packed, shorter)) = (ask(""), ask("accept-encoding: gzip, br\r\n"));
        assert!(!plain && packed && shorter < length, "{path}: {length} {shorter}");
    }
    let mut stream = TcpStream::connect(shown.server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /api/v1/stream?kpi=leads HTTP/1.0\r\naccept-encoding: gzip\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.by_ref().take_while(|line| !line.is_empty()).all(|line| !line.starts_with("content-encoding")));
    assert_eq!(lines.next().as_deref(), Some("event: status"));
}

#[test]
fn the_stream_tells_of_changes_until_the_server_stops() {
    let shown = Shown::start("");
    let mut stream = TcpStream::connect(shown.server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /api/v1/stream?kpi=leads&window=30d HTTP/1.0\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut until = |text: &str| lines.by_ref().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}"));
    until("event: status");
    shown.board.publish([leads_of(1, 5.0), leads_of(30, 7.0)]);
    until("event: rows");
    let rows = until("data: ");
    assert!(rows.contains("\"value\":7") && !rows.contains("\"window\":\"1d\""), "{rows}");
    shown.board.publish([RowChange::Gone(leads_of(30, 0.0).id().clone())]);
    until("event: gone");
    assert!(until("data: ").contains("leads|30d|"));
    let start = std::time::Instant::now();
    shown.server.stop();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(lines.find(|line| line.starts_with("event: rows")), None, "the stream has ended");
}

#[test]
fn from_elsewhere_a_token_is_asked_for() {
    let settings = "[http]\nlisten = \"0.0.0.0:0\"\ntoken = \"a-secret\"\n";
    let config = Config::parse(settings, "", std::iter::empty()).unwrap();
    // The guard goes by what is configured; the test itself listens on loopback alone.
    let site = Site::new(&config, Arc::default(), Arc::default());
    let server = Server::start_at("127.0.0.1:0".parse().unwrap(), site).unwrap();
    let ask = |path: &str, header: &str| raw(server.address(), &format!("GET {path} HTTP/1.0\r\n{header}\r\n"));
    for path in ["/", "/api/v1/kpis", "/api/v1/stream", "/nowhere"] {
        let refused = ask(path, "");
        assert!(refused.contains(" 401 ") && refused.contains("www-authenticate: Bearer"), "{path}: {refused}");
        assert!(ask(path, "authorization: Bearer wrong\r\n").contains(" 401 "), "{path}");
    }
    assert!(ask("/api/v1/kpis", "authorization: Bearer a-secret\r\n").contains(" 200 "));
    assert!(ask("/", "authorization: Basic YW55OmEtc2VjcmV0\r\n").contains(" 200 "));
    for path in ["/healthz", "/metrics"] {
        assert!(ask(path, "").contains(" 200 "), "{path}");
    }
}

fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    std::io::read_to_string(stream).unwrap()
}
