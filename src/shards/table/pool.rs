//! Byte strings of one length, side by side in pages. Any may go: the last one takes its place, so that there is no
//! hole, and a page that is empty is given back.

/// Of a page, whatever the length: allocators have it without a rest, and any pool can use what another gave back.
const PAGE_BYTES: usize = 1 << 16;

#[derive(Debug)]
pub struct Pool {
    size: usize,
    a_page: usize,
    pages: Vec<Vec<u8>>,
    len: usize,
}

impl Pool {
    #[must_use]
    pub const fn new(size: usize) -> Self {
        Self { size, a_page: PAGE_BYTES / size, pages: Vec::new(), len: 0 }
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
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
        let page = self.len / self.a_page;
        if page == self.pages.len() {
            self.pages.push(Vec::with_capacity(PAGE_BYTES));
        }
        self.pages[page].extend_from_slice(front);
        self.pages[page].extend_from_slice(back);
        self.len += 1;
        self.len - 1
    }

    /// Takes one away; the last one is in its slot then.
    pub fn swap_remove(&mut self, slot: usize) {
        self.len -= 1;
        let page = self.len / self.a_page;
        let from = self.len % self.a_page * self.size;
        if slot / self.a_page == page {
            let to = slot % self.a_page * self.size;
            self.pages[page].copy_within(from..from + self.size, to);
        } else {
            let (before, last) = self.pages.split_at_mut(page);
            let to = slot % self.a_page * self.size;
            before[slot / self.a_page][to..to + self.size].copy_from_slice(&last[0][from..]);
        }
        self.pages[page].truncate(from);
        // One empty page stays, for the next one that comes.
        self.pages.truncate(self.len.div_ceil(self.a_page) + 1);
    }

    pub fn pages(&self) -> impl Iterator<Item = &[u8]> {
        self.pages.iter().filter(|page| !page.is_empty()).map(Vec::as_slice)
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.len * self.size
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_last_one_takes_the_place_of_one_that_goes(steps in prop::collection::vec(any::<(bool, u8)>(), 0..60)) {
            // Three a page.
            let (mut pool, mut expected) = (Pool::new(20_000), Vec::<u8>::new());
            for (goes, n) in steps {
                if goes && !expected.is_empty() {
                    let slot = usize::from(n) % expected.len();
                    expected.swap_remove(slot);
                    pool.swap_remove(slot);
                } else {
                    // In one part, or in two.
                    let one = [n; 20_000];
                    let (front, back) = one.split_at(if n % 2 == 0 { 20_000 } else { 7 });
                    prop_assert_eq!(pool.push_parts(front, back), expected.len());
                    expected.push(n);
                }
                let kept: Vec<u8> = (0..pool.len()).map(|slot| pool.get(slot)[19_999]).collect();
                prop_assert_eq!(&kept, &expected);
                let pages: Vec<u8> = pool.pages().flat_map(|page| page.chunks(20_000)).map(|one| one[0]).collect();
                prop_assert_eq!(&pages, &expected);
                prop_assert!(pool.pages.len() <= expected.len().div_ceil(3) + 1);
            }
        }
    }
}
