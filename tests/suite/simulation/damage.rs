//! Damages stored snapshots, and reads whole partitions for whoever wants to see what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::Rng as _;
use tributary::runtime::log::{Isolation, Log as _, Outgoing, Partition, Read, Reader as _, Writer as _};

use super::world::World;

/// A record as it stands in the log.
#[derive(Clone, Debug)]
pub struct Stored {
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// All that committed readers see of a partition.
pub fn stored(world: &World, partition: &Partition) -> Vec<Stored> {
    let calm = std::mem::replace(&mut world.sky.lock().calm, true);
    let mut reader = world.log.reader(Isolation::ReadCommitted).expect("a reader");
    reader.assign(partition, world.log.bounds(partition).expect("bounds").0).expect("assigns");
    let mut found = Vec::new();
    let to = &mut |read: Read<'_>| {
        if let Read::Record(record) = read {
            let (key, value) = (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
            found.push(Stored { offset: record.offset, key, value, headers: (record.headers)() });
        }
    };
    while reader.poll(Duration::ZERO, 10_000, to).expect("reads") > 0 {}
    world.sky.lock().calm = calm;
    found
}

/// Overwrites or deletes a chunk or a manifest of some shard's snapshots, then lets an instance crash.
pub fn damage_snapshot(world: &mut World, crash: usize) {
    let shard = world.chance.random_range(0..world.names.shards);
    let partition = world.names.snapshots_of(shard);
    let mut present: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for record in stored(world, &partition) {
        let key = record.key.expect("snapshots have keys");
        match record.value {
            Some(value) => drop(present.insert(key, value)),
            None => drop(present.remove(&key)),
        }
    }
    present.retain(|_, value| !value.is_empty());
    if present.is_empty() {
        return;
    }
    let at = world.chance.random_range(0..present.len());
    let (key, mut value) = present.into_iter().nth(at).expect("one of them");
    let value = match world.chance.random_range(0..3) {
        0 => None,
        1 => {
            value.truncate(value.len() / 2);
            Some(value)
        }
        _ => {
            let at = world.chance.random_range(0..value.len());
            value[at] ^= 0x10;
            Some(value)
        }
    };
    world.say(&format!("the snapshot of shard {shard} is damaged: {}", String::from_utf8_lossy(&key)));
    world.sky.note("a damaged snapshot");
    let calm = std::mem::replace(&mut world.sky.lock().calm, true);
    let mut writer = world.log.writer().expect("a writer");
    let record = Outgoing { partition, timestamp: None, key: Some(key), value, headers: Vec::new() };
    writer.send(0, record).expect("sent").expect("there is room");
    world.sky.lock().calm = calm;
    world.crash(crash);
}
