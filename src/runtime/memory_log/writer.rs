//! Writes to the memory log outside of transactions. Once a failure has been told it writes no more, and what it had
//! under way counts as failed, whether it is in the log or not.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::broker::{Broker, WriterNumber};
use crate::runtime::log::{LogError, Outgoing, Writer};

pub struct MemoryWriter {
    shared: Arc<Shared>,
    number: WriterNumber,
    spent: bool,
}

impl MemoryWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let number = shared.lock().add_writer();
        Self { shared, number, spent: false }
    }
}

type Report = (u64, Result<i64, ()>);

/// What is known by now. After the first failure everything else has failed as well.
fn take_reports(broker: &mut Broker, writer: WriterNumber, spent: &mut bool) -> Option<Vec<Report>> {
    let now = broker.now;
    let outbox = broker.outbox(writer)?;
    let due = outbox.known.partition_point(|(due, _, _)| *due <= now);
    let mut reports: Vec<Report> = outbox.known.drain(..due).map(|(_, number, outcome)| (number, outcome)).collect();
    if let Some(first) = reports.iter().position(|(_, outcome)| outcome.is_err()) {
        *spent = true;
        reports[first..].iter_mut().for_each(|(_, outcome)| *outcome = Err(()));
    }
    if *spent {
        reports.extend(outbox.known.drain(..).map(|(_, number, _)| (number, Err(()))));
        reports.extend(std::mem::take(&mut outbox.under_way).into_iter().map(|number| (number, Err(()))));
        broker.drop_writer(writer);
    }
    (!reports.is_empty()).then_some(reports)
}

impl Writer for MemoryWriter {
    fn send(&mut self, number: u64, record: Outgoing) -> Result<Result<(), Outgoing>, LogError> {
        if self.spent {
            return Err(LogError::Spent("a delivery has failed before".into()));
        }
        let mut broker = self.shared.lock();
        if broker.faults.full() {
            return Ok(Err(record));
        }
        let sent = broker.send(self.number, number, record);
        drop(broker);
        self.spent = sent.is_err();
        sent?;
        self.shared.changed.notify_all();
        Ok(Ok(()))
    }

    fn poll(&mut self, wait: Duration, delivered: &mut dyn FnMut(u64, Result<i64, LogError>)) -> Result<(), LogError> {
        let (number, spent) = (self.number, &mut self.spent);
        let reports = self.shared.wait(wait, |broker| Ok(take_reports(broker, number, spent)))?;
        for (number, outcome) in reports.unwrap_or_default() {
            delivered(number, outcome.map_err(|()| LogError::Retriable("the record was not acknowledged".into())));
        }
        Ok(())
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        self.shared.lock().drop_writer(self.number);
    }
}
