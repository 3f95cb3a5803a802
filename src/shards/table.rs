//! Entities by key: pages that never move, so that a table of millions grows without a stall, and an index of numbers.

use hashbrown::HashTable;

use crate::model::entity::EntityKey;

const PAGE: usize = 1024;

pub trait Keyed {
    fn key(&self) -> EntityKey;

    /// Reads of what the next event will look at, for no other reason than that it is read.
    fn warm(&self) {}
}

#[derive(Debug)]
pub struct Table<T> {
    pages: Vec<Vec<T>>,
    /// Split, so that no resize of one moves more than a share of the entities.
    index: Vec<HashTable<u32>>,
    len: usize,
}

const SPLITS: usize = 64;

impl<T: Keyed> Default for Table<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), index: (0..SPLITS).map(|_| HashTable::new()).collect(), len: 0 }
    }
}

/// The key is a hash already. Its upper half chose the shard.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is as good as all of it")]
const fn hash(key: EntityKey) -> u64 {
    key.0 as u64
}

const fn split(hash: u64) -> usize {
    // The index itself uses the lowest bits and the seven highest.
    (hash >> 48) as usize % SPLITS
}

impl<T: Keyed> Table<T> {
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn find(&self, key: EntityKey) -> Option<u32> {
        let hash = hash(key);
        self.index[split(hash)].find(hash, |&at| self.at(at).key() == key).copied()
    }

    fn at(&self, at: u32) -> &T {
        &self.pages[at as usize / PAGE][at as usize % PAGE]
    }

    /// Asks memory for an entity that is wanted soon. Nothing depends on what comes, so nothing waits for it.
    pub fn warm(&self, key: EntityKey) {
        if let Some(at) = self.find(key) {
            self.at(at).warm();
        }
    }

    #[must_use]
    pub fn get(&self, key: EntityKey) -> Option<&T> {
        self.find(key).map(|at| self.at(at))
    }

    /// The entity, made when it is new.
    pub fn get_or_insert(&mut self, key: EntityKey, new: impl FnOnce() -> T) -> &mut T {
        let at = self.find(key).unwrap_or_else(|| self.push(key, new()));
        &mut self.pages[at as usize / PAGE][at as usize % PAGE]
    }

    fn push(&mut self, key: EntityKey, entity: T) -> u32 {
        debug_assert!(entity.key() == key);
        let at = u32::try_from(self.len).expect("fewer than 2^32 entities fit in memory");
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        self.pages[self.len / PAGE].push(entity);
        self.len += 1;
        let (pages, hashed) = (&self.pages, hash(key));
        self.index[split(hashed)]
            .insert_unique(hashed, at, |&n| hash(pages[n as usize / PAGE][n as usize % PAGE].key()));
        at
    }

    /// In the order of their first event.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }

    /// Adds an entity that is not there yet.
    pub fn insert(&mut self, entity: T) -> bool {
        let key = entity.key();
        if self.find(key).is_some() {
            return false;
        }
        self.push(key, entity);
        true
    }
}
