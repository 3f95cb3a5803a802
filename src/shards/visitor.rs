//! A visitor: the moments at which it was known to be a lead, its page views in sessions, and touches of nobody yet
//! known. It counts sessions and visitors, and tells leads which of its touches are theirs, from when on.

use serde::{Deserialize, Serialize};

use super::acts::tell_asset;
use super::event_id::{LongIds, PackedId};
use super::fold::{Contributions, Fold};
use super::rows::{self, IdentRow};
use super::symbols::OriginId;
use super::table::{Keyed, Table, key_of};
use super::visibility::{Visible, views};
use crate::model::entity::EntityKey;
use crate::model::event::Topic;
use crate::model::event_id::EventId;
use crate::model::sparing;
use crate::model::time::{Millis, Span};
use crate::partials::cells::Symbol;

mod browsing;
mod sessions;

pub use browsing::{Aside, Browsing, FillSeen, PageView, Touch};

/// Most visitors are only known by who they are; what they did without saying so is apart.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Visitor {
    key: EntityKey,
    /// The lead that it was first known to be.
    lead: EntityKey,
    /// In the order of time, topic, id.
    #[serde(with = "rows")]
    idents: Vec<IdentRow>,
    browsing: Option<Box<Browsing>>,
}

impl Keyed for Visitor {
    const FIXED: usize = 32;
    const ROW: usize = IdentRow::PACKED;

    fn key(&self) -> EntityKey {
        self.key
    }

    fn pack(&self, to: &mut Vec<u8>) -> bool {
        to.extend_from_slice(&self.key.0.to_le_bytes());
        to.extend_from_slice(&self.lead.0.to_le_bytes());
        self.browsing.is_none() && rows::pack(&self.idents, to, IdentRow::pack)
    }

    fn unpack(&mut self, from: &[u8]) {
        (self.key, self.lead, self.browsing) = (key_of(from), key_of(&from[16..]), None);
        rows::unpack(&from[Self::FIXED..], &mut self.idents, IdentRow::unpack);
    }

    fn trim(&mut self) {
        self.idents.shrink_to_fit();
    }
}

/// A record that says which lead a visitor is.
#[derive(Clone, Copy, Debug)]
pub struct Ident<'a> {
    pub at: Millis,
    pub topic: Topic,
    pub event_id: &'a EventId<'a>,
    pub lead: EntityKey,
    /// The watermark on arrival, if it was late.
    pub late: Option<Millis>,
}

impl Visitor {
    #[must_use]
    pub const fn new(key: EntityKey) -> Self {
        Self { key, lead: EntityKey(0), idents: Vec::new(), browsing: None }
    }

    /// The usual identification, of a visitor that is only known by who it is: in time, after all that there are, as the
    /// same lead. It is added without unpacking them. False when it is another: then nothing was done.
    pub fn append(visitors: &mut Table<Self>, key: EntityKey, ident: &Ident<'_>, ids: &mut LongIds) -> bool {
        let Some((spot, packed)) = visitors.packed_one(key).filter(|_| ident.late.is_none()) else { return false };
        let (lead, rows) = (key_of(&packed[16..]), &packed[Self::FIXED..]);
        let last = rows.len().checked_sub(Self::ROW).and_then(|last| rows::packed_at(&rows[last..]));
        if lead != ident.lead || last.is_none_or(|last| ident.at <= last) {
            return false;
        }
        let id = ids.pack(ident.event_id);
        let Some(row) = IdentRow::new(ident.at, ident.topic, id, 0).pack() else {
            ids.release(id);
            return false;
        };
        visitors.push_row(spot, &row);
        true
    }

    /// Learns at a moment which lead it is; a repeated record changes nothing.
    pub fn identify(&mut self, ident: Ident<'_>, fold: &mut Fold) {
        let Err(place) = self.find_ident(&ident, &fold.ids) else { return };
        if self.browsing.is_none() && (self.idents.is_empty() || self.lead == ident.lead) && ident.late.is_none() {
            self.put_ident(place, &ident, &mut fold.ids);
            return;
        }
        // Another moment of the lead that it is already known to be, after the first one, moves nothing.
        let settled = self.browsing.as_ref().is_none_or(|browsing| browsing.leads.is_empty() && !browsing.was_late());
        if settled && place > 0 && self.lead == ident.lead && ident.late.is_none() {
            self.put_ident(place, &ident, &mut fold.ids);
            return;
        }
        let before = self.contributions(fold);
        self.put_ident(place, &ident, &mut fold.ids);
        let after = self.contributions(fold);
        fold.replace(&before, &after);
    }

    fn find_ident(&self, ident: &Ident<'_>, ids: &LongIds) -> Result<usize, usize> {
        let order = |row: &IdentRow| {
            let by_time = row.at().cmp(&ident.at).then_with(|| row.topic().cmp(&ident.topic));
            by_time.then_with(|| ids.compare_to(row.id, ident.event_id))
        };
        if self.idents.last().is_none_or(|last| order(last).is_lt()) {
            return Err(self.idents.len());
        }
        self.idents.binary_search_by(order)
    }

    fn put_ident(&mut self, place: usize, ident: &Ident<'_>, ids: &mut LongIds) {
        if self.idents.is_empty() {
            self.lead = ident.lead;
        }
        let number = if self.lead == ident.lead { 0 } else { self.browsing().number_of(ident.lead) };
        let id = ids.pack(ident.event_id);
        sparing::insert(&mut self.idents, place, IdentRow::new(ident.at, ident.topic, id, number));
        if let Some(mark) = ident.late {
            self.browsing().late_idents.push((ident.at, id, mark));
        }
    }

    fn browsing(&mut self) -> &mut Browsing {
        self.browsing.get_or_insert_default()
    }

    /// A page view, which may name a lead. False when it was known.
    pub fn view(&mut self, view: PageView, event_id: &EventId<'_>, fold: &mut Fold) -> bool {
        let at = view.at();
        let Err(place) = Browsing::place(self.browsing().views.as_slice(), at, event_id, &fold.ids) else {
            return false;
        };
        let before = self.contributions(fold);
        let id = fold.ids.pack(event_id);
        let late = view.late();
        self.name(view.account(), fold);
        if let Some(lead) = view.lead() {
            let ident = Ident { at, topic: Topic::Touchpoints, event_id, lead, late };
            if let Err(place) = self.find_ident(&ident, &fold.ids) {
                self.put_ident(place, &ident, &mut fold.ids);
            }
        }
        sparing::insert(&mut self.browsing().views, place, PageView { id, ..view });
        let after = self.contributions(fold);
        fold.replace(&before, &after);
        self.browsing().forget_beyond(fold.rules.config.journey.max_touches, &mut fold.ids);
        true
    }

    /// A touch that names no lead. False when it was known.
    pub fn touch(&mut self, touch: Touch, event_id: &EventId<'_>, fold: &mut Fold) -> bool {
        let Err(place) = Browsing::place(self.browsing().touches.as_slice(), touch.at, event_id, &fold.ids) else {
            return false;
        };
        let before = self.contributions(fold);
        let id = fold.ids.pack(event_id);
        tell_asset(touch.kind, touch.at, touch.about, touch.late, fold);
        self.name(touch.account.as_deref(), fold);
        sparing::insert(&mut self.browsing().touches, place, Touch { id, ..touch });
        let after = self.contributions(fold);
        fold.replace(&before, &after);
        self.browsing().forget_beyond(fold.rules.config.journey.max_touches, &mut fold.ids);
        true
    }

    /// A fill by this visitor, which names its lead; a repeated one changes nothing.
    pub fn fill(&mut self, fill: FillSeen, event_id: &EventId<'_>, fold: &mut Fold) {
        let Err(place) = Browsing::place(self.browsing().fills.as_slice(), fill.at, event_id, &fold.ids) else {
            return;
        };
        let before = self.contributions(fold);
        let id = fold.ids.pack(event_id);
        let ident = Ident { at: fill.at, topic: Topic::FormFills, event_id, lead: fill.lead, late: fill.late };
        if let Err(place) = self.find_ident(&ident, &fold.ids) {
            self.put_ident(place, &ident, &mut fold.ids);
        }
        sparing::insert(&mut self.browsing().fills, place, FillSeen { id, ..fill });
        let after = self.contributions(fold);
        fold.replace(&before, &after);
    }

    /// What it contributes, given all that it knows.
    pub(super) fn contributions(&self, fold: &mut Fold) -> Contributions {
        let Some(browsing) = &self.browsing else { return Contributions::default() };
        if browsing.is_quiet() {
            return Contributions::default();
        }
        let records = browsing.accounts().filter(|_| fold.rules.suppresses);
        let records = records.flat_map(|account| fold.records.marks(account));
        let views = views(browsing.marks().chain(records));
        let known: Vec<_> = views.into_iter().map(|view| (view, self.identities(browsing, view))).collect();
        sessions::contributions(browsing, &known, fold)
    }

    /// Who it was when, within a view: in the order of time, topic, id.
    fn identities(&self, browsing: &Browsing, view: Visible) -> Identities {
        let rows = self.idents.iter().filter(|row| {
            let mark = browsing.late_idents.iter().find(|(at, id, _)| *at == row.at() && *id == row.id);
            Visible::since(mark.map(|(_, _, mark)| *mark)).to_facts_bound_at(view.from)
        });
        let lead = |row: &IdentRow| row.lead().checked_sub(1).map_or(self.lead, |n| browsing.leads[n]);
        Identities(rows.map(|row| (row.at(), lead(row))).collect())
    }

    /// Notes an account whose record what it counts goes by.
    fn name(&self, account: Option<&str>, fold: &mut Fold) {
        if let Some(account) = account.filter(|_| fold.rules.suppresses) {
            fold.records.visitors.note(account, self.key);
        }
    }

    /// Notes what a shard knows of it beside itself: after a restart.
    pub fn restore(&self, fold: &mut Fold) {
        self.browsing
            .iter()
            .flat_map(|browsing| browsing.accounts())
            .for_each(|account| self.name(Some(account), fold));
    }

    /// Whether something of it names a lead.
    #[must_use]
    pub fn knows(&self, lead: EntityKey) -> bool {
        (self.lead == lead && !self.idents.is_empty()) || self.browsing.as_ref().is_some_and(|of| of.names(lead))
    }

    /// Forgets that it was a lead, and what it did as that. What it counted stays counted. False when nothing is left.
    pub fn forget(&mut self, lead: EntityKey, fold: &mut Fold) -> bool {
        let mut browsing = std::mem::take(self.browsing());
        browsing.accounts().for_each(|account| fold.records.visitors.forget(account, self.key));
        let known = self.identities(&browsing, Visible::LATEST);
        let lookback = fold.rules.config.identity.lookback;
        // Who was never anybody else has nothing of its own.
        let is_all = known.0.iter().all(|(_, other)| *other == lead);
        let is_its = |at: Millis| is_all || known.owner(at, lookback).is_some_and(|(owner, _)| owner == lead);
        browsing.forget_where(is_its, lead, &mut fold.ids);
        let leads = std::mem::take(&mut browsing.leads);
        let first = self.lead;
        let lead_of = |row: &IdentRow| row.lead().checked_sub(1).map_or(first, |n| leads[n]);
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.idents).into_iter().partition(|row| lead_of(row) == lead);
        gone.iter().for_each(|row| fold.ids.release(row.id));
        browsing.late_idents.retain(|(at, id, _)| !gone.iter().any(|row| row.at() == *at && row.id == *id));
        self.lead = kept.first().map_or(EntityKey::NOBODY, lead_of);
        self.idents = kept
            .iter()
            .map(|row| {
                let other = lead_of(row);
                let number = if other == self.lead { 0 } else { browsing.number_of(other) };
                IdentRow::new(row.at(), row.topic(), row.id, number)
            })
            .collect();
        let is_plain = browsing.is_quiet() && browsing.leads.is_empty() && browsing.late_idents.is_empty();
        self.browsing = (!is_plain).then(|| Box::new(browsing));
        self.restore(fold);
        !self.idents.is_empty() || self.browsing.is_some()
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.idents.capacity() * size_of::<IdentRow>() + self.browsing.as_ref().map_or(0, |browsing| browsing.bytes())
    }
}

/// The moments at which a visitor was known to be a lead.
#[derive(Debug)]
pub struct Identities(Vec<(Millis, EntityKey)>);

impl Identities {
    /// Whose a touch is that names no lead, and from when on that is known: the latest identification at or before it,
    /// else the earliest after it within reach.
    fn owner(&self, at: Millis, lookback: Span) -> Option<(EntityKey, Millis)> {
        let after = self.0.partition_point(|(moment, _)| *moment <= at);
        if let Some((_, lead)) = after.checked_sub(1).map(|last| self.0[last]) {
            return Some((lead, at));
        }
        let (moment, lead) = *self.0.get(after)?;
        (moment - at <= lookback).then_some((lead, moment))
    }
}

/// What a row of a visitor has in common with the others: a place in time.
pub trait Timed {
    fn at(&self) -> Millis;
    fn id(&self) -> PackedId;
    fn late(&self) -> Option<Millis>;
}

/// The parts of an origin that rows carry as dimensions.
fn origin_of(fold: &Fold, origin: OriginId) -> [Symbol; 4] {
    fold.symbols.origin_symbols(origin)
}
