//! What is known of one row: the sums of its terms, what a formula makes of them, and the 95 % interval of a share.

use std::collections::{BTreeMap, BTreeSet};

use tributary::config::Config;
use tributary::model::time::Millis;

use super::accounts::Accounts;
use super::facts::Fact;
use super::table::{Set, Term};
use super::windows::{Start, Windows};

/// Values of a set's dimensions.
pub type Values = Vec<String>;
pub type Cells<'f> = BTreeMap<(Start, Values), Vec<Sum<'f>>>;

/// The sum of one term in one cell.
#[derive(Clone, Default)]
pub struct Sum<'f> {
    amount: i128,
    scale: i64,
    subjects: BTreeSet<String>,
    /// By subject, of when it is and the amount.
    latest: BTreeMap<String, (Millis, i128)>,
    pub facts: Vec<&'f Fact>,
}

impl<'f> Sum<'f> {
    pub fn add(&mut self, term: &Term, fact: &'f Fact) {
        self.facts.push(fact);
        if term.distinct {
            self.amount += i128::from(self.subjects.insert(fact.subject.clone()));
            self.scale = 1;
        } else if term.latest {
            let known = self.latest.get(&fact.subject).map_or((Millis::MIN, 0), |known| *known);
            if known.0 <= fact.at {
                self.amount += fact.amount - known.1;
                self.latest.insert(fact.subject.clone(), (fact.at, fact.amount));
            }
            self.scale = fact.scale;
        } else {
            self.amount += fact.amount;
            self.scale = fact.scale;
        }
    }

    pub fn value(&self) -> f64 {
        if self.scale == 0 { 0.0 } else { self.amount as f64 / self.scale as f64 }
    }

    pub fn less(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self { amount: self.amount - other.amount, scale, ..Self::default() }
    }

    /// Mean, or nearest-rank quantile.
    pub fn stat(&self, name: &str) -> Option<f64> {
        let mut values: Vec<i128> = self.facts.iter().map(|fact| fact.amount).collect();
        values.sort();
        let rank = |q: f64| (q * values.len() as f64).ceil().max(1.0) as usize - 1;
        match name {
            "p50" => values.get(rank(0.5)).map(|value| *value as f64 / self.scale as f64),
            "p90" => values.get(rank(0.9)).map(|value| *value as f64 / self.scale as f64),
            _ => (!values.is_empty()).then(|| self.value() / values.len() as f64),
        }
    }
}

/// A row's cell among those of its set of dimensions.
pub struct Cell<'t> {
    pub config: &'t Config,
    pub windows: &'t Windows<'t>,
    pub accounts: &'t Accounts<'t>,
    pub set: Set,
    pub start: Start,
    pub end: Option<Millis>,
    pub values: &'t Values,
    pub sums: &'t [Sum<'t>],
    pub cells: &'t Cells<'t>,
}

impl<'t> Cell<'t> {
    pub fn value(&self, term: usize) -> f64 {
        self.sums[term].value()
    }

    /// The cell of the same window with another value of a dimension.
    pub fn beside(&self, name: &str, value: &str) -> Option<&'t [Sum<'t>]> {
        let mut values = self.values.clone();
        values[self.set.iter().position(|dim| *dim == name)?] = value.to_owned();
        self.cells.get(&(self.start, values)).map(Vec::as_slice)
    }

    /// Up to when the window's facts take what becomes known; for ever where it has no end.
    pub fn settled(&self) -> Option<Millis> {
        self.end.map(|end| end + self.config.time.settle)
    }
}

pub struct Outcome {
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
}

impl Outcome {
    pub fn of(value: Option<f64>) -> Self {
        Self { value, numerator: None, denominator: None }
    }

    pub fn ratio(numerator: f64, denominator: f64) -> Self {
        Self::parts(Some(numerator), Some(denominator))
    }

    /// A ratio of what may not be defined.
    pub fn parts(numerator: Option<f64>, denominator: Option<f64>) -> Self {
        Self { value: over(numerator, denominator), numerator, denominator }
    }

    /// Wilson's, at 95 %, of what is a share.
    pub fn interval(&self) -> Option<(f64, f64)> {
        const Z: f64 = 1.959_963_984_540_054;
        let (n, p) = (self.denominator.filter(|n| *n > 0.0)?, self.value.filter(|p| *p <= 1.0)?);
        let center = p + Z * Z / (2.0 * n);
        let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Some((((center - spread) / scale).max(0.0), ((center + spread) / scale).min(1.0)))
    }
}

/// A quotient; nothing by nothing or by zero.
pub fn over(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? / b.filter(|b| *b != 0.0)?)
}
