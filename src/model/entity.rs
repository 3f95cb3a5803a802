//! Who events are about, as a hash of the id: the same in every shard and every instance, of fixed size, and no
//! personal data where it is stored or sent.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128;

/// A visitor, lead, deal, account or channel by the hash of its id. 128 bits: two ids never share one in practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EntityKey(pub u128);

impl EntityKey {
    /// Stands where somebody was forgotten.
    pub const NOBODY: Self = Self(0);

    #[must_use]
    pub fn of(id: &str) -> Self {
        Self(xxh3_128(id.as_bytes()))
    }

    /// The shard where it lives. Stored in every journal: it never changes.
    #[must_use]
    pub fn home(self, shards: u16) -> u16 {
        u16::try_from((self.0 >> 64) % u128::from(shards)).expect("a remainder of a u16")
    }
}

/// As its bytes: a number of 128 bits would be written seven bits at a time.
impl Serialize for EntityKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0.to_le_bytes())
    }
}

impl<'de> Deserialize<'de> for EntityKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Key;

        impl Visitor<'_> for Key {
            type Value = EntityKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("16 bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<EntityKey, E> {
                bytes.try_into().map(|bytes| EntityKey(u128::from_le_bytes(bytes))).map_err(E::custom)
            }
        }

        from.deserialize_bytes(Key)
    }
}
