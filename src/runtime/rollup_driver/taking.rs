//! A new rollup's start: fence the last owner, so that nothing is published any more by anybody else, then read what is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::published;
use crate::runtime::log::{Isolation, Log, LogError, Partition, Read, Reader, Standing, Transactor};
use crate::runtime::parts::{Combine, Parts, Show, Shown};
use crate::runtime::site::Site;

pub(super) struct Taking<L: Log, P: Parts> {
    pub transactor: L::Transactor,
    pub rollup: P::Rollup,
    /// Reads the published rows, once it is fenced.
    reader: Option<L::Reader>,
    open: BTreeSet<Partition>,
    /// What is published, by key: the print of each value.
    pub prints: BTreeMap<String, u64>,
    pub kpis: Vec<Partition>,
}

impl<L: Log, P: Parts> Taking<L, P> {
    pub fn begin(site: &Site<L, P>) -> Result<Self, LogError> {
        let transactor = site.log.transactor(&site.names.rollup_transactions())?;
        let (rollup, open) = (site.parts.rollup(), BTreeSet::new());
        Ok(Self { transactor, rollup, reader: None, open, prints: BTreeMap::new(), kpis: Vec::new() })
    }

    /// True when all that is published is known.
    pub fn step(&mut self, site: &Site<L, P>, view: &dyn Show<Shown<P>>, wait: Duration) -> Result<bool, LogError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => {
                if self.transactor.poll()? == Standing::Busy {
                    return Ok(false);
                }
                self.kpis = published(site)?;
                self.open = self.kpis.iter().cloned().collect();
                let mut reader = site.log.reader(Isolation::ReadCommitted)?;
                for partition in &self.kpis {
                    let (low, _) = site.log.bounds(partition)?;
                    reader.assign(partition, low)?;
                }
                none.insert(reader)
            }
        };
        let (open, prints, printer) = (&mut self.open, &mut self.prints, &self.rollup);
        let mut rows = Vec::new();
        let read = reader.poll(wait, site.settings.limits.poll_records, &mut |read| match read {
            Read::Record(record) => {
                let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok()) else { return };
                match record.value {
                    Some(value) => drop(prints.insert(key.to_owned(), printer.print(value))),
                    None => drop(prints.remove(key)),
                }
                rows.extend(site.parts.shown(key, record.value));
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
