//! Keys about what comes out: budgets, goals, alerts, own KPIs, outputs, metrics, state.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Exact, Names, Placed, Text, names};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub channel: Text,
    pub window: Text,
    /// In the reporting currency.
    pub amount: Placed<Exact>,
    /// The first day of the one window it is for; without it, every window.
    pub start: Option<Text>,
}

/// What is to be reached.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Goals {
    /// Working days are Monday to Friday but for these.
    pub holidays: Names,
    pub ratios: Ratios,
    pub targets: Vec<Target>,
}

/// The share of each stage that enters the next one; what is not given is measured.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ratios {
    pub lead: Option<Placed<f64>>,
    pub mql: Option<Placed<f64>>,
    pub sal: Option<Placed<f64>>,
    pub sql: Option<Placed<f64>>,
    pub opportunity: Option<Placed<f64>>,
    pub proposal: Option<Placed<f64>>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub kpi: Text,
    pub window: Text,
    pub target: Placed<f64>,
    /// The first day of the one window it is for; without it, every window.
    pub start: Option<Text>,
}

/// How variants of an experiment are compared.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Experiments {
    /// Entering it is a success.
    pub stage: Text,
    /// The variant that the others are compared with.
    pub control: Text,
}

impl Default for Experiments {
    fn default() -> Self {
        Self { stage: Placed::text("lead"), control: Placed::text("control") }
    }
}

/// Conversions that are handed back to ad platforms.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Feedback {
    pub stages: Names,
    /// The oldest a click may be.
    pub lookback: Text,
}

impl Default for Feedback {
    fn default() -> Self {
        Self { stages: Vec::new(), lookback: Placed::text("30d") }
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    pub name: Text,
    /// A KPI, or a formula over KPIs, compared with a number, such as `email_delivery_ratio < 0.95`.
    pub when: Text,
    /// The kind of window whose running one is looked at.
    pub window: Text,
    /// The dimensions of the rows that it is about; not given, the total, or the fewest that the KPI has rows by.
    pub by: Option<Names>,
    /// Only where these KPIs are at least so great.
    #[serde(default)]
    pub at_least: BTreeMap<Text, Placed<f64>>,
}

/// Paths of channels to conversion.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    /// How many are published.
    #[schemars(range(min = 1))]
    pub top: usize,
}

impl Default for Paths {
    fn default() -> Self {
        Self { top: 20 }
    }
}

/// What more sessions would bring.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WhatIf {
    pub extra_sessions: u64,
}

impl Default for WhatIf {
    fn default() -> Self {
        Self { extra_sessions: 50 }
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kpi {
    pub id: Text,
    /// `count`, `ratio`, `currency`, `currency per day`, `seconds` or `score`.
    pub unit: Text,
    /// Over measures and KPIs, such as `spend / demos`.
    pub formula: Text,
    /// Sets of dimensions, besides the total.
    #[serde(default)]
    pub by: Vec<Names>,
}

/// What is published, and how often.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    pub encoding: OutputEncoding,
    /// The least time between two publications of a row.
    pub interval: Text,
    /// The same, for rows of windows that have ended.
    pub settle_interval: Text,
    /// What is not listed is neither kept nor written.
    pub ledgers: Names,
    /// Of a dimension; what is beyond goes to `(other)`.
    #[schemars(range(min = 1))]
    pub max_values: usize,
    /// Ids or globs; what none of them needs is not kept.
    pub kpis: Names,
    /// Rules of alerts to look at, built-in and own: names or globs.
    pub alerts: Names,
    /// Further sets of dimensions in rolling windows.
    pub rolling_dims: Vec<Names>,
    /// Further sets of dimensions in `1h` windows.
    pub hourly_dims: Vec<Names>,
    /// Rows whose window ended longer ago get tombstones; by kind of window, or `rolling`. Not given: `1m` 2d, `1h` 14d,
    /// `rolling` 100d; without `time.advance_when_idle`, which is for histories, all rows stay.
    pub retention: BTreeMap<Text, Text>,
}

impl Output {
    /// What holds of live streams where nothing else is given.
    pub fn default_retention() -> BTreeMap<Text, Text> {
        let defaults = [("1m", "2d"), ("1h", "14d"), ("rolling", "100d")];
        defaults.into_iter().map(|(kind, keep)| (Placed::text(kind), Placed::text(keep))).collect()
    }
}

impl Default for Output {
    fn default() -> Self {
        Self {
            encoding: OutputEncoding::default(),
            interval: Placed::text("1s"),
            settle_interval: Placed::text("1h"),
            ledgers: names(&["attributions", "lead-lifecycle", "conversions", "suppressions"]),
            max_values: 10_000,
            kpis: names(&["*"]),
            alerts: names(&["*"]),
            rolling_dims: Vec::new(),
            hourly_dims: Vec::new(),
            retention: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputEncoding {
    #[default]
    Json,
    Avro,
}

/// What Prometheus sees.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Label sets of a metric; what is beyond goes to `(other)`.
    #[schemars(range(min = 1))]
    pub max_series: usize,
    /// Ids or globs.
    pub kpis: Names,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { max_series: 10_000, kpis: names(&["*"]) }
    }
}

/// Snapshots and the journal.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// A snapshot is taken when the journal since the last one is as long as it, and at least this long.
    pub snapshot_min_tail: Text,
    pub journal_retention: Text,
    /// Followers of each shard, ready to take over: there are none yet, whatever is set.
    pub standby: u16,
}

impl Default for State {
    fn default() -> Self {
        Self { snapshot_min_tail: Placed::text("64MiB"), journal_retention: Placed::text("400d"), standby: 0 }
    }
}
