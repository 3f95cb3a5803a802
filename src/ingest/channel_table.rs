//! The table of channels, for touches that no rule, kind or click id has decided: rows 1 to 22, the first match wins.
//! Source, medium and campaign come trimmed and lower-cased, empty where there is none. Most rows follow the default
//! channel group of Google Analytics 4.

use super::channel_lists::SourceList;

#[derive(Clone, Copy, Debug)]
pub struct Trail<'t> {
    pub source: &'t str,
    pub medium: &'t str,
    pub campaign: &'t str,
    /// The list that the source is in.
    pub list: Option<SourceList>,
}

#[must_use]
pub fn channel(trail: Trail<'_>) -> &'static str {
    let Trail { source, medium, campaign, list } = trail;
    let cross_network = campaign.contains("cross-network");
    let untagged = source.is_empty() && medium.is_empty() && !cross_network;
    if untagged || (source == "(direct)" && matches!(medium, "" | "(not set)" | "(none)")) {
        return "direct";
    }
    if cross_network {
        return "cross_network";
    }
    let shop = list == Some(SourceList::Shopping) || names_a_shop(campaign);
    let paid = is_paid(medium);
    if let Some(channel) = paid.then(|| paid_channel(list, shop)).flatten() {
        return channel;
    }
    match medium {
        "content-syndication" | "content_syndication" | "syndication" => "content_syndication",
        "display" | "banner" | "expandable" | "interstitial" | "cpm" => "display",
        _ if paid => "paid_other",
        _ => unpaid_channel(trail, shop),
    }
}

/// Rows 3 to 6.
fn paid_channel(list: Option<SourceList>, shop: bool) -> Option<&'static str> {
    match list {
        _ if shop => Some("paid_shopping"),
        Some(SourceList::Search) => Some("paid_search"),
        Some(SourceList::Social) => Some("paid_social"),
        Some(SourceList::Video) => Some("paid_video"),
        _ => None,
    }
}

/// Rows 10 to 14, then by medium.
fn unpaid_channel(trail: Trail<'_>, shop: bool) -> &'static str {
    let Trail { medium, list, .. } = trail;
    let social =
        matches!(medium, "social" | "social-network" | "social-media" | "sm" | "social network" | "social media");
    if medium == "ai-assistant" || list == Some(SourceList::Ai) {
        "ai_assistant"
    } else if shop {
        "organic_shopping"
    } else if list == Some(SourceList::Social) || social {
        "organic_social"
    } else if list == Some(SourceList::Video) || medium.contains("video") {
        "organic_video"
    } else if list == Some(SourceList::Search) || medium == "organic" {
        "organic_search"
    } else {
        other_channel(trail.source, medium)
    }
}

/// Rows 15 to 22.
fn other_channel(source: &str, medium: &str) -> &'static str {
    match medium {
        "webinar" => "webinar",
        "direct_mail" | "direct-mail" | "mail" => "direct_mail",
        "pr" | "press" => "pr",
        "partner" => "partner",
        "event" | "tradeshow" | "conference" => "event",
        "community" => "community",
        "messaging" | "chat" | "whatsapp" => "messaging",
        _ if is_email(source) || is_email(medium) => "email",
        "affiliate" | "affiliates" => "affiliates",
        "referral" | "app" | "link" => "referral",
        "audio" => "audio",
        _ if source == "sms" || medium == "sms" => "sms",
        _ if medium.ends_with("push") || medium.contains("mobile") || medium.contains("notification") => "push",
        _ if source == "firebase" => "push",
        _ => "other",
    }
}

fn is_email(text: &str) -> bool {
    matches!(text, "email" | "e-mail" | "e_mail" | "e mail")
}

/// `^(.*cp.*|ppc|retargeting|paid.*)$`
fn is_paid(medium: &str) -> bool {
    medium.contains("cp") || matches!(medium, "ppc" | "retargeting") || medium.starts_with("paid")
}

/// `^(.*(([^a-df-z]|^)shop|shopping).*)$`: a word that begins with `shop`, or ends an `e` (`eshop`), or `shopping`.
fn names_a_shop(campaign: &str) -> bool {
    campaign.contains("shopping")
        || campaign.match_indices("shop").any(|(at, _)| {
            campaign[..at].chars().next_back().is_none_or(|before| !matches!(before, 'a'..='d' | 'f'..='z'))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::super::channel_lists::SourceLists;
    use super::*;

    #[test]
    fn every_row() {
        let lists = SourceLists::new(&std::collections::BTreeMap::new());
        let rows = [
            // source, medium, campaign, channel
            ("", "", "", "direct"),
            ("", "", "spring", "direct"),
            ("(direct)", "(none)", "", "direct"),
            ("(direct)", "(not set)", "cross-network", "direct"),
            ("(direct)", "", "", "direct"),
            ("(direct)", "x", "", "other"),
            ("", "", "q1 cross-network max", "cross_network"),
            ("google", "cpc", "cross-network", "cross_network"),
            ("amazon", "cpc", "", "paid_shopping"),
            ("google", "cpc", "my shop", "paid_shopping"),
            ("google", "cpc", "eshop", "paid_shopping"),
            ("google", "cpc", "workshop", "paid_search"),
            ("google", "cpc", "windowshopping", "paid_shopping"),
            ("google", "cpc", "", "paid_search"),
            ("bing", "ppc", "", "paid_search"),
            ("baidu", "paid", "", "paid_search"),
            ("linkedin", "paid-social", "", "paid_social"),
            ("facebook", "retargeting", "", "paid_social"),
            ("google", "cpm", "", "paid_search"),
            ("youtube", "cpc", "", "paid_video"),
            ("wire", "content-syndication", "", "content_syndication"),
            ("wire", "content_syndication", "", "content_syndication"),
            ("google", "syndication", "", "content_syndication"),
            ("adnet", "display", "", "display"),
            ("adnet", "banner", "", "display"),
            ("adnet", "expandable", "", "display"),
            ("google", "interstitial", "", "display"),
            ("adnet", "cpm", "", "display"),
            ("adnet", "cpc", "", "paid_other"),
            ("chatgpt.com", "cpc", "", "paid_other"),
            ("adnet", "ai-assistant", "", "ai_assistant"),
            ("gemini.google.com", "referral", "", "ai_assistant"),
            ("amazon", "referral", "", "organic_shopping"),
            ("newsletter", "email", "the shop", "organic_shopping"),
            ("weibo", "referral", "", "organic_social"),
            ("x", "social", "", "organic_social"),
            ("x", "social-network", "", "organic_social"),
            ("x", "social-media", "", "organic_social"),
            ("x", "sm", "", "organic_social"),
            ("x", "social network", "", "organic_social"),
            ("x", "social media", "", "organic_social"),
            ("vimeo", "referral", "", "organic_video"),
            ("x", "my-video-ad", "", "organic_video"),
            ("google.com", "referral", "", "organic_search"),
            ("x", "organic", "", "organic_search"),
            ("x", "webinar", "", "webinar"),
            ("x", "direct-mail", "", "direct_mail"),
            ("x", "mail", "", "direct_mail"),
            ("x", "pr", "", "pr"),
            ("x", "press", "", "pr"),
            ("x", "partner", "", "partner"),
            ("x", "event", "", "event"),
            ("x", "tradeshow", "", "event"),
            ("x", "conference", "", "event"),
            ("x", "community", "", "community"),
            ("x", "messaging", "", "messaging"),
            ("x", "chat", "", "messaging"),
            ("x", "whatsapp", "", "messaging"),
            ("email", "webinar", "", "webinar"),
            ("email", "x", "", "email"),
            ("x", "e-mail", "", "email"),
            ("x", "e_mail", "", "email"),
            ("x", "e mail", "", "email"),
            ("email", "affiliate", "", "email"),
            ("x", "affiliate", "", "affiliates"),
            ("x", "affiliates", "", "affiliates"),
            ("blog.example.org", "referral", "", "referral"),
            ("x", "app", "", "referral"),
            ("x", "link", "", "referral"),
            ("x", "audio", "", "audio"),
            ("sms", "audio", "", "audio"),
            ("sms", "x", "", "sms"),
            ("x", "sms", "", "sms"),
            ("x", "webpush", "", "push"),
            ("x", "mobile app", "", "push"),
            ("x", "notifications", "", "push"),
            ("firebase", "x", "", "push"),
            ("x", "", "", "other"),
            ("", "x", "", "other"),
            ("x", "listing", "", "other"),
        ];
        for (source, medium, campaign, expected) in rows {
            let list = lists.list_of(source);
            assert_eq!(channel(Trail { source, medium, campaign, list }), expected, "{source} / {medium} / {campaign}");
        }
    }

    proptest! {
        #[test]
        fn patterns_by_hand_as_by_regular_expression(text in "[a-gpir cdt-]{0,3}(cp|shop|ping|ppc|paid|é)?[a-gp s]{0,4}(shop|shopping)?") {
            let paid = Regex::new("^(.*cp.*|ppc|retargeting|paid.*)$").expect("a pattern");
            let shop = Regex::new("^(.*(([^a-df-z]|^)shop|shopping).*)$").expect("a pattern");
            prop_assert_eq!(is_paid(&text), paid.is_match(&text));
            prop_assert_eq!(names_a_shop(&text), shop.is_match(&text));
        }
    }
}
