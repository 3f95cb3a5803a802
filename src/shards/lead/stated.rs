//! What is stated of a lead's conversions: each with its journey, for the ledger of attributions and for whoever asks.

use std::ops::Range;

use super::super::credit::Journey;
use super::super::fold::Fold;
use super::super::statement::{self, Statement, Subject};
use super::super::visibility::views;
use super::Lead;
use super::conversions::{Conversion, conversions};
use super::seen::Seen;
use crate::model::time::Millis;

impl Seen<'_> {
    /// A conversion with its journey. `clock` is where the watermark is.
    pub(super) fn statement(&self, conversion: &Conversion, journey: Journey, clock: Millis, fold: &Fold) -> Statement {
        let at = conversion.at;
        let (subject, value) = match conversion.deal {
            Some((n, value)) => (Subject::Deal(self.deals[n].deal), Some(value)),
            None => (Subject::Lead, None),
        };
        let closes = fold.rules.bound(at, value.is_some());
        let is_outside =
            journey.touches.is_empty() && self.journey(at).nth(usize::from(conversion.own_touch.is_some())).is_some();
        Statement {
            subject,
            stage: conversion.name().into(),
            at,
            value,
            lead_id: self.id.as_deref().map(Into::into),
            account: self.account(at).map(Into::into),
            entered: conversion.entered,
            touches: journey.touches,
            is_outside,
            closes,
            is_final: subject == Subject::Lead && closes < clock,
        }
    }
}

impl Lead {
    /// Its own entry into a stage, or its own booking, if it was within a span: as the ledger has it. There is none of a
    /// lead that is nothing but touches.
    pub(in crate::shards) fn stated(&self, stage: &str, within: &Range<Millis>, fold: &Fold) -> Vec<Statement> {
        let Some(history) = &self.history else { return Vec::new() };
        let mut all = Vec::new();
        for view in views(history.marks(&fold.rules, &fold.records)) {
            let seen = Seen::new(self, history, view, fold);
            let is_it = |conversion: &&Conversion| {
                let is_seen = view.to_facts_bound_at(fold.rules.bound(conversion.at, false));
                conversion.deal.is_none() && conversion.name() == stage && within.contains(&conversion.at) && is_seen
            };
            for conversion in conversions(&seen).iter().filter(is_it).filter(|_| seen.id.is_some()) {
                let journey = seen.journey_at(conversion.at, conversion.own_touch, fold);
                all.push(seen.statement(conversion, journey, history.clock, fold));
            }
        }
        statement::sort(&mut all);
        all
    }
}
