//! The demo as a whole: generated events, the real processor over the log in memory, the page in a real browser.

use std::time::{Duration, Instant};

use tributary::demo::{Demo, Story, configuration};

use crate::broker::kcat;
use crate::browser::Browser;
use crate::http::get;
use crate::page::{WIDE, keep_picture};
use crate::prometheus::check_metrics;
use crate::real_parts::wait_for;

#[test]
fn the_demo_shows_numbers_that_grow_and_ends_at_once() {
    let config = configuration("127.0.0.1:0".parse().unwrap()).unwrap();
    let demo = Demo::start(&config, Story { seed: 1, leads: 400, days: 40, speed: 1800 }).unwrap();
    wait_for("the first number", Duration::from_secs(20), || demo.has_numbers().then_some(()));
    let browser = Browser::start(WIDE);
    browser.open(&format!("http://{}/?window=all", demo.address()));
    let number = |tile: &str| {
        let text = browser.eval(&format!("document.querySelector('#tile-{tile} .value')?.textContent"));
        text.as_str()?.replace(',', "").parse::<f64>().ok()
    };
    let first = wait_for("leads on the page", Duration::from_secs(20), || number("leads"));
    wait_for("more leads", Duration::from_secs(60), || number("leads").filter(|leads| *leads > first + 20.0));
    wait_for("opportunities", Duration::from_secs(60), || number("opportunities"));
    browser.wait_for("document.querySelectorAll('#models tbody tr').length > 5");
    keep_picture("demo", &browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let scrape = get(demo.address(), "/metrics").unwrap().body;
    assert_eq!(check_metrics(&scrape), Ok(()));
    assert!(scrape.contains("tributary_leads{window=\"all\"} "), "{scrape}");
    for counted in ["end_to_end_latency_seconds", "restore_duration_seconds"] {
        let count = format!("tributary_{counted}_count ");
        let none = format!("{count}0\n");
        assert!(scrape.contains(&count) && !scrape.contains(&none), "{counted} says nothing: {scrape}");
    }
    a_foreign_client_writes_and_reads(&demo);
    assert!(!demo.has_ended());
    let start = Instant::now();
    demo.stop();
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

fn a_foreign_client_writes_and_reads(demo: &Demo) {
    let ask = |path: &str| get(demo.address(), path).unwrap();
    let lead = "/api/v1/leads/me@mine.example";
    assert_eq!(ask(lead).status, 404);
    let fill =
        r#"{"event_id":"mine","occurred_at":"AT","lead_id":"me@mine.example","form_id":"f","form_kind":"contact"}"#;
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 20);
    kcat(&demo.broker(), &["-P", "-t", "form-fills"], &fill.replace("AT", &at.to_string()));
    let journey = wait_for("the lead", Duration::from_secs(60), || Some(ask(lead)).filter(|it| it.status == 200));
    assert_eq!(journey.json()["form_fills"].as_array().map(Vec::len), Some(1));

    let rows = kcat(&demo.broker(), &["-C", "-t", "kpis", "-o", "-5", "-e", "-f", "%s\n"], "");
    let row: serde_json::Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert!(row["kpi"].is_string() && row["watermark"].is_i64(), "{row}");
    let letters = kcat(&demo.broker(), &["-C", "-t", "dead-letters", "-e", "-f", "%h\n"], "");
    assert!(letters.contains("tributary.error.reason="), "{letters}");
}
