//! Channel rules, groups and lists.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Checker;
use crate::config::raw::{self, Placed, Text, TextMatch};
use crate::config::{ChannelField, ChannelRule, Channels, TextTest, nearest};
use crate::model::event::UNATTRIBUTED;
use crate::model::kinds::TouchKind;

/// A channel as it is written → its id: lower case, with `_` for spaces and dashes.
#[must_use]
pub fn channel_id(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

pub fn channel(name: &Text, cx: &mut Checker<'_>) -> String {
    channel_id(&cx.name(name, "channel"))
}

pub fn check(raw: &raw::Channels, cx: &mut Checker<'_>) -> Channels {
    let lists = [
        ("search", &raw.lists.search),
        ("social", &raw.lists.social),
        ("video", &raw.lists.video),
        ("shopping", &raw.lists.shopping),
        ("ai", &raw.lists.ai),
    ];
    let entries = |names: &raw::Names| names.iter().map(|name| folded(name)).filter(|name| !name.is_empty()).collect();
    Channels {
        not_marketing: raw
            .not_marketing
            .iter()
            .filter(|name| name.value != UNATTRIBUTED)
            .map(|name| channel(name, cx))
            .collect(),
        groups: groups(raw, cx),
        rules: raw.rules.iter().filter_map(|rule| check_rule(rule, cx)).collect(),
        lists: lists
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(list, names)| (list.to_owned(), entries(names)))
            .collect(),
    }
}

fn groups(raw: &raw::Channels, cx: &mut Checker<'_>) -> BTreeMap<String, String> {
    let mut groups = BTreeMap::new();
    for (group, names) in &raw.groups {
        let group = cx.name(group, "group of channels");
        for name in names {
            let id = channel(name, cx);
            if let Some(other) = groups.insert(id, group.clone()) {
                let message = format!("channel `{}` is in two groups: `{other}` and `{group}`", name.value);
                cx.fault(name, message, "again", "a channel has one group");
            }
        }
    }
    groups
}

fn check_rule(rule: &Placed<raw::ChannelRule>, cx: &mut Checker<'_>) -> Option<ChannelRule> {
    let given = [
        (ChannelField::UtmSource, &rule.utm_source),
        (ChannelField::UtmMedium, &rule.utm_medium),
        (ChannelField::UtmCampaign, &rule.utm_campaign),
        (ChannelField::UtmContent, &rule.utm_content),
        (ChannelField::UtmTerm, &rule.utm_term),
        (ChannelField::ReferrerHost, &rule.referrer_host),
        (ChannelField::ClickId, &rule.click_id),
        (ChannelField::Path, &rule.path),
        (ChannelField::Kind, &rule.kind),
    ];
    if given.iter().all(|(_, test)| test.is_none()) {
        let help = "utm_source, utm_medium, utm_campaign, utm_content, utm_term, referrer_host, click_id, path or kind";
        cx.fault(&rule.channel, "a channel rule needs a field to match", "would match every touch", help);
    }
    let mut conditions = Vec::new();
    for (field, test) in given.into_iter().filter_map(|(field, test)| test.as_ref().map(|test| (field, test))) {
        let test_at = test.span.as_ref();
        if let Some(checked) = text_test(test, test_at, cx) {
            if field == ChannelField::Kind {
                check_kinds(&checked, test_at, cx);
            }
            conditions.push((field, checked));
        }
    }
    Some(ChannelRule { channel: channel(&rule.channel, cx), conditions })
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

fn text_test(raw: &TextMatch, at: Option<&Range<usize>>, cx: &mut Checker<'_>) -> Option<TextTest> {
    let pattern = match raw {
        TextMatch::Equals(text) => return Some(TextTest::OneOf(vec![folded(text)])),
        TextMatch::OneOf(texts) if texts.is_empty() => {
            cx.fault_at(at, "a list of nothing never matches", "empty", "leave the key out, or name what it may be");
            return None;
        }
        TextMatch::OneOf(texts) => return Some(TextTest::OneOf(texts.iter().map(|text| folded(text)).collect())),
        TextMatch::Pattern(pattern) => pattern,
    };
    match (&pattern.prefix, &pattern.suffix, &pattern.regex) {
        (Some(prefix), None, None) => Some(TextTest::Prefix(folded(prefix))),
        (None, Some(suffix), None) => Some(TextTest::Suffix(folded(suffix))),
        (None, None, Some(regex)) => cx.regex(at, regex).map(TextTest::Matches),
        _ => {
            cx.fault_at(
                at,
                "a pattern is one of `prefix`, `suffix` and `regex`",
                "not exactly one",
                "such as `{ prefix = \"/partners/\" }`",
            );
            None
        }
    }
}

fn check_kinds(test: &TextTest, at: Option<&Range<usize>>, cx: &mut Checker<'_>) {
    let TextTest::OneOf(names) = test else { return };
    for name in names.iter().filter(|name| TouchKind::parse(name).is_none()) {
        let help = nearest::hint(name, TouchKind::ALL.iter().map(|kind| kind.name()));
        cx.fault_at(at, format!("unknown kind of touch `{name}`"), "never matches", help);
    }
}
