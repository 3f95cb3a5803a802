//! Records as producers send them: borrowed fields in, JSON bytes out. What is none is absent.

use std::fmt;
use std::io::Write;

use serde::{Serialize, Serializer};
use smallvec::SmallVec;

use crate::model::event::Topic;

/// A map of strings, in the order given.
#[derive(Default)]
pub struct Pairs<'a>(pub SmallVec<[(&'a str, &'a str); 10]>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
}

/// Money in hundredths, as a JSON number or as a decimal string: producers do both.
#[derive(Clone, Copy)]
pub struct Cents {
    pub cents: i64,
    pub as_text: bool,
}

impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.as_text {
            let sign = if self.cents < 0 { "-" } else { "" };
            let (whole, part) = (self.cents.unsigned_abs() / 100, self.cents.unsigned_abs() % 100);
            return to.collect_str(&format_args!("{sign}{whole}.{part:02}"));
        }
        // Exact in both directions for any amount of cents below 2⁵³, and printed in its shortest form.
        to.serialize_f64(self.cents as f64 / 100.0)
    }
}

macro_rules! record {
    ($name:ident { $($field:ident: $type:ty,)* } or absent { $($option:ident: $of:ty,)* }) => {
        #[derive(Serialize, Default)]
        pub struct $name<'a> {
            $(pub $field: $type,)*
            $(#[serde(skip_serializing_if = "Option::is_none")] pub $option: Option<$of>,)*
        }
    };
}

record! {
    Touch { kind: &'static str, } or absent {
        visitor_id: &'a str, lead_id: &'a str, account_id: &'a str, channel: &'a str, utm_source: &'a str,
        utm_medium: &'a str, utm_campaign: &'a str, utm_content: &'a str, utm_term: &'a str, referrer: &'a str,
        page_url: &'a str, click_id: &'a str, asset_id: &'a str, asset_type: &'a str, experiment: &'a str,
        variant: &'a str, properties: Pairs<'a>,
    }
}
record! {
    Fill { lead_id: &'a str, form_id: &'a str, form_kind: &'static str, answers: Pairs<'a>, } or absent {
        visitor_id: &'a str, account_id: &'a str, page_url: &'a str, asset_id: &'a str, experiment: &'a str,
        variant: &'a str,
    }
}
record! {
    Stage { lead_id: &'a str, stage: &'static str, } or absent {
        deal_id: &'a str, account_id: &'a str, amount: Cents, currency: &'static str, probability: f64,
        owner: &'static str,
    }
}
record! {
    Spend { channel: &'a str, } or absent {
        amount: Cents, currency: &'static str, campaign: &'a str, content: &'a str, term: &'a str, period_start: i64,
        period_end: i64, category: &'static str,
    }
}
record! {
    Account { account_id: &'a str, is_target: bool, is_customer: bool, } or absent {
        name: &'a str, buying_unit_size: u32, industry: &'static str, company_size: &'static str, tier: &'static str,
    }
}

pub enum Record<'a> {
    Touch(Touch<'a>),
    Fill(Fill<'a>),
    Stage(Stage<'a>),
    Spend(Spend<'a>),
    Account(Account<'a>),
    /// A tombstone of this account.
    Gone(&'a str),
}

impl Record<'_> {
    pub const fn topic(&self) -> Topic {
        match self {
            Self::Touch(_) => Topic::Touchpoints,
            Self::Fill(_) => Topic::FormFills,
            Self::Stage(_) => Topic::DealStages,
            Self::Spend(_) => Topic::Spend,
            Self::Account(_) | Self::Gone(_) => Topic::Accounts,
        }
    }

    /// What its producer would partition by.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Touch(touch) => touch.visitor_id.or(touch.lead_id),
            Self::Fill(fill) => Some(fill.lead_id),
            Self::Stage(stage) => stage.deal_id.or(Some(stage.lead_id)),
            Self::Spend(spend) => Some(spend.channel),
            Self::Account(account) => Some(account.account_id),
            Self::Gone(account_id) => Some(account_id),
        }
    }

    /// Its JSON, in `into`; false for a tombstone. Id and time come first, as one prefix to all but accounts.
    pub fn write(&self, id: &EventId, occurred_at: OccurredAt, into: &mut Vec<u8>) -> std::io::Result<bool> {
        into.clear();
        if self.topic() != Topic::Accounts {
            write!(into, "{{\"event_id\":\"{id}\",\"occurred_at\":{occurred_at}")?;
        }
        let body = into.len();
        match self {
            Self::Touch(record) => serde_json::to_writer(&mut *into, record)?,
            Self::Fill(record) => serde_json::to_writer(&mut *into, record)?,
            Self::Stage(record) => serde_json::to_writer(&mut *into, record)?,
            Self::Spend(record) => serde_json::to_writer(&mut *into, record)?,
            Self::Account(record) => serde_json::to_writer(&mut *into, record)?,
            Self::Gone(_) => return Ok(false),
        }
        if body > 0 {
            into[body] = b',';
        }
        Ok(true)
    }
}

/// Unique within a history, and between histories of other seeds or starts.
pub struct EventId {
    pub history: u32,
    pub number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:x}", self.history, self.number)
    }
}

/// Milliseconds, as an integer or as RFC 3339 text.
pub struct OccurredAt {
    pub at: i64,
    pub as_text: bool,
}

impl fmt::Display for OccurredAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.at) {
            Ok(at) if self.as_text => write!(f, "\"{at:.3}\""),
            _ => write!(f, "{}", self.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_json_object() {
        let spend = Spend {
            channel: "display",
            amount: Some(Cents { cents: -1205, as_text: true }),
            campaign: Some("a\"b"),
            ..Spend::default()
        };
        let mut json = Vec::new();
        let id = EventId { history: 10, number: 255 };
        let at = OccurredAt { at: 1_767_225_600_001, as_text: true };
        assert!(Record::Spend(spend).write(&id, at, &mut json).expect("written"));
        assert_eq!(
            String::from_utf8(json).expect("text"),
            r#"{"event_id":"0000000a-ff","occurred_at":"2026-01-01T00:00:00.001Z","channel":"display","amount":"-12.05","campaign":"a\"b"}"#
        );
    }
}
