//! A lead that is erased from a running deployment, which dies over it: no number changes, and once topics have let go of
//! what is old there is nothing left of the lead; the command says what there is until then.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::producer::Producer as _;
use serde_json::Value;
use tributary::generate::{History, Produced};

use super::deployment::{Deployment, Wishes};
use super::loading::{producer, send};
use super::records::read_all;
use super::story::{HISTORY, run, settings, story};
use crate::erasures::{found, traces};
use crate::real_parts::wait_for;

/// What a compacted topic comes to, or what another one holds: the bytes of its records.
fn held(topic: &str, is_compacted: bool) -> Vec<Vec<u8>> {
    let mut newest: BTreeMap<(i32, Vec<u8>), Vec<u8>> = BTreeMap::new();
    for (n, record) in read_all(topic).into_iter().enumerate() {
        let key = record.key.unwrap_or_default();
        let place = if is_compacted { key.clone() } else { n.to_le_bytes().to_vec() };
        match record.value {
            Some(value) => drop(newest.insert((record.partition, place), [key, value].concat())),
            None => drop(newest.remove(&(record.partition, place))),
        }
    }
    newest.into_values().collect()
}

/// Where something of a lead may be, by topic, as the command says it.
fn listed(line: &Deployment, arguments: &[&str]) -> BTreeMap<String, String> {
    let config = line.config();
    let command = [&["erasures", "--config", config.to_str().unwrap(), "--output", "json"], arguments].concat();
    let erasures: Vec<Value> = serde_json::from_str(&run(&command)).unwrap();
    assert_eq!(erasures.len(), 1, "{erasures:?}");
    let remains = erasures[0]["remains"].as_array().unwrap();
    remains.iter().map(|one| (one["topic"].to_string(), one["until"].to_string())).collect()
}

#[test]
fn nothing_is_left_of_an_erased_lead_and_no_number_changes() {
    let records: Vec<Produced> = History::new(settings()).collect();
    let traces = traces(&records);
    let line = Deployment::new("erased", &Wishes::default());
    line.load(&HISTORY, None);
    let instance = line.start();
    line.settle(Duration::from_secs(120));
    let lead = story().net.suppressions.keys().find(|lead| traces[*lead].ids.len() > 20).unwrap();
    let everywhere = |line: &Deployment| -> Vec<Vec<u8>> {
        let own = line.own_topics();
        own.iter().flat_map(|topic| held(topic, topic.contains("snapshots"))).collect()
    };
    assert!(found(&traces[lead], &everywhere(&line)).len() > 20, "the scan finds what is there");

    let remains = listed(&line, &["--request", lead]);
    // The broker of the tests keeps everything that no topic says otherwise of.
    let expected = [
        ("touchpoints", "deleted"),
        ("form-fills", "deleted"),
        ("lead-lifecycle", "deleted"),
        ("internal-journal", "retention"),
    ];
    for (topic, until) in expected {
        let found = remains.get(&format!("\"erased-{topic}\"")).map(String::as_str);
        assert_eq!(found, Some(&*format!("\"{until}\"")), "{topic}: {remains:?}");
    }
    instance.kill();
    let mut instance = line.start();
    wait_for("the end of the suppression", Duration::from_secs(60), || {
        let records = read_all(&line.topic("suppressions"));
        let last = records.iter().rfind(|record| record.key.as_deref() == Some(lead.as_bytes()));
        last.filter(|record| record.value.is_none()).map(|_| ())
    });
    // A stop takes a snapshot when there is something new, and there are two at a time.
    let skipped = Produced { value: None, key: None, ..records[0].clone() };
    for _ in 0..2 {
        let producer = producer();
        send(&producer, &line.topic("touchpoints"), &skipped, None);
        producer.flush(Duration::from_secs(10)).unwrap();
        line.settle(Duration::from_secs(60));
        instance.signal("TERM");
        assert!(instance.wait_end(Duration::from_secs(20)).success(), "{}", instance.log());
        instance = line.start();
    }
    line.settle(Duration::from_secs(60));
    line.trim_internal();
    assert_eq!(found(&traces[lead], &everywhere(&line)), Vec::<String>::new(), "of {lead}");
    for topic in ["suppressions", "kpis", "alerts", "attributions"] {
        assert_eq!(found(&traces[lead], &held(&line.topic(topic), true)), Vec::<String>::new(), "{topic}");
    }
    let remains = listed(&line, &[lead]);
    assert!(remains.contains_key("\"erased-touchpoints\"") && !remains.contains_key("\"erased-internal-journal\""));
    assert!(remains.values().all(|until| until != "\"replaced\""), "{remains:?}");
}
