//! What ledgers come to, record by record. On the way: nothing is said twice, restated without a change, or taken back
//! that was not said.

use std::collections::BTreeMap;

use serde_json::Value;
use tributary::publish::ledgers::{Ledger, key, to_json};
use tributary::shards::ledger::Said;

#[derive(Debug, Default, PartialEq)]
pub struct Net {
    pub actions: BTreeMap<String, Value>,
    pub suppressions: BTreeMap<String, Value>,
    /// By key, without revision and reason.
    pub attributions: BTreeMap<String, Value>,
    /// By id, without the action.
    pub conversions: BTreeMap<String, Value>,
    /// The last revision of each attribution, also of one that was taken back.
    pub revisions: BTreeMap<String, u64>,
    /// Whoever takes over after a crash may count revisions otherwise: what it says is another statement all the same.
    pub after_crashes: bool,
}

impl Net {
    pub fn take_said(&mut self, said: &Said) {
        let value = to_json(said).expect("it encodes");
        self.take(Ledger::of(&said.line), key(&said.line), value.as_deref());
    }

    pub fn take(&mut self, ledger: Ledger, key: &str, value: Option<&[u8]>) {
        let value = value.map(|value| serde_json::from_slice::<Value>(value).expect("JSON"));
        match ledger {
            Ledger::Lifecycle => self.act(key, value.expect("an action is never deleted")),
            Ledger::Suppressions => {
                let before = match &value {
                    Some(value) => self.suppressions.insert(key.to_owned(), value.clone()),
                    None => self.suppressions.remove(key),
                };
                assert_ne!(before, value, "said twice of {key}");
            }
            Ledger::Attributions => self.attribute(key, value),
            Ledger::Conversions => self.convert(key, value.expect("a conversion is never deleted")),
        }
    }

    /// That both come to the same.
    pub fn compare(&self, expected: &Self) {
        let all = [
            (&self.actions, &expected.actions),
            (&self.suppressions, &expected.suppressions),
            (&self.attributions, &expected.attributions),
            (&self.conversions, &expected.conversions),
        ];
        for (found, expected) in all {
            let ids = found.keys().chain(expected.keys());
            let differ: Vec<_> = ids.filter(|id| found.get(*id) != expected.get(*id)).take(3).collect();
            let both = |id: &&String| format!("{id}\n  expected {:?}\n  found {:?}", expected.get(*id), found.get(*id));
            let report: Vec<String> = differ.iter().map(both).collect();
            assert!(report.is_empty(), "of {} lines these differ:\n{}", expected.len(), report.join("\n"));
        }
    }

    /// Whatever comes of it later, each statement gives all of the credit, to touches in their order.
    fn attribute(&mut self, key: &str, value: Option<Value>) {
        let Some(mut value) = value else {
            assert!(self.attributions.remove(key).is_some(), "{key} is taken back, and was not there");
            return;
        };
        let fields = value.as_object_mut().expect("an object");
        let revision = fields.remove("revision").and_then(|of| of.as_u64()).expect("a revision");
        let reason = fields.remove("reason").expect("a reason");
        assert_eq!(revision == 1, reason == "new", "{key} is {reason} in revision {revision}");
        let last = self.revisions.insert(key.to_owned(), revision).unwrap_or(0);
        // Of a lead that was forgotten nobody knows how often.
        let is_anew = revision == 1 && !self.attributions.contains_key(key);
        assert!(
            last < revision || is_anew || (self.after_crashes && revision > 1),
            "{key}: revision {revision} after {last}"
        );
        assert_eq!(key, format!("{}:{}", value["stage"].as_str().unwrap(), value["subject"].as_str().unwrap()));
        for of_model in value["models"].as_array().expect("models") {
            let touches = of_model["touches"].as_array().expect("touches");
            let credits =
                touches.iter().map(|touch| (touch["credit"].as_f64().expect("a credit") * 1e9).round() as i64);
            assert_eq!(credits.sum::<i64>(), 1_000_000_000, "{key}: {of_model}");
            assert!(touches.is_sorted_by_key(|touch| touch["time"].as_i64()), "{key}: {of_model}");
        }
        let before = self.attributions.insert(key.to_owned(), value);
        assert_ne!(before.as_ref(), self.attributions.get(key), "{key} is stated twice: {reason}");
        let was_final = before.as_ref().is_some_and(|before| before["final"] == true);
        assert!(!was_final || reason == "erasure", "{key} was final: {before:?}, {:?}", self.attributions[key]);
    }

    fn convert(&mut self, key: &str, value: Value) {
        assert_eq!(value["click_id"], key);
        change(&mut self.conversions, value, "action");
    }

    fn act(&mut self, key: &str, value: Value) {
        assert_eq!(value["lead_id"], key);
        change(&mut self.actions, value, "state");
    }
}

/// A line that says whether it is new.
fn change(all: &mut BTreeMap<String, Value>, mut value: Value, field: &str) {
    let id = value["id"].as_str().expect("an id").to_owned();
    let state = value.as_object_mut().expect("an object").remove(field).expect("a state");
    let known = all.get(&id);
    match state.as_str() {
        Some("new") => assert_eq!(known, None, "{id} is new twice"),
        Some("restated") => assert!(known.is_some_and(|known| *known != value), "{id} is restated as it was"),
        Some("retracted") => {
            assert_eq!(known, Some(&value), "{id} is taken back as something else");
            all.remove(&id);
            return;
        }
        _ => panic!("{id} is {state}"),
    }
    all.insert(id, value);
}
