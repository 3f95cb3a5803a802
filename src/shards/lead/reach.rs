//! What a lead's touches mean to its account, and which of them went to somebody who is a customer already.

use super::super::fold::Fold;
use super::super::forward::{Known, Reached, Recipient};
use super::contributions::View;
use crate::kpi::measures::Measure;
use crate::model::entity::EntityKey;
use crate::model::kinds::TouchKind;

impl View<'_> {
    pub(super) fn count_reach(&mut self, lead: EntityKey, fold: &mut Fold) {
        if !fold.rules.tells_all {
            return;
        }
        let (tells_reach, tells_use) = (fold.rules.tells_reach, fold.rules.tells_use);
        let suppresses = fold.rules.suppresses;
        let settle = fold.rules.settle();
        // Of a day and a channel one touch says it all.
        let mut told = std::collections::BTreeSet::new();
        for n in 0..self.seen.touches.len() {
            let touch = self.seen.touches[n];
            let account = self.seen.account(touch.at);
            if tells_use && touch.kind == TouchKind::ProductUsed && touch.known_from <= touch.at {
                self.told.extend(account.map(|of| (Recipient::Account(EntityKey::of(of)), Known::Used(touch.at))));
            }
            if touch.known_from > touch.at + settle {
                continue;
            }
            let [channel, ..] = fold.symbols.origin_symbols(touch.origin);
            let account = self.seen.account(touch.at + settle);
            if suppresses && self.is_to_customer(account, touch.at, fold) {
                self.fact(fold, Measure::SuppressedTouches, touch.at, &[channel], 1);
            }
            let Some(account) = account.filter(|_| tells_reach && fold.rules.is_engaging(touch.kind)) else { continue };
            let day = fold.tally.time().hour(touch.at).day;
            if told.insert((account, day, channel)) {
                let channel = fold.symbols.text(channel).to_owned();
                let reached = Reached { at: touch.at, channel, lead: Some(lead) };
                self.told.push((Recipient::Account(EntityKey::of(account)), Known::Reached(reached)));
            }
        }
    }

    /// Whether the account's record says so by then, or a deal of the lead was won before.
    fn is_to_customer(&self, account: Option<&str>, at: crate::model::time::Millis, fold: &Fold) -> bool {
        let from_start = fold.rules.config.accounts_hold_from_start;
        let record = account.and_then(|account| fold.records.at(account, at, self.view, from_start));
        let has_won = || {
            let won = self.seen.deals.iter().filter(|deal| deal.is_owned(at)).filter_map(|deal| deal.entries[2]);
            won.into_iter().any(|won| won.at < at && !self.seen.standing.is_rejected(won.at))
        };
        record.is_some_and(|record| record.is_customer) || has_won()
    }
}
