//! What marketing had to do with deals: sourced and influenced, open and won; what is open and how likely; what is to
//! come.

use tributary::model::stage::Stage;
use tributary::model::time::Millis;
use tributary::model::window::WindowKind;

use super::money::half_even;
use crate::reference::cell::{Cell, Outcome};
use crate::reference::facts::{Dims, Fact, Known, MONEY, dim, fact, settling};
use crate::reference::funnel::{Conversion, Deal, Event};
use crate::reference::table::{Formula, Kpi, Set, Term, count, ratio};

/// Deals that a stage must have had for its win ratio to tell anything.
const FEW: usize = 20;
const DEFINITIONS: [&str; 3] = ["first_touch", "before_sales", "lead_source"];

pub fn facts(known: &Known) -> Vec<Fact> {
    let mut facts: Vec<Fact> = known.funnel.deals.values().flat_map(|deal| open(known, deal)).collect();
    for conversion in known.funnel.conversions() {
        match conversion.event {
            Event::Entered(Stage::Opportunity) => facts.extend(impact(known, &conversion, "pipeline")),
            Event::Entered(Stage::Won) => {
                facts.extend(impact(known, &conversion, "revenue"));
                facts.extend(times(known, &conversion));
            }
            _ => {}
        }
        facts.extend(chances(known, &conversion));
    }
    facts
}

fn money(measure: impl Into<String>, at: Millis, dims: Dims, amount: i128) -> Fact {
    Fact { amount, scale: MONEY, ..settling(measure, at, dims) }
}

/// A deal that is open at present.
fn open(known: &Known, deal: &Deal) -> Vec<Fact> {
    let now = known.as_of;
    let (Some(lead), Some(latest)) = (deal.lead(Millis::MAX), deal.latest(Millis::MAX)) else { return vec![] };
    let is_open = !deal.entries.contains_key(&Stage::Won) && latest.stage != Stage::Lost;
    if !is_open || known.funnel.is_rejected(lead, Millis::MAX) {
        return vec![];
    }
    let amount = i128::from(deal.amount(Millis::MAX));
    let configured = known.config.funnel.probability.get(&latest.stage);
    let configured = configured.map(|probability| (probability * 1e9).round() as i128);
    let probability = latest.probability.map(i128::from).or(configured).unwrap_or(0);
    let is_likely = probability >= (known.config.funnel.likely * 1e9).round() as i128;
    let stage = dim("stage", latest.stage.name());
    let mut facts = vec![
        money("open_pipeline", now, stage.clone(), amount),
        money("weighted_pipeline", now, stage.clone(), half_even(amount * probability, 1_000_000_000)),
    ];
    facts.extend(is_likely.then(|| money("likely_pipeline", now, stage, amount)));
    let subject = Conversion {
        event: Event::Entered(Stage::Opportunity),
        at: now,
        lead: known.funnel.leads[lead].id,
        deal: Some(known.funnel.deals[deal.id].id),
        touch: None,
    };
    facts.extend(told(known, &subject, "open", amount));
    facts
}

/// A deal that enters opportunity or is won, with its amount as settled.
fn impact(known: &Known, conversion: &Conversion, measure: &str) -> Vec<Fact> {
    let Some(deal) = conversion.deal else { return vec![] };
    let amount = known.funnel.deals[deal].amount(known.settled(conversion.at));
    told(known, conversion, measure, i128::from(amount))
}

/// By each definition the amount, and that part which marketing sourced; what it influenced.
fn told(known: &Known, conversion: &Conversion, measure: &str, amount: i128) -> Vec<Fact> {
    let at = conversion.at;
    let mut facts = vec![];
    for definition in DEFINITIONS {
        let dims = dim("definition", definition);
        facts.push(money(format!("{measure}/base"), at, dims.clone(), amount));
        if is_sourced(known, conversion, definition) {
            facts.push(money(format!("{measure}/sourced"), at, dims, amount));
        }
    }
    facts.extend(
        is_influenced(known, conversion).then(|| money(format!("{measure}/influenced"), at, Dims::new(), amount)),
    );
    facts
}

fn is_marketing(known: &Known, touch: usize) -> bool {
    !known.config.channels.not_marketing.contains(&*known.world.origin(touch).channel)
}

fn is_sourced(known: &Known, conversion: &Conversion, definition: &str) -> bool {
    let (lead, then) = (conversion.lead, known.settled(conversion.at));
    match definition {
        "first_touch" => {
            let entry = conversion.deal.and_then(|deal| known.funnel.deals[deal].entries.get(&Stage::Opportunity));
            let begun = entry.map_or(conversion.at, |entry| *entry);
            known.funnel.journey_at(conversion, begun).first().is_some_and(|first| is_marketing(known, *first))
        }
        "before_sales" => {
            let sales = known.world.stages_by(lead).filter(|e| e.occurred_at <= then);
            let sales = sales.filter(|e| e.stage.rung() >= Stage::Sal.rung()).map(|e| e.occurred_at).min();
            let journey = known.world.journey(lead, then).into_iter();
            let mut before = journey.filter(|i| sales.is_some_and(|sales| known.world.touches[*i].occurred_at < sales));
            before.any(|i| is_marketing(known, i))
        }
        _ => known.funnel.entry_fill(lead).is_some(),
    }
}

/// A marketing touch from the lookback before the opportunity to the first close, or so far. What is open is not
/// closed, though it was lost once.
fn is_influenced(known: &Known, conversion: &Conversion) -> bool {
    let Some(deal) = conversion.deal.map(|deal| &known.funnel.deals[deal]) else { return false };
    let Some(opened) = deal.entries.get(&Stage::Opportunity) else { return false };
    let so_far = known.settled(conversion.at).min(known.as_of);
    let closed = deal.entries.get(&Stage::Won).copied().into_iter().chain(deal.lost).min();
    let closed = closed.filter(|_| conversion.at < known.as_of).unwrap_or(so_far);
    let during = *opened - known.config.attribution.lookback..=closed.min(so_far);
    let journey = known.funnel.journey_at(conversion, so_far).into_iter();
    journey.filter(|i| during.contains(&known.world.touches[*i].occurred_at)).any(|i| is_marketing(known, i))
}

/// A deal entering a stage, and whether it is won by the time this settles.
fn chances(known: &Known, conversion: &Conversion) -> Vec<Fact> {
    let (Event::Entered(stage), Some(deal)) = (conversion.event, conversion.deal) else { return vec![] };
    let won = known.funnel.deals[deal].entries.get(&Stage::Won);
    let is_won = won.is_some_and(|won| *won <= known.settled(conversion.at));
    let of = |measure: &str| settling(measure, conversion.at, dim("stage", stage.name()));
    std::iter::once(of("deal_entries")).chain(is_won.then(|| of("deal_entries.won"))).collect()
}

/// From each stage to won.
fn times(known: &Known, won: &Conversion) -> Vec<Fact> {
    let entered = known.funnel.entered(won).into_iter().filter(|(stage, _)| *stage < Stage::Won);
    let took = |(stage, entry): (Stage, Millis)| Fact {
        amount: i128::from((won.at - entry).0),
        scale: 1000,
        ..fact("to_won", won.at, dim("stage", stage.name()))
    };
    entered.map(took).collect()
}

/// Revenue of the running quarter, and of each open deal its amount times the win ratio of its stage.
fn forecast(cell: &Cell) -> Option<Outcome> {
    let as_of = cell.windows.as_of;
    let quarter = Millis(cell.windows.holding(WindowKind::Quarter, as_of)[0]);
    let year = cell.windows.last_days(365);
    let [revenue, open, entries, won] = cell.sums else { return None };
    let booked: Vec<_> = revenue.facts.iter().filter(|fact| quarter <= fact.at).collect();
    let mut forecast = booked.iter().map(|fact| fact.amount).sum::<i128>() as f64;
    for deal in &open.facts {
        let of_stage = |fact: &&&Fact| fact.dims["stage"] == deal.dims["stage"] && year <= fact.at;
        let (entries, won) = (entries.facts.iter().filter(of_stage).count(), won.facts.iter().filter(of_stage).count());
        let configured = cell.config.funnel.probability.iter();
        let configured = configured.filter(|(stage, _)| stage.name() == deal.dims["stage"]).map(|(_, chance)| *chance);
        let chance = if entries < FEW { configured.sum() } else { won as f64 / entries as f64 };
        forecast += deal.amount as f64 * chance;
    }
    // What was long ago is no row of the present.
    let is_there = !booked.is_empty() || !open.facts.is_empty();
    is_there.then(|| Outcome::of(Some(forecast / MONEY as f64)))
}

pub fn kpis() -> Vec<Kpi> {
    const STAGE: &[Set] = &[&["stage"]];
    const DEFINITION: &[Set] = &[&["definition"]];
    let present = |kpi: Kpi| Kpi { present: true, ..kpi };
    let amount = |id, sets, terms| Kpi { unit: "currency", settling: true, ..count(id, sets, terms) };
    let share = |id, sets, terms| Kpi { settling: true, ..ratio(id, sets, terms) };
    let sourced = |kpi: Kpi| Kpi { total: false, ..kpi };
    let open = |id| present(amount(id, STAGE, |id, _| vec![Term::of(id)]));
    vec![
        open("open_pipeline"),
        open("weighted_pipeline"),
        open("likely_pipeline"),
        sourced(amount("sourced_pipeline", DEFINITION, |_, _| vec![Term::of("pipeline/sourced")])),
        sourced(amount("sourced_revenue", DEFINITION, |_, _| vec![Term::of("revenue/sourced")])),
        sourced(share("sourced_pipeline_ratio", DEFINITION, |_, _| {
            vec![Term::of("pipeline/sourced"), Term::of("pipeline/base")]
        })),
        sourced(share("sourced_revenue_ratio", DEFINITION, |_, _| {
            vec![Term::of("revenue/sourced"), Term::of("revenue/base")]
        })),
        amount("influenced_pipeline", &[], |_, _| vec![Term::of("pipeline/influenced")]),
        amount("influenced_revenue", &[], |_, _| vec![Term::of("revenue/influenced")]),
        share("influenced_pipeline_ratio", &[], |_, _| vec![Term::of("pipeline/influenced"), Term::of("pipeline")]),
        share("influenced_revenue_ratio", &[], |_, _| vec![Term::of("revenue/influenced"), Term::of("revenue")]),
        present(sourced(amount("sourced_pipeline", DEFINITION, |_, _| vec![Term::of("open/sourced")]))),
        present(amount("influenced_pipeline", &[], |_, _| vec![Term::of("open/influenced")])),
        present(sourced(share("sourced_pipeline_ratio", DEFINITION, |_, _| {
            vec![Term::of("open/sourced"), Term::of("open/base")]
        }))),
        present(share("influenced_pipeline_ratio", &[], |_, _| {
            vec![Term::of("open/influenced"), Term::of("open_pipeline")]
        })),
        present(Kpi {
            formula: Formula::Of(forecast),
            ..amount("forecast_revenue", &[], |_, _| {
                let chances = ["deal_entries", "deal_entries.won"].map(Term::silent);
                ["revenue", "open_pipeline"].map(Term::of).into_iter().chain(chances).collect()
            })
        }),
    ]
}
