//! The number under which an owner tells the rollup of its shard. It is the offset of a record that the owner wrote
//! after it fenced the others, so it grows from owner to owner, whatever their clocks say: a block of an earlier claim
//! that lands late is known by it. When a block is lost a new claim begins, with all cells.

use crate::runtime::log::{Log, Outgoing};
use crate::runtime::outbox::Slip;
use crate::runtime::parts::Parts;
use crate::runtime::site::Site;
use crate::runtime::snapshots::CLAIM;

pub(super) struct Claim {
    shard: u16,
    slip: Slip,
    number: Option<u64>,
    asked: bool,
    /// Nothing was told under it yet.
    is_new: bool,
}

impl Claim {
    pub fn new<L: Log, P: Parts>(site: &Site<L, P>, shard: u16) -> Self {
        Self { shard, slip: site.outbox.open(), number: None, asked: false, is_new: true }
    }

    /// None until the record is in the log.
    pub const fn number(&self) -> Option<u64> {
        self.number
    }

    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    pub const fn told(&mut self) {
        self.is_new = false;
    }

    pub const fn renew(&mut self) {
        (self.number, self.asked, self.is_new) = (None, false, true);
    }

    pub fn step<L: Log, P: Parts>(&mut self, site: &Site<L, P>) {
        if self.number.is_some() {
            return;
        }
        if site.outbox.take_failure(self.slip) {
            self.asked = false;
        }
        if !self.asked {
            let partition = site.names.snapshots_of(self.shard);
            let (key, value) = (Some(CLAIM.to_vec()), Some(Vec::new()));
            site.outbox.send(self.slip, Outgoing { partition, timestamp: None, key, value, headers: Vec::new() });
            self.asked = true;
        } else if site.outbox.pending(self.slip) == 0 {
            self.number = site.outbox.last_offset(self.slip).and_then(|offset| u64::try_from(offset).ok());
            self.asked = self.number.is_some();
        }
    }

    pub fn close<L: Log, P: Parts>(&self, site: &Site<L, P>) {
        site.outbox.close(self.slip);
    }
}
