//! `/api/v1/what-if`: what so many more sessions of a channel would bring, at the ratios of the running window.
//!
//! Parameters: `channel` (not given: of all channels), `sessions` (default `what_if.extra_sessions`), `window` (default
//! the longest rolling one, else `all`). Leads are sessions × session_lead_ratio, as in `what_if_leads`; from them on
//! it goes by the stages' ratios: mqls, sqls, customers, then revenue by the average deal value; cost is that of so
//! many leads. Each outcome has the row that it was computed with: the channel's, or the total's where the channel has
//! none with a value (`of` says which). `low` and `high` go by the 95 % interval of that one ratio alone, where it has
//! one. What cannot be computed has no value and says why; so has what follows from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::Site;
use super::answer::{self, Refusal};
use super::api::why_nothing_yet;
use super::openapi::kpi_update_or_null;
use super::operations::{self, Answer, Operation, Parameter};
use super::question::{did_you_mean, unknown_parameter};
use crate::config::channel_id;
use crate::kpi::quantities::CREDIT_MODEL;
use crate::model::window::WindowKind;
use crate::publish::board::{Start, Wanted};
use crate::publish::kpi_update::to_json;
use crate::rollup::row::Row;

const LEADS: &str = "session_lead_ratio";
const MOST_SESSIONS: u64 = 1_000_000_000;

pub(super) const WHAT_IF: Operation = Operation {
    path: "/api/v1/what-if",
    name: "whatIf",
    summary: "What so many more sessions of a channel would bring, at the ratios of the running window",
    parameters: PARAMETERS,
    answer: Answer::Json(|schemas| schemas.subschema_for::<WhatIf>()),
    refusals: &[400, 404, 503],
    handler: |served| get(what_if).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "channel", about: "A channel; not given: all of them", schema: operations::text },
    Parameter {
        name: "sessions",
        about: "How many more",
        schema: |config| {
            let usual = config.what_if_extra_sessions;
            json!({ "type": "integer", "minimum": 1, "maximum": MOST_SESSIONS, "default": usual })
        },
    },
    Parameter {
        name: "window",
        about: "Whose ratios; not given: the longest rolling window, else `all`",
        schema: operations::window,
    },
];

/// What follows from what by which KPI.
const STEPS: [(&str, &str, &str); 6] = [
    ("leads", "sessions", LEADS),
    ("mqls", "leads", "lead_mql_ratio"),
    ("sqls", "mqls", "mql_sql_ratio"),
    ("customers", "sqls", "sql_customer_ratio"),
    ("revenue", "customers", "average_deal_value"),
    ("cost", "leads", "cost_per_lead"),
];

#[derive(Debug, PartialEq, Eq)]
struct Question {
    channel: Option<String>,
    sessions: u64,
    window: WindowKind,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WhatIf {
    channel: Option<String>,
    sessions: u64,
    window: String,
    watermark: Option<i64>,
    currency: String,
    outcomes: Vec<Outcome>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Outcome {
    name: &'static str,
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    /// What is multiplied by the ratio.
    from: &'static str,
    /// Whose ratio: `channel` or `total`.
    of: Option<&'static str>,
    /// The row, as it is published.
    #[schemars(schema_with = "kpi_update_or_null")]
    ratio: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

async fn what_if(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let question = Question::read(&query.unwrap_or_default(), &site)?;
    if let Some(channel) = &question.channel {
        check_channel(channel, &site)?;
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (name, from, kpi) in STEPS {
        let base = match outcomes.iter().find(|known| known.name == from) {
            Some(known) => known.value,
            None => Some(question.sessions as f64),
        };
        outcomes.push(question.outcome((name, from, kpi), base, &site)?);
    }
    Ok(answer::json(&WhatIf {
        channel: question.channel,
        sessions: question.sessions,
        window: question.window.to_string(),
        watermark: site.board.status().watermark.map(|at| at.0),
        currency: site.config.money.currency.clone(),
        outcomes,
    }))
}

/// The kinds of windows that have the ratio of sessions to leads.
fn windows(site: &Site) -> Result<Vec<WindowKind>, Refusal> {
    let families = site.families.families.iter();
    let total = families.filter(|family| site.families.kpis[family.kpi].id == LEADS && family.dims.is_empty());
    let kinds: Vec<WindowKind> = total.flat_map(|family| family.kinds.iter().copied()).collect();
    if kinds.is_empty() {
        let refusal = Refusal::new(StatusCode::NOT_FOUND, "not_computed", format!("`{LEADS}` is not computed"));
        return Err(refusal.hint(format!("add `{LEADS}` to `output.kpis`")));
    }
    Ok(kinds)
}

fn longest(kinds: &[WindowKind]) -> WindowKind {
    let rolling = kinds.iter().copied().filter(|kind| kind.is_rolling()).max();
    let all = kinds.iter().copied().find(|kind| *kind == WindowKind::All);
    rolling.or(all).or_else(|| kinds.iter().copied().max()).unwrap_or(WindowKind::All)
}

/// A channel that some row or the configuration names.
fn check_channel(channel: &str, site: &Site) -> Result<(), Refusal> {
    if let Some(reason) = why_nothing_yet(site) {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "nothing_yet", reason));
    }
    let kpis = STEPS.iter().map(|(_, _, kpi)| (*kpi).to_owned()).collect();
    let rows = site.board.find(&Wanted { kpis, start: Start::Running, ..Wanted::default() }, usize::MAX);
    let dims = rows.iter().flat_map(|row| row.id.dims.iter());
    let seen = dims.filter(|(name, _)| *name == "channel").map(|(_, value)| &**value);
    let config = &site.config.channels;
    let configured = config.rules.iter().map(|rule| &*rule.channel).chain(config.groups.keys().map(String::as_str));
    let known: BTreeSet<&str> = seen.chain(configured).collect();
    if known.contains(channel) {
        return Ok(());
    }
    let reason = format!("there is nothing of a channel `{channel}`");
    let refusal = Refusal::new(StatusCode::NOT_FOUND, "unknown_channel", reason);
    Err(did_you_mean(
        refusal.hint("/api/v1/kpis?kpi=sessions&start=running&dims=channel has those that there are"),
        channel,
        known.into_iter(),
    ))
}

impl Question {
    fn read(query: &str, site: &Site) -> Result<Self, Refusal> {
        let kinds = windows(site)?;
        let sessions = site.config.what_if_extra_sessions;
        let mut question = Self { channel: None, sessions, window: longest(&kinds) };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "channel" => question.channel = Some(channel_id(&value)).filter(|channel| !channel.is_empty()),
                "sessions" => question.sessions = read_sessions(&value)?,
                "window" => question.window = read_window(&value, &kinds)?,
                _ => return Err(unknown_parameter(&name, PARAMETERS)),
            }
        }
        Ok(question)
    }

    fn outcome(
        &self,
        (name, from, kpi): (&'static str, &'static str, &str),
        base: Option<f64>,
        site: &Site,
    ) -> Result<Outcome, Refusal> {
        let outcome = Outcome { name, from, ..Outcome::default() };
        let Some(base) = base else {
            return Ok(Outcome { because: Some(format!("{from} are not known")), ..outcome });
        };
        let Some((of, row)) = self.ratio(kpi, site) else {
            let because = format!("no row of {kpi} in {} has a value", self.window);
            return Ok(Outcome { because: Some(because), ..outcome });
        };
        let json = to_json(&row).ok().and_then(|json| String::from_utf8(json).ok());
        Ok(Outcome {
            value: row.says.value.map(|ratio| ratio.to_f64() * base),
            low: row.says.low.map(|low| low * base),
            high: row.says.high.map(|high| high * base),
            of: Some(of),
            ratio: json.and_then(|json| RawValue::from_string(json).ok()),
            ..outcome
        })
    }

    /// The channel's row of the running window, else the total's, if it has a value.
    fn ratio(&self, kpi: &str, site: &Site) -> Option<(&'static str, Arc<Row>)> {
        let find = |dims: &[(&str, &str)]| {
            let wanted = Wanted {
                kpis: vec![kpi.to_owned()],
                windows: vec![self.window],
                start: Start::Running,
                dims: dims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
                sets: vec![dims.iter().map(|(name, _)| (*name).to_owned()).collect()],
            };
            site.board.find(&wanted, 1).into_iter().find(|row| row.says.value.is_some())
        };
        let channel = self.channel.as_deref().and_then(|channel| {
            find(&[("channel", channel)]).or_else(|| find(&[("channel", channel), ("model", model(site))]))
        });
        channel.map(|row| ("channel", row)).or_else(|| Some(("total", find(&[])?)))
    }
}

/// The model of credit where rows are by model: the last touch, else the first that is enabled.
fn model(site: &Site) -> &str {
    let models = &site.config.attribution.models;
    let last = models.iter().find(|model| model.name() == CREDIT_MODEL);
    last.or_else(|| models.iter().find(|model| model.is_rule_based())).map_or(CREDIT_MODEL, |model| model.name())
}

fn read_sessions(text: &str) -> Result<u64, Refusal> {
    let sessions = text.trim().parse().ok().filter(|sessions| (1..=MOST_SESSIONS).contains(sessions));
    sessions.ok_or_else(|| {
        let hint = format!("a whole number from 1 to {MOST_SESSIONS}");
        Refusal::bad("invalid_sessions", format!("`{text}` is no number of sessions")).hint(hint)
    })
}

fn read_window(text: &str, kinds: &[WindowKind]) -> Result<WindowKind, Refusal> {
    WindowKind::parse(text).filter(|window| kinds.contains(window)).ok_or_else(|| {
        let names: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        let hint = format!("`{LEADS}` has rows in {}", names.join(", "));
        Refusal::bad("unknown_window", format!("there is no window `{text}`")).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn read(config: &str, query: &str) -> Result<Question, Refusal> {
        let config = Config::parse(config, "", std::iter::empty()).expect("a valid configuration");
        Question::read(query, &Site::new(&config, Arc::default(), Arc::default()))
    }

    #[test]
    fn what_is_not_given_has_a_default() {
        let question = |channel: Option<&str>, sessions, window| {
            Ok(Question { channel: channel.map(str::to_owned), sessions, window })
        };
        assert_eq!(read("", ""), question(None, 50, WindowKind::Rolling(90)));
        assert_eq!(
            read("", "channel=Paid%20Search&sessions=7&window=1mo"),
            question(Some("paid_search"), 7, WindowKind::Month)
        );
        let windows = |names: &str| format!("[time]\nwindows = [{names}]\n[what_if]\nextra_sessions = 9\n");
        assert_eq!(read(&windows("\"1d\", \"all\", \"now\""), ""), question(None, 9, WindowKind::All));
        assert_eq!(read(&windows("\"1d\", \"1h\""), "channel="), question(None, 9, WindowKind::Day));
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (config, query, error, hint) in [
            ("", "sessions=0", "invalid_sessions", "a whole number from 1 to 1000000000"),
            ("", "sessions=many", "invalid_sessions", "a whole number from 1 to 1000000000"),
            ("", "window=1w", "unknown_window", "`session_lead_ratio` has rows in 1h, 1d, 1mo, 1q, 30d, 90d, all"),
            ("", "window=now", "unknown_window", "`session_lead_ratio` has rows in 1h, 1d, 1mo, 1q, 30d, 90d, all"),
            ("", "session=5", "unknown_parameter", "did you mean `sessions`?"),
            ("[output]\nkpis = [\"leads\"]\n", "", "not_computed", "add `session_lead_ratio` to `output.kpis`"),
        ] {
            let refusal = read(config, query).expect_err(query);
            assert_eq!((refusal.error, refusal.hint.as_deref()), (error, Some(hint)), "{query}");
        }
    }
}
