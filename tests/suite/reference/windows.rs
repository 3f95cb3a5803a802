//! Windows from the calendar's definition: which ones hold a moment, where they begin and end, which is before one.
//! A window is named by its first moment; `all` and `now` by none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tributary::model::time::Millis;
use tributary::model::window::WindowKind;

/// The first moment of a window; the least value for `all` and `now`, which have none.
pub type Start = i64;
const EVER: Start = i64::MIN;

pub struct Windows<'a> {
    pub zone: &'a TimeZone,
    /// The watermark.
    pub as_of: Millis,
}

/// The windows of one kind that some moments lie in, worked out once.
pub struct Frames {
    pub kind: WindowKind,
    /// Moment → the windows that hold it.
    pub holding: BTreeMap<Millis, Vec<Start>>,
    pub end: BTreeMap<Start, Option<Millis>>,
    /// Window → the eight before, the nearest first.
    pub before: BTreeMap<Start, Vec<Start>>,
}

impl Windows<'_> {
    pub fn frames(&self, kind: WindowKind, moments: impl Iterator<Item = Millis>) -> Frames {
        let moments: BTreeSet<Millis> = moments.collect();
        let holding: BTreeMap<_, _> = moments.into_iter().map(|at| (at, self.holding(kind, at))).collect();
        let starts: BTreeSet<Start> = holding.values().flatten().copied().collect();
        let earlier = |start: &Start| self.previous(kind, *start);
        let before = |start| std::iter::successors(earlier(&start), earlier).take(8).collect();
        Frames {
            kind,
            holding,
            end: starts.iter().map(|start| (*start, self.end(kind, *start))).collect(),
            before: starts.iter().map(|start| (*start, before(*start))).collect(),
        }
    }

    /// The windows of the kind that hold the moment and have begun (a rolling one: whose last day has).
    pub fn holding(&self, kind: WindowKind, at: Millis) -> Vec<Start> {
        match kind {
            WindowKind::All | WindowKind::Now => vec![EVER],
            WindowKind::Rolling(days) => {
                let day = self.date(at);
                (0..i64::from(days))
                    .map(|later| day.saturating_add(later.days()))
                    .filter(|last| self.midnight(*last) <= self.as_of.0)
                    .map(|last| self.midnight(last.saturating_sub((i64::from(days) - 1).days())))
                    .collect()
            }
            _ => [self.tumbling(kind, at)].into_iter().filter(|start| *start <= self.as_of.0).collect(),
        }
    }

    /// The moment it ends before.
    pub fn end(&self, kind: WindowKind, start: Start) -> Option<Millis> {
        let first = || self.date(Millis(start));
        let end = match kind {
            WindowKind::All | WindowKind::Now => return None,
            WindowKind::Minute => start + 60_000,
            WindowKind::Hour => (1..=120)
                .map(|minutes| start + minutes * 60_000)
                .find(|at| self.tumbling(kind, Millis(*at)) != start)
                .expect("no local hour has 120 minutes"),
            WindowKind::Day => self.midnight(first().saturating_add(1.day())),
            WindowKind::Week => self.midnight(first().saturating_add(7.days())),
            WindowKind::Month => self.midnight(first().saturating_add(1.month())),
            WindowKind::Quarter => self.midnight(first().saturating_add(3.months())),
            WindowKind::Year => self.midnight(first().saturating_add(1.year())),
            WindowKind::Rolling(days) => self.midnight(first().saturating_add(i64::from(days).days())),
        };
        Some(Millis(end))
    }

    /// The window of the same kind just before; of a rolling kind, N days before.
    pub fn previous(&self, kind: WindowKind, start: Start) -> Option<Start> {
        match kind {
            WindowKind::All | WindowKind::Now => None,
            WindowKind::Rolling(days) => {
                Some(self.midnight(self.date(Millis(start)).saturating_sub(i64::from(days).days())))
            }
            _ => Some(self.tumbling(kind, Millis(start - 1))),
        }
    }

    /// As a row says it.
    pub fn named(start: Start) -> Option<i64> {
        (start != EVER).then_some(start)
    }

    pub fn date(&self, at: Millis) -> Date {
        self.local(at).date()
    }

    pub fn midnight(&self, date: Date) -> i64 {
        date.to_zoned(self.zone.clone()).expect("a date of the calendar").timestamp().as_millisecond()
    }

    /// The first moment of the last so many local days, today's among them.
    pub fn last_days(&self, days: i64) -> Millis {
        Millis(self.midnight(self.date(self.as_of).saturating_sub((days - 1).days())))
    }

    fn tumbling(&self, kind: WindowKind, at: Millis) -> Start {
        let day = self.date(at);
        let first = match kind {
            WindowKind::Minute => return at.0.div_euclid(60_000) * 60_000,
            WindowKind::Hour => return self.hour(at),
            WindowKind::Week => day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days()),
            WindowKind::Month => day.first_of_month(),
            WindowKind::Quarter => jiff::civil::date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1),
            WindowKind::Year => day.first_of_year(),
            _ => day,
        };
        self.midnight(first)
    }

    /// Back by the minute as long as the clock shows the same hour without having been changed.
    pub fn hour(&self, at: Millis) -> Start {
        let same =
            |a: &jiff::Zoned, b: &jiff::Zoned| a.date() == b.date() && a.hour() == b.hour() && a.offset() == b.offset();
        let here = self.local(at);
        let mut start = at.0.div_euclid(60_000) * 60_000;
        while same(&self.local(Millis(start - 60_000)), &here) {
            start -= 60_000;
        }
        start
    }

    fn local(&self, at: Millis) -> jiff::Zoned {
        Timestamp::from_millisecond(at.0).expect("a moment of the calendar").to_zoned(self.zone.clone())
    }
}
