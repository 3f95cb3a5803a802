//! A document → its scenarios, checked against their configurations: what names no record field, KPI, window or dimension
//! is a problem with its place, and so is a row that the configuration can never have.

mod expected;
mod record;

use std::sync::Arc;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use self::expected::Rows;
use super::Scenario;
use super::written::{self, Moment};
use crate::config::document::{Document, Reader, Table};
use crate::config::{Config, Placed, Problems};
use crate::model::event::Topic;
use crate::model::time::Millis;

/// The configuration of scenarios that name none.
pub type DefaultConfig<'a> = dyn Fn() -> Result<Config, Problems> + 'a;

/// # Errors
/// All that is wrong with the document and with the configurations in it.
pub fn read(document: &Document, default: &DefaultConfig<'_>) -> Result<Vec<Scenario>, Problems> {
    let mut reader = Reader::new(document);
    let scenarios = scenarios(&mut reader, default).unwrap_or_default();
    reader.finish(scenarios)
}

/// A scenario as it is written, and the configuration that it brings.
struct Part {
    line: usize,
    written: written::Scenario,
    config: Option<Arc<Config>>,
}

fn scenarios(reader: &mut Reader<'_>, default: &DefaultConfig<'_>) -> Option<Vec<Scenario>> {
    let mut root = reader.parse()?;
    let tables = take_scenarios(root.get_mut());
    let shared = part(reader, root);
    let parts: Vec<Option<Part>> = tables.into_iter().map(|table| part(reader, table)).collect();
    let (shared, parts) = (shared?, parts.into_iter().collect::<Option<Vec<_>>>()?);
    let needs_default = shared.config.is_none() && (parts.is_empty() || parts.iter().any(|part| part.config.is_none()));
    let config = match &shared.config {
        Some(config) => Some(Arc::clone(config)),
        None if needs_default => Some(Arc::new(reader.noted(default().map_err(Problems::into_inner))?)),
        None => None,
    };
    if parts.is_empty() {
        return Some(vec![scenario(reader, shared, config?, None)]);
    }
    refuse_events_beside(reader, &shared.written);
    let as_of = shared.written.as_of.as_ref().and_then(|at| moment(reader, at));
    let own = parts.into_iter().map(|mut part| {
        let config = part.config.take().or_else(|| config.clone())?;
        Some(scenario(reader, part, config, as_of))
    });
    own.collect()
}

fn scenario(reader: &mut Reader<'_>, part: Part, config: Arc<Config>, shared_as_of: Option<Millis>) -> Scenario {
    let Part { line, written, .. } = part;
    let as_of = written.as_of.as_ref().and_then(|at| moment(reader, at));
    let records = record::records(reader, &written);
    let mut rows = Rows::new(reader, &config);
    let expected: Vec<_> = written.expect.iter().filter_map(|row| rows.expectation(row)).collect();
    if written.expect.is_empty() && records.iter().all(|given| given.rejected.is_none()) {
        reader.fault(
            &written.title,
            "a scenario expects something: `[[expect]]`, or `rejected` at an event",
            "expects nothing",
            None,
        );
    }
    let title = if written.title.is_empty() { reader.document().file_name().to_owned() } else { written.title.value };
    Scenario { title, line, config, as_of: as_of.or(shared_as_of), records, expected }
}

fn part<'d>(reader: &mut Reader<'d>, mut table: Table<'d>) -> Option<Part> {
    let line = reader.document().line(&table.span());
    let given = take_config(table.get_mut());
    let config = given.map(|table| reader.config(table));
    let written: written::Scenario = reader.read(table)?;
    if let Some(nested) = &written.scenario {
        reader.fault(nested, "`[[scenario]]` stands at the root of a file only", "not here", None);
    }
    let config = match (config, &written.config) {
        (Some(config), _) => Some(config?),
        (None, Some(file)) => Some(reader.config_file(file)?),
        (None, None) => None,
    };
    Some(Part { line, written, config: config.map(Arc::new) })
}

/// A file of several scenarios shares a configuration and a time, no events.
fn refuse_events_beside(reader: &mut Reader<'_>, shared: &written::Scenario) {
    let lists = [
        shared.touchpoints.first().map(|first| first.span.clone()),
        shared.form_fills.first().map(|first| first.span.clone()),
        shared.deal_stages.first().map(|first| first.span.clone()),
        shared.spend.first().map(|first| first.span.clone()),
        shared.accounts.first().map(|first| first.span.clone()),
        shared.expect.first().map(|first| first.span.clone()),
    ];
    for span in lists.into_iter().flatten() {
        let at = Placed { value: (), span };
        let message = "beside `[[scenario]]` there are no events or rows: they stand in one of the scenarios";
        reader.fault(&at, message, "of no scenario", None);
    }
}

/// The tables of `[[scenario]]`, in the order of the file.
fn take_scenarios<'d>(root: &mut DeTable<'d>) -> Vec<Table<'d>> {
    let is_table = |value: &Spanned<DeValue<'_>>| value.get_ref().is_table();
    let listed = root.get("scenario").and_then(|value| value.get_ref().as_array());
    if !listed.is_some_and(|items| items.iter().all(is_table)) {
        return Vec::new();
    }
    match root.remove("scenario").map(Spanned::into_inner) {
        Some(DeValue::Array(items)) => items.into_iter().filter_map(as_table).collect(),
        _ => Vec::new(),
    }
}

/// The table `[config]`; where a file is named it stays.
fn take_config<'d>(table: &mut DeTable<'d>) -> Option<Table<'d>> {
    table.get("config").filter(|value| value.get_ref().is_table())?;
    table.remove("config").and_then(as_table)
}

fn as_table(value: Spanned<DeValue<'_>>) -> Option<Table<'_>> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Table(table) => Some(Spanned::new(span, table)),
        _ => None,
    }
}

fn moment(reader: &mut Reader<'_>, written: &Placed<Moment>) -> Option<Millis> {
    let text = record::text_of(&written.value.0);
    let at = text.parse::<jiff::Timestamp>().ok().map(|at| Millis(at.as_millisecond()));
    if at.is_none() {
        reader.fault(written, format!("no time with its offset: `{text}`"), "not a time", HINT_OF_TIME.to_owned());
    }
    at
}

const HINT_OF_TIME: &str = "such as 2026-01-05T10:00:00Z";

/// The key of a topic's events.
const fn key_of(topic: Topic) -> &'static str {
    match topic {
        Topic::Touchpoints => "touchpoints",
        Topic::FormFills => "form_fills",
        Topic::DealStages => "deal_stages",
        Topic::Spend => "spend",
        Topic::Accounts => "accounts",
        Topic::Erasures => "erasures",
    }
}
