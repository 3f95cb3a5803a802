//! Views: a measure's cells, filtered and projected to the dimensions of rows. A change of a cell goes to one series
//! of each view that takes it.

use hashbrown::HashMap;
use hashbrown::hash_map::{Entry, EntryRef};

use super::groups::Key;
use super::series::Series;
use super::texts::Texts;
use crate::kpi::families::{Projected, View};
use crate::kpi::measures::Measure;
use crate::kpi::plan::{Kept, Plan};
use crate::kpi::spread;
use crate::model::channel::ChannelGroups;
use crate::model::window::WindowKind;
use crate::partials::cells::{CellKey, Symbol};

#[derive(Debug)]
pub(super) struct Views {
    pub views: Vec<Opened>,
    by_measure: Vec<Vec<u32>>,
    channels: ChannelGroups,
    /// By channel.
    groups: HashMap<Symbol, Symbol>,
}

/// A view with its series.
#[derive(Debug)]
pub(super) struct Opened {
    view: View,
    filters: Vec<(usize, Symbol)>,
    /// The kinds of buckets that its rows are summed from, and by which dimensions their cells are.
    buckets: Vec<(WindowKind, Kept)>,
    index: HashMap<Key, u32>,
    pub series: Vec<Series>,
    pub keys: Vec<Key>,
    /// Of a view over a spread: by the key without the bucket, the series of each bucket with the value that stands for
    /// it, in order. Of one with members: by the key without these, the series of each.
    spread_index: HashMap<Key, u32>,
    pub spreads: Vec<Vec<(f64, u32)>>,
    /// The families whose own facts it has: family and term.
    pub owners: Vec<(u32, u32)>,
}

impl Views {
    pub(super) fn new(channels: ChannelGroups) -> Self {
        Self { views: Vec::new(), by_measure: vec![Vec::new(); Measure::ALL.len()], channels, groups: HashMap::new() }
    }

    /// The place of a view, opened if it is new.
    pub(super) fn open(
        &mut self,
        view: &View,
        kinds: impl Iterator<Item = WindowKind>,
        plan: &Plan,
        texts: &mut Texts,
    ) -> u32 {
        let known = self.views.iter().position(|opened| opened.view == *view);
        let place = known.unwrap_or_else(|| {
            self.by_measure[view.measure as usize].push(number(self.views.len()));
            let filters = view.filters.iter().map(|(at, text)| (*at, texts.symbol(text))).collect();
            self.views.push(Opened {
                view: view.clone(),
                filters,
                buckets: Vec::new(),
                index: HashMap::new(),
                series: Vec::new(),
                keys: Vec::new(),
                spread_index: HashMap::new(),
                spreads: Vec::new(),
                owners: Vec::new(),
            });
            self.views.len() - 1
        });
        let wanted = &mut self.views[place].buckets;
        for kind in kinds {
            let cells = plan.covering(view.measure, kind, Kept::of_places(view.places()));
            let bucket = (kind, cells.expect("the plan has cells for every view"));
            if !wanted.contains(&bucket) {
                wanted.push(bucket);
            }
        }
        number(place)
    }

    pub(super) fn of(&self, measure: Measure) -> &[u32] {
        &self.by_measure[measure as usize]
    }

    /// The series of a view that a cell belongs to, if it does.
    pub(super) fn route(&mut self, view: u32, cell: &CellKey, texts: &mut Texts) -> Option<u32> {
        let opened = &self.views[view as usize];
        if !opened.takes(cell) {
            return None;
        }
        let mut key = Key::new();
        for output in &opened.view.outputs {
            key.push(match *output {
                Projected::Value(at) => cell.values[at],
                Projected::Group(at) => group_of(&mut self.groups, &self.channels, texts, cell.values[at]),
            });
        }
        let opened = &mut self.views[view as usize];
        if !opened.view.members.is_empty() {
            let known = opened.keys.len();
            let pool = opened.spread_of(&key);
            key.extend(opened.view.members.iter().map(|at| cell.values[*at]));
            let series = opened.series_of(key);
            if series as usize == known {
                opened.spreads[pool as usize].push((0.0, series));
            }
            return Some(series);
        }
        let Some(place) = opened.view.bucket else { return Some(opened.series_of(key)) };
        // What is in no bucket (there were too many values) has no place in a spread.
        let value = spread::value(texts.text(cell.values[place])?)?;
        let known = opened.keys.len();
        let spread = opened.spread_of(&key);
        key.push(cell.values[place]);
        let series = opened.series_of(key);
        if series as usize == known {
            let buckets = &mut opened.spreads[spread as usize];
            let at = buckets.partition_point(|(other, _)| *other < value);
            buckets.insert(at, (value, series));
        }
        Some(series)
    }
}

fn group_of(
    groups: &mut HashMap<Symbol, Symbol>,
    channels: &ChannelGroups,
    texts: &mut Texts,
    channel: Symbol,
) -> Symbol {
    if let Some(group) = groups.get(&channel) {
        return *group;
    }
    let group = texts.text(channel).map(|text| channels.group(text).to_owned());
    let symbol = group.map_or(Symbol::ABSENT, |text| texts.symbol(&text));
    groups.insert(channel, symbol);
    symbol
}

impl Opened {
    fn takes(&self, cell: &CellKey) -> bool {
        self.view.measure == cell.measure
            && self.buckets.contains(&(cell.bucket.kind, cell.kept))
            && self.filters.iter().all(|(at, wanted)| cell.values[*at] == *wanted)
            && self.view.bucket.iter().chain(&self.view.members).all(|at| cell.values[*at] != Symbol::ABSENT)
            && self.view.outputs.iter().all(|output| match output {
                // What was projected out, or what a model without detail does not carry, has no row by it.
                Projected::Value(at) | Projected::Group(at) => cell.values[*at] != Symbol::ABSENT,
            })
    }

    /// The key of rows that a series belongs to: its own, without bucket and members.
    pub(super) fn row_key(&self, series: u32) -> Key {
        let mut key = self.keys[series as usize].clone();
        key.truncate(self.view.outputs.len());
        key
    }

    /// The members of a series, as its view names them.
    pub(super) fn members(&self, series: u32) -> &[Symbol] {
        &self.keys[series as usize][self.view.outputs.len()..]
    }

    /// Whether a row of it is made of several series.
    pub(super) const fn is_spread(&self) -> bool {
        self.view.bucket.is_some() || !self.view.members.is_empty()
    }

    pub(super) fn spread_of(&mut self, key: &Key) -> u32 {
        match self.spread_index.entry_ref(key) {
            EntryRef::Occupied(known) => *known.get(),
            EntryRef::Vacant(free) => {
                let place = number(self.spreads.len());
                free.insert(place);
                self.spreads.push(Vec::new());
                place
            }
        }
    }

    pub(super) fn series_of(&mut self, key: Key) -> u32 {
        match self.index.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let place = number(self.series.len());
                self.keys.push(free.key().clone());
                free.insert(place);
                self.series.push(Series::default());
                place
            }
        }
    }
}

/// A place in a table of things that memory holds.
pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2³² series fit in memory")
}
