//! An account as a customer: the deals won by its leads. It counts once, at the first of them, with that deal's credit.

use serde::{Deserialize, Serialize};

use super::fold::{Contributions, Fold};
use super::forward::{DealSegments, Known, WonDeal};
use super::table::Keyed;
use super::visibility::{Visible, views};
use crate::kpi::measures::{Dim, Measure};
use crate::model::entity::EntityKey;

#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    key: EntityKey,
    won: Vec<(WonDeal, Visible)>,
    segments: Vec<(DealSegments, Visible)>,
}

impl Keyed for Account {
    fn key(&self) -> EntityKey {
        self.key
    }
}

const PLACES: [Dim; 4] = [Dim::Channel, Dim::Campaign, Dim::Content, Dim::Term];

impl Account {
    #[must_use]
    pub const fn new(key: EntityKey) -> Self {
        Self { key, won: Vec::new(), segments: Vec::new() }
    }

    /// Takes what its leads tell it at once.
    pub fn hear(&mut self, news: &[(Known, Visible, bool)], fold: &mut Fold) {
        let before = self.contributions(fold);
        for (known, visible, added) in news {
            match known {
                Known::Won(won) => learn(&mut self.won, won, *visible, *added),
                Known::Segments(segments) => learn(&mut self.segments, segments, *visible, *added),
                Known::Touch(_) | Known::FillSession(_) | Known::Deal(_) => {}
            }
        }
        let after = self.contributions(fold);
        fold.replace(&before, &after);
    }

    fn contributions(&self, fold: &mut Fold) -> Contributions {
        let mut all = Contributions::default();
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
        all
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.won.capacity() * size_of::<(WonDeal, Visible)>()
            + self.segments.capacity() * size_of::<(DealSegments, Visible)>()
    }
}

/// Adds what is known, or takes it back.
fn learn<T: Clone + PartialEq>(all: &mut Vec<(T, Visible)>, known: &T, visible: Visible, added: bool) {
    if added {
        all.push((known.clone(), visible));
    } else {
        all.retain(|(other, range)| other != known || *range != visible);
    }
}
