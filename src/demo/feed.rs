//! Feeds the story into the input topics: what has happened when the demo begins within half a minute, so that numbers
//! are there at once and one sees them come about, the rest when its time comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::bridge::{GENERATED, input};
use super::outage::Outage;
use super::warp::Warp;
use super::{Story, wall_clock};
use crate::generate::{History, Produced, Settings};
use crate::model::time::{Millis, Span};
use crate::runtime::log::{Log, LogError, Outgoing, Writer};
use crate::runtime::topics::Names;

/// The story goes on for so long, by its own time.
const DAYS_TO_COME: u32 = 90;
/// The past takes so long.
const PAST_MS: i64 = 30_000;
/// Records written between two looks at what has become of them.
const BATCH: u64 = 500;
const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Feed<Inside: Log, Outside: Log> {
    names: Arc<Names>,
    writer: Inside::Writer,
    /// For whoever looks at the inputs from outside.
    shown: Outside::Writer,
    records: Outage<History>,
    start: Millis,
    warp: Warp,
    sent: u64,
}

impl<Inside: Log, Outside: Log> Feed<Inside, Outside> {
    pub(super) fn new(inside: &Inside, outside: &Outside, names: Arc<Names>, story: Story) -> Result<Self, LogError> {
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
        let (writer, shown) = (inside.writer()?, outside.writer()?);
        let warp = Warp { begin, speed: story.speed };
        let records = Outage::new(History::new(settings), begin);
        Ok(Self { names, writer, shown, records, start, warp, sent: 0 })
    }

    pub(super) fn run(mut self, stop: &AtomicBool) -> Result<(), LogError> {
        while let Some(produced) = self.records.next() {
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
            partition: input(&self.names, produced.topic),
            timestamp: Some(produced.timestamp),
            key: produced.key.map(String::into_bytes),
            value: produced.value,
            headers: Vec::new(),
        };
        self.sent += 1;
        deliver(&mut self.writer, self.sent, record.clone())?;
        record.headers.push((GENERATED.to_owned(), None));
        deliver(&mut self.shown, self.sent, record)
    }

    /// What has become of what was sent.
    fn look(&mut self) -> Result<(), LogError> {
        look(&mut self.writer)?;
        look(&mut self.shown)
    }
}

/// Waits till the writer takes the record.
fn deliver(writer: &mut impl Writer, number: u64, mut record: Outgoing) -> Result<(), LogError> {
    while let Err(back) = writer.send(number, record)? {
        record = back;
        look(writer)?;
    }
    Ok(())
}

pub(super) fn look(writer: &mut impl Writer) -> Result<(), LogError> {
    let mut failed = None;
    writer.poll(Duration::ZERO, &mut |_, delivered| {
        if let Err(error) = delivered {
            failed.get_or_insert(error);
        }
    })?;
    failed.map_or(Ok(()), Err)
}
