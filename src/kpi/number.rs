//! A published number: an exact decimal while it is a sum of counts, credit or money, floating point from the first
//! division or product on. Nothing here is ever infinite or not a number.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::measures::Scale;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// `units` of 10^−`decimals`.
    Exact {
        units: i128,
        decimals: u8,
    },
    Real(f64),
}

impl Scale {
    /// What a sum of so many units is.
    #[must_use]
    pub fn to_f64(self, units: i64) -> f64 {
        Number::of(i128::from(units), self).to_f64()
    }
}

impl Number {
    #[must_use]
    pub const fn of(sum: i128, scale: Scale) -> Self {
        let decimals = match scale {
            Scale::Count => 0,
            Scale::Credit => 9,
            Scale::Money => 6,
            Scale::Seconds => 3,
            Scale::Share => 12,
        };
        Self::Exact { units: sum, decimals }
    }

    /// As it is printed: exact where the digits are no more than a sum has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let decimals = u8::try_from(part.len()).ok().filter(|decimals| *decimals <= 9);
        let units = decimals.and_then(|_| format!("{whole}{part}").parse().ok());
        match (units, decimals) {
            (Some(units), Some(decimals)) => Some(Self::Exact { units, decimals }),
            _ => Self::real(text.parse().ok()?),
        }
    }

    /// None for what has no value.
    #[must_use]
    pub fn real(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Real(value))
    }

    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Exact { units, decimals } => units as f64 / 10f64.powi(i32::from(decimals)),
            Self::Real(value) => value,
        }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Exact { units: a, decimals }, Self::Exact { units: b, decimals: same }) if decimals == same => {
                a.checked_add(b).map(|units| Self::Exact { units, decimals })
            }
            _ => Self::real(self.to_f64() + other.to_f64()),
        }
    }

    #[must_use]
    pub fn negative(self) -> Self {
        match self {
            Self::Exact { units, decimals } => Self::Exact { units: -units, decimals },
            Self::Real(value) => Self::Real(-value),
        }
    }

    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        Self::real(self.to_f64() * other.to_f64())
    }

    /// None when the divisor is zero.
    #[must_use]
    pub fn over(self, other: Self) -> Option<Self> {
        let divisor = other.to_f64();
        if divisor == 0.0 { None } else { Self::real(self.to_f64() / divisor) }
    }

    #[must_use]
    pub fn order(self, other: Self) -> Ordering {
        self.to_f64().total_cmp(&other.to_f64())
    }
}

/// Decimal digits that a JSON reader takes as they are.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Real(value) => write!(f, "{}", if value == 0.0 { 0.0 } else { value }),
            Self::Exact { units, decimals } => {
                let one = 10u128.pow(u32::from(decimals));
                let (whole, rest) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
                let sign = if units < 0 { "-" } else { "" };
                if rest == 0 {
                    return write!(f, "{sign}{whole}");
                }
                let digits = format!("{rest:0width$}", width = usize::from(decimals));
                write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
            }
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Real(value) => to.serialize_f64(*value),
            Self::Exact { .. } => {
                RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(to)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_print_without_a_float_between() {
        let printed = |units, scale| Number::of(units, scale).to_string();
        assert_eq!(printed(3, Scale::Count), "3");
        assert_eq!(printed(230_769_231, Scale::Credit), "0.230769231");
        assert_eq!(printed(-1_500_000, Scale::Money), "-1.5");
        assert_eq!(printed(9_007_199_254_740_993_000_001, Scale::Money), "9007199254740993.000001");
        let json = serde_json::to_string(&Number::of(9_007_199_254_740_993_000_001, Scale::Money)).expect("a number");
        assert_eq!(json, "9007199254740993.000001");
    }

    #[test]
    fn nothing_divides_by_zero() {
        let (one, none) = (Number::of(1, Scale::Count), Number::of(0, Scale::Money));
        assert_eq!(one.over(none), None);
        assert_eq!(none.over(one), Some(Number::Real(0.0)));
        assert_eq!(Number::Real(f64::MAX).times(Number::Real(10.0)), None);
    }
}
