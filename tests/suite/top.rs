//! `tributary top` in a real pseudo-terminal, beside the demo: what the terminal shows, what keys do, and that it is left
//! as it was.

use std::net::SocketAddr;
use std::process::Command;

use tributary::demo::{Demo, Story, configuration};

use crate::real_parts::wait_for;
use crate::terminal::{SOON, Screen};

fn demo() -> Demo {
    let config = configuration("127.0.0.1:0".parse().unwrap()).unwrap();
    let demo = Demo::start(&config, Story { seed: 1, leads: 150, days: 20, speed: 1800 }).unwrap();
    wait_for("the first number", SOON, || demo.has_numbers().then_some(()));
    demo
}

#[test]
fn it_shows_numbers_takes_keys_and_leaves_the_terminal_as_it_was() {
    let demo = demo();
    let at = format!("http://{}", demo.address());
    let mut screen = Screen::of(&["top", "--at", &at, "--window", "all"]);
    assert!(screen.is_as_it_was());
    screen.wait_for("● ready");
    screen.wait_for("Leading channels: leads, all, linear");
    screen.wait_for("paid search");
    screen.wait_for("MQLs");
    assert!(!screen.is_as_it_was(), "{}", screen.text());
    screen.press("m");
    screen.wait_for("leads, all, u_shaped");
    screen.press("k");
    screen.wait_for("Leading channels: mqls, all");
    screen.press("?");
    screen.wait_for("next attribution model");
    screen.press("\u{1b}");
    screen.resize(40, 140);
    wait_for("a wider one", SOON, || screen.text().lines().any(|line| line.chars().count() > 120).then_some(()));
    demo.stop();
    screen.wait_for("no answer for");
    screen.press("q");
    assert_eq!(screen.end(), 0);
    wait_for("the shell's screen", SOON, || screen.is_as_it_was().then_some(()));
}

#[test]
fn signals_end_it_and_wrong_names_are_refused_on_the_shells_screen() {
    let demo = demo();
    let at = format!("http://{}", demo.address());
    let mut screen = Screen::of(&["top", "--at", &at]);
    screen.wait_for("● ready");
    let id = screen.process_id();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(screen.end(), 0);
    wait_for("the shell's screen", SOON, || screen.is_as_it_was().then_some(()));

    let mut screen = Screen::of(&["top", "--at", &at, "--kpi", "lead"]);
    assert_eq!(screen.end(), 2);
    screen.wait_for("did you mean `leads`?");
    assert!(screen.is_as_it_was());
    demo.stop();
}

#[test]
fn without_a_terminal_it_says_it_once() {
    let demo = demo();
    let top = |at: SocketAddr, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
        let output = command.args(["top", "--at", &format!("http://{at}")]).args(more).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, frame, _) = top(demo.address(), &["--window", "all"]);
    assert_eq!(code, Some(0));
    assert!(frame.contains("● ready") && frame.contains("Leading channels: leads, all") && frame.contains("a second"));
    assert!(!frame.contains('\u{1b}') && !frame.contains("quit"), "{frame}");

    let (code, object, _) = top(demo.address(), &["--output", "json"]);
    let said: serde_json::Value = serde_json::from_str(&object).unwrap();
    assert_eq!((code, &said["status"]["ready"]), (Some(0), &true.into()));
    assert!(said["events_per_second"].is_number() && said["status"]["state"]["leads"].is_i64(), "{said:#}");
    assert!(said["channels"]["rows"].is_array() && said["funnel"]["rows"].is_array(), "{said:#}");
    demo.stop();

    let (code, _, err) = top("127.0.0.1:1".parse().unwrap(), &[]);
    assert!(code == Some(1) && err.contains("is an instance running there?"), "{err}");
}
