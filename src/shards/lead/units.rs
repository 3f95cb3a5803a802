//! What a lead tells the units that deals are attributed to: since when it belongs to them, its touches, and the deals
//! that are its own.

use std::collections::BTreeMap;

use super::super::fold::Fold;
use super::super::forward::{CustomerOf, DealFacts, JourneyStep, Known, Member, Recipient, UnitConversion, UnitDeal};
use super::super::visibility::PRESENT;
use super::contributions::View;
use super::conversions::Conversion;
use super::seen::Seen;
use crate::config::AttributionUnit;
use crate::model::entity::EntityKey;
use crate::model::stage::Stage;
use crate::model::time::Millis;

/// The deals that it tells units of, by unit and place among its own.
pub type UnitDeals = BTreeMap<(EntityKey, usize), UnitDeal>;

impl Seen<'_> {
    /// The unit that what happens to a deal at a moment is attributed to; none where that is the lead alone.
    pub(super) fn unit_of(&self, deal: &DealFacts, at: Millis, fold: &Fold) -> Option<EntityKey> {
        match fold.rules.unit {
            AttributionUnit::Lead => None,
            AttributionUnit::Contacts => Some(deal.deal),
            AttributionUnit::Account => self.account(at).map(EntityKey::of),
        }
    }
}

impl View<'_> {
    /// Leaves a conversion of a deal to its unit. False where it is the lead's own to share.
    pub(super) fn leave_to_unit(&mut self, conversion: &Conversion, fold: &Fold) -> bool {
        let (Some((n, value)), Some(stage)) = (conversion.deal, conversion.stage()) else { return false };
        let at = conversion.at;
        let Some(unit) = self.seen.unit_of(self.seen.deals[n], at, fold) else { return false };
        let account = self.seen.account(at);
        let of = self.unit_deal(unit, n);
        of.conversions.push(UnitConversion {
            stage,
            at,
            value,
            entered: conversion.entered,
            account: account.filter(|_| fold.rules.writes_attributions).map(ToOwned::to_owned),
        });
        if stage == Stage::Won {
            of.customer = Some(match (fold.rules.unit, account) {
                (AttributionUnit::Contacts, Some(account)) => CustomerOf::Account(EntityKey::of(account)),
                // Of several the lead knows which is the first: see `count_customers`.
                (AttributionUnit::Contacts, None) => return true,
                _ => CustomerOf::Unit,
            });
        }
        true
    }

    /// That the lead itself is the customer by a deal.
    pub(super) fn is_customer_by(&mut self, n: usize, at: Millis, fold: &Fold) {
        if let Some(unit) = self.seen.unit_of(self.seen.deals[n], at, fold) {
            self.unit_deal(unit, n).customer = Some(CustomerOf::Lead);
        }
    }

    fn unit_deal(&mut self, unit: EntityKey, n: usize) -> &mut UnitDeal {
        let deal = self.seen.deals[n];
        let seen = self.seen;
        self.units.entry((unit, n)).or_insert_with(|| UnitDeal {
            lead: seen.key,
            lead_id: seen.id.as_deref().map(ToOwned::to_owned),
            deal: deal.deal,
            won_by: deal.won_by.clone(),
            amounts: deal.amounts.clone(),
            conversions: Vec::new(),
            opened: deal.entries[0].map(|entry| entry.at),
            closed: deal.entries[2].map(|won| won.at).into_iter().chain(deal.lost).min(),
            open: None,
            customer: None,
        })
    }

    /// Tells the units all that there is to tell.
    pub(super) fn tell_units(&mut self, fold: &Fold) {
        if fold.rules.unit == AttributionUnit::Lead {
            return;
        }
        for n in 0..self.seen.deals.len() {
            let deal = self.seen.deals[n];
            let is_own = deal.is_owned(PRESENT) && !self.seen.standing.is_rejected(PRESENT);
            if let (Some(open), Some(unit)) = (deal.open.filter(|_| is_own), self.seen.unit_of(deal, PRESENT, fold)) {
                self.unit_deal(unit, n).open = Some(open.value);
            }
        }
        let deals = std::mem::take(&mut self.units);
        self.told.extend(deals.into_iter().map(|((unit, _), deal)| (Recipient::Unit(unit), Known::UnitDeal(deal))));
        let lead = self.seen.key;
        for (unit, spans) in self.memberships(fold) {
            self.told.push((Recipient::Unit(unit), Known::Member(Member { lead, spans })));
            for touch in self.seen.touches.iter().filter(|touch| touch.in_journey) {
                let step = JourneyStep {
                    lead,
                    at: touch.at,
                    event_id: fold.ids.text(touch.id),
                    known_from: touch.known_from,
                    origin: fold.symbols.spell_origin(touch.origin),
                };
                self.told.push((Recipient::Unit(unit), Known::Step(step)));
            }
        }
    }

    /// The units that it belongs to, with when: not any more once it is rejected.
    fn memberships(&self, fold: &Fold) -> Vec<(EntityKey, Vec<(Millis, Millis)>)> {
        let until = self.seen.standing.rejected.map_or(Millis::MAX, |(at, _)| at);
        let mut of_units: BTreeMap<EntityKey, Vec<(Millis, Millis)>> = BTreeMap::new();
        if fold.rules.unit == AttributionUnit::Contacts {
            for deal in &self.seen.deals {
                of_units.entry(deal.deal).or_default().extend(deal.since.map(|since| (since, Millis::MAX)));
            }
        } else {
            let mut moments: Vec<Millis> = self.seen.accounts.iter().map(|seen| seen.at.max(seen.known_from)).collect();
            moments.sort_unstable();
            moments.dedup();
            for (n, from) in moments.iter().enumerate() {
                let Some(account) = self.seen.account(*from) else { continue };
                let to = moments.get(n + 1).copied().unwrap_or(Millis::MAX);
                let spans = of_units.entry(EntityKey::of(account)).or_default();
                match spans.last_mut().filter(|(_, last)| *last == *from) {
                    Some((_, last)) => *last = to,
                    None => spans.push((*from, to)),
                }
            }
        }
        let clip = |(from, to): (Millis, Millis)| Some((from, to.min(until))).filter(|(from, to)| from < to);
        let clipped = of_units.into_iter().map(|(unit, spans)| (unit, spans.into_iter().filter_map(clip).collect()));
        clipped.filter(|(_, spans): &(EntityKey, Vec<_>)| !spans.is_empty()).collect()
    }
}
