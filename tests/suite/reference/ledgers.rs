//! What ledgers must say in the end: the actions of leads, by id, and who must get no paid touch, by lead; as the records
//! that say it, but for the state.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tributary::config::Config;
use tributary::model::kinds::TouchKind;
use tributary::model::stage::Stage;
use tributary::model::time::{Millis, Span};

use super::Given;
use super::facts::{Known, views};
use super::funnel::Lead;
use super::kpis::{losses, standing};

/// A record with its time, and whether it settles.
type Timed = (Millis, bool, String, Value);

pub fn actions(config: &Config, events: &[Given], as_of: Millis) -> BTreeMap<String, Value> {
    let of_leads = |known: &Known| -> Vec<Timed> {
        known.funnel.leads.values().flat_map(|lead| actions_of(known, lead)).collect()
    };
    let all = views(config, events, as_of, of_leads, |(at, settling, ..)| (*at, *settling));
    let mut first = BTreeMap::new();
    for (_, _, id, action) in all {
        first.entry(id).or_insert(action);
    }
    first
}

pub fn suppressions(config: &Config, events: &[Given], as_of: Millis) -> BTreeMap<String, Value> {
    let of_leads = |known: &Known| -> Vec<(String, Value)> {
        known.funnel.leads.values().filter_map(|lead| suppression(known, lead)).collect()
    };
    // At present all is seen.
    views(config, events, as_of, of_leads, |_| (as_of + Span::days(100_000), true)).into_iter().collect()
}

fn actions_of(known: &Known, lead: &Lead) -> Vec<Timed> {
    let mut all = vec![];
    for (stage, at) in &lead.entries {
        all.push(action(known, lead, stage.name(), *at, *at, "", json!({})));
    }
    if let Some((at, reason)) = &lead.rejected {
        all.push(action(known, lead, "rejected", *at, *at, "", json!({ "reason": reason })));
    }
    if let Some(&entered) = lead.entries.get(&Stage::Lead) {
        let (_, _, id, routed) = action(known, lead, "routed", entered, known.settled(entered), "", json!({}));
        if !routed["route"].is_null() {
            all.push((entered, true, id, routed));
        }
    }
    for (stage, (at, why)) in losses::leaks_of(known, lead) {
        let more = json!({ "stage": stage.name(), "reason": why });
        all.push(action(known, lead, "leaked", at, at, stage.name(), more));
    }
    if let Some(due) = losses::breach_of(known, lead) {
        all.push(action(known, lead, "sla_breached", due, due, "", json!({})));
    }
    for (at, why, back) in losses::cycles_of(known, lead) {
        let apart = at.0.to_string();
        all.push(action(known, lead, "recycled", at, at, &apart, json!({ "reason": why })));
        all.extend(back.map(|back| action(known, lead, "reactivated", back, back, &apart, json!({}))));
    }
    all
}

fn action(known: &Known, lead: &Lead, what: &str, at: Millis, then: Millis, apart: &str, more: Value) -> Timed {
    let id = [lead.id, what, apart].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let is_rejected = known.funnel.is_rejected(lead.id, then);
    let score = (!is_rejected).then(|| known.world.latest_score(lead.id, then));
    let grade = known.world.grade(lead.id, then).filter(|_| !is_rejected);
    let route = standing::route(known, lead.id, then).filter(|_| !is_rejected);
    let mut action = json!({
        "id": id, "lead_id": lead.id, "action": what, "time": at.0, "stage": null,
        "score": score, "grade": grade, "route": route, "reason": null,
    });
    for (name, value) in more.as_object().expect("an object") {
        action[name] = value.clone();
    }
    (at, false, id, action)
}

fn suppression(known: &Known, lead: &Lead) -> Option<(String, Value)> {
    let (world, funnel) = (known.world, known.funnel);
    let mut reasons = vec![];
    let won = funnel.deals_of(lead.id, Millis::MAX).into_iter().filter_map(|deal| deal.entries.get(&Stage::Won));
    let won = won.copied().filter(|at| !funnel.is_rejected(lead.id, *at)).min();
    let account = world.account_of(lead.id, Millis::MAX);
    let record = account.and_then(|account| world.record_of(account, Millis::MAX));
    if won.is_some() || record.is_some_and(|record| record.is_customer) {
        reasons.push(json!({ "reason": "customer", "since": won.map(|at| at.0) }));
    }
    let mut own = world.stages.iter().filter(|e| &*e.lead_id == lead.id);
    let latest = own.rfind(|e| !e.stage.is_of_deal());
    if let Some(event) = latest.filter(|e| e.stage == Stage::Disqualified) {
        reasons.push(json!({ "reason": "disqualified", "since": event.occurred_at.0 }));
    }
    let touches = world.touches_of(lead.id, Millis::MAX).into_iter().map(|i| world.touches[i]);
    if let Some(touch) = touches.into_iter().find(|touch| touch.kind == TouchKind::EmailUnsubscribed) {
        reasons.push(json!({ "reason": "unsubscribed", "since": touch.occurred_at.0 }));
    }
    (!reasons.is_empty()).then(|| (lead.id.to_owned(), json!({ "lead_id": lead.id, "reasons": reasons })))
}
