//! Questions about single leads, and about the conversions of all: the shard that has them answers from its fold, between
//! two batches.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::placement::Desk;
use crate::model::entity::EntityKey;
use crate::model::time::Millis;
use crate::publish::http::{Found, Leads};
use crate::shards::Shard;
use crate::shards::conversions::{Asked, Looked};

/// Says where the owners of shards answer, as far as that is known.
pub type Owners = Box<dyn Fn(&[u16]) -> Vec<Option<String>> + Send + Sync>;

pub struct LeadDesk {
    /// None: this instance has no shards.
    desk: Option<Desk<Shard>>,
    shards: u16,
    owners: Owners,
}

impl LeadDesk {
    #[must_use]
    pub fn new(desk: Option<Desk<Shard>>, shards: u16, owners: Owners) -> Self {
        Self { desk, shards, owners }
    }
}

impl Leads for LeadDesk {
    fn ask(&self, lead_id: &str, answer: oneshot::Sender<Found>) {
        // Who does not wait any more has hung up.
        let Some(desk) = &self.desk else { return drop(answer.send(Found::Elsewhere)) };
        let id = lead_id.to_owned();
        let question = move |fold: Option<&Shard>| {
            let profile = |fold: &Shard| {
                let profile = fold.profile(&id)?;
                Some(serde_json::to_vec(&profile).expect("texts and numbers always encode"))
            };
            drop(answer.send(fold.map_or(Found::Elsewhere, |fold| Found::Here(profile(fold)))));
        };
        desk.ask(EntityKey::of(lead_id).home(self.shards), Box::new(question));
    }

    fn owner(&self, lead_id: &str) -> Option<String> {
        self.owners(&[EntityKey::of(lead_id).home(self.shards)]).pop()?
    }

    fn shards(&self) -> u16 {
        self.shards
    }

    fn look(
        &self,
        shard: u16,
        asked: &Arc<Asked>,
        from: usize,
        floor: Millis,
        answer: oneshot::Sender<Option<Looked>>,
    ) {
        let Some(desk) = &self.desk else { return drop(answer.send(None)) };
        let asked = Arc::clone(asked);
        let question = move |fold: Option<&Shard>| {
            // Who does not wait any more is not worth a look.
            if !answer.is_closed() {
                drop(answer.send(fold.map(|fold| fold.conversions(&asked, from, floor))));
            }
        };
        desk.ask(shard, Box::new(question));
    }

    fn owners(&self, shards: &[u16]) -> Vec<Option<String>> {
        (self.owners)(shards)
    }
}
