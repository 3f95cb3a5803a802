//! Lines of ledgers as records: which topic, the key, and the value as JSON or Avro. What is taken back of a compacted
//! topic is a tombstone, of another one a record that says so.

use std::sync::OnceLock;

use apache_avro::Schema;
use serde::Serialize;

use super::kpi_update::{EncodeError, encode};
use crate::config::Topics;
use crate::kpi::measures::Scale;
use crate::shards::ledger::{Action, Attribution, Credited, Line, Said, State, Suppressed, Suppression, Upload};

/// A ledger is a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ledger {
    Lifecycle,
    Suppressions,
    Attributions,
    Conversions,
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

#[derive(Serialize)]
struct Attributed<'a> {
    stage: &'a str,
    subject: &'a str,
    subject_type: &'static str,
    lead_id: Option<&'a str>,
    account_id: Option<&'a str>,
    time: i64,
    value: Option<f64>,
    currency: Option<&'a str>,
    models: Vec<OfModel<'a>>,
    unattributed: Option<&'static str>,
    revision: u32,
    reason: &'static str,
    r#final: bool,
}

#[derive(Serialize)]
struct OfModel<'a> {
    model: &'a str,
    touches: Vec<CreditedTouch<'a>>,
}

#[derive(Serialize)]
struct CreditedTouch<'a> {
    event_id: Option<&'a str>,
    channel: &'a str,
    campaign: &'a str,
    content: &'a str,
    term: &'a str,
    time: Option<i64>,
    credit: f64,
}

#[derive(Serialize)]
struct Converted<'a> {
    id: &'a str,
    action: State,
    platform: &'a str,
    click_id: &'a str,
    stage: &'static str,
    time: i64,
    value: Option<f64>,
    currency: Option<&'a str>,
}

impl Ledger {
    pub const ALL: [Self; 4] = [Self::Lifecycle, Self::Suppressions, Self::Attributions, Self::Conversions];

    #[must_use]
    pub const fn of(line: &Line) -> Self {
        match line {
            Line::Action(_) => Self::Lifecycle,
            Line::Suppression(_) => Self::Suppressions,
            Line::Attribution(_) | Line::Retracted(_) => Self::Attributions,
            Line::Upload(_) => Self::Conversions,
        }
    }

    /// As `output.ledgers` names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lifecycle => "lead-lifecycle",
            Self::Suppressions => "suppressions",
            Self::Attributions => "attributions",
            Self::Conversions => "conversions",
        }
    }

    #[must_use]
    pub fn topic(self, topics: &Topics) -> &str {
        match self {
            Self::Lifecycle => &topics.lead_lifecycle,
            Self::Suppressions => &topics.suppressions,
            Self::Attributions => &topics.attributions,
            Self::Conversions => &topics.conversions,
        }
    }

    /// The schema that its Avro records are written with.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Lifecycle => include_str!("../../schemas/lead_action.avsc"),
            Self::Suppressions => include_str!("../../schemas/suppression.avsc"),
            Self::Attributions => include_str!("../../schemas/attribution.avsc"),
            Self::Conversions => include_str!("../../schemas/conversion.avsc"),
        }
    }

    fn parsed(self) -> &'static Schema {
        static PARSED: [OnceLock<Schema>; Ledger::ALL.len()] = [const { OnceLock::new() }; Ledger::ALL.len()];
        PARSED[self as usize]
            .get_or_init(|| Schema::parse_str(self.schema()).expect("it is part of the build, and a test reads it"))
    }
}

#[must_use]
pub fn key(line: &Line) -> &str {
    match line {
        Line::Action(action) => &action.lead_id,
        Line::Suppression(suppression) => &suppression.lead_id,
        Line::Attribution(attribution) => &attribution.key,
        Line::Retracted(key) => key,
        Line::Upload(upload) => &upload.click_id,
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
        Line::Attribution(attribution) => Ok(Some(serde_json::to_vec(&Attributed::from(&**attribution))?)),
        Line::Retracted(_) => Ok(None),
        Line::Upload(upload) => Ok(Some(serde_json::to_vec(&Converted::new(upload, said.state))?)),
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
        Line::Attribution(attribution) => apache_avro::to_value(Attributed::from(&**attribution)),
        Line::Retracted(_) => return Ok(None),
        Line::Upload(upload) => apache_avro::to_value(Converted::new(upload, said.state)),
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

impl<'a> From<&'a Attribution> for Attributed<'a> {
    fn from(of: &'a Attribution) -> Self {
        let touch = |touch: &'a Credited| CreditedTouch {
            event_id: touch.event_id.as_deref(),
            channel: &touch.channel,
            campaign: &touch.campaign,
            content: &touch.content,
            term: &touch.term,
            time: touch.at.map(|at| at.0),
            credit: Scale::Credit.to_f64(touch.credit),
        };
        let model = |(model, touches): &'a (String, Vec<Credited>)| OfModel {
            model,
            touches: touches.iter().map(touch).collect(),
        };
        Self {
            stage: &of.stage,
            subject: &of.subject,
            subject_type: if of.is_deal { "deal" } else { "lead" },
            lead_id: of.lead_id.as_deref(),
            account_id: of.account_id.as_deref(),
            time: of.at.0,
            value: of.value.map(|value| Scale::Money.to_f64(value)),
            currency: of.currency.as_deref(),
            models: of.models.iter().map(model).collect(),
            unattributed: of.unattributed,
            revision: of.revision,
            reason: of.reason,
            r#final: of.is_final,
        }
    }
}

impl<'a> Converted<'a> {
    fn new(of: &'a Upload, action: State) -> Self {
        Self {
            id: &of.id,
            action,
            platform: &of.platform,
            click_id: &of.click_id,
            stage: of.stage,
            time: of.at.0,
            value: of.value.map(|value| Scale::Money.to_f64(value)),
            currency: of.currency.as_deref(),
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

    fn attribution() -> Line {
        let touch = Credited {
            event_id: Some("e1".to_owned()),
            channel: "email".to_owned(),
            campaign: "spring".to_owned(),
            content: "(none)".to_owned(),
            term: "(none)".to_owned(),
            at: Some(Millis(3)),
            credit: 333_333_334,
        };
        let rest = Credited { event_id: None, at: None, credit: 666_666_666, ..touch.clone() };
        Line::Attribution(Box::new(Attribution {
            key: "won:d1".to_owned(),
            stage: "won".to_owned(),
            subject: "d1".to_owned(),
            is_deal: true,
            lead_id: Some("l1".to_owned()),
            account_id: None,
            at: Millis(5),
            value: Some(1_250_000),
            currency: Some("USD".to_owned()),
            models: vec![("linear".to_owned(), vec![touch, rest])],
            unattributed: None,
            revision: 2,
            reason: "touch",
            is_final: false,
        }))
    }

    fn upload() -> Line {
        Line::Upload(Upload {
            id: "0a1b".to_owned(),
            platform: "gclid".to_owned(),
            click_id: "c1".to_owned(),
            subject: crate::shards::statement::Subject::Lead,
            stage: "mql",
            at: Millis(9),
            value: None,
            currency: None,
        })
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
        expect![[r#"{"stage":"won","subject":"d1","subject_type":"deal","lead_id":"l1","account_id":null,"time":5,"value":1.25,"currency":"USD","models":[{"model":"linear","touches":[{"event_id":"e1","channel":"email","campaign":"spring","content":"(none)","term":"(none)","time":3,"credit":0.333333334},{"event_id":null,"channel":"email","campaign":"spring","content":"(none)","term":"(none)","time":null,"credit":0.666666666}]}],"unattributed":null,"revision":2,"reason":"touch","final":false}"#]].assert_eq(&json(State::Restated, attribution()).expect("a record"));
        expect![[r#"{"id":"0a1b","action":"new","platform":"gclid","click_id":"c1","stage":"mql","time":9,"value":null,"currency":null}"#]].assert_eq(&json(State::New, upload()).expect("a record"));
    }

    #[test]
    fn what_is_taken_back_is_said_or_deleted() {
        assert!(json(State::Retracted, leak()).expect("a record").contains("\"state\":\"retracted\""));
        assert_eq!(json(State::Retracted, suppression()), None);
        assert_eq!(json(State::Retracted, Line::Retracted("won:d1".to_owned())), None);
        assert!(json(State::Retracted, upload()).expect("a record").contains("\"action\":\"retracted\""));
    }

    #[test]
    fn avro_says_the_same() {
        for line in [leak(), suppression(), attribution(), upload()] {
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
