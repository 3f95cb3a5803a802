//! Who events are about, as a hash of the id: the same in every shard and every instance, of fixed size, and no
//! personal data where it is stored or sent.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// A visitor, lead, deal, account or channel by the hash of its id. 128 bits: two ids never share one in practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct EntityKey(pub u128);

impl EntityKey {
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
