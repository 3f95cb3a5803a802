//! Spend as it accrues, amounts of deals shared by credit, and what one costs or brings for the other.

use tributary::model::event::Spend;
use tributary::model::stage::Stage;
use tributary::model::time::Millis;
use tributary::model::window::WindowKind;

use super::funnel::{credits, segments, settled_deals};
use crate::reference::credit::split_amount;
use crate::reference::facts::{Dims, Fact, Known, MONEY, dim, settling};
use crate::reference::funnel::{Conversion, Event};
use crate::reference::table::{C, Formula, Kpi, M, S, Term, count, ratio};
use crate::reference::windows::Windows;

pub fn facts(known: &Known) -> Vec<Fact> {
    let mut facts: Vec<Fact> = known.world.spends.iter().flat_map(|(spend, late)| spent(known, spend, *late)).collect();
    for conversion in known.funnel.conversions() {
        match conversion.event {
            Event::Entered(Stage::Opportunity) => facts.extend(amounts(known, &conversion, "pipeline")),
            Event::Entered(Stage::Won) => facts.extend(amounts(known, &conversion, "revenue")),
            _ => {}
        }
    }
    for deal in settled_deals(known) {
        match deal.event {
            Event::Entered(Stage::Opportunity) => facts.extend(settled_amounts(known, &deal, "pipeline")),
            Event::Entered(Stage::Won) => facts.extend(settled_amounts(known, &deal, "revenue")),
            _ => {}
        }
    }
    facts
}

/// An amount at its time, or piece by piece over its period up to the watermark. A piece counts when the spend was known
/// at most H after it.
fn spent(known: &Known, spend: &Spend, late_at: Option<Millis>) -> Vec<Fact> {
    let mut dims = known.from(&spend.origin);
    dims.insert("category", spend.category.name().to_owned());
    let piece = |at: Millis, amount: i128| Fact { amount, scale: MONEY, ..settling("spend", at, dims.clone()) };
    let Some((start, end)) = spend.period else {
        return vec![piece(spend.occurred_at, i128::from(spend.amount.0))];
    };
    let late = known.config.time.allowed_lateness;
    let known_from = [Some(spend.occurred_at), late_at.map(|watermark| watermark - late)];
    let known_from = known_from.into_iter().flatten().max().unwrap_or(start) - known.config.time.settle;
    let accrued = |at: Millis| {
        let (part, whole) = (i128::from((at - start).0), i128::from((end - start).0));
        half_even(i128::from(spend.amount.0) * part, whole)
    };
    let until = end.min(known.as_of);
    let mut at = start.max(known_from);
    let mut pieces = vec![];
    while at < until {
        let next = after(known, at).min(until);
        pieces.push(piece(at, accrued(next) - accrued(at)));
        at = next;
    }
    pieces
}

/// The end of the shortest window that holds the moment.
fn after(known: &Known, at: Millis) -> Millis {
    let config = known.config;
    let kind = if config.time.windows.contains(&WindowKind::Minute) { WindowKind::Minute } else { WindowKind::Hour };
    let windows = Windows { zone: config.time.calendar.zone(), as_of: Millis::MAX };
    let start = windows.holding(kind, at)[0];
    windows.end(kind, start).expect("it ends")
}

pub fn half_even(number: i128, by: i128) -> i128 {
    let (floor, rest) = (number.div_euclid(by), number.rem_euclid(by));
    match (2 * rest).cmp(&by) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
    }
}

/// By the source and the segments of the lead that the deal has in the end.
fn settled_amounts(known: &Known, conversion: &Conversion, measure: &str) -> Vec<Fact> {
    let at = conversion.at;
    let Some(deal) = conversion.deal else { return vec![] };
    let amount = i128::from(known.funnel.deals[deal].amount(known.settled(at)));
    let worth = |measure: String, dims: Dims| Fact { amount, scale: MONEY, ..settling(measure, at, dims) };
    let source = known.source(conversion.lead);
    let mut facts = vec![worth(format!("{measure}/source"), source.clone())];
    facts.push(settling(format!("{measure}_deals"), at, source));
    for name in segments(known, conversion) {
        facts.push(worth(format!("{measure}/segment"), dim("segment", &name)));
    }
    facts
}

/// The settled amount of a deal: whole, and by credit.
fn amounts(known: &Known, conversion: &Conversion, measure: &str) -> Vec<Fact> {
    let at = conversion.at;
    let Some(deal) = conversion.deal else { return vec![] };
    let amount = known.funnel.deals[deal].amount(known.settled(at));
    let worth =
        |measure: String, dims: Dims, amount: i128| Fact { amount, scale: MONEY, ..settling(measure, at, dims) };
    let whole = i128::from(amount);
    let mut facts = vec![worth(measure.to_owned(), Dims::new(), whole)];
    let credits = credits(known, conversion);
    let models: std::collections::BTreeSet<&String> = credits.iter().map(|(model, ..)| model).collect();
    for model in models {
        let mine: Vec<_> = credits.iter().filter(|(name, ..)| name == model).collect();
        let parts: Vec<i128> = mine.iter().map(|(.., credit)| *credit).collect();
        for ((_, dims, credit), amount) in mine.iter().zip(split_amount(amount, &parts)) {
            if *credit != 0 {
                let mut dims = dims.clone();
                dims.insert("model", model.clone());
                facts.push(worth(format!("{measure}/credit"), dims, amount));
            }
        }
    }
    facts
}

pub fn kpis() -> Vec<Kpi> {
    let mut kpis = vec![Kpi {
        unit: "currency",
        has_spend: true,
        sets: [C, &[&["category"]]].concat(),
        ..count("spend", &[], |_, _| vec![Term::of("spend")])
    }];
    for (id, entries) in [
        ("cost_per_lead", "leads"),
        ("cost_per_mql", "mqls"),
        ("cost_per_sql", "sqls"),
        ("cost_per_opportunity", "opportunities"),
        ("customer_acquisition_cost", "customers"),
    ] {
        kpis.push(Kpi { unit: "currency", over: entries, has_spend: true, ..ratio(id, M, |_, _| vec![]) });
    }
    for id in ["pipeline", "revenue"] {
        kpis.push(Kpi {
            unit: "currency",
            settling: true,
            sets: [M, &[&["segment"]]].concat(),
            ..count(id, &[], |id, set| vec![Term::entries(id, set)])
        });
    }
    kpis.push(Kpi {
        unit: "currency",
        settling: true,
        ..ratio("average_deal_value", S, |_, _| vec![Term::of("revenue/source"), Term::of("revenue_deals")])
    });
    let returns = |_: &str, set: &[&str]| vec![Term::entries("revenue", set), Term::spend(set)];
    kpis.push(Kpi { settling: true, ..ratio("return_on_ad_spend", M, returns) });
    kpis.push(Kpi { settling: true, formula: Formula::Return, ..ratio("return_on_investment", M, returns) });
    kpis
}
