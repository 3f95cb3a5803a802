//! Bytes a lead: resident memory before and after a million leads with five touches each are folded in the core job's
//! configuration. `cargo bench --bench memory -- [leads]`

#![allow(clippy::unwrap_used, reason = "a benchmark ends where it cannot go on")]

#[allow(dead_code, reason = "each benchmark takes what it needs of it")]
mod core_job;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

fn main() {
    let leads = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(1_000_000);
    let config = core_job::config();
    let mut shards = core_job::shards(&config);
    // In parts, so that what is being read is small beside what is kept.
    let records = core_job::five_touches_each(leads);
    let before = resident();
    let mut folded = 0;
    let mut packer = core_job::Packer::new(&config);
    for part in records {
        core_job::fold(&mut shards, &packer.pack(&part));
        folded += 1;
    }
    let after = resident();
    let kept: usize = shards.iter().map(|shard| shard.status().bytes).sum();
    let touches: usize = shards.iter().map(|shard| shard.status().touches).sum();
    println!("{leads} leads, {touches} touches in {folded} parts");
    println!("resident {} bytes a lead, of which {} are in rows and tables", (after - before) / leads, kept / leads);
}
