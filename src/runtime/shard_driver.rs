//! Owns one shard while this instance has it: reads its journal and its forwards, folds, and commits effects together
//! with the offsets that they reflect, one transaction at a time, while the fold goes on. What changed of its cells goes
//! to the partials after the commit, the whole state to the snapshots now and then.

mod claim;
mod live;
mod saving;
mod sealed;

use std::time::Duration;

use self::live::Live;
use super::ingest_driver::Progress;
use super::log::{Log, LogError};
use super::parts::{Parts, Positions};
use super::recovery::{Recovery, Restoring};
use super::site::{DriverError, Site};
use crate::model::time::{Millis, Span};

pub struct ShardDriver<L: Log, P: Parts> {
    number: u16,
    /// When it began to be restored.
    begun: Option<Millis>,
    phase: Option<Phase<L, P>>,
}

enum Phase<L: Log, P: Parts> {
    Recovering(Recovery<L, P>),
    Live(Box<Live<L, P>>),
}

/// What is to be seen of a driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How far its restore is.
    pub restoring: Restoring,
    /// Restored and reading.
    pub live: bool,
    /// How long that took.
    pub restored_in: Span,
    /// At the journal's end as it was when the shard was taken over.
    pub caught_up: bool,
    pub read: Positions,
    pub committed: Positions,
    pub transactions: u64,
    pub aborted: u64,
    pub snapshots: u64,
    pub snapshot_bytes: u64,
    /// How long the last one took to be written.
    pub snapshot_took: Span,
}

impl<L: Log, P: Parts> ShardDriver<L, P> {
    pub fn new(site: &Site<L, P>, number: u16) -> Result<Self, LogError> {
        Ok(Self { number, begun: None, phase: Some(Phase::Recovering(Recovery::begin(site, number)?)) })
    }

    /// Does what there is to do, and waits for input at most that long. After an error the driver is spent: make a new
    /// one, unless the error is fatal or another owner has taken over.
    pub fn step(&mut self, site: &Site<L, P>, now: Millis, wait: Duration) -> Result<Progress, DriverError> {
        let Some(phase) = self.phase.take() else {
            return Err(LogError::Spent(format!("shard {} has failed before", self.number)).into());
        };
        let begun = *self.begun.get_or_insert(now);
        let (phase, progress) = match phase {
            Phase::Recovering(recovery) => match recovery.step(site, now, wait)? {
                Err(recovery) => (Phase::Recovering(recovery), Progress::Busy),
                Ok(recovered) => {
                    let live = Live::new(site, self.number, recovered, begun, now)?;
                    (Phase::Live(Box::new(live)), Progress::Busy)
                }
            },
            Phase::Live(mut live) => {
                let progress = live.step(site, now, wait).inspect_err(|_| live.close(site))?;
                (Phase::Live(live), progress)
            }
        };
        self.phase = Some(phase);
        Ok(progress)
    }

    /// Reads no more; commits and saves what it has. True when all of it is in the log.
    pub fn finish(&mut self, site: &Site<L, P>, now: Millis) -> Result<bool, DriverError> {
        match &mut self.phase {
            Some(Phase::Live(live)) => live.finish(site, now),
            Some(Phase::Recovering(_)) | None => Ok(true),
        }
    }

    /// Drops what it has not sent: somebody else has the shard now, or a new driver begins again.
    pub fn close(&self, site: &Site<L, P>) {
        if let Some(Phase::Live(live)) = &self.phase {
            live.close(site);
        }
    }

    /// The fold, when it is live: to answer questions about leads.
    #[must_use]
    pub fn fold(&self) -> Option<&P::Shard> {
        match &self.phase {
            Some(Phase::Live(live)) => Some(live.fold()),
            _ => None,
        }
    }

    #[must_use]
    pub fn report(&self) -> Report {
        match &self.phase {
            Some(Phase::Live(live)) => live.report(),
            Some(Phase::Recovering(recovery)) => Report { restoring: recovery.progress(), ..Report::default() },
            None => Report::default(),
        }
    }
}
