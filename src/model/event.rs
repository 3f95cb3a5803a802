//! Accepted events, as ingest writes them to the journal and the fold reads them: decoded, checked, their channel
//! decided, their money in the reporting currency. Text borrows from the record or the journal block.

use serde::{Deserialize, Serialize};

use super::event_id::EventId;
use super::kinds::{FormKind, SpendCategory, TouchKind};
use super::money::Micros;
use super::stage::Stage;
pub use super::text::Text;
use super::time::Millis;

/// The kinds of input. The order of the first three breaks ties between events of equal time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Topic {
    Touchpoints,
    FormFills,
    DealStages,
    Spend,
    Accounts,
    Erasures,
}

impl Topic {
    pub const ALL: [Self; 6] =
        [Self::Touchpoints, Self::FormFills, Self::DealStages, Self::Spend, Self::Accounts, Self::Erasures];
    /// Those whose records have fields.
    pub const OF_RECORDS: [Self; 5] =
        [Self::Touchpoints, Self::FormFills, Self::DealStages, Self::Spend, Self::Accounts];

    /// The name of its file (without `.ndjson`) and the default name of its Kafka topic.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Touchpoints => "touchpoints",
            Self::FormFills => "form-fills",
            Self::DealStages => "deal-stages",
            Self::Spend => "spend",
            Self::Accounts => "accounts",
            Self::Erasures => "erasures",
        }
    }

    /// Whether its partitions hold the watermark.
    #[must_use]
    pub const fn carries_time(self) -> bool {
        matches!(self, Self::Touchpoints | Self::FormFills | Self::DealStages)
    }
}

/// Boxed: it is handed on many times, and copied each time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event<'a> {
    #[serde(borrow)]
    Touch(Box<Touch<'a>>),
    #[serde(borrow)]
    Fill(Box<Fill<'a>>),
    #[serde(borrow)]
    Stage(Box<DealStage<'a>>),
    #[serde(borrow)]
    Spend(Box<Spend<'a>>),
    #[serde(borrow)]
    Account(Box<Account<'a>>),
    /// A lead is to be forgotten: the id of the lead.
    #[serde(borrow)]
    Erasure(Text<'a>),
}

/// Where a touch came from, decided by ingest: the channel's id, and `(none)` for what is missing of the rest.
pub type Origin<'a> = OriginOf<Text<'a>>;

/// `T` stands for a text, or for the number that a journal block gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OriginOf<T> {
    pub channel: T,
    pub campaign: T,
    pub content: T,
    pub term: T,
}

/// A click on a paid advertisement: the platform's parameter and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click<'a> {
    #[serde(borrow)]
    pub platform: Text<'a>,
    #[serde(borrow)]
    pub id: Text<'a>,
}

pub type Touch<'a> = TouchOf<'a, Text<'a>>;

/// `T` stands for a text that many touches share, or for its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TouchOf<'a, T> {
    #[serde(borrow)]
    pub event_id: EventId<'a>,
    pub occurred_at: Millis,
    pub kind: TouchKind,
    #[serde(borrow)]
    pub visitor_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub lead_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub account_id: Option<Text<'a>>,
    pub origin: OriginOf<T>,
    /// The path of `page_url`, or `(none)`.
    pub page: T,
    #[serde(borrow)]
    pub details: Option<Box<Details<'a, T>>>,
}

/// What only few touches have: they are apart, since touches are many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details<'a, T> {
    #[serde(borrow)]
    pub click: Option<Click<'a>>,
    pub asset_id: Option<T>,
    pub asset_type: Option<T>,
    pub experiment: Option<T>,
    pub variant: Option<T>,
}

impl<'a, T> Details<'a, T> {
    fn shared(&self) -> impl Iterator<Item = &T> {
        [&self.asset_id, &self.asset_type, &self.experiment, &self.variant].into_iter().flatten()
    }

    fn with<U, E>(&self, mut other: impl FnMut(&T) -> Result<U, E>) -> Result<Details<'a, U>, E> {
        Ok(Details {
            click: self.click.clone(),
            asset_id: self.asset_id.as_ref().map(&mut other).transpose()?,
            asset_type: self.asset_type.as_ref().map(&mut other).transpose()?,
            experiment: self.experiment.as_ref().map(&mut other).transpose()?,
            variant: self.variant.as_ref().map(&mut other).transpose()?,
        })
    }

    /// None when there are none.
    #[must_use]
    pub fn if_any(self) -> Option<Box<Self>> {
        (self.click.is_some() || self.shared().next().is_some()).then(|| Box::new(self))
    }
}

impl<'a, T> TouchOf<'a, T> {
    #[must_use]
    pub fn asset_id(&self) -> Option<&T> {
        self.details.as_ref()?.asset_id.as_ref()
    }

    /// Its shared texts, in the order of its fields.
    pub fn shared(&self) -> impl Iterator<Item = &T> {
        let OriginOf { channel, campaign, content, term } = &self.origin;
        let of_details = self.details.iter().flat_map(|details| details.shared());
        [channel, campaign, content, term, &self.page].into_iter().chain(of_details)
    }

    /// The same touch with each shared text as something else.
    pub fn with<U, E>(&self, mut other: impl FnMut(&T) -> Result<U, E>) -> Result<TouchOf<'a, U>, E> {
        let origin = &self.origin;
        Ok(TouchOf {
            event_id: self.event_id.clone(),
            occurred_at: self.occurred_at,
            kind: self.kind,
            visitor_id: self.visitor_id.clone(),
            lead_id: self.lead_id.clone(),
            account_id: self.account_id.clone(),
            origin: OriginOf {
                channel: other(&origin.channel)?,
                campaign: other(&origin.campaign)?,
                content: other(&origin.content)?,
                term: other(&origin.term)?,
            },
            page: other(&self.page)?,
            details: self.details.as_ref().map(|details| details.with(other).map(Box::new)).transpose()?,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill<'a> {
    #[serde(borrow)]
    pub event_id: EventId<'a>,
    pub occurred_at: Millis,
    #[serde(borrow)]
    pub lead_id: Text<'a>,
    #[serde(borrow)]
    pub visitor_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub account_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub form_id: Text<'a>,
    pub form_kind: FormKind,
    /// The path of `page_url`, or `(none)`.
    #[serde(borrow)]
    pub page: Text<'a>,
    #[serde(borrow)]
    pub asset_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub experiment: Option<Text<'a>>,
    #[serde(borrow)]
    pub variant: Option<Text<'a>>,
    /// Question and answer, sorted by question.
    #[serde(borrow)]
    pub answers: Vec<(Text<'a>, Text<'a>)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DealStage<'a> {
    #[serde(borrow)]
    pub event_id: EventId<'a>,
    pub occurred_at: Millis,
    #[serde(borrow)]
    pub lead_id: Text<'a>,
    pub stage: Stage,
    /// None on an event of a lead stage, whatever the record says.
    #[serde(borrow)]
    pub deal_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub account_id: Option<Text<'a>>,
    pub amount: Option<Micros>,
    /// Billionths, 0 to 10⁹.
    pub probability: Option<u32>,
    #[serde(borrow)]
    pub owner: Option<Text<'a>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spend<'a> {
    #[serde(borrow)]
    pub event_id: EventId<'a>,
    pub occurred_at: Millis,
    #[serde(borrow)]
    pub origin: Origin<'a>,
    pub amount: Micros,
    /// Half-open; none: booked at `occurred_at`.
    pub period: Option<(Millis, Millis)>,
    pub category: SpendCategory,
}

/// CRM reference data; `record` is none for a tombstone. Its time is its Kafka timestamp.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account<'a> {
    #[serde(borrow)]
    pub account_id: Text<'a>,
    #[serde(borrow)]
    pub record: Option<AccountRecord<'a>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountRecord<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    pub is_target: bool,
    pub is_customer: bool,
    pub buying_unit_size: Option<u32>,
    #[serde(borrow)]
    pub industry: Option<Text<'a>>,
    #[serde(borrow)]
    pub company_size: Option<Text<'a>>,
    #[serde(borrow)]
    pub tier: Option<Text<'a>>,
}

/// Stands in a dimension for what an event does not name.
pub const NONE: &str = "(none)";
/// The channel of a conversion without a touch.
pub const UNATTRIBUTED: &str = "(unattributed)";
/// Where values of a dimension go that are beyond its bound.
pub const OTHER: &str = "(other)";

impl Event<'_> {
    #[must_use]
    pub const fn topic(&self) -> Topic {
        match self {
            Self::Touch(_) => Topic::Touchpoints,
            Self::Fill(_) => Topic::FormFills,
            Self::Stage(_) => Topic::DealStages,
            Self::Spend(_) => Topic::Spend,
            Self::Account(_) => Topic::Accounts,
            Self::Erasure(_) => Topic::Erasures,
        }
    }

    /// None for accounts and erasures, which have no id and are ordered by offset.
    #[must_use]
    pub const fn event_id(&self) -> Option<&EventId<'_>> {
        match self {
            Self::Touch(e) => Some(&e.event_id),
            Self::Fill(e) => Some(&e.event_id),
            Self::Stage(e) => Some(&e.event_id),
            Self::Spend(e) => Some(&e.event_id),
            Self::Account(_) | Self::Erasure(_) => None,
        }
    }

    /// None for accounts and erasures, which hold from their Kafka timestamp.
    #[must_use]
    pub const fn occurred_at(&self) -> Option<Millis> {
        match self {
            Self::Touch(e) => Some(e.occurred_at),
            Self::Fill(e) => Some(e.occurred_at),
            Self::Stage(e) => Some(e.occurred_at),
            Self::Spend(e) => Some(e.occurred_at),
            Self::Account(_) | Self::Erasure(_) => None,
        }
    }
}
