//! The events of a scenario → records as Kafka would hand them over: JSON with the fields as they are written, so that
//! it is ingest that judges them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::Given;
use super::super::written::{ARRIVES_AT, Cell, Cells, DELETED, Moment, RAW, REJECTED, Scenario, Text};
use super::{key_of, moment};
use crate::config::Placed;
use crate::config::document::Reader;
use crate::ingest::Reason;
use crate::ingest::files::FileRecord;
use crate::ingest::line::timestamp;
use crate::model::event::Topic;
use crate::model::time::Millis;

const EVENT_ID: &str = "event_id";

/// All records, in the order of their arrival: by time, then by their places in the lists, then by topic.
pub(super) fn records(reader: &mut Reader<'_>, written: &Scenario) -> Vec<Given> {
    let mut all = of_topic(reader, Topic::Touchpoints, &written.touchpoints);
    all.extend(of_topic(reader, Topic::FormFills, &written.form_fills));
    all.extend(of_topic(reader, Topic::DealStages, &written.deal_stages));
    all.extend(of_topic(reader, Topic::Spend, &written.spend));
    all.extend(of_topic(reader, Topic::Accounts, &written.accounts));
    all.sort_by_key(|given| (given.record.timestamp, given.record.line));
    all
}

/// One without a time arrives with the one before it, the first at the beginning of time.
fn of_topic<K>(reader: &mut Reader<'_>, topic: Topic, events: &[Placed<Cells<K>>]) -> Vec<Given> {
    let mut arrived = Millis(0);
    let given = (1..).zip(events).map(|(line, event)| {
        let written = Written { cells: &event.cells };
        let value = if written.is_deleted() { None } else { Some(written.value(topic, line)) };
        let at =
            written.get(ARRIVES_AT).map(|cell| Placed { value: Moment(cell.value.clone()), span: cell.span.clone() });
        let own = match at {
            Some(at) => moment(reader, &at),
            None => value.as_deref().and_then(timestamp),
        };
        arrived = own.unwrap_or(arrived);
        let key = written.get("account_id").map(|cell| text_of(&cell.value).into_bytes());
        Given {
            record: FileRecord { topic, line, key, value, timestamp: arrived },
            line: event.span.as_ref().map_or(0, |span| reader.document().line(span)),
            rejected: written.get(REJECTED).and_then(|cell| Reason::parse(cell.value.as_str()?)),
        }
    });
    given.collect()
}

struct Written<'a> {
    cells: &'a BTreeMap<Text, Cell>,
}

impl Written<'_> {
    fn get(&self, key: &str) -> Option<&Cell> {
        self.cells.iter().find(|(name, _)| name.value == key).map(|(_, cell)| cell)
    }

    fn is_deleted(&self) -> bool {
        self.get(DELETED).and_then(|cell| cell.value.as_bool()).unwrap_or(false)
    }

    fn value(&self, topic: Topic, line: u64) -> Vec<u8> {
        if let Some(raw) = self.get(RAW) {
            return text_of(&raw.value).into_bytes();
        }
        let ours = [ARRIVES_AT, REJECTED, DELETED];
        let fields = self.cells.iter().filter(|(name, _)| !ours.contains(&&*name.value));
        let mut fields: Map<String, Value> =
            fields.map(|(name, cell)| (name.value.clone(), json(&cell.value))).collect();
        if topic != Topic::Accounts && !fields.contains_key(EVENT_ID) {
            // Of equal width, so that events of equal time stand in the order of the list.
            fields.insert(EVENT_ID.to_owned(), format!("{}-{line:04}", key_of(topic)).into());
        }
        Value::Object(fields).to_string().into_bytes()
    }
}

/// Dates and times as the texts that they are written as.
fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Value::Null, Value::Number),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(items) => items.iter().map(json).collect(),
        toml::Value::Table(table) => {
            table.iter().map(|(name, value)| (name.clone(), json(value))).collect::<Map<_, _>>().into()
        }
    }
}

pub(super) fn text_of(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
