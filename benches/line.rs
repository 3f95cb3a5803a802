//! What each step of the line costs on the core job, on one thread: decode, pack, fold, merge, snapshot, restore.
//! `cargo bench --bench line`. Items are input records.

#![allow(clippy::unwrap_used, reason = "a benchmark ends where it cannot go on")]

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tributary::ingest::RawRecord;
use tributary::kpi::plan::plan_of;
use tributary::model::time::Millis;
use tributary::rollup::Rollup;
use tributary::shards::Shard;
use tributary::shards::rules::Rules;

#[allow(dead_code, reason = "each benchmark takes what it needs of it")]
mod core_job;
use core_job::Packer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: usize = 1_000_000;
const LEADS: usize = 100_000;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn decode(bencher: Bencher) {
    let (config, records) = (core_job::config(), core_job::records(EVENTS, LEADS));
    let ingest = core_job::ingest(&config);
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
        for (topic, value) in &records {
            let record = RawRecord { key: None, value: Some(value), timestamp: Millis(0) };
            black_box(ingest.decode(*topic, &record, Millis(i64::MAX / 2)).is_ok());
        }
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn decode_route_pack(bencher: Bencher) {
    let (config, records) = (core_job::config(), core_job::records(EVENTS, LEADS));
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| black_box(Packer::new(&config).pack(&records)));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn fold(bencher: Bencher) {
    let (config, records) = (core_job::config(), core_job::records(EVENTS, LEADS));
    let journals = Packer::new(&config).pack(&records);
    bencher.counter(ItemsCount::new(records.len())).with_inputs(|| core_job::shards(&config)).bench_local_values(
        |mut shards| {
            core_job::fold(&mut shards, &journals);
            shards
        },
    );
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn merge(bencher: Bencher) {
    let (config, records) = (core_job::config(), core_job::records(EVENTS, LEADS));
    let mut shards = core_job::shards(&config);
    core_job::fold(&mut shards, &Packer::new(&config).pack(&records));
    let blocks: Vec<_> = shards.iter_mut().map(|shard| shard.take_block(1, true, true)).collect();
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
        let mut rollup = Rollup::new(&config);
        blocks.iter().for_each(|block| assert!(rollup.apply(block)));
        rollup.changed(true, Millis(0)).len()
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn snapshot(bencher: Bencher) {
    let shards = folded();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| shards.iter().map(Shard::snapshot).collect::<Vec<_>>());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn restore(bencher: Bencher) {
    let config = core_job::config();
    let rules = Arc::new(Rules::new(Arc::new(config.clone()), plan_of(&config)));
    let snapshots: Vec<_> = folded().iter().map(Shard::snapshot).collect();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let restored = snapshots.iter().enumerate();
        restored.map(|(n, chunks)| Shard::restore(Arc::clone(&rules), n as u16, chunks).unwrap()).collect::<Vec<_>>()
    });
}

fn folded() -> Vec<Shard> {
    let (config, records) = (core_job::config(), core_job::records(EVENTS, LEADS));
    let mut shards = core_job::shards(&config);
    core_job::fold(&mut shards, &Packer::new(&config).pack(&records));
    shards.iter_mut().for_each(|shard| drop(shard.take_effects()));
    shards
}
