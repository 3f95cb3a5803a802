//! How far marketing reached into an account: engaging touches of its leads, against what the CRM says of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::acts::Distinct;
use super::super::fold::{Contributions, Fold};
use super::super::visibility::Visible;
use super::{Account, Touched};
use crate::kpi::measures::Measure;
use crate::kpi::plan::Kept;
use crate::model::entity::EntityKey;
use crate::model::time::{Millis, Span};
use crate::model::window::{Window, WindowKind};
use crate::partials::cells::{CellKey, Values};

/// A whole buying unit.
const WHOLE: i64 = 1_000_000_000_000;

impl Account {
    /// Of one view: in each window it is reached once, by each of its leads once.
    pub(super) fn count_reach(&self, view: Visible, fold: &mut Fold, seen: &mut Distinct, units: &mut Units) {
        let rules = Arc::clone(&fold.rules);
        let sees = |visible: &Visible| visible.to_facts_bound_at(view.from);
        for (at, _) in self.used.iter().filter(|(_, visible)| sees(visible)) {
            seen.note(&rules, view, *at, (Measure::ProductAccounts, &[], 0));
        }
        let Some(id) = &self.id else { return };
        let from_start = rules.config.accounts_hold_from_start;
        for (Touched { at, channel, lead }, _) in self.reached.iter().filter(|(_, visible)| sees(visible)) {
            let record = fold.records.at(id, *at + rules.settle(), view, from_start);
            if !record.is_some_and(|record| record.is_target) {
                continue;
            }
            let lead = lead.map(|number| self.leads[number as usize]);
            let mut note = |measure, values: &[_], of| seen.note(&rules, view, *at, (measure, values, of));
            note(Measure::TargetsReached, &[], 0);
            note(Measure::TargetsReachedByChannel, &[*channel], 0);
            if let Some(lead) = lead {
                note(Measure::EngagedLeads, &[], lead.0);
            }
            if view.to_facts_bound_at(rules.bound(*at, true)) {
                units.0.push((*at, lead));
            }
        }
    }

    /// Whether it is a target, as steps of time.
    pub(super) fn count_target(&self, fold: &Fold, all: &mut Contributions) {
        let Some(id) = &self.id else { return };
        let Some((_, kept)) = fold.rules.plan.grains(Measure::TargetAccounts).first() else { return };
        let mut was_target = false;
        for (from, is_target) in fold.records.targets(id, fold.rules.config.accounts_hold_from_start) {
            if is_target != was_target {
                all.cells.push((step(*kept, from), if is_target { 1 } else { -1 }));
                was_target = is_target;
            }
        }
    }
}

/// The cell of a step is named by the first full minute that it holds in.
fn step(kept: Kept, from: Millis) -> CellKey {
    let minute = from.0.saturating_add(Span::MINUTE.0 - 1).div_euclid(Span::MINUTE.0);
    let bucket = Window { kind: WindowKind::Now, start: i32::try_from(minute).unwrap_or(i32::MIN) };
    CellKey { measure: Measure::TargetAccounts, kept, bucket, values: Values::new() }
}

/// In each window, whether a target whose buying unit has a size was reached, and which share of the unit is engaged. The
/// size is the one known at the window's end + H.
pub(super) fn count_units(units: &Units, sizes: &[(Millis, Option<u32>)], fold: &mut Fold, all: &mut Contributions) {
    for measure in [Measure::SizedTargetsReached, Measure::UnitShares] {
        for (grain, kept) in fold.rules.plan.grains(measure).to_vec() {
            let windows = units.windows(grain, sizes, fold, measure == Measure::UnitShares);
            for (bucket, amount) in windows {
                all.cells.push((CellKey { measure, kept, bucket, values: Values::new() }, amount));
            }
        }
    }
}

/// Engaging touches of a target account, and whose they were.
#[derive(Debug, Default)]
pub(super) struct Units(Vec<(Millis, Option<EntityKey>)>);

impl Units {
    /// What each window has, of a rolling kind as steps.
    fn windows(
        &self,
        grain: WindowKind,
        sizes: &[(Millis, Option<u32>)],
        fold: &mut Fold,
        shares: bool,
    ) -> Vec<(Window, i64)> {
        let settle = fold.rules.settle();
        let time = fold.tally.time();
        let mut touched: Vec<(i32, Option<EntityKey>)> = self
            .0
            .iter()
            .map(|(at, lead)| match grain {
                WindowKind::Rolling(_) => (time.hour(*at).day.0, *lead),
                _ => (time.window_at(grain, *at).start, *lead),
            })
            .collect();
        touched.sort_unstable();
        touched.dedup();
        let Some(((first, _), (last, _))) = touched.first().zip(touched.last()) else { return Vec::new() };
        let size_of = |window: Window| {
            let until = time.calendar().end(window).map_or(Millis::MAX, |end| end + settle);
            sizes.iter().rfind(|(from, _)| *from <= until).and_then(|(_, size)| *size)
        };
        let amount = |window: Window, engaged: &[(i32, Option<EntityKey>)]| match size_of(window) {
            _ if engaged.is_empty() => 0,
            None => 0,
            Some(_) if !shares => 1,
            Some(size) => {
                let leads: BTreeSet<EntityKey> = engaged.iter().filter_map(|(_, lead)| *lead).collect();
                let (leads, size) = (i64::try_from(leads.len()).unwrap_or(i64::MAX), i64::from(size));
                (leads * WHOLE + size / 2) / size
            }
        };
        let WindowKind::Rolling(days) = grain else {
            let of_window = |same: &[(i32, Option<EntityKey>)]| {
                let window = Window { kind: grain, start: same[0].0 };
                (window, amount(window, same))
            };
            return touched.chunk_by(|a, b| a.0 == b.0).map(of_window).filter(|(_, amount)| *amount != 0).collect();
        };
        let (days, mut before, mut steps) = (i32::from(days), 0, Vec::new());
        for day in *first..=*last + days {
            let from = touched.partition_point(|(touched, _)| *touched <= day - days);
            let to = touched.partition_point(|(touched, _)| *touched <= day);
            let now = amount(Window { kind: grain, start: day - days + 1 }, &touched[from..to]);
            if now != before {
                steps.push((Window { kind: grain, start: day }, now - before));
                before = now;
            }
        }
        steps
    }
}
