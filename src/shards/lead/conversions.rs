//! The conversions of a lead, and their credit: its entries into the funnel, those of the deals that were its own at
//! the time, and its first bookings, each shared among the touches known then.

use super::super::fold::Fold;
use super::super::symbols::OriginId;
use super::seen::Seen;
use crate::attribution::rounding::split_amount;
use crate::attribution::rules::{Entered, Step};
use crate::model::kinds::TouchKind;
use crate::model::money::Credit;
use crate::model::stage::Stage;
use crate::model::time::Millis;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Converted {
    Entered(Stage),
    Demo,
    Meeting,
}

pub struct Conversion {
    pub what: Converted,
    pub at: Millis,
    /// The stages that its subject had entered by then.
    pub entered: Entered,
    /// Of a deal: its place among those seen, and the amount.
    pub deal: Option<(usize, i64)>,
    /// A booking's own touch.
    own_touch: Option<usize>,
}

/// Where a share of the credit goes: none stands for nobody.
pub type Share = (Option<OriginId>, i64);

/// Every conversion that the lead counts.
pub fn conversions(seen: &Seen<'_>) -> Vec<Conversion> {
    let mut all = Vec::new();
    let entries = seen.lead_entries();
    let mut of_lead = Entered::default();
    of_lead[..entries.len()].copy_from_slice(&entries);
    for stage in Stage::LEAD_STAGES {
        if let Some(at) = entries[stage as usize] {
            let what = Converted::Entered(stage);
            all.push(Conversion { what, at, entered: by(of_lead, at), deal: None, own_touch: None });
        }
    }
    for (kind, what) in [(TouchKind::DemoBooked, Converted::Demo), (TouchKind::MeetingBooked, Converted::Meeting)] {
        if let Some((touch, at)) = seen.booking(kind).filter(|(_, at)| !seen.standing.is_rejected(*at)) {
            all.push(Conversion { what, at, entered: by(of_lead, at), deal: None, own_touch: Some(touch) });
        }
    }
    for (n, deal) in seen.deals.iter().enumerate() {
        let mut of_deal = of_lead;
        for (stage, entry) in Stage::DEAL_STAGES.into_iter().zip(deal.entries) {
            of_deal[stage as usize] = entry.map(|entry| entry.at);
        }
        for (stage, entry) in Stage::DEAL_STAGES.into_iter().zip(deal.entries) {
            if let Some(entry) = entry.filter(|e| deal.is_owned(e.at) && !seen.standing.is_rejected(e.at)) {
                let (what, at) = (Converted::Entered(stage), entry.at);
                let deal = Some((n, entry.value));
                all.push(Conversion { what, at, entered: by(of_deal, at), deal, own_touch: None });
            }
        }
    }
    all
}

fn by(mut entered: Entered, at: Millis) -> Entered {
    for moment in &mut entered {
        *moment = moment.filter(|moment| *moment <= at);
    }
    entered
}

/// The touches that share a conversion, in order.
pub struct Journey {
    steps: Vec<Step>,
    origins: Vec<OriginId>,
}

impl Conversion {
    pub fn journey(&self, seen: &Seen<'_>, fold: &Fold) -> Journey {
        let since = self.at - fold.rules.config.attribution.lookback;
        let own = self.own_touch.map(|at| std::ptr::from_ref(&seen.touches[at]));
        let shared = seen.journey(self.at).filter(|touch| touch.at >= since && Some(std::ptr::from_ref(*touch)) != own);
        let (steps, origins) = shared.map(|touch| (fold.step(touch.at, touch.origin), touch.origin)).unzip();
        Journey { steps, origins }
    }
}

impl Fold {
    fn step(&self, at: Millis, origin: OriginId) -> Step {
        let [channel, ..] = self.symbols.origin_symbols(origin);
        let channel = self.symbols.text(channel);
        Step { at, is_direct: channel == "direct", is_paid: self.rules.groups.is_paid(channel) }
    }
}

impl Journey {
    /// The credit by origin under the n-th model, and an amount's share of it. Without a touch nobody has it all.
    pub fn shares(&self, model: usize, entered: &Entered, amount: i64, fold: &Fold) -> (Vec<Share>, Vec<Share>) {
        if self.steps.is_empty() {
            return (vec![(None, Credit::WHOLE)], vec![(None, amount)]);
        }
        let credits = fold.rules.models[model].rule.credits(&self.steps, entered);
        let amounts = split_amount(amount, &credits);
        // A touch without credit is no fact, neither of credit nor of the amount.
        let credited = || self.origins.iter().zip(&credits).filter(|(_, credit)| **credit > 0);
        let credit = by_origin(credited().map(|(origin, credit)| (*origin, *credit)));
        let given = self.origins.iter().zip(&credits).zip(amounts).filter(|((_, credit), _)| **credit > 0);
        let amount = by_origin(given.map(|((origin, _), amount)| (*origin, amount)));
        (credit, amount)
    }
}

fn by_origin(shares: impl Iterator<Item = (OriginId, i64)>) -> Vec<Share> {
    let mut sums: Vec<(OriginId, i64)> = Vec::new();
    for (origin, share) in shares {
        match sums.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, sum)) => *sum += share,
            None => sums.push((origin, share)),
        }
    }
    sums.into_iter().map(|(origin, sum)| (Some(origin), sum)).collect()
}
