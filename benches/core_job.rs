//! The core job's records for benchmarks: touches that name visitor, lead, channel and campaign, and deals won, as many
//! other systems can count them; the same records for the same numbers.

use std::fmt::Write as _;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary::config::Config;
use tributary::ingest::route::{To, route};
use tributary::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use tributary::journal::block::{BlockBuilder, Range, Source};
use tributary::journal::entry::{Entry, Item};
use tributary::kpi::plan::plan_of;
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};
use tributary::shards::Shard;
use tributary::shards::rules::Rules;

const START: i64 = 1_756_684_800_000;
const DAYS: i64 = 30;
pub const SHARDS: u16 = 4;
/// Records of a flush of ingest.
const FLUSH: usize = 8_000;

const CHANNELS: [(&str, &str, &str); 6] = [
    ("paid_search", "google", "cpc"),
    ("organic_search", "google", "organic"),
    ("email", "newsletter", "email"),
    ("direct", "(direct)", "(none)"),
    ("paid_social", "linkedin", "paid-social"),
    ("webinar", "webinar-platform", "webinar"),
];
const KINDS: [&str; 4] = ["content_read", "click", "email_clicked", "webinar_attended"];
const PAGES: [&str; 4] = ["product/overview", "product/pricing", "blog/attribution-models-compared", "contact/demo"];

pub fn config() -> Config {
    let text = r#"
        [topics]
        partitions = 4
        [time]
        windows = ["1h", "1d"]
        advance_when_idle = false
        [attribution]
        models = ["first", "last", "linear"]
        [output]
        kpis = ["touches", "won_deals", "revenue"]
        hourly_dims = [["kind", "channel"]]
        ledgers = []
    "#;
    Config::parse(text, "core job", std::iter::empty()).expect("a good configuration")
}

/// Records in the order of arrival: topic and JSON.
pub fn records(events: usize, leads: usize) -> Vec<(Topic, Vec<u8>)> {
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    let mut records = Vec::with_capacity(events + events / 50);
    for n in 0..events {
        let now = START + (n as i64 * (Span::DAY.0 * DAYS / 1000) / events as i64) * 1000;
        let late = if chance.random_ratio(1, 5) { 180_000 } else { 2_000 };
        let at = (now - chance.random_range(0..late)).max(START);
        let lead = chance.random_range(0..leads);
        records.push((Topic::Touchpoints, touch(&mut chance, lead, at)));
        if n % 50 == 49 {
            records.push((Topic::DealStages, deal(&mut chance, lead, now, n)));
        }
    }
    records
}

/// Parts of a history in which each lead has five touches, of its two visitors.
pub fn five_touches_each(leads: usize) -> impl Iterator<Item = Vec<(Topic, Vec<u8>)>> {
    let mut chance = ChaCha8Rng::seed_from_u64(2);
    let parts = 500;
    (0..parts).map(move |part| {
        let all = part * leads * 5 / parts..(part + 1) * leads * 5 / parts;
        let span = Span::DAY.0 * DAYS;
        // A stride that has no factor in common with the number of leads visits each in turn.
        all.map(|n| {
            let at = START + (span as i128 * n as i128 / (leads as i128 * 5)) as i64;
            (Topic::Touchpoints, touch(&mut chance, n * 7919 % leads, at))
        })
        .collect()
    })
}

fn id(chance: &mut ChaCha8Rng) -> String {
    uuid::Uuid::from_u128(chance.random()).to_string()
}

fn touch(chance: &mut ChaCha8Rng, lead: usize, at: i64) -> Vec<u8> {
    let (channel, source, medium) = CHANNELS[chance.random_range(0..CHANNELS.len())];
    let mut text = String::with_capacity(400);
    let visitor = (lead * 2 + chance.random_range(0..2)) as u64;
    let _ = write!(
        text,
        r#"{{"event_id":"{}","occurred_at":{at},"kind":"{}","lead_id":"lead-{}","visitor_id":"v-{:016x}","channel":"{channel}","utm_source":"{source}","utm_medium":"{medium}""#,
        id(chance),
        KINDS[chance.random_range(0..KINDS.len())],
        100_000_000 + lead,
        visitor.wrapping_mul(0x9E37_79B9_7F4A_7C15),
    );
    let _ = write!(
        text,
        r#","utm_campaign":"{channel}-2025q3-{}","utm_term":"b2b attribution software","page_url":"https://www.example.com/{}"}}"#,
        chance.random_range(0..12),
        PAGES[chance.random_range(0..PAGES.len())],
    );
    text.into_bytes()
}

fn deal(chance: &mut ChaCha8Rng, lead: usize, at: i64, n: usize) -> Vec<u8> {
    let (id, amount) = (id(chance), chance.random_range(1_000..100_000));
    let (lead, deal) = (100_000_000 + lead, 10_000_000 + n);
    format!(
        r#"{{"event_id":"{id}","occurred_at":{at},"lead_id":"lead-{lead}","deal_id":"D{deal}","stage":"won","amount":{amount}.50,"currency":"USD","owner":"rep-7"}}"#
    )
    .into_bytes()
}

pub fn ingest(config: &Config) -> Ingest {
    Ingest::new(config, Arc::new(FixedSchemas::read(&std::collections::BTreeMap::new()).expect("no schema")))
}

/// Decodes, routes and packs: what ingest does to records.
pub struct Packer {
    ingest: Ingest,
    builders: Vec<BlockBuilder>,
    next: [i64; Topic::ALL.len()],
}

impl Packer {
    pub fn new(config: &Config) -> Self {
        let builders = (0..SHARDS).map(|_| BlockBuilder::default()).collect();
        Self { ingest: ingest(config), builders, next: [0; Topic::ALL.len()] }
    }

    /// The journal of each shard.
    pub fn pack(&mut self, records: &[(Topic, Vec<u8>)]) -> Vec<Vec<Vec<u8>>> {
        let mut journals = vec![Vec::new(); usize::from(SHARDS)];
        for flush in records.chunks(FLUSH) {
            let blocks = self.flush(flush);
            journals.iter_mut().zip(blocks).for_each(|(journal, block)| journal.push(block));
        }
        journals
    }

    fn flush(&mut self, records: &[(Topic, Vec<u8>)]) -> Vec<Vec<u8>> {
        let from = self.next;
        let mut watermarks = [None; Topic::ALL.len()];
        for (topic, value) in records {
            let source = Source { topic: *topic, partition: 0 };
            let n = *topic as usize;
            let timestamp = Millis(START);
            let record = RawRecord { key: None, value: Some(value), timestamp };
            let Ok(Decoded::Event(event)) = self.ingest.decode(*topic, &record, Millis(i64::MAX / 2)) else {
                panic!("a record of the core job is good")
            };
            watermarks[n] = event.occurred_at().max(watermarks[n]);
            let offset = self.next[n];
            route(event, SHARDS, &mut |to, item: Item<'_>| {
                let To::Shard(shard) = to else { return };
                self.builders[usize::from(shard)].push(source, &Entry { offset, timestamp, item });
            });
            self.next[n] += 1;
        }
        let announced = Topic::ALL.map(|topic| (topic, 1));
        let (next, builders) = (self.next, self.builders.iter_mut());
        let blocks = builders.map(|builder| {
            for topic in Topic::ALL {
                let n = topic as usize;
                let range = Range { follows: from[n], from: from[n], to: next[n] };
                // What has nothing to say holds nobody up.
                let idle = (range.from == range.to).then_some(Millis(START));
                builder.cover(Source { topic, partition: 0 }, range, watermarks[n], idle);
            }
            builder.finish(&announced)
        });
        blocks.collect()
    }
}

pub fn shards(config: &Config) -> Vec<Shard> {
    let rules = Arc::new(Rules::new(Arc::new(config.clone()), plan_of(config)));
    (0..SHARDS).map(|number| Shard::new(Arc::clone(&rules), number)).collect()
}

/// Folds all journals, the forwards too.
pub fn fold(shards: &mut [Shard], journals: &[Vec<Vec<u8>>]) {
    let mut forwards: Vec<Vec<Vec<u8>>> = vec![Vec::new(); shards.len()];
    for flush in 0..journals[0].len() {
        for (shard, journal) in shards.iter_mut().zip(journals) {
            shard.apply_journal(flush as i64, &journal[flush]).expect("a good record");
        }
        for shard in shards.iter_mut() {
            for (to, bytes) in shard.take_effects().forwards {
                forwards[usize::from(to)].push(bytes);
            }
        }
        for (shard, forwards) in shards.iter_mut().zip(&mut forwards) {
            for bytes in forwards.drain(..) {
                shard.apply_forward(0, &bytes).expect("a good record");
            }
        }
    }
}
