//! Every query of every dashboard, with its variables filled in as Grafana does it, against the real Prometheus that
//! scrapes the running product: those of the product's own configuration, and those that are committed.

use std::fmt::Write as _;

use serde_json::Value;
use tributary::publish::grafana::Dashboard;

use super::product::{Product, product};
use super::{dashboard, filled, targets, variables};
use crate::http::get;

/// Those that ask Prometheus.
const WATCHING: [Dashboard; 5] = [
    Dashboard::Executive,
    Dashboard::Channel,
    Dashboard::FunnelAndSales,
    Dashboard::EmailAndEvents,
    Dashboard::Operations,
];

/// As Grafana has it where six hours are shown and Prometheus scrapes every minute.
const RATE_INTERVAL: &str = "4m";

/// The values that a dashboard has when it is opened. A variable without a value is a complaint.
fn opened(product: &Product, dashboard: &Value, complaints: &mut String) -> Vec<(String, String)> {
    let mut values = vec![("__rate_interval".to_owned(), RATE_INTERVAL.to_owned())];
    for variable in variables(dashboard) {
        let name = variable["name"].as_str().unwrap().to_owned();
        let current = variable["current"]["value"].as_str();
        let value = match variable["type"].as_str().unwrap() {
            "query" => {
                let query = filled(variable["query"]["query"].as_str().unwrap(), &values);
                let (series, label) = query
                    .strip_prefix("label_values(")
                    .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", "))
                    .unwrap();
                let found = product.prometheus.label_values(series, label);
                let all = variable["allValue"].as_str();
                // What is remembered is chosen if it is there, else the first.
                let first = current.filter(|value| found.contains(*value)).or(found.first().map(String::as_str));
                if found.is_empty() || current.is_some_and(|value| !found.contains(value)) {
                    let _ = writeln!(complaints, "{}: ${name}: {current:?} of {found:?}", dashboard["title"]);
                }
                all.or(first).unwrap_or_default().to_owned()
            }
            "custom" => current.unwrap().to_owned(),
            "datasource" => continue,
            other => panic!("a variable of type {other}"),
        };
        values.push((name, value));
    }
    values
}

fn says_something(series: &[Value]) -> bool {
    let is_number = |value: &Value| value.as_str().is_some_and(|text| text != "NaN");
    let ranged = |one: &Value| one["values"].as_array().is_some_and(|values| values.iter().any(|at| is_number(&at[1])));
    series.iter().any(|one| is_number(&one["value"][1]) || ranged(one))
}

/// Asks everything, and gives how much that was.
fn ask_all(product: &Product, dashboard: &Value, complaints: &mut String) -> usize {
    let values = opened(product, dashboard, complaints);
    let targets = targets(dashboard);
    for (panel, target) in &targets {
        let expression = filled(target["expr"].as_str().unwrap(), &values);
        let answer = match target["instant"].as_bool().unwrap() {
            true => product.prometheus.query(&expression),
            false => product.prometheus.query_range(&expression),
        };
        if !says_something(&answer) {
            let _ = writeln!(complaints, "{}: {panel}: {expression} gives nothing", dashboard["title"]);
        }
    }
    targets.len()
}

#[test]
fn every_query_of_every_dashboard_answers() {
    let product = product();
    let config = product.line.config();
    let (mut complaints, mut asked) = (String::new(), 0);
    for which in WATCHING {
        for config in [None, config.to_str()] {
            asked += ask_all(product, &dashboard(which.name(), config), &mut complaints);
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert!(asked > 500, "{asked}");
}

#[test]
fn every_rule_is_evaluated_and_every_recorded_series_is_there() {
    let product = product();
    let rules = product.prometheus.rules();
    assert!(rules.len() > 20, "{rules:?}");
    for rule in rules {
        assert_eq!((&rule["health"], &rule["lastError"]), (&"ok".into(), &Value::Null), "{rule}");
        if rule["type"] == "recording" {
            let name = rule["name"].as_str().unwrap();
            assert!(says_something(&product.prometheus.query(name)), "{name} gives nothing");
        }
    }
    // What KPIs say is passed on.
    let passed_on = product.prometheus.query("ALERTS{alertname=\"TributaryKpiAlert\",rule=\"efficiency\"}");
    assert!(!passed_on.is_empty());
}

#[test]
fn every_metric_of_a_scrape_is_on_a_dashboard() {
    let product = product();
    let config = product.line.config();
    let queries: String = WATCHING
        .iter()
        .flat_map(|which| targets(&dashboard(which.name(), config.to_str())))
        .map(|(_, target)| target["expr"].as_str().unwrap().to_owned() + "\n")
        .collect();
    let scrape = get(product.address, "/metrics").unwrap().body;
    let names: Vec<&str> = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let ours = names.iter().filter(|name| name.starts_with("tributary_"));
    let missing: Vec<_> = ours
        .filter(|name| !["{", "_bucket{", "_sum{"].iter().any(|end| queries.contains(&format!("{name}{end}"))))
        .collect();
    assert!(missing.is_empty() && names.len() > 150, "{missing:?} of {}", names.len());
}
