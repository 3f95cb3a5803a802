//! Questions about single leads: the shard that has the lead answers from its fold, between two batches.

use tokio::sync::oneshot;

use super::placement::Desk;
use crate::model::entity::EntityKey;
use crate::publish::http::{Found, Leads};
use crate::shards::Shard;

/// Says where the owner of a shard answers, if that is known.
pub type Owners = Box<dyn Fn(u16) -> Option<String> + Send + Sync>;

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
        (self.owners)(EntityKey::of(lead_id).home(self.shards))
    }
}
