//! The writer that all shards of an instance share, for what needs no transaction: partials and snapshots. Records come
//! in under a sender's slip. When one is not delivered, all that was under way is dropped and every sender with a part
//! in it is told: it begins again with something whole, for a later record may have been delivered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::log::{Log, LogError, Outgoing, Partition, Writer};
use super::settings::{Backoff, Limits};
use crate::model::time::Millis;

/// A sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slip(u64);

#[derive(Debug, Default)]
struct Sender {
    pending: usize,
    failed: bool,
    last_offset: Option<i64>,
}

struct UnderWay {
    slip: Slip,
    bytes: usize,
    to: Partition,
}

struct Inner<L: Log> {
    writer: Option<L::Writer>,
    waiting: VecDeque<(Slip, Outgoing)>,
    under_way: BTreeMap<u64, UnderWay>,
    /// How many are under way to each partition.
    to: BTreeMap<Partition, usize>,
    senders: BTreeMap<Slip, Sender>,
    bytes: usize,
    last_number: u64,
    last_slip: u64,
    backoff: Backoff,
}

pub struct Outbox<L: Log> {
    log: Arc<L>,
    limits: Limits,
    inner: Mutex<Inner<L>>,
}

impl<L: Log> Outbox<L> {
    pub fn new(log: Arc<L>, limits: Limits) -> Self {
        let inner = Inner {
            writer: None,
            waiting: VecDeque::new(),
            under_way: BTreeMap::new(),
            to: BTreeMap::new(),
            senders: BTreeMap::new(),
            bytes: 0,
            last_number: 0,
            last_slip: 0,
            backoff: Backoff::default(),
        };
        Self { log, limits, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<L>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a sender.
    pub fn open(&self) -> Slip {
        let mut inner = self.lock();
        inner.last_slip += 1;
        let slip = Slip(inner.last_slip);
        inner.senders.insert(slip, Sender::default());
        slip
    }

    /// Forgets a sender and what it has not sent yet.
    pub fn close(&self, slip: Slip) {
        let mut inner = self.lock();
        inner.senders.remove(&slip);
        let dropped: usize = inner.waiting.iter().filter(|(of, _)| *of == slip).map(|(_, record)| size(record)).sum();
        inner.bytes -= dropped;
        inner.waiting.retain(|(of, _)| *of != slip);
    }

    #[must_use]
    pub fn has_room(&self) -> bool {
        self.lock().bytes < self.limits.outbox_bytes
    }

    pub fn send(&self, slip: Slip, record: Outgoing) {
        let mut inner = self.lock();
        inner.bytes += size(&record);
        inner.senders.entry(slip).or_default().pending += 1;
        inner.waiting.push_back((slip, record));
    }

    /// How many of a sender's records are not in the log yet.
    #[must_use]
    pub fn pending(&self, slip: Slip) -> usize {
        self.lock().senders.get(&slip).map_or(0, |sender| sender.pending)
    }

    /// Where the newest of a sender's records is.
    #[must_use]
    pub fn last_offset(&self, slip: Slip) -> Option<i64> {
        self.lock().senders.get(&slip).and_then(|sender| sender.last_offset)
    }

    /// Whether something of a sender's was lost since it last asked.
    pub fn take_failure(&self, slip: Slip) -> bool {
        self.lock().senders.get_mut(&slip).is_some_and(|sender| std::mem::take(&mut sender.failed))
    }

    /// Sends and listens.
    pub fn step(&self, now: Millis, wait: Duration) -> Result<(), LogError> {
        let mut inner = self.lock();
        if (inner.waiting.is_empty() && inner.under_way.is_empty()) || !inner.backoff.is_due(now) {
            return Ok(());
        }
        match inner.attempt(&self.log, self.limits.records_under_way, wait) {
            Ok(()) => inner.backoff.succeed(),
            Err(error @ (LogError::Fatal(_) | LogError::Fenced(_))) => return Err(error),
            Err(error) => {
                let first = inner.backoff.fail(now, &self.limits);
                if first {
                    tracing::warn!(%error, "partials or snapshots were not delivered");
                }
                if !matches!(error, LogError::Retriable(_)) {
                    inner.start_over();
                }
            }
        }
        Ok(())
    }
}

impl<L: Log> Inner<L> {
    fn attempt(&mut self, log: &L, most: usize, wait: Duration) -> Result<(), LogError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(log.writer()?),
        };
        let mut later = VecDeque::new();
        while let Some((slip, record)) = self.waiting.pop_front() {
            let to = record.partition.clone();
            let under_way = self.to.entry(to.clone()).or_default();
            // Once one of a partition waits, all that follow it do.
            if *under_way >= most {
                later.push_back((slip, record));
                continue;
            }
            let bytes = size(&record);
            self.last_number += 1;
            match writer.send(self.last_number, record)? {
                Ok(()) => {
                    *under_way += 1;
                    self.under_way.insert(self.last_number, UnderWay { slip, bytes, to });
                }
                Err(record) => {
                    later.push_back((slip, record));
                    break;
                }
            }
        }
        later.append(&mut self.waiting);
        self.waiting = later;
        let mut failure = None;
        let (under_way, senders, held) = (&mut self.under_way, &mut self.senders, &mut self.bytes);
        let per_partition = &mut self.to;
        writer.poll(wait, &mut |number, outcome| match outcome {
            Ok(offset) => {
                if let Some(UnderWay { slip, bytes, to }) = under_way.remove(&number) {
                    *held -= bytes;
                    per_partition.entry(to).and_modify(|count| *count -= 1);
                    if let Some(sender) = senders.get_mut(&slip) {
                        sender.pending -= 1;
                        sender.last_offset = Some(offset);
                    }
                }
            }
            Err(error) => failure = failure.take().or(Some(error)),
        })?;
        match failure {
            None => Ok(()),
            Some(error @ LogError::Fatal(_)) => Err(error),
            Some(error) => Err(LogError::Spent(error.to_string())),
        }
    }

    fn start_over(&mut self) {
        self.writer = None;
        self.waiting.clear();
        self.under_way.clear();
        self.to.clear();
        self.bytes = 0;
        for sender in self.senders.values_mut().filter(|sender| sender.pending > 0) {
            (sender.pending, sender.failed) = (0, true);
        }
    }
}

fn size(record: &Outgoing) -> usize {
    record.value.as_ref().map_or(0, Vec::len) + record.key.as_ref().map_or(0, Vec::len)
}
