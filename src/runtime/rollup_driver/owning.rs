//! The rollup at work: blocks of partials in, the rows that changed out, the newest value of each, and the alerts that
//! they make. While rows are on their way no others are asked for, so under load the interval stretches and rows never
//! queue.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::taking::Taking;
use super::{Published, Report};
use crate::model::time::Millis;
use crate::partials::parts::Gathered;
use crate::runtime::ingest_driver::Progress;
use crate::runtime::log::{
    Isolation, Log, LogError, Outgoing, Partition, Read, Reader, Standing, Transaction, Transactor,
};
use crate::runtime::parts::{Combine, Output, Parts, Row, Show, Shown};
use crate::runtime::site::{DriverError, Site};

pub(super) struct Owning<L: Log, P: Parts> {
    transactor: Option<L::Transactor>,
    reader: L::Reader,
    rollup: P::Rollup,
    partials: Partition,
    published: Published,
    /// The rows that the topic held when this instance took over, by key: the print of each value. Compared with the
    /// first rows, which say all there is: what is not among them is gone.
    found: Option<BTreeMap<String, u64>>,
    /// Read once from the beginning to the end: before that, rows would be of the past.
    caught_up: bool,
    next: i64,
    committed: i64,
    /// Where the partials ended when it was to stop.
    last: Option<i64>,
    gathered: Gathered,
    /// Where each shard's last block of all cells begins.
    last_whole: BTreeMap<u16, i64>,
    trimmed: i64,
    queue: VecDeque<Row<Shown<P>>>,
    flight: Option<Flight<Shown<P>>>,
    /// When what was read had arrived, of blocks whose rows are not asked for yet, and of those whose rows are on their
    /// way.
    arrived: Vec<Millis>,
    under_way: Vec<Millis>,
    last_publish: Option<Millis>,
    last_settle: Option<Millis>,
    last_trim: Option<Millis>,
    last_row_settled: bool,
    report: Report,
}

struct Flight<S> {
    transaction: Arc<Transaction>,
    /// To be shown once it is committed.
    rows: Vec<S>,
    offset: i64,
    submitted: bool,
    /// Whether there are alerts in it, each of which is told once.
    tells: bool,
}

impl<L: Log, P: Parts> Owning<L, P> {
    /// `before` is what this instance had published when it was the rollup before.
    pub fn begin(site: &Site<L, P>, taking: Taking<L, P>, before: Report) -> Result<Self, LogError> {
        let partials = site.names.partials_log();
        let mut reader = site.log.reader(Isolation::ReadCommitted)?;
        let (low, _) = site.log.bounds(&partials)?;
        reader.assign(&partials, low)?;
        tracing::info!(rows = taking.prints.len(), "this instance is the rollup");
        Ok(Self {
            transactor: Some(taking.transactor),
            reader,
            rollup: taking.rollup,
            partials,
            published: taking.published,
            found: Some(taking.prints),
            caught_up: false,
            next: low,
            committed: low,
            last: None,
            gathered: Gathered::default(),
            last_whole: BTreeMap::new(),
            trimmed: low,
            queue: VecDeque::new(),
            flight: None,
            arrived: Vec::new(),
            under_way: Vec::new(),
            last_publish: None,
            last_settle: None,
            last_trim: None,
            last_row_settled: false,
            report: Report { owner: true, ..before },
        })
    }

    pub const fn rollup(&self) -> &P::Rollup {
        &self.rollup
    }

    pub fn report(&self) -> Report {
        Report { watermark: self.rollup.watermark(), read: self.next, ..self.report }
    }

    pub fn step(
        &mut self,
        site: &Site<L, P>,
        view: &dyn Show<Shown<P>>,
        now: Millis,
        wait: Duration,
    ) -> Result<Progress, DriverError> {
        self.settle(site, view, now)?;
        let read = self.read(site, wait)?;
        if self.is_due(site, now) {
            // Running windows first: a history's ended ones are many, and take their time.
            let last_settle = *self.last_settle.get_or_insert(now);
            let settles = last_settle + site.settings.settle_interval <= now;
            self.collect(site, settles, now);
        }
        self.submit(site)?;
        self.trim(site, now);
        Ok(if read > 0 || self.flight.is_some() { Progress::Busy } else { Progress::Quiet })
    }

    /// Publishes everything that changed, of ended windows too; what the shards of this instance have just told is among
    /// it, what others go on to tell is not. True when it is in the log.
    pub fn finish(
        &mut self,
        site: &Site<L, P>,
        view: &dyn Show<Shown<P>>,
        now: Millis,
        wait: Duration,
    ) -> Result<bool, DriverError> {
        self.settle(site, view, now)?;
        let last = match self.last {
            Some(last) => last,
            None => *self.last.insert(site.log.bounds(&self.partials)?.1),
        };
        if self.next < last {
            self.read(site, wait)?;
            return Ok(false);
        }
        let idle = self.flight.is_none() && self.queue.is_empty();
        if idle && (self.last_row_settled || !self.caught_up || self.rollup.watermark().is_none()) {
            return Ok(true);
        }
        if idle {
            self.collect(site, true, now);
            self.last_row_settled = !self.rollup.is_settling();
        }
        self.submit(site)?;
        Ok(false)
    }

    fn read(&mut self, site: &Site<L, P>, wait: Duration) -> Result<usize, DriverError> {
        let Self { reader, rollup, next, gathered, last_whole, caught_up, arrived, .. } = self;
        let mut damage = None;
        let read = reader.poll(wait, site.settings.limits.poll_records, &mut |read| match read {
            Read::Record(record) => {
                *next = record.offset + 1;
                let Some(value) = record.value.filter(|_| damage.is_none()) else { return };
                match gathered.take(record.offset, value) {
                    Ok(Some((first, block))) => {
                        if rollup.apply(&block) {
                            // What was there before this instance took over had been published by another one.
                            arrived.extend(block.arrived.filter(|_| *caught_up));
                            if block.whole {
                                last_whole.insert(block.shard, first);
                            }
                        }
                    }
                    Ok(None) => {}
                    Err(error) => damage = Some(error),
                }
            }
            Read::End { next: end, .. } => {
                *next = end.max(*next);
                *caught_up = true;
            }
        });
        match (damage, read) {
            (Some(damage), _) => Err(damage.into()),
            (None, Ok(read)) => Ok(read),
            (None, Err(LogError::Retriable(_))) => Ok(0),
            (None, Err(error)) => Err(error.into()),
        }
    }

    fn is_due(&self, site: &Site<L, P>, now: Millis) -> bool {
        let rests = self.flight.is_none() && self.queue.is_empty();
        let due = self.last_publish.is_none_or(|last| last + site.settings.output_interval <= now);
        rests && (due || self.rollup.is_settling()) && self.caught_up && self.rollup.watermark().is_some()
    }

    /// Asks for the rows that changed and queues those that say something else than what is published.
    fn collect(&mut self, site: &Site<L, P>, settle: bool, now: Millis) {
        let settle = settle || self.found.is_some() || self.rollup.is_settling();
        self.last_publish = Some(now);
        if settle {
            self.last_settle = Some(now);
        }
        self.last_row_settled = false;
        self.under_way.append(&mut self.arrived);
        let rows = self.rollup.changed(settle, now);
        match &mut self.found {
            Some(_) => self.queue_what_differs(site, rows),
            None => self.queue.extend(rows),
        }
    }

    fn queue_what_differs(&mut self, site: &Site<L, P>, rows: Vec<Row<Shown<P>>>) {
        let Some(mut found) = self.found.take() else { return };
        for row in rows {
            if row.to == Output::Alerts {
                self.queue.push_back(row);
                continue;
            }
            let known = found.remove(&row.key);
            let says = row.value.as_deref().map(|value| self.rollup.print(value));
            if says != known {
                self.queue.push_back(row);
            }
        }
        if self.rollup.is_settling() {
            // What is left of it may come yet.
            self.found = Some(found);
            return;
        }
        let to = Output::Kpis;
        let gone = |key: String| Row { to, shown: site.parts.shown(to, &key, None), key, value: None };
        self.queue.extend(found.into_keys().map(gone));
    }

    fn submit(&mut self, site: &Site<L, P>) -> Result<(), LogError> {
        if self.flight.is_none() && (!self.queue.is_empty() || self.next != self.committed) && self.caught_up {
            let most = site.settings.limits.rows_per_transaction.min(self.queue.len());
            let (mut rows, mut records) = (Vec::with_capacity(most), Vec::with_capacity(most));
            let mut tells = false;
            for Row { to, key, value, shown } in self.queue.drain(..most) {
                tells |= to == Output::Alerts;
                let partition = self.published.place(to, &key);
                let key = Some(key.into_bytes());
                records.push(Outgoing { partition, timestamp: None, key, value, headers: Vec::new() });
                rows.extend(shown);
            }
            let group = site.names.rollup_group.clone();
            let offsets = vec![(self.partials.clone(), self.next)];
            let transaction = Arc::new(Transaction { records, group, offsets });
            self.flight = Some(Flight { transaction, rows, offset: self.next, submitted: false, tells });
        }
        let Some(flight) = self.flight.as_mut().filter(|flight| !flight.submitted) else { return Ok(()) };
        let transactor = match &mut self.transactor {
            Some(transactor) => transactor,
            none => none.insert(site.log.transactor(&site.names.rollup_transactions())?),
        };
        match transactor.poll() {
            Ok(Standing::Busy) | Err(LogError::Retriable(_)) => Ok(()),
            Ok(_) => match transactor.submit(Arc::clone(&flight.transaction)) {
                Ok(()) => {
                    flight.submitted = true;
                    Ok(())
                }
                Err(LogError::Retriable(_)) => Ok(()),
                Err(error) => self.begin_anew(error),
            },
            Err(error) => self.begin_anew(error),
        }
    }

    fn settle(&mut self, site: &Site<L, P>, view: &dyn Show<Shown<P>>, now: Millis) -> Result<(), LogError> {
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.submitted) else { return Ok(()) };
        let Some(transactor) = &mut self.transactor else { return Ok(()) };
        match transactor.poll() {
            Ok(Standing::Busy) | Err(LogError::Retriable(_)) => Ok(()),
            // Whether an alert was told is for the topic to say: this instance takes over from itself.
            Ok(Standing::Unknown) if flight.tells => Err(LogError::Spent("alerts may be out or not".to_owned())),
            // A row that is published twice says the same twice.
            Ok(Standing::Aborted | Standing::Unknown) => {
                flight.submitted = false;
                self.submit(site)
            }
            Ok(Standing::Ready) => {
                let Some(flight) = self.flight.take() else { return Ok(()) };
                self.committed = flight.offset;
                self.report.transactions += 1;
                self.report.rows_published += flight.transaction.records.len() as u64;
                view.show(flight.rows);
                if self.queue.is_empty() {
                    self.under_way.drain(..).for_each(|arrived| view.took(now - arrived));
                }
                Ok(())
            }
            Err(error) => self.begin_anew(error),
        }
    }

    /// The fate of the transaction is open: the next transactor settles it, and the same rows follow.
    fn begin_anew(&mut self, error: LogError) -> Result<(), LogError> {
        let may_be_out = self.flight.as_ref().is_some_and(|flight| flight.submitted && flight.tells);
        if !matches!(error, LogError::Spent(_)) || may_be_out {
            return Err(error);
        }
        tracing::warn!(%error, "the rollup's transaction is sent again");
        self.transactor = None;
        if let Some(flight) = &mut self.flight {
            flight.submitted = false;
        }
        Ok(())
    }

    /// What lies before every shard's last whole block is never needed again.
    fn trim(&mut self, site: &Site<L, P>, now: Millis) {
        let due = self.last_trim.is_none_or(|last| last + site.settings.limits.trim_interval <= now);
        if !due || self.last_whole.len() < usize::from(site.names.shards) {
            return;
        }
        self.last_trim = Some(now);
        let Some(before) = self.last_whole.values().copied().min().filter(|before| *before > self.trimmed) else {
            return;
        };
        match site.log.trim(&self.partials, before) {
            Ok(()) => self.trimmed = before,
            Err(error) => tracing::warn!(%error, "the partials cannot be trimmed"),
        }
    }
}
