//! Which shards this instance has: a member of the shards group that owns partitions of the journal tells workers to
//! begin and to let go of shards; a worker drives those it was given, and begins a failed one anew.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ingest_driver::Progress;
use super::log::{Log, LogError, Member, MemberMode, Membership};
use super::parts::Parts;
use super::settings::Backoff;
use super::shard_driver::{Report, ShardDriver};
use super::site::{DriverError, Site};
use crate::model::time::Millis;

/// A question about a shard, asked where it lives; none when it is not (yet) there.
pub type Question<F> = Box<dyn FnOnce(Option<&F>) + Send>;

pub enum Order<F> {
    Begin(u16),
    LetGo(u16),
    Ask(u16, Question<F>),
}

/// The instance's shards, as anybody may look at them.
#[derive(Debug, Default)]
pub struct Board(Mutex<BTreeMap<u16, Report>>);

impl Board {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, Report>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[must_use]
    pub fn shards(&self) -> BTreeMap<u16, Report> {
        self.lock().clone()
    }
}

/// Sends questions to whichever worker has a shard.
pub struct Desk<F>(Vec<Sender<Order<F>>>);

impl<F> Clone for Desk<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<F> Desk<F> {
    /// The question is dropped when the worker is gone.
    pub fn ask(&self, shard: u16, question: Question<F>) {
        self.order(shard, Order::Ask(shard, question));
    }

    fn order(&self, shard: u16, order: Order<F>) {
        let worker = &self.0[usize::from(shard) % self.0.len()];
        // A worker that is gone has failed, and the instance stops.
        drop(worker.send(order));
    }
}

pub struct Placement<L: Log, P: Parts> {
    member: Option<L::Member>,
    desk: Desk<P::Shard>,
    rejoin: Backoff,
}

impl<L: Log, P: Parts> Placement<L, P> {
    /// With that many workers.
    pub fn new(site: &Arc<Site<L, P>>, board: &Arc<Board>, workers: usize) -> (Self, Vec<Worker<L, P>>) {
        let (senders, workers): (Vec<_>, Vec<_>) = (0..workers.max(1))
            .map(|_| {
                let (sender, inbox) = channel();
                let (site, board) = (Arc::clone(site), Arc::clone(board));
                (sender, Worker { site, board, inbox, seats: BTreeMap::new() })
            })
            .unzip();
        (Self { member: None, desk: Desk(senders), rejoin: Backoff::default() }, workers)
    }

    #[must_use]
    pub fn desk(&self) -> Desk<P::Shard> {
        self.desk.clone()
    }

    pub fn step(&mut self, site: &Site<L, P>, now: Millis) -> Result<(), LogError> {
        if !self.rejoin.is_due(now) {
            return Ok(());
        }
        let member = match &mut self.member {
            Some(member) => member,
            none => {
                let topics = [site.names.journal.to_string()];
                none.insert(site.log.member(&site.names.shards_group, &topics, MemberMode::Owns)?)
            }
        };
        let desk = &self.desk;
        let shard = |number: i32| u16::try_from(number).ok();
        let heard = member.poll(Duration::ZERO, 1, &mut |heard| match heard {
            Membership::Gained(partitions) => {
                for shard in partitions.iter().filter_map(|partition| shard(partition.number)) {
                    desk.order(shard, Order::Begin(shard));
                }
            }
            Membership::Lost(partitions) => {
                for shard in partitions.iter().filter_map(|partition| shard(partition.number)) {
                    desk.order(shard, Order::LetGo(shard));
                }
            }
            Membership::Read(_) => {}
        });
        match heard {
            Ok(_) | Err(LogError::Retriable(_)) => Ok(()),
            Err(error @ LogError::Fatal(_)) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the shards group's consumer is made anew");
                self.member = None;
                self.rejoin.fail(now, &site.settings.limits);
                (0..site.names.shards).for_each(|shard| self.desk.order(shard, Order::LetGo(shard)));
                Ok(())
            }
        }
    }

    pub fn leave(self, wait: Duration) -> Result<(), LogError> {
        self.member.map_or(Ok(()), |member| member.leave(wait))
    }
}

/// A shard's place at a worker: empty while it waits to begin anew.
struct Seat<L: Log, P: Parts> {
    driver: Option<ShardDriver<L, P>>,
    retry: Backoff,
}

pub struct Worker<L: Log, P: Parts> {
    site: Arc<Site<L, P>>,
    board: Arc<Board>,
    inbox: Receiver<Order<P::Shard>>,
    seats: BTreeMap<u16, Seat<L, P>>,
}

impl<L: Log, P: Parts> Worker<L, P> {
    /// Does what there is to do for each of its shards, and waits for none.
    pub fn step(&mut self, now: Millis) -> Result<Progress, DriverError> {
        self.take_orders();
        let mut progress = Progress::Quiet;
        for (shard, seat) in &mut self.seats {
            if !seat.retry.is_due(now) {
                continue;
            }
            let stepped = match &mut seat.driver {
                Some(driver) => driver.step(&self.site, now, Duration::ZERO),
                none => match ShardDriver::new(&self.site, *shard) {
                    Ok(driver) => none.insert(driver).step(&self.site, now, Duration::ZERO),
                    Err(error) => Err(error.into()),
                },
            };
            match stepped {
                Ok(stepped) => {
                    if stepped == Progress::Busy {
                        progress = Progress::Busy;
                    }
                    if seat.retry.is_waiting() && seat.driver.as_ref().is_some_and(|driver| driver.report().live) {
                        seat.retry.succeed();
                    }
                }
                Err(error) => seat.fail(&self.site, *shard, now, error)?,
            }
        }
        self.report();
        Ok(progress)
    }

    /// Brings home what its shards have. True when all of it is in the log.
    pub fn finish(&mut self, now: Millis) -> Result<bool, DriverError> {
        self.take_orders();
        let mut finished = true;
        for (shard, seat) in &mut self.seats {
            let Some(driver) = &mut seat.driver else { continue };
            match driver.finish(&self.site, now) {
                Ok(home) => finished &= home,
                Err(error) => seat.fail(&self.site, *shard, now, error)?,
            }
        }
        self.report();
        Ok(finished)
    }

    fn take_orders(&mut self) {
        loop {
            match self.inbox.try_recv() {
                Ok(Order::Begin(shard)) => {
                    self.let_go(shard);
                    self.seats.insert(shard, Seat { driver: None, retry: Backoff::default() });
                }
                Ok(Order::LetGo(shard)) => self.let_go(shard),
                Ok(Order::Ask(shard, question)) => {
                    let driver = self.seats.get(&shard).and_then(|seat| seat.driver.as_ref());
                    question(driver.and_then(ShardDriver::fold));
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    fn let_go(&mut self, shard: u16) {
        if let Some(Seat { driver: Some(driver), .. }) = self.seats.remove(&shard) {
            driver.close(&self.site);
        }
        self.board.lock().remove(&shard);
    }

    fn report(&self) {
        let mut board = self.board.lock();
        for (shard, seat) in &self.seats {
            board.insert(*shard, seat.driver.as_ref().map(ShardDriver::report).unwrap_or_default());
        }
    }
}

impl<L: Log, P: Parts> Seat<L, P> {
    /// What another try may mend is tried again, later; the rest stops the instance.
    fn fail(&mut self, site: &Site<L, P>, shard: u16, now: Millis, error: DriverError) -> Result<(), DriverError> {
        let DriverError::Log(cause) = &error else { return Err(error) };
        if matches!(cause, LogError::Fatal(_)) {
            return Err(error);
        }
        tracing::warn!(shard, %error, "the shard begins anew");
        if let Some(driver) = self.driver.take() {
            driver.close(site);
        }
        self.retry.fail(now, &site.settings.limits);
        if matches!(cause, LogError::Fenced(_)) {
            self.retry.hold(now, site.settings.limits.fenced_pause);
        }
        Ok(())
    }
}
