//! The only part that does IO: the log that everything durable goes through, the loops that drive ingest, shards and
//! rollup over it, recovery and shutdown.

pub mod asyncapi;
pub mod batch;
pub mod effects;
pub mod ingest_driver;
pub mod instance;
pub mod kafka_log;
pub mod leads;
pub mod line;
pub mod log;
pub mod memory_log;
pub mod outbox;
pub mod partitioner;
pub mod parts;
pub mod placement;
pub mod recovery;
pub mod rights;
pub mod rollup_driver;
pub mod settings;
pub mod shard_driver;
pub mod showing;
pub mod site;
pub mod snapshots;
pub mod topics;
#[cfg(test)]
mod toy;
