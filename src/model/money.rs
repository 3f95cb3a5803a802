//! Money as a fixed-point integer of 10⁻⁶ of the reporting currency, and credit as one of 10⁻⁹. Both are summed
//! exactly; only ratios, at the very end, are floating point.

use serde::{Deserialize, Serialize};

/// An amount in millionths of the reporting currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// A share of one conversion, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Credit(pub i64);

impl Micros {
    pub const UNIT: i64 = 1_000_000;
}

impl Credit {
    pub const WHOLE: i64 = 1_000_000_000;
}
