//! A block as records of the partials topic. All cells of a large shard are more than a record may hold, so a block goes
//! in as many parts as it takes, one behind the other, and is read when the last of them is there. Where an owner died
//! or lost a record in between, the parts before are passed over: its successor says everything anew.
//!
//! layout: [version u8][xxh3 of the rest, u64 LE][postcard of `Heading`][so much of the block's postcard]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::block::{Block, Incoherent};

const VERSION: u8 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Heading {
    shard: u16,
    claim: u64,
    part: u32,
    /// How many parts the block has.
    of: u32,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PartError {
    #[error("a partials record of version {0}, which this build does not read")]
    Version(u8),
    #[error("a partials record is cut short")]
    Short,
    #[error("a partials record does not match its checksum")]
    Checksum,
    #[error("a block of partials does not decode: {0}")]
    Layout(#[from] postcard::Error),
    #[error(transparent)]
    Incoherent(#[from] Incoherent),
}

/// The records of a block, with so many bytes of it in each at most.
pub fn records(block: &Block, most: usize) -> Vec<Vec<u8>> {
    let body = postcard::to_allocvec(block).expect("plain data of known types always encodes");
    let parts = body.chunks(most.max(1));
    let of = u32::try_from(parts.len()).expect("a part has more than a byte");
    let record = |(part, bytes): (u32, &[u8])| {
        let heading = Heading { shard: block.shard, claim: block.claim, part, of };
        let mut record = Vec::with_capacity(bytes.len() + 32);
        record.resize(9, VERSION);
        let mut record = postcard::to_extend(&heading, record).expect("numbers always encode");
        record.extend_from_slice(bytes);
        let sum = xxh3_64(&record[9..]);
        record[1..9].copy_from_slice(&sum.to_le_bytes());
        record
    };
    (0..).zip(parts).map(record).collect()
}

/// The blocks whose last part is not there yet: one a shard at most.
#[derive(Debug, Default)]
pub struct Gathered {
    open: BTreeMap<u16, Open>,
}

#[derive(Debug)]
struct Open {
    claim: u64,
    /// Where its first part is.
    first: i64,
    next: u32,
    of: u32,
    body: Vec<u8>,
}

impl Gathered {
    /// Takes the record at an offset. With the last part of a block: the block and the offset of its first part.
    pub fn take(&mut self, offset: i64, record: &[u8]) -> Result<Option<(i64, Block)>, PartError> {
        let (heading, bytes) = read(record)?;
        let Heading { shard, claim, part, of } = heading;
        if of == 1 {
            self.open.retain(|open, Open { claim: known, .. }| *open != shard || *known > claim);
            return Ok(Some((offset, decode(bytes)?)));
        }
        if part == 0 {
            if self.open.get(&shard).is_none_or(|open| open.claim <= claim) {
                self.open.insert(shard, Open { claim, first: offset, next: 1, of, body: bytes.to_vec() });
            }
            return Ok(None);
        }
        let Some(open) = self.open.get_mut(&shard).filter(|open| open.claim == claim) else { return Ok(None) };
        if (part, of) != (open.next, open.of) {
            self.open.remove(&shard);
            return Ok(None);
        }
        open.body.extend_from_slice(bytes);
        open.next += 1;
        if open.next < of {
            return Ok(None);
        }
        let whole = self.open.remove(&shard).expect("it was there");
        Ok(Some((whole.first, decode(&whole.body)?)))
    }
}

fn read(record: &[u8]) -> Result<(Heading, &[u8]), PartError> {
    let (&version, rest) = record.split_first().ok_or(PartError::Short)?;
    if version != VERSION {
        return Err(PartError::Version(version));
    }
    let (sum, body) = rest.split_first_chunk::<8>().ok_or(PartError::Short)?;
    if xxh3_64(body) != u64::from_le_bytes(*sum) {
        return Err(PartError::Checksum);
    }
    Ok(postcard::take_from_bytes(body)?)
}

fn decode(body: &[u8]) -> Result<Block, PartError> {
    let block: Block = postcard::from_bytes(body)?;
    block.check()?;
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::super::block::tests::block;
    use super::*;

    fn block_of(claim: u64) -> Block {
        Block { claim, ..block() }
    }

    /// What comes of records, with offsets from 100.
    fn gathered<'a>(records: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<(i64, Block)> {
        let mut gathered = Gathered::default();
        let take = |(offset, record): (i64, &Vec<u8>)| gathered.take(offset, record).expect("sound");
        (100..).zip(records).filter_map(take).collect()
    }

    #[test]
    fn a_block_survives_the_trip_in_any_number_of_parts() {
        for most in [1, 7, 20, 1 << 20] {
            let records = records(&block(), most);
            assert_eq!(records.len() == 1, most == 1 << 20, "{most}");
            assert_eq!(gathered(&records), [(100, block())], "{most}");
        }
    }

    #[test]
    fn blocks_of_several_shards_come_interleaved() {
        let (ours, theirs) = (records(&block(), 9), records(&Block { shard: 4, ..block() }, 9));
        let interleaved = ours.iter().zip(&theirs).flat_map(|(our, their)| [our, their]);
        assert_eq!(gathered(interleaved), [(100, block()), (101, Block { shard: 4, ..block() })]);
    }

    #[test]
    fn a_block_with_a_part_missing_is_passed_over() {
        let (lost, next) = (records(&block_of(7), 9), records(&block_of(8), 9));
        assert!(lost.len() > 2);
        for missing in 0..lost.len() {
            let mut held = lost.clone();
            held.remove(missing);
            assert_eq!(gathered(&held), [], "{missing}");
            let before = i64::try_from(held.len()).expect("few");
            assert_eq!(gathered(held.iter().chain(&next)), [(100 + before, block_of(8))], "{missing}");
            assert_eq!(gathered(held.iter().chain(&lost)), [(100 + before, block_of(7))], "again, {missing}");
        }
    }

    #[test]
    fn parts_of_a_replaced_owner_do_not_disturb_its_successor() {
        let (old, new) = (records(&block_of(7), 9), records(&block_of(8), 9));
        let interleaved = new.iter().zip(&old).flat_map(|(new, old)| [new, old]);
        assert_eq!(gathered(interleaved), [(100, block_of(8))]);
        let small = records(&block_of(7), 1 << 20);
        let between = new[..1].iter().chain(&small).chain(&new[1..]);
        assert_eq!(gathered(between), [(101, block_of(7)), (100, block_of(8))]);
    }

    #[test]
    fn damage_is_noticed() {
        let good = records(&block(), 1 << 20).remove(0);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(Gathered::default().take(0, &bad).is_err(), "byte {at}");
            assert!(Gathered::default().take(0, &good[..at]).is_err(), "cut at {at}");
        }
    }
}
