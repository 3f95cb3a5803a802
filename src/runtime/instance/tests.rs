//! Whole instances over the memory log, with faults from a seed: instances crash, lose partitions, lose track of
//! transactions; at the end every record has had its effects exactly once.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::model::event::Topic;
use crate::runtime::log::{Isolation, NewTopic, Outgoing, Partition, Read, Reader, Writer};
use crate::runtime::memory_log::faults::{Delivery, Ending as Fate, Faults, GroupCommit, NoFaults};
use crate::runtime::memory_log::{MemoryLog, Patience};
use crate::runtime::toy::{SHARDS, Seen, Toy, names, settings};

type Toys = Instance<MemoryLog, Toy>;

/// Everything goes wrong, now and then.
struct Chaos(ChaCha8Rng);

impl Chaos {
    fn span(&mut self, most: i64) -> Span {
        Span(self.0.random_range(0..=most))
    }
}

impl Faults for Chaos {
    fn full(&mut self) -> bool {
        self.0.random_bool(0.02)
    }

    fn delivery(&mut self, to: &Partition) -> Delivery {
        // The input's own producers have no faults.
        if &*to.topic == "touchpoints" {
            return Delivery::PROMPT;
        }
        let (first, second) = (self.span(60), self.span(60));
        if self.0.random_bool(0.02) {
            let lands = self.0.random_bool(0.5).then(|| self.span(400));
            return Delivery::Failed { lands, answer: first };
        }
        Delivery::Acked { lands: first, answer: second }
    }

    fn ending(&mut self, _id: &str) -> Fate {
        let (request, answer) = (self.span(50), self.span(50));
        match self.0.random_range(0..20) {
            0 => Fate::Aborted { request, answer },
            1 => Fate::Unknown { request: self.0.random_bool(0.5).then_some(request), answer },
            _ => Fate::Committed { request, markers: self.span(30), answer },
        }
    }

    fn group_commit(&mut self, _group: &str) -> GroupCommit {
        if self.0.random_bool(0.1) { GroupCommit::Lost } else { GroupCommit::Applied { after: self.span(100) } }
    }

    fn eviction(&mut self, _group: &str) -> Option<Span> {
        self.0.random_bool(0.0005).then(|| self.span(3_000))
    }

    fn batch(&mut self, most: usize) -> usize {
        self.0.random_range(1..=most.min(50))
    }
}

struct Bench {
    log: MemoryLog,
    now: Millis,
    toy: Toy,
    seen: Arc<Seen>,
    started: u32,
}

impl Bench {
    fn new() -> Self {
        let now = Millis(1_000_000);
        let patience = Patience { session: Span(3_000), poll: Span(300_000), transaction: Span(60_000) };
        let log = MemoryLog::new(now, patience, Box::new(NoFaults));
        let topic = |name: &str, partitions| NewTopic {
            name: name.to_owned(),
            partitions,
            replication_factor: 1,
            properties: Vec::new(),
        };
        let inputs = Topic::ALL.into_iter().map(|input| topic(input.name(), 2));
        let of_shards = ["journal", "forwards", "snapshots", "dead-letters"].map(|name| topic(name, SHARDS));
        log.create(
            &inputs
                .chain(of_shards)
                .chain([topic("partials", 1), topic("kpis", 3), topic("alerts", 1)])
                .collect::<Vec<_>>(),
        )
        .expect("creates");
        Self { log, now, toy: Toy::default(), seen: Arc::default(), started: 0 }
    }

    fn start(&mut self) -> Toys {
        self.started += 1;
        let (log, toy) = (Arc::new(self.log.clone()), Arc::new(self.toy.clone()));
        let site = Site::new(log, toy, names(), settings(), format!("instance {}", self.started));
        Instance::new(Arc::new(site), Roles::ALL, 2, Arc::<Seen>::clone(&self.seen))
    }

    fn write(&self, number: u32) {
        let value = if number % 7 == 3 { format!("bad {number}") } else { format!("lead{}@{number}", number % 5) };
        let partition = Partition { topic: "touchpoints".into(), number: i32::try_from(number % 2).expect("small") };
        let value = Some(value.into_bytes());
        let record = Outgoing { partition, timestamp: None, key: None, value, headers: Vec::new() };
        let mut writer = self.log.writer().expect("a writer");
        let mut record = Some(record);
        while let Some(unsent) = record.take() {
            record = writer.send(0, unsent).expect("a log").err();
        }
    }

    fn pass(&mut self, instances: &mut [Toys], span: i64) {
        self.now = self.now + Span(span);
        self.log.advance(self.now);
        for instance in instances {
            instance.step(self.now).expect("steps");
        }
    }

    fn values(&self, topic: &str, partitions: i32) -> Vec<(Option<String>, Option<String>)> {
        let mut values = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for number in 0..partitions {
            let partition = Partition { topic: topic.into(), number };
            let mut reader = self.log.reader(Isolation::ReadCommitted).expect("a reader");
            reader.assign(&partition, self.log.bounds(&partition).expect("bounds").0).expect("assigns");
            let mut take = |read: Read<'_>| {
                if let Read::Record(record) = read {
                    values.push((record.key.map(text), record.value.map(text)));
                }
            };
            while reader.poll(Duration::ZERO, 1000, &mut take).expect("reads") > 0 {}
        }
        values
    }

    fn lag(&self, group: &str, topic: &str, partitions: i32) -> i64 {
        let partitions: Vec<_> = (0..partitions).map(|number| Partition { topic: topic.into(), number }).collect();
        let committed = self.log.committed(group, &partitions).expect("offsets");
        let ends = partitions.iter().map(|partition| self.log.bounds(partition).expect("bounds").1);
        ends.zip(committed).map(|(end, committed)| end - committed.unwrap_or(0)).sum()
    }

    /// Every record's effects are in the outputs once, and the newest rows say so.
    fn check(&self, records: u32) {
        let expected = |bad: bool| (0..records).filter(move |number| (number % 7 == 3) == bad).count();
        let mut told: BTreeMap<String, u32> = BTreeMap::new();
        for (_, value) in self.values("forwards", i32::from(SHARDS)) {
            *told.entry(value.expect("a value")).or_default() += 1;
        }
        assert!(told.values().all(|times| *times == 1), "told more than once: {told:?}");
        let letters = self.values("dead-letters", i32::from(SHARDS));
        let mut rows = BTreeMap::new();
        for (key, value) in self.values("kpis", 3) {
            rows.insert(key, value);
        }
        let sum = |value: &Option<String>| -> u64 {
            let value: serde_json::Value = serde_json::from_str(value.as_deref().expect("a row")).expect("JSON");
            value["sum"].as_u64().expect("a sum")
        };
        let good = u64::try_from(expected(false)).expect("few");
        // Forwards are told by text: the toy's records are all different.
        assert_eq!(told.len(), expected(false));
        assert_eq!(letters.len(), expected(true));
        assert_eq!(rows.values().map(sum).sum::<u64>(), good * 1_000_001, "{rows:?}");
    }
}

#[test]
fn an_instance_brings_everything_to_the_outputs_and_is_at_rest() {
    let mut bench = Bench::new();
    let mut instances = vec![bench.start()];
    for number in 0..200 {
        bench.write(number);
        bench.pass(&mut instances, 20);
    }
    for _ in 0..100 {
        bench.pass(&mut instances, 50);
    }
    bench.check(200);
    assert_eq!(bench.lag("g-ingest", "touchpoints", 2), 0);
    assert_eq!(bench.lag("g-shards", "journal", i32::from(SHARDS)), 0);
    assert_eq!(bench.lag("g-shards", "forwards", i32::from(SHARDS)), 0);
    assert_eq!(bench.lag("g-rollup", "partials", 1), 0);
    let shards = instances[0].watch().board.shards();
    assert!(shards.values().all(|shard| shard.live && shard.caught_up && shard.snapshots > 0), "{shards:?}");
    assert_eq!(bench.seen.0.lock().expect("whole").len(), usize::from(SHARDS));
}

#[test]
fn a_graceful_stop_leaves_nothing_to_replay_and_nothing_to_publish_again() {
    let mut bench = Bench::new();
    let mut instances = vec![bench.start()];
    for number in 0..50 {
        bench.write(number);
        bench.pass(&mut instances, 20);
    }
    let mut last = instances.pop().expect("one");
    let mut rounds = 0;
    while last.finish(bench.now).expect("finishes") == Finish::UnderWay {
        bench.now = bench.now + Span(20);
        bench.log.advance(bench.now);
        rounds += 1;
        assert!(rounds < 500, "never home");
    }
    last.leave(Duration::ZERO).expect("leaves");
    let published = bench.values("kpis", 3).len();
    let mut instances = vec![bench.start()];
    for _ in 0..100 {
        bench.pass(&mut instances, 50);
    }
    bench.check(50);
    let again = bench.values("kpis", 3).len() - published;
    assert!(again <= usize::from(SHARDS), "only what arrived after the stop is news: {again}");
}

/// Of two instances the rollup or the other one: rows and partials go on to come.
#[test]
fn a_stop_does_not_wait_for_what_others_go_on_to_say() {
    let mut owners = 0;
    for stopped in 0..2 {
        let mut bench = Bench::new();
        let mut instances = vec![bench.start(), bench.start()];
        for number in 0..200 {
            bench.write(number);
            bench.pass(&mut instances, 50);
        }
        let mut last = instances.remove(stopped);
        owners += usize::from(last.watch().rollup.lock().expect("whole").owner);
        let mut number = 200;
        while last.finish(bench.now).expect("finishes") == Finish::UnderWay {
            // The others say much between two of its steps.
            for _ in 0..30 {
                bench.write(number);
                number += 1;
                bench.pass(&mut instances, 50);
            }
            assert!(number < 3000, "{stopped} is never home");
        }
        last.leave(Duration::ZERO).expect("leaves");
        for _ in 0..200 {
            bench.pass(&mut instances, 50);
        }
        bench.check(number);
    }
    assert_eq!(owners, 1, "one of the two was the rollup");
}

const SEEDS: u64 = 40;

/// One history of faults.
fn survive(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bench = Bench::new();
    bench.log.set_faults(Box::new(Chaos(ChaCha8Rng::seed_from_u64(seed ^ 1))));
    let mut instances = vec![bench.start(), bench.start()];
    let records = 300;
    for number in 0..records {
        bench.write(number);
        for _ in 0..random.random_range(1..6) {
            let span = random.random_range(1..80);
            bench.pass(&mut instances, span);
        }
        match random.random_range(0..60) {
            // A crash: nobody says goodbye.
            0 if instances.len() > 1 => drop(instances.remove(random.random_range(0..instances.len()))),
            1 if instances.len() < 3 => instances.push(bench.start()),
            _ => {}
        }
    }
    bench.log.set_faults(Box::new(NoFaults));
    for _ in 0..1200 {
        bench.pass(&mut instances, 50);
    }
    bench.check(records);
    assert_eq!(bench.lag("g-ingest", "touchpoints", 2), 0);
    // At rest each instance says once a second that all it has is idle.
    let beats = i64::from(SHARDS) * i64::try_from(instances.len()).expect("few");
    assert!(bench.lag("g-shards", "journal", i32::from(SHARDS)) <= beats);
}

#[test]
fn whatever_fails_every_effect_is_out_once() {
    let failed: Vec<u64> = (0..SEEDS).filter(|seed| std::panic::catch_unwind(|| survive(*seed)).is_err()).collect();
    assert!(failed.is_empty(), "seeds {failed:?}");
}
