//! What marketing had to do with a deal: whether it sourced it, under three definitions, and whether it influenced it.
//! And what is open at present.

use super::super::fold::Fold;
use super::super::forward::DealFacts;
use super::super::unit::FIRST_TOUCH;
use super::super::visibility::PRESENT;
use super::contributions::View;
use crate::kpi::measures::{Dim, Measure};
use crate::model::money::Micros;
use crate::model::stage::Stage;
use crate::model::time::Millis;

pub const DEFINITIONS: [&str; 3] = [FIRST_TOUCH, "before_sales", "lead_source"];

impl View<'_> {
    pub(super) fn count_influence(&mut self, fold: &mut Fold) {
        let wanted = [Measure::SourcedBase, Measure::SourcedValue, Measure::InfluencedValue, Measure::OpenSourced];
        let open = [Measure::OpenInfluenced, Measure::OpenValue, Measure::OpenWeighted, Measure::OpenLikely];
        if !wanted.iter().chain(&open).any(|measure| fold.wants(*measure)) {
            return;
        }
        for n in 0..self.seen.deals.len() {
            let deal = self.seen.deals[n];
            let settle = fold.rules.settle();
            for stage in [Stage::Opportunity, Stage::Won] {
                let entry = deal.entries[stage as usize - Stage::Opportunity as usize];
                if let Some(entry) = entry.filter(|entry| self.counts(deal, entry.at)) {
                    self.count_settled(deal, stage, entry.at, entry.at + settle, entry.value, fold);
                }
            }
            self.count_open(deal, fold);
        }
    }

    fn counts(&self, deal: &DealFacts, at: Millis) -> bool {
        deal.is_owned(at) && !self.seen.standing.is_rejected(at)
    }

    fn count_settled(
        &mut self,
        deal: &DealFacts,
        stage: Stage,
        at: Millis,
        until: Millis,
        value: i64,
        fold: &mut Fold,
    ) {
        let stage = fold.names.stages[stage as usize];
        // What goes by the deal's journey is for its unit to say.
        let of_unit = self.seen.unit_of(deal, at, fold).is_some();
        for (name, is_sourced) in DEFINITIONS.into_iter().zip(self.is_sourced(deal, until, fold)) {
            let values = [stage, fold.symbols.of(Dim::Definition, name)];
            self.fact(fold, Measure::SourcedBase, at, &values, value);
            if is_sourced && !(of_unit && name == FIRST_TOUCH) {
                self.fact(fold, Measure::SourcedValue, at, &values, value);
            }
        }
        if !of_unit && self.is_influenced(deal, until, fold) {
            self.fact(fold, Measure::InfluencedValue, at, &[stage], value);
        }
    }

    /// By each definition, as far as known at a moment.
    fn is_sourced(&self, deal: &DealFacts, until: Millis, fold: &Fold) -> [bool; 3] {
        let seen = self.seen;
        let opened = deal.entries[0].map(|entry| entry.at);
        let first = opened.and_then(|opened| seen.journey(opened).next());
        let in_sales = seen.stages.iter().find(|row| row.stage.rung() >= Stage::Sal.rung());
        let before_sales = in_sales.is_some_and(|sales| {
            let mut before = seen.journey(until).take_while(|touch| touch.at < sales.at);
            before.any(|touch| fold.is_marketing(touch.origin))
        });
        let entry = seen.lead_entries()[0];
        let by_fill = entry.is_some() && seen.first_fill().map(|fill| fill.at) == entry;
        [first.is_some_and(|touch| fold.is_marketing(touch.origin)), before_sales, by_fill]
    }

    /// By any touch from some time before it opened to its close, so far.
    fn is_influenced(&self, deal: &DealFacts, until: Millis, fold: &Fold) -> bool {
        let Some(opened) = deal.entries[0] else { return false };
        let since = opened.at - fold.rules.config.attribution.lookback;
        let close = deal.entries[2].map(|won| won.at).into_iter().chain(deal.lost).min();
        // What is open has no close, though it was lost once.
        let close = close.filter(|_| until < PRESENT).unwrap_or(until).min(until);
        let mut touches = self.seen.journey(until).filter(|touch| since <= touch.at && touch.at <= close);
        touches.any(|touch| fold.is_marketing(touch.origin))
    }

    fn count_open(&mut self, deal: &DealFacts, fold: &mut Fold) {
        let Some(open) = deal.open.filter(|_| self.counts(deal, PRESENT)) else { return };
        let view = self.view;
        let stage = fold.names.stages[open.stage as usize];
        let funnel = &fold.rules.config.funnel;
        let configured = || funnel.probability.get(&open.stage).map(|share| (share * 1e9).round() as u32);
        let probability = open.probability.or_else(configured).unwrap_or(0);
        let weighted = Micros(open.value).share(probability);
        let is_likely = f64::from(probability) >= funnel.likely * 1e9;
        let sourced = self.is_sourced(deal, PRESENT, fold);
        let is_influenced = self.is_influenced(deal, PRESENT, fold);
        let rules = std::sync::Arc::clone(&fold.rules);
        self.all.present(&rules, view, Measure::OpenValue, &[stage], open.value);
        self.all.present(&rules, view, Measure::OpenWeighted, &[stage], weighted.0);
        if is_likely {
            self.all.present(&rules, view, Measure::OpenLikely, &[stage], open.value);
        }
        let of_unit = self.seen.unit_of(deal, PRESENT, fold).is_some();
        for (definition, is_sourced) in DEFINITIONS.into_iter().zip(sourced) {
            let name = fold.symbols.of(Dim::Definition, definition);
            self.all.present(&rules, view, Measure::OpenSourcedBase, &[name], open.value);
            if is_sourced && !(of_unit && definition == FIRST_TOUCH) {
                self.all.present(&rules, view, Measure::OpenSourced, &[name], open.value);
            }
        }
        if is_influenced && !of_unit {
            self.all.present(&rules, view, Measure::OpenInfluenced, &[], open.value);
        }
    }
}
