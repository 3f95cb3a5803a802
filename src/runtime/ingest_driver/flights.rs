//! Flushes on their way to the journal: payloads come in and are kept until every shard has acknowledged them and
//! everything before them. After a failure the writer is thrown away and all that is kept is sent again, in order, for
//! a failed record may be followed by delivered ones; shards drop by offset what they have.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::model::time::Millis;
use crate::runtime::log::{Log, LogError, Outgoing, Partition, Writer};
use crate::runtime::settings::{Backoff, Limits};

/// Up to where a flush reads a source partition, and in which of its tenures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    pub partition: Partition,
    pub tenure: u64,
    pub to: i64,
}

/// One flush: a payload for each shard.
#[derive(Debug)]
pub struct Flush {
    pub payloads: Vec<Vec<u8>>,
    pub covers: Vec<Cover>,
}

#[derive(Debug)]
struct Flight {
    flush: Flush,
    acknowledged: Vec<bool>,
}

pub struct Flights<L: Log> {
    log: Arc<L>,
    journal: Arc<str>,
    writer: Option<L::Writer>,
    flights: VecDeque<Flight>,
    /// The number of the oldest flight.
    first: u64,
    /// The next payload to send: a flight's number and a shard.
    next: (u64, usize),
    backoff: Backoff,
    limits: Limits,
    pub resends: u64,
}

impl<L: Log> Flights<L> {
    pub fn new(log: Arc<L>, journal: Arc<str>, limits: Limits) -> Self {
        let (flights, backoff) = (VecDeque::new(), Backoff::default());
        Self { log, journal, writer: None, flights, first: 0, next: (0, 0), backoff, limits, resends: 0 }
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.flights.len() >= self.limits.flushes_under_way
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    pub fn push(&mut self, flush: Flush) {
        let acknowledged = vec![false; flush.payloads.len()];
        self.flights.push_back(Flight { flush, acknowledged });
    }

    /// Sends, listens, and says what is in the journal for good since last asked.
    pub fn step(&mut self, now: Millis, wait: Duration) -> Result<Vec<Cover>, LogError> {
        if self.flights.is_empty() || !self.backoff.is_due(now) {
            return Ok(Vec::new());
        }
        match self.attempt(wait) {
            Ok(()) => {}
            Err(error @ (LogError::Fatal(_) | LogError::Fenced(_))) => return Err(error),
            Err(LogError::Retriable(error)) => {
                if self.backoff.fail(now, &self.limits) {
                    tracing::warn!(%error, "the journal takes no records for now");
                }
                return Ok(Vec::new());
            }
            Err(error) => {
                if self.backoff.fail(now, &self.limits) {
                    tracing::warn!(%error, "a journal record was not delivered: sending again with a new producer");
                }
                self.start_over();
                return Ok(Vec::new());
            }
        }
        let done = self.complete();
        if !done.is_empty() {
            self.backoff.succeed();
        }
        Ok(done)
    }

    fn attempt(&mut self, wait: Duration) -> Result<(), LogError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(self.log.writer()?),
        };
        while let Some(flight) = self.flights.get(usize::try_from(self.next.0 - self.first).unwrap_or(usize::MAX)) {
            let (number, shard) = self.next;
            let shards = flight.flush.payloads.len();
            let partition =
                Partition { topic: Arc::clone(&self.journal), number: i32::try_from(shard).unwrap_or(i32::MAX) };
            let value = Some(flight.flush.payloads[shard].clone());
            let record = Outgoing { partition, timestamp: None, key: None, value, headers: Vec::new() };
            if writer.send(number * shards as u64 + shard as u64, record)?.is_err() {
                break;
            }
            self.next = if shard + 1 < shards { (number, shard + 1) } else { (number + 1, 0) };
        }
        let mut failure = None;
        let (flights, first) = (&mut self.flights, self.first);
        writer.poll(wait, &mut |number, outcome| match outcome {
            Ok(_) => acknowledge(flights, first, number),
            Err(error) => failure = failure.take().or(Some(error)),
        })?;
        match failure {
            None => Ok(()),
            Some(error @ LogError::Fatal(_)) => Err(error),
            Some(error) => Err(LogError::Spent(error.to_string())),
        }
    }

    fn start_over(&mut self) {
        self.writer = None;
        self.next = (self.first, 0);
        self.resends += self.flights.len() as u64;
        for flight in &mut self.flights {
            flight.acknowledged.fill(false);
        }
    }

    fn complete(&mut self) -> Vec<Cover> {
        let mut done = Vec::new();
        while self.flights.front().is_some_and(|flight| flight.acknowledged.iter().all(|acknowledged| *acknowledged)) {
            done.extend(self.flights.pop_front().map(|flight| flight.flush.covers).unwrap_or_default());
            self.first += 1;
        }
        done
    }
}

fn acknowledge(flights: &mut VecDeque<Flight>, first: u64, number: u64) {
    let Some(shards) = flights.front().map(|flight| flight.acknowledged.len() as u64) else { return };
    let at = usize::try_from((number / shards).wrapping_sub(first)).unwrap_or(usize::MAX);
    let shard = usize::try_from(number % shards).unwrap_or(usize::MAX);
    if let Some(flight) = flights.get_mut(at) {
        flight.acknowledged[shard] = true;
    }
}
