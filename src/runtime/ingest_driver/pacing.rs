//! Which partitions wait while the group goes on hearing of this instance: paused, all while the journal takes nothing
//! and one whose next record cannot be judged now; in memory, as long as it has room, those that are far ahead of others
//! in event time. A backlog is so read as it happened, more or less, whatever sizes its topics have: an event that holds
//! no watermark, like a cost, is not made late by others, and a deal is not restated with every touch that comes after it.

use super::IngestDriver;
use super::sources::{SourceState, Stuck};
use crate::model::event::Topic;
use crate::model::time::Millis;
use crate::runtime::log::{Log, LogError, Member};
use crate::runtime::parts::Decode;
use crate::runtime::settings::Limits;

impl<L: Log, D: Decode> IngestDriver<L, D> {
    /// Decides who waits, and lets the client know of changes.
    pub(super) fn pace(&mut self, now: Millis) -> Result<(), LogError> {
        self.throttle(now);
        self.retry_stuck(now);
        self.align(now);
        self.hoard();
        let Some(member) = &mut self.member else { return Ok(()) };
        for state in self.sources.iter_mut() {
            let waits = self.throttled || state.stuck != Stuck::No || (self.is_hoard_full && state.holds_back());
            if waits && !state.paused {
                member.pause(&state.partition)?;
            } else if !waits && state.paused {
                member.resume(&state.partition)?;
                // A resumed client reads on from where it believes to be, which after an end is one too far.
                member.seek(&state.partition, state.read_to())?;
            }
            state.paused = waits;
        }
        Ok(())
    }

    /// Too many flushes have been under way for long: until then nothing is asked for, after it the group must be heard
    /// again. Pausing throws away what the client has read ahead, so it is no way to keep pace.
    fn throttle(&mut self, now: Millis) {
        if self.flights.is_full() {
            let since = *self.full_since.get_or_insert(now);
            self.throttled |= now - since >= self.settings.limits.unheard_at_most;
        } else {
            self.full_since = None;
            self.throttled = false;
        }
    }

    /// As long as too much waits, nothing more is fetched of what waits. A quarter is left when it is fetched again, so
    /// that there is something to take until it comes.
    fn hoard(&mut self) {
        let most = self.settings.limits.held_bytes;
        let held: usize = self.sources.iter().map(|state| state.held.bytes()).sum();
        self.is_hoard_full = held >= if self.is_hoard_full { most / 4 } else { most };
    }

    /// Lets go of partitions whose next record is to be tried again.
    fn retry_stuck(&mut self, now: Millis) {
        let mut any = false;
        for state in self.sources.iter_mut() {
            match state.stuck {
                Stuck::No => continue,
                Stuck::Found => {
                    if state.retry.fail(now, &self.settings.limits) {
                        let reason = self.counters.unavailable.as_deref().unwrap_or_default();
                        let (topic, partition) = (&state.partition.topic, state.partition.number);
                        tracing::warn!(%topic, partition, reason, "a record cannot be decoded for now: the partition waits");
                    }
                    state.stuck = Stuck::Waiting;
                }
                Stuck::Waiting if state.retry.is_due(now) => state.stuck = Stuck::No,
                Stuck::Waiting => {}
            }
            any |= state.stuck != Stuck::No;
        }
        if !any {
            self.counters.unavailable = None;
        }
    }

    /// Finds those that are ahead of the one that has the farthest to go.
    fn align(&mut self, now: Millis) {
        let limits = &self.settings.limits;
        let awaited = self.sources.iter().filter(|state| state.is_awaited(now, limits));
        let behind = awaited.map(|state| state.reach.at()).min();
        // While nothing is known of one that is awaited, everybody waits.
        let limit = behind.map(|behind| behind.map_or(Millis::MIN, |behind| behind + self.settings.ahead_at_most));
        for state in self.sources.iter_mut() {
            // What has no time of its own goes by when it was written, and is not let go before that.
            let limit = if state.source.topic == Topic::Erasures {
                behind.map(|behind| behind.unwrap_or(Millis::MIN))
            } else {
                limit
            };
            (state.limit, state.ahead) = (limit, state.is_beyond(limit));
        }
    }
}

impl SourceState {
    /// Whether others wait for it: it has a backlog, or was gained just now and nothing is known of it yet.
    fn is_awaited(&self, now: Millis, limits: &Limits) -> bool {
        let has_more = self.unread_since.is_some_and(|since| since + limits.ended_lately <= now);
        let is_placed = self.reach.at().is_some() || now < self.gained + limits.unheard_at_most;
        let is_timed = !matches!(self.source.topic, Topic::Accounts | Topic::Erasures);
        is_timed && self.stuck == Stuck::No && has_more && is_placed
    }
}
