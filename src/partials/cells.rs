//! Cells: the sum of a measure's facts in one bucket of time by dimensions. A cell is named by small numbers: its
//! values are symbols of the shard's own table of texts, which blocks spell out.

use std::hash::{Hash, Hasher};

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use crate::kpi::measures::Measure;
use crate::kpi::plan::Kept;
use crate::model::window::Window;

/// A text of a symbol table. `Symbol::ABSENT` stands for a dimension that was projected out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Symbol(pub u32);

impl Symbol {
    pub const ABSENT: Self = Self(0);
}

/// A cell's values in the order of `Measure::dims`.
pub type Values = ArrayVec<Symbol, 6>;

/// Additive measures: a `Day` bucket, besides it an `Hour` and a `Minute` one where such windows are configured.
/// Distinct measures: a bucket of each configured kind; `Rolling` starts name the day on which the count steps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CellKey {
    pub measure: Measure,
    /// By which dimensions it is: the others are absent.
    pub kept: Kept,
    pub bucket: Window,
    pub values: Values,
}

/// In few steps: every fact looks for its cells.
impl Hash for CellKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.measure, self.kept, self.bucket).hash(state);
        hash_values(&self.values, state);
    }
}

/// The values of a key, two at a time.
pub fn hash_values<H: Hasher>(values: &Values, state: &mut H) {
    for pair in values.chunks(2) {
        state.write_u64(pair.iter().fold(0, |both, symbol| both << 32 | u64::from(symbol.0)));
    }
}

/// A sum and how many facts are in it; a cell without facts is no cell. Cells are many: no byte is left between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[repr(C, packed(8))]
pub struct Amount {
    pub sum: i128,
    pub facts: i64,
}

impl Amount {
    pub const fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.facts += other.facts;
    }

    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self { sum: self.sum - other.sum, facts: self.facts - other.facts }
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.facts == 0 && self.sum == 0
    }
}
