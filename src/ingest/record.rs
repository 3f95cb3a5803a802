//! The records of the five topics as producers write them, decoded but not yet judged: every field optional, empty
//! strings gone, unknown fields ignored.

use serde::de::{IgnoredAny, MapAccess};

use super::values::{Answers, Moment, Number, Probability, Tally, Value};
use crate::model::text::Text;

/// Known fields whose value has the wrong type, in the order of the record's definition.
pub type Wrong = Vec<&'static str>;

/// A record's fields by name, in whatever encoding.
pub trait Source<'a> {
    /// None where the field is null, absent, an empty string, or wrong: then it is added to `wrong`.
    fn take<T: Value<'a>>(&mut self, field: &'static str, wrong: &mut Wrong) -> Option<T>;
}

/// A record of one topic.
pub trait Record<'a>: Default {
    /// The fields that we know.
    const FIELDS: &'static [&'static str];
    /// Takes a field's value, of an object that is read from front to end. Of a field given twice the last one counts.
    fn put<M: MapAccess<'a>>(&mut self, field: &str, map: &mut M) -> Result<(), M::Error>;
    /// Field by field, for when a record does not decode as a whole.
    fn gather(source: &mut impl Source<'a>, wrong: &mut Wrong) -> Self;
    /// The first string field of more than so many bytes.
    fn text_over(&self, bytes: usize) -> Option<&'static str>;
}

fn given<'a, T: Value<'a>, M: MapAccess<'a>>(map: &mut M) -> Result<Option<T>, M::Error> {
    Ok(map.next_value::<Option<T>>()?.filter(|value| !value.is_blank()))
}

macro_rules! record {
    ($(#[$meta:meta])* $name:ident { $($text:ident),+; $($field:ident: $type:ty),* }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub struct $name<'a> {
            $(pub $text: Option<Text<'a>>,)+
            $(pub $field: Option<$type>,)*
        }

        impl<'a> Record<'a> for $name<'a> {
            const FIELDS: &'static [&'static str] = &[$(stringify!($text),)+ $(stringify!($field)),*];

            fn put<M: MapAccess<'a>>(&mut self, field: &str, map: &mut M) -> Result<(), M::Error> {
                match field {
                    $(stringify!($text) => self.$text = given(map)?,)+
                    $(stringify!($field) => self.$field = given(map)?,)*
                    _ => drop(map.next_value::<IgnoredAny>()?),
                }
                Ok(())
            }

            fn gather(source: &mut impl Source<'a>, wrong: &mut Wrong) -> Self {
                Self {
                    $($text: source.take(stringify!($text), wrong),)+
                    $($field: source.take(stringify!($field), wrong),)*
                }
            }

            fn text_over(&self, bytes: usize) -> Option<&'static str> {
                $(if self.$text.as_ref().is_some_and(|text| text.len() > bytes) {
                    return Some(stringify!($text));
                })+
                None
            }
        }
    };
}

record! {
    TouchRecord {
        event_id, kind, visitor_id, lead_id, account_id, channel, utm_source, utm_medium, utm_campaign, utm_content,
        utm_term, referrer, page_url, click_id, asset_id, asset_type, experiment, variant;
        occurred_at: Moment, properties: Tally
    }
}

record! {
    FillRecord {
        event_id, lead_id, visitor_id, account_id, form_id, form_kind, page_url, asset_id, experiment, variant;
        occurred_at: Moment, answers: Answers<'a>
    }
}

record! {
    StageRecord {
        event_id, lead_id, stage, deal_id, account_id, currency, owner;
        occurred_at: Moment, amount: Number, probability: Probability
    }
}

record! {
    SpendRecord {
        event_id, channel, campaign, content, term, currency, category;
        occurred_at: Moment, amount: Number, period_start: Moment, period_end: Moment
    }
}

record! {
    AccountFields {
        account_id, name, industry, company_size, tier;
        is_target: bool, is_customer: bool, buying_unit_size: u32
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::Schema;

    use super::super::schemas::reader_schema;
    use super::*;
    use crate::model::event::Topic;

    #[test]
    fn the_published_schemas_have_the_same_fields() {
        for topic in Topic::OF_RECORDS {
            let known = match topic {
                Topic::Touchpoints => TouchRecord::FIELDS,
                Topic::FormFills => FillRecord::FIELDS,
                Topic::DealStages => StageRecord::FIELDS,
                Topic::Spend => SpendRecord::FIELDS,
                Topic::Accounts => AccountFields::FIELDS,
                Topic::Erasures => unreachable!("no records of it"),
            };
            let schema = Schema::parse_str(reader_schema(topic)).expect("our schema");
            let Schema::Record(schema) = schema else { panic!("a record") };
            assert_eq!(schema.name.namespace(), Some("tributary.v1"));
            let mut published: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
            let mut known = known.to_vec();
            published.sort_unstable();
            known.sort_unstable();
            assert_eq!(published, known);
            for field in &schema.fields {
                assert!(field.doc.as_ref().is_some_and(|doc| doc.ends_with('.')), "{}", field.name);
            }
        }
    }
}
