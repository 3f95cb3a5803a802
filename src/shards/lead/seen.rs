//! A lead as the facts of one view see it: what arrived too late for them is not there.

use std::sync::Arc;

use super::super::acts::{Act, Done};
use super::super::credit::JourneyTouch;
use super::super::event_id::PackedId;
use super::super::fold::Fold;
use super::super::forward::DealFacts;
use super::super::symbols::OriginId;
use super::super::visibility::Visible;
use super::Lead;
use super::history::{AccountSeen, FillRow, History, SessionOfFill, StageRow};
use super::standing::Standing;
use super::uploads::ClickSeen;
use crate::model::entity::EntityKey;
use crate::model::kinds::{FormKind, TouchKind};
use crate::model::stage::Stage;
use crate::model::time::{Millis, Span};

#[derive(Clone, Copy, Debug)]
pub struct SeenTouch {
    pub at: Millis,
    pub id: PackedId,
    pub known_from: Millis,
    pub kind: TouchKind,
    pub origin: OriginId,
    pub in_journey: bool,
}

impl SeenTouch {
    pub const fn of_journey(&self) -> JourneyTouch {
        JourneyTouch { at: self.at, id: self.id, origin: self.origin }
    }
}

pub struct Seen<'a> {
    pub view: Visible,
    pub key: EntityKey,
    /// As records spell it, where that is asked for.
    pub id: Option<Arc<str>>,
    pub standing: Standing,
    /// In the order of time and id.
    pub touches: Vec<SeenTouch>,
    pub fills: Vec<&'a FillRow>,
    pub stages: Vec<&'a StageRow>,
    pub sessions: Vec<&'a SessionOfFill>,
    pub accounts: Vec<&'a AccountSeen>,
    pub deals: Vec<&'a DealFacts>,
    pub done: Vec<Done>,
    pub clicks: Vec<&'a ClickSeen>,
}

impl<'a> Seen<'a> {
    pub fn new(lead: &'a Lead, history: &'a History, view: Visible, fold: &Fold) -> Self {
        let sees = |visible: Visible| visible.to_facts_bound_at(view.from);
        let late = |mark| sees(Visible::since(mark));
        let mut seen = Self {
            view,
            key: lead.key,
            id: fold.lead_ids.of(lead.key),
            standing: Standing::default(),
            touches: touches(lead, history, view, fold),
            fills: history.fills.iter().filter(|row| late(row.late)).collect(),
            stages: history.stages.iter().filter(|row| late(row.late)).collect(),
            sessions: history.sessions.iter().filter(|row| sees(row.visible)).collect(),
            accounts: history.accounts.iter().filter(|row| sees(row.visible)).collect(),
            deals: history.deals.iter().filter(|(_, visible)| sees(*visible)).map(|(deal, _)| deal).collect(),
            done: history.acts.iter().filter(|act| sees(act.visible)).map(done).collect(),
            clicks: history.clicks.iter().filter(|click| sees(click.visible)).collect(),
        };
        seen.standing = Standing::new(&seen, fold);
        seen
    }

    pub fn lead_id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    /// The first fill that is no survey: it makes a raw lead.
    pub fn first_fill(&self) -> Option<&'a FillRow> {
        self.fills.iter().find(|fill| fill.kind != FormKind::Survey).copied()
    }

    /// When it entered each stage of a lead: at the least time of its events at that stage or any later one.
    pub fn lead_entries(&self) -> [Option<Millis>; Stage::LEAD_STAGES.len()] {
        Stage::LEAD_STAGES.map(|stage| {
            let reached = |row: &&&StageRow| row.stage.rung().is_some() && row.stage.rung() >= stage.rung();
            let implied = self.stages.iter().find(reached).map(|row| row.at);
            let filled = self.first_fill().map(|fill| fill.at).filter(|_| stage == Stage::Lead);
            let scored = self.standing.scored.filter(|_| stage <= Stage::Mql);
            let entry = [implied, filled, scored].into_iter().flatten().min();
            entry.filter(|at| !self.standing.is_rejected(*at))
        })
    }

    /// When a stage was first entered by one of the lead's deals, as far as known after a span: of the deals that are its
    /// own then no other entered it earlier. There may be several such moments, since deals move on to other leads.
    pub fn first_of_deals(&self, stage: Stage, after: Span) -> Vec<Millis> {
        let Some(n) = Stage::DEAL_STAGES.iter().position(|of_deal| *of_deal == stage) else { return Vec::new() };
        let entries: Vec<_> = self.deals.iter().filter_map(|deal| Some((deal, deal.entries[n]?.at))).collect();
        let is_first = |at: Millis| !entries.iter().any(|(deal, other)| *other < at && deal.is_owned(at + after));
        let own = entries.iter().filter(|(deal, at)| deal.is_owned(*at + after) && !self.standing.is_rejected(*at));
        let mut first: Vec<Millis> = own.map(|(_, at)| *at).filter(|at| is_first(*at)).collect();
        first.sort_unstable();
        first.dedup();
        first
    }

    /// The moments of its own events: touches known to be its own when they were made, fills and stages.
    pub fn own_moments(&self) -> Vec<Millis> {
        let touches = self.touches.iter().filter(|touch| touch.known_from == touch.at).map(|touch| touch.at);
        let fills = self.fills.iter().map(|fill| fill.at);
        let mut moments: Vec<Millis> = touches.chain(fills).chain(self.stages.iter().map(|stage| stage.at)).collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// The touches of its journey known at a moment.
    pub fn journey(&self, at: Millis) -> impl Iterator<Item = &SeenTouch> {
        let known = self.touches.iter().take_while(move |touch| touch.at <= at);
        known.filter(move |touch| touch.in_journey && touch.known_from <= at)
    }

    /// Its account at a moment: that of its latest event that carries one.
    pub fn account(&self, at: Millis) -> Option<&'a str> {
        let mut latest_first = self.accounts.iter().rev();
        latest_first.find(|seen| seen.at <= at && seen.known_from <= at).map(|seen| &*seen.account)
    }

    /// The first booking of a kind that was known to be the lead's when it was made, by its place among the touches.
    pub fn booking(&self, kind: TouchKind) -> Option<(usize, Millis)> {
        let mut touches = self.touches.iter().enumerate();
        touches.find(|(_, touch)| touch.kind == kind && touch.known_from <= touch.at).map(|(n, touch)| (n, touch.at))
    }
}

fn done(act: &Act) -> Done {
    let Act { at, kind, about, known_from, .. } = *act;
    Done { at, kind, about, from: known_from, to: Millis::MAX }
}

fn touches(lead: &Lead, history: &History, view: Visible, fold: &Fold) -> Vec<SeenTouch> {
    let mut stitched = history.stitched.iter().filter(|row| row.visible.to_facts_bound_at(view.from)).peekable();
    let mut all = Vec::with_capacity(lead.touches.len() + history.stitched.len());
    for row in &lead.touches {
        let earlier = |other: &&super::history::Stitched| {
            other.at.cmp(&row.at()).then_with(|| fold.ids.compare(other.id, row.id)).is_lt()
        };
        while let Some(other) = stitched.next_if(earlier) {
            all.push(other.seen());
        }
        let kind = TouchKind::from(row.kind);
        let in_journey = fold.rules.is_engaging(kind);
        let (at, id, origin) = (row.at(), row.id, row.origin());
        all.push(SeenTouch { at, id, known_from: at, kind, origin, in_journey });
    }
    all.extend(stitched.map(super::history::Stitched::seen));
    all
}

impl super::history::Stitched {
    const fn seen(&self) -> SeenTouch {
        let Self { at, id, known_from, kind, origin, in_journey, .. } = *self;
        SeenTouch { at, id, known_from, kind, origin, in_journey }
    }
}
