//! What happens to a lead, action by action, and why it must get no paid touch: its lines in the ledgers.

use super::super::fold::Fold;
use super::super::ledger::{Action, Happened, Line, Suppressed, Suppression};
use super::super::visibility::PRESENT;
use super::contributions::View;
use super::waiting::{Became, FollowUp, Leak};
use crate::model::kinds::TouchKind;
use crate::model::stage::Stage;
use crate::model::time::Millis;

impl Leak {
    const fn reason(self) -> &'static str {
        match self {
            Self::Disqualified => "disqualified",
            Self::Lost => "deals_lost",
            Self::Silent => "no_activity",
        }
    }
}

impl View<'_> {
    pub(super) fn write_actions(&mut self, became: &Became, fold: &Fold) {
        use Happened::{Leaked, Reactivated, Recycled, SlaBreached};
        if !fold.rules.writes_actions || self.seen.id.is_none() {
            return;
        }
        let entered = [Happened::Lead, Happened::Mql, Happened::Sal, Happened::Sql];
        for (what, at) in entered.into_iter().zip(self.seen.lead_entries()) {
            if let Some(at) = at {
                self.write(what, at, "", None, None, fold);
            }
        }
        for (recycled, reason, back) in &became.cycles {
            let of_cycle = recycled.0.to_string();
            self.write(Recycled, *recycled, &of_cycle, None, Some(reason), fold);
            if let Some(back) = back {
                self.write(Reactivated, *back, &of_cycle, None, None, fold);
            }
        }
        if let Some((_, FollowUp::Breached(at))) = became.follow_up {
            self.write(SlaBreached, at, "", None, None, fold);
        }
        for (stage, at, why) in &became.leaks {
            self.write(Leaked, *at, stage.name(), Some(*stage), Some(why.reason()), fold);
        }
        if let Some((at, rule)) = self.seen.standing.rejected {
            self.write(Happened::Rejected, at, "", None, Some(&fold.rules.criteria.reject[rule].0), fold);
        }
        self.write_route(fold);
    }

    /// An action as plain facts see it. `of` tells those of one kind apart.
    fn write(&mut self, what: Happened, at: Millis, of: &str, stage: Option<Stage>, reason: Option<&str>, fold: &Fold) {
        if self.view.to_facts_bound_at(fold.rules.bound(at, false)) {
            let action = self.action(what, at, at, of, fold);
            let reason = reason.map(ToOwned::to_owned);
            self.all.lines.push(Line::Action(Action { stage, reason, ..action }));
        }
    }

    /// Where a lead goes that has entered the funnel: by what is known of it until it settles.
    fn write_route(&mut self, fold: &Fold) {
        let Some(at) = self.seen.lead_entries()[0] else { return };
        if !self.view.to_facts_bound_at(fold.rules.bound(at, true)) {
            return;
        }
        let action = self.action(Happened::Routed, at, at + fold.rules.settle(), "", fold);
        if action.route.is_some() {
            self.all.lines.push(Line::Action(action));
        }
    }

    /// With score, grade and route as known at a moment.
    fn action(&self, what: Happened, at: Millis, known_at: Millis, of: &str, fold: &Fold) -> Action {
        let criteria = &fold.rules.criteria;
        let standing = &self.seen.standing;
        let class = self.seen.class(known_at, fold);
        let apart = if of.is_empty() { "" } else { "/" };
        Action {
            id: format!("{}/{}{apart}{of}", self.seen.lead_id(), what.name()),
            lead_id: self.seen.lead_id().to_owned(),
            what,
            at,
            stage: None,
            score: (!standing.is_rejected(known_at)).then(|| standing.score(known_at)),
            grade: class.grade.map(|grade| criteria.grades[grade].0.clone()),
            route: class.route.map(|route| criteria.routes[route].0.clone()),
            reason: None,
        }
    }

    /// As things are at present.
    pub(super) fn write_suppression(&mut self, fold: &Fold) {
        if !fold.rules.writes_suppressions || self.view.to != Millis::MAX || self.seen.id.is_none() {
            return;
        }
        let mut reasons = Vec::new();
        reasons.extend(self.customer_since(fold).map(|since| (Suppressed::Customer, since)));
        let latest = self.seen.stages.iter().rfind(|row| !row.stage.is_of_deal());
        let disqualified = latest.filter(|row| row.stage == Stage::Disqualified);
        reasons.extend(disqualified.map(|row| (Suppressed::Disqualified, Some(row.at))));
        let unsubscribed = self.seen.touches.iter().find(|touch| touch.kind == TouchKind::EmailUnsubscribed);
        reasons.extend(unsubscribed.map(|touch| (Suppressed::Unsubscribed, Some(touch.at))));
        if !reasons.is_empty() {
            let lead_id = self.seen.lead_id().to_owned();
            self.all.lines.push(Line::Suppression(Suppression { lead_id, reasons }));
        }
    }

    /// Whether its account's record says that it is a customer, or a deal of its own was won; and since when.
    fn customer_since(&self, fold: &Fold) -> Option<Option<Millis>> {
        let from_start = fold.rules.config.accounts_hold_from_start;
        let record = self.seen.account(PRESENT).and_then(|id| fold.records.at(id, PRESENT, self.view, from_start));
        let own = self.seen.deals.iter().filter(|deal| deal.is_owned(PRESENT));
        let won = own.filter_map(|deal| deal.entries[2]).map(|won| won.at);
        let won = won.filter(|at| !self.seen.standing.is_rejected(*at)).min();
        (won.is_some() || record.is_some_and(|record| record.is_customer)).then_some(won)
    }
}
