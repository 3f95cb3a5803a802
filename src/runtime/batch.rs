//! A whole history in one thread, without a log: records in arrival order come in, the rollup as of the last watermark
//! goes out. The same decoding, routing, blocks and fold as in a running instance; nothing depends on time or chance.

use std::collections::BTreeMap;

use super::parts::{Combine, Damage, Decode, Decoded, Effects, Fold, Letter, Parts, Raw, Said};
use crate::config::Config;
use crate::ingest::files::FileRecord;
use crate::ingest::route::{To, rejection_home, route};
use crate::journal::block::{BlockBuilder, Range, Source};
use crate::journal::entry::{Entry, Item, Rejected};
use crate::model::event::{Event, Text, Topic};
use crate::model::time::{Millis, Span};

/// Input between two flushes, in bytes and records.
const FLUSH_BYTES: usize = 1 << 20;
const FLUSH_RECORDS: usize = 4096;

/// A record of a file.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub topic: Topic,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub timestamp: Millis,
}

#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// A decoder that needs something that is not there.
    #[error("{0}")]
    Unavailable(String),
    #[error("the fold: {0}")]
    Damage(#[from] Damage),
}

/// What a history comes to. Its rows are for the rollup to say: there may be millions.
pub struct Outcome<P: Parts> {
    pub letters: Vec<Letter>,
    /// Lines of ledgers, in the order in which they became known.
    pub said: Vec<Said>,
    pub watermark: Option<Millis>,
    pub rollup: P::Rollup,
}

/// Folds records that come in arrival order, of which it is known how many each topic has.
///
/// # Errors
/// Those of the records, and when the fold cannot work.
pub fn fold<P: Parts, E: From<BatchError>>(
    parts: &P,
    config: &Config,
    as_of: Option<Millis>,
    mut left: BTreeMap<Topic, usize>,
    records: impl Iterator<Item = Result<FileRecord, E>>,
) -> Result<Outcome<P>, E> {
    let mut batch =
        Batch::new(parts, config.topics.partitions, as_of).with_allowed_lateness(config.time.allowed_lateness);
    for topic in Topic::ALL.into_iter().filter(|topic| !left.contains_key(topic)) {
        batch.end(topic);
    }
    for record in records {
        let FileRecord { topic, key, value, timestamp, .. } = record?;
        batch.take(&Line { topic, key: key.as_deref(), value: value.as_deref(), timestamp })?;
        if let Some(count) = left.get_mut(&topic) {
            *count -= 1;
            if *count == 0 {
                batch.end(topic);
            }
        }
    }
    Ok(batch.finish(parts)?)
}

/// One file is one source partition.
#[derive(Clone, Copy, Debug, Default)]
struct File {
    from: i64,
    next: i64,
    /// The greatest time since the last flush, and of all.
    watermark: Option<Millis>,
    greatest: Option<Millis>,
    /// Read to its end, and whether the next flush is to say so.
    ended: bool,
    ends: bool,
}

pub struct Batch<P: Parts> {
    decoder: P::Decoder,
    allowed_lateness: Option<Span>,
    shards: Vec<Seat<P>>,
    builders: Vec<BlockBuilder>,
    files: BTreeMap<Topic, File>,
    /// Of all accepted events.
    greatest: Option<Millis>,
    /// What is from the future is from after this.
    as_of: Option<Millis>,
    bytes: usize,
    records: usize,
    letters: Vec<Letter>,
    said: Vec<Said>,
}

struct Seat<P: Parts> {
    fold: P::Shard,
    journal: i64,
    forwards: i64,
}

impl<P: Parts> Batch<P> {
    #[must_use]
    pub fn new(parts: &P, shards: u16, as_of: Option<Millis>) -> Self {
        let seat = |number| Seat { fold: parts.shard(number), journal: 0, forwards: 0 };
        Self {
            decoder: parts.decoder(),
            allowed_lateness: None,
            shards: (0..shards).map(seat).collect(),
            builders: (0..shards).map(|_| BlockBuilder::default()).collect(),
            files: Topic::ALL.into_iter().map(|topic| (topic, File::default())).collect(),
            greatest: None,
            as_of,
            bytes: 0,
            records: 0,
            letters: Vec::new(),
            said: Vec::new(),
        }
    }

    /// The watermark moves with every block. With the lateness that is allowed a block also ends before what is late, so
    /// that this does not depend on how large blocks are.
    #[must_use]
    pub fn with_allowed_lateness(self, span: Span) -> Self {
        Self { allowed_lateness: Some(span), ..self }
    }

    /// Takes the next record. Records must come in arrival order.
    pub fn take(&mut self, line: &Line<'_>) -> Result<(), BatchError> {
        let raw = Raw { key: line.key, value: line.value, timestamp: line.timestamp };
        let now = self.as_of.unwrap_or(Millis::MAX);
        let decoded = self.decoder.decode(line.topic, raw, now).map_err(|error| BatchError::Unavailable(error.0))?;
        let source = Source { topic: line.topic, partition: 0 };
        if let Decoded::Event(event) = &decoded
            && self.is_late(event.occurred_at().unwrap_or(line.timestamp))
        {
            self.flush(None)?;
        }
        let file = self.files.entry(line.topic).or_default();
        let offset = file.next;
        match decoded {
            Decoded::Event(event) => {
                if line.topic.carries_time() {
                    file.watermark = file.watermark.max(event.occurred_at());
                    file.greatest = file.greatest.max(event.occurred_at());
                    self.greatest = self.greatest.max(event.occurred_at());
                }
                push_event(&mut self.builders, source, offset, line.timestamp, event);
            }
            Decoded::Rejected { reason, message } => {
                let shard = rejection_home(source, shards(&self.builders));
                let topic = Text::borrowed(line.topic.name());
                let (key, value) = (line.key, line.value);
                let rejected = Rejected { reason, message, topic, key, value, headers: Vec::new() };
                let entry = Entry { offset, timestamp: line.timestamp, item: Item::Rejected(Box::new(rejected)) };
                self.builders[usize::from(shard)].push(source, &entry);
            }
            Decoded::Skipped => {}
        }
        file.next += 1;
        self.records += 1;
        self.bytes += line.value.map_or(0, <[u8]>::len);
        if self.bytes >= FLUSH_BYTES || self.records >= FLUSH_RECORDS {
            self.flush(None)?;
        }
        Ok(())
    }

    /// By the files that hold the watermark; once all of them have ended it is the greatest time.
    fn is_late(&self, at: Millis) -> bool {
        let holding = self.files.iter().filter(|(topic, file)| topic.carries_time() && !file.ended);
        let watermark = holding.map(|(_, file)| file.greatest).min().unwrap_or(self.greatest);
        watermark.zip(self.allowed_lateness).is_some_and(|(watermark, allowed)| at < watermark - allowed)
    }

    /// A topic without a file, or one whose last record was taken: it holds the watermark no longer.
    pub fn end(&mut self, topic: Topic) {
        let file = self.files.entry(topic).or_default();
        (file.ended, file.ends) = (true, true);
    }

    /// No more records: moves the watermark to `as_of`, or the greatest time of any event. A shard goes as soon as its
    /// cells are in the rollup.
    pub fn finish(mut self, parts: &P) -> Result<Outcome<P>, BatchError> {
        self.flush(None)?;
        if let Some(watermark) = self.as_of.or(self.greatest) {
            self.flush(Some(watermark))?;
        }
        let mut rollup = parts.rollup();
        for (number, mut seat) in self.shards.into_iter().enumerate() {
            rollup.apply(&seat.fold.take_block(number as u64, true, true));
        }
        Ok(Outcome { letters: self.letters, said: self.said, watermark: rollup.watermark(), rollup })
    }

    /// Hands every shard its block and brings their news to each other until there are none. At the end every file is
    /// read, which the last flush says with the watermark to reach.
    fn flush(&mut self, end: Option<Millis>) -> Result<(), BatchError> {
        (self.bytes, self.records) = (0, 0);
        for (topic, file) in &mut self.files {
            let source = Source { topic: *topic, partition: 0 };
            let range = Range { follows: file.from, from: file.from, to: file.next };
            let watermark = file.watermark.take().max(end.filter(|_| topic.carries_time()));
            // Idle says nothing of the clock here, only that the file holds nothing up.
            let idle = (end.is_some() || std::mem::take(&mut file.ends)).then_some(Millis::MIN);
            if file.from < file.next || idle.is_some() {
                for builder in &mut self.builders {
                    builder.cover(source, range, watermark, idle);
                }
            }
            file.from = file.next;
        }
        let announced: Vec<(Topic, i32)> = Topic::ALL.into_iter().map(|topic| (topic, 1)).collect();
        for (seat, builder) in self.shards.iter_mut().zip(&mut self.builders) {
            seat.fold.apply_journal(seat.journal, &builder.finish(&announced))?;
            seat.journal += 1;
        }
        self.settle()
    }

    fn settle(&mut self) -> Result<(), BatchError> {
        loop {
            let mut news = Vec::new();
            for seat in &mut self.shards {
                let Effects { forwards, letters, said } = seat.fold.take_effects();
                news.extend(forwards);
                self.letters.extend(letters);
                self.said.extend(said);
            }
            if news.is_empty() {
                return Ok(());
            }
            for (shard, value) in news {
                let seat = &mut self.shards[usize::from(shard)];
                seat.fold.apply_forward(seat.forwards, &value)?;
                seat.forwards += 1;
            }
        }
    }
}

fn shards(builders: &[BlockBuilder]) -> u16 {
    u16::try_from(builders.len()).expect("a builder for each shard")
}

fn push_event(builders: &mut [BlockBuilder], source: Source, offset: i64, timestamp: Millis, event: Event<'_>) {
    route(event, shards(builders), &mut |to, item| {
        let entry = Entry { offset, timestamp, item };
        match to {
            To::Shard(shard) => builders[usize::from(shard)].push(source, &entry),
            To::Every => builders.iter_mut().for_each(|builder| builder.push(source, &entry)),
        }
    });
}
