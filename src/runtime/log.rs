//! The log as the rest of the runtime sees it: what is needed of Kafka, and no more. Everything is polled and nothing
//! waits longer than it was told to, so that one thread can drive any number of parts, the simulation all of them.

use std::sync::Arc;
use std::time::Duration;

use crate::model::time::Millis;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    pub topic: Arc<str>,
    pub number: i32,
}

/// A record as it is read, borrowed for the time of one call.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    pub partition: &'a Partition,
    pub offset: i64,
    pub timestamp: Millis,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// Asked for only when a record is rejected.
    pub headers: &'a dyn Fn() -> Vec<(String, Option<Vec<u8>>)>,
}

/// A record as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub partition: Partition,
    /// None: the broker's clock or the producer's.
    pub timestamp: Option<Millis>,
    pub key: Option<Vec<u8>>,
    /// None is a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// What a reader or a member comes across.
pub enum Read<'a> {
    Record(Incoming<'a>),
    /// The end of a partition, as far as it is visible: the offset to read next.
    End {
        partition: &'a Partition,
        next: i64,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Try again: the same call may succeed later. Clients retry on their own first.
    #[error("{0}")]
    Retriable(String),
    /// The client is spent: make a new one.
    #[error("{0}")]
    Spent(String),
    /// Another owner has taken over: stop, do not write again.
    #[error("fenced by a newer owner: {0}")]
    Fenced(String),
    /// The place to read from is gone (retention, a re-created topic).
    #[error("offset {offset} of {partition:?} is out of range")]
    OutOfRange { partition: Partition, offset: i64 },
    /// No retry helps: wrong configuration, missing rights, missing topic.
    #[error("{0}")]
    Fatal(String),
}

/// How far a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

pub trait Log: Send + Sync + 'static {
    type Reader: Reader;
    type Writer: Writer;
    type Transactor: Transactor;
    type Member: Member;

    fn reader(&self, isolation: Isolation) -> Result<Self::Reader, LogError>;
    fn writer(&self) -> Result<Self::Writer, LogError>;
    /// Begins to fence earlier owners of the id at once; `Transactor::poll` says when that is done.
    fn transactor(&self, id: &str) -> Result<Self::Transactor, LogError>;
    /// Joins a group that shares the partitions of topics.
    fn member(&self, group: &str, topics: &[String], mode: MemberMode) -> Result<Self::Member, LogError>;
    /// The offsets that a group has committed, in the order asked; `Retriable` while a transaction holds one of them.
    fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<i64>>, LogError>;
    /// First and next offset of a partition, whatever is still in an open transaction included.
    fn bounds(&self, partition: &Partition) -> Result<(i64, i64), LogError>;
    /// How many partitions a topic has; none when it does not exist.
    fn partitions(&self, topic: &str) -> Result<Option<i32>, LogError>;
    /// Creates the topics that are absent.
    fn create(&self, topics: &[NewTopic]) -> Result<(), LogError>;
    /// Deletes records before an offset (trimming).
    fn trim(&self, partition: &Partition, before: i64) -> Result<(), LogError>;
}

#[derive(Clone, Debug)]
pub struct NewTopic {
    pub name: String,
    pub partitions: u16,
    pub replication_factor: u16,
    /// `cleanup.policy`, `retention.ms`, …
    pub properties: Vec<(String, String)>,
}

/// Reads partitions from given offsets. Partitions come and go one by one.
pub trait Reader: Send {
    fn assign(&mut self, partition: &Partition, from: i64) -> Result<(), LogError>;
    fn unassign(&mut self, partition: &Partition) -> Result<(), LogError>;
    fn pause(&mut self, partition: &Partition) -> Result<(), LogError>;
    fn resume(&mut self, partition: &Partition) -> Result<(), LogError>;
    /// Hands over what is there, at most `most` records, and waits at most `wait` for the first. Says how many records
    /// and ends it handed over. A partition that is out of range is no longer assigned; `Spent` asks for a new reader.
    fn poll(&mut self, wait: Duration, most: usize, to: &mut dyn FnMut(Read<'_>)) -> Result<usize, LogError>;
}

/// Writes records outside of transactions, each at least once, in order within a partition until one fails.
pub trait Writer: Send {
    /// Takes a record for delivery under the caller's number, or gives it back when too much is under way.
    fn send(&mut self, number: u64, record: Outgoing) -> Result<Result<(), Outgoing>, LogError>;
    /// Reports deliveries: the number and the offset, or why it failed. After a failure the writer is spent, and what
    /// was under way is reported as failed too, though it may be in the log, or get there later.
    fn poll(&mut self, wait: Duration, delivered: &mut dyn FnMut(u64, Result<i64, LogError>)) -> Result<(), LogError>;
}

/// What goes out atomically: records, and the offsets of a group that they reflect.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub records: Vec<Outgoing>,
    pub group: String,
    /// The next offset to read.
    pub offsets: Vec<(Partition, i64)>,
}

/// One transactional id, one owner: a newer owner fences an older one. A transaction that outlives the broker's timeout
/// is aborted and its owner reported as fenced, too: who is still the owner by its group then begins anew.
pub trait Transactor: Send {
    /// Begins, writes and commits, in the background. One at a time, and only when nothing is under way. Right after
    /// another it takes some 20 ms longer than after a pause: the broker is still finishing the last one.
    fn submit(&mut self, transaction: Arc<Transaction>) -> Result<(), LogError>;
    /// What became of the last thing under way.
    fn poll(&mut self) -> Result<Standing, LogError>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Fencing earlier owners, or a transaction is under way.
    Busy,
    /// Nothing is under way: earlier owners are fenced, the last transaction is committed.
    Ready,
    /// The last transaction was aborted, nothing of it will ever be visible: submit it again.
    Aborted,
    /// The last transaction was committed or aborted, it is settled but not known which: the committed offsets say it.
    /// Earlier owners are fenced as in `Ready`.
    Unknown,
}

/// Whether a member reads its partitions or only owns them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberMode {
    /// Reads from the committed offset, else from the beginning.
    Reads,
    /// Its partitions stay paused: they say who owns what.
    Owns,
}

/// What a member is told, in order.
pub enum Membership<'a> {
    Gained(&'a [Partition]),
    /// Already lost when this is heard; whoever has them now starts from the committed offsets.
    Lost(&'a [Partition]),
    Read(Read<'a>),
}

pub trait Member: Send {
    fn poll(&mut self, wait: Duration, most: usize, to: &mut dyn FnMut(Membership<'_>)) -> Result<usize, LogError>;
    /// Commits the next offsets to read, in the background; those of partitions that it no longer has are left out.
    fn commit(&mut self, offsets: &[(Partition, i64)]) -> Result<(), LogError>;
    fn pause(&mut self, partition: &Partition) -> Result<(), LogError>;
    fn resume(&mut self, partition: &Partition) -> Result<(), LogError>;
    /// Reads again from an offset on.
    fn seek(&mut self, partition: &Partition, offset: i64) -> Result<(), LogError>;
    /// Waits for the last commit and leaves the group, within `wait`.
    fn leave(self, wait: Duration) -> Result<(), LogError>;
}
