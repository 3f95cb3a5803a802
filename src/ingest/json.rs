//! A record's bytes as JSON. Nearly all decode at once, borrowing their strings; one that does not is read again field
//! by field, to learn which fields are wrong. Of a field given twice the last one counts. Nothing recurses: values of
//! unknown fields, however deep, are skipped.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::record::{Record, Source, Wrong};
use super::rejection::{Reason, Rejection};
use super::values::Value;
use crate::model::text::Text;

/// The record, and its known fields of a wrong type.
pub fn decode<'a, R: Record<'a>>(bytes: &'a [u8]) -> Result<(R, Wrong), Rejection> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Rejection::new(Reason::Undecodable, format!("no UTF-8 at byte {} of the record", error.valid_up_to()))
    })?;
    match serde_json::from_str(text) {
        // serde takes an array for a struct, too.
        Ok(record) if text.trim_start().starts_with('{') => Ok((record, Wrong::new())),
        Ok(_) => Err(no_object()),
        Err(_) => decode_by_field(text),
    }
}

fn decode_by_field<'a, R: Record<'a>>(text: &'a str) -> Result<(R, Wrong), Rejection> {
    let mut fields: Fields<'a> = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            no_object()
        } else {
            let place = format!("no JSON at line {} column {}", error.line(), error.column());
            Rejection::new(Reason::Undecodable, place)
        }
    })?;
    let mut wrong = Wrong::new();
    let record = R::gather(&mut fields, &mut wrong);
    Ok((record, wrong))
}

fn no_object() -> Rejection {
    Rejection::new(Reason::Undecodable, "the record is no JSON object")
}

/// An object's fields, their values as text.
struct Fields<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Gathering;
        impl<'de> Visitor<'de> for Gathering {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Gathering)
    }
}

impl<'a> Source<'a> for Fields<'a> {
    fn take<T: Value<'a>>(&mut self, field: &'static str, wrong: &mut Wrong) -> Option<T> {
        let raw = self.0.iter().rfind(|(name, _)| &**name == field)?.1.get();
        if matches!(raw, "null" | "\"\"") {
            return None;
        }
        match serde_json::from_str::<T>(raw) {
            Ok(value) => Some(value).filter(|value| !value.is_blank()),
            Err(_) => {
                wrong.push(field);
                None
            }
        }
    }
}
