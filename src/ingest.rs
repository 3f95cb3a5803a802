//! Raw bytes in, an accepted event or a rejection out. Stateless: a record is judged by itself, the configuration and
//! the clock when it was first read. Faults have an order, so that a record has one reason wherever it is judged.

pub mod accept;
pub mod avro;
pub mod channel_lists;
pub mod channel_table;
pub mod classify;
pub mod container;
pub mod exact;
pub mod files;
pub mod json;
pub mod line;
pub mod record;
pub mod registry;
pub mod rejection;
pub mod route;
pub mod schemas;
pub mod url;
pub mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use apache_avro::Schema;
use rust_decimal::Decimal;

use self::record::{Record, Wrong};
pub use rejection::{Reason, Rejection};
pub use schemas::{FixedSchemas, RegistryDown, SchemaSource};

use crate::config::{Config, Encoding};
use crate::model::event::{Account, Event, Topic};
use crate::model::text::Text;
use crate::model::time::{Millis, Span};

/// The largest record that is read, in bytes of its value.
pub const MAX_RECORD: usize = 1 << 20;

/// What a record of an input topic is judged by.
pub struct Ingest {
    schemas: Arc<dyn SchemaSource>,
    classifier: classify::Classifier,
    encodings: BTreeMap<Topic, Encoding>,
    currency: String,
    rates: BTreeMap<String, Decimal>,
    max_clock_skew: Span,
}

#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub timestamp: Millis,
}

// Nearly every record is an event: a box would be an allocation each.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, PartialEq)]
pub enum Decoded<'a> {
    Event(Event<'a>),
    /// A tombstone outside `accounts`: to be counted.
    Skipped,
    Rejected(Rejection),
}

/// The record could not be judged now, through no fault of its own: pause and try again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    RegistryDown(#[from] RegistryDown),
}

impl Ingest {
    /// For the input topics, each with its configured encoding.
    #[must_use]
    pub fn new(config: &Config, schemas: Arc<dyn SchemaSource>) -> Self {
        let encodings = config.topics.inputs.iter().map(|(topic, input)| (*topic, input.encoding)).collect();
        Self { encodings, ..Self::for_files(config, schemas) }
    }

    /// For histories in files, whose records say themselves how they are encoded.
    #[must_use]
    pub fn for_files(config: &Config, schemas: Arc<dyn SchemaSource>) -> Self {
        avro::cap_allocation();
        Self {
            schemas,
            classifier: classify::Classifier::new(&config.channels),
            encodings: BTreeMap::new(),
            currency: config.money.currency.clone(),
            rates: config.money.rates.clone(),
            max_clock_skew: config.time.max_clock_skew,
        }
    }

    /// `now`: the clock when the record was first read; in a report, its `--as-of`.
    pub fn decode<'a>(&self, topic: Topic, record: &RawRecord<'a>, now: Millis) -> Result<Decoded<'a>, Failure> {
        let judged = match record.value {
            _ if topic == Topic::Erasures => erasure(record.key),
            Some(value) => self.judge(topic, value, now)?,
            None if topic == Topic::Accounts => deletion(record.key),
            None => return Ok(Decoded::Skipped),
        };
        Ok(judged.map_or_else(Decoded::Rejected, Decoded::Event))
    }

    fn judge<'a>(&self, topic: Topic, value: &'a [u8], now: Millis) -> Result<Result<Event<'a>, Rejection>, Failure> {
        if value.len() > MAX_RECORD {
            return Ok(Err(Rejection::new(Reason::Oversized, "the record is over 1 MiB")));
        }
        let encoding = self.encodings.get(&topic).copied().unwrap_or(Encoding::Auto);
        Ok(match (encoding, value.first()) {
            (Encoding::Json, _) | (Encoding::Auto, Some(b'{')) => self.judge_record(topic, &Encoded::Json(value), now),
            (Encoding::Avro | Encoding::Auto, Some(0)) => self.judge_avro(topic, value, now)?,
            _ => Err(Rejection::new(Reason::Undecodable, "the record begins neither as Avro nor as JSON")),
        })
    }

    fn judge_avro<'a>(
        &self,
        topic: Topic,
        value: &'a [u8],
        now: Millis,
    ) -> Result<Result<Event<'a>, Rejection>, Failure> {
        let (id, datum) = match avro::open(value) {
            Ok(opened) => opened,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let Some(schema) = self.schemas.writer_schema(id)? else {
            let message = format!("there is no Avro schema with the id {id}");
            return Ok(Err(Rejection::new(Reason::UnknownSchema, message)));
        };
        Ok(self.judge_record(topic, &Encoded::Avro(&schema, datum), now))
    }

    fn judge_record<'a>(&self, topic: Topic, from: &Encoded<'_, 'a>, now: Millis) -> Result<Event<'a>, Rejection> {
        match topic {
            Topic::Touchpoints => from.read(|record, wrong| self.touch(record, wrong, now)),
            Topic::FormFills => from.read(|record, wrong| self.fill(record, wrong, now)),
            Topic::DealStages => from.read(|record, wrong| self.deal_stage(record, wrong, now)),
            Topic::Spend => from.read(|record, wrong| self.spend(record, wrong, now)),
            Topic::Accounts => from.read(accept::account),
            Topic::Erasures => unreachable!("its records are their keys"),
        }
    }
}

/// A record's bytes, of which it is known how they are encoded.
enum Encoded<'s, 'a> {
    Json(&'a [u8]),
    /// With the schema that they were written by.
    Avro(&'s Schema, &'a [u8]),
}

impl<'a> Encoded<'_, 'a> {
    /// The record stays where it is decoded: it is large, and nearly every one is accepted.
    fn read<R: Record<'a>>(
        &self,
        judge: impl FnOnce(&mut R, Wrong) -> Result<Event<'a>, Rejection>,
    ) -> Result<Event<'a>, Rejection> {
        let mut record = R::default();
        let wrong = match self {
            Self::Json(bytes) => json::decode(bytes, &mut record)?,
            Self::Avro(schema, datum) => avro::decode(schema, datum, &mut record)?,
        };
        judge(&mut record, wrong)
    }
}

/// A tombstone of `accounts`, whose key is the account's id.
fn deletion(key: Option<&[u8]>) -> Result<Event<'_>, Rejection> {
    let account_id = id_of(key, "account_id (the key)")?;
    Ok(Event::Account(Box::new(Account { account_id, record: None })))
}

/// Whatever its value: the key says which lead is to be forgotten.
fn erasure(key: Option<&[u8]>) -> Result<Event<'_>, Rejection> {
    id_of(key, "lead_id (the key)").map(Event::Erasure)
}

fn id_of<'a>(key: Option<&'a [u8]>, field: &str) -> Result<Text<'a>, Rejection> {
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| Rejection::missing(field))?;
    let id = std::str::from_utf8(key).map_err(|_| Rejection::new(Reason::Undecodable, "the key is no UTF-8"))?;
    Ok(Text::borrowed(id))
}
