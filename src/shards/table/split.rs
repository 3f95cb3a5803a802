//! Which part of a table's index a key is in: key → hash → split. The splits have shares of different size, so that they
//! do not all double at once, nor are all half empty at once.

use crate::model::entity::EntityKey;

/// The key is a hash already. Its upper half chose the shard.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is as good as all of it")]
pub const fn hash(key: EntityKey) -> u64 {
    key.0 as u64
}

pub const SPLITS: usize = 64;
const SHARES: usize = SPLITS * SPLITS + SPLITS * (SPLITS - 1) / 2;

/// The split of each share of the hashes: the last has nearly twice as many as the first, so that they do not all
/// double at once, nor are all half empty.
static SPLIT_OF: [u8; SHARES] = {
    let (mut of, mut at, mut split) = ([0; SHARES], 0, 0);
    while split < SPLITS {
        let until = at + SPLITS + split;
        while at < until {
            #[expect(clippy::cast_possible_truncation, reason = "less than 64")]
            let number = split as u8;
            of[at] = number;
            at += 1;
        }
        split += 1;
    }
    of
};

pub const fn split(hash: u64) -> usize {
    // The index itself uses the lowest bits and the eight highest.
    let share = ((hash >> 32 & 0xffff) as usize * SHARES) >> 16;
    SPLIT_OF[share] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_split_has_nearly_twice_as_much_as_the_first() {
        let mut sizes = [0; SPLITS];
        (0..1 << 16).for_each(|share| sizes[split(share << 32)] += 1);
        assert!(sizes.is_sorted_by(|a, b| *a <= b + 1), "{sizes:?}");
        assert!((1.9..2.0).contains(&(f64::from(sizes[SPLITS - 1]) / f64::from(sizes[0]))), "{sizes:?}");
    }
}
