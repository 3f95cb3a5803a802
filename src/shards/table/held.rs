//! An entity of a table while somebody works with it: a whole one where it is, a packed one unpacked. It is stored when
//! it is let go, wherever it belongs then.

use std::ops::{Deref, DerefMut};

use super::{Keyed, Place, Table};

/// An entity that somebody works with.
#[derive(Debug)]
pub struct Held<'a, T: Keyed> {
    pub(super) table: &'a mut Table<T>,
    /// None when it is new.
    pub(super) place: Option<Place>,
}

impl<T: Keyed> Held<'_, T> {
    fn whole(&self) -> Option<Place> {
        self.place.filter(|place| place.rows() == Place::WHOLE)
    }
}

impl<T: Keyed> Deref for Held<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        match self.whole() {
            Some(place) => self.table.store.whole(place),
            None => self.table.held.as_ref().expect("held since it was unpacked"),
        }
    }
}

impl<T: Keyed> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match self.whole() {
            Some(place) => self.table.store.whole_mut(place),
            None => self.table.held.as_mut().expect("held since it was unpacked"),
        }
    }
}

impl<T: Keyed> Drop for Held<'_, T> {
    fn drop(&mut self) {
        if self.whole().is_none() {
            self.table.put_back(self.place);
        }
    }
}
