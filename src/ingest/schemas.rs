//! Where the schemas come from with which producers wrote: a registry, or files by configured id. An id that nobody
//! knows is bad input; a registry that does not answer is not.

use std::collections::BTreeMap;
use std::sync::Arc;

use apache_avro::Schema;

use crate::model::event::Topic;

pub trait SchemaSource: Send + Sync {
    /// None: there is no such id. May block; an answer is the same ever after.
    fn writer_schema(&self, id: u32) -> Result<Option<Arc<Schema>>, RegistryDown>;
}

/// The registry did not answer, or not in a way that settles whether the id exists.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the schema registry gave no answer: {reason}")]
pub struct RegistryDown {
    pub reason: String,
}

/// Schemas known beforehand, by id.
#[derive(Clone, Debug, Default)]
pub struct FixedSchemas(BTreeMap<u32, Arc<Schema>>);

#[derive(Debug, thiserror::Error)]
pub enum SchemaFileError {
    #[error("schema {id}: cannot read {path}")]
    Unreadable { id: u32, path: String, source: std::io::Error },
    #[error("schema {id}: {path} is no Avro schema")]
    NoSchema { id: u32, path: String, source: Box<apache_avro::Error> },
}

impl FixedSchemas {
    /// Reads the files of `[schemas]`, id = file.
    pub fn read(files: &BTreeMap<u32, String>) -> Result<Self, SchemaFileError> {
        let read = |(&id, path): (&u32, &String)| {
            let text = std::fs::read_to_string(path).map_err(|source| SchemaFileError::Unreadable {
                id,
                path: path.clone(),
                source,
            })?;
            let schema = Schema::parse_str(&text).map_err(|source| SchemaFileError::NoSchema {
                id,
                path: path.clone(),
                source: Box::new(source),
            })?;
            Ok((id, Arc::new(schema)))
        };
        files.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl From<BTreeMap<u32, Arc<Schema>>> for FixedSchemas {
    fn from(schemas: BTreeMap<u32, Arc<Schema>>) -> Self {
        Self(schemas)
    }
}

impl FromIterator<(u32, Schema)> for FixedSchemas {
    fn from_iter<I: IntoIterator<Item = (u32, Schema)>>(schemas: I) -> Self {
        Self(schemas.into_iter().map(|(id, schema)| (id, Arc::new(schema))).collect())
    }
}

impl SchemaSource for FixedSchemas {
    fn writer_schema(&self, id: u32) -> Result<Option<Arc<Schema>>, RegistryDown> {
        Ok(self.0.get(&id).cloned())
    }
}

/// Our schema of a topic's records, as published in `schemas/`: what producers write if they have no reason not to.
#[must_use]
pub const fn reader_schema(topic: Topic) -> &'static str {
    match topic {
        Topic::Touchpoints => include_str!("../../schemas/touchpoint.avsc"),
        Topic::FormFills => include_str!("../../schemas/form_fill.avsc"),
        Topic::DealStages => include_str!("../../schemas/deal_stage.avsc"),
        Topic::Spend => include_str!("../../schemas/spend.avsc"),
        Topic::Accounts => include_str!("../../schemas/account.avsc"),
        // Its records are their keys.
        Topic::Erasures => "\"null\"",
    }
}
