//! Dead letters: records that were rejected, as they came, and late events, which stay in their topic and are written
//! here as JSON in the fields of their input.

use std::convert::Infallible;

use serde_json::{Map, Value, json};

use crate::journal::block::Source;
use crate::journal::entry::{EntryOf, ItemOf, Rejected};
use crate::model::event::{DealStage, Fill, NONE, Origin, Spend, Text, TouchOf};
use crate::model::time::Millis;

/// The reason of events older than the watermark − L.
pub const LATE: &str = "late";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub reason: String,
    pub message: String,
    /// The name of the Kafka topic that it came from.
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: Millis,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Letter {
    #[must_use]
    pub fn rejected(rejected: &Rejected<'_>, source: Source, offset: i64, timestamp: Millis) -> Self {
        let headers = rejected.headers.iter();
        Self {
            reason: rejected.reason.to_string(),
            message: rejected.message.to_string(),
            topic: rejected.topic.to_string(),
            partition: source.partition,
            offset,
            timestamp,
            key: rejected.key.map(ToOwned::to_owned),
            value: rejected.value.map(ToOwned::to_owned),
            headers: headers.map(|(name, value)| (name.to_string(), value.map(ToOwned::to_owned))).collect(),
        }
    }

    #[must_use]
    pub fn late(entry: &EntryOf<'_, u32>, texts: &[&str], source: Source, topic: &str) -> Self {
        let event = match &entry.item {
            ItemOf::Touch(touch) => touch_json(touch, texts),
            ItemOf::Fill(fill) => fill_json(fill),
            ItemOf::LeadStage(stage) => stage_json(stage),
            ItemOf::Spend(spend) => spend_json(spend),
            _ => Map::new(),
        };
        Self {
            reason: LATE.to_owned(),
            message: "older than the watermark less the allowed lateness; it was processed, too".to_owned(),
            topic: topic.to_owned(),
            partition: source.partition,
            offset: entry.offset,
            timestamp: entry.timestamp,
            key: None,
            value: Some(Value::Object(event).to_string().into_bytes()),
            headers: Vec::new(),
        }
    }
}

/// `texts` are what the numbers of the touch stand for.
fn touch_json(touch: &TouchOf<'_, u32>, texts: &[&str]) -> Map<String, Value> {
    let Ok(touch) = touch.with(|number| Ok::<_, Infallible>(Text::borrowed(texts[*number as usize])));
    let mut json = base(&touch.event_id.text(), touch.occurred_at);
    put(&mut json, "kind", Some(touch.kind.name()));
    put_texts(
        &mut json,
        [("visitor_id", &touch.visitor_id), ("lead_id", &touch.lead_id), ("account_id", &touch.account_id)],
    );
    if let Some(details) = &touch.details {
        put_texts(
            &mut json,
            [
                ("asset_id", &details.asset_id),
                ("asset_type", &details.asset_type),
                ("experiment", &details.experiment),
                ("variant", &details.variant),
            ],
        );
        if let Some(click) = &details.click {
            json.insert("click_id".to_owned(), json!(format!("{}={}", click.platform, click.id)));
        }
    }
    put_origin(&mut json, &touch.origin, ["utm_campaign", "utm_content", "utm_term"]);
    put(&mut json, "page_url", Some(&*touch.page).filter(|page| *page != NONE));
    json
}

fn fill_json(fill: &Fill<'_>) -> Map<String, Value> {
    let mut json = base(&fill.event_id.text(), fill.occurred_at);
    put(&mut json, "lead_id", Some(&fill.lead_id));
    put(&mut json, "form_id", Some(&fill.form_id));
    put(&mut json, "form_kind", Some(fill.form_kind.name()));
    put(&mut json, "page_url", Some(&*fill.page).filter(|page| *page != NONE));
    put_texts(
        &mut json,
        [
            ("visitor_id", &fill.visitor_id),
            ("account_id", &fill.account_id),
            ("asset_id", &fill.asset_id),
            ("experiment", &fill.experiment),
            ("variant", &fill.variant),
        ],
    );
    let answers = fill.answers.iter().map(|(question, answer)| (question.to_string(), json!(&**answer)));
    json.insert("answers".to_owned(), Value::Object(answers.collect()));
    json
}

fn stage_json(stage: &DealStage<'_>) -> Map<String, Value> {
    let mut json = base(&stage.event_id.text(), stage.occurred_at);
    put(&mut json, "lead_id", Some(&stage.lead_id));
    put(&mut json, "stage", Some(stage.stage.name()));
    put_texts(&mut json, [("deal_id", &stage.deal_id), ("account_id", &stage.account_id), ("owner", &stage.owner)]);
    if let Some(amount) = stage.amount {
        json.insert("amount".to_owned(), json!(decimal(amount.0, 6)));
    }
    if let Some(probability) = stage.probability {
        json.insert("probability".to_owned(), json!(f64::from(probability) / 1e9));
    }
    json
}

fn spend_json(spend: &Spend<'_>) -> Map<String, Value> {
    let mut json = base(&spend.event_id.text(), spend.occurred_at);
    put_origin(&mut json, &spend.origin, ["campaign", "content", "term"]);
    json.insert("amount".to_owned(), json!(decimal(spend.amount.0, 6)));
    put(&mut json, "category", Some(spend.category.name()));
    if let Some((start, end)) = spend.period {
        json.insert("period_start".to_owned(), json!(start.0));
        json.insert("period_end".to_owned(), json!(end.0));
    }
    json
}

fn base(event_id: &str, at: Millis) -> Map<String, Value> {
    Map::from_iter([("event_id".to_owned(), json!(event_id)), ("occurred_at".to_owned(), json!(at.0))])
}

fn put(json: &mut Map<String, Value>, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        json.insert(name.to_owned(), json!(text));
    }
}

fn put_texts<const N: usize>(json: &mut Map<String, Value>, texts: [(&str, &Option<Text<'_>>); N]) {
    for (name, text) in texts {
        put(json, name, text.as_deref());
    }
}

fn put_origin(json: &mut Map<String, Value>, origin: &Origin<'_>, names: [&str; 3]) {
    put(json, "channel", Some(&origin.channel));
    for (name, text) in names.into_iter().zip([&origin.campaign, &origin.content, &origin.term]) {
        put(json, name, Some(&**text).filter(|text| *text != NONE));
    }
}

/// A fixed-point number as decimal text.
fn decimal(value: i64, scale: u32) -> String {
    rust_decimal::Decimal::new(value, scale).normalize().to_string()
}
