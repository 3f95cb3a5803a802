//! The fold: what a shard makes of its journal and its forwards. Pure: no clock, no IO, no randomness. A shard's state
//! is a function of the two prefixes it has read, however they interleave, so replay is recovery.
//!
//! journal entry → visitor · lead · deal · spend → facts → cells;  visitor · deal → forwards → lead → forwards → account

use std::sync::Arc;

use smallvec::SmallVec;

use crate::config::AttributionUnit;
use crate::journal::block::{Block as JournalBlock, Entries, JournalError, Section, Source};
use crate::journal::entry::{EntryOf, ItemOf};
use crate::kpi::measures::{Dim, Measure};
use crate::model::entity::EntityKey;
use crate::model::event::{Account as AccountEvent, NONE, TouchOf};
use crate::model::kinds::TouchKind;
use crate::model::time::Millis;
use crate::partials::block::Block;
use crate::partials::cells::Symbol;

pub mod account;
pub mod acts;
pub mod asset;
pub mod conversions;
pub mod credit;
pub mod criteria;
pub mod deal;
pub mod erasures;
pub mod event_id;
pub mod fold;
pub mod forward;
pub mod lead;
pub mod lead_ids;
pub mod ledger;
pub mod letter;
pub mod levels;
pub mod pages;
pub mod records;
pub mod rows;
pub mod rules;
pub mod snapshot;
pub mod sources;
pub mod spend;
pub mod statement;
pub mod symbols;
pub mod table;
pub mod tally;
pub mod unit;
pub mod visibility;
pub mod visitor;
mod waiting;

use account::Account;
use asset::Asset;
use deal::Deal;
use erasures::Erasures;
use event_id::PackedId;
use fold::Fold;
use forward::{Forward, ForwardError, News, Recipient};
use lead::Lead;
use ledger::Said;
use letter::Letter;
use levels::Levels;
use rules::Rules;
use sources::{Sources, Verdict};
use spend::Spending;
use statement::Cause;
use table::Table;
use tally::Told;
use unit::Unit;
use visitor::{Aside, FillSeen, Ident, PageView, Visitor};

/// Stored bytes that the fold cannot read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FoldError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Forward(#[from] ForwardError),
    #[error("a snapshot does not load: {0}")]
    Snapshot(String),
}

/// The next offsets to read of a shard's two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
pub struct Positions {
    pub journal: i64,
    pub forwards: i64,
}

impl Positions {
    /// Whether neither log has been read further than in the other.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.journal <= other.journal && self.forwards <= other.forwards
    }
}

/// What a shard has to say to others since it was last asked, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The shard that it is for, and what it is told.
    pub forwards: Vec<(u16, Vec<u8>)>,
    pub letters: Vec<Letter>,
    pub said: Vec<Said>,
}

impl Effects {
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.forwards.is_empty() && self.letters.is_empty() && self.said.is_empty()
    }
}

/// What a shard has done, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    pub accepted: u64,
    pub duplicates: u64,
    pub late: u64,
    pub rejected: u64,
    /// Sections that were not folded because something before them is missing.
    pub gaps: u64,
}

/// A shard as its metrics show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub watermarks: [Option<Millis>; 3],
    pub counters: Counters,
    pub visitors: usize,
    pub leads: usize,
    pub deals: usize,
    pub touches: usize,
    pub cells: usize,
    pub bytes: usize,
}

/// So many entries are looked at before the first of them is folded.
const AHEAD: usize = 16;

/// An entry, its item and its touch as the journal has them: with numbers of the block's texts.
type Entry<'a> = EntryOf<'a, u32>;
type Item<'a> = ItemOf<'a, u32>;

/// Whom an entry is told to.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Visitor(EntityKey),
    Lead(EntityKey),
    Deal(EntityKey),
    None,
}

impl Subject {
    fn of(item: &Item<'_>) -> Self {
        match item {
            // A touch is its lead's, but a page view with a visitor is the visitor's, like a touch that names no lead.
            Item::Touch(touch) => match (&touch.visitor_id, &touch.lead_id) {
                (Some(visitor), _) if touch.kind == TouchKind::PageView => Self::Visitor(EntityKey::of(visitor)),
                (_, Some(lead)) => Self::Lead(EntityKey::of(lead)),
                (visitor, None) => Self::Visitor(EntityKey::of(visitor.as_deref().unwrap_or_default())),
            },
            Item::Fill(fill) => Self::Lead(EntityKey::of(&fill.lead_id)),
            Item::LeadStage(stage) => Self::Lead(EntityKey::of(&stage.lead_id)),
            Item::Identify(identify) => Self::Visitor(identify.visitor),
            Item::FillSeen(fill) => Self::Visitor(fill.visitor),
            Item::DealStage(stage) => {
                stage.deal_id.as_deref().map_or(Self::None, |deal| Self::Deal(EntityKey::of(deal)))
            }
            Item::Spend(_) | Item::Account(_) | Item::Rejected(_) | Item::Erase(_) => Self::None,
        }
    }
}

#[derive(Debug)]
pub struct Shard {
    number: u16,
    fold: Fold,
    positions: Positions,
    sources: Sources,
    levels: Levels,
    visitors: Table<Visitor>,
    leads: Table<Lead>,
    deals: Table<Deal>,
    accounts: Table<Account>,
    assets: Table<Asset>,
    units: Table<Unit>,
    spending: Spending,
    letters: Vec<Letter>,
    counters: Counters,
    told: Option<[Option<Millis>; 3]>,
    reported: Option<[Option<Millis>; 3]>,
    erasures: Erasures,
    /// The earliest arrival since the last block.
    arrived: Option<Millis>,
}

impl Shard {
    #[must_use]
    pub fn new(rules: Arc<Rules>, number: u16) -> Self {
        Self {
            number,
            levels: Levels::new(rules.shards),
            fold: Fold::new(rules),
            positions: Positions::default(),
            sources: Sources::default(),
            visitors: Table::default(),
            leads: Table::default(),
            deals: Table::default(),
            accounts: Table::default(),
            assets: Table::default(),
            units: Table::default(),
            spending: Spending::default(),
            letters: Vec::new(),
            counters: Counters::default(),
            told: None,
            reported: None,
            erasures: Erasures::default(),
            arrived: None,
        }
    }

    #[must_use]
    pub const fn positions(&self) -> Positions {
        self.positions
    }

    /// Folds a record of the journal.
    pub fn apply_journal(&mut self, offset: i64, value: &[u8]) -> Result<(), FoldError> {
        let mut block = JournalBlock::decode(value)?;
        self.sources.announce(&block.head.announced);
        self.fold.symbols.open_block(block.texts.len());
        while let Some(section) = block.next_section()? {
            self.apply_section(section)?;
        }
        let time = &self.fold.rules.config.time;
        if let Some(watermark) = self.sources.advance(time.history_until, time.advance_when_idle) {
            self.spending.accrue(watermark, &mut self.fold);
            self.spending.forget_before(watermark - self.fold.rules.config.dedupe_horizon);
        }
        self.positions.journal = offset + 1;
        Ok(())
    }

    fn apply_section(&mut self, mut section: Section<'_, '_>) -> Result<(), FoldError> {
        match self.sources.judge(&section.head) {
            Verdict::Gap => {
                self.counters.gaps += 1;
                return Ok(());
            }
            Verdict::Known => {}
            Verdict::Fold { from } => {
                let mut ahead = Entries::<AHEAD>::new();
                loop {
                    section.read(from, &mut ahead)?;
                    if ahead.is_empty() {
                        break;
                    }
                    let subjects: SmallVec<[_; AHEAD]> = ahead.iter().map(|entry| Subject::of(&entry.item)).collect();
                    // Nothing else in between, so that the waits for memory overlap.
                    subjects.iter().for_each(|subject| self.warm_index(*subject));
                    subjects.iter().for_each(|subject| self.warm(*subject));
                    for (entry, subject) in ahead.iter().zip(subjects) {
                        self.apply_entry(section.head.source, section.texts, entry, subject);
                    }
                    ahead.clear();
                }
            }
        }
        self.sources.take(&section.head);
        Ok(())
    }

    /// Looks at what an entry will need of memory, without waiting for it: the index first, then the entity.
    fn warm_index(&self, subject: Subject) {
        match subject {
            Subject::Visitor(key) => self.visitors.warm_index(key),
            Subject::Lead(key) => self.leads.warm_index(key),
            Subject::Deal(key) => self.deals.warm_index(key),
            Subject::None => {}
        }
    }

    fn warm(&self, subject: Subject) {
        match subject {
            Subject::Visitor(key) => self.visitors.warm(key),
            Subject::Lead(key) => self.leads.warm(key),
            Subject::Deal(key) => self.deals.warm(key),
            Subject::None => {}
        }
    }

    fn apply_entry(&mut self, source: Source, texts: &[&str], entry: &Entry<'_>, subject: Subject) {
        self.arrived = Some(self.arrived.map_or(entry.timestamp, |earliest| earliest.min(entry.timestamp)));
        let late = entry.item.occurred_at().and_then(|at| self.mark(at));
        let fold = &mut self.fold;
        if let (Subject::Lead(key), Some(id)) = (subject, entry.item.lead_id().filter(|_| fold.rules.keeps_ids)) {
            fold.lead_ids.note(key, id);
        }
        let is_new = match (&entry.item, subject) {
            (Item::Touch(touch), subject) => self.apply_touch(touch, texts, subject, late),
            (Item::Fill(fill), Subject::Lead(key)) => {
                self.leads.get_or_insert(key, || Lead::new(key)).fill(fill, late, fold)
            }
            (Item::LeadStage(stage), Subject::Lead(key)) => {
                self.leads.get_or_insert(key, || Lead::new(key)).stage(stage, late, fold)
            }
            (Item::Spend(spend), _) => self.spending.book(spend, late, fold),
            (Item::Rejected(rejected), _) => {
                self.counters.rejected += 1;
                let reason = fold.symbols.of(Dim::Reason, &rejected.reason);
                self.count_open(Measure::DeadLetters, entry.timestamp, &[reason]);
                self.letters.push(Letter::rejected(rejected, source, entry.offset, entry.timestamp));
                return;
            }
            (Item::Account(account), _) => return self.hold(account, entry.timestamp),
            (Item::Erase(lead), _) => return self.let_go(*lead),
            _ => return self.apply_mention(&entry.item, subject, late),
        };
        self.count_arrival(source, texts, entry, is_new, late);
    }

    /// Takes an account's record: what it changes are the leads and visitors that have named the account.
    fn hold(&mut self, account: &AccountEvent<'_>, from: Millis) {
        let rules = Arc::clone(&self.fold.rules);
        if !rules.keeps_records {
            return;
        }
        let id = &*account.account_id;
        let from_start = rules.config.accounts_hold_from_start && self.fold.records.is_new(id);
        let mark = if from_start { self.sources.watermark() } else { self.mark(from) };
        let leads = self.fold.records.leads.of(id);
        self.fold.cause = Cause::Account;
        let (all, fold) = (&mut self.leads, &mut self.fold);
        let mut before = Vec::with_capacity(leads.len());
        for key in &leads {
            before.push(all.get_or_insert(*key, || Lead::new(*key)).contributions(fold));
        }
        let of_visitors = fold.records.visitors.of(id);
        let mut views = Vec::with_capacity(of_visitors.len());
        for key in &of_visitors {
            views.push(self.visitors.get_or_insert(*key, || Visitor::new(*key)).contributions(fold));
        }
        // In its home shard it is a subject of its own.
        let key = EntityKey::of(id);
        let own = (key.home(rules.shards) == self.number).then_some(key);
        let of_account = own.map(|key| {
            let mut of = self.accounts.get_or_insert(key, || Account::new(key));
            of.name(id);
            of.contributions(fold)
        });
        fold.records.hold(account, from, mark, &rules.criteria);
        if let Some((key, before)) = own.zip(of_account) {
            let after = self.accounts.get_or_insert(key, || Account::new(key)).contributions(fold);
            fold.replace(&before, &after);
        }
        for (key, before) in of_visitors.iter().zip(views) {
            let after = self.visitors.get_or_insert(*key, || Visitor::new(*key)).contributions(fold);
            fold.replace(&before, &after);
        }
        for (key, before) in leads.iter().zip(before) {
            let mut lead = all.get_or_insert(*key, || Lead::new(*key));
            let after = lead.work_out(fold);
            lead.exchange(&before, &after, fold);
        }
    }

    /// What tells a further entity of an event that another one counts.
    fn apply_mention(&mut self, item: &Item<'_>, subject: Subject, late: Option<Millis>) {
        let fold = &mut self.fold;
        match (item, subject) {
            (Item::Identify(identify), Subject::Visitor(key)) => {
                let (at, topic, lead) = (identify.occurred_at, identify.topic, identify.lead);
                let ident = Ident { at, topic, event_id: &identify.event_id, lead, late };
                if !Visitor::append(&mut self.visitors, key, &ident, &mut fold.ids) {
                    self.visitors.get_or_insert(key, || Visitor::new(key)).identify(ident, fold);
                }
            }
            (Item::FillSeen(fill), Subject::Visitor(key)) => {
                let page = fold.symbols.of(Dim::Page, &fill.page);
                let id = PackedId::UNSET;
                let seen = FillSeen { at: fill.occurred_at, id, lead: fill.lead, page, late };
                self.visitors.get_or_insert(key, || Visitor::new(key)).fill(seen, &fill.event_id, fold);
            }
            (Item::DealStage(stage), Subject::Deal(key)) => {
                self.deals.get_or_insert(key, || Deal::new(key)).take(stage, late, fold);
            }
            _ => {}
        }
    }

    fn apply_touch(
        &mut self,
        touch: &TouchOf<'_, u32>,
        texts: &[&str],
        subject: Subject,
        late: Option<Millis>,
    ) -> bool {
        let fold = &mut self.fold;
        let (at, kind) = (touch.occurred_at, touch.kind);
        let origin = fold.symbols.origin_in_block(&touch.origin, texts);
        let account = touch.account_id.as_deref();
        let asset = touch.asset_id().map(|number| texts[*number as usize]);
        let about = fold.about(touch, texts);
        let click = touch.details.as_ref().and_then(|of| of.click.as_ref()).filter(|_| fold.rules.writes_uploads);
        let key = match subject {
            Subject::Visitor(key) => key,
            Subject::Lead(key) => {
                let event_id = &touch.event_id;
                let click = click.map(|click| (&*click.platform, &*click.id));
                let touch = lead::Touch { at, event_id, kind, origin, account, asset, about, click, late };
                return Lead::append(&mut self.leads, key, &touch, fold)
                    || self.leads.get_or_insert(key, || Lead::new(key)).touch(&touch, fold);
            }
            Subject::Deal(_) | Subject::None => unreachable!("a touch is its visitor's or its lead's"),
        };
        let mut visitor = self.visitors.get_or_insert(key, || Visitor::new(key));
        let account = account.map(Into::into);
        let click = click.map(|click| Box::new(((&*click.platform).into(), (&*click.id).into())));
        if kind == TouchKind::PageView {
            let page = fold.symbols.of(Dim::Page, texts[touch.page as usize]);
            let lead = touch.lead_id.as_deref().map(EntityKey::of);
            let lead_id = touch.lead_id.as_deref().filter(|_| fold.rules.keeps_ids).map(Into::into);
            let aside = Aside { lead, lead_id, account, exposure: about.exposure, click, late };
            visitor.view(PageView::new(at, origin, page, aside), &touch.event_id, fold)
        } else {
            let id = PackedId::UNSET;
            let asset = fold.symbols.of(Dim::Asset, asset.unwrap_or(NONE));
            let touched = visitor::Touch { at, id, kind, account, origin, asset, about, click, late };
            visitor.touch(touched, &touch.event_id, fold)
        }
    }

    fn count_arrival(&mut self, source: Source, texts: &[&str], entry: &Entry<'_>, is_new: bool, late: Option<Millis>) {
        if !is_new {
            self.counters.duplicates += 1;
            let at = entry.item.occurred_at().unwrap_or(entry.timestamp);
            self.count_open(Measure::DuplicateEvents, at, &[]);
            return;
        }
        self.counters.accepted += 1;
        if late.is_some() {
            self.counters.late += 1;
            let reason = self.fold.symbols.of(Dim::Reason, letter::LATE);
            self.count_open(Measure::LateEvents, entry.timestamp, &[]);
            self.count_open(Measure::DeadLetters, entry.timestamp, &[reason]);
            let topic = self.fold.rules.config.topics.inputs.get(&source.topic).map_or("", |input| &input.topic);
            self.letters.push(Letter::late(entry, texts, source, topic));
        }
    }

    /// Counts an arrival, unless what it would change is final: a plain fact at the watermark − L is closed.
    fn count_open(&mut self, measure: Measure, at: Millis, values: &[Symbol]) {
        let closed = self.sources.watermark().map(|watermark| watermark - self.fold.rules.lateness());
        if closed.is_none_or(|closed| closed < at) {
            self.fold.count(measure, at, values);
        }
    }

    /// The mark of an event of this time that arrives now: none when it is in time.
    fn mark(&self, at: Millis) -> Option<Millis> {
        self.sources.watermark().filter(|watermark| at < *watermark - self.fold.rules.lateness())
    }

    /// Folds a record of the forwards.
    pub fn apply_forward(&mut self, offset: i64, value: &[u8]) -> Result<(), FoldError> {
        let mut forward = Forward::decode(value)?;
        forward.news.sort_by_key(|news| news.to);
        for of_one in forward.news.chunk_by(|a, b| a.to == b.to) {
            let told: Vec<_> = of_one.iter().map(|news| (news.known.clone(), news.visible, news.added)).collect();
            match of_one[0].to {
                Recipient::Lead(key) => self.tell_lead(key, &told, forward.from),
                Recipient::Asset(key) => {
                    self.assets.get_or_insert(key, || Asset::new(key)).hear(&told, &mut self.fold);
                }
                Recipient::Deal(key) => {
                    let clock = self.levels.of_accounts().unwrap_or(Millis::MIN);
                    self.deals.get_or_insert(key, || Deal::new(key)).hear(&told, clock, &mut self.fold);
                }
                Recipient::Unit(key) => {
                    self.units.get_or_insert(key, || Unit::new(key)).hear(&told, &mut self.fold);
                }
                Recipient::Account(key) => {
                    self.accounts.get_or_insert(key, || Account::new(key)).hear(&told, &mut self.fold);
                }
            }
        }
        self.levels.hear(forward.from, forward.watermarks);
        self.wake();
        self.close_statements();
        self.positions.forwards = offset + 1;
        Ok(())
    }

    /// What it has to tell others since it was last asked.
    pub fn take_effects(&mut self) -> Effects {
        let watermarks = self.told_watermarks();
        let shards = self.fold.rules.shards;
        let mut by_shard: Vec<Vec<News>> = (0..shards).map(|_| Vec::new()).collect();
        for news in self.fold.news.drain(..) {
            by_shard[usize::from(news.to.key().home(shards))].push(news);
        }
        let moved = self.told != Some(watermarks);
        self.told = Some(watermarks);
        let forwards = (0..shards).zip(by_shard).filter(|(_, news)| moved || !news.is_empty());
        let forwards = forwards.map(|(to, news)| (to, Forward { from: self.number, watermarks, news }.encode()));
        let said = std::mem::take(&mut self.fold.said);
        Effects { forwards: forwards.collect(), letters: std::mem::take(&mut self.letters), said }
    }

    /// What it says of its own levels to others.
    fn told_watermarks(&self) -> [Option<Millis>; 3] {
        let leads = self.levels.of_leads();
        // Units tell deals, and those of contacts tell accounts who was won.
        let units = if self.fold.rules.unit == AttributionUnit::Lead { leads } else { self.levels.of_units() };
        [self.sources.watermark(), leads, units]
    }

    /// By level: visitors and deals, leads, accounts.
    #[must_use]
    pub fn watermarks(&self) -> [Option<Millis>; 3] {
        [self.sources.watermark(), self.levels.of_leads(), self.levels.of_accounts()]
    }

    /// The cells that changed since the last block, or all of them.
    pub fn take_block(&mut self, claim: u64, takes_over: bool, whole: bool) -> Block {
        let watermarks = self.watermarks();
        self.reported = Some(watermarks);
        let (tally, symbols) = (&mut self.fold.tally, &self.fold.symbols);
        let Told { texts, named, changed, known } =
            if whole { tally.take_all(symbols) } else { tally.take_changed(symbols) };
        // What an owner takes over was there before.
        let arrived = self.arrived.take().filter(|_| !takes_over);
        let Positions { journal, forwards } = self.positions;
        let (journal_offset, forwards_offset) = (journal, forwards);
        Block {
            shard: self.number,
            claim,
            takes_over,
            whole,
            journal_offset,
            forwards_offset,
            watermarks,
            arrived,
            texts,
            named,
            changed,
            known,
        }
    }

    /// Whether there are effects that were not taken yet.
    const fn has_effects(&self) -> bool {
        !self.fold.news.is_empty() || !self.letters.is_empty() || !self.fold.said.is_empty()
    }

    /// Whether there is something to tell that was not taken yet.
    #[must_use]
    pub fn has_news(&self) -> bool {
        let watermarks = self.watermarks();
        let moved = self.told != Some(self.told_watermarks()) || self.reported != Some(watermarks);
        moved || self.has_effects() || self.fold.tally.has_changed()
    }

    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// What it holds and has done. Walks all entities: not for every event.
    #[must_use]
    pub fn status(&self) -> Status {
        let bytes = self.visitors.bytes(Visitor::bytes)
            + self.leads.bytes(Lead::bytes)
            + self.deals.bytes(Deal::bytes)
            + self.accounts.bytes(Account::bytes)
            + self.assets.bytes(Asset::bytes)
            + self.units.bytes(Unit::bytes)
            + self.fold.records.bytes()
            + self.fold.lead_ids.bytes()
            + self.spending.bytes();
        Status {
            watermarks: self.watermarks(),
            counters: self.counters,
            visitors: self.visitors.len(),
            leads: self.leads.len(),
            deals: self.deals.len(),
            touches: self.leads.rows(Lead::touches),
            cells: self.fold.tally.len(),
            bytes,
        }
    }
}
