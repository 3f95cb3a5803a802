//! Rows made of the journeys of a stage, all at once: the data-driven models, synergy, the most frequent paths. A group
//! is a stage, and has as many rows in a window as there are channels, pairs or paths.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::groups::{Group, Key, Opened};
use super::row::Dims;
use super::sums::{Parts, Source};
use super::texts::Texts;
use super::views::number;
use crate::attribution::markov::{State, Step, To, removal_effects};
use crate::attribution::path::{END, SEPARATOR};
use crate::attribution::shapley::worth;
use crate::config::Config;
use crate::kpi::catalogue::Journeys;
use crate::kpi::families::{DataDriven, OfJourneys};
use crate::kpi::measures::{Dim, Scale};
use crate::kpi::number::Number;
use crate::model::window::Window;
use crate::partials::cells::{Amount, Symbol};

/// What the configuration says of the models.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    order: usize,
    /// With fewer conversions that have a touch rows say nothing.
    min_conversions: i128,
    /// So many paths have rows.
    top: usize,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            order: config.attribution.markov_order,
            min_conversions: config.attribution.min_conversions.max(1).into(),
            top: config.paths_top,
        }
    }
}

/// What tells the rows of a group apart, by number.
#[derive(Debug, Default)]
pub(super) struct Subs {
    dims: Vec<Dims>,
    index: HashMap<Key, u32>,
}

impl Subs {
    /// The number of a row, made when it is new.
    pub(super) fn ensure(&mut self, key: &Key, dims: impl FnOnce() -> Dims) -> u32 {
        if let Some(known) = self.index.get(key) {
            return *known;
        }
        let sub = number(self.dims.len());
        self.dims.push(dims());
        self.index.insert(key.clone(), sub);
        sub
    }

    pub(super) fn dims(&self, sub: u32) -> Option<&Dims> {
        self.dims.get(sub as usize)
    }
}

/// The rows of a group in one window, each by what tells it apart.
pub(super) type Rows = Vec<(Key, Parts)>;

/// What was worked out of the cells as they are: several KPIs and windows ask for the same.
#[derive(Debug, Default)]
pub(super) struct Memo {
    rows: RefCell<HashMap<Asked, Arc<Rows>>>,
    chains: RefCell<HashMap<(Key, Window), Arc<Chain>>>,
}

/// The KPI, its model, the stage and the window.
type Asked = (usize, DataDriven, Key, Window);

/// So many are kept.
const MOST: usize = 4096;

impl Memo {
    /// Forgets all: the cells have changed.
    pub(super) fn clear(&mut self) {
        self.rows.get_mut().clear();
        self.chains.get_mut().clear();
    }
}

/// The Markov model of a stage in a window.
#[derive(Debug)]
struct Chain {
    /// Conversions with a touch.
    conversions: i128,
    channels: Vec<Symbol>,
    /// By channel; none where there are too few conversions.
    removal: Option<Vec<f64>>,
}

/// Of one series: what it is about, and what is in the window.
type Counted<'a> = Vec<(&'a [Symbol], Amount)>;

impl<'a> Source<'a> {
    /// The rows of a group made of journeys in a window.
    pub(super) fn of_journeys(self, of: &'a Opened, group: &'a Group, what: OfJourneys, window: Window) -> Arc<Rows> {
        let key = (of.family.kpi, what.model, group.key.clone(), window);
        if let Some(known) = self.memo.rows.borrow().get(&key) {
            return Arc::clone(known);
        }
        let rows = Arc::new(self.work_out(of, group, what, window));
        let mut memo = self.memo.rows.borrow_mut();
        if memo.len() >= MOST {
            memo.clear();
        }
        memo.insert(key, Arc::clone(&rows));
        rows
    }

    fn work_out(
        self,
        of: &'a Opened,
        group: &'a Group,
        OfJourneys { what, model }: OfJourneys,
        window: Window,
    ) -> Rows {
        let counted = |term: usize| self.counted(of, group, term, window);
        match (what, model) {
            (Journeys::Paths, _) => self.paths(counted(0)),
            (Journeys::Synergy, _) => self.synergy([counted(0), counted(1), counted(2), counted(3)]),
            (Journeys::Removal, _) => {
                let chain = self.chain(of, group, window);
                let value = |at: usize| chain.removal.as_ref().and_then(|removal| Number::real(removal[at]));
                chain.channels.iter().enumerate().map(|(at, channel)| (one(*channel), whole(value(at)))).collect()
            }
            (_, DataDriven::Markov) => {
                let chain = self.chain(of, group, window);
                let shared = match what {
                    Journeys::Value => money(&counted(2), self.texts),
                    _ => chain.conversions as f64,
                };
                let all = chain.removal.as_ref().map(|removal| removal.iter().sum::<f64>()).filter(|all| *all > 0.0);
                let value = |at: usize| Some(chain.removal.as_ref()?[at] / all? * shared);
                let rows = chain.channels.iter().enumerate().map(|(at, channel)| (*channel, value(at)));
                self.credited(of, group, what, window, rows.collect())
            }
            (_, DataDriven::Shapley) => {
                let conversions = counted(0);
                let enough = journeys(&conversions, self.texts) >= self.journeys.min_conversions;
                let amounts = if what == Journeys::Value { counted(1) } else { conversions.clone() };
                let scale = if what == Journeys::Value { Scale::Money } else { Scale::Count };
                let in_journeys = conversions.iter().filter(|(_, amount)| amount.sum > 0);
                let mut shares: BTreeMap<Symbol, Vec<(i128, f64)>> =
                    in_journeys.map(|(of, _)| (of[0], Vec::new())).collect();
                for (size, of_size) in by_size(&amounts, self.texts) {
                    for (channel, sum) in of_size {
                        // Of amounts that are known of no conversion (any more) nobody has a share.
                        if let Some(share) = shares.get_mut(&channel) {
                            share.push((size, Number::of(sum, scale).to_f64()));
                        }
                    }
                }
                let rows = shares.into_iter().map(|(channel, of)| (channel, enough.then(|| worth(of))));
                self.credited(of, group, what, window, rows.collect())
            }
        }
    }

    /// Rows of credit, or of its share of all conversions.
    fn credited(
        self,
        of: &'a Opened,
        group: &Group,
        what: Journeys,
        window: Window,
        rows: Vec<(Symbol, Option<f64>)>,
    ) -> Rows {
        let entries = || {
            let at = of.family.terms.len() - 1;
            let series = &self.views.views[of.views[at] as usize].series[group.series[at] as usize];
            let term = &of.family.terms[at].view.measure;
            Number::of(series.amount(term.sum(), window, self.timeline.extent(window).days).sum, Scale::Count)
        };
        let entries = (what == Journeys::Share).then(entries);
        let parts = |credit: Option<f64>| {
            let credit = credit.and_then(Number::real);
            match entries {
                None => whole(credit),
                Some(entries) => Parts {
                    value: credit.and_then(|credit| credit.over(entries)),
                    numerator: credit,
                    denominator: credit.map(|_| entries),
                },
            }
        };
        rows.into_iter().map(|(channel, credit)| (one(channel), parts(credit))).collect()
    }

    /// What each series of a term has in the window.
    fn counted(self, of: &'a Opened, group: &Group, term: usize, window: Window) -> Counted<'a> {
        let view = &self.views.views[of.views[term] as usize];
        let (days, sum) = (self.timeline.extent(window).days, of.family.terms[term].view.measure.sum());
        let pool = view.spreads[group.series[term] as usize].iter();
        let counted =
            pool.map(|(_, series)| (view.members(*series), view.series[*series as usize].amount(sum, window, days)));
        counted.filter(|(_, amount)| amount.sum != 0).collect()
    }

    /// The Markov model: the first two terms are the steps of journeys that convert, and of those that do not.
    fn chain(self, of: &'a Opened, group: &Group, window: Window) -> Arc<Chain> {
        let key = (group.key.clone(), window);
        if let Some(known) = self.memo.chains.borrow().get(&key) {
            return Arc::clone(known);
        }
        let steps = [self.counted(of, group, 0, window), self.counted(of, group, 1, window)];
        let chain = Arc::new(self.solve(&steps));
        let mut memo = self.memo.chains.borrow_mut();
        if memo.len() >= MOST {
            memo.clear();
        }
        memo.insert(key, Arc::clone(&chain));
        chain
    }

    fn solve(self, counted: &[Counted<'a>; 2]) -> Chain {
        // By name: the same steps make the same sums, whoever named what first.
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for (step, _) in counted.iter().flatten() {
            names.extend(self.texts.text(step[1]).map(|to| &**to).filter(|to| *to != END));
        }
        let names: Vec<&str> = names.into_iter().collect();
        let number = |name: &str| names.binary_search(&name).ok();
        let mut conversions = 0;
        let mut steps = Vec::new();
        for (counted, end) in counted.iter().zip([To::Conversion, To::Nothing]) {
            for (step, amount) in counted {
                let (Some(from), Some(to)) = (self.texts.text(step[0]), self.texts.text(step[1])) else { continue };
                let from: Option<State> = match &**from {
                    END => Some(State::new()),
                    channels => channels.split(SEPARATOR).map(number).collect(),
                };
                let to = if **to == *END { Some(end) } else { number(to).map(To::Channel) };
                let (Some(from), Some(to)) = (from, to) else { continue };
                if end == To::Conversion && from.is_empty() {
                    conversions += amount.sum;
                }
                steps.push(Step { from, to, count: amount.sum as f64 });
            }
        }
        steps.sort_by(|a, b| a.from.cmp(&b.from).then(order(a.to).cmp(&order(b.to))));
        let enough = conversions >= self.journeys.min_conversions;
        let effects = enough.then(|| removal_effects(self.journeys.order, names.len(), &steps)).flatten();
        let channels = names.iter().filter_map(|name| self.texts.known(name)).collect();
        Chain { conversions, channels, removal: effects.map(|effects| effects.removal) }
    }

    /// Pairs of channels: how often journeys with both convert, against those with one of them alone.
    fn synergy(self, [channels, pairs, lost_channels, lost_pairs]: [Counted<'a>; 4]) -> Rows {
        let enough = journeys(&channels, self.texts) >= self.journeys.min_conversions;
        let mut of_one: BTreeMap<Symbol, [i128; 2]> = BTreeMap::new();
        let mut of_both: BTreeMap<(Symbol, Symbol), [i128; 2]> = BTreeMap::new();
        for (n, counted) in [channels, lost_channels].iter().enumerate() {
            counted.iter().for_each(|(of, amount)| of_one.entry(of[0]).or_default()[n] += amount.sum);
        }
        for (n, counted) in [pairs, lost_pairs].iter().enumerate() {
            counted.iter().for_each(|(of, amount)| of_both.entry((of[0], of[1])).or_default()[n] += amount.sum);
        }
        let rate =
            |[converted, lost]: [i128; 2]| (converted + lost > 0).then(|| converted as f64 / (converted + lost) as f64);
        let row = |((a, b), both): (&(Symbol, Symbol), &[i128; 2])| {
            let alone = |channel: &Symbol| {
                let all = of_one.get(channel).copied().unwrap_or_default();
                rate([all[0] - both[0], all[1] - both[1]])
            };
            let numerator = rate(*both).filter(|_| enough);
            let alone = [alone(a), alone(b)].into_iter().flatten().reduce(f64::max).filter(|_| enough);
            let (numerator, denominator) = (numerator.and_then(Number::real), alone.and_then(Number::real));
            let value = numerator.zip(denominator).and_then(|(over, under)| over.over(under));
            ([*a, *b].into_iter().collect(), Parts { value, numerator, denominator })
        };
        of_both.iter().map(row).collect()
    }

    /// The most frequent, ties by text.
    fn paths(self, mut counted: Counted<'a>) -> Rows {
        counted.retain(|(_, amount)| amount.sum > 0);
        let text = |path: &[Symbol]| self.texts.text(path[0]).map(|text| &**text);
        counted.sort_by(|(a, many), (b, others)| {
            let (many, others) = (many.sum, others.sum);
            others.cmp(&many).then_with(|| text(a).cmp(&text(b)))
        });
        let top = counted.into_iter().take(self.journeys.top);
        top.map(|(path, amount)| (one(path[0]), whole(Some(Number::of(amount.sum, Scale::Count))))).collect()
    }

    /// The dimensions of a row: those of the family, with the stage of its group and what tells it apart.
    pub(super) fn dims_of(self, of: &Opened, group: &Group, key: &Key) -> Dims {
        let mut apart = key.iter();
        let text = |symbol: &Symbol| self.texts.text(*symbol).map(Arc::clone);
        let value = |dim: &Dim| match (&of.family.named, dim) {
            (Some((named, name)), dim) if named == dim => Some(Arc::from(&**name)),
            (_, Dim::Stage) => text(&group.key[0]),
            _ => apart.next().and_then(text),
        };
        let values: Vec<_> = of.family.dims.iter().map(value).collect();
        of.family.dims.iter().zip(values).filter_map(|(dim, value)| Some((dim.name(), value?))).collect()
    }
}

fn one(symbol: Symbol) -> Key {
    std::iter::once(symbol).collect()
}

const fn whole(value: Option<Number>) -> Parts {
    Parts { value, numerator: None, denominator: None }
}

const fn order(to: To) -> usize {
    match to {
        To::Channel(channel) => channel,
        To::Conversion => usize::MAX - 1,
        To::Nothing => usize::MAX,
    }
}

/// What there is of each channel, by the number of channels that its journeys have.
fn by_size(counted: &Counted<'_>, texts: &Texts) -> BTreeMap<i128, SmallVec<[(Symbol, i128); 8]>> {
    let mut sizes: BTreeMap<i128, SmallVec<[(Symbol, i128); 8]>> = BTreeMap::new();
    for (of, amount) in counted {
        if let Some(size) = texts.text(of[1]).and_then(|size| size.parse().ok()).filter(|size: &i128| *size > 0) {
            sizes.entry(size).or_default().push((of[0], amount.sum));
        }
    }
    sizes
}

/// Each journey is counted by each of its channels: so many there are.
fn journeys(counted: &Counted<'_>, texts: &Texts) -> i128 {
    let sizes = by_size(counted, texts);
    sizes.into_iter().map(|(size, of)| of.into_iter().map(|(_, sum)| sum).sum::<i128>() / size).sum()
}

/// The amount of all journeys.
fn money(counted: &Counted<'_>, texts: &Texts) -> f64 {
    Number::of(journeys(counted, texts), Scale::Money).to_f64()
}
