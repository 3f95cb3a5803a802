//! Records of the `kpis` topic, in JSON, as rows again: for instances that follow what another one publishes, and for the
//! board of the one that does. None for a record that is not ours: the topic may hold what a newer version wrote.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::kpi::measures::Dim;
use crate::kpi::number::Number;
use crate::model::time::Millis;
use crate::model::window::WindowKind;
use crate::rollup::row::{Dims, Row, RowChange, RowId, Says};

/// Fields that are not known are ignored: a newer version may add some.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    unit: Cow<'a, str>,
    end: Option<i64>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    numerator: Option<&'a RawValue>,
    #[serde(borrow)]
    denominator: Option<&'a RawValue>,
    low: Option<f64>,
    high: Option<f64>,
    #[serde(borrow)]
    previous: Option<&'a RawValue>,
    change: Option<f64>,
    #[serde(borrow)]
    benchmark: Option<&'a RawValue>,
    r#final: bool,
    watermark: i64,
    updated_at: i64,
    #[serde(borrow)]
    currency: Option<Cow<'a, str>>,
}

/// A record without a value says that its row is gone.
#[must_use]
pub fn change(key: &str, value: Option<&[u8]>) -> Option<RowChange> {
    let id = id(key)?;
    let Some(value) = value else { return Some(RowChange::Gone(id)) };
    let said: Said<'_> = serde_json::from_slice(value).ok()?;
    let row = Row {
        id,
        unit: Arc::from(&*said.unit),
        currency: said.currency.as_deref().map(Arc::from),
        end: said.end.map(Millis),
        says: Says {
            value: number(said.value),
            numerator: number(said.numerator),
            denominator: number(said.denominator),
            low: said.low,
            high: said.high,
            previous: number(said.previous),
            change: said.change,
            benchmark: number(said.benchmark),
            last: said.r#final,
        },
        watermark: Millis(said.watermark),
        updated_at: Millis(said.updated_at),
    };
    Some(RowChange::Says(Arc::new(row)))
}

pub(super) fn number(text: Option<&RawValue>) -> Option<Number> {
    Number::parse(text?.get())
}

/// The row that a key names.
fn id(key: &str) -> Option<RowId> {
    let mut parts = key.splitn(4, '|');
    let (kpi, window, start, dims) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let start = if start.is_empty() { None } else { Some(Millis(start.parse().ok()?)) };
    Some(RowId { kpi: Arc::from(kpi), window: WindowKind::parse(window)?, start, dims: read_dims(dims)? })
}

/// The dimensions at the end of a key.
pub(super) fn read_dims(text: &str) -> Option<Dims> {
    let mut named = BTreeMap::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        named.insert(Dim::parse(name)?.name(), Arc::from(&*unescape(value)?));
    }
    Some(named.into_iter().collect())
}

pub(super) fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        plain.push(char::from(u8::from_str_radix(after.get(..2)?, 16).ok()?));
        rest = &after[2..];
    }
    plain.push_str(rest);
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kpi::measures::Scale;
    use crate::publish::kpi_update::{key, to_json};

    #[test]
    fn what_is_published_reads_back() {
        let row = Row {
            id: RowId {
                kpi: Arc::from("cost_per_lead"),
                window: WindowKind::Rolling(30),
                start: Some(Millis(1_767_571_200_000)),
                dims: [("channel", Arc::from("a=b, 5%|ü\"")), ("model", Arc::from("first"))].into(),
            },
            unit: Arc::from("currency"),
            currency: Some(Arc::from("USD")),
            end: Some(Millis(1_767_657_600_000)),
            says: Says {
                value: Some(Number::Real(1.0 / 3.0)),
                numerator: Some(Number::of(9_007_199_254_740_993_000_001, Scale::Money)),
                denominator: Some(Number::of(-2, Scale::Count)),
                change: Some(-0.5),
                last: true,
                ..Says::default()
            },
            watermark: Millis(1),
            updated_at: Millis(2),
        };
        let json = to_json(&row).expect("it encodes");
        let back = change(&key(&row.id), Some(&json)).expect("it is ours");
        assert_eq!(to_json(back.row().expect("it has a value")).expect("it encodes"), json);
        assert_eq!(back.id(), &row.id);
        let gone = RowId { start: None, window: WindowKind::All, dims: [].into(), ..row.id };
        assert_eq!(change(&key(&gone), None), Some(RowChange::Gone(gone)));
    }

    #[test]
    fn what_is_not_ours_is_none() {
        for (key, value) in [
            ("leads", None),
            ("leads|1d|x|", None),
            ("leads|2x||", None),
            ("leads|1d|0|colour=red", None),
            ("leads|1d|0|channel=%4", None),
            ("leads|1d|0|", Some(&b"{}"[..])),
        ] {
            assert_eq!(change(key, value), None, "{key}");
        }
    }
}
