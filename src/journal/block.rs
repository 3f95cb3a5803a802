//! A journal record: one flush of one ingest instance for one shard. It has a section for each source partition that
//! the flush covers, empty ones too, so that every shard sees every range of offsets.
//!
//! layout: [version u8][xxh3 of the rest, u64 LE][postcard Head][shared texts, as `Texts` has them]
//!   [per section: postcard SectionHead, entries]
//! an entry: postcard of the offset's distance from the entry before, `ItemOf` with numbers of texts, the timestamp's
//! distance from the time of the event; back to back, `SectionHead::bytes` in all

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::entry::{Entry, EntryOf, ItemOf};
use super::texts::Texts;
use crate::model::event::Topic;
use crate::model::time::Millis;

const VERSION: u8 = 3;
const PREFIX: usize = 9;

/// A partition of an input topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    pub topic: Topic,
    pub partition: i32,
}

/// What precedes the sections: every source partition there is. Until each has reported there is no watermark.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Head {
    /// Topic and number of partitions.
    pub announced: Vec<(Topic, i32)>,
    pub sections: u32,
}

/// A range of a source partition's offsets, [from, to), and what it says of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionHead {
    pub source: Source,
    /// The offset up to which earlier sections have told everything: `from`, or less when the records between are gone
    /// (retention) or were never to be read (the first section of a source follows 0).
    pub follows: i64,
    pub from: i64,
    pub to: i64,
    /// The greatest `occurred_at` of the accepted events in the range.
    pub watermark: Option<Millis>,
    /// Read to its end and quiet for `time.idle_after`: the wall clock when its owner says so.
    pub idle: Option<Millis>,
    pub entries: u32,
    pub bytes: u32,
}

/// The offsets that a section covers: see `SectionHead`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub follows: i64,
    pub from: i64,
    pub to: i64,
}

impl SectionHead {
    const fn empty(source: Source) -> Self {
        Self { source, follows: 0, from: 0, to: 0, watermark: None, idle: None, entries: 0, bytes: 0 }
    }
}

/// Builds one shard's record as events come, already in their stored form.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    sections: Vec<Building>,
    texts: Texts,
}

#[derive(Debug)]
struct Building {
    head: SectionHead,
    bytes: Vec<u8>,
    /// The offset of its last entry.
    last: i64,
}

impl BlockBuilder {
    /// Appends an entry to its source's section, whose range `cover` states before `finish`.
    pub fn push(&mut self, source: Source, entry: &Entry<'_>) {
        let encode = "plain data of known types always encodes";
        let at = self.section_at(source);
        let section = &mut self.sections[at];
        section.head.entries += 1;
        let offset = entry.offset.wrapping_sub(std::mem::replace(&mut section.last, entry.offset));
        let timestamp = entry.timestamp.0.wrapping_sub(time_of(&entry.item).0);
        let out = std::mem::take(&mut section.bytes);
        // Only touches hold numbers in place of texts: the rest is the same in both forms.
        section.bytes = match &entry.item {
            ItemOf::Touch(touch) => {
                let texts = &mut self.texts;
                let Ok(touch) = touch.with(|text| Ok::<_, std::convert::Infallible>(texts.number(text)));
                postcard::to_extend(&(offset, ItemOf::Touch(touch), timestamp), out)
            }
            other => postcard::to_extend(&(offset, other, timestamp), out),
        }
        .expect(encode);
    }

    /// States the range that a source's section covers, and what it says of time.
    pub fn cover(&mut self, source: Source, range: Range, watermark: Option<Millis>, idle: Option<Millis>) {
        let at = self.section_at(source);
        let head = &mut self.sections[at].head;
        (head.follows, head.from, head.to) = (range.follows, range.from, range.to);
        (head.watermark, head.idle) = (watermark, idle);
    }

    /// Forgets a source's section: somebody else will tell of it.
    pub fn drop_source(&mut self, source: Source) {
        self.sections.retain(|section| section.head.source != source);
    }

    fn section_at(&mut self, source: Source) -> usize {
        self.sections.iter().position(|section| section.head.source == source).unwrap_or_else(|| {
            let head = SectionHead::empty(source);
            self.sections.push(Building { head, bytes: Vec::new(), last: 0 });
            self.sections.len() - 1
        })
    }

    /// How many bytes of entries it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sections.iter().map(|section| section.bytes.len()).sum()
    }

    /// The record's value. The builder is empty afterwards and keeps its buffers.
    pub fn finish(&mut self, announced: &[(Topic, i32)]) -> Vec<u8> {
        let encode = "plain data of known types always encodes";
        let mut out = Vec::with_capacity(PREFIX + self.bytes() + self.texts.bytes() + 64 * self.sections.len());
        out.push(VERSION);
        out.extend_from_slice(&[0; 8]);
        let sections = u32::try_from(self.sections.len()).expect("fewer sections than partitions");
        out = postcard::to_extend(&Head { announced: announced.to_vec(), sections }, out).expect(encode);
        out = self.texts.finish(out);
        for Building { head, bytes, .. } in &mut self.sections {
            assert!(head.entries == 0 || head.from < head.to, "entries without a range that covers them");
            head.bytes = u32::try_from(bytes.len()).expect("a flush is bounded far below 4 GiB");
            out = postcard::to_extend(head, out).expect(encode);
            out.extend_from_slice(bytes);
            bytes.clear();
        }
        let sum = xxh3_64(&out[PREFIX..]);
        out[1..PREFIX].copy_from_slice(&sum.to_le_bytes());
        self.sections.retain_mut(|section| {
            let used = section.head.from < section.head.to;
            (section.head, section.last) = (SectionHead::empty(section.head.source), 0);
            used
        });
        out
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JournalError {
    #[error("a journal record of version {0}, which this build does not read")]
    Version(u8),
    #[error("a journal record is cut short")]
    Short,
    #[error("a journal record does not match its checksum")]
    Checksum,
    #[error("a journal record does not decode: {0}")]
    Layout(#[from] postcard::Error),
    #[error("a journal record names a text that it does not spell")]
    Unspelled,
}

/// A record's value, checked; its sections are read in order.
#[derive(Debug)]
pub struct Block<'a> {
    pub head: Head,
    pub texts: Vec<&'a str>,
    rest: &'a [u8],
}

#[derive(Debug)]
pub struct Section<'t, 'a> {
    pub head: SectionHead,
    /// What the numbers of its entries stand for: the same for all sections of a block.
    pub texts: &'t [&'a str],
    entries: &'a [u8],
    /// The offset of the last entry read.
    last: i64,
}

/// What an entry's timestamp is counted from.
fn time_of<T>(item: &ItemOf<'_, T>) -> Millis {
    item.occurred_at().unwrap_or(Millis(0))
}

impl<'a> Block<'a> {
    pub fn decode(bytes: &'a [u8]) -> Result<Self, JournalError> {
        let (&version, rest) = bytes.split_first().ok_or(JournalError::Short)?;
        if version != VERSION {
            return Err(JournalError::Version(version));
        }
        let (sum, body) = rest.split_first_chunk::<8>().ok_or(JournalError::Short)?;
        if xxh3_64(body) != u64::from_le_bytes(*sum) {
            return Err(JournalError::Checksum);
        }
        let (head, rest) = postcard::take_from_bytes(body)?;
        let (texts, rest) = postcard::take_from_bytes(rest)?;
        Ok(Self { head, texts, rest })
    }

    /// The next section, in the order written.
    pub fn next_section(&mut self) -> Result<Option<Section<'_, 'a>>, JournalError> {
        if self.head.sections == 0 {
            return Ok(None);
        }
        self.head.sections -= 1;
        let (head, rest) = postcard::take_from_bytes::<SectionHead>(self.rest)?;
        let (entries, rest) = rest.split_at_checked(head.bytes as usize).ok_or(JournalError::Short)?;
        self.rest = rest;
        Ok(Some(Section { head, texts: &self.texts, entries, last: 0 }))
    }
}

impl<'a> Section<'_, 'a> {
    /// The next entry, in the order of offsets.
    pub fn next_entry(&mut self) -> Result<Option<EntryOf<'a, u32>>, JournalError> {
        if self.entries.is_empty() {
            return Ok(None);
        }
        let mut from = postcard::Deserializer::from_bytes(self.entries);
        let offset = i64::deserialize(&mut from)?;
        let item = ItemOf::<u32>::deserialize(&mut from)?;
        let timestamp = i64::deserialize(&mut from)?;
        self.entries = from.finalize()?;
        if !item.names_below(self.texts.len()) {
            return Err(JournalError::Unspelled);
        }
        self.last = self.last.wrapping_add(offset);
        let timestamp = Millis(time_of(&item).0.wrapping_add(timestamp));
        Ok(Some(EntryOf { offset: self.last, timestamp, item }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::Identify;
    use crate::model::entity::EntityKey;

    const SOURCE: Source = Source { topic: Topic::Touchpoints, partition: 2 };

    fn entry<T>(offset: i64) -> EntryOf<'static, T> {
        let item = ItemOf::Identify(Identify {
            topic: Topic::Touchpoints,
            event_id: "e".into(),
            occurred_at: Millis(5),
            visitor: EntityKey::of("v"),
            lead: EntityKey::of("l"),
        });
        EntryOf { offset, timestamp: Millis(6), item }
    }

    #[test]
    fn a_record_survives_the_trip() {
        let mut builder = BlockBuilder::default();
        builder.push(SOURCE, &entry(10));
        builder.push(SOURCE, &entry(12));
        builder.cover(SOURCE, Range { follows: 10, from: 10, to: 13 }, Some(Millis(5)), None);
        let quiet = Source { topic: Topic::Spend, partition: 0 };
        builder.cover(quiet, Range { follows: 4, from: 4, to: 4 }, None, Some(Millis(99)));
        let bytes = builder.finish(&[(Topic::Spend, 1)]);
        let mut block = Block::decode(&bytes).expect("decodes");
        assert_eq!(block.head.announced, [(Topic::Spend, 1)]);
        let mut first = block.next_section().expect("decodes").expect("a section");
        assert_eq!((first.head.from, first.head.to, first.head.watermark), (10, 13, Some(Millis(5))));
        assert_eq!(first.next_entry(), Ok(Some(entry(10))));
        assert_eq!(first.next_entry(), Ok(Some(entry(12))));
        assert_eq!(first.next_entry(), Ok(None));
        let second = block.next_section().expect("decodes").expect("a section");
        assert_eq!((second.head.source, second.head.idle), (quiet, Some(Millis(99))));
        assert!(block.next_section().expect("decodes").is_none());
        assert!(builder.finish(&[]).len() < bytes.len(), "the builder was emptied");
    }

    #[test]
    fn damage_is_noticed() {
        let mut builder = BlockBuilder::default();
        builder.push(SOURCE, &entry(10));
        builder.cover(SOURCE, Range { follows: 0, from: 10, to: 13 }, None, None);
        let good = builder.finish(&[]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 4;
            assert!(Block::decode(&bad).is_err(), "byte {at}");
        }
    }
}
