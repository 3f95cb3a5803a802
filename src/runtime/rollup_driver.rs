//! Whoever has the one partition of the partials is the rollup: it learns what is published, reads the partials,
//! and publishes what differs, in transactions of one id. Everybody else follows what is published.

mod owning;
mod taking;

use std::sync::Arc;
use std::time::Duration;

use self::owning::Owning;
use self::taking::Taking;
use super::ingest_driver::Progress;
use super::log::{Isolation, Log, LogError, Member, MemberMode, Membership, Partition, Read, Reader};
use super::partitioner::partition_of;
use super::parts::{Output, Parts, Show, Shown};
use super::settings::Backoff;
use super::site::{DriverError, Site};
use super::topics::Names;
use crate::model::time::Millis;

pub struct RollupDriver<L: Log, P: Parts> {
    member: Option<L::Member>,
    /// Whether the group says that it is this instance.
    owns: bool,
    phase: Phase<L, P>,
    retry: Backoff,
    view: Arc<dyn Show<Shown<P>>>,
    report: Report,
}

enum Phase<L: Log, P: Parts> {
    Following(Option<L::Reader>),
    Taking(Box<Taking<L, P>>),
    Owning(Box<Owning<L, P>>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub owner: bool,
    pub watermark: Option<Millis>,
    /// The next offset of the partials.
    pub read: i64,
    pub rows_published: u64,
    pub transactions: u64,
}

impl<L: Log, P: Parts> RollupDriver<L, P> {
    #[must_use]
    pub fn new(view: Arc<dyn Show<Shown<P>>>) -> Self {
        let phase = Phase::Following(None);
        Self { member: None, owns: false, phase, retry: Backoff::default(), view, report: Report::default() }
    }

    #[must_use]
    pub fn report(&self) -> Report {
        match &self.phase {
            Phase::Owning(owning) => owning.report(),
            _ => Report { owner: false, ..self.report },
        }
    }

    /// The merged cells, on the instance that owns them: to answer questions about any row.
    #[must_use]
    pub fn rollup(&self) -> Option<&P::Rollup> {
        match &self.phase {
            Phase::Owning(owning) => Some(owning.rollup()),
            _ => None,
        }
    }

    /// Does what there is to do, and waits for input at most that long.
    pub fn step(&mut self, site: &Site<L, P>, now: Millis, wait: Duration) -> Result<Progress, DriverError> {
        match self.attempt(site, now, wait) {
            Ok(progress) => Ok(progress),
            Err(error) => self.begin_anew(site, error, now).map(|()| Progress::Quiet),
        }
    }

    /// If the group still says so, it takes over again.
    fn begin_anew(&mut self, site: &Site<L, P>, error: DriverError, now: Millis) -> Result<(), DriverError> {
        if matches!(error, DriverError::Log(LogError::Fatal(_)) | DriverError::Damaged { .. }) {
            return Err(error);
        }
        tracing::warn!(%error, "the rollup begins anew");
        self.report = self.report();
        self.phase = Phase::Following(None);
        self.retry.fail(now, &site.settings.limits);
        if matches!(error, DriverError::Log(LogError::Fenced(_))) {
            self.retry.hold(now, site.settings.limits.fenced_pause);
        }
        Ok(())
    }

    /// Publishes everything once more, as far as it is known. True when it is in the log.
    pub fn finish(&mut self, site: &Site<L, P>, now: Millis, wait: Duration) -> Result<bool, DriverError> {
        let Phase::Owning(owning) = &mut self.phase else {
            // Who is about to take over does so first; whoever only follows has nothing to bring home.
            return Ok(!self.owns || self.step(site, now, wait)? == Progress::Quiet);
        };
        match owning.finish(site, &*self.view, now, wait) {
            Ok(done) => Ok(done),
            Err(error) => self.begin_anew(site, error, now).map(|()| false),
        }
    }

    pub fn leave(self, wait: Duration) -> Result<(), LogError> {
        self.member.map_or(Ok(()), |member| member.leave(wait))
    }

    fn attempt(&mut self, site: &Site<L, P>, now: Millis, wait: Duration) -> Result<Progress, DriverError> {
        self.hear(site)?;
        if !self.retry.is_due(now) {
            return Ok(Progress::Quiet);
        }
        match &mut self.phase {
            Phase::Following(_) if self.owns => {
                self.phase = Phase::Taking(Box::new(Taking::begin(site)?));
                Ok(Progress::Busy)
            }
            Phase::Following(reader) => Ok(follow(site, reader, &*self.view, wait)?),
            Phase::Taking(taking) => {
                if taking.step(site, &*self.view, wait)? {
                    let Phase::Taking(taken) = std::mem::replace(&mut self.phase, Phase::Following(None)) else {
                        return Ok(Progress::Busy);
                    };
                    self.phase = Phase::Owning(Box::new(Owning::begin(site, *taken, self.report)?));
                    self.retry.succeed();
                }
                Ok(Progress::Busy)
            }
            Phase::Owning(owning) => owning.step(site, &*self.view, now, wait),
        }
    }

    /// Hears from the group whether this instance is the rollup.
    fn hear(&mut self, site: &Site<L, P>) -> Result<(), LogError> {
        let member = match &mut self.member {
            Some(member) => member,
            none => {
                let topics = [site.names.partials.to_string()];
                none.insert(site.log.member(&site.names.rollup_group, &topics, MemberMode::Owns)?)
            }
        };
        let owned = &mut self.owns;
        let before = *owned;
        let heard = member.poll(Duration::ZERO, 1, &mut |heard| match heard {
            Membership::Gained(partitions) => *owned |= !partitions.is_empty(),
            Membership::Lost(partitions) => *owned &= partitions.is_empty(),
            Membership::Read(_) => {}
        });
        match heard {
            Ok(_) | Err(LogError::Retriable(_)) => {}
            Err(error @ LogError::Fatal(_)) => return Err(error),
            Err(error) => {
                (self.member, self.owns) = (None, false);
                tracing::warn!(%error, "the rollup group's consumer is made anew");
            }
        }
        if before && !self.owns {
            self.report = self.report();
            self.phase = Phase::Following(None);
        }
        Ok(())
    }
}

/// Shows what the owner publishes.
fn follow<L: Log, P: Parts>(
    site: &Site<L, P>,
    reader: &mut Option<L::Reader>,
    view: &dyn Show<Shown<P>>,
    wait: Duration,
) -> Result<Progress, LogError> {
    let reader = match reader {
        Some(reader) => reader,
        none => {
            let mut reader = site.log.reader(Isolation::ReadCommitted)?;
            Published::find(site)?.assign(site, &mut reader)?;
            none.insert(reader)
        }
    };
    let mut rows = Vec::new();
    let read = reader.poll(wait, site.settings.limits.poll_records, &mut |read| {
        if let Read::Record(record) = read
            && let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok())
        {
            rows.extend(site.parts.shown(output_of(&site.names, record.partition), key, record.value));
        }
    });
    view.show(rows);
    match read {
        Ok(read) => Ok(if read > 0 { Progress::Busy } else { Progress::Quiet }),
        Err(LogError::Retriable(_)) => Ok(Progress::Quiet),
        Err(error) => Err(error),
    }
}

/// The partitions of what is published.
struct Published {
    kpis: Vec<Partition>,
    alerts: Vec<Partition>,
}

impl Published {
    fn find<L: Log, P: Parts>(site: &Site<L, P>) -> Result<Self, LogError> {
        let partitions = |topic: &Arc<str>| {
            let missing = || LogError::Fatal(format!("topic {topic} does not exist"));
            let count = site.log.partitions(topic)?.ok_or_else(missing)?;
            Ok::<_, LogError>((0..count).map(|number| Partition { topic: Arc::clone(topic), number }).collect())
        };
        Ok(Self { kpis: partitions(&site.names.kpis)?, alerts: partitions(&site.names.alerts)? })
    }

    fn all(&self) -> impl Iterator<Item = &Partition> {
        self.kpis.iter().chain(&self.alerts)
    }

    /// Has all of it read, from the beginning.
    fn assign<L: Log, P: Parts>(&self, site: &Site<L, P>, reader: &mut L::Reader) -> Result<(), LogError> {
        self.all().try_for_each(|partition| reader.assign(partition, site.log.bounds(partition)?.0))
    }

    /// Where a record of an output goes by its key.
    fn place(&self, of: Output, key: &str) -> Partition {
        let partitions = match of {
            Output::Kpis => &self.kpis,
            Output::Alerts => &self.alerts,
        };
        partitions[partition_of(key.as_bytes(), partitions.len())].clone()
    }
}

/// Which output a partition is of.
fn output_of(names: &Names, partition: &Partition) -> Output {
    if partition.topic == names.alerts { Output::Alerts } else { Output::Kpis }
}
