//! The line on a real broker, as its users have it: the built program in processes of its own, a history in the input
//! topics, kcat as the reader of the rows. Whatever is done to the processes, the rows must be those that `report` has
//! for the same history, and each bad record must be in the dead letters once.

mod avro;
mod deployment;
mod faults;
mod loading;
mod records;
mod soak;
mod story;

use std::time::{Duration, Instant};

use deployment::{Deployment, Wishes};

#[test]
fn rows_and_letters_are_those_of_a_report_and_a_restart_is_quick() {
    let line = Deployment::new("line", &Wishes::default());
    line.load(&story::HISTORY, None);
    let mut instance = line.start();
    line.settle(Duration::from_secs(120));
    line.check_letters();

    let asked = Instant::now();
    instance.signal("TERM");
    let status = instance.wait_end(Duration::from_secs(15));
    assert_eq!(status.code(), Some(0), "{status}: {}", instance.log());
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(10), "a graceful stop took {took:?}");

    let published = line.ends("kpis");
    let again = line.start();
    let replays = again.wait_live();
    // Of the forwards, marks of transactions may follow what the snapshot has.
    let journal = |position: &str| position.split(',').next().unwrap().to_owned();
    for (from, to) in &replays {
        assert!(journal(from) == journal(to) && !from.contains("journal: 0,"), "not from a snapshot: {replays:?}");
    }
    line.settle(Duration::from_secs(60));
    line.check_letters();
    let more: i64 = line.ends("kpis").iter().sum::<i64>() - published.iter().sum::<i64>();
    assert!(more < 100, "a restart changes nothing, yet {more} records were published");
}
