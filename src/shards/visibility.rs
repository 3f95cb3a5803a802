//! Which events a fact may take. An event that arrived late carries the watermark of its arrival; a fact may change
//! only while the watermark is at most its bound (its time + L, or + H + L when it settles), so it sees the late event
//! only if the mark is no later than its bound. With that, facts are functions of the set of events and their marks,
//! and the order in which journal and forwards are read changes nothing.

use serde::{Deserialize, Serialize};

use crate::model::time::Millis;

/// After all that is known, and before what lasts ends.
pub const PRESENT: Millis = Millis(Millis::MAX.0 - 1);

/// The bounds of facts for which something exists: [from, to).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Visible {
    pub from: Millis,
    pub to: Millis,
}

impl Visible {
    /// What arrived in time, or before anything was late.
    pub const ALWAYS: Self = Self { from: Millis::MIN, to: Millis::MAX };

    /// What sees all that is known.
    pub const LATEST: Self = Self { from: PRESENT, to: Millis::MAX };

    #[must_use]
    pub fn since(mark: Option<Millis>) -> Self {
        Self { from: mark.unwrap_or(Millis::MIN), to: Millis::MAX }
    }

    #[must_use]
    pub fn to_facts_bound_at(self, bound: Millis) -> bool {
        self.from <= bound && bound < self.to
    }

    #[must_use]
    pub fn is_always(self) -> bool {
        self == Self::ALWAYS
    }
}

/// The ranges of bounds within which the same events are seen, given every mark of an entity: one range for all when
/// nothing was late.
#[must_use]
pub fn views(marks: impl IntoIterator<Item = Visible>) -> Vec<Visible> {
    let ends = marks.into_iter().flat_map(|visible| [visible.from, visible.to]);
    let mut cuts: Vec<Millis> = ends.filter(|end| *end != Millis::MIN && *end != Millis::MAX).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let from = std::iter::once(Millis::MIN).chain(cuts.iter().copied());
    let to = cuts.iter().copied().chain(std::iter::once(Millis::MAX));
    from.zip(to).map(|(from, to)| Visible { from, to }).collect()
}

/// Joins what neighbouring views have in common: each value with the widest range over which it exists unbroken.
#[must_use]
pub fn join<T: Ord + Clone>(per_view: &[(Visible, Vec<T>)]) -> Vec<(T, Visible)> {
    let mut joined: Vec<(T, Visible)> = Vec::new();
    for (view, values) in per_view {
        for value in values {
            match joined.iter_mut().find(|(known, range)| known == value && range.to == view.from) {
                Some((_, range)) => range.to = view.to,
                None => joined.push((value.clone(), *view)),
            }
        }
    }
    joined.sort();
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_marks_there_is_one_view() {
        assert_eq!(views([Visible::ALWAYS, Visible::since(None)]), [Visible::ALWAYS]);
    }

    #[test]
    fn every_mark_begins_a_view_and_what_lasts_is_joined() {
        let marks = [Visible::since(Some(Millis(5))), Visible { from: Millis(5), to: Millis(9) }];
        let views = views(marks);
        assert_eq!(views.len(), 3);
        assert!(views[1].to_facts_bound_at(Millis(5)) && !views[1].to_facts_bound_at(Millis(9)));
        let seen = [(views[0], vec!['a']), (views[1], vec!['a', 'b']), (views[2], vec!['b'])];
        let expected =
            [('a', Visible { from: Millis::MIN, to: Millis(9) }), ('b', Visible { from: Millis(5), to: Millis::MAX })];
        assert_eq!(join(&seen), expected);
    }
}
