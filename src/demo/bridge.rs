//! Between the broker that the outside sees and the log in memory that the instance works on: what anybody writes to the
//! input topics goes in, what the instance publishes comes out, record by record, with its partition, key, time and
//! headers. What the feed writes it writes to both, so that it comes in in its order over all topics. And it keeps the log in memory small: what everybody has read is deleted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::feed::look;
use super::wall_clock;
use crate::model::event::Topic;
use crate::model::time::{Millis, Span};
use crate::publish::ledgers::Ledger;
use crate::runtime::log::{Incoming, Isolation, Log, LogError, NewTopic, Outgoing, Partition, Read, Reader, Writer};
use crate::runtime::topics::Names;

/// Records taken at a time.
const BATCH: usize = 1000;
const WAIT: Duration = Duration::from_millis(5);
const TRIM_EVERY: Span = Span(5000);
/// The header of what the feed shows to the outside: it is inside already.
pub(super) const GENERATED: &str = "tributary.generated";

pub(super) struct Bridge<Outside: Log, Inside: Log> {
    inside: Arc<Inside>,
    names: Arc<Names>,
    inward: Copier<Outside, Inside>,
    outward: Copier<Inside, Outside>,
    trimmed: Millis,
}

/// Copies some partitions from one log to another.
struct Copier<From: Log, To: Log> {
    from: Arc<From>,
    reader: From::Reader,
    writer: To::Writer,
    /// Read, but not yet taken by the writer.
    waiting: VecDeque<Outgoing>,
    sent: u64,
    /// The next offset to read.
    next: BTreeMap<Partition, i64>,
}

impl<Outside: Log, Inside: Log> Bridge<Outside, Inside> {
    pub(super) fn new(outside: Arc<Outside>, inside: Arc<Inside>, names: Arc<Names>) -> Result<Self, LogError> {
        let mut inward = Copier::new(Arc::clone(&outside), &*inside)?;
        for (_, topic) in &names.inputs {
            inward.follow(topic)?;
        }
        let mut outward = Copier::new(Arc::clone(&inside), &*outside)?;
        for topic in outputs(&names) {
            outward.follow(topic)?;
        }
        Ok(Self { inside, names, inward, outward, trimmed: wall_clock() })
    }

    pub(super) fn run(mut self, stop: &AtomicBool) -> Result<(), LogError> {
        while !stop.load(Ordering::SeqCst) {
            self.inward.step(WAIT)?;
            self.outward.step(Duration::ZERO)?;
            let now = wall_clock();
            if self.trimmed + TRIM_EVERY <= now {
                self.trimmed = now;
                self.trim()?;
            }
        }
        Ok(())
    }

    fn trim(&self) -> Result<(), LogError> {
        let inputs: Vec<_> = Topic::ALL.iter().map(|topic| input(&self.names, *topic)).collect();
        let committed = self.inside.committed(&self.names.ingest_group, &inputs)?;
        for (partition, committed) in inputs.iter().zip(committed) {
            if let Some(next) = committed {
                self.inside.trim(partition, next)?;
            }
        }
        for (partition, next) in &self.outward.next {
            self.inside.trim(partition, *next)?;
        }
        Ok(())
    }
}

/// Those that the outside has to do with.
pub(super) fn seen(topics: Vec<NewTopic>, names: &Names) -> Vec<NewTopic> {
    let is_seen = |name: &str| names.input(name).is_some() || outputs(names).any(|output| **output == *name);
    topics.into_iter().filter(|topic| is_seen(&topic.name)).collect()
}

/// What the outside reads.
fn outputs(names: &Names) -> impl Iterator<Item = &Arc<str>> {
    let ledgers = Ledger::ALL.into_iter().map(|ledger| names.ledger(ledger));
    [&names.kpis, &names.alerts, &names.dead_letters].into_iter().chain(ledgers)
}

/// The only partition of an input.
pub(super) fn input(names: &Names, topic: Topic) -> Partition {
    let name = names.inputs.iter().find(|(found, _)| *found == topic).map(|(_, name)| Arc::clone(name));
    Partition { topic: name.unwrap_or_else(|| Arc::from(topic.name())), number: 0 }
}

impl<From: Log, To: Log> Copier<From, To> {
    fn new(from: Arc<From>, to: &To) -> Result<Self, LogError> {
        let (reader, writer) = (from.reader(Isolation::ReadCommitted)?, to.writer()?);
        Ok(Self { from, reader, writer, waiting: VecDeque::new(), sent: 0, next: BTreeMap::new() })
    }

    fn follow(&mut self, topic: &Arc<str>) -> Result<(), LogError> {
        for number in 0..self.from.partitions(topic)?.unwrap_or(0) {
            self.begin(&Partition { topic: Arc::clone(topic), number })?;
        }
        Ok(())
    }

    fn begin(&mut self, partition: &Partition) -> Result<(), LogError> {
        let (first, _) = self.from.bounds(partition)?;
        self.next.insert(partition.clone(), first);
        self.reader.assign(partition, first)
    }

    fn step(&mut self, wait: Duration) -> Result<(), LogError> {
        if self.waiting.is_empty() {
            self.read(wait)?;
        }
        while let Some(record) = self.waiting.pop_front() {
            self.sent += 1;
            if let Err(back) = self.writer.send(self.sent, record)? {
                self.waiting.push_front(back);
                break;
            }
        }
        look(&mut self.writer)
    }

    fn read(&mut self, wait: Duration) -> Result<(), LogError> {
        let (waiting, next) = (&mut self.waiting, &mut self.next);
        let read = self.reader.poll(wait, BATCH, &mut |read| {
            if let Read::Record(record) = read {
                next.insert(record.partition.clone(), record.offset + 1);
                waiting.extend(Some(copy(&record)).filter(|record| !is_generated(record)));
            }
        });
        match read {
            Ok(_) => Ok(()),
            Err(LogError::OutOfRange { partition, offset }) => {
                tracing::warn!(topic = %partition.topic, offset, "records are gone before they were read");
                self.begin(&partition)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_generated(record: &Outgoing) -> bool {
    record.headers.iter().any(|(name, _)| name == GENERATED)
}

fn copy(record: &Incoming<'_>) -> Outgoing {
    Outgoing {
        partition: record.partition.clone(),
        timestamp: Some(record.timestamp),
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: (record.headers)(),
    }
}
