//! The published rows as this instance knows them, for page and API: the owner of the rollup puts in what it has
//! committed, every other instance what it reads of the `kpis` topic. Listeners hear of changes by number.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::publish::kpi_update;

/// How many changes a listener may lag behind before it has to look at everything again.
const REMEMBERED: usize = 200_000;

/// A published value, shared with whoever is sending it on.
pub type Value = Arc<[u8]>;

#[derive(Default)]
struct Inner {
    rows: BTreeMap<Arc<str>, Value>,
    /// The last change's number, and the keys of the newest changes.
    last: u64,
    changes: VecDeque<Arc<str>>,
}

#[derive(Default)]
pub struct RowsView {
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// What changed since a listener last asked.
pub enum Changes {
    /// Keys with their new values; none is a tombstone. The second is the number to ask with next.
    Some(Vec<(Arc<str>, Option<Value>)>, u64),
    /// Too long ago: look at all rows, and ask with this number next.
    TooMany(u64),
}

impl RowsView {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes rows as they are published; they are shown in JSON.
    pub fn put<'a>(&self, rows: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>) {
        let mut inner = self.lock();
        for (key, value) in rows {
            let key: Arc<str> = key.into();
            let value = value.and_then(kpi_update::as_json);
            match value.as_deref() {
                Some(value) => drop(inner.rows.insert(Arc::clone(&key), value.into())),
                None => drop(inner.rows.remove(&key)),
            }
            inner.last += 1;
            inner.changes.push_back(key);
            if inner.changes.len() > REMEMBERED {
                inner.changes.pop_front();
            }
        }
        drop(inner);
        self.changed.notify_all();
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        self.lock().rows.get(key).cloned()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().rows.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows whose keys begin so, in the order of their keys, and the number to ask for changes with.
    #[must_use]
    pub fn rows(&self, prefix: &str) -> (Vec<(Arc<str>, Value)>, u64) {
        let inner = self.lock();
        let found = inner.rows.range(Arc::<str>::from(prefix)..).take_while(|(key, _)| key.starts_with(prefix));
        (found.map(|(key, value)| (Arc::clone(key), Arc::clone(value))).collect(), inner.last)
    }

    /// What changed since a number, waiting for it at most that long.
    #[must_use]
    pub fn changes(&self, since: u64, wait: Duration) -> Changes {
        let inner = self.lock();
        let unchanged = |inner: &mut Inner| inner.last == since;
        let inner = self.changed.wait_timeout_while(inner, wait, unchanged).unwrap_or_else(PoisonError::into_inner).0;
        let missed = usize::try_from(inner.last.saturating_sub(since)).unwrap_or(usize::MAX);
        if missed > inner.changes.len() {
            return Changes::TooMany(inner.last);
        }
        let keys: std::collections::BTreeSet<_> = inner.changes.iter().rev().take(missed).collect();
        let value = |key: &Arc<str>| (Arc::clone(key), inner.rows.get(key).cloned());
        Changes::Some(keys.into_iter().map(value).collect(), inner.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_hears_each_key_once_with_its_newest_value() {
        let view = RowsView::default();
        view.put([("a", Some(&b"1"[..])), ("b", Some(&b"2"[..]))]);
        let (rows, at) = view.rows("a");
        assert_eq!(rows, [("a".into(), b"1"[..].into())]);
        view.put([("a", Some(&b"3"[..])), ("b", None), ("a", Some(&b"4"[..]))]);
        let Changes::Some(changes, next) = view.changes(at, Duration::ZERO) else { panic!("few changes") };
        assert_eq!(changes, [("a".into(), Some(b"4"[..].into())), ("b".into(), None)]);
        let Changes::Some(none, _) = view.changes(next, Duration::ZERO) else { panic!("no changes") };
        assert!(none.is_empty());
        assert_eq!(view.len(), 1);
    }
}
