//! The owner of a transactional id. All that blocks happens on a thread of its own, watched: one that does not come back
//! is left alone and another takes its place, which fences it. After any error that leaves the fate of a commit open the
//! producer is thrown away: a request still on its way could otherwise end the next transaction.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::bindings as native;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::util::Timeout;

use super::consumer::{c_name, check_error, offsets_list};
use super::errors::{from_code, from_kafka, is_fatal};
use super::settings::TRANSACTION_TIMEOUT_MS;
use super::writer::{Deliveries, produce, rest, served};
use super::{PATIENCE, give_up};
use crate::runtime::log::{LogError, Partition, Standing, Transaction, Transactor};

pub struct KafkaTransactor {
    config: ClientConfig,
    id: String,
    desk: Arc<Desk>,
    /// A transaction that takes longer hangs: the broker has given it up long before.
    limit: Duration,
}

/// Where the transactor and its thread meet.
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Which thread is in charge; an older one may neither read nor write here.
    charge: u64,
    stage: Stage,
}

enum Stage {
    Fencing,
    Idle(Standing),
    Given(Arc<Transaction>),
    UnderWay(Instant),
    /// Told once, then `Spent`.
    Failed(Option<LogError>),
}

/// Why a transaction did not get through.
enum Trouble {
    /// Before the commit was asked for: nothing of it can become visible.
    Before(LogError),
    /// The commit may have happened.
    Open(LogError),
}

impl KafkaTransactor {
    pub(super) fn new(config: ClientConfig, id: &str) -> Result<Self, LogError> {
        let timeout = config.get("transaction.timeout.ms").unwrap_or(TRANSACTION_TIMEOUT_MS);
        let timeout = timeout.parse().map(Duration::from_millis);
        let timeout = timeout.map_err(|_| LogError::Fatal("transaction.timeout.ms is no number".into()))?;
        let state = Mutex::new(State { charge: 0, stage: Stage::Fencing });
        let desk = Arc::new(Desk { state, changed: Condvar::new() });
        let transactor = Self { config, id: id.to_owned(), desk, limit: timeout + Duration::from_secs(30) };
        transactor.start(0, Standing::Ready)?;
        Ok(transactor)
    }

    fn start(&self, charge: u64, first: Standing) -> Result<(), LogError> {
        let (config, id, desk) = (self.config.clone(), self.id.clone(), Arc::clone(&self.desk));
        let work = move || Worker { config, id, desk, charge }.work(first);
        let thread = std::thread::Builder::new().name("kafka-transactor".into()).spawn(work);
        thread.map(drop).map_err(|error| LogError::Retriable(format!("a transactor's thread: {error}")))
    }
}

impl Transactor for KafkaTransactor {
    fn submit(&mut self, transaction: Arc<Transaction>) -> Result<(), LogError> {
        let mut state = self.desk.lock();
        match &mut state.stage {
            Stage::Idle(_) => state.stage = Stage::Given(transaction),
            Stage::Failed(error) => return Err(told(error)),
            _ => return Err(LogError::Fatal("a transaction was submitted while another is under way".into())),
        }
        self.desk.changed.notify_all();
        Ok(())
    }

    fn poll(&mut self) -> Result<Standing, LogError> {
        let mut state = self.desk.lock();
        match &mut state.stage {
            Stage::Idle(standing) => Ok(*standing),
            Stage::Failed(error) => Err(told(error)),
            Stage::UnderWay(since) if since.elapsed() > self.limit => {
                tracing::warn!(id = self.id, "a transaction hangs: its producer is given up");
                state.charge += 1;
                state.stage = Stage::Fencing;
                let charge = state.charge;
                drop(state);
                self.start(charge, Standing::Unknown)?;
                Ok(Standing::Busy)
            }
            Stage::Fencing | Stage::Given(_) | Stage::UnderWay(_) => Ok(Standing::Busy),
        }
    }
}

fn told(error: &mut Option<LogError>) -> LogError {
    match error {
        // Whoever was fenced stays so.
        Some(LogError::Fenced(id)) => LogError::Fenced(id.clone()),
        _ => error.take().unwrap_or_else(|| LogError::Spent("the transactor has failed before".into())),
    }
}

impl Drop for KafkaTransactor {
    fn drop(&mut self) {
        self.desk.lock().charge += 1;
        self.desk.changed.notify_all();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker {
    config: ClientConfig,
    id: String,
    desk: Arc<Desk>,
    charge: u64,
}

type TransactionalProducer = BaseProducer<Deliveries>;

impl Worker {
    /// Goes on until somebody else is in charge or no retry helps.
    fn work(&self, first: Standing) {
        let mut standing = first;
        while let Some(producer) = self.fence() {
            if !self.put(Stage::Idle(standing)) {
                return give_up(producer);
            }
            let Some(next) = self.transact(&producer) else { return give_up(producer) };
            standing = next;
            give_up(producer);
            if !self.put(Stage::Fencing) {
                return;
            }
        }
    }

    /// Makes a producer and lets it fence earlier owners, however long it takes.
    fn fence(&self) -> Option<TransactionalProducer> {
        while self.in_charge() {
            let made = self.config.create_with_context::<_, TransactionalProducer>(Deliveries::default());
            let outcome = made.and_then(|producer| {
                retry(|| producer.init_transactions(PATIENCE), || self.in_charge())?;
                Ok(producer)
            });
            match outcome.map_err(|error| from_kafka(&error, "fencing earlier owners")) {
                Ok(producer) => return Some(producer),
                Err(error @ (LogError::Fenced(_) | LogError::Fatal(_))) => {
                    self.fail(error);
                    return None;
                }
                Err(error) => {
                    tracing::warn!(%error, id = self.id);
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
        }
        None
    }

    /// Carries out transactions as long as the producer lasts. Some: make a new one, this is what became of the last.
    fn transact(&self, producer: &TransactionalProducer) -> Option<Standing> {
        loop {
            let transaction = self.next()?;
            let trouble = match attempt(producer, &transaction, || self.in_charge()) {
                Ok(()) => {
                    if !self.put(Stage::Idle(Standing::Ready)) {
                        return None;
                    }
                    continue;
                }
                Err(trouble) => trouble,
            };
            let (error, open) = match trouble {
                Trouble::Before(error) => (fenced_after_all(producer, error), false),
                Trouble::Open(error) => (fenced_after_all(producer, error), true),
            };
            tracing::warn!(%error, id = self.id, "a transaction failed");
            if matches!(error, LogError::Fenced(_)) {
                self.fail(error);
                return None;
            }
            if open {
                return Some(Standing::Unknown);
            }
            match self.abort(producer) {
                // What failed would fail again.
                Ok(()) if is_fatal(&error) => {
                    self.fail(error);
                    return None;
                }
                Ok(()) if self.put(Stage::Idle(Standing::Aborted)) => {}
                Ok(()) => return None,
                Err(error @ LogError::Fenced(_)) => {
                    self.fail(error);
                    return None;
                }
                Err(error) => {
                    tracing::warn!(%error, id = self.id);
                    return Some(Standing::Aborted);
                }
            }
        }
    }

    fn abort(&self, producer: &TransactionalProducer) -> Result<(), LogError> {
        let aborted = retry(|| producer.abort_transaction(PATIENCE), || self.in_charge());
        producer.context().take();
        aborted.map_err(|error| fenced_after_all(producer, from_kafka(&error, "aborting a transaction")))
    }

    fn in_charge(&self) -> bool {
        self.desk.lock().charge == self.charge
    }

    fn put(&self, stage: Stage) -> bool {
        let mut state = self.desk.lock();
        if state.charge == self.charge {
            state.stage = stage;
        }
        state.charge == self.charge
    }

    fn fail(&self, error: LogError) {
        self.put(Stage::Failed(Some(error)));
    }

    /// Waits for something to do.
    fn next(&self) -> Option<Arc<Transaction>> {
        let mut state = self.desk.lock();
        loop {
            if state.charge != self.charge {
                return None;
            }
            if matches!(state.stage, Stage::Given(_))
                && let Stage::Given(transaction) = std::mem::replace(&mut state.stage, Stage::UnderWay(now()))
            {
                return Some(transaction);
            }
            state = self.desk.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn attempt(
    producer: &TransactionalProducer,
    transaction: &Transaction,
    go_on: impl Fn() -> bool,
) -> Result<(), Trouble> {
    let step = |what: &'static str| move |error: KafkaError| from_kafka(&error, what);
    producer.begin_transaction().map_err(step("beginning a transaction")).map_err(Trouble::Before)?;
    let mut reports = VecDeque::new();
    for record in &transaction.records {
        while !produce(producer, 0, record).map_err(Trouble::Before)? {
            rest();
            reports.append(&mut served(producer));
        }
    }
    // A commit would flush in steps of 100 ms; so nothing must be left to flush by then.
    while producer.flush(Timeout::After(Duration::ZERO)).is_err() {
        rest();
        reports.append(&mut served(producer));
    }
    reports.append(&mut producer.context().take());
    for (_, delivery) in reports {
        delivery.map_err(Trouble::Before)?;
    }
    if !transaction.offsets.is_empty() {
        send_offsets(producer, &transaction.group, &transaction.offsets).map_err(Trouble::Before)?;
    }
    let committed = retry(|| producer.commit_transaction(Timeout::Never), go_on);
    committed.map_err(step("committing a transaction")).map_err(Trouble::Open)
}

/// A producer that was fenced may say so only in its last words. To make a new one then would fence the rightful owner.
fn fenced_after_all(producer: &TransactionalProducer, error: LogError) -> LogError {
    match producer.client().fatal_error().map(|(code, _)| from_code(code, "transaction")) {
        Some(fenced @ LogError::Fenced(_)) => fenced,
        _ => error,
    }
}

/// Repeats a step that may go on where it was when its time was over. Each has a limit of its own: the transaction's.
fn retry(mut step: impl FnMut() -> Result<(), KafkaError>, go_on: impl Fn() -> bool) -> Result<(), KafkaError> {
    loop {
        match step() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && go_on() => {
                std::thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

/// The group has no member behind it: its offsets are guarded by the transactional id, not by a generation.
#[allow(unsafe_code, reason = "rust-rdkafka gives a group's metadata only to its members")]
fn send_offsets(producer: &TransactionalProducer, group: &str, offsets: &[(Partition, i64)]) -> Result<(), LogError> {
    let offsets: Vec<_> = offsets.iter().map(|(partition, offset)| (partition.clone(), Some(*offset))).collect();
    let (group, list) = (c_name(group)?, offsets_list(&offsets)?);
    let client = producer.client().native_ptr();
    let timeout = i32::try_from(PATIENCE.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the producer lives, the list and the metadata are ours and only read; the metadata is destroyed once.
    unsafe {
        let metadata = native::rd_kafka_consumer_group_metadata_new(group.as_ptr());
        let error = native::rd_kafka_send_offsets_to_transaction(client, list.ptr(), metadata, timeout);
        native::rd_kafka_consumer_group_metadata_destroy(metadata);
        check_error(error, "sending offsets to a transaction")
    }
}

#[allow(clippy::disallowed_methods, reason = "how long to wait for a broker is no part of the data")]
fn now() -> Instant {
    Instant::now()
}
