//! One instance: ingest, the shards it has, the rollup if it is, in any combination. It can be stepped as a whole by a
//! simulation that owns the clock, or run on threads until it is told to stop, when it brings everything home.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::ingest_driver::{Counters, IngestDriver, Progress};
use super::log::{Log, LogError};
use super::parts::{Decode, Parts, Show, Shown};
use super::placement::{Board, Desk, Placement, Worker};
use super::rollup_driver::{Report, RollupDriver};
use super::site::{DriverError, Site};
use crate::model::time::{Millis, Span};

/// What an instance does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    pub ingest: bool,
    pub shards: bool,
    pub rollup: bool,
}

impl Roles {
    pub const ALL: Self = Self { ingest: true, shards: true, rollup: true };
}

pub struct Instance<L: Log, P: Parts> {
    site: Arc<Site<L, P>>,
    ingest: Option<IngestDriver<L, P::Decoder>>,
    placement: Option<Placement<L, P>>,
    workers: Vec<Worker<L, P>>,
    rollup: Option<RollupDriver<L, P>>,
    watch: Watch<P::Shard>,
}

/// What page, API and telemetry see of a running instance.
pub struct Watch<F> {
    pub board: Arc<Board>,
    pub ingest: Arc<Mutex<Counters>>,
    pub rollup: Arc<Mutex<Report>>,
    /// Asks shards; none without the role.
    pub desk: Option<Desk<F>>,
}

impl<F> Clone for Watch<F> {
    fn clone(&self) -> Self {
        Self {
            board: Arc::clone(&self.board),
            ingest: Arc::clone(&self.ingest),
            rollup: Arc::clone(&self.rollup),
            desk: self.desk.clone(),
        }
    }
}

/// How far a graceful stop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    UnderWay,
    Done,
}

impl<L: Log, P: Parts> Instance<L, P> {
    /// With that many threads for shards, when it is run. Published rows go to `view`.
    pub fn new(site: Arc<Site<L, P>>, roles: Roles, workers: usize, view: Arc<dyn Show<Shown<P>>>) -> Self {
        let mut watch = Watch { board: Arc::default(), ingest: Arc::default(), rollup: Arc::default(), desk: None };
        let ingest = roles.ingest.then(|| {
            let (log, names) = (Arc::clone(&site.log), Arc::clone(&site.names));
            IngestDriver::new(log, names, site.settings.clone(), site.parts.decoder())
        });
        let (placement, workers) = match roles.shards {
            true => {
                let (placement, workers) = Placement::new(&site, &watch.board, workers);
                watch.desk = Some(placement.desk());
                (Some(placement), workers)
            }
            false => (None, Vec::new()),
        };
        let rollup = roles.rollup.then(|| RollupDriver::new(view));
        Self { site, ingest, placement, workers, rollup, watch }
    }

    #[must_use]
    pub fn watch(&self) -> Watch<P::Shard> {
        self.watch.clone()
    }

    /// Does what there is to do in every part, and waits for nothing.
    pub fn step(&mut self, now: Millis) -> Result<Progress, DriverError> {
        let mut progress = Progress::Quiet;
        let mut note = |stepped: Progress| {
            if stepped == Progress::Busy {
                progress = Progress::Busy;
            }
        };
        if let Some(ingest) = &mut self.ingest {
            note(step_ingest(ingest, &self.watch, now, Duration::ZERO)?);
        }
        if let Some(placement) = &mut self.placement {
            placement.step(&self.site, now)?;
        }
        for worker in &mut self.workers {
            note(worker.step(now)?);
        }
        if let Some(rollup) = &mut self.rollup {
            note(step_rollup(&self.site, rollup, &self.watch, now, Duration::ZERO)?);
        }
        Ok(progress)
    }

    /// Goes on with a graceful stop: ingest first, then the shards, then the rollup.
    pub fn finish(&mut self, now: Millis) -> Result<Finish, DriverError> {
        if let Some(ingest) = &mut self.ingest
            && !ingest.finish(now, Duration::ZERO)?
        {
            return Ok(Finish::UnderWay);
        }
        let mut home = true;
        for worker in &mut self.workers {
            home &= worker.finish(now)?;
        }
        let Some(rollup) = self.rollup.as_mut().filter(|_| home) else {
            return Ok(if home { Finish::Done } else { Finish::UnderWay });
        };
        let done = rollup.finish(&self.site, now, Duration::ZERO)?;
        Ok(if done { Finish::Done } else { Finish::UnderWay })
    }

    /// Leaves all groups, for others to take over at once.
    pub fn leave(self, wait: Duration) -> Result<(), LogError> {
        self.ingest.map_or(Ok(()), |ingest| ingest.leave(wait))?;
        self.placement.map_or(Ok(()), |placement| placement.leave(wait))?;
        self.rollup.map_or(Ok(()), |rollup| rollup.leave(wait))
    }

    /// Runs on threads until `stop`, then brings everything home within `grace` and leaves.
    pub fn run(self, stop: &AtomicBool, grace: Span) -> Result<(), DriverError> {
        let Self { site, ingest, placement, workers, rollup, watch } = self;
        let shards_home = AtomicBool::new(false);
        let ending = Ending { stop, grace };
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            let (watch, ending, shards_home, site) = (&watch, &ending, &shards_home, &site);
            if let Some(ingest) = ingest {
                threads.push(scope.spawn(move || ending.guard(|| run_ingest(ingest, watch, ending))));
            }
            let shards = scope.spawn(move || {
                let run = ending.guard(|| run_shards(site, placement, workers, ending));
                shards_home.store(true, Ordering::SeqCst);
                run
            });
            threads.push(shards);
            if let Some(rollup) = rollup {
                let run = move || run_rollup(site, rollup, watch, ending, shards_home);
                threads.push(scope.spawn(move || ending.guard(run)));
            }
            let results: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
            for result in results {
                result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            }
            Ok(())
        })
    }
}

/// When to stop, and how long that may take.
struct Ending<'a> {
    stop: &'a AtomicBool,
    grace: Span,
}

/// Stops the instance when it goes.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Between looks at logs that had nothing new: each look costs, and rows are published once a second.
const PAUSE: Duration = Duration::from_millis(5);
const LEAVE: Duration = Duration::from_secs(5);

impl Ending<'_> {
    fn is_here(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// A part that fails stops the whole instance, and so does one that panics: the others alone would only seem to run.
    fn guard(&self, run: impl FnOnce() -> Result<(), DriverError>) -> Result<(), DriverError> {
        let alarm = Alarm(self.stop);
        let result = run();
        match &result {
            Ok(()) => std::mem::forget(alarm),
            Err(error) => tracing::error!(%error, "stopping"),
        }
        result
    }

    /// Goes on until it is done or the time is over.
    fn see_home(&self, mut finish: impl FnMut(Millis) -> Result<bool, DriverError>) -> Result<(), DriverError> {
        let until = wall_clock() + self.grace;
        loop {
            let now = wall_clock();
            if finish(now)? {
                return Ok(());
            }
            if now > until {
                tracing::warn!("stopping before everything is in the log: the next owner does it again");
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }
}

fn run_ingest<L: Log, D: Decode, F>(
    mut ingest: IngestDriver<L, D>,
    watch: &Watch<F>,
    ending: &Ending<'_>,
) -> Result<(), DriverError> {
    while !ending.is_here() {
        step_ingest(&mut ingest, watch, wall_clock(), Duration::from_millis(20))?;
    }
    ending.see_home(|now| Ok(ingest.finish(now, Duration::from_millis(5))?))?;
    Ok(ingest.leave(LEAVE)?)
}

/// The first worker shares its thread with the placement.
fn run_shards<L: Log, P: Parts>(
    site: &Arc<Site<L, P>>,
    mut placement: Option<Placement<L, P>>,
    workers: Vec<Worker<L, P>>,
    ending: &Ending<'_>,
) -> Result<(), DriverError> {
    std::thread::scope(|scope| {
        let mut workers = workers.into_iter();
        let first = workers.next();
        let run = |mut worker: Worker<L, P>| move || ending.guard(|| run_worker(&mut worker, ending, || Ok(())));
        let others: Vec<_> = workers.map(|worker| scope.spawn(run(worker))).collect();
        if let Some(mut first) = first {
            run_worker(&mut first, ending, || match &mut placement {
                Some(placement) => Ok(placement.step(site, wall_clock())?),
                None => Ok(()),
            })?;
        }
        for other in others {
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(placement.map_or(Ok(()), |placement| placement.leave(LEAVE))?)
    })
}

fn run_worker<L: Log, P: Parts>(
    worker: &mut Worker<L, P>,
    ending: &Ending<'_>,
    mut beside: impl FnMut() -> Result<(), DriverError>,
) -> Result<(), DriverError> {
    while !ending.is_here() {
        beside()?;
        if worker.step(wall_clock())? == Progress::Quiet {
            std::thread::sleep(PAUSE);
        }
    }
    ending.see_home(|now| worker.finish(now))
}

fn run_rollup<L: Log, P: Parts>(
    site: &Arc<Site<L, P>>,
    mut rollup: RollupDriver<L, P>,
    watch: &Watch<P::Shard>,
    ending: &Ending<'_>,
    shards_home: &AtomicBool,
) -> Result<(), DriverError> {
    let wait = Duration::from_millis(20);
    // The shards' last words are published too.
    while !(ending.is_here() && shards_home.load(Ordering::SeqCst)) {
        step_rollup(site, &mut rollup, watch, wall_clock(), wait)?;
    }
    ending.see_home(|now| rollup.finish(site, now, Duration::from_millis(50)))?;
    Ok(rollup.leave(LEAVE)?)
}

fn step_ingest<L: Log, D: Decode, F>(
    ingest: &mut IngestDriver<L, D>,
    watch: &Watch<F>,
    now: Millis,
    wait: Duration,
) -> Result<Progress, DriverError> {
    let progress = ingest.step(now, wait)?;
    *watch.ingest.lock().unwrap_or_else(PoisonError::into_inner) = ingest.counters();
    Ok(progress)
}

fn step_rollup<L: Log, P: Parts>(
    site: &Site<L, P>,
    rollup: &mut RollupDriver<L, P>,
    watch: &Watch<P::Shard>,
    now: Millis,
    wait: Duration,
) -> Result<Progress, DriverError> {
    let progress = rollup.step(site, now, wait)?;
    *watch.rollup.lock().unwrap_or_else(PoisonError::into_inner) = rollup.report();
    Ok(progress)
}

/// Where time comes from when nobody hands it in.
#[allow(clippy::disallowed_methods, reason = "an instance that runs by itself has only the system's clock")]
fn wall_clock() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
