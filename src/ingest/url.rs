//! The parts of a URL that ingest looks at: host, path, query. Ordinary absolute http(s) URLs are cut by hand and stay
//! borrowed; everything else goes through the `url` crate, and the two agree (a property test).

use std::borrow::Cow;

use url::Url;

use crate::model::event::NONE;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address<'u> {
    /// Lower-cased; empty where there is none.
    pub host: Cow<'u, str>,
    /// As the URL standard writes it, with its slashes.
    pub path: Cow<'u, str>,
    pub query: Option<Cow<'u, str>>,
}

impl<'u> Address<'u> {
    /// None for text that is no URL; a relative one is taken as one of an unnamed host.
    #[must_use]
    pub fn parse(text: &'u str) -> Option<Self> {
        cut(text).or_else(|| parse_any(text))
    }

    /// The host without `www.`; none where there is none.
    #[must_use]
    pub fn site(&self) -> Option<&str> {
        let host: &str = &self.host;
        Some(host.strip_prefix("www.").unwrap_or(host)).filter(|site| !site.is_empty())
    }

    /// The path without slashes at its end, `/` for the root.
    #[must_use]
    pub fn page(self) -> Cow<'u, str> {
        match self.path {
            Cow::Borrowed(path) => Cow::Borrowed(trimmed(path)),
            Cow::Owned(path) => Cow::Owned(trimmed(&path).to_owned()),
        }
    }
}

/// The page of a `page_url`: its path, or `(none)` where it is no URL.
#[must_use]
pub fn page(url: &str) -> Cow<'_, str> {
    Address::parse(url).map_or(Cow::Borrowed(NONE), |address| match address.page() {
        // Only of a URL without a host, such as `mailto:`; names in parentheses are the product's.
        path if path.starts_with('(') => Cow::Owned(format!("'{path}")),
        path => path,
    })
}

/// The host of a referrer without `www.`, also where the referrer lacks its scheme.
#[must_use]
pub fn referring_site(referrer: &str) -> Option<String> {
    let referrer = referrer.trim();
    let full = if referrer.contains(':') || referrer.starts_with("//") {
        Cow::Borrowed(referrer)
    } else {
        Cow::Owned(format!("http://{referrer}"))
    };
    Address::parse(&full)?.site().map(str::to_owned)
}

fn trimmed(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/" } else { path }
}

/// Cuts `http(s)://host/path?query#fragment` whose parts need no rewriting, in one go; none: ask `parse_any`.
fn cut(text: &str) -> Option<Address<'_>> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let (host, rest) = rest.split_at(end_of_host(rest)?);
    let (path, rest) = rest.split_at(end_of_path(rest)?);
    let query = match rest.strip_prefix('?') {
        Some(query) => Some(&query[..end_of_query(query)?]),
        None => None,
    };
    Some(Address {
        host: Cow::Borrowed(host),
        path: Cow::Borrowed(if path.is_empty() { "/" } else { path }),
        query: query.map(Cow::Borrowed),
    })
}

/// None unless it is in lower case without port, user and international name, and no IP address: then its last label
/// begins with a letter.
fn end_of_host(text: &str) -> Option<usize> {
    let (mut before, mut label) = (b'.', b'.');
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'/' | b'?' | b'#' => return label.is_ascii_lowercase().then_some(at),
            // Two of them are in every `xn--`.
            b'-' if before == b'-' => return None,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' => {}
            _ => return None,
        }
        // The byte that the label begins with; a point as long as there is none.
        if byte == b'.' || before == b'.' {
            label = byte;
        }
        before = byte;
    }
    label.is_ascii_lowercase().then_some(text.len())
}

fn end_of_path(text: &str) -> Option<usize> {
    let mut before = 0;
    for (at, byte) in text.bytes().enumerate() {
        if matches!(byte, b'?' | b'#') {
            return Some(at);
        }
        if !PLAIN_IN_PATH[usize::from(byte)] || (before == b'/' && byte == b'.') {
            return None;
        }
        before = byte;
    }
    Some(text.len())
}

fn end_of_query(text: &str) -> Option<usize> {
    let end = text.bytes().position(|byte| byte == b'#' || !byte.is_ascii_graphic()).unwrap_or(text.len());
    text.as_bytes().get(end).is_none_or(|byte| *byte == b'#').then_some(end)
}

const PLAIN_IN_PATH: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        plain[byte] = c.is_ascii_alphanumeric()
            || matches!(c, b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'(' | b')' | b'*' | b'+')
            || matches!(c, b',' | b';' | b'=' | b':' | b'@');
        byte += 1;
    }
    plain
};

fn parse_any(text: &str) -> Option<Address<'_>> {
    let url = match Url::parse(text) {
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let base = Url::parse("http://relative.invalid/").ok()?;
            let url = base.join(text).ok()?;
            // `//host/path` names its host.
            return Some(owned(&url, url.host_str().filter(|host| *host != "relative.invalid")));
        }
        parsed => parsed.ok()?,
    };
    Some(owned(&url, url.host_str()))
}

fn owned(url: &Url, host: Option<&str>) -> Address<'static> {
    Address {
        host: Cow::Owned(host.unwrap_or_default().to_lowercase()),
        path: Cow::Owned(url.path().to_owned()),
        query: url.query().map(|query| Cow::Owned(query.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(address: &Address<'_>) -> Vec<(String, String)> {
        let query = address.query.as_deref().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    proptest! {
        #[test]
        fn cut_by_hand_as_by_the_standard(
            host in "[a-z0-9.-]{0,12}", path in "(/[a-zA-Z0-9._~!$&'()*+,;=:@%-]{0,6}){0,4}/?", rest in "([?][ -~]{0,16})?(#.{0,4})?",
        ) {
            let text = format!("https://{host}{path}{rest}");
            if let Some(cut) = cut(&text) {
                let parsed = parse_any(&text).expect("what is cut is a URL");
                prop_assert_eq!(&cut.host, &parsed.host);
                prop_assert_eq!(&cut.path, &parsed.path);
                prop_assert_eq!(pairs(&cut), pairs(&parsed));
                prop_assert_eq!(cut.query.is_some(), parsed.query.is_some());
            }
        }
    }

    #[test]
    fn pages() {
        for (url, expected) in [
            ("https://www.tributary.example/pricing/", "/pricing"),
            ("https://www.tributary.example/#top", "/"),
            ("https://www.tributary.example", "/"),
            ("https://www.tributary.example?x=/y", "/"),
            ("https://www.tributary.example/a/b?utm_source=x#y", "/a/b"),
            ("HTTPS://User@WWW.Example.com:8443/Case/./x/../y//", "/Case/y"),
            ("https://example.com/a b/ü", "/a%20b/%C3%BC"),
            ("/relative/path/?x=1", "/relative/path"),
            ("//cdn.example/x/", "/x"),
            ("mailto:(odd)", "'(odd)"),
            ("https://exa mple.com/", "(none)"),
            ("https://[broken/", "(none)"),
        ] {
            assert_eq!(page(url), expected, "{url}");
        }
    }

    #[test]
    fn referring_sites() {
        for (referrer, expected) in [
            ("https://www.google.com/search?q=x", Some("google.com")),
            ("https://Mp.Weixin.QQ.com/s/x", Some("mp.weixin.qq.com")),
            ("https://www.example.com:8443/", Some("example.com")),
            ("android-app://com.google.android.googlequicksearchbox/", Some("com.google.android.googlequicksearchbox")),
            ("www.linkedin.com/feed", Some("linkedin.com")),
            ("https://bücher.example/", Some("xn--bcher-kva.example")),
            ("//t.co/x", Some("t.co")),
            ("not a site", None),
            ("https://", None),
        ] {
            assert_eq!(referring_site(referrer).as_deref(), expected, "{referrer}");
        }
    }
}
