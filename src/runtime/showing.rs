//! What a running instance shows of itself: reports of all parts become its status and its metrics. It only looks;
//! nothing waits for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::instance::Watch;
use super::log::{Log, LogError, Partition};
use super::parts::Show;
use super::shard_driver::Report;
use super::topics::Names;
use crate::model::time::{Millis, Span};
use crate::publish::board::{Board, Change, Status};
use crate::shards::{self, Shard};
use crate::telemetry::metrics::{Metrics, raise};

/// What parts say of themselves is looked at so often …
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// … a stop is seen within this time …
const WAIT: Duration = Duration::from_millis(100);
/// … and what a shard has to walk its entities for, so often.
const WEIGH_EVERY: Span = Span(15_000);

pub struct Showing<L: Log> {
    log: Arc<L>,
    names: Arc<Names>,
    watch: Watch<Shard>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    weighed: Option<Millis>,
    told: (Sender<Told>, Receiver<Told>),
    timed: BTreeMap<u16, Timed>,
    counters: BTreeMap<u16, shards::Counters>,
    weights: BTreeMap<u16, shards::Status>,
}

/// Published rows go to the board, how long they took to the metrics.
pub struct Published {
    pub board: Arc<Board>,
    pub metrics: Arc<Metrics>,
}

impl Show<Change> for Published {
    fn show(&self, changes: Vec<Change>) {
        self.board.take(changes);
    }

    fn took(&self, latency: Span) {
        self.metrics.latency_seconds.observe(latency.seconds().max(0.0));
    }
}

/// What of a shard is in the histograms.
#[derive(Default)]
struct Timed {
    restored: bool,
    snapshots: u64,
}

/// What a shard answered.
enum Told {
    Counters(u16, shards::Counters),
    Weight(u16, Box<shards::Status>),
}

impl<L: Log> Showing<L> {
    #[must_use]
    pub fn new(log: Arc<L>, names: Arc<Names>, watch: Watch<Shard>, board: Arc<Board>, metrics: Arc<Metrics>) -> Self {
        Self {
            log,
            names,
            watch,
            board,
            metrics,
            weighed: None,
            told: channel(),
            timed: BTreeMap::new(),
            counters: BTreeMap::new(),
            weights: BTreeMap::new(),
        }
    }

    /// Until it is told to stop.
    pub fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::SeqCst) {
            self.look(wall_clock());
            let mut rest = LOOK_EVERY;
            while !rest.is_zero() && !stop.load(Ordering::SeqCst) {
                std::thread::sleep(WAIT);
                rest = rest.saturating_sub(WAIT);
            }
        }
    }

    fn look(&mut self, now: Millis) {
        let rollup = *self.watch.rollup.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = self.count_intake();
        let reports = self.watch.board.shards();
        let restored = reports.values().filter(|report| report.caught_up).count();
        let not_ready = match reports.len() {
            // Without that role there is none to wait for.
            0 => self.watch.desk.is_some().then(|| "no shard is assigned to it yet".to_owned()),
            all if restored < all => Some(format!("{restored} of its {all} shards are restored")),
            _ => None,
        };
        let sum = |of: fn(&Report) -> u64| reports.values().map(of).sum();
        let transactions = |role, outcome| self.metrics.transactions.with_label_values(&[role, outcome]);
        raise(&transactions("shard", "committed"), sum(|report| report.transactions));
        raise(&transactions("shard", "aborted"), sum(|report| report.aborted));
        raise(&transactions("rollup", "committed"), rollup.transactions);
        raise(&self.metrics.rows, rollup.rows_published);
        self.time(&reports);
        let owns_rollup = rollup.owner;
        self.board.set_status(Status { not_ready, trouble, watermark: rollup.watermark, owns_rollup });
        self.ask_shards(&reports.keys().copied().collect::<Vec<_>>(), now);
        if owns_rollup && let Err(error) = self.measure_lag() {
            tracing::debug!(%error, "the lag is not known for now");
        }
    }

    /// Takes each restore and each snapshot once. Looks come far more often than snapshots.
    fn time(&mut self, reports: &BTreeMap<u16, Report>) {
        self.timed.retain(|shard, _| reports.get(shard).is_some_and(|report| report.live));
        for (shard, report) in reports.iter().filter(|(_, report)| report.live) {
            let timed = self.timed.entry(*shard).or_default();
            if !std::mem::replace(&mut timed.restored, true) {
                self.metrics.restore_seconds.observe(report.restored_in.seconds());
            }
            if std::mem::replace(&mut timed.snapshots, report.snapshots) < report.snapshots {
                self.metrics.snapshot_seconds.observe(report.snapshot_took.seconds());
            }
        }
    }

    /// What ingest has counted; gives what it has trouble with.
    fn count_intake(&self) -> Option<String> {
        let counters = self.watch.ingest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let metrics = &self.metrics;
        let mut consumed = BTreeMap::new();
        for (topic, total) in &counters.accepted {
            raise(&metrics.accepted.with_label_values(&[topic.name()]), *total);
            *consumed.entry(*topic).or_default() += total;
        }
        for (topic, total) in &counters.skipped {
            raise(&metrics.skipped.with_label_values(&[topic.name()]), *total);
            *consumed.entry(*topic).or_default() += total;
        }
        for ((topic, reason), total) in &counters.rejected {
            raise(&metrics.rejected.with_label_values(&[topic.name(), reason]), *total);
            *consumed.entry(*topic).or_default() += total;
        }
        for (topic, total) in consumed {
            raise(&metrics.consumed.with_label_values(&[topic.name()]), total);
        }
        raise(&metrics.journal_flushes, counters.flushes);
        raise(&metrics.journal_bytes, counters.journal_bytes);
        raise(&metrics.journal_resends, counters.resends);
        raise(&metrics.lost_offsets, counters.lost_to_retention);
        raise(&metrics.rebalances.with_label_values(&["ingest"]), counters.rebalances);
        counters.unavailable
    }

    /// Asks, and takes what was answered since the last time.
    fn ask_shards(&mut self, shards: &[u16], now: Millis) {
        let Some(desk) = &self.watch.desk else { return };
        let weigh = self.weighed.is_none_or(|last| last + WEIGH_EVERY <= now);
        if weigh && !shards.is_empty() {
            self.weighed = Some(now);
        }
        for &shard in shards {
            let to = self.told.0.clone();
            let question = move |fold: Option<&Shard>| {
                let Some(fold) = fold else { return };
                let told = Told::Counters(shard, fold.counters());
                let weight = weigh.then(|| Told::Weight(shard, Box::new(fold.status())));
                for told in [Some(told), weight].into_iter().flatten() {
                    // Who asked may have gone.
                    let _ = to.send(told);
                }
            };
            desk.ask(shard, Box::new(question));
        }
        self.counters.retain(|shard, _| shards.contains(shard));
        self.weights.retain(|shard, _| shards.contains(shard));
        for told in self.told.1.try_iter() {
            match told {
                Told::Counters(shard, counters) => drop(self.counters.insert(shard, counters)),
                Told::Weight(shard, weight) => drop(self.weights.insert(shard, *weight)),
            }
        }
        raise(&self.metrics.duplicated, self.counters.values().map(|counters| counters.duplicates).sum());
        raise(&self.metrics.late, self.counters.values().map(|counters| counters.late).sum());
        let total = |of: fn(&shards::Status) -> usize| {
            i64::try_from(self.weights.values().map(of).sum::<usize>()).unwrap_or(i64::MAX)
        };
        self.metrics.leads.set(total(|status| status.leads));
        self.metrics.touches.set(total(|status| status.touches));
        self.metrics.state_bytes.set(total(|status| status.bytes));
    }

    /// Of all input partitions: one instance measures for all, so that sums never double.
    fn measure_lag(&self) -> Result<(), LogError> {
        for (topic, name) in &self.names.inputs {
            let count = self.log.partitions(name)?.unwrap_or(0);
            let partitions: Vec<_> = (0..count).map(|number| Partition { topic: Arc::clone(name), number }).collect();
            let committed = self.log.committed(&self.names.ingest_group, &partitions)?;
            for (partition, committed) in partitions.iter().zip(committed) {
                let (first, next) = self.log.bounds(partition)?;
                let lag = next - committed.unwrap_or(first).max(first);
                let labels = [topic.name(), &partition.number.to_string()];
                self.metrics.lag_records.with_label_values(&labels).set(lag);
            }
        }
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "when to look again goes by the wall clock")]
fn wall_clock() -> Millis {
    Millis(jiff::Timestamp::now().as_millisecond())
}
