//! The KpiUpdate record: a row in, its key and its value as JSON or Avro out. Sums are printed digit for digit in JSON;
//! Avro carries doubles. A row that is gone has a key and no value.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::kpi::number::Number;
use crate::rollup::row::{Row, RowId};

/// The schema that Avro records are written with; keys are text whatever the encoding.
pub const SCHEMA: &str = include_str!("../../schemas/kpi_update.avsc");

#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("a record does not encode as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a record does not encode as Avro: {0}")]
    Avro(#[from] Box<apache_avro::Error>),
}

/// `{kpi}|{window}|{start ms, empty for all and now}|{dim=value,… sorted by name}`.
#[must_use]
pub fn key(id: &RowId) -> String {
    let mut key = format!("{}|{}|", id.kpi, id.window);
    if let Some(start) = id.start {
        key.push_str(&start.0.to_string());
    }
    key.push('|');
    push_dims(&id.dims, &mut key);
    key
}

/// `dim=value,…` at the end of a key.
pub(super) fn push_dims(dims: &[(&str, Arc<str>)], key: &mut String) {
    for (at, (name, value)) in dims.iter().enumerate() {
        if at > 0 {
            key.push(',');
        }
        key.push_str(name);
        key.push('=');
        escape(value, key);
    }
}

pub(super) fn escape(value: &str, key: &mut String) {
    for c in value.chars() {
        match c {
            '%' | '|' | ',' | '=' => {
                // Writing to a String does not fail.
                let _ = write!(key, "%{:02X}", u32::from(c));
            }
            _ => key.push(c),
        }
    }
}

/// As KpiUpdate has it.
#[derive(Serialize)]
struct KpiUpdate<'a> {
    kpi: &'a str,
    unit: &'a str,
    window: String,
    start: Option<i64>,
    end: Option<i64>,
    dims: Dims<'a>,
    value: Option<Number>,
    numerator: Option<Number>,
    denominator: Option<Number>,
    low: Option<f64>,
    high: Option<f64>,
    previous: Option<Number>,
    change: Option<f64>,
    benchmark: Option<Number>,
    r#final: bool,
    watermark: i64,
    updated_at: i64,
    currency: Option<&'a str>,
}

pub(super) struct Dims<'a>(pub &'a [(&'static str, Arc<str>)]);

impl Serialize for Dims<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, &**value)?;
        }
        map.end()
    }
}

impl<'a> From<&'a Row> for KpiUpdate<'a> {
    fn from(row: &'a Row) -> Self {
        let says = &row.says;
        Self {
            kpi: &row.id.kpi,
            unit: &row.unit,
            window: row.id.window.to_string(),
            start: row.id.start.map(|at| at.0),
            end: row.end.map(|at| at.0),
            dims: Dims(&row.id.dims),
            value: says.value,
            numerator: says.numerator,
            denominator: says.denominator,
            low: says.low,
            high: says.high,
            previous: says.previous,
            change: says.change,
            benchmark: says.benchmark,
            r#final: says.last,
            watermark: row.watermark.0,
            updated_at: row.updated_at.0,
            currency: row.currency.as_deref(),
        }
    }
}

/// # Errors
/// None is known; serde's is passed on.
pub fn to_json(row: &Row) -> Result<Vec<u8>, EncodeError> {
    Ok(serde_json::to_vec(&KpiUpdate::from(row))?)
}

/// The record without header or framing.
///
/// # Errors
/// None is known; the encoder's is passed on.
pub fn to_avro(row: &Row) -> Result<Vec<u8>, EncodeError> {
    encode(avro_value(&KpiUpdate::from(row)), schema())
}

pub(super) fn encode(value: Value, schema: &Schema) -> Result<Vec<u8>, EncodeError> {
    let writer = GenericDatumWriter::builder(schema).build().map_err(Box::new)?;
    Ok(writer.write_value_to_vec(value).map_err(Box::new)?)
}

/// A published value as JSON, whichever encoding it is in. None: it is neither JSON nor Avro with that schema.
#[must_use]
pub fn as_json<'v>(value: &'v [u8], schema: &Schema) -> Option<Cow<'v, [u8]>> {
    const FRAME: usize = 5;
    if value.first() != Some(&0) {
        return Some(Cow::Borrowed(value));
    }
    let reader = GenericDatumReader::builder(schema).build().ok()?;
    let row = reader.read_value(&mut value.get(FRAME..)?).ok()?;
    let row = serde_json::Value::try_from(row).ok()?;
    serde_json::to_vec(&row).ok().map(Cow::Owned)
}

#[must_use]
pub fn schema() -> &'static Schema {
    static PARSED: OnceLock<Schema> = OnceLock::new();
    PARSED.get_or_init(|| Schema::parse_str(SCHEMA).expect("the schema is part of the build, and a test reads it"))
}

fn avro_value(update: &KpiUpdate<'_>) -> Value {
    let number = |value: Option<Number>| optional(value.map(|number| Value::Double(number.to_f64())));
    let real = |value: Option<f64>| optional(value.map(Value::Double));
    let fields = [
        ("kpi", Value::String(update.kpi.to_owned())),
        ("unit", Value::String(update.unit.to_owned())),
        ("window", Value::String(update.window.clone())),
        ("start", moment(update.start)),
        ("end", moment(update.end)),
        ("dims", update.dims.to_avro()),
        ("value", number(update.value)),
        ("numerator", number(update.numerator)),
        ("denominator", number(update.denominator)),
        ("low", real(update.low)),
        ("high", real(update.high)),
        ("previous", number(update.previous)),
        ("change", real(update.change)),
        ("benchmark", number(update.benchmark)),
        ("final", Value::Boolean(update.r#final)),
        ("watermark", Value::TimestampMillis(update.watermark)),
        ("updated_at", Value::TimestampMillis(update.updated_at)),
        ("currency", optional(update.currency.map(|text| Value::String(text.to_owned())))),
    ];
    record(fields)
}

impl Dims<'_> {
    pub(super) fn to_avro(&self) -> Value {
        let entry = |(name, value): &(&str, Arc<str>)| ((*name).to_owned(), Value::String(value.to_string()));
        Value::Map(self.0.iter().map(entry).collect::<HashMap<_, _>>())
    }
}

pub(super) fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(super) fn moment(at: Option<i64>) -> Value {
    optional(at.map(Value::TimestampMillis))
}

pub(super) fn optional(value: Option<Value>) -> Value {
    match value {
        None => Value::Union(0, Box::new(Value::Null)),
        Some(value) => Value::Union(1, Box::new(value)),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::kpi::measures::Scale;
    use crate::model::time::Millis;
    use crate::model::window::WindowKind;
    use crate::rollup::row::Says;

    fn row() -> Row {
        Row {
            id: RowId {
                kpi: Arc::from("cost_per_lead"),
                window: WindowKind::Day,
                start: Some(Millis(1_767_571_200_000)),
                dims: [("channel", Arc::from("a=b, 5%|c")), ("model", Arc::from("first"))].into(),
            },
            unit: Arc::from("currency"),
            currency: Some(Arc::from("USD")),
            end: Some(Millis(1_767_657_600_000)),
            says: Says {
                value: Some(Number::Real(12.5)),
                numerator: Some(Number::of(25_000_001, Scale::Money)),
                denominator: Some(Number::of(2_000_000_000, Scale::Credit)),
                last: true,
                ..Says::default()
            },
            watermark: Millis(1_767_657_600_001),
            updated_at: Millis(1_767_657_600_002),
        }
    }

    #[test]
    fn keys_escape_what_separates() {
        expect!["cost_per_lead|1d|1767571200000|channel=a%3Db%2C 5%25%7Cc,model=first"].assert_eq(&key(&row().id));
        let all = RowId { kpi: Arc::from("leads"), window: WindowKind::All, start: None, dims: [].into() };
        expect!["leads|all||"].assert_eq(&key(&all));
    }

    #[test]
    fn json_prints_sums_digit_for_digit() {
        let json = String::from_utf8(to_json(&row()).expect("it encodes")).expect("text");
        expect![[r#"{"kpi":"cost_per_lead","unit":"currency","window":"1d","start":1767571200000,"end":1767657600000,"dims":{"channel":"a=b, 5%|c","model":"first"},"value":12.5,"numerator":25.000001,"denominator":2,"low":null,"high":null,"previous":null,"change":null,"benchmark":null,"final":true,"watermark":1767657600001,"updated_at":1767657600002,"currency":"USD"}"#]].assert_eq(&json);
    }

    #[test]
    fn avro_reads_back() {
        let bytes = to_avro(&row()).expect("it encodes");
        let reader = GenericDatumReader::builder(schema()).build().expect("a reader");
        let back = reader.read_value(&mut &bytes[..]).expect("it decodes");
        let Value::Record(fields) = back else { panic!("a record") };
        let field = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        assert_eq!(field("numerator"), Some(optional(Some(Value::Double(25.000_001)))));
        assert_eq!(field("previous"), Some(optional(None)));
        assert_eq!(field("start"), Some(optional(Some(Value::TimestampMillis(1_767_571_200_000)))));
    }

    #[test]
    fn a_published_value_is_shown_as_json_whatever_its_encoding() {
        let json = to_json(&row()).expect("it encodes");
        let framed = [&[0, 0, 0, 0, 7][..], &to_avro(&row()).expect("it encodes")].concat();
        let parsed = |value: &[u8]| {
            let json = as_json(value, schema()).expect("a row");
            serde_json::from_slice::<serde_json::Value>(&json).expect("JSON")
        };
        let (from_json, from_avro) = (parsed(&json), parsed(&framed));
        for field in ["kpi", "window", "start", "end", "dims", "value", "final", "watermark", "currency", "previous"] {
            assert_eq!(from_json[field], from_avro[field], "{field}");
        }
        assert!(as_json(&[0, 0, 0], schema()).is_none() && as_json(&framed[..20], schema()).is_none());
    }
}
