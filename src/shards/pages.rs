//! A list that grows by pages: nothing is copied as it grows, and at most a page is kept free.

use std::ops::{Index, IndexMut};

const PAGE: usize = 1024;

#[derive(Debug)]
pub struct Pages<T>(Vec<Vec<T>>);

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Pages<T> {
    /// Adds an item; gives its place.
    pub fn push(&mut self, item: T) -> usize {
        if self.0.last().is_none_or(|page| page.len() == PAGE) {
            // The first page grows as it needs to: a list may be short.
            self.0.push(if self.0.is_empty() { Vec::new() } else { Vec::with_capacity(PAGE) });
        }
        let pages = self.0.len();
        let page = &mut self.0[pages - 1];
        page.push(item);
        (pages - 1) * PAGE + page.len() - 1
    }

    /// Takes the last one away.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.0.last_mut()?;
        let item = last.pop();
        if last.is_empty() {
            self.0.pop();
        }
        item
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * PAGE + last.len())
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    /// From a place on.
    pub fn from(&self, place: usize) -> impl Iterator<Item = &T> {
        self.0.iter().skip(place / PAGE).flatten().skip(place % PAGE)
    }

    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }
}

impl<T> Index<usize> for Pages<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        &self.0[place / PAGE][place % PAGE]
    }
}

impl<T> IndexMut<usize> for Pages<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.0[place / PAGE][place % PAGE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_the_same_over_pages() {
        let mut pages = Pages::default();
        assert!(pages.is_empty());
        for n in 0..3 * PAGE + 1 {
            assert_eq!(pages.push(n), n);
            assert_eq!(pages.len(), n + 1);
        }
        pages[PAGE] = 7;
        pages.all_mut().skip(PAGE + 1).for_each(|item| *item += 1);
        let items: Vec<usize> = pages.all().copied().collect();
        assert_eq!(pages.from(PAGE + 5).copied().collect::<Vec<usize>>(), items[PAGE + 5..]);
        assert_eq!(pages.from(4 * PAGE).count(), 0);
        assert_eq!((items[PAGE - 1], items[PAGE], items[3 * PAGE]), (PAGE - 1, 7, 3 * PAGE + 1));
    }
}
