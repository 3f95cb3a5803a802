//! Scenario files: a configuration, events in, rows expected. A file is read and checked whole before anything runs;
//! its events take the path of a history in files, through the same decoding, fold and rollup as in a running instance.
#![doc = include_str!("scenario/format.md")]

mod expectation;
mod reading;
mod running;
mod written;

use std::sync::Arc;

use crate::config::Config;
use crate::ingest::Reason;
use crate::ingest::files::FileRecord;
use crate::model::time::Millis;

pub use expectation::{Difference, Expectation};
pub use reading::{DefaultConfig, read};
pub use running::{Failure, Fault, Named, run};

/// The format, for people.
pub const FORMAT: &str = include_str!("scenario/format.md");

/// A scenario that can be run.
#[derive(Debug)]
pub struct Scenario {
    pub title: String,
    /// Where it begins in its file.
    pub line: usize,
    pub config: Arc<Config>,
    /// The last watermark; none: the greatest `occurred_at`.
    pub as_of: Option<Millis>,
    /// In the order of their arrival.
    pub records: Vec<Given>,
    pub expected: Vec<Expectation>,
}

/// A record that comes in.
#[derive(Debug)]
pub struct Given {
    /// Its line is its place in the scenario's list.
    pub record: FileRecord,
    /// Where it is in the file.
    pub line: usize,
    /// Why it is to be sent to the dead letters.
    pub rejected: Option<Reason>,
}
