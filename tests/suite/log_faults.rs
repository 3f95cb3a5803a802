//! The memory log under seeded faults: whoever keeps to the rules of the log gets exactly-once, at-least-once and full
//! coverage out of it, whatever goes wrong. A failing seed is named.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary::model::time::{Millis, Span};
use tributary::runtime::kafka_log::KafkaLog;
use tributary::runtime::log::{
    Isolation, Log, LogError, Member, MemberMode, Membership, NewTopic, Outgoing, Partition, Read, Reader, Standing,
    Transaction, Transactor, Writer,
};
use tributary::runtime::memory_log::faults::{Delivery, Ending, Faults, Fencing, GroupCommit, NoFaults};
use tributary::runtime::memory_log::{MemoryLog, MemoryMember, Patience};

/// Faults drawn from a seed, each with a chance of one in `rarity`.
pub struct Seeded {
    chance: ChaCha8Rng,
    rarity: u32,
}

impl Seeded {
    pub fn new(seed: u64, rarity: u32) -> Self {
        Self { chance: ChaCha8Rng::seed_from_u64(seed), rarity }
    }

    fn strikes(&mut self) -> bool {
        self.chance.random_ratio(1, self.rarity)
    }

    fn span(&mut self, most: i64) -> Span {
        Span(self.chance.random_range(0..=most))
    }
}

impl Faults for Seeded {
    fn full(&mut self) -> bool {
        self.strikes()
    }

    fn delivery(&mut self, _: &Partition) -> Delivery {
        let late = self.strikes();
        let lands = if late { self.span(500) } else { Span(0) };
        let answer = self.span(20);
        match self.strikes() {
            true => Delivery::Failed { lands: self.strikes().then_some(lands), answer: self.span(200) },
            false => Delivery::Acked { lands, answer },
        }
    }

    fn fencing(&mut self, _: &str) -> Fencing {
        Fencing { request: self.span(20), answer: self.span(20) }
    }

    fn ending(&mut self, _: &str) -> Ending {
        let (request, answer) = (self.span(30), self.span(30));
        match (self.strikes(), self.strikes()) {
            (true, true) => Ending::Aborted { request, answer },
            (true, false) => Ending::Unknown { request: Some(self.span(2000)), answer },
            (false, true) => Ending::Unknown { request: None, answer },
            (false, false) => Ending::Committed { request, markers: self.span(10), answer },
        }
    }

    fn group_commit(&mut self, _: &str) -> GroupCommit {
        if self.strikes() { GroupCommit::Lost } else { GroupCommit::Applied { after: self.span(100) } }
    }

    fn eviction(&mut self, _: &str) -> Option<Span> {
        (self.strikes() && self.strikes()).then(|| self.span(3000))
    }

    fn batch(&mut self, most: usize) -> usize {
        self.chance.random_range(1..=most.max(1))
    }
}

const SEEDS: u64 = 60;

fn place(seed: u64, partitions: u16) -> (MemoryLog, Vec<Partition>) {
    let log = MemoryLog::new(Millis(0), Patience::default(), Box::new(Seeded::new(seed, 5)));
    log.create(&[NewTopic { name: "t".into(), partitions, replication_factor: 1, properties: Vec::new() }]).unwrap();
    let topic = std::sync::Arc::<str>::from("t");
    (log, (0..i32::from(partitions)).map(|number| Partition { topic: topic.clone(), number }).collect())
}

fn pass(log: &MemoryLog, chance: &mut ChaCha8Rng) {
    log.advance(log.now() + Span(chance.random_range(1..=50)));
}

fn record(partition: &Partition, number: i64) -> Outgoing {
    let value = Some(number.to_string().into_bytes());
    Outgoing { partition: partition.clone(), timestamp: None, key: None, value, headers: Vec::new() }
}

fn number(value: Option<&[u8]>) -> i64 {
    std::str::from_utf8(value.unwrap()).unwrap().parse().unwrap()
}

/// All that is visible, by offset, once everything under way has come to rest.
fn all_visible(log: &MemoryLog, partition: &Partition) -> Vec<(i64, i64)> {
    log.set_faults(Box::new(NoFaults));
    log.advance(log.now() + Span(1_000_000));
    let (mut reader, mut found) = (log.reader(Isolation::ReadCommitted).unwrap(), Vec::new());
    reader.assign(partition, 0).unwrap();
    let to = &mut |read: Read<'_>| {
        if let Read::Record(incoming) = read {
            found.push((incoming.offset, number(incoming.value)));
        }
    };
    while reader.poll(Duration::ZERO, 100, to).unwrap() > 0 {}
    found
}

/// An owner that counts: each transaction writes the next number and commits that it did.
struct Counter<L: Log> {
    transactor: L::Transactor,
    /// The next number, once it is known from the committed offset.
    next: Option<i64>,
    under_way: bool,
}

impl<L: Log> Counter<L> {
    fn new(log: &L) -> Self {
        Self { transactor: log.transactor("counter").unwrap(), next: None, under_way: false }
    }

    /// Says `false` when it is fenced.
    fn step(&mut self, log: &L, partition: &Partition) -> bool {
        match self.transactor.poll() {
            Ok(Standing::Busy) => return true,
            Ok(Standing::Ready) if self.under_way => self.next = self.next.map(|next| next + 1),
            Ok(Standing::Ready | Standing::Aborted) => {}
            Ok(Standing::Unknown) => self.next = None,
            Err(LogError::Fenced(_)) => return false,
            Err(error) => panic!("{error}"),
        }
        self.under_way = false;
        // Earlier owners are fenced, so the committed offset tells all there is to tell.
        let next = match (self.next, log.committed("counter", std::slice::from_ref(partition))) {
            (Some(next), _) => next,
            (None, Ok(committed)) => committed[0].unwrap_or(0),
            // A newer owner's transaction is under way.
            (None, Err(LogError::Retriable(_))) => return true,
            (None, Err(error)) => panic!("{error}"),
        };
        self.next = Some(next);
        let transaction = Transaction {
            records: vec![record(partition, next)],
            group: "counter".into(),
            offsets: vec![(partition.clone(), next + 1)],
        };
        match self.transactor.submit(transaction.into()) {
            Ok(()) => {
                self.under_way = true;
                true
            }
            Err(LogError::Fenced(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Several owners in turn, older ones going on until they notice.
fn take_turns<L: Log>(
    log: &L,
    partition: &Partition,
    chance: &mut ChaCha8Rng,
    steps: u32,
    pass: impl Fn(&mut ChaCha8Rng),
) {
    let mut owners = vec![Counter::new(log)];
    for _ in 0..steps {
        pass(chance);
        if chance.random_ratio(1, 40) {
            owners.push(Counter::new(log));
        }
        if chance.random_ratio(1, 80) && !owners.is_empty() {
            // A crash: whatever it had under way stays as it is.
            owners.remove(chance.random_range(0..owners.len()));
        }
        owners.retain_mut(|owner| owner.step(log, partition));
        if owners.is_empty() {
            owners.push(Counter::new(log));
        }
    }
}

/// What becomes visible of a seed's history.
fn count(seed: u64) -> Vec<(i64, i64)> {
    let (log, partitions) = place(seed, 1);
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    take_turns(&log, &partitions[0], &mut chance, 600, |chance| pass(&log, chance));
    all_visible(&log, &partitions[0])
}

/// The same protocol on the real thing, where owners crash and fence each other in the midst of transactions.
#[test]
fn owners_on_a_real_broker_take_turns_without_gap_or_repeat() {
    let kafka = tributary::config::Kafka {
        brokers: crate::broker::broker().bootstrap().to_owned(),
        group: "turns".into(),
        properties: BTreeMap::new(),
    };
    let log = KafkaLog::new(kafka);
    let topic = NewTopic { name: "turns".into(), partitions: 1, replication_factor: 1, properties: Vec::new() };
    log.create(&[topic]).unwrap();
    let partition = Partition { topic: "turns".into(), number: 0 };
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    take_turns(&log, &partition, &mut chance, 1200, |chance| {
        std::thread::sleep(Duration::from_millis(chance.random_range(1..=15)));
    });
    // The last owner settles what is still open.
    let mut last = log.transactor("counter").unwrap();
    while last.poll().unwrap() == Standing::Busy {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (mut reader, mut visible, mut end) = (log.reader(Isolation::ReadCommitted).unwrap(), Vec::new(), None);
    reader.assign(&partition, 0).unwrap();
    while end.is_none() {
        let to = &mut |read: Read<'_>| match read {
            Read::Record(incoming) => visible.push(number(incoming.value)),
            Read::End { next, .. } => end = Some(next),
        };
        reader.poll(Duration::from_millis(50), 100, to).unwrap();
    }
    assert_eq!(end, Some(log.bounds(&partition).unwrap().1), "nothing hangs");
    assert!(visible.len() > 10, "something gets through: {}", visible.len());
    assert!(visible.iter().copied().eq(0..visible.len() as i64), "{visible:?}");
}

#[test]
fn transactions_are_exactly_once_whatever_fails() {
    for seed in 0..SEEDS {
        let visible: Vec<i64> = count(seed).into_iter().map(|(_, number)| number).collect();
        assert!(visible.len() > 10, "seed {seed}: something gets through, {}", visible.len());
        let expected = 0..i64::try_from(visible.len()).unwrap();
        assert!(visible.iter().copied().eq(expected), "seed {seed}: {visible:?}");
    }
}

#[test]
fn a_seed_is_one_history() {
    assert_eq!(count(7), count(7));
    assert_ne!(count(7), count(8));
}

#[test]
fn what_is_acknowledged_is_in_the_log_whatever_fails() {
    let mut duplicates = 0;
    for seed in 0..SEEDS {
        let (log, partitions) = place(seed, 1);
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut acknowledged: BTreeMap<u64, i64> = BTreeMap::new();
        let (mut writer, mut next) = (log.writer().unwrap(), 0_u64);
        while acknowledged.len() < 200 {
            let mut failed = false;
            while next < 200 && writer.send(next, record(&partitions[0], next as i64)).unwrap().is_ok() {
                next += 1;
            }
            pass(&log, &mut chance);
            let told = &mut |number, outcome: Result<i64, LogError>| match outcome {
                Ok(offset) => drop(acknowledged.entry(number).or_insert(offset)),
                Err(_) => failed = true,
            };
            writer.poll(Duration::ZERO, told).unwrap();
            if failed {
                assert!(matches!(writer.send(0, record(&partitions[0], 0)), Err(LogError::Spent(_))));
                writer = log.writer().unwrap();
                // All from the first gap on once more.
                next = (0..200).find(|number| !acknowledged.contains_key(number)).unwrap_or(200);
            }
        }
        let found: BTreeMap<i64, i64> = all_visible(&log, &partitions[0]).into_iter().collect();
        for (number, offset) in &acknowledged {
            assert_eq!(found.get(offset), Some(&(*number as i64)), "seed {seed}");
        }
        duplicates += found.len() - 200;
    }
    assert!(duplicates > 0, "the faults do bring duplicates");
}

struct Worker {
    member: MemoryMember,
    next: BTreeMap<Partition, i64>,
}

impl Worker {
    fn new(log: &MemoryLog) -> Self {
        Self { member: log.member("workers", &["t".into()], MemberMode::Reads).unwrap(), next: BTreeMap::new() }
    }

    fn step(&mut self, done: &mut BTreeSet<i64>) {
        let next = &mut self.next;
        let to = &mut |told: Membership<'_>| match told {
            Membership::Gained(partitions) => next.extend(partitions.iter().map(|partition| (partition.clone(), 0))),
            Membership::Lost(partitions) => next.retain(|partition, _| !partitions.contains(partition)),
            Membership::Read(Read::Record(incoming)) => {
                done.insert(number(incoming.value));
                *next.get_mut(incoming.partition).expect("only what it owns is read") = incoming.offset + 1;
            }
            Membership::Read(Read::End { .. }) => {}
        };
        self.member.poll(Duration::ZERO, 5, to).unwrap();
        let offsets: Vec<_> =
            self.next.iter().filter(|(_, next)| **next > 0).map(|(p, next)| (p.clone(), *next)).collect();
        self.member.commit(&offsets).unwrap();
    }
}

#[test]
fn a_group_reads_everything_whatever_fails() {
    for seed in 0..SEEDS {
        let (log, partitions) = place(seed, 5);
        log.set_faults(Box::new(NoFaults));
        let mut writer = log.writer().unwrap();
        for number in 0..500_u64 {
            let partition = &partitions[(number % 5) as usize];
            writer.send(number, record(partition, number as i64)).unwrap().unwrap();
        }
        log.set_faults(Box::new(Seeded::new(seed, 5)));
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let (mut workers, mut done) = (vec![Worker::new(&log)], BTreeSet::new());
        for _ in 0..300 {
            pass(&log, &mut chance);
            match chance.random_range(0..60) {
                0 if workers.len() < 6 => workers.push(Worker::new(&log)),
                // A crash, and a farewell.
                1 => drop(workers.pop()),
                2 => workers.pop().into_iter().for_each(|worker| worker.member.leave(Duration::ZERO).unwrap()),
                _ => {}
            }
            workers.iter_mut().for_each(|worker| worker.step(&mut done));
        }
        log.set_faults(Box::new(NoFaults));
        workers.push(Worker::new(&log));
        for _ in 0..600 {
            pass(&log, &mut chance);
            workers.iter_mut().for_each(|worker| worker.step(&mut done));
        }
        assert!(done.iter().copied().eq(0..500), "seed {seed}: {} of 500", done.len());
        let owned: Vec<_> = workers.iter().flat_map(|worker| worker.next.keys()).collect();
        assert_eq!(owned.len(), 5, "seed {seed}: each partition has one owner");
        assert_eq!(log.committed("workers", &partitions).unwrap(), [Some(100); 5], "seed {seed}");
    }
}
