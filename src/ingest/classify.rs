//! From where a touch came: its channel, campaign, content, term, page and click. A given channel first, then the
//! configured rules, the kind, a click id, the table. Parameters in the query of `page_url` stand in for null fields.

use std::borrow::Cow;

use super::channel_lists::SourceLists;
use super::channel_table::{self, Trail};
use super::record::TouchRecord;
use super::url::{self, Address};
use crate::config::{ChannelField, ChannelRule, Channels, TextTest};
use crate::model::event::{Click, NONE, Origin};
use crate::model::kinds::TouchKind;
use crate::model::text::Text;

#[derive(Clone, Debug)]
pub struct Classifier {
    rules: Vec<ChannelRule>,
    lists: SourceLists,
}

#[derive(Debug, PartialEq)]
pub struct Arrival<'a> {
    pub origin: Origin<'a>,
    pub page: Text<'a>,
    pub click: Option<Click<'a>>,
}

/// The parameters that name a click, and the channel that one of them alone decides. `fbclid` decides none: Facebook
/// puts it on unpaid links, too.
const CLICK_PARAMETERS: [(&str, Option<&str>); 7] = [
    ("gclid", Some("paid_search")),
    ("msclkid", Some("paid_search")),
    ("bd_vid", Some("paid_search")),
    ("li_fat_id", Some("paid_social")),
    ("gdt_vid", Some("paid_social")),
    ("ttclid", Some("paid_social")),
    ("fbclid", None),
];

/// The utm and click parameters of a touch, from its fields or else its URL.
#[derive(Default)]
struct Tags<'a> {
    source: Option<Text<'a>>,
    medium: Option<Text<'a>>,
    campaign: Option<Text<'a>>,
    content: Option<Text<'a>>,
    term: Option<Text<'a>>,
    click: Option<Click<'a>>,
}

impl Classifier {
    #[must_use]
    pub fn new(channels: &Channels) -> Self {
        Self { rules: channels.rules.clone(), lists: SourceLists::new(&channels.lists) }
    }

    pub fn classify<'a>(&self, kind: TouchKind, record: &mut TouchRecord<'a>) -> Arrival<'a> {
        let page_url = record.page_url.take();
        let tags = tags(record, page_url.as_ref());
        let page = page_url.map(|url| url.map(url::page));
        let given = record.channel.as_ref().map(normalized).filter(|channel| !channel.is_empty());
        let channel = given.unwrap_or_else(|| self.decide(kind, &tags, record, page.as_deref()));
        let origin = Origin {
            channel: own(channel),
            campaign: own_or_none(tags.campaign),
            content: own_or_none(tags.content),
            term: own_or_none(tags.term),
        };
        Arrival { origin, page: page.unwrap_or(Text::borrowed(NONE)), click: tags.click }
    }

    fn decide<'a>(&self, kind: TouchKind, tags: &Tags<'_>, record: &TouchRecord<'_>, page: Option<&str>) -> Text<'a> {
        let by_kind = channel_of_kind(kind);
        if let (Some(channel), true) = (by_kind, self.rules.is_empty()) {
            return Text::borrowed(channel);
        }
        let clues = Clues {
            utm_source: plain(tags.source.as_deref()),
            utm_medium: plain(tags.medium.as_deref()),
            campaign: plain(tags.campaign.as_deref()),
            site: record.referrer.as_deref().and_then(url::referring_site),
            tags,
            page,
            kind,
        };
        if let Some(rule) = self.rules.iter().find(|rule| clues.meet(rule)) {
            return Text::from(rule.channel.clone());
        }
        let by_click = || if clues.is_tagged() { None } else { channel_of_click(&tags.click.as_ref()?.platform) };
        let decided = by_kind.or_else(by_click);
        Text::borrowed(decided.unwrap_or_else(|| self.look_up(&clues, record.referrer.is_some())))
    }

    fn look_up(&self, clues: &Clues<'_>, referred: bool) -> &'static str {
        let untagged = clues.utm_source.is_empty();
        let site = clues.site.as_deref().unwrap_or_default();
        let source = if untagged { site } else { &clues.utm_source };
        let medium = if clues.utm_medium.is_empty() && untagged && referred { "referral" } else { &clues.utm_medium };
        let list = self.lists.list_of(source);
        channel_table::channel(Trail { source, medium, campaign: &clues.campaign, list })
    }
}

/// What a touch's channel is decided by, trimmed and lower-cased, empty where there is none.
struct Clues<'t> {
    utm_source: Cow<'t, str>,
    utm_medium: Cow<'t, str>,
    campaign: Cow<'t, str>,
    site: Option<String>,
    tags: &'t Tags<'t>,
    page: Option<&'t str>,
    kind: TouchKind,
}

impl Clues<'_> {
    fn is_tagged(&self) -> bool {
        !self.utm_source.is_empty() || !self.utm_medium.is_empty()
    }

    /// Whether every condition holds; none does on a value that is not there.
    fn meet(&self, rule: &ChannelRule) -> bool {
        rule.conditions.iter().all(|(field, test)| {
            let value = self.value(*field);
            !value.is_empty() && holds(test, &value)
        })
    }

    fn value(&self, field: ChannelField) -> Cow<'_, str> {
        match field {
            ChannelField::UtmSource => Cow::Borrowed(&self.utm_source),
            ChannelField::UtmMedium => Cow::Borrowed(&self.utm_medium),
            ChannelField::UtmCampaign => Cow::Borrowed(&self.campaign),
            ChannelField::UtmContent => plain(self.tags.content.as_deref()),
            ChannelField::UtmTerm => plain(self.tags.term.as_deref()),
            ChannelField::ReferrerHost => Cow::Borrowed(self.site.as_deref().unwrap_or_default()),
            ChannelField::ClickId => self.tags.click.as_ref().map_or(Cow::Borrowed(""), |click| {
                Cow::Owned(format!("{}={}", click.platform, click.id).to_lowercase())
            }),
            ChannelField::Path => plain(self.page),
            ChannelField::Kind => Cow::Borrowed(self.kind.name()),
        }
    }
}

/// A value as it is matched: trimmed and lower-cased, empty where there is none.
fn plain(text: Option<&str>) -> Cow<'_, str> {
    let text = text.unwrap_or_default().trim();
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// A given channel: trimmed, lower-cased, spaces and dashes to `_`.
#[must_use]
pub fn normalized<'a>(channel: &Text<'a>) -> Text<'a> {
    if channel.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
        return channel.clone();
    }
    channel.map(|channel| match plain(Some(channel)) {
        text if text.contains([' ', '-']) => Cow::Owned(text.replace([' ', '-'], "_")),
        text => text,
    })
}

/// A user's value that may become a dimension: names in parentheses are the product's, so a quote goes before.
#[must_use]
pub fn own(text: Text<'_>) -> Text<'_> {
    if text.starts_with('(') { Text::from(format!("'{text}")) } else { text }
}

/// The same, with `(none)` where there is no value.
#[must_use]
pub fn own_or_none(text: Option<Text<'_>>) -> Text<'_> {
    text.map_or(Text::borrowed(NONE), own)
}

fn holds(test: &TextTest, text: &str) -> bool {
    match test {
        TextTest::OneOf(values) => values.iter().any(|value| value == text),
        TextTest::Prefix(prefix) => text.starts_with(prefix.as_str()),
        TextTest::Suffix(suffix) => text.ends_with(suffix.as_str()),
        TextTest::Matches(pattern) => pattern.is_match(text),
    }
}

fn tags<'a>(record: &mut TouchRecord<'a>, page_url: Option<&Text<'a>>) -> Tags<'a> {
    let mut tags = Tags {
        source: record.utm_source.take(),
        medium: record.utm_medium.take(),
        campaign: record.utm_campaign.take(),
        content: record.utm_content.take(),
        term: record.utm_term.take(),
        click: record.click_id.take().and_then(|text| click(&text)),
    };
    let Some(url) = page_url.filter(|url| url.contains('?')) else { return tags };
    if let Some(query) = Address::parse(url).and_then(|address| address.query) {
        fill_in(&mut tags, &query);
    }
    tags
}

/// The first parameter of each name, where the field is null.
fn fill_in(tags: &mut Tags<'_>, query: &str) {
    const NAMES: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"];
    let mut seen = [false; NAMES.len()];
    for (name, value) in ::url::form_urlencoded::parse(query.as_bytes()) {
        if let Some(at) = NAMES.iter().position(|known| *known == name) {
            let field = match at {
                0 => &mut tags.source,
                1 => &mut tags.medium,
                2 => &mut tags.campaign,
                3 => &mut tags.content,
                _ => &mut tags.term,
            };
            if !seen[at] && field.is_none() && !value.is_empty() {
                *field = Some(Text::from(value.into_owned()));
            }
            seen[at] = true;
        } else if tags.click.is_none()
            && !value.is_empty()
            && let Some((known, _)) = CLICK_PARAMETERS.iter().find(|(known, _)| *known == name)
        {
            tags.click = Some(Click { platform: Text::borrowed(known), id: Text::from(value.into_owned()) });
        }
    }
}

/// A `click_id` written `<parameter>=<value>`; none if it is not.
fn click<'a>(text: &Text<'a>) -> Option<Click<'a>> {
    let (parameter, value) = text.split_once('=')?;
    if parameter.trim().is_empty() || value.trim().is_empty() {
        return None;
    }
    let part = |part: fn(&str) -> &str| text.map(|text| Cow::Borrowed(part(text)));
    let platform = part(|text| text.split_once('=').unwrap_or((text, "")).0.trim());
    let platform = platform.map(|platform| plain(Some(platform)));
    Some(Click { platform, id: part(|text| text.split_once('=').unwrap_or((text, "")).1.trim()) })
}

fn channel_of_click(platform: &str) -> Option<&'static str> {
    CLICK_PARAMETERS.iter().find(|(known, _)| *known == platform)?.1
}

const fn channel_of_kind(kind: TouchKind) -> Option<&'static str> {
    use TouchKind as K;
    Some(match kind {
        K::EmailSent | K::EmailDelivered | K::EmailBounced | K::EmailOpened | K::EmailClicked => "email",
        K::EmailUnsubscribed | K::NurtureJoined => "email",
        K::WebinarRegistered | K::WebinarAttended | K::WebinarQuestion | K::WebinarReplayed => "webinar",
        K::MailSent | K::MailOpened | K::MailClaimed => "direct_mail",
        K::CommunityJoined | K::CommunityLeft | K::CommunityActive | K::QuestionAsked | K::QuestionAnswered => {
            "community"
        }
        K::ProductUsed => "product",
        K::ReferralMade => "referral",
        K::SocialEngaged => "organic_social",
        K::Impression | K::Click | K::PageView | K::MeetingBooked | K::DemoBooked | K::ContentRead => return None,
    })
}
