//! A sealed batch and its transaction: handed in, settled, handed in again when it was aborted. When its fate is open
//! the committed offsets tell it; until then nothing that follows from it is said.

use std::sync::Arc;

use super::live::Live;
use crate::partials::block::Block;
use crate::runtime::log::{Log, LogError, Standing, Transaction, Transactor};
use crate::runtime::parts::{Parts, Positions};
use crate::runtime::site::Site;

pub(super) struct Sealed {
    transaction: Arc<Transaction>,
    pub offsets: Positions,
    /// What the rollup hears once it is committed.
    pub block: Option<Block>,
    pub snapshot: Option<(Positions, Vec<Vec<u8>>)>,
    standing: Stand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Waiting,
    Submitted,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    Committed,
}

impl Sealed {
    pub fn new(
        transaction: Transaction,
        offsets: Positions,
        block: Option<Block>,
        snapshot: Option<(Positions, Vec<Vec<u8>>)>,
    ) -> Self {
        let transaction = Arc::new(transaction);
        Self { transaction, offsets, block, snapshot, standing: Stand::Waiting }
    }
}

impl<L: Log, P: Parts> Live<L, P> {
    /// Hands the batch in, as soon as the transactor is ready.
    pub(super) fn submit(&mut self, site: &Site<L, P>) -> Result<(), LogError> {
        let Some(sealed) = self.sealed.as_mut().filter(|sealed| sealed.standing == Stand::Waiting) else {
            return Ok(());
        };
        let Some(transactor) = &mut self.transactor else { return Ok(()) };
        let submitted = match transactor.poll() {
            Ok(Standing::Busy) => return Ok(()),
            Ok(_) => transactor.submit(Arc::clone(&sealed.transaction)),
            Err(error) => Err(error),
        };
        match submitted {
            Ok(()) => sealed.standing = Stand::Submitted,
            Err(LogError::Retriable(_)) => {}
            Err(error) => self.lose_track(site, error)?,
        }
        Ok(())
    }

    /// Finds out what became of the batch's transaction.
    pub(super) fn settle(&mut self, site: &Site<L, P>) -> Result<Fate, LogError> {
        let Some(sealed) = &mut self.sealed else { return Ok(Fate::Open) };
        let Some(transactor) = &mut self.transactor else {
            self.transactor = retriable(site.log.transactor(&site.names.shard_transactions(self.number)))?;
            return Ok(Fate::Open);
        };
        let standing = match transactor.poll() {
            Ok(standing) => standing,
            Err(LogError::Retriable(_)) => return Ok(Fate::Open),
            Err(error) => return self.lose_track(site, error).map(|()| Fate::Open),
        };
        match (standing, sealed.standing) {
            (Standing::Busy, _) | (Standing::Ready, Stand::Waiting) => Ok(Fate::Open),
            (Standing::Ready, Stand::Submitted) => Ok(Fate::Committed),
            (Standing::Aborted, Stand::Submitted) => {
                sealed.standing = Stand::Waiting;
                self.report.aborted += 1;
                Ok(Fate::Open)
            }
            (Standing::Aborted, Stand::Waiting) => Ok(Fate::Open),
            (Standing::Unknown, _) | (_, Stand::Unknown) => self.look_up(site),
        }
    }

    /// The committed offsets say whether it is committed.
    fn look_up(&mut self, site: &Site<L, P>) -> Result<Fate, LogError> {
        let Some(sealed) = &mut self.sealed else { return Ok(Fate::Open) };
        let partitions = [self.journal.clone(), self.forwards.clone()];
        let Some(found) = retriable(site.log.committed(&site.names.shards_group, &partitions))? else {
            return Ok(Fate::Open);
        };
        let at = |n: usize| found.get(n).copied().flatten().unwrap_or(0);
        let found = Positions { journal: at(0), forwards: at(1) };
        if found == sealed.offsets && found != self.committed {
            return Ok(Fate::Committed);
        }
        if found.within(self.committed) {
            sealed.standing = Stand::Waiting;
            self.report.aborted += 1;
            return Ok(Fate::Open);
        }
        Err(LogError::Fenced(format!("shard {} was committed to by somebody else", self.number)))
    }

    /// After an error that leaves a transaction's fate open the transactor is thrown away; its successor's start settles
    /// what hangs.
    fn lose_track(&mut self, site: &Site<L, P>, error: LogError) -> Result<(), LogError> {
        if !matches!(error, LogError::Spent(_)) {
            return Err(error);
        }
        tracing::warn!(shard = self.number, %error, "a transaction's fate is unknown: asking for it");
        if let Some(sealed) = self.sealed.as_mut().filter(|sealed| sealed.standing == Stand::Submitted) {
            sealed.standing = Stand::Unknown;
        }
        self.transactor = None;
        self.transactor = retriable(site.log.transactor(&site.names.shard_transactions(self.number)))?;
        Ok(())
    }
}

/// None when it is to be tried again.
fn retriable<T>(result: Result<T, LogError>) -> Result<Option<T>, LogError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(LogError::Retriable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
