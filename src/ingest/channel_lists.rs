//! The lists of known sources: search engines, social networks, video, shops, AI assistants. A source is in a list when
//! it equals an entry, or is a host of which an entry is the name, a parent domain or a label; the longest entry decides.

use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceList {
    Search,
    Social,
    Video,
    Shopping,
    Ai,
}

impl SourceList {
    /// As `[channels.lists]` names it.
    const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Social => "social",
            Self::Video => "video",
            Self::Shopping => "shopping",
            Self::Ai => "ai",
        }
    }
}

const BUILT_IN: [(SourceList, &[&str]); 5] = [
    (
        SourceList::Search,
        &[
            "google",
            "bing",
            "yahoo",
            "duckduckgo",
            "yandex",
            "ecosia",
            "qwant",
            "naver",
            "baidu",
            "sogou",
            "so.com",
            "360.cn",
            "sm.cn",
        ],
    ),
    (
        SourceList::Social,
        &[
            "facebook",
            "instagram",
            "linkedin",
            "lnkd.in",
            "twitter",
            "x.com",
            "t.co",
            "reddit",
            "quora",
            "pinterest",
            "tiktok",
            "douyin",
            "weixin",
            "wechat",
            "weibo",
            "zhihu",
            "xiaohongshu",
            "baijiahao",
            "toutiao",
        ],
    ),
    (
        SourceList::Video,
        &["youtube", "youtu.be", "vimeo", "wistia", "dailymotion", "twitch", "bilibili", "youku", "iqiyi"],
    ),
    (
        SourceList::Shopping,
        &[
            "amazon",
            "ebay",
            "etsy",
            "walmart",
            "aliexpress",
            "taobao",
            "tmall",
            "alibaba",
            "jd.com",
            "shopping.google.com",
        ],
    ),
    (
        SourceList::Ai,
        &[
            "chatgpt.com",
            "openai",
            "perplexity",
            "claude.ai",
            "gemini.google.com",
            "copilot.microsoft.com",
            "deepseek",
            "kimi",
            "doubao",
        ],
    ),
];

/// Every entry of every list, looked up by name only.
#[derive(Clone, Debug)]
pub struct SourceLists(HashMap<String, SourceList, foldhash::fast::FixedState>);

impl SourceLists {
    /// `more`: further entries by list name, lower-cased; an entry of another list moves.
    #[must_use]
    pub fn new(more: &BTreeMap<String, Vec<String>>) -> Self {
        let mut entries = HashMap::default();
        for (list, names) in BUILT_IN {
            entries.extend(names.iter().map(|name| ((*name).to_owned(), list)));
        }
        for (list, _) in BUILT_IN {
            let added = more.get(list.name()).into_iter().flatten();
            entries.extend(added.map(|name| (name.clone(), list)));
        }
        Self(entries)
    }

    /// The list of a trimmed, lower-cased source.
    #[must_use]
    pub fn list_of(&self, source: &str) -> Option<SourceList> {
        if let Some(list) = self.0.get(source) {
            return Some(*list); // no entry within it is longer
        }
        if !is_host(source) {
            return None;
        }
        let mut longest: Option<(usize, SourceList)> = None;
        let mut consider = |name: &str| {
            if let Some(list) = self.0.get(name).filter(|_| longest.is_none_or(|(length, _)| name.len() > length)) {
                longest = Some((name.len(), *list));
            }
        };
        let mut rest = source;
        loop {
            consider(rest); // the name itself, then its parent domains
            let Some((label, parent)) = rest.split_once('.') else { break };
            consider(label);
            rest = parent;
        }
        longest.map(|(_, list)| list)
    }
}

fn is_host(source: &str) -> bool {
    source.contains('.') && source.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_found_by_name_parent_domain_and_label() {
        let more = [("search".to_owned(), vec!["startpage".to_owned()]), ("ai".to_owned(), vec!["quora".to_owned()])];
        let lists = SourceLists::new(&more.into_iter().collect());
        for (source, expected) in [
            ("google", Some(SourceList::Search)),
            ("google.co.uk", Some(SourceList::Search)),
            ("news.google.com", Some(SourceList::Search)),
            ("google ads", None),
            ("notgoogle.com", None),
            ("googles", None),
            ("so.com", Some(SourceList::Search)),
            ("m.so.com", Some(SourceList::Search)),
            ("also.com", None),
            ("gemini.google.com", Some(SourceList::Ai)),
            ("eu.gemini.google.com", Some(SourceList::Ai)),
            ("shopping.google.com", Some(SourceList::Shopping)),
            ("baijiahao.baidu.com", Some(SourceList::Social)),
            ("tieba.baidu.com", Some(SourceList::Search)),
            ("mp.weixin.qq.com", Some(SourceList::Social)),
            ("x.com", Some(SourceList::Social)),
            ("netflix.com", None),
            ("t.co", Some(SourceList::Social)),
            ("chat.openai.com", Some(SourceList::Ai)),
            ("startpage.com", Some(SourceList::Search)),
            ("quora", Some(SourceList::Ai)),
            ("", None),
        ] {
            assert_eq!(lists.list_of(source), expected, "{source}");
        }
    }
}
