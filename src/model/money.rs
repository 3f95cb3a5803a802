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

    /// A share of it in billionths, rounded half to even.
    #[must_use]
    pub fn share(self, billionths: u32) -> Self {
        const WHOLE: i128 = 1_000_000_000;
        let product = i128::from(self.0) * i128::from(billionths);
        let (floor, rest) = (product.div_euclid(WHOLE), product.rem_euclid(WHOLE) * 2);
        let up = rest > WHOLE || (rest == WHOLE && floor % 2 != 0);
        Self(i64::try_from(floor + i128::from(up)).expect("a share of at most the amount"))
    }
}

impl Credit {
    pub const WHOLE: i64 = 1_000_000_000;
}
