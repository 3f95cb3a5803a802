//! A lead: its touches, and what visitors and deals tell of it. It counts its touches and fills, its entries into the
//! funnel and those of its deals, shares their credit among its journey, and tells accounts of deals won.

use serde::{Deserialize, Serialize};

use super::acts::{self, About, Act};
use super::event_id::LongIds;
use super::fold::{Contributions, Fold};
use super::forward::{DealFacts, FillSession, Known, News, Recipient, VisitorTouch};
use super::ledger::{Line, Said, State};
use super::rows::{self, TouchRow};
use super::statement::{Cause, Revisions};
use super::symbols::OriginId;
use super::table::{Keyed, Table, key_of};
use super::visibility::Visible;
use crate::kpi::measures::Measure;
use crate::model::entity::EntityKey;
use crate::model::event::{DealStage, Fill, NONE, Topic};
use crate::model::event_id::EventId;
use crate::model::kinds::TouchKind;
use crate::model::sparing;
use crate::model::time::Millis;

mod answers;
mod contributions;
mod conversions;
mod history;
mod influence;
mod lifecycle;
mod lost;
pub mod profile;
mod reach;
mod seen;
mod standing;
mod stated;
mod times;
mod units;
mod uploads;
mod waiting;

pub use history::History;
use history::{AccountSeen, FillRow, StageRow, Stitched};
use uploads::ClickSeen;

/// Most of what there is of leads are touches; all the rest is apart.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Lead {
    key: EntityKey,
    /// Touches that named the lead and came in time, in the order of time and id.
    #[serde(with = "rows")]
    touches: Vec<TouchRow>,
    history: Option<Box<History>>,
}

impl Keyed for Lead {
    const ROW: usize = TouchRow::PACKED;

    fn key(&self) -> EntityKey {
        self.key
    }

    fn pack(&self, to: &mut Vec<u8>) -> bool {
        to.extend_from_slice(&self.key.0.to_le_bytes());
        self.history.is_none() && rows::pack(&self.touches, to, TouchRow::pack)
    }

    fn unpack(&mut self, from: &[u8]) {
        (self.key, self.history) = (key_of(from), None);
        rows::unpack(&from[Self::FIXED..], &mut self.touches, TouchRow::unpack);
    }

    fn trim(&mut self) {
        self.touches.shrink_to_fit();
    }
}

impl Lead {
    #[must_use]
    pub const fn new(key: EntityKey) -> Self {
        Self { key, touches: Vec::new(), history: None }
    }

    fn history(&mut self) -> &mut History {
        self.history.get_or_insert_default()
    }

    /// The usual touch, of a lead that is nothing but touches: in time, after all that there are, and no booking. It is
    /// added without unpacking them. False when it is another: then nothing was done.
    pub fn append(leads: &mut Table<Self>, key: EntityKey, touch: &Touch<'_>, fold: &mut Fold) -> bool {
        if touch.late.is_some() || touch.matters(fold) || fold.rules.account(touch.account).is_some() {
            return false;
        }
        let Some((spot, packed)) = leads.packed_one(key) else { return false };
        let rows = &packed[Self::FIXED..];
        let last = rows.len().checked_sub(Self::ROW).and_then(|last| rows::packed_at(&rows[last..]));
        let has_room = rows.len() < fold.rules.config.journey.max_touches * Self::ROW;
        if !has_room || last.is_none_or(|last| touch.at <= last) {
            return false;
        }
        let id = fold.ids.pack(touch.event_id);
        let Some(row) = TouchRow::new(touch.at, id, touch.kind, touch.origin).pack() else {
            fold.ids.release(id);
            return false;
        };
        touch.arrive(fold);
        leads.push_row(spot, &row);
        true
    }

    /// A touch that names the lead. False when it was known.
    pub fn touch(&mut self, touch: &Touch<'_>, fold: &mut Fold) -> bool {
        let Err(place) = self.find_touch(touch.at, touch.event_id, &fold.ids) else { return false };
        touch.arrive(fold);
        fold.cause = Cause::Touch;
        if self.changes_nothing(touch, fold) {
            self.put_touch(place, touch, fold);
        } else {
            self.with_difference(fold, |lead, fold| lead.put_touch(place, touch, fold));
        }
        self.forget_beyond(fold);
        true
    }

    fn find_touch(&self, at: Millis, event_id: &EventId<'_>, ids: &LongIds) -> Result<usize, usize> {
        let order = |row: &TouchRow| row.at().cmp(&at).then_with(|| ids.compare_to(row.id, event_id));
        let is_last = self.touches.last().is_none_or(|last| order(last).is_lt());
        let place = if is_last { Err(self.touches.len()) } else { self.touches.binary_search_by(order) };
        let Err(place) = place else { return place };
        let was_late = self.history.as_ref().and_then(|history| history.find_late(at, event_id, ids));
        was_late.ok_or(place)
    }

    /// Whether a touch leaves all that the lead contributed as it is: it comes in time and after all of it, is no booking,
    /// and names no account that some rule may ask for.
    fn changes_nothing(&self, new: &Touch<'_>, fold: &Fold) -> bool {
        let later = self.history.as_ref().is_none_or(|history| history.latest < new.at);
        let waits = || self.history.is_some() && fold.rules.waits && fold.rules.is_engaging(new.kind);
        let moves = || fold.rules.looks_up_accounts && fold.rules.account(new.account).is_some();
        later && new.late.is_none() && !new.matters(fold) && !waits() && !moves()
    }

    fn put_touch(&mut self, place: usize, new: &Touch<'_>, fold: &mut Fold) {
        let id = fold.ids.pack(new.event_id);
        if let Some(account) = fold.rules.account(new.account).map(Box::<str>::from) {
            self.name(&account, fold);
            let visible = Visible::since(new.late);
            self.history().see_account(AccountSeen {
                at: new.at,
                topic: Topic::Touchpoints,
                event_id: new.event_id.text().into(),
                account,
                known_from: new.at,
                visible,
            });
        }
        if new.is_booking() {
            self.history().reach(new.at);
        }
        if let Some((platform, click)) = new.click.filter(|_| fold.rules.is_engaging(new.kind)) {
            let (event_id, visible) = (new.event_id.text().into(), Visible::since(new.late));
            let (platform, id) = (platform.into(), click.into());
            let seen = ClickSeen { at: new.at, event_id, platform, id, known_from: new.at, visible };
            self.history().see_click(seen);
        }
        if fold.rules.notes(new.kind, new.about) {
            let (event_id, visible) = (new.event_id.text().into(), Visible::since(new.late));
            let (at, kind, about) = (new.at, new.kind, new.about);
            self.history().note(Act { at, event_id, kind, about, known_from: at, visible });
        }
        if let Some(mark) = new.late {
            let in_journey = fold.rules.is_engaging(new.kind);
            self.history().stitch(
                Stitched {
                    at: new.at,
                    id,
                    kind: new.kind,
                    origin: new.origin,
                    known_from: new.at,
                    in_journey,
                    named: true,
                    visible: Visible::since(Some(mark)),
                },
                &fold.ids,
            );
            return;
        }
        sparing::insert(&mut self.touches, place, TouchRow::new(new.at, id, new.kind, new.origin));
    }

    /// Notes that it has named an account, whose record its rules may ask for.
    fn name(&self, account: &str, fold: &mut Fold) {
        if fold.rules.looks_up_accounts {
            fold.records.leads.note(account, self.key);
        }
    }

    /// Notes what a shard knows of it beside itself: after a restart.
    pub fn restore(&self, fold: &mut Fold) {
        let Some(history) = &self.history else { return };
        history.accounts.iter().for_each(|seen| self.name(&seen.account, fold));
        fold.timers.extend(history.timer.map(|at| (at, self.key)));
    }

    /// The newest touches by time are kept. What the others contributed stays counted.
    fn forget_beyond(&mut self, fold: &mut Fold) {
        let beyond = self.touches.len().saturating_sub(fold.rules.config.journey.max_touches);
        self.touches.drain(..beyond).for_each(|row| fold.ids.release(row.id));
    }

    /// A fill. False when it was known.
    pub fn fill(&mut self, fill: &Fill<'_>, late: Option<Millis>, fold: &mut Fold) -> bool {
        let row = FillRow::new(fill, late, fold);
        let Err(place) = self.history().find_fill(row.at, &row.event_id) else { return false };
        if late.is_none() {
            let form = fold.symbols.of(crate::kpi::measures::Dim::Form, &fill.form_id);
            fold.count(Measure::FormFills, fill.occurred_at, &[form]);
        }
        fold.cause = Cause::Fill;
        let account =
            AccountSeen::new(fill.account_id.as_deref(), Topic::FormFills, row.at, &fill.event_id, late, fold);
        self.with_difference(fold, |lead, fold| {
            account.iter().for_each(|account| lead.name(&account.account, fold));
            let history = lead.history();
            history.reach(row.at);
            account.into_iter().for_each(|account| history.see_account(account));
            sparing::insert(&mut history.fills, place, row);
        });
        true
    }

    /// A stage event that names the lead. False when it was known.
    pub fn stage(&mut self, stage: &DealStage<'_>, late: Option<Millis>, fold: &mut Fold) -> bool {
        let row = StageRow { at: stage.occurred_at, event_id: stage.event_id.text().into(), stage: stage.stage, late };
        let Err(place) = self.history().find_stage(row.at, &row.event_id) else { return false };
        fold.cause = Cause::Stage;
        let account =
            AccountSeen::new(stage.account_id.as_deref(), Topic::DealStages, row.at, &stage.event_id, late, fold);
        self.with_difference(fold, |lead, fold| {
            account.iter().for_each(|account| lead.name(&account.account, fold));
            let history = lead.history();
            history.reach(row.at);
            account.into_iter().for_each(|account| history.see_account(account));
            sparing::insert(&mut history.stages, place, row);
        });
        true
    }

    /// Takes what other entities tell it at once: only the difference of it all flows on.
    pub fn hear(&mut self, news: &[(Known, Visible, bool)], fold: &mut Fold) {
        fold.cause = cause_of(news);
        self.with_difference(fold, |lead, fold| {
            for (known, visible, added) in news {
                match known {
                    Known::Touch(touch) => lead.hear_touch(touch, *visible, *added, fold),
                    Known::FillSession(session) => lead.hear_session(session, *visible, *added, fold),
                    Known::Deal(deal) => lead.hear_deal(deal, *visible, *added),
                    Known::Named(id) => fold.lead_ids.note(lead.key, id),
                    Known::Erased
                    | Known::Renamed { .. }
                    | Known::Won(_)
                    | Known::Segments(_)
                    | Known::Reached(_)
                    | Known::Used(_)
                    | Known::Member(_)
                    | Known::Step(_)
                    | Known::UnitDeal(_)
                    | Known::Stated(_)
                    | Known::Question { .. } => {}
                }
            }
        });
    }

    fn hear_touch(&mut self, touch: &VisitorTouch, visible: Visible, added: bool, fold: &mut Fold) {
        if let Some(account) = &touch.account {
            let seen = AccountSeen {
                at: touch.at,
                topic: Topic::Touchpoints,
                event_id: touch.event_id.as_str().into(),
                account: account.as_str().into(),
                known_from: touch.known_from,
                visible,
            };
            self.name(account, fold);
            if added { self.history().see_account(seen) } else { self.history().unsee_account(&seen) }
        }
        if matches!(touch.kind, TouchKind::DemoBooked | TouchKind::MeetingBooked) {
            self.history().reach(touch.at);
        }
        if let Some((assets, exposure)) = &touch.about {
            let exposure = exposure.as_ref().map(|(experiment, variant)| (experiment.as_str(), variant.as_str()));
            let about = fold.about_texts(assets.each_ref().map(String::as_str), exposure);
            let (at, kind, known_from) = (touch.at, touch.kind, touch.known_from);
            let act = Act { at, event_id: touch.event_id.as_str().into(), kind, about, known_from, visible };
            if added { self.history().note(act) } else { self.history().acts.retain(|known| *known != act) }
        }
        if let Some((platform, id)) = &touch.click {
            let seen = ClickSeen {
                at: touch.at,
                event_id: touch.event_id.as_str().into(),
                platform: platform.as_str().into(),
                id: id.as_str().into(),
                known_from: touch.known_from,
                visible,
            };
            if added { self.history().see_click(seen) } else { self.history().clicks.retain(|known| *known != seen) }
        }
        let origin = fold.symbols.read_origin(&touch.origin);
        let stitched = Stitched {
            at: touch.at,
            id: fold.ids.pack(&touch.event_id.as_str().into()),
            kind: touch.kind,
            origin,
            known_from: touch.known_from,
            in_journey: touch.in_journey,
            named: false,
            visible,
        };
        if added {
            self.history().stitch(stitched, &fold.ids)
        } else {
            self.history().unstitch(&stitched, &mut fold.ids)
        }
    }

    fn hear_session(&mut self, session: &FillSession, visible: Visible, added: bool, fold: &mut Fold) {
        let landing_page = fold.symbols.of(crate::kpi::measures::Dim::Page, &session.landing_page);
        let of = history::SessionOfFill {
            at: session.at,
            event_id: session.event_id.as_str().into(),
            landing_page,
            visible,
        };
        let sessions = &mut self.history().sessions;
        if added { sparing::insert(sessions, sessions.len(), of) } else { sessions.retain(|known| *known != of) }
    }

    fn hear_deal(&mut self, deal: &DealFacts, visible: Visible, added: bool) {
        let history = self.history();
        deal.entries.iter().flatten().map(|entry| entry.at).chain(deal.lost).for_each(|at| history.reach(at));
        let (deals, known) = (&mut history.deals, (deal.clone(), visible));
        if added { sparing::insert(deals, deals.len(), known) } else { deals.retain(|deal| *deal != known) }
    }

    /// Changes the lead and lets the difference of what it contributes flow on.
    fn with_difference(&mut self, fold: &mut Fold, change: impl FnOnce(&mut Self, &mut Fold)) {
        let before = self.contributions(fold);
        change(self, fold);
        let after = self.work_out(fold);
        self.exchange(&before, &after, fold);
    }

    /// Puts what it contributes now in the place of what it contributed.
    pub fn exchange(&mut self, before: &Contributions, after: &Contributions, fold: &mut Fold) {
        fold.replace(before, after);
        if !before.statements.is_empty() || !after.statements.is_empty() {
            let key = self.key;
            fold.restate(key, &before.statements, &after.statements, &mut self.history().revisions);
        }
    }

    /// What it contributes now, and when the watermark alone will change that.
    pub fn work_out(&mut self, fold: &mut Fold) -> Contributions {
        if let Some(history) = &mut self.history {
            history.clock = fold.clock;
        }
        let mut contributions = self.contributions(fold);
        if self.history.is_none() && contributions.next.is_some() {
            self.history().clock = fold.clock;
            contributions = self.contributions(fold);
        }
        let key = self.key;
        if let Some(history) = &mut self.history
            && history.timer != contributions.next
        {
            if let Some(at) = history.timer {
                fold.timers.remove(&(at, key));
            }
            fold.timers.extend(contributions.next.map(|at| (at, key)));
            history.timer = contributions.next;
        }
        contributions
    }

    /// The watermark has reached the moment that it waited for.
    pub fn wake(&mut self, fold: &mut Fold) {
        fold.cause = Cause::Final;
        self.with_difference(fold, |_, _| {});
    }

    /// Gives back what the shard keeps of it elsewhere, ends its suppression, and tells its accounts to know it by another
    /// key. What it counted stays counted.
    pub fn forget(self, pseudonym: EntityKey, fold: &mut Fold) {
        let Contributions { lines, news, statements, .. } = self.contributions(fold);
        fold.cause = Cause::Erasure;
        fold.restate(self.key, &statements, &[], &mut Revisions::default());
        let suppressions = lines.into_iter().filter(|line| matches!(line, Line::Suppression(_)));
        fold.said.extend(suppressions.map(|line| Said { state: State::Retracted, line }));
        let mut accounts: Vec<Recipient> =
            news.into_iter().filter(|(_, known, _)| names(known)).map(|(to, ..)| to).collect();
        // Also those that it reached before it was another's.
        let named = self.history.iter().flat_map(|history| &history.accounts);
        accounts.extend(named.map(|seen| Recipient::Account(EntityKey::of(&seen.account))));
        accounts.sort_unstable();
        accounts.dedup();
        let known = Known::Renamed { from: self.key, to: pseudonym };
        fold.news.extend(accounts.into_iter().map(|to| News::always(to, known.clone())));
        self.touches.iter().for_each(|row| fold.ids.release(row.id));
        if let Some(history) = self.history {
            history.stitched.iter().for_each(|row| fold.ids.release(row.id));
            history.accounts.iter().for_each(|seen| fold.records.leads.forget(&seen.account, self.key));
            if let Some(at) = history.timer {
                fold.timers.remove(&(at, self.key));
            }
        }
    }

    /// How many touches it keeps.
    #[must_use]
    pub fn touches(&self) -> usize {
        self.touches.len() + self.history.as_ref().map_or(0, |history| history.stitched.len())
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.touches.capacity() * size_of::<TouchRow>() + self.history.as_ref().map_or(0, |history| history.bytes())
    }
}

/// Why what is heard changes a journey.
fn cause_of(news: &[(Known, Visible, bool)]) -> Cause {
    let is_new = |(known, _, added): &(Known, Visible, bool)| {
        *added && matches!(known, Known::Touch(touch) if touch.known_from == touch.at)
    };
    let is_deal = |(known, ..): &(Known, Visible, bool)| matches!(known, Known::Deal(_));
    match news {
        _ if news.iter().any(is_deal) => Cause::Deal,
        _ if news.iter().all(is_new) => Cause::Touch,
        _ => Cause::Identity,
    }
}

/// Whether what it told names it.
const fn names(known: &Known) -> bool {
    matches!(known, Known::Reached(_) | Known::Member(_) | Known::UnitDeal(_))
}

/// A touch that names its lead, as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Touch<'a> {
    pub at: Millis,
    pub event_id: &'a EventId<'a>,
    pub kind: TouchKind,
    pub origin: OriginId,
    pub account: Option<&'a str>,
    pub asset: Option<&'a str>,
    pub about: About,
    /// The platform's parameter and its value, where that is asked for.
    pub click: Option<(&'a str, &'a str)>,
    /// The watermark on arrival, if it was late.
    pub late: Option<Millis>,
}

impl Touch<'_> {
    const fn is_booking(&self) -> bool {
        matches!(self.kind, TouchKind::DemoBooked | TouchKind::MeetingBooked)
    }

    /// Whether it may change what the lead contributes even when it comes last.
    fn matters(&self, fold: &Fold) -> bool {
        self.is_booking()
            || self.click.is_some()
            || fold.rules.tells_all
            || fold.rules.notes(self.kind, self.about)
            || fold.rules.criteria.scores_at(self.kind)
            || fold.rules.unsubscribes(self.kind)
    }

    /// What it counts, and tells of, by itself: whatever else the lead does.
    fn arrive(&self, fold: &mut Fold) {
        if self.late.is_none() {
            self.count(fold);
        }
        acts::tell_asset(self.kind, self.at, self.about, self.late, fold);
        if fold.rules.settles_touches && Visible::since(self.late).to_facts_bound_at(fold.rules.bound(self.at, true)) {
            let [channel, ..] = fold.symbols.origin_symbols(self.origin);
            fold.count(Measure::SettledTouches, self.at, &[channel]);
        }
    }

    /// What it counts by itself, whatever else the lead does.
    fn count(&self, fold: &mut Fold) {
        let [channel, campaign, ..] = fold.symbols.origin_symbols(self.origin);
        let kind = fold.names.kinds[self.kind as usize];
        fold.tally.count_touch(self.at, [kind, channel, campaign]);
        acts::count(self.kind, self.at, self.about, fold);
        if self.kind == TouchKind::ContentRead && fold.wants(Measure::ContentReads) {
            let asset = fold.symbols.of(crate::kpi::measures::Dim::Asset, self.asset.unwrap_or(NONE));
            fold.count(Measure::ContentReads, self.at, &[asset]);
        }
    }
}
