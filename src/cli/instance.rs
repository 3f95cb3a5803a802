//! A running instance, as commands ask it: its address and token come from the configuration, its answers are JSON, and
//! why there is none comes in the words of who was asked.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use super::BadUsage;
use crate::config::Config;

/// An instance sends to the owner of the shard; while shards move, perhaps more than once.
const MOST_HOPS: usize = 5;
/// Why an answer is empty.
const EMPTY_BECAUSE: &str = "tributary-empty-because";

pub(super) struct Instance {
    client: Client,
    base: Url,
    token: Option<String>,
}

pub(super) struct Answer {
    pub body: Value,
    pub empty_because: Option<String>,
}

impl Instance {
    /// At the address that is given, else at that of `http.listen`.
    pub fn find(config: &Config, at: Option<&str>, patience: Duration) -> anyhow::Result<Self> {
        let of_config = || config.http.address(config.http.listen);
        let text = at.map(str::to_owned).or_else(of_config).ok_or_else(|| {
            BadUsage("`http.listen` is no address to ask at: give --at, such as --at http://localhost:9464".to_owned())
        })?;
        let base = Url::parse(&text).map_err(|error| BadUsage(format!("--at {text}: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(BadUsage(format!("--at {text}: no URL, such as http://localhost:9464")).into());
        }
        let client = Client::builder().timeout(patience).redirect(Policy::none()).build()?;
        Ok(Self { client, base, token: config.http.token.clone() })
    }

    /// Where it is, for messages.
    pub fn address(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// What it answers to a path of segments and a query.
    pub fn get(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let mut address = self.base.clone();
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        for _ in 0..MOST_HOPS {
            let mut request = self.client.get(address.clone());
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            let asking = || format!("asking {}", address.origin().ascii_serialization());
            let response = request.send().with_context(|| format!("{}: is an instance running there?", asking()))?;
            match response.status() {
                StatusCode::OK => return answer(response).with_context(asking),
                StatusCode::TEMPORARY_REDIRECT => {
                    let there = response.headers().get(LOCATION).and_then(|there| there.to_str().ok());
                    address = address.join(there.unwrap_or_default()).with_context(asking)?;
                }
                status => bail!("{}: {}", asking(), refusal(status, response)),
            }
        }
        bail!("sent from instance to instance: shards are moving, try again")
    }
}

fn answer(response: Response) -> reqwest::Result<Answer> {
    let reason = response.headers().get(EMPTY_BECAUSE).and_then(|reason| reason.to_str().ok()).map(str::to_owned);
    Ok(Answer { body: response.json()?, empty_because: reason })
}

/// Why there is no answer, in the words of who was asked.
fn refusal(status: StatusCode, response: Response) -> String {
    let body: Value = response.json().unwrap_or_default();
    match (body["reason"].as_str(), body["hint"].as_str()) {
        (Some(reason), Some(hint)) => format!("{reason} ({hint})"),
        (Some(reason), None) => reason.to_owned(),
        (None, _) if status == StatusCode::UNAUTHORIZED => "it asks for a token: `http.token_file`".to_owned(),
        (None, _) => format!("it answered {status}: is it tributary?"),
    }
}
