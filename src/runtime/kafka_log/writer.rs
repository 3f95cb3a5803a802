//! Writes records with an idempotent producer: in order within a partition until one fails. Then the rest is purged, for
//! librdkafka would go on behind the gap.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{ClientConfig, util::Timeout};

use super::errors::{from_code, from_kafka};
use super::{Words, give_up};
use crate::runtime::log::{LogError, Outgoing, Writer};

/// Collects delivery reports: librdkafka calls it from `poll`.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<VecDeque<(u64, Result<i64, LogError>)>>);

impl Deliveries {
    pub fn take(&self) -> VecDeque<(u64, Result<i64, LogError>)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Words.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Words.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let outcome = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, message)) => Err(failure(error, message.topic())),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((number as u64, outcome));
    }
}

fn failure(error: &KafkaError, topic: &str) -> LogError {
    from_kafka(error, &format!("writing to {topic}"))
}

/// Hands a record to librdkafka, which copies it. Says `false` when too much is under way.
pub(super) fn produce(producer: &BaseProducer<Deliveries>, number: u64, record: &Outgoing) -> Result<bool, LogError> {
    let topic = &*record.partition.topic;
    let number = usize::try_from(number).map_err(|_| LogError::Fatal("a record's number is too large".into()))?;
    let mut base = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, number).partition(record.partition.number);
    base.key = record.key.as_deref();
    base.payload = record.value.as_deref();
    base.timestamp = record.timestamp.map(|at| at.0);
    if !record.headers.is_empty() {
        let empty = OwnedHeaders::new_with_capacity(record.headers.len());
        let add = |all: OwnedHeaders, (key, value): &(String, Option<Vec<u8>>)| {
            all.insert(Header { key, value: value.as_ref() })
        };
        base.headers = Some(record.headers.iter().fold(empty, add));
    }
    match producer.send(base) {
        Ok(()) => Ok(true),
        Err((KafkaError::MessageProduction(Code::QueueFull), _)) => Ok(false),
        Err((error, _)) => Err(failure(&error, topic)),
    }
}

const REST: Duration = Duration::from_millis(1);

/// Waits a little for the broker: rust-rdkafka's poll would go on for all of its time even when there is something to
/// tell, and spin through the last millisecond.
pub(super) fn rest() {
    std::thread::sleep(REST);
}

/// The reports there are, without waiting.
pub(super) fn served(producer: &BaseProducer<Deliveries>) -> VecDeque<(u64, Result<i64, LogError>)> {
    let mut reports = VecDeque::new();
    loop {
        producer.poll(Timeout::After(Duration::ZERO));
        let mut more = producer.context().take();
        if more.is_empty() {
            return reports;
        }
        reports.append(&mut more);
    }
}

pub struct KafkaWriter {
    /// Taken out only when it is given up.
    producer: Option<BaseProducer<Deliveries>>,
    under_way: usize,
    spent: bool,
}

impl KafkaWriter {
    pub(super) fn new(config: &ClientConfig) -> Result<Self, LogError> {
        let producer = config.create_with_context(Deliveries::default());
        let producer = producer.map_err(|error| from_kafka(&error, "writer"))?;
        Ok(Self { producer: Some(producer), under_way: 0, spent: false })
    }

    fn producer(&self) -> &BaseProducer<Deliveries> {
        self.producer.as_ref().expect("taken out only by drop")
    }
}

impl Writer for KafkaWriter {
    fn send(&mut self, number: u64, record: Outgoing) -> Result<Result<(), Outgoing>, LogError> {
        if self.spent {
            return Err(LogError::Spent("a delivery has failed before".into()));
        }
        match produce(self.producer(), number, &record) {
            Ok(true) => {
                self.under_way += 1;
                Ok(Ok(()))
            }
            Ok(false) => Ok(Err(record)),
            Err(error) => {
                // What comes after a gap must not be sent: the rest of what is under way is given up as well.
                self.spent = true;
                self.producer().purge(PurgeConfig::default().queue().inflight());
                Err(error)
            }
        }
    }

    fn poll(&mut self, wait: Duration, delivered: &mut dyn FnMut(u64, Result<i64, LogError>)) -> Result<(), LogError> {
        let mut left = wait;
        let mut reports = served(self.producer());
        while reports.is_empty() && !left.is_zero() {
            rest();
            left = left.saturating_sub(REST);
            reports = served(self.producer());
        }
        if reports.iter().any(|(_, outcome)| outcome.is_err()) && !self.spent {
            self.spent = true;
            self.producer().purge(PurgeConfig::default().queue().inflight());
        }
        self.under_way = self.under_way.saturating_sub(reports.len());
        for (number, outcome) in reports {
            delivered(number, outcome);
        }
        if let Some((code, words)) = self.producer().client().fatal_error() {
            self.spent = true;
            if self.under_way == 0 {
                return Err(match from_code(code, "writer") {
                    error @ (LogError::Fenced(_) | LogError::Fatal(_)) => error,
                    _ => LogError::Spent(format!("writer: {words}")),
                });
            }
        }
        Ok(())
    }
}

impl Drop for KafkaWriter {
    fn drop(&mut self) {
        if let Some(producer) = self.producer.take() {
            give_up(producer);
        }
    }
}
