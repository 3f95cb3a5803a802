//! What is drawn of a fixed state in terminals of several sizes, and what keys and news change.

use std::sync::Arc;

use expect_test::{Expect, expect};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use serde_json::json;

use super::answers::{Answers, Catalogue, Choice, Wanted};
use super::asking::News;
use super::screen::{Act, Screen};
use super::view::{self, Palette};

fn catalogue() -> Catalogue {
    let shape = |dims: &[&str], windows: &[&str]| json!({ "dims": dims, "windows": windows });
    serde_json::from_value(json!({
        "windows": ["1d", "30d", "all", "now"], "models": ["first", "linear"], "currency": "EUR", "zone": "UTC",
        "kpis": [
            { "id": "assists", "unit": "count", "rows": [shape(&["channel"], &["30d"])] },
            { "id": "leads", "unit": "count", "rows": [
                shape(&[], &["1d", "30d", "all"]), shape(&["channel", "model"], &["1d", "30d", "all"]),
            ] },
            { "id": "spend", "unit": "currency", "rows": [shape(&["channel"], &["1d", "30d"])] },
            { "id": "stock", "unit": "count", "rows": [shape(&[], &["now"])] },
        ],
    }))
    .expect("a catalogue")
}

fn answers(now: i64, consumed: u64) -> Answers {
    let row = |kpi: &str, channel: &str, value: f64, change: Option<f64>| json!({ "kpi": kpi, "unit": "count", "window": "30d", "dims": { "channel": channel }, "value": value, "change": change });
    let rows = |rows: serde_json::Value| serde_json::from_value(rows).expect("rows");
    let channels = [("paid_search", 120.5, Some(0.25)), ("organic_search", 60.0, Some(-0.034)), ("email", 12.25, None)];
    let stages = [("leads", 193.0), ("mqls", 77.0), ("opportunities", 9.0)];
    Answers {
        status: serde_json::from_value(json!({
            "version": "0.1.0", "ready": false, "not_ready": "3 of its 8 shards are restored", "trouble": null,
            "watermark": 1_767_571_200_000_i64, "now": now, "rows_published": 123_456, "owns_rollup": true,
            "intake": {
                "consumed": consumed, "accepted": consumed - 30, "duplicated": 20, "late": 3, "rejected": 7, "lag": 1234,
            },
            "state": { "leads": 4000, "touches": 31_000, "bytes": 12_582_912 },
        }))
        .expect("a status"),
        catalogue: Arc::new(catalogue()),
        choice: Choice { window: "30d".to_owned(), kpi: "leads".to_owned(), model: Some("linear".to_owned()) },
        alerts: serde_json::from_value(json!([{
            "rule": "budget_pace_1mo", "condition": "budget_pace_ratio > 1.1", "value": 2.4884, "window": "1mo",
            "dims": { "channel": "webinar" }, "since": 1_767_398_400_000_i64,
        }]))
        .expect("alerts"),
        channels: rows(channels.into_iter().map(|(name, value, change)| row("leads", name, value, change)).collect()),
        funnel: rows(stages.into_iter().map(|(kpi, value)| row(kpi, "", value, None)).collect()),
        empty_because: None,
    }
}

const NOW: i64 = 1_767_571_320_000;

/// A minute of events, a second each.
fn screen() -> Screen {
    let mut screen = Screen::new("http://127.0.0.1:9464");
    for second in 0..60_u64 {
        let consumed = 10_000 + 1000 * second + 20 * second * (second % 7);
        see(&mut screen, answers(NOW + second as i64 * 1000, consumed));
    }
    screen
}

fn see(screen: &mut Screen, answers: Answers) {
    screen.hear(News::Seen(Box::new(answers))).expect("nothing is refused");
}

fn press(screen: &mut Screen, key: KeyCode) -> Act {
    screen.press(KeyEvent::new(key, KeyModifiers::NONE))
}

fn drawn(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| view::draw(screen, Palette::plain(), frame.buffer_mut())).expect("drawn");
    terminal.backend().to_string()
}

fn check(screen: &Screen, width: u16, height: u16, expected: Expect) {
    expected.assert_eq(&drawn(screen, width, height));
}

#[test]
fn it_fits_into_80_by_24() {
    check(
        &screen(),
        80,
        24,
        expect![[r#"
            "tributary 0.1.0  http://127.0.0.1:9464                               ○ not ready"
            "not ready: 3 of its 8 shards are restored                                       "
            "┌ Events ────────────────┐┌ Instance ──────────────────────────────────────────┐"
            "│2,220 a second          ││in         72,540           late       3 (<0.1 %)   │"
            "│▂▂▃▂▃▃▃▄▄▄▄▄▅▅▆▅▆▆▆▇▇▇▇█││duplicate  20 (<0.1 %)      rejected   7 (<0.1 %)   │"
            "│████████████████████████││lag        1,234 records    rows out   123,456      │"
            "│████████████████████████││event time 2026-01-05 00:00:00, 2 min behind        │"
            "│highest 2,220           ││in memory  4,000 leads, 31,000 touches, 12.0 MiB    │"
            "└────────────────────────┘└────────────────────────────────────────────────────┘"
            "┌ Alerts firing: 1 ────────────────────────────────────────────────────────────┐"
            "│budget_pace_1mo  budget_pace_ratio > 1.1: 2.488  channel=webinar  1mo, for 2 d│"
            "└──────────────────────────────────────────────────────────────────────────────┘"
            "┌ Leading channels: leads, 30d, linear ────────┐┌ Funnel: 30d ─────────────────┐"
            "│channel               leads   share    change ││stage         reached of those│"
            "│paid search           120.5  62.5 %    ▲ 25 % ││Leads             193         │"
            "│organic search         60.0  31.1 %   ▼ 3.4 % ││MQLs               77   39.9 %│"
            "│email                  12.2   6.4 %           ││Opportunities       9   11.7 %│"
            "│                                              ││                              │"
            "│                                              ││                              │"
            "│                                              ││                              │"
            "│                                              ││                              │"
            "│                                              ││                              │"
            "└──────────────────────────────────────────────┘└──────────────────────────────┘"
            "q quit  p pause  w window 30d  k KPI leads  m model linear  ↑↓ scroll  ? help   "
        "#]],
    );
}

#[test]
fn a_wide_terminal_has_room_for_bars() {
    check(
        &screen(),
        120,
        22,
        expect![[r#"
        "tributary 0.1.0  http://127.0.0.1:9464                                                                       ○ not ready"
        "not ready: 3 of its 8 shards are restored                                                                               "
        "┌ Events ────────────────┐┌ Instance ──────────────────────────────────────────────────────────────────────────────────┐"
        "│2,220 a second          ││in         72,540           late       3 (<0.1 %)                                           │"
        "│▂▂▃▂▃▃▃▄▄▄▄▄▅▅▆▅▆▆▆▇▇▇▇█││duplicate  20 (<0.1 %)      rejected   7 (<0.1 %)                                           │"
        "│████████████████████████││lag        1,234 records    rows out   123,456                                              │"
        "│████████████████████████││event time 2026-01-05 00:00:00, 2 min behind                                                │"
        "│highest 2,220           ││in memory  4,000 leads, 31,000 touches, 12.0 MiB                                            │"
        "└────────────────────────┘└────────────────────────────────────────────────────────────────────────────────────────────┘"
        "┌ Alerts firing: 1 ────────────────────────────────────────────────────────────────────────────────────────────────────┐"
        "│budget_pace_1mo  budget_pace_ratio > 1.1: 2.488  channel=webinar  1mo, for 2 d                                        │"
        "└──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘"
        "┌ Leading channels: leads, 30d, linear ────────────────────────────────────────────────┐┌ Funnel: 30d ─────────────────┐"
        "│channel                                       leads   share    change                 ││stage         reached of those│"
        "│paid search                                   120.5  62.5 %    ▲ 25 % ████████████████││Leads             193         │"
        "│organic search                                 60.0  31.1 %   ▼ 3.4 % ████████        ││MQLs               77   39.9 %│"
        "│email                                          12.2   6.4 %           █▋              ││Opportunities       9   11.7 %│"
        "│                                                                                      ││                              │"
        "│                                                                                      ││                              │"
        "│                                                                                      ││                              │"
        "└──────────────────────────────────────────────────────────────────────────────────────┘└──────────────────────────────┘"
        "q quit  p pause  w window 30d  k KPI leads  m model linear  ↑↓ scroll  ? help                                           "
    "#]],
    );
}

#[test]
fn in_a_narrow_one_what_matters_is_left() {
    check(
        &screen(),
        56,
        16,
        expect![[r#"
        "tributary 0.1.0  http://127.0.0.1:9464       ○ not ready"
        "not ready: 3 of its 8 shards are restored               "
        "┌ Instance ────────────────────────────────────────────┐"
        "│in         72,540 (2,220/s) late       3 (<0.1 %)     │"
        "│duplicate  20 (<0.1 %)      rejected   7 (<0.1 %)     │"
        "│lag        1,234 records    rows out   123,456        │"
        "│event time 2026-01-05 00:00:00, 2 min behind          │"
        "└──────────────────────────────────────────────────────┘"
        "┌ Alerts firing: 1 ────────────────────────────────────┐"
        "│budget_pace_1mo  budget_pace_ratio > 1.1: 2.488  chann│"
        "└──────────────────────────────────────────────────────┘"
        "┌ Leading channels: leads, 30d, linear ────────────────┐"
        "│channel                       leads   share    change │"
        "│paid search                   120.5  62.5 %    ▲ 25 % │"
        "└──────────────────────────────────────────── 1–1 of 3 ┘"
        "q quit  p pause  w window 30d  k KPI leads  m model line"
    "#]],
    );
    // However small it is, it is drawn.
    for (width, height) in [(1, 1), (5, 3), (20, 5), (300, 2), (10, 100)] {
        drawn(&screen(), width, height);
    }
}

#[test]
fn help_lies_over_it() {
    let mut screen = screen();
    assert_eq!(press(&mut screen, KeyCode::Char('?')), Act::Nothing);
    let shown = drawn(&screen, 80, 24);
    assert!(shown.contains(" Keys ") && shown.contains("next attribution model"), "{shown}");
    assert_eq!(press(&mut screen, KeyCode::Char('q')), Act::Nothing, "closes the help first");
    assert_eq!(press(&mut screen, KeyCode::Char('q')), Act::Quit);
}

#[test]
fn before_the_first_answer_it_says_why_there_is_none() {
    let mut screen = Screen::new("http://127.0.0.1:9464");
    assert!(drawn(&screen, 80, 24).contains("Asking http://127.0.0.1:9464"));
    screen.hear(News::Away("Connection refused".to_owned(), 7)).expect("nothing is refused");
    let shown = drawn(&screen, 80, 24);
    assert!(shown.contains("no answer for 7 s") && shown.contains("Connection refused"), "{shown}");
}

#[test]
fn what_was_heard_stays_while_the_instance_is_away() {
    let mut screen = screen();
    screen.hear(News::Away("Connection refused".to_owned(), 7)).expect("nothing is refused");
    let shown = drawn(&screen, 80, 24);
    assert!(shown.contains("no answer: Connection refused") && shown.contains("paid search"), "{shown}");
    assert_eq!(screen.shown().rate, None);
    // One that began anew has counted less: there is no rate before its second answer.
    see(&mut screen, answers(NOW + 100_000, 100));
    assert!(screen.shown().away.is_none() && screen.shown().rate.is_none());
    see(&mut screen, answers(NOW + 102_000, 600));
    assert_eq!(screen.shown().rate, Some(250.0));
}

#[test]
fn a_pause_shows_what_was_there_and_hears_on() {
    let mut screen = screen();
    press(&mut screen, KeyCode::Char('p'));
    see(&mut screen, answers(NOW + 60_000, 999_999));
    assert!(drawn(&screen, 80, 24).contains("PAUSED") && screen.is_paused());
    assert_ne!(screen.shown().answers.as_ref().map(|shown| shown.status.intake.consumed), Some(999_999));
    press(&mut screen, KeyCode::Char(' '));
    assert_eq!(screen.shown().answers.as_ref().map(|shown| shown.status.intake.consumed), Some(999_999));
}

#[test]
fn keys_choose_what_is_asked_for() {
    let mut screen = screen();
    let wanted = |window: &str, kpi: &str, model: &str| {
        let some = |text: &str| Some(text.to_owned());
        Act::Ask(Wanted { window: some(window), kpi: some(kpi), model: some(model) })
    };
    assert_eq!(press(&mut screen, KeyCode::Char('w')), wanted("all", "leads", "linear"));
    assert_eq!(press(&mut screen, KeyCode::Char('w')), wanted("1d", "leads", "linear"), "round again");
    assert_eq!(press(&mut screen, KeyCode::Char('W')), wanted("all", "leads", "linear"));
    assert_eq!(press(&mut screen, KeyCode::Char('m')), wanted("all", "leads", "first"));
    assert_eq!(press(&mut screen, KeyCode::Char('w')), wanted("1d", "leads", "first"));
    assert_eq!(press(&mut screen, KeyCode::Char('k')), wanted("1d", "spend", "first"));
    assert_eq!(press(&mut screen, KeyCode::Char('m')), Act::Nothing, "no model shares spend out");
    assert_eq!(press(&mut screen, KeyCode::Char('K')), wanted("1d", "leads", "first"));
    let quit = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!([screen.press(quit), press(&mut screen, KeyCode::Esc)], [Act::Quit, Act::Quit]);
}

#[test]
fn one_scrolls_as_far_as_there_are_channels() {
    let mut screen = screen();
    for (key, row) in [
        (KeyCode::Down, 1),
        (KeyCode::Char('j'), 2),
        (KeyCode::PageDown, 2),
        (KeyCode::Up, 1),
        (KeyCode::End, 2),
        (KeyCode::PageUp, 0),
        (KeyCode::Up, 0),
    ] {
        assert_eq!(press(&mut screen, key), Act::Nothing);
        assert_eq!(screen.scroll, row, "{key:?}");
    }
}

#[test]
fn colours_are_there_only_where_they_are_welcome() {
    let colours = |palette| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal");
        terminal.draw(|frame| view::draw(&screen(), palette, frame.buffer_mut())).expect("drawn");
        terminal.backend().buffer().content().iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(colours(Palette::colourful()) && !colours(Palette::plain()));
}

#[test]
fn what_is_not_there_is_replaced_or_refused() {
    let catalogue = catalogue();
    let wanted = |window: Option<&str>, kpi: Option<&str>, model: Option<&str>| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Wanted { window: owned(window), kpi: owned(kpi), model: owned(model) }
    };
    let choice = |wanted| {
        let Choice { window, kpi, model } = catalogue.choose(&wanted).expect("a choice");
        format!("{window} {kpi} {}", model.unwrap_or_default())
    };
    assert_eq!(choice(Wanted::default()), "30d leads linear");
    assert_eq!(choice(wanted(Some("all"), Some("spend"), None)), "all leads linear");
    assert_eq!(choice(wanted(Some("1d"), Some("spend"), Some("first"))), "1d spend ");
    assert!(Catalogue::default().choose(&Wanted::default()).is_none());
    let refusal = |wanted| catalogue.refuses(&wanted).unwrap_or_default();
    assert_eq!(refusal(wanted(Some("30d"), Some("assists"), Some("first"))), "");
    assert_eq!(refusal(wanted(None, Some("lead"), None)), "--kpi lead: did you mean `leads`?");
    assert_eq!(refusal(wanted(Some("now"), None, None)), "--window now: one of 1d, 30d, all");
    assert_eq!(refusal(wanted(None, None, Some("lienar"))), "--model lienar: did you mean `linear`?");
    assert!(Screen::new("").hear(News::Refused("no".to_owned())).is_err());
}
