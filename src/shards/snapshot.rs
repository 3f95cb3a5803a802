//! A shard's state as chunks, and back. A chunk is a part of the state that fits in a record; they load in the order
//! given, all or none.
//!
//! layout of a chunk: [version u8][xxh3 of the rest, u64 LE][part u8][rows u8][the part's items, one after the other],
//! an item as postcard writes it; packed entities as they are in memory, all of one chunk with that many rows.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::account::Account;
use super::asset::Asset;
use super::deal::Deal;
use super::erasures::Erasures;
use super::event_id::LongIds;
use super::fold::Fold;
use super::lead::Lead;
use super::lead_ids::LeadIds;
use super::levels::Levels;
use super::records::Records;
use super::rules::Rules;
use super::sources::Sources;
use super::spend::Spending;
use super::symbols::Symbols;
use super::table::{Keyed, Table};
use super::tally::Tally;
use super::unit::Unit;
use super::visitor::Visitor;
use super::{Counters, FoldError, Positions, Shard};
use crate::kpi::measures::Dim;
use crate::model::window::LocalTime;
use crate::partials::cells::{Amount, CellKey, Symbol};

const VERSION: u8 = 6;

/// Version, checksum, part, rows.
const ENVELOPE: usize = 11;

/// A chunk that has grown to this is full: with one more entity it stays below the usual limit of a record.
const FULL: usize = 700_000;

/// What a chunk holds. The numbers are stored: none is ever given to another part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Part {
    Head,
    Texts,
    Origins,
    /// A stretch of the one text that all long ids are written as.
    LongIds,
    Cells,
    Visitors,
    PackedVisitors,
    Leads,
    PackedLeads,
    Deals,
    Accounts,
    Assets,
    Records,
    LeadIds,
    Units,
}

impl Part {
    const ALL: [Self; 15] = [
        Self::Head,
        Self::Texts,
        Self::Origins,
        Self::LongIds,
        Self::Cells,
        Self::Visitors,
        Self::PackedVisitors,
        Self::Leads,
        Self::PackedLeads,
        Self::Deals,
        Self::Accounts,
        Self::Assets,
        Self::Records,
        Self::LeadIds,
        Self::Units,
    ];
}

#[derive(Serialize)]
struct HeadRef<'a> {
    number: u16,
    positions: Positions,
    sources: &'a Sources,
    levels: &'a Levels,
    spending: &'a Spending,
    erasures: &'a Erasures,
    counters: Counters,
}

#[derive(Deserialize)]
struct Head {
    number: u16,
    positions: Positions,
    sources: Sources,
    levels: Levels,
    spending: Spending,
    erasures: Erasures,
    counters: Counters,
}

impl Shard {
    /// The whole state, in chunks. What was not taken yet (effects, changed cells) is not in it: take it first.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Vec<u8>> {
        debug_assert!(!self.has_effects(), "effects are taken before a snapshot");
        let mut chunks = Chunks::default();
        let head = HeadRef {
            number: self.number,
            positions: self.positions,
            sources: &self.sources,
            levels: &self.levels,
            spending: &self.spending,
            erasures: &self.erasures,
            counters: self.counters,
        };
        chunks.items(Part::Head, [head]);
        let (texts, origins) = self.fold.symbols.dump();
        chunks.items(Part::Texts, texts);
        chunks.items(Part::Origins, origins);
        let ids = postcard::to_stdvec(&self.fold.ids).expect("plain data of known types always encodes");
        chunks.bytes(Part::LongIds, 0, ids.chunks(FULL - ENVELOPE));
        chunks.items(Part::Cells, self.fold.tally.dump());
        chunks.table(Part::Visitors, Part::PackedVisitors, &self.visitors);
        chunks.table(Part::Leads, Part::PackedLeads, &self.leads);
        chunks.items(Part::Deals, self.deals.whole());
        chunks.items(Part::Accounts, self.accounts.whole());
        chunks.items(Part::Assets, self.assets.whole());
        chunks.items(Part::Records, self.fold.records.dump());
        chunks.items(Part::LeadIds, self.fold.lead_ids.dump());
        chunks.items(Part::Units, self.units.whole());
        chunks.done
    }

    /// The state that the chunks hold.
    pub fn restore(rules: Arc<Rules>, number: u16, chunks: &[Vec<u8>]) -> Result<Self, FoldError> {
        let mut loading = Loading::default();
        for chunk in chunks {
            let (part, rows, bytes) = open(chunk)?;
            loading.take(part, rows, bytes)?;
        }
        loading.finish(rules, number)
    }
}

#[derive(Default)]
struct Chunks {
    done: Vec<Vec<u8>>,
    /// Under construction: its room is used again and again.
    open: Vec<u8>,
}

impl Chunks {
    fn items<T: Serialize>(&mut self, part: Part, items: impl IntoIterator<Item = T>) {
        self.begin(part, 0);
        for item in items {
            let open = std::mem::take(&mut self.open);
            self.open = postcard::to_extend(&item, open).expect("plain data of known types always encodes");
            if self.open.len() >= FULL {
                self.close();
                self.begin(part, 0);
            }
        }
        self.close();
    }

    fn bytes<'a>(&mut self, part: Part, rows: u8, stretches: impl Iterator<Item = &'a [u8]>) {
        self.begin(part, rows);
        for stretch in stretches {
            if self.open.len() + stretch.len() > FULL {
                self.close();
                self.begin(part, rows);
            }
            self.open.extend_from_slice(stretch);
        }
        self.close();
    }

    fn table<T: Keyed + Serialize>(&mut self, whole: Part, packed: Part, table: &Table<T>) {
        self.items(whole, table.whole());
        for (rows, runs) in table.packed() {
            self.bytes(packed, u8::try_from(rows).expect("few rows"), runs);
        }
    }

    /// Puts the checksum in front. A chunk without items is none.
    fn close(&mut self) {
        if self.open.len() > ENVELOPE {
            let sum = xxh3_64(&self.open[9..]);
            self.open[1..9].copy_from_slice(&sum.to_le_bytes());
            self.done.push(self.open.clone());
        }
    }

    fn begin(&mut self, part: Part, rows: u8) {
        self.open.clear();
        self.open.resize(ENVELOPE, 0);
        (self.open[0], self.open[9], self.open[10]) = (VERSION, part as u8, rows);
    }
}

fn bad(what: &str) -> FoldError {
    FoldError::Snapshot(what.to_owned())
}

/// What a sound chunk holds: the part, the rows, and the items.
fn open(chunk: &[u8]) -> Result<(Part, usize, &[u8]), FoldError> {
    let (&version, rest) = chunk.split_first().ok_or_else(|| bad("a chunk is empty"))?;
    if version != VERSION {
        return Err(FoldError::Snapshot(format!("version {version} is not known to this build")));
    }
    let (sum, rest) = rest.split_first_chunk::<8>().ok_or_else(|| bad("a chunk is cut short"))?;
    if xxh3_64(rest) != u64::from_le_bytes(*sum) {
        return Err(bad("a chunk does not match its checksum"));
    }
    let ([part, rows], items) = rest.split_first_chunk().ok_or_else(|| bad("a chunk is cut short"))?;
    let part = Part::ALL.get(usize::from(*part)).ok_or_else(|| bad("a chunk is of no known part"))?;
    Ok((*part, usize::from(*rows), items))
}

/// Each item of a chunk.
fn items<T: DeserializeOwned>(mut bytes: &[u8], mut take: impl FnMut(T)) -> Result<(), FoldError> {
    while !bytes.is_empty() {
        let (item, rest) = postcard::take_from_bytes(bytes).map_err(|e| bad(&e.to_string()))?;
        if rest.len() == bytes.len() {
            return Err(bad("an item is empty"));
        }
        bytes = rest;
        take(item);
    }
    Ok(())
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
    assets: Table<Asset>,
    units: Table<Unit>,
    records: Records,
    lead_ids: LeadIds,
}

impl Loading {
    fn take(&mut self, part: Part, rows: usize, bytes: &[u8]) -> Result<(), FoldError> {
        match part {
            Part::Head => items(bytes, |head| self.head = Some(head)),
            Part::Texts => items(bytes, |text| self.texts.push(text)),
            Part::Origins => items(bytes, |origin| self.origins.push(origin)),
            Part::LongIds => {
                self.ids.extend_from_slice(bytes);
                Ok(())
            }
            Part::Cells => items(bytes, |cell| self.cells.push(cell)),
            Part::Visitors => insert(&mut self.visitors, bytes),
            Part::PackedVisitors => insert_packed(&mut self.visitors, rows, bytes),
            Part::Leads => insert(&mut self.leads, bytes),
            Part::PackedLeads => insert_packed(&mut self.leads, rows, bytes),
            Part::Deals => insert(&mut self.deals, bytes),
            Part::Accounts => insert(&mut self.accounts, bytes),
            Part::Assets => insert(&mut self.assets, bytes),
            Part::Units => insert(&mut self.units, bytes),
            Part::Records => {
                let mut fresh = true;
                items(bytes, |(account, all)| fresh &= self.records.load(account, all))?;
                if fresh { Ok(()) } else { Err(bad("an account's records are in it twice")) }
            }
            Part::LeadIds => {
                let mut fresh = true;
                items(bytes, |id| fresh &= self.lead_ids.load(id))?;
                if fresh { Ok(()) } else { Err(bad("a lead's id is in it twice")) }
            }
        }
    }

    fn finish(self, rules: Arc<Rules>, number: u16) -> Result<Shard, FoldError> {
        let head = self.head.ok_or_else(|| bad("there is no head"))?;
        if head.number != number {
            return Err(FoldError::Snapshot(format!("it is of shard {}, not of {number}", head.number)));
        }
        let max_values = rules.config.output.max_values;
        let symbols = Symbols::load(max_values, &self.texts, &self.origins).ok_or_else(|| bad("its texts disagree"))?;
        let ids: LongIds = postcard::from_bytes(&self.ids).map_err(|e| bad(&e.to_string()))?;
        let time = LocalTime::new(rules.config.time.calendar.clone());
        let tally = Tally::load(rules.plan.clone(), time, self.cells);
        let mut fold = Fold::with(rules, symbols, tally, ids, self.records, self.lead_ids);
        fold.clock = head.levels.of_leads().unwrap_or(fold.clock);
        self.visitors.whole().for_each(|visitor| visitor.restore(&mut fold));
        self.leads.whole().for_each(|lead| lead.restore(&mut fold));
        self.deals.whole().for_each(|deal| deal.restore(&mut fold));
        Ok(Shard {
            number,
            fold,
            positions: head.positions,
            sources: head.sources,
            levels: head.levels,
            visitors: self.visitors,
            leads: self.leads,
            deals: self.deals,
            accounts: self.accounts,
            assets: self.assets,
            units: self.units,
            spending: head.spending,
            erasures: head.erasures,
            letters: Vec::new(),
            counters: head.counters,
            told: None,
            reported: None,
            arrived: None,
        })
    }
}

fn insert<T: Keyed + DeserializeOwned>(table: &mut Table<T>, bytes: &[u8]) -> Result<(), FoldError> {
    let mut fresh = true;
    items(bytes, |entity| fresh &= table.insert(entity))?;
    if fresh { Ok(()) } else { Err(bad("an entity is in it twice")) }
}

fn insert_packed<T: Keyed>(table: &mut Table<T>, rows: usize, bytes: &[u8]) -> Result<(), FoldError> {
    let fresh = table.insert_packed(rows, bytes);
    if fresh { Ok(()) } else { Err(bad("packed entities are twice in it, or have a wrong length")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::kpi::plan::plan_of;
    use crate::model::event::{Account, AccountRecord};
    use crate::model::time::Millis;
    use crate::shards::criteria::Criteria;

    #[test]
    fn chunks_stay_below_the_limit_of_a_record_and_read_as_written() {
        let texts: Vec<String> = (0..40_u8).map(|n| char::from(b'0' + n).to_string().repeat(100_000)).collect();
        let mut chunks = Chunks::default();
        chunks.items(Part::Texts, &texts);
        chunks.items(Part::Origins, [[Symbol(0); 4]; 0]);
        assert!(chunks.done.len() > 4 && chunks.done.iter().all(|chunk| chunk.len() < 1_000_000));
        let mut read = Vec::<String>::new();
        for chunk in &chunks.done {
            let (part, rows, bytes) = open(chunk).unwrap();
            assert_eq!((part, rows), (Part::Texts, 0));
            items(bytes, |text| read.push(text)).unwrap();
        }
        assert_eq!(read, texts);
    }

    #[test]
    fn records_of_many_accounts_fit_and_come_back() {
        let asks = "[[segments]]\nsegment = \"named\"\nwhen = [{ field = \"account.name\", equals = \"Company 7\" }]\n";
        let config = Config::parse(asks, "test.toml", std::iter::empty()).unwrap();
        let rules = || Arc::new(Rules::new(Arc::new(config.clone()), plan_of(&config)));
        let criteria = Criteria::new(&config);
        let mut shard = Shard::new(rules(), 0);
        for n in 0..20_000 {
            let text = |text: String| Some(text.into());
            let record = AccountRecord {
                name: text(format!("Company {n}, of some length")),
                is_target: n % 2 == 0,
                is_customer: false,
                buying_unit_size: Some(n),
                industry: text("software".to_owned()),
                company_size: None,
                tier: None,
            };
            let account = Account { account_id: format!("account-{n}").into(), record: Some(record) };
            shard.fold.records.hold(&account, Millis(i64::from(n)), None, &criteria);
        }
        let chunks = shard.snapshot();
        assert!(chunks.len() > 3 && chunks.iter().all(|chunk| chunk.len() < 1_000_000));
        let restored = Shard::restore(rules(), 0, &chunks).unwrap();
        assert!(restored.fold.records.dump().eq(shard.fold.records.dump()));
    }

    #[test]
    fn damage_is_an_error() {
        let mut chunks = Chunks::default();
        chunks.bytes(Part::PackedLeads, 3, std::iter::once(&[7; 100][..]));
        let chunk = &chunks.done[0];
        for at in 0..chunk.len() {
            let mut damaged = chunk.clone();
            damaged[at] ^= 1;
            assert!(open(&damaged).is_err() && open(&chunk[..at]).is_err());
        }
        let mut loading = Loading::default();
        let (part, rows, bytes) = open(chunk).unwrap();
        assert!(loading.take(part, rows, bytes).is_err(), "a lead with three touches has another length");
        assert!(loading.take(part, rows, &[7; 91]).is_ok());
        assert!(loading.take(part, rows, &[7; 91]).is_err(), "it is there already");
        assert!(loading.take(part, 200, &[7; 16 + 200 * 25]).is_err(), "so many rows are never packed");
        assert!(loading.take(Part::Leads, 0, &[7; 20]).is_err());
    }
}
