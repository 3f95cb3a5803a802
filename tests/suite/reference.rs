//! The batch definition of every KPI: from the set of accepted events to the expected rows, straight from the contract.
//! Plain on purpose, and apart from the fold: nothing here may call what it is the judge of.
//! What the contract leaves open is settled in `reference/RESOLUTIONS.md`.

mod accounts;
pub mod attributions;
mod cell;
mod credit;
mod examples;
mod facts;
mod funnel;
mod journeys;
mod kpis;
pub mod ledgers;
mod markov;
mod parts;
mod row;
mod scoring;
mod table;
mod targets;
mod windows;
mod world;

use std::collections::BTreeMap;

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
    rows_of_parts(config, &[events.to_vec()], events, dropped, as_of)
}

/// The same rows, of a history that is long.
pub fn rows_of_many(config: &Config, events: &[Given], dropped: &Dropped, as_of: Millis) -> Vec<Row> {
    rows_of_parts(config, &parts::parts(config, events), events, dropped, as_of)
}

fn rows_of_parts(
    config: &Config,
    parts: &[Vec<Given>],
    events: &[Given],
    dropped: &Dropped,
    as_of: Millis,
) -> Vec<Row> {
    let of_parts = parts.iter().flat_map(|part| facts::all(config, part, as_of));
    let mut facts: BTreeMap<String, Vec<facts::Fact>> = BTreeMap::new();
    for fact in of_parts.chain(kpis::operations::counted(events, dropped)) {
        facts.entry(fact.measure.clone()).or_default().push(fact);
    }
    let accounts = accounts::Accounts::new(config, events);
    let mut rows = table::rows(config, &kpis::catalogue(), &facts, &accounts, as_of);
    rows.sort_by_cached_key(Row::key);
    rows
}
