//! What depends on how records arrived: duplicates, late events, dead letters, by the record's Kafka timestamp.

use crate::reference::facts::{Dims, Fact, dim, fact};
use crate::reference::table::{Kpi, Term, count};
use crate::reference::{Dropped, Given};

pub fn counted(events: &[Given], dropped: &Dropped) -> Vec<Fact> {
    // Records of accounts are no events.
    let late = events.iter().filter(|given| given.late_at.is_some() && given.event.occurred_at().is_some());
    let late = late.map(|given| given.timestamp);
    let mut facts: Vec<Fact> = dropped.duplicates.iter().map(|at| fact("duplicate_events", *at, Dims::new())).collect();
    facts.extend(dropped.rejected.iter().map(|(at, reason)| fact("dead_letters", *at, dim("reason", reason))));
    for at in late {
        facts.push(fact("late_events", at, Dims::new()));
        facts.push(fact("dead_letters", at, dim("reason", "late")));
    }
    facts
}

pub fn kpis() -> Vec<Kpi> {
    let simple = |id, sets| count(id, sets, |id, _| vec![Term::of(id)]);
    vec![simple("duplicate_events", &[]), simple("late_events", &[]), simple("dead_letters", &[&["reason"]])]
}
