//! What may go wrong in the memory log, decided by whoever hands a `Faults` in, from a seed. Each answer is one thing
//! that a real broker and its clients do. Lengths of time are on the log's own clock.

use crate::model::time::Span;
use crate::runtime::log::Partition;

const NOW: Span = Span(0);

/// What becomes of a record that a writer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the log after `lands`, said to be there `answer` later.
    Acked { lands: Span, answer: Span },
    /// Said to have failed after `answer`. It may land all the same, even after the writer is gone.
    Failed { lands: Option<Span>, answer: Span },
}

impl Delivery {
    pub const PROMPT: Self = Self::Acked { lands: NOW, answer: NOW };
}

/// How a transactor's start goes: earlier owners are fenced after `request`, it hears so `answer` later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fencing {
    pub request: Span,
    pub answer: Span,
}

impl Fencing {
    pub const PROMPT: Self = Self { request: NOW, answer: NOW };
}

/// How a transaction ends. Times follow on each other. Who fences its owner before `request` is over aborts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Decided after `request`, visible after `markers` more, known to its owner `answer` later.
    Committed { request: Span, markers: Span, answer: Span },
    /// Aborted after `request`, known `answer` later.
    Aborted { request: Span, answer: Span },
    /// The owner loses track after `answer` and begins anew. The request to commit gets there after `request`, if ever.
    Unknown { request: Option<Span>, answer: Span },
}

impl Ending {
    pub const PROMPT: Self = Self::Committed { request: NOW, markers: NOW, answer: NOW };
}

/// What becomes of a member's commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupCommit {
    Applied { after: Span },
    Lost,
}

/// Asked at every step that can fail; the defaults let everything succeed at once.
pub trait Faults: Send {
    /// The writer has too much under way and gives the record back.
    fn full(&mut self) -> bool {
        false
    }
    fn delivery(&mut self, _to: &Partition) -> Delivery {
        Delivery::PROMPT
    }
    fn fencing(&mut self, _id: &str) -> Fencing {
        Fencing::PROMPT
    }
    fn ending(&mut self, _id: &str) -> Ending {
        Ending::PROMPT
    }
    fn group_commit(&mut self, _group: &str) -> GroupCommit {
        GroupCommit::Applied { after: NOW }
    }
    /// The group takes a member for dead. It goes on as if nothing were for this long, then notices and joins anew.
    fn eviction(&mut self, _group: &str) -> Option<Span> {
        None
    }
    /// How many records of a partition a reader gets in one go, at least one.
    fn batch(&mut self, most: usize) -> usize {
        most
    }
}

/// Nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {}
