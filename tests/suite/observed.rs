//! What a deployment is watched with: dashboards and rules that the catalogue gives, asked of a real Prometheus that
//! scrapes the running product, of its HTTP API and of a real PostgreSQL. An answer that is empty fails.

mod dashboards;
mod files;
mod history;
mod postgres;
mod product;

use std::process::Command;

use serde_json::Value;

use crate::kafka_line::deployment::BINARY;
use crate::real_parts::new_directory;

/// What the program prints, away from any configuration that lies about.
fn tributary(arguments: &[&str]) -> String {
    let directory = new_directory("catalogue");
    let output = Command::new(BINARY).args(arguments).current_dir(directory.path()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A dashboard as the command gives it.
fn dashboard(name: &str, config: Option<&str>) -> Value {
    let config: Vec<&str> = config.iter().flat_map(|path| ["--config", path]).collect();
    let arguments = [&["catalogue", "--output", "grafana", "--dashboard", name][..], &config].concat();
    serde_json::from_str(&tributary(&arguments)).unwrap()
}

/// The panels and their targets.
fn targets(dashboard: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push((panel["title"].as_str().unwrap().to_owned(), target.clone()));
        }
    }
    found
}

fn variables(dashboard: &Value) -> Vec<Value> {
    dashboard["templating"]["list"].as_array().unwrap().clone()
}

/// A text with its variables filled in, as Grafana does it: `$name` and `${name}`.
fn filled(text: &str, values: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    // The longest first: `$window` is the beginning of `$windows`.
    let mut values: Vec<_> = values.iter().collect();
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in values {
        text = text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
    }
    text
}
