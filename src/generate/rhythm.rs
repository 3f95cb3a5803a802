//! When things happen: busy office hours, quiet nights and week-ends (UTC). Moments in and out are epoch milliseconds.

use super::draw::Draw;

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 86_400_000;

const BY_HOUR: [u32; 24] = [1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 9, 10, 11, 11, 10, 8, 6, 5, 4, 3, 2, 1];

/// How busy the hour is that holds a moment.
pub fn weight(at: i64) -> u32 {
    let hour = at.div_euclid(HOUR).rem_euclid(24) as usize;
    if is_weekend(at) { BY_HOUR[hour] } else { BY_HOUR[hour] * 4 }
}

/// Days since Monday.
pub fn weekday(at: i64) -> i64 {
    (at.div_euclid(DAY) + 3).rem_euclid(7)
}

pub fn is_weekend(at: i64) -> bool {
    weekday(at) >= 5
}

/// A moment about `wait` after `at`, in the rhythm of people: at a likely hour, seldom at a week-end, never before `at`.
pub fn later(draw: &mut Draw, at: i64, wait: i64) -> i64 {
    let mut target = at + wait;
    if is_weekend(target) && draw.percent(75) {
        // Not all at once on Monday.
        target += DAY * (7 - weekday(target) + draw.early(0, 4));
    }
    if wait < DAY / 2 {
        return target;
    }
    let hour = draw.weighted(BY_HOUR.into_iter()) as i64;
    let moment = target.div_euclid(DAY) * DAY + hour * HOUR + draw.between(0, HOUR - 1);
    if moment > at { moment } else { target }
}

/// The next Thursday 15:00 that is at least a day away: when webinars are held.
pub fn next_webinar(at: i64) -> i64 {
    let day = (at + DAY).div_euclid(DAY) * DAY;
    let ahead = (3 - weekday(day)).rem_euclid(7);
    let show = day + ahead * DAY + 15 * HOUR;
    if show >= at + DAY { show } else { show + 7 * DAY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webinars_are_on_thursdays_a_day_ahead_or_more() {
        let mut draw = Draw::new(3, 0);
        for _ in 0..500 {
            let at = draw.between(1_767_225_600_000, 1_775_000_000_000);
            let show = next_webinar(at);
            assert_eq!(weekday(show), 3);
            assert!((DAY..=9 * DAY).contains(&(show - at)));
        }
        // 2026-01-01 was a Thursday.
        assert_eq!(weekday(1_767_225_600_000), 3);
    }

    #[test]
    fn later_never_goes_back() {
        let mut draw = Draw::new(3, 0);
        for _ in 0..2000 {
            let at = draw.between(1_767_225_600_000, 1_775_000_000_000);
            let wait = draw.between(0, 20 * DAY);
            assert!(later(&mut draw, at, wait) >= at);
        }
    }
}
