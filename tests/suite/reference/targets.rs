//! Budgets and goals: rows that the configuration makes, of each window from the first with any fact to the
//! watermark's.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;
use tributary::model::stage::Stage;
use tributary::model::time::Millis;
use tributary::model::window::WindowKind;

use super::cell::{Cells, Outcome, over};
use super::facts::{Fact, MONEY};
use super::row::Row;
use super::table::{C, Formula, Kpi, Set, Table, Term, count, is_published, ratio};
use super::windows::Start;

const CHANNEL: Set = &["channel"];
const KPI: Set = &["kpi"];
const STAGE: Set = &["stage"];

impl Table<'_> {
    pub fn rows_of_targets(&self, kpis: &[Kpi]) -> Vec<Row> {
        if matches!(self.frames.kind, WindowKind::All | WindowKind::Now) {
            return vec![];
        }
        [self.budgets(), self.goals(kpis), self.needs()].concat()
    }

    /// From the first with any fact to the watermark's.
    fn target_windows(&self) -> Vec<Start> {
        let kind = self.frames.kind;
        let first = self.facts.values().flatten().map(|fact| fact.at).min();
        let Some(first) = first.and_then(|first| self.windows.holding(kind, first).first().copied()) else {
            return vec![];
        };
        let after = |start: &Start| {
            let next = match kind {
                WindowKind::Rolling(_) => {
                    self.windows.midnight(self.windows.date(Millis(*start)).saturating_add(1.day()))
                }
                _ => self.windows.end(kind, *start)?.0,
            };
            let begins = match kind {
                WindowKind::Rolling(days) => {
                    let last = self.windows.date(Millis(next)).saturating_add((i64::from(days) - 1).days());
                    self.windows.midnight(last)
                }
                _ => next,
            };
            (begins <= self.as_of.0).then_some(next)
        };
        std::iter::successors(Some(first), after).collect()
    }

    /// A row for each window in which something is said.
    fn said(&self, kpi: &Kpi, set: Set, value: &str, says: &dyn Fn(Start) -> Option<Outcome>) -> Vec<Row> {
        // A goal is one for the total of its KPI.
        let carried = if set == CHANNEL { set } else { &[] };
        if !is_published(self.config, kpi.id) || !self.carries(kpi, carried) {
            return vec![];
        }
        let windows = self.target_windows();
        let values: Vec<String> = set.iter().map(|_| value.to_owned()).collect();
        let value_of = |start: &Start| windows.contains(start).then(|| says(*start)).flatten()?.value;
        let row = |start: &Start| {
            let outcome = says(*start)?;
            let earlier = |start: &Start| self.windows.previous(self.frames.kind, *start);
            let before: Vec<Option<f64>> =
                std::iter::successors(earlier(start), earlier).take(8).map(|start| value_of(&start)).collect();
            Some(self.row_of(kpi, set, *start, &values, &outcome, &before))
        };
        windows.iter().filter(|start| !self.is_forgotten(**start)).filter_map(row).collect()
    }

    fn budgets(&self) -> Vec<Row> {
        let mine = || self.config.budgets.iter().filter(|budget| budget.window == self.frames.kind);
        if mine().next().is_none() {
            return vec![];
        }
        let spend = count("spend", C, |_, _| vec![Term::of("spend")]);
        let (by_channel, whole) = (self.cells(&spend, CHANNEL), self.cells(&spend, &[]));
        let amount_of = |channel: &str, start: Start| {
            let of_channel = mine().filter(|budget| budget.channel == channel);
            self.of_window(start, of_channel.map(|budget| (budget.start, budget.amount.0)))
        };
        let channels: BTreeSet<&str> = mine().map(|budget| &*budget.channel).collect();
        let spent = |cells: &Cells, start: Start, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            cells.get(&(start, values)).map_or(0.0, |sums| sums[0].value())
        };
        let money = |millionths: i64| millionths as f64 / MONEY as f64;
        let mut rows = vec![];
        for kpi in budget_kpis() {
            let says = |spent: f64, amount: i64, start: Start| {
                let (amount, share) = (money(amount), self.elapsed(start));
                match kpi.id {
                    "budget" => Outcome::of(Some(amount)),
                    "budget_used_ratio" => Outcome::ratio(spent, amount),
                    "budget_pace_ratio" => Outcome::ratio(spent, amount * share),
                    _ => Outcome::ratio(spent, share),
                }
            };
            for channel in &channels {
                rows.extend(self.said(&kpi, CHANNEL, channel, &|start| {
                    Some(says(spent(&by_channel, start, &[channel]), amount_of(channel, start)?, start))
                }));
            }
            rows.extend(self.said(&kpi, &[], "", &|start| {
                let amounts: Vec<i64> = channels.iter().filter_map(|channel| amount_of(channel, start)).collect();
                let whole = says(spent(&whole, start, &[]), amounts.iter().sum(), start);
                (!amounts.is_empty()).then_some(whole)
            }));
        }
        rows
    }

    fn elapsed(&self, start: Start) -> f64 {
        let end = self.windows.end(self.frames.kind, start).expect("it ends");
        (self.as_of.min(end).0 - start) as f64 / (end.0 - start) as f64
    }

    fn goals(&self, kpis: &[Kpi]) -> Vec<Row> {
        let mut rows = vec![];
        for kpi in kpis.iter().filter(|kpi| self.targeted().contains(kpi.id)) {
            let cells = self.cells(kpi, &[]);
            // What sums nothing is 0, what divides nothing is not defined.
            let nothing = matches!(kpi.formula, Formula::Sum).then_some(0.0);
            let value = |start: Start| match self.outcome(kpi, &[], start, &vec![], &cells) {
                Some(outcome) => outcome.value,
                None => nothing,
            };
            let goal = |id, unit| Kpi {
                unit,
                settling: kpi.settling,
                has_spend: kpi.has_spend,
                ..ratio(id, &[], |_, _| vec![])
            };
            let target = |start: Start| self.target(kpi.id, start);
            rows.extend(
                self.said(&goal("goal", kpi.unit), KPI, kpi.id, &|start| Some(Outcome::of(Some(target(start)?)))),
            );
            rows.extend(self.said(&goal("goal_attainment_ratio", "ratio"), KPI, kpi.id, &|start| {
                Some(Outcome::parts(value(start), Some(target(start)?)))
            }));
            rows.extend(self.said(&goal("goal_pace_ratio", "ratio"), KPI, kpi.id, &|start| {
                let target = target(start)?;
                Some(Outcome::parts(value(start), Some(target * self.worked(start))))
            }));
        }
        rows
    }

    /// The KPIs with a goal for this kind of windows.
    fn targeted(&self) -> BTreeSet<&str> {
        let targets = self.config.goals.targets.iter().filter(|target| target.window == self.frames.kind);
        targets.map(|target| &*target.kpi).collect()
    }

    fn target(&self, kpi: &str, start: Start) -> Option<f64> {
        let targets = self.config.goals.targets.iter();
        let mine = targets.filter(|target| target.window == self.frames.kind && target.kpi == kpi);
        self.of_window(start, mine.map(|target| (target.start, target.target)))
    }

    /// What is for this window alone, else what is for all.
    fn of_window<T: Copy>(&self, start: Start, all: impl Iterator<Item = (Option<Date>, T)>) -> Option<T> {
        let all: Vec<_> = all.collect();
        let own = all.iter().find(|(day, _)| day.is_some_and(|day| self.windows.midnight(day) == start));
        own.or(all.iter().find(|(day, _)| day.is_none())).map(|(_, of)| *of)
    }

    /// The share of a window's working time that has passed: of Mondays to Fridays without holidays. Without any it
    /// is 0.
    fn worked(&self, start: Start) -> f64 {
        let end = self.windows.end(self.frames.kind, start).expect("it ends");
        let until = |limit: Millis| -> f64 {
            let first = self.windows.date(Millis(start));
            let days = std::iter::successors(Some(first), |day| Some(day.saturating_add(1.day())));
            let passed = days.take_while(|day| self.windows.midnight(*day) < limit.0);
            let share = |day: Date| {
                let (from, to) = (self.windows.midnight(day), self.windows.midnight(day.saturating_add(1.day())));
                let length = (to - from) as f64;
                ((limit.0.min(to) - from) as f64 - (start.max(from) - from) as f64) / length
            };
            passed.filter(|day| self.is_worked(*day)).map(share).sum()
        };
        over(Some(until(self.as_of.min(end))), Some(until(end))).unwrap_or(0.0)
    }

    fn is_worked(&self, day: Date) -> bool {
        day.weekday().to_monday_zero_offset() < 5 && !self.config.goals.holidays.contains(&day)
    }

    /// What a goal of revenue asks of each stage, and how long before, by the last 365 days of the watermark.
    fn needs(&self) -> Vec<Row> {
        let mut rows = vec![];
        let target = |start| self.target("revenue", start);
        if !self.targeted().contains("revenue") {
            return rows;
        }
        for stage in Stage::LADDER {
            let needed = Kpi { total: false, ..count("goal_required", &[STAGE], |_, _| vec![]) };
            rows.extend(self.said(&needed, STAGE, stage.name(), &|start| {
                let goal = target(start)?;
                Some(Outcome::of(self.deals_needed(goal).and_then(|won| over(Some(won), self.ratio_to_won(stage)))))
            }));
            let mut times: Vec<i128> = self.last_year("to_won", Some(stage)).map(|fact| fact.amount).collect();
            times.sort();
            let median = times.get(times.len().div_ceil(2).wrapping_sub(1)).map(|time| *time as f64 / 1000.0);
            let time = Kpi { unit: "seconds", ..needed };
            rows.extend(self.said(&Kpi { id: "goal_lead_seconds", ..time }, STAGE, stage.name(), &|start| {
                target(start).zip(median).map(|(_, median)| Outcome::of(Some(median)))
            }));
        }
        rows.into_iter().map(|row| Row { is_final: false, ..row }).collect()
    }

    fn deals_needed(&self, goal: f64) -> Option<f64> {
        let revenue: i128 = self.last_year("revenue/source", None).map(|fact| fact.amount).sum();
        let deals = self.last_year("revenue_deals", None).count();
        over(Some(goal), over(Some(revenue as f64 / MONEY as f64), Some(deals as f64)))
    }

    /// The product of the stage ratios from here on.
    fn ratio_to_won(&self, stage: Stage) -> Option<f64> {
        Stage::LADDER
            .into_iter()
            .filter(|step| *step >= stage && *step < Stage::Won)
            .map(|step| {
                let entered = self.last_year("stage_cohort", Some(step)).count() as f64;
                let moved = self.last_year("stage_cohort.next", Some(step)).count() as f64;
                self.config.goals.ratios.get(&step).copied().or(over(Some(moved), Some(entered)))
            })
            .product()
    }

    fn last_year(&self, measure: &str, stage: Option<Stage>) -> impl Iterator<Item = &Fact> {
        let first = self.windows.last_days(365);
        let is_of = move |fact: &Fact| stage.is_none_or(|stage| fact.dims["stage"] == stage.name());
        self.facts_of(measure).filter(move |fact| first <= fact.at && is_of(fact))
    }
}

fn budget_kpis() -> [Kpi; 4] {
    // A budget is as final as the spend that it is compared with.
    let over_spend = |id, unit| Kpi { unit, has_spend: true, ..ratio(id, &[CHANNEL], |_, _| vec![]) };
    [
        over_spend("budget", "currency"),
        over_spend("budget_used_ratio", "ratio"),
        over_spend("budget_pace_ratio", "ratio"),
        over_spend("budget_projection", "currency"),
    ]
}
