//! Groups: the rows of a family with the same dimensions, over all windows. A group knows the series that its formula
//! reads, which of its rows may have changed, and what was published of each.

use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::journeys::Subs;
use super::row::Dims;
use super::targets::Target;
use super::texts::Texts;
use super::timeline::Horizon;
use super::views::{Views, number};
use crate::config::Config;
use crate::kpi::families::{Families, Family, Given, Operand};
use crate::kpi::formula::{Scope, Split};
use crate::kpi::measures::Dim;
use crate::kpi::plan::{Plan, bucket_of};
use crate::model::window::{WindowKind, WindowStart};
use crate::partials::cells::Symbol;

/// A row's or series' values.
pub(super) type Key = SmallVec<[Symbol; 4]>;

#[derive(Debug)]
pub(super) struct Opened {
    pub family: Family,
    /// By term.
    pub views: SmallVec<[u32; 4]>,
    model: Option<usize>,
    /// Where the family's own value stands in a key, and what it is.
    named: Option<(usize, Symbol)>,
    pub target: Option<Target>,
    pub unit: Option<Arc<str>>,
    /// The family whose rows its own are the sums of.
    pub by_channel: Option<usize>,
    models: Vec<Symbol>,
    /// By term: what stands in a key where it reads the baseline.
    baselines: Vec<Option<(usize, Symbol)>>,
    except: Option<(usize, Symbol)>,
    index: HashMap<Key, u32>,
    pub groups: Vec<Group>,
    /// Where the stage stands in a key.
    stage: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub key: Key,
    pub dims: Dims,
    /// Where its rows are made of journeys: what tells them apart, and their dimensions.
    pub subs: Subs,
    /// By term: a series of the term's view, or a spread of it.
    pub series: SmallVec<[u32; 4]>,
    /// By kind of the family.
    pub states: Vec<State>,
}

/// Of one kind of window.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The running row may have changed.
    pub running: bool,
    /// Rows of ended windows that may have changed: the first and the last start.
    pub ended: Option<(WindowStart, WindowStart)>,
    /// What was published, by start.
    pub marks: Vec<Mark>,
}

/// What was published of a row. There are millions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub start: WindowStart,
    /// Which of several rows of the window, and whether it is final.
    head: u32,
    /// Of what the row said.
    pub print: u64,
}

const LAST: u32 = 1 << 31;

impl Mark {
    pub(super) const fn new(start: WindowStart, sub: u32, last: bool, print: u64) -> Self {
        Self { start, head: if last { sub | LAST } else { sub }, print }
    }

    pub(super) const fn is_last(self) -> bool {
        self.head & LAST != 0
    }

    pub(super) const fn sub(self) -> u32 {
        self.head & !LAST
    }

    const fn place(self) -> (WindowStart, u32) {
        (self.start, self.sub())
    }
}

/// A group's rows of one kind, by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub family: u32,
    pub group: u32,
    pub state: u32,
}

impl Opened {
    pub(super) fn all(
        families: &Families,
        config: &Config,
        plan: &Plan,
        views: &mut Views,
        texts: &mut Texts,
    ) -> Vec<Self> {
        let mut opened = Vec::new();
        for (place, family) in families.families.iter().enumerate() {
            let mut of_terms = SmallVec::new();
            for (term_at, term) in family.terms.iter().enumerate() {
                let kinds = family.kinds.iter().map(|kind| bucket_of(term.view.measure, *kind));
                let view = views.open(&term.view, kinds, plan, texts);
                if term.own {
                    views.views[view as usize].owners.push((number(place), number(term_at)));
                }
                of_terms.push(view);
            }
            opened.push(Self {
                views: of_terms,
                named: family.named.as_ref().filter(|_| family.journeys.is_none()).and_then(|(wanted, name)| {
                    let place = family.dims.iter().position(|dim| dim == wanted)?;
                    Some((place, texts.symbol(name)))
                }),
                target: family.target.as_ref().map(|target| Target::new(target, config, texts)),
                by_channel: families
                    .families
                    .iter()
                    .position(|other| family.over_channels && other.kpi == family.kpi && other.dims == [Dim::Channel]),
                unit: family.unit.as_deref().map(Arc::from),
                model: family.dims.iter().position(|dim| *dim == Dim::Model && family.journeys.is_none()),
                stage: family.dims.iter().position(|dim| *dim == Dim::Stage),
                models: family.models.iter().map(|model| texts.symbol(model)).collect(),
                baselines: family
                    .terms
                    .iter()
                    .map(|term| term.baseline.as_ref().map(|(at, name)| (*at, texts.symbol(name))))
                    .collect(),
                except: family.except.as_ref().map(|(at, name)| (*at, texts.symbol(name))),
                index: HashMap::new(),
                groups: Vec::new(),
                family: family.clone(),
            });
        }
        // What has a target has rows before it has facts of its own.
        for (place, of) in opened.iter_mut().enumerate() {
            let has_subject = of.named.is_none() && !of.family.dims.is_empty();
            let keys = of.target.as_ref().map(|target| target.keys(has_subject));
            for key in keys.unwrap_or_default() {
                let key = of.with_own_value(&key);
                of.ensure(number(place), &key, views, texts);
            }
        }
        opened
    }

    fn with_own_value(&self, key: &Key) -> Key {
        let mut key = key.clone();
        if let Some((at, name)) = self.named {
            key.insert(at, name);
        }
        key
    }

    /// Whether it reads facts of other windows than its rows': these are never final.
    pub(super) fn looks_back(&self) -> bool {
        self.family.terms.iter().any(|term| matches!(term.over, Scope::Quarter | Scope::Year))
    }

    /// Whether its rows change as time goes by, whatever else happens.
    pub(super) fn is_timed(&self) -> bool {
        let is_given = |operand: &Operand| matches!(operand, Operand::Given(Given::Elapsed | Given::Worked));
        let Split { numerator, denominator, .. } = &self.family.formula;
        let is_timed = numerator.any(&is_given) || denominator.as_ref().is_some_and(|of| of.any(&is_given));
        is_timed || self.looks_back()
    }

    /// The keys of the groups that a fact at this key of a term's view belongs to.
    pub(super) fn keys(&self, term: u32, key: &Key) -> Vec<Key> {
        if self.named.is_some() {
            return vec![self.with_own_value(key)];
        }
        match self.model {
            Some(at) if self.family.terms[term as usize].every_model => {
                let with = |model: &Symbol| {
                    let mut key = key.clone();
                    key.insert(at, *model);
                    key
                };
                self.models.iter().map(with).collect()
            }
            _ if self.has_rows(key) => vec![key.clone()],
            _ => Vec::new(),
        }
    }

    /// The key of a group in the view of a term.
    fn key_in(&self, term: usize, key: &Key) -> Key {
        if let Some((at, name)) = self.baselines[term] {
            let mut key = key.clone();
            key[at] = name;
            return key;
        }
        let term = &self.family.terms[term];
        if let Some(at) = self.stage.filter(|_| term.over == Scope::Stage) {
            return std::iter::once(key[at]).collect();
        }
        let is_whole = term.over.is_whole() && term.view.outputs.is_empty();
        if let Some((at, _)) = self.named.filter(|_| !is_whole) {
            let mut key = key.clone();
            key.remove(at);
            return key;
        }
        match self.model {
            _ if is_whole => Key::new(),
            Some(at) if term.every_model => {
                let mut key = key.clone();
                key.remove(at);
                key
            }
            _ => key.clone(),
        }
    }

    /// Whether a group of this key is of an enabled model, where it is of one.
    pub(super) fn has_rows(&self, key: &Key) -> bool {
        let is_enabled = self.model.is_none_or(|at| self.models.contains(&key[at]));
        is_enabled && self.except.is_none_or(|(at, name)| key[at] != name)
    }

    /// The group of a key, made and linked to its series if it is new.
    pub(super) fn ensure(&mut self, place: u32, key: &Key, views: &mut Views, texts: &Texts) -> u32 {
        if let Some(known) = self.index.get(key) {
            return *known;
        }
        let group = number(self.groups.len());
        let mut series = SmallVec::new();
        for (term, view) in self.views.iter().enumerate() {
            let view = &mut views.views[*view as usize];
            if view.is_spread() {
                series.push(view.spread_of(&self.key_in(term, key)));
                continue;
            }
            let of_it = view.series_of(self.key_in(term, key));
            view.series[of_it as usize].links.push((place, group));
            series.push(of_it);
        }
        let states = self.family.kinds.iter().map(|_| State::default()).collect();
        let own = self.family.dims.iter().filter(|dim| self.family.journeys.is_none() || **dim == Dim::Stage);
        let named = own.zip(key);
        let dims = named.filter_map(|(dim, symbol)| Some((dim.name(), texts.text(*symbol)?.clone()))).collect();
        self.groups.push(Group { key: key.clone(), dims, subs: Subs::default(), series, states });
        self.index.insert(key.clone(), group);
        group
    }
}

impl State {
    /// Notes that the rows from one start to another may have changed. True where it must be queued: for the running
    /// row, for ended ones.
    pub(super) fn touch(
        &mut self,
        kind: WindowKind,
        (from, to): (WindowStart, WindowStart),
        horizon: Horizon,
    ) -> (bool, bool) {
        let running = match kind {
            // It quotes one other row, some days before.
            WindowKind::Rolling(_) => {
                let holds = |start| from <= start && start <= to;
                holds(horizon.running) || holds(horizon.quoted)
            }
            _ => from <= horizon.running && to >= horizon.quoted,
        };
        let queue_running = running && !self.running;
        self.running |= running;
        let ended = from < horizon.running && to >= horizon.kept;
        (queue_running, ended && self.touch_ended(from, to.min(horizon.running - 1)))
    }

    /// True where it must be queued.
    pub(super) fn touch_ended(&mut self, from: WindowStart, to: WindowStart) -> bool {
        let queue = self.ended.is_none();
        let (first, last) = self.ended.unwrap_or((from, to));
        self.ended = Some((first.min(from), last.max(to)));
        queue
    }

    pub(super) fn mark(&self, start: WindowStart, sub: u32) -> Option<Mark> {
        self.marks.binary_search_by_key(&(start, sub), |mark| mark.place()).ok().map(|at| self.marks[at])
    }

    /// Those of a window.
    pub(super) fn marks_of(&self, start: WindowStart) -> &[Mark] {
        let from = self.marks.partition_point(|mark| mark.start < start);
        let to = self.marks.partition_point(|mark| mark.start <= start);
        &self.marks[from..to]
    }

    pub(super) fn set_mark(&mut self, mark: Mark) {
        match self.marks.binary_search_by_key(&mark.place(), |known| known.place()) {
            Ok(at) => self.marks[at] = mark,
            Err(at) => self.marks.insert(at, mark),
        }
    }

    pub(super) fn unmark(&mut self, start: WindowStart, sub: u32) {
        if let Ok(at) = self.marks.binary_search_by_key(&(start, sub), |mark| mark.place()) {
            self.marks.remove(at);
        }
    }
}
