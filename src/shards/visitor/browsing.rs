//! What a visitor did without saying who it is: page views, touches, fills, and the leads it was known to be beside the
//! first one. All in the order of time and id.

use serde::{Deserialize, Serialize};

use super::super::acts::About;
use super::super::event_id::{LongIds, PackedId};
use super::super::rows::Moment;
use super::super::symbols::OriginId;
use super::super::visibility::Visible;
use super::Timed;
use crate::model::entity::EntityKey;
use crate::model::event_id::EventId;
use crate::model::kinds::TouchKind;
use crate::model::time::Millis;
use crate::partials::cells::Symbol;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Browsing {
    pub(super) views: Vec<PageView>,
    pub(super) touches: Vec<Touch>,
    pub(super) fills: Vec<FillSeen>,
    /// Leads beside the first, by number.
    pub(super) leads: Vec<EntityKey>,
    /// Identifications that arrived late, with the watermark of their arrival.
    pub(super) late_idents: Vec<(Millis, PackedId, Millis)>,
}

/// Most of what there is of visitors: what few of them have is apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PageView {
    pub(super) at: Moment,
    pub id: PackedId,
    pub origin: OriginId,
    pub page: Symbol,
    pub(super) aside: Option<Box<Aside>>,
}

/// What few page views have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    pub lead: Option<EntityKey>,
    /// As the record spells it, if that is asked for.
    pub lead_id: Option<Box<str>>,
    pub account: Option<Box<str>>,
    /// The experiment and the variant that it showed.
    pub exposure: Option<(Symbol, Symbol)>,
    pub click: Option<Clicked>,
    pub late: Option<Millis>,
}

/// The click's parameter and value.
pub type Clicked = Box<(Box<str>, Box<str>)>;

impl PageView {
    #[must_use]
    pub fn new(at: Millis, origin: OriginId, page: Symbol, aside: Aside) -> Self {
        let aside = (aside != Aside::default()).then(|| Box::new(aside));
        Self { at: at.into(), id: PackedId::UNSET, origin, page, aside }
    }

    pub fn lead(&self) -> Option<EntityKey> {
        self.aside.as_ref()?.lead
    }

    pub fn lead_id(&self) -> Option<&str> {
        self.aside.as_ref()?.lead_id.as_deref()
    }

    pub fn account(&self) -> Option<&str> {
        self.aside.as_ref()?.account.as_deref()
    }

    pub fn click(&self) -> Option<&Clicked> {
        self.aside.as_ref()?.click.as_ref()
    }

    pub fn exposure(&self) -> Option<(Symbol, Symbol)> {
        self.aside.as_ref()?.exposure
    }
}

impl Timed for PageView {
    fn at(&self) -> Millis {
        self.at.into()
    }
    fn id(&self) -> PackedId {
        self.id
    }
    fn late(&self) -> Option<Millis> {
        self.aside.as_ref()?.late
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Touch {
    pub at: Millis,
    pub id: PackedId,
    pub kind: TouchKind,
    pub account: Option<Box<str>>,
    pub origin: OriginId,
    pub asset: Symbol,
    pub about: About,
    pub click: Option<Clicked>,
    pub late: Option<Millis>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FillSeen {
    pub at: Millis,
    pub id: PackedId,
    pub lead: EntityKey,
    pub page: Symbol,
    pub late: Option<Millis>,
}

macro_rules! timed {
    ($($row:ty),+) => {
        $(impl Timed for $row {
            fn at(&self) -> Millis {
                self.at
            }
            fn id(&self) -> PackedId {
                self.id
            }
            fn late(&self) -> Option<Millis> {
                self.late
            }
        })+
    };
}
timed!(Touch, FillSeen);

impl Browsing {
    /// Where a row of this time and id is, or belongs.
    pub(super) fn place<T: Timed>(
        rows: &[T],
        at: Millis,
        event_id: &EventId<'_>,
        ids: &LongIds,
    ) -> Result<usize, usize> {
        rows.binary_search_by(|row| row.at().cmp(&at).then_with(|| ids.compare_to(row.id(), event_id)))
    }

    /// The number of a lead among the visitor's, from 1: 0 is the first one, which is not kept here.
    pub(super) fn number_of(&mut self, lead: EntityKey) -> usize {
        let known = self.leads.iter().position(|known| *known == lead);
        known.unwrap_or_else(|| {
            if self.leads.len() + 1 < super::IdentRow::MAX_LEADS {
                self.leads.push(lead);
            }
            self.leads.len() - 1
        }) + 1
    }

    /// Whether something of it names a lead.
    pub(super) fn names(&self, lead: EntityKey) -> bool {
        self.leads.contains(&lead)
            || self.views.iter().any(|row| row.lead() == Some(lead))
            || self.fills.iter().any(|row| row.lead == lead)
    }

    /// Drops what names a lead, and what names nobody but is the lead's.
    pub(super) fn forget_where(&mut self, is_its: impl Fn(Millis) -> bool, lead: EntityKey, ids: &mut LongIds) {
        fn drop_where<T: Timed>(rows: &mut Vec<T>, goes: impl Fn(&T) -> bool, ids: &mut LongIds) {
            rows.extract_if(.., |row| goes(row)).for_each(|row| ids.release(row.id()));
        }
        drop_where(&mut self.views, |row| row.lead().map_or_else(|| is_its(row.at()), |named| named == lead), ids);
        drop_where(&mut self.touches, |row| is_its(row.at), ids);
        drop_where(&mut self.fills, |row| row.lead == lead, ids);
    }

    /// The accounts that touches name.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &str> {
        let views = self.views.iter().filter_map(PageView::account);
        views.chain(self.touches.iter().filter_map(|touch| touch.account.as_deref()))
    }

    /// Nothing to count and nothing to tell.
    pub(super) const fn is_quiet(&self) -> bool {
        self.views.is_empty() && self.touches.is_empty() && self.fills.is_empty()
    }

    pub(super) fn was_late(&self) -> bool {
        self.marks().any(|visible| !visible.is_always())
    }

    pub(super) fn marks(&self) -> impl Iterator<Item = Visible> {
        let views = self.views.iter().map(Timed::late);
        let touches = self.touches.iter().map(Timed::late);
        let fills = self.fills.iter().map(Timed::late);
        let idents = self.late_idents.iter().map(|(_, _, mark)| Some(*mark));
        views.chain(touches).chain(fills).chain(idents).map(Visible::since)
    }

    /// Keeps the newest rows only. What the others counted stays counted.
    pub(super) fn forget_beyond(&mut self, most: usize, ids: &mut LongIds) {
        fn forget<T: Timed>(rows: &mut Vec<T>, most: usize, ids: &mut LongIds) {
            let beyond = rows.len().saturating_sub(most);
            rows.drain(..beyond).for_each(|row| ids.release(row.id()));
        }
        forget(&mut self.views, most, ids);
        forget(&mut self.touches, most, ids);
        forget(&mut self.fills, most, ids);
    }

    pub(super) fn bytes(&self) -> usize {
        let aside = self.views.iter().filter(|view| view.aside.is_some()).count() * size_of::<Aside>();
        size_of::<Self>()
            + aside
            + self.views.capacity() * size_of::<PageView>()
            + self.touches.capacity() * size_of::<Touch>()
            + self.fills.capacity() * size_of::<FillSeen>()
    }
}
