//! Says which source partitions are idle: read to their end, and without an event for `time.idle_after`. While all
//! that this instance has are, it says so again and again, so that the watermark can follow the clock.

use super::IngestDriver;
use super::sources::{SourceState, Stuck};
use crate::model::time::Millis;
use crate::runtime::log::{Log, LogError};
use crate::runtime::parts::Decode;

/// When all were last said to be idle.
#[derive(Debug, Default)]
pub(super) struct Beat(Option<Millis>);

impl<L: Log, D: Decode> IngestDriver<L, D> {
    pub(super) fn mark_idle(&mut self, now: Millis) -> Result<(), LogError> {
        let in_history = self.settings.history_until.is_some_and(|until| now < until);
        if in_history || self.throttled || self.announced.is_empty() {
            return Ok(());
        }
        let beat_is_due = self.beat_is_due(now);
        let mut marked = false;
        for state in self.sources.iter_mut() {
            let quiet = state.placed && state.stuck == Stuck::No && state.heard + self.settings.idle_after <= now;
            let again = state.idle && beat_is_due && state.source.topic.carries_time();
            if !quiet || (state.idle && !again) || !state.retry.is_due(now) {
                continue;
            }
            match is_read(&*self.log, state) {
                Ok(true) => {
                    (state.idle, state.mark) = (true, Some(now));
                    state.retry.succeed();
                    marked = true;
                }
                // An unread backlog, or an end that nobody can tell, is not idle: ask again in a while.
                Ok(false) => drop(state.retry.fail(now, &self.settings.limits)),
                Err(LogError::Retriable(_)) => drop(state.retry.fail(now, &self.settings.limits)),
                Err(error) => return Err(error),
            }
        }
        if marked {
            self.beat = Beat(Some(now));
            self.packer.note(now);
        }
        Ok(())
    }

    fn beat_is_due(&self, now: Millis) -> bool {
        let mut timed = self.sources.iter().filter(|state| state.source.topic.carries_time()).peekable();
        self.settings.advance_when_idle
            && timed.peek().is_some()
            && timed.all(|state| state.idle)
            && self.beat.0.is_none_or(|last| last + self.settings.limits.idle_beat <= now)
    }
}

fn is_read<L: Log>(log: &L, state: &SourceState) -> Result<bool, LogError> {
    Ok(log.bounds(&state.partition)?.1 <= state.next)
}
