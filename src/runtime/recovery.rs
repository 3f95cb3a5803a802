//! Brings a shard back to exactly what it had committed: fence earlier owners, read the committed offsets, restore the
//! newest sound snapshot, replay both logs to the committed pair. Effects of the replay are known to be out already.

use std::time::Duration;

use super::log::{Isolation, Log, LogError, Partition, Read, Reader, Standing, Transactor};
use super::parts::{Damage, Fold, Parts, Positions};
use super::site::{DriverError, Site};
use super::snapshots::Shelf;
use crate::model::time::Millis;

pub struct Recovery<L: Log, P: Parts> {
    number: u16,
    transactor: L::Transactor,
    stage: Stage<L, P>,
}

enum Stage<L: Log, P: Parts> {
    Fence,
    Restore { reader: L::Reader, shelf: Shelf, bounds: Bounds, read: Extent },
    Replay(Box<Replay<L, P>>),
}

/// A record may be thousands of events: between two of these it is told how far it is, and other shards have their turn.
const REPLAYED_AT_ONCE: usize = 16;

/// How far a restore is, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restoring {
    pub snapshots: Extent,
    /// Of both logs, since the snapshot.
    pub journal: Extent,
    pub forwards: Extent,
}

impl Restoring {
    /// When both logs are read from there to there, and this is how far.
    #[must_use]
    pub fn replaying(snapshots: Extent, from: Positions, here: Positions, to: Positions) -> Self {
        let journal = Extent::between(from.journal, here.journal, to.journal);
        Self { snapshots, journal, forwards: Extent::between(from.forwards, here.forwards, to.forwards) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub done: u64,
    pub of: u64,
}

impl Extent {
    fn between(from: i64, here: i64, to: i64) -> Self {
        let length = |to: i64| u64::try_from(to - from).unwrap_or(0);
        Self { done: length(here.min(to)), of: length(to) }
    }

    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { done: self.done + other.done, of: self.of + other.of }
    }

    /// The share that is done; none where there is nothing to do.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.done as f64 / self.of as f64)
    }

    const fn full(self) -> Self {
        Self { done: self.of, of: self.of }
    }
}

struct Replay<L: Log, P: Parts> {
    /// Where it began.
    from: Positions,
    snapshots: Extent,
    reader: L::Reader,
    shelf: Shelf,
    fold: P::Shard,
    bounds: Bounds,
    /// Which of journal and forwards is still to be read.
    open: [bool; 2],
    tail_bytes: u64,
}

/// The extent of both logs, and how far their effects are out.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    low: Positions,
    target: Positions,
    journal_end: i64,
}

/// A shard as it was when its last transaction was committed.
pub struct Recovered<L: Log, P: Parts> {
    pub transactor: L::Transactor,
    pub reader: L::Reader,
    pub fold: P::Shard,
    pub shelf: Shelf,
    pub committed: Positions,
    /// Where the journal ended when the shard was taken over.
    pub journal_end: i64,
    /// What was replayed since the snapshot.
    pub tail_bytes: u64,
    /// Where the replay began.
    pub from: Positions,
    pub snapshots: Extent,
}

impl<L: Log, P: Parts> Recovery<L, P> {
    pub fn begin(site: &Site<L, P>, number: u16) -> Result<Self, LogError> {
        let transactor = site.log.transactor(&site.names.shard_transactions(number))?;
        Ok(Self { number, transactor, stage: Stage::Fence })
    }

    /// Goes on; the shard when it is there.
    pub fn step(
        mut self,
        site: &Site<L, P>,
        now: Millis,
        wait: Duration,
    ) -> Result<Result<Recovered<L, P>, Self>, DriverError> {
        self.stage = match self.stage {
            Stage::Fence if self.transactor.poll()? == Standing::Busy => Stage::Fence,
            Stage::Fence => match bounds(site, self.number) {
                Ok(bounds) => shelve(site, self.number, bounds)?,
                Err(LogError::Retriable(_)) => Stage::Fence,
                Err(error) => return Err(error.into()),
            },
            Stage::Restore { mut reader, mut shelf, bounds, mut read } => {
                let partition = site.names.snapshots_of(self.number);
                if read_shelf(site, &mut reader, &mut shelf, &mut read, wait)? {
                    reader.unassign(&partition)?;
                    Stage::Replay(Box::new(restore(site, self.number, now, reader, shelf, bounds, read.full())?))
                } else {
                    Stage::Restore { reader, shelf, bounds, read }
                }
            }
            Stage::Replay(mut replay) => {
                replay.step(site, self.number, wait)?;
                if replay.open.contains(&true) {
                    Stage::Replay(replay)
                } else {
                    return Ok(Ok(replay.recovered(self.transactor)));
                }
            }
        };
        Ok(Err(self))
    }

    /// How far it is.
    pub fn progress(&self) -> Restoring {
        match &self.stage {
            Stage::Fence => Restoring::default(),
            Stage::Restore { read, .. } => Restoring { snapshots: *read, ..Restoring::default() },
            Stage::Replay(replay) => {
                let here = replay.fold.positions();
                Restoring::replaying(replay.snapshots, replay.from, here, replay.bounds.end())
            }
        }
    }
}

impl Bounds {
    /// Where a restore ends: the owner reads the rest of the journal before the shard counts as restored.
    const fn end(&self) -> Positions {
        Positions { journal: self.journal_end, forwards: self.target.forwards }
    }
}

fn bounds<L: Log, P: Parts>(site: &Site<L, P>, number: u16) -> Result<Bounds, LogError> {
    let partitions = [site.names.journal_of(number), site.names.forwards_of(number)];
    let committed = site.log.committed(&site.names.shards_group, &partitions)?;
    let [journal, forwards] = &partitions;
    let (journal_low, journal_end) = site.log.bounds(journal)?;
    let low = Positions { journal: journal_low, forwards: site.log.bounds(forwards)?.0 };
    let at = |n: usize| committed.get(n).copied().flatten().unwrap_or(0);
    let committed = Positions { journal: at(0), forwards: at(1) };
    let target =
        Positions { journal: committed.journal.max(low.journal), forwards: committed.forwards.max(low.forwards) };
    if target != committed && committed != Positions::default() {
        tracing::error!(shard = number, ?committed, first = ?low, "retention deleted what the shard had not read yet");
    }
    Ok(Bounds { low, target, journal_end })
}

fn shelve<L: Log, P: Parts>(site: &Site<L, P>, number: u16, bounds: Bounds) -> Result<Stage<L, P>, LogError> {
    // Nothing else but forwards is transactional: for the journal and the snapshots it makes no difference.
    let mut reader = site.log.reader(Isolation::ReadCommitted)?;
    let partition = site.names.snapshots_of(number);
    let (first, next) = site.log.bounds(&partition)?;
    reader.assign(&partition, first)?;
    let read = Extent { done: 0, of: u64::try_from(next - first).unwrap_or(0) };
    Ok(Stage::Restore { reader, shelf: Shelf::default(), bounds, read })
}

/// True at the end of the partition.
fn read_shelf<L: Log, P: Parts>(
    site: &Site<L, P>,
    reader: &mut L::Reader,
    shelf: &mut Shelf,
    extent: &mut Extent,
    wait: Duration,
) -> Result<bool, LogError> {
    let mut ended = false;
    let read = reader.poll(wait, site.settings.limits.poll_records, &mut |read| match read {
        Read::Record(record) => {
            shelf.take(&record);
            // Compaction has taken some.
            extent.done = extent.of.min(extent.done + 1);
        }
        Read::End { .. } => ended = true,
    });
    match read {
        Ok(_) => Ok(ended),
        Err(LogError::Retriable(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn restore<L: Log, P: Parts>(
    site: &Site<L, P>,
    number: u16,
    now: Millis,
    mut reader: L::Reader,
    mut shelf: Shelf,
    bounds: Bounds,
    snapshots: Extent,
) -> Result<Replay<L, P>, DriverError> {
    let mut restored = None;
    for (manifest, chunks) in shelf.candidates() {
        let fresh = manifest.taken_at + site.settings.snapshot_max_age >= now;
        // Ahead of what is committed, its effects might be lost; before what is left, its tail is.
        let fits = manifest.positions.within(bounds.target) && bounds.low.within(manifest.positions);
        if !fresh || !fits || manifest.shard != number {
            tracing::warn!(shard = number, positions = ?manifest.positions, fresh, "a snapshot is refused");
            continue;
        }
        let Some(chunks) = chunks else {
            tracing::warn!(shard = number, positions = ?manifest.positions, "a snapshot is damaged");
            continue;
        };
        match site.parts.restore(number, &chunks) {
            Ok(fold) if fold.positions().within(manifest.positions) => {
                restored = Some((fold, manifest.positions));
                break;
            }
            Ok(_) => tracing::warn!(shard = number, "a snapshot is further than its manifest says"),
            Err(error) => tracing::warn!(shard = number, %error, "a snapshot does not restore"),
        }
    }
    shelf.drop_chunks();
    let (fold, from) = restored.unwrap_or_else(|| (site.parts.shard(number), bounds.low));
    let open = [from.journal < bounds.target.journal, from.forwards < bounds.target.forwards];
    if open[0] {
        reader.assign(&site.names.journal_of(number), from.journal)?;
    }
    if open[1] {
        reader.assign(&site.names.forwards_of(number), from.forwards)?;
    }
    tracing::info!(shard = number, ?from, to = ?bounds.target, "replaying");
    let mut replay = Replay { from, snapshots, reader, shelf, fold, bounds, open, tail_bytes: 0 };
    if !replay.open.contains(&true) {
        replay.go_live(site, number)?;
    }
    Ok(replay)
}

impl<L: Log, P: Parts> Replay<L, P> {
    fn step(&mut self, site: &Site<L, P>, number: u16, wait: Duration) -> Result<(), DriverError> {
        if !self.open.contains(&true) {
            return Ok(());
        }
        let partitions = [site.names.journal_of(number), site.names.forwards_of(number)];
        let targets = [self.bounds.target.journal, self.bounds.target.forwards];
        let mut reached = [false; 2];
        let mut damage = None;
        let (fold, tail_bytes) = (&mut self.fold, &mut self.tail_bytes);
        let most = site.settings.limits.poll_records.min(REPLAYED_AT_ONCE);
        let read = self.reader.poll(wait, most, &mut |read| {
            let (partition, offset, value) = match &read {
                Read::Record(record) => (record.partition, record.offset, record.value),
                Read::End { partition, next } => (*partition, *next, None),
            };
            let log = usize::from(*partition != partitions[0]);
            if offset >= targets[log] {
                reached[log] = true;
            } else if let Some(value) = value.filter(|_| damage.is_none() && !reached[log]) {
                *tail_bytes += value.len() as u64;
                damage = apply(fold, log, partition, offset, value).err();
            }
        });
        match (damage, read) {
            (Some(damage), _) => return Err(damage),
            (None, Err(LogError::Retriable(_)) | Ok(_)) => {}
            (None, Err(error)) => return Err(error.into()),
        }
        drop(self.fold.take_effects());
        let positions = self.fold.positions();
        reached[0] |= positions.journal >= targets[0];
        reached[1] |= positions.forwards >= targets[1];
        for log in 0..2 {
            if self.open[log] && reached[log] {
                self.open[log] = false;
                self.reader.unassign(&partitions[log])?;
            }
        }
        if !self.open.contains(&true) {
            self.go_live(site, number)?;
        }
        Ok(())
    }

    fn go_live(&mut self, site: &Site<L, P>, number: u16) -> Result<(), LogError> {
        self.reader.assign(&site.names.journal_of(number), self.bounds.target.journal)?;
        self.reader.assign(&site.names.forwards_of(number), self.bounds.target.forwards)
    }

    fn recovered(self, transactor: L::Transactor) -> Recovered<L, P> {
        let Self { from, snapshots, reader, shelf, fold, bounds, tail_bytes, .. } = self;
        let (committed, journal_end) = (bounds.target, bounds.journal_end);
        Recovered { transactor, reader, fold, shelf, committed, journal_end, tail_bytes, from, snapshots }
    }
}

/// Folds a record of the journal (0) or the forwards (1).
pub fn apply<F: Fold>(
    fold: &mut F,
    log: usize,
    partition: &Partition,
    offset: i64,
    value: &[u8],
) -> Result<(), DriverError> {
    let applied = if log == 0 { fold.apply_journal(offset, value) } else { fold.apply_forward(offset, value) };
    applied.map_err(|damage: Damage| DriverError::Damaged {
        topic: partition.topic.to_string(),
        partition: partition.number,
        offset,
        damage,
    })
}
