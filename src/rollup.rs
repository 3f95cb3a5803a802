//! The rollup: blocks of partial cells from all shards in, the rows that changed out. Cells are merged over shards,
//! kept as series by what rows read of them, and a change costs work in proportion to the rows that it touches.
//! What it says is a function of the cells and watermarks alone: how blocks were cut or ordered changes nothing.

mod changes;
mod groups;
pub mod lookup;
#[cfg(test)]
mod oracle;
pub mod row;
mod series;
mod shards;
mod statistics;
mod sums;
#[cfg(test)]
mod tests;
mod texts;
mod timeline;
mod views;

use std::sync::Arc;

use smallvec::SmallVec;

use self::groups::{Opened, Spot};
use self::row::{Row, RowId, Says};
use self::shards::{Delta, Shards};
use self::texts::Texts;
use self::timeline::{Horizon, Timeline};
use self::views::{Views, number};
use crate::config::Config;
use crate::kpi::families::{Published, families_of};
use crate::kpi::measures::Dim;
use crate::kpi::plan::plan_of;
use crate::model::channel::ChannelGroups;
use crate::model::time::Millis;
use crate::model::window::{Window, WindowKind, WindowStart};
use crate::partials::block::Block;
use crate::partials::cells::Symbol;

#[derive(Debug)]
pub struct Rollup {
    timeline: Timeline,
    texts: Texts,
    shards: Shards,
    views: Views,
    families: Vec<Opened>,
    kpis: Vec<Named>,
    currency: Arc<str>,
    /// Each configured kind, and where the watermark stood in it when rows were last asked for.
    horizons: Vec<(WindowKind, Option<Horizon>)>,
    /// Rows that may have changed, of running windows and of ended ones.
    running: Vec<Spot>,
    ended: Vec<Spot>,
}

/// A KPI with its texts shared among its rows.
#[derive(Debug)]
struct Named {
    id: Arc<str>,
    unit: Arc<str>,
    of: Published,
}

impl Rollup {
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let found = families_of(config);
        let groups = ChannelGroups::new(config.channels.groups.clone(), config.channels.not_marketing.clone());
        let mut texts = Texts::default();
        let mut views = Views::new(groups);
        let families = Opened::all(&found, &plan_of(config), &mut views, &mut texts);
        let named = |of: Published| Named { id: Arc::from(&*of.id), unit: Arc::from(&*of.unit), of };
        Self {
            timeline: Timeline::new(config),
            shards: Shards::new(config.topics.partitions),
            texts,
            views,
            families,
            kpis: found.kpis.into_iter().map(named).collect(),
            currency: Arc::from(&*config.money.currency),
            horizons: config.time.windows.iter().map(|kind| (*kind, None)).collect(),
            running: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// The KPIs that it has rows of.
    pub fn kpis(&self) -> impl Iterator<Item = &Published> {
        self.kpis.iter().map(|kpi| &kpi.of)
    }

    /// None until every shard has said one.
    #[must_use]
    pub const fn watermark(&self) -> Option<Millis> {
        self.shards.watermark()
    }

    /// False: the block is of a claim that does not hold (any more), and was ignored.
    pub fn apply(&mut self, block: &Block) -> bool {
        let (views, timeline, horizons) = (&self.views, &self.timeline, &self.horizons);
        let quotable = |kind: WindowKind, start: WindowStart| {
            let horizon = horizons.iter().find(|(found, _)| *found == kind).and_then(|(_, horizon)| *horizon);
            horizon.is_none_or(|horizon| start >= timeline.oldest_quotable(kind, horizon))
        };
        let Some(deltas) = self.shards.apply(block, &mut self.texts, |cell| {
            let short = matches!(cell.bucket.kind, WindowKind::Minute | WindowKind::Hour);
            views.wants(cell) && (!short || quotable(cell.bucket.kind, cell.bucket.start))
        }) else {
            return false;
        };
        let mut changed = Vec::new();
        for delta in &deltas {
            self.add(delta, &mut changed);
        }
        changed.sort_unstable();
        changed.dedup();
        for (view, series) in changed {
            self.views.views[view as usize].series[series as usize].sum();
        }
        true
    }

    /// Adds a change to the series that it belongs to and notes the rows that it touches.
    fn add(&mut self, delta: &Delta, changed: &mut Vec<(u32, u32)>) {
        let (measure, bucket) = (delta.cell.measure, delta.cell.bucket);
        let touched: SmallVec<[_; 12]> = self
            .horizons
            .iter()
            .filter_map(|(kind, horizon)| Some((*kind, (*horizon)?, self.timeline.touched(measure, bucket, *kind)?)))
            .collect();
        for view in SmallVec::<[u32; 32]>::from_slice(self.views.of(measure)) {
            let Some(series) = self.views.route(view, &delta.cell, &mut self.texts) else { continue };
            changed.push((view, series));
            self.root(view, series);
            let series = &mut self.views.views[view as usize].series[series as usize];
            series.add(bucket, delta.amount);
            for (family, group) in &series.links {
                let of = &mut self.families[*family as usize];
                let states = &mut of.groups[*group as usize].states;
                for (state, (kind, rows)) in of.family.kinds.iter().zip(states).enumerate() {
                    let Some((_, horizon, range)) = touched.iter().find(|(found, ..)| found == kind) else { continue };
                    let (running, ended) = rows.touch(*kind, *range, *horizon);
                    let spot = Spot { family: *family, group: *group, state: number(state) };
                    self.running.extend(running.then_some(spot));
                    self.ended.extend(ended.then_some(spot));
                }
            }
        }
    }

    /// Makes the groups of rows that a series' facts make, once.
    fn root(&mut self, view: u32, series: u32) {
        let opened = &mut self.views.views[view as usize];
        if std::mem::replace(&mut opened.series[series as usize].rooted, true) {
            return;
        }
        let key = opened.keys[series as usize].clone();
        for (family, term) in opened.owners.clone() {
            let of = &mut self.families[family as usize];
            for key in of.keys(term, &key) {
                of.ensure(family, &key, &mut self.views);
            }
        }
    }

    fn id_of(&self, spot: Spot, window: Window) -> RowId {
        let of = &self.families[spot.family as usize];
        let named = of.family.dims.iter().zip(&of.groups[spot.group as usize].key);
        let text = |(dim, symbol): (&Dim, &Symbol)| Some((dim.name(), self.texts.text(*symbol)?.clone()));
        RowId {
            kpi: Arc::clone(&self.kpis[of.family.kpi].id),
            window: window.kind,
            start: self.timeline.extent(window).start,
            dims: named.filter_map(text).collect(),
        }
    }

    fn row(&self, spot: Spot, window: Window, says: Says, updated_at: Millis) -> Option<Row> {
        let kpi = &self.kpis[self.families[spot.family as usize].family.kpi];
        Some(Row {
            id: self.id_of(spot, window),
            unit: Arc::clone(&kpi.unit),
            currency: kpi.unit.starts_with("currency").then(|| Arc::clone(&self.currency)),
            end: self.timeline.extent(window).end,
            says,
            watermark: self.watermark()?,
            updated_at,
        })
    }
}
