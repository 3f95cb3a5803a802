//! From a number to its conversions: what shards tell of them comes to the credit of the KPI rows, to the last digit, and
//! is what the ledger says of each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tributary::config::Config;
use tributary::generate::Produced;
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};
use tributary::rollup::row::Row;
use tributary::shards::conversions::{Asked, Conversion};

use super::conserved::units;
use crate::line::Line;

/// Rows that are compared of a history.
const MOST: usize = 60;

const STAGES: [(&str, &str); 9] = [
    ("leads", "lead"),
    ("mqls", "mql"),
    ("sals", "sal"),
    ("sqls", "sql"),
    ("opportunities", "opportunity"),
    ("proposals", "proposal"),
    ("won_deals", "won"),
    ("demos", "demo"),
    ("meetings", "meeting"),
];

fn asked(stage: &str, model: &str) -> Asked {
    Asked {
        stage: stage.to_owned(),
        within: Millis::MIN..Millis::MAX,
        model: model.to_owned(),
        channel: None,
        campaign: None,
        most: 10_000,
    }
}

/// Says how many rows were compared.
pub fn check(config: &Config, line: &Line, rows: &[Row]) -> usize {
    ledger(config, line);
    let shared = |row: &&Row| {
        let dims = row.id.dims.iter().map(|(name, _)| *name);
        let is_shared = dims.clone().eq(["channel", "model"]) || dims.eq(["campaign", "channel", "model"]);
        is_shared && STAGES.iter().any(|(kpi, _)| **kpi == *row.id.kpi)
    };
    let shared: Vec<&Row> = rows.iter().filter(shared).collect();
    let mut compared = 0;
    // Each is a look through all leads.
    for row in shared.iter().step_by(shared.len() / MOST + 1) {
        let stage = STAGES.iter().find(|(kpi, _)| **kpi == *row.id.kpi).map_or("", |(_, stage)| *stage);
        let value = |name: &str| row.id.dims.iter().find(|(dim, _)| *dim == name).map(|(_, value)| value.to_string());
        let (channel, campaign, model) = (value("channel"), value("campaign"), value("model").expect("a model"));
        let from = row.id.start.unwrap_or(Millis::MIN);
        let within = from..row.end.unwrap_or(Millis::MAX);
        let (total, credit, latest) = line.look(&Asked { within, channel, campaign, ..asked(stage, &model) });
        assert_eq!(i128::from(credit), units(row.says.value.expect("a sum has a value")), "{:?}", row.id);
        assert_eq!((total, latest.len()), (latest.len() as u64, latest.len()), "{:?}", row.id);
        let sum: i64 = latest.iter().map(|of| (of.credit * 1e9).round() as i64).sum();
        assert_eq!(sum, credit, "{:?}", row.id);
        compared += 1;
    }
    compared
}

/// Each conversion of the ledger is found, and no other.
fn ledger(config: &Config, line: &Line) {
    for (_, stage) in STAGES {
        let (_, credit, all) = line.look(&asked(stage, config.attribution.models[0].name()));
        assert_eq!(credit, all.len() as i64 * 1_000_000_000);
        let found: BTreeMap<String, Value> =
            all.iter().map(|of| (format!("{stage}:{}", of.subject), stated(config, of))).collect();
        let prefix = format!("{stage}:");
        let is_of_stage = |key: &&String| key.starts_with(&prefix);
        let keys: BTreeSet<&String> = line.net.attributions.keys().filter(is_of_stage).collect();
        assert_eq!(found.keys().collect::<BTreeSet<_>>(), keys);
        for (key, found) in &found {
            let mut said = line.net.attributions[key].clone();
            let fields = said.as_object_mut().expect("an object");
            fields.retain(|name, _| name != "final" && name != "currency");
            assert_eq!(*found, said, "{key}");
        }
        let (total, _, latest) = line.look(&Asked { most: 3, ..asked(stage, config.attribution.models[0].name()) });
        let times = |of: &[Conversion]| of.iter().map(|of| of.time).collect::<Vec<_>>();
        let mut expected = times(&all);
        expected.sort_unstable_by_key(|time| std::cmp::Reverse(*time));
        expected.truncate(3);
        assert_eq!((total, times(&latest)), (all.len() as u64, expected));
    }
}

/// As the ledger says it.
fn stated(config: &Config, of: &Conversion) -> Value {
    let models = config.attribution.models.iter().filter(|model| model.is_rule_based()).map(|model| {
        let nobody = json!({ "event_id": null, "time": null, "channel": "(unattributed)", "campaign": "(none)",
            "content": "(none)", "term": "(none)", "credit": 1.0 });
        let touch = |touch: &tributary::shards::conversions::CreditedTouch| {
            let credit = touch.credits.get(model.name())?;
            Some(json!({ "event_id": touch.event_id, "time": touch.time, "channel": touch.channel,
                "campaign": touch.campaign, "content": touch.content, "term": touch.term, "credit": credit }))
        };
        let touches: Vec<Value> = match of.touches.is_empty() {
            true => vec![nobody],
            false => of.touches.iter().filter_map(touch).collect(),
        };
        json!({ "model": model.name(), "touches": touches })
    });
    json!({ "stage": of.stage, "subject": of.subject, "subject_type": of.subject_type, "lead_id": of.lead_id,
        "account_id": of.account_id, "time": of.time, "value": of.value, "unattributed": of.unattributed,
        "models": models.collect::<Vec<_>>() })
}

/// Of a long journey the first touch and the latest ones are told of; each has its credit.
#[test]
fn long_journeys_are_told_of_in_part() {
    let config = super::config(2, "[attribution]\nmodels = [\"first\", \"linear\"]\n");
    let start = 1_767_225_600_000;
    let produced = |topic: Topic, n: i64, fields: &str| {
        let timestamp = Millis(start + n * 60_000);
        let json = format!(r#"{{"event_id":"e{n}","occurred_at":{},"lead_id":"l",{fields}}}"#, timestamp.0);
        let value = Some(json.into_bytes());
        Produced { topic, key: None, value, timestamp, rejected_as: None, duplicate: false }
    };
    let touch = |n: i64| produced(Topic::Touchpoints, n, r#""kind":"click","channel":"email""#);
    let fill = produced(Topic::FormFills, 130, r#""form_id":"f","form_kind":"contact""#);
    let records: Vec<_> = (0..130).map(touch).chain([fill]).collect();
    let mut line = Line::new(&config, 1);
    line.run(&records);
    line.finish(Millis(start) + Span::DAY);
    let (total, credit, found) = line.look(&Asked { channel: Some("email".to_owned()), ..asked("lead", "linear") });
    assert_eq!((total, credit), (1, 1_000_000_000));
    let [conversion] = &found[..] else { panic!("{found:?}") };
    let ids: Vec<_> = conversion.touches.iter().filter_map(|touch| touch.event_id.as_deref()).collect();
    assert_eq!((ids.len(), ids[0], ids[1], ids[99], conversion.touches_left_out), (100, "e0", "e31", "e129", 30));
    assert_eq!(conversion.touches[0].credits["first"], 1.0);
    assert!(conversion.touches[1..].iter().all(|touch| touch.credits.keys().eq(["linear"])));
    let none = Asked { within: Millis(start)..Millis(start + 1), ..asked("lead", "linear") };
    assert_eq!(line.look(&none), (0, 0, Vec::new()));
    assert_eq!(line.look(&asked("lead", "markov")), (0, 0, Vec::new()));
}
