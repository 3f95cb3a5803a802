//! What one shard is told of one input record. A record that names several entities becomes an entry in the shard of
//! each: one is the event itself, which counts it, the others tell a further entity what it needs to know.

use serde::{Deserialize, Serialize};

use crate::model::entity::EntityKey;
use crate::model::event::{Account, DealStage, Fill, Spend, Text, Topic, TouchOf};
use crate::model::event_id::EventId;
use crate::model::time::Millis;

/// One input record's entry for a shard.
pub type Entry<'a> = EntryOf<'a, Text<'a>>;

#[derive(Clone, Debug, PartialEq)]
pub struct EntryOf<'a, T> {
    pub offset: i64,
    /// The record's Kafka timestamp.
    pub timestamp: Millis,
    pub item: ItemOf<'a, T>,
}

pub type Item<'a> = ItemOf<'a, Text<'a>>;

/// `T` stands for a text that many touches share, or for the number that a block gives it. What is large is boxed: an
/// item is handed on many times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ItemOf<'a, T> {
    /// To the lead's shard; a page view with a visitor, and a touch without a lead, to the visitor's.
    #[serde(borrow)]
    Touch(Box<TouchOf<'a, T>>),
    /// To the visitor's shard, for a record that names a lead as well.
    #[serde(borrow)]
    Identify(Identify<'a>),
    /// To the lead's shard.
    #[serde(borrow)]
    Fill(Box<Fill<'a>>),
    /// To the visitor's shard: a fill that may belong to a session. It identifies the visitor too.
    #[serde(borrow)]
    FillSeen(Box<FillSeen<'a>>),
    /// To the lead's shard.
    #[serde(borrow)]
    LeadStage(Box<DealStage<'a>>),
    /// To the deal's shard, for a stage event with a deal.
    #[serde(borrow)]
    DealStage(Box<DealStage<'a>>),
    /// To the channel's shard.
    #[serde(borrow)]
    Spend(Box<Spend<'a>>),
    /// To every shard.
    #[serde(borrow)]
    Account(Box<Account<'a>>),
    /// To the shard of the source's partition, which writes the dead letter.
    #[serde(borrow)]
    Rejected(Box<Rejected<'a>>),
    /// To every shard: a lead is to be forgotten.
    Erase(EntityKey),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identify<'a> {
    pub topic: Topic,
    #[serde(borrow)]
    pub event_id: EventId<'a>,
    pub occurred_at: Millis,
    pub visitor: EntityKey,
    pub lead: EntityKey,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillSeen<'a> {
    #[serde(borrow)]
    pub event_id: EventId<'a>,
    pub occurred_at: Millis,
    pub visitor: EntityKey,
    pub lead: EntityKey,
    #[serde(borrow)]
    pub page: Text<'a>,
}

/// A record that was not accepted, unchanged, with the reason's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected<'a> {
    #[serde(borrow)]
    pub reason: Text<'a>,
    #[serde(borrow)]
    pub message: Text<'a>,
    /// The name of the Kafka topic that it came from.
    #[serde(borrow)]
    pub topic: Text<'a>,
    #[serde(borrow)]
    pub key: Option<&'a [u8]>,
    #[serde(borrow)]
    pub value: Option<&'a [u8]>,
    #[serde(borrow)]
    pub headers: Vec<(Text<'a>, Option<&'a [u8]>)>,
}

/// The shard where an entity lives. Stored in every journal: it never changes.
#[must_use]
pub fn home(id: &str, shards: u16) -> u16 {
    EntityKey::of(id).home(shards)
}

impl<T> ItemOf<'_, T> {
    /// None for accounts, rejected records and erasures.
    #[must_use]
    pub const fn occurred_at(&self) -> Option<Millis> {
        match self {
            Self::Touch(touch) => Some(touch.occurred_at),
            Self::Identify(identify) => Some(identify.occurred_at),
            Self::Fill(fill) => Some(fill.occurred_at),
            Self::FillSeen(seen) => Some(seen.occurred_at),
            Self::LeadStage(stage) | Self::DealStage(stage) => Some(stage.occurred_at),
            Self::Spend(spend) => Some(spend.occurred_at),
            Self::Account(_) | Self::Rejected(_) | Self::Erase(_) => None,
        }
    }

    /// How the record spells the lead that it goes to.
    #[must_use]
    pub fn lead_id(&self) -> Option<&str> {
        match self {
            Self::Touch(touch) => touch.lead_id.as_deref(),
            Self::Fill(fill) => Some(&fill.lead_id),
            Self::LeadStage(stage) => Some(&stage.lead_id),
            _ => None,
        }
    }
}

impl<'a> ItemOf<'a, u32> {
    /// Whether each of its numbers is below a count.
    #[must_use]
    pub fn names_below(&self, count: usize) -> bool {
        match self {
            Self::Touch(touch) => touch.shared().all(|number| (*number as usize) < count),
            _ => true,
        }
    }
}
