//! What must come out, by three ways that share less and less with the running system: the journal folded once, in one
//! go; the history as a batch, which never saw a log; and the naive oracle.

use std::collections::BTreeMap;
use std::sync::Arc;

use tributary::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use tributary::journal::block::{Block, Source};
use tributary::model::event::Topic;
use tributary::model::time::Millis;
use tributary::publish::board::Change;
use tributary::runtime::batch::{Batch, Line as Record};
use tributary::runtime::line::Line;
use tributary::runtime::parts::{Combine as _, Letter, Output, Parts as _, Row};
use tributary::shards::{Counters, Shard};

use super::damage::stored;
use super::world::World;
use crate::ledgers::Net;
use crate::reference::{self, Dropped, Given};

/// Rows as JSON by key, less what says when they were written.
pub type Rows = BTreeMap<String, serde_json::Value>;

pub struct Expected {
    pub rows: Rows,
    pub letters: Vec<Letter>,
    /// What ledgers come to.
    pub net: Net,
    pub watermark: Option<Millis>,
    pub counters: Counters,
    /// By source: the ranges that its sections tell, in the order of the first shard's journal.
    pub ranges: BTreeMap<Source, Vec<(i64, i64)>>,
}

pub fn plain(value: &[u8]) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_slice(value).expect("rows are JSON");
    let fields = value.as_object_mut().expect("an object");
    fields.remove("updated_at");
    fields.remove("watermark");
    value
}

fn rows(rows: Vec<Row<Change>>) -> Rows {
    let rows = rows.into_iter().filter(|row| row.to == Output::Kpis);
    rows.filter_map(|row| Some((row.key, plain(&row.value?)))).collect()
}

/// Folds the journal as it is in the log, without any driver.
pub fn journal(world: &World) -> Expected {
    let parts = Line::new(Arc::clone(&world.plan.config)).expect("a line");
    let mut shards: Vec<Shard> = (0..world.names.shards).map(|number| parts.shard(number)).collect();
    let mut forwards = vec![0; shards.len()];
    let (mut letters, mut net) = (Vec::new(), Net::default());
    let mut ranges: BTreeMap<Source, Vec<(i64, i64)>> = BTreeMap::new();
    for number in 0..world.names.shards {
        for record in stored(world, &world.names.journal_of(number)) {
            let value = record.value.expect("blocks have values");
            shards[usize::from(number)].apply_journal(record.offset, &value).expect("folds");
            let mut block = Block::decode(&value).expect("decodes");
            while let Some(section) = block.next_section().expect("decodes").filter(|_| number == 0) {
                ranges.entry(section.head.source).or_default().push((section.head.follows, section.head.to));
            }
        }
    }
    loop {
        let mut news = Vec::new();
        for shard in &mut shards {
            let effects = shard.take_effects();
            news.extend(effects.forwards);
            letters.extend(effects.letters);
            effects.said.iter().for_each(|said| net.take_said(said));
        }
        if news.is_empty() {
            break;
        }
        for (to, value) in news {
            let to = usize::from(to);
            shards[to].apply_forward(forwards[to], &value).expect("folds");
            forwards[to] += 1;
        }
    }
    let mut rollup = parts.rollup();
    let mut counters = Counters::default();
    for (number, shard) in shards.iter_mut().enumerate() {
        rollup.apply(&shard.take_block(number as u64, true, true));
        counters = sum(counters, shard.status().counters);
    }
    let watermark = rollup.watermark();
    let rows = rows(rollup.changed(true, watermark.unwrap_or_default()));
    Expected { rows, letters, net, watermark, counters, ranges }
}

pub const fn sum(a: Counters, b: Counters) -> Counters {
    Counters {
        accepted: a.accepted + b.accepted,
        duplicates: a.duplicates + b.duplicates,
        late: a.late + b.late,
        rejected: a.rejected + b.rejected,
        gaps: a.gaps + b.gaps,
    }
}

/// The history as `report` would fold it.
pub fn batch(world: &World, as_of: Millis) -> (Rows, usize) {
    let parts = Line::new(Arc::clone(&world.plan.config)).expect("a line");
    let mut batch = Batch::new(&parts, world.names.shards, Some(as_of));
    for (_, _, record) in &world.inputs {
        let (key, value) = (record.key.as_deref().map(str::as_bytes), record.value.as_deref());
        batch.take(&Record { topic: record.topic, key, value, timestamp: record.timestamp }).expect("folds");
    }
    let mut outcome = batch.finish(&parts).expect("folds");
    assert_eq!(outcome.watermark, Some(as_of), "the batch comes to its end");
    (rows(outcome.rollup.changed(true, as_of)), outcome.letters.len())
}

/// The naive recomputation, for histories in which nothing is late.
pub fn oracle(world: &World, as_of: Millis) -> Vec<reference::Row> {
    let none = FixedSchemas::read(&BTreeMap::new()).expect("no schema to read");
    let ingest = Ingest::new(&world.plan.config, Arc::new(none));
    let mut given = Vec::new();
    let mut dropped = Dropped::default();
    let mut seen: std::collections::BTreeSet<(Topic, String)> = std::collections::BTreeSet::new();
    for (_, _, record) in &world.inputs {
        let (key, value) = (record.key.as_deref().map(str::as_bytes), record.value.as_deref());
        let raw = RawRecord { key, value, timestamp: record.timestamp };
        match ingest.decode(record.topic, &raw, as_of).expect("no registry is asked") {
            Decoded::Skipped => {}
            Decoded::Rejected(rejection) => {
                dropped.rejected.push((record.timestamp, rejection.reason.code().to_owned()));
            }
            Decoded::Event(event) => {
                let is_new = event.event_id().is_none_or(|id| seen.insert((record.topic, id.to_string())));
                match event.occurred_at().filter(|_| !is_new) {
                    Some(at) => dropped.duplicates.push(at),
                    None => {
                        let offset = given.len() as u64;
                        given.push(Given { event, timestamp: record.timestamp, offset, late_at: None });
                    }
                }
            }
        }
    }
    reference::rows(&world.plan.config, &given, &dropped, as_of)
}
