//! A block of changed cells on the partials topic: the shard it is of, its owner's claim, the prefix of journal and
//! forwards that it reflects, the watermarks of that prefix, and the cells as absolute values. A cell is named once;
//! after that its number stands for it. A block from a claim that a later one has replaced is ignored.

use serde::{Deserialize, Serialize};

use super::cells::{Amount, Symbol, Values};
use crate::kpi::measures::Measure;
use crate::kpi::plan::Kept;
use crate::model::time::Millis;
use crate::model::window::Window;

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
#[error("a cell of a block of partials names a text that the block does not spell")]
pub struct Incoherent;

impl Block {
    /// Whether what it says of itself holds.
    pub fn check(&self) -> Result<(), Incoherent> {
        let known = self.texts.len();
        let spelled = |symbol: &Symbol| (symbol.0 as usize) <= known;
        let sound =
            |cell: &NamedCell| cell.values.len() == cell.measure.dims().len() && cell.values.iter().all(spelled);
        let holds = self.changed <= self.named.len() && self.named.iter().all(sound);
        if holds { Ok(()) } else { Err(Incoherent) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::window::WindowKind;

    pub(in crate::partials) fn block() -> Block {
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
    fn a_block_that_contradicts_itself_is_noticed() {
        assert_eq!(block().check(), Ok(()));
        assert_eq!(Block { changed: 2, ..block() }.check(), Err(Incoherent));
        assert_eq!(Block { texts: Vec::new(), ..block() }.check(), Err(Incoherent));
    }
}
