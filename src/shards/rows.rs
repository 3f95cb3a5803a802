//! Rows that entities keep in great numbers, without a byte of padding: moments in six bytes, event ids in seventeen.

use serde::{Deserialize, Serialize};

use super::event_id::PackedId;
use super::symbols::OriginId;
use crate::model::event::Topic;
use crate::model::kinds::TouchKind;
use crate::model::time::Millis;

/// A moment in six bytes that compare as the moment does: the years −2489 to 6429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment([u8; 6]);

impl Moment {
    const OFFSET: i64 = 1 << 47;
}

impl From<Millis> for Moment {
    fn from(at: Millis) -> Self {
        let clamped = at.0.clamp(-Self::OFFSET, Self::OFFSET - 1);
        let [_, _, rest @ ..] = (clamped + Self::OFFSET).to_be_bytes();
        Self(rest)
    }
}

impl From<Moment> for Millis {
    fn from(moment: Moment) -> Self {
        let [a, b, c, d, e, f] = moment.0;
        Self(i64::from_be_bytes([0, 0, a, b, c, d, e, f]) - Moment::OFFSET)
    }
}

/// A touch of a lead.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct TouchRow {
    at: Moment,
    pub id: PackedId,
    pub kind: Kind,
    origin: [u8; 4],
}

/// A touch's kind in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind(u8);

impl From<TouchKind> for Kind {
    fn from(kind: TouchKind) -> Self {
        Self(kind as u8)
    }
}

impl From<Kind> for TouchKind {
    fn from(kind: Kind) -> Self {
        Self::ALL[kind.0 as usize]
    }
}

impl TouchRow {
    #[must_use]
    pub fn new(at: Millis, id: PackedId, kind: TouchKind, origin: OriginId) -> Self {
        Self { at: at.into(), id, kind: kind.into(), origin: origin.0.to_le_bytes() }
    }

    #[must_use]
    pub fn at(&self) -> Millis {
        self.at.into()
    }

    #[must_use]
    pub const fn origin(&self) -> OriginId {
        OriginId(u32::from_le_bytes(self.origin))
    }
}

/// A moment at which a visitor was known to be a lead.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct IdentRow {
    at: Moment,
    pub id: PackedId,
    topic_and_lead: [u8; 2],
}

impl IdentRow {
    /// How many leads of one visitor can be told apart; a device shared by more keeps to these.
    pub const MAX_LEADS: usize = 1 << 14;

    /// `lead` is the number of the lead among the visitor's.
    #[must_use]
    pub fn new(at: Millis, topic: Topic, id: PackedId, lead: usize) -> Self {
        let lead = u16::try_from(lead.min(Self::MAX_LEADS - 1)).expect("14 bits");
        Self { at: at.into(), id, topic_and_lead: (u16::from(topic as u8) << 14 | lead).to_be_bytes() }
    }

    #[must_use]
    pub fn at(&self) -> Millis {
        self.at.into()
    }

    #[must_use]
    pub fn topic(&self) -> Topic {
        Topic::ALL[usize::from(u16::from_be_bytes(self.topic_and_lead) >> 14)]
    }

    #[must_use]
    pub fn lead(&self) -> usize {
        usize::from(u16::from_be_bytes(self.topic_and_lead)) & (Self::MAX_LEADS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_no_padding() {
        assert_eq!(size_of::<TouchRow>(), 28);
        assert_eq!(size_of::<IdentRow>(), 25);
    }

    #[test]
    fn moments_keep_their_order() {
        let times = [i64::from(i32::MIN) * 1000, -1, 0, 1, 1_795_000_000_000].map(Millis);
        for pair in times.windows(2) {
            assert!(Moment::from(pair[0]) < Moment::from(pair[1]));
        }
        for at in times {
            assert_eq!(Millis::from(Moment::from(at)), at);
        }
    }
}
