//! The pure parts that the drivers drive, as the runtime needs them: decoding, the fold of a shard, the merge of the
//! partials. None of them reads a clock or does IO (a decoder may ask its schema registry).

use xxhash_rust::xxh3::xxh3_64;

use crate::model::event::{Event, Text, Topic};
use crate::model::time::{Millis, Span};
use crate::partials::block::Block;
pub use crate::shards::ledger::Said;
pub use crate::shards::letter::Letter;
pub use crate::shards::{Effects, Positions};

/// A record as it came, before anything is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub timestamp: Millis,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded<'a> {
    Event(Event<'a>),
    /// Not accepted: the reason's code, and what was wrong.
    Rejected {
        reason: Text<'a>,
        message: Text<'a>,
    },
    /// A tombstone where none means anything.
    Skipped,
}

/// The record cannot be judged now: try again later (the schema registry does not answer).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

pub trait Decode: Send + 'static {
    /// `now` is the wall clock, by which a record may be from the future.
    fn decode<'a>(&mut self, topic: Topic, record: Raw<'a>, now: Millis) -> Result<Decoded<'a>, Unavailable>;
}

/// Stored bytes that the fold cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damage(pub String);

/// The fold of one shard. Its state is a function of two prefixes, however they interleave.
pub trait Fold: Send + Sized + 'static {
    fn apply_journal(&mut self, offset: i64, value: &[u8]) -> Result<(), Damage>;
    fn apply_forward(&mut self, offset: i64, value: &[u8]) -> Result<(), Damage>;
    fn positions(&self) -> Positions;
    fn take_effects(&mut self) -> Effects;
    /// The cells that changed since the last block, or all of them.
    fn take_block(&mut self, claim: u64, takes_over: bool, whole: bool) -> Block;
    /// Whether effects, cells or watermarks changed since they were taken.
    fn has_news(&self) -> bool;
    /// The whole state, in chunks that each fit in a record.
    fn snapshot(&self) -> Vec<Vec<u8>>;
}

/// What the rollup writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    Kpis,
    Alerts,
}

/// A record of an output; without a value it is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<S> {
    pub to: Output,
    pub key: String,
    pub value: Option<Vec<u8>>,
    /// The same as page and API show it; none for a key that is not ours.
    pub shown: Option<S>,
}

/// Where rows are shown once they are published: the owner of the rollup brings what it has committed, every other
/// instance what it reads of the outputs.
pub trait Show<S>: Send + Sync {
    fn show(&self, rows: Vec<S>);
    /// So long after an event had arrived the rows that it changed were published.
    fn took(&self, _latency: Span) {}
}

/// The merge of all shards' cells.
pub trait Combine: Send + 'static {
    type Shown: Send;

    /// False: the block is of a replaced owner, and was ignored.
    fn apply(&mut self, block: &Block) -> bool;
    fn watermark(&self) -> Option<Millis>;
    /// An alert as it is published: those of an earlier owner are told in the order of the topic, before anything is
    /// asked.
    fn recall(&mut self, key: &str, value: Option<&[u8]>);
    /// The rows that changed since they were last handed out; with `settle` those of windows that have ended, too. The
    /// alerts after them, those alone that are not published as they are.
    fn changed(&mut self, settle: bool, now: Millis) -> Vec<Row<Self::Shown>>;
    /// Whether rows of ended windows were left for the next time, because there are too many to hold them all.
    fn is_settling(&self) -> bool;
    /// What a published value says, but for when: equal prints need not be published again.
    fn print(&self, value: &[u8]) -> u64;
}

/// The print of a value in JSON.
#[must_use]
pub fn json_print(value: &[u8]) -> u64 {
    use serde_json::Value;
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(value) else { return xxh3_64(value) };
    for when in ["updated_at", "watermark"] {
        fields.remove(when);
    }
    xxh3_64(Value::Object(fields).to_string().as_bytes())
}

/// Makes the parts, all from one configuration.
pub trait Parts: Send + Sync + 'static {
    type Decoder: Decode;
    type Shard: Fold;
    type Rollup: Combine;

    fn decoder(&self) -> Self::Decoder;
    fn shard(&self, number: u16) -> Self::Shard;
    fn restore(&self, number: u16, chunks: &[Vec<u8>]) -> Result<Self::Shard, Damage>;
    fn rollup(&self) -> Self::Rollup;
    /// A line of a ledger as it is written; none is a tombstone.
    fn written(&self, said: &Said) -> Option<Vec<u8>>;
    /// What a published record shows; none if it is not ours.
    fn shown(&self, of: Output, key: &str, value: Option<&[u8]>) -> Option<Shown<Self>>;
}

pub type Shown<P> = <<P as Parts>::Rollup as Combine>::Shown;
