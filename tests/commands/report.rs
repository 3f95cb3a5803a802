//! `report` as a newcomer calls it: wrong names are refused with the nearest one, and an empty report says why it is empty.

use std::path::Path;

use expect_test::{Expect, expect};

use crate::tributary;

fn history() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let arguments = ["generate", "--out", "history", "--leads", "20", "--days", "30"];
    let (code, out, err) = tributary(directory.path(), &arguments, &[]);
    assert_eq!((code, err.as_str()), (0, ""), "no bar where there is no terminal: {out}");
    directory
}

fn report(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let all: Vec<&str> = ["report", "history"].into_iter().chain(arguments.iter().copied()).collect();
    tributary(directory, &all, &[])
}

#[test]
fn wrong_names_are_refused() {
    let directory = history();
    let check = |arguments: &[&str], expected: Expect| {
        let (code, out, err) = report(directory.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        expected.assert_eq(&err);
    };
    check(
        &["--kpi", "lead"],
        expect![[r#"
        error: --kpi lead: there is no such KPI; did you mean `leads`?
    "#]],
    );
    check(
        &["--kpi", "happiness"],
        expect![[r#"
        error: --kpi happiness: there is no such KPI; `tributary catalogue` lists them
    "#]],
    );
    check(
        &["--window", "7d"],
        expect![[r#"
        error: --window 7d: not one of `time.windows`: 1h, 1d, 1mo, 1q, 30d, 90d, all, now
    "#]],
    );
    check(
        &["--window", "1mnth"],
        expect![[r#"
        error: --window 1mnth: not a window; one of 1h, 1d, 1mo, 1q, 30d, 90d, all, now
    "#]],
    );
    check(
        &["--where", "chanel=email"],
        expect![[r#"
        error: --where chanel=email: there is no dimension `chanel`; did you mean `channel`?
    "#]],
    );
    check(
        &["--where", "email"],
        expect![[r#"
        error: --where email: not DIM=VALUE
    "#]],
    );
}

#[test]
fn an_empty_report_says_why() {
    let directory = history();
    let check = |arguments: &[&str], parts: &[&str]| {
        let (code, out, err) = report(directory.path(), arguments);
        assert_eq!((code, out.lines().count()), (0, 1), "the head alone: {out}");
        let lines = err.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let messages: Vec<String> = lines.map(|line| line["message"].as_str().expect("text").to_owned()).collect();
        let (last, before) = messages.split_last().expect("a reason");
        assert!(parts.iter().all(|part| last.contains(part)), "not all of {parts:?}: {last}");
        assert!(before.iter().all(|other| other.starts_with("dead letters: ")), "{before:?}");
    };
    let leads = ["--kpi", "leads", "--window", "all"];
    let typed_wrong = [&leads[..], &["--where", "channel=emial"]].concat();
    check(&typed_wrong, &["channel is never `emial`", "did you mean `email`?", "There are audio, content_syndication"]);
    let by_model = ["--kpi", "sessions", "--where", "model=first"];
    check(&by_model, &["sessions: no rows by model", "by campaign, channel;", "in total"]);
    check(&["--kpi", "leads", "--window", "now"], &["leads: no rows in the windows asked for"]);
    std::fs::write(directory.path().join("history/touchpoints.ndjson"), "nothing\n").expect("written");
    for topic in ["form-fills", "deal-stages", "spend", "accounts"] {
        std::fs::remove_file(directory.path().join(format!("history/{topic}.ndjson"))).expect("removed");
    }
    check(&[], &["no event was accepted", "--dead-letters FILE"]);
    let (_, _, err) = report(directory.path(), &[]);
    assert!(err.contains("dead letters: 1 undecodable; --dead-letters FILE writes them, and why"), "{err}");
}

#[test]
fn a_directory_without_a_history_is_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let (code, _, err) = report(directory.path(), &[]);
    assert!(code == 1 && err.contains("cannot read history: No such file"), "{err}");
    std::fs::create_dir(directory.path().join("history")).expect("made");
    let (code, _, err) = report(directory.path(), &[]);
    assert!(code == 1 && err.contains("no file of a topic, such as touchpoints.ndjson"), "{err}");
}
