//! How long a shard's fold waits for whoever looks for conversions: leads with five touches and a form each, every one of
//! them a conversion of the window that is asked for. `cargo bench --bench conversions -- [leads]`

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark ends where it cannot go on, and measures time"
)]

#[allow(dead_code, reason = "each benchmark takes what it needs of it")]
mod core_job;

use std::time::{Duration, Instant};

use tributary::config::Config;
use tributary::model::event::Topic;
use tributary::model::time::Millis;
use tributary::shards::conversions::Asked;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn config() -> Config {
    let text = r#"
        [topics]
        partitions = 4
        [time]
        windows = ["all"]
        [output]
        kpis = ["leads"]
        ledgers = ["attributions"]
    "#;
    Config::parse(text, "conversions", std::iter::empty()).unwrap()
}

fn fill(lead: usize) -> (Topic, Vec<u8>) {
    let at = 1_759_276_800_000 + lead as i64;
    let json = format!(
        r#"{{"event_id":"f{lead}","occurred_at":{at},"lead_id":"lead-{}","form_id":"demo","form_kind":"demo_request"}}"#,
        100_000_000 + lead
    );
    (Topic::FormFills, json.into_bytes())
}

fn main() {
    let leads = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(100_000);
    let config = config();
    let mut shards = core_job::shards(&config);
    let mut packer = core_job::Packer::new(&config);
    for part in core_job::five_touches_each(leads) {
        core_job::fold(&mut shards, &packer.pack(&part));
    }
    let fills: Vec<_> = (0..leads).map(fill).collect();
    core_job::fold(&mut shards, &packer.pack(&fills));
    for (channel, most) in [(None, 50), (Some("email"), 50), (Some("email"), 500)] {
        let asked = Asked {
            stage: "lead".to_owned(),
            within: Millis::MIN..Millis::MAX,
            model: "linear".to_owned(),
            channel: channel.map(str::to_owned),
            campaign: None,
            most,
        };
        let (mut total, mut looks, mut longest) = (0, 0, Duration::ZERO);
        let begun = Instant::now();
        for shard in &shards {
            let (mut from, mut floor) = (Some(0), Millis::MIN);
            while let Some(place) = from {
                let look = Instant::now();
                let looked = shard.conversions(&asked, place, floor);
                longest = longest.max(look.elapsed());
                floor =
                    looked.latest.last().filter(|_| looked.latest.len() == most).map_or(floor, |of| Millis(of.time));
                (total, looks, from) = (total + looked.total, looks + 1, looked.next);
            }
        }
        let all = begun.elapsed();
        println!("{channel:?}, {most} told of {total} conversions: {looks} looks in {all:?}, the longest {longest:?}");
    }
}
