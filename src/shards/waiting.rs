//! What the watermark alone brings about: leads that wait for a moment, statements that become final.

use super::Shard;
use super::deal::Deal;
use super::lead::Lead;
use crate::model::time::Millis;

impl Shard {
    /// Wakes the leads whose moment the watermark has reached.
    pub(super) fn wake(&mut self) {
        let clock = self.levels.of_leads().unwrap_or(Millis::MIN);
        if clock == self.fold.clock {
            return;
        }
        self.fold.clock = clock;
        while let Some((at, key)) = self.fold.timers.first().copied().filter(|(at, _)| *at <= clock) {
            self.leads.get_or_insert(key, || Lead::new(key)).wake(&mut self.fold);
            debug_assert!(!self.fold.timers.contains(&(at, key)), "a lead that is awake waits for a later moment");
        }
    }

    /// What deals have written that cannot change any more.
    pub(super) fn close_statements(&mut self) {
        let Some(clock) = self.levels.of_accounts() else { return };
        while let Some((_, key)) = self.fold.deal_timers.first().copied().filter(|(at, _)| *at <= clock) {
            self.deals.get_or_insert(key, || Deal::new(key)).close(clock, &mut self.fold);
        }
    }
}
