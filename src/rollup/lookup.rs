//! Lookups: rows as they stand now, whether or not they have been published, for `report`, the API and the gauges.

use super::Rollup;
use super::groups::Spot;
use super::row::{Dims, Row};
use super::timeline::Horizon;
use super::views::number;
use crate::model::time::Millis;
use crate::model::window::{Window, WindowKind, WindowStart};

/// Which rows a reader asks for; what is not given is not asked.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub kpi: Option<String>,
    pub window: Option<WindowKind>,
    pub starts: Starts,
    /// Dimensions that rows must have, by name.
    pub dims: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Starts {
    #[default]
    Any,
    /// The running window of each kind.
    Running,
    /// The window that begins then.
    At(Millis),
}

impl Query {
    /// Whether a row has the dimensions asked for.
    fn has(&self, dims: &Dims) -> bool {
        let has = |(name, text): &(String, String)| dims.iter().any(|(dim, value)| dim == name && **value == **text);
        self.dims.iter().all(has)
    }
}

impl Rollup {
    /// Every row there is, sorted.
    #[must_use]
    pub fn all_rows(&self, updated_at: Millis) -> Vec<Row> {
        self.rows(&Query::default(), updated_at)
    }

    /// The rows that a query asks for, sorted.
    #[must_use]
    pub fn rows(&self, query: &Query, updated_at: Millis) -> Vec<Row> {
        let mut rows = Vec::new();
        let Some(watermark) = self.watermark() else { return rows };
        for (kind, _) in self.horizons.iter().filter(|(kind, _)| query.window.is_none_or(|wanted| wanted == *kind)) {
            let horizon = self.timeline.horizon(*kind, watermark);
            let Some(starts) = self.starts(query, *kind, horizon) else { continue };
            for spot in self.spots(query, *kind) {
                self.rows_of(query, spot, (*kind, starts), horizon, updated_at, &mut rows);
            }
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows
    }

    fn rows_of(
        &self,
        query: &Query,
        spot: Spot,
        (kind, starts): (WindowKind, (WindowStart, WindowStart)),
        horizon: Horizon,
        updated_at: Millis,
        rows: &mut Vec<Row>,
    ) {
        let of = &self.families[spot.family as usize];
        let (source, group) = (self.source(), &of.groups[spot.group as usize]);
        for start in source.windows(of, group, kind, starts) {
            let window = Window { kind, start };
            for (key, says) in self.says(spot, window, horizon) {
                let apart = of.family.journeys.map(|_| source.dims_of(of, group, &key));
                let dims = apart.as_ref().unwrap_or(&group.dims);
                if apart.is_none() || query.has(dims) {
                    rows.extend(self.row(spot, window, dims, says, updated_at));
                }
            }
        }
    }

    /// From the first to the last start asked for; none where no window of the kind starts so.
    fn starts(&self, query: &Query, kind: WindowKind, horizon: Horizon) -> Option<(WindowStart, WindowStart)> {
        match query.starts {
            Starts::Any => Some((horizon.kept, horizon.running)),
            Starts::Running => Some((horizon.running, horizon.running)),
            Starts::At(at) => {
                let window = self.timeline.starting(kind, at)?;
                (horizon.kept <= window.start && window.start <= horizon.running)
                    .then_some((window.start, window.start))
            }
        }
    }

    /// The groups asked for that have rows of a kind.
    fn spots(&self, query: &Query, kind: WindowKind) -> Vec<Spot> {
        let mut spots = Vec::new();
        for (family, of) in self.families.iter().enumerate() {
            let Some(state) = of.family.kinds.iter().position(|found| *found == kind) else { continue };
            if query.kpi.as_ref().is_some_and(|wanted| **wanted != *self.kpis[of.family.kpi].id) {
                continue;
            }
            // Where each wanted dimension stands in the key, and the symbol it must be. Rows made of journeys are sorted out one
            // by one.
            let dims = if of.family.journeys.is_some() { &[][..] } else { &query.dims };
            let wanted = dims.iter().map(|(name, text)| {
                let place = of.family.dims.iter().position(|dim| dim.name() == name)?;
                Some((place, self.texts.known(text)?))
            });
            let Some(wanted) = wanted.collect::<Option<Vec<_>>>() else { continue };
            let asked = of
                .groups
                .iter()
                .enumerate()
                .filter(|(_, group)| wanted.iter().all(|(place, symbol)| group.key[*place] == *symbol));
            spots.extend(asked.map(|(group, _)| Spot {
                family: number(family),
                group: number(group),
                state: number(state),
            }));
        }
        spots
    }
}
