//! A shard's cells: facts come in, the cells that changed go out as a block. What a fact adds to is decided by the
//! plan: the buckets and dimensions that some row wants, nothing else. Cells that differ in their time alone share a
//! lane, which says the rest of their key.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;
use hashbrown::{HashMap, HashTable};

use super::pages::Pages;
use super::symbols::Symbols;
use crate::kpi::measures::{Measure, Sum};
use crate::kpi::plan::{Kept, Plan};
use crate::model::time::Millis;
use crate::model::window::{LocalTime, Window, WindowKind, WindowStart};
use crate::partials::block::NamedCell;
use crate::partials::cells::{Amount, CellKey, Symbol, Values, hash_values};

/// One contribution: what is measured, when, by which dimensions, how much.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    pub measure: Measure,
    pub at: Millis,
    pub values: Values,
    pub amount: i64,
}

/// What a block says of cells.
#[derive(Debug)]
pub struct Told {
    pub texts: Vec<String>,
    pub named: Vec<NamedCell>,
    pub changed: usize,
    pub known: Vec<(u32, Amount)>,
}

/// The place of a cell in the tally: it stays the same for as long as the tally lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u32);

/// There are millions: no byte is left in it.
#[derive(Debug)]
struct Cell {
    /// The number of its lane, and two marks.
    head: u32,
    start: WindowStart,
    amount: Amount,
}

/// Whether a cell has changed since the last block.
const CHANGED: u32 = 1 << 31;
/// Whether a block has named it since the last one that told all.
const NAMED: u32 = 1 << 30;

impl Cell {
    const fn lane(&self) -> u32 {
        self.head & !(CHANGED | NAMED)
    }

    const fn has(&self, mark: u32) -> bool {
        self.head & mark != 0
    }

    const fn set(&mut self, mark: u32, to: bool) {
        self.head = if to { self.head | mark } else { self.head & !mark };
    }

    /// What tells it from the other cells.
    const fn place(&self) -> (u32, WindowStart) {
        (self.lane(), self.start)
    }
}

/// What a cell is, but for its time.
#[derive(Debug, PartialEq, Eq)]
struct Lane {
    measure: Measure,
    kept: Kept,
    kind: WindowKind,
    values: Values,
}

impl Hash for Lane {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.measure, self.kept, self.kind).hash(state);
        hash_values(&self.values, state);
    }
}

#[derive(Debug)]
pub struct Tally {
    lanes: Pages<Lane>,
    lane_index: HashTable<u32>,
    cells: Pages<Cell>,
    index: HashTable<u32>,
    changed: Vec<u32>,
    hasher: FixedState,
    plan: Plan,
    time: LocalTime,
    recent: Vec<Recent>,
}

/// The cells that touches went to lately, by grain of the plan: the next touch of the same kind and origin in the same
/// window goes there too.
#[derive(Debug)]
struct Recent {
    grain: WindowKind,
    kept: Kept,
    windows: [RecentWindow; 4],
    oldest: usize,
}

#[derive(Debug, Default)]
struct RecentWindow {
    window: Option<Window>,
    slots: HashMap<(Symbol, Symbol, Symbol), Slot, foldhash::fast::FixedState>,
}

impl Recent {
    /// The cells of one window, which stays known until three others were asked for.
    fn window(&mut self, window: Window) -> &mut RecentWindow {
        let known = self.windows.iter().position(|recent| recent.window == Some(window));
        let place = known.unwrap_or_else(|| {
            let place = self.oldest;
            self.oldest = (place + 1) % self.windows.len();
            self.windows[place].window = Some(window);
            self.windows[place].slots.clear();
            place
        });
        &mut self.windows[place]
    }
}

impl Tally {
    #[must_use]
    pub fn new(plan: Plan, time: LocalTime) -> Self {
        let hasher = FixedState::with_seed(0x6365_6c6c_735f_6f66);
        let recent = |(grain, kept): &(WindowKind, Kept)| Recent {
            grain: *grain,
            kept: *kept,
            windows: std::array::from_fn(|_| RecentWindow::default()),
            oldest: 0,
        };
        let recent = plan.grains(Measure::Touches).iter().map(recent).collect();
        Self {
            lanes: Pages::default(),
            lane_index: HashTable::new(),
            cells: Pages::default(),
            index: HashTable::new(),
            changed: Vec::new(),
            hasher,
            plan,
            time,
            recent,
        }
    }

    /// The tally that `dump` described.
    #[must_use]
    pub fn load(plan: Plan, time: LocalTime, cells: Vec<(CellKey, Amount)>) -> Self {
        let mut tally = Self::new(plan, time);
        for (key, amount) in cells {
            let Slot(at) = tally.slot(key);
            tally.cells[at as usize].amount = amount;
        }
        tally
    }

    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    pub const fn time(&mut self) -> &mut LocalTime {
        &mut self.time
    }

    /// The cell's place, made when it is new.
    pub fn slot(&mut self, key: CellKey) -> Slot {
        let CellKey { measure, kept, bucket: Window { kind, start }, values } = key;
        let head = self.lane(Lane { measure, kept, kind, values });
        let hash = self.hasher.hash_one((head, start));
        if let Some(&at) = self.index.find(hash, |&at| self.cells[at as usize].place() == (head, start)) {
            return Slot(at);
        }
        let at = number(self.cells.push(Cell { head, start, amount: Amount::default() }));
        let (cells, hasher) = (&self.cells, &self.hasher);
        self.index.insert_unique(hash, at, |&n| hasher.hash_one(cells[n as usize].place()));
        Slot(at)
    }

    /// The number of a lane, made when it is new.
    fn lane(&mut self, lane: Lane) -> u32 {
        let hash = self.hasher.hash_one(&lane);
        if let Some(&at) = self.lane_index.find(hash, |&at| self.lanes[at as usize] == lane) {
            return at;
        }
        let at = number(self.lanes.push(lane));
        let (lanes, hasher) = (&self.lanes, &self.hasher);
        self.lane_index.insert_unique(hash, at, |&n| hasher.hash_one(&lanes[n as usize]));
        at
    }

    pub fn add_at(&mut self, slot: Slot, by: Amount) {
        let cell = &mut self.cells[slot.0 as usize];
        cell.amount.add(by);
        if !cell.has(CHANGED) {
            cell.set(CHANGED, true);
            self.changed.push(slot.0);
        }
    }

    pub fn add(&mut self, key: CellKey, by: Amount) {
        if !by.is_empty() {
            let slot = self.slot(key);
            self.add_at(slot, by);
        }
    }

    /// The cells of an additive measure's fact.
    pub fn cells_of(&mut self, measure: Measure, at: Millis, values: &[Symbol], mut to: impl FnMut(CellKey)) {
        debug_assert_ne!(measure.sum(), Sum::Distinct);
        debug_assert_eq!(measure.dims().len(), values.len());
        for (grain, kept) in self.plan.grains(measure) {
            let bucket = self.time.window_at(*grain, at);
            to(CellKey { measure, kept: *kept, bucket, values: project(values, *kept) });
        }
    }

    /// Counts a fact of an additive measure that nothing can take back.
    pub fn count(&mut self, measure: Measure, at: Millis, values: &[Symbol], amount: i64) {
        let by = Amount { sum: i128::from(amount), facts: 1 };
        for n in 0..self.plan.grains(measure).len() {
            let (grain, kept) = self.plan.grains(measure)[n];
            let bucket = self.time.window_at(grain, at);
            self.add(CellKey { measure, kept, bucket, values: project(values, kept) }, by);
        }
    }

    /// Counts a touch that nothing can take back, by kind, channel and campaign: the same as `count`, but a cell that
    /// was found lately is not looked up again.
    pub fn count_touch(&mut self, at: Millis, values: [Symbol; 3]) {
        for n in 0..self.recent.len() {
            let Recent { grain, kept, .. } = self.recent[n];
            let bucket = self.time.window_at(grain, at);
            let [kind, channel, campaign] = kept_of(values, kept);
            let known = self.recent[n].window(bucket).slots.get(&(kind, channel, campaign)).copied();
            let slot = known.unwrap_or_else(|| {
                let values = [kind, channel, campaign].into_iter().collect();
                let slot = self.slot(CellKey { measure: Measure::Touches, kept, bucket, values });
                self.recent[n].window(bucket).slots.insert((kind, channel, campaign), slot);
                slot
            });
            self.add_at(slot, Amount { sum: 1, facts: 1 });
        }
    }

    /// Whether some cell changed since `take_changed`.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The cells that changed since the last call.
    pub fn take_changed(&mut self, symbols: &Symbols) -> Told {
        let mut spelled = Spelling::default();
        let (mut named, mut known) = (Vec::new(), Vec::with_capacity(self.changed.len()));
        for at in self.changed.drain(..) {
            let cell = &mut self.cells[at as usize];
            if cell.has(NAMED) {
                known.push((at, cell.amount));
            } else {
                named.push(spelled.cell(at, cell, &self.lanes, symbols));
            }
            cell.set(CHANGED, false);
            cell.set(NAMED, true);
        }
        Told { texts: spelled.texts, changed: named.len(), named, known }
    }

    /// Every cell that has facts, and those that lost theirs since the last call; the ones that changed come first, and
    /// `changed` counts them. All are named, again if need be.
    pub fn take_all(&mut self, symbols: &Symbols) -> Told {
        let mut spelled = Spelling::default();
        let mut named = Vec::with_capacity(self.cells.len());
        let news = self.changed.iter().map(|at| (*at, &self.cells[*at as usize]));
        named.extend(news.map(|(at, cell)| spelled.cell(at, cell, &self.lanes, symbols)));
        for (at, cell) in (0..).zip(self.cells.all_mut()) {
            if !cell.has(CHANGED) && !cell.amount.is_empty() {
                named.push(spelled.cell(at, cell, &self.lanes, symbols));
            }
            cell.set(NAMED, cell.has(CHANGED) || !cell.amount.is_empty());
            cell.set(CHANGED, false);
        }
        let changed = std::mem::take(&mut self.changed).len();
        Told { texts: spelled.texts, named, changed, known: Vec::new() }
    }

    /// Every cell that has facts, in the order of their first fact: what a snapshot keeps.
    pub fn dump(&self) -> impl Iterator<Item = (CellKey, Amount)> {
        let with_facts = self.cells.all().filter(|cell| !cell.amount.is_empty());
        with_facts.map(|cell| {
            let Lane { measure, kept, kind, values } = &self.lanes[cell.lane() as usize];
            let bucket = Window { kind: *kind, start: cell.start };
            (CellKey { measure: *measure, kept: *kept, bucket, values: values.clone() }, cell.amount)
        })
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

/// A place as cells and blocks name it; above it is room for marks.
fn number(place: usize) -> u32 {
    let number = u32::try_from(place).ok().filter(|number| number & (CHANGED | NAMED) == 0);
    number.expect("cells are bounded by max_values and retention")
}

fn project(values: &[Symbol], kept: Kept) -> Values {
    let mut projected = Values::try_from(values).expect("no measure has more than six dimensions");
    for (n, value) in projected.iter_mut().enumerate() {
        if !kept.keeps(n) {
            *value = Symbol::ABSENT;
        }
    }
    projected
}

fn kept_of<const N: usize>(values: [Symbol; N], kept: Kept) -> [Symbol; N] {
    std::array::from_fn(|n| if kept.keeps(n) { values[n] } else { Symbol::ABSENT })
}

/// Gives the symbols of a block numbers of its own.
#[derive(Default)]
struct Spelling {
    texts: Vec<String>,
    numbers: HashMap<Symbol, Symbol, foldhash::fast::FixedState>,
}

impl Spelling {
    fn cell(&mut self, number: u32, cell: &Cell, lanes: &Pages<Lane>, symbols: &Symbols) -> NamedCell {
        let Lane { measure, kept, kind, values } = &lanes[cell.lane() as usize];
        let values = values.iter().map(|symbol| self.number(*symbol, symbols)).collect();
        let bucket = Window { kind: *kind, start: cell.start };
        NamedCell { number, measure: *measure, kept: *kept, bucket, values, amount: cell.amount }
    }

    fn number(&mut self, symbol: Symbol, symbols: &Symbols) -> Symbol {
        if symbol == Symbol::ABSENT {
            return symbol;
        }
        *self.numbers.entry(symbol).or_insert_with(|| {
            self.texts.push(symbols.text(symbol).to_owned());
            Symbol(u32::try_from(self.texts.len()).expect("no more texts than symbols"))
        })
    }
}

/// Facts taken back and facts put in their place: what an entity contributed before and after an event. Only the net
/// difference reaches the cells.
#[derive(Debug, Default)]
pub struct Difference {
    net: HashMap<CellKey, Amount, foldhash::fast::FixedState>,
    order: Vec<CellKey>,
}

impl Difference {
    /// Counts `facts` times the amount at a cell: 1 puts it in, −1 takes it back.
    pub fn cell(&mut self, key: CellKey, amount: i64, facts: i64) {
        let by = Amount { sum: i128::from(amount) * i128::from(facts), facts };
        match self.net.entry_ref(&key) {
            hashbrown::hash_map::EntryRef::Occupied(mut known) => known.get_mut().add(by),
            hashbrown::hash_map::EntryRef::Vacant(new) => {
                new.insert_with_key(key.clone(), by);
                self.order.push(key);
            }
        }
    }

    /// The same for a fact of an additive measure.
    pub fn fact(&mut self, fact: &Fact, facts: i64, tally: &mut Tally) {
        tally.cells_of(fact.measure, fact.at, &fact.values, |key| self.cell(key, fact.amount, facts));
    }

    /// Adds the net difference to the cells, in the order in which they were first named.
    pub fn settle(&mut self, tally: &mut Tally) {
        for key in self.order.drain(..) {
            let by = self.net.get(&key).copied().unwrap_or_default();
            tally.add(key, by);
        }
        self.net.clear();
    }
}

/// The buckets of a distinct measure in which a subject counts that was seen on these days (and, for windows shorter
/// than a day, at these moments). A rolling kind gets +1 on the first day of each run of windows and −1 after its last.
pub fn distinct_buckets(grain: WindowKind, moments: &[Millis], time: &mut LocalTime, mut to: impl FnMut(Window, i64)) {
    match grain {
        WindowKind::Rolling(days) => {
            let days = i32::from(days);
            let mut until = None;
            let mut seen: Vec<i32> = moments.iter().map(|at| time.hour(*at).day.0).collect();
            seen.sort_unstable();
            seen.dedup();
            for day in seen {
                match until {
                    Some(end) if day <= end => {}
                    Some(end) => {
                        to(Window { kind: grain, start: end }, -1);
                        to(Window { kind: grain, start: day }, 1);
                    }
                    None => to(Window { kind: grain, start: day }, 1),
                }
                until = Some(day + days);
            }
            if let Some(end) = until {
                to(Window { kind: grain, start: end }, -1);
            }
        }
        _ => {
            let mut windows: Vec<Window> = moments.iter().map(|at| time.window_at(grain, *at)).collect();
            windows.sort_unstable();
            windows.dedup();
            windows.into_iter().for_each(|window| to(window, 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_small_and_its_marks_leave_its_lane_alone() {
        assert_eq!(size_of::<Cell>(), 32);
        let mut cell = Cell { head: 5, start: 7, amount: Amount::default() };
        cell.set(CHANGED, true);
        cell.set(NAMED, true);
        cell.set(CHANGED, false);
        assert_eq!((cell.place(), cell.has(CHANGED), cell.has(NAMED)), ((5, 7), false, true));
    }
}
