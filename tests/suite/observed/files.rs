//! The files in `deploy` are what the program gives for the least configuration, and the tools that read them accept
//! them: promtool the rules, Grafana's own types the dashboards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use tributary::publish::grafana::Dashboard;

use super::product::rules;
use super::tributary;
use crate::real_parts::{command, new_directory, tool};

fn in_deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn is_fresh(committed: &Path, made: &str) {
    let found = std::fs::read_to_string(committed).unwrap_or_default();
    assert!(found == made, "{} is not what the catalogue gives now: run `make dashboards`", committed.display());
}

#[test]
fn committed_dashboards_and_rules_are_those_of_the_catalogue() {
    let folder = in_deploy("grafana/dashboards");
    let files: BTreeSet<String> =
        folder.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, Dashboard::ALL.iter().map(|which| format!("{}.json", which.name())).collect());
    for name in Dashboard::ALL.map(Dashboard::name) {
        let made = tributary(&["catalogue", "--output", "grafana", "--dashboard", name]);
        is_fresh(&folder.join(format!("{name}.json")), &made);
    }
    is_fresh(&rules(), &tributary(&["catalogue", "--output", "prometheus"]));
}

#[test]
fn all_dashboards_go_into_a_directory() {
    let directory = new_directory("dashboards");
    let path = directory.path().join("new");
    let printed = tributary(&["catalogue", "--output", "grafana", "--directory", path.to_str().unwrap()]);
    assert_eq!(printed.lines().count(), Dashboard::ALL.len(), "{printed}");
    for file in printed.lines() {
        let name = Path::new(file).file_name().unwrap();
        is_fresh(&in_deploy("grafana/dashboards").join(name), &std::fs::read_to_string(file).unwrap());
    }
}

fn promtool(arguments: &[&str]) -> String {
    let output = Command::new(command("promtool")).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {text}");
    text
}

#[test]
fn rules_are_sound_and_each_alert_fires_and_does_not() {
    let checked = promtool(&["check", "rules", rules().to_str().unwrap()]);
    assert!(checked.contains("SUCCESS"), "{checked}");
    let tests = in_deploy("prometheus/tests/tributary.yml");
    promtool(&["test", "rules", tests.to_str().unwrap()]);

    let read =
        |path: &Path| -> yaml_serde::Value { yaml_serde::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let name = |of: &yaml_serde::Value, key: &str| of[key].as_str().map(str::to_owned);
    let rules: Vec<_> = read(&rules())["groups"][0]["rules"].as_sequence().unwrap().clone();
    let alerts: BTreeSet<String> = rules.iter().filter_map(|rule| name(rule, "alert")).collect();
    let (mut fired, mut quiet) = (BTreeSet::new(), BTreeSet::new());
    for test in read(&tests)["tests"].as_sequence().unwrap() {
        for case in test["alert_rule_test"].as_sequence().unwrap() {
            let found = if case["exp_alerts"].is_sequence() { &mut fired } else { &mut quiet };
            found.insert(name(case, "alertname").unwrap());
        }
    }
    assert_eq!((&fired, &quiet), (&alerts, &alerts), "each alert has a case where it fires, and one where it does not");
}

#[test]
fn grafanas_own_types_know_every_field_of_a_dashboard() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/observed/grafana_types.py");
    let folder = in_deploy("grafana/dashboards");
    let files = Dashboard::ALL.map(|which| folder.join(format!("{}.json", which.name())));
    let output = Command::new(tool("python/bin/python")).arg(script).args(&files).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.is_empty(), "{text}");
}
