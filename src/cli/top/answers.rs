//! What an instance says, all at one moment, as far as it is shown; and what of it is wanted, chosen from what its
//! catalogue has. Fields that an older version lacks are empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::nearest::hint;

/// What people look at first. Other KPIs with rows by channel follow by name.
const FIRST: [&str; 12] = [
    "leads",
    "mqls",
    "sqls",
    "opportunities",
    "won_deals",
    "pipeline",
    "revenue",
    "sessions",
    "spend",
    "cost_per_lead",
    "customer_acquisition_cost",
    "return_on_ad_spend",
];
const WINDOW: &str = "30d";
const MODEL: &str = "linear";
const CHANNEL: [&str; 1] = ["channel"];
const CHANNEL_AND_MODEL: [&str; 2] = ["channel", "model"];

#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub status: Status,
    pub catalogue: Arc<Catalogue>,
    /// What the rows below are of.
    pub choice: Choice,
    pub alerts: Vec<Alert>,
    /// The greatest first.
    pub channels: Vec<Row>,
    /// Stages in order, of those that have a value.
    pub funnel: Vec<Row>,
    /// Why there are no channels.
    pub empty_because: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Status {
    pub version: String,
    pub ready: bool,
    pub not_ready: Option<String>,
    pub trouble: Option<String>,
    pub watermark: Option<i64>,
    /// The instance's clock.
    pub now: i64,
    pub intake: Intake,
    pub state: Option<Held>,
    pub rows_published: Option<u64>,
    pub owns_rollup: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Intake {
    pub consumed: u64,
    pub accepted: u64,
    pub duplicated: u64,
    pub late: u64,
    pub rejected: u64,
    pub lag: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Held {
    pub leads: i64,
    pub touches: i64,
    pub bytes: i64,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Row {
    pub kpi: String,
    pub unit: String,
    pub window: String,
    pub dims: BTreeMap<String, String>,
    pub value: Option<f64>,
    pub previous: Option<f64>,
    pub change: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub currency: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Alert {
    pub rule: String,
    pub kpi: Option<String>,
    pub window: String,
    pub dims: BTreeMap<String, String>,
    pub condition: String,
    pub value: Option<f64>,
    pub since: i64,
    pub currency: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Catalogue {
    pub kpis: Vec<Kpi>,
    pub windows: Vec<String>,
    pub models: Vec<String>,
    pub currency: String,
    pub zone: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Kpi {
    pub id: String,
    pub unit: String,
    pub rows: Vec<Shape>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shape {
    pub dims: Vec<String>,
    pub windows: Vec<String>,
}

/// What is asked for; what is not there is replaced by what is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub window: Option<String>,
    pub kpi: Option<String>,
    pub model: Option<String>,
}

/// What is shown. A KPI that no model shares out has no model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    pub window: String,
    pub kpi: String,
    pub model: Option<String>,
}

impl Choice {
    /// The dimensions of its rows.
    pub const fn dims(&self) -> &'static [&'static str] {
        if self.model.is_some() { &CHANNEL_AND_MODEL } else { &CHANNEL }
    }
}

impl Kpi {
    fn has(&self, dims: &[&str], window: Option<&str>) -> bool {
        self.rows.iter().any(|shape| {
            shape.dims.len() == dims.len()
                && dims.iter().all(|dim| shape.dims.iter().any(|own| own == dim))
                && window.is_none_or(|window| shape.windows.iter().any(|own| own == window))
        })
    }

    fn is_by_channel(&self, window: Option<&str>) -> bool {
        self.has(&CHANNEL, window) || self.has(&CHANNEL_AND_MODEL, window)
    }
}

impl Catalogue {
    /// The windows in which some KPI has rows by channel.
    pub fn windows(&self) -> Vec<&str> {
        let windows = self.windows.iter().map(String::as_str);
        windows.filter(|window| self.kpis.iter().any(|kpi| kpi.is_by_channel(Some(window)))).collect()
    }

    /// The KPIs with rows by channel in a window.
    pub fn kpis_in(&self, window: &str) -> Vec<&str> {
        let place = |id: &str| FIRST.iter().position(|first| *first == id).unwrap_or(FIRST.len());
        let mut ids: Vec<&str> =
            self.kpis.iter().filter(|kpi| kpi.is_by_channel(Some(window))).map(|kpi| kpi.id.as_str()).collect();
        ids.sort_by_key(|id| (place(id), *id));
        ids
    }

    /// What comes nearest to what is wanted; none where no KPI has rows by channel.
    pub fn choose(&self, wanted: &Wanted) -> Option<Choice> {
        let pick = |among: &[&str], first: Option<&str>, otherwise: &str| {
            let known = |name: &str| among.iter().find(|known| **known == name).map(|name| (*name).to_owned());
            first.and_then(known).or_else(|| known(otherwise)).or_else(|| among.first().map(|name| (*name).to_owned()))
        };
        let window = pick(&self.windows(), wanted.window.as_deref(), WINDOW)?;
        let kpi = pick(&self.kpis_in(&window), wanted.kpi.as_deref(), FIRST[0])?;
        let models: Vec<&str> = self.models.iter().map(String::as_str).collect();
        let is_shared = self.kpis.iter().any(|own| own.id == kpi && own.has(&CHANNEL_AND_MODEL, Some(&window)));
        let model = if is_shared { pick(&models, wanted.model.as_deref(), MODEL) } else { None };
        Some(Choice { window, kpi, model })
    }

    /// Why what is wanted cannot be shown; none if it can.
    pub fn refuses(&self, wanted: &Wanted) -> Option<String> {
        let unknown = |flag: &str, name: Option<&String>, known: &[&str]| {
            let name = name.filter(|name| !known.contains(&name.as_str()))?;
            Some(format!("--{flag} {name}: {}", hint(name, known.iter().copied())))
        };
        let windows = self.windows();
        let models: Vec<&str> = self.models.iter().map(String::as_str).collect();
        let kpis: Vec<&str> =
            self.kpis.iter().filter(|kpi| kpi.is_by_channel(None)).map(|kpi| kpi.id.as_str()).collect();
        unknown("window", wanted.window.as_ref(), &windows)
            .or_else(|| unknown("kpi", wanted.kpi.as_ref(), &kpis))
            .or_else(|| unknown("model", wanted.model.as_ref(), &models))
    }
}
