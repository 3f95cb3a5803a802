//! A unit: the leads that decide on a deal together, all of an account or those with an event on the deal. It hears of
//! its members, their touches and the deals, and shares the credit of these among all that its members did.

use serde::{Deserialize, Serialize};

use super::credit::{self, Journey, JourneyTouch, Share, Shared};
use super::event_id::{LongIds, PackedId};
use super::fold::{Contributions, Fold};
use super::forward::{CustomerOf, JourneyStep, Known, Member, Recipient, UnitConversion, UnitDeal, WonDeal};
use super::statement::{Cause, Revisions, Statement, Subject};
use super::symbols::OriginId;
use super::table::Keyed;
use super::visibility::{PRESENT, Visible, join, views};
use crate::kpi::measures::{Dim, Measure};
use crate::model::entity::EntityKey;
use crate::model::sparing;
use crate::model::stage::Stage;
use crate::model::time::Millis;
use crate::partials::cells::Symbol;

/// The definition of sourced that goes by the unit's journey.
pub const FIRST_TOUCH: &str = "first_touch";

#[derive(Debug, Serialize, Deserialize)]
pub struct Unit {
    key: EntityKey,
    members: Vec<(Member, Visible)>,
    /// In the order of time and id.
    steps: Vec<(Step, Visible)>,
    deals: Vec<(UnitDeal, Visible)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    lead: EntityKey,
    at: Millis,
    id: PackedId,
    known_from: Millis,
    origin: OriginId,
}

impl Keyed for Unit {
    fn key(&self) -> EntityKey {
        self.key
    }
}

/// As the facts of one view see it.
struct Seen<'a> {
    view: Visible,
    members: Vec<&'a Member>,
    steps: Vec<&'a Step>,
    deals: Vec<&'a UnitDeal>,
}

impl Unit {
    #[must_use]
    pub const fn new(key: EntityKey) -> Self {
        Self { key, members: Vec::new(), steps: Vec::new(), deals: Vec::new() }
    }

    /// Takes what leads tell it at once.
    pub fn hear(&mut self, news: &[(Known, Visible, bool)], fold: &mut Fold) {
        let before = self.contributions(fold);
        fold.cause = cause_of(news);
        for (known, visible, added) in news {
            match known {
                Known::Member(member) => put(&mut self.members, member, *visible, *added),
                Known::UnitDeal(deal) => put(&mut self.deals, deal, *visible, *added),
                Known::Step(step) if *added => self.take_step(step, *visible, fold),
                Known::Step(step) => self.drop_step(step, *visible, fold),
                Known::Renamed { from, to } => self.rename(*from, *to, &mut fold.ids),
                _ => {}
            }
        }
        let after = self.contributions(fold);
        fold.replace(&before, &after);
        // The deals number what is written of them.
        fold.restate(self.key, &before.statements, &after.statements, &mut Revisions::default());
    }

    fn take_step(&mut self, told: &JourneyStep, visible: Visible, fold: &mut Fold) {
        let step = Step::new(told, fold);
        let place = self.steps.partition_point(|(known, _)| {
            known.at.cmp(&step.at).then_with(|| fold.ids.compare(known.id, step.id)).is_le()
        });
        sparing::insert(&mut self.steps, place, (step, visible));
    }

    fn drop_step(&mut self, told: &JourneyStep, visible: Visible, fold: &mut Fold) {
        let step = Step::new(told, fold);
        let same = |(known, range): &(Step, Visible)| {
            let is_same = Step { id: step.id, ..*known } == step && *range == visible;
            is_same && fold.ids.compare(known.id, step.id).is_eq()
        };
        if let Some(place) = self.steps.iter().position(same) {
            fold.ids.release(self.steps.remove(place).0.id);
        }
        fold.ids.release(step.id);
    }

    /// A member is somebody without a name from now on. Its touches keep their order, but not their ids.
    fn rename(&mut self, from: EntityKey, to: EntityKey, ids: &mut LongIds) {
        self.members.iter_mut().filter(|(member, _)| member.lead == from).for_each(|(member, _)| member.lead = to);
        for (step, _) in self.steps.iter_mut().filter(|(step, _)| step.lead == from) {
            ids.release(step.id);
            (step.lead, step.id) = (to, PackedId::UNSET);
        }
        for (deal, _) in self.deals.iter_mut().filter(|(deal, _)| deal.lead == from) {
            (deal.lead, deal.lead_id) = (to, None);
        }
    }

    fn contributions(&self, fold: &mut Fold) -> Contributions {
        let mut all = Contributions::default();
        let marks = self.members.iter().map(|(_, visible)| *visible);
        let marks = marks.chain(self.steps.iter().map(|(_, visible)| *visible));
        let marks = marks.chain(self.deals.iter().map(|(_, visible)| *visible));
        let mut told = Vec::new();
        for view in views(marks) {
            let sees = |visible: Visible| visible.to_facts_bound_at(view.from);
            let seen = Seen {
                view,
                members: self.members.iter().filter(|(_, visible)| sees(*visible)).map(|(member, _)| member).collect(),
                steps: self.steps.iter().filter(|(_, visible)| sees(*visible)).map(|(step, _)| step).collect(),
                deals: self.deals.iter().filter(|(_, visible)| sees(*visible)).map(|(deal, _)| deal).collect(),
            };
            let mut of_view = seen.count(fold, &mut all);
            of_view.sort_unstable();
            told.push((view, of_view));
        }
        all.settle_statements();
        all.news = join(&told).into_iter().map(|((to, known), visible)| (to, known, visible)).collect();
        all.news.sort_unstable();
        all
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        let spans: usize = self.members.iter().map(|(member, _)| size_of_val(&*member.spans)).sum();
        let of_deals: usize = self.deals.iter().map(|(deal, _)| size_of_val(&*deal.conversions)).sum();
        spans
            + of_deals
            + self.members.capacity() * size_of::<(Member, Visible)>()
            + self.steps.capacity() * size_of::<(Step, Visible)>()
            + self.deals.capacity() * size_of::<(UnitDeal, Visible)>()
    }
}

impl Step {
    fn new(JourneyStep { lead, at, event_id, known_from, origin }: &JourneyStep, fold: &mut Fold) -> Self {
        let origin = fold.symbols.read_origin(origin);
        let id = fold.ids.pack(&event_id.as_str().into());
        Self { lead: *lead, at: *at, id, known_from: *known_from, origin }
    }
}

/// Why what is heard changes the journey.
fn cause_of(news: &[(Known, Visible, bool)]) -> Cause {
    let any = |is_it: fn(&Known) -> bool| news.iter().any(|(known, ..)| is_it(known));
    match () {
        () if any(|known| matches!(known, Known::Renamed { .. })) => Cause::Erasure,
        () if any(|known| matches!(known, Known::UnitDeal(_))) => Cause::Deal,
        () if any(|known| matches!(known, Known::Member(_))) => Cause::Account,
        () => Cause::Touch,
    }
}

fn put<T: Clone + PartialEq>(all: &mut Vec<(T, Visible)>, known: &T, visible: Visible, added: bool) {
    if added {
        sparing::insert(all, all.len(), (known.clone(), visible));
    } else if let Some(place) = all.iter().position(|(other, range)| other == known && *range == visible) {
        all.remove(place);
    }
}

impl Seen<'_> {
    /// The touches of all who are members at a moment, as known then.
    fn journey(&self, at: Millis) -> impl Iterator<Item = JourneyTouch> {
        let is_member = move |lead: EntityKey| {
            let mut of_lead = self.members.iter().filter(|member| member.lead == lead);
            of_lead.any(|member| member.spans.iter().any(|(from, to)| *from <= at && at < *to))
        };
        let known = self.steps.iter().take_while(move |step| step.at <= at).filter(move |step| step.known_from <= at);
        known.filter(move |step| is_member(step.lead)).map(|Step { at, id, origin, .. }| JourneyTouch {
            at: *at,
            id: *id,
            origin: *origin,
        })
    }

    fn count(&self, fold: &mut Fold, all: &mut Contributions) -> Vec<(Recipient, Known)> {
        let (mut won, mut told) = (Vec::new(), Vec::new());
        for deal in &self.deals {
            for conversion in &deal.conversions {
                let credits = self.count_conversion(deal, conversion, fold, all);
                if conversion.stage == Stage::Won {
                    won.push((conversion.at, *deal, credits));
                }
            }
            self.count_influence(deal, fold, all);
        }
        // The first of an account, which is this unit, is its customer's. Where units are deals, the account knows.
        won.sort_by(|(at, a, _), (other, b, _)| (at, &a.won_by, a.deal).cmp(&(other, &b.won_by, b.deal)));
        let mut is_first = true;
        for (at, deal, credits) in won {
            let counts = match deal.customer {
                Some(CustomerOf::Unit) => std::mem::take(&mut is_first),
                Some(CustomerOf::Lead) => true,
                Some(CustomerOf::Account(account)) => {
                    let credits = credits.iter().map(|(model, share)| fold.spell(*model, *share)).collect();
                    let won_by = deal.won_by.clone().unwrap_or_default();
                    let won = WonDeal { at, won_by, deal: deal.deal, credits };
                    told.push((Recipient::Account(account), Known::Won(won)));
                    false
                }
                None => false,
            };
            for (model, share) in credits.into_iter().filter(|_| counts) {
                let [_, values @ ..] = fold.credit_values(Symbol::ABSENT, model, share);
                all.fact(&fold.rules, self.view, Measure::CustomerCredit, at, &values, share.1);
            }
        }
        told
    }

    fn count_conversion(
        &self,
        deal: &UnitDeal,
        conversion: &UnitConversion,
        fold: &mut Fold,
        all: &mut Contributions,
    ) -> Vec<(usize, Share)> {
        let UnitConversion { stage, at, value, entered, .. } = conversion;
        let shared = Shared {
            stage: Some(*stage),
            name: fold.names.stages[*stage as usize],
            at: *at,
            entered,
            value: Some(*value).filter(|_| *stage != Stage::Proposal),
            amounts: &deal.amounts,
        };
        let journey = Journey::new(credit::within(self.journey(*at), *at, fold).into_vec(), fold);
        let credits = fold.share(&shared, &journey, self.view, all);
        if fold.rules.writes_attributions {
            let statement = Statement {
                subject: Subject::Deal(deal.deal),
                stage: stage.name().into(),
                at: *at,
                value: Some(*value),
                lead_id: deal.lead_id.as_deref().map(Into::into),
                account: conversion.account.as_deref().map(Into::into),
                entered: *entered,
                is_outside: journey.touches.is_empty() && self.journey(*at).next().is_some(),
                touches: journey.touches,
                closes: fold.rules.bound(*at, true),
                is_final: false,
            };
            all.state(&fold.rules, self.view, statement);
        }
        credits
    }

    /// What goes by the journey: whether the first touch of it was marketing's, and whether any was.
    fn count_influence(&self, deal: &UnitDeal, fold: &mut Fold, all: &mut Contributions) {
        let Some(opened) = deal.opened else { return };
        let settle = fold.rules.settle();
        let is_sourced = self.journey(opened).next().is_some_and(|touch| fold.is_marketing(touch.origin));
        let definition = fold.symbols.of(Dim::Definition, FIRST_TOUCH);
        let rules = std::sync::Arc::clone(&fold.rules);
        for UnitConversion { stage, at, value, .. } in &deal.conversions {
            if *stage == Stage::Proposal {
                continue;
            }
            let name = fold.names.stages[*stage as usize];
            if is_sourced {
                all.fact(&rules, self.view, Measure::SourcedValue, *at, &[name, definition], *value);
            }
            if self.is_influenced(deal, opened, *at + settle, fold) {
                all.fact(&rules, self.view, Measure::InfluencedValue, *at, &[name], *value);
            }
        }
        let Some(open) = deal.open else { return };
        if is_sourced {
            all.present(&rules, self.view, Measure::OpenSourced, &[definition], open);
        }
        if self.is_influenced(deal, opened, PRESENT, fold) {
            all.present(&rules, self.view, Measure::OpenInfluenced, &[], open);
        }
    }

    fn is_influenced(&self, deal: &UnitDeal, opened: Millis, until: Millis, fold: &Fold) -> bool {
        let since = opened - fold.rules.config.attribution.lookback;
        let close = deal.closed.filter(|_| until < PRESENT).unwrap_or(until).min(until);
        let mut touches = self.journey(until).filter(|touch| since <= touch.at && touch.at <= close);
        touches.any(|touch| fold.is_marketing(touch.origin))
    }
}
