//! Targets: budgets and goals of the configuration, and how far their windows have gone. Rows of a target are there from
//! the first window with a fact on, whether or not the window itself has one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};

use super::groups::Key;
use super::texts::Texts;
use crate::config::Config;
use crate::kpi::families::{Given, TargetOf};
use crate::kpi::measures::Scale;
use crate::kpi::number::Number;
use crate::model::time::Millis;
use crate::model::window::{Calendar, Day, Window, WindowKind, WindowStart, date_of, day_of};
use crate::partials::cells::Symbol;

/// Of the window with that start, or of every other one.
type Amounts = Vec<(Option<WindowStart>, Number)>;

/// What a family's rows are measured against.
#[derive(Debug)]
pub(super) struct Target {
    /// By subject: a budget's channel. A goal has none.
    amounts: BTreeMap<(WindowKind, Option<Symbol>), Amounts>,
    /// Whether the amounts of several subjects add up where a row has none: budgets do.
    adds_up: bool,
    holidays: BTreeSet<Date>,
}

impl Target {
    pub(super) fn new(of: &TargetOf, config: &Config, texts: &mut Texts) -> Self {
        let mut amounts: BTreeMap<_, Amounts> = BTreeMap::new();
        let start = |date: Option<Date>| date.map(|date| day_of(date).0);
        match of {
            TargetOf::Budget => {
                for budget in &config.budgets {
                    let amount = Number::of(i128::from(budget.amount.0), Scale::Money);
                    let subject = (budget.window, Some(texts.symbol(&budget.channel)));
                    amounts.entry(subject).or_default().push((start(budget.start), amount));
                }
            }
            TargetOf::Goal(kpi) => {
                for goal in config.goals.targets.iter().filter(|goal| goal.kpi == *kpi) {
                    let amount = Number::Real(goal.target);
                    amounts.entry((goal.window, None)).or_default().push((start(goal.start), amount));
                }
            }
        }
        Self { amounts, adds_up: *of == TargetOf::Budget, holidays: config.goals.holidays.clone() }
    }

    /// The keys that have rows, facts or not.
    pub(super) fn keys(&self, has_subject: bool) -> Vec<Key> {
        let subjects: BTreeSet<Option<Symbol>> = self.amounts.keys().map(|(_, subject)| *subject).collect();
        match (self.adds_up, has_subject) {
            (true, true) => subjects.into_iter().flatten().map(|subject| std::iter::once(subject).collect()).collect(),
            // Subjects that no budget names come with their facts.
            (false, true) => Vec::new(),
            (_, false) => vec![Key::new()],
        }
    }

    /// The amount of a row's window; none where nothing is configured for it.
    pub(super) fn amount(&self, window: Window, subject: Option<Symbol>) -> Option<Number> {
        let of = |amounts: &Amounts| {
            let own = amounts.iter().find(|(start, _)| *start == Some(window.start));
            own.or_else(|| amounts.iter().find(|(start, _)| start.is_none())).map(|(_, amount)| *amount)
        };
        if let Some(subject) = subject.filter(|_| self.adds_up) {
            return self.amounts.get(&(window.kind, Some(subject))).and_then(of);
        }
        let all = self.amounts.iter().filter(|((kind, _), _)| *kind == window.kind);
        all.filter_map(|(_, amounts)| of(amounts)).reduce(|sum, amount| sum.plus(amount).unwrap_or(sum))
    }

    /// A number that a row is given.
    pub(super) fn given(
        &self,
        what: Given,
        amount: Number,
        span: (Millis, Millis),
        now: Millis,
        calendar: &Calendar,
    ) -> Number {
        match what {
            Given::Amount => amount,
            Given::Elapsed => Number::Real(elapsed(span, now)),
            Given::Worked => Number::Real(self.worked(span, now, calendar)),
        }
    }

    /// The share of a window's working time that has gone: Mondays to Fridays without holidays, each day evenly.
    fn worked(&self, (start, end): (Millis, Millis), now: Millis, calendar: &Calendar) -> f64 {
        let (first, after) = (calendar.day(start), calendar.day(Millis(end.0 - 1)).0 + 1);
        let (mut all, mut gone) = (0.0, 0.0);
        for day in (first.0..after).map(Day).filter(|day| self.is_worked(*day)) {
            all += 1.0;
            gone += elapsed((calendar.day_start(day), calendar.day_start(Day(day.0 + 1))), now);
        }
        if all == 0.0 { 0.0 } else { gone / all }
    }

    fn is_worked(&self, day: Day) -> bool {
        let date = date_of(day);
        !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.holidays.contains(&date)
    }
}

/// The share of a span that has gone.
fn elapsed((start, end): (Millis, Millis), now: Millis) -> f64 {
    let gone = (now.0 - start.0).clamp(0, end.0 - start.0);
    gone as f64 / (end.0 - start.0) as f64
}
