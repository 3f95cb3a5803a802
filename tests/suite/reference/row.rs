//! One expected row: a KpiUpdate without what depends on when it was written, and its key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub kpi: String,
    pub unit: String,
    pub window: String,
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub dims: BTreeMap<String, String>,
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub previous: Option<f64>,
    pub change: Option<f64>,
    pub benchmark: Option<f64>,
    #[serde(rename = "final")]
    pub is_final: bool,
    pub currency: Option<String>,
}

impl Row {
    pub fn key(&self) -> String {
        let start = self.start.map(|at| at.to_string()).unwrap_or_default();
        let dims: Vec<String> = self.dims.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        format!("{}|{}|{start}|{}", self.kpi, self.window, dims.join(","))
    }
}

fn escaped(value: &str) -> String {
    value.replace('%', "%25").replace('|', "%7C").replace(',', "%2C").replace('=', "%3D")
}
