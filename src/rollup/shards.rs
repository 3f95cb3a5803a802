//! What each shard said last: its claim, watermarks and cells. Blocks with absolute values in, the differences to what
//! was known out. A block of a claim that another replaced changes nothing.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use smallvec::SmallVec;

use super::texts::Texts;
use crate::model::time::Millis;
use crate::model::window::WindowKind;
use crate::partials::block::Block;
use crate::partials::cells::{Amount, CellKey, Symbol, Values};

/// What a block changed of one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    pub cell: CellKey,
    pub amount: Amount,
}

#[derive(Debug, Default)]
struct Shard {
    claim: Option<u64>,
    watermark: Option<Millis>,
    cells: HashMap<CellKey, Amount>,
}

#[derive(Debug)]
pub(super) struct Shards {
    shards: Vec<Shard>,
    /// Never goes back.
    watermark: Option<Millis>,
}

impl Shards {
    pub(super) fn new(partitions: u16) -> Self {
        Self { shards: (0..partitions).map(|_| Shard::default()).collect(), watermark: None }
    }

    /// The least watermark over all levels of all shards, once each has said one.
    pub(super) const fn watermark(&self) -> Option<Millis> {
        self.watermark
    }

    /// None: the block is of a shard that is not, or of a claim that does not hold. `wanted` says which cells to keep.
    pub(super) fn apply(
        &mut self,
        block: &Block,
        texts: &mut Texts,
        wanted: impl Fn(&CellKey) -> bool,
    ) -> Option<Vec<Delta>> {
        let shard = self.shards.get_mut(usize::from(block.shard))?;
        // A block that is whole says everything there is, so it can begin what nothing is known of yet. Claims grow: one
        // that a later claim has replaced may still have a block on its way, its first one too.
        let is_newer = shard.claim.is_none_or(|claim| claim < block.claim);
        let follows = shard.claim == Some(block.claim);
        if is_newer && (block.takes_over || (shard.claim.is_none() && block.whole)) {
            shard.claim = Some(block.claim);
        }
        if shard.claim != Some(block.claim) {
            return None;
        }
        let symbols: Vec<Symbol> = block.texts.iter().map(|text| texts.symbol(text)).collect();
        let spelled = |symbol: &Symbol| {
            (symbol.0 as usize).checked_sub(1).and_then(|at| symbols.get(at)).copied().unwrap_or(Symbol::ABSENT)
        };
        // A whole block says nothing new of the other cells to who has followed its claim.
        let whole = block.whole && !follows;
        let cells = if whole { &*block.cells } else { &block.cells[..block.changed] };
        let mut former = if whole { std::mem::take(&mut shard.cells) } else { HashMap::new() };
        if whole {
            shard.cells.reserve(cells.len());
        }
        let mut deltas = Vec::with_capacity(cells.len());
        for cell in cells {
            let values: Values = cell.values.iter().map(spelled).collect();
            let key = CellKey { measure: cell.measure, kept: cell.kept, bucket: cell.bucket, values };
            if wanted(&key) {
                let before = if whole { former.remove(&key) } else { None };
                deltas.extend(shard.set(key, cell.amount, before.unwrap_or_default()));
            }
        }
        deltas.extend(former.into_iter().map(|(cell, was)| Delta { cell, amount: Amount::default().minus(was) }));
        shard.watermark = block.watermarks.iter().copied().min().flatten();
        self.advance();
        Some(deltas)
    }

    /// Cells of short windows that no row can quote any more.
    pub(super) fn forget(&mut self, kind: WindowKind, before: i32) {
        for shard in &mut self.shards {
            shard.cells.retain(|key, _| key.bucket.kind != kind || key.bucket.start >= before);
        }
    }

    fn advance(&mut self) {
        let least = self.shards.iter().map(|shard| shard.watermark).min().flatten();
        self.watermark = self.watermark.max(least);
    }
}

impl Shard {
    /// What becomes of a cell, and the difference; `before` adds to what the cells hold of it.
    fn set(&mut self, key: CellKey, amount: Amount, mut before: Amount) -> Option<Delta> {
        let kept = self.cells.entry(key);
        let cell = kept.key().clone();
        match kept {
            Entry::Occupied(mut known) => {
                before.add(*known.get());
                if amount.is_empty() {
                    known.remove();
                } else {
                    known.insert(amount);
                }
            }
            Entry::Vacant(free) => {
                if !amount.is_empty() {
                    free.insert(amount);
                }
            }
        }
        let difference = amount.minus(before);
        (!difference.is_empty()).then_some(Delta { cell, amount: difference })
    }
}

/// A row's or series' values.
pub(super) type Key = SmallVec<[Symbol; 4]>;
