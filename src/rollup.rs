//! The rollup: blocks of partial cells from all shards in, the rows that changed out. Cells are merged over shards,
//! kept as series by what rows read of them, and a change costs work in proportion to the rows that it touches.
//! What it says is a function of the cells and watermarks alone: how blocks were cut or ordered changes nothing.

pub mod alerts;
mod changes;
mod groups;
mod journeys;
mod lanes;
pub mod lookup;
#[cfg(test)]
mod oracle;
pub mod row;
mod series;
mod shards;
mod statistics;
mod sums;
mod targets;
#[cfg(test)]
mod tests;
mod texts;
mod timeline;
mod views;

use std::sync::Arc;

use self::groups::{Opened, Spot};
use self::journeys::Memo;
use self::lanes::Lanes;
use self::row::{Dims, Row, RowId, Says};
use self::shards::{Delta, Shards};
use self::sums::Source;
use self::texts::Texts;
use self::timeline::{Horizon, Timeline, Touched};
use self::views::{Views, number};
use crate::config::Config;
use crate::kpi::families::{Published, families_of};
use crate::kpi::plan::plan_of;
use crate::model::channel::ChannelGroups;
use crate::model::time::Millis;
use crate::model::window::{Window, WindowKind};
use crate::partials::block::{Block, NamedCell};
use crate::partials::cells::{CellKey, Symbol};

#[derive(Debug)]
pub struct Rollup {
    timeline: Timeline,
    texts: Texts,
    shards: Shards,
    lanes: Lanes,
    views: Views,
    families: Vec<Opened>,
    kpis: Vec<Named>,
    currency: Arc<str>,
    /// Each configured kind, and where the watermark stood in it when rows were last asked for.
    horizons: Vec<(WindowKind, Option<Horizon>)>,
    /// Rows that may have changed, of running windows and of ended ones.
    running: Vec<Spot>,
    ended: Vec<Spot>,
    settling: bool,
    journeys: journeys::Settings,
    memo: Memo,
    /// Families whose rows change as time goes by.
    timed: Vec<u32>,
    /// Whether there are budgets or goals, whose rows begin with the first fact.
    aims: bool,
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
        let families = Opened::all(&found, config, &plan_of(config), &mut views, &mut texts);
        let named = |of: Published| Named { id: Arc::from(&*of.id), unit: Arc::from(&*of.unit), of };
        Self {
            timed: (0..).zip(&families).filter(|(_, of)| of.is_timed()).map(|(at, _)| at).collect(),
            aims: families.iter().any(|of| of.target.is_some()),
            timeline: Timeline::new(config),
            shards: Shards::new(config.topics.partitions),
            lanes: Lanes::default(),
            texts,
            views,
            families,
            kpis: found.kpis.into_iter().map(named).collect(),
            currency: Arc::from(&*config.money.currency),
            horizons: config.time.windows.iter().map(|kind| (*kind, None)).collect(),
            running: Vec::new(),
            ended: Vec::new(),
            settling: false,
            journeys: journeys::Settings::new(config),
            memo: Memo::default(),
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
        let Self { views, timeline, horizons, lanes, texts, .. } = self;
        let quotable = |Window { kind, start }: Window| {
            let horizon = horizons.iter().find(|(found, _)| *found == kind).and_then(|(_, horizon)| *horizon);
            horizon.is_none_or(|horizon| start >= timeline.oldest_quotable(kind, horizon))
        };
        let mut symbols: Vec<Option<Symbol>> = vec![None; block.texts.len()];
        let lane_of = |cell: &NamedCell| {
            let short = matches!(cell.bucket.kind, WindowKind::Minute | WindowKind::Hour);
            if short && !quotable(cell.bucket) {
                return None;
            }
            let mut spelled = |symbol: &Symbol| match (symbol.0 as usize).checked_sub(1) {
                Some(at) => *symbols[at].get_or_insert_with(|| texts.symbol(&block.texts[at])),
                None => Symbol::ABSENT,
            };
            let values = cell.values.iter().map(&mut spelled).collect();
            let key = CellKey { measure: cell.measure, kept: cell.kept, bucket: cell.bucket, values };
            lanes.of(&key, views, texts)
        };
        let Some(deltas) = self.shards.apply(block, lane_of) else { return false };
        self.timeline.watermark = self.shards.watermark();
        self.memo.clear();
        let mut changed = Vec::with_capacity(deltas.len());
        let mut touched = Touched::default();
        for delta in &deltas {
            self.add(delta, &mut touched, &mut changed);
        }
        changed.sort_unstable();
        changed.dedup();
        for (view, series) in changed {
            self.views.views[view as usize].series[series as usize].sum();
        }
        true
    }

    /// Adds a change to the series that it belongs to and notes the rows that it touches.
    fn add(&mut self, delta: &Delta, touched: &mut Touched, changed: &mut Vec<(u32, u32)>) {
        let (lane, bucket) = (self.lanes.get(delta.lane), self.lanes.bucket(delta.lane, delta.start));
        if self.aims {
            self.timeline.note(bucket, delta.amount.facts);
        }
        let touched = touched.of(lane.measure, bucket, &self.timeline, &self.horizons);
        for at in 0..lane.routes.len() {
            let (view, series) = self.lanes.get(delta.lane).routes[at];
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
        let (key, is_spread) = (opened.row_key(series), opened.is_spread());
        for (family, term) in opened.owners.clone() {
            let of = &mut self.families[family as usize];
            for key in of.keys(term, &key) {
                let group = of.ensure(family, &key, &mut self.views, &self.texts);
                if is_spread {
                    let links = &mut self.views.views[view as usize].series[series as usize].links;
                    links.push((family, group));
                }
            }
        }
    }

    /// What rows are computed from.
    fn source(&self) -> Source<'_> {
        let Self { views, timeline, families, texts, journeys, memo, .. } = self;
        Source { views, timeline, families, texts, journeys: *journeys, memo }
    }

    fn id_of(&self, spot: Spot, window: Window, dims: &Dims) -> RowId {
        let of = &self.families[spot.family as usize];
        RowId {
            kpi: Arc::clone(&self.kpis[of.family.kpi].id),
            window: window.kind,
            start: self.timeline.extent(window).start,
            dims: Arc::clone(dims),
        }
    }

    fn row(&self, spot: Spot, window: Window, dims: &Dims, says: Says, updated_at: Millis) -> Option<Row> {
        let kpi = &self.kpis[self.families[spot.family as usize].family.kpi];
        let own = self.families[spot.family as usize].unit.as_ref();
        let unit = Arc::clone(own.unwrap_or(&kpi.unit));
        Some(Row {
            id: self.id_of(spot, window, dims),
            currency: unit.starts_with("currency").then(|| Arc::clone(&self.currency)),
            unit,
            end: self.timeline.extent(window).end,
            says,
            watermark: self.watermark()?,
            updated_at,
        })
    }
}
