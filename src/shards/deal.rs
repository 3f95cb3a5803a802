//! A deal: its stage events. It tells each lead that it has been of when it entered its stages, which of these are the
//! lead's to count, and the amounts; it counts nothing itself.

use serde::{Deserialize, Serialize};

use super::fold::{Contributions, Fold};
use super::forward::{DealEntry, DealFacts, Known, OpenDeal, Recipient};
use super::rules::Rules;
use super::statement::{Statement, Statements};
use super::table::Keyed;
use super::visibility::{Visible, join, views};
use crate::config::AttributionUnit;
use crate::model::entity::EntityKey;
use crate::model::event::DealStage;
use crate::model::stage::Stage;
use crate::model::time::Millis;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Deal {
    key: EntityKey,
    /// In the order of time and id.
    events: Vec<DealEvent>,
    /// As records spell it, where that is asked for.
    id: Option<Box<str>>,
    statements: Statements,
    /// When one of them becomes final.
    timer: Option<Millis>,
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
        Self { key, events: Vec::new(), id: None, statements: Statements::new(), timer: None }
    }

    /// Takes what is stated of its entries.
    pub fn hear(&mut self, news: &[(Known, Visible, bool)], clock: Millis, fold: &mut Fold) {
        let id = self.id.clone().unwrap_or_default();
        for (known, ..) in news {
            if let Known::Stated(stated) = known {
                self.statements.hear(&id, self.key, stated, clock, fold);
            }
        }
        self.wait(fold);
    }

    /// Writes what cannot change any more.
    pub fn close(&mut self, clock: Millis, fold: &mut Fold) {
        let id = self.id.clone().unwrap_or_default();
        self.statements.close(&id, clock, fold);
        self.wait(fold);
    }

    fn wait(&mut self, fold: &mut Fold) {
        let next = self.statements.next();
        if next != self.timer {
            if let Some(at) = self.timer {
                fold.deal_timers.remove(&(at, self.key));
            }
            self.timer = next;
            self.restore(fold);
        }
    }

    /// Notes what the shard knows of it beside itself: after a restart.
    pub fn restore(&self, fold: &mut Fold) {
        fold.deal_timers.extend(self.timer.map(|at| (at, self.key)));
    }

    /// Takes a stage event; a repeated one changes nothing.
    pub fn take(&mut self, stage: &DealStage<'_>, late: Option<Millis>, fold: &mut Fold) {
        let order = |event: &DealEvent| {
            event.at.cmp(&stage.occurred_at).then_with(|| stage.event_id.compare_text(&event.event_id).reverse())
        };
        let Err(place) = self.events.binary_search_by(order) else { return };
        if fold.rules.writes_attributions && self.id.is_none() {
            self.id = stage.deal_id.as_deref().map(Into::into);
        }
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
        let amounts = events.iter().filter_map(|event| Some((event.at, event.amount?)));
        let amounts: Vec<_> = amounts.filter(|_| rules.dates_amounts).collect();
        let told = leads.into_iter().filter_map(|lead| {
            let owned = owned(&events, lead);
            let (deal, won_by, amounts) = (self.key, won_by.clone(), amounts.clone());
            let deal_id = self.id.as_deref().map(ToOwned::to_owned);
            let first = events.iter().find(|event| event.lead == lead).map(|event| event.at);
            let since = first.filter(|_| rules.unit == AttributionUnit::Contacts);
            let facts = DealFacts { deal, deal_id, entries, lost, won_by, amounts, open, owned, since };
            let concerns = !facts.owned.is_empty() || since.is_some();
            concerns.then_some((Recipient::Lead(lead), Known::Deal(facts)))
        });
        told.collect()
    }

    /// Its id, and what is stated of its entry into a stage.
    #[must_use]
    pub fn stated(&self, stage: &str) -> Option<(&str, &Statement)> {
        Some((self.id.as_deref()?, self.statements.current(stage)?))
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
            + self.statements.bytes()
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
