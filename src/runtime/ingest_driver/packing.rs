//! Records come in as they are read; flushes of journal blocks go out, one payload a shard, each with a section for
//! every source partition of the flush. What is not in a flush yet can still be dropped, source by source.

use super::flights::{Cover, Flush};
use super::sources::{SourceState, Sources, Stuck};
use super::{Counters, Reading};
use crate::ingest::route::{To, rejection_home, route};
use crate::journal::block::{BlockBuilder, Range, Source};
use crate::journal::entry::{Entry, Item, Rejected};
use crate::model::event::{Event, Text, Topic};
use crate::model::time::{Millis, Span};
use crate::runtime::log::Incoming;
use crate::runtime::parts::{Decode, Decoded, Raw};

pub struct Packer<D: Decode> {
    decoder: D,
    builders: Vec<BlockBuilder>,
    /// Size of the input since the last flush, and when the first of it came.
    bytes: usize,
    since: Option<Millis>,
}

impl<D: Decode> Packer<D> {
    pub fn new(decoder: D, shards: u16) -> Self {
        let builders = (0..shards).map(|_| BlockBuilder::default()).collect();
        Self { decoder, builders, bytes: 0, since: None }
    }

    /// Takes a record; one that cannot be judged now blocks its partition.
    pub fn take(&mut self, state: &mut SourceState, record: &Incoming<'_>, now: Millis, counters: &mut Counters) {
        if !state.placed || state.stuck != Stuck::No || record.offset < state.next {
            return;
        }
        let raw = Raw { key: record.key, value: record.value, timestamp: record.timestamp };
        let topic = state.source.topic;
        match self.decoder.decode(topic, raw, now) {
            Ok(Decoded::Event(event)) => {
                *counters.accepted.entry(topic).or_default() += 1;
                state.accepted(event.occurred_at());
                push_event(&mut self.builders, state.source, record, event);
            }
            Ok(Decoded::Rejected { reason, message }) => {
                *counters.rejected.entry((topic, (*reason).to_owned())).or_default() += 1;
                push_rejected(&mut self.builders, state.source, record, reason, message);
            }
            Ok(Decoded::Skipped) => *counters.skipped.entry(topic).or_default() += 1,
            Err(unavailable) => {
                state.stuck = Stuck::Found;
                counters.unavailable = Some(unavailable.0);
                return;
            }
        }
        state.took(record.offset, now);
        self.bytes += record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        self.since = self.since.or(Some(now));
    }

    /// Something other than a record is to be told: a mark, an end beyond the last record.
    pub fn note(&mut self, now: Millis) {
        self.since = self.since.or(Some(now));
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    #[must_use]
    pub fn is_due(&self, now: Millis, after: Span) -> bool {
        self.since.is_some_and(|since| since + after <= now)
    }

    /// Drops what is not in a flush yet of a partition that somebody else reads now.
    pub fn drop_source(&mut self, source: Source) {
        for builder in &mut self.builders {
            builder.drop_source(source);
        }
    }

    /// Everything since the last flush; none when there is nothing to tell.
    pub fn seal(&mut self, sources: &mut Sources, announced: &[(Topic, i32)]) -> Option<Flush> {
        (self.bytes, self.since) = (0, None);
        let mut covers = Vec::new();
        for state in sources.iter_mut().filter(|state| state.has_news()) {
            let range = Range { follows: state.follows, from: state.from, to: state.next };
            for builder in &mut self.builders {
                builder.cover(state.source, range, state.watermark, state.mark);
            }
            covers.push(Cover { partition: state.partition.clone(), tenure: state.tenure, to: state.next });
            state.flushed();
        }
        if covers.is_empty() {
            return None;
        }
        let payloads = self.builders.iter_mut().map(|builder| builder.finish(announced)).collect();
        Some(Flush { payloads, covers })
    }
}

impl<D: Decode> Reading<'_, D> {
    /// Takes a record, unless others come first.
    pub fn take(&mut self, record: &Incoming<'_>) {
        match self.sources.find(record.partition) {
            Some(state) if state.holds_back() || state.is_early(record.timestamp) => state.hold(record, self.now),
            _ => self.pack(record),
        }
    }

    /// Takes a record, and seals what has become large enough.
    pub fn pack(&mut self, record: &Incoming<'_>) {
        let Some(state) = self.sources.find(record.partition) else { return };
        self.packer.take(state, record, self.now, self.counters);
        if self.packer.bytes() >= self.flush_bytes {
            self.sealed.extend(self.packer.seal(self.sources, self.announced));
        }
    }
}

fn push_event(builders: &mut [BlockBuilder], source: Source, record: &Incoming<'_>, event: Event<'_>) {
    let shards = u16::try_from(builders.len()).expect("a builder for each shard");
    route(event, shards, &mut |to, item| {
        let entry = Entry { offset: record.offset, timestamp: record.timestamp, item };
        match to {
            To::Shard(shard) => builders[usize::from(shard)].push(source, &entry),
            To::Every => builders.iter_mut().for_each(|builder| builder.push(source, &entry)),
        }
    });
}

fn push_rejected(
    builders: &mut [BlockBuilder],
    source: Source,
    record: &Incoming<'_>,
    reason: Text<'_>,
    message: Text<'_>,
) {
    let shards = u16::try_from(builders.len()).expect("a builder for each shard");
    let headers = (record.headers)();
    let headers = headers.iter().map(|(name, value)| (Text::borrowed(name), value.as_deref())).collect();
    let topic = Text::borrowed(&record.partition.topic);
    let rejected = Rejected { reason, message, topic, key: record.key, value: record.value, headers };
    let entry = Entry { offset: record.offset, timestamp: record.timestamp, item: Item::Rejected(Box::new(rejected)) };
    builders[usize::from(rejection_home(source, shards))].push(source, &entry);
}
