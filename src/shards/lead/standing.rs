//! Where a lead stands by the rules: its score at each of its own events, whether it is rejected, its grade, segments and
//! route at a moment.

use smallvec::SmallVec;

use super::super::criteria::{Criteria, Criterion, Engaged, Known};
use super::super::fold::Fold;
use super::super::records::Record;
use super::seen::Seen;
use crate::config::Engagement;
use crate::model::kinds::FormKind;
use crate::model::stage::Stage;
use crate::model::time::Millis;

/// What follows from points and reject rules, whenever it is asked.
#[derive(Debug, Default)]
pub struct Standing {
    /// From when on it is rejected, and by which rule.
    pub rejected: Option<(Millis, usize)>,
    /// Its score at each of its own events, by time.
    scores: Vec<(Millis, i64)>,
    /// When its score first reached the threshold.
    pub scored: Option<Millis>,
}

type Answers<'a> = SmallVec<[Option<&'a str>; 8]>;

impl Standing {
    pub fn new(seen: &Seen<'_>, fold: &Fold) -> Self {
        let criteria = &fold.rules.criteria;
        let scores = if criteria.has_points { scores(seen, fold) } else { Vec::new() };
        let scored = scores.iter().find(|(_, score)| *score >= criteria.threshold).map(|(at, _)| *at);
        Self { rejected: rejected(seen, fold), scores, scored }
    }

    pub fn is_rejected(&self, at: Millis) -> bool {
        self.rejected.is_some_and(|(from, _)| from <= at)
    }

    /// The score at its latest own event.
    pub fn score(&self, at: Millis) -> i64 {
        let upto = self.scores.partition_point(|(moment, _)| *moment <= at);
        upto.checked_sub(1).map_or(0, |last| self.scores[last].1)
    }
}

/// The moments of its own events, with the score that it has at each.
fn scores(seen: &Seen<'_>, fold: &Fold) -> Vec<(Millis, i64)> {
    let criteria = &fold.rules.criteria;
    let mut touches: Vec<_> = seen.touches.iter().map(|touch| (touch.known_from, touch.kind)).collect();
    touches.sort_by_key(|(known_from, _)| *known_from);
    let (mut touches, mut fills) = (touches.into_iter().peekable(), seen.fills.iter().peekable());
    let mut engaged = Engaged::new(criteria);
    let (mut answers, mut fit, mut known_record) = (no_answers(criteria), None, None);
    let score_at = |at: Millis| {
        while let Some((_, kind)) = touches.next_if(|(known_from, _)| *known_from <= at) {
            engaged.add(Engagement::Touch(kind));
        }
        while let Some(fill) = fills.next_if(|fill| fill.at <= at) {
            engaged.add(Engagement::Form(fill.kind));
            fill.answers.iter().for_each(|(question, answer)| answers[usize::from(*question)] = Some(&**answer));
            fit = None;
        }
        let account = criteria.asks_accounts.then(|| account(seen, at, fold)).flatten();
        let record = account.map(|(id, record)| (id, std::ptr::from_ref(record)));
        if std::mem::replace(&mut known_record, record) != record {
            fit = None;
        }
        let fit = *fit.get_or_insert_with(|| {
            let known = Known {
                lead_id: seen.lead_id(),
                answers: &answers,
                account,
                grade: None,
                highest: None,
                segments: &[],
            };
            criteria.fit.iter().filter(|(criterion, _)| criterion.holds(&known)).map(|(_, points)| points).sum::<i64>()
        });
        engaged.points() + fit
    };
    seen.own_moments().into_iter().scan(score_at, |score_at, at| Some((at, score_at(at)))).collect()
}

fn no_answers<'a>(criteria: &Criteria) -> Answers<'a> {
    SmallVec::from_elem(None, criteria.questions())
}

fn account<'a>(seen: &'a Seen<'_>, at: Millis, fold: &'a Fold) -> Option<(&'a str, &'a Record)> {
    let id = seen.account(at)?;
    let from_start = fold.rules.config.accounts_hold_from_start;
    Some((id, fold.records.at(id, at, seen.view, from_start)?))
}

/// By the first rule that matches its first fill that is no survey, from that on.
fn rejected(seen: &Seen<'_>, fold: &Fold) -> Option<(Millis, usize)> {
    let criteria = &fold.rules.criteria;
    if criteria.reject.is_empty() {
        return None;
    }
    let fill = seen.fills.iter().find(|fill| fill.kind != FormKind::Survey)?;
    let mut answers = no_answers(criteria);
    fill.answers.iter().for_each(|(question, answer)| answers[usize::from(*question)] = Some(&**answer));
    let account = account(seen, fill.at, fold);
    let known =
        Known { lead_id: seen.lead_id(), answers: &answers, account, grade: None, highest: None, segments: &[] };
    let rule = criteria.reject.iter().position(|(_, criterion)| criterion.holds(&known))?;
    Some((fill.at, rule))
}

/// Grade, segments and route at a moment; of a rejected lead none.
#[derive(Debug, Default)]
pub struct Class {
    pub grade: Option<usize>,
    pub segments: SmallVec<[usize; 4]>,
    pub route: Option<usize>,
}

impl Seen<'_> {
    /// The highest stage of the lead and its deals.
    pub fn highest(&self, at: Millis) -> Option<Stage> {
        let own = Stage::LEAD_STAGES.into_iter().zip(self.lead_entries());
        let deals = self.deals.iter().filter(|deal| deal.is_owned(at));
        let of_deals = deals.flat_map(|deal| Stage::DEAL_STAGES.into_iter().zip(deal.entries.map(|e| e.map(|e| e.at))));
        own.chain(of_deals).filter(|(_, entry)| entry.is_some_and(|entry| entry <= at)).map(|(stage, _)| stage).max()
    }

    pub fn class(&self, at: Millis, fold: &Fold) -> Class {
        let criteria = &fold.rules.criteria;
        if self.standing.is_rejected(at) {
            return Class::default();
        }
        let score = self.standing.score(at);
        let grade = criteria.grades.iter().position(|(_, least)| score >= *least);
        let mut answers = no_answers(criteria);
        for fill in self.fills.iter().take_while(|fill| fill.at <= at) {
            fill.answers.iter().for_each(|(question, answer)| answers[usize::from(*question)] = Some(&**answer));
        }
        let account = if criteria.asks_accounts { account(self, at, fold) } else { None };
        let mut names: SmallVec<[&str; 4]> = SmallVec::new();
        let mut segments = SmallVec::new();
        let known = |names: &[&str], when: &[Criterion]| {
            let known = Known {
                lead_id: self.lead_id(),
                answers: &answers,
                account,
                grade: grade.map(|at| criteria.grades[at].0.as_str()),
                highest: self.highest(at),
                segments: names,
            };
            when.iter().all(|criterion| criterion.holds(&known))
        };
        for (place, (name, when)) in criteria.segments.iter().enumerate() {
            if known(&names, when) {
                names.push(name);
                segments.push(place);
            }
        }
        let route = criteria.routes.iter().position(|(_, when)| known(&names, when));
        Class { grade, segments, route }
    }
}
