//! What a lead knows beside the touches that named it: fills, stages, accounts, touches of its visitors, its deals.

use serde::{Deserialize, Serialize};

use std::ops::RangeInclusive;

use super::super::acts::Act;
use super::super::criteria::Question;
use super::super::event_id::{LongIds, PackedId};
use super::super::fold::Fold;
use super::super::forward::DealFacts;
use super::super::records::Records;
use super::super::rules::Rules;
use super::super::statement::Revisions;
use super::super::symbols::OriginId;
use super::super::visibility::Visible;
use super::uploads::ClickSeen;
use crate::kpi::measures::{Dim, Measure};
use crate::model::event::{Fill, Topic};
use crate::model::event_id::EventId;
use crate::model::kinds::{FormKind, TouchKind};
use crate::model::sparing;
use crate::model::stage::Stage;
use crate::model::time::Millis;
use crate::partials::cells::Symbol;

#[derive(Debug, Serialize, Deserialize)]
pub struct History {
    /// The latest moment that its contributions depend on: a touch after it changes none.
    pub latest: Millis,
    /// Where the watermark was when its contributions were last worked out, and when it alone will change them.
    pub clock: Millis,
    pub timer: Option<Millis>,
    /// Touches of its visitors, and its own that came late; in the order of time and id.
    pub stitched: Vec<Stitched>,
    /// In the order of time and id.
    pub fills: Vec<FillRow>,
    pub stages: Vec<StageRow>,
    pub sessions: Vec<SessionOfFill>,
    /// In the order of events.
    pub accounts: Vec<AccountSeen>,
    pub deals: Vec<(DealFacts, Visible)>,
    /// In the order of time and id.
    pub acts: Vec<Act>,
    /// Of its statements.
    pub revisions: Revisions,
    /// In the order of time and id.
    pub clicks: Vec<ClickSeen>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            latest: Millis::MIN,
            clock: Millis::MIN,
            timer: None,
            stitched: Vec::new(),
            fills: Vec::new(),
            stages: Vec::new(),
            sessions: Vec::new(),
            accounts: Vec::new(),
            deals: Vec::new(),
            acts: Vec::new(),
            revisions: Revisions::default(),
            clicks: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stitched {
    pub at: Millis,
    pub id: PackedId,
    pub kind: TouchKind,
    pub origin: OriginId,
    /// From when on it is known to be the lead's.
    pub known_from: Millis,
    pub in_journey: bool,
    /// It named the lead, and came late.
    pub named: bool,
    pub visible: Visible,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FillRow {
    pub at: Millis,
    pub event_id: Box<str>,
    pub kind: FormKind,
    pub asset: Option<Symbol>,
    /// To the questions that some rule asks.
    pub answers: Box<[(Question, Box<str>)]>,
    /// The experiment and the variant that it showed.
    pub exposure: Option<(Symbol, Symbol)>,
    /// Valid answers of a survey.
    pub nps: Option<u8>,
    pub satisfaction: Option<u8>,
    pub late: Option<Millis>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageRow {
    pub at: Millis,
    pub event_id: Box<str>,
    pub stage: Stage,
    pub late: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOfFill {
    pub at: Millis,
    pub event_id: Box<str>,
    pub landing_page: Symbol,
    pub visible: Visible,
}

/// An event that says of which account the lead is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountSeen {
    pub at: Millis,
    pub topic: Topic,
    pub event_id: Box<str>,
    pub account: Box<str>,
    pub known_from: Millis,
    pub visible: Visible,
}

impl FillRow {
    pub fn new(fill: &Fill<'_>, late: Option<Millis>, fold: &mut Fold) -> Self {
        Self {
            at: fill.occurred_at,
            event_id: fill.event_id.text().into(),
            kind: fill.form_kind,
            asset: fill.asset_id.as_deref().map(|asset| fold.symbols.of(Dim::Asset, asset)),
            answers: fold.rules.criteria.answers(fill.answers.iter()),
            exposure: fill
                .experiment
                .as_deref()
                .zip(fill.variant.as_deref())
                .filter(|_| fold.wants(Measure::Exposed))
                .map(|(experiment, variant)| {
                    (fold.symbols.of(Dim::Experiment, experiment), fold.symbols.of(Dim::Variant, variant))
                }),
            nps: answer(fill, "nps", 0..=10),
            satisfaction: answer(fill, "satisfaction", 1..=5),
            late,
        }
    }
}

/// A whole number that a survey may be answered with.
fn answer(fill: &Fill<'_>, question: &str, valid: RangeInclusive<u8>) -> Option<u8> {
    let given =
        fill.answers.iter().find(|(asked, _)| **asked == *question).filter(|_| fill.form_kind == FormKind::Survey);
    given.and_then(|(_, answer)| answer.trim().parse().ok()).filter(|answer| valid.contains(answer))
}

impl AccountSeen {
    /// None for an event without an account.
    pub fn new(
        id: Option<&str>,
        topic: Topic,
        at: Millis,
        event_id: &EventId<'_>,
        late: Option<Millis>,
        fold: &Fold,
    ) -> Option<Self> {
        let account = fold.rules.account(id)?.into();
        let visible = Visible::since(late);
        Some(Self { at, topic, event_id: event_id.text().into(), account, known_from: at, visible })
    }
}

impl History {
    /// Notes a moment that contributions depend on.
    pub fn reach(&mut self, at: Millis) {
        self.latest = self.latest.max(at);
    }

    pub fn find_fill(&self, at: Millis, event_id: &str) -> Result<usize, usize> {
        self.fills.binary_search_by(|row| (row.at, &*row.event_id).cmp(&(at, event_id)))
    }

    pub fn find_stage(&self, at: Millis, event_id: &str) -> Result<usize, usize> {
        self.stages.binary_search_by(|row| (row.at, &*row.event_id).cmp(&(at, event_id)))
    }

    /// Where a touch is that named the lead and came late.
    pub fn find_late(&self, at: Millis, event_id: &EventId<'_>, ids: &LongIds) -> Option<usize> {
        let from = self.stitched.partition_point(|row| row.at < at);
        let mut same = self.stitched[from..].iter().take_while(|row| row.at == at);
        let place = same.position(|row| row.named && ids.compare_to(row.id, event_id).is_eq())?;
        Some(from + place)
    }

    pub fn stitch(&mut self, row: Stitched, ids: &LongIds) {
        let before = |known: &Stitched| known.at.cmp(&row.at).then_with(|| ids.compare(known.id, row.id)).is_le();
        let place = self.stitched.partition_point(before);
        sparing::insert(&mut self.stitched, place, row);
    }

    /// Notes an act that counts by its person.
    pub fn note(&mut self, act: Act) {
        let place = self.acts.partition_point(|known| (known.at, &known.event_id) <= (act.at, &act.event_id));
        sparing::insert(&mut self.acts, place, act);
    }

    pub fn see_click(&mut self, click: ClickSeen) {
        let place = self.clicks.partition_point(|known| *known <= click);
        sparing::insert(&mut self.clicks, place, click);
    }

    /// Takes back what `stitch` put in.
    pub fn unstitch(&mut self, row: &Stitched, ids: &mut LongIds) {
        let same = |known: &Stitched| {
            let place = known.at == row.at && known.known_from == row.known_from && known.visible == row.visible;
            let what = known.kind == row.kind && known.origin == row.origin && known.in_journey == row.in_journey;
            place && what && !known.named && ids.compare(known.id, row.id).is_eq()
        };
        if let Some(place) = self.stitched.iter().position(same) {
            ids.release(self.stitched.remove(place).id);
        }
        ids.release(row.id);
    }

    pub fn see_account(&mut self, seen: AccountSeen) {
        let place = self.accounts.partition_point(|known| *known < seen);
        sparing::insert(&mut self.accounts, place, seen);
    }

    pub fn unsee_account(&mut self, seen: &AccountSeen) {
        if let Ok(place) = self.accounts.binary_search(seen) {
            self.accounts.remove(place);
        }
    }

    /// Every mark that splits what facts may see.
    pub fn marks(&self, rules: &Rules, records: &Records) -> impl Iterator<Item = Visible> {
        let fills = self.fills.iter().map(|row| Visible::since(row.late));
        let stages = self.stages.iter().map(|row| Visible::since(row.late));
        let stitched = self.stitched.iter().map(|row| row.visible);
        let sessions = self.sessions.iter().map(|row| row.visible);
        let accounts = self.accounts.iter().map(|row| row.visible);
        let deals = self.deals.iter().map(|(_, visible)| *visible);
        let named = self.accounts.iter().filter(|_| rules.looks_up_accounts);
        let acts = self.acts.iter().map(|act| act.visible);
        let clicks = self.clicks.iter().map(|click| click.visible);
        let records = named.flat_map(|seen| records.marks(&seen.account));
        fills
            .chain(stages)
            .chain(stitched)
            .chain(sessions)
            .chain(accounts)
            .chain(deals)
            .chain(records)
            .chain(acts)
            .chain(clicks)
    }

    pub const fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.stitched.capacity() * size_of::<Stitched>()
            + self.fills.capacity() * size_of::<FillRow>()
            + self.stages.capacity() * size_of::<StageRow>()
            + self.sessions.capacity() * size_of::<SessionOfFill>()
            + self.accounts.capacity() * size_of::<AccountSeen>()
            + self.acts.capacity() * size_of::<Act>()
            + self.clicks.capacity() * size_of::<ClickSeen>()
            + self.deals.capacity() * size_of::<(DealFacts, Visible)>()
    }
}
