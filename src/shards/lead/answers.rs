//! What a lead answers in surveys: its latest valid answer counts in each window.

use super::super::fold::{Contributions, Fold};
use super::contributions::View;
use crate::kpi::measures::Measure;
use crate::kpi::plan::Kept;
use crate::model::kinds::FormKind;
use crate::model::time::Millis;
use crate::model::window::{LocalTime, Window, WindowKind};
use crate::partials::cells::{CellKey, Values};

/// The measure of answers and the one of leads that gave them.
const NPS: [Measure; 3] = [Measure::NpsScores, Measure::NpsSum, Measure::NpsLeads];
const SATISFACTION: [Measure; 2] = [Measure::SatisfactionSum, Measure::SatisfactionLeads];

/// Latest answers of all views: when, and what each measure takes of it.
#[derive(Debug, Default)]
pub struct Surveys {
    nps: Vec<(Millis, i64)>,
    satisfaction: Vec<(Millis, i64)>,
}

impl View<'_> {
    pub(super) fn count_surveys(&mut self, surveys: &mut Surveys, fold: &Fold) {
        let sees = |at: Millis| self.view.to_facts_bound_at(fold.rules.bound(at, false));
        let mut answered = Vec::new();
        for fill in self.seen.fills.iter().filter(|fill| fill.kind == FormKind::Survey) {
            answered.push(fill.at);
            surveys.nps.extend(fill.nps.filter(|_| sees(fill.at)).map(|nps| (fill.at, i64::from(nps))));
            let satisfaction = fill.satisfaction.filter(|_| sees(fill.at));
            surveys.satisfaction.extend(satisfaction.map(|score| (fill.at, i64::from(score))));
        }
        answered.into_iter().for_each(|at| self.fact(fold, Measure::SurveyResponses, at, &[], 1));
    }
}

impl Surveys {
    pub fn count(self, fold: &mut Fold, all: &mut Contributions) {
        let score = |nps: i64| i64::from(nps >= 9) * 100 - i64::from(nps <= 6) * 100;
        let [scores, sum, leads] = NPS;
        count_latest(&self.nps, scores, score, fold, all);
        count_latest(&self.nps, sum, |nps| nps, fold, all);
        count_latest(&self.nps, leads, |_| 1, fold, all);
        let [sum, leads] = SATISFACTION;
        count_latest(&self.satisfaction, sum, |score| score, fold, all);
        count_latest(&self.satisfaction, leads, |_| 1, fold, all);
    }
}

fn count_latest(
    answers: &[(Millis, i64)],
    measure: Measure,
    amount: impl Fn(i64) -> i64,
    fold: &mut Fold,
    all: &mut Contributions,
) {
    let grains: Vec<(WindowKind, Kept)> = fold.rules.plan.grains(measure).to_vec();
    for (grain, kept) in grains {
        let mut cell = |bucket, amount| {
            all.cells.push((CellKey { measure, kept, bucket, values: Values::new() }, amount));
        };
        latest_buckets(grain, answers, fold.tally.time(), |bucket, answer, step| cell(bucket, amount(answer) * step));
    }
}

/// The buckets in which an answer is the latest of its window: with 1 from where it is on, with −1 where no more.
fn latest_buckets(
    grain: WindowKind,
    answers: &[(Millis, i64)],
    time: &mut LocalTime,
    mut to: impl FnMut(Window, i64, i64),
) {
    let of_day = |time: &mut LocalTime, at: Millis| match grain {
        WindowKind::Rolling(_) => time.hour(at).day.0,
        _ => time.window_at(grain, at).start,
    };
    let starts: Vec<i32> = answers.iter().map(|(at, _)| of_day(time, *at)).collect();
    for (n, (_, answer)) in answers.iter().enumerate() {
        // A later one of the same day or window takes its place at once.
        if starts.get(n + 1) == Some(&starts[n]) {
            continue;
        }
        to(Window { kind: grain, start: starts[n] }, *answer, 1);
        if let WindowKind::Rolling(days) = grain {
            let end = starts[n] + i32::from(days);
            let end = starts.get(n + 1).map_or(end, |next| end.min(*next));
            to(Window { kind: grain, start: end }, *answer, -1);
        }
    }
}
