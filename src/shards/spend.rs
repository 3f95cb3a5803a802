//! Spend: money booked at a moment, or spread evenly by time over a period and accrued up to the watermark. What is
//! accrued by a moment is the amount times the elapsed share, rounded once, so that parts always add up.

use serde::{Deserialize, Serialize};

use super::fold::Fold;
use super::rules::Rules;
use super::symbols::OriginId;
use crate::kpi::measures::{Dim, Measure};
use crate::model::event::Spend;
use crate::model::time::{Millis, Span};
use crate::model::window::WindowKind;
use crate::partials::cells::Symbol;

/// The spend of the channels that live in a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Spending {
    /// In the order of time and id: what was booked, to know it again.
    booked: Vec<(Millis, Box<str>)>,
    /// Periods that have not ended.
    accruing: Vec<Accrual>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Accrual {
    amount: i64,
    start: Millis,
    end: Millis,
    origin: OriginId,
    category: Symbol,
    /// Up to where it is counted.
    counted_to: Millis,
}

impl Spending {
    /// Books a spend record. False when it was known.
    pub fn book(&mut self, spend: &Spend<'_>, late: Option<Millis>, fold: &mut Fold) -> bool {
        let id = spend.event_id.text();
        let known = (spend.occurred_at, &*id);
        let Err(place) = self.booked.binary_search_by(|(at, id)| (*at, &**id).cmp(&known)) else { return false };
        self.booked.insert(place, (spend.occurred_at, (*id).into()));
        let origin = fold.symbols.origin(&spend.origin);
        let category = fold.symbols.of(Dim::Category, spend.category.name());
        let amount = spend.amount.0;
        // A moment's part settles H after it: what was booked or arrived later than that comes too late for it.
        let settle = fold.rules.settle();
        let arrived = late.map_or(Millis::MIN, |mark| mark - settle - fold.rules.lateness());
        match spend.period {
            None if spend.occurred_at >= arrived => {
                fold.spend(spend.occurred_at, origin, category, amount);
            }
            None => {}
            Some((start, end)) => {
                let counted_to = start.max(spend.occurred_at - settle).max(arrived);
                self.accruing.push(Accrual { amount, start, end, origin, category, counted_to });
            }
        }
        true
    }

    /// Counts what has accrued by the watermark.
    pub fn accrue(&mut self, watermark: Millis, fold: &mut Fold) {
        for accrual in &mut self.accruing {
            accrual.accrue(watermark, fold);
        }
        self.accruing.retain(|accrual| accrual.counted_to < accrual.end);
    }

    /// Forgets the ids of what was booked so long ago that no redelivery of it is to be known again.
    pub fn forget_before(&mut self, horizon: Millis) {
        let old = self.booked.partition_point(|(at, _)| *at < horizon);
        // Moving what stays costs as much as it holds: do it when half of it goes.
        if old > 64 && old * 2 > self.booked.len() {
            self.booked.drain(..old);
        }
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.booked.capacity() * (size_of::<(Millis, Box<str>)>() + 36)
            + self.accruing.capacity() * size_of::<Accrual>()
    }
}

impl Accrual {
    fn accrue(&mut self, watermark: Millis, fold: &mut Fold) {
        let to = watermark.min(self.end);
        while self.counted_to < to {
            let part_to = next_boundary(self.counted_to, &fold.rules, fold.tally.time()).min(to);
            let part = self.by(part_to) - self.by(self.counted_to);
            fold.spend(self.counted_to, self.origin, self.category, part);
            self.counted_to = part_to;
        }
    }

    /// What has accrued by a moment of the period, rounded half to even.
    fn by(&self, at: Millis) -> i64 {
        let elapsed = i128::from((at - self.start).0);
        let whole = i128::from((self.end - self.start).0);
        let product = i128::from(self.amount) * elapsed;
        let (floor, rest) = (product.div_euclid(whole), product.rem_euclid(whole) * 2);
        let up = rest > whole || (rest == whole && floor % 2 != 0);
        i64::try_from(floor + i128::from(up)).expect("no more than the amount")
    }
}

/// Where the shortest window that spend is counted in ends.
fn next_boundary(at: Millis, rules: &Rules, time: &mut crate::model::window::LocalTime) -> Millis {
    let grains = rules.plan.grains(Measure::Spend);
    if grains.iter().any(|(grain, _)| *grain == WindowKind::Minute) {
        return Millis((at.0.div_euclid(60_000) + 1) * 60_000);
    }
    if grains.iter().any(|(grain, _)| *grain == WindowKind::Hour) {
        return time.hour(at).to;
    }
    let day = time.hour(at).day;
    let next = time.calendar().day_start(crate::model::window::Day(day.0 + 1));
    if next > at { next } else { at + Span::DAY }
}

impl Fold {
    fn spend(&mut self, at: Millis, origin: OriginId, category: Symbol, amount: i64) {
        let [channel, campaign, content, term] = self.symbols.origin_symbols(origin);
        self.tally.count(Measure::Spend, at, &[channel, campaign, content, term, category], amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accrual(amount: i64, days: i64) -> Accrual {
        let (start, end) = (Millis(0), Millis(0) + Span::days(days));
        Accrual { amount, start, end, origin: OriginId(0), category: Symbol(1), counted_to: start }
    }

    #[test]
    fn parts_add_up_to_the_amount() {
        let month = accrual(1_000_000, 30);
        assert_eq!(month.by(month.end), 1_000_000);
        assert_eq!(month.by(Millis(0)), 0);
        let days: i64 = (0..30)
            .map(|day| {
                let from = Millis(0) + Span::days(day);
                month.by(from + Span::DAY) - month.by(from)
            })
            .sum();
        assert_eq!(days, 1_000_000);
    }

    #[test]
    fn halves_round_to_even() {
        assert_eq!(accrual(1, 2).by(Millis(0) + Span::DAY), 0);
        assert_eq!(accrual(3, 2).by(Millis(0) + Span::DAY), 2);
        assert_eq!(accrual(-1, 2).by(Millis(0) + Span::DAY), 0);
        assert_eq!(accrual(-3, 2).by(Millis(0) + Span::DAY), -2);
    }
}
