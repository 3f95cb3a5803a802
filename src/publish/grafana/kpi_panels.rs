//! From KPIs to panels: what a dashboard wants to show of which KPIs in, panels with their queries, units and meanings
//! out. What the configuration does not publish is left out, and with it whatever then has nothing to show.

use super::gauges::{Asked, Gauges, Rows};
use super::layout::Placed;
use super::looks::{thresholds, title, unit};
use super::panels::{Column, Look, Query, bars, matrix, table, tile, trend, words};
use crate::kpi::families::Published;
use crate::kpi::measures::Dim;

/// Dimensions that have one value.
type Pinned = &'static [(Dim, &'static str)];

/// What a dashboard shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Show {
    /// A KPI's total.
    Tile(&'static str),
    /// The same at present, where there is one of windows too.
    Present(&'static str),
    /// Totals, as lines over time.
    Trend(&'static str, &'static [&'static str]),
    /// A KPI by one dimension, as lines over time.
    TrendBy(&'static str, Dim),
    /// Totals beside each other.
    Funnel(&'static str, &'static [&'static str]),
    /// A KPI by one dimension.
    Bars(&'static str, Dim),
    BarsOf(&'static str, Dim, Pinned),
    /// Several KPIs by the same dimensions.
    Table(&'static str, &'static [Dim], &'static [&'static str]),
    /// A KPI by two dimensions: the one down, the other across.
    Matrix(&'static str, Dim, Dim),
    MatrixOf(&'static str, Dim, Dim, Pinned),
}

pub(super) struct Section {
    pub title: &'static str,
    pub shows: &'static [Show],
}

impl Show {
    pub fn panel(self, gauges: &Gauges<'_>) -> Option<Placed> {
        match self {
            Self::Tile(id) => tile_of(gauges, id, Rows::default()),
            Self::Present(id) => tile_of(gauges, id, Rows { now: true, ..Rows::default() }),
            Self::Trend(title, ids) => trend_of(gauges, title, ids),
            Self::TrendBy(id, by) => {
                let asked = gauges.ask(id, Rows { by: &[by], ..Rows::default() })?;
                let query = [Query::new(&asked.expr, format!("{{{{{}}}}}", by.name()))];
                let look = Look { thresholds: None, ..look(gauges, asked.kpi) };
                Some(trend(&by_title(&title(id), &[by]), &asked.kpi.meaning, &query, &look))
            }
            Self::Funnel(title, ids) => funnel_of(gauges, title, ids),
            Self::Bars(id, by) => bars_of(gauges, id, by, &[]),
            Self::BarsOf(id, by, pinned) => bars_of(gauges, id, by, pinned),
            Self::Table(title, by, ids) => table_of(gauges, title, by, ids),
            Self::Matrix(id, row, column) => matrix_of(gauges, id, row, column, &[]),
            Self::MatrixOf(id, row, column, pinned) => matrix_of(gauges, id, row, column, pinned),
        }
    }
}

pub(super) fn look(gauges: &Gauges<'_>, kpi: &Published) -> Look {
    let currency = &gauges.config.money.currency;
    Look { unit: unit(&kpi.id, &kpi.unit, currency), thresholds: thresholds(&kpi.id), words: Vec::new() }
}

fn by_title(title: &str, by: &[Dim]) -> String {
    let names: Vec<String> = by.iter().map(|dim| words(dim.name()).to_lowercase()).collect();
    format!("{title} by {}", names.join(" and "))
}

/// What several KPIs mean, a line each.
fn meanings(asked: &[Asked<'_>]) -> String {
    let line = |asked: &Asked<'_>| format!("**{}**: {}", title(&asked.kpi.id), asked.kpi.meaning);
    asked.iter().map(line).collect::<Vec<_>>().join("\n\n")
}

fn tile_of(gauges: &Gauges<'_>, id: &str, rows: Rows<'_>) -> Option<Placed> {
    let asked = gauges.ask(id, rows)?;
    let named = if rows.now { format!("{}, now", title(id)) } else { title(id) };
    let legend = asked.labels.first().map_or_else(|| named.clone(), |label| format!("{{{{{label}}}}}"));
    Some(tile(&named, &asked.kpi.meaning, &Query::new(&asked.expr, legend), &look(gauges, asked.kpi)))
}

fn totals<'g>(gauges: &'g Gauges<'_>, ids: &[&str]) -> Option<(Vec<Asked<'g>>, Vec<Query>, Look)> {
    let asked: Vec<Asked<'g>> = ids.iter().filter_map(|id| gauges.ask(id, Rows::default())).collect();
    let queries = asked.iter().map(|asked| Query::new(&asked.expr, title(&asked.kpi.id))).collect();
    // Lines of one panel have one unit, and none is red because of another.
    let look = Look { thresholds: None, ..look(gauges, asked.first()?.kpi) };
    Some((asked, queries, look))
}

fn trend_of(gauges: &Gauges<'_>, title: &str, ids: &[&str]) -> Option<Placed> {
    let (asked, queries, look) = totals(gauges, ids)?;
    Some(trend(title, &meanings(&asked), &queries, &look))
}

fn funnel_of(gauges: &Gauges<'_>, title: &str, ids: &[&str]) -> Option<Placed> {
    let (asked, queries, look) = totals(gauges, ids)?;
    Some(bars(title, &meanings(&asked), &queries, &look))
}

fn bars_of(gauges: &Gauges<'_>, id: &str, by: Dim, pinned: Pinned) -> Option<Placed> {
    let asked = gauges.ask(id, Rows { by: &[by], pinned, now: false })?;
    let query = [Query::new(&asked.expr, format!("{{{{{}}}}}", by.name()))];
    Some(bars(&by_title(&title(id), &[by]), &asked.kpi.meaning, &query, &look(gauges, asked.kpi)))
}

fn table_of(gauges: &Gauges<'_>, name: &str, by: &[Dim], ids: &[&str]) -> Option<Placed> {
    let asked: Vec<Asked<'_>> = ids.iter().filter_map(|id| gauges.ask(id, Rows { by, ..Rows::default() })).collect();
    let column = |asked: &Asked<'_>| Column {
        title: title(&asked.kpi.id),
        query: Query::new(&asked.expr, ""),
        look: look(gauges, asked.kpi),
    };
    let columns: Vec<Column> = asked.iter().map(column).collect();
    // Where one says which window a row is of, all do.
    let labels = &asked.iter().max_by_key(|asked| asked.labels.len())?.labels;
    let mut placed = table(name, &meanings(&asked), labels, &columns);
    placed.width = (3 * columns.len() as u64).clamp(8, 24);
    placed.height = if by.iter().all(|dim| is_small(*dim)) { 6 } else { 9 };
    Some(placed)
}

fn matrix_of(gauges: &Gauges<'_>, id: &str, row: Dim, column: Dim, pinned: Pinned) -> Option<Placed> {
    let by = [row, column];
    let asked = gauges.ask(id, Rows { by: &by, pinned, now: false })?;
    let query = Query::new(&asked.expr, "");
    let look = Look { thresholds: None, ..look(gauges, asked.kpi) };
    Some(matrix(&by_title(&title(id), &by), &asked.kpi.meaning, (row.name(), column.name()), &query, &look))
}

/// Whether a dimension has a handful of values, whatever the events are.
const fn is_small(dim: Dim) -> bool {
    matches!(dim, Dim::Stage | Dim::Stat | Dim::Definition | Dim::Kpi | Dim::AssetType | Dim::Grade)
}

/// A panel of a KPI that no dashboard has a place for: its total, else its smallest rows.
pub(super) fn panel_of(gauges: &Gauges<'_>, id: &str) -> Option<Placed> {
    if let Some(placed) = tile_of(gauges, id, Rows::default()) {
        return Some(placed);
    }
    let set = gauges.sets(id).into_iter().next()?;
    match set.as_slice() {
        [by] => bars_of(gauges, id, *by, &[]),
        [row, column] => matrix_of(gauges, id, *row, *column, &[]),
        _ => None,
    }
}
