//! What a lead contributes: the facts of its conversions and cohorts, and what it tells its accounts.

use std::sync::Arc;

use smallvec::SmallVec;

use super::super::acts::{Distinct, Done, Person};
use super::super::credit::{Journey, Share, Shared};
use super::super::fold::{Contributions, Fold};
use super::super::forward::{DealFacts, DealSegments, Known, Recipient, WonDeal};
use super::super::ledger;
use super::super::statement::Subject;
use super::super::visibility::{PRESENT, Visible, join, views};
use super::Lead;
use super::answers::Surveys;
use super::conversions::{Conversion, Converted, conversions};
use super::seen::Seen;
use super::units::UnitDeals;
use super::waiting::{Became, FollowUp};
use crate::config::AttributionUnit;
use crate::kpi::measures::{COHORTS, Dim, Measure, Reached};
use crate::model::entity::EntityKey;
use crate::model::event::NONE;
use crate::model::kinds::TouchKind;
use crate::model::stage::Stage;
use crate::model::time::{Millis, Span};
use crate::partials::cells::Symbol;

type Told = (Recipient, Known);

impl Lead {
    /// What it contributes, given all that it knows. What its touches count by themselves is not in it.
    pub(in crate::shards) fn contributions(&self, fold: &mut Fold) -> Contributions {
        let of_touches;
        let history = match &self.history {
            Some(history) => history,
            None if !fold.rules.counts_touches() => return Contributions::default(),
            None => {
                of_touches = Box::default();
                &of_touches
            }
        };
        let mut all = Contributions::default();
        let (mut distinct, mut surveys) = (Distinct::default(), Surveys::default());
        let mut told = Vec::new();
        for view in views(history.marks(&fold.rules, &fold.records)) {
            let seen = Seen::new(self, history, view, fold);
            let mut view = View {
                view,
                seen: &seen,
                clock: history.clock,
                all: &mut all,
                told: Vec::new(),
                units: UnitDeals::new(),
            };
            view.count(fold);
            view.tell_units(fold);
            view.count_reach(self.key, fold);
            view.count_person(&mut distinct, fold);
            view.count_surveys(&mut surveys, fold);
            // Of two touches at the same moment the account needs to know once.
            view.told.sort_unstable();
            view.told.dedup();
            told.push((view.view, view.told));
        }
        distinct.count(fold, &mut all);
        surveys.count(fold, &mut all);
        ledger::sort(&mut all.lines);
        all.settle_statements();
        all.news = join(&told).into_iter().map(|((to, known), visible)| (to, known, visible)).collect();
        all.news.sort_unstable();
        all
    }
}

pub(super) struct View<'a> {
    pub(super) view: Visible,
    pub(super) seen: &'a Seen<'a>,
    /// Where the watermark is.
    clock: Millis,
    pub(super) all: &'a mut Contributions,
    pub(super) told: Vec<Told>,
    pub(super) units: UnitDeals,
}

impl View<'_> {
    pub(super) fn fact(&mut self, fold: &Fold, measure: Measure, at: Millis, values: &[Symbol], amount: i64) {
        self.all.fact(&fold.rules, self.view, measure, at, values, amount);
    }

    fn count(&mut self, fold: &mut Fold) {
        let conversions = conversions(self.seen);
        let source = self.source(fold);
        let mut customers = Vec::new();
        for conversion in &conversions {
            self.upload(conversion, fold);
            self.count_conversion(conversion, source, fold, &mut customers);
        }
        self.count_customers(customers, fold);
        self.count_fills(fold);
        self.count_cohorts(source, fold);
        for n in 0..self.seen.deals.len() {
            self.count_deal(self.seen.deals[n], source, fold);
        }
        self.count_class(source, fold);
        self.count_times(source, fold);
        let became = Became::of(self.seen, fold, self.clock);
        self.count_waiting(&became, source, fold);
        self.count_lost(&became, fold);
        self.count_influence(fold);
        self.write_actions(&became, fold);
        self.write_suppression(fold);
    }

    /// What counts by person; nurture and experiments are of leads alone.
    fn count_person(&mut self, distinct: &mut Distinct, fold: &mut Fold) {
        if self.seen.done.is_empty() && self.seen.fills.iter().all(|fill| fill.exposure.is_none()) {
            return;
        }
        let own = self.seen.lead_entries().into_iter().flatten();
        let of_deals = self.seen.deals.iter().flat_map(|deal| {
            let entries = deal.entries.iter().flatten().map(|entry| entry.at);
            entries.filter(|at| deal.is_owned(*at) && !self.seen.standing.is_rejected(*at))
        });
        let entries: Vec<Millis> = own.chain(of_deals).collect();
        Person { view: self.view, done: &self.seen.done, entries: Some(&entries) }.count(fold, distinct, self.all);
        let settle = fold.rules.settle();
        let joins = |done: &&Done| done.kind == TouchKind::NurtureJoined && done.is_known(done.at);
        if let Some(joined) = self.seen.done.iter().find(joins) {
            self.fact(fold, Measure::NurtureCohort, joined.at, &[], 1);
            if self.seen.lead_entries()[1].is_some_and(|mql| joined.at < mql && mql <= joined.at + settle) {
                self.fact(fold, Measure::NurtureCohortMql, joined.at, &[], 1);
            }
        }
        self.count_exposures(fold);
    }

    /// At its first exposure to each variant.
    fn count_exposures(&mut self, fold: &Fold) {
        let settle = fold.rules.settle();
        let of_touches = self.seen.done.iter().filter(|done| done.is_known(done.at + settle));
        let of_touches = of_touches.filter_map(|done| Some((done.about.exposure?, done.at)));
        let of_fills = self.seen.fills.iter().filter_map(|fill| Some((fill.exposure?, fill.at)));
        let mut exposures: Vec<_> = of_touches.chain(of_fills).collect();
        exposures.sort_unstable();
        exposures.dedup_by_key(|(exposure, _)| *exposure);
        let stage = fold.rules.config.experiments.stage;
        let mut entries: Vec<Millis> = self.seen.first_of_deals(stage, Span(0));
        entries.extend(
            Stage::LEAD_STAGES
                .iter()
                .zip(self.seen.lead_entries())
                .filter(|(of, _)| **of == stage)
                .filter_map(|(_, at)| at),
        );
        for ((experiment, variant), at) in exposures {
            let values = [experiment, variant];
            self.fact(fold, Measure::Exposed, at, &values, 1);
            if entries.iter().any(|entry| at <= *entry && *entry <= at + settle) {
                self.fact(fold, Measure::ExposedConverted, at, &values, 1);
            }
        }
    }

    /// What happened because nothing did.
    fn count_waiting(&mut self, became: &Became, source: [Symbol; 2], fold: &Fold) {
        self.all.next = self.all.next.into_iter().chain(became.next).min();
        for (stage, at, _) in &became.leaks {
            let values = [fold.names.stages[*stage as usize], source[0], source[1]];
            self.fact(fold, Measure::LeakedLeads, *at, &values, 1);
        }
        if fold.wants(Measure::LeakCohort) {
            self.count_leak_cohorts(became, source, fold);
        }
        if let Some((mql, became)) = became.follow_up {
            let until = mql + fold.rules.settle();
            match became {
                FollowUp::Open => {}
                FollowUp::InTime => {
                    self.fact(fold, Measure::SlaCohort, mql, &source, 1);
                    self.fact(fold, Measure::SlaCohortMet, mql, &source, 1);
                }
                FollowUp::Breached(at) => {
                    self.fact(fold, Measure::SlaBreaches, at, &source, 1);
                    if at <= until {
                        self.fact(fold, Measure::SlaCohort, mql, &source, 1);
                    }
                }
            }
        }
        for (recycled, _, back) in &became.cycles {
            self.fact(fold, Measure::RecycledLeads, *recycled, &source, 1);
            back.iter().for_each(|at| self.fact(fold, Measure::Reactivations, *at, &source, 1));
        }
    }

    /// At its entry into each stage, with whether it leaked there by the time that settles.
    fn count_leak_cohorts(&mut self, became: &Became, source: [Symbol; 2], fold: &Fold) {
        let own = Stage::LEAD_STAGES.into_iter().zip(self.seen.lead_entries());
        let mut entries: Vec<_> = own.filter_map(|(stage, at)| Some((stage, at?))).collect();
        for stage in [Stage::Opportunity, Stage::Proposal] {
            entries.extend(self.seen.first_of_deals(stage, fold.rules.settle()).into_iter().map(|at| (stage, at)));
        }
        for (stage, at) in entries {
            let values = [fold.names.stages[stage as usize], source[0], source[1]];
            let until = at + fold.rules.settle();
            self.fact(fold, Measure::LeakCohort, at, &values, 1);
            if became.leaks.iter().any(|(leaked, when, _)| *leaked == stage && *when <= until) {
                self.fact(fold, Measure::LeakCohortLeaked, at, &values, 1);
            }
        }
    }

    /// Channel and campaign of the first touch of its journey at lead entry.
    fn source(&self, fold: &mut Fold) -> [Symbol; 2] {
        let entry = self.seen.lead_entries()[0];
        let first = entry.and_then(|entry| self.seen.journey(entry).next());
        match first {
            Some(touch) => {
                let [channel, campaign, ..] = fold.symbols.origin_symbols(touch.origin);
                [channel, campaign]
            }
            None => [fold.names.unattributed, fold.symbols.of(Dim::Campaign, NONE)],
        }
    }

    fn count_conversion(
        &mut self,
        conversion: &Conversion,
        source: [Symbol; 2],
        fold: &mut Fold,
        customers: &mut Vec<Customer>,
    ) {
        let at = conversion.at;
        let name = conversion.name();
        let count = if conversion.stage().is_some() { Measure::Entries } else { Measure::Bookings };
        let stage = fold.symbols.of(Dim::Stage, name);
        if conversion.deal.is_none() {
            self.count_by_segment(Measure::EntriesBySegment, Some(stage), at, 1, fold);
        }
        if fold.rules.plan.wants_stage(count, name) {
            self.fact(fold, count, at, &[stage], 1);
        }
        let is_won = conversion.what == Converted::Entered(Stage::Won);
        let value = conversion.value();
        if let Some(value) = value {
            self.fact(fold, Measure::DealValue, at, &[stage], value);
        }
        if is_won {
            self.fact(fold, Measure::ClosedWon, at, &source, 1);
        }
        let deal = conversion.deal.map(|(deal, _)| (deal, self.seen.deals[deal]));
        let shared = Shared {
            stage: conversion.stage(),
            name: stage,
            at,
            entered: &conversion.entered,
            value,
            amounts: deal.map_or(&[][..], |(_, deal)| &deal.amounts),
        };
        let customers_of = [Measure::Customers, Measure::CustomersSettled, Measure::CustomerCredit];
        let wants_customers = is_won && customers_of.iter().any(|measure| fold.wants(*measure));
        let is_left = self.leave_to_unit(conversion, fold);
        let is_asked = shared.is_wanted(name, fold) || fold.rules.writes_attributions;
        if !wants_customers && (is_left || !is_asked) {
            return;
        }
        let credits = if is_left {
            Vec::new()
        } else {
            let journey = self.seen.journey_at(at, conversion.own_touch, fold);
            let credits = fold.share(&shared, &journey, self.view, self.all);
            self.state(conversion, journey, fold);
            credits
        };
        if let Some((deal, _)) = deal.filter(|_| wants_customers) {
            customers.push(Customer { at, deal, credits });
        }
    }

    /// A conversion with its journey, for the ledger: as plain facts see it, with the amount that settled ones see.
    fn state(&mut self, conversion: &Conversion, journey: Journey, fold: &Fold) {
        if !fold.rules.writes_attributions || self.seen.id.is_none() {
            return;
        }
        let statement = self.seen.statement(conversion, journey, self.clock, fold);
        if statement.subject == Subject::Lead && !statement.is_final {
            self.all.next = self.all.next.into_iter().chain([Millis(statement.closes.0 + 1)]).min();
        }
        self.all.state(&fold.rules, self.view, statement);
    }

    /// Deals won are told to their accounts, which know the first one; without an account the lead is the customer.
    fn count_customers(&mut self, mut won: Vec<Customer>, fold: &mut Fold) {
        let deals = &self.seen.deals;
        won.sort_by(|a, b| (a.at, &deals[a.deal].won_by).cmp(&(b.at, &deals[b.deal].won_by)));
        let mut is_customer = false;
        for customer in won {
            let deal = deals[customer.deal];
            if let Some(account) = self.seen.account(customer.at) {
                if fold.rules.unit == AttributionUnit::Contacts {
                    // The deal's unit tells it, with the credit.
                    continue;
                }
                let won_by = deal.won_by.clone().unwrap_or_default();
                let credits = customer.credits.iter().map(|(model, share)| fold.spell(*model, *share)).collect();
                let won = WonDeal { at: customer.at, won_by, deal: deal.deal, credits };
                self.told.push((Recipient::Account(EntityKey::of(account)), Known::Won(won)));
            } else if !is_customer {
                is_customer = true;
                self.is_customer_by(customer.deal, customer.at, fold);
                self.fact(fold, Measure::Customers, customer.at, &[], 1);
                self.fact(fold, Measure::CustomersSettled, customer.at, &[], 1);
                if deal.is_owned(customer.at + fold.rules.settle()) {
                    self.count_by_segment(Measure::CustomersBySegment, None, customer.at, 1, fold);
                }
                for (model, share) in customer.credits {
                    let [_, values @ ..] = fold.credit_values(Symbol::ABSENT, model, share);
                    self.fact(fold, Measure::CustomerCredit, customer.at, &values, share.1);
                }
            }
        }
    }

    fn count_fills(&mut self, fold: &mut Fold) {
        let Some(fill) = self.seen.first_fill() else { return };
        self.fact(fold, Measure::RawLeads, fill.at, &[], 1);
        if let Some((at, rule)) = self.seen.standing.rejected {
            let reason = fold.rules.criteria.reject[rule].0.clone();
            let reason = fold.symbols.of(Dim::Reason, &reason);
            self.fact(fold, Measure::RejectedLeads, at, &[reason], 1);
        }
        if self.seen.lead_entries()[0] == Some(fill.at) {
            if let Some(asset) = fill.asset {
                self.fact(fold, Measure::ContentLeads, fill.at, &[asset], 1);
            }
            let session =
                self.seen.sessions.iter().find(|session| session.at == fill.at && session.event_id == fill.event_id);
            if let Some(session) = session {
                self.fact(fold, Measure::LeadsByLandingPage, fill.at, &[session.landing_page], 1);
            }
        }
    }

    /// Cohorts of its lead stages: each at its entry, with what came of it until it settles.
    fn count_cohorts(&mut self, source: [Symbol; 2], fold: &mut Fold) {
        let entries = self.seen.lead_entries();
        for (name, stage, reached) in COHORTS {
            if let Some(at) = entries[stage as usize] {
                let name = fold.symbols.of(Dim::Stage, name);
                let values = [name, source[0], source[1]];
                self.fact(fold, Measure::Cohort, at, &values, 1);
                self.count_by_segment(Measure::CohortBySegment, Some(name), at, 1, fold);
                if self.has_reached(reached, at + fold.rules.settle()) {
                    self.fact(fold, Measure::CohortReached, at, &values, 1);
                    self.count_by_segment(Measure::CohortReachedBySegment, Some(name), at, 1, fold);
                }
            }
        }
        for (stage, entry) in Stage::LEAD_STAGES.into_iter().zip(entries) {
            if let Some(at) = entry {
                let until = at + fold.rules.settle();
                let next = Stage::LADDER[stage as usize + 1];
                let values = [fold.names.stages[stage as usize]];
                self.fact(fold, Measure::StageCohort, at, &values, 1);
                if self.has_reached(Reached::Stage(next), until) {
                    self.fact(fold, Measure::StageCohortMoved, at, &values, 1);
                }
            }
        }
    }

    fn has_reached(&self, what: Reached, until: Millis) -> bool {
        match what {
            Reached::Stage(stage) if stage.is_of_deal() => {
                let entered = |deal: &&&DealFacts| {
                    let entry = deal.entries[stage as usize - Stage::Opportunity as usize];
                    deal.is_owned(until) && entry.is_some_and(|entry| entry.at <= until)
                };
                self.seen.deals.iter().find(entered).is_some()
            }
            Reached::Stage(stage) => self.seen.lead_entries()[stage as usize].is_some_and(|at| at <= until),
            Reached::Demo => {
                let known = self.seen.touches.iter().take_while(|touch| touch.at <= until);
                let mut known = known.filter(|touch| touch.known_from <= until);
                known.any(|touch| touch.kind == TouchKind::DemoBooked)
            }
        }
    }

    /// Score, grade and route of a lead that entered, once settled; and the segments that it is in now.
    fn count_class(&mut self, source: [Symbol; 2], fold: &mut Fold) {
        for segment in self.segments(PRESENT, Measure::SegmentLeads, fold) {
            self.all.present(&fold.rules, self.view, Measure::SegmentLeads, &[segment], 1);
        }
        let measures =
            [Measure::ScoredLeads, Measure::ScoredLeadsBySegment, Measure::GradedLeads, Measure::RoutedLeads];
        let Some(at) = self.seen.lead_entries()[0].filter(|_| measures.iter().any(|measure| fold.wants(*measure)))
        else {
            return;
        };
        let until = at + fold.rules.settle();
        if self.seen.standing.is_rejected(until) {
            return;
        }
        let score = self.seen.standing.score(until);
        self.fact(fold, Measure::Scores, at, &source, score);
        self.fact(fold, Measure::ScoredLeads, at, &source, 1);
        self.count_by_segment(Measure::ScoresBySegment, None, at, score, fold);
        self.count_by_segment(Measure::ScoredLeadsBySegment, None, at, 1, fold);
        let class = self.seen.class(until, fold);
        if let Some(grade) = class.grade {
            let name = fold.rules.criteria.grades[grade].0.clone();
            let values = [fold.symbols.of(Dim::Grade, &name), source[0], source[1]];
            self.fact(fold, Measure::GradedLeads, at, &values, 1);
        }
        if let Some(route) = class.route {
            let name = fold.rules.criteria.routes[route].0.clone();
            let route = fold.symbols.of(Dim::Route, &name);
            self.fact(fold, Measure::RoutedLeads, at, &[route], 1);
        }
    }

    /// The segments that the lead is in, if a measure of them is wanted.
    fn segments(&self, at: Millis, measure: Measure, fold: &mut Fold) -> SmallVec<[Symbol; 4]> {
        let rules = Arc::clone(&fold.rules);
        if rules.criteria.segments.is_empty() || !rules.plan.wants(measure) {
            return SmallVec::new();
        }
        let class = self.seen.class(at, fold);
        let names = class.segments.iter().map(|place| &rules.criteria.segments[*place].0);
        names.map(|name| fold.symbols.of(Dim::Segment, name)).collect()
    }

    /// A settling fact under each segment that the lead is in by then.
    fn count_by_segment(&mut self, measure: Measure, of: Option<Symbol>, at: Millis, amount: i64, fold: &mut Fold) {
        for segment in self.segments(at + fold.rules.settle(), measure, fold) {
            let values: SmallVec<[Symbol; 2]> = of.into_iter().chain([segment]).collect();
            self.fact(fold, measure, at, &values, amount);
        }
    }

    /// What goes by the lead that a deal has in the end: its amounts by source and segment.
    fn count_settled_deal(&mut self, deal: &DealFacts, source: [Symbol; 2], fold: &mut Fold) {
        let settle = fold.rules.settle();
        let counts = |at: Millis| deal.is_owned(at + settle) && !self.seen.standing.is_rejected(at);
        if let Some(at) = deal.lost.filter(|at| counts(*at)) {
            self.fact(fold, Measure::LostBySource, at, &source, 1);
        }
        for (stage, entry) in Stage::DEAL_STAGES.into_iter().zip(deal.entries) {
            let Some(entry) = entry else { continue };
            if !deal.is_owned(entry.at + fold.rules.settle()) || self.seen.standing.is_rejected(entry.at) {
                continue;
            }
            let name = fold.names.stages[stage as usize];
            self.count_by_segment(Measure::EntriesBySegment, Some(name), entry.at, 1, fold);
            if stage != Stage::Proposal {
                self.count_by_segment(Measure::DealValueBySegment, Some(name), entry.at, entry.value, fold);
            }
            if stage == Stage::Opportunity {
                self.fact(fold, Measure::OpportunitiesBySource, entry.at, &source, 1);
            }
            if stage == Stage::Won {
                if let Some(opened) = deal.entries[0] {
                    let took = entry.at - opened.at;
                    self.fact(fold, Measure::SalesCycleSecondsBySource, entry.at, &source, took.0);
                }
                self.fact(fold, Measure::RevenueBySource, entry.at, &source, entry.value);
                self.fact(fold, Measure::WonBySource, entry.at, &source, 1);
                let segments = self.segments(entry.at + fold.rules.settle(), Measure::CustomersBySegment, fold);
                if let Some(account) = self.seen.account(entry.at).filter(|_| !segments.is_empty()) {
                    let segments = segments.iter().map(|segment| fold.symbols.text(*segment).to_owned()).collect();
                    let won = DealSegments { deal: deal.deal, segments };
                    self.told.push((Recipient::Account(EntityKey::of(account)), Known::Segments(won)));
                }
            }
        }
    }

    fn count_deal(&mut self, deal: &DealFacts, source: [Symbol; 2], fold: &mut Fold) {
        self.count_settled_deal(deal, source, fold);
        let is_counted = |at: Millis| deal.is_owned(at) && !self.seen.standing.is_rejected(at);
        if let Some(at) = deal.lost.filter(|at| is_counted(*at)) {
            self.fact(fold, Measure::LostDeals, at, &source, 1);
            self.fact(fold, Measure::ClosedLost, at, &source, 1);
        }
        for (n, entry) in deal.entries.iter().enumerate().take(2) {
            if let Some(entry) = entry.filter(|entry| is_counted(entry.at)) {
                let values = [fold.names.stages[Stage::Opportunity as usize + n]];
                let until = entry.at + fold.rules.settle();
                self.fact(fold, Measure::StageCohort, entry.at, &values, 1);
                if deal.entries[2].is_some() {
                    self.all.latest(&fold.rules, self.view, Measure::WonSince, entry.at, &values);
                }
                if deal.entries[n + 1].is_some_and(|next| next.at <= until) {
                    self.fact(fold, Measure::StageCohortMoved, entry.at, &values, 1);
                }
            }
        }
    }
}

struct Customer {
    at: Millis,
    deal: usize,
    credits: Vec<(usize, Share)>,
}
