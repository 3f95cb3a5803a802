//! A member of a consumer group, classic protocol. Rebalances are noted by callbacks and carried out here, between
//! reads, so that nothing of a partition is heard after its loss. Commits go on in the background; one that fails is
//! repeated with the next, or a second later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::consumer::{Consumer, Event, Note};
use super::errors::{from_code, is_fatal};
use crate::runtime::log::{LogError, Member, MemberMode, Membership, Partition};

/// A rebalance is noticed within this, however long a poll may wait.
const STEP: Duration = Duration::from_millis(10);
const RECOMMIT_AFTER: Duration = Duration::from_secs(1);

pub struct KafkaMember {
    consumer: Consumer,
    mode: MemberMode,
    owned: BTreeSet<Partition>,
    /// The newest offset to commit of each partition that is owned.
    wanted: BTreeMap<Partition, i64>,
    /// When a commit failed that is worth repeating.
    failed: Option<Instant>,
    problem: Option<LogError>,
}

impl KafkaMember {
    pub(super) fn new(config: &ClientConfig, topics: &[String], mode: MemberMode) -> Result<Self, LogError> {
        let consumer = Consumer::new(config)?;
        consumer.subscribe(topics)?;
        let (owned, wanted) = (BTreeSet::new(), BTreeMap::new());
        Ok(Self { consumer, mode, owned, wanted, failed: None, problem: None })
    }

    fn wanted(&self) -> Vec<(Partition, Option<i64>)> {
        self.wanted.iter().map(|(partition, offset)| (partition.clone(), Some(*offset))).collect()
    }

    fn read(&mut self, wait: Duration, most: usize, to: &mut dyn FnMut(Membership<'_>)) -> usize {
        let (mut count, mode, problem) = (0, self.mode, &mut self.problem);
        self.consumer.poll(wait, most, &mut |event| match event {
            Event::Read(read) if mode == MemberMode::Reads => {
                count += 1;
                to(Membership::Read(read));
            }
            // Fetched before the pause took hold.
            Event::Read(_) => {}
            // It joins anew by itself, after telling the loss.
            Event::Failed { code: Code::PollExceeded, .. } => tracing::warn!("not polled in time: out of the group"),
            // Inputs may come into being later.
            Event::Failed { code: Code::UnknownTopicOrPartition | Code::UnknownTopic, partition, .. } => {
                tracing::warn!(topic = partition.map(|partition| &*partition.topic), "a subscribed topic is not there");
            }
            Event::Failed { code, .. } => {
                let error = from_code(code, "reading as a member");
                tracing::warn!(%error);
                if !matches!(error, LogError::Retriable(_)) {
                    *problem = Some(error);
                }
            }
        });
        count
    }

    /// What it keeps goes on where it was; one that does not is to be joined anew, from the committed offsets.
    fn realign(&mut self) -> Result<(), LogError> {
        self.consumer.realign(|_| true).map_err(|error| match error {
            LogError::Retriable(text) => LogError::Spent(text),
            error => error,
        })
    }

    fn act(&mut self, note: Note, to: &mut dyn FnMut(Membership<'_>)) -> Result<(), LogError> {
        match note {
            Note::Gained(partitions) => {
                let from: Vec<_> = partitions.iter().map(|partition| (partition.clone(), None)).collect();
                self.consumer.assign(&from)?;
                if self.mode == MemberMode::Owns {
                    self.consumer.pause(&partitions)?;
                }
                self.owned.extend(partitions.iter().cloned());
                if !partitions.is_empty() {
                    to(Membership::Gained(&partitions));
                }
                self.realign()?;
            }
            Note::Lost(partitions) => {
                let let_go = self.consumer.unassign(&partitions);
                self.owned.retain(|partition| !partitions.contains(partition));
                self.wanted.retain(|partition, _| !partitions.contains(partition));
                if !partitions.is_empty() {
                    to(Membership::Lost(&partitions));
                }
                let_go?;
                self.realign()?;
            }
            Note::Committed(Ok(())) => {}
            // Nothing was to be committed, or it is no longer ours to commit: the loss is told in its turn.
            Note::Committed(Err(Code::NoOffset | Code::UnknownMemberId | Code::IllegalGeneration)) => {}
            Note::Committed(Err(code)) => {
                let error = from_code(code, "committing offsets");
                tracing::warn!(%error);
                if is_fatal(&error) {
                    return Err(error);
                }
                self.failed = Some(now());
            }
            Note::Fatal(words) => return Err(LogError::Spent(format!("member: {words}"))),
        }
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "how long to wait for the group is no part of the data")]
fn now() -> Instant {
    Instant::now()
}

impl Member for KafkaMember {
    fn poll(&mut self, wait: Duration, most: usize, to: &mut dyn FnMut(Membership<'_>)) -> Result<usize, LogError> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        let start = now();
        loop {
            let left = wait.saturating_sub(start.elapsed());
            let count = self.read(left.min(STEP), most, to);
            let notes = self.consumer.take_notes();
            let quiet = count == 0 && notes.is_empty();
            for note in notes {
                if let Err(error) = self.act(note, to) {
                    self.problem.get_or_insert(error);
                }
            }
            if self.failed.is_some_and(|at| at.elapsed() >= RECOMMIT_AFTER) {
                self.commit(&[])?;
            }
            if !quiet || self.problem.is_some() || left <= STEP {
                return Ok(count);
            }
        }
    }

    fn commit(&mut self, offsets: &[(Partition, i64)]) -> Result<(), LogError> {
        let repeat = self.failed.take().is_some();
        let owned = offsets.iter().filter(|(partition, _)| self.owned.contains(partition));
        let new: Vec<_> = owned.map(|(partition, offset)| (partition.clone(), Some(*offset))).collect();
        self.wanted.extend(new.iter().filter_map(|(partition, offset)| Some((partition.clone(), (*offset)?))));
        let offsets = if repeat { self.wanted() } else { new };
        if offsets.is_empty() {
            return Ok(());
        }
        self.consumer.commit(&offsets)
    }

    fn pause(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.consumer.pause(std::slice::from_ref(partition))
    }

    fn resume(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.consumer.resume(std::slice::from_ref(partition))
    }

    fn seek(&mut self, partition: &Partition, offset: i64) -> Result<(), LogError> {
        self.consumer.seek(partition, offset, Duration::from_secs(5))
    }

    fn leave(self, wait: Duration) -> Result<(), LogError> {
        let offsets = self.wanted();
        let handle = self.consumer.into_handle();
        let (done, outcome) = mpsc::channel();
        let close = move || {
            let committed = if offsets.is_empty() { Ok(()) } else { handle.commit_now(&offsets) };
            drop(handle);
            // Nobody listens any more when the time was over.
            done.send(committed).unwrap_or(());
        };
        let thread = std::thread::Builder::new().name("kafka-leave".into()).spawn(close);
        thread.map_err(|error| LogError::Retriable(format!("leaving the group: {error}")))?;
        outcome.recv_timeout(wait).map_err(|_| LogError::Retriable("leaving the group took too long".into()))?
    }
}
