//! A record's bytes as JSON. Nearly all decode at once, borrowing their strings; one that does not is read again field
//! by field, to learn which fields are wrong. Of a field given twice the last one counts. Nothing recurses: values of
//! unknown fields, however deep, are skipped.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::record::{Record, Source, Wrong};
use super::rejection::{Reason, Rejection};
use super::values::Value;
use crate::model::text::Text;

/// Reads a record, whose fields are not set yet. What it gives is the known fields of a wrong type.
pub fn decode<'a, R: Record<'a>>(bytes: &'a [u8], record: &mut R) -> Result<Wrong, Rejection> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Rejection::new(Reason::Undecodable, format!("no UTF-8 at byte {} of the record", error.valid_up_to()))
    })?;
    let mut from = serde_json::Deserializer::from_str(text);
    match Whole(record).deserialize(&mut from).and_then(|()| from.end()) {
        Ok(()) => Ok(Wrong::new()),
        Err(_) => decode_by_field(text, record),
    }
}

/// A record whose fields are all right, set where it is.
struct Whole<'r, R>(&'r mut R);

impl<'de, R: Record<'de>> DeserializeSeed<'de> for Whole<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, R: Record<'de>> Visitor<'de> for Whole<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(field) = map.next_key::<Text<'de>>()? {
            self.0.put(&field, &mut map)?;
        }
        Ok(())
    }
}

fn decode_by_field<'a, R: Record<'a>>(text: &'a str, record: &mut R) -> Result<Wrong, Rejection> {
    let mut fields: Fields<'a> = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            no_object()
        } else {
            let place = format!("no JSON at line {} column {}", error.line(), error.column());
            Rejection::new(Reason::Undecodable, place)
        }
    })?;
    let mut wrong = Wrong::new();
    *record = R::gather(&mut fields, &mut wrong);
    Ok(wrong)
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
