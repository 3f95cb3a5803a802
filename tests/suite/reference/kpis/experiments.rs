//! Experiments: leads by the variant that they were first exposed to, which of them converted, and how that compares
//! with the control.

use std::collections::BTreeSet;

use tributary::model::time::Millis;

use crate::reference::cell::{Cell, Outcome, over};
use crate::reference::facts::{Dims, Fact, Known, settling, user_value};
use crate::reference::table::{Formula, Kpi, Set, Term, count, ratio};
use crate::reference::world::{Order, fill_order, touch_order};

const VARIANT: &[Set] = &[&["experiment", "variant"]];

pub fn facts(known: &Known) -> Vec<Fact> {
    let mut facts = vec![];
    let mut seen = BTreeSet::new();
    for ((at, ..), lead, dims) in exposures(known) {
        if !seen.insert((lead, dims.clone())) {
            continue;
        }
        let of = |measure: &str| Fact { subject: lead.to_owned(), ..settling(measure, at, dims.clone()) };
        facts.push(of("variant_subjects"));
        facts.extend(converted(known, lead, at).then(|| of("variant_conversions")));
    }
    facts
}

/// Who saw which variant when, in order, by who is known to have once settled.
fn exposures<'a>(known: &Known<'a>) -> Vec<(Order<'a>, &'a str, Dims)> {
    let dims = |experiment: Option<&str>, variant: Option<&str>| {
        let both = experiment.zip(variant);
        both.map(|(experiment, variant)| {
            Dims::from([("experiment", user_value(Some(experiment))), ("variant", user_value(Some(variant)))])
        })
    };
    let touched = known.world.touches.iter().filter_map(|touch| {
        let details = touch.details.as_deref()?;
        let lead = known.world.owner(touch, known.settled(touch.occurred_at))?;
        Some((touch_order(touch), lead, dims(details.experiment.as_deref(), details.variant.as_deref())?))
    });
    let filled = known.world.fills.iter().filter_map(|fill| {
        Some((fill_order(fill), &*fill.lead_id, dims(fill.experiment.as_deref(), fill.variant.as_deref())?))
    });
    let mut all: Vec<_> = touched.chain(filled).collect();
    all.sort();
    all
}

/// Whether the lead, or a deal of its, enters the stage from then on, as known once settled.
fn converted(known: &Known, lead: &str, at: Millis) -> bool {
    let (stage, then) = (known.config.experiments.stage, known.settled(at));
    let own = known.funnel.leads[lead].entries.get(&stage).copied();
    let of_deals = known.funnel.deals_of(lead, then).into_iter().filter_map(|deal| deal.entries.get(&stage).copied());
    own.into_iter().chain(of_deals).any(|entry| at <= entry && entry <= then)
}

/// Converted and exposed, of the row's variant and of the control; nothing for the control itself.
fn beside_control(cell: &Cell) -> Option<[(f64, f64); 2]> {
    let control = &cell.config.experiments.control;
    let is_control = cell.values.last() == Some(control);
    let control = cell.beside("variant", control).map_or((0.0, 0.0), |sums| (sums[1].value(), sums[0].value()));
    (!is_control).then(|| [(cell.value(1), cell.value(0)), control])
}

/// The variant's ratio over the control's.
fn times_control(both: [(f64, f64); 2]) -> Option<f64> {
    let [mine, control] = both.map(|(converted, exposed)| over(Some(converted), Some(exposed)));
    over(mine, control)
}

/// Of two proportions, pooled, two-sided.
fn p_value([(a, of_a), (b, of_b)]: [(f64, f64); 2]) -> Option<f64> {
    let pooled = (a + b) / (of_a + of_b);
    let variance = pooled * (1.0 - pooled) * (1.0 / of_a + 1.0 / of_b);
    let z = over(Some(a / of_a - b / of_b), Some(variance.sqrt()))?;
    (of_a > 0.0 && of_b > 0.0).then(|| libm::erfc(z.abs() / std::f64::consts::SQRT_2))
}

pub fn kpis() -> Vec<Kpi> {
    let settled = |kpi: Kpi| Kpi { total: false, settling: true, ..kpi };
    let compared = |id, says| {
        let terms =
            |_: &str, _: &[&str]| vec![Term::distinct("variant_subjects"), Term::distinct("variant_conversions")];
        settled(Kpi { formula: Formula::Of(says), ..ratio(id, VARIANT, terms) })
    };
    vec![
        settled(count("variant_subjects", VARIANT, |id, _| vec![Term::distinct(id)])),
        settled(count("variant_conversions", VARIANT, |id, _| vec![Term::distinct(id)])),
        Kpi {
            interval: true,
            ..settled(ratio("variant_conversion_ratio", VARIANT, |_, _| {
                vec![Term::distinct("variant_conversions"), Term::distinct("variant_subjects")]
            }))
        },
        compared("variant_lift_ratio", |cell| {
            beside_control(cell).map(|both| Outcome::of(times_control(both).map(|times| times - 1.0)))
        }),
        compared("variant_p_value", |cell| beside_control(cell).map(|both| Outcome::of(p_value(both)))),
        compared("variant_break_even_ratio", |cell| beside_control(cell).map(|both| Outcome::of(times_control(both)))),
    ]
}
