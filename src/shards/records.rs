//! What the CRM says of accounts: records by id, each from its Kafka timestamp on, in the order of their offsets. Every
//! shard keeps them, so that a lead's rules need ask nobody.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::criteria::Criteria;
use super::visibility::Visible;
use crate::model::entity::EntityKey;
use crate::model::event::{Account, AccountRecord};
use crate::model::sparing;
use crate::model::time::Millis;

#[derive(Debug, Default)]
pub struct Records {
    by_account: HashMap<Box<str>, Vec<Holding>, FixedState>,
    /// Who has named an account: what they contribute may change with its record. Of visitors those that count touches to
    /// customers while nobody is known to have made them.
    pub leads: Naming,
    pub visitors: Naming,
}

/// Entities by the accounts that they name.
#[derive(Debug, Default)]
pub struct Naming(BTreeMap<Box<str>, BTreeSet<EntityKey>>);

impl Naming {
    pub fn note(&mut self, account: &str, who: EntityKey) {
        match self.0.get_mut(account) {
            Some(all) => drop(all.insert(who)),
            None => drop(self.0.insert(account.into(), BTreeSet::from([who]))),
        }
    }

    pub fn forget(&mut self, account: &str, who: EntityKey) {
        if let Some(all) = self.0.get_mut(account) {
            all.remove(&who);
            if all.is_empty() {
                self.0.remove(account);
            }
        }
    }

    #[must_use]
    pub fn of(&self, account: &str) -> Vec<EntityKey> {
        self.0.get(account).into_iter().flatten().copied().collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    from: Millis,
    visible: Visible,
    /// None: the account is gone.
    record: Option<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub is_target: bool,
    pub is_customer: bool,
    pub buying_unit_size: Option<u32>,
    /// By the place in `TEXTS`: those that some rule asks for.
    texts: Box<[(u8, Box<str>)]>,
}

/// The fields that are texts.
const TEXTS: [&str; 4] = ["name", "industry", "company_size", "tier"];

impl Records {
    /// Takes a record that holds from a moment on; `mark` is the watermark on its arrival, if that has passed the moment.
    pub fn hold(&mut self, account: &Account<'_>, from: Millis, mark: Option<Millis>, criteria: &Criteria) {
        let visible = Visible::since(mark);
        let record = account.record.as_ref().map(|record| Record::new(record, criteria));
        let all = self.by_account.entry((*account.account_id).into()).or_default();
        // What is said again holds on.
        let is_known = |last: &Holding| last.record == record && last.visible == visible && last.from <= from;
        if !all.last().is_some_and(is_known) {
            sparing::insert(all, all.len(), Holding { from, visible, record });
        }
    }

    /// Each account with its records, in the order of ids: what a snapshot keeps.
    pub fn dump(&self) -> impl Iterator<Item = (&str, &[Holding])> {
        let mut sorted: Vec<_> = self.by_account.iter().map(|(account, all)| (&**account, all.as_slice())).collect();
        sorted.sort_unstable_by_key(|(account, _)| *account);
        sorted.into_iter()
    }

    /// Takes an account of a dump. False when it was there already.
    pub fn load(&mut self, account: Box<str>, all: Vec<Holding>) -> bool {
        self.by_account.insert(account, all).is_none()
    }

    /// What is known of an account at a moment, to facts of a view: the last record that holds by then, or the first one if
    /// that holds from the start.
    #[must_use]
    pub fn at(&self, account: &str, at: Millis, view: Visible, from_start: bool) -> Option<&Record> {
        let all = self.by_account.get(account)?.iter();
        let mut seen = all.filter(|holding| holding.visible.to_facts_bound_at(view.from));
        let first = seen.clone().next().filter(|_| from_start);
        seen.rfind(|holding| holding.from <= at).or(first).and_then(|holding| holding.record.as_ref())
    }

    /// Whether an account is a target from each of the moments at which its records change; the first may hold from the start.
    pub fn targets(&self, account: &str, from_start: bool) -> Vec<(Millis, bool)> {
        self.over_time(account, from_start, |record| record.is_some_and(|record| record.is_target))
    }

    /// The size of its buying unit, likewise.
    pub fn sizes(&self, account: &str, from_start: bool) -> Vec<(Millis, Option<u32>)> {
        self.over_time(account, from_start, |record| record?.buying_unit_size.filter(|size| *size > 0))
    }

    fn over_time<T>(&self, account: &str, from_start: bool, of: impl Fn(Option<&Record>) -> T) -> Vec<(Millis, T)> {
        let all = self.by_account.get(account).map_or(&[][..], Vec::as_slice);
        let mut moments: Vec<Millis> = all.iter().map(|holding| holding.from).collect();
        moments.extend(from_start.then_some(Millis::MIN));
        moments.sort_unstable();
        moments.dedup();
        let known = moments.into_iter().map(|at| (at, of(self.at(account, at, Visible::LATEST, from_start))));
        known.collect()
    }

    /// Every mark that splits what facts may see of an account.
    pub fn marks(&self, account: &str) -> impl Iterator<Item = Visible> {
        self.by_account.get(account).into_iter().flatten().map(|holding| holding.visible)
    }

    /// Whether an account has no record yet.
    #[must_use]
    pub fn is_new(&self, account: &str) -> bool {
        !self.by_account.contains_key(account)
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = |all: &Vec<Holding>| -> usize {
            let records = all.iter().filter_map(|holding| holding.record.as_ref());
            records.map(|record| size_of_val(&*record.texts)).sum()
        };
        self.by_account.values().map(|all| 64 + all.capacity() * size_of::<Holding>() + texts(all)).sum()
    }
}

impl Record {
    fn new(record: &AccountRecord<'_>, criteria: &Criteria) -> Self {
        let AccountRecord { name, industry, company_size, tier, .. } = record;
        let given = (0..).zip(TEXTS).zip([name, industry, company_size, tier]);
        let asked = given.filter(|((_, field), _)| criteria.asks_of_accounts(field));
        Self {
            is_target: record.is_target,
            is_customer: record.is_customer,
            buying_unit_size: record.buying_unit_size,
            texts: asked.filter_map(|((place, _), text)| Some((place, text.as_deref()?.into()))).collect(),
        }
    }

    /// A field's value as rules compare it.
    #[must_use]
    pub fn field<'a>(&'a self, field: &str, id: &'a str) -> Option<Cow<'a, str>> {
        match field {
            "account_id" => Some(Cow::Borrowed(id)),
            "is_target" => Some(Cow::Owned(self.is_target.to_string())),
            "is_customer" => Some(Cow::Owned(self.is_customer.to_string())),
            "buying_unit_size" => self.buying_unit_size.map(|size| Cow::Owned(size.to_string())),
            _ => {
                let (_, text) = self.texts.iter().find(|(place, _)| TEXTS[usize::from(*place)] == field)?;
                Some(Cow::Borrowed(text))
            }
        }
    }
}
