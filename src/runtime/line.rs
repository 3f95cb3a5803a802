//! The parts of the line itself, made from one configuration: what ingest judges records by, the fold of a shard, the
//! rollup with the encoding of its rows.

use std::sync::Arc;

use super::parts::{
    Combine, Damage, Decode, Decoded, Effects, Fold, Output, Parts, Positions, Raw, Row, Said, Unavailable, json_print,
};
use crate::config::{Config, Encoding};
use crate::ingest::avro::header;
use crate::ingest::registry::{Registry, RegistryError};
use crate::ingest::schemas::{RegistryDown, SchemaFileError};
use crate::ingest::{self, FixedSchemas, Ingest, RawRecord, SchemaSource};
use crate::kpi::plan::plan_of;
use crate::model::event::Topic;
use crate::model::time::Millis;
use crate::partials::block::Block;
use crate::publish::board::Change;
use crate::publish::kpi_update::{EncodeError, as_json};
use crate::publish::ledgers::{self, Ledger};
use crate::publish::{alert, kpi_update, read_back};
use crate::rollup::Rollup;
use crate::rollup::alerts::{AlertChange, Alerts};
use crate::rollup::row::RowChange;
use crate::shards::rules::Rules;
use crate::shards::{FoldError, Shard};

pub struct Line {
    config: Arc<Config>,
    rules: Arc<Rules>,
    schemas: Arc<dyn SchemaSource>,
    /// Whether records say themselves how they are encoded.
    files: bool,
    /// What records in Avro begin with; none for JSON.
    frames: Option<Frames>,
}

/// Byte 0 and the id of the schema.
type Frame = [u8; 5];

#[derive(Clone, Copy)]
struct Frames {
    kpis: Frame,
    alerts: Frame,
    /// By `Ledger`; none of one that is not written.
    ledgers: [Option<Frame>; Ledger::ALL.len()],
}

#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Schemas(#[from] SchemaFileError),
    #[error("output.encoding = \"avro\" needs a [schema_registry] to register the schema with")]
    NoRegistry,
    #[error("registering the schema of {subject}: {reason}")]
    Unregistered { subject: String, reason: RegistryDown },
}

impl Line {
    /// For the input topics of a configuration.
    pub fn new(config: Arc<Config>) -> Result<Self, LineError> {
        let registry = config.schema_registry.as_ref().map(Registry::connect).transpose()?;
        let frames = match (config.output.encoding, &registry) {
            (Encoding::Avro, Some(registry)) => Some(Frames::register(registry, &config)?),
            (Encoding::Avro, None) => return Err(LineError::NoRegistry),
            _ => None,
        };
        let schemas: Arc<dyn SchemaSource> = match registry {
            Some(registry) => Arc::new(registry),
            None => Arc::new(FixedSchemas::read(&config.schemas)?),
        };
        Ok(Self { frames, ..Self::with(config, schemas, false) })
    }

    /// For histories in files, whose container files bring their schemas. Their records come in the order of their
    /// arrival, all topics at once: there is nothing to hold the watermark for. Letters name the file, not the Kafka topic.
    #[must_use]
    pub fn of_files(config: Arc<Config>, schemas: Arc<dyn SchemaSource>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.time.history_until = None;
        for (topic, input) in &mut config.topics.inputs {
            topic.name().clone_into(&mut input.topic);
        }
        Self::with(Arc::new(config), schemas, true)
    }

    fn with(config: Arc<Config>, schemas: Arc<dyn SchemaSource>, files: bool) -> Self {
        let rules = Arc::new(Rules::new(Arc::clone(&config), plan_of(&config)));
        Self { config, rules, schemas, files, frames: None }
    }

    /// The schemas that the configuration names, for files that need them.
    pub fn named_schemas(config: &Config) -> Result<Arc<dyn SchemaSource>, LineError> {
        Ok(Arc::new(FixedSchemas::read(&config.schemas)?))
    }
}

fn frame(registry: &Registry, topic: &str, schema: &str) -> Result<Frame, LineError> {
    let subject = format!("{topic}-value");
    let id = registry.register(&subject, schema);
    Ok(header(id.map_err(|reason| LineError::Unregistered { subject, reason })?))
}

impl Frames {
    /// With the schemas of every topic that is written.
    fn register(registry: &Registry, config: &Config) -> Result<Self, LineError> {
        let mut ledgers = [None; Ledger::ALL.len()];
        for ledger in Ledger::ALL.into_iter().filter(|ledger| config.output.ledgers.contains(ledger.name())) {
            ledgers[ledger as usize] = Some(frame(registry, ledger.topic(&config.topics), ledger.schema())?);
        }
        Ok(Self {
            kpis: frame(registry, &config.topics.kpis, kpi_update::SCHEMA)?,
            alerts: frame(registry, &config.topics.alerts, alert::SCHEMA)?,
            ledgers,
        })
    }
}

impl Parts for Line {
    type Decoder = Ingest;
    type Shard = Shard;
    type Rollup = Rows;

    fn decoder(&self) -> Ingest {
        let make = if self.files { Ingest::for_files } else { Ingest::new };
        make(&self.config, Arc::clone(&self.schemas))
    }

    fn shard(&self, number: u16) -> Shard {
        Shard::new(Arc::clone(&self.rules), number)
    }

    fn restore(&self, number: u16, chunks: &[Vec<u8>]) -> Result<Shard, Damage> {
        Ok(Shard::restore(Arc::clone(&self.rules), number, chunks)?)
    }

    fn rollup(&self) -> Rows {
        Rows { rollup: Rollup::new(&self.config), alerts: Alerts::new(&self.config), frames: self.frames }
    }

    fn written(&self, said: &Said) -> Option<Vec<u8>> {
        let frame = self.frames.and_then(|frames| frames.ledgers[Ledger::of(&said.line) as usize]);
        let value = match frame {
            None => ledgers::to_json(said),
            Some(frame) => ledgers::to_avro(said).map(|datum| datum.map(|datum| [&frame[..], &datum].concat())),
        };
        value.expect("numbers and text always encode")
    }

    fn shown(&self, of: Output, key: &str, value: Option<&[u8]>) -> Option<Change> {
        match of {
            Output::Kpis => {
                let json = value.map(|value| as_json(value, kpi_update::schema()).ok_or(())).transpose().ok()?;
                read_back::change(key, json.as_deref()).map(Change::Row)
            }
            Output::Alerts => alert_of(key, value).map(Change::Alert),
        }
    }
}

impl Decode for Ingest {
    fn decode<'a>(&mut self, topic: Topic, record: Raw<'a>, now: Millis) -> Result<Decoded<'a>, Unavailable> {
        let Raw { key, value, timestamp } = record;
        match Self::decode(self, topic, &RawRecord { key, value, timestamp }, now) {
            Ok(ingest::Decoded::Event(event)) => Ok(Decoded::Event(event)),
            Ok(ingest::Decoded::Skipped) => Ok(Decoded::Skipped),
            Ok(ingest::Decoded::Rejected(rejection)) => {
                Ok(Decoded::Rejected { reason: rejection.reason.code().into(), message: rejection.message.into() })
            }
            Err(failure) => Err(Unavailable(failure.to_string())),
        }
    }
}

impl From<FoldError> for Damage {
    fn from(error: FoldError) -> Self {
        Self(error.to_string())
    }
}

impl Fold for Shard {
    fn apply_journal(&mut self, offset: i64, value: &[u8]) -> Result<(), Damage> {
        Ok(Self::apply_journal(self, offset, value)?)
    }

    fn apply_forward(&mut self, offset: i64, value: &[u8]) -> Result<(), Damage> {
        Ok(Self::apply_forward(self, offset, value)?)
    }

    fn positions(&self) -> Positions {
        Self::positions(self)
    }

    fn take_effects(&mut self) -> Effects {
        Self::take_effects(self)
    }

    fn take_block(&mut self, claim: u64, takes_over: bool, whole: bool) -> Block {
        Self::take_block(self, claim, takes_over, whole)
    }

    fn has_news(&self) -> bool {
        Self::has_news(self)
    }

    fn snapshot(&self) -> Vec<Vec<u8>> {
        Self::snapshot(self)
    }
}

/// A published alert; none if it is not ours.
fn alert_of(key: &str, value: Option<&[u8]>) -> Option<AlertChange> {
    let json = value.map(|value| as_json(value, alert::schema()).ok_or(())).transpose().ok()?;
    alert::change(key, json.as_deref())
}

/// Rows of ended windows are held to be published by so many.
const ROWS_AT_ONCE: usize = 100_000;

/// The rollup, with its rows and the alerts that they make as they are published.
pub struct Rows {
    pub rollup: Rollup,
    alerts: Alerts,
    frames: Option<Frames>,
}

impl Combine for Rows {
    type Shown = Change;

    fn apply(&mut self, block: &Block) -> bool {
        let holds = self.rollup.apply(block);
        if !holds {
            tracing::info!(shard = block.shard, "cells of a replaced owner were ignored");
        }
        holds
    }

    fn watermark(&self) -> Option<Millis> {
        self.rollup.watermark()
    }

    fn recall(&mut self, key: &str, value: Option<&[u8]>) {
        match alert_of(key, value) {
            Some(change) => self.alerts.recall(change),
            None => tracing::warn!(key, "a record among the alerts is none"),
        }
    }

    fn changed(&mut self, settle: bool, now: Millis) -> Vec<Row<Change>> {
        let Some(watermark) = self.rollup.watermark() else { return Vec::new() };
        let rows = self.rollup.changed_in_part(settle, ROWS_AT_ONCE, now);
        let alerts = self.alerts.changed(&rows, watermark, now);
        let rows = rows.into_iter().map(|change| row_record(change, self.frames));
        rows.chain(alerts.into_iter().map(|change| alert_record(change, self.frames))).collect()
    }

    fn is_settling(&self) -> bool {
        self.rollup.is_settling()
    }

    fn print(&self, value: &[u8]) -> u64 {
        json_print(as_json(value, kpi_update::schema()).as_deref().unwrap_or(value))
    }
}

fn row_record(change: RowChange, frames: Option<Frames>) -> Row<Change> {
    let encoded = |row: &Arc<_>| match frames {
        None => kpi_update::to_json(row),
        Some(frames) => framed(frames.kpis, kpi_update::to_avro(row)),
    };
    let value = change.row().map(|row| encoded(row).expect("numbers and text always encode"));
    Row { to: Output::Kpis, key: kpi_update::key(change.id()), value, shown: Some(Change::Row(change)) }
}

fn alert_record(change: AlertChange, frames: Option<Frames>) -> Row<Change> {
    let encoded = |told: &Arc<_>| match frames {
        None => alert::to_json(told),
        Some(frames) => framed(frames.alerts, alert::to_avro(told)),
    };
    let value = change.alert().map(|told| encoded(told).expect("numbers and text always encode"));
    Row { to: Output::Alerts, key: alert::key(change.id()), value, shown: Some(Change::Alert(change)) }
}

fn framed(frame: Frame, datum: Result<Vec<u8>, EncodeError>) -> Result<Vec<u8>, EncodeError> {
    datum.map(|datum| [&frame[..], &datum].concat())
}
