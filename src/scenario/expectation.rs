//! One expected row against what was found. Sums (counts, money, credit) must be exactly as expected; what a division or
//! a product has made must be so to the sixth decimal or digit, and quantiles within their sketches' error.

use serde::Serialize;

use super::written::NUMBERS;
use crate::kpi::number::Number;
use crate::rollup::row::{Row, RowId, Says};

/// Of what is computed in floating point, absolute below 1 and relative above.
const OF_FLOATS: f64 = 1e-6;
/// Of quantiles, relative.
const OF_SKETCHES: f64 = 0.01;

#[derive(Debug)]
pub struct Expectation {
    /// Where it is in the file.
    pub line: usize,
    pub id: RowId,
    /// None: there must be no such row.
    pub says: Option<Expected>,
}

/// What of a row is expected; the rest may be as it is.
#[derive(Debug)]
pub struct Expected {
    /// By the place in `NUMBERS`; a number that is none must not be defined.
    pub numbers: [Option<Option<Number>>; NUMBERS.len()],
    pub last: Option<bool>,
    pub tolerance: Tolerance,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    OfItsKind,
    OfQuantiles,
    Within(f64),
}

/// A column of a row that is not as expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub column: &'static str,
    pub expected: String,
    pub found: String,
}

impl Expected {
    pub fn says_something(&self) -> bool {
        self.last.is_some() || self.numbers.iter().any(Option::is_some)
    }

    pub fn differences(&self, row: &Row) -> Vec<Difference> {
        let shown = |number: Option<Number>| number.map_or_else(|| "null".to_owned(), |number| number.to_string());
        let found = numbers(&row.says);
        let numbers = NUMBERS.iter().zip(self.numbers).zip(found).filter_map(|((column, wanted), found)| {
            let wanted = wanted?;
            (!self.tolerance.takes(wanted, found)).then(|| Difference {
                column,
                expected: shown(wanted),
                found: shown(found),
            })
        });
        let last = self.last.filter(|last| *last != row.says.last).map(|last| Difference {
            column: "final",
            expected: last.to_string(),
            found: row.says.last.to_string(),
        });
        numbers.chain(last).collect()
    }
}

/// In the order of `NUMBERS`.
fn numbers(says: &Says) -> [Option<Number>; NUMBERS.len()] {
    let real = |number: Option<f64>| number.and_then(Number::real);
    [
        says.value,
        says.numerator,
        says.denominator,
        real(says.low),
        real(says.high),
        says.previous,
        real(says.change),
        says.benchmark,
    ]
}

impl Tolerance {
    fn takes(self, expected: Option<Number>, found: Option<Number>) -> bool {
        let (Some(expected), Some(found)) = (expected, found) else {
            return expected.is_none() && found.is_none();
        };
        let (wanted, distance) = (expected.to_f64(), (expected.to_f64() - found.to_f64()).abs());
        match (self, found) {
            (Self::Within(tolerance), _) => distance <= tolerance,
            (Self::OfQuantiles, _) => distance <= OF_SKETCHES * wanted.abs(),
            (Self::OfItsKind, Number::Real(_)) => distance <= OF_FLOATS * wanted.abs().max(1.0),
            // Both print all their digits and no zero at the end.
            (Self::OfItsKind, Number::Exact { .. }) => expected.to_string() == found.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<Number> {
        Some(Number::parse(text).expect("a number"))
    }

    #[test]
    fn sums_are_exact_and_quotients_nearly() {
        let third = Some(Number::Real(1.0 / 3.0));
        let credit = Some(Number::Exact { units: 333_333_333, decimals: 9 });
        for (tolerance, expected, found, holds) in [
            (Tolerance::OfItsKind, number("0.333333333"), credit, true),
            (Tolerance::OfItsKind, number("0.333333"), credit, false),
            (Tolerance::OfItsKind, number("2"), Some(Number::Exact { units: 2_000_000, decimals: 6 }), true),
            (Tolerance::OfItsKind, number("2.000001"), Some(Number::Exact { units: 2_000_000, decimals: 6 }), false),
            (Tolerance::OfItsKind, number("0.333333"), third, true),
            (Tolerance::OfItsKind, number("0.3333"), third, false),
            (Tolerance::OfItsKind, number("1234567.5"), Some(Number::Real(1_234_568.0)), true),
            (Tolerance::Within(0.001), number("0.333"), third, true),
            (Tolerance::OfQuantiles, number("3600"), Some(Number::Real(3570.0)), true),
            (Tolerance::OfQuantiles, number("3600"), Some(Number::Real(3500.0)), false),
            (Tolerance::OfItsKind, None, None, true),
            (Tolerance::OfItsKind, None, number("0"), false),
            (Tolerance::Within(9.0), number("0"), None, false),
        ] {
            assert_eq!(tolerance.takes(expected, found), holds, "{tolerance:?} {expected:?} {found:?}");
        }
    }
}
