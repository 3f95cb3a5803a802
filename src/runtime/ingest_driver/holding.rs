//! Records of a partition that is ahead of others wait here as they were read, until the others have come up. Pausing the
//! client instead would make it throw away what it has fetched, and fetch it again: that is done only when much waits.

use std::collections::VecDeque;

use super::sources::{SourceState, Stuck};
use super::{IngestDriver, Reading};
use crate::model::time::Millis;
use crate::runtime::log::{Incoming, Log, Partition};
use crate::runtime::parts::Decode;

#[derive(Debug, Default)]
pub struct Held {
    records: VecDeque<Record>,
    bytes: usize,
    /// The partition ended there when it was last read.
    end: Option<i64>,
}

#[derive(Debug)]
struct Record {
    offset: i64,
    timestamp: Millis,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len)
    }
}

impl Held {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, record: &Incoming<'_>) {
        let record = Record {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: (record.headers)(),
        };
        self.bytes += record.bytes();
        self.records.push_back(record);
        self.end = None;
    }

    fn pop(&mut self) -> Option<Record> {
        let record = self.records.pop_front()?;
        self.bytes -= record.bytes();
        Some(record)
    }

    fn put_back(&mut self, record: Record) {
        self.bytes += record.bytes();
        self.records.push_front(record);
    }
}

impl SourceState {
    /// Whether what is read of it has to wait its turn. Behind a record that cannot be judged, and does not wait here
    /// itself, nothing may.
    #[must_use]
    pub fn holds_back(&self) -> bool {
        !self.held.is_empty() || (self.ahead && self.stuck == Stuck::No)
    }

    /// Where the client is to read on.
    #[must_use]
    pub fn read_to(&self) -> i64 {
        self.held.records.back().map_or(self.next, |last| last.offset + 1)
    }

    /// Keeps a record that is not to be taken yet.
    pub fn hold(&mut self, record: &Incoming<'_>, now: Millis) {
        if self.placed && record.offset >= self.read_to() {
            self.held.push(record);
            self.unread_since.get_or_insert(now);
        }
    }

    /// It was read to its end. False: what waits comes first.
    pub fn hold_end(&mut self, next: i64) -> bool {
        if self.held.is_empty() {
            return false;
        }
        self.held.end = Some(next);
        true
    }
}

impl<L: Log, D: Decode> IngestDriver<L, D> {
    /// Takes what has waited long enough: of each partition until it is ahead again.
    pub(super) fn release(&mut self, now: Millis) {
        let most = self.settings.limits.poll_records;
        let waiting = |state: &&SourceState| !state.held.is_empty() && !state.ahead;
        let partitions: Vec<_> = self.sources.iter().filter(waiting).map(|state| state.partition.clone()).collect();
        let (_, mut reading) = self.reading(now);
        for partition in partitions {
            for _ in 0..most {
                if !reading.release(&partition) {
                    break;
                }
            }
        }
    }
}

impl<D: Decode> Reading<'_, D> {
    /// Takes the next record that waits. False when there is none, or it has to wait on.
    fn release(&mut self, partition: &Partition) -> bool {
        let state =
            self.sources.find(partition).filter(|state| !state.ahead && state.placed && state.stuck == Stuck::No);
        let Some(state) = state else { return false };
        let Some(record) = state.held.pop() else { return false };
        if state.is_early(record.timestamp) {
            state.held.put_back(record);
            return false;
        }
        let headers = || record.headers.clone();
        self.pack(&Incoming {
            partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &headers,
        });
        let Some(state) = self.sources.find(partition) else { return false };
        if state.stuck != Stuck::No {
            state.held.put_back(record);
            return false;
        }
        if let Some(end) = state.held.end.take_if(|_| state.held.records.is_empty()) {
            state.ended(end, self.packer, self.now);
        }
        true
    }
}
