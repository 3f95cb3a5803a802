//! What the ledgers of attributions and of conversions for ad platforms must say in the end: records without revision,
//! reason and action.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tributary::config::Config;
use tributary::model::entity::EntityKey;
use tributary::model::event::UNATTRIBUTED;
use tributary::model::stage::Stage;
use tributary::model::time::{Millis, Span};
use xxhash_rust::xxh3::xxh3_128;

use super::Given;
use super::credit::{Step, WHOLE, shares};
use super::facts::{Known, views};
use super::funnel::{Conversion, Event};

/// What one view says of a record: all of it, or the amount when that settles.
enum Part {
    Record(String, Value),
    Amount(String, i64),
}

/// By key.
pub fn attributions(config: &Config, events: &[Given], as_of: Millis) -> BTreeMap<String, Value> {
    let parts = |known: &Known| parts_of(known, |conversion, stage| vec![attribution(known, conversion, stage)]);
    merged(views(config, events, as_of, parts, |(at, settling, _)| (*at, *settling)))
}

/// By id.
pub fn conversions(config: &Config, events: &[Given], as_of: Millis) -> BTreeMap<String, Value> {
    let wanted = |stage: &str| Stage::parse(stage).is_some_and(|stage| config.feedback.stages.contains(&stage));
    let parts = |known: &Known| {
        parts_of(known, |conversion, stage| if wanted(stage) { uploads(known, conversion, stage) } else { vec![] })
    };
    merged(views(config, events, as_of, parts, |(at, settling, _)| (*at, *settling)))
}

type Timed = (Millis, bool, Part);

fn parts_of(known: &Known, records: impl Fn(&Conversion, &str) -> Vec<(String, Value)>) -> Vec<Timed> {
    let mut parts = vec![];
    for conversion in known.funnel.conversions() {
        let stage = match conversion.event {
            Event::Entered(stage) => stage.name(),
            Event::Demo => "demo",
            Event::Meeting => "meeting",
            Event::Customer | Event::Lost => continue,
        };
        for (key, record) in records(&conversion, stage) {
            if let Some(deal) = conversion.deal {
                let amount = known.funnel.deals[deal].amount(known.settled(conversion.at));
                parts.push((conversion.at, true, Part::Amount(key.clone(), amount)));
            }
            parts.push((conversion.at, false, Part::Record(key, record)));
        }
    }
    parts
}

fn merged(parts: Vec<Timed>) -> BTreeMap<String, Value> {
    let mut records = BTreeMap::new();
    let mut amounts = BTreeMap::new();
    for (_, _, part) in parts {
        match part {
            Part::Record(key, record) => drop(records.insert(key, record)),
            Part::Amount(key, amount) => drop(amounts.insert(key, amount)),
        }
    }
    for (key, record) in &mut records {
        if let Some(amount) = amounts.get(key) {
            record["value"] = json!(*amount as f64 / 1e6);
        }
    }
    records
}

fn attribution(known: &Known, conversion: &Conversion, stage: &str) -> (String, Value) {
    let (config, at) = (known.config, conversion.at);
    let subject = conversion.deal.unwrap_or(conversion.lead);
    let touches = known.funnel.credited(conversion);
    let has_older = known.funnel.journey(conversion).iter().any(|touch| Some(*touch) != conversion.touch);
    let entered = known.funnel.entered(conversion);
    let channel = |touch: &usize| &*known.world.origin(*touch).channel;
    let step = |touch: &usize| Step { at: known.world.touches[*touch].occurred_at, channel: channel(touch) };
    let steps: Vec<Step> = touches.iter().map(step).collect();
    let models = config.attribution.models.iter().filter(|model| model.is_rule_based()).map(|model| {
        let credits = shares(config, model, &steps, at, &entered);
        let credited = touches.iter().zip(credits).filter(|(_, credit)| *credit != 0).map(|(touch, credit)| {
            let (origin, of) = (known.world.origin(*touch), known.world.touches[*touch]);
            json!({
                "event_id": of.event_id.to_string(), "channel": origin.channel, "campaign": origin.campaign,
                "content": origin.content, "term": origin.term, "time": of.occurred_at.0,
                "credit": credit as f64 / WHOLE as f64,
            })
        });
        let mut credited: Vec<Value> = credited.collect();
        if touches.is_empty() {
            let none = "(none)";
            credited.push(json!({
                "event_id": null, "channel": UNATTRIBUTED, "campaign": none, "content": none, "term": none,
                "time": null, "credit": 1.0,
            }));
        }
        json!({ "model": model.name(), "touches": credited })
    });
    let why = if has_older { "outside_lookback" } else { "no_touch" };
    let (late, settle) = (config.time.allowed_lateness, config.time.settle);
    let closes = if conversion.deal.is_some() { at + settle + late } else { at + late - Span(1) };
    let record = json!({
        "stage": stage, "subject": subject, "subject_type": if conversion.deal.is_some() { "deal" } else { "lead" },
        "lead_id": conversion.lead, "account_id": known.world.account_of(conversion.lead, at), "time": at.0,
        "value": null, "currency": conversion.deal.map(|_| &config.money.currency),
        "models": models.collect::<Vec<_>>(), "unattributed": touches.is_empty().then_some(why),
        "final": closes < known.as_of,
    });
    (format!("{stage}:{subject}"), record)
}

/// Of each platform the last click of the lead's journey.
fn uploads(known: &Known, conversion: &Conversion, stage: &str) -> Vec<(String, Value)> {
    let (at, lookback) = (conversion.at, known.config.feedback.lookback);
    let mut last = BTreeMap::new();
    for touch in known.world.journey(conversion.lead, at) {
        let touch = known.world.touches[touch];
        let click = touch.details.as_ref().and_then(|details| details.click.as_ref());
        if let Some(click) = click.filter(|_| at - touch.occurred_at <= lookback) {
            last.insert(click.platform.to_string(), click.id.to_string());
        }
    }
    let key = |id: &str| format!("{:x}", EntityKey::of(id).0);
    let deal = conversion.deal.map_or_else(|| "0".to_owned(), key);
    let record = |(platform, click): (String, String)| {
        let name = format!("{}/{deal}/{stage}/{platform}={click}", key(conversion.lead));
        let id = format!("{:032x}", xxh3_128(name.as_bytes()));
        let record = json!({
            "id": id, "platform": platform, "click_id": click, "stage": stage, "time": at.0, "value": null,
            "currency": conversion.deal.map(|_| &known.config.money.currency),
        });
        (id, record)
    };
    last.into_iter().map(record).collect()
}
