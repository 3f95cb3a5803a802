//! Not among the tests of every change: `make soak`. A long history with disorder, redeliveries and broken records, two
//! instances, ten of them killed at random moments while it is being written. The rows must be those of `report`; what it
//! took is printed.

use std::time::{Duration, Instant};

use rand::Rng;

use super::deployment::{Deployment, Wishes};
use super::faults::{chance, pause};
use super::story::Story;
use crate::real_parts::wait_for;

const KILLS: usize = 10;
/// How long the history takes to be written, so that deaths fall into it.
const SECONDS: u32 = 80;

#[test]
#[ignore = "takes many minutes: make soak"]
fn a_million_events_and_ten_deaths() {
    let events = std::env::var("SOAK_EVENTS").unwrap_or_else(|_| "1000000".to_owned());
    let history = ["--seed", "5", "--days", "60", "--events", &events, "--disorder", "10%", "--duplicates", "2%"];
    let history = [&history[..], &["--bad", "0.1%", "--start", "2026-01-01T00:00:00Z"]].concat();
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
