//! Reads the inputs as a member of the ingest group and writes them to the journal, a block for each shard at each
//! flush. An input offset is committed only when every shard's block up to it is acknowledged, so a crash, a
//! redelivery or a second owner for a while only repeats ranges, and shards drop by offset what they have.

mod flights;
mod holding;
mod idling;
mod pacing;
mod packing;
mod placing;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::flights::{Cover, Flights, Flush};
use self::holding::Held;
use self::idling::Beat;
use self::packing::Packer;
use self::sources::{SourceState, Sources, Stuck};
use super::log::{Log, LogError, Member, MemberMode, Membership, Partition, Read};
use super::parts::Decode;
use super::settings::{Backoff, Settings};
use super::topics::Names;
use crate::model::event::Topic;
use crate::model::time::{Millis, Span};

/// What the driver has done so far, for telemetry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub accepted: BTreeMap<Topic, u64>,
    pub rejected: BTreeMap<(Topic, String), u64>,
    /// Tombstones where they mean nothing.
    pub skipped: BTreeMap<Topic, u64>,
    pub flushes: u64,
    pub journal_bytes: u64,
    /// Flushes that were sent again.
    pub resends: u64,
    pub rebalances: u64,
    /// Offsets that were gone before they were read.
    pub lost_to_retention: u64,
    /// Why a partition waits, while one does.
    pub unavailable: Option<String>,
}

/// Whether there is more to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Busy,
    Quiet,
}

pub struct IngestDriver<L: Log, D: Decode> {
    log: Arc<L>,
    names: Arc<Names>,
    settings: Settings,
    member: Option<L::Member>,
    rejoin: Backoff,
    sources: Sources,
    packer: Packer<D>,
    sealed: Vec<Flush>,
    flights: Flights<L>,
    /// All source partitions there are, and when they were last counted.
    announced: Vec<(Topic, i32)>,
    counted: Option<Millis>,
    beat: Beat,
    to_commit: BTreeMap<Partition, Cover>,
    last_commit: Option<Millis>,
    /// Input is paused while too many flushes are under way.
    throttled: bool,
    full_since: Option<Millis>,
    /// As much waits as may: nothing more is fetched of what does.
    is_hoard_full: bool,
    counters: Counters,
}

/// What a poll may touch while it hands records over.
struct Reading<'a, D: Decode> {
    sources: &'a mut Sources,
    packer: &'a mut Packer<D>,
    sealed: &'a mut Vec<Flush>,
    announced: &'a [(Topic, i32)],
    counters: &'a mut Counters,
    names: &'a Names,
    flush_bytes: usize,
    now: Millis,
}

impl<L: Log, D: Decode> IngestDriver<L, D> {
    pub fn new(log: Arc<L>, names: Arc<Names>, settings: Settings, decoder: D) -> Self {
        let flights = Flights::new(Arc::clone(&log), Arc::clone(&names.journal), settings.limits.clone());
        let packer = Packer::new(decoder, names.shards);
        Self {
            log,
            names,
            settings,
            member: None,
            rejoin: Backoff::default(),
            sources: Sources::default(),
            packer,
            sealed: Vec::new(),
            flights,
            announced: Vec::new(),
            counted: None,
            beat: Beat::default(),
            to_commit: BTreeMap::new(),
            last_commit: None,
            throttled: false,
            full_since: None,
            is_hoard_full: false,
            counters: Counters::default(),
        }
    }

    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters { resends: self.flights.resends, ..self.counters.clone() }
    }

    /// The source partitions that this instance reads, and the next offset of each.
    pub fn positions(&self) -> impl Iterator<Item = (&Partition, i64)> {
        self.sources.iter().map(|state| (&state.partition, state.next))
    }

    /// Does what there is to do, and waits for input at most that long.
    pub fn step(&mut self, now: Millis, wait: Duration) -> Result<Progress, LogError> {
        self.count_sources(now)?;
        let waits = self.flights.is_full() && !self.throttled;
        let read = if self.announced.is_empty() || waits { 0 } else { self.read(now, wait)? };
        self.place(now)?;
        if !self.flights.is_full() {
            self.release(now);
        }
        self.mark_idle(now)?;
        self.flush(now, false);
        let committed = self.deliver(now, if waits { wait } else { Duration::ZERO })?;
        self.pace(now)?;
        Ok(if read > 0 || committed { Progress::Busy } else { Progress::Quiet })
    }

    /// Reads no more and brings home what was read. True when all of it is in the journal and committed.
    pub fn finish(&mut self, now: Millis, wait: Duration) -> Result<bool, LogError> {
        self.flush(now, true);
        self.last_commit = None;
        self.deliver(now, wait)?;
        Ok(self.flights.is_empty() && self.sealed.is_empty() && self.to_commit.is_empty())
    }

    /// Leaves the group, when finished.
    pub fn leave(self, wait: Duration) -> Result<(), LogError> {
        self.member.map_or(Ok(()), |member| member.leave(wait))
    }

    fn read(&mut self, now: Millis, wait: Duration) -> Result<usize, LogError> {
        if self.member.is_none() {
            if !self.rejoin.is_due(now) {
                return Ok(0);
            }
            let topics: Vec<_> = self.names.inputs.iter().map(|(_, name)| name.to_string()).collect();
            self.member = Some(self.log.member(&self.names.ingest_group, &topics, MemberMode::Reads)?);
        }
        let most = self.settings.limits.poll_records;
        let (member, mut reading) = self.reading(now);
        let Some(member) = member else { return Ok(0) };
        match member.poll(wait, most, &mut |heard| reading.hear(heard)) {
            Ok(read) => Ok(read),
            Err(error @ (LogError::Fatal(_) | LogError::Fenced(_))) => Err(error),
            Err(LogError::OutOfRange { partition, .. }) => {
                if let Some(state) = self.sources.find(&partition) {
                    // What waits of it is read again.
                    (state.placed, state.held) = (false, Held::default());
                }
                Ok(0)
            }
            Err(LogError::Retriable(error)) => {
                tracing::debug!(%error, "reading the inputs");
                Ok(0)
            }
            Err(LogError::Spent(error)) => {
                self.rejoin.fail(now, &self.settings.limits);
                tracing::warn!(%error, "the ingest group's consumer is thrown away and made anew");
                self.member = None;
                for partition in self.sources.iter().map(|state| state.partition.clone()).collect::<Vec<_>>() {
                    forget(&mut self.sources, &mut self.packer, &partition);
                }
                Ok(0)
            }
        }
    }

    /// The member, and beside it all that what it hears may touch.
    fn reading(&mut self, now: Millis) -> (Option<&mut L::Member>, Reading<'_, D>) {
        let reading = Reading {
            sources: &mut self.sources,
            packer: &mut self.packer,
            sealed: &mut self.sealed,
            announced: &self.announced,
            counters: &mut self.counters,
            names: &self.names,
            flush_bytes: self.settings.limits.flush_bytes,
            now,
        };
        (self.member.as_mut(), reading)
    }

    /// How many partitions the inputs have, asked now and then: all are announced before the first event.
    fn count_sources(&mut self, now: Millis) -> Result<(), LogError> {
        let again = self.settings.limits.recount_after;
        if self.counted.is_some_and(|counted| now < counted + again) {
            return Ok(());
        }
        self.counted = Some(now);
        let mut announced = Vec::with_capacity(self.names.inputs.len());
        for (topic, name) in &self.names.inputs {
            match self.log.partitions(name) {
                Ok(Some(count)) => announced.push((*topic, count)),
                Ok(None) => return Err(LogError::Fatal(format!("input topic {name} does not exist"))),
                Err(LogError::Retriable(error)) => {
                    tracing::debug!(%error, "counting the partitions of the inputs");
                    self.counted = self.announced.is_empty().then_some(now - again + Span(500)).or(self.counted);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.announced = announced;
        Ok(())
    }

    fn flush(&mut self, now: Millis, at_once: bool) {
        if (at_once || self.packer.is_due(now, self.settings.limits.flush_after)) && !self.announced.is_empty() {
            self.sealed.extend(self.packer.seal(&mut self.sources, &self.announced));
        }
        for flush in self.sealed.drain(..) {
            self.counters.flushes += 1;
            self.counters.journal_bytes += flush.payloads.iter().map(Vec::len).sum::<usize>() as u64;
            self.flights.push(flush);
        }
    }

    /// Sends flushes, and commits the offsets of those that are in the journal.
    fn deliver(&mut self, now: Millis, wait: Duration) -> Result<bool, LogError> {
        let done = self.flights.step(now, wait)?;
        let any = !done.is_empty();
        for cover in done {
            self.to_commit.insert(cover.partition.clone(), cover);
        }
        let pause = self.settings.limits.flush_after;
        if self.to_commit.is_empty() || self.last_commit.is_some_and(|last| now < last + pause) {
            return Ok(any);
        }
        let Some(member) = &mut self.member else {
            self.to_commit.clear();
            return Ok(any);
        };
        // Whoever has a lost partition now reads it again from the last commit; its offsets are not ours to move.
        let sources = &self.sources;
        self.to_commit.retain(|partition, cover| sources.holds(partition, cover.tenure));
        let offsets: Vec<_> = self.to_commit.values().map(|cover| (cover.partition.clone(), cover.to)).collect();
        match member.commit(&offsets) {
            Ok(()) => self.to_commit.clear(),
            Err(LogError::Retriable(error)) => tracing::debug!(%error, "committing input offsets"),
            Err(error) => return Err(error),
        }
        self.last_commit = Some(now);
        Ok(any)
    }
}

impl<D: Decode> Reading<'_, D> {
    fn hear(&mut self, heard: Membership<'_>) {
        match heard {
            Membership::Read(Read::Record(record)) => self.take(&record),
            Membership::Read(Read::End { partition, next }) => {
                let state = self.sources.find(partition).filter(|state| state.placed && state.stuck == Stuck::No);
                if let Some(state) = state
                    && !state.hold_end(next)
                {
                    state.ended(next, self.packer, self.now);
                }
            }
            Membership::Gained(partitions) => {
                self.counters.rebalances += 1;
                for partition in partitions {
                    if let Some(topic) = self.names.input(&partition.topic) {
                        self.sources.gain(partition, topic, self.now);
                    }
                }
            }
            Membership::Lost(partitions) => {
                self.counters.rebalances += 1;
                for partition in partitions {
                    forget(self.sources, self.packer, partition);
                }
            }
        }
    }
}

impl SourceState {
    /// Nothing readable lies before the end: what it skips (marks of transactions) is covered too.
    fn ended<D: Decode>(&mut self, next: i64, packer: &mut Packer<D>, now: Millis) {
        self.unread_since = None;
        if self.next < next {
            self.next = next;
            packer.note(now);
        }
    }
}

/// Nothing more is written for a lost partition: its next owner reads on from the committed offset.
fn forget<D: Decode>(sources: &mut Sources, packer: &mut Packer<D>, partition: &Partition) {
    if let Some(source) = sources.lose(partition) {
        packer.drop_source(source);
    }
}

#[cfg(test)]
mod tests;
