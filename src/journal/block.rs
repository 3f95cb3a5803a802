//! A journal record: one flush of one ingest instance for one shard. It has a section for each source partition that
//! the flush covers, empty ones too, so that every shard sees every range of offsets.
//!
//! layout: [version u8][xxh3 of the rest, u64 LE][postcard Head][shared texts, as `Texts` has them]
//!   [per section: postcard SectionHead, entries]
//! an entry: postcard of the offset's distance from the entry before, `ItemOf` with numbers of texts, the timestamp's
//! distance from the time of the event; back to back, `SectionHead::bytes` in all

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::entry::{Entry, EntryOf, ItemOf};
use super::texts::Texts;
use crate::model::event::{Topic, TouchOf};
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
                postcard::to_extend(&(offset, Numbered::Touch(touch), timestamp), out)
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

/// A touch as an `ItemOf::Touch` is stored, without its box.
#[derive(Serialize)]
enum Numbered<'a> {
    Touch(TouchOf<'a, u32>),
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
    /// So many are not read yet.
    left: u32,
    /// The offset of the last entry read.
    last: i64,
}

/// Entries that are read at once.
pub type Entries<'a, const N: usize> = SmallVec<[EntryOf<'a, u32>; N]>;

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
        Ok(Some(Section { left: head.entries, head, texts: &self.texts, entries, last: 0 }))
    }
}

impl<'a> Section<'_, 'a> {
    /// Appends further entries, in the order of offsets, as many as there is room for. Those before an offset are left out.
    pub fn read<const N: usize>(&mut self, since: i64, to: &mut Entries<'a, N>) -> Result<(), JournalError> {
        let mut from = postcard::Deserializer::from_bytes(self.entries);
        while to.len() < N && self.left > 0 {
            self.left -= 1;
            self.last = self.last.wrapping_add(i64::deserialize(&mut from)?);
            let item = ItemOf::<u32>::deserialize(&mut from)?;
            let timestamp = i64::deserialize(&mut from)?;
            if !item.names_below(self.texts.len()) {
                return Err(JournalError::Unspelled);
            }
            if self.last >= since {
                let timestamp = Millis(time_of(&item).0.wrapping_add(timestamp));
                to.push(EntryOf { offset: self.last, timestamp, item });
            }
        }
        self.entries = from.finalize()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::Identify;
    use crate::model::entity::EntityKey;
    use crate::model::event::{OriginOf, Text, Touch};
    use crate::model::kinds::TouchKind;

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
        let mut entries = Entries::<1>::new();
        for expected in [Some(entry(10)), Some(entry(12)), None] {
            entries.clear();
            first.read(0, &mut entries).expect("decodes");
            assert_eq!(entries.pop(), expected);
        }
        let mut block = Block::decode(&bytes).expect("decodes");
        let mut again = block.next_section().expect("decodes").expect("a section");
        let mut entries = Entries::<4>::new();
        again.read(11, &mut entries).expect("decodes");
        assert_eq!(entries[..], [entry(12)]);
        let second = block.next_section().expect("decodes").expect("a section");
        assert_eq!((second.head.source, second.head.idle), (quiet, Some(Millis(99))));
        assert!(block.next_section().expect("decodes").is_none());
        assert!(builder.finish(&[]).len() < bytes.len(), "the builder was emptied");
    }

    #[test]
    fn the_texts_of_a_touch_are_numbers_of_the_block() {
        let touch = Touch {
            event_id: "00000000-0000-4000-8000-000000000001".into(),
            occurred_at: Millis(5),
            kind: TouchKind::EmailClicked,
            visitor_id: Some("v".into()),
            lead_id: None,
            account_id: Some("a".into()),
            origin: OriginOf { channel: "email".into(), campaign: "c".into(), content: "c".into(), term: "t".into() },
            page: "/".into(),
            details: None,
        };
        let mut builder = BlockBuilder::default();
        builder.push(SOURCE, &Entry { offset: 3, timestamp: Millis(9), item: ItemOf::Touch(Box::new(touch.clone())) });
        builder.cover(SOURCE, Range { follows: 0, from: 0, to: 4 }, Some(Millis(5)), None);
        let bytes = builder.finish(&[]);
        let mut block = Block::decode(&bytes).expect("decodes");
        assert_eq!(block.texts, ["email", "c", "t", "/"]);
        let mut section = block.next_section().expect("decodes").expect("a section");
        let mut entries = Entries::<1>::new();
        section.read(0, &mut entries).expect("decodes");
        let EntryOf { offset: 3, timestamp: Millis(9), item: ItemOf::Touch(stored) } = &entries[0] else {
            panic!("another entry: {entries:?}")
        };
        let spelled =
            stored.with(|number| section.texts.get(*number as usize).map(|text| Text::borrowed(text)).ok_or(()));
        assert_eq!(spelled, Ok(touch));
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
