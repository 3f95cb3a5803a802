//! Avro object container files. Each record leaves in the wire format that Kafka carries, so that files and topics are
//! decoded by the same code.

use std::io::Read;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Error, Reader, Schema};

use super::avro;
use crate::model::time::Millis;

/// A record's time, where it has one, and its bytes.
pub type Timed = (Option<Millis>, Vec<u8>);

/// The file's schema and its records, as if they had been written with the schema of this id.
pub fn read(file: impl Read, id: u32) -> Result<(Schema, Vec<Timed>), Error> {
    avro::cap_allocation();
    let reader = Reader::new(file)?;
    let schema = reader.writer_schema().clone();
    let writer = GenericDatumWriter::builder(&schema).build()?;
    let mut records = Vec::new();
    for value in reader {
        let value = value?;
        let occurred_at = time_of(&value);
        let mut bytes = avro::header(id).to_vec();
        bytes.extend(writer.write_value_to_vec(value)?);
        records.push((occurred_at, bytes));
    }
    Ok((schema, records))
}

fn time_of(value: &Value) -> Option<Millis> {
    let Value::Record(fields) = value else { return None };
    let (_, value) = fields.iter().find(|(name, _)| name == "occurred_at")?;
    let value = if let Value::Union(_, inner) = value { inner } else { value };
    match value {
        Value::TimestampMillis(ms) | Value::Long(ms) => Some(Millis(*ms)),
        _ => None,
    }
}
