//! What a rule asks of a lead: one field, and the test that its value must pass.

use regex::Regex;

#[derive(Clone, Debug)]
pub struct Predicate {
    pub field: Field,
    pub test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Answer(String),
    /// `account.<field>`, without the prefix.
    Account(String),
    LeadId,
    Grade,
    Stage,
    Segment,
}

#[derive(Clone, Debug)]
pub enum Test {
    /// Lower-cased; `true` and `false` for booleans, numbers in their shortest form.
    Equals(String),
    /// Lower-cased.
    In(Vec<String>),
    /// Case-insensitive, unanchored.
    Matches(Regex),
    /// The value as a number, within both bounds (inclusive) where given.
    Range { min: Option<f64>, max: Option<f64> },
}

impl Test {
    /// Whether a value passes, blanks around it aside.
    #[must_use]
    pub fn passes(&self, value: &str) -> bool {
        let value = value.trim();
        match self {
            Self::Equals(wanted) => value.to_lowercase() == *wanted,
            Self::In(wanted) => wanted.contains(&value.to_lowercase()),
            Self::Matches(regex) => regex.is_match(value),
            Self::Range { min, max } => value
                .parse()
                .is_ok_and(|number: f64| min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)),
        }
    }
}
