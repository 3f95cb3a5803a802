//! A member of a group of the memory log. One that was taken for dead goes on for a while, its commits rejected, then
//! notices, loses everything and joins anew.

use std::sync::Arc;
use std::time::Duration;

use super::broker::Broker;
use super::group::{Change, MemberNumber};
use super::reader::{Batch, Cursors, hand_over};
use super::{Cursor, Shared};
use crate::model::time::Millis;
use crate::runtime::log::{Isolation, LogError, Member, MemberMode, Membership, Partition};

pub struct MemoryMember {
    shared: Arc<Shared>,
    group: String,
    topics: Vec<String>,
    mode: MemberMode,
    state: State,
}

struct State {
    number: MemberNumber,
    cursors: Cursors,
    /// Taken for dead, and when it notices.
    notices: Option<Millis>,
    left: bool,
}

/// What a poll came to.
enum Step {
    Changed(Change),
    Read(Vec<Batch>),
}

impl MemoryMember {
    pub(super) fn new(shared: Arc<Shared>, group: &str, topics: &[String], mode: MemberMode) -> Self {
        let number = shared.lock().join(group, topics);
        shared.changed.notify_all();
        let cursors = Cursors::new(Isolation::ReadCommitted);
        let state = State { number, cursors, notices: None, left: false };
        Self { shared, group: group.to_owned(), topics: topics.to_vec(), mode, state }
    }
}

impl State {
    /// Takes what is there. What is out of range stays the member's, at the oldest there is, until it seeks.
    fn take(&mut self, broker: &mut Broker, most: usize) -> Result<Option<Step>, LogError> {
        let taken = self.cursors.take(broker, most);
        if let Err(LogError::OutOfRange { partition, .. }) = &taken {
            let oldest = broker.log(partition)?.start();
            self.cursors.add(Cursor::new(partition.clone(), oldest, false));
        }
        Ok(taken?.map(Step::Read))
    }

    fn step(
        &mut self,
        broker: &mut Broker,
        (group, topics, mode): (&str, &[String], MemberMode),
        most: usize,
    ) -> Result<Option<Step>, LogError> {
        let now = broker.now;
        if self.notices.is_none()
            && broker.group(group).has(self.number)
            && let Some(span) = broker.faults.eviction(group)
        {
            broker.evict(group, self.number);
            self.notices = Some(now + span);
        }
        let Some(change) = broker.group(group).poll(self.number, now) else {
            if self.notices.is_some_and(|notices| now < notices) {
                return self.take(broker, most);
            }
            self.notices = None;
            self.number = broker.join(group, topics);
            return Ok(Some(Step::Changed(Change { lost: self.cursors.clear(), gained: Vec::new() })));
        };
        if change.lost.is_empty() && change.gained.is_empty() {
            return self.take(broker, most);
        }
        for partition in &change.lost {
            self.cursors.remove(partition);
        }
        for partition in &change.gained {
            let committed = broker.group(group).committed.get(partition).copied();
            let start = broker.log(partition)?.start();
            // Out of range counts as no commit: the member begins with the oldest there is.
            let next = committed.filter(|next| *next >= start).unwrap_or(start);
            self.cursors.add(Cursor::new(partition.clone(), next, mode == MemberMode::Owns));
        }
        Ok(Some(Step::Changed(change)))
    }
}

impl Member for MemoryMember {
    fn poll(&mut self, wait: Duration, most: usize, to: &mut dyn FnMut(Membership<'_>)) -> Result<usize, LogError> {
        let (state, about) = (&mut self.state, (self.group.as_str(), self.topics.as_slice(), self.mode));
        match self.shared.wait(wait, |broker| state.step(broker, about, most))? {
            None => Ok(0),
            Some(Step::Read(batches)) => Ok(hand_over(&batches, &mut |read| to(Membership::Read(read)))),
            Some(Step::Changed(change)) => {
                if !change.lost.is_empty() {
                    to(Membership::Lost(&change.lost));
                    self.shared.changed.notify_all();
                }
                if !change.gained.is_empty() {
                    to(Membership::Gained(&change.gained));
                }
                Ok(0)
            }
        }
    }

    fn commit(&mut self, offsets: &[(Partition, i64)]) -> Result<(), LogError> {
        let mut owned = offsets.to_vec();
        owned.retain(|(partition, _)| self.state.cursors.find(partition).is_ok());
        self.shared.lock().group_commit(&self.group, self.state.number, &owned);
        Ok(())
    }

    fn pause(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.state.cursors.find(partition)?.paused = true;
        Ok(())
    }

    fn resume(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.state.cursors.find(partition)?.paused = false;
        Ok(())
    }

    fn seek(&mut self, partition: &Partition, offset: i64) -> Result<(), LogError> {
        let cursor = self.state.cursors.find(partition)?;
        (cursor.next, cursor.told_end) = (offset, None);
        Ok(())
    }

    fn leave(mut self, _wait: Duration) -> Result<(), LogError> {
        self.state.left = true;
        let mut broker = self.shared.lock();
        broker.settle_group_commits(self.state.number);
        broker.evict(&self.group, self.state.number);
        drop(broker);
        self.shared.changed.notify_all();
        Ok(())
    }
}

impl Drop for MemoryMember {
    fn drop(&mut self) {
        if !self.state.left {
            self.shared.lock().miss(&self.group, self.state.number);
            self.shared.changed.notify_all();
        }
    }
}
