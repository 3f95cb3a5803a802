//! What the CRM says of all accounts at a moment: things without a time, which a window takes as known at its end + H.

use std::collections::BTreeMap;

use tributary::config::Config;
use tributary::model::event::{AccountRecord, Event};
use tributary::model::time::Millis;

use super::Given;

pub struct Accounts<'a> {
    config: &'a Config,
    /// Account → its records by offset.
    records: BTreeMap<&'a str, Vec<&'a Given<'a>>>,
}

impl<'a> Accounts<'a> {
    pub fn new(config: &'a Config, events: &'a [Given<'a>]) -> Self {
        let mut records: BTreeMap<&str, Vec<&Given>> = BTreeMap::new();
        for given in events {
            if let Event::Account(account) = &given.event {
                records.entry(&account.account_id).or_default().push(given);
            }
        }
        records.values_mut().for_each(|records| records.sort_by_key(|given| given.offset));
        Self { config, records }
    }

    /// How many are targets by the moment.
    pub fn targets(&self, at: Option<Millis>) -> usize {
        self.records.keys().filter(|id| self.record(id, at).is_some_and(|record| record.is_target)).count()
    }

    pub fn unit_size(&self, account: &str, at: Option<Millis>) -> Option<u32> {
        self.record(account, at)?.buying_unit_size
    }

    /// A late record is seen by what was open when it came.
    fn record(&self, account: &str, at: Option<Millis>) -> Option<&'a AccountRecord<'a>> {
        let at = at.unwrap_or(Millis::MAX);
        let open = |given: &&&Given| {
            let late = |watermark| at == Millis::MAX || watermark <= at + self.config.time.allowed_lateness;
            given.late_at.is_none_or(late)
        };
        let seen: Vec<_> = self.records.get(account)?.iter().filter(open).collect();
        let holding = seen.iter().rfind(|given| given.timestamp <= at);
        let first = seen.first().filter(|_| self.config.accounts_hold_from_start);
        match &holding.or(first)?.event {
            Event::Account(account) => account.record.as_ref(),
            _ => None,
        }
    }
}
