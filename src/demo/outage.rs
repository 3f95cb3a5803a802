//! Part of the story: the mail provider's webhook is down for more than a day, and what it missed comes in one go when it
//! is back. What is not too late by then restates the numbers, the rest is late. Records in and out in order of arrival.

use std::collections::VecDeque;

use serde::Deserialize;

use crate::generate::Produced;
use crate::model::time::{Millis, Span};

/// It begins so long before the demo does …
pub const BEFORE_DAYS: i64 = 9;
/// … and lasts a day, which `time.allowed_lateness` forgives, and six hours, which it does not.
pub const HOURS: i64 = 30;

pub(super) struct Outage<I> {
    records: I,
    from: Millis,
    to: Millis,
    held: VecDeque<Produced>,
    /// What comes after what was held.
    next: Option<Produced>,
}

impl<I: Iterator<Item = Produced>> Outage<I> {
    pub(super) fn new(records: I, begin: Millis) -> Self {
        let from = begin - Span::days(BEFORE_DAYS);
        Self { records, from, to: from + Span(HOURS * Span::HOUR.0), held: VecDeque::new(), next: None }
    }

    fn is_missed(&self, record: &Produced) -> bool {
        (self.from..self.to).contains(&record.timestamp) && record.value.as_deref().is_some_and(is_mail)
    }
}

impl<I: Iterator<Item = Produced>> Iterator for Outage<I> {
    type Item = Produced;

    fn next(&mut self) -> Option<Produced> {
        loop {
            if self.next.as_ref().is_some_and(|next| next.timestamp >= self.to)
                && let Some(held) = self.held.pop_front()
            {
                return Some(Produced { timestamp: self.to, ..held });
            }
            if let Some(next) = self.next.take() {
                return Some(next);
            }
            match self.records.next() {
                Some(record) if self.is_missed(&record) => self.held.push_back(record),
                Some(record) => self.next = Some(record),
                None => return self.held.pop_front(),
            }
        }
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    kind: &'a str,
}

fn is_mail(value: &[u8]) -> bool {
    serde_json::from_slice::<Kind<'_>>(value).is_ok_and(|record| record.kind.starts_with("email_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Topic;

    #[test]
    fn what_was_missed_comes_in_one_go_and_nothing_is_lost() {
        let begin = Millis(0) + Span::days(BEFORE_DAYS);
        let hour = |hour: i64, kind: &str| Produced {
            topic: Topic::Touchpoints,
            key: None,
            value: Some(format!("{{\"kind\":\"{kind}\",\"at\":{hour}}}").into_bytes()),
            timestamp: Millis(hour * Span::HOUR.0),
            rejected_as: None,
            duplicate: false,
        };
        let records = [
            hour(-1, "email_sent"),
            hour(1, "email_opened"),
            hour(2, "click"),
            hour(HOURS - 1, "email_clicked"),
            hour(HOURS, "email_sent"),
        ];
        let told = Outage::new(records.into_iter(), begin).map(|record| {
            let value = String::from_utf8(record.value.unwrap_or_default()).expect("text");
            (record.timestamp.0 / Span::HOUR.0, value)
        });
        let is = |arrives, at: i64, kind| (arrives, format!("{{\"kind\":\"{kind}\",\"at\":{at}}}"));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                is(-1, -1, "email_sent"),
                is(2, 2, "click"),
                is(HOURS, 1, "email_opened"),
                is(HOURS, HOURS - 1, "email_clicked"),
                is(HOURS, HOURS, "email_sent")
            ]
        );
    }
}
