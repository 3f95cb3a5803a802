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
        }
    }

    /// That both come to the same.
    pub fn compare(&self, expected: &Self) {
        let all = [(&self.actions, &expected.actions), (&self.suppressions, &expected.suppressions)];
        for (found, expected) in all {
            let ids = found.keys().chain(expected.keys());
            let differ: Vec<_> = ids.filter(|id| found.get(*id) != expected.get(*id)).take(3).collect();
            let both = |id: &&String| format!("{id}\n  expected {:?}\n  found {:?}", expected.get(*id), found.get(*id));
            let report: Vec<String> = differ.iter().map(both).collect();
            assert!(report.is_empty(), "of {} lines these differ:\n{}", expected.len(), report.join("\n"));
        }
    }

    fn act(&mut self, key: &str, mut value: Value) {
        assert_eq!(value["lead_id"], key);
        let id = value["id"].as_str().expect("an id").to_owned();
        let state = value.as_object_mut().expect("an object").remove("state").expect("a state");
        let known = self.actions.get(&id);
        match state.as_str() {
            Some("new") => assert_eq!(known, None, "{id} is new twice"),
            Some("restated") => assert!(known.is_some_and(|known| *known != value), "{id} is restated as it was"),
            Some("retracted") => {
                assert_eq!(known, Some(&value), "{id} is taken back as something else");
                self.actions.remove(&id);
                return;
            }
            _ => panic!("{id} is {state}"),
        }
        self.actions.insert(id, value);
    }
}
