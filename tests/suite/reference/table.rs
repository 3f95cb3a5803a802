//! From facts to rows: which KPI carries which dimension sets in which windows, sums over facts, formulas, intervals,
//! and the comparison with the windows before.

use std::collections::BTreeMap;

use tributary::config::Config;
use tributary::model::time::Millis;
use tributary::model::window::WindowKind;

use super::accounts::Accounts;
use super::cell::{Cell, Cells, Outcome, Sum, Values};
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
    /// What it says of the cell; nothing is no row.
    Of(fn(&Cell) -> Option<Outcome>),
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
    /// Is over spend, which settles wherever it stands.
    pub has_spend: bool,
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
    /// Makes no row.
    pub silent: bool,
    /// Counts subjects in place of facts.
    pub distinct: bool,
    /// Takes the latest amount of each subject.
    pub latest: bool,
}

impl Term {
    pub fn of(measure: impl Into<String>) -> Self {
        let measure = measure.into();
        Self { measure, only: None, each_model: false, whole: false, silent: false, distinct: false, latest: false }
    }

    pub fn distinct(measure: impl Into<String>) -> Self {
        Self { distinct: true, ..Self::of(measure) }
    }

    pub fn silent(measure: impl Into<String>) -> Self {
        Self { silent: true, ..Self::of(measure) }
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
        has_spend: false,
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

pub type Facts = BTreeMap<String, Vec<Fact>>;

pub fn rows(config: &Config, kpis: &[Kpi], facts: &Facts, accounts: &Accounts, as_of: Millis) -> Vec<Row> {
    let windows = Windows { zone: config.time.calendar.zone(), as_of };
    let moments = || facts.values().flatten().map(|fact| fact.at);
    let published: Vec<&Kpi> = kpis.iter().filter(|kpi| is_published(config, kpi.id)).collect();
    let mut rows = vec![];
    for kind in &config.time.windows {
        let frames = windows.frames(*kind, moments());
        let table = Table { config, facts, accounts, windows: &windows, as_of, frames };
        for kpi in &published {
            for set in kpi.sets.iter().copied().chain(kpi.total.then_some::<Set>(&[])) {
                if table.carries(kpi, set) {
                    rows.extend(table.rows_of(kpi, set));
                }
            }
        }
        rows.extend(table.rows_of_targets(kpis));
        rows.extend(table.rows_of_journeys());
    }
    rows
}

pub fn is_published(config: &Config, id: &str) -> bool {
    config.output.kpis.iter().any(|glob| matches(glob, id))
}

/// The rows of one kind of windows.
pub struct Table<'a> {
    pub config: &'a Config,
    pub facts: &'a Facts,
    pub accounts: &'a Accounts<'a>,
    pub windows: &'a Windows<'a>,
    pub frames: Frames,
    pub as_of: Millis,
}

impl Table<'_> {
    /// Rolling windows and hours carry little, minutes and hours nothing that settles.
    pub fn carries(&self, kpi: &Kpi, set: Set) -> bool {
        let few: [Set; 4] = [&[], &["channel"], &["channel_group"], &["channel", "model"]];
        let settles = kpi.settling || set.contains(&"segment");
        // With a statistic among them they are others.
        let is_few = few.contains(&set) && !kpi.is_spread;
        let names = [set, if kpi.is_spread { &["stat"] } else { &[] }].concat();
        let more = |sets: &[Vec<String>]| sets.iter().any(|more| same_names(more, &names));
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
        let cells = self.cells(kpi, set);
        let rows = cells.keys().filter(|(start, _)| !self.is_forgotten(*start));
        if kpi.is_spread {
            return rows.flat_map(|(start, values)| self.spread(kpi, set, *start, values, &cells)).collect();
        }
        rows.filter_map(|(start, values)| self.row(kpi, set, *start, values, &cells)).collect()
    }

    /// The sums of the KPI's terms by window and dimensions.
    pub fn cells(&self, kpi: &Kpi, set: Set) -> Cells<'_> {
        let terms = kpi.terms(set);
        let mut cells = Cells::new();
        let makes_row = |term: &Term| !term.whole && !term.silent;
        for (i, term) in terms.iter().enumerate().filter(|(_, term)| makes_row(term)) {
            for fact in self.facts_of(&term.measure).filter(|fact| wanted(kpi, term, fact)) {
                for values in self.projected(term, fact, set) {
                    for start in &self.frames.holding[&fact.at] {
                        let nothing = || vec![Sum::default(); terms.len()];
                        cells.entry((*start, values.clone())).or_insert_with(nothing)[i].add(term, fact);
                    }
                }
            }
        }
        for (i, term) in terms.iter().enumerate().filter(|(_, term)| term.silent) {
            for fact in self.facts_of(&term.measure).filter(|fact| wanted(kpi, term, fact)) {
                for values in self.projected(term, fact, set) {
                    for start in &self.frames.holding[&fact.at] {
                        if let Some(cell) = cells.get_mut(&(*start, values.clone())) {
                            cell[i].add(term, fact);
                        }
                    }
                }
            }
        }
        for (i, term) in terms.iter().enumerate().filter(|(_, term)| term.whole) {
            for fact in self.facts_of(&term.measure) {
                let windows = &self.frames.holding[&fact.at];
                for (_, cell) in cells.iter_mut().filter(|((start, _), _)| windows.contains(start)) {
                    cell[i].add(term, fact);
                }
            }
        }
        cells
    }

    /// A row for each statistic.
    fn spread(&self, kpi: &Kpi, set: Set, start: Start, values: &Values, cells: &Cells) -> Vec<Row> {
        let of = |name: &str| {
            let value = |at: &Start| cells.get(&(*at, values.clone())).and_then(|sums| sums[0].stat(name));
            let before: Vec<Option<f64>> = self.frames.before[&start].iter().map(value).collect();
            let mut row = self.row_of(kpi, set, start, values, &Outcome::of(value(&start)), &before);
            row.dims.insert("stat".to_owned(), name.to_owned());
            row
        };
        ["mean", "p50", "p90"].map(of).into()
    }

    pub fn facts_of(&self, measure: &str) -> impl Iterator<Item = &Fact> {
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

    fn row(&self, kpi: &Kpi, set: Set, start: Start, values: &Values, cells: &Cells) -> Option<Row> {
        let outcome = self.outcome(kpi, set, start, values, cells)?;
        let value = |at: &Start| self.outcome(kpi, set, *at, values, cells).and_then(|outcome| outcome.value);
        let before: Vec<Option<f64>> = self.frames.before[&start].iter().map(value).collect();
        Some(self.row_of(kpi, set, start, values, &outcome, &before))
    }

    pub fn row_of(
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
        let end = self.end(start);
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
            currency: kpi.unit.starts_with("currency").then(|| self.config.money.currency.clone()),
        }
    }

    /// Whether nothing that counts in a window with this end can change any more.
    fn is_final(&self, kpi: &Kpi, set: Set, end: Millis) -> bool {
        let time = &self.config.time;
        let settles = kpi.settling || set.contains(&"segment") || kpi.has_spend;
        let open = if settles { time.settle + time.allowed_lateness } else { time.allowed_lateness };
        self.as_of > end + open
    }

    fn end(&self, start: Start) -> Option<Millis> {
        self.frames.end.get(&start).copied().unwrap_or_else(|| self.windows.end(self.frames.kind, start))
    }

    pub fn is_forgotten(&self, start: Start) -> bool {
        let kind = self.frames.kind;
        let name = if kind.is_rolling() { "rolling".to_owned() } else { kind.to_string() };
        let kept = self.config.output.retention.get(&name);
        kept.zip(self.end(start)).is_some_and(|(kept, end)| end + *kept < self.as_of)
    }

    /// What the KPI says of a cell, if it is there.
    pub fn outcome(&self, kpi: &Kpi, set: Set, start: Start, values: &Values, cells: &Cells) -> Option<Outcome> {
        let sums = cells.get(&(start, values.clone()))?;
        let value = |term: usize| sums[term].value();
        let outcome = match kpi.formula {
            Formula::Sum => Outcome::of(Some(value(0))),
            Formula::Ratio => Outcome::ratio(value(0), value(1)),
            Formula::WhatIf => {
                let ratio = Outcome::ratio(value(0), value(1));
                let times = self.config.what_if_extra_sessions as f64;
                Outcome { value: ratio.value.map(|value| value * times), ..ratio }
            }
            Formula::Return => Outcome::ratio(sums[0].less(&sums[1]).value(), value(1)),
            Formula::Of(says) => {
                let (config, windows, accounts, end) = (self.config, self.windows, self.accounts, self.end(start));
                return says(&Cell { config, windows, accounts, set, start, end, values, sums, cells });
            }
        };
        Some(outcome)
    }
}

fn wanted(kpi: &Kpi, term: &Term, fact: &Fact) -> bool {
    let has = |(name, value): (&str, &str)| fact.dims.get(name).is_some_and(|mine| mine == value);
    term.only.is_none_or(has)
        && !kpi.except.is_some_and(has)
        && (fact.amount != 0 || fact.scale != super::facts::CREDIT)
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
