//! What a conversion gives its journey: the credit of each model, its parts of the amount, and what is counted of paths.
//! The same for the journey of a lead and for that of all leads of a unit.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::event_id::PackedId;
use super::fold::{Contributions, Fold};
use super::symbols::OriginId;
use super::visibility::Visible;
use crate::attribution::path;
use crate::attribution::rounding::split_amount;
use crate::attribution::rules::{Entered, Step};
use crate::kpi::measures::{Dim, Measure};
use crate::kpi::spread;
use crate::model::event::{NONE, UNATTRIBUTED};
use crate::model::money::Credit;
use crate::model::stage::Stage;
use crate::model::time::Millis;
use crate::partials::cells::Symbol;

/// Where a share of the credit goes: none stands for nobody.
pub type Share = (Option<OriginId>, i64);

/// A touch of a journey, whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyTouch {
    pub at: Millis,
    pub id: PackedId,
    pub origin: OriginId,
}

/// The touches that share a conversion, in order.
#[derive(Debug, Default)]
pub struct Journey {
    steps: Vec<Step>,
    pub touches: Vec<JourneyTouch>,
}

/// A conversion whose credit is shared.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// The funnel's stage; none of a booking.
    pub stage: Option<Stage>,
    /// As facts name it.
    pub name: Symbol,
    pub at: Millis,
    pub entered: &'a Entered,
    /// Of a deal that opens or is won: the amount when that settles.
    pub value: Option<i64>,
    /// The amounts of the deal, by when they were given.
    pub amounts: &'a [(Millis, i64)],
}

/// What is counted of the path of a journey.
#[derive(Debug)]
pub struct PathFacts {
    pub steps: Vec<[Symbol; 2]>,
    pub channels: Vec<Symbol>,
    pub size: Symbol,
    pub pairs: Vec<[Symbol; 2]>,
}

impl Journey {
    pub fn new(touches: Vec<JourneyTouch>, fold: &Fold) -> Self {
        Self { steps: touches.iter().map(|touch| fold.step(touch.at, touch.origin)).collect(), touches }
    }

    /// The credit of each touch under the n-th model. Nobody has it without a touch.
    pub fn credits(&self, model: usize, entered: &Entered, fold: &Fold) -> Vec<i64> {
        if self.steps.is_empty() {
            return Vec::new();
        }
        fold.rules.models[model].rule.credits(&self.steps, entered)
    }

    /// The credit by origin, and an amount's share of it. Without a touch nobody has it all.
    fn shares(&self, credits: &[i64], amount: i64) -> (Vec<Share>, Vec<Share>) {
        if credits.is_empty() {
            return (vec![(None, Credit::WHOLE)], vec![(None, amount)]);
        }
        let amounts = split_amount(amount, credits);
        // A touch without credit is no fact, neither of credit nor of the amount.
        let given = || self.touches.iter().zip(credits).zip(&amounts).filter(|((_, credit), _)| **credit > 0);
        let credit = by_origin(given().map(|((touch, credit), _)| (touch.origin, *credit)));
        (credit, by_origin(given().map(|((touch, _), amount)| (touch.origin, *amount))))
    }
}

fn by_origin(shares: impl Iterator<Item = (OriginId, i64)>) -> Vec<Share> {
    let mut sums: Vec<(OriginId, i64)> = Vec::new();
    for (origin, share) in shares {
        match sums.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, sum)) => *sum += share,
            None => sums.push((origin, share)),
        }
    }
    sums.into_iter().map(|(origin, sum)| (Some(origin), sum)).collect()
}

impl Shared<'_> {
    const fn credit(&self) -> Measure {
        if self.stage.is_some() { Measure::EntryCredit } else { Measure::BookingCredit }
    }

    /// Whether anybody asks how it is shared.
    pub fn is_wanted(&self, name: &str, fold: &Fold) -> bool {
        let wants = |measure| fold.rules.plan.wants_stage(measure, name);
        let is_followed = self.stage.is_some() && fold.rules.follows_journeys;
        wants(self.credit()) || is_followed || (self.value.is_some() && wants(Measure::DealValueCredit))
    }
}

impl Fold {
    fn step(&self, at: Millis, origin: OriginId) -> Step {
        let channel = self.symbols.channel(origin);
        Step { at, is_direct: channel == "direct", is_paid: self.rules.groups.is_paid(channel) }
    }

    /// Counts what a conversion gives its journey; the credit by model is the answer.
    pub fn share(
        &mut self,
        shared: &Shared<'_>,
        journey: &Journey,
        view: Visible,
        all: &mut Contributions,
    ) -> Vec<(usize, Share)> {
        let wants = |measure| self.rules.plan.wants_stage(measure, self.symbols.text(shared.name));
        let wants_credit = wants(shared.credit());
        let wants_value = shared.value.is_some() && wants(Measure::DealValueCredit);
        let mut by_model = Vec::new();
        for model in 0..self.rules.models.len() {
            let credits = journey.credits(model, shared.entered, self);
            let (credit, amounts) = journey.shares(&credits, shared.value.unwrap_or(0));
            for share in credit.iter().filter(|_| wants_credit) {
                let values = self.credit_values(shared.name, model, *share);
                all.fact(&self.rules, view, shared.credit(), shared.at, &values, share.1);
            }
            for share in amounts.iter().filter(|_| wants_value) {
                let values = self.credit_values(shared.name, model, *share);
                all.fact(&self.rules, view, Measure::DealValueCredit, shared.at, &values, share.1);
            }
            if shared.stage.is_some() && self.rules.follows_journeys {
                self.date_by_touch(shared, journey, model, &credits, view, all);
            }
            by_model.extend(credit.into_iter().map(|share| (model, share)));
        }
        if let Some(stage) = shared.stage.filter(|_| self.rules.follows_journeys) {
            self.count_path(shared, stage, journey, view, all);
        }
        by_model
    }

    /// Credit and amount at the times of the touches, as far as known when these settle.
    fn date_by_touch(
        &self,
        shared: &Shared<'_>,
        journey: &Journey,
        model: usize,
        credits: &[i64],
        view: Visible,
        all: &mut Contributions,
    ) {
        let mut parts: Option<(i64, Vec<i64>)> = None;
        for (n, (touch, credit)) in journey.touches.iter().zip(credits).enumerate() {
            let until = touch.at + self.rules.settle();
            if *credit == 0 || shared.at > until {
                continue;
            }
            let [channel, ..] = self.symbols.origin_symbols(touch.origin);
            let values = [shared.name, self.names.models[model], channel];
            all.fact(&self.rules, view, Measure::TouchCredit, touch.at, &values, *credit);
            if shared.value.is_some() && self.rules.dates_amounts {
                let known = shared.amounts.iter().take_while(|(at, _)| *at <= until).last();
                let amount = known.map_or(0, |(_, amount)| *amount);
                if parts.as_ref().is_none_or(|(of, _)| *of != amount) {
                    parts = Some((amount, split_amount(amount, credits)));
                }
                let part = parts.as_ref().map_or(0, |(_, parts)| parts[n]);
                all.fact(&self.rules, view, Measure::TouchValue, touch.at, &values, part);
            }
        }
    }

    /// The conversion by the channels of its journey.
    fn count_path(
        &mut self,
        shared: &Shared<'_>,
        stage: Stage,
        journey: &Journey,
        view: Visible,
        all: &mut Contributions,
    ) {
        let (name, at) = (shared.name, shared.at);
        let touches = i64::try_from(journey.touches.len()).expect("few");
        if self.wants(Measure::JourneyLengths) {
            let bucket = self.symbols.of(Dim::Bucket, &spread::bucket(touches as f64));
            all.fact(&self.rules, view, Measure::JourneyLengths, at, &[name, bucket], 1);
            all.fact(&self.rules, view, Measure::JourneyTouches, at, &[name], touches);
        }
        let texts = self.channels_of(journey);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        if self.wants(Measure::Paths) {
            let path = path::shown(&texts);
            let path = self.symbols.of(Dim::Path, path.as_deref().unwrap_or(UNATTRIBUTED));
            all.fact(&self.rules, view, Measure::Paths, at, &[name, path], 1);
        }
        if self.wants(Measure::Assists) {
            let last = texts.last().copied();
            for channel in path::distinct(&texts).into_iter().filter(|channel| Some(*channel) != last) {
                let channel = self.symbols.of(Dim::Channel, channel);
                all.fact(&self.rules, view, Measure::Assists, at, &[name, channel], 1);
            }
        }
        if texts.is_empty() || !self.rules.config.attribution.data_driven_stages.contains(&stage) {
            return;
        }
        let PathFacts { steps, channels, size, pairs } = self.path_facts(&texts);
        for [from, to] in steps {
            all.fact(&self.rules, view, Measure::PathSteps, at, &[name, from, to], 1);
        }
        for channel in channels {
            all.fact(&self.rules, view, Measure::PathChannels, at, &[name, channel, size], 1);
            if let Some(value) = shared.value {
                all.fact(&self.rules, view, Measure::PathValue, at, &[name, channel, size], value);
            }
        }
        for [a, b] in pairs {
            all.fact(&self.rules, view, Measure::PathPairs, at, &[name, a, b], 1);
        }
    }

    pub fn channels_of(&self, journey: &Journey) -> Vec<String> {
        journey.touches.iter().map(|touch| self.symbols.channel(touch.origin).to_owned()).collect()
    }

    /// What the data-driven models count of a path.
    pub fn path_facts(&mut self, texts: &[&str]) -> PathFacts {
        let distinct = path::distinct(texts);
        let size = self.symbols.of(Dim::Size, &distinct.len().to_string());
        let mut facts = PathFacts { steps: Vec::new(), channels: Vec::new(), size, pairs: Vec::new() };
        let order = self.rules.config.attribution.markov_order;
        path::named(texts, order, |from, to| {
            facts.steps.push([self.symbols.of(Dim::From, from), self.symbols.of(Dim::To, to)]);
        });
        for (n, a) in distinct.iter().enumerate() {
            facts.channels.push(self.symbols.of(Dim::Channel, a));
            for b in &distinct[n + 1..] {
                facts.pairs.push([self.symbols.of(Dim::ChannelA, a), self.symbols.of(Dim::ChannelB, b)]);
            }
        }
        facts
    }

    /// Stage, model, channel, campaign, content and term of a share; models that carry no detail leave the last two out.
    pub fn credit_values(&mut self, stage: Symbol, model: usize, share: Share) -> [Symbol; 6] {
        let [channel, campaign, content, term] = self.share_origin(share);
        let [content, term] = if self.rules.models[model].detailed { [content, term] } else { [Symbol::ABSENT; 2] };
        [stage, self.names.models[model], channel, campaign, content, term]
    }

    fn share_origin(&mut self, (origin, _): Share) -> [Symbol; 4] {
        match origin {
            Some(origin) => self.symbols.origin_symbols(origin),
            None => {
                let none = [Dim::Campaign, Dim::Content, Dim::Term].map(|dim| self.symbols.of(dim, NONE));
                [self.names.unattributed, none[0], none[1], none[2]]
            }
        }
    }

    /// A share as other shards read it.
    pub fn spell(&mut self, model: usize, share: Share) -> (String, [String; 4], i64) {
        let origin = self.share_origin(share).map(|symbol| self.symbols.text(symbol).to_owned());
        (self.rules.models[model].name.clone(), origin, share.1)
    }
}

/// The journey as of a moment, of touches in order: those within the lookback.
pub fn within(touches: impl Iterator<Item = JourneyTouch>, at: Millis, fold: &Fold) -> SmallVec<[JourneyTouch; 16]> {
    let since = at - fold.rules.config.attribution.lookback;
    touches.filter(|touch| touch.at >= since).collect()
}
