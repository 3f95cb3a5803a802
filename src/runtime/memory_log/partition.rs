//! One partition of the memory log: records and the marks of ended transactions, each at an offset of its own as on a
//! real broker, and the open transactions that committed readers must not look past.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::model::time::Millis;
use crate::runtime::log::{Isolation, Outgoing};

/// A record's content, shared by the log and whoever reads it.
#[derive(Debug)]
pub(super) struct Body {
    pub timestamp: Millis,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Body {
    pub fn new(record: Outgoing, now: Millis) -> Self {
        let Outgoing { partition: _, timestamp, key, value, headers } = record;
        Self { timestamp: timestamp.unwrap_or(now), key, value, headers }
    }
}

/// The number of a transaction, never used twice.
pub(super) type TransactionNumber = u64;

#[derive(Debug)]
enum Entry {
    Record {
        body: Arc<Body>,
        transaction: Option<TransactionNumber>,
    },
    /// The end of a transaction.
    Mark,
}

#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    start: i64,
    entries: VecDeque<Entry>,
    /// Where each open transaction began.
    open: BTreeMap<TransactionNumber, i64>,
}

impl PartitionLog {
    pub const fn start(&self) -> i64 {
        self.start
    }

    pub fn end(&self) -> i64 {
        self.start + self.entries.len() as i64
    }

    /// The offset that readers stop before.
    pub fn visible_end(&self, isolation: Isolation) -> i64 {
        let open = match isolation {
            Isolation::ReadCommitted => self.open.values().copied().min(),
            Isolation::ReadUncommitted => None,
        };
        open.unwrap_or_else(|| self.end())
    }

    pub fn append(&mut self, body: Body, transaction: Option<TransactionNumber>) -> i64 {
        let offset = self.end();
        if let Some(number) = transaction {
            self.open.entry(number).or_insert(offset);
        }
        self.entries.push_back(Entry::Record { body: Arc::new(body), transaction });
        offset
    }

    /// Writes the mark of a transaction's end, if it has written here.
    pub fn close(&mut self, transaction: TransactionNumber) {
        if self.open.remove(&transaction).is_some() {
            self.entries.push_back(Entry::Mark);
        }
    }

    /// The next visible record at or after an offset and before `end`, and the offset after what was passed.
    pub fn next(
        &self,
        from: i64,
        end: i64,
        isolation: Isolation,
        aborted: &BTreeSet<TransactionNumber>,
    ) -> (i64, Option<Arc<Body>>) {
        let mut at = from;
        while at < end {
            let entry = usize::try_from(at - self.start).ok().and_then(|index| self.entries.get(index));
            at += 1;
            if let Some(Entry::Record { body, transaction }) = entry {
                let hidden = isolation == Isolation::ReadCommitted && transaction.is_some_and(|n| aborted.contains(&n));
                if !hidden {
                    return (at, Some(Arc::clone(body)));
                }
            }
        }
        (at, None)
    }

    /// Forgets what is before an offset, which must not be past the end.
    pub fn trim(&mut self, before: i64) {
        let count = usize::try_from(before - self.start).unwrap_or(0).min(self.entries.len());
        self.entries.drain(..count);
        self.start += count as i64;
    }
}
