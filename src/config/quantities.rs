//! Texts that stand for quantities: durations (`90s 30m 24h 7d`, and `250ms`) and sizes (`64MiB`).

use crate::model::time::Span;

pub fn duration(text: &str) -> Option<Span> {
    let (number, unit) = split(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => Span::MINUTE.0,
        "h" => Span::HOUR.0,
        "d" => Span::DAY.0,
        _ => return None,
    };
    i64::try_from(number).ok()?.checked_mul(millis).filter(|span| *span <= LONGEST.0).map(Span)
}

/// A thousand years: sums of a time and a few durations stay far from overflow.
const LONGEST: Span = Span::days(365_000);

/// What is wrong with a text that is no duration.
pub fn wrong_duration(text: &str) -> &'static str {
    let text = text.trim();
    match (text.strip_prefix('-'), split(text)) {
        (Some(_), _) => "negative",
        (None, Some((_, "ms" | "s" | "m" | "h" | "d"))) => "longer than a thousand years",
        (None, Some((_, unit))) if !unit.starts_with(['.', ' ']) => "not a unit of time",
        (None, _) if text.parse::<f64>().is_ok() => "without a unit",
        _ => "not a duration",
    }
}

pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let bytes = match unit {
        "B" => 1,
        "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(bytes)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [("90s", 90_000), ("30m", 1_800_000), ("24h", 86_400_000), ("7d", 604_800_000)] {
            assert_eq!(duration(text), Some(Span(millis)), "{text}");
        }
        assert_eq!(duration("250ms"), Some(Span(250)));
        for text in ["", "7", "d", "7 d", "-7d", "1.5h", "1mo", "7D", "999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("64MiB"), Some(64 << 20));
        assert_eq!(size("2GB"), Some(2_000_000_000));
        for text in ["", "64", "64mib", "MiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
