//! Leads that are to be forgotten. Each shard forgets in the order of its own journal what visitors and deals know of a
//! lead, and says so behind everything that it had told of it before. When all have said so, nothing of the lead is under
//! way any more, and the lead itself goes. What was counted stays counted, whatever the order in which shards come to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Shard;
use super::deal::Deal;
use super::forward::{Known, News, Recipient};
use super::lead::Lead;
use super::visibility::Visible;
use super::visitor::Visitor;
use crate::model::entity::EntityKey;

/// Leads of which some shards have said that they forgot them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Erasures {
    heard: BTreeMap<EntityKey, BTreeSet<u16>>,
    done: u64,
}

impl Shard {
    /// Lets go of what visitors and deals know of a lead.
    pub(super) fn let_go(&mut self, lead: EntityKey) {
        for key in self.visitors.keys_where(|visitor| visitor.knows(lead)) {
            let is_left = self.visitors.get_or_insert(key, || Visitor::new(key)).forget(lead, &mut self.fold);
            if !is_left {
                self.visitors.remove(key);
            }
        }
        for key in self.deals.keys_where(|deal| deal.names(lead)) {
            self.deals.get_or_insert(key, || Deal::new(key)).disown(lead);
        }
        self.fold.news.push(News::always(Recipient::Lead(lead), Known::Erased));
    }

    /// Tells a lead what a shard says of it; the last thing may be that it has forgotten it.
    pub(super) fn tell_lead(&mut self, key: EntityKey, told: &[(Known, Visible, bool)], from: u16) {
        for told in told.split_inclusive(|(known, ..)| *known == Known::Erased) {
            let before = told.split_last().filter(|((known, ..), _)| *known == Known::Erased).map(|(_, before)| before);
            let news = before.unwrap_or(told);
            if !news.is_empty() {
                self.leads.get_or_insert(key, || Lead::new(key)).hear(news, &mut self.fold);
            }
            if before.is_some() {
                self.forgot(key, from);
            }
        }
    }

    /// A shard has forgotten a lead that lives here. When it was the last one, the lead goes.
    fn forgot(&mut self, key: EntityKey, from: u16) {
        let heard = self.erasures.heard.entry(key).or_default();
        heard.insert(from);
        if heard.len() < usize::from(self.fold.rules.shards) {
            return;
        }
        self.erasures.heard.remove(&key);
        self.erasures.done += 1;
        let pseudonym = EntityKey::of(&format!("(forgotten {}/{})", self.number, self.erasures.done));
        if let Some(lead) = self.leads.remove(key) {
            lead.forget(pseudonym, &mut self.fold);
        }
        self.fold.lead_ids.forget(key);
    }
}
