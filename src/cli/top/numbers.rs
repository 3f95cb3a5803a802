//! Numbers as people read them in a terminal. What has no value is a dash, never a nought.

const NONE: &str = "–";

/// `1,234,567`; from a million on `12.3M`.
pub fn count(value: f64) -> String {
    if value.abs() >= 1e6 {
        return compact(value);
    }
    let places = usize::from(value.fract().abs() > 1e-9 && value.abs() < 1000.0);
    grouped(value, places)
}

pub fn whole(value: u64) -> String {
    count(value as f64)
}

pub fn value(value: Option<f64>, unit: &str, currency: Option<&str>) -> String {
    let Some(value) = value else { return NONE.to_owned() };
    match (unit, currency) {
        ("ratio", _) => format!("{:.1} %", value * 100.0),
        ("seconds", _) => span((value * 1000.0) as i64),
        (unit, Some(currency)) if unit.starts_with("currency") => {
            let places = if value.abs() < 1000.0 { 2 } else { 0 };
            let amount = if value.abs() >= 1e6 { compact(value) } else { grouped(value, places) };
            format!("{amount} {currency}")
        }
        _ => count(value),
    }
}

/// With so many places after the point.
pub fn value_to(value: Option<f64>, places: usize) -> String {
    match value {
        None => NONE.to_owned(),
        Some(value) if value.abs() >= 1e6 => compact(value),
        Some(value) => grouped(value, places),
    }
}

pub fn change(ratio: Option<f64>) -> String {
    let Some(ratio) = ratio else { return String::new() };
    let arrow = if ratio > 0.0 {
        '▲'
    } else if ratio < 0.0 {
        '▼'
    } else {
        '='
    };
    let percent = ratio.abs() * 100.0;
    if percent < 10.0 { format!("{arrow} {percent:.1} %") } else { format!("{arrow} {} %", grouped(percent, 0)) }
}

pub fn share(part: f64, whole: f64) -> String {
    if whole <= 0.0 {
        return String::new();
    }
    let percent = part / whole * 100.0;
    if percent > 0.0 && percent < 0.1 { "<0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

/// A length of time in its greatest unit.
pub fn span(millis: i64) -> String {
    let seconds = millis.max(0) / 1000;
    for (unit, length) in [("d", 86_400), ("h", 3600), ("min", 60)] {
        if seconds >= 2 * length {
            return format!("{} {unit}", seconds / length);
        }
    }
    format!("{seconds} s")
}

pub fn bytes(bytes: i64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if amount < 1024.0 {
            return if unit == "B" { format!("{amount:.0} {unit}") } else { format!("{amount:.1} {unit}") };
        }
        amount /= 1024.0;
    }
    format!("{amount:.1} TiB")
}

pub fn moment(millis: i64, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn compact(value: f64) -> String {
    for (suffix, size) in [("T", 1e12), ("B", 1e9)] {
        if value.abs() >= size {
            return format!("{:.2}{suffix}", value / size);
        }
    }
    format!("{:.2}M", value / 1e6)
}

fn grouped(value: f64, places: usize) -> String {
    let text = format!("{:.places$}", value.abs());
    let (digits, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{}{out}{rest}", if value < 0.0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (number, text) in
            [(0.0, "0"), (999.5, "999.5"), (1234.5, "1,234"), (-1_234.0, "-1,234"), (12_345_678.0, "12.35M")]
        {
            assert_eq!(count(number), text);
        }
        assert_eq!(value(Some(0.1234), "ratio", None), "12.3 %");
        assert_eq!(value(Some(1234.0), "currency", Some("EUR")), "1,234 EUR");
        assert_eq!(value(Some(12.5), "currency per day", Some("USD")), "12.50 USD");
        assert_eq!(value(Some(7200.0), "seconds", None), "2 h");
        assert_eq!(value(None, "count", None), NONE);
        assert_eq!([change(Some(0.051)), change(Some(-12.0)), change(None)], ["▲ 5.1 %", "▼ 1,200 %", ""]);
        assert_eq!([share(1.0, 4.0), share(1.0, 1e6), share(1.0, 0.0)], ["25.0 %", "<0.1 %", ""]);
        assert_eq!([bytes(512), bytes(1_572_864)], ["512 B", "1.5 MiB"]);
        assert_eq!([span(-5), span(119_000), span(7_200_000)], ["0 s", "119 s", "2 h"]);
        assert_eq!(moment(0, "Europe/Berlin"), "1970-01-01 01:00:00");
    }
}
