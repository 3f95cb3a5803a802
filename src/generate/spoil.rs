//! Broken records, each a copy of a good one with a single fault, and the reason code that it must be rejected for. Reasons
//! take turns over the topics they fit, so that even few bad records show them all.

use serde_json::{Map, Value, json};

use super::Settings;
use super::draw::Draw;
use super::rhythm::DAY;
use crate::model::event::Topic;

use Topic::{Accounts, DealStages, FormFills, Spend, Touchpoints};

const UNDECODABLE: &str = "undecodable";
const MISSING: &str = "missing_field";
const INVALID: &str = "invalid_field";
const KIND: &str = "unknown_kind";
const STAGE: &str = "unknown_stage";
const CURRENCY: &str = "unknown_currency";
const FUTURE: &str = "future";
const OVERSIZED: &str = "oversized";

/// The turns; the first eight hold each reason once.
const TURNS: [(&str, Topic); 24] = [
    (MISSING, Touchpoints),
    (KIND, Touchpoints),
    (STAGE, DealStages),
    (OVERSIZED, Touchpoints),
    (CURRENCY, Spend),
    (FUTURE, Touchpoints),
    (INVALID, FormFills),
    (UNDECODABLE, Touchpoints),
    (MISSING, FormFills),
    (INVALID, Touchpoints),
    (CURRENCY, DealStages),
    (KIND, FormFills),
    (FUTURE, FormFills),
    (INVALID, Spend),
    (MISSING, DealStages),
    (OVERSIZED, FormFills),
    (UNDECODABLE, Spend),
    (KIND, Spend),
    (MISSING, Spend),
    (INVALID, DealStages),
    (FUTURE, DealStages),
    (UNDECODABLE, FormFills),
    (OVERSIZED, Spend),
    (INVALID, Accounts),
];

/// What a record cannot do without, by topic.
const REQUIRED: [(Topic, &[&str]); 5] = [
    (Touchpoints, &["event_id", "occurred_at", "kind"]),
    (FormFills, &["event_id", "occurred_at", "lead_id", "form_id", "form_kind"]),
    (DealStages, &["event_id", "occurred_at", "lead_id", "stage"]),
    (Spend, &["event_id", "occurred_at", "channel", "amount"]),
    (Accounts, &["account_id"]),
];

/// One record in this many of the oversized is so as a whole, over 1 MiB; the others have too many or too long parts.
const HUGE_EVERY: u64 = 40;
const MEBIBYTE: usize = 1 << 20;

pub struct Spoiler {
    share: f64,
    huge: bool,
    /// Beyond any clock that will read the history.
    future: i64,
    /// Bad records due, as a growing fraction, and those owed until a record of the topic comes along.
    due: f64,
    owed: Vec<(&'static str, Topic)>,
    spoiled: u64,
    oversized: u64,
}

impl Spoiler {
    pub fn new(settings: &Settings, end: i64) -> Self {
        let future = end.max(super::NO_CLOCK_YET.0) + 3650 * DAY;
        Self { share: settings.bad, huge: settings.huge, future, due: 0.0, owed: Vec::new(), spoiled: 0, oversized: 0 }
    }

    /// A broken copy of this record, when one is due that fits its topic.
    pub fn spoil(&mut self, topic: Topic, json: &[u8], draw: &mut Draw) -> Option<(&'static str, Vec<u8>)> {
        self.due += self.share;
        if self.due >= 1.0 {
            self.due -= 1.0;
            self.owed.push(TURNS[(self.spoiled % TURNS.len() as u64) as usize]);
            self.spoiled += 1;
        }
        let place = self.owed.iter().position(|owed| owed.1 == topic)?;
        let Ok(Value::Object(mut record)) = serde_json::from_slice(json) else { return None };
        let (reason, _) = self.owed.remove(place);
        if let Some(Value::String(id)) = record.get_mut("event_id") {
            id.insert_str(0, "bad-");
        }
        if reason == UNDECODABLE {
            return Some((reason, undecodable(json, draw)));
        }
        self.break_field(reason, topic, &mut record, draw);
        Some((reason, Value::Object(record).to_string().into_bytes()))
    }

    fn break_field(&mut self, reason: &str, topic: Topic, record: &mut Map<String, Value>, draw: &mut Draw) {
        let mut set = |field: &str, value: Value| record.insert(field.to_owned(), value);
        match (reason, topic) {
            (MISSING, _) => remove_required(topic, record, draw),
            (INVALID, _) => drop(invalid(topic, draw).map(|(field, value)| set(field, value))),
            (KIND, FormFills) => drop(set("form_kind", json!("tea_party"))),
            (KIND, Spend) => drop(set("category", json!("luck"))),
            (KIND, _) => drop(set("kind", json!("teleported"))),
            (STAGE, _) => drop(set("stage", json!("negotiation"))),
            // ISO 4217 reserves it for tests: nobody has a rate for it.
            (CURRENCY, _) => drop(set("currency", json!("XTS"))),
            (FUTURE, _) => drop(set("occurred_at", json!(self.future + draw.between(0, 400 * DAY)))),
            _ => self.oversize(topic, record),
        }
    }

    fn oversize(&mut self, topic: Topic, record: &mut Map<String, Value>) {
        self.oversized += 1;
        let turn = self.oversized % HUGE_EVERY;
        let (field, value) = match topic {
            _ if turn == 1 && self.huge => ("padding", json!("x".repeat(MEBIBYTE))),
            Touchpoints if turn.is_multiple_of(2) => ("properties", many()),
            FormFills => ("answers", many()),
            Touchpoints => ("page_url", json!(format!("https://www.tributary.example/{}", "a".repeat(4096)))),
            _ => ("campaign", json!("c".repeat(4097))),
        };
        record.insert(field.to_owned(), value);
    }
}

/// One entry more than a record may have.
fn many() -> Value {
    (0..65).map(|n| (format!("q{n}"), json!("a"))).collect::<Map<_, _>>().into()
}

fn undecodable(json: &[u8], draw: &mut Draw) -> Vec<u8> {
    match draw.below(3) {
        0 => json[..json.len() / 3 * 2].to_vec(),
        1 => b"visitor;page;time\r\nv-1;/pricing;yesterday\r\n".to_vec(),
        _ => vec![0xFF, 0xFE, 0x7B, 0x00, 0x22, 0x00],
    }
}

fn remove_required(topic: Topic, record: &mut Map<String, Value>, draw: &mut Draw) {
    let field = REQUIRED.iter().find(|(of, _)| *of == topic).map_or("event_id", |(_, fields)| *draw.pick(fields));
    if draw.percent(30) {
        // Empty text and null count as absent.
        record.insert(field.to_owned(), if draw.percent(50) { json!("") } else { Value::Null });
    } else {
        record.remove(field);
    }
}

/// A field with a value that it cannot have.
fn invalid(topic: Topic, draw: &mut Draw) -> Option<(&'static str, Value)> {
    let faults = match topic {
        Touchpoints => [("occurred_at", json!("yesterday")), ("visitor_id", json!(42)), ("utm_source", json!(["a"]))],
        FormFills => [("occurred_at", json!(true)), ("answers", json!("none")), ("form_id", json!({}))],
        DealStages => [("probability", json!("high")), ("lead_id", json!(7)), ("amount", json!("a lot"))],
        Spend => [("amount", json!("12,50")), ("period_end", json!(1)), ("currency", json!(840))],
        Accounts => [("is_target", json!("perhaps")), ("buying_unit_size", json!("few")), ("name", json!(1))],
        Topic::Erasures => return None,
    };
    let place = draw.below(faults.len() as u32) as usize;
    faults.into_iter().nth(place)
}
