//! Asks the shards for conversions: those of this instance a part at a time, between their batches, a few at once; those
//! of other instances through their own answers to the same question.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Client;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::super::Site;
use super::super::leads::{Leads, PATIENCE};
use super::{Conversions, Question};
use crate::kpi::measures::Scale;
use crate::model::money::Credit;
use crate::model::time::Millis;
use crate::shards::conversions::{Asked, Conversion};

/// Shards that are looked through at the same time, whoever asks.
pub(in crate::publish::http) const AT_ONCE: usize = 4;

/// What there is, and why there may be more.
pub(super) struct Found {
    pub latest: Latest,
    pub missing: Vec<String>,
}

/// All that was found, of which only the latest are kept.
#[derive(Default)]
pub(super) struct Latest {
    pub total: u64,
    credit: i64,
    most: usize,
    pub conversions: Vec<Conversion>,
}

/// A shard that another instance may have, or what was found in one of this instance.
enum Local {
    Elsewhere(u16),
    Busy(u16),
    Here(Latest),
}

impl Latest {
    const fn new(most: usize) -> Self {
        Self { total: 0, credit: 0, most, conversions: Vec::new() }
    }

    pub fn credit(&self) -> f64 {
        Scale::Credit.to_f64(self.credit)
    }

    fn take(&mut self, total: u64, credit: i64, conversions: Vec<Conversion>) {
        self.total += total;
        self.credit += credit;
        self.conversions.extend(conversions);
        self.conversions.sort_by_cached_key(Conversion::place);
        self.conversions.truncate(self.most);
    }

    /// Nothing that is earlier is kept.
    fn floor(&self) -> Millis {
        let last = self.conversions.last().filter(|_| self.conversions.len() == self.most);
        last.map_or(Millis::MIN, |last| Millis(last.time))
    }
}

pub(super) async fn gather(site: &Arc<Site>, leads: &Arc<dyn Leads>, question: &Question, shards: Vec<u16>) -> Found {
    let asked = Arc::new(question.asked.clone());
    let mut found = Found { latest: Latest::new(asked.most), missing: Vec::new() };
    let mut looks = JoinSet::new();
    for shard in shards {
        let (site, leads, asked) = (Arc::clone(site), Arc::clone(leads), Arc::clone(&asked));
        looks.spawn(async move {
            let look = look_through(&site, &leads, &asked, shard);
            timeout(PATIENCE, look).await.unwrap_or(Local::Busy(shard))
        });
    }
    let mut elsewhere = Vec::new();
    while let Some(looked) = looks.join_next().await {
        match looked {
            Ok(Local::Here(latest)) => found.latest.take(latest.total, latest.credit, latest.conversions),
            Ok(Local::Elsewhere(shard)) => elsewhere.push(shard),
            Ok(Local::Busy(shard)) => found.missing.push(format!("shard {shard} is busy")),
            Err(error) => found.missing.push(format!("a shard could not be asked: {error}")),
        }
    }
    elsewhere.sort_unstable();
    if question.local {
        found.missing.extend((!elsewhere.is_empty()).then(|| format!("not here: {}", named(&elsewhere))));
    } else if !elsewhere.is_empty() {
        ask_others(site, leads, question, elsewhere, &mut found).await;
    }
    found.missing.sort();
    found
}

/// One shard from its first entity to its last.
async fn look_through(site: &Site, leads: &Arc<dyn Leads>, asked: &Arc<Asked>, shard: u16) -> Local {
    let mut latest = Latest::new(asked.most);
    let mut from = 0;
    // Never closed.
    let _place = site.looks.acquire().await;
    loop {
        let (answer, answered) = oneshot::channel();
        leads.look(shard, asked, from, latest.floor(), answer);
        match answered.await {
            Ok(Some(looked)) => {
                latest.take(looked.total, looked.credit, looked.latest);
                let Some(next) = looked.next else { return Local::Here(latest) };
                from = next;
            }
            Ok(None) | Err(_) => return Local::Elsewhere(shard),
        }
    }
}

fn named(shards: &[u16]) -> String {
    let numbers: Vec<String> = shards.iter().map(ToString::to_string).collect();
    format!("shard{} {}", if shards.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

/// Each instance that has some of the shards answers for all of these at once.
async fn ask_others(
    site: &Arc<Site>,
    leads: &Arc<dyn Leads>,
    question: &Question,
    shards: Vec<u16>,
    found: &mut Found,
) {
    let (asking, wanted) = (Arc::clone(leads), shards.clone());
    let owners = tokio::task::spawn_blocking(move || asking.owners(&wanted)).await.unwrap_or_default();
    let owners = owners.into_iter().chain(std::iter::repeat(None));
    let mut by_owner: BTreeMap<Option<String>, Vec<u16>> = BTreeMap::new();
    for (shard, owner) in shards.into_iter().zip(owners) {
        by_owner.entry(owner).or_default().push(shard);
    }
    if let Some(nobodys) = by_owner.remove(&None) {
        let reason = "no instance has it at the moment, or its owner does not say where it answers";
        found.missing.push(format!("{}: {reason} (`http.advertise`)", named(&nobodys)));
    }
    let mut answers = JoinSet::new();
    for (owner, shards) in by_owner {
        let (site, owner, query) = (Arc::clone(site), owner.unwrap_or_default(), question.query(&shards));
        answers.spawn(async move {
            let answer = timeout(PATIENCE, ask(&site, &owner, &query)).await;
            let answer = answer.unwrap_or_else(|_| Err("does not answer in time".to_owned()));
            answer.map_err(|reason| format!("{}: {owner} {reason}", named(&shards)))
        });
    }
    while let Some(answer) = answers.join_next().await {
        match answer.unwrap_or_else(|error| Err(format!("another instance could not be asked: {error}"))) {
            Ok(there) => {
                let credit = (there.credit * Credit::WHOLE as f64).round() as i64;
                found.latest.take(there.total, credit, there.conversions);
                found.missing.extend(there.missing);
            }
            Err(reason) => found.missing.push(reason),
        }
    }
}

/// Another instance's answer of its own. It has the same configuration, and so asks for the same token.
async fn ask(site: &Site, owner: &str, query: &str) -> Result<Conversions, String> {
    let mut address = Url::parse(owner).map_err(|error| format!("is no address: {error}"))?;
    if let Ok(mut path) = address.path_segments_mut() {
        path.pop_if_empty().extend(["api", "v1", "conversions"]);
    }
    address.set_query(Some(query));
    let mut request = site.client.get_or_init(Client::new).get(address);
    if let Some(token) = &site.config.http.token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.map_err(|error| format!("cannot be reached: {error}"))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|error| format!("breaks off: {error}"))?;
    if !status.is_success() {
        return Err(format!("answers {status}"));
    }
    serde_json::from_slice(&body).map_err(|error| format!("answers what cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::conversions::SubjectType;

    fn conversion(time: i64, subject: &str) -> Conversion {
        Conversion {
            subject: subject.to_owned(),
            subject_type: SubjectType::Lead,
            lead_id: None,
            account_id: None,
            deal_id: None,
            stage: "lead".to_owned(),
            time,
            value: None,
            credit: 1.0,
            unattributed: None,
            touches: Vec::new(),
            touches_left_out: 0,
        }
    }

    #[test]
    fn the_latest_are_kept_and_all_are_counted() {
        let mut latest = Latest::new(2);
        latest.take(1, Credit::WHOLE, vec![conversion(5, "b")]);
        assert_eq!(latest.floor(), Millis::MIN);
        latest.take(3, 500_000_000, vec![conversion(9, "c"), conversion(5, "a"), conversion(1, "d")]);
        let kept: Vec<_> = latest.conversions.iter().map(|of| (of.time, &*of.subject)).collect();
        assert_eq!((kept, latest.floor()), (vec![(9, "c"), (5, "a")], Millis(5)));
        assert_eq!((latest.total, latest.credit()), (4, 1.5));
        assert_eq!((named(&[2]), named(&[2, 3])), ("shard 2".to_owned(), "shards 2, 3".to_owned()));
    }
}
