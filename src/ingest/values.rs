//! The values that a record's fields may hold, each read from JSON by serde (and from Avro): texts, moments, exact numbers, and maps of
//! strings. Whatever has the wrong type or cannot be represented is an error.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::avro::FromAvro;
use super::exact::Exact;
use crate::model::text::Text;
use crate::model::time::Millis;

/// A field's value. An empty string counts as null.
pub trait Value<'a>: Deserialize<'a> + FromAvro {
    fn is_blank(&self) -> bool {
        false
    }
}

impl<'a> Value<'a> for Text<'a> {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}
impl Value<'_> for Moment {}
impl Value<'_> for Number {}
impl Value<'_> for Probability {}
impl Value<'_> for bool {}
impl Value<'_> for u32 {}
impl Value<'_> for Tally {}
impl<'a> Value<'a> for Answers<'a> {}

/// Integer epoch milliseconds or an RFC 3339 string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Millis);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Moment;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("epoch milliseconds or an RFC 3339 time")
            }
            fn visit_i64<E: Error>(self, ms: i64) -> Result<Moment, E> {
                Ok(Moment(Millis(ms)))
            }
            fn visit_u64<E: Error>(self, ms: u64) -> Result<Moment, E> {
                Ok(Moment(Millis(i64::try_from(ms).unwrap_or(i64::MAX))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
                let at: jiff::Timestamp = text.parse().map_err(|_| E::custom("no RFC 3339 time"))?;
                let ms = at.as_nanosecond().div_euclid(1_000_000);
                Ok(Moment(Millis(i64::try_from(ms).map_err(E::custom)?)))
            }
        }
        from.deserialize_any(Either)
    }
}

/// A decimal: a JSON number, digit by digit as written, or a string of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub Exact);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?.get();
        let exact = if raw.starts_with('"') {
            let text: Text<'_> = serde_json::from_str(raw).map_err(D::Error::custom)?;
            Exact::parse(&text)
        } else {
            Exact::parse(raw)
        };
        exact.map(Number).ok_or_else(|| D::Error::custom("no decimal number"))
    }
}

/// A number from 0 to 1, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probability(pub u32);

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?.get();
        let billionths = Exact::parse(raw).and_then(Exact::billionths);
        billionths.map(Probability).ok_or_else(|| D::Error::custom("no number from 0 to 1"))
    }
}

/// How much a map of strings holds, without keeping it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub entries: usize,
    /// Bytes of its longest key or value.
    pub longest: usize,
}

impl Tally {
    fn add(&mut self, key: &str, value: Option<&Text<'_>>) {
        self.entries += 1;
        self.longest = self.longest.max(key.len()).max(value.map_or(0, |text| text.len()));
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Counting;
        impl<'de> Visitor<'de> for Counting {
            type Value = Tally;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Tally, M::Error> {
                let mut tally = Tally::default();
                while let Some((key, value)) = map.next_entry::<Text<'de>, Option<Text<'de>>>()? {
                    tally.add(&key, value.as_ref());
                }
                Ok(tally)
            }
        }
        from.deserialize_map(Counting)
    }
}

/// Questions and answers, sorted by question; of a question given twice the last answer, of one without an answer none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers<'a> {
    pub pairs: Vec<(Text<'a>, Text<'a>)>,
    pub tally: Tally,
}

impl<'a> Answers<'a> {
    pub fn push(&mut self, question: Text<'a>, answer: Option<Text<'a>>) {
        self.tally.add(&question, answer.as_ref());
        self.pairs.push((question, answer.unwrap_or_else(|| Text::borrowed(""))));
    }

    /// Sorts, and drops what is empty or was given again.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.pairs.reverse();
        self.pairs.sort_by(|a, b| a.0.cmp(&b.0));
        self.pairs.dedup_by(|later, first| later.0 == first.0);
        self.pairs.retain(|(_, answer)| !answer.is_empty());
        self
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Answers<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Gathering;
        impl<'de> Visitor<'de> for Gathering {
            type Value = Answers<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Answers<'de>, M::Error> {
                let mut answers = Answers::default();
                while let Some((question, answer)) = map.next_entry()? {
                    answers.push(question, answer);
                }
                Ok(answers.settled())
            }
        }
        from.deserialize_map(Gathering)
    }
}
