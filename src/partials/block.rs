//! A block of changed cells on the partials topic: the shard it is of, its owner's claim, the prefix of journal and
//! forwards that it reflects, the watermarks of that prefix, and the cells as absolute values. A cell is named once;
//! after that its number stands for it. A block from a claim that a later one has replaced is ignored.
//!
//! layout: [version u8][xxh3 of the rest, u64 LE][postcard of `Block`]

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::cells::{Amount, Symbol, Values};
use crate::kpi::measures::Measure;
use crate::kpi::plan::Kept;
use crate::model::time::Millis;
use crate::model::window::Window;

const VERSION: u8 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub shard: u16,
    /// Taken by each owner of the shard, greater than all before it; announced by `takes_over`.
    pub claim: u64,
    pub takes_over: bool,
    /// All cells of the shard rather than the changed ones: what is not listed is gone.
    pub whole: bool,
    pub journal_offset: i64,
    pub forwards_offset: i64,
    /// By level: 0 visitors and deals, 1 leads, 2 accounts. None before every source has reported.
    pub watermarks: [Option<Millis>; 3],
    /// The Kafka timestamp of the earliest record that no block of the claim has reflected before.
    pub arrived: Option<Millis>,
    /// The texts that the cells' symbols stand for; symbol n is `texts[n − 1]`, 0 is absent.
    pub texts: Vec<String>,
    /// Cells that the claim has not named before; in a whole block, all.
    pub named: Vec<NamedCell>,
    /// So many of the named, from the first, changed since the claim's last block: who knows that one need not read the
    /// others.
    pub changed: usize,
    /// The other cells that changed, by the number that they were named with.
    pub known: Vec<(u32, Amount)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCell {
    /// Small, and the cell's own for as long as the claim holds.
    pub number: u32,
    pub measure: Measure,
    pub kept: Kept,
    pub bucket: Window,
    pub values: Values,
    pub amount: Amount,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BlockError {
    #[error("a partials block of version {0}, which this build does not read")]
    Version(u8),
    #[error("a partials block is cut short")]
    Short,
    #[error("a partials block does not match its checksum")]
    Checksum,
    #[error("a partials block does not decode: {0}")]
    Layout(String),
}

impl Block {
    /// Its bytes, as `decode` reads them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; 9];
        bytes[0] = VERSION;
        let mut bytes = postcard::to_extend(self, bytes).expect("plain data of known types always encodes");
        let sum = xxh3_64(&bytes[9..]);
        bytes[1..9].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        let (&version, rest) = bytes.split_first().ok_or(BlockError::Short)?;
        if version != VERSION {
            return Err(BlockError::Version(version));
        }
        let (sum, body) = rest.split_first_chunk::<8>().ok_or(BlockError::Short)?;
        if xxh3_64(body) != u64::from_le_bytes(*sum) {
            return Err(BlockError::Checksum);
        }
        let block: Self = postcard::from_bytes(body).map_err(|e| BlockError::Layout(e.to_string()))?;
        let known = block.texts.len();
        let spelled = |symbol: &Symbol| (symbol.0 as usize) <= known;
        if block
            .named
            .iter()
            .all(|cell| cell.values.len() == cell.measure.dims().len() && cell.values.iter().all(spelled))
            && block.changed <= block.named.len()
        {
            Ok(block)
        } else {
            Err(BlockError::Layout("a cell names a text that the block does not spell".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::window::WindowKind;

    fn block() -> Block {
        Block {
            shard: 3,
            claim: 7,
            takes_over: false,
            whole: false,
            journal_offset: 10,
            forwards_offset: 20,
            watermarks: [Some(Millis(5)), Some(Millis(4)), None],
            arrived: Some(Millis(9)),
            texts: vec!["email".to_owned()],
            named: vec![NamedCell {
                number: 5,
                measure: Measure::VisitorsByChannel,
                kept: Kept(1),
                bucket: Window { kind: WindowKind::Rolling(30), start: 20_000 },
                values: [Symbol(1)].into_iter().collect(),
                amount: Amount { sum: -1, facts: 1 },
            }],
            changed: 1,
            known: vec![(3, Amount { sum: 7, facts: 2 })],
        }
    }

    #[test]
    fn a_block_survives_the_trip() {
        assert_eq!(Block::decode(&block().encode()), Ok(block()));
    }

    #[test]
    fn damage_is_noticed() {
        let good = block().encode();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(Block::decode(&bad).is_err(), "byte {at}");
            assert!(Block::decode(&good[..at]).is_err(), "cut at {at}");
        }
    }
}
