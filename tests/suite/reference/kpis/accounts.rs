//! Accounts: targets, which of them are reached and by how many of their leads, who is a customer already, and who uses
//! the product.

use std::collections::{BTreeMap, BTreeSet};

use tributary::model::kinds::TouchKind;
use tributary::model::stage::Stage;
use tributary::model::time::Millis;

use crate::reference::cell::{Cell, Outcome, over};
use crate::reference::facts::{Dims, Fact, Known, fact, settling};
use crate::reference::table::{Formula, Kpi, Set, Term, count, ratio};

const CHANNEL: &[Set] = &[&["channel"]];

pub fn facts(known: &Known) -> Vec<Fact> {
    let mut facts: Vec<Fact> = (0..known.world.touches.len()).flat_map(|touch| touched(known, touch)).collect();
    let is_target = |id: &&str| known.world.record_of(id, Millis::MAX).is_some_and(|record| record.is_target);
    let targets = known.world.accounts().into_iter().filter(is_target);
    facts.extend(targets.map(|_| settling("target_accounts", known.as_of, Dims::new())));
    facts
}

fn touched(known: &Known, touch: usize) -> Vec<Fact> {
    let (world, event) = (known.world, known.world.touches[touch]);
    let (at, then) = (event.occurred_at, known.settled(event.occurred_at));
    let (from, lead) = (known.from(world.origin(touch)), world.owner(event, then));
    let account = account(known, touch, then);
    let record = |at| account.and_then(|account| world.record_of(account, at));
    let mut facts = vec![settling("touches.settled", at, from.clone())];
    let is_engaging = !known.config.journey.not_engaging.contains(&event.kind);
    if let Some(account) = account.filter(|_| is_engaging && record(then).is_some_and(|record| record.is_target)) {
        let mut dims = from.clone();
        dims.extend(lead.map(|lead| ("lead", lead.to_owned())));
        facts.push(Fact { subject: account.to_owned(), ..settling("reached", at, dims) });
    }
    let has_won = |lead: &str| {
        let won = known.funnel.deals_of(lead, at).into_iter().filter_map(|deal| deal.entries.get(&Stage::Won));
        won.into_iter().any(|won| *won < at && !known.funnel.is_rejected(lead, *won))
    };
    if record(at).is_some_and(|record| record.is_customer) || lead.is_some_and(has_won) {
        facts.push(settling("suppressed_touches", at, from));
    }
    let user = self::account(known, touch, at).filter(|_| event.kind == TouchKind::ProductUsed);
    facts.extend(
        user.map(|account| Fact { subject: account.to_owned(), ..fact("product_active_accounts", at, Dims::new()) }),
    );
    facts
}

/// Of its lead, or the one that it names itself.
fn account<'a>(known: &Known<'a>, touch: usize, at: Millis) -> Option<&'a str> {
    let event = known.world.touches[touch];
    match known.world.owner(event, at) {
        Some(lead) => known.world.account_of(lead, at),
        None => event.account_id.as_deref().filter(|id| known.world.is_account(id)),
    }
}

/// Engaged leads of each account that was reached.
fn members<'t>(cell: &'t Cell) -> BTreeMap<&'t str, BTreeSet<&'t String>> {
    let mut members: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for fact in &cell.sums[0].facts {
        members.entry(&*fact.subject).or_default().extend(fact.dims.get("lead"));
    }
    members
}

fn penetration(cell: &Cell) -> Option<Outcome> {
    Some(Outcome::ratio(cell.value(0), cell.accounts.targets(cell.settled()) as f64))
}

/// Where no account that was reached has a size there is nothing to cover.
fn coverage(cell: &Cell) -> Option<Outcome> {
    let size = |account: &str| cell.accounts.unit_size(account, cell.settled()).filter(|size| *size > 0);
    let members = members(cell);
    let covered = members.iter().filter_map(|(account, leads)| Some(leads.len() as f64 / f64::from(size(account)?)));
    let covered: Vec<f64> = covered.collect();
    (!covered.is_empty()).then(|| Outcome::ratio(covered.iter().sum(), covered.len() as f64))
}

fn engaged(cell: &Cell) -> Option<Outcome> {
    let members = members(cell);
    let leads: usize = members.values().map(BTreeSet::len).sum();
    Some(Outcome::ratio(leads as f64, members.len() as f64))
}

/// By channel its spend times the share of its touches that went to customers, where it had touches.
fn wasted(cell: &Cell) -> Option<Outcome> {
    let channels = || cell.sums[..2].iter().flat_map(|sum| &sum.facts).map(|fact| &fact.dims["channel"]);
    let of = |term: usize, channel: &str| -> f64 {
        let mine = cell.sums[term].facts.iter().filter(|fact| fact.dims["channel"] == channel);
        mine.map(|fact| fact.amount as f64 / fact.scale as f64).sum()
    };
    let wasted = |channel: &String| Some(of(0, channel) * over(Some(of(1, channel)), Some(of(2, channel)))?);
    let all: Vec<f64> = channels().collect::<BTreeSet<_>>().into_iter().filter_map(wasted).collect();
    Some(Outcome::of((!all.is_empty()).then(|| all.iter().sum())))
}

pub fn kpis() -> Vec<Kpi> {
    let reached = |_: &str, _: &[&str]| vec![Term::distinct("reached")];
    let mean = |id, says| Kpi { settling: true, formula: Formula::Of(says), ..ratio(id, &[], reached) };
    vec![
        Kpi { present: true, ..count("target_accounts", &[], |id, _| vec![Term::of(id)]) },
        Kpi { settling: true, ..count("target_accounts_reached", CHANNEL, reached) },
        Kpi { sets: CHANNEL.to_vec(), interval: true, ..mean("account_penetration_ratio", penetration) },
        mean("buying_unit_coverage_ratio", coverage),
        Kpi { unit: "count", ..mean("engaged_members", engaged) },
        Kpi { settling: true, ..count("suppressed_touches", CHANNEL, |id, _| vec![Term::of(id)]) },
        Kpi {
            unit: "currency",
            settling: true,
            formula: Formula::Of(wasted),
            ..count("wasted_spend", CHANNEL, |_, _| {
                vec![Term::of("spend"), Term::of("suppressed_touches"), Term::silent("touches.settled")]
            })
        },
        count("product_active_accounts", &[], |id, _| vec![Term::distinct(id)]),
    ]
}
