//! What happens to a lead when nothing does: it leaks, its follow-up is overdue, it is recycled. Such facts are at a
//! deadline, and are there once the watermark has reached it.

use smallvec::SmallVec;

use super::super::criteria::Engaged;
use super::super::fold::Fold;
use super::super::forward::DealFacts;
use super::super::rules::LEAKS;
use super::seen::Seen;
use crate::config::Engagement;
use crate::kpi::measures::Measure;
use crate::model::stage::Stage;
use crate::model::time::Millis;

/// All of it, as far as the watermark has come and somebody asks.
#[derive(Debug, Default)]
pub struct Became {
    /// Its first leak at each stage, by time.
    pub leaks: SmallVec<[(Stage, Millis, Leak); 2]>,
    /// Of its first mql.
    pub follow_up: Option<(Millis, FollowUp)>,
    /// When it went out of the funnel for a while, why, and when it came back.
    pub cycles: Vec<(Millis, &'static str, Option<Millis>)>,
    /// The first deadline that the watermark has not reached.
    pub next: Option<Millis>,
}

/// Why a lead leaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leak {
    Disqualified,
    Lost,
    Silent,
}

/// What became of an mql's follow-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUp {
    InTime,
    /// At the deadline.
    Breached(Millis),
    /// Neither, so far.
    Open,
}

impl Became {
    pub fn of(seen: &Seen<'_>, fold: &Fold, clock: Millis) -> Self {
        let asked =
            |measures: &[Measure]| fold.rules.writes_actions || measures.iter().any(|measure| fold.wants(*measure));
        let mut waiting = Waiting { seen, fold, clock, next: None };
        let leaks = asked(&LEAKS).then(|| waiting.leaks());
        let follow_up = asked(&[Measure::SlaBreaches, Measure::SlaCohort]).then(|| waiting.follow_up()).flatten();
        let cycles = asked(&[Measure::RecycledLeads, Measure::Reactivations]).then(|| waiting.cycles());
        let (leaks, cycles) = (leaks.unwrap_or_default(), cycles.unwrap_or_default());
        Self { leaks, follow_up, cycles, next: waiting.next }
    }
}

struct Waiting<'a> {
    seen: &'a Seen<'a>,
    fold: &'a Fold,
    clock: Millis,
    next: Option<Millis>,
}

impl Waiting<'_> {
    fn is_due(&mut self, at: Millis) -> bool {
        if at > self.clock {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
        at <= self.clock
    }

    fn leaks(&mut self) -> SmallVec<[(Stage, Millis, Leak); 2]> {
        let disqualified = self.seen.stages.iter().filter(|row| row.stage == Stage::Disqualified);
        let mut at: Vec<(Millis, Leak)> = disqualified.map(|row| (row.at, Leak::Disqualified)).collect();
        let lost = self.seen.deals.iter().filter_map(|deal| deal.lost).filter(|lost| self.has_lost_all(*lost));
        at.extend(lost.map(|at| (at, Leak::Lost)));
        at.extend(self.silences().into_iter().map(|at| (at, Leak::Silent)));
        at.sort_unstable();
        let mut first: SmallVec<[(Stage, Millis, Leak); 2]> = SmallVec::new();
        for (at, why) in at {
            let Some(stage) = self.seen.leaks_at(at) else { continue };
            if first.iter().all(|(known, ..)| *known != stage) && self.is_due(at) {
                first.push((stage, at, why));
            }
        }
        first
    }

    /// Whether every deal that is its own by then is lost.
    fn has_lost_all(&self, at: Millis) -> bool {
        let mut own = self.seen.deals.iter().filter(|deal| deal.is_owned(at)).peekable();
        own.peek().is_some() && own.all(|deal| deal.lost.is_some_and(|lost| lost <= at))
    }

    /// The deadlines that passed, or will, without engaging touch, form or stage event.
    fn silences(&self) -> Vec<Millis> {
        let touches = self.seen.touches.iter().filter(|touch| self.fold.rules.is_engaging(touch.kind));
        let touches = touches.map(|touch| (touch.at, touch.known_from));
        let fills = self.seen.fills.iter().map(|fill| (fill.at, fill.at));
        let mut active: Vec<(Millis, Millis)> = touches.chain(fills).collect();
        active.extend(self.seen.stages.iter().map(|row| (row.at, row.at)));
        active.sort_unstable();
        let patience = self.fold.rules.config.funnel.leak_after;
        let silent = active.iter().enumerate().filter_map(|(n, (at, known_from))| {
            let deadline = *at + patience;
            let mut after = active[n + 1..].iter().take_while(|(at, _)| *at <= deadline);
            let is_broken = after.any(|(other, known)| other > at && *known <= deadline);
            (*known_from <= deadline && !is_broken).then_some(deadline)
        });
        silent.collect()
    }

    fn follow_up(&mut self) -> Option<(Millis, FollowUp)> {
        let [_, mql, sal, _] = self.seen.lead_entries();
        let mql = mql?;
        let deadline = mql + self.fold.rules.config.sla.follow_up;
        let became = match sal {
            Some(sal) if sal <= deadline => FollowUp::InTime,
            _ if !self.seen.standing.is_rejected(deadline) && self.is_due(deadline) => FollowUp::Breached(deadline),
            _ => FollowUp::Open,
        };
        Some((mql, became))
    }

    fn cycles(&mut self) -> Vec<(Millis, &'static str, Option<Millis>)> {
        let mut cycles = Vec::new();
        let [lead, mql, sal, _] = self.seen.lead_entries();
        let Some(lead) = lead else { return cycles };
        let by_event = self.seen.stages.iter().filter(|row| row.stage == Stage::Recycled).map(|row| row.at);
        let overdue = mql.map(|mql| mql + self.fold.rules.config.sla.recycle_after);
        let overdue = overdue.filter(|at| sal.is_none_or(|sal| sal > *at));
        let by_event = by_event.map(|at| (at, "returned"));
        let overdue = overdue.map(|at| (at, "not_followed_up"));
        let mut at: Vec<_> = by_event.chain(overdue).filter(|(at, _)| *at >= lead).collect();
        at.sort_unstable();
        let mut back: Option<Option<Millis>> = None;
        for (at, reason) in at {
            let is_out = back.is_some_and(|back| back.is_none_or(|back| back > at));
            if is_out || self.seen.standing.is_rejected(at) || !self.is_due(at) {
                continue;
            }
            let reactivated = self.reactivated(at);
            cycles.push((at, reason, reactivated));
            back = Some(reactivated);
        }
        cycles
    }

    /// The first of its own events after a moment by which what it did since has the points.
    fn reactivated(&self, since: Millis) -> Option<Millis> {
        let criteria = &self.fold.rules.criteria;
        if !criteria.has_points {
            return None;
        }
        let later = self.seen.touches.iter().filter(|touch| touch.at > since);
        let mut touches: Vec<_> = later.map(|touch| (touch.known_from, touch.kind)).collect();
        touches.sort_by_key(|(known_from, _)| *known_from);
        let mut touches = touches.into_iter().peekable();
        let mut fills = self.seen.fills.iter().filter(|fill| fill.at > since).peekable();
        let mut engaged = Engaged::new(criteria);
        self.seen.own_moments().into_iter().filter(|at| *at > since).find(|at| {
            while let Some((_, kind)) = touches.next_if(|(known_from, _)| known_from <= at) {
                engaged.add(Engagement::Touch(kind));
            }
            while let Some(fill) = fills.next_if(|fill| fill.at <= *at) {
                engaged.add(Engagement::Form(fill.kind));
            }
            engaged.points() >= criteria.activation_threshold && !self.seen.standing.is_rejected(*at)
        })
    }
}

impl Seen<'_> {
    /// The stage that a lead leaks at, if it can at that moment: it is in the funnel, and has won nothing.
    fn leaks_at(&self, at: Millis) -> Option<Stage> {
        let has_won = |deal: &&&DealFacts| deal.is_owned(at) && deal.entries[2].is_some_and(|won| won.at <= at);
        if self.standing.is_rejected(at) || self.deals.iter().find(has_won).is_some() {
            return None;
        }
        self.highest(at)
    }
}
