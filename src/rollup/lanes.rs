//! Lanes: the series that cells go to which differ in their time alone. Found once; after that a cell is its lane, its
//! start and an amount.

use std::num::NonZeroU32;

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::texts::Texts;
use super::views::{Views, number};
use crate::kpi::measures::Measure;
use crate::kpi::plan::Kept;
use crate::model::window::{Window, WindowKind, WindowStart};
use crate::partials::cells::{CellKey, Values};

/// From 1, so that it takes no more to say that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LaneId(NonZeroU32);

#[derive(Debug)]
pub(super) struct Lane {
    pub measure: Measure,
    pub kind: WindowKind,
    /// View and series. None: no row wants its cells.
    pub routes: SmallVec<[(u32, u32); 4]>,
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    index: HashMap<(Measure, Kept, WindowKind, Values), LaneId>,
}

impl Lanes {
    pub(super) fn get(&self, LaneId(number): LaneId) -> &Lane {
        &self.lanes[number.get() as usize - 1]
    }

    pub(super) fn bucket(&self, lane: LaneId, start: WindowStart) -> Window {
        Window { kind: self.get(lane).kind, start }
    }

    /// The lane of a cell, if some row wants it.
    pub(super) fn of(&mut self, cell: &CellKey, views: &mut Views, texts: &mut Texts) -> Option<LaneId> {
        let (measure, kind) = (cell.measure, cell.bucket.kind);
        let key = (measure, cell.kept, kind, cell.values.clone());
        let lane = match self.index.get(&key) {
            Some(lane) => *lane,
            None => {
                let of_measure = SmallVec::<[u32; 32]>::from_slice(views.of(measure));
                let route = |view: u32| Some((view, views.route(view, cell, texts)?));
                let routes = of_measure.into_iter().filter_map(route).collect();
                self.lanes.push(Lane { measure, kind, routes });
                let lane = LaneId(NonZeroU32::MIN.saturating_add(number(self.lanes.len() - 1)));
                self.index.insert(key, lane);
                lane
            }
        };
        (!self.get(lane).routes.is_empty()).then_some(lane)
    }
}
