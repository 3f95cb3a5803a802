//! From a number to its conversions: what shards tell of them comes to the credit of the KPI rows, to the last digit, and
//! is what the ledger says of each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tributary::config::Config;
use tributary::model::time::Millis;
use tributary::model::window::WindowKind;
use tributary::rollup::row::Row;
use tributary::shards::conversions::{Asked, Conversion};

use super::conserved::units;
use crate::line::Line;

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
    let mut compared = 0;
    let of_stages = rows.iter().filter(|row| STAGES.iter().any(|(kpi, _)| **kpi == *row.id.kpi));
    for (n, row) in of_stages.enumerate() {
        let Some((_, stage)) = STAGES.iter().find(|(kpi, _)| **kpi == *row.id.kpi) else { continue };
        // Each is a look through all leads.
        if row.id.window != WindowKind::All && n % 50 != 0 {
            continue;
        }
        let (channel, campaign, model) = match &*row.id.dims {
            [("channel", channel), ("model", model)] => (channel, None, model),
            [("campaign", campaign), ("channel", channel), ("model", model)] => (channel, Some(campaign), model),
            _ => continue,
        };
        let from = row.id.start.unwrap_or(Millis::MIN);
        let within = from..row.end.unwrap_or(Millis::MAX);
        let (channel, campaign) = (Some(channel.to_string()), campaign.map(ToString::to_string));
        let (total, credit, latest) = line.look(&Asked { within, channel, campaign, ..asked(stage, model) });
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
