//! The command that lists the dead letters of a deployment, shows one as it came, and sends them back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::deployment::{Deployment, Wishes};
use super::records::Record;
use super::story::{HISTORY, run};
use crate::real_parts::wait_for;

/// What a letter says, by header.
fn said(letter: &Record, name: &str) -> String {
    letter.header(&format!("tributary.error.{name}"))
}

fn place(letter: &Record) -> String {
    format!("{}:{}", letter.partition, letter.offset)
}

#[test]
fn letters_are_listed_shown_and_sent_back() {
    let line = Deployment::new("letters", &Wishes::default());
    line.load(&HISTORY, None);
    let _instance = line.start();
    line.settle(Duration::from_secs(120));
    let config = line.config();
    let command = |more: &[&str]| run(&[&["dead-letters", "--config", config.to_str().unwrap()], more].concat());
    let listed = |more: &[&str]| -> Vec<Value> {
        serde_json::from_str(&command(&[&["--output", "json", "--limit", "1000000"], more].concat())).unwrap()
    };

    let letters = line.letters();
    let mut expected = BTreeMap::new();
    for letter in &letters {
        let from = format!("{} {}:{}", said(letter, "topic"), said(letter, "partition"), said(letter, "offset"));
        expected.insert(place(letter), (said(letter, "reason"), from));
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = listed(&[]);
    let found = all.iter().map(|letter| {
        let from = format!("{} {}:{}", text(&letter["topic"]), letter["partition"], letter["offset"]);
        (text(&letter["letter"]), (text(&letter["reason"]), from))
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    assert!(all.is_sorted_by_key(|letter| text(&letter["written_at"])), "the oldest first");

    let reason = said(&letters[0], "reason");
    let with_reason = expected.values().filter(|(of, _)| *of == reason).count();
    assert_eq!(listed(&["--reason", &reason]).len(), with_reason);
    let summary = command(&["--limit", "3"]);
    assert!(summary.contains(&format!("{with_reason} {reason}")) && summary.lines().count() == 5, "{summary}");

    let one = letters.iter().find(|letter| letter.value.as_ref().is_some_and(|value| value.is_ascii())).unwrap();
    let shown = command(&["--letter", &place(one), "--show"]);
    let value = String::from_utf8(one.value.clone().unwrap()).unwrap();
    assert!(shown.contains(&value) && shown.contains(&said(one, "message")), "{shown}");

    let rejected: Vec<&Record> = letters.iter().filter(|letter| said(letter, "reason") != "late").collect();
    let plan = command(&["--send"]);
    assert!(plan.contains("nothing is sent yet") && line.letters().len() == letters.len(), "{plan}");
    let done: Value = serde_json::from_str(&command(&["--send", "--yes", "--output", "json"])).unwrap();
    let counts = done["topics"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), rejected.len() as u64, "{done}");
    assert_eq!((&done["late"], &done["sent"]), (&(letters.len() - rejected.len()).into(), &true.into()), "{done}");
    // Nothing is mended, so each comes back: the same record from another place.
    let again = wait_for("the letters of what was sent back", Duration::from_secs(60), || {
        let now = line.letters();
        (now.len() >= letters.len() + rejected.len()).then_some(now)
    });
    let count = |letters: &[&Record]| {
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for letter in letters {
            let of = (said(letter, "topic"), said(letter, "reason"), letter.key.clone(), letter.value.clone());
            *counts.entry(of).or_default() += 1;
        }
        counts
    };
    let twice = [&rejected[..], &rejected[..]].concat();
    let now: Vec<&Record> = again.iter().filter(|letter| said(letter, "reason") != "late").collect();
    assert_eq!(count(&now), count(&twice));
}
