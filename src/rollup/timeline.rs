//! Windows against the watermark: which one of a kind runs, which are final, which are out of retention, and what a
//! change of a bucket touches. Windows of one kind are told apart by their start alone.

use std::cell::RefCell;
use std::collections::BTreeMap;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::config::Config;
use crate::kpi::formula::Scope;
use crate::kpi::measures::{Measure, Sum};
use crate::kpi::plan::bucket_of;
use crate::model::time::{Millis, Span};
use crate::model::window::{Calendar, Day, Window, WindowKind, WindowStart};

/// How many windows before it a row's benchmark is taken from.
pub(super) const BENCHMARK: usize = 8;
/// Known windows are forgotten when so many have been asked for.
const MAX_KNOWN: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Timeline {
    calendar: Calendar,
    /// L, and H + L.
    /// H.
    settle: Span,
    plain: Span,
    settled: Span,
    retention: BTreeMap<String, Span>,
    known: RefCell<HashMap<Window, Extent>>,
    /// Where the watermark is.
    pub watermark: Option<Millis>,
    /// How many facts there are of each day.
    days: BTreeMap<i32, i64>,
}

/// What the calendar says of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub start: Option<Millis>,
    pub end: Option<Millis>,
    pub days: Option<(Day, Day)>,
    pub previous: Option<Window>,
}

/// Where the watermark stands among the windows of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Horizon {
    /// The window that holds the watermark; of a rolling kind, the one whose last day does.
    pub running: WindowStart,
    /// The oldest window that the running row's previous or benchmark quotes.
    pub quoted: WindowStart,
    /// Rows of windows before are final: plain ones, settling ones.
    pub final_plain: WindowStart,
    pub final_settling: WindowStart,
    /// Rows of windows before are gone.
    pub kept: WindowStart,
}

impl Timeline {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            calendar: config.time.calendar.clone(),
            settle: config.time.settle,
            plain: config.time.allowed_lateness,
            settled: config.time.settle + config.time.allowed_lateness,
            retention: config.output.retention.clone(),
            known: RefCell::default(),
            watermark: None,
            days: BTreeMap::new(),
        }
    }

    /// Notes facts of a bucket.
    pub(super) fn note(&mut self, bucket: Window, facts: i64) {
        if bucket.kind == WindowKind::Day && facts != 0 {
            let noted = self.days.entry(bucket.start).or_default();
            *noted += facts;
            if *noted == 0 {
                self.days.remove(&bucket.start);
            }
        }
    }

    /// The first window of a kind in which there are facts.
    pub(super) fn first_window(&self, kind: WindowKind) -> Option<WindowStart> {
        let (day, _) = self.days.iter().find(|(_, facts)| **facts > 0)?;
        Some(self.calendar.window_of_day(kind, Day(*day)).start)
    }

    pub(super) const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The last minute whose steps a window reads: that of its end + H.
    pub(super) fn standing(&self, window: Window) -> i32 {
        let upto = self.extent(window).end.map(|end| end + self.settle);
        upto.and_then(|upto| i32::try_from(upto.0.div_euclid(Span::MINUTE.0)).ok()).unwrap_or(i32::MAX)
    }

    /// The days of a stretch that ends with the watermark's: of its quarter, of the last year.
    pub(super) fn recent(&self, over: Scope) -> Option<(Day, Day)> {
        if !matches!(over, Scope::Quarter | Scope::Year) {
            return None;
        }
        let today = self.calendar.day(self.watermark?);
        let first = match over {
            Scope::Quarter => self.calendar.window_of_day(WindowKind::Quarter, today).start,
            _ => today.0 - 364,
        };
        Some((Day(first), Day(today.0 + 1)))
    }

    pub(super) fn extent(&self, window: Window) -> Extent {
        let mut known = self.known.borrow_mut();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        *known.entry(window).or_insert_with(|| Extent {
            start: self.calendar.start(window),
            end: self.calendar.end(window),
            days: self.calendar.days(window),
            previous: self.calendar.previous(window),
        })
    }

    pub(super) fn horizon(&self, kind: WindowKind, watermark: Millis) -> Horizon {
        let running = self.calendar.window_at(kind, watermark);
        if matches!(kind, WindowKind::All | WindowKind::Now) {
            let never = WindowStart::MIN;
            return Horizon { running: 0, quoted: 0, final_plain: never, final_settling: never, kept: never };
        }
        let settled = |after: Span| self.calendar.window_at(kind, watermark - after - Span(1)).start;
        let kept = self
            .retention_of(kind)
            .map_or(WindowStart::MIN, |retention| self.calendar.window_at(kind, watermark - retention - Span(1)).start);
        Horizon {
            running: running.start,
            quoted: self.before(running).last().map_or(running.start, |window| window.start),
            final_plain: settled(self.plain),
            final_settling: settled(self.settled),
            kept,
        }
    }

    fn retention_of(&self, kind: WindowKind) -> Option<Span> {
        let by_name = self.retention.get(&kind.to_string());
        by_name.or_else(|| self.retention.get("rolling").filter(|_| kind.is_rolling())).copied()
    }

    /// The window of a kind that starts at a moment; `all` has none.
    pub(super) fn starting(&self, kind: WindowKind, at: Millis) -> Option<Window> {
        let window = match kind {
            WindowKind::Rolling(_) => Window { kind, start: self.calendar.day(at).0 },
            kind => self.calendar.window_at(kind, at),
        };
        (self.extent(window).start == Some(at)).then_some(window)
    }

    /// The windows that a row quotes, the nearest first: of a rolling kind, one.
    pub(super) fn before(&self, window: Window) -> impl Iterator<Item = Window> {
        let count = if window.kind.is_rolling() { 1 } else { BENCHMARK };
        std::iter::successors(self.extent(window).previous, |window| self.extent(*window).previous).take(count)
    }

    /// The last window that quotes this one.
    pub(super) fn last_quoting(&self, window: Window) -> WindowStart {
        let following = std::iter::successors(self.calendar.next(window), |window| self.calendar.next(*window));
        following.take(BENCHMARK).last().map_or(window.start, |window| window.start)
    }

    /// Which windows of a kind, from the first to the last start, a change of a measure's bucket touches.
    pub(super) fn touched(
        &self,
        measure: Measure,
        bucket: Window,
        kind: WindowKind,
    ) -> Option<(WindowStart, WindowStart)> {
        if bucket.kind != bucket_of(measure, kind) {
            return None;
        }
        if measure.sum() == Sum::Standing {
            // A step counts in every window that ends H before it or later.
            let from = Millis(i64::from(bucket.start) * Span::MINUTE.0) - self.settle;
            let first = if kind == WindowKind::Now { 0 } else { self.calendar.window_at(kind, from).start };
            return Some((first, if kind == WindowKind::Now { 0 } else { WindowStart::MAX }));
        }
        Some(match (measure.sum(), kind) {
            (Sum::Additive, WindowKind::Rolling(days)) => (bucket.start - i32::from(days) + 1, bucket.start),
            // A step counts from its day on.
            (Sum::Distinct, WindowKind::Rolling(days)) => (bucket.start - i32::from(days) + 1, WindowStart::MAX),
            _ => {
                let start = self.window_of(measure, bucket.start, kind);
                (start, start)
            }
        })
    }

    /// The tumbling window that a bucket is in.
    pub(super) fn window_of(&self, measure: Measure, bucket: WindowStart, kind: WindowKind) -> WindowStart {
        if bucket_of(measure, kind) == kind { bucket } else { self.calendar.window_of_day(kind, Day(bucket)).start }
    }

    /// The first bucket of a kind shorter than a day that a kept row can quote.
    pub(super) fn oldest_quotable(&self, kind: WindowKind, horizon: Horizon) -> WindowStart {
        if horizon.kept == WindowStart::MIN {
            return WindowStart::MIN;
        }
        let first = Window { kind, start: horizon.kept };
        self.before(first).last().map_or(horizon.kept, |window| window.start)
    }
}

/// The rows that a change of a bucket touches: the same for many cells of a block.
#[derive(Debug, Default)]
pub(super) struct Touched {
    of: Option<(Measure, Window)>,
    rows: SmallVec<[RowsOf; 12]>,
}

/// The first and the last start of a kind's rows, and where the watermark stands among them.
type RowsOf = (WindowKind, Horizon, (WindowStart, WindowStart));

impl Touched {
    pub(super) fn of(
        &mut self,
        measure: Measure,
        bucket: Window,
        timeline: &Timeline,
        horizons: &[(WindowKind, Option<Horizon>)],
    ) -> &[RowsOf] {
        if self.of.replace((measure, bucket)) != Some((measure, bucket)) {
            let rows = |(kind, horizon): &(WindowKind, Option<Horizon>)| {
                Some((*kind, (*horizon)?, timeline.touched(measure, bucket, *kind)?))
            };
            self.rows = horizons.iter().filter_map(rows).collect();
        }
        &self.rows
    }
}
