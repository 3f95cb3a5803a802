//! Rows against expected ones: counts exact, money to the rounding, credit to 10⁻⁶, ratios to 10⁻⁹ of themselves, models in
//! floating point to 10⁻⁶. Fails on a missing, an extra and a different row alike.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use crate::reference::Row;

const FLOAT_MODELS: &[&str] = &["time_decay", "markov"];
const CREDIT_COUNTS: &[&str] = &[
    "leads",
    "mqls",
    "sals",
    "sqls",
    "opportunities",
    "proposals",
    "customers",
    "won_deals",
    "demos",
    "meetings",
    "attributed_conversions",
    "touch_dated_conversions",
];
const MONEY_SUMS: &[&str] = &[
    "spend",
    "pipeline",
    "revenue",
    "touch_dated_value",
    "attributed_value",
    "budget",
    "open_pipeline",
    "likely_pipeline",
    "sourced_pipeline",
    "influenced_pipeline",
    "sourced_revenue",
    "influenced_revenue",
];
const REAL_COUNTS: &[&str] = &["what_if_leads", "goal_required", "engaged_members", "journey_touches", "goal"];

/// A row as a sample writes it: without unit, interval and change.
#[derive(Clone, Debug, Deserialize)]
pub struct Expected {
    kpi: String,
    window: String,
    start: Option<i64>,
    dims: BTreeMap<String, String>,
    value: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
    previous: Option<f64>,
    benchmark: Option<f64>,
}

impl Expected {
    pub fn kpi(&self) -> &str {
        &self.kpi
    }

    fn key(&self) -> String {
        let start = self.start.map(|at| at.to_string()).unwrap_or_default();
        let escaped = |text: &str| text.replace('%', "%25").replace('|', "%7C").replace(',', "%2C").replace('=', "%3D");
        let dims: Vec<String> = self.dims.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        format!("{}|{}|{start}|{}", self.kpi, self.window, dims.join(","))
    }

    fn says_nothing(&self) -> bool {
        [self.value, self.numerator, self.denominator].iter().all(|x| x.is_none_or(|x| x == 0.0))
    }

    fn is_open(&self) -> bool {
        is_open(&self.kpi, &self.window, self.dims.is_empty())
    }
}

/// Rows whose existence the contract leaves open.
fn is_open(kpi: &str, window: &str, is_total: bool) -> bool {
    (is_total && ["assisted_conversions", "goal_required"].contains(&kpi))
        || (kpi == "community_active_members" && window == "now")
}

pub fn expected(path: &Path) -> Vec<Expected> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    read(&text)
}

pub fn read(lines: &str) -> Vec<Expected> {
    lines.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// Of the KPIs named every row must be as expected and none be there besides.
pub fn assert_same(expected: &[Expected], rows: &[Row], kpis: &[&str]) {
    let mut report = String::new();
    for (kpi, faults) in faults(expected, rows, kpis) {
        let _ = writeln!(report, "{kpi}: {} rows\n  {}", faults.len(), faults[..faults.len().min(3)].join("\n  "));
    }
    assert!(report.is_empty(), "{report}");
}

/// What is missing, different or extra, by KPI.
fn faults(expected: &[Expected], rows: &[Row], kpis: &[&str]) -> BTreeMap<String, Vec<String>> {
    let wanted: BTreeMap<String, &Expected> =
        expected.iter().filter(|row| kpis.contains(&&*row.kpi)).map(|row| (row.key(), row)).collect();
    let found: BTreeMap<String, &Row> =
        rows.iter().filter(|row| kpis.contains(&&*row.kpi)).map(|row| (row.key(), row)).collect();
    assert!(!wanted.is_empty(), "no row is expected");
    let mut faults: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, row) in &wanted {
        let fault = match found.get(key) {
            None if row.says_nothing() || row.is_open() => continue,
            None => format!("missing {key}: {row:?}"),
            Some(other) if !same(row, other) => format!("different {key}: expected {row:?}, found {other:?}"),
            Some(_) => continue,
        };
        faults.entry(row.kpi.clone()).or_default().push(fault);
    }
    for (key, row) in &found {
        let says_nothing = [row.value, row.numerator, row.denominator].iter().all(|x| x.is_none_or(|x| x == 0.0));
        if !wanted.contains_key(key) && !says_nothing && !is_open(&row.kpi, &row.window, row.dims.is_empty()) {
            faults.entry(row.kpi.clone()).or_default().push(format!("extra {key}: {row:?}"));
        }
    }
    faults
}

fn same(mine: &Expected, other: &Row) -> bool {
    let alike = |a, b| same_value(mine, &other.unit, a, b);
    let near = |a: Option<f64>, b: Option<f64>| a.zip(b).is_none_or(|(a, b)| close(a, b, 1e-3, 1e-6));
    // A window without a row is as good as one with a row of 0 that says nothing.
    let or_zero = |a: Option<f64>| Some(a.unwrap_or(0.0));
    alike(mine.value, other.value)
        && near(mine.numerator, other.numerator)
        && near(mine.denominator, other.denominator)
        && alike(or_zero(mine.previous), or_zero(other.previous))
        && alike(or_zero(mine.benchmark), or_zero(other.benchmark))
        && other.change.is_none_or(|change| {
            // That of a sketch is of what the sketch says.
            let is_sketch = mine.dims.get("stat").is_some_and(|stat| stat != "mean");
            let of = if is_sketch { (other.value, other.previous) } else { (mine.value, mine.previous) };
            let parts = of.0.zip(of.1).filter(|(_, previous)| *previous != 0.0);
            parts.is_none_or(|(value, previous)| close(change, value / previous - 1.0, 1e-3, 1e-6))
        })
}

fn same_value(row: &Expected, unit: &str, a: Option<f64>, b: Option<f64>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return a.is_none() && b.is_none() };
    let (kpi, model) = (&*row.kpi, row.dims.get("model").map(String::as_str));
    let is_float = model.is_some_and(|model| FLOAT_MODELS.contains(&model));
    let is_quantile = row.dims.get("stat").is_some_and(|stat| stat == "p50" || stat == "p90");
    if is_quantile || kpi == "goal_lead_seconds" {
        close(a, b, 1e-9, 0.01)
    } else if MONEY_SUMS.contains(&kpi) {
        if is_float { close(a, b, 1e-3, 1e-6) } else { close(a, b, 5e-7, 1e-12) }
    } else if CREDIT_COUNTS.contains(&kpi) {
        close(a, b, if model.is_some() { 1e-6 } else { 0.0 }, 0.0)
    } else if unit == "count" && !REAL_COUNTS.contains(&kpi) {
        a == b
    } else {
        let relative = if is_float {
            1e-6
        } else if model.is_some() {
            1e-8
        } else {
            1e-9
        };
        close(a, b, 1e-9, relative)
    }
}

fn close(a: f64, b: f64, absolute: f64, relative: f64) -> bool {
    (a - b).abs() <= absolute + relative * a.abs().max(b.abs())
}

#[test]
fn a_missing_an_extra_and_a_different_row_are_found() {
    let row = |value: f64| Row {
        kpi: "leads".to_owned(),
        unit: "count".to_owned(),
        window: "all".to_owned(),
        start: None,
        end: None,
        dims: BTreeMap::new(),
        value: Some(value),
        numerator: None,
        denominator: None,
        low: None,
        high: None,
        previous: None,
        change: None,
        benchmark: None,
        is_final: false,
        currency: None,
    };
    let line = r#"{"kpi":"leads","window":"all","start":null,"dims":{},"value":2,"numerator":null,"denominator":null,
        "previous":null,"benchmark":null}"#;
    let expected: Expected = serde_json::from_str(line).expect("a row");
    let other = Expected { window: "1d".to_owned(), start: Some(0), ..expected.clone() };
    let fault =
        |expected: &[Expected], row: Row| faults(expected, &[row], &["leads"]).remove("leads").unwrap_or_default();
    assert_eq!(fault(std::slice::from_ref(&expected), row(2.0)), Vec::<String>::new());
    assert!(fault(std::slice::from_ref(&expected), row(2.000_001))[0].starts_with("different leads|all||"));
    let both = fault(std::slice::from_ref(&other), row(2.0));
    assert!(both[0].starts_with("missing leads|1d|0|") && both[1].starts_with("extra leads|all||"), "{both:?}");
}
