//! The integration tests, in one binary: they link once, and share one real broker. What comes in: this crate, and the
//! real parts that `make setup` installs. A part that is missing fails its tests; none is skipped in silence.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where it cannot go on, and waits for real programs by the wall clock"
)]

mod answers;
mod broker;
mod browser;
mod compare;
mod compatibility;
mod demo;
mod deployment;
mod docs;
mod erasures;
mod http;
mod ingest_avro;
mod ingest_faults;
mod ingest_samples;
mod kafka_line;
mod ledgers;
mod line;
mod log_contract;
mod log_faults;
mod observed;
mod page;
mod pictures;
mod prometheus;
mod properties;
mod real_parts;
mod reference;
mod registry;
mod samples;
mod scenarios;
mod simulation;
mod standards;
mod terminal;
mod tidy;
mod top;
