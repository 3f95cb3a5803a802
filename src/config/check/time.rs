//! Time: the zone, the windows, lateness, and the horizon of duplicates, which must cover lateness.

use jiff::tz::TimeZone;

use super::{Checker, nearest};
use crate::config::raw::{Names, Raw, Text};
use crate::config::{Time, quantities};
use crate::model::time::{Millis, Span};
use crate::model::window::{Calendar, WindowKind};

pub fn check(raw: &Raw, cx: &mut Checker<'_>) -> (Time, Span) {
    let time = &raw.time;
    let checked = Time {
        calendar: Calendar::new(zone(&time.zone, cx)),
        allowed_lateness: cx.duration(&time.allowed_lateness, "time.allowed_lateness"),
        settle: cx.duration(&time.settle, "time.settle"),
        idle_after: cx.wall_clock(&time.idle_after, "time.idle_after"),
        advance_when_idle: time.advance_when_idle,
        max_clock_skew: cx.duration(&time.max_clock_skew, "time.max_clock_skew"),
        history_until: time.history_until.as_ref().and_then(|at| moment(at, cx)),
        windows: windows(&time.windows, cx),
    };
    (checked, horizon(raw, cx))
}

fn zone(name: &Text, cx: &mut Checker<'_>) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|_| {
        let known: Vec<_> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        let help = match nearest::nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a name of the tz database, such as `UTC` or `Europe/Berlin`".to_owned(),
        };
        cx.fault(name, format!("unknown time zone `{}`", name.value), "not in the tz database", help);
        TimeZone::UTC
    })
}

fn moment(text: &Text, cx: &mut Checker<'_>) -> Option<Millis> {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Some(Millis(at.as_millisecond())),
        Err(_) => {
            let message = format!("`time.history_until` is no moment: `{}`", text.value);
            cx.fault(text, message, "not RFC 3339", "such as `2026-01-01T00:00:00Z`");
            None
        }
    }
}

fn windows(names: &Names, cx: &mut Checker<'_>) -> Vec<WindowKind> {
    let mut kinds = Vec::new();
    for kind in names.iter().filter_map(|name| window(name, cx)) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if names.is_empty() && !cx.removed.contains("time.windows") {
        cx.fault_of_key("time.windows", "`time.windows` is empty: nothing would be counted", "empty", "such as `1d`");
    }
    kinds
}

pub fn window(name: &Text, cx: &mut Checker<'_>) -> Option<WindowKind> {
    let kind = WindowKind::parse(name);
    if kind.is_none() {
        let message = format!("unknown window `{}`", name.value);
        cx.fault(
            name,
            message,
            "not a window",
            "`1m 1h 1d 1w 1mo 1q 1y`, rolling days such as `30d` (2 to 3660), `all`, `now`",
        );
    }
    kind
}

/// A window that something is planned or watched in: it must be one of those that are computed.
pub fn window_in_use(name: &Text, time: &Time, cx: &mut Checker<'_>) -> Option<WindowKind> {
    let kind = window(name, cx)?;
    if !time.windows.contains(&kind) && !cx.removed.contains("time.windows") {
        let message = format!("window `{kind}` is not computed");
        cx.fault(name, message, "not in time.windows", format!("add `{kind}` to `time.windows`"));
    }
    Some(kind)
}

fn horizon(raw: &Raw, cx: &mut Checker<'_>) -> Span {
    let horizon = cx.positive_duration(&raw.dedupe.horizon, "dedupe.horizon");
    let judged = !cx.removed.contains("dedupe.horizon") && !cx.removed.contains("time.allowed_lateness");
    let lateness = quantities::duration(&raw.time.allowed_lateness);
    if let Some(lateness) = lateness.filter(|lateness| judged && horizon.0 > 0 && horizon < *lateness) {
        let at = raw.dedupe.horizon.span.as_ref().or(raw.time.allowed_lateness.span.as_ref()).cloned();
        let message = format!(
            "`dedupe.horizon` ({}) is shorter than `time.allowed_lateness` ({}): late duplicates would count twice",
            raw.dedupe.horizon.value, raw.time.allowed_lateness.value
        );
        let help = format!("set `dedupe.horizon` to at least `{}`", raw.time.allowed_lateness.value);
        cx.fault_at(at.as_ref(), message, "these two do not fit", help);
        return lateness;
    }
    horizon
}
