//! What it costs to state a deal's credit anew because a touch of its journey came late: through the fold of all shards
//! and back to the ledger, and with the rollup's rows. In proportion to the journey, whatever else the window holds:
//! compare 10,000 deals with 1,000, and journeys of 50 touches with those of 10 and 200.
//! `cargo bench --bench restatement`. Items are touches that came.

#![allow(clippy::unwrap_used, reason = "a benchmark ends where it cannot go on")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tributary::config::Config;
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};
use tributary::rollup::Rollup;
use tributary::shards::Shard;

#[allow(dead_code, reason = "each benchmark takes what it needs of it")]
mod core_job;
use core_job::Packer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const START: i64 = 1_756_684_800_000;
/// Touches are in these days, deals are won after them.
const DAYS: i64 = 60;
const CHANNELS: [&str; 8] =
    ["paid_search", "organic_search", "email", "direct", "paid_social", "webinar", "referral", "display"];
const SAMPLES: usize = 20;
/// Late touches a sample.
const LATE: usize = 25;

fn main() {
    divan::main();
}

fn config() -> Config {
    let text = r#"
        [topics]
        partitions = 4
        [time]
        windows = ["1d", "30d", "all"]
        advance_when_idle = false
        allowed_lateness = "400d"
        [dedupe]
        horizon = "400d"
        [output]
        kpis = ["won_deals", "revenue", "attributed_*", "removal_effect_ratio", "touch_dated_*", "assisted_conversions",
            "path_conversions", "journey_touches"]
        ledgers = ["attributions"]
    "#;
    Config::parse(text, "restatement", std::iter::empty()).unwrap()
}

fn touch(lead: usize, n: usize, at: i64) -> (Topic, Vec<u8>) {
    let channel = CHANNELS[(lead + n * 5) % CHANNELS.len()];
    let text = format!(
        r#"{{"event_id":"t{lead}-{n}","occurred_at":{at},"kind":"click","lead_id":"l{lead}","channel":"{channel}"}}"#
    );
    (Topic::Touchpoints, text.into_bytes())
}

/// Each lead with a deal, won after so many touches.
fn history(deals: usize, touches: usize) -> Vec<(Topic, Vec<u8>)> {
    let span = Span::DAY.0 * DAYS;
    let mut records = Vec::with_capacity(deals * (touches + 1));
    for n in 0..touches {
        let at = START + span * n as i64 / touches as i64;
        records.extend((0..deals).map(|lead| touch(lead, n, at + lead as i64)));
    }
    records.extend((0..deals).map(|lead| {
        let at = START + span + lead as i64 * 60_000;
        let text = format!(
            r#"{{"event_id":"d{lead}","occurred_at":{at},"lead_id":"l{lead}","deal_id":"D{lead}","stage":"won","amount":1000}}"#
        );
        (Topic::DealStages, text.into_bytes())
    }));
    records
}

/// What shards tell each other comes to them. Says how many lines they write.
fn tell(shards: &mut [Shard], offset: i64) -> usize {
    let mut lines = 0;
    let mut forwards = Vec::new();
    for shard in shards.iter_mut() {
        let effects = shard.take_effects();
        lines += effects.said.len();
        forwards.extend(effects.forwards);
    }
    for (to, bytes) in forwards {
        shards[usize::from(to)].apply_forward(offset, &bytes).unwrap();
    }
    lines
}

struct Line {
    shards: Vec<Shard>,
    rollup: Rollup,
    /// The journals of single touches.
    late: std::vec::IntoIter<Vec<Vec<Vec<u8>>>>,
    flush: i64,
}

impl Line {
    fn new(deals: usize, touches: usize) -> Self {
        let config = config();
        let mut packer = Packer::new(&config);
        let mut shards = core_job::shards(&config);
        core_job::fold(&mut shards, &packer.pack(&history(deals, touches)));
        let mut rollup = Rollup::new(&config);
        // Watermarks go from level to level.
        for _ in 0..4 {
            tell(&mut shards, 0);
        }
        for shard in &mut shards {
            assert!(rollup.apply(&shard.take_block(1, true, true)));
        }
        assert!(!rollup.changed(true, Millis(0)).is_empty());
        // In the middle of a journey each, of one lead after the other.
        let late = (0..=SAMPLES * LATE).map(|n| {
            let at = START + Span::DAY.0 * DAYS / 2 + n as i64;
            packer.pack(&[touch(n % deals, touches + n, at)])
        });
        Self { shards, rollup, late: late.collect::<Vec<_>>().into_iter(), flush: 1_000_000 }
    }

    /// What the next touch makes others write: lines of the ledger.
    fn fold(&mut self) -> usize {
        let journals = self.late.next().unwrap();
        self.flush += 1;
        for (shard, journal) in self.shards.iter_mut().zip(&journals) {
            shard.apply_journal(self.flush, &journal[0]).unwrap();
        }
        // From the lead to the deal, which writes.
        (0..3).map(|_| tell(&mut self.shards, self.flush)).sum()
    }

    fn publish(&mut self) -> usize {
        for shard in &mut self.shards {
            self.rollup.apply(&shard.take_block(1, false, false));
        }
        self.rollup.changed(false, Millis(0)).len()
    }
}

#[divan::bench(args = [(1_000, 10), (1_000, 50), (1_000, 200), (10_000, 10), (10_000, 50)], sample_count = SAMPLES as u32, sample_size = 1)]
fn folds_to_the_ledger(bencher: Bencher, (deals, touches): (usize, usize)) {
    let mut line = Line::new(deals, touches);
    assert!(line.fold() > 0, "a touch in the middle of a journey states the deal anew");
    bencher.counter(ItemsCount::new(LATE)).bench_local(|| {
        for _ in 0..LATE {
            black_box(line.fold());
        }
    });
}

#[divan::bench(args = [(1_000, 50), (10_000, 50)], sample_count = SAMPLES as u32, sample_size = 1)]
fn folds_to_the_rows_that_run(bencher: Bencher, (deals, touches): (usize, usize)) {
    let mut line = Line::new(deals, touches);
    bencher.counter(ItemsCount::new(LATE)).bench_local(|| {
        for _ in 0..LATE {
            black_box(line.fold());
        }
        black_box(line.publish());
    });
}
