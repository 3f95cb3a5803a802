//! Keys about what the numbers mean: time, identity, journeys, attribution, the funnel, money.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Exact, Names, Placed, Text, names};
use crate::model::kinds::TouchKind;

/// Windows, lateness and the watermark.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Time {
    /// The reporting time zone, by its name in the tz database.
    pub zone: Text,
    /// How late an event may be and still change what it belongs to.
    pub allowed_lateness: Text,
    /// How long cohorts, amounts and states take what becomes known later.
    pub settle: Text,
    /// After this long without an event a partition that is read to its end no longer holds the watermark.
    pub idle_after: Text,
    /// Whether the watermark follows the clock when all partitions are idle; false for histories.
    pub advance_when_idle: bool,
    /// An event further ahead of the clock than this is a dead letter.
    pub max_clock_skew: Text,
    /// While history is loaded: before this time idle partitions and empty topics hold the watermark too.
    pub history_until: Option<Text>,
    /// `1m 1h 1d 1w 1mo 1q 1y`, rolling `7d 30d …`, `all`, `now`.
    pub windows: Names,
}

impl Default for Time {
    fn default() -> Self {
        Self {
            zone: Placed::text("UTC"),
            allowed_lateness: Placed::text("24h"),
            settle: Placed::text("90d"),
            idle_after: Placed::text("30s"),
            advance_when_idle: true,
            max_clock_skew: Placed::text("5m"),
            history_until: None,
            windows: names(&["1h", "1d", "1mo", "1q", "30d", "90d", "all", "now"]),
        }
    }
}

/// Redelivered records.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dedupe {
    /// How far apart, in event time, redeliveries are recognised; at least `time.allowed_lateness`.
    pub horizon: Text,
}

impl Default for Dedupe {
    fn default() -> Self {
        Self { horizon: Placed::text("7d") }
    }
}

/// Who a visitor is.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// How far back anonymous touches join the journey of a lead that becomes known.
    pub lookback: Text,
    /// Account ids to ignore, such as the domains of free-mail providers.
    pub not_accounts: Names,
}

impl Default for Identity {
    fn default() -> Self {
        Self { lookback: Placed::text("180d"), not_accounts: Vec::new() }
    }
}

/// The CRM's reference data.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Accounts {
    /// From when an account's first record holds: its timestamp, or the start (for loading a history).
    pub hold_from: HoldFrom,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldFrom {
    #[default]
    Timestamp,
    Start,
}

/// What makes a journey.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Journey {
    /// The newest touches of a lead that are kept.
    #[schemars(range(min = 1))]
    pub max_touches: usize,
    /// Kinds of touches that are no step of a journey.
    pub not_engaging: Names,
}

impl Default for Journey {
    fn default() -> Self {
        let kinds: Vec<&str> = TouchKind::NOT_ENGAGING.iter().map(|kind| kind.name()).collect();
        Self { max_touches: 5000, not_engaging: names(&kinds) }
    }
}

/// How the credit of a conversion is shared.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Attribution {
    /// `first last last_non_direct last_paid linear position_based j_shaped inverse_j u_shaped w_shaped full_path time_decay markov shapley`.
    pub models: Names,
    /// The oldest a credited touch may be.
    pub lookback: Text,
    /// Of `time_decay`.
    pub half_life: Text,
    /// Models whose credit is also split by content and term.
    pub detail_models: Names,
    /// Whose touches share the credit of a deal: its lead's, those of the leads with an event on it, or the whole account's.
    pub unit: AttributionUnit,
    /// Position models of your own, by name.
    pub custom: BTreeMap<Text, Weights>,
    pub data_driven: DataDriven,
}

impl Default for Attribution {
    fn default() -> Self {
        let models =
            ["first", "last", "linear", "u_shaped", "w_shaped", "full_path", "time_decay", "markov", "shapley"];
        Self {
            models: names(&models),
            lookback: Placed::text("180d"),
            half_life: Placed::text("7d"),
            detail_models: names(&["first", "last", "linear"]),
            unit: AttributionUnit::default(),
            custom: BTreeMap::new(),
            data_driven: DataDriven::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributionUnit {
    #[default]
    Lead,
    Contacts,
    Account,
}

/// Weights of the first touch, the last, the last before each stage, and all others; they need not sum to 1.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    pub first: Option<Placed<f64>>,
    pub last: Option<Placed<f64>>,
    pub others: Option<Placed<f64>>,
    pub lead: Option<Placed<f64>>,
    pub mql: Option<Placed<f64>>,
    pub sal: Option<Placed<f64>>,
    pub sql: Option<Placed<f64>>,
    pub opportunity: Option<Placed<f64>>,
    pub proposal: Option<Placed<f64>>,
    pub won: Option<Placed<f64>>,
}

/// Markov chains and Shapley values.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DataDriven {
    /// Stages whose conversions they explain.
    pub stages: Names,
    /// How many channels make a state: 1 to 3.
    #[schemars(range(min = 1, max = 3))]
    pub markov_order: usize,
    /// Under this many conversions with a touch the rows are null.
    pub min_conversions: u64,
}

impl Default for DataDriven {
    fn default() -> Self {
        Self { stages: names(&["won"]), markov_order: 1, min_conversions: 30 }
    }
}

/// Leaks and the chances of open deals.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Funnel {
    /// A lead leaks when it is silent for this long.
    pub leak_after: Text,
    /// From this probability on an open deal is likely.
    pub likely: Placed<f64>,
    pub probability: Probability,
}

impl Default for Funnel {
    fn default() -> Self {
        Self { leak_after: Placed::text("60d"), likely: Placed::of(0.7), probability: Probability::default() }
    }
}

/// The chance of an open deal to be won, by its stage, where its events do not say.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Probability {
    pub opportunity: Option<Placed<f64>>,
    pub proposal: Option<Placed<f64>>,
    pub won: Option<Placed<f64>>,
}

/// What sales has promised marketing.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sla {
    /// An mql without a follow-up by then is a breach.
    pub follow_up: Text,
    /// An mql without a follow-up by then is recycled.
    pub recycle_after: Text,
}

impl Default for Sla {
    fn default() -> Self {
        Self { follow_up: Placed::text("24h"), recycle_after: Placed::text("30d") }
    }
}

/// The reporting currency and what money means.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Money {
    /// The reporting currency, ISO 4217.
    pub currency: Text,
    /// For `lifetime_value`.
    pub gross_margin: Placed<f64>,
    /// For `lifetime_value`.
    pub lifetime_multiple: Placed<f64>,
    /// The channel that efficiency is measured against.
    pub baseline_channel: Text,
    /// Units of the reporting currency for one of the other.
    pub rates: BTreeMap<Text, Placed<Exact>>,
}

impl Default for Money {
    fn default() -> Self {
        Self {
            currency: Placed::text("USD"),
            gross_margin: Placed::of(0.8),
            lifetime_multiple: Placed::of(3.0),
            baseline_channel: Placed::text("organic_search"),
            rates: BTreeMap::new(),
        }
    }
}
