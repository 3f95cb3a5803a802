//! A shard's snapshots on its partition of the snapshots topic: chunks, and a manifest that makes them one. Two slots
//! are used in turn, so that the older snapshot serves when the newer one is damaged; an epoch in the keys keeps the
//! chunks of different owners apart. Only what the manifest's checksums confirm is restored.
//!
//! keys: `slot/epoch/index`, `slot/epoch/manifest`; a manifest: [version u8][xxh3 of the rest, u64 LE][postcard]

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::log::{Incoming, Outgoing, Partition};
use super::parts::Positions;
use crate::model::time::Millis;

const VERSION: u8 = 1;
/// The key of owners' claims, which are no part of a snapshot.
pub const CLAIM: &[u8] = b"claim";
const MANIFEST: &str = "manifest";

/// Which snapshot: `slot/epoch`, as in its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub slot: u8,
    pub epoch: u64,
}

impl Name {
    fn key(self, part: &str) -> Vec<u8> {
        format!("{}/{:016x}/{part}", self.slot, self.epoch).into_bytes()
    }

    fn chunk_key(self, index: usize) -> Vec<u8> {
        self.key(&format!("{index:06}"))
    }

    fn parse(key: &str) -> Option<(Self, &str)> {
        let mut parts = key.splitn(3, '/');
        let slot = parts.next()?.parse().ok()?;
        let epoch = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some((Self { slot, epoch }, parts.next()?))
    }
}

/// What a complete snapshot is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub shard: u16,
    pub positions: Positions,
    /// The wall clock when it was taken.
    pub taken_at: Millis,
    /// Length and checksum of each chunk.
    pub chunks: Vec<(u32, u64)>,
}

impl Manifest {
    #[must_use]
    pub fn new(shard: u16, positions: Positions, taken_at: Millis, chunks: &[Vec<u8>]) -> Self {
        let chunks = chunks.iter().map(|chunk| (length(chunk), xxh3_64(chunk))).collect();
        Self { shard, positions, taken_at, chunks }
    }

    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|(length, _)| u64::from(*length)).sum()
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; 9];
        bytes[0] = VERSION;
        let mut bytes = postcard::to_extend(self, bytes).expect("plain data of known types always encodes");
        let sum = xxh3_64(&bytes[9..]);
        bytes[1..9].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        let (sum, body) = rest.split_first_chunk::<8>()?;
        let sound = version == VERSION && xxh3_64(body) == u64::from_le_bytes(*sum);
        sound.then(|| postcard::from_bytes(body).ok()).flatten()
    }
}

fn length(chunk: &[u8]) -> u32 {
    u32::try_from(chunk.len()).expect("a chunk fits in a record")
}

/// What lies on a shard's partition: gathered once at a restore, then kept up to date by who writes to it.
#[derive(Debug, Default)]
pub struct Shelf {
    chunks: BTreeMap<Name, BTreeMap<String, Vec<u8>>>,
    /// Complete ones, the newest last.
    complete: Vec<(Name, Manifest)>,
    /// Every key that is not deleted.
    keys: BTreeMap<Name, BTreeSet<Vec<u8>>>,
}

impl Shelf {
    /// Takes what was read from the partition, in order.
    pub fn take(&mut self, record: &Incoming<'_>) {
        let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok()) else { return };
        let Some((name, part)) = Name::parse(key) else { return };
        let keys = self.keys.entry(name).or_default();
        let Some(value) = record.value else {
            keys.remove(key.as_bytes());
            if keys.is_empty() {
                self.keys.remove(&name);
            }
            self.chunks.entry(name).or_default().remove(part);
            if part == MANIFEST {
                self.complete.retain(|(complete, _)| *complete != name);
            }
            return;
        };
        keys.insert(key.as_bytes().to_vec());
        if part != MANIFEST {
            self.chunks.entry(name).or_default().insert(part.to_owned(), value.to_vec());
        } else if let Some(manifest) = Manifest::decode(value) {
            self.complete.retain(|(complete, _)| *complete != name);
            self.complete.push((name, manifest));
        }
    }

    /// Candidates for a restore, the best first, each with its chunks when all are there and sound.
    pub fn candidates(&self) -> impl Iterator<Item = (&Manifest, Option<Vec<Vec<u8>>>)> {
        let mut order: Vec<_> = self.complete.iter().collect();
        order.sort_by_key(|(_, manifest)| (manifest.positions.journal, manifest.positions.forwards));
        order.into_iter().rev().map(|(name, manifest)| (manifest, self.sound(*name, manifest)))
    }

    fn sound(&self, name: Name, manifest: &Manifest) -> Option<Vec<Vec<u8>>> {
        let parts = self.chunks.get(&name)?;
        let chunk = |(index, (long, sum)): (usize, &(u32, u64))| {
            let chunk = parts.get(&format!("{index:06}"))?;
            (length(chunk) == *long && xxh3_64(chunk) == *sum).then(|| chunk.clone())
        };
        manifest.chunks.iter().enumerate().map(chunk).collect()
    }

    /// The chunks are not needed once a shard is restored; their keys are, to delete them.
    pub fn drop_chunks(&mut self) {
        self.chunks.clear();
    }

    /// The newest complete one's size; a snapshot is due when the journal has grown by as much.
    #[must_use]
    pub fn last_bytes(&self) -> u64 {
        self.complete.last().map_or(0, |(_, manifest)| manifest.bytes())
    }

    fn free_slot(&self) -> u8 {
        self.complete.last().map_or(0, |(name, _)| 1 - name.slot.min(1))
    }
}

/// A snapshot on its way: its chunks, then its manifest, then the tombstones of what it replaces.
#[derive(Debug)]
pub struct Writing {
    name: Name,
    manifest: Manifest,
    chunks: std::vec::IntoIter<Vec<u8>>,
    sent: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Chunks,
    Manifest,
    Complete,
}

impl Writing {
    #[must_use]
    pub fn begin(shelf: &mut Shelf, epoch: u64, manifest: Manifest, chunks: Vec<Vec<u8>>) -> Self {
        let name = Name { slot: shelf.free_slot(), epoch };
        let keys = shelf.keys.entry(name).or_default();
        keys.extend((0..chunks.len()).map(|index| name.chunk_key(index)));
        keys.insert(name.key(MANIFEST));
        Self { name, manifest, chunks: chunks.into_iter(), sent: 0, stage: Stage::Chunks }
    }

    /// The next records to send, given how many of those before are not in the log yet. None when it is complete.
    pub fn next(&mut self, shelf: &mut Shelf, to: &Partition, pending: usize) -> Option<Vec<Outgoing>> {
        match self.stage {
            Stage::Chunks => {
                if let Some(chunk) = self.chunks.next() {
                    self.sent += 1;
                    return Some(vec![record(to, self.name.chunk_key(self.sent - 1), Some(chunk))]);
                }
                if pending > 0 {
                    return Some(Vec::new());
                }
                self.stage = Stage::Manifest;
                Some(vec![record(to, self.name.key(MANIFEST), Some(self.manifest.encode()))])
            }
            Stage::Manifest if pending > 0 => Some(Vec::new()),
            Stage::Manifest => {
                self.stage = Stage::Complete;
                shelf.complete.push((self.name, self.manifest.clone()));
                Some(replaced(shelf, to))
            }
            Stage::Complete => (pending > 0).then(Vec::new),
        }
    }
}

/// Tombstones for everything but the two newest complete snapshots.
fn replaced(shelf: &mut Shelf, to: &Partition) -> Vec<Outgoing> {
    let keep = shelf.complete.split_off(shelf.complete.len().saturating_sub(2));
    shelf.complete = keep;
    let is_kept = |name: &Name| shelf.complete.iter().any(|(kept, _)| kept == name);
    let gone: Vec<Name> = shelf.keys.keys().copied().filter(|name| !is_kept(name)).collect();
    let keys = gone.into_iter().filter_map(|name| shelf.keys.remove(&name)).flatten();
    // Manifests go first: a snapshot with missing chunks must not look complete.
    let mut keys: Vec<_> = keys.collect();
    keys.sort_by_key(|key| !key.ends_with(MANIFEST.as_bytes()));
    keys.into_iter().map(|key| record(to, key, None)).collect()
}

fn record(to: &Partition, key: Vec<u8>, value: Option<Vec<u8>>) -> Outgoing {
    Outgoing { partition: to.clone(), timestamp: None, key: Some(key), value, headers: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> Partition {
        Partition { topic: "snapshots".into(), number: 0 }
    }

    fn read(shelf: &mut Shelf, records: &[Outgoing]) {
        let partition = partition();
        for record in records {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let headers = &Vec::new;
            shelf.take(&Incoming { partition: &partition, offset: 0, timestamp: Millis(0), key, value, headers });
        }
    }

    fn write(shelf: &mut Shelf, epoch: u64, journal: i64) -> Vec<Outgoing> {
        let chunks = vec![vec![1; 10], vec![u8::try_from(epoch).expect("small"); 20]];
        let positions = Positions { journal, forwards: 0 };
        let mut writing = Writing::begin(shelf, epoch, Manifest::new(3, positions, Millis(7), &chunks), chunks.clone());
        let mut records = Vec::new();
        while let Some(more) = writing.next(shelf, &partition(), 0) {
            records.extend(more);
        }
        records
    }

    #[test]
    fn the_newest_sound_snapshot_serves_and_older_ones_go() {
        let mut writer = Shelf::default();
        let mut log = Vec::new();
        for (epoch, journal) in [(1, 10), (2, 20), (3, 30)] {
            log.extend(write(&mut writer, epoch, journal));
        }
        let mut reader = Shelf::default();
        read(&mut reader, &log);
        let found: Vec<_> = reader.candidates().map(|(m, chunks)| (m.positions.journal, chunks.is_some())).collect();
        assert_eq!(found, [(30, true), (20, true)]);
        assert_eq!(reader.keys.len(), 2, "the first one's keys are deleted");

        let newest = Name { slot: 0, epoch: 3 };
        let damaged = record(&partition(), newest.chunk_key(1), Some(vec![9; 20]));
        read(&mut reader, &[damaged]);
        let found: Vec<_> = reader.candidates().map(|(m, chunks)| (m.positions.journal, chunks.is_some())).collect();
        assert_eq!(found, [(30, false), (20, true)]);
    }

    #[test]
    fn one_without_a_manifest_is_none() {
        let mut writer = Shelf::default();
        let mut log = write(&mut writer, 1, 10);
        log.retain(|record| !record.key.as_deref().unwrap_or_default().ends_with(MANIFEST.as_bytes()));
        let mut reader = Shelf::default();
        read(&mut reader, &log);
        assert_eq!(reader.candidates().count(), 0);
    }
}
