//! `tributary dead-letters`: the records that were rejected, why, and where they came from; one of them as it came; and,
//! after a fix, all or some of them back to where they came from.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::records::{read_to_end, write_all};
use super::{BadUsage, ConfigSource, Output, as_text};
use crate::config::Config;
use crate::ingest::rejection::Reason;
use crate::model::time::Millis;
use crate::runtime::effects::ABOUT;
use crate::runtime::kafka_log::KafkaLog;
use crate::runtime::log::{Incoming, Log, Outgoing, Partition};
use crate::runtime::partitioner::partition_of;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tributary dead-letters                                   the newest fifty, and counts by reason
  tributary dead-letters --reason missing_field --show     with keys and values, as they came
  tributary dead-letters --reason unknown_currency --send  what would go back; --yes sends it")]
pub struct DeadLetters {
    /// Only letters with this reason; may be repeated
    #[arg(long, value_name = "CODE", value_parser = reason)]
    reason: Vec<Reason>,
    /// Only records that came from this topic
    #[arg(long)]
    topic: Option<String>,
    /// Only this letter, by its own partition and offset; may be repeated
    #[arg(long, value_name = "PARTITION:OFFSET")]
    letter: Vec<String>,
    /// List so many, the newest
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// Show the records as they came
    #[arg(long, conflicts_with = "send")]
    show: bool,
    /// Plan to send the records back to the topics that they came from; whose fault is not mended yet becomes a letter
    /// again, and what was accepted meanwhile is dropped as a duplicate
    #[arg(long)]
    send: bool,
    /// Send them
    #[arg(long, requires = "send")]
    yes: bool,
    /// How to print the list, or the plan
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Letter {
    /// Its own partition and offset.
    letter: String,
    reason: String,
    message: String,
    /// Where the record came from.
    topic: String,
    partition: i32,
    offset: i64,
    /// When it was written there; letters keep the time of the record.
    #[serde(serialize_with = "as_text")]
    written_at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// Where it is to be sent back.
    #[serde(skip)]
    record: Option<Record>,
}

/// What goes back, or has gone.
#[derive(Debug, Serialize)]
struct Plan {
    /// Records by topic.
    topics: BTreeMap<String, usize>,
    /// Events that came late: they were processed, and stay.
    late: usize,
    sent: bool,
}

/// As it came.
#[derive(Debug)]
struct Record {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn reason(code: &str) -> Result<Reason, String> {
    Reason::parse(code).ok_or_else(|| format!("one of {}", Reason::ALL.map(Reason::code).join(", ")))
}

impl DeadLetters {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        if let Some(bad) = self.letter.iter().find(|name| !is_place(name)) {
            return Err(BadUsage(format!("--letter {bad}: a partition and an offset, such as 3:120")).into());
        }
        let config = source.load()?;
        let log = KafkaLog::new(config.kafka.clone());
        let (mut letters, others) = self.letters(&log, &config)?;
        let text = if self.send {
            let plan = self.send(&log, letters)?;
            match self.output {
                Output::Json => format!("{}\n", serde_json::to_string_pretty(&plan)?),
                Output::Text => plan.text(),
            }
        } else {
            let all = letters.len();
            let first = if self.letter.is_empty() { all.saturating_sub(self.limit) } else { 0 };
            let reasons = if letters.is_empty() { no_such(&others) } else { by_reason(&counts_of(&letters)) };
            letters.drain(..first);
            match self.output {
                Output::Json => format!("{}\n", serde_json::to_string_pretty(&letters)?),
                Output::Text => format!("{}{reasons}", table(&letters, self.show)),
            }
        };
        stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }

    /// Those asked for, the oldest first, and how many others there are by reason.
    fn letters(&self, log: &KafkaLog, config: &Config) -> anyhow::Result<(Vec<Letter>, Counts)> {
        let topic = &config.topics.dead_letters;
        let (mut letters, mut others) = (Vec::new(), Counts::new());
        let found = read_to_end(log, topic, &mut |record| match Letter::read(record, self.show, self.send) {
            Some(letter) if self.wants(&letter) => letters.push(letter),
            Some(letter) => *others.entry(letter.reason).or_default() += 1,
            None => {}
        })?;
        if found.is_none() {
            bail!("the topic {topic} is not there: `tributary topics --create` makes it");
        }
        letters.sort_by_key(|letter: &Letter| letter.written_at);
        Ok((letters, others))
    }

    fn wants(&self, letter: &Letter) -> bool {
        (self.reason.is_empty() || self.reason.iter().any(|reason| reason.code() == letter.reason))
            && self.topic.as_ref().is_none_or(|topic| *topic == letter.topic)
            && (self.letter.is_empty() || self.letter.contains(&letter.letter))
    }

    fn send(&self, log: &KafkaLog, letters: Vec<Letter>) -> anyhow::Result<Plan> {
        let all = letters.len();
        let rejected = letters.into_iter().filter(|letter| letter.reason != Reason::Late.code());
        let (mut topics, mut partitions) = (BTreeMap::new(), BTreeMap::new());
        let mut records = Vec::new();
        for letter in rejected {
            let count = match partitions.get(&letter.topic) {
                Some(count) => *count,
                None => {
                    let count = log.partitions(&letter.topic)?;
                    let gone = || anyhow::anyhow!("the topic {} is not there any more", letter.topic);
                    *partitions.entry(letter.topic.clone()).or_insert(count.ok_or_else(gone)?)
                }
            };
            *topics.entry(letter.topic.clone()).or_default() += 1;
            records.extend(letter.back(count));
        }
        let plan = Plan { topics, late: all - records.len(), sent: self.yes };
        if self.yes {
            write_all(log, records, "sending records back")?;
        }
        Ok(plan)
    }
}

impl Plan {
    fn text(&self) -> String {
        let mut text: String = self.topics.iter().map(|(topic, count)| format!("{count} to {topic}\n")).collect();
        if self.late > 0 {
            text += &format!("{} stay: they came late, and were processed\n", self.late);
        }
        text + match (self.topics.is_empty(), self.sent) {
            (true, _) => "nothing to send\n",
            (false, true) => "sent\n",
            (false, false) => "nothing is sent yet: --yes sends them\n",
        }
    }
}

fn is_place(name: &str) -> bool {
    let parts = name.split_once(':');
    parts.is_some_and(|(partition, offset)| partition.parse::<i32>().is_ok() && offset.parse::<i64>().is_ok())
}

impl Letter {
    /// None of what is no letter.
    fn read(incoming: &Incoming<'_>, show: bool, send: bool) -> Option<Self> {
        let (about, headers): (Vec<_>, Vec<_>) =
            (incoming.headers)().into_iter().partition(|(name, _)| name.starts_with(ABOUT));
        let said = |name: &str| {
            let value = about.iter().find(|(header, _)| header.strip_prefix(ABOUT) == Some(name))?.1.as_deref()?;
            std::str::from_utf8(value).ok().map(str::to_owned)
        };
        let text = |bytes: Option<&[u8]>| bytes.filter(|_| show).map(|of| String::from_utf8_lossy(of).into_owned());
        Some(Self {
            letter: format!("{}:{}", incoming.partition.number, incoming.offset),
            reason: said("reason")?,
            message: said("message").unwrap_or_default(),
            topic: said("topic")?,
            partition: said("partition")?.parse().ok()?,
            offset: said("offset")?.parse().ok()?,
            written_at: incoming.timestamp,
            key: text(incoming.key),
            value: text(incoming.value),
            record: send.then(|| Record {
                key: incoming.key.map(<[u8]>::to_vec),
                value: incoming.value.map(<[u8]>::to_vec),
                headers,
            }),
        })
    }

    /// The record as it came, with its time, to where it came from; by its key, if it has one.
    fn back(self, partitions: i32) -> Option<Outgoing> {
        let Record { key, value, headers } = self.record?;
        let own = self.partition.rem_euclid(partitions.max(1));
        let count = usize::try_from(partitions).unwrap_or(1).max(1);
        let by_key = key.as_deref().and_then(|key| i32::try_from(partition_of(key, count)).ok());
        let partition = Partition { topic: self.topic.as_str().into(), number: by_key.unwrap_or(own) };
        Some(Outgoing { partition, timestamp: Some(self.written_at), key, value, headers })
    }
}

/// Letters by their reason.
type Counts = BTreeMap<String, usize>;

fn counts_of(letters: &[Letter]) -> Counts {
    let mut counts = Counts::new();
    letters.iter().for_each(|letter| *counts.entry(letter.reason.clone()).or_default() += 1);
    counts
}

fn by_reason(counts: &Counts) -> String {
    let all: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    format!("{}: {}\n", counts.values().sum::<usize>(), all.join(", "))
}

fn no_such(others: &Counts) -> String {
    match others.is_empty() {
        true => "no letters: nothing was rejected, as far back as the topic goes\n".to_owned(),
        false => format!("no such letters among {}", by_reason(others)),
    }
}

fn table(letters: &[Letter], show: bool) -> String {
    if letters.is_empty() {
        return String::new();
    }
    if show {
        let shown = letters.iter().map(|letter| {
            let Letter { letter: place, reason, message, topic, partition, offset, .. } = letter;
            let (key, value) = (letter.key.as_deref().unwrap_or("-"), letter.value.as_deref().unwrap_or("-"));
            format!("{place}  {reason}: {message}\n  from {topic} {partition}:{offset}\n  key {key}\n  {value}\n")
        });
        return shown.collect();
    }
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["letter", "written", "reason", "from", "message"]);
    for Letter { letter, reason, message, topic, partition, offset, written_at, .. } in letters {
        let from = format!("{topic} {partition}:{offset}");
        table.add_row([letter.as_str(), &format!("{written_at:?}"), reason, &from, message]);
    }
    format!("{table}\n")
}
