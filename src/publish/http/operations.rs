//! Every route, as it is served and as the OpenAPI document tells of it: from this one list both are made, so that none
//! is without the other. What an operation asks and answers stands in its own file.

use std::sync::Arc;

use axum::routing::{MethodRouter, get};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Site, alerts, api, assets, comparison, conversions, health, leads, openapi, stream, what_if};
use crate::config::Config;
use crate::kpi::measures::{DEMO, MEETING};
use crate::model::stage::Stage;

/// What handlers are made with.
pub(super) struct Served {
    pub site: Arc<Site>,
    pub ended: watch::Receiver<bool>,
}

pub(super) struct Operation {
    pub path: &'static str,
    pub name: &'static str,
    /// Half a line, without a full stop.
    pub summary: &'static str,
    pub about: &'static str,
    pub parameters: &'static [Parameter],
    /// Whether every dimension of rows is a parameter, too.
    pub by_dims: bool,
    pub answer: Answer,
    /// The codes of refusals, beside that of the token.
    pub refusals: &'static [u16],
    /// Whether the token is asked for.
    pub guarded: bool,
    pub handler: fn(&Served) -> MethodRouter,
}

#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub name: &'static str,
    pub about: &'static str,
    /// Its JSON Schema, as far as the configuration says more.
    pub schema: fn(&Config) -> Value,
}

pub(super) enum Answer {
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// Published records, in an array.
    Records(&'static str),
    Text(&'static str),
    /// The document itself.
    Document,
}

impl Operation {
    /// Where something is left out.
    pub const PLAIN: Self = Self {
        path: "",
        name: "",
        summary: "",
        about: "",
        parameters: &[],
        by_dims: false,
        answer: Answer::Document,
        refusals: &[],
        guarded: true,
        handler: |_| get(|| async {}),
    };
}

pub(super) const ALL: &[&Operation] = &[
    &assets::PAGE,
    &health::ALIVE,
    &health::READY,
    &health::METRICS,
    &api::KPIS,
    &stream::STREAM,
    &alerts::ALERTS,
    &comparison::ATTRIBUTION,
    &conversions::CONVERSIONS,
    &leads::LEAD,
    &what_if::WHAT_IF,
    &api::CATALOGUE,
    &api::STATUS,
    &openapi::OPENAPI,
];

// Schemas of parameters.

pub(super) fn text(_: &Config) -> Value {
    json!({ "type": "string" })
}

/// A list, with commas.
pub(super) fn texts(_: &Config) -> Value {
    json!({ "type": "array", "items": { "type": "string" } })
}

pub(super) fn window(config: &Config) -> Value {
    let windows: Vec<String> = config.time.windows.iter().map(ToString::to_string).collect();
    json!({ "type": "string", "enum": windows })
}

pub(super) fn start(_: &Config) -> Value {
    let moments = [json!({ "type": "integer", "format": "int64" }), json!({ "type": "string", "format": "date-time" })];
    json!({ "anyOf": [moments[0], moments[1], { "const": "running" }] })
}

pub(super) fn stage(_: &Config) -> Value {
    json!({ "type": "string", "enum": Stage::LADDER.map(Stage::name), "default": Stage::Won.name() })
}

pub(super) fn stage_or_booking(_: &Config) -> Value {
    let names: Vec<&str> = Stage::LADDER.iter().map(|stage| stage.name()).chain([DEMO, MEETING]).collect();
    json!({ "type": "string", "enum": names, "default": Stage::Won.name() })
}

pub(super) fn truth(_: &Config) -> Value {
    json!({ "type": "boolean", "default": false })
}
