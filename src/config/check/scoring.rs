//! The funnel, scoring, routes and segments.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::predicates::{self, Scope};
use crate::config::raw::{self, Placed, Raw, Text};
use crate::config::{Engagement, FitRule, Funnel, RejectRule, Route, Scoring, Segment, Sla};
use crate::model::kinds::{FormKind, TouchKind};
use crate::model::stage::Stage;

pub fn check_funnel(raw: &raw::Funnel, cx: &mut Checker<'_>) -> Funnel {
    let stages = [&raw.probability.opportunity, &raw.probability.proposal, &raw.probability.won];
    let mut probability = BTreeMap::new();
    for (stage, chance) in Stage::DEAL_STAGES.into_iter().zip(stages) {
        if let Some(chance) = chance {
            probability.insert(stage, cx.share(chance, &format!("funnel.probability.{}", stage.name())));
        }
    }
    Funnel {
        leak_after: cx.positive_duration(&raw.leak_after, "funnel.leak_after"),
        likely: cx.share(&raw.likely, "funnel.likely"),
        probability,
    }
}

pub fn check_sla(raw: &raw::Sla, cx: &mut Checker<'_>) -> Sla {
    Sla {
        follow_up: cx.positive_duration(&raw.follow_up, "sla.follow_up"),
        recycle_after: cx.positive_duration(&raw.recycle_after, "sla.recycle_after"),
    }
}

pub fn check(raw: &raw::Scoring, cx: &mut Checker<'_>) -> Scoring {
    Scoring {
        threshold: raw.threshold,
        activation_threshold: raw.activation_threshold,
        grades: grades(&raw.grades, cx),
        engagement: points(&raw.engagement, cx),
        caps: points(&raw.caps, cx),
        fit: raw.fit.iter().filter_map(|rule| fit(rule, cx)).collect(),
        reject: raw.reject.iter().filter_map(|rule| reject(rule, cx)).collect(),
    }
}

fn grades(raw: &BTreeMap<Text, Placed<i64>>, cx: &mut Checker<'_>) -> Vec<(String, i64)> {
    let mut grades: Vec<(String, i64)> = Vec::new();
    for (name, least) in raw {
        if let Some((other, _)) = grades.iter().find(|(_, score)| *score == least.value) {
            let message = format!("grades `{other}` and `{}` begin at the same score", name.value);
            cx.fault(least, message, "taken", "each grade has a least score of its own");
        }
        grades.push((cx.name(name, "grade"), least.value));
    }
    if grades.is_empty() && !cx.removed.contains("scoring.grades") {
        let message = "`scoring.grades` is empty: every lead has a grade";
        cx.fault_of_key("scoring.grades", message, "empty", "a grade and its least score, such as `A = 80`");
    }
    grades.sort_by_key(|(_, least)| std::cmp::Reverse(*least));
    grades
}

fn points(raw: &BTreeMap<Text, Placed<i64>>, cx: &mut Checker<'_>) -> BTreeMap<Engagement, i64> {
    raw.iter().filter_map(|(name, points)| Some((engagement(name, cx)?, points.value))).collect()
}

fn engagement(name: &Text, cx: &mut Checker<'_>) -> Option<Engagement> {
    let form = name.strip_prefix("form_").and_then(FormKind::parse).map(Engagement::Form);
    let known = form.or_else(|| TouchKind::parse(name).map(Engagement::Touch));
    if known.is_none() {
        let forms = FormKind::ALL.iter().map(|kind| format!("form_{}", kind.name()));
        let names: Vec<String> = TouchKind::ALL.iter().map(|kind| kind.name().to_owned()).chain(forms).collect();
        cx.unknown(name, "kind of touch or form", names.iter().map(String::as_str));
    }
    known
}

fn fit(raw: &raw::Fit, cx: &mut Checker<'_>) -> Option<FitRule> {
    let predicate = predicates::check(&raw.predicate(), Scope::Facts, cx)?;
    Some(FitRule { predicate, points: raw.points })
}

fn reject(raw: &raw::Reject, cx: &mut Checker<'_>) -> Option<RejectRule> {
    let reason = cx.name(&raw.reason, "reason");
    let predicate = predicates::check(&raw.predicate(), Scope::Facts, cx)?;
    Some(RejectRule { reason, predicate })
}

pub fn check_segments(raw: &Raw, scoring: &Scoring, cx: &mut Checker<'_>) -> Vec<Segment> {
    let mut seen = BTreeSet::new();
    let mut segments = Vec::new();
    for one in &raw.segments {
        let segment = cx.name(&one.segment, "segment");
        if !seen.insert(segment.clone()) {
            cx.fault(
                &one.segment,
                format!("segment `{segment}` is there twice"),
                "again",
                "put both into one `when`, or name them apart",
            );
        }
        let when = predicates::check_all(&one.when, Scope::Standing(scoring), cx);
        segments.push(Segment { segment, when });
    }
    segments
}

/// The same route may be reached in several ways, but none after one that always holds.
pub fn check_routes(raw: &Raw, scoring: &Scoring, cx: &mut Checker<'_>) -> Vec<Route> {
    let segments: Vec<String> = raw.segments.iter().map(|one| one.segment.trim().to_owned()).collect();
    let scope = Scope::Everything(scoring, &segments);
    let mut routes = Vec::new();
    let mut caught: Option<&str> = None;
    for one in &raw.routes {
        let route = cx.name(&one.route, "route");
        if let Some(earlier) = caught {
            let message = format!("route `{route}` is never reached: `{earlier}` before it takes every lead");
            cx.fault(&one.route, message, "never reached", "put the route with `when = []` last");
        } else if one.when.is_empty() && !cx.removed.contains("routes.when") {
            caught = Some(&one.route.value);
        }
        routes.push(Route { route, when: predicates::check_all(&one.when, scope, cx) });
    }
    routes
}
