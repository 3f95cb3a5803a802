//! A series: the cells of one view's group over time. Sums over ranges of days cost two searches: beside each cell is
//! the sum of all up to it, brought up to date after a batch of changes.

use smallvec::SmallVec;

use crate::kpi::measures::Sum;
use crate::kpi::plan::bucket_of_sum;
use crate::model::sparing;
use crate::model::window::{Day, Window, WindowKind};
use crate::partials::cells::Amount;

/// Cells of one kind of bucket, by time.
#[derive(Debug, Default)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    /// The sum of the cells up to each, as far as it is known.
    upto: Vec<Amount>,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    at: i32,
    amount: Amount,
}

#[derive(Debug, Default)]
pub(super) struct Series {
    buckets: SmallVec<[(WindowKind, Cells); 1]>,
    /// The groups of rows that read it: family and group.
    pub links: Vec<(u32, u32)>,
    /// Whether its facts have made the groups that they make.
    pub rooted: bool,
}

impl Cells {
    fn add(&mut self, at: i32, delta: Amount) {
        let place = self.cells.partition_point(|cell| cell.at < at);
        match self.cells.get_mut(place) {
            Some(cell) if cell.at == at => {
                cell.amount.add(delta);
                if cell.amount.is_empty() {
                    self.cells.remove(place);
                }
            }
            _ => sparing::insert(&mut self.cells, place, Cell { at, amount: delta }),
        }
        self.upto.truncate(place);
    }

    fn sum(&mut self) {
        let mut upto = self.upto.last().copied().unwrap_or_default();
        let new = &self.cells[self.upto.len()..];
        sparing::make_room(&mut self.upto, new.len());
        for cell in new {
            upto.add(cell.amount);
            self.upto.push(upto);
        }
    }

    fn at(&self, at: i32) -> Amount {
        match self.cells.binary_search_by_key(&at, |cell| cell.at) {
            Ok(place) => self.cells[place].amount,
            Err(_) => Amount::default(),
        }
    }

    /// The sum of the cells before a time.
    fn before(&self, at: i32) -> Amount {
        debug_assert_eq!(self.upto.len(), self.cells.len(), "read before summed");
        let place = self.cells.partition_point(|cell| cell.at < at);
        place.checked_sub(1).map_or_else(Amount::default, |last| self.upto[last])
    }

    /// The times of its cells within [from, to].
    fn times(&self, from: i32, to: i32) -> impl Iterator<Item = i32> {
        let first = self.cells.partition_point(|cell| cell.at < from);
        self.cells[first..].iter().map(|cell| cell.at).take_while(move |at| *at <= to)
    }
}

impl Series {
    pub(super) fn add(&mut self, bucket: Window, delta: Amount) {
        let known = self.buckets.iter().position(|(kind, _)| *kind == bucket.kind);
        let place = known.unwrap_or_else(|| {
            self.buckets.push((bucket.kind, Cells::default()));
            self.buckets.len() - 1
        });
        self.buckets[place].1.add(bucket.start, delta);
    }

    /// To be called after changes and before reading. Nothing is summed over minutes and hours.
    pub(super) fn sum(&mut self) {
        let is_short = |kind: WindowKind| matches!(kind, WindowKind::Minute | WindowKind::Hour);
        self.buckets.iter_mut().filter(|(kind, _)| !is_short(*kind)).for_each(|(_, cells)| cells.sum());
    }

    fn cells(&self, kind: WindowKind) -> Option<&Cells> {
        self.buckets.iter().find(|(found, _)| *found == kind).map(|(_, cells)| cells)
    }

    /// The sum of a window; `days` are its days, if it has any.
    pub(super) fn amount(&self, sum: Sum, window: Window, days: Option<(Day, Day)>) -> Amount {
        let Some(cells) = self.cells(bucket_of_sum(sum, window.kind)) else { return Amount::default() };
        match (sum, window.kind, days) {
            (Sum::Additive, WindowKind::All, _) => cells.before(i32::MAX),
            (Sum::Additive, WindowKind::Minute | WindowKind::Hour, _) => cells.at(window.start),
            (Sum::Additive, _, Some((first, after))) => cells.before(after.0).minus(cells.before(first.0)),
            // Steps up to the window's last day.
            (Sum::Distinct, WindowKind::Rolling(_), Some((_, after))) => cells.before(after.0),
            _ => cells.at(window.start),
        }
    }

    /// The sum of the steps up to a minute.
    pub(super) fn steps_upto(&self, minute: i32) -> Amount {
        let cells = self.cells(WindowKind::Now);
        cells.map_or_else(Amount::default, |cells| cells.before(minute.saturating_add(1)))
    }

    /// The sum of some days, [first, after).
    pub(super) fn of_days(&self, (first, after): (Day, Day)) -> Amount {
        let cells = self.cells(WindowKind::Day);
        cells.map_or_else(Amount::default, |cells| cells.before(after.0).minus(cells.before(first.0)))
    }

    /// The times of the buckets that windows of a kind are summed from, within [from, to].
    pub(super) fn times(&self, sum: Sum, kind: WindowKind, from: i32, to: i32) -> impl Iterator<Item = i32> {
        self.cells(bucket_of_sum(sum, kind)).into_iter().flat_map(move |cells| cells.times(from, to))
    }

    pub(super) fn forget(&mut self, kind: WindowKind, before: i32) {
        if let Some((_, cells)) = self.buckets.iter_mut().find(|(found, _)| *found == kind) {
            cells.cells.retain(|cell| cell.at >= before);
            cells.upto.clear();
        }
        self.sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(sum: i128) -> Amount {
        Amount { sum, facts: if sum < 0 { -1 } else { 1 } }
    }

    #[test]
    fn ranges_of_days_are_differences_of_sums() {
        let mut series = Series::default();
        for (day, sum) in [(10, 1), (12, 2), (11, 4), (10, 8)] {
            series.add(Window { kind: WindowKind::Day, start: day }, one(sum));
        }
        series.sum();
        let week = Window { kind: WindowKind::Rolling(2), start: 10 };
        assert_eq!({ series.amount(Sum::Additive, week, Some((Day(10), Day(12)))).sum }, 13);
        series.add(Window { kind: WindowKind::Day, start: 11 }, one(4).minus(one(8)));
        series.sum();
        assert_eq!({ series.amount(Sum::Additive, week, Some((Day(10), Day(12)))).sum }, 9);
        assert_eq!({ series.amount(Sum::Additive, Window { kind: WindowKind::All, start: 0 }, None).sum }, 11);
    }

    #[test]
    fn distinct_subjects_are_in_rolling_windows_between_steps() {
        let mut series = Series::default();
        let kind = WindowKind::Rolling(3);
        series.add(Window { kind, start: 5 }, one(1));
        series.add(Window { kind, start: 8 }, one(-1));
        series.sum();
        let on = |last: i32| {
            series.amount(Sum::Distinct, Window { kind, start: last - 2 }, Some((Day(last - 2), Day(last + 1)))).sum
        };
        assert_eq!([on(4), on(5), on(7), on(8)], [0, 1, 1, 0]);
    }
}
