//! A scenario that was read → how it went: its records through the fold, what is expected against the rows and dead
//! letters that come out.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{Difference, Expectation, Scenario};
use crate::ingest::Reason;
use crate::model::event::Topic;
use crate::model::window::{Calendar, WindowKind};
use crate::rollup::row::{Row, RowId};
use crate::runtime::batch::{self, BatchError, Outcome};
use crate::runtime::line::{Line, LineError};

/// Rows shown where an expected one does not exist.
const NEAREST: usize = 5;

/// What is not as expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Of the expectation or the event.
    pub line: usize,
    #[serde(flatten)]
    pub fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    Different {
        row: String,
        differences: Vec<Difference>,
    },
    /// With the rows of the KPI that there are, the most alike first.
    Missing {
        row: String,
        nearest: Vec<Named>,
    },
    /// A row that must not be there.
    Unexpected {
        row: Named,
    },
    Rejected {
        event: String,
        reason: String,
        message: String,
    },
    NotRejected {
        event: String,
        expected: &'static str,
    },
    OtherwiseRejected {
        event: String,
        expected: &'static str,
        found: String,
        message: String,
    },
}

/// A row in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    pub row: String,
    pub value: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Line(#[from] LineError),
    #[error(transparent)]
    Batch(#[from] BatchError),
}

/// # Errors
/// When the fold cannot work; what is not as expected is no error.
pub fn run(scenario: &Scenario) -> Result<Vec<Failure>, RunError> {
    let config = &scenario.config;
    let parts = Line::of_files(Arc::clone(config), Line::named_schemas(config)?);
    let mut counts = BTreeMap::new();
    for given in &scenario.records {
        *counts.entry(given.record.topic).or_default() += 1;
    }
    let records = scenario.records.iter().map(|given| Ok(given.record.clone()));
    let outcome = batch::fold::<_, RunError>(&parts, config, scenario.as_of, counts, records)?;
    let mut failures = unlike_letters(scenario, &outcome);
    let rows = outcome.rollup.rollup.all_rows(outcome.watermark.unwrap_or_default());
    let rows: BTreeMap<&RowId, &Row> = rows.iter().map(|row| (&row.id, row)).collect();
    let calendar = &config.time.calendar;
    failures.extend(scenario.expected.iter().filter_map(|expectation| {
        unlike(expectation, &rows, calendar).map(|fault| Failure { line: expectation.line, fault })
    }));
    failures.sort_by_key(|failure| failure.line);
    Ok(failures)
}

fn unlike(expectation: &Expectation, rows: &BTreeMap<&RowId, &Row>, calendar: &Calendar) -> Option<Fault> {
    let id = &expectation.id;
    match (&expectation.says, rows.get(id)) {
        (Some(expected), Some(row)) => {
            let differences = expected.differences(row);
            (!differences.is_empty()).then(|| Fault::Different { row: name(id, calendar), differences })
        }
        (Some(_), None) => Some(Fault::Missing { row: name(id, calendar), nearest: nearest(id, rows, calendar) }),
        (None, Some(row)) => Some(Fault::Unexpected { row: named(row, calendar) }),
        (None, None) => None,
    }
}

fn nearest(wanted: &RowId, rows: &BTreeMap<&RowId, &Row>, calendar: &Calendar) -> Vec<Named> {
    let likeness = |id: &RowId| {
        let names = |id: &RowId| id.dims.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let alike = id.dims.iter().filter(|dim| wanted.dims.contains(dim)).count();
        (names(id) == names(wanted), id.window == wanted.window, id.start == wanted.start, alike)
    };
    let mut of_kpi: Vec<&Row> = rows.values().filter(|row| row.id.kpi == wanted.kpi).copied().collect();
    of_kpi.sort_by_key(|row| Reverse(likeness(&row.id)));
    of_kpi.into_iter().take(NEAREST).map(|row| named(row, calendar)).collect()
}

fn named(row: &Row, calendar: &Calendar) -> Named {
    Named { row: name(&row.id, calendar), value: row.says.value.map(|value| value.to_string()) }
}

/// `leads 1d 2026-01-05 channel=email model=last`: a window of a day or more by its first local day.
fn name(id: &RowId, calendar: &Calendar) -> String {
    let start = id.start.and_then(|at| jiff::Timestamp::from_millisecond(at.0).ok()).map(|at| match id.window {
        WindowKind::Minute | WindowKind::Hour => at.to_string(),
        _ => at.to_zoned(calendar.zone().clone()).date().to_string(),
    });
    let dims = id.dims.iter().map(|(dim, value)| format!("{dim}={value}"));
    let parts = [id.kpi.to_string(), id.window.to_string()].into_iter().chain(start).chain(dims);
    parts.collect::<Vec<_>>().join(" ")
}

/// The records that were rejected otherwise than they should.
fn unlike_letters(scenario: &Scenario, outcome: &Outcome<Line>) -> Vec<Failure> {
    let mut letters = BTreeMap::new();
    for letter in &outcome.letters {
        letters
            .insert((letter.topic.to_string(), letter.offset), (letter.reason.to_string(), letter.message.to_string()));
    }
    let mut arrived: BTreeMap<Topic, i64> = BTreeMap::new();
    let faults = scenario.records.iter().filter_map(|given| {
        let topic = given.record.topic;
        let offset = arrived.entry(topic).or_default();
        let letter = letters.remove(&(topic.name().to_owned(), *offset));
        *offset += 1;
        let event = format!("record {} of {}", given.record.line, topic.name());
        let fault = match (given.rejected.map(Reason::code), letter) {
            (None, Some((reason, message))) => Fault::Rejected { event, reason, message },
            (Some(expected), None) => Fault::NotRejected { event, expected },
            (Some(expected), Some((found, message))) if expected != found => {
                Fault::OtherwiseRejected { event, expected, found, message }
            }
            _ => return None,
        };
        Some(Failure { line: given.line, fault })
    });
    faults.collect()
}
