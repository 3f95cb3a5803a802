//! `/api/v1/alerts`: alerts as the topic has them, sorted by rule and dimensions. `rule` takes several names, repeated
//! or with commas; `state` is `firing` or `resolved`; every other parameter is a dimension with the value that it must
//! have.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::json;
use url::form_urlencoded;

use super::Site;
use super::answer::{Refusal, json_bytes};
use super::api::{array_of, empty_because, why_nothing_yet};
use super::operations::{self, Answer, Operation, Parameter};
use super::question::{dim_or, list};
use crate::publish::alert::to_json;
use crate::rollup::alerts::Alert;

pub(super) const ALERTS: Operation = Operation {
    path: "/api/v1/alerts",
    name: "alerts",
    summary: "Alerts, as the topic has them, sorted by rule and dimensions",
    parameters: PARAMETERS,
    by_dims: true,
    answer: Answer::Records("Alert"),
    refusals: &[400],
    handler: |served| get(alerts).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "rule", about: "Names of rules; not given: all", schema: operations::texts },
    Parameter {
        name: "state",
        about: "Only alerts that fire, or only those that are over; not given: both",
        schema: |_| json!({ "type": "string", "enum": ["firing", "resolved"] }),
    },
];

#[derive(Debug, Default, PartialEq, Eq)]
struct Question {
    /// Empty: every rule.
    rules: Vec<String>,
    is_firing: Option<bool>,
    dims: Vec<(String, String)>,
}

async fn alerts(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let question = Question::read(&query.unwrap_or_default())?;
    let mut alerts = site.board.alerts();
    alerts.retain(|alert| question.includes(alert));
    if alerts.is_empty() {
        let reason = why_nothing_yet(&site);
        return Ok(empty_because(reason.as_deref().unwrap_or("no such alert has fired lately")));
    }
    Ok(json_bytes(array_of(alerts.iter().map(|alert| to_json(alert)))?))
}

impl Question {
    fn read(query: &str) -> Result<Self, Refusal> {
        let mut question = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "rule" => question.rules.extend(list(&value).map(str::to_owned)),
                "state" => question.is_firing = Some(is_firing(&value)?),
                _ => question.dims.push((dim_or(&name, PARAMETERS)?, value.into_owned())),
            }
        }
        Ok(question)
    }

    fn includes(&self, alert: &Alert) -> bool {
        let has =
            |(name, value): &(String, String)| alert.id.dims.iter().any(|(dim, text)| dim == name && **text == **value);
        (self.rules.is_empty() || self.rules.iter().any(|rule| **rule == *alert.id.rule))
            && self.is_firing.is_none_or(|wanted| wanted == alert.is_firing())
            && self.dims.iter().all(has)
    }
}

fn is_firing(state: &str) -> Result<bool, Refusal> {
    match state {
        "firing" => Ok(true),
        "resolved" => Ok(false),
        _ => {
            let refusal = Refusal::bad("invalid_state", format!("`{state}` is no state of an alert"));
            Err(refusal.hint("`firing` or `resolved`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_or_refused() {
        let texts = |of: &[&str]| of.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let expected = Question {
            rules: texts(&["a", "b c"]),
            is_firing: Some(true),
            dims: vec![("channel".to_owned(), "email".to_owned())],
        };
        assert_eq!(Question::read("rule=a,b%20c&state=firing&channel=email"), Ok(expected));
        for (query, error, hint) in [
            ("state=on", "invalid_state", "`firing` or `resolved`"),
            ("rul=a", "unknown_parameter", "did you mean `rule`?"),
            ("chanel=a", "unknown_parameter", "did you mean `channel`?"),
        ] {
            let refusal = Question::read(query).expect_err(query);
            assert_eq!((refusal.error, refusal.hint.as_deref()), (error, Some(hint)), "{query}");
        }
    }
}
