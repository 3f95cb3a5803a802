//! A history into the input topics: records come in, each goes to the partition of its key with the time it arrives at,
//! and nothing is said to be written before the brokers have it. Order within a partition is the order of the history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::config::Config;
use crate::generate::Produced;
use crate::model::event::Topic;
use crate::runtime::kafka_log::{KafkaLog, KafkaWriter};
use crate::runtime::log::{Log, NewTopic, Outgoing, Partition, Writer};
use crate::runtime::partitioner::partition_of;

/// Deliveries are looked at every so many records.
const PACE: u64 = 512;

pub struct Brokers {
    writer: KafkaWriter,
    /// The partitions of each input.
    topics: BTreeMap<Topic, Vec<Partition>>,
    sent: u64,
    delivered: u64,
}

impl Brokers {
    /// Creates the input topics that are absent. Those keep what they are given: what happened long ago would be deleted
    /// at once by a topic that keeps a week, and compaction would forget what the accounts once were.
    ///
    /// # Errors
    /// When the brokers do not answer, or do not allow it.
    pub fn connect(config: &Config) -> anyhow::Result<Self> {
        let log = KafkaLog::new(config.kafka.clone());
        let mut topics = BTreeMap::new();
        for (topic, input) in &config.topics.inputs {
            let name: Arc<str> = input.topic.as_str().into();
            let count = match log.partitions(&name)? {
                Some(count) => {
                    tracing::warn!(topic = %name, "the topic exists: it keeps the history only if its retention does");
                    count
                }
                None => {
                    log.create(&[keeping(&name, config)]).with_context(|| format!("creating the topic {name}"))?;
                    i32::from(config.topics.partitions)
                }
            };
            let partitions = (0..count).map(|number| Partition { topic: Arc::clone(&name), number });
            topics.insert(*topic, partitions.collect());
        }
        Ok(Self { writer: log.writer()?, topics, sent: 0, delivered: 0 })
    }

    /// # Errors
    /// When a record was not delivered, this one or one before.
    pub fn write(&mut self, produced: Produced) -> anyhow::Result<()> {
        let partitions = self.topics.get(&produced.topic).context("every topic has a name")?;
        // Without a key the partitions take turns.
        let at = match &produced.key {
            Some(key) => partition_of(key.as_bytes(), partitions.len()),
            None => self.sent as usize % partitions.len(),
        };
        let mut record = Outgoing {
            partition: partitions[at].clone(),
            timestamp: Some(produced.timestamp),
            key: produced.key.map(String::into_bytes),
            value: produced.value,
            headers: Vec::new(),
        };
        while let Err(back) = self.writer.send(self.sent, record)? {
            record = back;
            self.listen(Duration::from_millis(50))?;
        }
        self.sent += 1;
        if self.sent.is_multiple_of(PACE) { self.listen(Duration::ZERO) } else { Ok(()) }
    }

    /// Waits until everything is in the log.
    ///
    /// # Errors
    /// When a record was not delivered.
    pub fn finish(mut self) -> anyhow::Result<()> {
        while self.delivered < self.sent {
            self.listen(Duration::from_millis(100))?;
        }
        Ok(())
    }

    fn listen(&mut self, wait: Duration) -> anyhow::Result<()> {
        let (mut failure, delivered) = (None, &mut self.delivered);
        self.writer.poll(wait, &mut |_, outcome| match outcome {
            Ok(_) => *delivered += 1,
            Err(error) => failure = failure.take().or(Some(error)),
        })?;
        failure.map_or(Ok(()), |error| Err(error).context("a record was not delivered, and what followed it neither"))
    }
}

fn keeping(name: &str, config: &Config) -> NewTopic {
    NewTopic {
        name: name.to_owned(),
        partitions: config.topics.partitions,
        replication_factor: config.topics.replication_factor,
        properties: vec![("retention.ms".to_owned(), "-1".to_owned())],
    }
}
