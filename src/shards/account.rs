//! An account as a customer: the deals won by its leads. It counts once, at the first of them, with that deal's credit.

use serde::{Deserialize, Serialize};

use super::acts::Distinct;
use super::fold::{Contributions, Fold};
use super::forward::{DealSegments, Known, Reached, WonDeal};
use super::table::Keyed;
use super::visibility::{Visible, views};
use crate::kpi::measures::{Dim, Measure};
use crate::model::entity::EntityKey;
use crate::model::time::Millis;

#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    key: EntityKey,
    won: Vec<(WonDeal, Visible)>,
    segments: Vec<(DealSegments, Visible)>,
    /// As records spell it, once there is one.
    id: Option<Box<str>>,
    reached: Vec<(Reached, Visible)>,
    /// When its leads used the product.
    used: Vec<(Millis, Visible)>,
}

mod reach;

impl Keyed for Account {
    fn key(&self) -> EntityKey {
        self.key
    }
}

use reach::{Units, count_units};

const PLACES: [Dim; 4] = [Dim::Channel, Dim::Campaign, Dim::Content, Dim::Term];

impl Account {
    #[must_use]
    pub const fn new(key: EntityKey) -> Self {
        Self { key, won: Vec::new(), segments: Vec::new(), id: None, reached: Vec::new(), used: Vec::new() }
    }

    /// Takes what its leads tell it at once.
    pub fn hear(&mut self, news: &[(Known, Visible, bool)], fold: &mut Fold) {
        let before = self.contributions(fold);
        for (known, visible, added) in news {
            match known {
                Known::Won(won) => learn(&mut self.won, won, *visible, *added),
                Known::Segments(segments) => learn(&mut self.segments, segments, *visible, *added),
                Known::Reached(reached) => learn(&mut self.reached, reached, *visible, *added),
                Known::Used(at) => learn(&mut self.used, at, *visible, *added),
                Known::Renamed { from, to } => self.rename(*from, *to),
                Known::Touch(_)
                | Known::Named(_)
                | Known::Erased
                | Known::FillSession(_)
                | Known::Deal(_)
                | Known::Question { .. } => {}
            }
        }
        let after = self.contributions(fold);
        fold.replace(&before, &after);
    }

    /// A lead of its own is somebody without a name from now on.
    fn rename(&mut self, from: EntityKey, to: EntityKey) {
        let own = self.reached.iter_mut().filter(|(reached, _)| reached.lead == Some(from));
        own.for_each(|(reached, _)| reached.lead = Some(to));
    }

    /// Learns how records spell it.
    pub fn name(&mut self, id: &str) {
        self.id.get_or_insert_with(|| id.into());
    }

    pub fn contributions(&self, fold: &mut Fold) -> Contributions {
        let mut all = Contributions::default();
        let (mut seen, mut units) = (Distinct::default(), Units::default());
        for view in views(self.marks(fold)) {
            self.count_reach(view, fold, &mut seen, &mut units);
        }
        self.count_target(fold, &mut all);
        self.count_won(fold, &mut all);
        seen.count(fold, &mut all);
        if let Some(id) = &self.id {
            let sizes = fold.records.sizes(id, fold.rules.config.accounts_hold_from_start);
            count_units(&units, &sizes, fold, &mut all);
        }
        all
    }

    fn marks(&self, fold: &Fold) -> Vec<Visible> {
        let reached = self.reached.iter().map(|(_, visible)| *visible);
        let used = self.used.iter().map(|(_, visible)| *visible);
        let records = self.id.iter().flat_map(|id| fold.records.marks(id));
        reached.chain(used).chain(records).collect()
    }

    fn count_won(&self, fold: &mut Fold, all: &mut Contributions) {
        let won = self.won.iter().map(|(_, visible)| *visible);
        for view in views(won.chain(self.segments.iter().map(|(_, visible)| *visible))) {
            let seen = self.won.iter().filter(|(_, visible)| visible.to_facts_bound_at(view.from));
            let Some((first, _)) =
                seen.min_by(|(a, _), (b, _)| (a.at, &a.won_by, a.deal).cmp(&(b.at, &b.won_by, b.deal)))
            else {
                continue;
            };
            all.fact(&fold.rules, view, Measure::Customers, first.at, &[], 1);
            all.fact(&fold.rules, view, Measure::CustomersSettled, first.at, &[], 1);
            let segments = self
                .segments
                .iter()
                .filter(|(of, visible)| of.deal == first.deal && visible.to_facts_bound_at(view.from));
            for segment in segments.flat_map(|(of, _)| &of.segments) {
                let segment = fold.symbols.of(Dim::Segment, segment);
                all.fact(&fold.rules, view, Measure::CustomersBySegment, first.at, &[segment], 1);
            }
            for (model, origin, credit) in &first.credits {
                let detailed = fold.rules.models.iter().any(|known| known.name == *model && known.detailed);
                let kept = if detailed { 4 } else { 2 };
                let mut values = vec![fold.symbols.of(Dim::Model, model)];
                values.extend(PLACES.iter().zip(origin).take(kept).map(|(dim, text)| fold.symbols.of(*dim, text)));
                values.resize(5, crate::partials::cells::Symbol::ABSENT);
                all.fact(&fold.rules, view, Measure::CustomerCredit, first.at, &values, *credit);
            }
        }
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.won.capacity() * size_of::<(WonDeal, Visible)>()
            + self.reached.capacity() * size_of::<(Reached, Visible)>()
            + self.used.capacity() * size_of::<(Millis, Visible)>()
            + self.segments.capacity() * size_of::<(DealSegments, Visible)>()
    }
}

/// Adds what is known, or takes it back: once, since another lead may have told the same.
fn learn<T: Clone + PartialEq>(all: &mut Vec<(T, Visible)>, known: &T, visible: Visible, added: bool) {
    if added {
        all.push((known.clone(), visible));
    } else {
        let place = all.iter().position(|(other, range)| other == known && *range == visible);
        place.map(|place| all.remove(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_leads_told_is_known_until_both_take_it_back() {
        let mut used = Vec::new();
        learn(&mut used, &Millis(7), Visible::ALWAYS, true);
        learn(&mut used, &Millis(7), Visible::ALWAYS, true);
        learn(&mut used, &Millis(7), Visible::ALWAYS, false);
        assert_eq!(used, [(Millis(7), Visible::ALWAYS)]);
        learn(&mut used, &Millis(7), Visible::ALWAYS, false);
        assert_eq!(used, []);
    }
}
