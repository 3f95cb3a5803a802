//! Dashboards of several configurations: every KPI is there, every query has rows, and Grafana reads all of it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::generate::files::CONFIGURATION;
use crate::kpi::families::families_of;

/// Units that panels may have, as Grafana names them.
const UNITS: [&str; 14] = [
    "short",
    "none",
    "percentunit",
    "s",
    "bytes",
    "Bps",
    "cps",
    "dateTimeAsIso",
    "dateTimeFromNow",
    "currencyUSD",
    "currencyEUR",
    "suffix:×",
    "currency:XAF ",
    "",
];

fn config(toml: &str) -> Config {
    Config::parse(toml, "test.toml", std::iter::empty()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The least configuration, the demo's, and some that have little.
fn configurations() -> Vec<Config> {
    let own = "[money]\ncurrency = \"XAF\"\n[[kpi]]\nid = \"cost_per_demo\"\nunit = \"currency\"\nformula = \"spend / demos\"\n\
               by = [[\"channel\"]]\n";
    let few = "[time]\nwindows = [\"1h\", \"1d\"]\n[output]\nkpis = [\"leads\", \"spend\", \"cost_*\"]\nalerts = []\n";
    ["", CONFIGURATION, own, few, "[metrics]\nkpis = [\"email_*\"]\n"].map(config).into()
}

fn targets(dashboard: &Value) -> Vec<(&Value, &Value)> {
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        found.extend(panel["targets"].as_array().into_iter().flatten().map(|target| (panel, target)));
    }
    found
}

#[test]
fn every_kpi_that_prometheus_can_have_is_on_a_dashboard() {
    for config in configurations() {
        let exprs: String = Dashboard::ALL
            .iter()
            .map(|which| queries(which.json(&config)["panels"].as_array().unwrap()) + "\n")
            .collect();
        let gauges = Gauges::new(&config);
        for kpi in gauges.kpis() {
            let name = prometheus_name(&kpi.id);
            assert!(exprs.contains(&format!("{name}{{")), "{name} is on no dashboard");
        }
    }
}

#[test]
fn what_a_query_selects_exists_in_every_window_that_can_be_chosen() {
    for config in configurations() {
        let families = families_of(&config);
        let gauges = Gauges::new(&config);
        for dashboard in Dashboard::ALL.map(|which| which.json(&config)) {
            for (panel, target) in targets(&dashboard) {
                let Some(expr) = target["expr"].as_str().filter(|expr| expr.contains("window=")) else { continue };
                let (name, rest) = expr.split_once("(tributary_").expect("a KPI").1.split_once('{').expect("matchers");
                let matchers: Vec<(&str, &str)> = rest
                    .split('}')
                    .next()
                    .unwrap_or_default()
                    .split(',')
                    .map(|matcher| matcher.split_once('=').expect("a matcher"))
                    .collect();
                let mut dims: Vec<&str> = matchers
                    .iter()
                    .filter(|(label, value)| {
                        !["job", "window"].contains(label) && (label.ends_with('!') || *value != "\"\"")
                    })
                    .map(|(label, _)| label.trim_end_matches('!'))
                    .collect();
                dims.sort_unstable();
                let window =
                    matchers.iter().find(|(label, _)| *label == "window").expect("a window").1.trim_matches('"');
                let choice =
                    [gauges::Choice::Window, gauges::Choice::Period, gauges::Choice::Journeys, gauges::Choice::Now]
                        .into_iter()
                        .find(|choice| choice.variable().map_or(window == "now", |name| window == format!("${name}")))
                        .unwrap_or_else(|| panic!("{window}"));
                for kind in gauges.kinds(choice) {
                    let exists = families.families.iter().any(|family| {
                        let mut names: Vec<_> = family.dims.iter().map(|dim| dim.name()).collect();
                        names.sort_unstable();
                        families.kpis[family.kpi].id == name && family.kinds.contains(&kind) && names == dims
                    });
                    assert!(exists, "{}: {expr} has no rows in {kind}", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn a_panel_is_of_one_choice_of_windows() {
    for config in configurations() {
        for dashboard in Dashboard::ALL.map(|which| which.json(&config)) {
            let mut windows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (panel, target) in targets(&dashboard) {
                let Some(expr) = target["expr"].as_str() else { continue };
                for part in expr.split("window=\"").skip(1) {
                    let window = part.split('"').next().unwrap_or_default().to_owned();
                    windows.entry(format!("{}: {}", dashboard["title"], panel["title"])).or_default().insert(window);
                }
            }
            let mixed: Vec<_> = windows.iter().filter(|(_, found)| found.len() > 1).collect();
            assert!(mixed.is_empty(), "{mixed:?}");
        }
    }
}

#[test]
fn dashboards_are_well_formed() {
    for config in configurations() {
        let mut uids = BTreeSet::new();
        for which in Dashboard::ALL {
            let dashboard = which.json(&config);
            assert!(uids.insert(dashboard["uid"].to_string()));
            assert!(dashboard["id"].is_null() && dashboard["tags"] == json!(["tributary"]));
            let panels = dashboard["panels"].as_array().expect("panels");
            let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
            assert_eq!(ids.len(), panels.len(), "{}: ids repeat", which.name());
            let mut taken = BTreeSet::new();
            for panel in panels {
                let at = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
                assert!(at("x") + at("w") <= 24 && at("w") > 0 && at("h") > 0, "{panel}");
                for (x, y) in
                    (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
                {
                    assert!(taken.insert((x, y)), "{}: {} lies on another panel", which.name(), panel["title"]);
                }
                if !["row", "text"].contains(&panel["type"].as_str().expect("a type")) {
                    assert!(
                        !panel["description"].as_str().unwrap_or_default().is_empty(),
                        "{} says nothing",
                        panel["title"]
                    );
                    assert!(!panel["targets"].as_array().expect("targets").is_empty());
                    let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default();
                    assert!(UNITS.contains(&unit), "{} is no unit of Grafana", unit);
                }
            }
            for (panel, target) in targets(&dashboard) {
                for of in [panel, target] {
                    assert_eq!(of["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
                }
            }
            let variables: Vec<_> = dashboard["templating"]["list"]
                .as_array()
                .expect("variables")
                .iter()
                .map(|variable| variable["name"].as_str().expect("a name").to_owned())
                .collect();
            assert_eq!(variables[0], "datasource");
            let unknown: Vec<String> = used_variables(&dashboard["panels"].to_string())
                .into_iter()
                .filter(|name| !name.starts_with("__") && !variables.contains(name))
                .collect();
            assert!(unknown.is_empty(), "{}: {unknown:?} are no variables", which.name());
            if panels.iter().any(|panel| panel["type"] == "text") {
                continue;
            }
            let never: Vec<&String> =
                variables.iter().filter(|name| !used_variables(&dashboard.to_string()).contains(*name)).collect();
            assert!(never.is_empty(), "{}: {never:?} are never used", which.name());
        }
    }
}

fn used_variables(text: &str) -> BTreeSet<String> {
    let name = |rest: &str| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.chars().take_while(|one| one.is_ascii_alphanumeric() || *one == '_').collect::<String>()
    };
    text.split('$').skip(1).map(name).filter(|name| !name.is_empty()).collect()
}
