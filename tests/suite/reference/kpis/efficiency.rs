//! What a customer is worth, how fast deals bring money, and channels beside the baseline.

use tributary::model::stage::Stage;

use super::funnel::settled_deals;
use crate::reference::cell::{Cell, Outcome, Sum, over};
use crate::reference::facts::{Dims, Fact, Known, settling};
use crate::reference::funnel::{Conversion, Event};
use crate::reference::table::{Formula, Kpi, S, Set, Term, count, ratio};

const CHANNEL: &[Set] = &[&["channel"]];

pub fn facts(known: &Known) -> Vec<Fact> {
    let customers = known.funnel.conversions().into_iter().filter(|conversion| conversion.event == Event::Customer);
    let customers = customers.map(|customer| settling("customers.settled", customer.at, Dims::new()));
    customers.chain(settled_deals(known).iter().flat_map(|deal| settled(known, deal))).collect()
}

/// Entries and closes of deals, by the source of the lead that they have in the end.
fn settled(known: &Known, conversion: &Conversion) -> Vec<Fact> {
    let at = conversion.at;
    let counted = |measure: &str| settling(format!("{measure}.settled"), at, known.source(conversion.lead));
    match conversion.event {
        Event::Entered(Stage::Opportunity) => vec![counted("opportunities")],
        Event::Lost => vec![counted("closed_deals")],
        Event::Entered(Stage::Won) => {
            let deal = conversion.deal.map(|deal| &known.funnel.deals[deal]);
            let begun = deal.and_then(|deal| deal.entries.get(&Stage::Opportunity)).expect("it is implied");
            let cycle = Fact { amount: i128::from((at - *begun).0), scale: 1000, ..counted("cycle") };
            vec![counted("won_deals"), counted("closed_deals"), cycle]
        }
        _ => vec![],
    }
}

fn lifetime_value(cell: &Cell) -> Option<f64> {
    let money = &cell.config.money;
    let per_customer = over(Some(cell.value(0)), Some(cell.value(1)));
    per_customer.map(|revenue| revenue * money.gross_margin * money.lifetime_multiple)
}

/// Opportunities × average deal value × win ratio over the mean cycle in days.
fn velocity(cell: &Cell) -> Option<Outcome> {
    let quotient = |a, b| over(Some(cell.value(a)), Some(cell.value(b)));
    let days = cell.sums[5].stat("mean").map(|seconds| seconds / 86_400.0);
    let product = quotient(1, 2).zip(quotient(3, 4)).map(|(value, won)| cell.value(0) * value * won);
    Some(Outcome::of(over(product, days)))
}

/// Spend over leads, leads over sessions, of any channel's sums.
fn cost(sums: &[Sum]) -> Option<f64> {
    over(Some(sums[0].value()), Some(sums[1].value()))
}

fn conversion(sums: &[Sum]) -> Option<f64> {
    over(Some(sums[1].value()), Some(sums[2].value()))
}

/// The channel's over the baseline's.
fn index(cell: &Cell, of: fn(&[Sum]) -> Option<f64>) -> Outcome {
    let baseline = cell.beside("channel", &cell.config.money.baseline_channel);
    Outcome::parts(of(cell.sums), baseline.and_then(of))
}

fn compared(id: &'static str, terms: fn(&str, &[&str]) -> Vec<Term>, says: fn(&Cell) -> Option<Outcome>) -> Kpi {
    Kpi { total: false, formula: Formula::Of(says), ..ratio(id, CHANNEL, terms) }
}

fn leads() -> Term {
    Term { only: Some(("model", "last")), ..Term::of("leads/credit") }
}

pub fn kpis() -> Vec<Kpi> {
    vec![
        Kpi {
            unit: "currency",
            settling: true,
            formula: Formula::Of(|cell| Some(Outcome::of(lifetime_value(cell)))),
            ..count("lifetime_value", &[], |_, _| vec![Term::of("revenue"), Term::of("customers.settled")])
        },
        Kpi {
            settling: true,
            formula: Formula::Of(|cell| {
                // The customers beside spend are those of customer_acquisition_cost.
                let cost = over(Some(cell.value(2)), Some(cell.value(3)));
                Some(Outcome::parts(lifetime_value(cell), cost))
            }),
            ..ratio("ltv_cac_ratio", &[], |_, _| {
                ["revenue", "customers.settled", "spend", "customers"].map(Term::of).into()
            })
        },
        Kpi {
            unit: "currency per day",
            settling: true,
            formula: Formula::Of(velocity),
            ..count("sales_velocity", S, |_, _| {
                [
                    "opportunities.settled",
                    "revenue/source",
                    "revenue_deals",
                    "won_deals.settled",
                    "closed_deals.settled",
                    "cycle.settled",
                ]
                .map(Term::of)
                .into()
            })
        },
        Kpi {
            has_spend: true,
            ..compared("cost_index", |_, _| vec![Term::of("spend"), leads()], |cell| Some(index(cell, cost)))
        },
        compared(
            "conversion_index",
            // No spend: its place is empty.
            |_, _| vec![Term::of("nothing"), leads(), Term::of("sessions")],
            |cell| Some(index(cell, conversion)),
        ),
        Kpi {
            has_spend: true,
            ..compared(
                "efficiency_index",
                |_, _| vec![Term::of("spend"), leads(), Term::of("sessions")],
                |cell| Some(Outcome::parts(index(cell, conversion).value, index(cell, cost).value)),
            )
        },
    ]
}
