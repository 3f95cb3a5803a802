//! Reads partitions of the memory log, in turn, so that none starves another.

use std::sync::Arc;
use std::time::Duration;

use super::broker::Broker;
use super::{Cursor, Shared, Taken};
use crate::runtime::log::{Isolation, LogError, Partition, Read, Reader};

pub struct MemoryReader {
    shared: Arc<Shared>,
    cursors: Cursors,
}

/// The partitions that somebody reads.
pub(super) struct Cursors {
    isolation: Isolation,
    all: Vec<Cursor>,
    /// Whose turn it is.
    turn: usize,
}

/// What was taken of one partition.
pub(super) type Batch = (Partition, Vec<Taken>);

impl Cursors {
    pub const fn new(isolation: Isolation) -> Self {
        Self { isolation, all: Vec::new(), turn: 0 }
    }

    pub fn add(&mut self, cursor: Cursor) {
        self.remove(&cursor.partition);
        self.all.push(cursor);
    }

    pub fn remove(&mut self, partition: &Partition) {
        self.all.retain(|cursor| cursor.partition != *partition);
    }

    pub fn clear(&mut self) -> Vec<Partition> {
        self.all.drain(..).map(|cursor| cursor.partition).collect()
    }

    pub fn find(&mut self, partition: &Partition) -> Result<&mut Cursor, LogError> {
        let cursor = self.all.iter_mut().find(|cursor| cursor.partition == *partition);
        cursor.ok_or_else(|| LogError::Fatal(format!("{partition:?} is not assigned")))
    }

    /// Takes what is there; a partition that cannot be read is dropped.
    pub fn take(&mut self, broker: &mut Broker, most: usize) -> Result<Option<Vec<Batch>>, LogError> {
        let (mut batches, mut left, count) = (Vec::new(), most, self.all.len());
        for step in 0..count {
            let index = (self.turn + step) % count;
            let cursor = &mut self.all[index];
            if left == 0 {
                self.turn = index;
                break;
            }
            if cursor.paused {
                continue;
            }
            let mut taken = Vec::new();
            if let Err(error) = broker.read(cursor, self.isolation, left, &mut taken) {
                if !batches.is_empty() {
                    // What was taken already is handed over first; the next turn meets the error again.
                    self.turn = index;
                    break;
                }
                self.all.remove(index);
                return Err(error);
            }
            if !taken.is_empty() {
                left = left.saturating_sub(taken.len());
                batches.push((cursor.partition.clone(), taken));
            }
        }
        Ok((!batches.is_empty()).then_some(batches))
    }
}

pub(super) fn hand_over(batches: &[Batch], to: &mut dyn FnMut(Read<'_>)) -> usize {
    for (partition, batch) in batches {
        for taken in batch {
            taken.hand_over(partition, to);
        }
    }
    batches.iter().map(|(_, batch)| batch.len()).sum()
}

impl MemoryReader {
    pub(super) fn new(shared: Arc<Shared>, isolation: Isolation) -> Self {
        Self { shared, cursors: Cursors::new(isolation) }
    }
}

impl Reader for MemoryReader {
    fn assign(&mut self, partition: &Partition, from: i64) -> Result<(), LogError> {
        self.shared.lock().log(partition)?;
        self.cursors.add(Cursor::new(partition.clone(), from, false));
        Ok(())
    }

    fn unassign(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.cursors.remove(partition);
        Ok(())
    }

    fn pause(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.cursors.find(partition)?.paused = true;
        Ok(())
    }

    fn resume(&mut self, partition: &Partition) -> Result<(), LogError> {
        self.cursors.find(partition)?.paused = false;
        Ok(())
    }

    fn poll(&mut self, wait: Duration, most: usize, to: &mut dyn FnMut(Read<'_>)) -> Result<usize, LogError> {
        let cursors = &mut self.cursors;
        let batches = self.shared.wait(wait, |broker| cursors.take(broker, most))?;
        Ok(batches.map_or(0, |batches| hand_over(&batches, to)))
    }
}
