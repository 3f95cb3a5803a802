//! Lists of which there are many, most of them short: as they grow they keep little room free.

/// Puts an item in its place.
pub fn insert<T>(list: &mut Vec<T>, place: usize, item: T) {
    make_room(list, 1);
    list.insert(place, item);
}

/// Makes room for so many more items. A list grows by what it needs, a long one by an eighth at least.
pub fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lists_keep_no_room_and_long_ones_little() {
        let mut list = Vec::new();
        for n in 0..1000 {
            insert(&mut list, n / 2, n);
            assert!(list.capacity() <= list.len() + list.len() / 8, "{} in {}", list.len(), list.capacity());
        }
        assert_eq!((list[0], list[999]), (1, 0));
    }
}
