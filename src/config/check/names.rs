//! Names that only the whole configuration can tell apart from mistakes: of KPIs, where they are asked for, and of
//! channels, which anybody may make up, so that one that comes near a known one is worth a note only.

use std::collections::BTreeSet;

use super::channels::channel_id;
use super::output::is_glob;
use super::{Checker, nearest};
use crate::config::Config;
use crate::config::raw::{Raw, Text};
use crate::kpi::catalogue::{built_in, matches_glob};
use crate::kpi::families::selected;
use crate::model::kinds::TouchKind;

/// The channels that touches are classified into.
const CHANNELS: [&str; 30] = [
    "direct",
    "cross_network",
    "paid_shopping",
    "paid_search",
    "paid_social",
    "paid_video",
    "paid_other",
    "content_syndication",
    "display",
    "ai_assistant",
    "organic_shopping",
    "organic_social",
    "organic_video",
    "organic_search",
    "webinar",
    "direct_mail",
    "pr",
    "partner",
    "event",
    "community",
    "messaging",
    "email",
    "affiliates",
    "referral",
    "audio",
    "sms",
    "push",
    "product",
    "other",
    "(unattributed)",
];
/// A name shorter than this is near to too many.
const LEAST_LENGTH: usize = 5;

pub fn check(raw: &Raw, config: &Config, cx: &mut Checker<'_>) {
    let known: Vec<&str> = built_in().map(|kpi| kpi.id).chain(config.kpis.iter().map(|own| own.id.as_str())).collect();
    for (key, globs) in [("output.kpis", &raw.output.kpis), ("metrics.kpis", &raw.metrics.kpis)] {
        for glob in globs.iter().filter(|glob| is_glob(glob) && !known.iter().any(|id| matches_glob(glob, id))) {
            let message = format!("`{key}` names no KPI with `{}`", glob.value);
            cx.fault(glob, message, "matches nothing", hint(glob, &known));
        }
    }
    for target in raw.goals.targets.iter().filter(|target| !target.kpi.trim().is_empty()) {
        let kpi = target.kpi.trim();
        if !known.contains(&kpi) {
            cx.fault(&target.kpi, format!("there is no KPI named `{kpi}`"), "not known", hint(kpi, &known));
        }
    }
    unexported(raw, config, &known, cx);
    channels(raw, cx);
    without_effect(raw, config, cx);
}

fn hint(name: &str, known: &[&str]) -> String {
    // What a glob was meant to match nobody can tell.
    let near = nearest::nearest(name, known.iter().copied()).filter(|_| !name.contains(['*', '?']));
    near.map_or_else(|| "`tributary catalogue` lists the KPIs".to_owned(), |near| format!("did you mean `{near}`?"))
}

/// Gauges are of rows that are published.
fn unexported(raw: &Raw, config: &Config, known: &[&str], cx: &mut Checker<'_>) {
    for glob in &raw.metrics.kpis {
        let mut named = known.iter().filter(|id| matches_glob(glob, id)).peekable();
        if named.peek().is_some() && !named.any(|id| selected(config, id)) {
            let message = format!("no KPI of `{}` is computed, so none has a gauge", glob.value);
            cx.note(glob, message, "not in output.kpis", format!("add `{}` to `output.kpis`", glob.value));
        }
    }
}

/// A channel that is a slip of the pen away from a known one.
fn channels(raw: &Raw, cx: &mut Checker<'_>) {
    let rules = raw.channels.rules.iter().map(|rule| channel_id(&rule.channel));
    let own: BTreeSet<String> = rules.collect();
    let known: Vec<&str> = CHANNELS.into_iter().chain(own.iter().map(String::as_str)).collect();
    let made = raw.channels.rules.iter().map(|rule| (&rule.channel, CHANNELS.to_vec()));
    let used = raw
        .budgets
        .iter()
        .map(|budget| &budget.channel)
        .chain([&raw.money.baseline_channel])
        .chain(&raw.channels.not_marketing)
        .chain(raw.channels.groups.values().flatten())
        .map(|name| (name, known.clone()));
    let found: Vec<(&Text, String)> = made
        .chain(used)
        .filter_map(|(name, known)| {
            let id = channel_id(name);
            let near = nearest::nearest(&id, known.iter().copied().filter(|near| near.len() >= LEAST_LENGTH))?;
            let is_slip = !known.contains(&id.as_str()) && strsim::damerau_levenshtein(&id, near) <= 2;
            is_slip.then(|| (name, near.to_owned()))
        })
        .collect();
    for (name, near) in found {
        let message = format!("channel `{}` is none that is built in, nor made by a rule", channel_id(name));
        cx.note(name, message, "a channel of its own", format!("did you mean `{near}`?"));
    }
}

/// What is said and changes nothing.
fn without_effect(raw: &Raw, config: &Config, cx: &mut Checker<'_>) {
    for name in raw.scoring.caps.keys().filter(|name| !raw.scoring.engagement.contains_key(name)) {
        let message = format!("`scoring.caps.{}` caps nothing", name.value);
        let help = format!("give it points: `scoring.engagement.{}`", name.value);
        cx.note(name, message, "has no points", help);
    }
    for name in &raw.attribution.detail_models {
        if !config.attribution.models.iter().any(|model| model.name() == name.value) {
            let message = format!("model `{}` is not computed, so it has no rows with content and term", name.value);
            cx.note(
                name,
                message,
                "not in attribution.models",
                format!("add `{}` to `attribution.models`", name.value),
            );
        }
    }
    for kind in raw.output.retention.keys().filter(|kind| kind.value != "rolling") {
        if !config.time.windows.iter().any(|window| window.to_string() == kind.value) {
            let message = format!("`output.retention.{}` keeps nothing", kind.value);
            cx.note(kind, message, "not in time.windows", format!("add `{}` to `time.windows`", kind.value));
        }
    }
    for (key, names) in [("time.windows", &raw.time.windows), ("attribution.models", &raw.attribution.models)] {
        let mut seen = BTreeSet::new();
        for name in names.iter().filter(|name| !seen.insert(name.value.as_str())) {
            cx.note(name, format!("`{}` is in `{key}` twice", name.value), "again", "once is enough");
        }
    }
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (rule, checked) in raw.channels.rules.iter().zip(&config.channels.rules) {
        if !seen.insert(format!("{:?}", checked.conditions)) {
            let message = "a channel rule before this one takes the same touches: this one is never reached";
            cx.note(&rule.channel, message, "never reached", "the first rule that matches decides");
        }
    }
    let engages = |kind: &TouchKind| !config.journey.not_engaging.contains(kind);
    if !TouchKind::ALL.iter().any(engages)
        && let Some(first) = raw.journey.not_engaging.first()
    {
        let message = "`journey.not_engaging` has every kind of touch: no journey would have one";
        cx.note(first, message, "and all others", "leave out the kinds that engage");
    }
}
