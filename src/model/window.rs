//! Windows of event time in the reporting zone: which window of each kind holds a moment, where it starts and ends,
//! which one is before it. Half-open; days, weeks, months, quarters and years are local, an hour that a change of
//! the clocks repeats counts apart.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::time::{Millis, Span};

/// A local calendar day, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Day(pub i32);

/// A kind of window, as the configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WindowKind {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    /// For each local day, the N days that end with it.
    Rolling(u16),
    All,
    Now,
}

/// One window: its kind and where it starts. A rolling one is named by its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    pub kind: WindowKind,
    pub start: WindowStart,
}

/// Minutes since the epoch for `1m` and `1h`, the first local day for longer ones, 0 for `all` and `now`.
pub type WindowStart = i32;

impl WindowKind {
    /// `1m 1h 1d 1w 1mo 1q 1y 7d 30d … all now`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "1m" => Self::Minute,
            "1h" => Self::Hour,
            "1d" => Self::Day,
            "1w" => Self::Week,
            "1mo" => Self::Month,
            "1q" => Self::Quarter,
            "1y" => Self::Year,
            "all" => Self::All,
            "now" => Self::Now,
            _ => {
                let days = name.strip_suffix('d')?.parse().ok().filter(|days| (2..=3660).contains(days))?;
                Self::Rolling(days)
            }
        })
    }

    #[must_use]
    pub const fn is_rolling(self) -> bool {
        matches!(self, Self::Rolling(_))
    }
}

impl fmt::Display for WindowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "1m",
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Week => "1w",
            Self::Month => "1mo",
            Self::Quarter => "1q",
            Self::Year => "1y",
            Self::Rolling(days) => return write!(f, "{days}d"),
            Self::All => "all",
            Self::Now => "now",
        })
    }
}

/// The reporting zone's calendar.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
}

/// An hour of local time, cut where the clocks change: [from, to), all of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalHour {
    pub from: Millis,
    pub to: Millis,
    pub day: Day,
}

/// A calendar that remembers the hour it was last asked for: events come nearly in order.
#[derive(Clone, Debug)]
pub struct LocalTime {
    calendar: Calendar,
    last: LocalHour,
}

impl LocalTime {
    #[must_use]
    pub const fn new(calendar: Calendar) -> Self {
        Self { calendar, last: LocalHour { from: Millis(1), to: Millis(0), day: Day(0) } }
    }

    pub fn hour(&mut self, at: Millis) -> LocalHour {
        if !(self.last.from <= at && at < self.last.to) {
            self.last = self.calendar.local_hour(at);
        }
        self.last
    }

    /// The window of this kind that holds a moment.
    pub fn window_at(&mut self, kind: WindowKind, at: Millis) -> Window {
        match kind {
            WindowKind::Day => Window { kind, start: self.hour(at).day.0 },
            WindowKind::Hour => Window { kind, start: minutes(self.hour(at).from) },
            _ => self.calendar.window_at(kind, at),
        }
    }

    #[must_use]
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }
}

impl Calendar {
    #[must_use]
    pub const fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The local day that holds a moment.
    #[must_use]
    pub fn day(&self, at: Millis) -> Day {
        day_of(self.zone.to_datetime(timestamp(at)).date())
    }

    /// The start of the local hour that holds a moment.
    #[must_use]
    pub fn hour_start(&self, at: Millis) -> Millis {
        self.local_hour(at).from
    }

    /// The local hour that holds a moment.
    #[must_use]
    pub fn local_hour(&self, at: Millis) -> LocalHour {
        let stamp = timestamp(at);
        let local = self.zone.to_datetime(stamp);
        let into =
            i64::from(local.minute()) * 60_000 + i64::from(local.second()) * 1000 + i64::from(local.millisecond());
        // A change of the clocks within the hour cuts it: neither end may lie beyond the change.
        let mut from = at - Span(into);
        let mut to = from + Span::HOUR;
        if let Some(change) = self.zone.preceding(timestamp(at + Span(1))).next() {
            from = from.max(Millis(change.timestamp().as_millisecond()));
        }
        if let Some(change) = self.zone.following(stamp).next() {
            to = to.min(Millis(change.timestamp().as_millisecond()));
        }
        LocalHour { from, to, day: day_of(local.date()) }
    }

    /// The first moment of a local day.
    #[must_use]
    pub fn day_start(&self, day: Day) -> Millis {
        match self.zone.to_ambiguous_zoned(date_of(day).at(0, 0, 0, 0)).compatible() {
            Ok(zoned) => Millis(zoned.timestamp().as_millisecond()),
            Err(_) => Millis(i64::from(day.0) * Span::DAY.0),
        }
    }

    /// The window of this kind that holds a moment; of a rolling kind, the one whose last day does.
    #[must_use]
    pub fn window_at(&self, kind: WindowKind, at: Millis) -> Window {
        let start = match kind {
            WindowKind::Minute => minutes(Millis(at.0.div_euclid(60_000) * 60_000)),
            WindowKind::Hour => minutes(self.hour_start(at)),
            WindowKind::All | WindowKind::Now => 0,
            _ => return self.window_of_day(kind, self.day(at)),
        };
        Window { kind, start }
    }

    /// The window of this kind that holds a local day; of a rolling kind, the one that ends with it.
    /// For kinds shorter than a day, the day's own.
    #[must_use]
    pub fn window_of_day(&self, kind: WindowKind, day: Day) -> Window {
        let date = date_of(day);
        let start = match kind {
            WindowKind::Week => day.0 - i32::from(date.weekday().to_monday_zero_offset()),
            WindowKind::Month => day_of(date.first_of_month()).0,
            WindowKind::Quarter => {
                let month = (date.month() - 1) / 3 * 3 + 1;
                day_of(jiff::civil::date(date.year(), month, 1)).0
            }
            WindowKind::Year => day_of(date.first_of_year()).0,
            WindowKind::Rolling(days) => day.0 - i32::from(days) + 1,
            WindowKind::All | WindowKind::Now => 0,
            WindowKind::Day => day.0,
            WindowKind::Minute | WindowKind::Hour => minutes(self.day_start(day)),
        };
        Window { kind, start }
    }

    /// Its first moment; none for `all` and `now`.
    #[must_use]
    pub fn start(&self, window: Window) -> Option<Millis> {
        match window.kind {
            WindowKind::Minute | WindowKind::Hour => Some(Millis(i64::from(window.start) * 60_000)),
            WindowKind::All | WindowKind::Now => None,
            _ => Some(self.day_start(Day(window.start))),
        }
    }

    /// The moment it ends before; none for `all` and `now`.
    #[must_use]
    pub fn end(&self, window: Window) -> Option<Millis> {
        match window.kind {
            WindowKind::Minute => Some(Millis(i64::from(window.start) * 60_000 + 60_000)),
            WindowKind::Hour => Some(self.local_hour(Millis(i64::from(window.start) * 60_000)).to),
            WindowKind::All | WindowKind::Now => None,
            _ => self.day_after(window).map(|day| self.day_start(day)),
        }
    }

    /// Its days, [first, after): none for windows shorter than a day and for `all` and `now`.
    #[must_use]
    pub fn days(&self, window: Window) -> Option<(Day, Day)> {
        self.day_after(window).map(|after| (Day(window.start), after))
    }

    fn day_after(&self, window: Window) -> Option<Day> {
        let first = date_of(Day(window.start));
        let span = match window.kind {
            WindowKind::Day => 1.day(),
            WindowKind::Week => 7.days(),
            WindowKind::Month => 1.month(),
            WindowKind::Quarter => 3.months(),
            WindowKind::Year => 1.year(),
            WindowKind::Rolling(days) => i64::from(days).days(),
            _ => return None,
        };
        Some(day_of(first.saturating_add(span)))
    }

    /// The window of the same kind just before; of a rolling kind, the one N days before.
    #[must_use]
    pub fn previous(&self, window: Window) -> Option<Window> {
        match window.kind {
            WindowKind::All | WindowKind::Now => None,
            WindowKind::Rolling(days) => Some(Window { start: window.start - i32::from(days), ..window }),
            kind => self.start(window).map(|start| self.window_at(kind, start - Span(1))),
        }
    }

    /// The window of the same kind just after; of a rolling kind, the one N days after.
    #[must_use]
    pub fn next(&self, window: Window) -> Option<Window> {
        match window.kind {
            WindowKind::All | WindowKind::Now => None,
            WindowKind::Rolling(days) => Some(Window { start: window.start + i32::from(days), ..window }),
            kind => self.end(window).map(|end| self.window_at(kind, end)),
        }
    }
}

/// A calendar date as days since 1970-01-01.
#[must_use]
pub fn day_of(date: Date) -> Day {
    Day(date
        .to_zoned(TimeZone::UTC)
        .map_or(0, |at| i32::try_from(at.timestamp().as_second().div_euclid(86_400)).unwrap_or(0)))
}

/// The calendar date of a day; the calendar's first or last one beyond its range.
#[must_use]
pub fn date_of(day: Day) -> Date {
    const EPOCH: Date = jiff::civil::date(1970, 1, 1);
    // A span has bounds of its own, a little wider than the calendar's.
    EPOCH.saturating_add(i64::from(day.0).clamp(-7_000_000, 7_000_000).days())
}

fn minutes(at: Millis) -> i32 {
    i32::try_from(at.0.div_euclid(60_000)).unwrap_or(if at.0 < 0 { i32::MIN } else { i32::MAX })
}

fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at.0).unwrap_or(if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str) -> Calendar {
        Calendar::new(TimeZone::get(zone).expect("a zone of the tz database"))
    }

    fn at(text: &str) -> Millis {
        Millis(text.parse::<Timestamp>().expect("a timestamp").as_millisecond())
    }

    #[test]
    fn a_repeated_hour_counts_apart() {
        let berlin = calendar("Europe/Berlin");
        // 2026-10-25: 03:00 CEST becomes 02:00 CET at 01:00Z.
        let summer = berlin.window_at(WindowKind::Hour, at("2026-10-25T00:30:00Z"));
        let winter = berlin.window_at(WindowKind::Hour, at("2026-10-25T01:30:00Z"));
        assert_ne!(summer, winter);
        assert_eq!(berlin.next(summer), Some(winter));
        assert_eq!(berlin.previous(winter), Some(summer));
        let day = berlin.window_at(WindowKind::Day, at("2026-10-25T12:00:00Z"));
        assert_eq!(berlin.end(day).expect("an end") - berlin.start(day).expect("a start"), Span(25 * 3_600_000));
    }

    #[test]
    fn half_hour_changes_cut_an_hour() {
        // Lord Howe moves its clocks by half an hour: 02:00 +11 becomes 01:30 +10:30 at 15:00Z.
        let howe = calendar("Australia/Lord_Howe");
        let before = howe.window_at(WindowKind::Hour, at("2026-04-04T14:45:00Z"));
        let after = howe.window_at(WindowKind::Hour, at("2026-04-04T15:10:00Z"));
        assert_ne!(before, after);
        assert_eq!(howe.end(before), howe.start(after));
    }

    #[test]
    fn weeks_begin_on_monday_and_quarters_in_january() {
        let utc = calendar("UTC");
        let moment = at("2026-11-22T10:00:00Z");
        let starts = |kind| utc.start(utc.window_at(kind, moment));
        assert_eq!(starts(WindowKind::Week), Some(at("2026-11-16T00:00:00Z")));
        assert_eq!(starts(WindowKind::Month), Some(at("2026-11-01T00:00:00Z")));
        assert_eq!(starts(WindowKind::Quarter), Some(at("2026-10-01T00:00:00Z")));
        assert_eq!(starts(WindowKind::Rolling(30)), Some(at("2026-10-24T00:00:00Z")));
        assert_eq!(utc.end(utc.window_at(WindowKind::Rolling(30), moment)), Some(at("2026-11-23T00:00:00Z")));
    }

    #[test]
    fn names_round_trip() {
        for name in ["1m", "1h", "1d", "1w", "1mo", "1q", "1y", "7d", "28d", "30d", "90d", "all", "now"] {
            assert_eq!(WindowKind::parse(name).expect("a window").to_string(), name);
        }
        for name in ["", "d", "1", "0d", "2h", "-3d", "99999d"] {
            assert_eq!(WindowKind::parse(name), None, "{name}");
        }
    }
}
