//! Why a record is not accepted. A rejection is data: it goes to the dead letters with the record and is counted by
//! its code. Messages name fields and places, never values: a record may hold personal data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was wrong, in the order in which faults are looked for; `Late` is decided by the fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Reason {
    Undecodable,
    UnknownSchema,
    MissingField,
    InvalidField,
    Oversized,
    Future,
    UnknownKind,
    UnknownStage,
    UnknownCurrency,
    Late,
}

impl Reason {
    pub const ALL: [Self; 10] = [
        Self::Undecodable,
        Self::UnknownSchema,
        Self::MissingField,
        Self::InvalidField,
        Self::Oversized,
        Self::Future,
        Self::UnknownKind,
        Self::UnknownStage,
        Self::UnknownCurrency,
        Self::Late,
    ];

    /// The value of the header `tributary.error.reason` and of the dimension `reason`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::UnknownSchema => "unknown_schema",
            Self::MissingField => "missing_field",
            Self::InvalidField => "invalid_field",
            Self::Oversized => "oversized",
            Self::Future => "future",
            Self::UnknownKind => "unknown_kind",
            Self::UnknownStage => "unknown_stage",
            Self::UnknownCurrency => "unknown_currency",
            Self::Late => "late",
        }
    }

    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    pub reason: Reason,
    pub message: String,
}

impl Rejection {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::new(Reason::MissingField, format!("{field} is missing"))
    }

    pub(crate) fn invalid(field: &str, what: &str) -> Self {
        Self::new(Reason::InvalidField, format!("{field}: {what}"))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.code(), self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.code()), Some(reason));
        }
        assert_eq!(Reason::parse("nonsense"), None);
    }
}
