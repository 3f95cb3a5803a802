//! Ids of events. Most are UUIDs: those are kept as their 16 bytes from ingest on, and compare as their texts do,
//! because ids break ties between events of equal time.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Text;

/// Equal when the texts are: every UUID in canonical form is `Uuid`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum EventId<'a> {
    /// In canonical form, lower case with hyphens: any other form is another text.
    Uuid([u8; 16]),
    Text(Text<'a>),
}

/// Stands before the bytes of a UUID where an id is stored. No text begins with it.
const MARK: u8 = 0xff;

impl EventId<'_> {
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Uuid(bytes) => Cow::Owned(uuid_text(*bytes, ToOwned::to_owned)),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }

    /// As the texts compare.
    #[must_use]
    pub fn compare_text(&self, other: &str) -> Ordering {
        match self {
            Self::Uuid(bytes) => uuid_text(*bytes, |text| text.cmp(other)),
            Self::Text(text) => (**text).cmp(other),
        }
    }
}

/// A UUID's canonical text.
pub fn uuid_text<R>(bytes: [u8; 16], then: impl FnOnce(&str) -> R) -> R {
    then(uuid::Uuid::from_bytes(bytes).hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
}

impl<'a> From<Text<'a>> for EventId<'a> {
    fn from(text: Text<'a>) -> Self {
        uuid_bytes(&text).map_or(Self::Text(text), Self::Uuid)
    }
}

impl<'a> From<&'a str> for EventId<'a> {
    fn from(text: &'a str) -> Self {
        Text::borrowed(text).into()
    }
}

impl From<String> for EventId<'_> {
    fn from(text: String) -> Self {
        Text::from(text).into()
    }
}

impl fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text(), f)
    }
}

impl Serialize for EventId<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Uuid(bytes) => {
                let mut marked = [MARK; 17];
                marked[1..].copy_from_slice(bytes);
                to.serialize_bytes(&marked)
            }
            Self::Text(text) => to.serialize_bytes(text.as_bytes()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for EventId<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Stored;

        impl<'de> Visitor<'de> for Stored {
            type Value = EventId<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event's id")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<EventId<'de>, E> {
                match bytes.split_first() {
                    Some((&MARK, uuid)) => uuid.try_into().map(EventId::Uuid).map_err(E::custom),
                    _ => std::str::from_utf8(bytes).map(|text| EventId::Text(text.into())).map_err(E::custom),
                }
            }
        }

        from.deserialize_bytes(Stored)
    }
}

fn uuid_bytes(id: &str) -> Option<[u8; 16]> {
    /// Where the two digits of each byte are.
    const DIGITS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let text: &[u8; 36] = id.as_bytes().try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != [b'-'; 4] {
        return None;
    }
    let mut bytes = [0; 16];
    let mut seen = 0;
    for (byte, at) in bytes.iter_mut().zip(DIGITS) {
        let (high, low) = (HEX[text[at] as usize], HEX[text[at + 1] as usize]);
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen < 16).then_some(bytes)
}

/// The values of digits; all bits for what is none.
const HEX: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ids of every kind.
    pub(crate) fn id() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<u128>().prop_map(|n| uuid::Uuid::from_u128(n).to_string()),
            any::<u128>().prop_map(|n| uuid::Uuid::from_u128(n).to_string().to_uppercase()),
            "[ -~é]{0,20}",
            "[a-f0-9-]{30,128}",
            "[a-f0-9]{8}[-:]([a-g0-9]{4}-){3}[a-f0-9]{12}",
        ]
    }

    proptest! {
        #[test]
        fn ids_compare_and_read_as_their_texts(a in id(), b in id()) {
            let (x, y) = (EventId::from(&*a), EventId::from(b.clone()));
            if let (EventId::Uuid(x), EventId::Uuid(y)) = (&x, &y) {
                prop_assert_eq!(x.cmp(y), a.cmp(&b), "bytes compare as their texts do");
            }
            prop_assert_eq!(x.compare_text(&b), a.cmp(&b));
            prop_assert_eq!(x == y, a == b);
            prop_assert_eq!(x.text(), a.as_str());
            let stored = postcard::to_stdvec(&x).expect("encodes");
            prop_assert_eq!(postcard::from_bytes::<EventId<'_>>(&stored), Ok(x));
        }
    }

    #[test]
    fn uuids_take_no_text() {
        let id = EventId::from("0193c1a2-8d7e-7b3a-9f00-3a5b2c1d0e4f");
        assert!(matches!(id, EventId::Uuid(_)));
        assert_eq!(postcard::to_stdvec(&id).expect("encodes").len(), 18);
        assert_eq!(size_of::<EventId<'_>>(), size_of::<Text<'_>>());
    }
}
