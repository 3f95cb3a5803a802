//! The dashboard over the HTTP API: each address that the Infinity data source is told to ask is asked of the running
//! product, and the columns must find values in the answer.

use std::path::Path;

use serde_json::Value;

use super::product::product;
use super::{dashboard, filled, targets, variables};
use crate::http::get;

/// Where a column's selector leads in a row.
fn selected<'v>(row: &'v Value, selector: &str) -> &'v Value {
    selector.split('.').fold(row, |at, name| &at[name])
}

#[test]
fn every_address_of_the_history_answers_with_what_its_columns_select() {
    let product = product();
    let config = product.line.config();
    for config in [None, config.as_path().to_str()] {
        let dashboard = dashboard("history-api", config);
        let values: Vec<(String, String)> = variables(&dashboard)
            .iter()
            .filter(|variable| variable["type"] == "custom")
            .map(|variable| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                (text(&variable["name"]), text(&variable["current"]["value"]))
            })
            .collect();
        let targets = targets(&dashboard);
        assert!(targets.len() > 15, "{}", targets.len());
        for (panel, target) in targets {
            let url = filled(target["url"].as_str().unwrap(), &values);
            let answer = get(product.address, &url).unwrap();
            assert_eq!(answer.status, 200, "{panel}: {url}: {answer:?}");
            let rows = answer.json();
            let rows = rows.as_array().unwrap();
            assert!(!rows.is_empty(), "{panel}: {url} gives nothing");
            for column in target["columns"].as_array().unwrap() {
                let selector = column["selector"].as_str().unwrap();
                let is_there = |row: &Value| match column["type"].as_str().unwrap() {
                    "number" | "timestamp_epoch" => selected(row, selector).is_number(),
                    "string" => selected(row, selector).is_string(),
                    "boolean" => selected(row, selector).is_boolean(),
                    other => panic!("a column of type {other}"),
                };
                assert!(rows.iter().any(is_there), "{panel}: {selector} is in no row of {url}");
            }
            if target["format"] == "timeseries" {
                let starts: Vec<i64> = rows.iter().map(|row| row["start"].as_i64().unwrap()).collect();
                assert!(starts.is_sorted(), "{panel}: a time series goes on in time: {url}");
                assert!(starts.first() < starts.last(), "{panel}: a history is more than one window: {url}");
            }
        }
    }
}

#[test]
fn addresses_are_relative_to_the_data_source() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/dashboards/history-api.json");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(!text.contains("http://") && !text.contains("localhost"), "a dashboard names no host");
}
