//! The real code, simulated: a seed decides a history, what goes wrong on its way, and when who does what. One thread a
//! seed, no time but the log's. When all has come to rest, what lies in the log is compared with what must come out.
//!
//! `SIMULATION_SEED=n` runs one seed and says what happened; `SIMULATION_SEEDS=n` says how many to run.

mod alerts;
mod checks;
mod damage;
mod plan;
mod replay;
mod weather;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use plan::{Plan, Theme};
use tributary::model::time::Span;
use weather::Tally;
use world::World;

/// Every theme a few times.
const SEEDS: u64 = 40;

/// What every change runs; `make simulation SEEDS=40` is for all of the above.
const FEW_SEEDS: u64 = 8;

/// What must have happened in so many seeds, or they prove less than they say.
const EXPECTED: &[&str] = &[
    "a crash",
    "a zombie",
    "a graceful stop",
    "a damaged snapshot",
    "a delivery failed",
    "a delivery failed, and landed",
    "a delivery failed, a later one succeeded",
    "a delivery was late",
    "a transaction was aborted",
    "a commit's answer was late",
    "a commit's answer was lost",
    "a commit was lost",
    "a commit of input offsets was lost",
    "a member was told late that it was out",
    "an input grew",
    "input was lost to retention",
    "a foreign zombie",
    "an instance stood still unnoticed",
    "a final row",
    "a late event",
    "a gap",
    "a batch was compared",
    "the oracle was compared",
    "an alert fires at the end",
    "an alert was resolved",
];

/// Runs a seed to its end and checks it. What happened is left in `trace`, also when it fails.
fn run(seed: u64, trace: &Mutex<Vec<String>>) -> Tally {
    let mut world = World::new(Plan::new(seed));
    let outcome = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
    *trace.lock().unwrap() = std::mem::take(&mut world.trace);
    match outcome {
        Ok(()) => world.sky.lock().tally.clone(),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn live(world: &mut World) {
    while !world.is_fed() {
        world.round();
    }
    for _ in 0..world.plan.seed % 100 {
        world.round();
    }
    world.calm();
    come_to_rest(world);
    world.say("at rest");
    checks::check_live(world);
    let rows = checks::check(world);
    alerts::check(world);
    if rows > 0 && world.plan.theme != Theme::Clock {
        // Somebody else begins with what is stored, and there is nothing to add.
        let (before, alerts_before) = (checks::published(world), alerts::told(world));
        world.sky.lock().frozen = None;
        world.replace_all();
        come_to_rest(world);
        checks::check_live(world);
        checks::compare("what was published before everybody was replaced", &before, &checks::published(world));
        let told = alerts::told(world);
        alerts::check(world);
        assert_eq!(told, alerts_before, "alerts before everybody was replaced, and after");
    }
}

/// Until the inputs are idle and read, and nobody has anything to say any more.
fn come_to_rest(world: &mut World) {
    world.sky.lock().frozen = None;
    // Whoever takes a partition over while it gets calm waits from then on.
    let until = world.now() + world.plan.idle_after + Span(25_000);
    for _ in 0..1000 {
        if until <= world.now() && checks::is_ingested(world) {
            break;
        }
        world.calm_round(Span(1000));
    }
    assert!(checks::is_ingested(world), "the inputs are not read to their ends: {:?}", checks::lag(world));
    // A clock that moves on would never let it rest.
    world.sky.lock().frozen = Some(std::sync::Arc::clone(&world.names.journal));
    let mut rest = 0;
    for _ in 0..1000 {
        world.calm_round(Span(1000));
        rest = if checks::lag(world).is_none() { rest + 1 } else { 0 };
        // Rows of windows that have ended are published now and then.
        if rest >= 8 {
            return;
        }
    }
    panic!("it does not come to rest: {:?}", checks::lag(world));
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn say(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Runs seeds, as many at a time as there are processors. Fails with the seeds that failed.
fn run_all(seeds: std::ops::Range<u64>) -> Tally {
    let (next, threads) = (AtomicU64::new(seeds.start), std::thread::available_parallelism().map_or(1, Into::into));
    let (tally, failures) = (Mutex::new(Tally::new()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let trace = Mutex::new(Vec::new());
            match catch_unwind(AssertUnwindSafe(|| run(seed, &trace))) {
                Ok(found) => {
                    let mut tally = tally.lock().unwrap();
                    found.into_iter().for_each(|(what, count)| *tally.entry(what).or_default() += count);
                }
                Err(panic) => {
                    let trace = trace.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
                    let last = trace[trace.len().saturating_sub(30)..].join("\n  ");
                    let text = say(&*panic);
                    failures.lock().unwrap().push(format!("SIMULATION_SEED={seed}: {text}\n  {last}"));
                }
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {seeds:?} failed\n{}", failures.len(), failures.join("\n\n"));
    tally.into_inner().unwrap()
}

#[test]
fn whatever_goes_wrong_the_numbers_are_those_of_the_events() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let trace = Mutex::new(Vec::new());
        let outcome = catch_unwind(AssertUnwindSafe(|| run(seed, &trace)));
        eprintln!("{}", trace.lock().unwrap().join("\n"));
        match outcome {
            Ok(tally) => eprintln!("{tally:#?}"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(FEW_SEEDS);
    let tally = run_all(0..seeds);
    eprintln!("{tally:#?}");
    if seeds >= SEEDS {
        let missing: Vec<_> = EXPECTED.iter().filter(|what| !tally.contains_key(**what)).collect();
        assert!(missing.is_empty(), "never happened in {seeds} seeds: {missing:?}");
    }
}

#[test]
fn a_seed_is_one_run() {
    let trace = |seed| {
        let trace = Mutex::new(Vec::new());
        let tally = run(seed, &trace);
        (tally, trace.into_inner().unwrap())
    };
    assert_eq!(trace(9), trace(9));
}
