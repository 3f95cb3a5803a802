//! A shard's effects come in, the records that say them to others go out.

use std::sync::Arc;

use super::log::{Log, LogError, Outgoing, Partition};
use super::partitioner::partition_of;
use super::parts::{Effects, Letter, Parts, Said};
use super::topics::Names;
use crate::publish::ledgers::{Ledger, key};

/// Before the names of a dead letter's headers that say why and where from.
pub const ABOUT: &str = "tributary.error.";

/// The rest of their names, and what they say.
pub const HEADERS: [(&str, &str); 6] = [
    ("reason", "Why, as a code"),
    ("message", "Why, in words"),
    ("topic", "The topic that the record came from"),
    ("partition", "Its partition, in decimal"),
    ("offset", "Its offset, in decimal"),
    ("timestamp", "Its time, in milliseconds since 1970, in decimal"),
];

/// Partitions of the topics that effects go to.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    dead_letters: i32,
    /// By `Ledger`.
    ledgers: [i32; Ledger::ALL.len()],
}

impl Counts {
    pub fn ask<L: Log>(log: &L, names: &Names) -> Result<Self, LogError> {
        let mut ledgers = [1; Ledger::ALL.len()];
        for ledger in Ledger::ALL {
            ledgers[ledger as usize] = log.partitions(names.ledger(ledger))?.unwrap_or(1);
        }
        Ok(Self { dead_letters: log.partitions(&names.dead_letters)?.unwrap_or(1), ledgers })
    }
}

/// The records of a transaction, in the order of the effects.
#[must_use]
pub fn records<P: Parts>(effects: Effects, parts: &P, names: &Names, counts: Counts) -> Vec<Outgoing> {
    let forwards = effects.forwards.into_iter().map(|(shard, value)| Outgoing {
        partition: names.forwards_of(shard),
        timestamp: None,
        key: None,
        value: Some(value),
        headers: Vec::new(),
    });
    let letters = effects.letters.into_iter().map(|letter| dead_letter(letter, names, counts.dead_letters));
    let said = effects.said.iter().map(|said| line(said, parts, names, counts));
    forwards.chain(letters).chain(said).collect()
}

/// A line of a ledger, where others find its key.
fn line<P: Parts>(said: &Said, parts: &P, names: &Names, counts: Counts) -> Outgoing {
    let (ledger, key) = (Ledger::of(&said.line), key(&said.line).as_bytes());
    let count = usize::try_from(counts.ledgers[ledger as usize]).unwrap_or(1).max(1);
    let number = i32::try_from(partition_of(key, count)).expect("below a count of that type");
    let partition = Partition { topic: Arc::clone(names.ledger(ledger)), number };
    Outgoing { partition, timestamp: None, key: Some(key.to_vec()), value: parts.written(said), headers: Vec::new() }
}

/// The record as it came, with headers that say where from and why.
fn dead_letter(letter: Letter, names: &Names, partitions: i32) -> Outgoing {
    let mut headers = letter.headers;
    let said = [
        letter.reason,
        letter.message,
        letter.topic,
        letter.partition.to_string(),
        letter.offset.to_string(),
        letter.timestamp.0.to_string(),
    ];
    let said = HEADERS.iter().zip(said).map(|((name, _), value)| (format!("{ABOUT}{name}"), Some(value.into_bytes())));
    headers.extend(said);
    let number = letter.partition.rem_euclid(partitions.max(1));
    let partition = Partition { topic: Arc::clone(&names.dead_letters), number };
    Outgoing { partition, timestamp: Some(letter.timestamp), key: letter.key, value: letter.value, headers }
}
