//! A shard's effects come in, the records that say them to others go out.

use std::sync::Arc;

use super::log::{Outgoing, Partition};
use super::parts::{Effects, Letter};
use super::topics::Names;

/// Partitions of the topics that effects go to.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub dead_letters: i32,
}

/// The records of a transaction, in the order of the effects.
#[must_use]
pub fn records(effects: Effects, names: &Names, counts: Counts) -> Vec<Outgoing> {
    let forwards = effects.forwards.into_iter().map(|(shard, value)| Outgoing {
        partition: names.forwards_of(shard),
        timestamp: None,
        key: None,
        value: Some(value),
        headers: Vec::new(),
    });
    let letters = effects.letters.into_iter().map(|letter| dead_letter(letter, names, counts.dead_letters));
    forwards.chain(letters).collect()
}

/// The record as it came, with headers that say where from and why.
fn dead_letter(letter: Letter, names: &Names, partitions: i32) -> Outgoing {
    let mut headers = letter.headers;
    let mut say = |name: &str, value: String| {
        headers.push((format!("tributary.error.{name}"), Some(value.into_bytes())));
    };
    say("reason", letter.reason);
    say("message", letter.message);
    say("topic", letter.topic);
    say("partition", letter.partition.to_string());
    say("offset", letter.offset.to_string());
    say("timestamp", letter.timestamp.0.to_string());
    let number = letter.partition.rem_euclid(partitions.max(1));
    let partition = Partition { topic: Arc::clone(&names.dead_letters), number };
    Outgoing { partition, timestamp: Some(letter.timestamp), key: letter.key, value: letter.value, headers }
}
