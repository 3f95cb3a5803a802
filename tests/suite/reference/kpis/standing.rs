//! Scores, grades and routes of leads as they settle, and the segments that leads are in.

use crate::reference::facts::{Dims, Fact, Known, dim, settling};
use crate::reference::funnel::Lead;
use crate::reference::scoring::Subject;
use crate::reference::table::{Kpi, S, Term, count, ratio};

use tributary::model::stage::Stage;
use tributary::model::time::Millis;

pub fn facts(known: &Known) -> Vec<Fact> {
    known.funnel.leads.values().flat_map(|lead| [settled(known, lead), present(known, lead)].concat()).collect()
}

fn settled(known: &Known, lead: &Lead) -> Vec<Fact> {
    let Some(&at) = lead.entries.get(&Stage::Lead) else { return vec![] };
    let (funnel, then) = (known.funnel, known.settled(at));
    if funnel.is_rejected(lead.id, then) {
        return vec![];
    }
    let source = known.source(lead.id);
    let score = known.world.latest_score(lead.id, then);
    let segments = funnel.segments(lead.id, then);
    let slices: Vec<(&str, Dims)> = std::iter::once(("", source.clone()))
        .chain(segments.iter().map(|segment| ("/segment", dim("segment", segment))))
        .collect();
    let mut facts = vec![];
    for (slice, dims) in slices {
        facts.push(settling(format!("scored{slice}"), at, dims.clone()));
        facts.push(Fact { amount: i128::from(score), ..settling(format!("scores{slice}"), at, dims) });
    }
    let grade = known.world.grade(lead.id, then);
    if let Some(grade) = &grade {
        let mut dims = source;
        dims.insert("grade", grade.clone());
        facts.push(settling("graded_leads", at, dims));
    }
    if let Some(route) = route(known, lead.id, then) {
        facts.push(settling("routed_leads", at, dim("route", &route)));
    }
    facts
}

/// The first route whose predicates hold of a lead at a moment.
pub fn route(known: &Known, lead: &str, then: Millis) -> Option<String> {
    let (funnel, world) = (known.funnel, known.world);
    let (grade, segments) = (world.grade(lead, then), funnel.segments(lead, then));
    let subject = Subject { highest: funnel.highest(lead, then), grade, segments, ..Subject::new(lead, then) };
    let holds = |route: &&tributary::config::Route| route.when.iter().all(|p| world.holds(p, &subject));
    known.config.routes.iter().find(holds).map(|route| route.route.clone())
}

fn present(known: &Known, lead: &Lead) -> Vec<Fact> {
    let segments = known.funnel.segments(lead.id, Millis::MAX);
    segments.iter().map(|segment| settling("segment_leads", known.as_of, dim("segment", segment))).collect()
}

pub fn kpis() -> Vec<Kpi> {
    let settled = |id, sets| Kpi { settling: true, ..count(id, sets, |id, _| vec![Term::of(id)]) };
    vec![
        Kpi {
            unit: "score",
            settling: true,
            sets: [S, &[&["segment"]]].concat(),
            ..ratio("lead_score", &[], |_, set| {
                let slice = if set == ["segment"] { "/segment" } else { "" };
                vec![Term::of(format!("scores{slice}")), Term::of(format!("scored{slice}"))]
            })
        },
        settled("graded_leads", &[&["grade"], &["grade", "channel"]]),
        settled("routed_leads", &[&["route"]]),
        Kpi { total: false, present: true, ..count("segment_leads", &[&["segment"]], |id, _| vec![Term::of(id)]) },
    ]
}
