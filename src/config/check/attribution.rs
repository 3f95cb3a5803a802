//! Identity, journeys and attribution models.

use std::collections::BTreeSet;

use super::Checker;
use crate::config::raw::{self, Names, Placed, Text};
use crate::config::{Attribution, AttributionUnit, CustomModel, Identity, Journey, Model};
use crate::model::kinds::TouchKind;
use crate::model::stage::Stage;

pub fn check_identity(raw: &raw::Identity, cx: &mut Checker<'_>) -> Identity {
    Identity {
        lookback: cx.duration(&raw.lookback, "identity.lookback"),
        not_accounts: raw.not_accounts.iter().map(|id| id.value.clone()).collect(),
    }
}

pub fn check_journey(raw: &raw::Journey, cx: &mut Checker<'_>) -> Journey {
    let not_engaging = raw.not_engaging.iter().filter_map(|name| touch_kind(name, cx)).collect();
    Journey { max_touches: raw.max_touches, not_engaging }
}

pub fn touch_kind(name: &Text, cx: &mut Checker<'_>) -> Option<TouchKind> {
    let kind = TouchKind::parse(name);
    if kind.is_none() {
        cx.unknown(name, "kind of touch", TouchKind::ALL.iter().map(|kind| kind.name()));
    }
    kind
}

pub fn check(raw: &raw::Attribution, cx: &mut Checker<'_>) -> Attribution {
    let models = models(raw, cx);
    Attribution {
        detail_models: detail_models(raw, &models, cx),
        models,
        lookback: cx.positive_duration(&raw.lookback, "attribution.lookback"),
        half_life: cx.positive_duration(&raw.half_life, "attribution.half_life"),
        unit: match raw.unit {
            raw::AttributionUnit::Lead => AttributionUnit::Lead,
            raw::AttributionUnit::Contacts => AttributionUnit::Contacts,
            raw::AttributionUnit::Account => AttributionUnit::Account,
        },
        data_driven_stages: cx.stages(&raw.data_driven.stages),
        markov_order: raw.data_driven.markov_order,
        min_conversions: raw.data_driven.min_conversions,
    }
}

/// The built-in models as named, then all custom ones by name; a custom one may be named too.
fn models(raw: &raw::Attribution, cx: &mut Checker<'_>) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    for name in raw.models.iter().filter(|name| !raw.custom.contains_key(name)) {
        match Model::built_in(name) {
            Some(model) if !models.contains(&model) => models.push(model),
            Some(_) => {}
            None => cx.unknown(name, "model", known_models(raw)),
        }
    }
    for (name, weights) in &raw.custom {
        models.push(Model::Custom(custom(name, weights, cx)));
    }
    if raw.models.is_empty() && raw.custom.is_empty() && !cx.removed.contains("attribution.models") {
        let message = "`attribution.models` is empty and there is no custom model";
        cx.fault_of_key("attribution.models", message, "empty", "such as `linear`");
    }
    models
}

fn known_models(raw: &raw::Attribution) -> Vec<&str> {
    Model::BUILT_IN.iter().map(Model::name).chain(raw.custom.keys().map(|name| name.as_str())).collect()
}

fn custom(name: &Text, raw: &raw::Weights, cx: &mut Checker<'_>) -> CustomModel {
    let known = cx.problems.len();
    let checked_name = cx.name(name, "custom model");
    if Model::built_in(name).is_some() {
        cx.fault(name, format!("`{}` is a built-in model", name.value), "taken", "give the custom model another name");
    }
    let mut weight = |weight: &Option<Placed<f64>>| {
        let Some(weight) = weight else { return 0.0 };
        if !weight.is_finite() || weight.value < 0.0 {
            cx.fault(
                weight,
                "a weight cannot be negative",
                "not a weight",
                "0 or more: only how weights compare counts",
            );
        }
        weight.value
    };
    let stages = [&raw.lead, &raw.mql, &raw.sal, &raw.sql, &raw.opportunity, &raw.proposal, &raw.won];
    let model = CustomModel {
        name: checked_name,
        first: weight(&raw.first),
        last: weight(&raw.last),
        others: weight(&raw.others),
        stages: Stage::LADDER.into_iter().zip(stages.map(&mut weight)).filter(|(_, weight)| *weight > 0.0).collect(),
    };
    let refused = cx.has_removed_in(&format!("attribution.custom.{}", name.value)) || cx.problems.len() > known;
    if !refused && model.first + model.last + model.others + model.stages.values().sum::<f64>() <= 0.0 {
        let message = format!("custom model `{}` gives no weight to anything", model.name);
        cx.fault(name, message, "without weights", "keys: first, last, others, and the stages");
    }
    model
}

/// Those of them that are enabled: the default names some that a configuration may have left out.
fn detail_models(raw: &raw::Attribution, enabled: &[Model], cx: &mut Checker<'_>) -> BTreeSet<String> {
    check_detail_names(&raw.detail_models, raw, cx);
    let given: BTreeSet<&str> = raw.detail_models.iter().map(|name| name.as_str()).collect();
    enabled.iter().map(Model::name).filter(|name| given.contains(name)).map(str::to_owned).collect()
}

fn check_detail_names(names: &Names, raw: &raw::Attribution, cx: &mut Checker<'_>) {
    for name in names.iter().filter(|name| !raw.custom.contains_key(name)) {
        match Model::built_in(name) {
            None => cx.unknown(name, "model", known_models(raw)),
            Some(model) if !model.is_rule_based() => {
                let message = format!("`{}` shares no single conversion, so it has no content or term", name.value);
                cx.fault(name, message, "not rule-based", "leave it out here: its rows by channel stay");
            }
            Some(_) => {}
        }
    }
}
