//! When a shard's state is saved, and the snapshot on its way: due when the journal's tail is twice as long as the last
//! one, so that writing stays small beside the journal's and a restore bounded.

use crate::model::time::{Millis, Span};
use crate::runtime::log::{Log, Partition};
use crate::runtime::outbox::Slip;
use crate::runtime::parts::{Parts, Positions};
use crate::runtime::settings::Backoff;
use crate::runtime::site::Site;
use crate::runtime::snapshots::{Manifest, Shelf, Writing};

pub(super) struct Saving {
    number: u16,
    partition: Partition,
    slip: Slip,
    shelf: Shelf,
    /// Folded since the last snapshot.
    tail_bytes: u64,
    /// Folded before the one that is under way, which makes it needless.
    cut_bytes: Option<u64>,
    writing: Option<Writing>,
    retry: Backoff,
    begun: Millis,
    pub taken: u64,
    pub took: Span,
}

impl Saving {
    pub fn new<L: Log, P: Parts>(site: &Site<L, P>, number: u16, shelf: Shelf, tail_bytes: u64) -> Self {
        Self {
            number,
            partition: site.names.snapshots_of(number),
            slip: site.outbox.open(),
            shelf,
            tail_bytes,
            cut_bytes: None,
            writing: None,
            retry: Backoff::default(),
            begun: Millis::MIN,
            taken: 0,
            took: Span(0),
        }
    }

    pub const fn grow(&mut self, bytes: usize) {
        self.tail_bytes += bytes as u64;
    }

    pub const fn has_tail(&self) -> bool {
        self.tail_bytes > 0
    }

    pub const fn is_under_way(&self) -> bool {
        self.cut_bytes.is_some()
    }

    pub fn last_bytes(&self) -> u64 {
        self.shelf.last_bytes()
    }

    /// `last`: at a graceful stop any tail is worth it.
    pub fn is_due<L: Log, P: Parts>(&self, site: &Site<L, P>, last: bool) -> bool {
        // Twice as long as the last one, so that writing is at most half more. Shards that are filled alike take turns.
        let least = site.settings.snapshot_min_tail_bytes.max(2 * self.shelf.last_bytes());
        let least = least + least * u64::from(self.number % 4) / 4;
        !self.is_under_way() && self.tail_bytes > 0 && (last || self.tail_bytes >= least)
    }

    /// The state is taken now; it is written when its effects are committed.
    pub const fn cut(&mut self) {
        self.cut_bytes = Some(self.tail_bytes);
        self.tail_bytes = 0;
    }

    pub fn begin<L: Log, P: Parts>(
        &mut self,
        site: &Site<L, P>,
        now: Millis,
        positions: Positions,
        chunks: Vec<Vec<u8>>,
    ) {
        let manifest = Manifest::new(self.number, positions, now, &chunks);
        site.outbox.take_failure(self.slip);
        self.begun = now;
        self.writing = Some(Writing::begin(&mut self.shelf, site.draw(now), manifest, chunks));
    }

    pub fn step<L: Log, P: Parts>(&mut self, site: &Site<L, P>, now: Millis) {
        if self.writing.is_some() && site.outbox.take_failure(self.slip) {
            tracing::warn!(shard = self.number, "a snapshot was not written: another one follows");
            self.writing = None;
            self.retry.fail(now, &site.settings.limits);
        }
        if self.writing.is_none() {
            if self.cut_bytes.is_some() && self.retry.is_waiting() && self.retry.is_due(now) {
                self.tail_bytes += self.cut_bytes.take().unwrap_or(0);
                self.retry.succeed();
            }
            return;
        }
        while let Some(writing) = self.writing.as_mut().filter(|_| site.outbox.has_room()) {
            match writing.next(&mut self.shelf, &self.partition, site.outbox.pending(self.slip)) {
                Some(records) if records.is_empty() => return,
                Some(records) => records.into_iter().for_each(|record| site.outbox.send(self.slip, record)),
                None => {
                    (self.writing, self.cut_bytes) = (None, None);
                    self.taken += 1;
                    self.took = now - self.begun;
                }
            }
        }
    }

    pub fn close<L: Log, P: Parts>(&self, site: &Site<L, P>) {
        site.outbox.close(self.slip);
    }
}
