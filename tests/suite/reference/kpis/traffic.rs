//! Sessions, visitors, touches, fills and content.

use std::collections::BTreeSet;

use tributary::model::kinds::TouchKind;

use crate::reference::facts::{Dims, Fact, Known, dim, fact, settling, user_value};
use crate::reference::table::{C, Kpi, Term, count, ratio};

pub fn facts(known: &Known) -> Vec<Fact> {
    let mut facts = vec![];
    for touch in 0..known.world.touches.len() {
        facts.extend(touched(known, touch));
    }
    for first in known.world.sessions() {
        facts.extend(session(known, first));
        facts.extend(page_fills(known, first));
    }
    for fill in &known.world.fills {
        facts.push(fact("form_fills", fill.occurred_at, dim("form", &fill.form_id)));
    }
    facts.extend(known.funnel.leads.keys().filter_map(|lead| content_lead(known, lead)));
    facts
}

fn touched(known: &Known, touch: usize) -> Vec<Fact> {
    let event = known.world.touches[touch];
    let mut dims = known.from(known.world.origin(touch));
    dims.insert("kind", event.kind.name().to_owned());
    let mut facts = vec![fact("touches", event.occurred_at, dims)];
    if event.kind == TouchKind::ContentRead {
        let asset = dim("asset", &user_value(event.asset_id().map(AsRef::as_ref)));
        facts.push(fact("content_reads", event.occurred_at, asset));
    }
    facts
}

fn session(known: &Known, first: usize) -> Vec<Fact> {
    let view = known.world.touches[first];
    let mut dims = known.from(&view.origin);
    dims.insert("landing_page", view.page.to_string());
    let visitor = view.visitor_id.as_deref().expect("a session is of a visitor").to_owned();
    let begun = fact("sessions", view.occurred_at, dims);
    vec![Fact { measure: "visitors".to_owned(), subject: visitor, ..begun.clone() }, begun]
}

/// Of a session as known in the end: the pages it viewed, and on which of them it has a fill.
fn page_fills(known: &Known, first: usize) -> Vec<Fact> {
    let world = known.world;
    let begun = world.touches[first].occurred_at;
    let known_by = known.settled(begun);
    let views = (0..world.touches.len()).filter(|i| world.session(*i) == Some(first)).map(|i| world.touches[i]);
    let pages: BTreeSet<&str> = views.filter(|view| view.occurred_at <= known_by).map(|view| &*view.page).collect();
    let fills = world.fills.iter().filter(|fill| fill.occurred_at <= known_by);
    let filled: BTreeSet<&str> =
        fills.filter(|fill| world.session_of_fill(fill) == Some(first)).map(|fill| &*fill.page).collect();
    let mut facts = vec![settling("page_sessions", begun, Dims::new())];
    if !filled.is_empty() {
        facts.push(settling("page_sessions.filled", begun, Dims::new()));
    }
    for page in pages {
        facts.push(settling("page_views", begun, dim("page", page)));
        if filled.contains(page) {
            facts.push(settling("page_views.filled", begun, dim("page", page)));
        }
    }
    facts
}

/// A lead that entered by a fill which names an asset.
fn content_lead(known: &Known, lead: &str) -> Option<Fact> {
    let fill = known.funnel.entry_fill(lead)?;
    let asset = fill.asset_id.as_deref()?;
    Some(fact("content_leads", fill.occurred_at, dim("asset", &user_value(Some(asset)))))
}

pub fn kpis() -> Vec<Kpi> {
    let simple = |id: &'static str, sets| count(id, sets, |id, _| vec![Term::of(id)]);
    vec![
        Kpi { sets: with(C, &[&["landing_page"]]), ..simple("sessions", &[]) },
        Kpi {
            terms: |_, _| vec![Term { distinct: true, ..Term::of("visitors") }],
            ..simple("visitors", &[&["channel"], &["landing_page"]])
        },
        simple("touches", &[&["kind"], &["kind", "channel"], &["kind", "channel", "campaign"]]),
        Kpi {
            interval: true,
            ..ratio("traffic_share_ratio", &[&["channel_group"]], |_, _| {
                vec![Term::of("sessions"), Term { whole: true, ..Term::of("sessions") }]
            })
        },
        Kpi {
            interval: true,
            settling: true,
            ..ratio("page_fill_ratio", &[&["page"]], |_, set| {
                let subjects = if set.is_empty() { "page_sessions" } else { "page_views" };
                vec![Term::of(format!("{subjects}.filled")), Term::of(subjects)]
            })
        },
        simple("form_fills", &[&["form"]]),
        simple("content_reads", &[&["asset"]]),
        simple("content_leads", &[&["asset"]]),
        Kpi {
            total: false,
            ..ratio("content_lead_ratio", &[&["asset"]], |_, _| {
                vec![Term::of("content_leads"), Term::of("content_reads")]
            })
        },
    ]
}

fn with(sets: &[&'static [&'static str]], more: &[&'static [&'static str]]) -> Vec<&'static [&'static str]> {
    [sets, more].concat()
}
