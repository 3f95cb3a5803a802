//! A journal record: one flush of one ingest instance for one shard. It has a section for each source partition that
//! the flush covers, empty ones too, so that every shard sees every range of offsets.
//!
//! layout: [version u8][xxh3 of the rest, u64 LE][postcard Head][shared texts, as `Texts` has them]
//!   [per section: postcard SectionHead, entries]
//! an entry: postcard offset, timestamp, `ItemOf` with numbers of texts; back to back, `SectionHead::bytes` in all

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::entry::{Entry, ItemOf};
use super::texts::Texts;
use crate::model::event::Topic;
use crate::model::time::Millis;

const VERSION: u8 = 2;
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
    sections: Vec<(SectionHead, Vec<u8>)>,
    texts: Texts,
}

impl BlockBuilder {
    /// Appends an entry to its source's section, whose range `cover` states before `finish`.
    pub fn push(&mut self, source: Source, entry: &Entry<'_>) {
        let encode = "plain data of known types always encodes";
        let at = self.section_at(source);
        let (head, bytes) = &mut self.sections[at];
        head.entries += 1;
        let out = postcard::to_extend(&(entry.offset, entry.timestamp), std::mem::take(bytes)).expect(encode);
        // Only touches hold numbers in place of texts: the rest is the same in both forms.
        *bytes = match &entry.item {
            ItemOf::Touch(touch) => {
                let texts = &mut self.texts;
                let Ok(touch) = touch.with(|text| Ok::<_, std::convert::Infallible>(texts.number(text)));
                postcard::to_extend(&ItemOf::Touch(touch), out)
            }
            other => postcard::to_extend(other, out),
        }
        .expect(encode);
    }

    /// States the range that a source's section covers, and what it says of time.
    pub fn cover(&mut self, source: Source, range: Range, watermark: Option<Millis>, idle: Option<Millis>) {
        let at = self.section_at(source);
        let head = &mut self.sections[at].0;
        (head.follows, head.from, head.to) = (range.follows, range.from, range.to);
        (head.watermark, head.idle) = (watermark, idle);
    }

    /// Forgets a source's section: somebody else will tell of it.
    pub fn drop_source(&mut self, source: Source) {
        self.sections.retain(|(head, _)| head.source != source);
    }

    fn section_at(&mut self, source: Source) -> usize {
        self.sections.iter().position(|(head, _)| head.source == source).unwrap_or_else(|| {
            let head = SectionHead::empty(source);
            self.sections.push((head, Vec::new()));
            self.sections.len() - 1
        })
    }

    /// How many bytes of entries it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sections.iter().map(|(_, bytes)| bytes.len()).sum()
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
        for (head, bytes) in &mut self.sections {
            assert!(head.entries == 0 || head.from < head.to, "entries without a range that covers them");
            head.bytes = u32::try_from(bytes.len()).expect("a flush is bounded far below 4 GiB");
            out = postcard::to_extend(head, out).expect(encode);
            out.extend_from_slice(bytes);
            bytes.clear();
        }
        let sum = xxh3_64(&out[PREFIX..]);
        out[1..PREFIX].copy_from_slice(&sum.to_le_bytes());
        self.sections.retain_mut(|(head, _)| {
            let used = head.from < head.to;
            *head = SectionHead::empty(head.source);
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
    texts: Vec<&'a str>,
    rest: &'a [u8],
}

#[derive(Debug)]
pub struct Section<'t, 'a> {
    pub head: SectionHead,
    texts: &'t [&'a str],
    entries: &'a [u8],
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
        Ok(Some(Section { head, texts: &self.texts, entries }))
    }
}

impl<'a> Section<'_, 'a> {
    /// The next entry, in the order of offsets.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a>>, JournalError> {
        if self.entries.is_empty() {
            return Ok(None);
        }
        let ((offset, timestamp, item), rest) = postcard::take_from_bytes::<(_, _, ItemOf<'a, u32>)>(self.entries)?;
        self.entries = rest;
        let item = item.spelled(self.texts).ok_or(JournalError::Unspelled)?;
        Ok(Some(Entry { offset, timestamp, item }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::{Identify, Item};

    const SOURCE: Source = Source { topic: Topic::Touchpoints, partition: 2 };

    fn entry(offset: i64) -> Entry<'static> {
        let item = Item::Identify(Identify {
            topic: Topic::Touchpoints,
            event_id: "e".into(),
            occurred_at: Millis(5),
            visitor_id: "v".into(),
            lead_id: "l".into(),
        });
        Entry { offset, timestamp: Millis(6), item }
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
