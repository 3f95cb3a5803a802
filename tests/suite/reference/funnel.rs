//! Entries of leads and deals into the stages, losses, customers and bookings: each with its time and with the lead it
//! belongs to as known then. Rejected leads have none from their rejection on.

use std::collections::{BTreeMap, BTreeSet};

use tributary::config::AttributionUnit;
use tributary::model::event::{DealStage, Fill};
use tributary::model::kinds::TouchKind;
use tributary::model::stage::Stage;
use tributary::model::time::Millis;

use super::world::{Order, World, stage_order};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Entered(Stage),
    /// The first won deal of an account.
    Customer,
    Lost,
    Demo,
    Meeting,
}

/// Something that happened once to a lead or to a deal.
#[derive(Clone, Debug)]
pub struct Conversion<'a> {
    pub event: Event,
    pub at: Millis,
    /// As known at its time.
    pub lead: &'a str,
    pub deal: Option<&'a str>,
    /// A booking's own touch.
    pub touch: Option<usize>,
}

pub struct Lead<'a> {
    pub id: &'a str,
    pub rejected: Option<(Millis, String)>,
    pub first_fill: Option<&'a Fill<'a>>,
    pub entries: BTreeMap<Stage, Millis>,
}

pub struct Deal<'a> {
    pub id: &'a str,
    /// In order.
    pub events: Vec<&'a DealStage<'a>>,
    pub entries: BTreeMap<Stage, Millis>,
    pub lost: Option<Millis>,
}

pub struct Funnel<'a> {
    pub world: &'a World<'a>,
    pub leads: BTreeMap<&'a str, Lead<'a>>,
    pub deals: BTreeMap<&'a str, Deal<'a>>,
}

impl<'a> Funnel<'a> {
    pub fn new(world: &'a World<'a>) -> Self {
        let leads = world.leads().into_iter().map(|id| (id, Lead::new(world, id))).collect();
        let named: BTreeSet<&str> = world.stages.iter().filter_map(|e| e.deal_id.as_deref()).collect();
        let deals = named.into_iter().map(|id| (id, Deal::new(world, id))).collect();
        Self { world, leads, deals }
    }

    pub fn is_rejected(&self, lead: &str, at: Millis) -> bool {
        self.leads.get(lead).is_some_and(|lead| lead.is_rejected(at))
    }

    /// Everything that happened, in order of time.
    pub fn conversions(&self) -> Vec<Conversion<'a>> {
        let mut all = vec![];
        for lead in self.leads.values() {
            for (stage, at) in &lead.entries {
                all.push(Conversion { event: Event::Entered(*stage), at: *at, lead: lead.id, deal: None, touch: None });
            }
            all.extend(self.first_booking(lead, TouchKind::DemoBooked, Event::Demo));
            all.extend(self.first_booking(lead, TouchKind::MeetingBooked, Event::Meeting));
        }
        for deal in self.deals.values() {
            let entries = deal.entries.iter().map(|(stage, at)| (Event::Entered(*stage), *at));
            for (event, at) in entries.chain(deal.lost.map(|at| (Event::Lost, at))) {
                let lead = deal.lead(at).expect("an event of the deal at or before its entry");
                if !self.is_rejected(lead, at) {
                    all.push(Conversion { event, at, lead, deal: Some(deal.id), touch: None });
                }
            }
        }
        all.extend(self.customers(&all));
        all.sort_by_key(|c| (c.at, c.event, c.lead, c.deal));
        all
    }

    /// Each account's first won deal; a lead without an account stands for itself.
    fn customers(&self, all: &[Conversion<'a>]) -> Vec<Conversion<'a>> {
        let mut won: Vec<_> = all.iter().filter(|c| c.event == Event::Entered(Stage::Won)).collect();
        won.sort_by_key(|c| (c.at, self.entering_event(c)));
        let mut known = BTreeSet::new();
        let mut customers = vec![];
        for conversion in won {
            let account = self.world.account_of(conversion.lead, conversion.at);
            let customer = account.map_or((1, conversion.lead), |account| (0, account));
            if known.insert(customer) {
                customers.push(Conversion { event: Event::Customer, ..conversion.clone() });
            }
        }
        customers
    }

    fn entering_event(&self, won: &Conversion<'a>) -> Option<Order<'a>> {
        let deal = &self.deals[won.deal?];
        deal.events.iter().filter(|e| e.occurred_at == won.at && e.stage == Stage::Won).map(|e| stage_order(e)).min()
    }

    /// The first booking known to be the lead's when it was made.
    fn first_booking(&self, lead: &Lead<'a>, kind: TouchKind, event: Event) -> Option<Conversion<'a>> {
        let world = self.world;
        let touch = world.perhaps(lead.id).find(|i| {
            let touch = world.touches[*i];
            touch.kind == kind && world.owner(touch, touch.occurred_at) == Some(lead.id)
        })?;
        let at = world.touches[touch].occurred_at;
        (!lead.is_rejected(at)).then_some(Conversion { event, at, lead: lead.id, deal: None, touch: Some(touch) })
    }

    /// The touches that share a conversion's credit: of its journey, not older than the lookback.
    pub fn credited(&self, conversion: &Conversion) -> Vec<usize> {
        let mut touches = self.journey(conversion);
        let age = |touch: &usize| conversion.at - self.world.touches[*touch].occurred_at;
        touches.retain(|i| Some(*i) != conversion.touch && age(i) <= self.world.config.attribution.lookback);
        touches
    }

    /// The whole journey of a conversion, in order: of a deal perhaps several leads'.
    pub fn journey(&self, conversion: &Conversion) -> Vec<usize> {
        self.journey_at(conversion, conversion.at)
    }

    /// The journey of those who make it at the conversion's time, as it was or came to be at another.
    pub fn journey_at(&self, conversion: &Conversion, at: Millis) -> Vec<usize> {
        let members = self.members(conversion, at).into_iter();
        let mut touches: Vec<usize> = members.flat_map(|lead| self.world.journey(lead, at)).collect();
        touches.sort();
        touches
    }

    /// Whose touches make the journey: the lead's, of a deal perhaps those of its contacts or of the whole account that
    /// its lead is of. They belong to it as known at the moment asked for.
    fn members(&self, conversion: &Conversion, at: Millis) -> BTreeSet<&'a str> {
        let mut members = BTreeSet::from([self.leads[conversion.lead].id]);
        if let Some(deal) = conversion.deal {
            match self.world.config.attribution.unit {
                AttributionUnit::Lead => {}
                AttributionUnit::Contacts => {
                    let known = self.deals[deal].events.iter().filter(|e| e.occurred_at <= at);
                    members = known.map(|e| &*e.lead_id).collect();
                }
                AttributionUnit::Account => {
                    if let Some(account) = self.world.account_of(conversion.lead, conversion.at) {
                        let mine = |lead: &&&str| self.world.account_of(lead, at) == Some(account);
                        members = self.leads.keys().filter(mine).copied().collect();
                    }
                }
            }
        }
        members.retain(|lead| !self.is_rejected(lead, at));
        members
    }

    /// The stages that the conversion's subject has entered by then.
    pub fn entered(&self, conversion: &Conversion) -> BTreeMap<Stage, Millis> {
        let mut entered = self.leads[conversion.lead].entries.clone();
        if let Some(deal) = conversion.deal {
            entered.extend(self.deals[deal].entries.clone());
        }
        entered.retain(|_, at| *at <= conversion.at);
        entered
    }

    /// The deals that are the lead's at the moment.
    pub fn deals_of(&self, lead: &str, at: Millis) -> Vec<&Deal<'a>> {
        self.deals.values().filter(|deal| deal.lead(at) == Some(lead)).collect()
    }

    /// The highest stage of the lead and its deals at the moment.
    pub fn highest(&self, lead: &str, at: Millis) -> Option<Stage> {
        let own = self.leads.get(lead)?.entries.iter();
        let deals = self.deals_of(lead, at);
        own.chain(deals.iter().flat_map(|deal| deal.entries.iter()))
            .filter(|(_, when)| **when <= at)
            .map(|(stage, _)| *stage)
            .max()
    }

    /// The segments of the lead at the moment; of a rejected one none.
    pub fn segments(&self, lead: &str, at: Millis) -> Vec<String> {
        if self.is_rejected(lead, at) { vec![] } else { self.world.segments(lead, at, self.highest(lead, at)) }
    }

    /// The lead's source: the first touch of its journey at its lead entry.
    pub fn source(&self, lead: &str) -> Option<usize> {
        let entry = self.leads.get(lead)?.entries.get(&Stage::Lead)?;
        self.world.journey(lead, *entry).first().copied()
    }

    /// The fill by which the lead entered, if it was by one.
    pub fn entry_fill(&self, lead: &str) -> Option<&'a Fill<'a>> {
        let lead = self.leads.get(lead)?;
        lead.first_fill.filter(|fill| lead.entries.get(&Stage::Lead) == Some(&fill.occurred_at))
    }
}

impl<'a> Lead<'a> {
    fn new(world: &'a World<'a>, id: &'a str) -> Self {
        let first_fill = world.first_fill(id);
        let rejected = world.rejection(id);
        let scored = world.scored_at(id);
        let mut entries = BTreeMap::new();
        for stage in Stage::LEAD_STAGES {
            let implied = world.stages_by(id).filter(|e| e.stage.rung() >= stage.rung());
            let implied = implied.filter(|e| e.stage.rung().is_some()).map(|e| e.occurred_at).min();
            let filled = first_fill.map(|e| e.occurred_at).filter(|_| stage == Stage::Lead);
            let scored = scored.filter(|_| stage <= Stage::Mql);
            let entry = [implied, filled, scored].into_iter().flatten().min();
            let before = |at: &Millis| rejected.as_ref().is_none_or(|(from, _)| at < from);
            if let Some(at) = entry.filter(before) {
                entries.insert(stage, at);
            }
        }
        Self { id, rejected, first_fill, entries }
    }

    fn is_rejected(&self, at: Millis) -> bool {
        self.rejected.as_ref().is_some_and(|(from, _)| *from <= at)
    }
}

impl<'a> Deal<'a> {
    fn new(world: &World<'a>, id: &'a str) -> Self {
        let events: Vec<_> = world.stages.iter().filter(|e| e.deal_id.as_deref() == Some(id)).copied().collect();
        let least =
            |counts: &dyn Fn(Stage) -> bool| events.iter().filter(|e| counts(e.stage)).map(|e| e.occurred_at).min();
        let entry = |stage: Stage| least(&|other| other.rung().is_some() && other.rung() >= stage.rung());
        let entries = Stage::DEAL_STAGES.into_iter().filter_map(|stage| Some((stage, entry(stage)?))).collect();
        let lost = least(&|stage| stage == Stage::Lost);
        Self { id, entries, lost, events }
    }

    /// The lead of its latest event.
    pub fn lead(&self, at: Millis) -> Option<&'a str> {
        self.known(at).last().map(|e| &*e.lead_id)
    }

    /// The latest amount given, in millionths.
    pub fn amount(&self, at: Millis) -> i64 {
        self.known(at).filter_map(|e| e.amount).last().map_or(0, |amount| amount.0)
    }

    /// The event that says where it stands: of several at a time that of the latest stage, a loss after a win.
    pub fn latest(&self, at: Millis) -> Option<&'a DealStage<'a>> {
        self.known(at).max_by_key(|e| (e.occurred_at, e.stage))
    }

    fn known(&self, at: Millis) -> impl Iterator<Item = &'a DealStage<'a>> {
        self.events.iter().filter(move |e| e.occurred_at <= at).copied()
    }
}

/// Whether the lead has a booking of this kind by the moment.
pub fn has_booked(world: &World, lead: &str, kind: TouchKind, at: Millis) -> bool {
    world.touches_of(lead, at).into_iter().any(|i| world.touches[i].kind == kind)
}
