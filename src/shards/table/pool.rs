//! Byte strings of one length, side by side in pages. One that goes leaves a hole for the next that comes; when there
//! are too many, the last ones move into them, and pages that are empty are given back.

/// Of a page, whatever the length: allocators have it without a rest, and any pool can use what another gave back.
const PAGE_BYTES: usize = 1 << 16;
/// Holes at most: so many, and one in so many.
const HOLES: usize = 64;

#[derive(Debug)]
pub struct Pool {
    size: usize,
    a_page: usize,
    pages: Vec<Vec<u8>>,
    /// Those in use and the holes among them.
    slots: usize,
    /// The newest last: it is the one that caches still have.
    holes: Vec<u32>,
}

impl Pool {
    #[must_use]
    pub const fn new(size: usize) -> Self {
        Self { size, a_page: PAGE_BYTES / size, pages: Vec::new(), slots: 0, holes: Vec::new() }
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots - self.holes.len()
    }

    #[must_use]
    pub fn get(&self, slot: usize) -> &[u8] {
        &self.pages[slot / self.a_page][slot % self.a_page * self.size..][..self.size]
    }

    pub fn get_mut(&mut self, slot: usize) -> &mut [u8] {
        &mut self.pages[slot / self.a_page][slot % self.a_page * self.size..][..self.size]
    }

    /// The slot that it has now.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        self.push_parts(bytes, &[])
    }

    /// The same for one in two parts.
    pub fn push_parts(&mut self, front: &[u8], back: &[u8]) -> usize {
        debug_assert_eq!(front.len() + back.len(), self.size, "all have one length");
        if let Some(hole) = self.holes.pop() {
            let (to_front, to_back) = self.get_mut(hole as usize).split_at_mut(front.len());
            to_front.copy_from_slice(front);
            to_back.copy_from_slice(back);
            return hole as usize;
        }
        let page = self.slots / self.a_page;
        if page == self.pages.len() {
            self.pages.push(Vec::with_capacity(PAGE_BYTES));
        }
        self.pages[page].extend_from_slice(front);
        self.pages[page].extend_from_slice(back);
        self.slots += 1;
        self.slots - 1
    }

    /// Takes one away. True when there are too many holes.
    pub fn remove(&mut self, slot: usize) -> bool {
        self.holes.push(u32::try_from(slot).expect("fewer than 2^32 fit in memory"));
        self.holes.len() > HOLES + self.slots / HOLES
    }

    /// Fills all holes with the last ones; says what moved, from where, to where.
    pub fn close(&mut self) -> Vec<(usize, usize)> {
        let mut holes = std::mem::take(&mut self.holes);
        holes.sort_unstable();
        let (mut first, mut moves) = (0, Vec::new());
        while first < holes.len() {
            self.slots -= 1;
            if holes.last().is_some_and(|last| *last as usize == self.slots) {
                holes.pop();
                continue;
            }
            let hole = holes[first] as usize;
            first += 1;
            self.copy(self.slots, hole);
            moves.push((self.slots, hole));
        }
        // One empty page stays, for the next one that comes.
        self.pages.truncate(self.slots.div_ceil(self.a_page) + 1);
        for (at, page) in self.pages.iter_mut().enumerate().skip(self.slots / self.a_page) {
            page.truncate(self.slots.saturating_sub(at * self.a_page) * self.size);
        }
        moves
    }

    fn copy(&mut self, from: usize, to: usize) {
        let (from_page, from) = (from / self.a_page, from % self.a_page * self.size);
        let (to_page, to) = (to / self.a_page, to % self.a_page * self.size);
        if from_page == to_page {
            self.pages[to_page].copy_within(from..from + self.size, to);
        } else {
            let (before, after) = self.pages.split_at_mut(from_page);
            before[to_page][to..to + self.size].copy_from_slice(&after[0][from..from + self.size]);
        }
    }

    /// All there are, those side by side together.
    pub fn runs(&self) -> impl Iterator<Item = &[u8]> {
        let mut holes: Vec<usize> = self.holes.iter().map(|hole| *hole as usize).collect();
        holes.sort_unstable();
        holes.push(self.slots);
        let mut from = 0;
        holes.into_iter().flat_map(move |hole| {
            let begin = std::mem::replace(&mut from, hole + 1);
            self.between(begin, hole)
        })
    }

    fn between(&self, from: usize, to: usize) -> impl Iterator<Item = &[u8]> {
        let pages = if from < to { from / self.a_page..to.div_ceil(self.a_page) } else { 0..0 };
        pages.map(move |page| {
            let first = page * self.a_page;
            let (begin, end) = (from.max(first) - first, to.min(first + self.a_page) - first);
            &self.pages[page][begin * self.size..end * self.size]
        })
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.slots * self.size
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_in_it_is_found_whatever_goes(steps in prop::collection::vec((0..10_u8, any::<u8>()), 0..400)) {
            // Three a page.
            let (mut pool, mut expected) = (Pool::new(20_000), BTreeMap::<usize, u8>::new());
            for (what, n) in steps {
                if what < 4 && !expected.is_empty() {
                    let slot = *expected.keys().nth(usize::from(n) % expected.len()).unwrap();
                    expected.remove(&slot);
                    prop_assert_eq!(pool.remove(slot), pool.holes.len() > HOLES + pool.slots / HOLES);
                } else if what == 4 {
                    for (from, to) in pool.close() {
                        let one = expected.remove(&from);
                        prop_assert!(one.is_some_and(|one| expected.insert(to, one).is_none()));
                    }
                    prop_assert!(expected.keys().copied().eq(0..expected.len()));
                    prop_assert!(pool.pages.len() <= expected.len().div_ceil(3) + 1);
                } else {
                    // In one part, or in two.
                    let one = [n; 20_000];
                    let (front, back) = one.split_at(if n % 2 == 0 { 20_000 } else { 7 });
                    prop_assert_eq!(expected.insert(pool.push_parts(front, back), n), None);
                }
                prop_assert_eq!(pool.len(), expected.len());
                let kept: BTreeMap<usize, u8> = expected.keys().map(|slot| (*slot, pool.get(*slot)[19_999])).collect();
                prop_assert_eq!(&kept, &expected);
                let runs: Vec<u8> = pool.runs().flat_map(|run| run.chunks(20_000)).map(|one| one[0]).collect();
                prop_assert_eq!(runs, expected.values().copied().collect::<Vec<_>>());
            }
        }
    }
}
