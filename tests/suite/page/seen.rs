//! What a person sees of the page, and does with it: a real browser over a server whose rows are made here, so that what
//! is shown is known. The views that need a whole instance behind them are seen in `demo`.

use std::sync::Arc;
use std::time::Duration;

use tributary::config::Config;
use tributary::publish::http::{Server, Site};

use super::{DARK, PHONE, Shown, WIDE, keep_picture, leads_of};
use crate::browser::{Browser, ENTER, TAB};

const VIEWS: [&str; 7] = ["overview", "attribution", "funnel", "cost", "journeys", "goals", "operations"];

fn choose(browser: &Browser, select: &str, value: &str) {
    browser.eval(&format!(
        "(() => {{ const one = document.querySelector('{select}'); one.value = '{value}'; \
         one.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()"
    ));
}

fn open(browser: &Browser, shown: &Shown, query: &str) {
    browser.open(&shown.url(&format!("/?{query}")));
    browser.wait_for("document.querySelector('#connection')?.textContent === 'live'");
}

fn text(browser: &Browser, selector: &str) -> String {
    let found = browser.eval(&format!("document.querySelector('{selector}')?.textContent ?? ''"));
    found.as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn count(browser: &Browser, selector: &str) -> u64 {
    browser.eval(&format!("document.querySelectorAll('{selector}').length")).as_u64().unwrap()
}

#[test]
fn the_page_shows_numbers_and_follows_them() {
    let shown = Shown::start("");
    shown.fill();
    let browser = Browser::start(WIDE);
    open(&browser, &shown, "");
    browser.wait_for("document.querySelectorAll('.tile .spark .line').length === 10");
    browser.wait_for("document.querySelector('.trend canvas')");
    assert_eq!(count(&browser, "#numbers > li"), 10);
    assert_eq!(count(&browser, "#funnel li"), 7);
    assert_eq!(count(&browser, "#sources li"), 7, "a bar a channel");
    assert!(
        text(&browser, "#tile-leads .change").contains("up 11 %, from"),
        "{}",
        text(&browser, "#tile-leads .change")
    );
    assert!(text(&browser, ".headline").contains("of revenue (up 11 %)"), "{}", text(&browser, ".headline"));
    assert!(text(&browser, "#tile-leads .fresh").contains("changed"));
    let intake = browser.eval("document.querySelector('#intake').innerText").to_string();
    for part in ["178,102", "3,571", "186", "s behind"] {
        assert!(intake.contains(part), "{part} in {intake}");
    }
    keep_picture("light", &browser);

    shown.board.publish([leads_of(30, 4321.0)]);
    browser.wait_for("document.querySelector('#tile-leads .value').textContent === '4,321'");
    choose(&browser, "#window", "1d");
    browser.wait_for("document.querySelector('#tile-leads .value').textContent.length <= 3");
    shown.board.publish([leads_of(1, 77.0)]);
    browser.wait_for("document.querySelector('#tile-leads .value').textContent === '77'");

    browser.eval("document.querySelector('#pause').click()");
    shown.board.publish([leads_of(1, 78.0)]);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(text(&browser, "#tile-leads .value"), "77", "paused");
    assert!(text(&browser, "#notice").contains("Paused") && text(&browser, "#connection") == "paused");
    browser.eval("document.querySelector('#pause').click()");
    browser.wait_for("document.querySelector('#tile-leads .value').textContent === '78'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_models_stand_side_by_side_and_say_how_far_they_are_apart() {
    let shown = Shown::start("");
    shown.fill();
    let browser = Browser::start(WIDE);
    open(&browser, &shown, "view=attribution&metric=leads");
    browser.wait_for("document.querySelectorAll('.models tbody tr').length === 7");
    assert_eq!(count(&browser, ".models thead th"), 6, "channel, four models, divergence");
    assert_eq!(count(&browser, ".models tbody th[scope=row]"), 7);
    let divergence = text(&browser, ".models tbody tr:first-child .divergence");
    assert!(
        divergence.contains("pts: ") && divergence.contains("by last") && divergence.contains("by first"),
        "{divergence}"
    );
    choose(&browser, "#metric", "revenue");
    browser.wait_for("document.querySelector('.models caption')?.textContent.startsWith('Revenue')");
    assert!(browser.eval("location.search").as_str().unwrap().contains("metric=revenue"));
    browser.eval("history.back()");
    browser.wait_for("document.querySelector('.models caption')?.textContent.startsWith('Leads')");
    keep_picture("attribution", &browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_filter_is_in_the_address_and_what_it_leaves_without_rows_is_said() {
    let shown = Shown::start("");
    shown.fill();
    let browser = Browser::start(WIDE);
    open(&browser, &shown, "");
    browser.wait_for("document.querySelectorAll('#channel option').length === 8");
    let all = text(&browser, "#tile-leads .value");
    choose(&browser, "#channel", "email");
    browser.wait_for(&format!("document.querySelector('#tile-leads .value').textContent !== '{all}'"));
    assert!(text(&browser, ".title").contains("only email, credit by linear"), "{}", text(&browser, ".title"));
    assert_eq!(browser.eval("location.search"), "?channel=email");
    let linear = text(&browser, "#tile-leads .value");
    choose(&browser, "#model", "last");
    browser.wait_for(&format!("document.querySelector('#tile-leads .value').textContent !== '{linear}'"));

    open(&browser, &shown, "channel=email&campaign=brand");
    let gap = text(&browser, "#campaign-gap");
    assert!(gap.contains("By campaign there are no rows for the last 30 days"), "{gap}");
    assert!(gap.contains("Today · This month · This quarter · Since the beginning"), "{gap}");
    assert!(text(&browser, "#tile-leads").contains("not by campaign in this window"));
    browser.eval("document.querySelector('#campaign-gap button').click()");
    browser.wait_for("!document.querySelector('#campaign-gap')");
    assert!(browser.eval("location.search").as_str().unwrap().contains("window=1d"));
    browser.eval("document.querySelector('#clear').click()");
    browser.wait_for("location.search === '?window=1d'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_keyboard_alone_gets_everywhere() {
    let shown = Shown::start("");
    shown.fill();
    let browser = Browser::start(WIDE);
    open(&browser, &shown, "");
    let focused = |what: &str| browser.eval(&format!("document.activeElement.{what}")).to_string();
    browser.press(TAB);
    assert_eq!(focused("textContent"), "\"Skip to the content\"");
    browser.press(ENTER);
    assert_eq!(focused("id"), "\"main\"");
    open(&browser, &shown, "");
    let order = (0..16).map(|_| {
        browser.press(TAB);
        browser
            .eval("document.activeElement.id || document.activeElement.textContent.trim()")
            .as_str()
            .unwrap()
            .to_owned()
    });
    let expected = [
        "Skip to the content",
        "tributary",
        "pause",
        "theme",
        "Overview",
        "Attribution",
        "Funnel",
        "Cost",
        "Journeys",
        "Goals",
        "Operations",
        "window",
        "channel",
        "model",
        "why-rejected",
        "Revenue",
    ];
    assert_eq!(order.collect::<Vec<_>>(), expected);
    assert_ne!(browser.eval("getComputedStyle(document.activeElement, '::after').outlineStyle"), "none", "it is seen");
    browser.press(TAB);
    browser.press(ENTER);
    browser.wait_for("document.querySelector('#tile-pipeline button').getAttribute('aria-pressed') === 'true'");
    browser.wait_for("document.querySelector('#course h3').textContent === 'Pipeline over time'");
    assert_eq!(focused("textContent"), "\"Pipeline\"", "new numbers take no focus away");
}

#[test]
fn rejections_tell_their_reasons_when_asked() {
    let shown = Shown::start("");
    shown.fill();
    let browser = Browser::start(WIDE);
    open(&browser, &shown, "");
    assert_eq!(browser.eval("document.querySelector('#reasons').hidden"), true);
    browser.eval("document.querySelector('#why-rejected').click()");
    browser.wait_for("!document.querySelector('#reasons').hidden");
    let reasons = text(&browser, "#reasons tbody");
    assert_eq!(reasons, "Missing fieldtouchpoints186");
}

#[test]
fn the_page_is_readable_in_the_dark_and_on_a_phone() {
    for (name, look) in [("dark", DARK), ("phone", PHONE)] {
        let shown = Shown::start("");
        shown.fill();
        let browser = Browser::start(look);
        for view in VIEWS {
            open(&browser, &shown, &format!("view={view}"));
            let width = browser.eval("[window.innerWidth, document.documentElement.scrollWidth]");
            assert_eq!(width, serde_json::json!([look.width, look.width]), "{name}, {view}: it scrolls sideways");
        }
        open(&browser, &shown, "");
        browser.wait_for("document.querySelectorAll('.tile .spark .line').length === 10");
        keep_picture(name, &browser);
        let lightness = "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])";
        assert_eq!(browser.eval(&format!("{lightness} < 128")), look.dark, "{name}");
        let other = if look.dark { "light" } else { "dark" };
        choose(&browser, "#theme", other);
        assert_eq!(browser.eval(&format!("{lightness} < 128")), !look.dark, "{name}, then {other}");
        open(&browser, &shown, "");
        assert_eq!(browser.eval(&format!("{lightness} < 128")), !look.dark, "{other} is kept");
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_page_says_why_it_is_empty_or_not_live_and_comes_back() {
    let shown = Shown::start("");
    let browser = Browser::start(WIDE);
    for view in VIEWS {
        open(&browser, &shown, &format!("view={view}"));
        browser.wait_for("document.querySelector('#notice').textContent.includes('it is starting')");
        let expected = match view {
            "goals" => "No goal is configured",
            "operations" => "nothing is published yet: it is starting",
            _ => "The instance is not ready: it is starting",
        };
        browser.wait_for(&format!("document.querySelector('main').textContent.includes('{expected}')"));
        keep_picture(&format!("empty-{view}"), &browser);
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());

    open(&browser, &shown, "view=attribution");
    let address = shown.server.address();
    shown.server.stop();
    browser.wait_for("document.querySelector('#notice').textContent.includes('Not live')");
    keep_picture("not-live", &browser);
    let config = Config::parse(&format!("[http]\nlisten = \"{address}\"\n"), "", std::iter::empty()).unwrap();
    let again = Site::new(&config, Arc::clone(&shown.board), Arc::clone(&shown.metrics));
    let again = Shown { server: Server::start(again).unwrap(), board: shown.board, metrics: shown.metrics };
    again.fill();
    browser.wait_for("document.querySelectorAll('.models tbody tr').length === 7");
    browser.wait_for("document.querySelector('#notice').hidden");
    browser.wait_for("document.querySelector('#connection').textContent === 'live'");
}
