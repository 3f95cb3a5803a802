//! Rows that entities keep in great numbers, without a byte of padding: moments in six bytes, event ids in seventeen.
//! In packed entities a touch takes 25 bytes and an identification 22, as long as its numbers are in the usual range.

use std::fmt;
use std::marker::PhantomData;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::event_id::PackedId;
use super::symbols::OriginId;
use super::table::MOST_PACKED;
use crate::model::event::Topic;
use crate::model::kinds::TouchKind;
use crate::model::time::Millis;

/// A row as bytes: in full for what is kept, packed if it can be.
pub trait Row: Sized {
    type Full: AsRef<[u8]>;
    const FULL: usize;

    fn full(&self) -> Self::Full;
    fn of_full(bytes: &[u8]) -> Option<Self>;
}

/// Rows of an entity as one string of bytes.
pub fn serialize<R: Row, S: Serializer>(rows: &[R], to: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(rows.len() * R::FULL);
    rows.iter().for_each(|row| bytes.extend_from_slice(row.full().as_ref()));
    to.serialize_bytes(&bytes)
}

pub fn deserialize<'de, R: Row, D: Deserializer<'de>>(from: D) -> Result<Vec<R>, D::Error> {
    struct Rows<R>(PhantomData<R>);

    impl<R: Row> serde::de::Visitor<'_> for Rows<R> {
        type Value = Vec<R>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "rows of {} bytes", R::FULL)
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<R>, E> {
            let rows: Option<Vec<R>> = bytes.chunks(R::FULL).map(R::of_full).collect();
            rows.ok_or_else(|| E::invalid_length(bytes.len(), &self))
        }
    }

    from.deserialize_bytes(Rows(PhantomData))
}

/// Appends packed rows; false when one of them cannot be.
pub fn pack<R, const N: usize>(rows: &[R], to: &mut Vec<u8>, pack: impl Fn(&R) -> Option<[u8; N]>) -> bool {
    rows.len() <= MOST_PACKED && rows.iter().all(|row| pack(row).map(|packed| to.extend_from_slice(&packed)).is_some())
}

pub fn unpack<R, const N: usize>(packed: &[u8], rows: &mut Vec<R>, unpack: impl Fn(&[u8; N]) -> R) {
    rows.clear();
    rows.extend(packed.as_chunks().0.iter().map(unpack));
}

/// When a packed row was, of either kind: the first 41 bits.
#[must_use]
pub fn packed_at(row: &[u8]) -> Option<Millis> {
    let [a, b, c, d, e, f] = *row.first_chunk()?;
    let at = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) & ((1 << 41) - 1);
    Some(Moment::unpacked(at).into())
}

/// A moment in six bytes that compare as the moment does: the years −2489 to 6429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment([u8; 6]);

impl Moment {
    const OFFSET: i64 = 1 << 47;
    /// Packed moments take 41 bits and begin in 1990: they end in 2059.
    const PACKED_FROM: i64 = 631_152_000_000;

    fn packed(self) -> Option<u64> {
        u64::try_from(Millis::from(self).0 - Self::PACKED_FROM).ok().filter(|at| at >> 41 == 0)
    }

    fn unpacked(at: u64) -> Self {
        Millis(at.cast_signed() + Self::PACKED_FROM).into()
    }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TouchRow {
    at: Moment,
    pub id: PackedId,
    pub kind: Kind,
    origin: [u8; 4],
}

/// A touch's kind in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Bytes of a packed row: 41 bits of time, 5 of the kind, 5 of the id's tag, 21 of the origin, and the id.
    pub const PACKED: usize = 25;

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

    /// None for what is out of the range of a packed row.
    #[must_use]
    pub fn pack(&self) -> Option<[u8; Self::PACKED]> {
        let OriginId(origin) = self.origin();
        if origin >> 21 != 0 || self.kind.0 >> 5 != 0 {
            return None;
        }
        let (tag, id) = self.id.packed();
        let [low, high, top, _] = origin.to_le_bytes();
        // The upper five bits of the origin go with the rest of the row's head.
        let head = self.at.packed()? | u64::from(self.kind.0) << 41 | u64::from(tag) << 46 | u64::from(top) << 51;
        let mut packed = [0; Self::PACKED];
        packed[..7].copy_from_slice(&head.to_le_bytes()[..7]);
        packed[7..9].copy_from_slice(&[low, high]);
        packed[9..].copy_from_slice(&id);
        Some(packed)
    }

    #[must_use]
    pub fn unpack(packed: &[u8; Self::PACKED]) -> Self {
        let [a, b, c, d, e, f, g, low, high, id @ ..] = *packed;
        let head = u64::from_le_bytes([a, b, c, d, e, f, g, 0]);
        Self {
            at: Moment::unpacked(head & ((1 << 41) - 1)),
            id: PackedId::unpacked((head >> 46 & 31) as u8, id),
            kind: Kind((head >> 41 & 31) as u8),
            origin: [low, high, (head >> 51) as u8, 0],
        }
    }
}

impl Row for TouchRow {
    type Full = [u8; 28];
    const FULL: usize = 28;

    fn full(&self) -> [u8; 28] {
        let mut bytes = [0; 28];
        bytes[..6].copy_from_slice(&self.at.0);
        bytes[6..23].copy_from_slice(&self.id.to_bytes());
        bytes[23] = self.kind.0;
        bytes[24..].copy_from_slice(&self.origin);
        bytes
    }

    fn of_full(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let [kind, origin @ ..] = *rest.as_array::<5>()?;
        let known = usize::from(kind) < TouchKind::ALL.len();
        known.then_some(Self { at: Moment(*at), id: PackedId::of_bytes(*id), kind: Kind(kind), origin })
    }
}

/// A moment at which a visitor was known to be a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentRow {
    at: Moment,
    pub id: PackedId,
    topic_and_lead: [u8; 2],
}

impl IdentRow {
    /// How many leads of one visitor can be told apart; a device shared by more keeps to these.
    pub const MAX_LEADS: usize = 1 << 14;
    /// Bytes of a packed row: 41 bits of time, 2 of the topic, 5 of the id's tag, and the id. Its lead is the first one.
    pub const PACKED: usize = 22;

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

    /// None for what is out of the range of a packed row.
    #[must_use]
    pub fn pack(&self) -> Option<[u8; Self::PACKED]> {
        if self.lead() != 0 {
            return None;
        }
        let (tag, id) = self.id.packed();
        let head = self.at.packed()? | u64::from(self.topic_and_lead[0] >> 6) << 41 | u64::from(tag) << 43;
        let mut packed = [0; Self::PACKED];
        packed[..6].copy_from_slice(&head.to_le_bytes()[..6]);
        packed[6..].copy_from_slice(&id);
        Some(packed)
    }

    #[must_use]
    pub fn unpack(packed: &[u8; Self::PACKED]) -> Self {
        let [a, b, c, d, e, f, id @ ..] = *packed;
        let head = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
        Self {
            at: Moment::unpacked(head & ((1 << 41) - 1)),
            id: PackedId::unpacked((head >> 43) as u8, id),
            topic_and_lead: [((head >> 41 & 3) as u8) << 6, 0],
        }
    }
}

impl Row for IdentRow {
    type Full = [u8; 25];
    const FULL: usize = 25;

    fn full(&self) -> [u8; 25] {
        let mut bytes = [0; 25];
        bytes[..6].copy_from_slice(&self.at.0);
        bytes[6..23].copy_from_slice(&self.id.to_bytes());
        bytes[23..].copy_from_slice(&self.topic_and_lead);
        bytes
    }

    fn of_full(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let topic_and_lead = *rest.as_array()?;
        Some(Self { at: Moment(*at), id: PackedId::of_bytes(*id), topic_and_lead })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::event_id::LongIds;
    use super::*;
    use crate::model::event_id::tests::id;

    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Kept(#[serde(with = "super")] Vec<TouchRow>, #[serde(with = "super")] Vec<IdentRow>);

    fn touch() -> impl Strategy<Value = (i64, String, usize, u32)> {
        let at = prop_oneof![0..3_000_000_000_000_i64, -Moment::OFFSET..Moment::OFFSET];
        let origin = prop_oneof![0..3_000_000_u32, any::<u32>()];
        (at, id(), 0..TouchKind::ALL.len(), origin)
    }

    proptest! {
        #[test]
        fn rows_read_as_they_were_written(all in prop::collection::vec(touch(), 0..20), topic in 0..4_usize, lead in 0..3_usize) {
            let mut ids = LongIds::default();
            let (mut touches, mut idents) = (Vec::new(), Vec::new());
            for (at, id, kind, origin) in all {
                let (at, id) = (Millis(at), ids.pack(&id.into()));
                touches.push(TouchRow::new(at, id, TouchKind::ALL[kind], OriginId(origin)));
                idents.push(IdentRow::new(at, Topic::ALL[topic], id, lead));
                let usual = (Moment::PACKED_FROM..Moment::PACKED_FROM + (1 << 41)).contains(&at.0);
                let (touch, ident) = (touches[touches.len() - 1], idents[idents.len() - 1]);
                prop_assert_eq!(touch.pack().is_some(), usual && origin < 1 << 21);
                prop_assert_eq!(ident.pack().is_some(), usual && lead == 0);
                prop_assert!(touch.pack().is_none_or(|packed| TouchRow::unpack(&packed) == touch));
                prop_assert!(touch.pack().is_none_or(|packed| packed_at(&packed) == Some(at)));
                prop_assert!(ident.pack().is_none_or(|packed| packed_at(&packed) == Some(at)));
                prop_assert!(ident.pack().is_none_or(|packed| IdentRow::unpack(&packed) == ident));
            }
            let bytes = postcard::to_stdvec(&Kept(touches.clone(), idents.clone())).unwrap();
            let kept: Kept = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!((kept.0, kept.1), (touches, idents));
        }
    }

    #[test]
    fn rows_of_a_wrong_length_do_not_load() {
        for (touches, idents) in [(27, 0), (29, 0), (0, 26), (0, 24)] {
            let mut bytes = vec![touches];
            bytes.extend(vec![0; touches.into()]);
            bytes.push(idents);
            bytes.extend(vec![0; idents.into()]);
            assert!(postcard::from_bytes::<Kept>(&bytes).is_err());
        }
    }

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
