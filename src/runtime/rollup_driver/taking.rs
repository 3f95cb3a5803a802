//! A new rollup's start: fence the last owner, so that nothing is published any more by anybody else, then read what is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Published, output_of};
use crate::runtime::log::{Isolation, Log, LogError, Partition, Read, Reader, Standing, Transactor};
use crate::runtime::parts::{Combine, Output, Parts, Show, Shown};
use crate::runtime::site::Site;

pub(super) struct Taking<L: Log, P: Parts> {
    pub transactor: L::Transactor,
    pub rollup: P::Rollup,
    /// Reads what is published, once it is fenced.
    reader: Option<L::Reader>,
    open: BTreeSet<Partition>,
    /// The rows that are published, by key: the print of each value. Alerts the rollup recalls.
    pub prints: BTreeMap<String, u64>,
    pub published: Published,
}

impl<L: Log, P: Parts> Taking<L, P> {
    pub fn begin(site: &Site<L, P>) -> Result<Self, LogError> {
        let transactor = site.log.transactor(&site.names.rollup_transactions())?;
        let (rollup, open) = (site.parts.rollup(), BTreeSet::new());
        let published = Published::find(site)?;
        Ok(Self { transactor, rollup, reader: None, open, prints: BTreeMap::new(), published })
    }

    /// True when all that is published is known.
    pub fn step(&mut self, site: &Site<L, P>, view: &dyn Show<Shown<P>>, wait: Duration) -> Result<bool, LogError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => {
                if self.transactor.poll()? == Standing::Busy {
                    return Ok(false);
                }
                self.open = self.published.all().cloned().collect();
                let mut reader = site.log.reader(Isolation::ReadCommitted)?;
                self.published.assign(site, &mut reader)?;
                none.insert(reader)
            }
        };
        let Self { open, prints, rollup, .. } = self;
        let mut rows = Vec::new();
        let read = reader.poll(wait, site.settings.limits.poll_records, &mut |read| match read {
            Read::Record(record) => {
                let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok()) else { return };
                let of = output_of(&site.names, record.partition);
                match (of, record.value) {
                    (Output::Alerts, value) => rollup.recall(key, value),
                    (Output::Kpis, Some(value)) => drop(prints.insert(key.to_owned(), rollup.print(value))),
                    (Output::Kpis, None) => drop(prints.remove(key)),
                }
                rows.extend(site.parts.shown(of, key, record.value));
            }
            Read::End { partition, .. } => drop(open.remove(partition)),
        });
        view.show(rows);
        match read {
            Ok(_) | Err(LogError::Retriable(_)) => Ok(self.open.is_empty()),
            Err(error) => Err(error),
        }
    }
}
