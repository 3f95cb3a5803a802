//! Lines of ledgers as records: which topic, the key, and the value as JSON or Avro. What is taken back of a compacted
//! topic is a tombstone, of another one a record that says so.

use std::sync::OnceLock;

use apache_avro::Schema;
use serde::Serialize;

use super::kpi_update::{EncodeError, encode};
use crate::config::Topics;
use crate::shards::ledger::{Action, Line, Said, State, Suppressed, Suppression};

/// A ledger is a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ledger {
    Lifecycle,
    Suppressions,
}

#[derive(Serialize)]
struct LeadAction<'a> {
    id: &'a str,
    lead_id: &'a str,
    action: &'static str,
    state: State,
    time: i64,
    stage: Option<&'static str>,
    score: Option<i64>,
    grade: Option<&'a str>,
    route: Option<&'a str>,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Suppressing<'a> {
    lead_id: &'a str,
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    reason: Suppressed,
    since: Option<i64>,
}

impl Ledger {
    pub const ALL: [Self; 2] = [Self::Lifecycle, Self::Suppressions];

    #[must_use]
    pub const fn of(line: &Line) -> Self {
        match line {
            Line::Action(_) => Self::Lifecycle,
            Line::Suppression(_) => Self::Suppressions,
        }
    }

    /// As `output.ledgers` names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lifecycle => "lead-lifecycle",
            Self::Suppressions => "suppressions",
        }
    }

    #[must_use]
    pub fn topic(self, topics: &Topics) -> &str {
        match self {
            Self::Lifecycle => &topics.lead_lifecycle,
            Self::Suppressions => &topics.suppressions,
        }
    }

    /// The schema that its Avro records are written with.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Lifecycle => include_str!("../../schemas/lead_action.avsc"),
            Self::Suppressions => include_str!("../../schemas/suppression.avsc"),
        }
    }

    fn parsed(self) -> &'static Schema {
        static PARSED: [OnceLock<Schema>; 2] = [OnceLock::new(), OnceLock::new()];
        PARSED[self as usize]
            .get_or_init(|| Schema::parse_str(self.schema()).expect("it is part of the build, and a test reads it"))
    }
}

#[must_use]
pub fn key(line: &Line) -> &str {
    match line {
        Line::Action(action) => &action.lead_id,
        Line::Suppression(suppression) => &suppression.lead_id,
    }
}

/// None is a tombstone.
///
/// # Errors
/// None is known; serde's is passed on.
pub fn to_json(said: &Said) -> Result<Option<Vec<u8>>, EncodeError> {
    match &said.line {
        Line::Action(action) => Ok(Some(serde_json::to_vec(&LeadAction::new(action, said.state))?)),
        Line::Suppression(_) if said.state == State::Retracted => Ok(None),
        Line::Suppression(suppression) => Ok(Some(serde_json::to_vec(&Suppressing::from(suppression))?)),
    }
}

/// The record without header or framing; none is a tombstone.
///
/// # Errors
/// None is known; the encoder's is passed on.
pub fn to_avro(said: &Said) -> Result<Option<Vec<u8>>, EncodeError> {
    let record = match &said.line {
        Line::Action(action) => apache_avro::to_value(LeadAction::new(action, said.state)),
        Line::Suppression(_) if said.state == State::Retracted => return Ok(None),
        Line::Suppression(suppression) => apache_avro::to_value(Suppressing::from(suppression)),
    };
    let schema = Ledger::of(&said.line).parsed();
    let value = record.and_then(|record| record.resolve(schema)).map_err(Box::new)?;
    encode(value, schema).map(Some)
}

impl<'a> LeadAction<'a> {
    fn new(action: &'a Action, state: State) -> Self {
        Self {
            id: &action.id,
            lead_id: &action.lead_id,
            action: action.what.name(),
            state,
            time: action.at.0,
            stage: action.stage.map(crate::model::stage::Stage::name),
            score: action.score,
            grade: action.grade.as_deref(),
            route: action.route.as_deref(),
            reason: action.reason.as_deref(),
        }
    }
}

impl<'a> From<&'a Suppression> for Suppressing<'a> {
    fn from(suppression: &'a Suppression) -> Self {
        let reason = |(reason, since): &(Suppressed, Option<crate::model::time::Millis>)| Reason {
            reason: *reason,
            since: since.map(|at| at.0),
        };
        Self { lead_id: &suppression.lead_id, reasons: suppression.reasons.iter().map(reason).collect() }
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::reader::datum::GenericDatumReader;
    use expect_test::expect;

    use super::*;
    use crate::model::stage::Stage;
    use crate::model::time::Millis;
    use crate::shards::ledger::Happened;

    fn leak() -> Line {
        Line::Action(Action {
            id: "l1/leaked/mql".to_owned(),
            lead_id: "l1".to_owned(),
            what: Happened::Leaked,
            at: Millis(1_767_571_200_000),
            stage: Some(Stage::Mql),
            score: Some(70),
            grade: Some("B".to_owned()),
            route: None,
            reason: Some("no_activity".to_owned()),
        })
    }

    fn suppression() -> Line {
        let reasons = vec![(Suppressed::Customer, None), (Suppressed::Unsubscribed, Some(Millis(7)))];
        Line::Suppression(Suppression { lead_id: "l1".to_owned(), reasons })
    }

    fn json(state: State, line: Line) -> Option<String> {
        to_json(&Said { state, line }).expect("it encodes").map(|json| String::from_utf8(json).expect("text"))
    }

    #[test]
    fn records_are_json() {
        expect![[r#"{"id":"l1/leaked/mql","lead_id":"l1","action":"leaked","state":"restated","time":1767571200000,"stage":"mql","score":70,"grade":"B","route":null,"reason":"no_activity"}"#]].assert_eq(&json(State::Restated, leak()).expect("a record"));
        expect![[
            r#"{"lead_id":"l1","reasons":[{"reason":"customer","since":null},{"reason":"unsubscribed","since":7}]}"#
        ]]
        .assert_eq(&json(State::New, suppression()).expect("a record"));
    }

    #[test]
    fn what_is_taken_back_is_said_or_deleted() {
        assert!(json(State::Retracted, leak()).expect("a record").contains("\"state\":\"retracted\""));
        assert_eq!(json(State::Retracted, suppression()), None);
    }

    #[test]
    fn avro_says_the_same() {
        for line in [leak(), suppression()] {
            let ledger = Ledger::of(&line);
            let said = Said { state: State::New, line };
            let bytes = to_avro(&said).expect("it encodes").expect("a record");
            let reader = GenericDatumReader::builder(ledger.parsed()).build().expect("a reader");
            let back = reader.read_value(&mut &bytes[..]).expect("it decodes");
            let back = serde_json::Value::try_from(back).expect("JSON");
            let json = to_json(&said).expect("it encodes").expect("a record");
            assert_eq!(back, serde_json::from_slice::<serde_json::Value>(&json).expect("JSON"));
        }
    }
}
