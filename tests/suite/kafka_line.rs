//! The line on a real broker, as its users have it: the built program in processes of its own, a history in the input
//! topics, kcat as the reader of the rows. Whatever is done to the processes, the rows must be those that `report` has
//! for the same history, and each bad record must be in the dead letters once.

mod alerting;
pub mod avro;
pub mod deployment;
mod erasing;
mod faults;
mod gate;
mod leads;
mod letters;
pub mod loading;
mod manager;
mod records;
mod rights;
mod samples;
mod soak;
pub mod story;

use std::process::Command;
use std::time::{Duration, Instant};

use deployment::{Deployment, Wishes};

use crate::http::get;
use crate::real_parts::wait_for;

#[test]
fn rows_and_letters_are_those_of_a_report_and_a_restart_is_quick() {
    let manager = manager::Manager::new();
    let line = Deployment::new("line", &Wishes::default()).with_environment(&manager.environment());
    line.load(&story::HISTORY, None);
    // All of it with the rights that `tributary topics --output strimzi` states, and no others.
    let line = rights::limited(line);
    let mut instance = line.start();
    manager.wait_ready(instance.address());
    line.settle(Duration::from_secs(120));
    line.check_letters();
    line.check_ledgers();

    let asked = Instant::now();
    instance.signal("TERM");
    let status = instance.wait_end(Duration::from_secs(15));
    assert_eq!(status.code(), Some(0), "{status}: {}", instance.log());
    assert!(!instance.log().contains("uthoriz"), "{}", instance.log());
    manager.wait_for("STOPPING=1");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(10), "a graceful stop took {took:?}");

    let published = line.ends("kpis");
    let again = line.start();
    let replays = again.wait_live();
    // Of the forwards, marks of transactions may follow what the snapshot has.
    let journal = |position: &str| position.split(',').next().unwrap().to_owned();
    for (from, to) in &replays {
        assert!(journal(from) == journal(to) && !from.contains("journal: 0,"), "not from a snapshot: {replays:?}");
    }
    line.settle(Duration::from_secs(60));
    line.check_letters();
    line.check_ledgers();
    let more: i64 = line.ends("kpis").iter().sum::<i64>() - published.iter().sum::<i64>();
    assert!(more < 100, "a restart changes nothing, yet {more} records were published");
}

#[test]
fn after_a_reset_the_inputs_are_read_again_and_come_to_the_same() {
    let line = Deployment::new("reset", &Wishes::default());
    line.load(&story::HISTORY, None);
    let mut instance = line.start();
    line.settle(Duration::from_secs(120));
    let config = line.config();
    let reset = |more: &[&str]| {
        let mut command = Command::new(deployment::BINARY);
        let output = command.args(["reset", "--config"]).arg(&config).args(more).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let kept = line.own_topics();
    assert_eq!(kept.len(), 4, "{kept:?}");
    let refused = || {
        let committed = line.ingest_committed("touchpoints");
        let (code, _, problem) = reset(&["--yes"]);
        assert!(code == Some(1) && problem.contains("in use: stop all instances"), "{code:?} {problem}");
        assert_eq!((line.ingest_committed("touchpoints"), line.own_topics()), (committed, kept.clone()));
    };
    refused();
    instance.signal("TERM");
    assert!(instance.wait_end(Duration::from_secs(15)).success(), "{}", instance.log());
    // One that is in a single group holds all of them.
    let mut rollup = line.start_as("rollup");
    wait_for("the rollup's group", Duration::from_secs(30), || rollup.log().contains("is the rollup").then_some(()));
    // There is no shard that it could wait for.
    let ready = || get(rollup.address(), "/readyz").ok().filter(|answer| answer.status == 200);
    wait_for("the rollup to be ready", Duration::from_secs(10), ready);
    refused();
    rollup.signal("TERM");
    assert!(rollup.wait_end(Duration::from_secs(15)).success(), "{}", rollup.log());

    let (code, plan, _) = reset(&[]);
    assert!(code == Some(0) && plan.contains("nothing is deleted yet"), "{code:?} {plan}");
    assert!(kept.iter().all(|topic| plan.contains(topic.as_str())), "{plan}");
    assert_eq!(line.own_topics(), kept);

    let (code, done, problem) = reset(&["--yes", "--output", "json"]);
    assert_eq!(code, Some(0), "{problem}");
    let done: serde_json::Value = serde_json::from_str(&done).unwrap();
    assert_eq!((&done["topics"], &done["deleted"]), (&serde_json::json!(kept), &true.into()));
    assert_eq!(done["groups"].as_array().map(Vec::len), Some(3), "{done}");
    assert_eq!(line.own_topics(), Vec::<String>::new());

    let _again = line.start();
    line.settle(Duration::from_secs(120));
}

#[test]
fn a_check_looks_at_what_a_run_would_connect_to() {
    let line = Deployment::new("checked", &Wishes::default());
    line.create_inputs();
    let config = line.config();
    let check = |variables: &[(&str, &str)]| {
        let mut command = Command::new(deployment::BINARY);
        command.args(["check", "--connect", "--config"]).arg(&config).envs(variables.iter().copied());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, looks) = check(&[]);
    assert_eq!(code, Some(0), "{looks}");
    for expected in [
        "  ok    topic checked-touchpoints: 4 partitions, 0 records\n",
        "  ok    topic checked-internal-journal: absent: `tributary run` creates it\n",
        "  ok    group checked-ingest: new\n",
    ] {
        assert!(looks.contains(expected), "{expected}{looks}");
    }
    let (code, looks) = check(&[("TRIBUTARY_TOPICS__CREATE", "false")]);
    assert!(code == Some(1) && looks.contains("  FAIL  topic checked-internal-journal: absent"), "{code:?} {looks}");
    let (code, looks) = check(&[("TRIBUTARY_KAFKA__BROKERS", "127.0.0.1:1")]);
    assert!(code == Some(1) && looks.contains("  FAIL  brokers 127.0.0.1:1: "), "{code:?} {looks}");
}
