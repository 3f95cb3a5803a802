//! A lead as it stands, for whoever asks about it: its journey, its stages, and whose credit its conversions are. All of
//! it is what is known now, late events included.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::Shard;
use super::super::credit::JourneyTouch;
use super::super::fold::Fold;
use super::super::rules::CreditModel;
use super::super::visibility::{PRESENT, Visible};
use super::Lead;
use super::conversions::{Conversion, conversions};
use super::history::FillRow;
use super::seen::{Seen, SeenTouch};
use crate::config::AttributionUnit;
use crate::kpi::measures::Scale;
use crate::model::entity::EntityKey;
use crate::model::stage::Stage;
use crate::model::time::Millis;

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Lead")]
pub struct Profile {
    pub lead_id: String,
    pub account_id: Option<String>,
    /// The highest, of the lead and its deals.
    pub stage: Option<&'static str>,
    pub score: i64,
    pub grade: Option<String>,
    pub route: Option<String>,
    pub segments: Vec<String>,
    pub rejected: Option<Rejected>,
    pub stages: Vec<Entered>,
    pub deals: Vec<OwnDeal>,
    /// In the order of time.
    pub touches: Vec<OwnTouch>,
    pub form_fills: Vec<OwnFill>,
    pub conversions: Vec<Credits>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LeadRejected")]
pub struct Rejected {
    pub time: i64,
    pub reason: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EnteredStage")]
pub struct Entered {
    pub stage: &'static str,
    pub time: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LeadDeal")]
pub struct OwnDeal {
    pub deal_id: Option<String>,
    pub stages: Vec<Entered>,
    pub lost: Option<i64>,
    pub value: Option<f64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LeadTouch")]
pub struct OwnTouch {
    pub event_id: String,
    pub time: i64,
    pub kind: &'static str,
    pub channel: String,
    pub campaign: String,
    pub content: String,
    pub term: String,
    /// Whether conversions may be credited to it.
    pub in_journey: bool,
    /// From when on it is known to be the lead's.
    pub known_from: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LeadFill")]
pub struct OwnFill {
    pub event_id: String,
    pub time: i64,
    pub form_kind: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LeadConversion")]
pub struct Credits {
    pub stage: &'static str,
    pub deal_id: Option<String>,
    pub time: i64,
    pub value: Option<f64>,
    /// Whose journey it is: lead, contacts or account. What is not the lead's own is in the topic `attributions`.
    pub unit: &'static str,
    pub models: Vec<OfModel>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LeadConversionModel")]
pub struct OfModel {
    pub model: String,
    pub touches: Vec<Share>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LeadConversionShare")]
pub struct Share {
    pub event_id: String,
    pub channel: String,
    pub time: i64,
    pub credit: f64,
}

impl Shard {
    /// What is known of a lead that lives here.
    #[must_use]
    pub fn profile(&self, lead_id: &str) -> Option<Profile> {
        self.leads.look(EntityKey::of(lead_id), |lead| lead.profile(lead_id, &self.fold))
    }
}

impl Lead {
    /// What is known of the lead that records call `id`.
    pub fn profile(&self, id: &str, fold: &Fold) -> Profile {
        let none = Box::default();
        let history = self.history.as_ref().unwrap_or(&none);
        let seen = Seen::new(self, history, Visible::LATEST, fold);
        let class = seen.class(PRESENT, fold);
        let criteria = &fold.rules.criteria;
        let entries = Stage::LEAD_STAGES.into_iter().zip(seen.lead_entries());
        let touch = |touch: &SeenTouch| {
            let [channel, campaign, content, term] = fold.symbols.spell_origin(touch.origin);
            OwnTouch {
                event_id: fold.ids.text(touch.id),
                time: touch.at.0,
                kind: touch.kind.name(),
                channel,
                campaign,
                content,
                term,
                in_journey: touch.in_journey,
                known_from: touch.known_from.0,
            }
        };
        let fill = |fill: &&FillRow| OwnFill {
            event_id: fill.event_id.to_string(),
            time: fill.at.0,
            form_kind: fill.kind.name(),
        };
        let deals = seen.deals.iter().filter(|deal| deal.is_owned(PRESENT)).map(|deal| OwnDeal {
            deal_id: deal.deal_id.clone(),
            stages: entered(Stage::DEAL_STAGES.into_iter().zip(deal.entries.map(|entry| entry.map(|of| of.at)))),
            lost: deal.lost.map(|at| at.0),
            value: deal.entries.iter().flatten().last().map(|entry| Scale::Money.to_f64(entry.value)),
        });
        Profile {
            lead_id: id.to_owned(),
            account_id: seen.account(PRESENT).map(ToOwned::to_owned),
            stage: seen.highest(PRESENT).map(Stage::name),
            score: seen.standing.score(PRESENT),
            grade: class.grade.map(|grade| criteria.grades[grade].0.clone()),
            route: class.route.map(|route| criteria.routes[route].0.clone()),
            segments: class.segments.iter().map(|place| criteria.segments[*place].0.clone()).collect(),
            rejected: seen
                .standing
                .rejected
                .map(|(at, rule)| Rejected { time: at.0, reason: criteria.reject[rule].0.clone() }),
            stages: entered(entries),
            deals: deals.collect(),
            touches: seen.touches.iter().map(touch).collect(),
            form_fills: seen.fills.iter().map(fill).collect(),
            conversions: conversions(&seen).iter().map(|conversion| credits(conversion, &seen, fold)).collect(),
        }
    }
}

fn entered(entries: impl Iterator<Item = (Stage, Option<Millis>)>) -> Vec<Entered> {
    entries.filter_map(|(stage, at)| Some(Entered { stage: stage.name(), time: at?.0 })).collect()
}

fn credits(conversion: &Conversion, seen: &Seen<'_>, fold: &Fold) -> Credits {
    let deal = conversion.deal.map(|(n, _)| seen.deals[n]);
    let is_own = deal.is_none_or(|deal| seen.unit_of(deal, conversion.at, fold).is_none());
    let journey = seen.journey_at(conversion.at, conversion.own_touch, fold);
    let models = fold.rules.models.iter().enumerate().filter(|(_, model)| is_own && model.enabled);
    let of_model = |(n, model): (usize, &CreditModel)| {
        let shares = journey.touches.iter().zip(journey.credits(n, &conversion.entered, fold));
        let share = |(touch, credit): (&JourneyTouch, i64)| Share {
            event_id: fold.ids.text(touch.id),
            channel: fold.symbols.channel(touch.origin).to_owned(),
            time: touch.at.0,
            credit: Scale::Credit.to_f64(credit),
        };
        let touches = shares.filter(|(_, credit)| *credit != 0).map(share).collect();
        OfModel { model: model.name.clone(), touches }
    };
    Credits {
        stage: conversion.name(),
        deal_id: deal.and_then(|deal| deal.deal_id.clone()),
        time: conversion.at.0,
        value: conversion.deal.map(|(_, value)| Scale::Money.to_f64(value)),
        unit: match (is_own, fold.rules.unit) {
            (true, _) | (_, AttributionUnit::Lead) => "lead",
            (_, AttributionUnit::Contacts) => "contacts",
            (_, AttributionUnit::Account) => "account",
        },
        models: models.map(of_model).collect(),
    }
}
