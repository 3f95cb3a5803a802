//! The groups of channels: paid, owned, earned, and what counts as marketing. Built in, moved by the configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::event::UNATTRIBUTED;

pub const PAID: &str = "paid";
pub const OWNED: &str = "owned";
pub const EARNED: &str = "earned";

/// Which group a channel is of, and whether it is marketing.
#[derive(Clone, Debug, Default)]
pub struct ChannelGroups {
    moved: BTreeMap<String, String>,
    not_marketing: BTreeSet<String>,
}

impl ChannelGroups {
    /// `moved`: group by channel, before the built-in groups; `not_marketing`: the channels that are not.
    #[must_use]
    pub const fn new(moved: BTreeMap<String, String>, not_marketing: BTreeSet<String>) -> Self {
        Self { moved, not_marketing }
    }

    #[must_use]
    pub fn group(&self, channel: &str) -> &str {
        match self.moved.get(channel) {
            Some(group) => group,
            None => built_in(channel),
        }
    }

    #[must_use]
    pub fn is_paid(&self, channel: &str) -> bool {
        self.group(channel) == PAID
    }

    #[must_use]
    pub fn is_marketing(&self, channel: &str) -> bool {
        channel != UNATTRIBUTED && !self.not_marketing.contains(channel)
    }
}

fn built_in(channel: &str) -> &'static str {
    match channel {
        UNATTRIBUTED => UNATTRIBUTED,
        "display" | "affiliates" | "content_syndication" | "cross_network" => PAID,
        "email" | "webinar" | "direct_mail" | "sms" | "push" | "community" | "product" | "messaging" | "direct" => {
            OWNED
        }
        _ if channel.starts_with("paid_") => PAID,
        _ => EARNED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_built_in_and_moved() {
        let moved = [("review_sites", EARNED), ("webinar", "field")];
        let groups = ChannelGroups::new(
            moved.into_iter().map(|(channel, group)| (channel.to_owned(), group.to_owned())).collect(),
            ["direct", "product", "other"].into_iter().map(str::to_owned).collect(),
        );
        for (channel, group, marketing) in [
            ("paid_search", "paid", true),
            ("paid_of_my_own", "paid", true),
            ("cross_network", "paid", true),
            ("email", "owned", true),
            ("direct", "owned", false),
            ("product", "owned", false),
            ("organic_search", "earned", true),
            ("other", "earned", false),
            ("review_sites", "earned", true),
            ("webinar", "field", true),
            ("(unattributed)", "(unattributed)", false),
        ] {
            assert_eq!(groups.group(channel), group, "{channel}");
            assert_eq!(groups.is_marketing(channel), marketing, "{channel}");
            assert_eq!(groups.is_paid(channel), group == "paid", "{channel}");
        }
    }
}
