//! `tributary erasures`: asks for a lead to be erased; lists what was asked for, and where something of these leads may
//! still be, until when. A running instance forgets at once; topics do as they get rid of what is old.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::records::{STEP, Silence, read_to_end, write_all};
use super::{BadUsage, ConfigSource, Output, as_text};
use crate::config::Config;
use crate::model::event::Topic;
use crate::model::time::Millis;
use crate::publish::ledgers::Ledger;
use crate::runtime::kafka_log::{KafkaLog, Keeping};
use crate::runtime::log::{Isolation, Log, LogError, Outgoing, Partition, Read, Reader};
use crate::runtime::partitioner::partition_of;
use crate::runtime::snapshots::Shelf;
use crate::runtime::topics::{Names, is_own_topic};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tributary erasures --request ada@example.com     forget a person
  tributary erasures                               what of whom may still be where, until when")]
pub struct ErasuresArgs {
    /// Only these leads
    #[arg(value_name = "LEAD")]
    leads: Vec<String>,
    /// Ask for the named leads to be erased
    #[arg(long)]
    request: bool,
    /// How to print the list
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// A lead that is to be erased, and where something of it may be.
#[derive(Debug, Serialize)]
struct Erasure {
    lead_id: String,
    /// The latest request.
    #[serde(serialize_with = "as_text")]
    requested_at: Millis,
    remains: Vec<Remains>,
}

#[derive(Clone, Debug, Serialize)]
struct Remains {
    topic: String,
    #[serde(flatten)]
    until: Until,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "until", rename_all = "snake_case")]
enum Until {
    /// The topic's retention has passed; it deletes by segments, so a little later.
    Retention {
        #[serde(serialize_with = "as_text")]
        at: Millis,
    },
    /// Nothing deletes it but who owns the topic.
    Deleted,
    /// The snapshots that were taken before are replaced, by the next but one.
    Replaced,
    /// What is replaced is compacted away.
    Compacted,
}

/// A topic that leads are in.
struct Place {
    topic: String,
    keeping: Keeping,
    /// Of its first records: nothing in it is older.
    oldest: Option<Millis>,
    /// When the oldest snapshot that serves was taken.
    snapshot: Option<Millis>,
}

impl ErasuresArgs {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config = source.load()?;
        let log = KafkaLog::new(config.kafka.clone());
        if self.request {
            if self.leads.is_empty() {
                return Err(BadUsage("--request needs the leads to erase".to_owned()).into());
            }
            request(&log, &config, &self.leads)?;
        }
        let mut asked = requests(&log, &config)?;
        if !self.leads.is_empty() {
            asked.retain(|lead, _| self.leads.contains(lead));
        }
        let places = if asked.is_empty() { Vec::new() } else { places(&log, &config)? };
        let erasures: Vec<Erasure> = asked
            .into_iter()
            .map(|(lead_id, requested_at)| {
                let remains = places.iter().filter_map(|place| place.remains(requested_at)).collect();
                Erasure { lead_id, requested_at, remains }
            })
            .collect();
        let text = match self.output {
            Output::Text => table(&erasures),
            Output::Json => format!("{}\n", serde_json::to_string_pretty(&erasures)?),
        };
        stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn request(log: &KafkaLog, config: &Config, leads: &[String]) -> anyhow::Result<()> {
    let topic: Arc<str> = erasures_topic(config).into();
    let count = log.partitions(&topic)?.ok_or_else(|| absent(&topic))?;
    let record = |lead: &String| {
        let partition = partition_of(lead.as_bytes(), usize::try_from(count).unwrap_or(1));
        let partition = Partition { topic: Arc::clone(&topic), number: i32::try_from(partition).unwrap_or(0) };
        let (key, value) = (Some(lead.clone().into_bytes()), Some(b"{}".to_vec()));
        Outgoing { partition, timestamp: None, key, value, headers: Vec::new() }
    };
    Ok(write_all(log, leads.iter().map(record).collect(), "writing the request")?)
}

fn erasures_topic(config: &Config) -> &str {
    config.topics.inputs.get(&Topic::Erasures).map_or("", |input| &input.topic)
}

fn absent(topic: &str) -> anyhow::Error {
    anyhow::anyhow!("the topic {topic} is not there: `tributary topics --create` makes it")
}

/// Each lead with its latest request.
fn requests(log: &KafkaLog, config: &Config) -> anyhow::Result<BTreeMap<String, Millis>> {
    let topic = erasures_topic(config);
    let mut found = BTreeMap::new();
    read_to_end(log, topic, &mut |record| {
        if let Some(lead) = record.key.and_then(|key| std::str::from_utf8(key).ok()) {
            let latest = found.entry(lead.to_owned()).or_insert(record.timestamp);
            *latest = record.timestamp.max(*latest);
        }
    })?
    .ok_or_else(|| absent(topic))?;
    Ok(found)
}

/// When the first record of a topic was written.
fn oldest(log: &KafkaLog, topic: &str) -> Result<Option<Millis>, LogError> {
    let mut oldest: Option<Millis> = None;
    for number in 0..log.partitions(topic)?.unwrap_or(0) {
        let partition = Partition { topic: topic.into(), number };
        let (first, next) = log.bounds(&partition)?;
        if first == next {
            continue;
        }
        let mut reader = log.reader(Isolation::ReadUncommitted)?;
        reader.assign(&partition, first)?;
        let (mut ended, mut silence) = (false, Silence::default());
        while !ended {
            let came = reader.poll(STEP, 1, &mut |read| {
                if let Read::Record(record) = &read {
                    oldest = Some(oldest.map_or(record.timestamp, |oldest| oldest.min(record.timestamp)));
                }
                ended = true;
            })?;
            silence.after(came, topic)?;
        }
    }
    Ok(oldest)
}

/// Every topic that what is known of a lead goes through, or stays in.
fn places(log: &KafkaLog, config: &Config) -> anyhow::Result<Vec<Place>> {
    let names = Names::new(config, &config.fold_hash());
    let of_leads = [Topic::Touchpoints, Topic::FormFills, Topic::DealStages, Topic::Erasures];
    let inputs = of_leads.iter().filter_map(|topic| config.topics.inputs.get(topic)).map(|input| input.topic.clone());
    let outputs = Ledger::ALL.map(|ledger| ledger.topic(&config.topics).to_owned());
    let mut own = log.topics()?;
    // Partials and rows name no lead.
    own.retain(|name| is_own_topic(config, name) && !name.contains("partials-"));
    own.sort_unstable();
    let own_topics: BTreeSet<String> = own.iter().cloned().collect();
    let all = inputs.chain(own).chain(outputs).chain([config.topics.dead_letters.clone()]);
    let mut places = Vec::new();
    for topic in all {
        if log.partitions(&topic)?.is_none() {
            continue;
        }
        let is_snapshots = *topic == *names.snapshots;
        let snapshot = if is_snapshots { oldest_snapshot(log, &topic)? } else { None };
        // Nobody writes to the snapshots of another generation any more.
        let is_left_over = topic.contains("snapshots-") && !is_snapshots && own_topics.contains(&topic);
        let keeping = if is_left_over { Keeping::Forever } else { log.keeping(&topic)? };
        places.push(Place { keeping, oldest: oldest(log, &topic)?, snapshot, topic });
    }
    Ok(places)
}

/// When the oldest of the snapshots was taken that a shard may be restored from.
fn oldest_snapshot(log: &KafkaLog, topic: &str) -> Result<Option<Millis>, LogError> {
    let mut shelves: BTreeMap<i32, Shelf> = BTreeMap::new();
    read_to_end(log, topic, &mut |record| shelves.entry(record.partition.number).or_default().take(record))?;
    let taken = shelves.values().flat_map(Shelf::candidates).map(|(manifest, _)| manifest.taken_at);
    Ok(taken.min())
}

impl Place {
    /// Whether something that was there at a moment may still be, and until when.
    fn remains(&self, requested: Millis) -> Option<Remains> {
        if self.oldest.is_none_or(|oldest| oldest > requested) {
            return None;
        }
        let until = match (&self.keeping, self.snapshot) {
            (_, Some(taken)) if taken <= requested => Until::Replaced,
            (Keeping::Compacted, _) => Until::Compacted,
            (Keeping::For(span), _) => Until::Retention { at: requested + *span },
            (Keeping::Forever, _) => Until::Deleted,
        };
        Some(Remains { topic: self.topic.clone(), until })
    }
}

fn table(erasures: &[Erasure]) -> String {
    if erasures.is_empty() {
        return "no erasure was asked for, as far back as the topic goes\n".to_owned();
    }
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["lead", "requested", "may still be in", "until"]);
    for Erasure { lead_id, requested_at, remains } in erasures {
        let requested = format!("{requested_at:?}");
        if remains.is_empty() {
            table.add_row([lead_id.as_str(), &requested, "nothing", ""]);
        }
        for (n, Remains { topic, until }) in remains.iter().enumerate() {
            let [lead, requested] = if n == 0 { [lead_id.as_str(), &requested] } else { [""; 2] };
            table.add_row([lead, requested, topic, &until.to_string()]);
        }
    }
    format!("{table}\n")
}

impl std::fmt::Display for Until {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Retention { at } => write!(f, "{at:?}, by the topic's retention"),
            Self::Deleted => f.write_str("somebody deletes it: the topic keeps everything"),
            Self::Replaced => f.write_str("the next snapshot but one of each shard, and compaction"),
            Self::Compacted => f.write_str("compaction: it is replaced or deleted already"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Span;

    #[test]
    fn what_is_older_than_the_request_remains_until_the_topic_lets_go_of_it() {
        let place = |keeping, oldest: Option<i64>, snapshot: Option<i64>| Place {
            topic: "t".to_owned(),
            keeping,
            oldest: oldest.map(Millis),
            snapshot: snapshot.map(Millis),
        };
        let until = |place: Place| place.remains(Millis(100)).map(|remains| remains.until);
        assert_eq!(until(place(Keeping::For(Span(50)), Some(101), None)), None);
        assert_eq!(until(place(Keeping::For(Span(50)), None, None)), None);
        assert_eq!(until(place(Keeping::For(Span(50)), Some(9), None)), Some(Until::Retention { at: Millis(150) }));
        assert_eq!(until(place(Keeping::Forever, Some(9), None)), Some(Until::Deleted));
        assert_eq!(until(place(Keeping::Compacted, Some(9), None)), Some(Until::Compacted));
        assert_eq!(until(place(Keeping::Compacted, Some(9), Some(99))), Some(Until::Replaced));
        assert_eq!(until(place(Keeping::Compacted, Some(9), Some(101))), Some(Until::Compacted));
    }
}
