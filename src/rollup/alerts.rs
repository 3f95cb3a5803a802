//! Alerts: rules over the rows of running windows. Rows that changed in, alerts that begin, change or end out. Which of
//! them fire, and with which values, is a function of the rows alone; since when is remembered, and read back from what
//! is published by whoever takes over.
//!
//! An alert is named by its rule and the dimensions of its rows, whatever window they are of: it is resolved when the
//! condition holds no more, and when the window ends and it does not hold in the next one. Resolved it stays in the
//! topic, as the last word of it; one whose rule is not looked at any more gets a tombstone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::row::{Dims, Row, RowChange};
use crate::config::Config;
use crate::kpi::families::families_of;
use crate::kpi::formula::Expr;
use crate::kpi::number::Number;
use crate::kpi::rules::{Rule, rules_of};
use crate::model::time::Millis;
use crate::model::window::WindowKind;

/// What names an alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertId {
    pub rule: Arc<str>,
    pub dims: Dims,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub id: AlertId,
    /// The one that is compared; none where a formula over several is.
    pub kpi: Option<Arc<str>>,
    pub window: WindowKind,
    /// Of the window whose rows it was last seen in; none for `all` and `now`.
    pub start: Option<Millis>,
    pub end: Option<Millis>,
    pub condition: Arc<str>,
    /// None where it has none any more.
    pub value: Option<Number>,
    pub threshold: f64,
    /// The watermark when it was first seen to hold, without a break since.
    pub since: Millis,
    /// The watermark when it was seen to hold no more; none while it fires.
    pub resolved: Option<Millis>,
    pub currency: Option<Arc<str>>,
    pub watermark: Millis,
    pub updated_at: Millis,
}

/// What became of an alert.
#[derive(Clone, Debug, PartialEq)]
pub enum AlertChange {
    Says(Arc<Alert>),
    /// Its rule is not looked at any more.
    Gone(AlertId),
}

#[derive(Debug)]
pub struct Alerts {
    rules: Vec<Watched>,
    /// Which reads of which rules the rows of a KPI are.
    readers: BTreeMap<Arc<str>, Vec<(usize, usize)>>,
    /// Published alerts of rules that are not looked at any more.
    strays: BTreeSet<AlertId>,
}

/// A rule and the rows that it looks at.
#[derive(Debug)]
struct Watched {
    rule: Rule,
    name: Arc<str>,
    condition: Arc<str>,
    kpi: Option<Arc<str>>,
    /// By read: those of the running window.
    rows: Vec<BTreeMap<Dims, Arc<Row>>>,
    span: Span,
    /// Whether it may say something else than when it was last looked at.
    changed: bool,
    /// Those that fire, as they were last told.
    firing: BTreeMap<Dims, Arc<Alert>>,
}

/// Start and end of a window.
type Span = (Option<Millis>, Option<Millis>);

/// When an alert is looked at.
#[derive(Clone, Copy)]
struct Moment {
    watermark: Millis,
    now: Millis,
}

impl AlertChange {
    #[must_use]
    pub fn id(&self) -> &AlertId {
        match self {
            Self::Says(alert) => &alert.id,
            Self::Gone(id) => id,
        }
    }

    /// None: it is gone.
    #[must_use]
    pub const fn alert(&self) -> Option<&Arc<Alert>> {
        match self {
            Self::Says(alert) => Some(alert),
            Self::Gone(_) => None,
        }
    }
}

impl Alert {
    #[must_use]
    pub const fn is_firing(&self) -> bool {
        self.resolved.is_none()
    }

    /// Whether it tells the same but for when; numbers that were read back are compared as they are printed.
    fn says_as(&self, other: &Self) -> bool {
        let printed = |value: Option<Number>| value.map(|value| value.to_string());
        let told = |alert: &Self| (alert.window, alert.start, alert.since, alert.resolved);
        told(self) == told(other) && self.condition == other.condition && printed(self.value) == printed(other.value)
    }
}

impl Alerts {
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let rules: Vec<Watched> = rules_of(config, &families_of(config)).into_iter().map(Watched::new).collect();
        let mut readers: BTreeMap<Arc<str>, Vec<(usize, usize)>> = BTreeMap::new();
        for (place, watched) in rules.iter().enumerate() {
            for (read, rows) in watched.rule.reads.iter().enumerate() {
                readers.entry(Arc::from(&*rows.kpi)).or_default().push((place, read));
            }
        }
        Self { rules, readers, strays: BTreeSet::new() }
    }

    /// An alert as it is published, when this takes over: to go on from.
    pub fn recall(&mut self, change: AlertChange) {
        let id = change.id().clone();
        let Some(watched) = self.rules.iter_mut().find(|watched| watched.name == id.rule) else {
            match change {
                AlertChange::Says(_) => drop(self.strays.insert(id)),
                AlertChange::Gone(_) => drop(self.strays.remove(&id)),
            }
            return;
        };
        match change {
            AlertChange::Says(alert) if alert.is_firing() => drop(watched.firing.insert(id.dims, alert)),
            _ => drop(watched.firing.remove(&id.dims)),
        }
    }

    /// What the rows that changed make of the alerts, sorted.
    pub fn changed(&mut self, rows: &[RowChange], watermark: Millis, now: Millis) -> Vec<AlertChange> {
        for change in rows {
            self.note(change, watermark);
        }
        let mut out: Vec<_> = std::mem::take(&mut self.strays).into_iter().map(AlertChange::Gone).collect();
        for watched in &mut self.rules {
            if watched.span.1.is_some_and(|end| end <= watermark) {
                watched.turn_to((None, None));
            }
            if std::mem::take(&mut watched.changed) {
                watched.look(Moment { watermark, now }, &mut out);
            }
        }
        out.sort_by(|a, b| a.id().cmp(b.id()));
        out
    }

    fn note(&mut self, change: &RowChange, watermark: Millis) {
        let id = change.id();
        let Some(readers) = self.readers.get(&id.kpi) else { return };
        for (place, read) in readers {
            let watched = &mut self.rules[*place];
            let dims = &watched.rule.reads[*read].dims;
            let is_read = watched.rule.window == id.window
                && dims.len() == id.dims.len()
                && dims.iter().zip(&*id.dims).all(|(dim, (name, _))| dim.name() == *name);
            if is_read {
                watched.note(*read, change, watermark);
            }
        }
    }
}

impl Watched {
    fn new(rule: Rule) -> Self {
        let kpi = match rule.formula {
            Expr::Term(read) => Some(Arc::from(&*rule.reads[read].kpi)),
            _ => None,
        };
        Self {
            name: Arc::from(&*rule.name),
            condition: Arc::from(&*rule.condition),
            kpi,
            rows: rule.reads.iter().map(|_| BTreeMap::new()).collect(),
            span: (None, None),
            // Also without any row: what fired when another one was in charge may fire no more.
            changed: true,
            firing: BTreeMap::new(),
            rule,
        }
    }

    fn turn_to(&mut self, span: Span) {
        self.rows.iter_mut().for_each(BTreeMap::clear);
        self.span = span;
        self.changed = true;
    }

    fn note(&mut self, read: usize, change: &RowChange, watermark: Millis) {
        match change {
            RowChange::Says(row) => {
                let span = (row.id.start, row.end);
                if row.end.is_some_and(|end| end <= watermark) {
                    return;
                }
                if span != self.span {
                    self.turn_to(span);
                }
                self.rows[read].insert(Arc::clone(&row.id.dims), Arc::clone(row));
                self.changed = true;
            }
            RowChange::Gone(id) if id.start == self.span.0 => {
                self.changed |= self.rows[read].remove(&id.dims).is_some();
            }
            RowChange::Gone(_) => {}
        }
    }

    fn look(&mut self, at: Moment, out: &mut Vec<AlertChange>) {
        let before = std::mem::take(&mut self.firing);
        let mut firing = BTreeMap::new();
        for dims in self.subjects().into_iter().filter(|dims| self.fires(dims)) {
            let known = before.get(&dims);
            let alert = self.alert(&dims, known, at);
            let alert = match known.filter(|known| known.says_as(&alert)) {
                Some(known) => Arc::clone(known),
                None => {
                    let alert = Arc::new(alert);
                    out.push(AlertChange::Says(Arc::clone(&alert)));
                    alert
                }
            };
            firing.insert(dims, alert);
        }
        let over = before.values().filter(|known| !firing.contains_key(&known.id.dims));
        out.extend(over.map(|known| AlertChange::Says(Arc::new(self.resolved(known, at)))));
        self.firing = firing;
    }

    /// The dimensions of the rows that the rule is about.
    fn subjects(&self) -> BTreeSet<Dims> {
        let whole = self.rule.reads.iter().zip(&self.rows).filter(|(rows, _)| rows.dims == self.rule.dims);
        whole.flat_map(|(_, rows)| rows.keys().cloned()).collect()
    }

    fn resolved(&self, known: &Alert, at: Moment) -> Alert {
        let has_rows = self.rows.iter().any(|rows| !rows.is_empty());
        let (start, end) = if has_rows { self.span } else { (known.start, known.end) };
        Alert {
            start,
            end,
            value: self.value(&known.id.dims),
            resolved: Some(at.watermark),
            watermark: at.watermark,
            updated_at: at.now,
            ..known.clone()
        }
    }

    fn alert(&self, dims: &Dims, known: Option<&Arc<Alert>>, at: Moment) -> Alert {
        // What was told of another condition began with it.
        let is_same = |known: &&Arc<Alert>| known.condition == self.condition && known.window == self.rule.window;
        let row = || self.rows.first().and_then(|rows| rows.get(dims)).filter(|_| self.kpi.is_some());
        Alert {
            id: AlertId { rule: Arc::clone(&self.name), dims: Arc::clone(dims) },
            kpi: self.kpi.clone(),
            window: self.rule.window,
            start: self.span.0,
            end: self.span.1,
            condition: Arc::clone(&self.condition),
            value: self.value(dims),
            threshold: self.rule.threshold,
            since: known.filter(is_same).map_or(at.watermark, |known| known.since),
            resolved: None,
            currency: row().and_then(|row| row.currency.clone()),
            watermark: at.watermark,
            updated_at: at.now,
        }
    }

    fn fires(&self, dims: &Dims) -> bool {
        let Rule { comparison, threshold, at_least, .. } = &self.rule;
        let is_enough =
            |(read, least): &(usize, f64)| self.read(*read, dims).is_some_and(|value| value.to_f64() >= *least);
        let holds = |value: Number| comparison.holds(value.to_f64(), *threshold);
        self.value(dims).is_some_and(holds) && at_least.iter().all(is_enough)
    }

    /// None where a KPI has none, or where nothing is left to divide by.
    fn value(&self, dims: &Dims) -> Option<Number> {
        let formula = self.rule.formula.clone().expand(&mut |read| {
            let value = self.read(read, dims).ok_or(());
            value.map(Expr::Term)
        });
        formula.ok()?.value(&|value| *value)
    }

    fn read(&self, read: usize, dims: &Dims) -> Option<Number> {
        let wanted = &self.rule.reads[read];
        let row = if wanted.dims == self.rule.dims {
            self.rows[read].get(dims)
        } else {
            let has = |name: &str| wanted.dims.iter().any(|dim| dim.name() == name);
            let some: Dims = dims.iter().filter(|(name, _)| has(name)).cloned().collect();
            self.rows[read].get(&some)
        };
        match row {
            Some(row) => row.says.value,
            None => wanted.without_facts,
        }
    }
}

#[cfg(test)]
mod tests;
