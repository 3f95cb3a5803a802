//! Spreads: how values are distributed, as counters that add up and can be taken back. A value counts in the bucket of a
//! DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees",
//! VLDB 2019); a quantile is the middle of the bucket that holds the value of its rank.

use sketches_ddsketch::Config;

/// Half of the relative error that is promised: rounding has its own share.
const ALPHA: f64 = 0.005;
/// The bucket of nothing.
const ZERO: &str = "0";

/// What a row with a `stat` says of a spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    Mean,
    Quantile(f64),
}

impl Stat {
    pub const ALL: [(&'static str, Self); 3] =
        [("mean", Self::Mean), ("p50", Self::Quantile(0.5)), ("p90", Self::Quantile(0.9))];
}

fn config() -> Config {
    Config::new(ALPHA, 4096, 1e-3)
}

/// The name of the bucket of a value that is not negative.
#[must_use]
pub fn bucket(value: f64) -> String {
    if value <= 0.0 { ZERO.to_owned() } else { format!("b{}", config().key(value)) }
}

/// The value that stands for a bucket; none for what is no bucket's name.
#[must_use]
pub fn value(bucket: &str) -> Option<f64> {
    match bucket.strip_prefix('b') {
        None => (bucket == ZERO).then_some(0.0),
        Some(key) => key.parse().ok().map(|key| config().value(key)),
    }
}

/// The rank of a quantile among so many values, from 1: the nearest.
#[must_use]
pub fn rank(quantile: f64, count: i128) -> i128 {
    ((quantile * count as f64).ceil() as i128).clamp(1, count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_again_to_within_a_hundredth() {
        assert_eq!(value(&bucket(0.0)), Some(0.0));
        let mut at = 0.001;
        while at < 1e9 {
            let found = value(&bucket(at)).expect("a bucket");
            assert!((found - at).abs() <= 0.01 * at, "{at} {found}");
            at *= 1.37;
        }
        assert_eq!(value("(other)"), None);
    }

    #[test]
    fn ranks_are_the_nearest() {
        let ranks = |quantile| [1, 2, 3, 10].map(|count| rank(quantile, count));
        assert_eq!((ranks(0.5), ranks(0.9)), ([1, 1, 2, 5], [1, 2, 3, 9]));
    }
}
