//! Parts as small as can be for tests of the drivers: a record's value is `lead@time`, a shard counts each event once
//! and tells its neighbour of it, the rollup sums what all shards have counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::parts::{
    Combine, Damage, Decode, Decoded, Effects, Fold, Letter, Output, Parts, Positions, Raw, Row, Said, Show,
    Unavailable, json_print,
};
use super::settings::{Limits, Settings};
use super::topics::Names;
use crate::journal::block::{Block as JournalBlock, Entries, Source};
use crate::journal::entry::ItemOf;
use crate::kpi::measures::Measure;
use crate::model::event::{Event, NONE, Origin, Text, Topic, Touch};
use crate::model::kinds::TouchKind;
use crate::model::time::{Millis, Span};
use crate::model::window::{Window, WindowKind};
use crate::partials::block::{Block, NamedCell};
use crate::partials::cells::Amount;
use crate::publish::ledgers::Ledger;

pub const SHARDS: u16 = 2;

#[derive(Clone, Default)]
pub struct Toy {
    /// While it is down, records that begin with `?` cannot be judged.
    pub registry_down: Arc<AtomicBool>,
}

pub fn names() -> Names {
    Names {
        shards: SHARDS,
        inputs: Topic::ALL.into_iter().map(|topic| (topic, topic.name().into())).collect(),
        journal: "journal".into(),
        forwards: "forwards".into(),
        partials: "partials".into(),
        snapshots: "snapshots".into(),
        kpis: "kpis".into(),
        alerts: "alerts".into(),
        dead_letters: "dead-letters".into(),
        ledgers: Ledger::ALL.map(|ledger| ledger.name().into()),
        group: "g".into(),
        ingest_group: "g-ingest".into(),
        shards_group: "g-shards".into(),
        rollup_group: "g-rollup".into(),
    }
}

pub fn settings() -> Settings {
    Settings {
        idle_after: Span(30_000),
        advance_when_idle: true,
        history_until: None,
        ahead_at_most: Span::days(1),
        output_interval: Span(1000),
        settle_interval: Span(10_000),
        snapshot_min_tail_bytes: 500,
        snapshot_max_age: Span::days(400),
        limits: Limits { partials_bytes: 20, ..Limits::default() },
    }
}

impl Decode for Toy {
    fn decode<'a>(&mut self, topic: Topic, record: Raw<'a>, _now: Millis) -> Result<Decoded<'a>, Unavailable> {
        if topic == Topic::Erasures {
            return Ok(Decoded::Event(Event::Erasure("somebody".into())));
        }
        let text = record.value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        if text.starts_with('?') && self.registry_down.load(Ordering::SeqCst) {
            return Err(Unavailable("the registry is down".to_owned()));
        }
        let Some((lead, at)) = text.split_once('@').filter(|_| topic == Topic::Touchpoints) else {
            return Ok(Decoded::Rejected { reason: "undecodable".into(), message: "no @".into() });
        };
        let none = || Text::borrowed(NONE);
        Ok(Decoded::Event(Event::Touch(Box::new(Touch {
            event_id: text.into(),
            occurred_at: Millis(at.parse().expect("a time")),
            kind: TouchKind::Click,
            visitor_id: None,
            lead_id: Some(lead.into()),
            account_id: None,
            origin: Origin { channel: none(), campaign: none(), content: none(), term: none() },
            page: none(),
            details: None,
        }))))
    }
}

#[derive(Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ToyShard {
    pub number: u16,
    pub positions: Positions,
    pub told: BTreeMap<Source, i64>,
    pub gaps: u64,
    pub idle: BTreeMap<Source, Millis>,
    pub watermarks: BTreeMap<Source, Millis>,
    /// Offsets folded: nothing twice.
    pub folded: BTreeSet<(Source, i64)>,
    /// What the neighbour told, by text.
    pub heard: BTreeMap<String, u64>,
    pub erased: u64,
    #[serde(skip)]
    effects: Effects,
    #[serde(skip)]
    news: bool,
}

impl Fold for ToyShard {
    fn apply_journal(&mut self, offset: i64, value: &[u8]) -> Result<(), Damage> {
        let damage = |error: crate::journal::block::JournalError| Damage(error.to_string());
        self.positions.journal = offset + 1;
        let mut block = JournalBlock::decode(value).map_err(damage)?;
        while let Some(mut section) = block.next_section().map_err(damage)? {
            let source = section.head.source;
            let next = self.told.get(&source).copied().unwrap_or(0);
            if section.head.follows > next {
                self.gaps += 1;
                continue;
            }
            let mut entries = Entries::<1>::new();
            loop {
                section.read(next, &mut entries).map_err(damage)?;
                let Some(entry) = entries.pop() else { break };
                match entry.item {
                    ItemOf::Touch(touch) => {
                        assert!(self.folded.insert((source, entry.offset)), "folded twice");
                        let to = (self.number + 1) % SHARDS;
                        self.effects.forwards.push((to, touch.event_id.text().as_bytes().to_vec()));
                    }
                    ItemOf::Rejected(rejected) => self.effects.letters.push(Letter {
                        reason: rejected.reason.to_string(),
                        message: rejected.message.to_string(),
                        topic: rejected.topic.to_string(),
                        partition: source.partition,
                        offset: entry.offset,
                        timestamp: entry.timestamp,
                        key: rejected.key.map(<[u8]>::to_vec),
                        value: rejected.value.map(<[u8]>::to_vec),
                        headers: Vec::new(),
                    }),
                    ItemOf::Erase(_) => self.erased += 1,
                    _ => panic!("a toy routes only touches"),
                }
            }
            self.told.insert(source, section.head.to.max(next));
            if let Some(idle) = section.head.idle {
                self.idle.insert(source, idle);
            }
            if let Some(watermark) = section.head.watermark {
                let known = self.watermarks.entry(source).or_insert(watermark);
                *known = watermark.max(*known);
            }
            self.news = true;
        }
        Ok(())
    }

    fn apply_forward(&mut self, offset: i64, value: &[u8]) -> Result<(), Damage> {
        self.positions.forwards = offset + 1;
        *self.heard.entry(String::from_utf8_lossy(value).into_owned()).or_default() += 1;
        self.news = true;
        Ok(())
    }

    fn positions(&self) -> Positions {
        self.positions
    }

    fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    fn take_block(&mut self, claim: u64, takes_over: bool, whole: bool) -> Block {
        self.news = false;
        let heard: u64 = self.heard.values().sum();
        let sum = i128::from(heard) * 1_000_000 + self.folded.len() as i128;
        Block {
            shard: self.number,
            claim,
            takes_over,
            whole,
            journal_offset: self.positions.journal,
            forwards_offset: self.positions.forwards,
            watermarks: [Some(Millis(1)); 3],
            arrived: None,
            texts: Vec::new(),
            named: vec![NamedCell {
                number: 0,
                measure: Measure::ALL[0],
                kept: crate::kpi::plan::Kept::default(),
                bucket: Window { kind: WindowKind::All, start: 0 },
                values: Measure::ALL[0].dims().iter().map(|_| crate::partials::cells::Symbol::ABSENT).collect(),
                amount: Amount { sum, facts: 1 },
            }],
            changed: 1,
            known: Vec::new(),
        }
    }

    fn has_news(&self) -> bool {
        self.news || !self.effects.is_empty()
    }

    fn snapshot(&self) -> Vec<Vec<u8>> {
        let bytes = postcard::to_allocvec(self).expect("encodes");
        bytes.chunks(100).map(<[u8]>::to_vec).collect()
    }
}

/// The keys of the rows that were shown.
#[derive(Debug, Default)]
pub struct Seen(pub Mutex<BTreeSet<String>>);

impl Show<String> for Seen {
    fn show(&self, rows: Vec<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
    }
}

#[derive(Debug, Default)]
pub struct ToyRollup {
    claims: BTreeMap<u16, u64>,
    sums: BTreeMap<u16, i128>,
    published: BTreeMap<u16, i128>,
}

impl Combine for ToyRollup {
    type Shown = String;

    fn apply(&mut self, block: &Block) -> bool {
        let known = self.claims.get(&block.shard).copied();
        let begins = block.takes_over || (known.is_none() && block.whole);
        if begins && known.is_none_or(|known| known < block.claim) {
            self.claims.insert(block.shard, block.claim);
        }
        let holds = self.claims.get(&block.shard) == Some(&block.claim);
        if holds {
            self.sums.insert(block.shard, block.named[0].amount.sum);
        }
        holds
    }

    fn watermark(&self) -> Option<Millis> {
        (self.sums.len() == usize::from(SHARDS)).then_some(Millis(1))
    }

    fn recall(&mut self, key: &str, _value: Option<&[u8]>) {
        panic!("a toy has no alert {key}");
    }

    fn changed(&mut self, _settle: bool, now: Millis) -> Vec<Row<String>> {
        let mut rows = Vec::new();
        for (shard, sum) in &self.sums {
            if self.published.insert(*shard, *sum) != Some(*sum) {
                let value = format!("{{\"sum\":{sum},\"updated_at\":{}}}", now.0).into_bytes();
                let key = format!("shard|{shard}");
                rows.push(Row { to: Output::Kpis, shown: Some(key.clone()), key, value: Some(value) });
            }
        }
        rows
    }

    fn is_settling(&self) -> bool {
        false
    }

    fn print(&self, value: &[u8]) -> u64 {
        json_print(value)
    }
}

impl Parts for Toy {
    type Decoder = Self;
    type Shard = ToyShard;
    type Rollup = ToyRollup;

    fn decoder(&self) -> Self {
        self.clone()
    }

    fn shard(&self, number: u16) -> ToyShard {
        ToyShard { number, ..ToyShard::default() }
    }

    fn restore(&self, _number: u16, chunks: &[Vec<u8>]) -> Result<ToyShard, Damage> {
        postcard::from_bytes(&chunks.concat()).map_err(|error| Damage(error.to_string()))
    }

    fn rollup(&self) -> ToyRollup {
        ToyRollup::default()
    }

    fn written(&self, _said: &Said) -> Option<Vec<u8>> {
        unreachable!("a toy keeps no ledger")
    }

    fn shown(&self, _of: Output, key: &str, _value: Option<&[u8]>) -> Option<String> {
        Some(key.to_owned())
    }
}
