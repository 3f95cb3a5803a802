//! Whole topics read, and records written, by commands that then end.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::runtime::kafka_log::KafkaLog;
use crate::runtime::log::{Incoming, Isolation, Log, LogError, Outgoing, Partition, Read, Reader, Writer};

pub(super) const STEP: Duration = Duration::from_millis(100);
/// So many steps in which nothing comes are too many.
const PATIENCE: u32 = 300;

/// Steps in which nothing came, one after the other.
#[derive(Default)]
pub(super) struct Silence(u32);

impl Silence {
    pub(super) fn after(&mut self, came: usize, what: &str) -> Result<(), LogError> {
        self.0 = if came > 0 { 0 } else { self.0 + 1 };
        if self.0 < PATIENCE { Ok(()) } else { Err(LogError::Retriable(format!("{what}: the brokers do not answer"))) }
    }
}

/// Every record of a topic; none when the topic is not there.
pub(super) fn read_to_end(
    log: &KafkaLog,
    topic: &str,
    take: &mut dyn FnMut(&Incoming<'_>),
) -> Result<Option<()>, LogError> {
    let Some(count) = log.partitions(topic)? else { return Ok(None) };
    let mut reader = log.reader(Isolation::ReadCommitted)?;
    for number in 0..count {
        let partition = Partition { topic: topic.into(), number };
        reader.assign(&partition, log.bounds(&partition)?.0)?;
    }
    let (mut ended, mut silence) = (BTreeSet::new(), Silence::default());
    while ended.len() < usize::try_from(count).unwrap_or(0) {
        let came = reader.poll(STEP, 1000, &mut |read| match read {
            Read::Record(record) => take(&record),
            Read::End { partition, .. } => drop(ended.insert(partition.number)),
        })?;
        silence.after(came, topic)?;
    }
    Ok(Some(()))
}

/// Writes records, and waits until all are in the log.
pub(super) fn write_all(log: &KafkaLog, records: Vec<Outgoing>, what: &str) -> Result<(), LogError> {
    let mut writer = log.writer()?;
    let count = records.len();
    let (mut written, mut failed) = (0, None);
    for (number, mut record) in (0..).zip(records) {
        while let Err(again) = writer.send(number, record)? {
            record = again;
            writer.poll(STEP, &mut |_, outcome| match outcome {
                Ok(_) => written += 1,
                Err(error) => failed = Some(error),
            })?;
        }
    }
    let mut silence = Silence::default();
    while written < count && failed.is_none() {
        let before = written;
        writer.poll(STEP, &mut |_, outcome| match outcome {
            Ok(_) => written += 1,
            Err(error) => failed = Some(error),
        })?;
        silence.after(written - before, what)?;
    }
    failed.map_or(Ok(()), Err)
}
