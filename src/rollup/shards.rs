//! What each shard said last: its claim, watermarks and cells. Blocks with absolute values in, the differences to what
//! was known out. A block of a claim that another replaced changes nothing.

use hashbrown::HashMap;

use super::lanes::{LaneId, Lanes};
use crate::model::time::Millis;
use crate::model::window::{WindowKind, WindowStart};
use crate::partials::block::{Block, NamedCell};
use crate::partials::cells::Amount;

/// What a block changed of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    pub lane: LaneId,
    pub start: WindowStart,
    pub amount: Amount,
}

#[derive(Debug, Default)]
struct Shard {
    claim: Option<u64>,
    watermark: Option<Millis>,
    /// What is known of cells, by the numbers that the claim gave them. None: it was not named yet, or no row wants it (any
    /// more).
    slots: Vec<Option<Delta>>,
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

    /// None: the block is of a shard that is not, or of a claim that does not hold. `lane_of` says where a cell goes
    /// that is new, none if it is not to be kept.
    pub(super) fn apply(
        &mut self,
        block: &Block,
        mut lane_of: impl FnMut(&NamedCell) -> Option<LaneId>,
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
        let deltas = if follows { shard.follow(block, lane_of) } else { shard.begin(block, &mut lane_of) };
        shard.watermark = block.watermarks.iter().copied().min().flatten();
        self.advance();
        Some(deltas)
    }

    /// Cells of short windows that no row can quote any more.
    pub(super) fn forget(&mut self, kind: WindowKind, before: WindowStart, lanes: &Lanes) {
        for slot in self.shards.iter_mut().flat_map(|shard| &mut shard.slots) {
            slot.take_if(|cell| cell.start < before && lanes.get(cell.lane).kind == kind);
        }
    }

    fn advance(&mut self) {
        let least = self.shards.iter().map(|shard| shard.watermark).min().flatten();
        self.watermark = self.watermark.max(least);
    }
}

impl Shard {
    /// Another block of the claim. A whole one says nothing new of the cells that did not change. Numbers that were not
    /// named are of a block that did not arrive: its owner claims the shard anew, and says everything.
    fn follow(&mut self, block: &Block, mut lane_of: impl FnMut(&NamedCell) -> Option<LaneId>) -> Vec<Delta> {
        let mut deltas = Vec::with_capacity(block.changed + block.known.len());
        let named = block.named[..block.changed].iter().map(|cell| (cell.number, cell.amount, Some(cell)));
        let known = block.known.iter().map(|(number, amount)| (*number, *amount, None));
        for (number, amount, named) in named.chain(known) {
            match (self.slots.get_mut(number as usize), named) {
                (Some(Some(cell)), _) => {
                    deltas.push(Delta { amount: amount.minus(cell.amount), ..*cell });
                    cell.amount = amount;
                }
                (_, None) => {}
                (_, Some(named)) => deltas.extend(self.name(named, &mut lane_of)),
            }
        }
        deltas.retain(|delta| !delta.amount.is_empty());
        deltas
    }

    /// The first block of a claim: everything there is, with numbers of its own.
    fn begin(&mut self, block: &Block, lane_of: &mut impl FnMut(&NamedCell) -> Option<LaneId>) -> Vec<Delta> {
        let before = std::mem::take(&mut self.slots);
        self.slots.reserve(block.named.len());
        if before.is_empty() {
            let all = block.named.iter().filter_map(|named| self.name(named, lane_of));
            return all.filter(|cell| !cell.amount.is_empty()).collect();
        }
        let mut net: HashMap<(LaneId, WindowStart), Amount> = HashMap::with_capacity(block.named.len());
        for cell in before.into_iter().flatten() {
            let of_it = net.entry((cell.lane, cell.start)).or_default();
            *of_it = of_it.minus(cell.amount);
        }
        for named in &block.named {
            if let Some(cell) = self.name(named, lane_of) {
                net.entry((cell.lane, cell.start)).or_default().add(cell.amount);
            }
        }
        let changed = net.into_iter().filter(|(_, amount)| !amount.is_empty());
        changed.map(|((lane, start), amount)| Delta { lane, start, amount }).collect()
    }

    /// Keeps a new cell, if it is wanted.
    fn name(&mut self, cell: &NamedCell, lane_of: &mut impl FnMut(&NamedCell) -> Option<LaneId>) -> Option<Delta> {
        let kept = lane_of(cell).map(|lane| Delta { lane, start: cell.bucket.start, amount: cell.amount });
        let at = cell.number as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, None);
        }
        self.slots[at] = kept;
        kept
    }
}
