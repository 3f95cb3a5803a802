//! Reads partitions from given offsets: no group, no commits. What is out of range is reported and no longer assigned.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::consumer::{Consumer, Event, Note};
use super::errors::from_code;
use crate::runtime::log::{LogError, Partition, Read, Reader};

pub struct KafkaReader {
    consumer: Consumer,
    assigned: BTreeSet<Partition>,
    /// Told one at a poll, after what was read before them.
    problems: VecDeque<LogError>,
}

impl KafkaReader {
    pub(super) fn new(config: &ClientConfig) -> Result<Self, LogError> {
        Ok(Self { consumer: Consumer::new(config)?, assigned: BTreeSet::new(), problems: VecDeque::new() })
    }
}

fn problem(partition: Option<&Partition>, offset: i64, code: Code) -> LogError {
    match (code, partition) {
        (Code::AutoOffsetReset | Code::OffsetOutOfRange, Some(partition)) => {
            LogError::OutOfRange { partition: partition.clone(), offset }
        }
        (_, Some(partition)) => from_code(code, &format!("reading {} {}", partition.topic, partition.number)),
        (_, None) => from_code(code, "reading"),
    }
}

impl Reader for KafkaReader {
    fn assign(&mut self, partition: &Partition, from: i64) -> Result<(), LogError> {
        self.unassign(partition)?;
        self.consumer.assign(&[(partition.clone(), Some(from))])?;
        self.assigned.insert(partition.clone());
        Ok(())
    }

    fn unassign(&mut self, partition: &Partition) -> Result<(), LogError> {
        if self.assigned.remove(partition) {
            self.consumer.unassign(std::slice::from_ref(partition))?;
        }
        Ok(())
    }

    fn pause(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.consumer.pause(std::slice::from_ref(partition))
    }

    fn resume(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.consumer.resume(std::slice::from_ref(partition))
    }

    fn poll(&mut self, wait: Duration, most: usize, to: &mut dyn FnMut(Read<'_>)) -> Result<usize, LogError> {
        if let Some(problem) = self.problems.pop_front() {
            if let LogError::OutOfRange { partition, .. } = &problem {
                self.unassign(&partition.clone())?;
            }
            return Err(problem);
        }
        let (mut count, problems) = (0, &mut self.problems);
        self.consumer.poll(wait, most, &mut |event| match event {
            Event::Read(read) => {
                count += 1;
                to(read);
            }
            Event::Failed { partition, offset, code } => problems.push_back(problem(partition, offset, code)),
        });
        for note in self.consumer.take_notes() {
            if let Note::Fatal(words) = note {
                self.problems.push_back(LogError::Spent(format!("reader: {words}")));
            }
        }
        Ok(count)
    }
}
