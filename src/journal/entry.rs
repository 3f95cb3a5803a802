//! What one shard is told of one input record. A record that names several entities becomes an entry in the shard of
//! each: one is the event itself, which counts it, the others tell a further entity what it needs to know.

use serde::{Deserialize, Serialize};

use crate::model::entity::EntityKey;
use crate::model::event::{Account, DealStage, Fill, Spend, Text, Topic, TouchOf};
use crate::model::time::Millis;

/// One input record's entry for a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    pub offset: i64,
    /// The record's Kafka timestamp.
    pub timestamp: Millis,
    pub item: Item<'a>,
}

pub type Item<'a> = ItemOf<'a, Text<'a>>;

/// `T` stands for a text that many touches share, or for the number that a block gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ItemOf<'a, T> {
    /// To the lead's shard; a page view with a visitor, and a touch without a lead, to the visitor's.
    #[serde(borrow)]
    Touch(TouchOf<'a, T>),
    /// To the visitor's shard, for a record that names a lead as well.
    #[serde(borrow)]
    Identify(Identify<'a>),
    /// To the lead's shard.
    #[serde(borrow)]
    Fill(Fill<'a>),
    /// To the visitor's shard: a fill that may belong to a session. It identifies the visitor too.
    #[serde(borrow)]
    FillSeen(FillSeen<'a>),
    /// To the lead's shard.
    #[serde(borrow)]
    LeadStage(DealStage<'a>),
    /// To the deal's shard, for a stage event with a deal.
    #[serde(borrow)]
    DealStage(DealStage<'a>),
    /// To the channel's shard.
    #[serde(borrow)]
    Spend(Spend<'a>),
    /// To every shard.
    #[serde(borrow)]
    Account(Account<'a>),
    /// To the shard of the source's partition, which writes the dead letter.
    #[serde(borrow)]
    Rejected(Rejected<'a>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identify<'a> {
    pub topic: Topic,
    #[serde(borrow)]
    pub event_id: Text<'a>,
    pub occurred_at: Millis,
    #[serde(borrow)]
    pub visitor_id: Text<'a>,
    #[serde(borrow)]
    pub lead_id: Text<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillSeen<'a> {
    #[serde(borrow)]
    pub event_id: Text<'a>,
    pub occurred_at: Millis,
    #[serde(borrow)]
    pub visitor_id: Text<'a>,
    #[serde(borrow)]
    pub lead_id: Text<'a>,
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

impl Item<'_> {
    /// None for accounts and rejected records.
    #[must_use]
    pub const fn occurred_at(&self) -> Option<Millis> {
        match self {
            Self::Touch(touch) => Some(touch.occurred_at),
            Self::Identify(identify) => Some(identify.occurred_at),
            Self::Fill(fill) => Some(fill.occurred_at),
            Self::FillSeen(seen) => Some(seen.occurred_at),
            Self::LeadStage(stage) | Self::DealStage(stage) => Some(stage.occurred_at),
            Self::Spend(spend) => Some(spend.occurred_at),
            Self::Account(_) | Self::Rejected(_) => None,
        }
    }
}

impl<'a> ItemOf<'a, u32> {
    /// The item with the texts that its numbers stand for; none where a number stands for nothing.
    #[must_use]
    pub fn spelled(self, texts: &[&'a str]) -> Option<Item<'a>> {
        let text = |number: &u32| texts.get(*number as usize).map(|text| Text::borrowed(text)).ok_or(());
        Some(match self {
            Self::Touch(touch) => ItemOf::Touch(touch.with(text).ok()?),
            Self::Identify(identify) => ItemOf::Identify(identify),
            Self::Fill(fill) => ItemOf::Fill(fill),
            Self::FillSeen(seen) => ItemOf::FillSeen(seen),
            Self::LeadStage(stage) => ItemOf::LeadStage(stage),
            Self::DealStage(stage) => ItemOf::DealStage(stage),
            Self::Spend(spend) => ItemOf::Spend(spend),
            Self::Account(account) => ItemOf::Account(account),
            Self::Rejected(rejected) => ItemOf::Rejected(rejected),
        })
    }
}
