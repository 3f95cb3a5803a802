//! The names of all topics and groups of a deployment, and the settings of the topics that it creates. What is folded
//! (forwards, partials, snapshots) is named by generation: a changed configuration folds anew, beside the old.

use std::sync::Arc;

use super::log::{Log, LogError, NewTopic, Partition};
use crate::config::Config;
use crate::model::event::Topic;
use crate::publish::ledgers::Ledger;

/// A journal or dead-letter record may hold an input record of any size that a broker takes by default, and more.
const LARGE_RECORD_BYTES: u32 = 16 << 20;

/// Digits of the fold's hash in a name.
const GENERATION: usize = 8;

#[derive(Clone, Debug)]
pub struct Names {
    pub shards: u16,
    pub inputs: Vec<(Topic, Arc<str>)>,
    pub journal: Arc<str>,
    pub forwards: Arc<str>,
    pub partials: Arc<str>,
    pub snapshots: Arc<str>,
    pub kpis: Arc<str>,
    pub alerts: Arc<str>,
    pub dead_letters: Arc<str>,
    /// By `Ledger`.
    pub(super) ledgers: [Arc<str>; Ledger::ALL.len()],
    pub group: String,
    pub ingest_group: String,
    pub shards_group: String,
    pub rollup_group: String,
}

impl Names {
    /// `fold_hash` is the hash of the configuration that the fold reads.
    #[must_use]
    pub fn new(config: &Config, fold_hash: &str) -> Self {
        let generation: String = fold_hash.chars().take(GENERATION).collect();
        let topics = &config.topics;
        let prefix = &topics.internal_prefix;
        let group = &config.kafka.group;
        Self {
            shards: topics.partitions,
            inputs: topics.inputs.iter().map(|(topic, input)| (*topic, input.topic.as_str().into())).collect(),
            journal: format!("{prefix}journal").into(),
            forwards: format!("{prefix}forwards-{generation}").into(),
            partials: format!("{prefix}partials-{generation}").into(),
            snapshots: format!("{prefix}snapshots-{generation}").into(),
            kpis: topics.kpis.as_str().into(),
            alerts: topics.alerts.as_str().into(),
            dead_letters: topics.dead_letters.as_str().into(),
            ledgers: Ledger::ALL.map(|ledger| ledger.topic(topics).into()),
            group: group.clone(),
            ingest_group: format!("{group}-ingest"),
            shards_group: format!("{group}-shards-{generation}"),
            rollup_group: format!("{group}-rollup-{generation}"),
        }
    }

    #[must_use]
    pub fn input(&self, name: &str) -> Option<Topic> {
        self.inputs.iter().find(|(_, input)| &**input == name).map(|(topic, _)| *topic)
    }

    #[must_use]
    pub fn journal_of(&self, shard: u16) -> Partition {
        Partition { topic: Arc::clone(&self.journal), number: i32::from(shard) }
    }

    #[must_use]
    pub fn forwards_of(&self, shard: u16) -> Partition {
        Partition { topic: Arc::clone(&self.forwards), number: i32::from(shard) }
    }

    #[must_use]
    pub fn snapshots_of(&self, shard: u16) -> Partition {
        Partition { topic: Arc::clone(&self.snapshots), number: i32::from(shard) }
    }

    #[must_use]
    pub const fn ledger(&self, ledger: Ledger) -> &Arc<str> {
        &self.ledgers[ledger as usize]
    }

    /// The only partition of the partials.
    #[must_use]
    pub fn partials_log(&self) -> Partition {
        Partition { topic: Arc::clone(&self.partials), number: 0 }
    }

    #[must_use]
    pub fn shard_transactions(&self, shard: u16) -> String {
        format!("{}-shard-{shard}", self.group)
    }

    #[must_use]
    pub fn rollup_transactions(&self) -> String {
        format!("{}-rollup", self.group)
    }

    /// What the names of all generations begin with.
    #[must_use]
    pub fn any_generation(name: &str) -> &str {
        name.split_at_checked(name.len().saturating_sub(GENERATION)).map_or(name, |(before, _)| before)
    }
}

/// Whether a topic is one that a deployment keeps for itself, of whatever generation.
#[must_use]
pub fn is_own_topic(config: &Config, name: &str) -> bool {
    let Some(rest) = name.strip_prefix(&config.topics.internal_prefix) else { return false };
    rest == "journal" || is_of_generation(rest, &["forwards", "partials", "snapshots"])
}

/// The same of a consumer group.
#[must_use]
pub fn is_own_group(config: &Config, name: &str) -> bool {
    let rest = name.strip_prefix(&config.kafka.group).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| rest == "ingest" || is_of_generation(rest, &["shards", "rollup"]))
}

fn is_of_generation(name: &str, kinds: &[&str]) -> bool {
    let Some((kind, generation)) = name.split_once('-') else { return false };
    let is_hash = generation.len() == GENERATION && generation.bytes().all(|byte| byte.is_ascii_hexdigit());
    kinds.contains(&kind) && is_hash
}

/// Every topic that the product reads or writes, as it creates them.
#[must_use]
pub fn wanted(config: &Config, names: &Names) -> Vec<NewTopic> {
    let topics = &config.topics;
    let retention = config.state.journal_retention.0;
    let kept = || vec![("retention.ms", retention.to_string())];
    let large = || ("max.message.bytes", LARGE_RECORD_BYTES.to_string());
    let compacted = || vec![("cleanup.policy", "compact".to_owned())];
    // Retention goes by the time of writing: what is loaded now may have happened long ago.
    let written = || ("message.timestamp.type", "LogAppendTime".to_owned());
    let mut wanted = Vec::new();
    let mut add = |name: &str, partitions: u16, properties: Vec<(&str, String)>| {
        let properties = properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let replication_factor = topics.replication_factor;
        wanted.push(NewTopic { name: name.to_owned(), partitions, replication_factor, properties });
    };
    for (topic, input) in &names.inputs {
        let properties = if *topic == Topic::Accounts { compacted() } else { Vec::new() };
        add(input, topics.partitions, properties);
    }
    add(&names.journal, topics.partitions, [kept(), vec![large(), written()]].concat());
    add(&names.forwards, topics.partitions, [kept(), vec![large(), written()]].concat());
    add(&names.partials, 1, vec![("retention.ms", "-1".to_owned()), written()]);
    // A tombstone must outlive the snapshots that it may belong to: they are refused when they are older.
    let snapshots = vec![("delete.retention.ms", retention.to_string()), large()];
    add(&names.snapshots, topics.partitions, [compacted(), snapshots].concat());
    for name in [&topics.kpis, &topics.attributions, &topics.suppressions, &topics.alerts] {
        add(name, topics.partitions, compacted());
    }
    for name in [&topics.lead_lifecycle, &topics.conversions] {
        add(name, topics.partitions, Vec::new());
    }
    add(&names.dead_letters, topics.partitions, vec![large()]);
    wanted
}

/// Creates what is absent, or says what is, and sees that the internal topics have a partition a shard.
pub fn prepare<L: Log>(log: &L, config: &Config, names: &Names) -> Result<(), LogError> {
    let wanted = wanted(config, names);
    if config.topics.create {
        log.create(&wanted)?;
    }
    let mut missing = Vec::new();
    for topic in &wanted {
        match log.partitions(&topic.name)? {
            None => missing.push(topic.name.as_str()),
            Some(count) => check_shards(names, &topic.name, count)?,
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let hint = "`tributary topics` prints and creates them, `topics.create = true` lets `run` do it";
    Err(LogError::Fatal(format!("topics are missing: {}; {hint}", missing.join(", "))))
}

/// Whether an internal topic has a partition for each shard.
pub fn check_shards(names: &Names, name: &str, count: i32) -> Result<(), LogError> {
    let of_shards = [&names.journal, &names.forwards, &names.snapshots].iter().any(|topic| &***topic == name);
    let expected = match of_shards {
        true => i32::from(names.shards),
        false if name == &*names.partials => 1,
        false => return Ok(()),
    };
    if count == expected {
        return Ok(());
    }
    Err(LogError::Fatal(format!(
        "topic {name} has {count} partitions instead of {expected}: `topics.partitions` cannot change without `tributary reset`"
    )))
}
