//! A line of a history file: `{"key": …, "value": {…} | null, "timestamp": ms}`, `"raw"` (base64) in place of `value`
//! for bytes that are no JSON, or the bare record. What is none of these is a record of the line's own bytes, so that
//! it is rejected as such.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::values::Moment;
use crate::model::text::Text;
use crate::model::time::Millis;

#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    key: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    raw: Option<Text<'a>>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    /// Of the bare record.
    #[serde(borrow, default)]
    occurred_at: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Timed<'a> {
    #[serde(borrow, default)]
    occurred_at: Option<&'a RawValue>,
}

/// Also where it is null, other than serde's own.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// The line's timestamp, else its record's `occurred_at`.
#[must_use]
pub fn timestamp(line: &[u8]) -> Option<Millis> {
    let envelope: Envelope<'_> = serde_json::from_slice(line).ok()?;
    let of_value = || {
        let value = envelope.value.filter(|value| value.get().starts_with('{'))?;
        moment(serde_json::from_str::<Timed<'_>>(value.get()).ok()?.occurred_at)
    };
    moment(envelope.timestamp).or_else(|| moment(envelope.occurred_at)).or_else(of_value)
}

fn moment(raw: Option<&RawValue>) -> Option<Millis> {
    serde_json::from_str::<Moment>(raw?.get()).ok().map(|moment| moment.0)
}

#[must_use]
pub fn read(line: &[u8]) -> Line {
    let own = || Line { key: None, value: Some(line.to_owned()) };
    if line.first() != Some(&b'{') {
        return own();
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(line) else { return own() };
    let value = match (envelope.value, envelope.raw) {
        (Some(value), _) => Some(value.get().as_bytes().to_owned()).filter(|value| value != b"null"),
        (None, Some(raw)) => Some(STANDARD.decode(raw.as_bytes()).unwrap_or_else(|_| raw.as_bytes().to_owned())),
        (None, None) => return own(),
    };
    Line { key: envelope.key.map(key), value }
}

/// A string's bytes, or the text of any other value.
fn key(raw: &RawValue) -> Vec<u8> {
    match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(text) => text.as_bytes().to_owned(),
        Err(_) => raw.get().as_bytes().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, key, value, at) in [
            (r#"{"key": "k", "value": {"a": 1}, "timestamp": 5}"#, Some("k"), Some(r#"{"a": 1}"#), Some(5)),
            (r#"{"key": 7, "value": null, "timestamp": 5}"#, Some("7"), None, Some(5)),
            (r#"{"key": null, "raw": "bm8ganNvbg==", "timestamp": 5}"#, None, Some("no json"), Some(5)),
            (r#"{"raw": "?", "timestamp": "1970-01-01T00:00:01Z"}"#, None, Some("?"), Some(1000)),
            (r#"{"value": {"occurred_at": 9}}"#, None, Some(r#"{"occurred_at": 9}"#), Some(9)),
            (r#"{"occurred_at": 9, "x": "é"}"#, None, Some(r#"{"occurred_at": 9, "x": "é"}"#), Some(9)),
            (r#"{"occurred_at": "soon"}"#, None, Some(r#"{"occurred_at": "soon"}"#), None),
            (r#"{"value": {"ev"#, None, Some(r#"{"value": {"ev"#), None),
            ("[1, 2]", None, Some("[1, 2]"), None),
            ("hello", None, Some("hello"), None),
        ] {
            let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_owned());
            assert_eq!(read(line.as_bytes()), Line { key: bytes(key), value: bytes(value) }, "{line}");
            assert_eq!(timestamp(line.as_bytes()), at.map(Millis), "{line}");
        }
    }
}
