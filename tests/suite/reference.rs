//! The batch definition of every KPI: from the set of accepted events to the expected rows, straight from the contract.
//! Plain and quadratic on purpose, and apart from the fold: nothing here may call what it is the judge of.
//! What the contract leaves open is settled in `reference/RESOLUTIONS.md`.

mod credit;
mod examples;
mod facts;
mod funnel;
mod kpis;
mod row;
mod scoring;
mod table;
mod windows;
mod world;

use tributary::config::Config;
use tributary::model::event::Event;
use tributary::model::time::Millis;

pub use row::Row;

/// An accepted event, as it came.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    pub event: Event<'a>,
    /// The record's Kafka timestamp.
    pub timestamp: Millis,
    pub offset: u64,
    /// The watermark when it arrived, if it was late then: older than the watermark − L.
    pub late_at: Option<Millis>,
}

/// What is counted but is no event of its own.
#[derive(Clone, Debug, Default)]
pub struct Dropped {
    /// The record's Kafka timestamp and the reason's code.
    pub rejected: Vec<(Millis, String)>,
    /// The time of the event.
    pub duplicates: Vec<Millis>,
}

/// Every row that these events make by `as_of`, the watermark, sorted by key.
pub fn rows(config: &Config, events: &[Given], dropped: &Dropped, as_of: Millis) -> Vec<Row> {
    let facts = facts::all(config, events, dropped, as_of);
    let mut rows = table::rows(config, &kpis::catalogue(), &facts, as_of);
    rows.sort_by_key(Row::key);
    rows
}
