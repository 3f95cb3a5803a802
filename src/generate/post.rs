//! The way to Kafka: records in at their own time, `Produced` out in arrival order. Some are delayed, some sent twice,
//! some followed by a broken copy. Its chance is a stream of its own: another disorder leaves the story as it is.

use super::draw::Draw;
use super::record::{EventId, OccurredAt, Record};
use super::rhythm::{DAY, HOUR, MINUTE};
use super::spoil::Spoiler;
use super::{Produced, Settings};
use crate::model::event::Topic;
use crate::model::time::Millis;

/// A redelivery comes within this.
const REDELIVERED_WITHIN: i64 = 6 * HOUR;

pub struct Post {
    draw: Draw,
    spoiler: Spoiler,
    start: i64,
    end: i64,
    disorder: f64,
    max_delay: i64,
    duplicates: f64,
    late: f64,
    history: u32,
    records: u64,
    /// Records by the hour of their arrival.
    hours: Vec<Vec<Produced>>,
    json: Vec<u8>,
}

impl Post {
    pub fn new(settings: &Settings) -> Self {
        let identity = [settings.seed.to_le_bytes(), settings.start.0.to_le_bytes()].concat();
        let start = settings.start.0;
        let end = settings.end().0;
        Self {
            draw: Draw::new(settings.seed, 1),
            spoiler: Spoiler::new(settings, end),
            start,
            end,
            disorder: settings.disorder,
            max_delay: settings.max_delay.0,
            duplicates: settings.duplicates,
            late: settings.late,
            history: xxhash_rust::xxh3::xxh3_64(&identity) as u32,
            records: 0,
            hours: (0..settings.days as usize * 24).map(|_| Vec::new()).collect(),
            json: Vec::with_capacity(1024),
        }
    }

    /// Takes a record that occurs at this time; one after the end of the history is dropped.
    pub fn send(&mut self, at: i64, record: &Record<'_>) {
        if at >= self.end {
            return;
        }
        self.records += 1;
        let id = EventId { history: self.history, number: self.records };
        let occurred_at = OccurredAt { at, as_text: self.records.is_multiple_of(16) };
        let written = record.write(&id, occurred_at, &mut self.json);
        let topic = record.topic();
        let is_event = topic != Topic::Accounts;
        // Producers differ: one in eight sends no key. Account records need theirs.
        let key = record.key().filter(|_| !is_event || !self.records.is_multiple_of(8)).map(ToOwned::to_owned);
        // Writing to memory fails only where a map's key is no string, and ours are.
        let value = written.expect("JSON of strings and numbers").then(|| self.json.clone());
        let timestamp = Millis(if is_event { at + self.delay(at) } else { at });
        let duplicate = is_event && self.draw.chance(self.duplicates);
        if let Some((reason, value)) = self.spoiler.spoil(topic, &self.json, &mut self.draw) {
            let key = key.clone();
            self.queue(Produced {
                topic,
                key,
                value: Some(value),
                timestamp,
                rejected_as: Some(reason),
                duplicate: false,
            });
        }
        let produced = Produced { topic, key, value, timestamp, rejected_as: None, duplicate: false };
        if duplicate {
            let again = timestamp.0 + self.draw.between(MINUTE, REDELIVERED_WITHIN);
            let timestamp = Millis(again.min(self.end - 1));
            self.queue(Produced { timestamp, duplicate: true, ..produced.clone() });
        }
        self.queue(produced);
    }

    fn delay(&mut self, at: i64) -> i64 {
        if self.draw.chance(self.late) && at + 2 * DAY < self.end {
            return self.draw.between(26 * HOUR, 2 * DAY - 1);
        }
        if !self.draw.chance(self.disorder) {
            return 0;
        }
        self.draw.between(1, self.max_delay.min(self.end - 1 - at))
    }

    fn queue(&mut self, produced: Produced) {
        let hour = ((produced.timestamp.0 - self.start) / HOUR) as usize;
        self.hours[hour].push(produced);
    }

    pub fn waiting(&self, hour: usize) -> u64 {
        self.hours[hour].len() as u64
    }

    /// What arrives within an hour, in order. The first copy of a record was queued after its redelivery, but never
    /// arrives after it.
    pub fn deliver(&mut self, hour: usize) -> std::vec::IntoIter<Produced> {
        let mut arriving = std::mem::take(&mut self.hours[hour]);
        arriving.sort_by_key(|produced| (produced.timestamp, produced.duplicate));
        arriving.into_iter()
    }
}
