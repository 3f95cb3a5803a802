//! Leads that leak, are recycled and come back; follow-ups that come in time or not; how long things take.

use std::collections::BTreeMap;

use tributary::config::Engagement;
use tributary::model::stage::Stage;
use tributary::model::time::Millis;

use crate::reference::facts::{Dims, Fact, Known, dim, fact, settling};
use crate::reference::funnel::Lead;
use crate::reference::table::{Kpi, S, Set, Term, count, ratio};

pub fn facts(known: &Known) -> Vec<Fact> {
    let of_lead = |lead: &Lead| [leaks(known, lead), follow_up(known, lead), cycles(known, lead)].concat();
    known.funnel.leads.values().flat_map(of_lead).chain(times(known)).collect()
}

fn by_stage(stage: Stage, source: &Dims) -> Dims {
    let mut dims = source.clone();
    dims.insert("stage", stage.name().to_owned());
    dims
}

/// The first leak at each stage, and the cohorts of leads that came to a stage.
fn leaks(known: &Known, lead: &Lead) -> Vec<Fact> {
    let source = known.source(lead.id);
    let first = leaks_of(known, lead);
    let mut facts: Vec<Fact> =
        first.iter().map(|(stage, (at, _))| fact("leaked_leads", *at, by_stage(*stage, &source))).collect();
    for (stage, at) in stage_entries(known, lead) {
        facts.push(settling("leak_cohort", at, by_stage(stage, &source)));
        if first.get(&stage).is_some_and(|(leaked, _)| *leaked <= known.settled(at)) {
            facts.push(settling("leak_cohort.leaked", at, by_stage(stage, &source)));
        }
    }
    facts
}

/// When it first leaked at each stage, and why.
pub fn leaks_of(known: &Known, lead: &Lead) -> BTreeMap<Stage, (Millis, &'static str)> {
    let mut first = BTreeMap::new();
    for (at, why) in moments_of_loss(known, lead.id) {
        if let Some(stage) = stage_of_loss(known, lead.id, at) {
            first.entry(stage).or_insert((at, why));
        }
    }
    first
}

/// Moments at which it may leak, in order: disqualified, a deal lost, silent for too long.
fn moments_of_loss(known: &Known, lead: &str) -> Vec<(Millis, &'static str)> {
    let world = known.world;
    let patience = known.config.funnel.leak_after;
    let disqualified = world.stages_by(lead).filter(|e| e.stage == Stage::Disqualified);
    let mut moments: Vec<(Millis, &str)> = disqualified.map(|e| (e.occurred_at, "disqualified")).collect();
    for deal in known.funnel.deals.values() {
        let lost = deal.lost.filter(|at| {
            let own = known.funnel.deals_of(lead, *at);
            own.iter().any(|mine| mine.id == deal.id)
                && own.iter().all(|mine| mine.lost.is_some_and(|lost| lost <= *at))
        });
        moments.extend(lost.map(|at| (at, "deals_lost")));
    }
    let active = |at: Millis| {
        let engages = |i: &usize| !known.config.journey.not_engaging.contains(&world.touches[*i].kind);
        let touched = world.touches_of(lead, at).into_iter().filter(engages).map(|i| world.touches[i].occurred_at);
        let filled = world.fills_of(lead, at).into_iter().map(|e| e.occurred_at);
        let staged = world.stages_by(lead).filter(|e| e.occurred_at <= at).map(|e| e.occurred_at);
        touched.chain(filled).chain(staged).max()
    };
    let perhaps = world.perhaps(lead).map(|i| world.touches[i].occurred_at);
    let filled = world.fills_of(lead, Millis::MAX).into_iter().map(|e| e.occurred_at);
    let staged = world.stages_by(lead).map(|e| e.occurred_at);
    let deadlines = perhaps.chain(filled).chain(staged).map(|at| at + patience);
    let silent = deadlines.filter(|deadline| active(*deadline).is_some_and(|at| at + patience == *deadline));
    moments.extend(silent.map(|at| (at, "no_activity")));
    moments.retain(|(at, _)| *at <= known.as_of);
    moments.sort_by_key(|(at, why)| (*at, ["disqualified", "deals_lost", "no_activity"].iter().position(|w| w == why)));
    moments
}

/// The stage that it is at, unless it is out of the funnel or has won.
fn stage_of_loss(known: &Known, lead: &str, at: Millis) -> Option<Stage> {
    let funnel = known.funnel;
    let won = |deal: &&crate::reference::funnel::Deal| deal.entries.get(&Stage::Won).is_some_and(|won| *won <= at);
    let has_won = funnel.deals_of(lead, at).iter().any(won);
    if has_won || funnel.is_rejected(lead, at) { None } else { funnel.highest(lead, at) }
}

/// Its own entries; and of deals that are its own once settled, the first to enter the stage.
fn stage_entries(known: &Known, lead: &Lead) -> Vec<(Stage, Millis)> {
    let mut entries: Vec<(Stage, Millis)> = lead.entries.iter().map(|(stage, at)| (*stage, *at)).collect();
    for stage in [Stage::Opportunity, Stage::Proposal] {
        let mut of_deals = firsts(known, lead.id, stage, |at| known.settled(at));
        of_deals.sort();
        of_deals.dedup();
        entries.extend(of_deals.into_iter().map(|at| (stage, at)));
    }
    entries
}

/// When deals entered a stage, each if none of those that are the lead's by the moment asked for was earlier.
fn firsts(known: &Known, lead: &str, stage: Stage, when: impl Fn(Millis) -> Millis) -> Vec<Millis> {
    let entries = known.funnel.deals.values().filter_map(|deal| Some((deal, *deal.entries.get(&stage)?)));
    let is_first = |at: Millis| {
        let mut own = known.funnel.deals_of(lead, when(at)).into_iter().filter_map(|deal| deal.entries.get(&stage));
        !own.any(|other| *other < at)
    };
    let own = entries.filter(|(deal, at)| deal.lead(when(*at)) == Some(lead) && !known.funnel.is_rejected(lead, *at));
    own.map(|(_, at)| at).filter(|at| is_first(*at)).collect()
}

fn follow_up(known: &Known, lead: &Lead) -> Vec<Fact> {
    let Some(&mql) = lead.entries.get(&Stage::Mql) else { return vec![] };
    let (source, due) = (known.source(lead.id), mql + known.config.sla.follow_up);
    let mut facts = vec![];
    if lead.entries.get(&Stage::Sal).is_some_and(|sal| *sal <= due) {
        facts.push(settling("sla_cohort", mql, source.clone()));
        facts.push(settling("sla_cohort.met", mql, source));
    } else if breach_of(known, lead).is_some() {
        if due <= known.settled(mql) {
            facts.push(settling("sla_cohort", mql, source.clone()));
        }
        facts.push(fact("sla_breaches", due, source));
    }
    facts
}

/// When its follow-up was overdue.
pub fn breach_of(known: &Known, lead: &Lead) -> Option<Millis> {
    let due = *lead.entries.get(&Stage::Mql)? + known.config.sla.follow_up;
    let is_met = lead.entries.get(&Stage::Sal).is_some_and(|sal| *sal <= due);
    (!is_met && due <= known.as_of && !known.funnel.is_rejected(lead.id, due)).then_some(due)
}

fn cycles(known: &Known, lead: &Lead) -> Vec<Fact> {
    let source = || known.source(lead.id);
    let of_cycle = |(at, _, back): (Millis, &str, Option<Millis>)| {
        let back = back.map(|back| fact("reactivations", back, source()));
        std::iter::once(fact("recycled_leads", at, source())).chain(back)
    };
    cycles_of(known, lead).into_iter().flat_map(of_cycle).collect()
}

/// When it was recycled, why, and when it came back.
pub fn cycles_of(known: &Known, lead: &Lead) -> Vec<(Millis, &'static str, Option<Millis>)> {
    let Some(&entered) = lead.entries.get(&Stage::Lead) else { return vec![] };
    let world = known.world;
    let events = world.stages_by(lead.id).filter(|e| e.stage == Stage::Recycled);
    let mut moments: Vec<(Millis, &str)> = events.map(|e| (e.occurred_at, "returned")).collect();
    if let Some(mql) = lead.entries.get(&Stage::Mql) {
        let due = *mql + known.config.sla.recycle_after;
        let followed = lead.entries.get(&Stage::Sal).is_some_and(|sal| *sal <= due);
        moments.extend((!followed).then_some((due, "not_followed_up")));
    }
    moments.retain(|(at, _)| entered <= *at && *at <= known.as_of && !known.funnel.is_rejected(lead.id, *at));
    moments.sort_by_key(|(at, why)| (*at, *why == "returned"));
    let (mut cycles, mut in_again) = (vec![], Some(Millis::MIN));
    for (at, why) in moments {
        if in_again.is_none_or(|back| back > at) {
            continue;
        }
        in_again = world.times_of(lead.id).into_iter().filter(|later| *later > at).find(|later| {
            let enough = engagement_since(known, lead.id, at, *later) >= known.config.scoring.activation_threshold;
            enough && known.config.scoring.has_points() && !known.funnel.is_rejected(lead.id, *later)
        });
        cycles.push((at, why, in_again));
    }
    cycles
}

/// Points of what it did after a moment, up to another.
fn engagement_since(known: &Known, lead: &str, since: Millis, at: Millis) -> i64 {
    let (world, scoring) = (known.world, &known.config.scoring);
    let touches = world.touches_of(lead, at).into_iter().map(|i| world.touches[i]);
    let touched = touches.filter(|e| e.occurred_at > since).map(|e| Engagement::Touch(e.kind));
    let fills = world.fills_of(lead, at).into_iter().filter(|e| e.occurred_at > since);
    let mut points: BTreeMap<Engagement, i64> = BTreeMap::new();
    for engagement in touched.chain(fills.map(|e| Engagement::Form(e.form_kind))) {
        *points.entry(engagement).or_default() += scoring.engagement.get(&engagement).unwrap_or(&0);
    }
    let capped = |(kind, points): (&Engagement, &i64)| scoring.caps.get(kind).map_or(*points, |cap| *points.min(cap));
    points.iter().map(capped).sum()
}

fn times(known: &Known) -> Vec<Fact> {
    let mut facts = vec![];
    let mut took = |measure: &str, from: Millis, to: Millis, dims: Dims| {
        let amount = i128::from((to - from).0);
        facts.push(Fact { amount, scale: 1000, ..fact(measure, to, dims) });
    };
    for lead in known.funnel.leads.values() {
        let entry = |stage| lead.entries.get(&stage).copied();
        for (from, to) in [(Stage::Lead, Stage::Mql), (Stage::Mql, Stage::Sal), (Stage::Sal, Stage::Sql)] {
            if let Some((begun, ended)) = entry(from).zip(entry(to)) {
                took("dwell", begun, ended, dim("stage", from.name()));
            }
        }
        if let Some((mql, sal)) = entry(Stage::Mql).zip(entry(Stage::Sal)) {
            took("follow_up", mql, sal, Dims::new());
        }
        for (stage, from) in [(Stage::Opportunity, Stage::Sql), (Stage::Won, Stage::Lead)] {
            let mut reached = firsts(known, lead.id, stage, |at| at);
            reached.sort();
            reached.dedup();
            for at in reached {
                match (stage, entry(from)) {
                    (Stage::Won, Some(begun)) => took("conversion", begun, at, known.source(lead.id)),
                    (_, Some(begun)) => took("dwell", begun, at, dim("stage", from.name())),
                    (_, None) => {}
                }
            }
        }
    }
    for deal in known.funnel.deals.values() {
        let counted = |at: &Millis| deal.lead(*at).is_some_and(|lead| !known.funnel.is_rejected(lead, *at));
        let entry = |stage| deal.entries.get(&stage).copied();
        for (from, to) in [(Stage::Opportunity, Stage::Proposal), (Stage::Proposal, Stage::Won)] {
            if let Some((begun, ended)) = entry(from).zip(entry(to).filter(counted)) {
                took("dwell", begun, ended, dim("stage", from.name()));
            }
        }
        if let Some((begun, ended)) = entry(Stage::Opportunity).zip(entry(Stage::Won).filter(counted)) {
            took("cycle", begun, ended, Dims::new());
        }
    }
    facts
}

pub fn kpis() -> Vec<Kpi> {
    const STAGES: &[Set] = &[&["stage"], &["stage", "channel"], &["stage", "channel", "campaign"]];
    let simple = |id, sets| count(id, sets, |id, _| vec![Term::of(id)]);
    let spread = |id, measure: fn(&str, &[&str]) -> Vec<Term>, sets: &[Set]| Kpi {
        unit: "seconds",
        total: true,
        is_spread: true,
        ..count(id, sets, measure)
    };
    vec![
        simple("leaked_leads", STAGES),
        Kpi {
            total: false,
            interval: true,
            settling: true,
            ..ratio("leakage_ratio", STAGES, |_, _| vec![Term::of("leak_cohort.leaked"), Term::of("leak_cohort")])
        },
        simple("recycled_leads", S),
        simple("reactivations", S),
        simple("sla_breaches", S),
        Kpi {
            interval: true,
            settling: true,
            ..ratio("sla_met_ratio", S, |_, _| vec![Term::of("sla_cohort.met"), Term::of("sla_cohort")])
        },
        spread("lead_conversion_seconds", |_, _| vec![Term::of("conversion")], S),
        Kpi { total: false, ..spread("stage_dwell_seconds", |_, _| vec![Term::of("dwell")], &[&["stage"]]) },
        spread("sales_cycle_seconds", |_, _| vec![Term::of("cycle")], &[]),
        spread("follow_up_seconds", |_, _| vec![Term::of("follow_up")], &[]),
    ]
}
