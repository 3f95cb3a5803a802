//! Entries with their credit and segments, losses, cohorts, raw and rejected leads.

use tributary::config::Model;
use tributary::model::kinds::TouchKind;
use tributary::model::stage::Stage;
use tributary::model::time::Millis;

use crate::reference::credit::{Step, shares};
use crate::reference::facts::{CREDIT, Dims, Fact, Known, dim, fact, nowhere, settling};
use crate::reference::funnel::{Conversion, Event, has_booked};
use crate::reference::table::{Formula, Kpi, M, S, Term, count, ratio};

pub fn facts(known: &Known) -> Vec<Fact> {
    let mut facts = vec![];
    for conversion in known.funnel.conversions() {
        facts.extend(entry(known, &conversion));
        facts.extend(cohorts(known, &conversion));
    }
    for conversion in settled_deals(known).into_iter().filter(|deal| deal.event != Event::Lost) {
        for segment in segments(known, &conversion) {
            let measure = format!("{}/segment", measure(conversion.event));
            facts.push(settling(measure, conversion.at, dim("segment", &segment)));
        }
    }
    for lead in known.funnel.leads.values() {
        if let Some(fill) = lead.first_fill {
            facts.push(fact("raw_leads", fill.occurred_at, Dims::new()));
        }
        if let Some((at, reason)) = &lead.rejected {
            facts.push(fact("rejected_leads", *at, dim("reason", reason)));
        }
    }
    facts
}

/// The measure that counts a kind of conversion.
pub fn measure(event: Event) -> &'static str {
    match event {
        Event::Entered(Stage::Lead) => "leads",
        Event::Entered(Stage::Mql) => "mqls",
        Event::Entered(Stage::Sal) => "sals",
        Event::Entered(Stage::Sql) => "sqls",
        Event::Entered(Stage::Opportunity) => "opportunities",
        Event::Entered(Stage::Proposal) => "proposals",
        Event::Entered(_) => "won_deals",
        Event::Customer => "customers",
        Event::Lost => "lost_deals",
        Event::Demo => "demos",
        Event::Meeting => "meetings",
    }
}

/// The credit of a conversion: model, dimensions of the touch, billionths.
pub fn credits(known: &Known, conversion: &Conversion) -> Vec<(String, Dims, i128)> {
    let touches = known.funnel.credited(conversion);
    let entered = known.funnel.entered(conversion);
    let origin = |touch: &usize| known.world.origin(*touch);
    let steps: Vec<Step> =
        touches.iter().map(|i| Step { at: known.world.touches[*i].occurred_at, channel: &origin(i).channel }).collect();
    let mut models: Vec<Model> =
        known.config.attribution.models.iter().filter(|m| m.is_rule_based()).cloned().collect();
    if !models.contains(&Model::Last) {
        models.push(Model::Last);
    }
    let mut credits = vec![];
    for model in models {
        let shares = shares(known.config, &model, &steps, conversion.at, &entered);
        if shares.is_empty() {
            credits.push((model.name().to_owned(), known.from(&nowhere()), i128::from(CREDIT)));
        }
        let credited = touches.iter().zip(shares);
        credits.extend(credited.map(|(touch, share)| (model.name().to_owned(), known.from(origin(touch)), share)));
    }
    credits
}

fn entry(known: &Known, conversion: &Conversion) -> Vec<Fact> {
    let (id, at) = (measure(conversion.event), conversion.at);
    if conversion.event == Event::Lost {
        let total = fact(id, at, known.source(conversion.lead));
        return vec![Fact { measure: "closed_deals".to_owned(), ..total.clone() }, total];
    }
    let mut facts = vec![fact(id, at, Dims::new())];
    if conversion.event == Event::Entered(Stage::Won) {
        facts.push(fact("closed_deals", at, known.source(conversion.lead)));
        facts.push(fact("won_deals/source", at, known.source(conversion.lead)));
    }
    for (model, mut dims, credit) in credits(known, conversion) {
        dims.insert("model", model);
        facts.push(Fact { amount: credit, scale: CREDIT, ..fact(format!("{id}/credit"), at, dims) });
    }
    // Deals go by the lead that they have in the end, customers by that of the deal which won them.
    if conversion.deal.is_none() || conversion.event == Event::Customer {
        for segment in segments(known, conversion) {
            facts.push(settling(format!("{id}/segment"), at, dim("segment", &segment)));
        }
    }
    if conversion.event == Event::Entered(Stage::Lead) {
        let fill = known.funnel.entry_fill(conversion.lead);
        if let Some(first) = fill.and_then(|fill| known.world.session_of_fill(fill)) {
            let page = &known.world.touches[first].page;
            facts.push(fact("leads/landing_page", at, dim("landing_page", page)));
        }
    }
    facts
}

/// The segments of the conversion's lead, of a deal's the lead that the deal has in the end.
pub fn segments(known: &Known, conversion: &Conversion) -> Vec<String> {
    let then = known.settled(conversion.at);
    known.funnel.segments(settled_lead(known, conversion), then)
}

/// Entries and losses of deals, each of the lead that the deal has in the end; unless that was rejected by then.
pub fn settled_deals<'a>(known: &Known<'a>) -> Vec<Conversion<'a>> {
    let mut all = vec![];
    for deal in known.funnel.deals.values() {
        let entries = deal.entries.iter().map(|(stage, at)| (Event::Entered(*stage), *at));
        for (event, at) in entries.chain(deal.lost.map(|at| (Event::Lost, at))) {
            let lead = deal.lead(known.settled(at)).expect("it is known by then");
            if !known.funnel.is_rejected(lead, at) {
                all.push(Conversion { event, at, lead, deal: Some(deal.id), touch: None });
            }
        }
    }
    all
}

pub fn settled_lead<'a>(known: &Known<'a>, conversion: &Conversion<'a>) -> &'a str {
    let deal = conversion.deal.map(|deal| &known.funnel.deals[deal]);
    deal.and_then(|deal| deal.lead(known.settled(conversion.at))).unwrap_or(conversion.lead)
}

/// The subjects of a stage, and which of them have gone on by the time they settle.
fn cohorts(known: &Known, conversion: &Conversion) -> Vec<Fact> {
    let Event::Entered(stage) = conversion.event else { return vec![] };
    let (at, then) = (conversion.at, known.settled(conversion.at));
    let mut facts = vec![];
    let mut count = |measure: String, dims: &Dims, segments: &[String]| {
        facts.push(settling(measure.clone(), at, dims.clone()));
        facts.extend(segments.iter().map(|name| settling(format!("{measure}/segment"), at, dim("segment", name))));
    };
    if conversion.deal.is_none() {
        let (dims, segments) = (known.source(conversion.lead), segments(known, conversion));
        count(format!("cohort.{}", stage.name()), &dims, &segments);
        for step in reached(known, conversion.lead, then) {
            count(format!("cohort.{}.{step}", stage.name()), &dims, &segments);
        }
    }
    let stage_dims = dim("stage", stage.name());
    count("stage_cohort".to_owned(), &stage_dims, &[]);
    if has_moved_on(known, conversion, stage, then) {
        count("stage_cohort.next".to_owned(), &stage_dims, &[]);
    }
    facts
}

/// What a lead has come to by the moment.
fn reached(known: &Known, lead: &str, then: Millis) -> Vec<&'static str> {
    let funnel = known.funnel;
    let entered = |stage| funnel.leads[lead].entries.get(&stage).is_some_and(|at| *at <= then);
    let won =
        || funnel.deals_of(lead, then).iter().any(|deal| deal.entries.get(&Stage::Won).is_some_and(|at| *at <= then));
    let mut reached = vec![];
    reached.extend(entered(Stage::Mql).then_some("mql"));
    reached.extend(entered(Stage::Sql).then_some("sql"));
    reached.extend(won().then_some("customer"));
    reached.extend(has_booked(known.world, lead, TouchKind::DemoBooked, then).then_some("demo"));
    reached
}

fn has_moved_on(known: &Known, conversion: &Conversion, stage: Stage, then: Millis) -> bool {
    let funnel = known.funnel;
    let by = |at: Option<&Millis>| at.is_some_and(|at| *at <= then);
    let next = Stage::LADDER.into_iter().find(|next| *next > stage);
    match (conversion.deal, next) {
        (_, None) => false,
        (Some(deal), Some(next)) => by(funnel.deals[deal].entries.get(&next)),
        (None, Some(Stage::Opportunity)) => {
            let deals = funnel.deals_of(conversion.lead, then);
            deals.iter().any(|deal| by(deal.entries.get(&Stage::Opportunity)))
        }
        (None, Some(next)) => by(funnel.leads[conversion.lead].entries.get(&next)),
    }
}

pub fn kpis() -> Vec<Kpi> {
    let entries =
        |id| Kpi { sets: [M, &[&["segment"]]].concat(), ..count(id, &[], |id, set| vec![Term::entries(id, set)]) };
    let mut kpis: Vec<Kpi> =
        ["leads", "mqls", "sals", "sqls", "opportunities", "proposals", "customers", "won_deals"].map(entries).into();
    kpis.extend(["demos", "meetings"].map(|id| count(id, M, |id, set| vec![Term::entries(id, set)])));
    kpis.push(count("lost_deals", S, |id, _| vec![Term::of(id)]));
    kpis.push(Kpi {
        interval: true,
        ..ratio("win_ratio", S, |_, set| {
            let won = if set.is_empty() { "won_deals" } else { "won_deals/source" };
            vec![Term::of(won), Term::of("closed_deals")]
        })
    });
    let leads_by_session = |_: &str, set: &[&str]| match set {
        [] => vec![Term::of("leads"), Term::of("sessions")],
        ["landing_page"] => vec![Term::of("leads/landing_page"), Term::of("sessions")],
        _ => vec![Term { only: Some(("model", "last")), ..Term::of("leads/credit") }, Term::of("sessions")],
    };
    kpis.push(ratio(
        "session_lead_ratio",
        &[&["channel"], &["channel", "campaign"], &["landing_page"]],
        leads_by_session,
    ));
    kpis.push(Kpi {
        unit: "count",
        formula: Formula::WhatIf,
        ..ratio("what_if_leads", &[&["channel"]], leads_by_session)
    });
    for id in ["lead_mql_ratio", "mql_sql_ratio", "sql_customer_ratio", "lead_customer_ratio", "mql_demo_ratio"] {
        kpis.push(Kpi {
            sets: [S, &[&["segment"]]].concat(),
            interval: true,
            settling: true,
            ..ratio(id, &[], cohort_terms)
        });
    }
    kpis.push(Kpi {
        total: false,
        interval: true,
        settling: true,
        ..ratio("stage_conversion_ratio", &[&["stage"]], |_, _| {
            vec![Term::of("stage_cohort.next"), Term::of("stage_cohort")]
        })
        .where_not(("stage", "won"))
    });
    kpis.push(count("raw_leads", &[], |id, _| vec![Term::of(id)]));
    kpis.push(count("rejected_leads", &[&["reason"]], |id, _| vec![Term::of(id)]));
    kpis
}

/// `lead_mql_ratio`: of the leads entering `lead` those that entered `mql`.
fn cohort_terms(id: &str, set: &[&str]) -> Vec<Term> {
    let mut words = id.split('_');
    let (from, to) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let slice = if set == ["segment"] { "/segment" } else { "" };
    vec![Term::of(format!("cohort.{from}.{to}{slice}")), Term::of(format!("cohort.{from}{slice}"))]
}
