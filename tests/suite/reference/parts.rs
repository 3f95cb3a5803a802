//! A history in parts that know nothing of each other: no visitor, lead, deal or account of one is named in another. What
//! each comes to is worked out apart, so that what is quadratic in a history stays small in a long one.

use std::collections::BTreeMap;

use tributary::config::Config;
use tributary::model::event::Event;

use super::Given;

type Subject<'e> = (&'static str, &'e str);

/// Events in parts, each in the order of arrival.
pub fn parts<'a>(config: &Config, events: &[Given<'a>]) -> Vec<Vec<Given<'a>>> {
    let mut numbers: BTreeMap<Subject<'_>, usize> = BTreeMap::new();
    // Of each subject one that it is named with, up to the first of its part.
    let mut named_with: Vec<usize> = vec![];
    let mut first_of: Vec<Option<usize>> = vec![];
    for given in events {
        let mut first = None;
        for subject in subjects(config, &given.event) {
            let number = *numbers.entry(subject).or_insert(named_with.len());
            if number == named_with.len() {
                named_with.push(number);
            }
            let (found, known) = (head(&mut named_with, number), *first.get_or_insert(number));
            let known = head(&mut named_with, known);
            named_with[found.max(known)] = found.min(known);
        }
        first_of.push(first);
    }
    let mut parts: BTreeMap<Option<usize>, Vec<Given<'a>>> = BTreeMap::new();
    for (given, first) in events.iter().zip(first_of) {
        parts.entry(first.map(|first| head(&mut named_with, first))).or_default().push(given.clone());
    }
    parts.into_values().collect()
}

/// The first subject of a part; the way there becomes short.
fn head(named_with: &mut [usize], mut at: usize) -> usize {
    while named_with[at] != at {
        named_with[at] = named_with[named_with[at]];
        at = named_with[at];
    }
    at
}

fn subjects<'e>(config: &Config, event: &'e Event<'_>) -> Vec<Subject<'e>> {
    let (visitor, lead, deal, account) = match event {
        Event::Touch(e) => (e.visitor_id.as_deref(), e.lead_id.as_deref(), None, e.account_id.as_deref()),
        Event::Fill(e) => (e.visitor_id.as_deref(), Some(&*e.lead_id), None, e.account_id.as_deref()),
        Event::Stage(e) => (None, Some(&*e.lead_id), e.deal_id.as_deref(), e.account_id.as_deref()),
        Event::Account(e) => (None, None, None, Some(&*e.account_id)),
        Event::Spend(_) | Event::Erasure(_) => (None, None, None, None),
    };
    // What names no account joins nobody.
    let account = account.filter(|id| !config.identity.not_accounts.contains(&id.to_lowercase()));
    let all = [("visitor", visitor), ("lead", lead), ("deal", deal), ("account", account)];
    all.into_iter().filter_map(|(kind, id)| Some((kind, id?))).collect()
}
