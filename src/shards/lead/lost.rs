//! Journeys that came to nothing, for the data-driven models: of a lead at its first leak in a window, if neither it nor
//! a deal of its entered the stage before the window's end. All of it is as known by then.

use super::super::credit::{Journey, PathFacts};
use super::super::fold::Fold;
use super::super::visibility::PRESENT;
use super::contributions::View;
use super::waiting::Became;
use crate::kpi::measures::Measure;
use crate::model::stage::Stage;
use crate::model::time::Millis;
use crate::model::window::{Day, Window, WindowKind};
use crate::partials::cells::{CellKey, Values};

const MEASURES: [Measure; 3] = [Measure::LostSteps, Measure::LostChannels, Measure::LostPairs];

impl View<'_> {
    pub(super) fn count_lost(&mut self, became: &Became, fold: &mut Fold) {
        if became.leaks.is_empty() || !MEASURES.iter().any(|measure| fold.wants(*measure)) {
            return;
        }
        let mut leaks: Vec<Millis> = became.leaks.iter().map(|(_, at, _)| *at).collect();
        leaks.sort_unstable();
        leaks.dedup();
        let mut before: Option<Millis> = None;
        for leak in leaks {
            let journey = self.seen.journey_at(leak, None, fold);
            let texts = fold.channels_of(&journey);
            if !texts.is_empty() {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let path = fold.path_facts(&texts);
                self.count_lost_path(leak, before, &path, fold);
            }
            before = Some(leak);
        }
    }

    /// In the windows in which it is the lead's first leak.
    fn count_lost_path(&mut self, leak: Millis, before: Option<Millis>, path: &PathFacts, fold: &mut Fold) {
        let rules = std::sync::Arc::clone(&fold.rules);
        for stage in &rules.config.attribution.data_driven_stages {
            let name = fold.names.stages[*stage as usize];
            for measure in MEASURES {
                let rows: Vec<Values> = match measure {
                    Measure::LostSteps => {
                        path.steps.iter().map(|[from, to]| [name, *from, *to].into_iter().collect()).collect()
                    }
                    Measure::LostChannels => {
                        path.channels.iter().map(|channel| [name, *channel].into_iter().collect()).collect()
                    }
                    _ => path.pairs.iter().map(|[a, b]| [name, *a, *b].into_iter().collect()).collect(),
                };
                for (kind, kept) in rules.plan.grains(measure) {
                    for (bucket, step) in self.lost_in(*kind, *stage, leak, before, fold) {
                        let cell =
                            |values: &Values| (CellKey { measure, kept: *kept, bucket, values: values.clone() }, step);
                        self.all.cells.extend(rows.iter().map(cell));
                    }
                }
            }
        }
    }

    /// The buckets of a kind with their steps: of rolling windows, where a stretch of them begins and ends.
    fn lost_in(
        &self,
        kind: WindowKind,
        stage: Stage,
        leak: Millis,
        before: Option<Millis>,
        fold: &mut Fold,
    ) -> Vec<(Window, i64)> {
        let WindowKind::Rolling(days) = kind else {
            let counts = before.is_none() && self.view.to == Millis::MAX && !self.has_entered(stage, PRESENT);
            return if counts { vec![(Window { kind, start: 0 }, 1)] } else { Vec::new() };
        };
        let mut day = |at: Millis| fold.tally.time().hour(at).day.0;
        let (first, earlier) = (day(leak), before.map(day));
        let from = earlier.map_or(first, |earlier| first.max(earlier + i32::from(days)));
        let mut steps = Vec::new();
        let mut is_in = false;
        let to = first + i32::from(days);
        for last in from..to {
            let end = fold.tally.time().calendar().day_start(Day(last + 1));
            let bound = fold.rules.bound(end, false);
            let counts = self.view.to_facts_bound_at(bound) && !self.has_entered(stage, Millis(end.0 - 1));
            if counts != is_in {
                steps.push((Window { kind, start: last }, if counts { 1 } else { -1 }));
                is_in = counts;
            }
        }
        if is_in {
            steps.push((Window { kind, start: to.max(from) }, -1));
        }
        steps
    }

    /// Whether the lead, or a deal that is its own then, has entered a stage by a moment.
    fn has_entered(&self, stage: Stage, by: Millis) -> bool {
        let of_deals = Stage::DEAL_STAGES.iter().position(|of_deal| *of_deal == stage);
        match of_deals {
            None => self.seen.lead_entries()[stage as usize].is_some_and(|at| at <= by),
            Some(n) => {
                let mut own = self.seen.deals.iter().filter(|deal| deal.is_owned(by));
                own.any(|deal| deal.entries[n].is_some_and(|entry| entry.at <= by))
            }
        }
    }
}

impl super::seen::Seen<'_> {
    /// The journey as of a moment, within the lookback, without a booking's own touch.
    pub(super) fn journey_at(&self, at: Millis, own: Option<usize>, fold: &Fold) -> Journey {
        let own = own.map(|place| std::ptr::from_ref(&self.touches[place]));
        let others = self.journey(at).filter(|touch| Some(std::ptr::from_ref(*touch)) != own);
        let touches = super::super::credit::within(others.map(super::seen::SeenTouch::of_journey), at, fold);
        Journey::new(touches.into_vec(), fold)
    }
}
