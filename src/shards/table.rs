//! Entities by key. Most are only a key and a few rows: these lie packed in pools, one for each number of rows, without
//! a pointer and with few holes; the others are whole, in pages that never move. An entity is unpacked while somebody
//! holds it.

use crate::model::entity::EntityKey;

mod held;
mod index;
mod pool;
mod split;

pub use held::Held;
use index::Index;
use pool::Pool;
use split::{SPLITS, hash, split};

use super::pages::Pages;

const CACHE_LINE: usize = 64;

/// The most rows of a packed entity. With more of them its head is small beside them, and copying them is not.
pub const MOST_PACKED: usize = 16;

/// What a table keeps. By itself a kind of entity is always kept whole.
pub trait Keyed {
    /// Bytes of a packed entity without its rows, the key in front; and of a packed row.
    const FIXED: usize = 16;
    const ROW: usize = 1;

    fn key(&self) -> EntityKey;

    /// Appends the packed entity, if it is one that can be: the key, what is fixed, the rows.
    fn pack(&self, _to: &mut Vec<u8>) -> bool {
        false
    }

    /// Becomes the packed entity.
    fn unpack(&mut self, _from: &[u8]) {}

    /// Gives back what it has reserved, because it is kept whole from now on.
    fn trim(&mut self) {}
}

/// Where an entity is: in the pool of its number of rows, or among the whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const SLOT_BITS: u32 = 27;
    /// Stands where the rows of a packed one do.
    const WHOLE: usize = MOST_PACKED + 1;

    fn new(rows: usize, slot: usize) -> Self {
        let slot = u32::try_from(slot).ok().filter(|slot| slot >> Self::SLOT_BITS == 0);
        let slot = slot.expect("fewer than 2^27 entities of a kind fit in the memory of a shard");
        Self(u32::try_from(rows).expect("at most 31") << Self::SLOT_BITS | slot)
    }

    const fn rows(self) -> usize {
        (self.0 >> Self::SLOT_BITS) as usize
    }

    const fn slot(self) -> usize {
        (self.0 & ((1 << Self::SLOT_BITS) - 1)) as usize
    }
}

#[derive(Debug)]
pub struct Table<T> {
    store: Store<T>,
    /// Split, so that no resize of one moves more than a share of the entities.
    index: Vec<Index>,
    len: usize,
    /// The entity that is held, and between times its room to use again.
    held: Option<T>,
    packed: Vec<u8>,
}

/// Where a packed entity was found: holds until the table changes.
#[derive(Debug)]
pub struct Spot {
    key: EntityKey,
    place: Place,
}

#[derive(Debug)]
struct Store<T> {
    whole: Pages<T>,
    /// By the number of rows.
    pools: Vec<Pool>,
}

impl<T: Keyed> Store<T> {
    fn key(&self, place: Place) -> EntityKey {
        if place.rows() == Place::WHOLE { self.whole(place).key() } else { key_of(self.packed(place)) }
    }

    fn packed(&self, place: Place) -> &[u8] {
        self.pools[place.rows()].get(place.slot())
    }

    fn whole(&self, place: Place) -> &T {
        &self.whole[place.slot()]
    }

    fn whole_mut(&mut self, place: Place) -> &mut T {
        &mut self.whole[place.slot()]
    }

    fn push_packed(&mut self, packed: &[u8]) -> Place {
        let rows = (packed.len() - T::FIXED) / T::ROW;
        Place::new(rows, self.pools[rows].push(packed))
    }

    /// Takes a whole entity away; the last one moves to its place: says from where.
    fn remove_whole(&mut self, place: Place) -> (Option<T>, Option<Place>) {
        let last = Place::new(Place::WHOLE, self.whole.len() - 1);
        let mut removed = self.whole.pop();
        let moved = (last != place).then_some(last);
        if let Some(last) = removed.as_mut().filter(|_| moved.is_some()) {
            std::mem::swap(last, self.whole_mut(place));
        }
        (removed, moved)
    }

    fn push_whole(&mut self, entity: T) -> Place {
        Place::new(Place::WHOLE, self.whole.push(entity))
    }
}

/// The key in front of a packed entity.
pub fn key_of(packed: &[u8]) -> EntityKey {
    EntityKey(u128::from_le_bytes(packed[..16].try_into().expect("16 bytes")))
}

impl<T: Keyed> Default for Table<T> {
    fn default() -> Self {
        let pools = (0..=MOST_PACKED).map(|rows| Pool::new(T::FIXED + rows * T::ROW)).collect();
        Self {
            store: Store { whole: Pages::default(), pools },
            index: (0..SPLITS).map(|_| Index::default()).collect(),
            len: 0,
            held: None,
            packed: Vec::new(),
        }
    }
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

    fn find(&self, key: EntityKey) -> Option<Place> {
        let hash = hash(key);
        self.index[split(hash)].find(hash, |place| self.store.key(place) == key)
    }

    /// Asks memory for the index of an entity that is wanted soon. Nothing depends on what comes, so nothing waits.
    pub fn warm_index(&self, key: EntityKey) {
        let hash = hash(key);
        self.index[split(hash)].warm(hash);
    }

    /// The same for the entity itself, once the index is there.
    pub fn warm(&self, key: EntityKey) {
        let hash = hash(key);
        if let Some(place) = self.index[split(hash)].first(hash).filter(|place| place.rows() != Place::WHOLE) {
            let packed = self.store.packed(place);
            let lines = packed.iter().step_by(CACHE_LINE).chain(packed.last());
            std::hint::black_box(lines.fold(0, |all, byte| all ^ byte));
        }
    }

    /// An entity that is packed and can have one more row, as it is stored.
    pub fn packed_one(&self, key: EntityKey) -> Option<(Spot, &[u8])> {
        let place = self.find(key).filter(|place| place.rows() < MOST_PACKED)?;
        Some((Spot { key, place }, self.store.packed(place)))
    }

    /// Adds a packed row behind those of a packed entity.
    pub fn push_row(&mut self, Spot { key, place }: Spot, row: &[u8]) {
        let rows = place.rows();
        let (before, after) = self.store.pools.split_at_mut(rows + 1);
        let to = Place::new(rows + 1, after[0].push_parts(before[rows].get(place.slot()), row));
        self.moved(key, place, to);
        self.vacate(place);
    }

    /// The entity, made when it is new. It is stored again when it is let go.
    pub fn get_or_insert(&mut self, key: EntityKey, new: impl FnOnce() -> T) -> Held<'_, T> {
        let place = self.find(key);
        match place {
            None => self.held = Some(new()),
            Some(place) if place.rows() == Place::WHOLE => {}
            Some(place) => self.held.get_or_insert_with(new).unpack(self.store.packed(place)),
        }
        Held { table: self, place }
    }

    /// Looks at an entity, if it is there.
    pub fn look<R>(&self, key: EntityKey, then: impl FnOnce(&T) -> R) -> Option<R>
    where
        T: Default,
    {
        let place = self.find(key)?;
        if place.rows() == Place::WHOLE {
            return Some(then(self.store.whole(place)));
        }
        let mut room = T::default();
        room.unpack(self.store.packed(place));
        Some(then(&room))
    }

    /// Stores the held entity, which was at a place or is new.
    fn put_back(&mut self, from: Option<Place>) {
        let Some(held) = &mut self.held else { return };
        let key = held.key();
        self.packed.clear();
        let fits = held.pack(&mut self.packed) && self.packed.len() <= T::FIXED + MOST_PACKED * T::ROW;
        let to = if fits {
            let rows = (self.packed.len() - T::FIXED) / T::ROW;
            if let Some(same) = from.filter(|from| from.rows() == rows) {
                self.store.pools[rows].get_mut(same.slot()).copy_from_slice(&self.packed);
                return;
            }
            self.store.push_packed(&self.packed)
        } else {
            held.trim();
            let Some(entity) = self.held.take() else { return };
            self.store.push_whole(entity)
        };
        match from {
            None => self.enter(key, to),
            Some(from) => {
                self.moved(key, from, to);
                self.vacate(from);
            }
        }
    }

    fn enter(&mut self, key: EntityKey, place: Place) {
        let (store, hashed) = (&self.store, hash(key));
        self.index[split(hashed)].insert(hashed, place, |place| hash(store.key(place)));
        self.len += 1;
    }

    fn moved(&mut self, key: EntityKey, from: Place, to: Place) {
        let hash = hash(key);
        self.index[split(hash)].moved(hash, from, to);
    }

    /// Gives the place of a packed entity back.
    fn vacate(&mut self, free: Place) {
        let rows = free.rows();
        if self.store.pools[rows].remove(free.slot()) {
            for (from, to) in self.store.pools[rows].close() {
                let to = Place::new(rows, to);
                let key = key_of(self.store.packed(to));
                self.moved(key, Place::new(rows, from), to);
            }
        }
    }

    /// The entities that are whole. The order is that of becoming so.
    pub fn whole(&self) -> impl Iterator<Item = &T> {
        self.store.whole.all()
    }

    /// The same from a place on.
    pub fn whole_from(&self, place: usize) -> impl Iterator<Item = &T> {
        self.store.whole.from(place)
    }

    /// The packed entities: runs of them, by the number of rows.
    pub fn packed(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = &[u8]>)> {
        self.store.pools.iter().map(Pool::runs).enumerate()
    }

    /// The rows of all entities, given those of a whole one.
    pub fn rows(&self, of_whole: impl Fn(&T) -> usize) -> usize {
        let packed: usize = self.store.pools.iter().enumerate().map(|(rows, pool)| rows * pool.len()).sum();
        packed + self.whole().map(of_whole).sum::<usize>()
    }

    /// What it takes, given what a whole entity has elsewhere.
    pub fn bytes(&self, of_whole: impl Fn(&T) -> usize) -> usize {
        let packed: usize = self.store.pools.iter().map(Pool::bytes).sum();
        packed + self.whole().map(|entity| size_of::<T>() + of_whole(entity)).sum::<usize>()
    }

    /// Takes an entity away.
    pub fn remove(&mut self, key: EntityKey) -> Option<T>
    where
        T: Default,
    {
        let place = self.find(key)?;
        let (store, hashed) = (&self.store, hash(key));
        self.index[split(hashed)].remove(hashed, place, |place| hash(store.key(place)));
        self.len -= 1;
        if place.rows() == Place::WHOLE {
            let (removed, moved) = self.store.remove_whole(place);
            if let Some(from) = moved {
                self.moved(self.store.whole(place).key(), from, place);
            }
            return removed;
        }
        let mut removed = T::default();
        removed.unpack(self.store.packed(place));
        self.vacate(place);
        Some(removed)
    }

    /// The keys of those of which something holds.
    pub fn keys_where(&self, holds: impl Fn(&T) -> bool) -> Vec<EntityKey>
    where
        T: Default,
    {
        let mut found: Vec<EntityKey> = self.whole().filter(|entity| holds(entity)).map(Keyed::key).collect();
        let mut room = T::default();
        for (rows, runs) in self.packed() {
            for packed in runs.flat_map(|run| run.chunks_exact(T::FIXED + rows * T::ROW)) {
                room.unpack(packed);
                found.extend(holds(&room).then(|| room.key()));
            }
        }
        found
    }

    /// Adds an entity that is not there yet.
    pub fn insert(&mut self, entity: T) -> bool {
        if self.find(entity.key()).is_some() {
            return false;
        }
        self.held = Some(entity);
        self.put_back(None);
        true
    }

    /// Adds packed entities of the same number of rows that are not there yet.
    pub fn insert_packed(&mut self, rows: usize, packed: &[u8]) -> bool {
        let size = T::FIXED + rows * T::ROW;
        if rows > MOST_PACKED || !packed.len().is_multiple_of(size) {
            return false;
        }
        packed.chunks_exact(size).all(|one| {
            let fresh = self.find(key_of(one)).is_none();
            if fresh {
                let place = self.store.push_packed(one);
                self.enter(key_of(one), place);
            }
            fresh
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Can be packed as long as all its rows are even.
    #[derive(Debug, Default)]
    struct Rows(EntityKey, Vec<u8>);

    impl Keyed for Rows {
        fn key(&self) -> EntityKey {
            self.0
        }
        fn pack(&self, to: &mut Vec<u8>) -> bool {
            to.extend_from_slice(&self.0.0.to_le_bytes());
            to.extend_from_slice(&self.1);
            self.1.iter().all(|row| row % 2 == 0)
        }
        fn unpack(&mut self, from: &[u8]) {
            *self = Self(key_of(from), from[16..].to_vec());
        }
    }

    fn contents(table: &Table<Rows>) -> BTreeMap<u128, Vec<u8>> {
        let whole = table.whole().map(|one| (one.0.0, one.1.clone()));
        let runs = table.packed().flat_map(|(rows, runs)| runs.map(move |run| (rows, run)));
        let packed = runs.flat_map(|(rows, run)| run.chunks_exact(16 + rows));
        whole.chain(packed.map(|one| (key_of(one).0, one[16..].to_vec()))).collect()
    }

    proptest! {
        #[test]
        fn a_table_keeps_what_was_put_in(steps in prop::collection::vec((0..40_u128, any::<u8>()), 0..800)) {
            let (mut table, mut expected) = (Table::default(), BTreeMap::<u128, Vec<u8>>::new());
            for (n, row) in steps {
                let key = EntityKey(n);
                // Odd rows are rare, and some rows are taken away.
                let row = if row > 250 { row } else { row & !1 };
                if row % 16 == 6 {
                    let removed = table.remove(key).map(|one: Rows| one.1);
                    prop_assert_eq!(removed, expected.remove(&n));
                    continue;
                }
                if row % 2 == 0 && row >= 200 && let Some((spot, packed)) = table.packed_one(key) {
                    let rows = expected.entry(n).or_default();
                    prop_assert_eq!(&packed[16..], &**rows);
                    table.push_row(spot, &[row]);
                    rows.push(row);
                    continue;
                }
                let mut one = table.get_or_insert(key, || Rows(key, Vec::new()));
                let rows = expected.entry(n).or_default();
                prop_assert_eq!(&one.1, &*rows);
                if row < 40 {
                    rows.pop();
                    one.1.pop();
                } else {
                    rows.push(row);
                    one.1.push(row);
                }
            }
            prop_assert_eq!(contents(&table), expected);
            prop_assert_eq!(table.rows(|one| one.1.len()), contents(&table).values().map(Vec::len).sum::<usize>());
            let mut again = Table::default();
            for (rows, run) in table.packed().flat_map(|(rows, runs)| runs.map(move |run| (rows, run))) {
                prop_assert!(again.insert_packed(rows, run));
                prop_assert!(!again.insert_packed(rows, run), "twice");
            }
            for one in table.whole() {
                prop_assert!(again.insert(Rows(one.0, one.1.clone())));
            }
            prop_assert_eq!(contents(&again), contents(&table));
        }
    }

    #[test]
    fn entities_that_grow_leave_few_holes_behind() {
        let (mut table, mut expected) = (Table::default(), BTreeMap::<u128, Vec<u8>>::new());
        for round in 0..6_u8 {
            for n in 0..500 {
                let key = EntityKey(n);
                table.get_or_insert(key, || Rows(key, Vec::new())).1.push(2 * round);
                expected.entry(n).or_default().push(2 * round);
            }
            assert_eq!(contents(&table), expected);
            let (rows, bytes) = (usize::from(round) + 1, table.bytes(|_| 0));
            let (taken, wasted) = (500 * (16 + rows), rows * 70 * (16 + rows));
            assert!((taken..=taken + wasted).contains(&bytes), "{bytes} with {rows} rows each");
        }
    }

    #[test]
    fn packed_entities_of_a_wrong_length_are_refused() {
        let mut table: Table<Rows> = Table::default();
        assert!(!table.insert_packed(1, &[0; 16]));
        assert!(!table.insert_packed(17, &[0; 16 + 17]));
        assert!(table.insert_packed(1, &[0; 17]));
    }
}
