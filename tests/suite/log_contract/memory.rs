//! The memory log as a place for the contract.

use tributary::model::time::{Millis, Span};
use tributary::runtime::log::{Outgoing, Transaction, Transactor};
use tributary::runtime::memory_log::faults::{Ending, Faults, NoFaults};
use tributary::runtime::memory_log::{MemoryLog, Patience};

use super::Place;

pub struct Memory(MemoryLog);

impl Memory {
    pub fn new() -> Self {
        Self(MemoryLog::new(Millis(1_000_000), Patience::default(), Box::new(NoFaults)))
    }
}

/// A transaction's commit arrives only after a second, and is then known at once.
struct Slow;

impl Faults for Slow {
    fn ending(&mut self, _: &str) -> Ending {
        Ending::Committed { request: Span(1000), markers: Span(0), answer: Span(0) }
    }
}

impl Place for Memory {
    type Log = MemoryLog;

    fn log(&self) -> &MemoryLog {
        &self.0
    }

    fn leave_open(&self, id: &str, records: Vec<Outgoing>) -> Box<dyn FnOnce() -> bool> {
        let mut owner = super::ready_transactor(&self.0, id);
        self.0.set_faults(Box::new(Slow));
        owner.submit(Transaction { records, group: String::new(), offsets: Vec::new() }.into()).unwrap();
        self.0.set_faults(Box::new(NoFaults));
        let log = self.0.clone();
        Box::new(move || {
            log.advance(log.now() + Span(1000));
            super::await_standing(&mut owner).is_ok()
        })
    }
}
