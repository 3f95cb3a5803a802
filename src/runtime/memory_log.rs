//! A log in memory that behaves as Kafka does where it matters to exactly-once: committed readers stop at open
//! transactions, a newer transactor fences an older one, offsets are committed with the records, groups hand partitions
//! over. It is deterministic: the caller moves its clock, faults come from the caller's seed. `report` and `demo` run on
//! it as well, on the wall clock where threads have to wait for each other.

mod broker;
pub mod faults;
mod group;
mod member;
mod partition;
mod reader;
mod transactor;
mod writer;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::broker::Broker;
use self::faults::{Faults, NoFaults};
pub use self::member::MemoryMember;
use self::partition::Body;
pub use self::reader::MemoryReader;
pub use self::transactor::MemoryTransactor;
pub use self::writer::MemoryWriter;
use super::log::{Incoming, Isolation, Log, LogError, MemberMode, NewTopic, Partition, Read};
use crate::model::time::{Millis, Span};

/// How long the log waits before it gives somebody up.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a member that has gone without leaving.
    pub session: Span,
    /// For a member that does not poll.
    pub poll: Span,
    /// For an open transaction.
    pub transaction: Span,
}

impl Default for Patience {
    fn default() -> Self {
        Self { session: Span(10_000), poll: Span(300_000), transaction: Span(60_000) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// Stands still until told; nothing ever waits.
    Told,
    /// The system's; who polls with nothing there waits.
    Wall,
}

struct Shared {
    broker: Mutex<Broker>,
    changed: Condvar,
    clock: Clock,
}

/// All clones are the same log.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

impl MemoryLog {
    /// A log whose time stands at `now` until `advance`: nothing waits, one thread drives everything.
    #[must_use]
    pub fn new(now: Millis, patience: Patience, faults: Box<dyn Faults>) -> Self {
        Self::with_clock(Clock::Told, now, patience, faults)
    }

    /// A log for threads, without faults, on the wall clock. Nobody is given up for being slow.
    #[must_use]
    pub fn on_wall_clock() -> Self {
        let patience = Patience { session: Span(0), poll: Span(i64::MAX), transaction: Span(i64::MAX) };
        Self::with_clock(Clock::Wall, wall_clock(), patience, Box::new(NoFaults))
    }

    fn with_clock(clock: Clock, now: Millis, patience: Patience, faults: Box<dyn Faults>) -> Self {
        let broker = Mutex::new(Broker::new(now, patience, faults));
        Self { shared: Arc::new(Shared { broker, changed: Condvar::new(), clock }) }
    }

    /// Moves the log's clock on; what is due by then happens.
    pub fn advance(&self, to: Millis) {
        self.shared.lock().advance(to);
        self.shared.changed.notify_all();
    }

    #[must_use]
    pub fn now(&self) -> Millis {
        self.shared.lock().now
    }

    /// Gives a topic more partitions, as an administrator would. There are never fewer.
    pub fn grow(&self, topic: &str, partitions: u16) {
        self.shared.lock().grow(topic, partitions);
        self.shared.changed.notify_all();
    }

    /// From now on these faults happen.
    pub fn set_faults(&self, faults: Box<dyn Faults>) {
        self.shared.lock().faults = faults;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Broker> {
        let mut broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        if self.clock == Clock::Wall {
            broker.advance(wall_clock());
        }
        broker
    }

    /// Tries until something comes of it or the time is over; on a told clock once.
    #[allow(clippy::disallowed_methods, reason = "how long a thread waits is no part of the data")]
    fn wait<T>(
        &self,
        wait: Duration,
        mut attempt: impl FnMut(&mut Broker) -> Result<Option<T>, LogError>,
    ) -> Result<Option<T>, LogError> {
        let mut broker = self.lock();
        let found = attempt(&mut broker)?;
        if found.is_some() || self.clock == Clock::Told || wait.is_zero() {
            return Ok(found);
        }
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            broker = self.changed.wait_timeout(broker, left).unwrap_or_else(PoisonError::into_inner).0;
            broker.advance(wall_clock());
            if let Some(found) = attempt(&mut broker)? {
                return Ok(Some(found));
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the log is what stamps records with the time")]
fn wall_clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Where somebody reads a partition.
#[derive(Debug)]
struct Cursor {
    partition: Partition,
    next: i64,
    paused: bool,
    /// The end last told of, so that each is told once.
    told_end: Option<i64>,
}

impl Cursor {
    fn new(partition: Partition, next: i64, paused: bool) -> Self {
        Self { partition, next, paused, told_end: None }
    }
}

/// What was read, taken out so that it is handed over without holding the log.
enum Taken {
    Record { offset: i64, body: Arc<Body> },
    End { next: i64 },
}

impl Taken {
    fn hand_over(&self, partition: &Partition, to: &mut dyn FnMut(Read<'_>)) {
        match self {
            Self::Record { offset, body } => to(Read::Record(Incoming {
                partition,
                offset: *offset,
                timestamp: body.timestamp,
                key: body.key.as_deref(),
                value: body.value.as_deref(),
                headers: &|| body.headers.clone(),
            })),
            Self::End { next } => to(Read::End { partition, next: *next }),
        }
    }
}

impl Log for MemoryLog {
    type Reader = MemoryReader;
    type Writer = MemoryWriter;
    type Transactor = MemoryTransactor;
    type Member = MemoryMember;

    fn reader(&self, isolation: Isolation) -> Result<MemoryReader, LogError> {
        Ok(MemoryReader::new(Arc::clone(&self.shared), isolation))
    }

    fn writer(&self) -> Result<MemoryWriter, LogError> {
        Ok(MemoryWriter::new(Arc::clone(&self.shared)))
    }

    fn transactor(&self, id: &str) -> Result<MemoryTransactor, LogError> {
        Ok(MemoryTransactor::new(Arc::clone(&self.shared), id))
    }

    fn member(&self, group: &str, topics: &[String], mode: MemberMode) -> Result<MemoryMember, LogError> {
        Ok(MemoryMember::new(Arc::clone(&self.shared), group, topics, mode))
    }

    fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<i64>>, LogError> {
        self.shared.lock().committed(group, partitions)
    }

    fn bounds(&self, partition: &Partition) -> Result<(i64, i64), LogError> {
        let broker = self.shared.lock();
        let log = broker.log(partition)?;
        Ok((log.start(), log.end()))
    }

    fn partitions(&self, topic: &str) -> Result<Option<i32>, LogError> {
        let broker = self.shared.lock();
        Ok(broker.topic(topic).map(|logs| i32::try_from(logs.len()).unwrap_or(i32::MAX)))
    }

    fn create(&self, topics: &[NewTopic]) -> Result<(), LogError> {
        self.shared.lock().create(topics);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn trim(&self, partition: &Partition, before: i64) -> Result<(), LogError> {
        self.shared.lock().trim(partition, before)
    }
}
