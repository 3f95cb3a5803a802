//! Where visits come from: one row a source, with the marks it leaves on a touch and how its leads behave. Channels are
//! meant to differ (search converts at once, webinars slowly, syndication is cheap and poor), so that models disagree.

use super::draw::Draw;
use super::record::Touch;

pub struct Source {
    /// The channel that classification gives such a touch.
    pub channel: &'static str,
    utm: Option<(&'static str, &'static str)>,
    referrer: Option<&'static str>,
    click: Option<&'static str>,
    pub campaigns: &'static [&'static str],
    pub contents: &'static [&'static str],
    pub terms: &'static [&'static str],
    /// How often it is the first of a lead's visits, a later one, an anonymous visitor's.
    first: u32,
    again: u32,
    anonymous: u32,
    /// Tenths of the usual time from stage to stage.
    pub pace: i64,
    /// Percent of its leads that qualify.
    pub quality: u32,
}

const BARE: Source = Source {
    channel: "direct",
    utm: None,
    referrer: None,
    click: None,
    campaigns: &[],
    contents: &[],
    terms: &[],
    first: 6,
    again: 34,
    anonymous: 12,
    pace: 9,
    quality: 50,
};

/// The rows that the story asks for by name.
pub const EMAIL: u8 = 1;
pub const PAID_SEARCH: u8 = 2;
pub const DISPLAY: u8 = 5;
pub const WEBINAR: u8 = 6;

#[rustfmt::skip]
pub static SOURCES: [Source; 27] = [
    BARE,
    Source { channel: "email", utm: Some(("newsletter", "email")), campaigns: &["monthly-letter", "nurture-attribution"], contents: &["header", "footer"], first: 3, again: 18, anonymous: 3, pace: 11, quality: 45, ..BARE },
    Source { channel: "paid_search", utm: Some(("google", "cpc")), click: Some("gclid"), campaigns: &["brand", "generic-attribution", "competitors"], contents: &["ad-a", "ad-b"], terms: &["marketing attribution", "b2b attribution", "roi software", "tributary"], first: 20, again: 8, anonymous: 14, pace: 5, quality: 62, ..BARE },
    Source { channel: "paid_search", utm: None, click: Some("msclkid"), first: 2, again: 1, anonymous: 2, pace: 5, quality: 60, ..BARE },
    Source { channel: "paid_social", utm: Some(("linkedin", "paid-social")), click: Some("li_fat_id"), campaigns: &["abm-finance", "abm-software", "lead-gen"], contents: &["video|1", "carousel", "case=study"], first: 14, again: 7, anonymous: 16, pace: 10, quality: 40, ..BARE },
    Source { channel: "display", utm: Some(("stackadapt", "display")), campaigns: &["retargeting", "awareness"], contents: &["banner-300", "banner-728"], first: 5, again: 9, anonymous: 18, pace: 14, quality: 22, ..BARE },
    Source { channel: "webinar", utm: Some(("on24", "webinar")), campaigns: &["webinar-series"], contents: &["invite"], first: 7, again: 4, anonymous: 2, pace: 18, quality: 58, ..BARE },
    Source { channel: "content_syndication", utm: Some(("techtarget", "content-syndication")), campaigns: &["whitepaper-q1", "report, annual"], contents: &["guide"], first: 13, again: 1, anonymous: 3, pace: 16, quality: 11, ..BARE },
    Source { channel: "organic_search", referrer: Some("https://www.google.com/"), first: 16, again: 12, anonymous: 20, pace: 9, quality: 46, ..BARE },
    Source { channel: "organic_search", referrer: Some("https://www.baidu.com/s?wd=attribution"), first: 2, again: 1, anonymous: 2, pace: 9, quality: 42, ..BARE },
    Source { channel: "organic_social", referrer: Some("https://www.linkedin.com/feed/"), first: 5, again: 5, anonymous: 6, pace: 11, quality: 35, ..BARE },
    Source { channel: "ai_assistant", referrer: Some("https://chatgpt.com/"), first: 4, again: 2, anonymous: 4, pace: 6, quality: 57, ..BARE },
    Source { channel: "referral", referrer: Some("https://blog.revops-daily.example/best-tools"), first: 4, again: 2, anonymous: 4, pace: 9, quality: 48, ..BARE },
    Source { channel: "review_sites", utm: Some(("g2", "listing")), campaigns: &["category-leader"], first: 4, again: 4, anonymous: 2, pace: 5, quality: 66, ..BARE },
    Source { channel: "partner", utm: Some(("crmhouse", "partner")), campaigns: &["co-marketing"], first: 3, again: 1, anonymous: 1, pace: 8, quality: 60, ..BARE },
    Source { channel: "event", utm: Some(("summit", "tradeshow")), campaigns: &["b2b-summit"], first: 3, again: 1, anonymous: 1, pace: 13, quality: 44, ..BARE },
    Source { channel: "paid_video", utm: Some(("youtube", "cpv")), campaigns: &["explainer"], contents: &["pre-roll"], first: 2, again: 1, anonymous: 4, pace: 15, quality: 24, ..BARE },
    Source { channel: "organic_video", referrer: Some("https://www.youtube.com/watch?v=tributary"), first: 1, again: 1, anonymous: 2, pace: 12, quality: 33, ..BARE },
    Source { channel: "affiliates", utm: Some(("saasdeals", "affiliate")), campaigns: &["deals"], first: 2, again: 1, anonymous: 2, pace: 7, quality: 25, ..BARE },
    Source { channel: "pr", utm: Some(("tech-gazette", "press")), campaigns: &["series-b"], first: 1, again: 1, anonymous: 2, pace: 13, quality: 30, ..BARE },
    Source { channel: "cross_network", utm: Some(("google", "cpc")), campaigns: &["cross-network"], first: 2, again: 1, anonymous: 3, pace: 8, quality: 38, ..BARE },
    Source { channel: "audio", utm: Some(("podcast", "audio")), campaigns: &["revenue-radio"], first: 1, again: 1, anonymous: 1, pace: 15, quality: 40, ..BARE },
    Source { channel: "messaging", utm: Some(("site", "chat")), campaigns: &["assistant"], first: 1, again: 2, anonymous: 1, pace: 4, quality: 64, ..BARE },
    Source { channel: "sms", utm: Some(("sms", "sms")), campaigns: &["reminder"], first: 0, again: 1, anonymous: 0, pace: 8, quality: 40, ..BARE },
    Source { channel: "push", utm: Some(("browser", "web-push")), campaigns: &["reminder"], first: 0, again: 1, anonymous: 1, pace: 8, quality: 40, ..BARE },
    Source { channel: "direct_mail", utm: Some(("postcard", "mail")), campaigns: &["abm-box"], first: 1, again: 1, anonymous: 0, pace: 12, quality: 50, ..BARE },
    Source { channel: "other", utm: Some(("qr-code", "print")), campaigns: &["poster"], first: 1, again: 1, anonymous: 1, pace: 12, quality: 35, ..BARE },
];

impl Source {
    pub fn of(place: u8) -> &'static Self {
        &SOURCES[place as usize]
    }

    pub fn first(draw: &mut Draw) -> u8 {
        draw.weighted(SOURCES.iter().map(|source| source.first)) as u8
    }

    pub fn again(draw: &mut Draw) -> u8 {
        draw.weighted(SOURCES.iter().map(|source| source.again)) as u8
    }

    pub fn anonymous(draw: &mut Draw) -> u8 {
        draw.weighted(SOURCES.iter().map(|source| source.anonymous)) as u8
    }

    /// Advertisements are seen and clicked before the visit, and tell of it on their own.
    pub fn advertises(&self) -> bool {
        matches!(self.channel, "paid_social" | "display" | "paid_video")
    }
}

/// One arrival from a source: the texts that a touch borrows.
pub struct Arrival {
    source: &'static Source,
    campaign: Option<&'static str>,
    content: Option<&'static str>,
    term: Option<&'static str>,
    click: Option<String>,
    page_url: String,
    /// The marks are in the address instead of in fields of their own.
    in_address: bool,
}

impl Arrival {
    pub fn new(draw: &mut Draw, place: u8, path: &str) -> Self {
        let source = Source::of(place);
        let any = |draw: &mut Draw, from: &'static [&'static str]| (!from.is_empty()).then(|| *draw.pick(from));
        let campaign = any(draw, source.campaigns);
        let content = any(draw, source.contents);
        let term = any(draw, source.terms);
        let click = source.click.map(|platform| format!("{platform}=c{:08x}", draw.below(u32::MAX)));
        let in_address = draw.percent(20);
        let mut page_url = format!("https://www.tributary.example{path}");
        if in_address {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            if let Some((utm_source, medium)) = source.utm {
                query.append_pair("utm_source", utm_source).append_pair("utm_medium", medium);
            }
            for (name, value) in [("utm_campaign", campaign), ("utm_content", content), ("utm_term", term)] {
                value.map(|value| query.append_pair(name, value));
            }
            if let Some((platform, id)) = click.as_deref().and_then(|click| click.split_once('=')) {
                query.append_pair(platform, id);
            }
            let query = query.finish();
            if !query.is_empty() {
                page_url.push('?');
                page_url.push_str(&query);
            }
        }
        Self { source, campaign, content, term, click, page_url, in_address }
    }

    pub fn page_url(&self) -> &str {
        &self.page_url
    }

    /// A touch of this kind with the marks of the arrival.
    pub fn touch<'a>(&'a self, kind: &'static str) -> Touch<'a> {
        let mut touch =
            Touch { kind, page_url: Some(&self.page_url), referrer: self.source.referrer, ..Touch::default() };
        if !self.in_address {
            touch.utm_source = self.source.utm.map(|utm| utm.0);
            touch.utm_medium = self.source.utm.map(|utm| utm.1);
            touch.utm_campaign = self.campaign;
            touch.utm_content = self.content;
            touch.utm_term = self.term;
            touch.click_id = self.click.as_deref();
        }
        touch
    }

    /// An advertisement of the source, told by the platform: it names the channel itself.
    pub fn advertisement<'a>(&'a self, kind: &'static str) -> Touch<'a> {
        Touch {
            kind,
            channel: Some(self.source.channel),
            utm_campaign: self.campaign,
            utm_content: self.content,
            click_id: if kind == "click" { self.click.as_deref() } else { None },
            ..Touch::default()
        }
    }
}
