//! Not among the tests of every change: `make soak`. A long history with disorder, redeliveries and broken records, two
//! instances, ten of them killed at random moments while it is being written. The rows must be those of `report`; what it
//! took is printed.

use std::time::{Duration, Instant};

use rand::Rng;
use tributary::config::Config;
use tributary::ingest::files::Histories;
use tributary::model::time::Millis;

use super::deployment::{Deployment, Wishes};
use super::faults::{chance, pause};
use super::story::{Story, run};
use crate::real_parts::{new_directory, wait_for};
use crate::reference::Given;
use crate::samples::accept;
use crate::{compare, reference};

const KILLS: usize = 10;
/// How long the history takes to be written, so that deaths fall into it.
const SECONDS: u32 = 80;

fn events() -> String {
    std::env::var("SOAK_EVENTS").unwrap_or_else(|_| "1000000".to_owned())
}

fn history(events: &str) -> Vec<&str> {
    let history = ["--seed", "5", "--days", "60", "--events", events, "--disorder", "10%", "--duplicates", "2%"];
    [&history[..], &["--bad", "0.1%", "--start", "2026-01-01T00:00:00Z"]].concat()
}

/// What the other test holds the line against, held against the definitions.
#[test]
#[ignore = "takes many minutes: make soak"]
fn a_million_events_come_to_what_the_definitions_say() {
    let events = events();
    let line = Deployment::new("definitions", &Wishes::default());
    let directory = new_directory("definitions");
    let files = directory.path().join("history");
    let (files, config) = (files.to_str().unwrap(), line.config());
    let generate = ["generate", "--out", files];
    run(&[&generate[..], &history(&events)].concat());
    let records: Vec<_> = Histories::open(files.as_ref()).unwrap().map(Result::unwrap).collect();
    let mut definitions = Config::load(Some(&config), std::iter::empty()).unwrap();
    // Of which nothing is computed yet.
    definitions.scoring = Config::parse("", "empty.toml", std::iter::empty()).unwrap().scoring;
    let times = |given: &[Given<'_>]| given.iter().filter_map(|given| given.event.occurred_at()).max().unwrap();
    // What is from the future is known when the latest event is.
    let as_of = {
        let (given, _) = accept(&definitions, &records, Millis(jiff::Timestamp::now().as_millisecond()));
        times(&given)
    };
    let (given, dropped) = accept(&definitions, &records, as_of);
    let as_of_text = jiff::Timestamp::from_millisecond(as_of.0).unwrap().to_string();
    let report = ["report", files, "--config", config.to_str().unwrap(), "--as-of", &as_of_text, "--output", "ndjson"];
    let reported = compare::read(&run(&report));
    let begun = Instant::now();
    let rows = reference::rows_of_many(&definitions, &given, &dropped, as_of);
    println!("{} rows by the definitions in {:?}, of {} events", rows.len(), begun.elapsed(), given.len());
    let kpis: Vec<&str> = definitions.output.kpis.iter().map(String::as_str).collect();
    compare::assert_same(&reported, &rows, &kpis);
}

#[test]
#[ignore = "takes many minutes: make soak"]
fn a_million_events_and_ten_deaths() {
    let events = events();
    let history = history(&events);
    let mut chance = chance();
    let begun = Instant::now();
    let story = Story::tell(&Deployment::new("soak-story", &Wishes::default()), &history);
    println!("{} rows expected, {:?} to make and to report", story.rows.len(), begun.elapsed());

    let line = Deployment::new("soak", &Wishes::default());
    line.create_inputs();
    let mut load = line.load_slowly_of(&history, events.parse::<u32>().unwrap() / SECONDS);
    let begun = Instant::now();
    let mut instances = vec![line.start(), line.start()];
    let mut takeovers = Vec::new();
    for _ in 0..KILLS {
        pause(&mut chance, 1_000..8_000);
        instances.remove(chance.random_range(0..2)).kill();
        let (killed, before) = (Instant::now(), line.journal_committed());
        instances.push(line.start());
        // Every shard that is not read to its end must go on.
        wait_for("all shards going on", Duration::from_secs(60), || {
            let (Ok(before), Ok(now)) = (&before, line.journal_committed()) else { return None };
            let ends = line.journal_ends();
            let goes_on = |shard: usize| now[shard] > before[shard] || now[shard] == ends[shard];
            (0..now.len()).all(goes_on).then_some(())
        });
        takeovers.push(killed.elapsed());
        println!("lag {:?} records, all shards went on {:?} after a death", line.lag(), killed.elapsed());
    }
    assert!(load.wait_end(Duration::from_secs(600)).success(), "{}", load.log());
    line.settle_for(&story.rows, Duration::from_secs(1_800), || line.rows());
    let took = begun.elapsed();
    line.check_letters_of(&story);
    takeovers.sort();
    println!(
        "{events} events in {took:?}; takeovers {:?} at most, {:?} at the median",
        takeovers[KILLS - 1],
        takeovers[KILLS / 2]
    );
}
