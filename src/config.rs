//! The configuration as the rest of the program sees it: checked, complete, with every default filled in. It is made
//! only by `check` from what `raw` read, so a `Config` that exists is a valid one.

mod check;
pub mod document;
mod environment;
mod fingerprint;
mod load;
pub mod nearest;
mod place;
mod predicate;
mod problem;
mod quantities;
mod raw;
mod schema;
mod sources;
mod structure;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;
use regex::Regex;

use crate::model::event::Topic;
use crate::model::kinds::{FormKind, TouchKind};
use crate::model::money::Micros;
use crate::model::stage::Stage;
use crate::model::time::{Millis, Span};
use crate::model::window::{Calendar, WindowKind};

pub use check::channel_id;
pub use place::Placed;
pub use predicate::{Field, Predicate, Test};
pub use problem::{Problem, Problems};
pub use schema::json_schema;

/// Says what is wrong with a property of Kafka's clients and its value, if anything is.
pub type PropertyCheck<'a> = dyn Fn(&str, &str) -> Option<String> + 'a;

#[derive(Clone, Debug)]
pub struct Config {
    /// What is valid, and yet may not be what was meant.
    pub notes: Problems,
    pub kafka: Kafka,
    pub topics: Topics,
    pub schema_registry: Option<SchemaRegistry>,
    /// Without a registry: writer schemas by the id that the wire format carries (`[schemas]`, id = file).
    pub schemas: BTreeMap<u32, String>,
    pub time: Time,
    pub dedupe_horizon: Span,
    pub identity: Identity,
    pub accounts_hold_from_start: bool,
    pub journey: Journey,
    pub attribution: Attribution,
    pub funnel: Funnel,
    pub sla: Sla,
    pub scoring: Scoring,
    pub routes: Vec<Route>,
    pub segments: Vec<Segment>,
    pub channels: Channels,
    pub money: Money,
    pub budgets: Vec<Budget>,
    pub goals: Goals,
    pub experiments: Experiments,
    pub feedback: Feedback,
    pub alerts: Vec<Alert>,
    pub paths_top: usize,
    pub what_if_extra_sessions: u64,
    pub kpis: Vec<UserKpi>,
    pub output: Output,
    pub metrics: Metrics,
    pub state: State,
    pub http: Http,
}

#[derive(Clone, Debug)]
pub struct Kafka {
    pub brokers: String,
    pub group: String,
    /// Any librdkafka property, passed through to every client.
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    Auto,
    Json,
    Avro,
}

#[derive(Clone, Debug)]
pub struct Topics {
    /// The inputs: name and encoding (`[topics.encoding]`, topic = encoding).
    pub inputs: BTreeMap<Topic, Input>,
    pub kpis: String,
    pub attributions: String,
    pub lead_lifecycle: String,
    pub conversions: String,
    pub suppressions: String,
    pub alerts: String,
    pub dead_letters: String,
    pub internal_prefix: String,
    pub create: bool,
    pub replication_factor: u16,
    /// Shards: the partitions of the internal topics.
    pub partitions: u16,
}

#[derive(Clone, Debug)]
pub struct Input {
    pub topic: String,
    pub encoding: Encoding,
}

#[derive(Clone, Debug)]
pub struct SchemaRegistry {
    pub url: String,
    pub user: Option<String>,
    pub password: Option<String>,
    pub ca: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Time {
    pub calendar: Calendar,
    /// L: how far behind the watermark a plain fact may still change.
    pub allowed_lateness: Span,
    /// H: how long after its time a settling fact takes what becomes known.
    pub settle: Span,
    pub idle_after: Duration,
    pub advance_when_idle: bool,
    pub max_clock_skew: Span,
    pub history_until: Option<Millis>,
    /// In the order given, without repeats.
    pub windows: Vec<WindowKind>,
}

#[derive(Clone, Debug)]
pub struct Identity {
    pub lookback: Span,
    pub not_accounts: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub struct Journey {
    pub max_touches: usize,
    pub not_engaging: BTreeSet<TouchKind>,
}

#[derive(Clone, Debug)]
pub struct Attribution {
    /// Enabled models in the order given, custom ones after them by name.
    pub models: Vec<Model>,
    pub lookback: Span,
    pub half_life: Span,
    /// Names of the models that carry content and term.
    pub detail_models: BTreeSet<String>,
    pub unit: AttributionUnit,
    pub data_driven_stages: Vec<Stage>,
    pub markov_order: usize,
    pub min_conversions: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributionUnit {
    Lead,
    Contacts,
    Account,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    First,
    Last,
    LastNonDirect,
    LastPaid,
    Linear,
    PositionBased,
    JShaped,
    InverseJ,
    UShaped,
    WShaped,
    FullPath,
    TimeDecay,
    Markov,
    Shapley,
    Custom(CustomModel),
}

/// Weights as given; they need not sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomModel {
    pub name: String,
    pub first: f64,
    pub last: f64,
    pub others: f64,
    pub stages: BTreeMap<Stage, f64>,
}

impl Model {
    pub const BUILT_IN: [Self; 14] = [
        Self::First,
        Self::Last,
        Self::LastNonDirect,
        Self::LastPaid,
        Self::Linear,
        Self::PositionBased,
        Self::JShaped,
        Self::InverseJ,
        Self::UShaped,
        Self::WShaped,
        Self::FullPath,
        Self::TimeDecay,
        Self::Markov,
        Self::Shapley,
    ];

    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|model| model.name() == name)
    }

    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::LastNonDirect => "last_non_direct",
            Self::LastPaid => "last_paid",
            Self::Linear => "linear",
            Self::PositionBased => "position_based",
            Self::JShaped => "j_shaped",
            Self::InverseJ => "inverse_j",
            Self::UShaped => "u_shaped",
            Self::WShaped => "w_shaped",
            Self::FullPath => "full_path",
            Self::TimeDecay => "time_decay",
            Self::Markov => "markov",
            Self::Shapley => "shapley",
            Self::Custom(model) => &model.name,
        }
    }

    /// Whether it shares each conversion by a rule; markov and shapley take the whole window.
    #[must_use]
    pub const fn is_rule_based(&self) -> bool {
        !matches!(self, Self::Markov | Self::Shapley)
    }
}

#[derive(Clone, Debug)]
pub struct Funnel {
    pub leak_after: Span,
    pub likely: f64,
    pub probability: BTreeMap<Stage, f64>,
}

#[derive(Clone, Debug)]
pub struct Sla {
    pub follow_up: Span,
    pub recycle_after: Span,
}

#[derive(Clone, Debug)]
pub struct Scoring {
    pub threshold: i64,
    pub activation_threshold: i64,
    /// Grade and its least score, the highest first.
    pub grades: Vec<(String, i64)>,
    pub engagement: BTreeMap<Engagement, i64>,
    pub caps: BTreeMap<Engagement, i64>,
    pub fit: Vec<FitRule>,
    pub reject: Vec<RejectRule>,
}

impl Scoring {
    #[must_use]
    pub fn has_points(&self) -> bool {
        !self.engagement.is_empty() || !self.fit.is_empty()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engagement {
    Touch(TouchKind),
    /// Written `form_<form_kind>`.
    Form(FormKind),
}

#[derive(Clone, Debug)]
pub struct FitRule {
    pub predicate: Predicate,
    pub points: i64,
}

#[derive(Clone, Debug)]
pub struct RejectRule {
    pub reason: String,
    pub predicate: Predicate,
}

#[derive(Clone, Debug)]
pub struct Route {
    pub route: String,
    pub when: Vec<Predicate>,
}

#[derive(Clone, Debug)]
pub struct Segment {
    pub segment: String,
    pub when: Vec<Predicate>,
}

#[derive(Clone, Debug)]
pub struct Channels {
    pub not_marketing: BTreeSet<String>,
    /// Channels that the configuration moves or adds to a group, by channel.
    pub groups: BTreeMap<String, String>,
    pub rules: Vec<ChannelRule>,
    /// More entries for the built-in lists, by list name (`search social video shopping ai`), lower-cased.
    pub lists: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug)]
pub struct ChannelRule {
    pub channel: String,
    pub conditions: Vec<(ChannelField, TextTest)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelField {
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmContent,
    UtmTerm,
    ReferrerHost,
    ClickId,
    Path,
    Kind,
}

/// On trimmed, lower-cased text.
#[derive(Clone, Debug)]
pub enum TextTest {
    OneOf(Vec<String>),
    Prefix(String),
    Suffix(String),
    Matches(Regex),
}

#[derive(Clone, Debug)]
pub struct Money {
    pub currency: String,
    pub gross_margin: f64,
    pub lifetime_multiple: f64,
    pub baseline_channel: String,
    /// Units of the reporting currency for one of the other, exact; the reporting currency itself is in it, at 1.
    pub rates: BTreeMap<String, rust_decimal::Decimal>,
}

#[derive(Clone, Debug)]
pub struct Budget {
    pub channel: String,
    pub window: WindowKind,
    pub amount: Micros,
    pub start: Option<Date>,
}

#[derive(Clone, Debug)]
pub struct Goals {
    pub holidays: BTreeSet<Date>,
    pub ratios: BTreeMap<Stage, f64>,
    pub targets: Vec<GoalTarget>,
}

#[derive(Clone, Debug)]
pub struct GoalTarget {
    pub kpi: String,
    pub window: WindowKind,
    pub target: f64,
    pub start: Option<Date>,
}

#[derive(Clone, Debug)]
pub struct Experiments {
    pub stage: Stage,
    pub control: String,
}

#[derive(Clone, Debug)]
pub struct Feedback {
    pub stages: Vec<Stage>,
    pub lookback: Span,
}

#[derive(Clone, Debug)]
pub struct Alert {
    pub name: String,
    pub when: String,
    pub window: WindowKind,
    pub at_least: BTreeMap<String, f64>,
    /// The dimensions of the rows that it is about; none where that is for the KPI to say.
    pub by: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub struct UserKpi {
    pub id: String,
    pub unit: String,
    pub formula: String,
    pub by: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
pub struct Output {
    pub encoding: Encoding,
    pub interval: Duration,
    pub settle_interval: Duration,
    pub ledgers: BTreeSet<String>,
    pub max_values: usize,
    /// Ids or globs, as given.
    pub kpis: Vec<String>,
    /// Names or globs of rules.
    pub alerts: Vec<String>,
    pub rolling_dims: Vec<Vec<String>>,
    pub hourly_dims: Vec<Vec<String>>,
    /// By window kind (`1m`, `1h`) or `rolling`.
    pub retention: BTreeMap<String, Span>,
}

#[derive(Clone, Debug)]
pub struct Metrics {
    pub max_series: usize,
    pub kpis: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct State {
    pub snapshot_min_tail_bytes: u64,
    pub journal_retention: Span,
}

#[derive(Clone, Debug)]
pub struct Http {
    pub listen: std::net::SocketAddr,
    /// Asked of every request but health and metrics when `listen` is no loopback address.
    pub token: Option<String>,
    /// Where others reach this instance, if it is not `listen`.
    pub advertise: Option<String>,
}

impl Http {
    /// Where others reach this instance that listens there; none where nobody can tell.
    #[must_use]
    pub fn address(&self, listens: std::net::SocketAddr) -> Option<String> {
        let own = || (!listens.ip().is_unspecified()).then(|| format!("http://{listens}"));
        self.advertise.clone().or_else(own)
    }
}
