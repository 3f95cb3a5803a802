//! The owner of a transactional id of the memory log. It is fenced as soon as a newer one has claimed the id, and when a
//! transaction of its own was given up for taking too long.

use std::sync::Arc;

use super::Shared;
use super::faults::Ending;
use crate::model::time::Millis;
use crate::runtime::log::{LogError, Standing, Transaction, Transactor};

pub struct MemoryTransactor {
    shared: Arc<Shared>,
    id: String,
    stage: Stage,
}

enum Stage {
    /// The request to fence earlier owners is on its way; what to say when that is done.
    Claiming {
        due: Millis,
        known: Millis,
        then: Standing,
    },
    /// They are fenced; what they had decided has to be finished.
    Claimed {
        claim: u64,
        known: Millis,
        then: Standing,
    },
    Idle {
        claim: u64,
        last: Standing,
    },
    UnderWay {
        claim: u64,
        transaction: u64,
        ending: Ending,
        known: Millis,
    },
    Fenced,
}

impl MemoryTransactor {
    pub(super) fn new(shared: Arc<Shared>, id: &str) -> Self {
        let stage = claiming(&shared, id, Standing::Ready);
        let mut transactor = Self { shared, id: id.to_owned(), stage };
        transactor.step();
        transactor
    }

    fn fenced(&self) -> LogError {
        LogError::Fenced(self.id.clone())
    }

    /// Goes on as far as the time allows.
    fn step(&mut self) {
        let mut broker = self.shared.lock();
        let now = broker.now;
        if let Stage::Claiming { due, known, then } = self.stage
            && due <= now
        {
            self.stage = Stage::Claimed { claim: broker.claim(&self.id), known, then };
        }
        let (Stage::Claimed { claim, .. } | Stage::Idle { claim, .. } | Stage::UnderWay { claim, .. }) = self.stage
        else {
            return;
        };
        if !broker.holds(&self.id, claim) {
            self.stage = Stage::Fenced;
            return;
        }
        match self.stage {
            Stage::Claimed { known, then, .. } if known <= now && broker.is_settled(&self.id) => {
                self.stage = Stage::Idle { claim, last: then };
            }
            Stage::UnderWay { transaction, ending, known, .. } if known <= now => {
                let aborted = broker.was_aborted(transaction);
                self.stage = match ending {
                    Ending::Committed { .. } if aborted => Stage::Fenced,
                    Ending::Committed { .. } => Stage::Idle { claim, last: Standing::Ready },
                    Ending::Aborted { .. } => Stage::Idle { claim, last: Standing::Aborted },
                    Ending::Unknown { .. } => {
                        drop(broker);
                        claiming(&self.shared, &self.id, Standing::Unknown)
                    }
                };
            }
            _ => {}
        }
    }
}

fn claiming(shared: &Shared, id: &str, then: Standing) -> Stage {
    let mut broker = shared.lock();
    let fencing = broker.faults.fencing(id);
    let due = broker.now + fencing.request;
    Stage::Claiming { due, known: due + fencing.answer, then }
}

impl Transactor for MemoryTransactor {
    fn submit(&mut self, transaction: Arc<Transaction>) -> Result<(), LogError> {
        self.step();
        let Stage::Idle { claim, .. } = self.stage else {
            return Err(match self.stage {
                Stage::Fenced => self.fenced(),
                _ => LogError::Fatal("a transaction was submitted while another is under way".into()),
            });
        };
        let mut broker = self.shared.lock();
        let ending = broker.faults.ending(&self.id);
        let number = broker.transact(&self.id, Arc::unwrap_or_clone(transaction), ending)?;
        let after = match ending {
            Ending::Committed { request, markers, answer } => request + markers + answer,
            Ending::Aborted { request, answer } => request + answer,
            Ending::Unknown { answer, .. } => answer,
        };
        self.stage = Stage::UnderWay { claim, transaction: number, ending, known: broker.now + after };
        drop(broker);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn poll(&mut self) -> Result<Standing, LogError> {
        self.step();
        match self.stage {
            Stage::Fenced => Err(self.fenced()),
            Stage::Idle { last, .. } => Ok(last),
            Stage::Claiming { .. } | Stage::Claimed { .. } | Stage::UnderWay { .. } => Ok(Standing::Busy),
        }
    }
}
