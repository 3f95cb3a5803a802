//! A live shard: fold, seal, commit. One batch is in its transaction while the next one accumulates, up to a bound.

use std::time::Duration;

use super::Report;
use super::claim::Claim;
use super::saving::Saving;
use super::sealed::{Fate, Sealed};
use crate::model::time::{Millis, Span};
use crate::partials;
use crate::runtime::effects::{Counts, records};
use crate::runtime::ingest_driver::Progress;
use crate::runtime::log::{Log, LogError, Outgoing, Partition, Read, Reader, Transaction};
use crate::runtime::outbox::Slip;
use crate::runtime::parts::{Fold, Parts, Positions};
use crate::runtime::recovery::{Extent, Recovered, Restoring, apply};
use crate::runtime::site::{DriverError, Site};

const LEAST_TOLD_BYTES: usize = 1 << 20;

pub(super) struct Live<L: Log, P: Parts> {
    pub(super) number: u16,
    pub(super) journal: Partition,
    pub(super) forwards: Partition,
    counts: Counts,
    pub(super) transactor: Option<L::Transactor>,
    reader: L::Reader,
    fold: P::Shard,
    /// The next offsets to read, over what nobody is meant to read (marks of transactions) too.
    seen: Positions,
    pub(super) committed: Positions,
    pub(super) sealed: Option<Sealed>,
    last_seal: Millis,
    /// When the rollup was last told of changed cells.
    last_told: Millis,
    /// What it was told since all cells were in a block, when that was, and how much they were.
    told_bytes: usize,
    told_whole: Millis,
    whole_bytes: usize,
    /// Folded since the last seal.
    gathered_bytes: usize,
    claim: Claim,
    slip: Slip,
    /// What the restore took: where the replay began and is to end.
    snapshots: Extent,
    replay: [Positions; 2],
    saving: Saving,
    pub(super) report: Report,
}

impl<L: Log, P: Parts> Live<L, P> {
    pub fn new(
        site: &Site<L, P>,
        number: u16,
        recovered: Recovered<L, P>,
        begun: Millis,
        now: Millis,
    ) -> Result<Self, LogError> {
        let Recovered { transactor, reader, fold, shelf, committed, journal_end, tail_bytes, from, snapshots } =
            recovered;
        let end = Positions { journal: journal_end, forwards: committed.forwards };
        let counts = Counts::ask(&*site.log, &site.names)?;
        tracing::info!(shard = number, "live");
        Ok(Self {
            number,
            journal: site.names.journal_of(number),
            forwards: site.names.forwards_of(number),
            counts,
            transactor: Some(transactor),
            reader,
            fold,
            seen: committed,
            committed,
            sealed: None,
            last_seal: now,
            last_told: Millis::MIN,
            told_bytes: 0,
            told_whole: now,
            whole_bytes: 0,
            gathered_bytes: 0,
            claim: Claim::new(site, number),
            slip: site.outbox.open(),
            snapshots,
            replay: [from, end],
            saving: Saving::new(site, number, shelf, tail_bytes),
            report: Report { restored_in: now - begun, ..Report::default() },
        })
    }

    pub const fn fold(&self) -> &P::Shard {
        &self.fold
    }

    pub fn report(&self) -> Report {
        let [from, end] = self.replay;
        Report {
            restoring: Restoring::replaying(self.snapshots, from, self.seen, end),
            live: true,
            caught_up: self.is_caught_up(),
            read: self.seen,
            committed: self.committed,
            snapshots: self.saving.taken,
            snapshot_bytes: self.saving.last_bytes(),
            snapshot_took: self.saving.took,
            ..self.report
        }
    }

    pub fn step(&mut self, site: &Site<L, P>, now: Millis, wait: Duration) -> Result<Progress, DriverError> {
        self.attend(site, now)?;
        let must_wait = self.sealed.is_some() || !site.outbox.has_room();
        let is_full = must_wait && self.gathered_bytes >= site.settings.limits.batch_bytes;
        let read = if is_full { 0 } else { self.read(site, wait)? };
        if self.is_due(site, now) {
            self.seal(site, now, false);
            self.submit(site)?;
        }
        Ok(if read > 0 { Progress::Busy } else { Progress::Quiet })
    }

    pub fn finish(&mut self, site: &Site<L, P>, now: Millis) -> Result<bool, DriverError> {
        self.attend(site, now)?;
        let is_told = self.sealed.is_none() && self.seen == self.committed && !self.has_to_tell();
        let is_saved = !self.saving.has_tail() && !self.saving.is_under_way();
        let can_tell = self.claim.number().is_some() || !self.is_caught_up();
        if self.sealed.is_none() && !self.saving.is_under_way() && !(is_told && is_saved) && can_tell {
            self.seal(site, now, true);
            self.submit(site)?;
        }
        Ok(is_told && is_saved && site.outbox.pending(self.slip) == 0)
    }

    /// Forgets what is not sent: the driver goes.
    pub fn close(&self, site: &Site<L, P>) {
        site.outbox.close(self.slip);
        self.claim.close(site);
        self.saving.close(site);
    }

    /// Sees to what is under way.
    fn attend(&mut self, site: &Site<L, P>, now: Millis) -> Result<(), LogError> {
        match self.settle(site)? {
            Fate::Open => {}
            Fate::Committed => self.committed(site, now),
        }
        self.submit(site)?;
        if site.outbox.take_failure(self.slip) {
            // A block is lost, and later ones may have arrived.
            self.claim.renew();
        }
        self.claim.step(site);
        self.saving.step(site, now);
        site.outbox.step(now, Duration::ZERO)
    }

    const fn is_caught_up(&self) -> bool {
        self.seen.journal >= self.replay[1].journal
    }

    /// Whether the rollup is to hear something. Before it has caught up a shard would show a past state as the present.
    fn has_to_tell(&self) -> bool {
        self.is_caught_up() && (self.fold.has_news() || self.claim.is_new())
    }

    /// Rows are published at an interval: more than two blocks in it would only say the same cells again.
    fn may_tell(&self, site: &Site<L, P>, now: Millis) -> bool {
        self.last_told + Span(site.settings.output_interval.0 / 2) <= now
    }

    /// All cells are told again now and then, so that what any shard told before can be trimmed and a new rollup has
    /// little to read: when changes have come to as much as that, so that writing is at most doubled, or after a while.
    fn is_whole_due(&self, site: &Site<L, P>, now: Millis) -> bool {
        let is_long_ago = self.told_whole + site.settings.limits.whole_interval <= now;
        is_long_ago || self.told_bytes >= self.whole_bytes.max(LEAST_TOLD_BYTES)
    }

    fn read(&mut self, site: &Site<L, P>, wait: Duration) -> Result<usize, DriverError> {
        let Self { reader, fold, seen, gathered_bytes, saving, .. } = self;
        let journal = &self.journal;
        let mut damage = None;
        let mut folded = 0;
        let read = reader.poll(wait, site.settings.limits.poll_records, &mut |read| {
            let (partition, next, record) = match &read {
                Read::Record(record) => (record.partition, record.offset + 1, Some(record)),
                Read::End { partition, next } => (*partition, *next, None),
            };
            let log = usize::from(partition != journal);
            if let Some(record) = record
                && let Some(value) = record.value
                && damage.is_none()
            {
                folded += 1;
                *gathered_bytes += value.len();
                saving.grow(value.len());
                damage = apply(fold, log, partition, record.offset, value).err();
            }
            let seen = if log == 0 { &mut seen.journal } else { &mut seen.forwards };
            *seen = next.max(*seen);
        });
        match (damage, read) {
            (Some(damage), _) => Err(damage),
            (None, Ok(_) | Err(LogError::Retriable(_))) => Ok(folded),
            (None, Err(error)) => Err(error.into()),
        }
    }

    fn is_due(&self, site: &Site<L, P>, now: Millis) -> bool {
        if self.sealed.is_some() || !site.outbox.has_room() {
            return false;
        }
        let limits = &site.settings.limits;
        let moved = self.seen != self.committed;
        let tells = self.has_to_tell() && self.claim.number().is_some() && self.may_tell(site, now);
        let after =
            if tells || (moved && self.fold.has_news()) { limits.commit_interval } else { limits.offsets_interval };
        let is_large = self.gathered_bytes >= limits.batch_bytes;
        (moved || tells) && (is_large || self.last_seal + after <= now)
    }

    /// Takes everything that was folded so far into a transaction.
    fn seal(&mut self, site: &Site<L, P>, now: Millis, last: bool) {
        // First: what a snapshot holds has been said, or it would never be.
        let effects = self.fold.take_effects();
        let snapshot = self.saving.is_due(site, last).then(|| {
            self.saving.cut();
            (self.fold.positions(), self.fold.snapshot())
        });
        let tells = self.has_to_tell() && (last || self.may_tell(site, now));
        let block = self.claim.number().filter(|_| tells).map(|claim| {
            self.last_told = now;
            let takes_over = self.claim.is_new();
            self.claim.told();
            let whole = takes_over || self.is_whole_due(site, now);
            if whole {
                self.told_whole = now;
            }
            self.fold.take_block(claim, takes_over, whole)
        });
        let offsets = vec![(self.journal.clone(), self.seen.journal), (self.forwards.clone(), self.seen.forwards)];
        let records = records(effects, &*site.parts, &site.names, self.counts);
        let transaction = Transaction { records, group: site.names.shards_group.clone(), offsets };
        self.sealed = Some(Sealed::new(transaction, self.seen, block, snapshot));
        (self.last_seal, self.gathered_bytes) = (now, 0);
    }

    /// The effects are out for good: the rollup may know, and a snapshot may say so.
    fn committed(&mut self, site: &Site<L, P>, now: Millis) {
        let Some(sealed) = self.sealed.take() else { return };
        self.committed = sealed.offsets;
        self.report.transactions += 1;
        if let Some(block) = sealed.block {
            let parts = partials::parts::records(&block, site.settings.limits.partials_bytes);
            let bytes = parts.iter().map(Vec::len).sum();
            if block.whole {
                (self.told_bytes, self.whole_bytes) = (0, bytes);
            } else {
                self.told_bytes += bytes;
            }
            let partition = site.names.partials_log();
            for value in parts {
                let partition = partition.clone();
                let record =
                    Outgoing { partition, timestamp: None, key: None, value: Some(value), headers: Vec::new() };
                site.outbox.send(self.slip, record);
            }
        }
        if let Some((positions, chunks)) = sealed.snapshot {
            self.saving.begin(site, now, positions, chunks);
        }
    }
}
