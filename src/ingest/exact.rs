//! Numbers as written: decimal text in, fixed-point integers out, without a float between. Money is converted with
//! the exact rate and rounded half to even once; what does not fit is none.

use rust_decimal::Decimal;

use crate::model::money::Micros;

/// digits × 10^−scale. At most 38 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    digits: i128,
    scale: i32,
}

impl Exact {
    /// Sign, digits, fraction, exponent, as JSON writes numbers; a leading `+` and leading zeros are let through.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i16>().ok()?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.as_bytes().first()? {
            b'-' => (true, &mantissa[1..]),
            b'+' => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        if whole.is_empty() {
            return None;
        }
        // Zeros at the end say nothing, and could make a small number look too long.
        let fraction = fraction.trim_end_matches('0');
        let mut digits: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            digits = digits.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
        }
        let scale = i32::try_from(fraction.len()).ok()? - i32::from(exponent);
        Some(Self { digits: if negative { -digits } else { digits }, scale })
    }

    /// An unscaled integer and its scale, as Avro's decimal has them.
    #[must_use]
    pub const fn from_parts(digits: i128, scale: u8) -> Self {
        Self { digits, scale: scale as i32 }
    }

    /// The product with a rate, in millionths, rounded half to even.
    #[must_use]
    pub fn in_reporting(self, rate: Decimal) -> Option<Micros> {
        let rate = rate.normalize();
        let product = Self {
            digits: self.digits.checked_mul(rate.mantissa())?,
            scale: self.scale + i32::try_from(rate.scale()).ok()?,
        };
        product.rounded(6).map(Micros)
    }

    /// A probability in billionths; none outside 0 to 1.
    #[must_use]
    pub fn billionths(self) -> Option<u32> {
        if self.digits < 0 || !self.at_most_one() {
            return None;
        }
        self.rounded(9).and_then(|n| u32::try_from(n).ok())
    }

    fn at_most_one(self) -> bool {
        match u32::try_from(self.scale) {
            Ok(scale) => 10_i128.checked_pow(scale).is_none_or(|one| self.digits <= one),
            Err(_) => self.digits == 0,
        }
    }

    /// The nearest integer of 10^−places, half to even.
    fn rounded(self, places: i32) -> Option<i64> {
        if self.digits == 0 {
            return Some(0);
        }
        let shift = places - self.scale;
        if let Ok(up) = u32::try_from(shift) {
            return i64::try_from(self.digits.checked_mul(10_i128.checked_pow(up)?)?).ok();
        }
        let Some(divisor) = 10_i128.checked_pow(shift.unsigned_abs()) else {
            return Some(0); // fewer than 39 digits over more than 38 places: less than a half
        };
        let (quotient, rest) = (self.digits.div_euclid(divisor), self.digits.rem_euclid(divisor));
        let up = match rest.cmp(&(divisor - rest)) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => quotient & 1,
            std::cmp::Ordering::Greater => 1,
        };
        i64::try_from(quotient + up).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(amount: &str, rate: &str) -> Option<i64> {
        let rate = rate.parse().expect("a rate");
        Exact::parse(amount).and_then(|exact| exact.in_reporting(rate)).map(|micros| micros.0)
    }

    #[test]
    fn amounts_convert_exactly_and_round_half_to_even() {
        for (amount, rate, expected) in [
            ("393.23", "1", Some(393_230_000)),
            ("-12.5", "1.1", Some(-13_750_000)),
            ("0.0000005", "1", Some(0)),
            ("0.0000015", "1", Some(2)),
            ("-0.0000005", "1", Some(0)),
            ("-0.0000015", "1", Some(-2)),
            ("-0.0000025000000001", "1", Some(-3)),
            ("0.1", "0.14", Some(14_000)),
            ("1e3", "1", Some(1_000_000_000)),
            ("12.34E-2", "1", Some(123_400)),
            ("1.10000000000000000000000000000000000000000000000", "1", Some(1_100_000)),
            ("0e999", "1", Some(0)),
            ("1e-999", "1", Some(0)),
            ("9223372036854.775807", "1", Some(i64::MAX)),
            ("9223372036854.775808", "1", None),
            ("1e30", "1", None),
        ] {
            assert_eq!(converted(amount, rate), expected, "{amount} × {rate}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_none() {
        for text in ["", "-", ".5", "5.", "1,000", "1_000", " 1", "1e", "1e1.5", "0x1", "NaN", "∞", "1.-5", "--1"] {
            assert_eq!(Exact::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn probabilities_are_billionths_from_0_to_1() {
        let billionths = |text| Exact::parse(text).expect("a number").billionths();
        assert_eq!(billionths("0.7"), Some(700_000_000));
        assert_eq!(billionths("1.000"), Some(1_000_000_000));
        assert_eq!(billionths("0"), Some(0));
        assert_eq!(billionths("1e0"), Some(1_000_000_000));
        assert_eq!(billionths("0.12345678949999999999"), Some(123_456_789));
        assert_eq!(billionths("1.0000000001"), None);
        assert_eq!(billionths("-0.0000000001"), None);
        assert_eq!(billionths("1e1"), None);
        assert_eq!(billionths("1.5"), None);
    }
}
