//! The rows that a scenario expects, held against the rows that its configuration can have.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Expectation;
use super::super::expectation::{Expected, Tolerance};
use super::super::written::{Cell, Cells, ExpectedRow, NUMBERS, Text, row_dim, row_dims};
use super::record::text_of;
use crate::config::document::Reader;
use crate::config::{Config, Placed};
use crate::kpi::catalogue::Kpi;
use crate::kpi::families::{Families, Family, families_of};
use crate::kpi::measures::Dim;
use crate::kpi::number::Number;
use crate::kpi::spread::Stat;
use crate::model::time::Millis;
use crate::model::window::{Day, WindowKind, day_of};
use crate::rollup::row::RowId;

/// How a number is written that a row does not define.
const UNDEFINED: &str = "null";

pub(super) struct Rows<'r, 'd> {
    reader: &'r mut Reader<'d>,
    config: &'r Config,
    families: Families,
}

type Given = BTreeMap<Text, Cell>;

fn cell<'a>(cells: &'a Given, key: &str) -> Option<&'a Cell> {
    cells.iter().find(|(name, _)| name.value == key).map(|(_, cell)| cell)
}

fn text(cell: &Cell) -> Text {
    Placed { value: text_of(&cell.value), span: cell.span.clone() }
}

impl<'r, 'd> Rows<'r, 'd> {
    pub(super) fn new(reader: &'r mut Reader<'d>, config: &'r Config) -> Self {
        Self { reader, config, families: families_of(config) }
    }

    /// None: it is noted what is wrong with it.
    pub(super) fn expectation(&mut self, written: &Placed<Cells<ExpectedRow>>) -> Option<Expectation> {
        let cells = &written.value.cells;
        let kpi = text(cell(cells, "kpi")?);
        let dims = dims(cells);
        let window = self.window(&text(cell(cells, "window")?));
        let of_set = self.families_by(&kpi, &dims)?;
        let window = window?;
        let Some(family) = of_set.iter().find(|family| family.kinds.contains(&window)) else {
            let set = set_name(dims.iter().map(|(dim, _)| *dim));
            let message = format!("`{}` has no rows by {set} in `{window}`", kpi.value);
            let kinds: Vec<String> = of_set[0].kinds.iter().map(ToString::to_string).collect();
            let hint = format!("it has them in {}", kinds.join(", "));
            self.reader.fault(&text(cell(cells, "window")?), message, "never", hint);
            return None;
        };
        let quantile = matches!(family.stat, Some(Stat::Quantile(_)));
        let start = self.start(window, cells, written)?;
        let says = self.says(cells, quantile, written)?;
        let dims: Arc<[(&'static str, Arc<str>)]> =
            dims.iter().map(|(dim, value)| (dim.name(), Arc::from(&*value.value))).collect();
        let id = RowId { kpi: Arc::from(&*kpi.value), window, start, dims };
        let line = written.span.as_ref().map_or(0, |span| self.reader.document().line(span));
        Some(Expectation { line, id, says })
    }

    /// The families of a KPI by a set of dimensions, as far as the values can be known before.
    fn families_by(&mut self, kpi: &Text, dims: &[(Dim, Text)]) -> Option<Vec<Family>> {
        let Some(number) = self.families.kpis.iter().position(|known| known.id == kpi.value) else {
            self.no_such_kpi(kpi);
            return None;
        };
        let of_kpi: Vec<Family> =
            self.families.families.iter().filter(|family| family.kpi == number).cloned().collect();
        let by_set = |family: &&Family| family.dims.iter().eq(dims.iter().map(|(dim, _)| dim));
        let of_set: Vec<Family> = of_kpi.iter().filter(by_set).cloned().collect();
        if of_set.is_empty() {
            let mut sets: Vec<String> = of_kpi.iter().map(|family| set_name(family.dims.iter().copied())).collect();
            sets.dedup();
            let hint = if sets.is_empty() {
                "with this configuration it has no rows at all".to_owned()
            } else {
                format!("it has rows by {}", sets.join(" · "))
            };
            let set = set_name(dims.iter().map(|(dim, _)| *dim));
            self.reader.fault(kpi, format!("`{}` has no rows by {set}", kpi.value), "never", hint);
            return None;
        }
        self.with_values(of_set, dims)
    }

    /// Statistics, goals and models have their names from the catalogue and the configuration.
    fn with_values(&mut self, of_set: Vec<Family>, dims: &[(Dim, Text)]) -> Option<Vec<Family>> {
        for (dim, value) in dims {
            let named: Vec<&str> = of_set
                .iter()
                .flat_map(|family| match &family.named {
                    Some((named, value)) if named == dim => vec![value.as_str()],
                    _ if *dim == Dim::Model => family.models.iter().map(String::as_str).collect(),
                    _ => Vec::new(),
                })
                .collect();
            if !named.is_empty() && !named.contains(&value.as_str()) {
                self.reader.unknown(value, row_dim(*dim), named);
                return None;
            }
        }
        let says = |family: &Family, (dim, value): &(Dim, Text)| match &family.named {
            Some((named, own)) if named == dim => *own == value.value,
            _ => true,
        };
        Some(of_set.into_iter().filter(|family| dims.iter().all(|dim| says(family, dim))).collect())
    }

    fn no_such_kpi(&mut self, kpi: &Text) {
        let known = Kpi::named(&kpi.value).is_some() || self.config.kpis.iter().any(|own| own.id == kpi.value);
        if known {
            let message = format!("`{}` is not computed with this configuration", kpi.value);
            self.reader.fault(kpi, message, "not selected", "`output.kpis` says which are".to_owned());
        } else {
            self.reader.unknown(kpi, "KPI", self.families.kpis.iter().map(|known| known.id.as_str()));
        }
    }

    fn window(&mut self, name: &Text) -> Option<WindowKind> {
        let kind = WindowKind::parse(name).filter(|kind| self.config.time.windows.contains(kind));
        if kind.is_none() {
            let configured: Vec<String> = self.config.time.windows.iter().map(ToString::to_string).collect();
            let hint = format!("`time.windows` has {}", configured.join(", "));
            self.reader.fault(name, format!("no window of this configuration: `{}`", name.value), "not known", hint);
        }
        kind
    }

    /// A window's first moment: none of those that have none.
    fn start(&mut self, kind: WindowKind, cells: &Given, row: &Placed<Cells<ExpectedRow>>) -> Option<Option<Millis>> {
        let start = cell(cells, "start").map(text);
        let start = match (kind, start) {
            (WindowKind::All | WindowKind::Now, None) => return Some(None),
            (WindowKind::All | WindowKind::Now, Some(start)) => {
                self.reader.fault(&start, format!("`{kind}` has no start"), "too much", None);
                return None;
            }
            (_, None) => {
                self.reader.fault(
                    row,
                    format!("a row of `{kind}` needs the `start` of its window"),
                    "which one?",
                    None,
                );
                return None;
            }
            (_, Some(start)) => start,
        };
        let Some(at) = self.moment(&start) else {
            let hint = "a day of the zone as 2026-01-05, a time of it as 2026-01-05T10:00, or one with its offset";
            self.reader.fault(&start, format!("no date or time: `{}`", start.value), "not a time", hint.to_owned());
            return None;
        };
        let calendar = &self.config.time.calendar;
        let window = match kind {
            // One of these begins every day.
            WindowKind::Rolling(days) => {
                let first = calendar.day(at);
                calendar.window_of_day(kind, Day(first.0 + i32::from(days) - 1))
            }
            _ => calendar.window_at(kind, at),
        };
        if calendar.start(window) == Some(at) {
            return Some(Some(at));
        }
        let begins = calendar.start(window).and_then(|at| jiff::Timestamp::from_millisecond(at.0).ok());
        let begins = begins.map(|at| at.to_zoned(calendar.zone().clone()).datetime().to_string()).unwrap_or_default();
        let message = format!("no `{kind}` begins at {}", start.value);
        self.reader.fault(&start, message, "within a window", format!("the one that holds it begins at {begins}"));
        None
    }

    fn moment(&self, text: &Text) -> Option<Millis> {
        let calendar = &self.config.time.calendar;
        let of_zone = || {
            let local = text.parse::<jiff::civil::DateTime>().ok()?;
            let at = calendar.zone().to_ambiguous_zoned(local).compatible().ok()?;
            Some(Millis(at.timestamp().as_millisecond()))
        };
        match (text.parse::<jiff::Timestamp>(), text.parse::<jiff::civil::Date>()) {
            (Ok(at), _) => Some(Millis(at.as_millisecond())),
            (_, Ok(date)) if !text.contains('T') => Some(calendar.day_start(day_of(date))),
            _ => of_zone(),
        }
    }

    /// What the row says; none inside where it must not be.
    fn says(&mut self, cells: &Given, quantile: bool, row: &Placed<Cells<ExpectedRow>>) -> Option<Option<Expected>> {
        let mut numbers = [None; NUMBERS.len()];
        for (number, name) in numbers.iter_mut().zip(NUMBERS) {
            if let Some(given) = cell(cells, name) {
                *number = Some(self.number(&text(given))?);
            }
        }
        let truth = |key| cell(cells, key).and_then(|cell| cell.value.as_bool());
        let tolerance = cell(cells, "tolerance").and_then(|cell| text_of(&cell.value).parse().ok());
        let expected = Expected {
            numbers,
            last: truth("final"),
            tolerance: match tolerance {
                Some(within) => Tolerance::Within(within),
                None if quantile => Tolerance::OfQuantiles,
                None => Tolerance::OfItsKind,
            },
        };
        if truth("absent") != Some(true) {
            return Some(Some(expected));
        }
        if expected.says_something() {
            self.reader.fault(row, "a row that is absent says nothing", "absent, and yet with numbers", None);
            return None;
        }
        Some(None)
    }

    fn number(&mut self, text: &Text) -> Option<Option<Number>> {
        if text.value == UNDEFINED {
            return Some(None);
        }
        let number = Number::parse(text);
        if number.is_none() {
            let hint = format!("a number, or \"{UNDEFINED}\" where it must not be defined");
            self.reader.fault(text, format!("no number: `{}`", text.value), "not a number", hint);
        }
        number.map(Some)
    }
}

/// By name, as rows have them.
fn dims(cells: &Given) -> Vec<(Dim, Text)> {
    let mut dims: Vec<(Dim, Text)> =
        row_dims().filter_map(|dim| Some((dim, text(cell(cells, row_dim(dim))?)))).collect();
    dims.sort_by_key(|(dim, _)| dim.name());
    dims
}

fn set_name(dims: impl Iterator<Item = Dim>) -> String {
    let names: Vec<&str> = dims.map(row_dim).collect();
    if names.is_empty() { "total".to_owned() } else { names.join(", ") }
}
