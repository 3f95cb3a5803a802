//! From facts to rows: which KPI carries which dimension sets in which windows, sums over facts, formulas, intervals,
//! and the comparison with the windows before.

use std::collections::{BTreeMap, BTreeSet};

use tributary::config::Config;
use tributary::model::time::Millis;
use tributary::model::window::WindowKind;

use super::facts::Fact;
use super::row::Row;
use super::windows::{Frames, Start, Windows};

pub type Set = &'static [&'static str];
pub const C: &[Set] = &[
    &["channel"],
    &["channel", "campaign"],
    &["channel", "campaign", "content"],
    &["channel", "term"],
    &["channel_group"],
];
pub const M: &[Set] = &[
    &["channel", "model"],
    &["channel", "campaign", "model"],
    &["channel", "campaign", "content", "model"],
    &["channel", "term", "model"],
    &["channel_group", "model"],
];
pub const S: &[Set] = &[&["channel"], &["channel", "campaign"]];

#[derive(Clone, Copy)]
pub enum Formula {
    Sum,
    Ratio,
    /// (a − b) / b
    Return,
    /// a / b × the configured sessions
    WhatIf,
}

#[derive(Clone)]
pub struct Kpi {
    pub id: &'static str,
    pub unit: &'static str,
    pub sets: Vec<Set>,
    pub total: bool,
    pub interval: bool,
    pub settling: bool,
    /// Has three rows in place of one: mean and quantiles of its facts' amounts.
    pub is_spread: bool,
    /// Has rows in `now` alone.
    pub present: bool,
    pub formula: Formula,
    pub terms: fn(&str, &[&str]) -> Vec<Term>,
    /// For costs: the entries under the spend.
    pub over: &'static str,
    pub except: Option<(&'static str, &'static str)>,
}

/// A sum over the facts of a measure with the row's dimensions.
#[derive(Clone)]
pub struct Term {
    pub measure: String,
    pub only: Option<(&'static str, &'static str)>,
    /// Counts for each enabled rule-based model.
    pub each_model: bool,
    /// Over all dimensions; makes no row.
    pub whole: bool,
    /// Counts subjects in place of facts.
    pub distinct: bool,
    /// Takes the latest amount of each subject.
    pub latest: bool,
}

impl Term {
    pub fn of(measure: impl Into<String>) -> Self {
        Self { measure: measure.into(), only: None, each_model: false, whole: false, distinct: false, latest: false }
    }

    /// Entries or amounts: whole, by credit under a model, or by segment.
    pub fn entries(measure: &str, set: &[&str]) -> Self {
        match set {
            _ if set.contains(&"model") => Self::of(format!("{measure}/credit")),
            _ if set.contains(&"segment") => Self::of(format!("{measure}/segment")),
            _ => Self::of(measure),
        }
    }

    pub fn spend(set: &[&str]) -> Self {
        Self { each_model: set.contains(&"model"), ..Self::of("spend") }
    }
}

pub fn count(id: &'static str, sets: &[Set], terms: fn(&str, &[&str]) -> Vec<Term>) -> Kpi {
    Kpi {
        id,
        unit: "count",
        sets: sets.to_vec(),
        total: true,
        interval: false,
        settling: false,
        is_spread: false,
        present: false,
        formula: Formula::Sum,
        terms,
        over: "",
        except: None,
    }
}

pub fn ratio(id: &'static str, sets: &[Set], terms: fn(&str, &[&str]) -> Vec<Term>) -> Kpi {
    Kpi { unit: "ratio", formula: Formula::Ratio, ..count(id, sets, terms) }
}

impl Kpi {
    pub fn where_not(self, except: (&'static str, &'static str)) -> Self {
        Self { except: Some(except), ..self }
    }

    fn terms(&self, set: &[&str]) -> Vec<Term> {
        if self.over.is_empty() {
            (self.terms)(self.id, set)
        } else {
            vec![Term::spend(set), Term::entries(self.over, set)]
        }
    }
}

/// The sum of one term in one cell.
#[derive(Clone, Default)]
struct Sum {
    amount: i128,
    scale: i64,
    subjects: BTreeSet<String>,
    /// By subject, of when it is and the amount.
    latest: BTreeMap<String, (Millis, i128)>,
    values: Vec<i128>,
}

impl Sum {
    fn value(&self) -> f64 {
        if self.scale == 0 { 0.0 } else { self.amount as f64 / self.scale as f64 }
    }

    /// Mean, or nearest-rank quantile.
    fn stat(&self, name: &str) -> Option<f64> {
        let mut values = self.values.clone();
        values.sort();
        let rank = |q: f64| (q * values.len() as f64).ceil().max(1.0) as usize - 1;
        match name {
            "p50" => values.get(rank(0.5)).map(|value| *value as f64 / self.scale as f64),
            "p90" => values.get(rank(0.9)).map(|value| *value as f64 / self.scale as f64),
            _ => (!values.is_empty()).then(|| self.value() / values.len() as f64),
        }
    }
}

type Values = Vec<String>;
type Cells = BTreeMap<(Start, Values), Vec<Sum>>;
type Facts = BTreeMap<String, Vec<Fact>>;

pub fn rows(config: &Config, kpis: &[Kpi], facts: &Facts, as_of: Millis) -> Vec<Row> {
    let windows = Windows { zone: config.time.calendar.zone(), as_of };
    let moments = || facts.values().flatten().map(|fact| fact.at);
    let published: Vec<&Kpi> =
        kpis.iter().filter(|kpi| config.output.kpis.iter().any(|glob| matches(glob, kpi.id))).collect();
    let mut rows = vec![];
    for kind in &config.time.windows {
        let table = Table { config, facts, as_of, frames: windows.frames(*kind, moments()) };
        for kpi in &published {
            for set in kpi.sets.iter().copied().chain(kpi.total.then_some::<Set>(&[])) {
                if table.carries(kpi, set) {
                    rows.extend(table.rows_of(kpi, set));
                }
            }
        }
    }
    rows
}

/// The rows of one kind of windows.
struct Table<'a> {
    config: &'a Config,
    facts: &'a Facts,
    frames: Frames,
    as_of: Millis,
}

impl Table<'_> {
    /// Rolling windows and hours carry little, minutes and hours nothing that settles.
    fn carries(&self, kpi: &Kpi, set: Set) -> bool {
        let few: [Set; 4] = [&[], &["channel"], &["channel_group"], &["channel", "model"]];
        let settles = kpi.settling || set.contains(&"segment");
        // With a statistic among them they are others.
        let is_few = few.contains(&set) && !kpi.is_spread;
        let more = |sets: &[Vec<String>]| sets.iter().any(|more| same_names(more, set));
        match self.frames.kind {
            WindowKind::Now => kpi.present,
            _ if kpi.present => false,
            WindowKind::Minute => !settles,
            WindowKind::Hour => !settles && (is_few || more(&self.config.output.hourly_dims)),
            WindowKind::Rolling(_) => is_few || more(&self.config.output.rolling_dims),
            _ => true,
        }
    }

    fn rows_of(&self, kpi: &Kpi, set: Set) -> Vec<Row> {
        let terms = kpi.terms(set);
        let mut cells = Cells::new();
        for (i, term) in terms.iter().enumerate().filter(|(_, term)| !term.whole) {
            for fact in self.facts_of(&term.measure).filter(|fact| wanted(kpi, term, fact)) {
                for values in self.projected(term, fact, set) {
                    for start in &self.frames.holding[&fact.at] {
                        let nothing = || vec![Sum::default(); terms.len()];
                        add(&mut cells.entry((*start, values.clone())).or_insert_with(nothing)[i], term, fact);
                    }
                }
            }
        }
        for (i, term) in terms.iter().enumerate().filter(|(_, term)| term.whole) {
            for fact in self.facts_of(&term.measure) {
                let windows = &self.frames.holding[&fact.at];
                for (_, cell) in cells.iter_mut().filter(|((start, _), _)| windows.contains(start)) {
                    add(&mut cell[i], term, fact);
                }
            }
        }
        let rows = cells.iter().filter(|((start, _), _)| !self.is_forgotten(*start));
        if kpi.is_spread {
            let of_row =
                |((start, values), _): (&(Start, Values), &Vec<Sum>)| self.spread(kpi, set, *start, values, &cells);
            return rows.flat_map(of_row).collect();
        }
        rows.map(|((start, values), sums)| self.row(kpi, set, *start, values, sums, &cells)).collect()
    }

    /// A row for each statistic.
    fn spread(&self, kpi: &Kpi, set: Set, start: Start, values: &Values, cells: &Cells) -> Vec<Row> {
        let of = |name: &str| {
            let value = |at: &Start| cells.get(&(*at, values.clone())).and_then(|sums| sums[0].stat(name));
            let before: Vec<Option<f64>> = self.frames.before[&start].iter().map(value).collect();
            let none = Outcome { value: value(&start), numerator: None, denominator: None };
            let mut row = self.row_of(kpi, set, start, values, &none, &before);
            row.dims.insert("stat".to_owned(), name.to_owned());
            row
        };
        ["mean", "p50", "p90"].map(of).into()
    }

    fn facts_of(&self, measure: &str) -> impl Iterator<Item = &Fact> {
        self.facts.get(measure).into_iter().flatten()
    }

    /// The fact's values of the set's dimensions: none when it lacks one, several when it counts for each model.
    fn projected(&self, term: &Term, fact: &Fact, set: Set) -> Vec<Values> {
        let models: Vec<String> = if term.each_model {
            let rules = self.config.attribution.models.iter().filter(|model| model.is_rule_based());
            rules.map(|model| model.name().to_owned()).collect()
        } else {
            vec![fact.dims.get("model").cloned().unwrap_or_default()]
        };
        let detailed = set.contains(&"content") || set.contains(&"term");
        let named = |model: &String| {
            let value =
                |name: &&str| if *name == "model" { Some(model.clone()) } else { fact.dims.get(*name).cloned() };
            set.iter().map(value).collect::<Option<Values>>()
        };
        models
            .iter()
            .filter(|model| !set.contains(&"model") || self.is_enabled(model))
            .filter(|model| {
                !set.contains(&"model") || !detailed || self.config.attribution.detail_models.contains(*model)
            })
            .filter_map(named)
            .collect()
    }

    fn is_enabled(&self, model: &str) -> bool {
        self.config.attribution.models.iter().any(|enabled| enabled.name() == model)
    }

    fn row(&self, kpi: &Kpi, set: Set, start: Start, values: &Values, sums: &[Sum], cells: &Cells) -> Row {
        let outcome = self.outcome(kpi, sums);
        let value = |at: &Start| cells.get(&(*at, values.clone())).and_then(|sums| self.outcome(kpi, sums).value);
        let before: Vec<Option<f64>> = self.frames.before[&start].iter().map(value).collect();
        self.row_of(kpi, set, start, values, &outcome, &before)
    }

    fn row_of(
        &self,
        kpi: &Kpi,
        set: Set,
        start: Start,
        values: &Values,
        outcome: &Outcome,
        before: &[Option<f64>],
    ) -> Row {
        let previous = before.first().copied().flatten();
        let change = |(value, previous): (f64, f64)| (previous != 0.0).then(|| value / previous - 1.0);
        let interval = if kpi.interval { outcome.interval() } else { None };
        let end = self.frames.end[&start];
        Row {
            kpi: kpi.id.to_owned(),
            unit: kpi.unit.to_owned(),
            window: self.frames.kind.to_string(),
            start: Windows::named(start),
            end: end.map(|at| at.0),
            dims: set.iter().map(|name| (*name).to_owned()).zip(values.clone()).collect(),
            value: outcome.value,
            numerator: outcome.numerator,
            denominator: outcome.denominator,
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            previous,
            change: outcome.value.zip(previous).and_then(change),
            benchmark: if self.frames.kind.is_rolling() {
                None
            } else {
                median(before.iter().copied().flatten().collect())
            },
            is_final: end.is_some_and(|end| self.is_final(kpi, set, end)),
            currency: (kpi.unit == "currency").then(|| self.config.money.currency.clone()),
        }
    }

    /// Whether nothing that counts in a window with this end can change any more.
    fn is_final(&self, kpi: &Kpi, set: Set, end: Millis) -> bool {
        let time = &self.config.time;
        let settles = kpi.settling || set.contains(&"segment") || kpi.id == "spend" || !kpi.over.is_empty();
        let open = if settles { time.settle + time.allowed_lateness } else { time.allowed_lateness };
        self.as_of > end + open
    }

    fn is_forgotten(&self, start: Start) -> bool {
        let kind = self.frames.kind;
        let name = if kind.is_rolling() { "rolling".to_owned() } else { kind.to_string() };
        let kept = self.config.output.retention.get(&name);
        kept.zip(self.frames.end[&start]).is_some_and(|(kept, end)| end + *kept < self.as_of)
    }

    fn outcome(&self, kpi: &Kpi, sums: &[Sum]) -> Outcome {
        match kpi.formula {
            Formula::Sum => Outcome { value: Some(sums[0].value()), numerator: None, denominator: None },
            Formula::Ratio => Outcome::ratio(sums[0].value(), sums[1].value(), 1.0),
            Formula::WhatIf => {
                Outcome::ratio(sums[0].value(), sums[1].value(), self.config.what_if_extra_sessions as f64)
            }
            Formula::Return => {
                let gain =
                    Sum { amount: sums[0].amount - sums[1].amount, scale: super::facts::MONEY, ..Sum::default() };
                Outcome::ratio(gain.value(), sums[1].value(), 1.0)
            }
        }
    }
}

fn wanted(kpi: &Kpi, term: &Term, fact: &Fact) -> bool {
    let has = |(name, value): (&str, &str)| fact.dims.get(name).is_some_and(|mine| mine == value);
    term.only.is_none_or(has)
        && !kpi.except.is_some_and(has)
        && (fact.amount != 0 || fact.scale != super::facts::CREDIT)
}

fn add(sum: &mut Sum, term: &Term, fact: &Fact) {
    if term.distinct {
        sum.amount += i128::from(sum.subjects.insert(fact.subject.clone()));
        sum.scale = 1;
    } else if term.latest {
        let known = sum.latest.get(&fact.subject).map_or((Millis::MIN, 0), |known| *known);
        if known.0 <= fact.at {
            sum.amount += fact.amount - known.1;
            sum.latest.insert(fact.subject.clone(), (fact.at, fact.amount));
        }
        sum.scale = fact.scale;
    } else {
        sum.amount += fact.amount;
        sum.scale = fact.scale;
        sum.values.push(fact.amount);
    }
}

struct Outcome {
    value: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
}

impl Outcome {
    fn ratio(numerator: f64, denominator: f64, times: f64) -> Self {
        let value = (denominator != 0.0).then(|| numerator / denominator * times);
        Self { value, numerator: Some(numerator), denominator: Some(denominator) }
    }

    /// Wilson's, at 95 %.
    fn interval(&self) -> Option<(f64, f64)> {
        const Z: f64 = 1.959_963_984_540_054;
        let (n, p) = (self.denominator.filter(|n| *n > 0.0)?, self.value?);
        let center = p + Z * Z / (2.0 * n);
        let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Some((((center - spread) / scale).max(0.0), ((center + spread) / scale).min(1.0)))
    }
}

/// The nearest-rank median: the ⌈n / 2⌉-th smallest.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().div_ceil(2).wrapping_sub(1)).copied()
}

fn same_names(a: &[String], b: &[&str]) -> bool {
    a.len() == b.len() && a.iter().all(|name| b.contains(&&**name))
}

/// A glob with `*` for any text.
fn matches(glob: &str, id: &str) -> bool {
    match glob.split_once('*') {
        None => glob == id,
        Some((head, tail)) => {
            id.strip_prefix(head).is_some_and(|rest| (0..=rest.len()).any(|i| matches(tail, &rest[i..])))
        }
    }
}
