//! The configuration as it is written: the keys, their types and their defaults, in the words of the file. Whether the
//! words mean anything is `check`'s to say. The JSON schema is derived from these structs, and the structure of a file
//! is checked against that schema.

mod connections;
mod marketing;
mod numbers;
mod results;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use connections::*;
pub use marketing::*;
pub use numbers::*;
pub use results::*;

pub use super::place::{Placed, names};

pub type Text = Placed<String>;
pub type Names = Vec<Text>;

/// The configuration of tributary.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Raw {
    pub kafka: Kafka,
    pub topics: Topics,
    /// Where the writer schemas of Avro records are; optional.
    pub schema_registry: Option<SchemaRegistry>,
    /// Without a registry: Avro schema files by the id that records carry.
    pub schemas: BTreeMap<Text, Text>,
    pub time: Time,
    pub dedupe: Dedupe,
    pub identity: Identity,
    pub accounts: Accounts,
    pub journey: Journey,
    pub attribution: Attribution,
    pub funnel: Funnel,
    pub sla: Sla,
    pub scoring: Scoring,
    /// Where leads go: the first whose predicates all hold.
    pub routes: Vec<Route>,
    /// Named groups of leads; a lead may be in any number.
    pub segments: Vec<Segment>,
    pub channels: Channels,
    pub money: Money,
    /// What is planned to be spent, by channel and window.
    pub budgets: Vec<Budget>,
    pub goals: Goals,
    pub experiments: Experiments,
    pub feedback: Feedback,
    /// Rules over KPIs, beside the built-in ones.
    pub alerts: Vec<Alert>,
    pub paths: Paths,
    pub what_if: WhatIf,
    /// KPIs of your own: formulas over measures.
    pub kpi: Vec<Kpi>,
    pub output: Output,
    pub metrics: Metrics,
    pub state: State,
    pub http: Http,
}

/// A text, a number or a truth value.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    Truth(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

/// An exact number: written as a number, or as text where a float would not hold it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Exact {
    Whole(i64),
    Number(f64),
    Text(String),
}

impl Scalar {
    /// As records spell it: `true`, `false`, numbers in their shortest form.
    pub fn spelled(&self) -> String {
        match self {
            Self::Truth(value) => value.to_string(),
            Self::Whole(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }
}
