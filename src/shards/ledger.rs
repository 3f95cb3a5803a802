//! What a shard says of single leads beside the numbers, line by line. An entity contributes lines as it contributes
//! facts; what goes out is the difference: lines that are new, that say something else, and that are taken back.

use serde::Serialize;

use super::statement::Subject;
use crate::model::stage::Stage;
use crate::model::time::Millis;

/// A line of some ledger, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Action(Action),
    Suppression(Suppression),
    Attribution(Box<Attribution>),
    /// An attribution, by its key, that is none any more.
    Retracted(String),
    Upload(Upload),
}

/// Of a line: what it is against what was said of it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    New,
    Restated,
    Retracted,
}

/// A line as it goes out; of one that is taken back, what it last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub state: State,
    pub line: Line,
}

/// What happened to a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The same for the same thing, whatever else is known of it.
    pub id: String,
    pub lead_id: String,
    pub what: Happened,
    pub at: Millis,
    /// Of a leak: where it leaked.
    pub stage: Option<Stage>,
    pub score: Option<i64>,
    pub grade: Option<String>,
    pub route: Option<String>,
    pub reason: Option<String>,
}

/// A conversion with the touches that it is credited to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    pub key: String,
    pub stage: String,
    /// The lead's or the deal's id.
    pub subject: String,
    pub is_deal: bool,
    pub lead_id: Option<String>,
    pub account_id: Option<String>,
    pub at: Millis,
    /// Of a deal: the amount, in 10⁻⁶ of the reporting currency.
    pub value: Option<i64>,
    /// By model: the touches that have some of the credit.
    pub models: Vec<(String, Vec<Credited>)>,
    /// Of the amount.
    pub currency: Option<String>,
    /// Why nobody has it.
    pub unattributed: Option<&'static str>,
    pub revision: u32,
    pub reason: &'static str,
    pub is_final: bool,
}

/// A conversion for the platform whose click led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub id: String,
    pub platform: String,
    pub click_id: String,
    pub subject: Subject,
    pub stage: &'static str,
    pub at: Millis,
    pub value: Option<i64>,
    pub currency: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credited {
    /// None of a touch whose lead was forgotten.
    pub event_id: Option<String>,
    pub channel: String,
    pub campaign: String,
    pub content: String,
    pub term: String,
    pub at: Option<Millis>,
    /// In 10⁻⁹ of the conversion.
    pub credit: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happened {
    Lead,
    Mql,
    Sal,
    Sql,
    Recycled,
    Reactivated,
    Rejected,
    Routed,
    SlaBreached,
    Leaked,
}

/// A lead that must get no paid touch, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    pub lead_id: String,
    /// In their order, each with the moment since when it holds, where that is known.
    pub reasons: Vec<(Suppressed, Option<Millis>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppressed {
    Customer,
    Disqualified,
    Unsubscribed,
}

impl Happened {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Mql => "mql",
            Self::Sal => "sal",
            Self::Sql => "sql",
            Self::Recycled => "recycled",
            Self::Reactivated => "reactivated",
            Self::Rejected => "rejected",
            Self::Routed => "routed",
            Self::SlaBreached => "sla_breached",
            Self::Leaked => "leaked",
        }
    }
}

impl Line {
    /// Lines of one id say the same thing, one after the other.
    fn id(&self) -> (u8, &str) {
        match self {
            Self::Action(action) => (0, &action.id),
            Self::Suppression(suppression) => (1, &suppression.lead_id),
            Self::Attribution(attribution) => (2, &attribution.key),
            Self::Retracted(key) => (2, key),
            Self::Upload(upload) => (3, &upload.id),
        }
    }
}

/// Brings an entity's lines in their order, each once.
pub fn sort(lines: &mut Vec<Line>) {
    lines.sort_by(|a, b| a.id().cmp(&b.id()));
    lines.dedup_by(|later, first| later.id() == first.id());
}

/// What is to be said after an entity's lines have changed. Both are sorted.
pub fn difference(before: &[Line], after: &[Line], mut say: impl FnMut(Said)) {
    let find = |lines: &[Line], line: &Line| lines.binary_search_by(|other| other.id().cmp(&line.id())).ok();
    for line in before.iter().filter(|line| find(after, line).is_none()) {
        say(Said { state: State::Retracted, line: line.clone() });
    }
    for line in after {
        let state = match find(before, line) {
            None => State::New,
            Some(known) if before[known] != *line => State::Restated,
            Some(_) => continue,
        };
        say(Said { state, line: line.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mql(id: &str, at: i64) -> Line {
        Line::Action(Action {
            id: id.to_owned(),
            lead_id: "l".to_owned(),
            what: Happened::Mql,
            at: Millis(at),
            stage: None,
            score: None,
            grade: None,
            route: None,
            reason: None,
        })
    }

    #[test]
    fn only_what_differs_is_said() {
        let mut before = vec![mql("b", 1), mql("a", 1), mql("c", 1), mql("a", 2)];
        sort(&mut before);
        assert_eq!(before, [mql("a", 1), mql("b", 1), mql("c", 1)], "the first of an id holds");
        let after = [mql("b", 1), mql("c", 2), mql("d", 1)];
        let mut said = Vec::new();
        difference(&before, &after, |line| said.push(line));
        let expected = [
            Said { state: State::Retracted, line: mql("a", 1) },
            Said { state: State::Restated, line: mql("c", 2) },
            Said { state: State::New, line: mql("d", 1) },
        ];
        assert_eq!(said, expected);
    }
}
