//! From series to what a row says: the sums of its window, its formula, the rows it quotes; and which windows of a
//! group can have a row at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::groups::{Group, Key, Opened};
use super::journeys::{self, Memo};
use super::row::Says;
use super::series::Series;
use super::statistics::{median, wilson};
use super::targets::Target;
use super::texts::Texts;
use super::timeline::{Extent, Horizon, Timeline};
use super::views::Views;
use crate::kpi::families::{Given, Operand};
use crate::kpi::measures::Sum;
use crate::kpi::number::Number;
use crate::kpi::spread::{self, Stat};
use crate::model::time::Millis;
use crate::model::window::{Window, WindowKind, WindowStart};
use crate::partials::cells::Amount;

/// What rows are computed from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub views: &'a Views,
    pub timeline: &'a Timeline,
    pub families: &'a [Opened],
    pub texts: &'a Texts,
    pub journeys: journeys::Settings,
    pub memo: &'a Memo,
}

/// A target in one window.
struct Aim<'a> {
    target: &'a Target,
    amount: Number,
    span: (Millis, Millis),
    now: Millis,
    of: &'a Timeline,
}

impl Aim<'_> {
    fn given(&self, given: Given) -> Number {
        self.target.given(given, self.amount, self.span, self.now, self.of.calendar())
    }
}

/// The formula's parts in one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub value: Option<Number>,
    pub numerator: Option<Number>,
    pub denominator: Option<Number>,
}

impl<'a> Source<'a> {
    /// What each row of a group says in a window: one, or none where no fact of its own measures is in it. Rows that are
    /// made of journeys are told apart by their keys.
    pub(super) fn says(
        self,
        of: &'a Opened,
        group: &'a Group,
        window: Window,
        horizon: Horizon,
        interval: bool,
    ) -> SmallVec<[(Key, Says); 1]> {
        let Some(what) = of.family.journeys else {
            let row = self.parts(of, group, window).map(|parts| {
                let before = self.timeline.before(window).map(|before| self.parts(of, group, before)?.value).collect();
                (Key::new(), self.quoting(of, window, parts, before, horizon, interval))
            });
            return row.into_iter().collect();
        };
        let before: Vec<_> =
            self.timeline.before(window).map(|before| self.of_journeys(of, group, what, before)).collect();
        let rows = self.of_journeys(of, group, what, window);
        let row = |(key, parts): &(Key, Parts)| {
            let of_key = |rows: &Arc<journeys::Rows>| rows.iter().find(|(other, _)| other == key)?.1.value;
            let quoted = before.iter().map(of_key).collect();
            (key.clone(), self.quoting(of, window, *parts, quoted, horizon, interval))
        };
        rows.iter().map(row).collect()
    }

    /// A row, with what it quotes of those before.
    fn quoting(
        self,
        of: &Opened,
        window: Window,
        parts: Parts,
        quoted: SmallVec<[Option<Number>; 8]>,
        horizon: Horizon,
        interval: bool,
    ) -> Says {
        let previous = quoted.first().copied().flatten();
        let benchmark = if window.kind.is_rolling() { None } else { median(quoted.into_iter().flatten().collect()) };
        let change = parts.value.zip(previous).and_then(|(value, previous)| value.over(previous));
        let between = || wilson(parts.numerator?.to_f64(), parts.denominator?.to_f64());
        let (low, high) = if interval { between().unzip() } else { (None, None) };
        let last = !of.looks_back()
            && window.start < if of.family.settling { horizon.final_settling } else { horizon.final_plain };
        Says {
            value: parts.value,
            numerator: parts.numerator,
            denominator: parts.denominator,
            low,
            high,
            previous,
            change: change.map(|ratio| ratio.to_f64() - 1.0),
            benchmark,
            last,
        }
    }

    fn parts(self, of: &'a Opened, group: &Group, window: Window) -> Option<Parts> {
        let days = self.timeline.extent(window).days;
        let mut amounts: SmallVec<[Amount; 4]> = SmallVec::new();
        let mut exists = false;
        let target = match &of.target {
            Some(target) => Some(self.target(of, group, target, window)?),
            None => None,
        };
        if let Some(Stat::Quantile(quantile)) = of.family.stat {
            let value = self.quantile(of, group, window, quantile)?;
            return Some(Parts { value: Some(value), numerator: None, denominator: None });
        }
        for (at, term) in of.family.terms.iter().enumerate() {
            let series = &self.views.views[of.views[at] as usize].series[group.series[at] as usize];
            let amount = match self.timeline.recent(term.over) {
                Some(days) => series.of_days(days),
                None if term.view.measure.sum() == Sum::Standing => series.steps_upto(self.timeline.standing(window)),
                None => series.amount(term.view.measure.sum(), window, days),
            };
            // Steps of subjects that came and went leave facts behind, but nobody.
            let steps = term.view.measure.sum() == Sum::Distinct && window.kind.is_rolling();
            exists |= term.own && if steps { amount.sum > 0 } else { amount.facts > 0 };
            amounts.push(amount);
        }
        if !exists && target.is_none() {
            return None;
        }
        let number = |operand: &Operand| match *operand {
            Operand::Term(at) => Number::of(amounts[at].sum, of.family.terms[at].view.measure.scale()),
            Operand::Given(given) => target.as_ref().map_or(Number::Real(0.0), |target| target.given(given)),
        };
        if let Some(by_channel) = of.by_channel {
            // The sum of what the channels have; none has a value, none has the total.
            let by_channel = &self.families[by_channel];
            // In the order of their names: sums of floating point are the same in no other.
            let mut groups: SmallVec<[&Group; 16]> = by_channel.groups.iter().collect();
            groups.sort_unstable_by(|a, b| a.dims.cmp(&b.dims));
            let values = groups.into_iter().filter_map(|group| self.parts(by_channel, group, window)?.value);
            let value = values.reduce(|sum, value| sum.plus(value).unwrap_or(sum));
            return Some(Parts { value, numerator: None, denominator: None });
        }
        let formula = &of.family.formula;
        let numerator = formula.numerator.value(&number);
        let Some(denominator) = &formula.denominator else {
            return Some(Parts { value: numerator, numerator: None, denominator: None });
        };
        let denominator = denominator.value(&number);
        let quotient = numerator.zip(denominator).and_then(|(over, under)| over.over(under));
        let value = quotient.and_then(|value| Number::real(value.to_f64() * formula.factor));
        Some(Parts { value, numerator, denominator })
    }

    /// What a row is measured against: none where nothing is configured for it, or before the first fact.
    fn target(self, of: &Opened, group: &Group, target: &'a Target, window: Window) -> Option<Aim<'a>> {
        let subject = group.key.first().copied().filter(|_| of.family.named.is_none());
        let amount = target.amount(window, subject)?;
        let Extent { start, end, .. } = self.timeline.extent(window);
        let span = (start?, end?);
        let now = self.timeline.watermark?;
        (window.start >= self.timeline.first_window(window.kind)?).then_some(Aim {
            target,
            amount,
            span,
            now,
            of: self.timeline,
        })
    }

    /// Every window of a target's rows, from one start to another.
    fn aimed(self, kind: WindowKind, (from, to): (WindowStart, WindowStart)) -> BTreeSet<WindowStart> {
        let mut found = BTreeSet::new();
        let Some(first) = self.timeline.first_window(kind) else { return found };
        let mut next = Some(Window { kind, start: first });
        while let Some(window) = next.filter(|window| window.start <= to) {
            if window.start >= from {
                found.insert(window.start);
            }
            next = match kind {
                WindowKind::Rolling(_) => Some(Window { kind, start: window.start + 1 }),
                _ => self.timeline.calendar().next(window),
            };
        }
        found
    }

    /// The value of the rank of a quantile in a spread. None where nothing is in the window.
    fn quantile(self, of: &Opened, group: &Group, window: Window, quantile: f64) -> Option<Number> {
        let (view, sum) = (&self.views.views[of.views[0] as usize], of.family.terms[0].view.measure.sum());
        let days = self.timeline.extent(window).days;
        let recent = self.timeline.recent(of.family.terms[0].over);
        let amount = |series: &Series| match recent {
            Some(days) => series.of_days(days),
            None => series.amount(sum, window, days),
        };
        let buckets = view.spreads[group.series[0] as usize].iter();
        let counts = buckets.map(|(value, series)| (*value, amount(&view.series[*series as usize])));
        let counts: SmallVec<[(f64, i128); 16]> = counts.map(|(value, amount)| (value, amount.sum)).collect();
        let all: i128 = counts.iter().map(|(_, count)| count).sum();
        if all <= 0 {
            return None;
        }
        let rank = spread::rank(quantile, all);
        let mut upto = 0;
        let found = counts.into_iter().find(|(_, count)| {
            upto += count;
            upto >= rank
        });
        found.and_then(|(value, _)| Number::real(value))
    }

    /// The series that make a term of a group: one, or those of a spread's buckets.
    fn series_of(self, of: &Opened, group: &Group, term: usize) -> SmallVec<[&'a Series; 1]> {
        let view = &self.views.views[of.views[term] as usize];
        let place = group.series[term] as usize;
        if view.is_spread() {
            return view.spreads[place].iter().map(|(_, series)| &view.series[*series as usize]).collect();
        }
        std::iter::once(&view.series[place]).collect()
    }

    /// The windows of a kind, from one start to another, in which the group has a fact of its own.
    pub(super) fn windows(
        self,
        of: &Opened,
        group: &Group,
        kind: WindowKind,
        (from, to): (WindowStart, WindowStart),
    ) -> BTreeSet<WindowStart> {
        if of.target.is_some() {
            return self.aimed(kind, (from, to));
        }
        let mut found = BTreeSet::new();
        for (at, term) in of.family.terms.iter().enumerate().filter(|(_, term)| term.own) {
            let measure = term.view.measure;
            for series in self.series_of(of, group, at) {
                let all = |from| series.times(measure.sum(), kind, from, WindowStart::MAX);
                match (measure.sum(), kind) {
                    (Sum::Standing, _) => found.extend(all(WindowStart::MIN).next().map(|_| 0)),
                    (_, WindowKind::All) => found.extend(all(WindowStart::MIN).next().map(|_| 0)),
                    (Sum::Additive, WindowKind::Rolling(days)) => {
                        let mut next = from;
                        for day in all(from) {
                            let first = next.max(day - i32::from(days) + 1);
                            if first > to {
                                break;
                            }
                            found.extend(first..=day.min(to));
                            next = next.max(day.saturating_add(1));
                        }
                    }
                    (Sum::Distinct, WindowKind::Rolling(days)) => {
                        // From the first step on there may be subjects; the last takes the last of them away.
                        let steps = all(WindowStart::MIN);
                        let (first, last) =
                            steps.fold((None, None), |(first, _), step| (first.or(Some(step)), Some(step)));
                        if let (Some(first), Some(last)) = (first, last) {
                            let start = |day: i32| day - i32::from(days) + 1;
                            found.extend(start(first).max(from)..=start(last).min(to));
                        }
                    }
                    _ => {
                        let starts = all(from).map(|at| self.timeline.window_of(measure, at, kind));
                        found.extend(starts.skip_while(|start| *start < from).take_while(|start| *start <= to));
                    }
                }
            }
        }
        found
    }
}

impl Says {
    /// Tells whether a row says the same as when it was published.
    pub(super) fn print(&self) -> u64 {
        let mut bytes: SmallVec<[u8; 160]> = SmallVec::new();
        for number in [self.value, self.numerator, self.denominator, self.previous, self.benchmark] {
            match number {
                None => bytes.push(0),
                Some(Number::Real(value)) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&value.to_bits().to_le_bytes());
                }
                Some(Number::Exact { units, decimals }) => {
                    bytes.push(2 + decimals);
                    bytes.extend_from_slice(&units.to_le_bytes());
                }
            }
        }
        // low, high and change follow from these.
        bytes.push(u8::from(self.last));
        xxh3_64(&bytes)
    }
}
