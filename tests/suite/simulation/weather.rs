//! What goes wrong between the instances and their log: every answer of the memory log's table of faults, drawn from the
//! seed, and how often each was given. Nothing goes wrong for who feeds the inputs, nor once it is calm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tributary::model::time::Span;
use tributary::runtime::log::Partition;
use tributary::runtime::memory_log::faults::{Delivery, Ending, Faults, Fencing, GroupCommit};

/// How often something happened, by name.
pub type Tally = BTreeMap<&'static str, u64>;

pub struct Weather {
    chance: ChaCha8Rng,
    /// One answer in so many is bad.
    rarity: u32,
    pub calm: bool,
    /// The journal takes no more records.
    pub frozen: Option<Arc<str>>,
    /// The next member of a group that polls is taken for dead, and notices after this time.
    pub evict: Option<(String, Span)>,
    pub tally: Tally,
    /// Where a record was lost, and nothing has been delivered since.
    lost: BTreeSet<Partition>,
}

/// The same weather, for the log and for who watches over it.
#[derive(Clone)]
pub struct Sky(Arc<Mutex<Weather>>);

impl Sky {
    pub fn new(seed: u64, rarity: u32) -> Self {
        let chance = ChaCha8Rng::seed_from_u64(seed ^ 0x5EED_50F7_0DD5);
        let (tally, lost) = (Tally::new(), BTreeSet::new());
        Self(Arc::new(Mutex::new(Weather { chance, rarity, calm: false, frozen: None, evict: None, tally, lost })))
    }

    pub fn lock(&self) -> MutexGuard<'_, Weather> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, what: &'static str) {
        self.lock().note(what);
    }
}

impl Weather {
    pub fn note(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn strikes(&mut self) -> bool {
        !self.calm && self.chance.random_ratio(1, self.rarity)
    }

    fn span(&mut self, most: i64) -> Span {
        Span(if self.calm { 0 } else { self.chance.random_range(0..=most) })
    }

    fn deliver(&mut self, to: &Partition) -> Delivery {
        if self.strikes() {
            let answer = self.span(400);
            if self.chance.random_bool(0.5) {
                self.note("a delivery failed, and landed");
                return Delivery::Failed { lands: Some(self.span(5000)), answer };
            }
            self.note("a delivery failed");
            self.lost.insert(to.clone());
            return Delivery::Failed { lands: None, answer };
        }
        if self.lost.remove(to) {
            self.note("a delivery failed, a later one succeeded");
        }
        let (mut lands, answer) = (Span(0), self.span(30));
        if self.strikes() {
            self.note("a delivery was late");
            lands = self.span(6000);
        }
        Delivery::Acked { lands, answer }
    }
}

impl Faults for Sky {
    fn full(&mut self) -> bool {
        self.lock().strikes()
    }

    fn delivery(&mut self, to: &Partition) -> Delivery {
        let mut weather = self.lock();
        if weather.frozen.as_ref() == Some(&to.topic) {
            return Delivery::Failed { lands: None, answer: Span(0) };
        }
        if weather.calm { Delivery::PROMPT } else { weather.deliver(to) }
    }

    fn fencing(&mut self, _: &str) -> Fencing {
        let mut weather = self.lock();
        let most = if weather.strikes() { 3000 } else { 20 };
        Fencing { request: weather.span(most), answer: weather.span(most) }
    }

    fn ending(&mut self, _: &str) -> Ending {
        let mut weather = self.lock();
        let (request, answer) = (weather.span(30), weather.span(30));
        if !weather.strikes() {
            let markers = weather.span(10);
            return Ending::Committed { request, markers, answer };
        }
        match weather.chance.random_range(0..4) {
            0 => {
                weather.note("a transaction was aborted");
                Ending::Aborted { request, answer }
            }
            1 => {
                weather.note("a commit's answer was late");
                Ending::Committed {
                    request: weather.span(4000),
                    markers: weather.span(200),
                    answer: weather.span(4000),
                }
            }
            2 => {
                weather.note("a commit's answer was lost");
                Ending::Unknown { request: Some(weather.span(4000)), answer }
            }
            _ => {
                weather.note("a commit was lost");
                Ending::Unknown { request: None, answer }
            }
        }
    }

    fn group_commit(&mut self, _: &str) -> GroupCommit {
        let mut weather = self.lock();
        if weather.strikes() {
            weather.note("a commit of input offsets was lost");
            return GroupCommit::Lost;
        }
        GroupCommit::Applied { after: weather.span(300) }
    }

    fn eviction(&mut self, group: &str) -> Option<Span> {
        let mut weather = self.lock();
        if let Some((_, notices)) = weather.evict.take_if(|(of, _)| of == group) {
            weather.note("a member was told late that it was out");
            return Some(notices);
        }
        // Asked at every poll, so far rarer than the rest.
        let strikes = weather.strikes() && weather.chance.random_ratio(1, 30);
        strikes.then(|| {
            weather.note("a member was told late that it was out");
            weather.span(6000)
        })
    }

    fn batch(&mut self, most: usize) -> usize {
        let mut weather = self.lock();
        if weather.calm { most } else { weather.chance.random_range(1..=most.max(1)) }
    }
}
