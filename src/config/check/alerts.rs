//! Alerts: each rule by itself, then whether the KPIs that it names are computed where it looks at them.

use std::collections::BTreeSet;

use super::output::{dimension_set, fault_in_formula};
use super::{Checker, nearest, time};
use crate::config::raw::{self, Raw, Text};
use crate::config::{Alert, Config, Time};
use crate::kpi::catalogue::{built_in, matches_glob};
use crate::kpi::families::{families_of, selected};
use crate::kpi::formula::FormulaError;
use crate::kpi::measures::Dim;
use crate::kpi::rules::{self, RuleError, resolve};

const FORM: &str = "KPIs, one of `< <= > >= ==`, a number: `email_delivery_ratio < 0.95`";

pub fn check(raw: &[raw::Alert], time: &Time, cx: &mut Checker<'_>) -> Vec<Alert> {
    let mut seen = BTreeSet::new();
    let mut alerts = Vec::new();
    for one in raw {
        let name = cx.name(&one.name, "alert");
        if !seen.insert(name.clone()) {
            cx.fault(
                &one.name,
                format!("alert `{name}` is there twice"),
                "again",
                "give one of them another name, or leave it out",
            );
        }
        let at_least = one.at_least.iter().map(|(kpi, least)| (kpi.value.clone(), cx.finite(least, kpi))).collect();
        let by = one.by.as_ref().map(|by| dimension_set(by, cx));
        if let Some(window) = time::window_in_use(&one.window, time, cx) {
            alerts.push(Alert { name, when: one.when.value.clone(), window, at_least, by });
        }
    }
    alerts
}

pub fn check_rules(raw: &Raw, config: &Config, cx: &mut Checker<'_>) {
    let families = families_of(config);
    for one in &raw.alerts {
        let Some(alert) = config.alerts.iter().find(|alert| alert.name == one.name.trim()) else { continue };
        // Said where the window or the dimension was read.
        let by = alert.by.iter().flatten();
        let is_judged = config.time.windows.contains(&alert.window) && by.clone().all(|dim| Dim::parse(dim).is_some());
        if let Err(error) = resolve(alert, config, &families) {
            say(one, &error, config, is_judged, cx);
        }
    }
    let known = rules::built_in(config).into_iter().map(|rule| rule.name);
    let known: Vec<String> = known.chain(config.alerts.iter().map(|rule| rule.name.clone())).collect();
    for glob in raw.output.alerts.iter().filter(|glob| !glob.contains(['*', '?'])) {
        if !known.iter().any(|name| matches_glob(glob.trim(), name)) {
            cx.unknown(glob, "alert", known.iter().map(String::as_str));
        }
    }
}

fn say(one: &raw::Alert, error: &RuleError, config: &Config, is_judged: bool, cx: &mut Checker<'_>) {
    let message = error.to_string();
    // A KPI that both sides name is at fault where it stands first.
    let place = |kpi: &str| -> &Text {
        let is_in_condition = one.when.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|name| name == kpi);
        let key = one.at_least.keys().find(|key| key.value == kpi && !is_in_condition);
        key.unwrap_or(&one.when)
    };
    match error {
        RuleError::NoComparison(_) | RuleError::Threshold(_) => cx.fault(&one.when, message, "not a comparison", FORM),
        RuleError::NoKpi(_) => cx.fault(&one.when, message, "nothing to look at", FORM),
        RuleError::Formula(FormulaError::Short) => cx.fault(&one.when, message, "in this condition", FORM),
        RuleError::Formula(error) => fault_in_formula(&one.when, error, message, config, cx),
        RuleError::Scope(name) => {
            let at = cx.word_in(&one.when, name);
            cx.fault_at(at.as_ref(), message, "of other rows", FORM);
        }
        RuleError::Unknown(kpi) => {
            let known = built_in().map(|kpi| kpi.id).chain(config.kpis.iter().map(|own| own.id.as_str()));
            let help = nearest::nearest(kpi, known).map_or_else(
                || "`tributary catalogue` lists the KPIs".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let at = cx.word_in(place(kpi), kpi);
            cx.fault_at(at.as_ref(), message, "not known", help);
        }
        // One that cannot be computed at all has a problem of its own.
        RuleError::NotComputed(kpi) if selected(config, kpi) => {}
        RuleError::NotComputed(kpi) => {
            let at = cx.word_in(place(kpi), kpi);
            cx.fault_at(at.as_ref(), message, "not in output.kpis", format!("add `{kpi}` to `output.kpis`"));
        }
        RuleError::NoRows { .. } if !is_judged => {}
        RuleError::NoRows { kpi, instead, .. } => {
            let sets =
                instead.iter().map(|set| if set.is_empty() { "in total".to_owned() } else { format!("by {set}") });
            let help = match instead.len() {
                0 => "`tributary catalogue` says which windows have it".to_owned(),
                _ => format!("it has rows {}", sets.collect::<Vec<_>>().join("; ")),
            };
            let at = cx.word_in(place(kpi), kpi);
            cx.fault_at(at.as_ref(), message, "no such rows", help);
        }
    }
}
