//! A deal: its stage events. It tells each lead that it has been of when it entered its stages, which of these are the
//! lead's to count, and the amounts; it counts nothing itself.

use serde::{Deserialize, Serialize};

use super::fold::{Contributions, Fold};
use super::forward::{DealEntry, DealFacts, Known, OpenDeal, Recipient};
use super::rules::Rules;
use super::table::Keyed;
use super::visibility::{Visible, join, views};
use crate::model::entity::EntityKey;
use crate::model::event::DealStage;
use crate::model::stage::Stage;
use crate::model::time::Millis;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Deal {
    key: EntityKey,
    /// In the order of time and id.
    events: Vec<DealEvent>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DealEvent {
    at: Millis,
    event_id: Box<str>,
    stage: Stage,
    lead: EntityKey,
    amount: Option<i64>,
    probability: Option<u32>,
    /// The watermark on arrival, if it was late.
    late: Option<Millis>,
}

impl Keyed for Deal {
    fn key(&self) -> EntityKey {
        self.key
    }
}

impl Deal {
    #[must_use]
    pub const fn new(key: EntityKey) -> Self {
        Self { key, events: Vec::new() }
    }

    /// Takes a stage event; a repeated one changes nothing.
    pub fn take(&mut self, stage: &DealStage<'_>, late: Option<Millis>, fold: &mut Fold) {
        let order = |event: &DealEvent| {
            event.at.cmp(&stage.occurred_at).then_with(|| stage.event_id.compare_text(&event.event_id).reverse())
        };
        let Err(place) = self.events.binary_search_by(order) else { return };
        let before = self.contributions(&fold.rules);
        let event = DealEvent {
            at: stage.occurred_at,
            event_id: stage.event_id.text().into(),
            stage: stage.stage,
            lead: EntityKey::of(&stage.lead_id),
            amount: stage.amount.map(|amount| amount.0),
            probability: stage.probability,
            late,
        };
        self.events.insert(place, event);
        let after = self.contributions(&fold.rules);
        fold.replace(&before, &after);
    }

    fn contributions(&self, rules: &Rules) -> Contributions {
        let views = views(self.events.iter().map(|event| Visible::since(event.late)));
        let told: Vec<_> = views.into_iter().map(|view| (view, self.tell(view, rules))).collect();
        let mut news: Vec<_> = join(&told).into_iter().map(|((to, known), visible)| (to, known, visible)).collect();
        news.sort_unstable();
        Contributions { news, ..Contributions::default() }
    }

    /// What each of its leads is told, given the events that a view sees.
    fn tell(&self, view: Visible, rules: &Rules) -> Vec<(Recipient, Known)> {
        let sees = |event: &&DealEvent| Visible::since(event.late).to_facts_bound_at(view.from);
        let events: Vec<&DealEvent> = self.events.iter().filter(sees).collect();
        let mut leads: Vec<EntityKey> = events.iter().map(|event| event.lead).collect();
        leads.sort_unstable();
        leads.dedup();
        leads.retain(|lead| *lead != EntityKey::NOBODY);
        let entries = Stage::DEAL_STAGES.map(|stage| {
            let at = entry(&events, stage)?;
            let until = at + rules.settle();
            let value = events.iter().take_while(|event| event.at <= until).filter_map(|event| event.amount).last();
            Some(DealEntry { at, value: value.unwrap_or(0) })
        });
        let lost = events.iter().find(|event| event.stage == Stage::Lost).map(|event| event.at);
        let won_by = events.iter().find(|event| event.stage == Stage::Won).map(|event| event.event_id.to_string());
        // At the same time the later stage is the one that it is at. What was lost may have been taken up again.
        let latest = events.iter().max_by_key(|event| (event.at, event.stage));
        let latest = latest.filter(|latest| entries[2].is_none() && latest.stage != Stage::Lost);
        let open = latest.map(|latest| OpenDeal {
            stage: latest.stage,
            value: events.iter().rev().find_map(|event| event.amount).unwrap_or(0),
            probability: latest.probability,
        });
        let told = leads.into_iter().filter_map(|lead| {
            let owned = owned(&events, lead);
            let (deal, won_by) = (self.key, won_by.clone());
            let facts = DealFacts { deal, entries, lost, won_by, open, owned };
            (!facts.owned.is_empty()).then_some((Recipient::Lead(lead), Known::Deal(facts)))
        });
        told.collect()
    }

    #[must_use]
    pub fn names(&self, lead: EntityKey) -> bool {
        self.events.iter().any(|event| event.lead == lead)
    }

    /// Forgets whose it was. What that lead counted stays counted.
    pub fn disown(&mut self, lead: EntityKey) {
        let own = self.events.iter_mut().filter(|event| event.lead == lead);
        own.for_each(|event| event.lead = EntityKey::NOBODY);
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.events.capacity() * size_of::<DealEvent>()
            + self.events.iter().map(|event| event.event_id.len()).sum::<usize>()
    }
}

/// The least time of its events at a stage of the ladder or any later one.
fn entry(events: &[&DealEvent], stage: Stage) -> Option<Millis> {
    let reached = |event: &&&DealEvent| event.stage.rung() >= stage.rung() && event.stage.rung().is_some();
    events.iter().find(reached).map(|event| event.at)
}

/// When the latest event named this lead.
fn owned(events: &[&DealEvent], lead: EntityKey) -> Vec<(Millis, Millis)> {
    let mut owned: Vec<(Millis, Millis)> = Vec::new();
    for (n, event) in events.iter().enumerate().filter(|(_, event)| event.lead == lead) {
        let to = events.get(n + 1).map_or(Millis::MAX, |next| next.at);
        match owned.last_mut() {
            Some(last) if last.1 == event.at => last.1 = to,
            _ if event.at == to => {}
            _ => owned.push((event.at, to)),
        }
    }
    owned
}
