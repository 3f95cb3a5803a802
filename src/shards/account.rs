//! An account as a customer: the deals won by its leads. It counts once, at the first of them, with that deal's credit.

use serde::{Deserialize, Serialize};

use super::acts::Distinct;
use super::fold::{Contributions, Fold};
use super::forward::{DealSegments, Known, Reached, WonDeal};
use super::symbols::OriginId;
use super::table::Keyed;
use super::visibility::{Visible, views};
use crate::kpi::measures::{Dim, Measure};
use crate::model::entity::EntityKey;
use crate::model::sparing;
use crate::model::time::Millis;
use crate::partials::cells::Symbol;

#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    key: EntityKey,
    won: Vec<(Won, Visible)>,
    segments: Vec<(DealSegments, Visible)>,
    /// As records spell it, once there is one.
    id: Option<Box<str>>,
    reached: Vec<(Touched, Visible)>,
    /// The leads that reached it, by number.
    leads: Vec<EntityKey>,
    /// When its leads used the product.
    used: Vec<(Millis, Visible)>,
}

mod reach;

/// A won deal with its credit, in numbers of the shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Won {
    at: Millis,
    won_by: Box<str>,
    deal: EntityKey,
    /// By model and origin.
    credits: Box<[(Symbol, OriginId, i64)]>,
}

/// An engaging touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Touched {
    at: Millis,
    channel: Symbol,
    /// The number of its lead; none where nobody is known to have made it.
    lead: Option<u32>,
}

impl Keyed for Account {
    fn key(&self) -> EntityKey {
        self.key
    }
}

use reach::{Units, count_units};

impl Account {
    #[must_use]
    pub const fn new(key: EntityKey) -> Self {
        Self {
            key,
            won: Vec::new(),
            segments: Vec::new(),
            id: None,
            reached: Vec::new(),
            leads: Vec::new(),
            used: Vec::new(),
        }
    }

    /// Takes what its leads tell it at once.
    pub fn hear(&mut self, news: &[(Known, Visible, bool)], fold: &mut Fold) {
        let before = self.contributions(fold);
        for (known, visible, added) in news {
            match known {
                Known::Won(won) => learn(&mut self.won, Won::new(won, fold), *visible, *added),
                Known::Segments(segments) => learn(&mut self.segments, segments.clone(), *visible, *added),
                Known::Reached(reached) => {
                    let touched = self.touched(reached, fold);
                    learn(&mut self.reached, touched, *visible, *added);
                }
                Known::Used(at) => learn(&mut self.used, *at, *visible, *added),
                Known::Renamed { from, to } => self.rename(*from, *to),
                Known::Touch(_)
                | Known::Named(_)
                | Known::Erased
                | Known::FillSession(_)
                | Known::Deal(_)
                | Known::Member(_)
                | Known::Step(_)
                | Known::UnitDeal(_)
                | Known::Stated(_)
                | Known::Question { .. } => {}
            }
        }
        let after = self.contributions(fold);
        fold.replace(&before, &after);
    }

    /// A lead of its own is somebody without a name from now on.
    fn rename(&mut self, from: EntityKey, to: EntityKey) {
        self.leads.iter_mut().filter(|lead| **lead == from).for_each(|lead| *lead = to);
    }

    fn touched(&mut self, Reached { at, channel, lead }: &Reached, fold: &mut Fold) -> Touched {
        let lead = lead.map(|lead| {
            let known = self.leads.iter().position(|known| *known == lead);
            let number = known.unwrap_or_else(|| {
                let next = self.leads.len();
                sparing::insert(&mut self.leads, next, lead);
                next
            });
            u32::try_from(number).expect("an account has fewer leads")
        });
        Touched { at: *at, channel: fold.symbols.of(Dim::Channel, channel), lead }
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
                let [channel, campaign, content, term] = fold.symbols.origin_symbols(*origin);
                let of_model = fold.rules.models.iter().zip(&fold.names.models).find(|(_, known)| *known == model);
                let is_detailed = of_model.is_some_and(|(of, _)| of.detailed);
                let [content, term] = if is_detailed { [content, term] } else { [Symbol::ABSENT; 2] };
                let values = [*model, channel, campaign, content, term];
                all.fact(&fold.rules, view, Measure::CustomerCredit, first.at, &values, *credit);
            }
        }
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        let credits: usize = self.won.iter().map(|(won, _)| size_of_val(&*won.credits)).sum();
        credits
            + self.won.capacity() * size_of::<(Won, Visible)>()
            + self.reached.capacity() * size_of::<(Touched, Visible)>()
            + self.leads.capacity() * size_of::<EntityKey>()
            + self.used.capacity() * size_of::<(Millis, Visible)>()
            + self.segments.capacity() * size_of::<(DealSegments, Visible)>()
    }
}

impl Won {
    fn new(WonDeal { at, won_by, deal, credits }: &WonDeal, fold: &mut Fold) -> Self {
        let credits = credits.iter().map(|(model, origin, credit)| {
            (fold.symbols.of(Dim::Model, model), fold.symbols.read_origin(origin), *credit)
        });
        Self { at: *at, won_by: won_by.as_str().into(), deal: *deal, credits: credits.collect() }
    }
}

/// Adds what is known, or takes it back: once, since another lead may have told the same.
fn learn<T: PartialEq>(all: &mut Vec<(T, Visible)>, known: T, visible: Visible, added: bool) {
    if added {
        sparing::insert(all, all.len(), (known, visible));
    } else {
        let place = all.iter().position(|(other, range)| *other == known && *range == visible);
        place.map(|place| all.remove(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_leads_told_is_known_until_both_take_it_back() {
        let mut used = Vec::new();
        learn(&mut used, Millis(7), Visible::ALWAYS, true);
        learn(&mut used, Millis(7), Visible::ALWAYS, true);
        learn(&mut used, Millis(7), Visible::ALWAYS, false);
        assert_eq!(used, [(Millis(7), Visible::ALWAYS)]);
        learn(&mut used, Millis(7), Visible::ALWAYS, false);
        assert_eq!(used, []);
    }
}
