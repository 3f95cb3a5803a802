//! Which rows are asked for: names that are not known are refused with the nearest one, and where no row is left it is
//! said what would have given some.

use std::collections::BTreeSet;

use indicatif::ProgressBar;

use crate::cli::BadUsage;
use crate::config::Config;
use crate::config::nearest::{hint, nearest};
use crate::kpi::families::families_of;
use crate::kpi::measures::Dim;
use crate::model::window::WindowKind;
use crate::rollup::lookup::{Query, Starts};
use crate::rollup::row::Row;
use crate::runtime::batch::Outcome;
use crate::runtime::line::Line;

/// So many values are named.
const MOST_VALUES: usize = 20;

pub(super) struct Filter {
    /// Sorted; all that are computed where none is named.
    kpis: Vec<String>,
    windows: Vec<WindowKind>,
    dims: Vec<(String, String)>,
}

impl Filter {
    pub fn new(kpis: &[String], windows: &[String], only: &[String], config: &Config) -> Result<Self, BadUsage> {
        let computed: BTreeSet<String> = families_of(config).kpis.into_iter().map(|kpi| kpi.id.to_string()).collect();
        if let Some(kpi) = kpis.iter().find(|kpi| !computed.contains(kpi.as_str())) {
            return Err(BadUsage(match nearest(kpi, computed.iter().map(String::as_str)) {
                Some(near) => format!("--kpi {kpi}: there is no such KPI; did you mean `{near}`?"),
                None => format!("--kpi {kpi}: there is no such KPI; `tributary catalogue` lists them"),
            }));
        }
        let dims = only.iter().map(|text| {
            let (name, value) =
                text.split_once('=').ok_or_else(|| BadUsage(format!("--where {text}: not DIM=VALUE")))?;
            if Dim::parse(name).is_none() {
                let help = hint(name, Dim::ALL.map(Dim::name));
                return Err(BadUsage(format!("--where {text}: there is no dimension `{name}`; {help}")));
            }
            Ok((name.to_owned(), value.to_owned()))
        });
        let dims = dims.collect::<Result<_, _>>()?;
        let named: BTreeSet<String> = if kpis.is_empty() { computed } else { kpis.iter().cloned().collect() };
        Ok(Self { kpis: named.into_iter().collect(), windows: kinds(windows, config)?, dims })
    }

    /// The rows asked for, sorted. There may be millions: those of a KPI in a kind of window are made at a time.
    pub fn rows<'a>(&'a self, outcome: &'a Outcome<Line>, bar: &'a ProgressBar) -> impl Iterator<Item = Row> + 'a {
        let updated_at = outcome.watermark.unwrap_or_default();
        bar.set_length((self.kpis.len() * self.windows.len()) as u64);
        let queries = self.kpis.iter().flat_map(move |kpi| self.windows.iter().map(move |kind| (kpi, *kind)));
        queries.flat_map(move |(kpi, window)| {
            bar.set_message(format!("{kpi} {window}"));
            bar.inc(1);
            outcome.rollup.rollup.rows(&query(Some(kpi), window, self.dims.clone()), updated_at)
        })
    }

    /// Why there is none.
    pub fn why_empty(&self, outcome: &Outcome<Line>, config: &Config) -> String {
        if outcome.watermark.is_none() {
            return "no event was accepted (--dead-letters FILE writes what was rejected, and why)".to_owned();
        }
        let mut shapes = Vec::new();
        let families = families_of(config);
        for family in &families.families {
            let kpi = &*families.kpis[family.kpi].id;
            if self.kpis.iter().any(|wanted| wanted == kpi) {
                let dims: Vec<&str> = family.dims.iter().map(|dim| dim.name()).collect();
                shapes.push((dims, family.kinds.iter().any(|kind| self.windows.contains(kind))));
            }
        }
        let has = |dims: &[&str]| self.dims.iter().all(|(name, _)| dims.contains(&name.as_str()));
        let asked: Vec<&str> = self.dims.iter().map(|(name, _)| name.as_str()).collect();
        let kpis = if self.kpis.len() <= 3 { self.kpis.join(", ") } else { "no KPI asked for".to_owned() };
        if !shapes.iter().any(|(dims, _)| has(dims)) {
            let sets: BTreeSet<String> = shapes.iter().map(|(dims, _)| by(dims)).collect();
            let sets = sets.into_iter().take(MOST_VALUES).collect::<Vec<_>>().join("; ");
            return format!("{kpis}: no rows {}; there are rows {sets}", by(&asked));
        }
        if !shapes.iter().any(|(dims, in_window)| has(dims) && *in_window) {
            let of = if asked.is_empty() { String::new() } else { format!(" {}", by(&asked)) };
            return format!("{kpis}: no rows{of} in the windows asked for; `tributary catalogue` says where");
        }
        for (name, value) in &self.dims {
            let values = self.values(outcome, name);
            if !values.is_empty() && !values.contains(value) {
                let near = nearest(value, values.iter().map(String::as_str));
                let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
                let some: Vec<&str> = values.iter().take(MOST_VALUES).map(String::as_str).collect();
                return format!("{name} is never `{value}` in them; {near}There are {}", some.join(", "));
            }
        }
        "nothing in this history makes a row of what is asked for".to_owned()
    }

    /// The values of a dimension that the rows have.
    fn values(&self, outcome: &Outcome<Line>, name: &str) -> BTreeSet<String> {
        let rows = self.kpis.iter().flat_map(|kpi| self.windows.iter().map(move |window| (kpi, *window)));
        let rows = rows.flat_map(|(kpi, window)| {
            outcome.rollup.rollup.rows(&query(Some(kpi), window, Vec::new()), outcome.watermark.unwrap_or_default())
        });
        rows.filter_map(|row| row.id.dims.iter().find(|(dim, _)| *dim == name).map(|(_, value)| value.to_string()))
            .collect()
    }
}

fn kinds(windows: &[String], config: &Config) -> Result<Vec<WindowKind>, BadUsage> {
    let mut kinds = config.time.windows.clone();
    if !windows.is_empty() {
        let known: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        if let Some(bad) = windows.iter().find(|name| !known.contains(name)) {
            return Err(BadUsage(match WindowKind::parse(bad) {
                Some(_) => format!("--window {bad}: not one of `time.windows`: {}", known.join(", ")),
                None => format!("--window {bad}: not a window; {}", hint(bad, known.iter().map(String::as_str))),
            }));
        }
        kinds.retain(|kind| windows.contains(&kind.to_string()));
    }
    kinds.sort_unstable();
    Ok(kinds)
}

fn query(kpi: Option<&str>, window: WindowKind, dims: Vec<(String, String)>) -> Query {
    Query { kpi: kpi.map(str::to_owned), window: Some(window), starts: Starts::Any, dims }
}

fn by(dims: &[&str]) -> String {
    if dims.is_empty() { "in total".to_owned() } else { format!("by {}", dims.join(", ")) }
}
