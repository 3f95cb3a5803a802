//! Conversions by stage: their credit, at their own time and at that of the touches; their journeys, by channels, and
//! those of leads that were lost before they came so far.

use std::collections::{BTreeMap, BTreeSet};

use tributary::model::stage::Stage;
use tributary::model::time::{Millis, Span};
use tributary::model::window::WindowKind;

use super::funnel::credits;
use super::losses::leaks_of;
use crate::reference::cell::{Cell, Outcome};
use crate::reference::credit::split_amount;
use crate::reference::facts::{CREDIT, Fact, Known, MONEY, dim, fact, settling};
use crate::reference::funnel::{Conversion, Event, Lead};
use crate::reference::journeys::joined;
use crate::reference::table::{Formula, Kpi, Set, Term, count, ratio};
use crate::reference::windows::{Start, Windows};

const MODELS: &[Set] = &[&["stage", "model", "channel"]];

pub fn facts(known: &Known) -> Vec<Fact> {
    let mut facts = vec![];
    for conversion in known.funnel.conversions() {
        if let Event::Entered(stage) = conversion.event {
            facts.extend(converting(known, &conversion, stage));
            facts.extend(by_credit(known, &conversion, stage));
        }
    }
    facts.extend(known.funnel.leads.values().flat_map(|lead| lost(known, lead)));
    facts
}

/// The deal's amount by a moment, where a stage has a value: opportunity as pipeline, won as revenue.
fn amount(known: &Known, conversion: &Conversion, stage: Stage, by: Millis) -> Option<i64> {
    let has_value = matches!(stage, Stage::Opportunity | Stage::Won);
    conversion.deal.filter(|_| has_value).map(|deal| known.funnel.deals[deal].amount(by))
}

/// A conversion with its whole journey.
fn converting(known: &Known, conversion: &Conversion, stage: Stage) -> Vec<Fact> {
    let at = conversion.at;
    let touches = known.funnel.credited(conversion);
    let channels: Vec<&str> = touches.iter().map(|touch| &*known.world.origin(*touch).channel).collect();
    let mut dims = dim("stage", stage.name());
    let length = Fact { amount: channels.len() as i128, ..fact("journey_touches", at, dims.clone()) };
    let mut facts = vec![length];
    for assisting in
        channels.iter().filter(|channel| Some(channel) != channels.last().as_ref()).collect::<BTreeSet<_>>()
    {
        let mut dims = dims.clone();
        dims.insert("channel", (*assisting).to_owned());
        facts.push(fact("assisted_conversions", at, dims));
    }
    dims.insert("journey", joined(&channels));
    facts.push(fact("converting", at, dims.clone()));
    if let Some(amount) = amount(known, conversion, stage, known.settled(at)) {
        facts.push(Fact { amount: amount.into(), scale: MONEY, ..settling("converting/value", at, dims) });
    }
    facts
}

/// Its credit at its own time; and at the time of each touch, as far as it came by the time that settles.
fn by_credit(known: &Known, conversion: &Conversion, stage: Stage) -> Vec<Fact> {
    let touches = known.funnel.credited(conversion);
    let credits = credits(known, conversion);
    let mut facts = vec![];
    // One model after another.
    for of_model in credits.chunks(touches.len().max(1)) {
        let shares: Vec<i128> = of_model.iter().map(|(.., credit)| *credit).collect();
        for (i, (model, from, credit)) in of_model.iter().enumerate() {
            let mut dims = from.clone();
            dims.extend([("stage", stage.name().to_owned()), ("model", model.clone())]);
            let credited = |fact: Fact| Fact { amount: *credit, scale: CREDIT, ..fact };
            facts.push(credited(fact("at_stage/credit", conversion.at, dims.clone())));
            let touched = touches.get(i).map(|touch| known.world.touches[*touch].occurred_at);
            let Some(at) = touched.filter(|at| conversion.at <= known.settled(*at)) else { continue };
            facts.push(credited(settling("touch_dated_conversions", at, dims.clone())));
            let amount = amount(known, conversion, stage, known.settled(at)).filter(|_| *credit != 0);
            if let Some(amount) = amount.map(|amount| split_amount(amount, &shares)[i]) {
                facts.push(Fact { amount, scale: MONEY, ..settling("touch_dated_value", at, dims) });
            }
        }
    }
    facts
}

/// Of each window that has a model of all its journeys: the lead's first leak in it, unless it has come to the stage
/// by the window's end. All is as known then, which is the fact's time.
fn lost(known: &Known, lead: &Lead) -> Vec<Fact> {
    let windows = Windows { zone: known.config.time.calendar.zone(), as_of: known.as_of };
    let leaks: Vec<Millis> = leaks_of(known, lead).into_values().map(|(at, _)| at).collect();
    let mut facts = vec![];
    for kind in known.config.time.windows.iter().copied() {
        if !(kind.is_rolling() || kind == WindowKind::All) {
            continue;
        }
        let mut first: BTreeMap<Start, Millis> = BTreeMap::new();
        for leak in &leaks {
            for start in windows.holding(kind, *leak) {
                let known = first.entry(start).or_insert(*leak);
                *known = (*known).min(*leak);
            }
        }
        for (start, leak) in first {
            let last = windows.end(kind, start).map(|end| end - Span(1));
            let then = last.unwrap_or(Millis::MAX);
            let from = leak - known.config.attribution.lookback;
            let touches = known.world.journey(lead.id, leak).into_iter();
            let touches = touches.filter(|i| (from..=leak).contains(&known.world.touches[*i].occurred_at));
            let channels: Vec<&str> = touches.map(|touch| &*known.world.origin(touch).channel).collect();
            for stage in known.config.attribution.data_driven_stages.iter().copied() {
                if !channels.is_empty() && !has_entered(known, lead, stage, then) {
                    let mut dims = dim("stage", stage.name());
                    let of = [("journey", joined(&channels)), ("start", start.to_string())];
                    dims.extend(of);
                    facts.push(fact(format!("lost/{kind}"), last.unwrap_or(known.as_of), dims));
                }
            }
        }
    }
    facts
}

/// Whether it, or a deal that is its own at the moment, has entered the stage by then.
fn has_entered(known: &Known, lead: &Lead, stage: Stage, then: Millis) -> bool {
    let deals = known.funnel.deals_of(lead.id, then);
    let entries = std::iter::once(&lead.entries).chain(deals.iter().map(|deal| &deal.entries));
    entries.filter_map(|entries| entries.get(&stage)).any(|at| *at <= then)
}

/// The channel's credit over all conversions of its stage.
fn share(cell: &Cell) -> Option<Outcome> {
    let stage = cell.set.iter().position(|name| *name == "stage").map(|i| &cell.values[i]);
    let all = cell.sums[1].facts.iter().filter(|fact| fact.dims.get("stage") == stage).count();
    Some(Outcome::ratio(cell.value(0), all as f64))
}

pub fn kpis() -> Vec<Kpi> {
    let of_stage = |id, sets: &'static [Set]| Kpi { total: false, ..count(id, sets, |id, _| vec![Term::of(id)]) };
    let touch_dated = |id| Kpi { settling: true, ..of_stage(id, MODELS) };
    vec![
        Kpi {
            total: false,
            formula: Formula::Of(share),
            ..ratio("attributed_share_ratio", MODELS, |_, _| {
                vec![Term::of("at_stage/credit"), Term { whole: true, ..Term::of("converting") }]
            })
        },
        touch_dated("touch_dated_conversions"),
        Kpi { unit: "currency", ..touch_dated("touch_dated_value") },
        of_stage("assisted_conversions", &[&["stage", "channel"]]),
        Kpi { is_spread: true, ..of_stage("journey_touches", &[&["stage"]]) },
    ]
}
