//! The conversions of a lead, and their credit: its entries into the funnel, those of the deals that were its own at
//! the time, and its first bookings, each shared among the touches known then.

use super::seen::Seen;
use crate::attribution::rules::Entered;
use crate::kpi::measures::{DEMO, MEETING};
use crate::model::kinds::TouchKind;
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
    pub own_touch: Option<usize>,
}

impl Conversion {
    /// The funnel's stage; none of a booking.
    pub const fn stage(&self) -> Option<Stage> {
        match self.what {
            Converted::Entered(stage) => Some(stage),
            Converted::Demo | Converted::Meeting => None,
        }
    }

    /// As records name what was entered or booked.
    pub const fn name(&self) -> &'static str {
        match self.what {
            Converted::Entered(stage) => stage.name(),
            Converted::Demo => DEMO,
            Converted::Meeting => MEETING,
        }
    }

    /// The amount of a deal that opens or is won.
    pub fn value(&self) -> Option<i64> {
        let is_valued = matches!(self.what, Converted::Entered(Stage::Opportunity | Stage::Won));
        self.deal.map(|(_, value)| value).filter(|_| is_valued)
    }
}

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
