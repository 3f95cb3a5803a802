//! The parts of the line itself, made from one configuration: what ingest judges records by, the fold of a shard, the
//! rollup with the encoding of its rows.

use std::sync::Arc;

use super::parts::{
    Combine, Damage, Decode, Decoded, Effects, Fold, Parts, Positions, Raw, Row, Unavailable, json_print,
};
use crate::config::{Config, Encoding};
use crate::ingest::registry::{Registry, RegistryError};
use crate::ingest::schemas::SchemaFileError;
use crate::ingest::{self, FixedSchemas, Ingest, RawRecord, SchemaSource};
use crate::kpi::plan::plan_of;
use crate::model::event::Topic;
use crate::model::time::Millis;
use crate::partials::block::Block;
use crate::publish::kpi_update;
use crate::rollup::Rollup;
use crate::rollup::row::RowChange;
use crate::shards::rules::Rules;
use crate::shards::{FoldError, Shard};

pub struct Line {
    config: Arc<Config>,
    rules: Arc<Rules>,
    schemas: Arc<dyn SchemaSource>,
    /// Whether records say themselves how they are encoded.
    files: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Schemas(#[from] SchemaFileError),
    #[error("output.encoding = \"avro\" needs a [schema_registry] to register the schema with")]
    NoRegistry,
}

impl Line {
    /// For the input topics of a configuration.
    pub fn new(config: Arc<Config>) -> Result<Self, LineError> {
        let schemas: Arc<dyn SchemaSource> = match &config.schema_registry {
            Some(registry) => Arc::new(Registry::connect(registry)?),
            None => Arc::new(FixedSchemas::read(&config.schemas)?),
        };
        if config.output.encoding == Encoding::Avro {
            return Err(LineError::NoRegistry);
        }
        Ok(Self::with(config, schemas, false))
    }

    /// For histories in files, whose container files bring their schemas.
    #[must_use]
    pub fn of_files(config: Arc<Config>, schemas: Arc<dyn SchemaSource>) -> Self {
        Self::with(config, schemas, true)
    }

    fn with(config: Arc<Config>, schemas: Arc<dyn SchemaSource>, files: bool) -> Self {
        let rules = Arc::new(Rules::new(Arc::clone(&config), plan_of(&config)));
        Self { config, rules, schemas, files }
    }

    /// The schemas that the configuration names, for files that need them.
    pub fn named_schemas(config: &Config) -> Result<Arc<dyn SchemaSource>, LineError> {
        Ok(Arc::new(FixedSchemas::read(&config.schemas)?))
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
        Rows { rollup: Rollup::new(&self.config) }
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

/// The rollup, with its rows as they are published.
pub struct Rows {
    pub rollup: Rollup,
}

impl Combine for Rows {
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

    fn changed(&mut self, settle: bool, now: Millis) -> Vec<Row> {
        self.rollup.changed(settle, now).iter().map(published).collect()
    }

    fn print(&self, value: &[u8]) -> u64 {
        json_print(value)
    }
}

fn published(change: &RowChange) -> Row {
    let value = change.row.as_ref().map(|row| kpi_update::to_json(row).expect("numbers and text always encode"));
    Row { key: kpi_update::key(&change.id), value }
}
