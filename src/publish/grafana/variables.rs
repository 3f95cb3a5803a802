//! The variables of a dashboard: what its reader chooses from. The data source is one of them, so that a dashboard goes
//! into any Grafana as it is.

use serde_json::{Value, json};

use super::gauges::{Choice, Gauges, Rows};
use super::panels::datasource;
use crate::kpi::catalogue::prometheus_name;
use crate::kpi::measures::Dim;
use crate::model::window::WindowKind;

/// The stage that attribution is shown for at first.
const STAGE: &str = "won";
/// The model that numbers by channel are shown for at first, where it is enabled.
pub(super) const MODEL: &str = "linear";
const LONGEST_PREFERRED_DAYS: u16 = 45;

pub(super) fn source(kind: &str) -> Value {
    json!({
        "name": "datasource", "label": "Data source", "type": "datasource", "query": kind, "refresh": 1,
        "hide": 0, "includeAll": false, "multi": false, "regex": "", "options": [], "current": {},
    })
}

/// Values of a label, as Prometheus has them.
pub(super) fn label(name: &str, shown: &str, series: &str, of: &str) -> Value {
    let query = format!("label_values({series}, {of})");
    json!({
        "name": name, "label": shown, "type": "query", "datasource": datasource("prometheus"),
        "query": { "query": query, "refId": "StandardVariableQuery" },
        "refresh": 2, "sort": 1, "hide": 0, "includeAll": false, "multi": false, "regex": "", "options": [],
        "current": {},
    })
}

/// Several at once, all at first.
pub(super) fn several(mut variable: Value, all: &str) -> Value {
    variable["multi"] = true.into();
    variable["includeAll"] = true.into();
    variable["allValue"] = all.into();
    variable["current"] = json!({ "text": ["All"], "value": ["$__all"] });
    variable
}

fn chosen(mut variable: Value, value: &str) -> Value {
    variable["current"] = json!({ "text": value, "value": value });
    variable
}

/// A choice among some values that the configuration names.
pub(super) fn among(name: &str, shown: &str, values: &[(String, String)], first: &str) -> Value {
    let query: Vec<String> = values.iter().map(|(text, value)| format!("{text} : {value}")).collect();
    let option = |(text, value): &(String, String)| json!({ "text": text, "value": value, "selected": value == first });
    let text = values.iter().find(|(_, value)| value == first).map_or(first, |(text, _)| text);
    json!({
        "name": name, "label": shown, "type": "custom", "query": query.join(", "),
        "options": values.iter().map(option).collect::<Vec<_>>(), "current": { "text": text, "value": first },
        "hide": 0, "includeAll": false, "multi": false,
    })
}

/// One deployment of several that one Prometheus may scrape.
pub(super) fn job() -> Value {
    label("job", "Job", "tributary_build_info", "job")
}

/// The variables that some queries name, in the order in which one thinks of them.
pub(super) fn used(gauges: &Gauges<'_>, queries: &str) -> Vec<Value> {
    let mut variables = vec![source("prometheus")];
    let names = |name: &str| queries.contains(&format!("${name}\""));
    if names("job") {
        variables.push(job());
    }
    if names("instance") {
        let instances = label("instance", "Instance", "tributary_build_info{job=\"$job\"}", "instance");
        variables.push(several(instances, ".*"));
    }
    for (choice, shown) in
        [(Choice::Window, "Window"), (Choice::Period, "Window of details"), (Choice::Journeys, "Window of journeys")]
    {
        let Some(name) = choice.variable().filter(|name| names(name)) else { continue };
        let kinds = gauges.kinds(choice);
        let values: Vec<_> = kinds.iter().map(|kind| (named(*kind), kind.to_string())).collect();
        variables.push(among(name, shown, &values, &first_choice(&kinds).to_string()));
    }
    if names("channel")
        && let Some(series) = series_by(gauges, &[Dim::Channel])
    {
        variables.push(several(label("channel", "Channel", &series, "channel"), ".+"));
    }
    if names("model")
        && let Some(series) = series_by(gauges, &[Dim::Channel, Dim::Model])
    {
        let models = &gauges.config.attribution.models;
        let rule_based = || models.iter().filter(|model| model.is_rule_based()).map(|model| model.name());
        let first = rule_based().find(|name| *name == MODEL).or_else(|| rule_based().next()).unwrap_or(MODEL);
        variables.push(chosen(label("model", "Model", &series, "model"), first));
    }
    if names("stage") {
        let data_driven = &gauges.config.attribution.data_driven_stages;
        let first = data_driven.iter().map(|stage| stage.name()).find(|name| *name == STAGE);
        let first = first.or_else(|| data_driven.first().map(|stage| stage.name())).unwrap_or(STAGE);
        let by_stage = ["removal_effect_ratio", "touch_dated_conversions", "assisted_conversions"];
        if let Some(id) = by_stage.iter().find(|id| gauges.kpis().any(|kpi| kpi.id == ***id)) {
            let series = format!("{}{{job=\"$job\"}}", prometheus_name(id));
            variables.push(chosen(label("stage", "Stage", &series, "stage"), first));
        }
    }
    variables
}

/// The series of a KPI that has rows by these dimensions: where values of a label are looked up.
fn series_by(gauges: &Gauges<'_>, by: &[Dim]) -> Option<String> {
    let name = by.last()?.name();
    let of = |id: &str| {
        gauges.ask(id, Rows { by, ..Rows::default() })?;
        Some(format!("{}{{job=\"$job\",{name}!=\"\"}}", prometheus_name(id)))
    };
    let usual = ["sessions", "leads"].into_iter().find_map(&of);
    usual.or_else(|| gauges.kpis().find_map(|kpi| of(&kpi.id)))
}

/// A month or so, where there is such a window.
pub(super) fn first_choice(kinds: &[WindowKind]) -> WindowKind {
    let rolling =
        kinds.iter().rfind(|kind| matches!(kind, WindowKind::Rolling(days) if *days <= LONGEST_PREFERRED_DAYS));
    let month = kinds.iter().find(|kind| **kind == WindowKind::Month);
    *rolling.or(month).or(kinds.first()).unwrap_or(&WindowKind::All)
}

pub(super) fn named(kind: WindowKind) -> String {
    match kind {
        WindowKind::Minute => "This minute".to_owned(),
        WindowKind::Hour => "This hour".to_owned(),
        WindowKind::Day => "Today".to_owned(),
        WindowKind::Week => "This week".to_owned(),
        WindowKind::Month => "This month".to_owned(),
        WindowKind::Quarter => "This quarter".to_owned(),
        WindowKind::Year => "This year".to_owned(),
        WindowKind::Rolling(days) => format!("Last {days} days"),
        WindowKind::All => "Since the beginning".to_owned(),
        WindowKind::Now => "Now".to_owned(),
    }
}
