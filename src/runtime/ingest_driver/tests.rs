//! The ingest driver over the memory log: what it writes is folded by toy shards, which see every offset once.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;
use crate::journal::block::Source;
use crate::model::time::Millis;
use crate::runtime::log::{Isolation, NewTopic, Outgoing, Reader, Writer};
use crate::runtime::memory_log::faults::{Delivery, Faults, NoFaults};
use crate::runtime::memory_log::{MemoryLog, Patience};
use crate::runtime::parts::{Fold, Parts};
use crate::runtime::toy::{SHARDS, Toy, ToyShard, names, settings};

const TOUCHES: Source = Source { topic: Topic::Touchpoints, partition: 0 };

struct Bench {
    log: MemoryLog,
    now: Millis,
    toy: Toy,
}

type Driver = IngestDriver<MemoryLog, Toy>;

impl Bench {
    fn new(faults: Box<dyn Faults>) -> Self {
        Self::with_partitions(1, faults)
    }

    fn with_partitions(partitions: u16, faults: Box<dyn Faults>) -> Self {
        let now = Millis(1_000_000);
        let log = MemoryLog::new(now, Patience::default(), faults);
        let topic = |name: &str, partitions| NewTopic {
            name: name.to_owned(),
            partitions,
            replication_factor: 1,
            properties: Vec::new(),
        };
        let inputs = Topic::ALL.into_iter().map(|input| topic(input.name(), partitions));
        log.create(&inputs.chain([topic("journal", SHARDS)]).collect::<Vec<_>>()).expect("creates");
        Self { log, now, toy: Toy::default() }
    }

    fn driver(&self) -> Driver {
        IngestDriver::new(Arc::new(self.log.clone()), Arc::new(names()), settings(), self.toy.clone())
    }

    fn write(&self, values: &[&str]) {
        self.write_to(0, values);
    }

    fn write_to(&self, number: i32, values: &[&str]) {
        self.write_to_topic("touchpoints", number, values);
    }

    fn write_to_topic(&self, topic: &str, number: i32, values: &[&str]) {
        let mut writer = self.log.writer().expect("a writer");
        for value in values {
            let partition = Partition { topic: topic.into(), number };
            let value = Some(value.as_bytes().to_vec());
            let record = Outgoing { partition, timestamp: None, key: None, value, headers: Vec::new() };
            writer.send(0, record).expect("a log").expect("room");
        }
        writer.poll(Duration::ZERO, &mut |_, outcome| assert!(outcome.is_ok())).expect("polls");
    }

    fn run(&mut self, drivers: &mut [&mut Driver], steps: u32) {
        for _ in 0..steps {
            self.now = self.now + Span(50);
            self.log.advance(self.now);
            for driver in &mut *drivers {
                driver.step(self.now, Duration::ZERO).expect("steps");
            }
        }
    }

    /// Folds the journal from its start.
    fn shards(&self) -> Vec<ToyShard> {
        (0..SHARDS)
            .map(|number| {
                let mut shard = self.toy.shard(number);
                let mut reader = self.log.reader(Isolation::ReadUncommitted).expect("a reader");
                reader.assign(&names().journal_of(number), 0).expect("assigns");
                while reader
                    .poll(Duration::ZERO, 100, &mut |read| {
                        if let Read::Record(record) = read {
                            shard.apply_journal(record.offset, record.value.expect("a value")).expect("sound");
                        }
                    })
                    .expect("reads")
                    > 0
                {}
                shard
            })
            .collect()
    }

    fn committed(&self) -> Option<i64> {
        let partition = Partition { topic: "touchpoints".into(), number: 0 };
        self.log.committed("g-ingest", &[partition]).expect("committed")[0]
    }

    fn folded(&self) -> usize {
        self.shards().iter().map(|shard| shard.folded.len()).sum()
    }
}

/// Fails deliveries to the second shard while it is told to.
struct Failing(Arc<AtomicBool>);

impl Faults for Failing {
    fn delivery(&mut self, to: &Partition) -> Delivery {
        if &*to.topic == "journal" && to.number == 1 && self.0.load(Ordering::SeqCst) {
            return Delivery::Failed { lands: None, answer: Span(10) };
        }
        Delivery::PROMPT
    }
}

#[test]
fn every_event_gets_to_one_shard_and_every_shard_sees_every_range() {
    let mut bench = Bench::new(Box::new(NoFaults));
    bench.write(&["a@5", "b@7", "nonsense", "c@6", "d@9"]);
    let mut driver = bench.driver();
    bench.run(&mut [&mut driver], 20);
    let shards = bench.shards();
    assert_eq!(shards.iter().map(|shard| shard.folded.len()).sum::<usize>(), 4);
    for shard in &shards {
        assert_eq!((shard.told.get(&TOUCHES), shard.gaps), (Some(&5), 0));
        assert_eq!(shard.watermarks.get(&TOUCHES), Some(&Millis(9)));
    }
    assert_eq!(bench.committed(), Some(5));
    assert_eq!(driver.counters().rejected.values().sum::<u64>(), 1);
    assert!(driver.finish(bench.now, Duration::ZERO).expect("finishes"));
}

#[test]
fn a_failed_delivery_commits_nothing_and_is_sent_again_in_order() {
    let failing = Arc::new(AtomicBool::new(true));
    let mut bench = Bench::new(Box::new(Failing(Arc::clone(&failing))));
    let mut driver = bench.driver();
    bench.write(&["a@5", "b@7"]);
    bench.run(&mut [&mut driver], 20);
    bench.write(&["c@8", "d@9"]);
    bench.run(&mut [&mut driver], 20);
    assert_eq!(bench.committed(), None, "one shard has nothing of it yet");
    failing.store(false, Ordering::SeqCst);
    bench.run(&mut [&mut driver], 300);
    assert_eq!(bench.committed(), Some(4));
    assert_eq!(bench.folded(), 4);
    assert!(driver.counters().resends > 0);
    for shard in bench.shards() {
        assert_eq!((shard.told.get(&TOUCHES), shard.gaps), (Some(&4), 0));
    }
}

/// The first member is taken for dead, and goes on for a while.
struct Evicting(AtomicU32, Span);

impl Faults for Evicting {
    fn eviction(&mut self, group: &str) -> Option<Span> {
        (group == "g-ingest" && self.0.fetch_add(1, Ordering::SeqCst) == 3).then_some(self.1)
    }
}

#[test]
fn a_zombie_repeats_ranges_and_nothing_is_folded_twice() {
    let mut bench = Bench::new(Box::new(Evicting(AtomicU32::new(0), Span(2_000))));
    let (mut zombie, mut heir) = (bench.driver(), bench.driver());
    bench.write(&["a@5", "b@7"]);
    bench.run(&mut [&mut zombie], 2);
    for n in 0..40 {
        bench.write(&[&format!("x{n}@{n}")]);
        bench.run(&mut [&mut zombie, &mut heir], 2);
    }
    bench.run(&mut [&mut zombie, &mut heir], 50);
    assert_eq!(bench.folded(), 42);
    assert_eq!(bench.committed(), Some(42));
    assert!(bench.shards().iter().all(|shard| shard.told.get(&TOUCHES) == Some(&42)));
}

#[test]
fn a_partition_that_is_quiet_is_idle_once_and_all_idle_ones_beat() {
    let mut bench = Bench::new(Box::new(NoFaults));
    let mut driver = bench.driver();
    bench.write(&["a@5"]);
    bench.run(&mut [&mut driver], 580);
    let unused = bench.shards()[0].idle.clone();
    assert_eq!(unused.len(), Topic::ALL.len() - 1, "what was never written to is without an event from the first");
    assert_eq!(unused.get(&TOUCHES), None, "29 seconds are not enough");
    bench.run(&mut [&mut driver], 40);
    let first = bench.shards()[0].idle.clone();
    assert_eq!(first.len(), Topic::ALL.len(), "each source has said so");
    assert!(first[&TOUCHES] > unused[&Source { topic: Topic::Spend, partition: 0 }] + Span(28_000));
    bench.run(&mut [&mut driver], 100);
    let later = bench.shards()[0].idle.clone();
    assert!(later[&TOUCHES] >= first[&TOUCHES] + Span(4_000), "and goes on while all are");
    let spend = Source { topic: Topic::Spend, partition: 0 };
    assert_eq!(later[&spend], first[&spend], "what holds no watermark says it once");
    let before = bench.shards()[0].positions.journal;
    bench.run(&mut [&mut driver], 100);
    let beats = bench.shards()[0].positions.journal - before;
    assert!((4..=6).contains(&beats), "about one record a second: {beats}");
}

#[test]
fn history_is_never_idle() {
    let mut bench = Bench::new(Box::new(NoFaults));
    let until = bench.now + Span(60_000);
    let settings = Settings { history_until: Some(until), ..settings() };
    let log = Arc::new(bench.log.clone());
    let mut driver = IngestDriver::new(log, Arc::new(names()), settings, bench.toy.clone());
    bench.write(&["a@5"]);
    bench.run(&mut [&mut driver], 1100);
    assert!(bench.shards()[0].idle.is_empty());
    bench.run(&mut [&mut driver], 200);
    assert_eq!(bench.shards()[0].idle.len(), Topic::ALL.len());
}

#[test]
fn a_registry_that_is_down_holds_its_partition_only() {
    let mut bench = Bench::new(Box::new(NoFaults));
    bench.toy.registry_down.store(true, Ordering::SeqCst);
    let mut driver = bench.driver();
    bench.write(&["a@5", "?b@7", "c@8"]);
    bench.run(&mut [&mut driver], 1500);
    assert_eq!((bench.folded(), bench.committed()), (1, Some(1)));
    assert!(driver.counters().unavailable.is_some());
    assert_eq!(bench.shards()[0].idle.get(&TOUCHES), None, "an unread backlog is never idle");
    assert_eq!(bench.shards()[0].idle.len(), Topic::ALL.len() - 1, "the others go on");
    bench.toy.registry_down.store(false, Ordering::SeqCst);
    bench.run(&mut [&mut driver], 300);
    assert_eq!((bench.folded(), bench.committed()), (3, Some(3)));
    assert_eq!(driver.counters().unavailable, None);
}

#[test]
fn what_retention_took_is_skipped_explicitly() {
    let mut bench = Bench::new(Box::new(NoFaults));
    let mut driver = bench.driver();
    bench.write(&["a@5", "b@7"]);
    bench.run(&mut [&mut driver], 20);
    driver.leave(Duration::ZERO).expect("leaves");
    bench.write(&["c@8", "d@9", "e@10"]);
    let partition = Partition { topic: "touchpoints".into(), number: 0 };
    bench.log.trim(&partition, 4).expect("trims");
    let mut next = bench.driver();
    bench.run(&mut [&mut next], 20);
    assert_eq!(next.counters().lost_to_retention, 2);
    for shard in bench.shards() {
        assert_eq!((shard.told.get(&TOUCHES), shard.gaps), (Some(&5), 0));
    }
    assert_eq!(bench.folded(), 3);
}

#[test]
fn input_waits_while_the_journal_takes_nothing() {
    let failing = Arc::new(AtomicBool::new(true));
    let mut bench = Bench::new(Box::new(Failing(Arc::clone(&failing))));
    let mut driver = bench.driver();
    for n in 0..60 {
        bench.write(&[&format!("x{n}@{n}")]);
        bench.run(&mut [&mut driver], 10);
    }
    assert!(driver.throttled, "as many flushes as may be are under way");
    let read = driver.positions().map(|(_, next)| next).max().expect("a partition");
    assert!(read < 60, "{read}");
    failing.store(false, Ordering::SeqCst);
    bench.run(&mut [&mut driver], 600);
    assert_eq!((bench.folded(), bench.committed()), (60, Some(60)));
}

#[test]
fn a_backlog_is_read_as_it_happened() {
    read_a_backlog(usize::MAX);
}

#[test]
fn an_erasure_waits_for_what_was_done_before() {
    let mut bench = Bench::new(Box::new(NoFaults));
    let values: Vec<String> = (0..500).map(|n| format!("x{n}@{n}")).collect();
    bench.write(&values.iter().map(String::as_str).collect::<Vec<_>>());
    bench.write_to_topic("erasures", 0, &["a", "b"]);
    let limits = crate::runtime::settings::Limits { poll_records: 20, ..settings().limits };
    let log = Arc::new(bench.log.clone());
    let mut driver = IngestDriver::new(log, Arc::new(names()), Settings { limits, ..settings() }, bench.toy.clone());
    let next = |driver: &Driver, topic: &str| {
        driver.positions().find(|(partition, _)| &*partition.topic == topic).map_or(0, |(_, next)| next)
    };
    while next(&driver, "touchpoints") < 500 {
        assert_eq!(next(&driver, "erasures"), 0, "read ahead of {}", next(&driver, "touchpoints"));
        bench.run(&mut [&mut driver], 1);
    }
    bench.run(&mut [&mut driver], 100);
    assert_eq!(next(&driver, "erasures"), 2);
    assert_eq!(bench.shards().iter().map(|shard| shard.erased).collect::<Vec<_>>(), [2; SHARDS as usize]);
}

/// The client is paused, and fetches again.
#[test]
fn little_waits_of_what_is_ahead() {
    read_a_backlog(2000);
    read_a_backlog(0);
}

fn read_a_backlog(held_bytes: usize) {
    let mut bench = Bench::with_partitions(2, Box::new(NoFaults));
    let (hour, minute) = (3_600_000, 60_000);
    let events = |apart: i64| (0..500).map(|n| format!("x{apart}-{n}@{}", n * apart)).collect::<Vec<_>>();
    for (number, apart) in [(0, hour), (1, minute)] {
        let mut values = events(apart);
        // Cannot be judged while the registry is down: one that is read at once, and one that waits first.
        values[3].insert(0, '?');
        values[30].insert(0, '?');
        bench.write_to(number, &values.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let limits = crate::runtime::settings::Limits { poll_records: 20, held_bytes, ..settings().limits };
    let log = Arc::new(bench.log.clone());
    let mut driver = IngestDriver::new(log, Arc::new(names()), Settings { limits, ..settings() }, bench.toy.clone());
    let next = |driver: &Driver, number: i32| {
        let touches = |partition: &Partition| &*partition.topic == "touchpoints" && partition.number == number;
        driver.positions().find(|(partition, _)| touches(partition)).map_or(0, |(_, next)| next)
    };
    let mut steps = 0;
    while next(&driver, 1) < 500 {
        bench.toy.registry_down.store(steps / 40 % 2 == 0, Ordering::SeqCst);
        steps += 1;
        bench.run(&mut [&mut driver], 1);
        assert!(next(&driver, 0) < 250, "days ahead of what is still to be read");
        let held: usize = driver.sources.iter().map(|state| state.held.bytes()).sum();
        assert!(held <= held_bytes.saturating_add(5000), "two polls more than the bound: {held}");
    }
    bench.toy.registry_down.store(false, Ordering::SeqCst);
    bench.run(&mut [&mut driver], 600);
    assert_eq!(bench.folded(), 1000);
    assert_eq!(bench.committed(), Some(500));
}
