//! The pure line in one thread, without a log: records through ingest, shards and forwards to the rollup's rows, with
//! everything that must not matter drawn from a seed: how flushes are cut, how many shards there are, which of them runs
//! ahead, how its two logs interleave, when effects and cells are taken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tributary::config::Config;
use tributary::generate::Produced;
use tributary::ingest::route::{To, rejection_home, route};
use tributary::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use tributary::journal::block::{BlockBuilder, Range, Source};
use tributary::journal::entry::{Entry, Item, Rejected};
use tributary::kpi::plan::plan_of;
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};
use tributary::rollup::Rollup;
use tributary::rollup::row::Row;
use tributary::shards::Shard;
use tributary::shards::conversions::{Asked, Conversion};
use tributary::shards::ledger::Said;
use tributary::shards::rules::Rules;

use crate::ledgers::Net;
use crate::reference::{Dropped, Given};

/// What is read of one topic partition.
const PARTITIONS: i32 = 2;

/// A clock that no record is ahead of.
const CLOCK: Millis = Millis(4_000_000_000_000);

pub struct Line {
    config: Arc<Config>,
    ingest: Ingest,
    shards: Vec<Shard>,
    /// Each new owner's is greater.
    claims: Vec<u64>,
    journals: Vec<Vec<Vec<u8>>>,
    forwards: Vec<Vec<Vec<u8>>>,
    rollup: Rollup,
    /// What its ledgers say, and all that was said.
    pub net: Net,
    pub said: Vec<Said>,
    next: BTreeMap<Source, i64>,
    chance: ChaCha8Rng,
}

/// What the oracle is given of a history, in the order of arrival.
pub struct Heard<'a> {
    pub given: Vec<Given<'a>>,
    pub dropped: Dropped,
    /// All duplicates, also those that come too late to be counted in a row.
    pub twice: u64,
}

impl Line {
    pub fn new(config: &Config, seed: u64) -> Self {
        let config = Arc::new(config.clone());
        let rules = Arc::new(Rules::new(Arc::clone(&config), plan_of(&config)));
        let n = config.topics.partitions;
        let mut rollup = Rollup::new(&config);
        let mut shards: Vec<Shard> = (0..n).map(|number| Shard::new(Arc::clone(&rules), number)).collect();
        for shard in &mut shards {
            assert!(rollup.apply(&shard.take_block(1, true, true)));
        }
        let none = FixedSchemas::read(&BTreeMap::new()).expect("no schema to read");
        Self {
            ingest: Ingest::new(&config, Arc::new(none)),
            claims: vec![1; shards.len()],
            journals: vec![Vec::new(); shards.len()],
            forwards: vec![Vec::new(); shards.len()],
            shards,
            rollup,
            net: Net::default(),
            said: Vec::new(),
            next: BTreeMap::new(),
            chance: ChaCha8Rng::seed_from_u64(seed),
            config,
        }
    }

    /// Takes a history, and says what of it was heard. Lateness is decided by what level 0 says before each flush.
    pub fn run<'a>(&mut self, records: &'a [Produced]) -> Heard<'a> {
        let mut heard = Heard { given: Vec::new(), dropped: Dropped::default(), twice: 0 };
        let mut seen = BTreeSet::new();
        let mut rest = records;
        while !rest.is_empty() {
            let n = self.chance.random_range(1..=rest.len().min(200));
            let (flush, after) = rest.split_at(n);
            rest = after;
            let watermark = self.level_0();
            self.hear(flush, watermark, &mut seen, &mut heard);
            self.flush(flush, None);
            for _ in 0..self.chance.random_range(0..self.shards.len() * 3) {
                self.step();
            }
        }
        heard
    }

    /// The watermark that every shard has once it has read its journal to the end.
    fn level_0(&mut self) -> Option<Millis> {
        // Shards may lag by any amount: this one is asked for what is in the journal, so it must have read it.
        while self.read_journal(0) {}
        self.shards[0].watermarks()[0]
    }

    fn hear<'a>(
        &self,
        flush: &'a [Produced],
        watermark: Option<Millis>,
        seen: &mut BTreeSet<(Topic, String)>,
        heard: &mut Heard<'a>,
    ) {
        for record in flush {
            match self.decode(record) {
                Decoded::Skipped => {}
                Decoded::Rejected(rejection) => {
                    heard.dropped.rejected.push((record.timestamp, rejection.reason.code().to_owned()));
                }
                Decoded::Event(event) => {
                    let is_new = event.event_id().is_none_or(|id| seen.insert((record.topic, id.to_string())));
                    let at = event.occurred_at();
                    let oldest = watermark.map(|watermark| watermark - self.config.time.allowed_lateness);
                    let late_at = match &event {
                        // The first record of an account may hold from the start: what is settled by now does not see it.
                        tributary::model::event::Event::Account(account) => {
                            let id = account.account_id.to_string();
                            let is_first = seen.insert((Topic::Accounts, id)) && self.config.accounts_hold_from_start;
                            watermark.filter(|_| is_first || oldest.is_some_and(|oldest| record.timestamp < oldest))
                        }
                        _ => watermark.filter(|_| at.zip(oldest).is_some_and(|(at, oldest)| at < oldest)),
                    };
                    match at.filter(|_| !is_new) {
                        Some(at) => {
                            heard.twice += 1;
                            heard.dropped.duplicates.extend(oldest.is_none_or(|oldest| oldest < at).then_some(at));
                        }
                        None => {
                            let offset = heard.given.len() as u64;
                            heard.given.push(Given { event, timestamp: record.timestamp, offset, late_at });
                        }
                    }
                }
            }
        }
    }

    fn decode<'a>(&self, record: &'a Produced) -> Decoded<'a> {
        let (key, value) = (record.key.as_ref().map(String::as_bytes), record.value.as_deref());
        let record_of = RawRecord { key, value, timestamp: record.timestamp };
        self.ingest.decode(record.topic, &record_of, CLOCK).expect("no registry is asked")
    }

    /// Writes the journal's records of a flush; with a clock, all sources are idle by then.
    fn flush(&mut self, records: &[Produced], idle: Option<Millis>) {
        let shards = self.config.topics.partitions;
        let mut builders: Vec<BlockBuilder> = (0..shards).map(|_| BlockBuilder::default()).collect();
        let mut ranges: BTreeMap<Source, (Range, Option<Millis>)> = BTreeMap::new();
        for topic in Topic::ALL {
            for partition in 0..PARTITIONS {
                let source = Source { topic, partition };
                let next = self.next.get(&source).copied().unwrap_or(0);
                ranges.insert(source, (Range { follows: next, from: next, to: next }, None));
            }
        }
        for record in records {
            // Records of an account are in one partition.
            let partition = if record.topic == Topic::Accounts { 0 } else { self.chance.random_range(0..PARTITIONS) };
            let source = Source { topic: record.topic, partition };
            let (range, watermark) = ranges.get_mut(&source).expect("every source has a range");
            let (offset, timestamp) = (range.to, record.timestamp);
            range.to += 1;
            let mut push = |shard: u16, item| {
                builders[usize::from(shard)].push(source, &Entry { offset, timestamp, item });
            };
            match self.decode(record) {
                Decoded::Skipped => {}
                Decoded::Rejected(rejection) => {
                    let rejected = Rejected {
                        reason: rejection.reason.code().into(),
                        message: rejection.message.into(),
                        topic: record.topic.name().into(),
                        key: None,
                        value: None,
                        headers: Vec::new(),
                    };
                    push(rejection_home(source, shards), Item::Rejected(Box::new(rejected)));
                }
                Decoded::Event(event) => {
                    *watermark = (*watermark).max(event.occurred_at());
                    route(event, shards, &mut |to, item: Item<'_>| match to {
                        To::Shard(shard) => push(shard, item),
                        To::Every => (0..shards).for_each(|shard| push(shard, item.clone())),
                    });
                }
            }
        }
        let announced: Vec<(Topic, i32)> = Topic::ALL.map(|topic| (topic, PARTITIONS)).into();
        for (journal, builder) in self.journals.iter_mut().zip(&mut builders) {
            for (source, (range, watermark)) in &ranges {
                builder.cover(*source, *range, *watermark, idle);
            }
            journal.push(builder.finish(&announced));
        }
        self.next.extend(ranges.into_iter().map(|(source, (range, _))| (source, range.to)));
    }

    fn read_journal(&mut self, shard: usize) -> bool {
        let next = self.shards[shard].positions().journal;
        let Some(record) = self.journals[shard].get(next as usize) else { return false };
        self.shards[shard].apply_journal(next, record).expect("a good record");
        true
    }

    fn read_forwards(&mut self, shard: usize) -> bool {
        let next = self.shards[shard].positions().forwards;
        let Some(record) = self.forwards[shard].get(next as usize) else { return false };
        self.shards[shard].apply_forward(next, record).expect("a good record");
        true
    }

    fn send(&mut self, shard: usize) -> bool {
        let effects = self.shards[shard].take_effects();
        let any = !effects.forwards.is_empty();
        effects.said.iter().for_each(|said| self.net.take_said(said));
        self.said.extend(effects.said);
        for (to, bytes) in effects.forwards {
            self.forwards[usize::from(to)].push(bytes);
        }
        any
    }

    fn report(&mut self, shard: usize) {
        let block = self.shards[shard].take_block(self.claims[shard], false, false);
        assert!(self.rollup.apply(&block));
    }

    fn step(&mut self) {
        let shard = self.chance.random_range(0..self.shards.len());
        match self.chance.random_range(0..8) {
            0..4 => drop(self.read_journal(shard)),
            4 | 5 => drop(self.read_forwards(shard)),
            6 => drop(self.send(shard)),
            _ => self.report(shard),
        }
    }

    /// Puts a shard's state away and takes it up again.
    pub fn restart(&mut self, shard: usize) {
        self.send(shard);
        self.report(shard);
        let chunks = self.shards[shard].snapshot();
        let rules = Arc::new(Rules::new(Arc::clone(&self.config), plan_of(&self.config)));
        let number = u16::try_from(shard).expect("a few shards");
        let mut restored = Shard::restore(rules, number, &chunks).expect("a good snapshot");
        assert_eq!(restored.positions(), self.shards[shard].positions());
        self.claims[shard] += 1;
        assert!(self.rollup.apply(&restored.take_block(self.claims[shard], true, true)));
        self.shards[shard] = restored;
    }

    /// Lets everything that is under way arrive, moves the watermark to `as_of`, and says every row.
    pub fn finish(&mut self, as_of: Millis) -> Vec<Row> {
        self.flush(&[], Some(as_of + Span(30_000)));
        self.settle();
        for shard in &self.shards {
            assert_eq!(shard.watermarks(), [Some(as_of); 3], "every level has come to the end");
            assert_eq!(shard.status().counters.gaps, 0);
        }
        self.rollup.all_rows(CLOCK)
    }

    /// The conversions that are asked for, of all shards: how many, their credit, and the latest of them.
    pub fn look(&self, asked: &Asked) -> (u64, i64, Vec<Conversion>) {
        let (mut total, mut credit, mut latest) = (0, 0, Vec::new());
        for shard in &self.shards {
            let mut from = Some(0);
            while let Some(place) = from {
                let looked = shard.conversions(asked, place, Millis::MIN);
                (total, credit, from) = (total + looked.total, credit + looked.credit, looked.next);
                latest.extend(looked.latest);
            }
        }
        latest.sort_by_cached_key(Conversion::place);
        latest.truncate(asked.most);
        (total, credit, latest)
    }

    /// What a snapshot of each shard holds.
    pub fn snapshots(&self) -> Vec<Vec<u8>> {
        self.shards.iter().flat_map(Shard::snapshot).collect()
    }

    /// Lets everything that is under way arrive.
    pub fn settle(&mut self) {
        loop {
            let mut moved = false;
            for shard in 0..self.shards.len() {
                while self.read_journal(shard) || self.read_forwards(shard) {
                    moved = true;
                }
                moved |= self.send(shard);
                self.report(shard);
            }
            if !moved {
                break;
            }
        }
    }

    /// How many events arrived late, and how many twice.
    pub fn late_and_duplicate(&self) -> (u64, u64) {
        let counters = self.shards.iter().map(|shard| shard.status().counters);
        counters.fold((0, 0), |(late, twice), found| (late + found.late, twice + found.duplicates))
    }
}
