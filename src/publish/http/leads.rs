//! `/api/v1/leads/{lead_id}`: one lead's journey, stages, score and credits. The instance that has the lead's shard
//! answers; every other one sends there.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::oneshot;
use url::Url;

use super::Site;
use super::answer::{Refusal, json_bytes};
use super::operations::{self, Answer, Operation, Parameter};
use crate::model::time::Millis;
use crate::shards::conversions::{Asked, Looked};
use crate::shards::lead::profile::Profile;

pub(super) const LEAD: Operation = Operation {
    path: "/api/v1/leads/{lead_id}",
    name: "lead",
    summary: "One lead's journey, stages, score and credits",
    about: "Answered by the instance that has the lead; every other one sends there. A lead that was erased is unknown.",
    parameters: &[Parameter { name: "lead_id", about: "As records spell it", schema: operations::text }],
    answer: Answer::Json(|schemas| schemas.subschema_for::<Profile>()),
    refusals: &[307, 404, 503],
    handler: |served| get(lead).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

/// A shard that folds a large backlog answers between two batches.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What a shard says of a lead.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Its profile, as JSON; none if nothing is known of it.
    Here(Option<Vec<u8>>),
    /// The shard is another instance's, or nobody's.
    Elsewhere,
}

/// Who is asked about leads.
pub trait Leads: Send + Sync {
    /// The answer comes when the shard has time.
    fn ask(&self, lead_id: &str, answer: oneshot::Sender<Found>);
    /// Where the instance answers that has the lead's shard, if one says that it has. May wait for Kafka.
    fn owner(&self, lead_id: &str) -> Option<String>;
    /// How many shards there are, numbered from 0.
    fn shards(&self) -> u16;
    /// Looks through some of a shard for conversions, see there; the answer comes when the shard has time: none if it is
    /// another instance's, or nobody's.
    fn look(&self, shard: u16, asked: &Arc<Asked>, from: usize, floor: Millis, to: oneshot::Sender<Option<Looked>>);
    /// Where the instances answer that have these shards, as far as they say so. May wait for Kafka.
    fn owners(&self, shards: &[u16]) -> Vec<Option<String>>;
}

/// Whoever is to be asked, once the instance runs.
pub type LateLeads = Arc<OnceLock<Arc<dyn Leads>>>;

async fn lead(State(site): State<Arc<Site>>, Path(lead_id): Path<String>) -> Result<Response, Refusal> {
    let leads = site.leads.get().ok_or_else(|| unavailable("this instance has not begun yet"))?;
    let (answer, answered) = oneshot::channel();
    leads.ask(&lead_id, answer);
    let found = tokio::time::timeout(PATIENCE, answered).await;
    match found.map_err(|_| unavailable("the lead's shard is busy"))? {
        Ok(Found::Here(Some(profile))) => Ok(json_bytes(profile)),
        Ok(Found::Here(None)) => Err(unknown()),
        Ok(Found::Elsewhere) => {
            let (leads, id) = (Arc::clone(leads), lead_id.clone());
            let owner = tokio::task::spawn_blocking(move || leads.owner(&id)).await.ok().flatten();
            owner.and_then(|owner| there(&owner, &lead_id)).ok_or_else(|| {
                unavailable(
                    "no instance has the lead's shard at the moment, or its owner does not say where it answers",
                )
                .hint("`http.advertise` is the address that an instance says")
            })
        }
        Err(_) => Err(unavailable("this instance is stopping")),
    }
}

pub(super) fn unavailable(reason: &str) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason)
}

fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "unknown_lead", "nothing is known of this lead")
        .hint("ids are those of the records, letter by letter; of a lead that was erased nothing is known")
}

/// Sends to another instance.
fn there(owner: &str, lead_id: &str) -> Option<Response> {
    let mut address = Url::parse(owner).ok()?;
    address.path_segments_mut().ok()?.pop_if_empty().extend(["api", "v1", "leads", lead_id]);
    Some((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, address.to_string())]).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_part_of_the_path() {
        let response = there("http://10.0.0.7:9464", "a/b?c@x.de").expect("an address");
        let location = response.headers()[header::LOCATION].to_str().expect("text");
        assert_eq!(location, "http://10.0.0.7:9464/api/v1/leads/a%2Fb%3Fc@x.de");
        assert!(there("nowhere", "l").is_none());
    }
}
