//! Instances that die, hang and come back while a history is loaded: the rows and the letters are the same, always.

use std::time::{Duration, Instant, SystemTime};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::deployment::{Deployment, Instance, Wishes};
use crate::real_parts::wait_for;

/// Drawn anew each time, and printed.
pub fn chance() -> ChaCha8Rng {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = u64::try_from(since.as_millis()).unwrap();
    println!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn pause(chance: &mut ChaCha8Rng, millis: std::ops::Range<u64>) {
    std::thread::sleep(Duration::from_millis(chance.random_range(millis)));
}

#[test]
fn killed_at_any_moment_an_instance_leaves_neither_gap_nor_repeat() {
    let mut chance = chance();
    let line = Deployment::new("killed", &Wishes::default());
    line.create_inputs();
    let mut load = line.load_slowly(2_000);
    for _ in 0..5 {
        let instance = line.start();
        pause(&mut chance, 500..4_000);
        instance.kill();
    }
    let instance = line.start();
    assert!(load.wait_end(Duration::from_secs(60)).success(), "{}", load.log());
    line.settle(Duration::from_secs(120));
    line.check_letters();
    line.check_ledgers_after_crashes();
    drop(instance);
}

#[test]
fn of_two_instances_either_may_die_and_come_back() {
    let mut chance = chance();
    let line = Deployment::new("shared", &Wishes::default());
    line.create_inputs();
    let mut instances = vec![line.start(), line.start()];
    let mut load = line.load_slowly(2_000);
    for _ in 0..3 {
        pause(&mut chance, 1_000..4_000);
        let dies = *[0, 1].choose(&mut chance).unwrap();
        instances.remove(dies).kill();
        pause(&mut chance, 0..3_000);
        instances.push(line.start());
    }
    assert!(load.wait_end(Duration::from_secs(60)).success(), "{}", load.log());
    line.settle(Duration::from_secs(120));
    line.check_letters();
    line.check_ledgers_after_crashes();
    for instance in &mut instances {
        instance.signal("TERM");
    }
    for instance in &mut instances {
        let status = instance.wait_end(Duration::from_secs(20));
        assert_eq!(status.code(), Some(0), "{}", instance.log());
    }
    line.settle(Duration::from_secs(10));
}

#[test]
#[ignore = "what goes on within a session is told by the clock: on a machine with nothing else to do, make soak"]
fn a_paused_instance_is_replaced_and_does_no_harm_when_it_wakes() {
    let line = Deployment::new("paused", &Wishes::default());
    line.create_inputs();
    let instances = [line.start(), line.start()];
    let share = || instances.iter().map(shards).collect::<Vec<_>>();
    wait_for("shared shards", Duration::from_secs(60), || share().iter().all(|count| *count >= 2).then_some(()));
    let mut load = line.load_slowly(2_000);
    wait_for("the first commits", Duration::from_secs(30), || line.lag().filter(|lag| *lag > 0));
    std::thread::sleep(Duration::from_secs(2));

    instances[0].signal("STOP");
    let stopped = Instant::now();
    // The other's shards go on, long before anybody takes notice: only they write forwards now.
    std::thread::sleep(Duration::from_millis(300));
    let before = line.forwards_ends();
    wait_for("the other's shards", Duration::from_millis(6_500), || (line.forwards_ends() > before).then_some(()));
    println!("shards went on {:?} after the pause", stopped.elapsed());
    assert!(load.wait_end(Duration::from_secs(60)).success(), "{}", load.log());
    // Then it has all of them.
    line.settle(Duration::from_secs(120));

    println!("settled {:?} after the pause", stopped.elapsed());
    instances[0].signal("CONT");
    std::thread::sleep(Duration::from_secs(5));
    line.settle(Duration::from_secs(60));
    line.check_letters();
    line.check_ledgers_after_crashes();
}

/// How many shards an instance was given, all told.
fn shards(instance: &Instance) -> usize {
    instance.log().lines().filter(|line| line.contains(r#""message":"live""#)).count()
}
