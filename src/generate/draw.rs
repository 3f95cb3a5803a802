//! Chance, reproducible on every platform: ChaCha in, integers out. Only integer arithmetic and exact float
//! comparisons, so that no library's logarithm can change a byte of a history.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

pub struct Draw(ChaCha8Rng);

impl Draw {
    /// One seed has many streams; drawing more from one leaves the others as they are.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// 0 to `n` − 1.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// `low` to `high`, both included; `low` when they cross.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(0) as u64 + 1;
        low + ((u128::from(self.0.next_u64()) * u128::from(width)) >> 64) as i64
    }

    /// Like `between`, with small values more likely: the square of a uniform draw.
    pub fn early(&mut self, low: i64, high: i64) -> i64 {
        let u = u64::from(self.0.next_u32());
        let squared = (u * u) >> 32;
        low + ((i128::from(high.saturating_sub(low).max(0)) * i128::from(squared)) >> 32) as i64
    }

    pub fn percent(&mut self, n: u32) -> bool {
        self.below(100) < n
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && f64::from(self.0.next_u32()) < probability * 4_294_967_296.0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u32) as usize]
    }

    /// The place of an entry, in proportion to the weights.
    pub fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u32 = weights.clone().sum();
        let mut left = self.below(total.max(1));
        for (place, weight) in weights.enumerate() {
            if left < weight {
                return place;
            }
            left -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_within_their_bounds_and_reach_them() {
        let mut draw = Draw::new(7, 0);
        let drawn: Vec<i64> = (0..2000).map(|_| draw.between(-3, 3)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-3), Some(&3)));
        assert!((0..2000).map(|_| draw.early(10, 20)).all(|n| (10..=20).contains(&n)));
        assert_eq!(draw.between(5, 4), 5);
        assert!(!draw.chance(0.0) && draw.chance(1.0));
    }

    #[test]
    fn weights_decide_how_often() {
        let mut draw = Draw::new(7, 1);
        let mut seen = [0_u32; 3];
        for _ in 0..4000 {
            seen[draw.weighted([1, 0, 3].into_iter())] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((850..1150).contains(&seen[0]), "{seen:?}");
    }
}
