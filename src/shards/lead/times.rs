//! How long things took: from stage to stage, from lead to customer.

use super::super::fold::Fold;
use super::contributions::View;
use crate::kpi::measures::{Dim, Measure};
use crate::kpi::spread::bucket;
use crate::model::stage::Stage;
use crate::model::time::{Millis, Span};
use crate::partials::cells::Symbol;

impl View<'_> {
    /// At the end of each, if that is the lead's to count.
    pub(super) fn count_times(&mut self, source: [Symbol; 2], fold: &mut Fold) {
        let wanted = [
            Measure::ConversionTimes,
            Measure::DwellTimes,
            Measure::SalesCycles,
            Measure::FollowUps,
            Measure::ToWonTimes,
        ];
        if !wanted.iter().any(|measure| fold.wants(*measure)) {
            return;
        }
        let entries = self.seen.lead_entries();
        let stage = |stage: Stage| entries[stage as usize];
        for deal in &self.seen.deals {
            let [opened, proposed, closed] = deal.entries.map(|entry| entry.map(|entry| entry.at));
            let own = |at: Option<Millis>| at.filter(|at| deal.is_owned(*at) && !self.seen.standing.is_rejected(*at));
            self.count_dwell(Stage::Opportunity, opened, own(proposed), fold);
            self.count_dwell(Stage::Proposal, proposed, own(closed), fold);
            if let Some(won) = own(closed) {
                let of_lead = Stage::LEAD_STAGES.into_iter().zip(entries);
                let of_deal = [(Stage::Opportunity, opened), (Stage::Proposal, proposed)];
                for (stage, from) in of_lead.chain(of_deal) {
                    if let Some(from) = from.filter(|from| *from <= won) {
                        let stage = fold.names.stages[stage as usize];
                        self.count_time([Measure::ToWonTimes, Measure::ToWonSeconds], &[stage], won, won - from, fold);
                    }
                }
            }
            if let Some((from, to)) = opened.zip(own(closed)) {
                self.count_time([Measure::SalesCycles, Measure::SalesCycleSeconds], &[], to, to - from, fold);
            }
        }
        self.count_dwell(Stage::Lead, stage(Stage::Lead), stage(Stage::Mql), fold);
        self.count_dwell(Stage::Mql, stage(Stage::Mql), stage(Stage::Sal), fold);
        self.count_dwell(Stage::Sal, stage(Stage::Sal), stage(Stage::Sql), fold);
        for opportunity in self.seen.first_of_deals(Stage::Opportunity, Span(0)) {
            self.count_dwell(Stage::Sql, stage(Stage::Sql), Some(opportunity), fold);
        }
        if let Some((from, to)) = stage(Stage::Mql).zip(stage(Stage::Sal)) {
            self.count_time([Measure::FollowUps, Measure::FollowUpSeconds], &[], to, to - from, fold);
        }
        for won in self.seen.first_of_deals(Stage::Won, Span(0)) {
            if let Some(from) = stage(Stage::Lead) {
                let measures = [Measure::ConversionTimes, Measure::ConversionSeconds];
                self.count_time(measures, &source, won, won - from, fold);
            }
        }
    }

    fn count_dwell(&mut self, stage: Stage, from: Option<Millis>, to: Option<Millis>, fold: &mut Fold) {
        if let Some((from, to)) = from.zip(to) {
            let stage = fold.names.stages[stage as usize];
            self.count_time([Measure::DwellTimes, Measure::DwellSeconds], &[stage], to, to - from, fold);
        }
    }

    /// In the bucket of a spread, and in its sum.
    fn count_time(&mut self, [times, sum]: [Measure; 2], values: &[Symbol], at: Millis, took: Span, fold: &mut Fold) {
        if !fold.wants(times) {
            return;
        }
        let bucket = fold.symbols.of(Dim::Bucket, &bucket(took.0 as f64 / 1000.0));
        self.fact(fold, times, at, &[values, &[bucket]].concat(), 1);
        self.fact(fold, sum, at, values, took.0);
    }
}
