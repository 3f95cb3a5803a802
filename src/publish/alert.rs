//! The record of an alert: its key and its value as JSON or Avro out, and what was published read back.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use apache_avro::Schema;
use apache_avro::types::Value;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::kpi_update::{Dims, EncodeError, encode, escape, moment, optional, push_dims, record};
use super::read_back::{number, read_dims, unescape};
use crate::kpi::number::Number;
use crate::model::time::Millis;
use crate::model::window::WindowKind;
use crate::rollup::alerts::{Alert, AlertChange, AlertId};

/// The schema that Avro records are written with; keys are text whatever the encoding.
pub const SCHEMA: &str = include_str!("../../schemas/alert.avsc");

/// `{rule}|{dim=value,… sorted by name}`.
#[must_use]
pub fn key(id: &AlertId) -> String {
    let mut key = String::new();
    escape(&id.rule, &mut key);
    key.push('|');
    push_dims(&id.dims, &mut key);
    key
}

#[derive(Serialize)]
struct Update<'a> {
    rule: &'a str,
    kpi: Option<&'a str>,
    window: String,
    start: Option<i64>,
    end: Option<i64>,
    dims: Dims<'a>,
    condition: &'a str,
    value: Option<Number>,
    threshold: f64,
    since: i64,
    resolved: Option<i64>,
    watermark: i64,
    updated_at: i64,
    currency: Option<&'a str>,
}

impl<'a> From<&'a Alert> for Update<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            rule: &alert.id.rule,
            kpi: alert.kpi.as_deref(),
            window: alert.window.to_string(),
            start: alert.start.map(|at| at.0),
            end: alert.end.map(|at| at.0),
            dims: Dims(&alert.id.dims),
            condition: &alert.condition,
            value: alert.value,
            threshold: alert.threshold,
            since: alert.since.0,
            resolved: alert.resolved.map(|at| at.0),
            watermark: alert.watermark.0,
            updated_at: alert.updated_at.0,
            currency: alert.currency.as_deref(),
        }
    }
}

/// # Errors
/// None is known; serde's is passed on.
pub fn to_json(alert: &Alert) -> Result<Vec<u8>, EncodeError> {
    Ok(serde_json::to_vec(&Update::from(alert))?)
}

/// The record without header or framing.
///
/// # Errors
/// None is known; the encoder's is passed on.
pub fn to_avro(alert: &Alert) -> Result<Vec<u8>, EncodeError> {
    let update = Update::from(alert);
    let text = |text: Option<&str>| optional(text.map(|text| Value::String(text.to_owned())));
    let fields = [
        ("rule", Value::String(update.rule.to_owned())),
        ("kpi", text(update.kpi)),
        ("window", Value::String(update.window.clone())),
        ("start", moment(update.start)),
        ("end", moment(update.end)),
        ("dims", update.dims.to_avro()),
        ("condition", Value::String(update.condition.to_owned())),
        ("value", optional(update.value.map(|number| Value::Double(number.to_f64())))),
        ("threshold", Value::Double(update.threshold)),
        ("since", Value::TimestampMillis(update.since)),
        ("resolved", moment(update.resolved)),
        ("watermark", Value::TimestampMillis(update.watermark)),
        ("updated_at", Value::TimestampMillis(update.updated_at)),
        ("currency", text(update.currency)),
    ];
    encode(record(fields), schema())
}

#[must_use]
pub fn schema() -> &'static Schema {
    static PARSED: OnceLock<Schema> = OnceLock::new();
    PARSED.get_or_init(|| Schema::parse_str(SCHEMA).expect("the schema is part of the build, and a test reads it"))
}

/// Fields that are not known are ignored: a newer version may add some.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    kpi: Option<Cow<'a, str>>,
    #[serde(borrow)]
    window: Cow<'a, str>,
    start: Option<i64>,
    end: Option<i64>,
    #[serde(borrow)]
    condition: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    threshold: f64,
    since: i64,
    resolved: Option<i64>,
    watermark: i64,
    updated_at: i64,
    #[serde(borrow)]
    currency: Option<Cow<'a, str>>,
}

/// A published record, its value in JSON; without a value its alert is gone. None: it is not ours.
#[must_use]
pub fn change(key: &str, value: Option<&[u8]>) -> Option<AlertChange> {
    let (rule, dims) = key.split_once('|')?;
    let id = AlertId { rule: Arc::from(&*unescape(rule)?), dims: read_dims(dims)? };
    let Some(value) = value else { return Some(AlertChange::Gone(id)) };
    let said: Said<'_> = serde_json::from_slice(value).ok()?;
    Some(AlertChange::Says(Arc::new(Alert {
        id,
        kpi: said.kpi.as_deref().map(Arc::from),
        window: WindowKind::parse(&said.window)?,
        start: said.start.map(Millis),
        end: said.end.map(Millis),
        condition: Arc::from(&*said.condition),
        value: number(said.value),
        threshold: said.threshold,
        since: Millis(said.since),
        resolved: said.resolved.map(Millis),
        currency: said.currency.as_deref().map(Arc::from),
        watermark: Millis(said.watermark),
        updated_at: Millis(said.updated_at),
    })))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::kpi::measures::Scale;
    use crate::publish::kpi_update::as_json;

    fn alert() -> Alert {
        Alert {
            id: AlertId { rule: Arc::from("pace | 100%"), dims: [("channel", Arc::from("a=b"))].into() },
            kpi: None,
            window: WindowKind::Day,
            start: Some(Millis(1_767_571_200_000)),
            end: Some(Millis(1_767_657_600_000)),
            condition: Arc::from("spend / 2 > 1.5"),
            value: Some(Number::of(25_000_001, Scale::Money)),
            threshold: 1.5,
            since: Millis(1_767_571_200_005),
            resolved: None,
            currency: Some(Arc::from("EUR")),
            watermark: Millis(1_767_571_200_006),
            updated_at: Millis(1_767_571_200_007),
        }
    }

    #[test]
    fn an_alert_is_published_and_read_back() {
        let alert = alert();
        let (key, json) = (key(&alert.id), to_json(&alert).expect("it encodes"));
        expect![[r#"pace %7C 100%25|channel=a%3Db {"rule":"pace | 100%","kpi":null,"window":"1d","start":1767571200000,"end":1767657600000,"dims":{"channel":"a=b"},"condition":"spend / 2 > 1.5","value":25.000001,"threshold":1.5,"since":1767571200005,"resolved":null,"watermark":1767571200006,"updated_at":1767571200007,"currency":"EUR"}"#]]
            .assert_eq(&format!("{key} {}", String::from_utf8_lossy(&json)));
        let back = change(&key, Some(&json)).expect("it is ours");
        assert_eq!(back, AlertChange::Says(Arc::new(alert.clone())));
        assert_eq!(change(&key, None), Some(AlertChange::Gone(alert.id)));
        assert_eq!(change("nothing", None), None);
        assert_eq!(change(&key, Some(b"{}")), None);
    }

    #[test]
    fn avro_says_the_same() {
        let resolved = Alert { resolved: Some(Millis(1_767_571_200_008)), value: None, ..alert() };
        for alert in [alert(), resolved] {
            let framed = [&[0, 0, 0, 0, 7][..], &to_avro(&alert).expect("it encodes")].concat();
            let json = as_json(&framed, schema()).expect("our schema");
            let back = change(&key(&alert.id), Some(&json)).expect("it is ours");
            let back = back.alert().expect("it has a value");
            assert_eq!(to_json(back).expect("it encodes"), to_json(&alert).expect("it encodes"));
        }
    }
}
