//! What an instance shows: the newest KPI rows, the alerts and how the instance itself is doing. The drivers write,
//! HTTP and the page read, subscribers hear of each change. Rows of running windows are all kept, those of ended ones
//! up to a bound: rows with the most dimensions go first, then the oldest. Of alerts that are over, the oldest go
//! first. Nobody holds a lock for longer than a batch of rows takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::broadcast;

use crate::model::time::Millis;
use crate::model::window::WindowKind;
use crate::rollup::alerts::{Alert, AlertChange, AlertId};
use crate::rollup::row::{Row, RowChange, RowId};

/// So many rows of ended windows, a few hundred bytes each.
pub const ENDED_ROWS: usize = 100_000;
/// So many alerts that are over.
const RESOLVED_ALERTS: usize = 1000;
/// Rows put in place at once.
const BATCH: usize = 1000;
/// Batches that a subscriber may be behind before it is told to look anew.
const BACKLOG: usize = 256;

#[derive(Debug)]
pub struct Board {
    rows: RwLock<Rows>,
    alerts: RwLock<Told>,
    status: RwLock<Arc<Status>>,
    news: broadcast::Sender<News>,
}

/// What was published.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Row(RowChange),
    Alert(AlertChange),
}

/// How the instance is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Why it is not ready: what has to be assigned or restored.
    pub not_ready: Option<String>,
    /// What is wrong though it runs, such as a registry that does not answer.
    pub trouble: Option<String>,
    pub watermark: Option<Millis>,
    /// Whether it owns the rollup, and so exports the gauges of KPIs: one instance of all does.
    pub owns_rollup: bool,
}

impl Default for Status {
    fn default() -> Self {
        Self { not_ready: Some("it is starting".to_owned()), trouble: None, watermark: None, owns_rollup: false }
    }
}

#[derive(Clone, Debug)]
pub enum News {
    Rows(Arc<[RowChange]>),
    Status(Arc<Status>),
}

/// Which rows; what is not given is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Empty: every KPI.
    pub kpis: Vec<String>,
    pub windows: Vec<WindowKind>,
    pub start: Start,
    /// Values that dimensions must have.
    pub dims: Vec<(String, String)>,
    /// The sets of dimensions of which a row must have one, no more and no less.
    pub sets: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    #[default]
    Any,
    /// Of running windows.
    Running,
    At(Millis),
}

#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<RowId, Arc<Row>>,
    watermark: Option<Millis>,
    /// Running windows that will end, by when they do.
    running: BTreeSet<(Millis, RowId)>,
    /// Rows of ended windows, in the order in which they go.
    ended: BTreeSet<Ended>,
    most: usize,
}

#[derive(Debug, Default)]
struct Told {
    alerts: BTreeMap<AlertId, Arc<Alert>>,
    /// By when.
    resolved: BTreeSet<(Millis, AlertId)>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ended {
    dims: std::cmp::Reverse<usize>,
    end: Millis,
    id: RowId,
}

impl Default for Board {
    fn default() -> Self {
        Self::new(ENDED_ROWS)
    }
}

impl Board {
    /// `most` rows of ended windows are kept.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            rows: RwLock::new(Rows { most, ..Rows::default() }),
            alerts: RwLock::default(),
            status: RwLock::default(),
            news: broadcast::Sender::new(BACKLOG),
        }
    }

    /// What is published, as it comes.
    pub fn take(&self, changes: Vec<Change>) {
        let mut rows = Vec::with_capacity(changes.len());
        for change in changes {
            match change {
                Change::Row(row) => rows.push(row),
                Change::Alert(alert) => {
                    self.alerts.write().unwrap_or_else(PoisonError::into_inner).take(alert);
                }
            }
        }
        self.publish(rows);
    }

    /// Every alert, sorted by rule and dimensions.
    #[must_use]
    pub fn alerts(&self) -> Vec<Arc<Alert>> {
        self.alerts.read().unwrap_or_else(PoisonError::into_inner).alerts.values().cloned().collect()
    }

    /// Rows that changed, as the rollup hands them out.
    pub fn publish(&self, changes: impl IntoIterator<Item = RowChange>) {
        let mut changes = changes.into_iter();
        loop {
            let batch: Arc<[RowChange]> = changes.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return;
            }
            self.write().take(&batch);
            // Nobody listening is no failure.
            let _ = self.news.send(News::Rows(batch));
        }
    }

    pub fn set_status(&self, status: Status) {
        if let Some(watermark) = status.watermark {
            self.write().advance(watermark);
        }
        let mut known = self.status.write().unwrap_or_else(PoisonError::into_inner);
        if **known != status {
            *known = Arc::new(status);
            let _ = self.news.send(News::Status(Arc::clone(&known)));
        }
    }

    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where event time is, as far as rows say it: also where others own the rollup.
    #[must_use]
    pub fn watermark(&self) -> Option<Millis> {
        self.read().watermark
    }

    /// The rows that are wanted, by KPI, window, start and dimensions; at most so many.
    #[must_use]
    pub fn find(&self, wanted: &Wanted, most: usize) -> Vec<Arc<Row>> {
        let rows = self.read();
        let fits = |row: &&Arc<Row>| wanted.includes(&row.id) && rows.starts_as(wanted.start, row);
        if wanted.kpis.is_empty() {
            return rows.rows.values().filter(fits).take(most).cloned().collect();
        }
        let mut found = Vec::new();
        for kpi in &wanted.kpis {
            found.extend(rows.of_kpi(kpi).filter(fits).take(most - found.len()).cloned());
        }
        found
    }

    /// The rows of running windows, sorted by their ids.
    #[must_use]
    pub fn running(&self) -> Vec<Arc<Row>> {
        let rows = self.read();
        rows.rows.values().filter(|row| rows.is_running(row)).cloned().collect()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read().rows.is_empty()
    }

    /// What changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    /// Whether a row with this name is wanted, wherever its window starts.
    #[must_use]
    pub fn includes(&self, id: &RowId) -> bool {
        let has = |name: &str, value: &str| id.dims.iter().any(|(found, text)| *found == name && **text == *value);
        (self.kpis.is_empty() || self.kpis.iter().any(|kpi| **kpi == *id.kpi))
            && (self.windows.is_empty() || self.windows.contains(&id.window))
            && self.dims.iter().all(|(name, value)| has(name, value))
            && (self.sets.is_empty() || self.sets.iter().any(|set| is_set(set, id)))
    }
}

fn is_set(set: &[String], id: &RowId) -> bool {
    set.len() == id.dims.len() && id.dims.iter().all(|(name, _)| set.iter().any(|wanted| wanted == name))
}

impl Rows {
    fn take(&mut self, changes: &[RowChange]) {
        if let Some(watermark) = changes.iter().filter_map(|change| Some(change.row()?.watermark)).max() {
            self.advance(watermark);
        }
        for change in changes {
            match change {
                RowChange::Says(row) => self.put(row),
                RowChange::Gone(id) => self.remove(id),
            }
        }
        self.shrink();
    }

    fn put(&mut self, row: &Arc<Row>) {
        // When it ends is part of what it is: a row that is known stays where it is.
        if let Some(known) = self.rows.get_mut(&row.id) {
            *known = Arc::clone(row);
            return;
        }
        if let Some(end) = row.end {
            if self.watermark.is_some_and(|watermark| end <= watermark) {
                self.ended.insert(Ended::new(&row.id, end));
            } else {
                self.running.insert((end, row.id.clone()));
            }
        }
        self.rows.insert(row.id.clone(), Arc::clone(row));
    }

    fn remove(&mut self, id: &RowId) {
        let Some(end) = self.rows.remove(id).and_then(|row| row.end) else { return };
        self.running.remove(&(end, id.clone()));
        self.ended.remove(&Ended::new(id, end));
    }

    /// Event time has come to here: windows that end by then run no more.
    fn advance(&mut self, to: Millis) {
        self.watermark = self.watermark.max(Some(to));
        while let Some((end, _)) = self.running.first()
            && *end <= to
        {
            if let Some((end, id)) = self.running.pop_first() {
                self.ended.insert(Ended::new(&id, end));
            }
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.ended.len() > self.most {
            if let Some(gone) = self.ended.pop_first() {
                self.rows.remove(&gone.id);
            }
        }
    }

    fn of_kpi<'a>(&'a self, kpi: &str) -> impl Iterator<Item = &'a Arc<Row>> + use<'a> {
        let kpi: Arc<str> = Arc::from(kpi);
        let first = RowId { kpi: Arc::clone(&kpi), window: WindowKind::Minute, start: None, dims: [].into() };
        self.rows.range(first..).take_while(move |(id, _)| id.kpi == kpi).map(|(_, row)| row)
    }

    fn is_running(&self, row: &Row) -> bool {
        row.end.is_none_or(|end| self.watermark.is_none_or(|watermark| end > watermark))
    }

    fn starts_as(&self, start: Start, row: &Row) -> bool {
        match start {
            Start::Any => true,
            Start::Running => self.is_running(row),
            Start::At(at) => row.id.start == Some(at),
        }
    }
}

impl Told {
    fn take(&mut self, change: AlertChange) {
        let known = match &change {
            AlertChange::Says(alert) => self.alerts.insert(alert.id.clone(), Arc::clone(alert)),
            AlertChange::Gone(id) => self.alerts.remove(id),
        };
        if let Some(at) = known.and_then(|known| known.resolved) {
            self.resolved.remove(&(at, change.id().clone()));
        }
        if let Some(at) = change.alert().and_then(|alert| alert.resolved) {
            self.resolved.insert((at, change.id().clone()));
        }
        if self.resolved.len() > RESOLVED_ALERTS
            && let Some((_, gone)) = self.resolved.pop_first()
        {
            self.alerts.remove(&gone);
        }
    }
}

impl Ended {
    fn new(id: &RowId, end: Millis) -> Self {
        Self { dims: std::cmp::Reverse(id.dims.len()), end, id: id.clone() }
    }
}

#[cfg(test)]
mod tests;
