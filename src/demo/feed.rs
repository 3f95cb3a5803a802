//! Feeds the story into the input topics: what has happened when the demo begins within half a minute, so that numbers
//! are there at once and one sees them come about, the rest when its time comes. And keeps the log in memory small: what everybody has read is deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::warp::Warp;
use super::{Story, wall_clock};
use crate::generate::{History, Produced, Settings};
use crate::model::event::Topic;
use crate::model::time::{Millis, Span};
use crate::runtime::log::{Log, LogError, NewTopic, Outgoing, Partition, Writer};
use crate::runtime::topics::Names;

/// The story goes on for so long, by its own time.
const DAYS_TO_COME: u32 = 90;
/// The past takes so long.
const PAST_MS: i64 = 30_000;
/// Records written between two looks at what has become of them.
const BATCH: u64 = 500;
const PAUSE: Duration = Duration::from_millis(20);
const TRIM_EVERY: Span = Span(5000);
/// Published rows that are kept, a partition.
const ROWS_KEPT: i64 = 1000;

pub(super) struct Feed<L: Log> {
    log: Arc<L>,
    names: Arc<Names>,
    writer: L::Writer,
    history: History,
    start: Millis,
    warp: Warp,
    sent: u64,
    trimmed: Millis,
}

/// A partition each: the story is small, and a partition without news holds event time back.
pub(super) fn create_inputs<L: Log>(log: &L, names: &Names) -> Result<(), LogError> {
    let topic = |name: &Arc<str>| NewTopic {
        name: name.to_string(),
        partitions: 1,
        replication_factor: 1,
        properties: Vec::new(),
    };
    log.create(&names.inputs.iter().map(|(_, name)| topic(name)).collect::<Vec<_>>())
}

impl<L: Log> Feed<L> {
    pub(super) fn new(log: Arc<L>, names: Arc<Names>, story: Story) -> Result<Self, LogError> {
        let begin = wall_clock();
        // Whole hours: the story's days have a rhythm.
        let start = Millis((begin - Span::days(i64::from(story.days))).0.div_euclid(Span::HOUR.0) * Span::HOUR.0);
        let settings = Settings {
            seed: story.seed,
            start,
            days: story.days + DAYS_TO_COME,
            leads: story.leads,
            huge: false,
            ..Settings::default()
        };
        let writer = log.writer()?;
        let warp = Warp { begin, speed: story.speed };
        Ok(Self { log, names, writer, history: History::new(settings), start, warp, sent: 0, trimmed: begin })
    }

    pub(super) fn run(mut self, stop: &AtomicBool) -> Result<(), LogError> {
        while let Some(produced) = self.history.next() {
            let produced = self.warp.record(produced);
            let due = self.due(produced.timestamp);
            while wall_clock() < due {
                self.look()?;
                std::thread::sleep(PAUSE);
                if stop.load(Ordering::SeqCst) {
                    return Ok(());
                }
            }
            self.send(produced)?;
            if self.sent.is_multiple_of(BATCH) {
                self.look()?;
                if stop.load(Ordering::SeqCst) {
                    return Ok(());
                }
            }
        }
        tracing::info!("the story is over: no more events come in");
        while !stop.load(Ordering::SeqCst) {
            self.look()?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// When a record is to be sent.
    fn due(&self, at: Millis) -> Millis {
        let begin = self.warp.begin;
        if at > begin {
            return at.max(begin + Span(PAST_MS));
        }
        Millis(begin.0 + PAST_MS * (at - self.start).0 / (begin - self.start).0.max(1))
    }

    fn send(&mut self, produced: Produced) -> Result<(), LogError> {
        let mut record = Outgoing {
            partition: self.input(produced.topic),
            timestamp: Some(produced.timestamp),
            key: produced.key.map(String::into_bytes),
            value: produced.value,
            headers: Vec::new(),
        };
        self.sent += 1;
        while let Err(back) = self.writer.send(self.sent, record)? {
            record = back;
            self.look()?;
        }
        Ok(())
    }

    /// What has become of what was sent, and now and then, what can go.
    fn look(&mut self) -> Result<(), LogError> {
        let mut failed = None;
        self.writer.poll(Duration::ZERO, &mut |_, delivered| {
            if let Err(error) = delivered {
                failed.get_or_insert(error);
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let now = wall_clock();
        if self.trimmed + TRIM_EVERY <= now {
            self.trimmed = now;
            self.trim()?;
        }
        Ok(())
    }

    fn trim(&self) -> Result<(), LogError> {
        let inputs: Vec<_> = Topic::ALL.iter().map(|topic| self.input(*topic)).collect();
        let committed = self.log.committed(&self.names.ingest_group, &inputs)?;
        for (partition, committed) in inputs.iter().zip(committed) {
            if let Some(next) = committed {
                self.log.trim(partition, next)?;
            }
        }
        for number in 0..self.log.partitions(&self.names.kpis)?.unwrap_or(0) {
            let partition = Partition { topic: Arc::clone(&self.names.kpis), number };
            let (first, next) = self.log.bounds(&partition)?;
            if next - ROWS_KEPT > first {
                self.log.trim(&partition, next - ROWS_KEPT)?;
            }
        }
        Ok(())
    }

    fn input(&self, topic: Topic) -> Partition {
        let name = self.names.inputs.iter().find(|(found, _)| *found == topic).map(|(_, name)| Arc::clone(name));
        Partition { topic: name.unwrap_or_else(|| Arc::from(topic.name())), number: 0 }
    }
}
