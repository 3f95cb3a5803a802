//! Event ids in 17 bytes where they fit: UUIDs as their 16 bytes, ids up to 16 bytes as they are, longer ones in an
//! arena. Packed ids compare as their texts do, because ids break ties between events of equal time.

use std::cmp::Ordering;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::event_id::{EventId, uuid_text};

const UUID: u8 = 0;
const LONG: u8 = 255;
/// Stands for `LONG` where a tag has five bits.
const PACKED_LONG: u8 = 17;

/// An id as rows keep it. Means something only together with the arena that packed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedId {
    tag: u8,
    bytes: [u8; 16],
}

/// The ids that do not fit, and the places that are free again.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct LongIds {
    texts: Vec<Box<str>>,
    free: Vec<u32>,
}

impl LongIds {
    pub fn pack(&mut self, id: &EventId<'_>) -> PackedId {
        let text = match id {
            EventId::Uuid(bytes) => return PackedId { tag: UUID, bytes: *bytes },
            EventId::Text(text) => text,
        };
        let mut bytes = [0; 16];
        if let Some(place) = bytes.get_mut(..text.len()).filter(|place| !place.is_empty()) {
            place.copy_from_slice(text.as_bytes());
            let tag = u8::try_from(text.len()).expect("at most 16");
            return PackedId { tag, bytes };
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.texts.push(Box::default());
            u32::try_from(self.texts.len() - 1).expect("far fewer than 2^32 long ids fit in memory")
        });
        self.texts[at as usize] = (&**text).into();
        bytes[..4].copy_from_slice(&at.to_le_bytes());
        PackedId { tag: LONG, bytes }
    }

    /// Gives back the arena's place of an id that no row keeps any more.
    pub fn release(&mut self, id: PackedId) {
        if id.tag == LONG {
            self.texts[id.place()] = Box::default();
            self.free.push(u32::try_from(id.place()).expect("made from a u32"));
        }
    }

    /// As the texts of the two compare.
    #[must_use]
    pub fn compare(&self, a: PackedId, b: PackedId) -> Ordering {
        if a.tag == UUID && b.tag == UUID {
            a.bytes.cmp(&b.bytes)
        } else {
            self.with_text(a, |a| self.with_text(b, |b| a.cmp(b)))
        }
    }

    /// As the id compares to one that is not packed.
    #[must_use]
    pub fn compare_to(&self, id: PackedId, other: &EventId<'_>) -> Ordering {
        match other {
            EventId::Uuid(bytes) if id.tag == UUID => id.bytes.cmp(bytes),
            _ => self.with_text(id, |id| other.compare_text(id).reverse()),
        }
    }

    #[must_use]
    pub fn text(&self, id: PackedId) -> String {
        self.with_text(id, ToOwned::to_owned)
    }

    fn with_text<R>(&self, id: PackedId, then: impl FnOnce(&str) -> R) -> R {
        match id.tag {
            UUID => uuid_text(id.bytes, then),
            LONG => then(&self.texts[id.place()]),
            len => then(std::str::from_utf8(&id.bytes[..len as usize]).expect("packed from a str")),
        }
    }
}

impl PackedId {
    /// Stands where an id is still to be packed.
    pub const UNSET: Self = Self { tag: UUID, bytes: [0; 16] };

    /// The tag in five bits, and the rest.
    #[must_use]
    pub const fn packed(self) -> (u8, [u8; 16]) {
        (if self.tag == LONG { PACKED_LONG } else { self.tag }, self.bytes)
    }

    #[must_use]
    pub const fn unpacked(tag: u8, bytes: [u8; 16]) -> Self {
        Self { tag: if tag >= PACKED_LONG { LONG } else { tag }, bytes }
    }

    #[must_use]
    pub fn to_bytes(self) -> [u8; 17] {
        let mut all = [self.tag; 17];
        all[1..].copy_from_slice(&self.bytes);
        all
    }

    #[must_use]
    pub const fn of_bytes([tag, bytes @ ..]: [u8; 17]) -> Self {
        Self { tag, bytes }
    }

    fn place(self) -> usize {
        let [a, b, c, d, ..] = self.bytes;
        u32::from_le_bytes([a, b, c, d]) as usize
    }
}

/// Written in one go: a row at a time is many.
impl Serialize for PackedId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for PackedId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(from)?;
        let all = bytes.try_into().map_err(|_| D::Error::invalid_length(bytes.len(), &"17 bytes"))?;
        Ok(Self::of_bytes(all))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::event_id::tests::id;

    proptest! {
        #[test]
        fn packed_ids_compare_and_read_as_their_texts(a in id(), b in id()) {
            let mut ids = LongIds::default();
            let (x, y) = (ids.pack(&a.as_str().into()), ids.pack(&b.as_str().into()));
            prop_assert_eq!(ids.compare(x, y), a.cmp(&b));
            prop_assert_eq!(ids.compare_to(x, &b.as_str().into()), a.cmp(&b));
            prop_assert_eq!(ids.text(x), a);
        }
    }

    #[test]
    fn released_places_are_used_again() {
        let mut ids = LongIds::default();
        let long = ids.pack(&"x".repeat(100).into());
        ids.release(long);
        ids.pack(&"y".repeat(100).into());
        assert_eq!(ids.texts.len(), 1);
    }
}
