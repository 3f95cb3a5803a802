//! Records in Avro, in the Confluent wire format: byte 0, a 4-byte big-endian schema id, the datum as its producer
//! wrote it. The writer's fields are resolved by name against what our schemas (`schemas/*.avsc`) expect: unknown ones
//! are ignored, missing ones are absent, numbers are widened, unions opened, decimals read with the writer's scale.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{RecordSchema, UnionSchema};
use apache_avro::types::Value as Datum;

use super::exact::Exact;
use super::record::{Record, Source, Wrong};
use super::rejection::{Reason, Rejection};
use super::values::{Answers, Moment, Number, Probability, Tally, Value};
use crate::model::text::Text;
use crate::model::time::Millis;

/// What one decoded value may allocate: a record of 1 MiB has no more, and a block of a container file rarely.
const MAX_ALLOCATION: usize = 64 << 20;
const HEADER: usize = 5;

/// Must come before the first value is decoded: the library keeps the first limit that it is given.
pub fn cap_allocation() {
    apache_avro::util::max_allocation_bytes(MAX_ALLOCATION);
}

/// What goes before the datum.
#[must_use]
pub const fn header(id: u32) -> [u8; HEADER] {
    let [a, b, c, d] = id.to_be_bytes();
    [0, a, b, c, d]
}

/// The schema id and the datum.
pub fn open(bytes: &[u8]) -> Result<(u32, &[u8]), Rejection> {
    match bytes {
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        _ => Err(Rejection::new(Reason::Undecodable, "no Avro wire format: byte 0 and a schema id")),
    }
}

/// Reads a record, whose fields are not set yet. What it gives is the known fields of a wrong type.
pub fn decode<'a, R: Record<'a>>(schema: &Schema, mut datum: &[u8], record: &mut R) -> Result<Wrong, Rejection> {
    let Schema::Record(writer) = schema else {
        return Err(Rejection::new(Reason::Undecodable, "the writer's schema is no record"));
    };
    let undecodable = |_| Rejection::new(Reason::Undecodable, "the bytes do not fit the writer's schema");
    let reader = GenericDatumReader::builder(schema).build().map_err(undecodable)?;
    let value = reader.read_value(&mut datum).map_err(undecodable)?;
    if !datum.is_empty() {
        return Err(Rejection::new(Reason::Undecodable, "bytes are left behind the record"));
    }
    let Datum::Record(values) = value else {
        return Err(Rejection::new(Reason::Undecodable, "the writer's schema is no record"));
    };
    let mut wrong = Wrong::new();
    *record = R::gather(&mut Fields { writer, values }, &mut wrong);
    Ok(wrong)
}

struct Fields<'s> {
    writer: &'s RecordSchema,
    values: Vec<(String, Datum)>,
}

impl<'a> Source<'a> for Fields<'_> {
    fn take<T: Value<'a>>(&mut self, field: &'static str, wrong: &mut Wrong) -> Option<T> {
        let at = *self.writer.lookup.get(field)?;
        let datum = std::mem::replace(&mut self.values.get_mut(at)?.1, Datum::Null);
        let (datum, schema) = opened(datum, &self.writer.fields.get(at)?.schema);
        if datum == Datum::Null || datum == Datum::String(String::new()) {
            return None;
        }
        let value = T::from_avro(datum, scale(schema));
        if value.is_none() {
            wrong.push(field);
        }
        value.filter(|value| !value.is_blank())
    }
}

/// The value of a union, with the schema of its branch.
fn opened(datum: Datum, schema: &Schema) -> (Datum, Option<&Schema>) {
    match (datum, schema) {
        (Datum::Union(branch, inner), Schema::Union(union)) => (*inner, branch_of(union, branch)),
        (datum, schema) => (datum, Some(schema)),
    }
}

fn branch_of(union: &UnionSchema, branch: u32) -> Option<&Schema> {
    union.variants().get(usize::try_from(branch).ok()?)
}

/// The digits behind the point of a writer's decimal; our own schema's for bytes without a logical type.
fn scale(schema: Option<&Schema>) -> u8 {
    const OURS: u8 = 4;
    match schema {
        Some(Schema::Decimal(decimal)) => u8::try_from(decimal.scale).unwrap_or(u8::MAX),
        _ => OURS,
    }
}

/// A value from Avro; none for one of a wrong type.
pub trait FromAvro: Sized {
    fn from_avro(datum: Datum, scale: u8) -> Option<Self>;
}

impl FromAvro for Text<'_> {
    fn from_avro(datum: Datum, _: u8) -> Option<Self> {
        match datum {
            Datum::String(text) | Datum::Enum(_, text) => Some(text.into()),
            Datum::Uuid(id) => Some(id.to_string().into()),
            Datum::Bytes(bytes) => String::from_utf8(bytes).ok().map(Self::from),
            _ => None,
        }
    }
}

impl FromAvro for Moment {
    fn from_avro(datum: Datum, _: u8) -> Option<Self> {
        match datum {
            Datum::TimestampMillis(ms) | Datum::Long(ms) => Some(Self(Millis(ms))),
            Datum::Int(ms) => Some(Self(Millis(ms.into()))),
            _ => None,
        }
    }
}

impl FromAvro for Number {
    fn from_avro(datum: Datum, scale: u8) -> Option<Self> {
        let bytes = match datum {
            Datum::Decimal(decimal) => Vec::try_from(&decimal).ok()?,
            Datum::Bytes(bytes) | Datum::Fixed(_, bytes) => bytes,
            _ => return None,
        };
        signed(&bytes).map(|digits| Self(Exact::from_parts(digits, scale)))
    }
}

/// A big-endian two's complement integer of any length whose value fits.
fn signed(bytes: &[u8]) -> Option<i128> {
    let fill = if bytes.first()? & 0x80 == 0 { 0 } else { 0xff };
    let excess = bytes.len().saturating_sub(16);
    let (filler, digits) = bytes.split_at(excess);
    let same_sign = excess == 0 || (digits[0] ^ fill) & 0x80 == 0;
    if !same_sign || filler.iter().any(|byte| *byte != fill) {
        return None;
    }
    let mut wide = [fill; 16];
    wide[16 - digits.len()..].copy_from_slice(digits);
    Some(i128::from_be_bytes(wide))
}

impl FromAvro for Probability {
    fn from_avro(datum: Datum, scale: u8) -> Option<Self> {
        let exact = match datum {
            // The shortest decimal that means the float is what its writer meant.
            Datum::Double(value) => Exact::parse(&value.to_string()),
            Datum::Float(value) => Exact::parse(&value.to_string()),
            Datum::Int(value) => Some(Exact::from_parts(value.into(), 0)),
            Datum::Long(value) => Some(Exact::from_parts(value.into(), 0)),
            decimal @ Datum::Decimal(_) => Number::from_avro(decimal, scale).map(|number| number.0),
            _ => None,
        };
        exact?.billionths().map(Self)
    }
}

impl FromAvro for bool {
    fn from_avro(datum: Datum, _: u8) -> Option<Self> {
        if let Datum::Boolean(flag) = datum { Some(flag) } else { None }
    }
}

impl FromAvro for u32 {
    fn from_avro(datum: Datum, _: u8) -> Option<Self> {
        match datum {
            Datum::Int(count) => count.try_into().ok(),
            Datum::Long(count) => count.try_into().ok(),
            _ => None,
        }
    }
}

impl FromAvro for Tally {
    fn from_avro(datum: Datum, scale: u8) -> Option<Self> {
        Answers::from_avro(datum, scale).map(|answers| answers.tally)
    }
}

impl FromAvro for Answers<'_> {
    fn from_avro(datum: Datum, _: u8) -> Option<Self> {
        let Datum::Map(map) = datum else { return None };
        let mut answers = Self::default();
        sorted(map).into_iter().try_for_each(|(question, answer)| {
            let answer = match if let Datum::Union(_, inner) = answer { *inner } else { answer } {
                Datum::Null => None,
                text => Some(Text::from_avro(text, 0)?),
            };
            answers.push(question.into(), answer);
            Some(())
        })?;
        Some(answers.settled())
    }
}

fn sorted(map: HashMap<String, Datum>) -> Vec<(String, Datum)> {
    let mut entries: Vec<_> = map.into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries
}
