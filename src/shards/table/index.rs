//! Where entities are, by the hash of their key: open addressing in one array, so that a look-up waits for memory once.
//! A word has eight bits of the hash beside the place, so that an entity is hardly ever looked at in vain.

use super::Place;

/// A word: the tag, never 0, and the place.
const WORD: usize = 5;
/// Words are read eight bytes at a time.
const REST: usize = 8 - WORD;
const SMALLEST: usize = 8;

#[derive(Debug, Default)]
pub struct Index {
    words: Vec<u8>,
    /// How many words there are, less one: all bits of a number.
    mask: usize,
    used: usize,
}

const fn tag(hash: u64) -> u64 {
    let tag = hash >> 56;
    if tag == 0 { 1 } else { tag }
}

impl Index {
    fn word(&self, at: usize) -> u64 {
        let bytes = &self.words[at * WORD..at * WORD + 8];
        u64::from_le_bytes(bytes.try_into().expect("eight bytes")) & ((1 << (8 * WORD)) - 1)
    }

    fn set(&mut self, at: usize, hash: u64, place: Place) {
        let word = u64::from(place.0) << 8 | tag(hash);
        self.words[at * WORD..][..WORD].copy_from_slice(&word.to_le_bytes()[..WORD]);
    }

    #[expect(clippy::cast_possible_truncation, reason = "the mask keeps fewer bits than that")]
    const fn home(&self, hash: u64) -> usize {
        hash as usize & self.mask
    }

    /// Asks memory for the words that a look-up will want.
    pub fn warm(&self, hash: u64) {
        if !self.words.is_empty() {
            std::hint::black_box(self.words[self.home(hash) * WORD]);
        }
    }

    /// The place that a look-up would try first.
    pub fn first(&self, hash: u64) -> Option<Place> {
        self.at(hash, |_| true).map(|(_, place)| place)
    }

    pub fn find(&self, hash: u64, is: impl FnMut(Place) -> bool) -> Option<Place> {
        self.at(hash, is).map(|(_, place)| place)
    }

    fn at(&self, hash: u64, mut is: impl FnMut(Place) -> bool) -> Option<(usize, Place)> {
        if self.words.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            let word = self.word(at);
            if word == 0 {
                return None;
            }
            #[expect(clippy::cast_possible_truncation, reason = "a word of five bytes less one")]
            let place = Place((word >> 8) as u32);
            if word & 0xff == tag(hash) && is(place) {
                return Some((at, place));
            }
            at = (at + 1) & self.mask;
        }
    }

    /// What was at one place is at another.
    pub fn moved(&mut self, hash: u64, from: Place, to: Place) {
        let (at, _) = self.at(hash, |place| place == from).expect("what is stored is in the index");
        self.set(at, hash, to);
    }

    /// Adds a place that is not there yet. `hash_of` tells the hash of a place that is.
    pub fn insert(&mut self, hash: u64, place: Place, hash_of: impl Fn(Place) -> u64) {
        // At most 13 of 16 words are used: beyond that, look-ups in vain become long.
        if self.words.is_empty() || (self.used + 1) * 16 > (self.mask + 1) * 13 {
            self.grow(hash_of);
        }
        self.put(hash, place);
        self.used += 1;
    }

    /// Takes a place out. `hash_of` tells the hash of each that stays.
    pub fn remove(&mut self, hash: u64, place: Place, hash_of: impl Fn(Place) -> u64) {
        let (out, _) = self.at(hash, |found| found == place).expect("what is stored is in the index");
        self.clear(out);
        self.used -= 1;
        // What follows without a gap may have been put there because this one was in its way.
        let mut at = (out + 1) & self.mask;
        while let Some(next) = self.place(at) {
            self.clear(at);
            self.put(hash_of(next), next);
            at = (at + 1) & self.mask;
        }
    }

    fn clear(&mut self, at: usize) {
        self.words[at * WORD..][..WORD].fill(0);
    }

    fn place(&self, at: usize) -> Option<Place> {
        let word = self.word(at);
        #[expect(clippy::cast_possible_truncation, reason = "a word of five bytes less one")]
        let place = Place((word >> 8) as u32);
        (word != 0).then_some(place)
    }

    fn put(&mut self, hash: u64, place: Place) {
        let mut at = self.home(hash);
        while self.word(at) != 0 {
            at = (at + 1) & self.mask;
        }
        self.set(at, hash, place);
    }

    fn grow(&mut self, hash_of: impl Fn(Place) -> u64) {
        let count = if self.words.is_empty() { SMALLEST } else { 2 * (self.mask + 1) };
        let former =
            std::mem::replace(self, Self { words: vec![0; count * WORD + REST], mask: count - 1, used: self.used });
        for at in 0..former.words.len() / WORD {
            if let Some(place) = former.place(at) {
                self.put(hash_of(place), place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few hashes, so that many share a home, or a tag, or both.
        #[test]
        fn every_place_is_found(steps in prop::collection::vec((0..9_u64, 0..4_u64, 0..4_u8), 0..300)) {
            let (mut index, mut expected) = (Index::default(), BTreeMap::new());
            for (n, (home, tag, how)) in steps.into_iter().enumerate() {
                let (hash, place) = (tag << 56 | home, Place(u32::try_from(n).unwrap()));
                let known = expected.iter().find(|(_, known)| **known == hash).map(|(place, _)| Place(*place));
                if let Some(from) = known.filter(|_| how == 0) {
                    index.remove(hash, from, |place| expected[&place.0]);
                    expected.remove(&from.0);
                    continue;
                }
                if let Some(from) = known.filter(|_| how == 1) {
                    index.moved(hash, from, place);
                    expected.remove(&from.0);
                } else {
                    index.insert(hash, place, |place| expected[&place.0]);
                }
                expected.insert(place.0, hash);
                prop_assert_eq!(index.find(hash, |found| found == place), Some(place));
            }
            for (place, hash) in &expected {
                prop_assert_eq!(index.find(*hash, |found| found.0 == *place), Some(Place(*place)));
                prop_assert!(index.first(*hash).is_some());
            }
            for hash in (0..9).flat_map(|home| (0..4).map(move |tag: u64| tag << 56 | home)) {
                let found = index.find(hash, |place| expected[&place.0] == hash);
                prop_assert_eq!(found.is_some(), expected.values().any(|known| *known == hash));
            }
            prop_assert_eq!(index.used, expected.len());
        }
    }
}
