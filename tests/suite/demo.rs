//! The demo as a whole: generated events, the real processor over the log in memory, the page in a real browser.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tributary::demo::{Demo, Story, configuration};

use crate::broker::kcat;
use crate::browser::{Browser, ENTER, ESCAPE, Look, TAB};
use crate::http::get;
use crate::page::{DARK, PHONE, WIDE, keep_picture};
use crate::prometheus::check_metrics;
use crate::real_parts::wait_for;

/// Views, and what is there once they have something to show.
const VIEWS: [(&str, &str); 8] = [
    ("trend=leads", "document.querySelectorAll('#sources li').length > 5 && document.querySelector('.trend canvas')"),
    ("view=attribution&metric=leads", "document.querySelectorAll('.matrix tbody tr').length > 3"),
    ("view=funnel", "document.querySelectorAll('.stages tbody .behind').length > 4"),
    ("view=cost", "document.querySelectorAll('.costs .balance').length > 5"),
    ("view=cost&window=all&channel=paid_search", "document.querySelectorAll('.costs tbody tr').length > 1"),
    ("view=journeys&stage=lead", "document.querySelectorAll('.flow path').length > 10"),
    ("view=goals", "document.querySelectorAll('.target .bar').length > 3"),
    ("view=operations", "document.querySelector('#alerts tbody tr') || document.querySelector('#alerts .empty')"),
];

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
    wait_for("more leads", Duration::from_secs(120), || number("leads").filter(|leads| *leads > first + 20.0));
    wait_for("opportunities", Duration::from_secs(120), || number("opportunities"));
    keep_picture("demo", &browser);
    every_view_is_filled_and_without_barriers(demo.address(), &browser, ("light", WIDE));
    a_number_leads_to_its_conversions_by_keyboard(demo.address(), &browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    drop(browser);
    for (name, look) in [("dark", DARK), ("phone", PHONE)] {
        let browser = Browser::start(look);
        every_view_is_filled_and_without_barriers(demo.address(), &browser, (name, look));
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}");
    }
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

fn every_view_is_filled_and_without_barriers(demo: SocketAddr, browser: &Browser, (name, look): (&str, Look)) {
    for (query, filled) in VIEWS {
        browser.open(&format!("http://{demo}/?{query}"));
        browser.wait_for(filled);
        assert_eq!(browser.barriers(), Vec::<String>::new(), "{name}: {query}");
        let width = browser.eval("document.documentElement.scrollWidth");
        assert_eq!(width, look.width, "{name}: {query} scrolls sideways");
        keep_picture(&format!("demo-{name}-{}", query.replace(['=', '&'], "-")), browser);
    }
}

/// A number, the conversions behind it, the touches of one, the whole journey of its lead; and back.
fn a_number_leads_to_its_conversions_by_keyboard(demo: SocketAddr, browser: &Browser) {
    browser.open(&format!("http://{demo}/?view=attribution&metric=leads&window=all"));
    browser.wait_for("document.querySelector('.models button.behind')");
    browser.eval("document.querySelector('.models button.behind').focus()");
    let label = "document.activeElement.getAttribute('aria-label').split(': ')[1]";
    let focused = browser.eval(label);
    assert!(focused.as_str().unwrap().starts_with("conversions behind Leads, "), "{focused}");
    browser.press(ENTER);
    browser.wait_for("document.querySelector('dialog').open && document.querySelector('.conversions li')");
    browser.wait_for("document.querySelector('dialog').contains(document.activeElement)");
    assert!(browser.eval("document.querySelectorAll('.touches thead th').length").as_u64().unwrap() > 3, "models");
    assert!(
        browser.eval("document.querySelectorAll('.touches tr.mine').length").as_u64().unwrap() > 0,
        "the channel's"
    );
    let said = browser.eval("document.querySelector('dialog .note').textContent");
    assert!(said.as_str().unwrap().contains("of all of them"), "{said}");
    assert_eq!(browser.barriers(), Vec::<String>::new(), "conversions");
    keep_picture("demo-conversions", browser);

    browser.eval("document.querySelector('#lead-0').focus()");
    browser.press(ENTER);
    browser.wait_for("document.querySelectorAll('.timeline .stage').length > 0");
    assert_eq!(browser.eval("document.activeElement.id"), "drawer-title", "what is new is told");
    assert_eq!(browser.barriers(), Vec::<String>::new(), "journey of a lead");
    keep_picture("demo-lead", browser);
    browser.press(TAB);
    browser.press(TAB);
    browser.press(ENTER);
    browser.wait_for("document.activeElement.id === 'lead-0'");
    browser.press(ESCAPE);
    browser.wait_for("!document.querySelector('dialog')");
    assert_eq!(browser.eval(label), focused, "the focus goes back");
}
