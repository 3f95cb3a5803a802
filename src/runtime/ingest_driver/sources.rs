//! The source partitions that this instance has: from where to where each has been read since the last flush, what
//! holds it up, and whether it is idle. A range begins where the one before ended, whatever offsets lie between.

use super::holding::Held;
use crate::journal::block::Source;
use crate::model::event::Topic;
use crate::model::time::Millis;
use crate::runtime::log::Partition;
use crate::runtime::settings::Backoff;

/// Whether a partition's next record can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    No,
    /// It could not be judged just now.
    Found,
    /// It is tried again when its time has come.
    Waiting,
}

#[derive(Debug)]
pub struct SourceState {
    pub partition: Partition,
    pub source: Source,
    /// Told apart from earlier times that this instance had the partition.
    pub tenure: u64,
    /// Whether it is known where to read on: before that, what is read is not taken.
    pub placed: bool,
    /// Not yet flushed: [from, next). Flushes have told everything up to `follows`: `from`, or less where records are
    /// gone.
    pub follows: i64,
    pub from: i64,
    pub next: i64,
    /// The greatest `occurred_at` of the range's accepted events.
    pub watermark: Option<Millis>,
    /// Where it is in event time.
    pub reach: Reach,
    /// Since when it has had more to read; none at its end.
    pub unread_since: Option<Millis>,
    pub gained: Millis,
    /// When a record was last read, or the partition was gained.
    pub heard: Millis,
    pub idle: bool,
    /// To be said with the next flush.
    pub mark: Option<Millis>,
    /// A record that cannot be judged now is at `next`, and nothing after it is taken, until it is tried again.
    pub stuck: Stuck,
    /// Others have far to go to where it is, which is beyond this.
    pub ahead: bool,
    pub limit: Option<Millis>,
    /// What was read of it and is not taken yet, because it is ahead.
    pub held: Held,
    /// The client was told to read nothing of it.
    pub paused: bool,
    pub retry: Backoff,
}

impl SourceState {
    fn new(partition: Partition, topic: Topic, tenure: u64, now: Millis) -> Self {
        let source = Source { topic, partition: partition.number };
        Self {
            partition,
            source,
            tenure,
            placed: false,
            follows: 0,
            from: 0,
            next: 0,
            watermark: None,
            reach: Reach::default(),
            unread_since: Some(Millis::MIN),
            gained: now,
            heard: now,
            idle: false,
            mark: None,
            stuck: Stuck::No,
            ahead: false,
            limit: None,
            held: Held::default(),
            paused: false,
            retry: Backoff::default(),
        }
    }

    /// Whether the next flush has something to say of it.
    #[must_use]
    pub const fn has_news(&self) -> bool {
        self.follows < self.next || self.mark.is_some()
    }

    /// The range is in a flush now; the next one begins where it ended.
    pub const fn flushed(&mut self) {
        self.follows = self.next;
        self.from = self.next;
        self.watermark = None;
        self.mark = None;
    }

    pub fn accepted(&mut self, occurred_at: Option<Millis>) {
        self.watermark = self.watermark.max(occurred_at);
        if let Some(at) = occurred_at {
            self.reach.take(at);
            self.ahead |= self.is_beyond(self.limit);
        }
    }

    /// Whether a record has to wait: an erasure does for all that its lead may have done before.
    #[must_use]
    pub fn is_early(&self, timestamp: Millis) -> bool {
        self.source.topic == Topic::Erasures && self.limit.is_some_and(|limit| timestamp > limit)
    }

    /// Whether it has come farther than a moment.
    #[must_use]
    pub fn is_beyond(&self, limit: Option<Millis>) -> bool {
        limit.is_some_and(|limit| self.reach.at().is_some_and(|at| at > limit))
    }

    pub fn took(&mut self, offset: i64, now: Millis) {
        self.next = offset + 1;
        self.unread_since.get_or_insert(now);
        self.heard = now;
        self.idle = false;
        self.mark = None;
        self.retry.succeed();
    }
}

/// The least `occurred_at` of the last records, at least so many where there were: one that is far ahead of its
/// neighbours says nothing of where they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    before: Option<Millis>,
    now: Option<Millis>,
    count: u32,
}

impl Reach {
    const RECORDS: u32 = 64;

    fn take(&mut self, at: Millis) {
        if self.count == Self::RECORDS {
            *self = Self { before: self.now, now: None, count: 0 };
        }
        self.count += 1;
        self.now = Some(self.now.map_or(at, |least| least.min(at)));
    }

    /// None before the first event.
    #[must_use]
    pub fn at(self) -> Option<Millis> {
        self.now.into_iter().chain(self.before).min()
    }
}

#[derive(Debug, Default)]
pub struct Sources {
    all: Vec<SourceState>,
    /// Records come in runs of one partition.
    last: usize,
    tenures: u64,
}

impl Sources {
    pub fn gain(&mut self, partition: &Partition, topic: Topic, now: Millis) {
        self.lose(partition);
        self.tenures += 1;
        self.all.push(SourceState::new(partition.clone(), topic, self.tenures, now));
        self.all.sort_by_key(|state| state.source);
    }

    pub fn lose(&mut self, partition: &Partition) -> Option<Source> {
        let at = self.all.iter().position(|state| state.partition == *partition)?;
        Some(self.all.remove(at).source)
    }

    pub fn find(&mut self, partition: &Partition) -> Option<&mut SourceState> {
        if self.all.get(self.last).is_none_or(|state| state.partition != *partition) {
            self.last = self.all.iter().position(|state| state.partition == *partition)?;
        }
        self.all.get_mut(self.last)
    }

    pub fn iter(&self) -> impl Iterator<Item = &SourceState> {
        self.all.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut SourceState> {
        self.all.iter_mut()
    }

    /// Whether an offset of that tenure may still be committed here.
    #[must_use]
    pub fn holds(&self, partition: &Partition, tenure: u64) -> bool {
        self.all.iter().any(|state| state.tenure == tenure && state.partition == *partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_far_ahead_says_nothing_of_where_its_neighbours_are() {
        let mut reach = Reach::default();
        assert_eq!(reach.at(), None);
        for n in 0..1000 {
            reach.take(Millis(if n % 50 == 0 { 1_000_000 + n } else { n }));
            assert!(reach.at().is_some_and(|at| at.0 <= n || n == 0), "{reach:?} after {n}");
            assert!(reach.at().is_some_and(|at| at.0 >= n - 2 * i64::from(Reach::RECORDS)), "{reach:?} after {n}");
        }
    }
}
