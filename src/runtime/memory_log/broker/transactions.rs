//! Transactional ids and their transactions: a claim fences the one before it and aborts what that left open, unless
//! its commit is decided already.

use std::collections::BTreeSet;

use super::super::faults::Ending;
use super::super::partition::{Body, TransactionNumber};
use super::{Broker, Event};
use crate::model::time::Span;
use crate::runtime::log::{LogError, Partition, Transaction};

/// Who holds a transactional id: the newest claim.
#[derive(Debug, Default)]
pub(super) struct Owner {
    claim: u64,
    open: Option<TransactionNumber>,
}

#[derive(Debug)]
pub(super) struct Open {
    id: String,
    wrote: BTreeSet<Partition>,
    pub group: String,
    pub offsets: Vec<(Partition, i64)>,
    /// The commit is decided, its marks are not written yet.
    pub decided: bool,
}

impl Broker {
    /// Takes over a transactional id: what its last owner left open is aborted, if its commit is not decided.
    pub fn claim(&mut self, id: &str) -> u64 {
        let claim = self.number();
        let owner = self.owners.entry(id.to_owned()).or_default();
        owner.claim = claim;
        if let Some(open) = owner.open {
            self.abort(open);
        }
        claim
    }

    pub fn holds(&self, id: &str, claim: u64) -> bool {
        self.owners.get(id).is_some_and(|owner| owner.claim == claim)
    }

    /// Whether nothing of an id is left to be settled.
    pub fn is_settled(&self, id: &str) -> bool {
        self.owners.get(id).is_none_or(|owner| owner.open.is_none())
    }

    /// Writes a transaction's records and sees to its end. Returns its number.
    pub fn transact(&mut self, id: &str, transaction: Transaction, ending: Ending) -> Result<u64, LogError> {
        for record in &transaction.records {
            self.log(&record.partition)?;
        }
        let (number, now) = (self.number(), self.now);
        let mut wrote = BTreeSet::new();
        for record in transaction.records {
            if !wrote.contains(&record.partition) {
                wrote.insert(record.partition.clone());
            }
            let partition = record.partition.clone();
            self.log_mut(&partition)?.append(Body::new(record, now), Some(number));
        }
        let Transaction { group, offsets, .. } = transaction;
        self.open.insert(number, Open { id: id.to_owned(), wrote, group, offsets, decided: false });
        self.owners.entry(id.to_owned()).or_default().open = Some(number);
        match ending {
            Ending::Committed { request, markers, .. } => {
                self.after(request, Event::Commit { transaction: number, markers });
            }
            Ending::Aborted { request, .. } => self.after(request, Event::Abort { transaction: number }),
            Ending::Unknown { request: Some(request), .. } => {
                self.after(request, Event::Commit { transaction: number, markers: Span(0) });
            }
            Ending::Unknown { request: None, .. } => {}
        }
        if self.open.contains_key(&number) {
            let timeout = self.patience.transaction;
            self.after(timeout, Event::Abort { transaction: number });
        }
        Ok(number)
    }

    pub fn was_aborted(&self, transaction: TransactionNumber) -> bool {
        self.aborted.contains(&transaction)
    }

    /// Aborts a transaction unless it has ended or its commit is decided.
    pub(super) fn abort(&mut self, transaction: TransactionNumber) {
        if self.open.get(&transaction).is_some_and(|open| !open.decided) {
            self.finish(transaction, false);
        }
    }

    pub(super) fn finish(&mut self, transaction: TransactionNumber, commit: bool) {
        let Some(open) = self.open.remove(&transaction) else { return };
        if commit {
            self.groups.entry(open.group).or_default().committed.extend(open.offsets);
        } else {
            self.aborted.insert(transaction);
        }
        for partition in &open.wrote {
            if let Ok(log) = self.log_mut(partition) {
                log.close(transaction);
            }
        }
        if let Some(owner) = self.owners.get_mut(&open.id).filter(|owner| owner.open == Some(transaction)) {
            owner.open = None;
        }
    }
}
