//! What a seed decides before anything runs: the configuration, the history with its oddities, and the one thing that
//! this run is about.

use std::sync::Arc;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tributary::config::Config;
use tributary::generate::{History, Produced, Settings};
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};

use crate::properties::KPIS;

/// Crashes, zombies and a bad log there are in every run. By turns there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Plain,
    /// Sources go idle in the midst, so that what comes next may be late.
    Lulls,
    /// At the end the watermark moves on with the clock, until everything is final.
    Clock,
    /// A history is loaded one topic after another.
    TopicByTopic,
    /// Input topics get more partitions.
    Growth,
    /// Input is deleted before it was read.
    Retention,
    /// An ingest with another configuration goes on after the group has given it up.
    Foreigner,
    /// One instance stands still for long, and the group does not notice.
    Standstill,
    /// Records come again after the time for which they are known.
    OldNews,
    /// Small enough for the naive oracle.
    Oracle,
}

pub const THEMES: [Theme; 10] = [
    Theme::Plain,
    Theme::Lulls,
    Theme::Clock,
    Theme::TopicByTopic,
    Theme::Growth,
    Theme::Retention,
    Theme::Foreigner,
    Theme::Standstill,
    Theme::OldNews,
    Theme::Oracle,
];

pub struct Plan {
    pub seed: u64,
    pub theme: Theme,
    pub config: Arc<Config>,
    /// Of the zombie that classifies otherwise.
    pub foreign: Arc<Config>,
    /// Records with the time when they are produced, in that order.
    pub feed: Vec<(Millis, Produced)>,
    /// The clock at the start: no event is after it.
    pub start: Millis,
    /// When all is produced.
    pub produced: Millis,
    pub idle_after: Span,
    pub partitions: u16,
    pub instances: usize,
    pub rarity: u32,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let theme = THEMES[(seed % THEMES.len() as u64) as usize];
        let mut records = history(seed, theme, &mut chance);
        records.extend(moving_deals(&records));
        records.sort_by_key(|record| record.timestamp);
        records.push(last_visit(&records));
        if theme == Theme::OldNews {
            records = with_old_news(records, &mut chance);
        }
        let last = records.last().expect("a history").timestamp;
        let start = last + Span(chance.random_range(0..40 * 86_400_000));
        let takes = Span(chance.random_range(30_000..60_000));
        let produced = start + takes;
        let idle_after = if theme == Theme::Lulls { Span(5000) } else { takes + Span(60_000) };
        let config = |channel: &str| Arc::new(config(&mut chance.clone(), theme, produced, idle_after, channel));
        Self {
            seed,
            theme,
            config: config("spring"),
            foreign: config("winter"),
            feed: feed(records, theme, start, takes, &mut chance),
            start,
            produced,
            idle_after,
            partitions: chance.random_range(1..=3),
            instances: if theme == Theme::Standstill { 3 } else { chance.random_range(1..=3) },
            rarity: chance.random_range(15..60),
        }
    }
}

/// Of every entity something: visitors, leads, deals, accounts, spend; and what is counted of arrivals.
const FEW: &[&str] = &[
    "visitors",
    "sessions",
    "touches",
    "form_fills",
    "page_fill_ratio",
    "leads",
    "sqls",
    "customers",
    "pipeline",
    "revenue",
    "spend",
    "cost_per_lead",
    "duplicate_events",
    "late_events",
    "dead_letters",
];

/// Rules that fire and end as numbers grow and days go by. `alerts` knows them by their names.
const ALERTS: &str = r#"
[[alerts]]
name = "busy"
window = "1d"
when = "touches >= 3"
[[alerts]]
name = "quiet"
window = "1d"
when = "leads / touches < 0.2"
at_least = { sessions = 2 }
[[alerts]]
name = "spread"
window = "7d"
by = ["channel"]
when = "sessions / total(sessions) > 0.3"
[[alerts]]
name = "late"
window = "all"
when = "late_events / (late_events + touches + form_fills) > 0.01"
"#;

fn history(seed: u64, theme: Theme, chance: &mut ChaCha8Rng) -> Vec<Produced> {
    let (days, leads) = (chance.random_range(15..40), chance.random_range(8..25));
    let events = chance.random_range(200..500);
    let late = if matches!(theme, Theme::Lulls | Theme::Growth) { 0.02 } else { 0.0 };
    let settings = Settings { seed, days, leads, events: Some(events), bad: 0.02, late, ..Settings::default() };
    History::new(Settings { huge: false, ..settings }).collect()
}

fn config(chance: &mut ChaCha8Rng, theme: Theme, produced: Millis, idle_after: Span, channel: &str) -> Config {
    let shards = chance.random_range(1..=4);
    let lateness = if chance.random_bool(0.7) { "24h" } else { "90d" };
    // All KPIs of the line now and then; rows take most of the time.
    let kpis = match chance.random_range(0..8) {
        0 => vec!["*"],
        1 => KPIS.to_vec(),
        _ if theme == Theme::Oracle => KPIS.to_vec(),
        _ => FEW.to_vec(),
    };
    let windows = if chance.random_bool(0.2) { r#""1h", "1d", "1mo", "7d", "all""# } else { r#""1d", "7d", "all""# };
    let until = produced + Span(20_000);
    let until = jiff::Timestamp::from_millisecond(until.0).expect("a time");
    let until = if theme == Theme::TopicByTopic { format!("history_until = \"{until}\"") } else { String::new() };
    let text = format!(
        r#"
[time]
allowed_lateness = "{lateness}"
settle = "10d"
idle_after = "{}ms"
advance_when_idle = {}
{until}
windows = [{windows}]
[dedupe]
horizon = "{}"
[attribution]
models = ["first", "last", "linear", "w_shaped"]
[money.rates]
EUR = 1.1
CNY = 0.14
[[channels.rules]]
utm_medium = "cpc"
channel = "{channel}"
[channels.groups]
paid = ["spring", "winter"]
{ALERTS}
[output]
interval = "700ms"
settle_interval = "4s"
kpis = {kpis:?}
alerts = ["busy", "quiet", "spread", "late"]
[state]
snapshot_min_tail = "{}KiB"
[topics]
partitions = {shards}
"#,
        idle_after.0,
        theme == Theme::Clock,
        if lateness == "24h" { "7d" } else { "90d" },
        chance.random_range(1..64),
    );
    Config::parse(&text, "simulation.toml", std::iter::empty()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Nothing is from after it: spend does not hold the watermark, and would be from the future of a batch.
fn last_visit(records: &[Produced]) -> Produced {
    let timestamp = records[records.len() - 1].timestamp;
    let visit = json!({ "event_id": "last", "occurred_at": timestamp.0, "visitor_id": "last", "kind": "page_view" });
    let value = Some(visit.to_string().into_bytes());
    Produced { topic: Topic::Touchpoints, key: None, value, timestamp, rejected_as: None, duplicate: false }
}

/// Deals that change hands between leads, who live in whichever shards.
fn moving_deals(records: &[Produced]) -> Vec<Produced> {
    let (first, last) = (records[0].timestamp, records[records.len() - 1].timestamp);
    let at = |share: i64| first + Span((last - first).0 * share / 100);
    let mut moves = Vec::new();
    let mut say = |topic, share: i64, id: String, mut fields: serde_json::Value| {
        fields["event_id"] = json!(id);
        fields["occurred_at"] = json!(at(share).0);
        let value = Some(fields.to_string().into_bytes());
        moves.push(Produced { topic, key: None, value, timestamp: at(share), rejected_as: None, duplicate: false });
    };
    for deal in 0..4 {
        for (hand, (share, stage)) in [(30, "opportunity"), (55, "proposal"), (80, "won")].into_iter().enumerate() {
            let lead = format!("mover-{deal}-{hand}");
            let visit = json!({ "visitor_id": format!("v-{lead}"), "kind": "page_view", "page_url": "https://x.example/p",
                "utm_source": "google", "utm_medium": "cpc" });
            say(Topic::Touchpoints, 5 + deal + share / 2, format!("visit-{lead}"), visit);
            let fill = json!({ "lead_id": lead, "visitor_id": format!("v-{lead}"), "form_id": "f", "form_kind": "contact",
                "page_url": "https://x.example/p" });
            say(Topic::FormFills, 6 + deal + share / 2, format!("fill-{lead}"), fill);
            let amount = json!(1000 + 10 * deal + hand as i64);
            let stage =
                json!({ "lead_id": lead, "deal_id": format!("moving-{deal}"), "stage": stage, "amount": amount });
            say(Topic::DealStages, share + deal, format!("stage-{lead}"), stage);
        }
    }
    moves
}

/// Some records come once more, after longer than they are remembered.
fn with_old_news(records: Vec<Produced>, chance: &mut ChaCha8Rng) -> Vec<Produced> {
    let last = records[records.len() - 1].timestamp;
    let mut all = records.clone();
    for record in records.iter().filter(|record| record.rejected_as.is_none() && record.topic != Topic::Accounts) {
        let again = record.timestamp + Span(chance.random_range(9..15) * 86_400_000);
        if again < last && chance.random_ratio(1, 40) {
            all.push(Produced { timestamp: again, duplicate: true, ..record.clone() });
        }
    }
    all.sort_by_key(|record| record.timestamp);
    all
}

/// When each record is produced: in the order of arrival, or topic by topic.
fn feed(
    records: Vec<Produced>,
    theme: Theme,
    start: Millis,
    takes: Span,
    chance: &mut ChaCha8Rng,
) -> Vec<(Millis, Produced)> {
    let mut records = records;
    if theme == Theme::TopicByTopic {
        let mut turns: Vec<Topic> = Topic::ALL.to_vec();
        // Spend comes first: it does not hold the watermark.
        turns.sort_by_cached_key(|topic| (*topic != Topic::Spend, chance.random::<u32>()));
        records.sort_by_key(|record| turns.iter().position(|topic| *topic == record.topic));
        let count = records.len() as i64;
        let due = |n: usize| start + Span(takes.0 * n as i64 / count);
        return records.into_iter().enumerate().map(|(n, record)| (due(n), record)).collect();
    }
    let (first, last) = (records[0].timestamp, records[records.len() - 1].timestamp);
    let whole = (last - first).0.max(1);
    // Spend comes first: it does not hold the watermark, so that whoever reads it slowly makes it late.
    let early = |record: &Produced| record.topic == Topic::Spend && theme != Theme::Lulls;
    records.sort_by_key(|record| !early(record));
    let due = |record: &Produced| match early(record) {
        true => start,
        false => start + Span(takes.0 * (record.timestamp - first).0 / whole),
    };
    records.into_iter().map(|record| (due(&record), record)).collect()
}
