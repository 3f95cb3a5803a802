//! Where a gained partition is read from. A range says what it follows: the committed offset, also when records from
//! there on are gone, so that what was lost is skipped explicitly.

use super::IngestDriver;
use crate::model::time::Millis;
use crate::runtime::log::{Log, LogError, Member, Partition};
use crate::runtime::parts::Decode;

impl<L: Log, D: Decode> IngestDriver<L, D> {
    /// Finds out where to read gained partitions from.
    pub(super) fn place(&mut self, now: Millis) -> Result<(), LogError> {
        let limits = &self.settings.limits;
        let unplaced: Vec<Partition> = self
            .sources
            .iter()
            .filter(|state| !state.placed && state.retry.is_due(now))
            .map(|state| state.partition.clone())
            .collect();
        let Some(member) = self.member.as_mut().filter(|_| !unplaced.is_empty()) else { return Ok(()) };
        for partition in unplaced {
            let Some(state) = self.sources.find(&partition) else { continue };
            let found = start(&*self.log, &self.names.ingest_group, &partition, state.next)
                .and_then(|start| member.seek(&partition, start.read).map(|()| start));
            match found {
                Ok(start) => {
                    if start.follows < start.read && start.follows > 0 {
                        let lost = start.read - start.follows;
                        self.counters.lost_to_retention += u64::try_from(lost).unwrap_or(0);
                        tracing::warn!(
                            topic = %partition.topic, partition = partition.number, from = start.follows, to = start.read,
                            "records were deleted before they were read: skipping them"
                        );
                    }
                    // A range that was open goes on, over what is gone.
                    if state.next == 0 {
                        (state.follows, state.from) = (start.follows, start.read);
                    }
                    state.next = start.read;
                    state.placed = true;
                    if start.is_unused {
                        // It has been without an event for as long as there is it.
                        state.heard = now - self.settings.idle_after;
                    }
                    state.retry.succeed();
                }
                Err(LogError::Retriable(error)) => {
                    if state.retry.fail(now, limits) {
                        tracing::warn!(%error, "cannot place an input partition yet");
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Where a range begins, and what there is to read.
struct Start {
    follows: i64,
    read: i64,
    /// Nothing was ever written to it.
    is_unused: bool,
}

fn start<L: Log>(log: &L, group: &str, partition: &Partition, next: i64) -> Result<Start, LogError> {
    let committed = log.committed(group, std::slice::from_ref(partition))?.first().copied().flatten();
    let (low, high) = log.bounds(partition)?;
    let follows = committed.unwrap_or(0).max(next);
    if follows > high {
        return Err(LogError::Fatal(format!(
            "{} partition {} ends at {high}, before {follows}, which has been read: the topic was re-created or cut; \
             `tributary reset` replays the inputs",
            partition.topic, partition.number
        )));
    }
    Ok(Start { follows, read: follows.max(low), is_unused: high == 0 })
}
