//! A shard's state as chunks, and back. A chunk is a part of the state that fits in a record; they load in the order
//! given, all or none.
//!
//! layout of a chunk: [version u8][xxh3 of the rest, u64 LE][lz4 block with its size in front, of postcard `Part`]

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::account::Account;
use super::deal::Deal;
use super::event_id::LongIds;
use super::fold::Fold;
use super::lead::Lead;
use super::levels::Levels;
use super::rules::Rules;
use super::sources::Sources;
use super::spend::Spending;
use super::symbols::Symbols;
use super::table::{Keyed, Table};
use super::tally::Tally;
use super::visitor::Visitor;
use super::{Counters, FoldError, Positions, Shard};
use crate::kpi::measures::Dim;
use crate::model::window::LocalTime;
use crate::partials::cells::{Amount, CellKey, Symbol};

const VERSION: u8 = 1;

/// How much a part holds before it is compressed: with the envelope it stays below the usual limit of a record.
const PART_BYTES: usize = 700_000;

/// One part of the state. `R` is how it is held: borrowed to write, owned to read.
#[derive(Serialize, Deserialize)]
enum Part<Head, Text, Cell, V, L, D, A> {
    Head(Head),
    Texts(Vec<(Dim, Text)>),
    Origins(Vec<[Symbol; 4]>),
    LongIds(LongIdsPart),
    Cells(Vec<Cell>),
    Visitors(Vec<V>),
    Leads(Vec<L>),
    Deals(Vec<D>),
    Accounts(Vec<A>),
}

type LongIdsPart = Vec<u8>;
type Written<'a> = Part<HeadRef<'a>, &'a str, (&'a CellKey, Amount), &'a Visitor, &'a Lead, &'a Deal, &'a Account>;
type Loaded = Part<Head, String, (CellKey, Amount), Visitor, Lead, Deal, Account>;

#[derive(Serialize)]
struct HeadRef<'a> {
    number: u16,
    positions: Positions,
    sources: &'a Sources,
    levels: &'a Levels,
    spending: &'a Spending,
    counters: Counters,
}

#[derive(Deserialize)]
struct Head {
    number: u16,
    positions: Positions,
    sources: Sources,
    levels: Levels,
    spending: Spending,
    counters: Counters,
}

impl Shard {
    /// The whole state, in chunks. What was not taken yet (effects, changed cells) is not in it: take it first.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Vec<u8>> {
        debug_assert!(self.fold.news.is_empty() && self.letters.is_empty(), "effects are taken before a snapshot");
        let mut chunks = Chunks::default();
        chunks.put(&Part::Head(HeadRef {
            number: self.number,
            positions: self.positions,
            sources: &self.sources,
            levels: &self.levels,
            spending: &self.spending,
            counters: self.counters,
        }));
        let (texts, origins) = self.fold.symbols.dump();
        texts.chunks(4_000).for_each(|part| chunks.put(&Part::Texts(part.to_vec())));
        origins.chunks(20_000).for_each(|part| chunks.put(&Part::Origins(part.to_vec())));
        let ids = postcard::to_stdvec(&self.fold.ids).expect("plain data of known types always encodes");
        ids.chunks(PART_BYTES).for_each(|part| chunks.put(&Part::LongIds(part.to_vec())));
        chunks.all(self.fold.tally.dump(), |_| 64, Part::Cells);
        chunks.all(self.visitors.iter(), |visitor| visitor.bytes() + size_of::<Visitor>(), Part::Visitors);
        chunks.all(self.leads.iter(), |lead| lead.bytes() + size_of::<Lead>(), Part::Leads);
        chunks.all(self.deals.iter(), |deal| deal.bytes() + size_of::<Deal>(), Part::Deals);
        chunks.all(self.accounts.iter(), |account| account.bytes() + size_of::<Account>(), Part::Accounts);
        chunks.0
    }

    /// The state that the chunks hold.
    pub fn restore(rules: Arc<Rules>, number: u16, chunks: &[Vec<u8>]) -> Result<Self, FoldError> {
        let mut loading = Loading::default();
        for chunk in chunks {
            loading.take(decode(chunk)?)?;
        }
        loading.finish(rules, number)
    }
}

#[derive(Default)]
struct Chunks(Vec<Vec<u8>>);

impl Chunks {
    fn put(&mut self, part: &Written<'_>) {
        let plain = postcard::to_stdvec(part).expect("plain data of known types always encodes");
        let packed = lz4_flex::block::compress_prepend_size(&plain);
        let mut chunk = Vec::with_capacity(packed.len() + 9);
        chunk.push(VERSION);
        chunk.extend_from_slice(&xxh3_64(&packed).to_le_bytes());
        chunk.extend_from_slice(&packed);
        self.0.push(chunk);
    }

    /// Puts items into parts of bounded size.
    fn all<'a, T: 'a>(
        &mut self,
        items: impl Iterator<Item = T>,
        bytes: impl Fn(&T) -> usize,
        part: impl Fn(Vec<T>) -> Written<'a>,
    ) {
        let (mut held, mut size) = (Vec::new(), 0);
        for item in items {
            size += bytes(&item);
            held.push(item);
            if size >= PART_BYTES {
                self.put(&part(std::mem::take(&mut held)));
                size = 0;
            }
        }
        if !held.is_empty() {
            self.put(&part(held));
        }
    }
}

fn decode(chunk: &[u8]) -> Result<Loaded, FoldError> {
    let bad = |what: &str| FoldError::Snapshot(what.to_owned());
    let (&version, rest) = chunk.split_first().ok_or_else(|| bad("a chunk is empty"))?;
    if version != VERSION {
        return Err(FoldError::Snapshot(format!("version {version} is not known to this build")));
    }
    let (sum, packed) = rest.split_first_chunk::<8>().ok_or_else(|| bad("a chunk is cut short"))?;
    if xxh3_64(packed) != u64::from_le_bytes(*sum) {
        return Err(bad("a chunk does not match its checksum"));
    }
    let plain = lz4_flex::block::decompress_size_prepended(packed).map_err(|e| bad(&e.to_string()))?;
    postcard::from_bytes(&plain).map_err(|e| bad(&e.to_string()))
}

#[derive(Default)]
struct Loading {
    head: Option<Head>,
    texts: Vec<(Dim, String)>,
    origins: Vec<[Symbol; 4]>,
    ids: Vec<u8>,
    cells: Vec<(CellKey, Amount)>,
    visitors: Table<Visitor>,
    leads: Table<Lead>,
    deals: Table<Deal>,
    accounts: Table<Account>,
}

impl Loading {
    fn take(&mut self, part: Loaded) -> Result<(), FoldError> {
        match part {
            Part::Head(head) => self.head = Some(head),
            Part::Texts(texts) => self.texts.extend(texts),
            Part::Origins(origins) => self.origins.extend(origins),
            Part::LongIds(bytes) => self.ids.extend(bytes),
            Part::Cells(cells) => self.cells.extend(cells),
            Part::Visitors(all) => insert(&mut self.visitors, all)?,
            Part::Leads(all) => insert(&mut self.leads, all)?,
            Part::Deals(all) => insert(&mut self.deals, all)?,
            Part::Accounts(all) => insert(&mut self.accounts, all)?,
        }
        Ok(())
    }

    fn finish(self, rules: Arc<Rules>, number: u16) -> Result<Shard, FoldError> {
        let bad = |what: &str| FoldError::Snapshot(what.to_owned());
        let head = self.head.ok_or_else(|| bad("there is no head"))?;
        if head.number != number {
            return Err(FoldError::Snapshot(format!("it is of shard {}, not of {number}", head.number)));
        }
        let max_values = rules.config.output.max_values;
        let symbols = Symbols::load(max_values, &self.texts, &self.origins).ok_or_else(|| bad("its texts disagree"))?;
        let ids: LongIds = postcard::from_bytes(&self.ids).map_err(|e| bad(&e.to_string()))?;
        let time = LocalTime::new(rules.config.time.calendar.clone());
        let tally = Tally::load(rules.plan.clone(), time, self.cells);
        Ok(Shard {
            number,
            fold: Fold::with(rules, symbols, tally, ids),
            positions: head.positions,
            sources: head.sources,
            levels: head.levels,
            visitors: self.visitors,
            leads: self.leads,
            deals: self.deals,
            accounts: self.accounts,
            spending: head.spending,
            letters: Vec::new(),
            counters: head.counters,
            told: None,
            reported: None,
        })
    }
}

fn insert<T: Keyed>(table: &mut Table<T>, all: Vec<T>) -> Result<(), FoldError> {
    let fresh = all.into_iter().all(|entity| table.insert(entity));
    if fresh { Ok(()) } else { Err(FoldError::Snapshot("an entity is in it twice".to_owned())) }
}
