//! Keys about leads and channels: scoring, predicates, routes, segments, channel rules.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Names, Placed, Scalar, Text};

/// Points, grades and rejections. Without rules there are no points.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scoring {
    /// A lead whose score reaches it is an mql.
    pub threshold: i64,
    /// Engagement points after which a recycled lead is active again.
    pub activation_threshold: i64,
    /// Grade = least score.
    pub grades: BTreeMap<Text, Placed<i64>>,
    /// Points by kind of touch, or `form_<form_kind>`.
    pub engagement: BTreeMap<Text, Placed<i64>>,
    /// The most points that a kind gives in all.
    pub caps: BTreeMap<Text, Placed<i64>>,
    /// Points for who the lead is.
    pub fit: Vec<Fit>,
    /// Fills that make no lead.
    pub reject: Vec<Reject>,
}

impl Default for Scoring {
    fn default() -> Self {
        let grades = [("A", 80), ("B", 60), ("C", 40), ("D", 0)];
        Self {
            threshold: 60,
            activation_threshold: 20,
            grades: grades.into_iter().map(|(grade, least)| (Placed::text(grade), Placed::of(least))).collect(),
            engagement: BTreeMap::new(),
            caps: BTreeMap::new(),
            fit: Vec::new(),
            reject: Vec::new(),
        }
    }
}

/// A question about a lead: a field and one test of it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// A form answer by its name, `account.<field>`, `lead_id`, `grade`, `stage` or `segment`.
    pub field: Text,
    pub equals: Option<Placed<Scalar>>,
    pub r#in: Option<Placed<Vec<Scalar>>>,
    /// Case-insensitive, unanchored.
    pub regex: Option<Text>,
    pub min: Option<Placed<f64>>,
    pub max: Option<Placed<f64>>,
}

/// Points for an answer or a field of the account.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// A form answer by its name, `account.<field>` or `lead_id`.
    pub field: Text,
    pub equals: Option<Placed<Scalar>>,
    pub r#in: Option<Placed<Vec<Scalar>>>,
    /// Case-insensitive, unanchored.
    pub regex: Option<Text>,
    pub min: Option<Placed<f64>>,
    pub max: Option<Placed<f64>>,
    pub points: i64,
}

/// A first fill that matches makes no lead.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    pub reason: Text,
    /// A form answer by its name, `account.<field>` or `lead_id`.
    pub field: Text,
    pub equals: Option<Placed<Scalar>>,
    pub r#in: Option<Placed<Vec<Scalar>>>,
    /// Case-insensitive, unanchored.
    pub regex: Option<Text>,
    pub min: Option<Placed<f64>>,
    pub max: Option<Placed<f64>>,
}

impl Fit {
    pub fn predicate(&self) -> Predicate {
        Predicate {
            field: self.field.clone(),
            equals: self.equals.clone(),
            r#in: self.r#in.clone(),
            regex: self.regex.clone(),
            min: self.min.clone(),
            max: self.max.clone(),
        }
    }
}

impl Reject {
    pub fn predicate(&self) -> Predicate {
        Predicate {
            field: self.field.clone(),
            equals: self.equals.clone(),
            r#in: self.r#in.clone(),
            regex: self.regex.clone(),
            min: self.min.clone(),
            max: self.max.clone(),
        }
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub route: Text,
    /// All must hold; `[]` always does.
    pub when: Placed<Vec<Predicate>>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub segment: Text,
    /// All must hold; `[]` always does.
    pub when: Vec<Predicate>,
}

/// How touches get their channel, and what the channels are.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Channels {
    /// Channels that are no marketing.
    pub not_marketing: Names,
    /// Channels that move to or join a group.
    pub groups: BTreeMap<Text, Names>,
    /// Before the built-in table: the first rule that matches.
    pub rules: Vec<Placed<ChannelRule>>,
    pub lists: ChannelLists,
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            not_marketing: super::names(&["direct", "product", "other"]),
            groups: BTreeMap::new(),
            rules: Vec::new(),
            lists: ChannelLists::default(),
        }
    }
}

/// All fields that are given must match.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelRule {
    pub utm_source: Option<Placed<TextMatch>>,
    pub utm_medium: Option<Placed<TextMatch>>,
    pub utm_campaign: Option<Placed<TextMatch>>,
    pub utm_content: Option<Placed<TextMatch>>,
    pub utm_term: Option<Placed<TextMatch>>,
    pub referrer_host: Option<Placed<TextMatch>>,
    pub click_id: Option<Placed<TextMatch>>,
    pub path: Option<Placed<TextMatch>>,
    pub kind: Option<Placed<TextMatch>>,
    /// The channel of what matches.
    pub channel: Text,
}

/// A text, a list of texts, or `{ prefix | suffix | regex }`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum TextMatch {
    Equals(String),
    OneOf(Vec<String>),
    Pattern(TextPattern),
}

/// One of the three.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextPattern {
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    pub regex: Option<String>,
}

/// More entries for the lists of known hosts and names.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelLists {
    pub search: Names,
    pub social: Names,
    pub video: Names,
    pub shopping: Names,
    pub ai: Names,
}
