//! One record in, one verdict out: every reason of a rejection, the order of faults, and what is accepted.

use std::sync::Arc;

use tributary::config::Config;
use tributary::ingest::{Decoded, FixedSchemas, Ingest, RawRecord};
use tributary::model::event::{Account, Event, Topic};
use tributary::model::time::Millis;

/// 2026-01-01T00:00:00Z.
const NOW: Millis = Millis(1_767_225_600_000);

const CONFIG: &str = r#"
[money]
currency = "USD"
[money.rates]
EUR = 1.1
[[channels.rules]]
utm_source = ["g2", "capterra"]
channel = "review_sites"
[[channels.rules]]
path = { prefix = "/partners/" }
utm_medium = "partner"
channel = "partner"
[[channels.rules]]
click_id = { prefix = "wbraid=" }
kind = "click"
channel = "paid_search"
[channels.lists]
search = ["startpage"]
"#;

fn ingest() -> Ingest {
    let config = Config::parse(CONFIG, "test.toml", std::iter::empty()).expect("a configuration");
    Ingest::new(&config, Arc::new(FixedSchemas::default()))
}

fn verdict(ingest: &Ingest, topic: Topic, value: Option<&[u8]>) -> String {
    match ingest.decode(topic, &RawRecord { key: None, value, timestamp: NOW }, NOW).expect("no registry is asked") {
        Decoded::Event(_) => "accepted".to_owned(),
        Decoded::Skipped => "skipped".to_owned(),
        Decoded::Rejected(rejection) => rejection.to_string(),
    }
}

fn check(topic: Topic, cases: &[(&str, &str)]) {
    let ingest = ingest();
    for (value, expected) in cases {
        let verdict = verdict(&ingest, topic, Some(value.as_bytes()));
        assert!(verdict.starts_with(expected), "{value}\n  {verdict}\n  not {expected}");
    }
}

#[test]
fn touchpoints() {
    check(
        Topic::Touchpoints,
        &[
            (r#"{"event_id":"e","occurred_at":1,"kind":"click","visitor_id":"v"}"#, "accepted"),
            (
                r#"{"event_id":"e","occurred_at":"2025-12-31T23:00:00.5+02:00","kind":"click","lead_id":"l","new":{"a":[1]}}"#,
                "accepted",
            ),
            (r#"{"event_id":"e","event_id":"f","occurred_at":1,"kind":"click","visitor_id":"v"}"#, "accepted"),
            (
                r#"{"event_id":"e","occurred_at":"","occurred_at":1,"kind":"click","visitor_id":"v","properties":""}"#,
                "accepted",
            ),
            (r#"{"event_id":"e","occurred_at":1767225900000,"kind":"click","visitor_id":"v"}"#, "accepted"),
            ("no json", "undecodable"),
            ("", "undecodable"),
            ("[1, 2]", "undecodable"),
            (r#"{"event_id": "x""#, "undecodable"),
            (r#"{"event_id": "x"} trailing"#, "undecodable"),
            (r#"{"occurred_at":1,"kind":"click","visitor_id":"v"}"#, "missing_field: event_id"),
            (r#"{"event_id":"","occurred_at":1,"kind":"click","visitor_id":"v"}"#, "missing_field: event_id"),
            (r#"{"event_id":null,"occurred_at":1,"kind":"click","visitor_id":"v"}"#, "missing_field: event_id"),
            (r#"{"event_id":"e","kind":"click","visitor_id":"v"}"#, "missing_field: occurred_at"),
            (r#"{"event_id":"e","occurred_at":"","kind":"click","visitor_id":"v"}"#, "missing_field: occurred_at"),
            (r#"{"event_id":"e","occurred_at":1,"visitor_id":"v"}"#, "missing_field: kind"),
            (
                r#"{"event_id":"e","occurred_at":1,"kind":"click","visitor_id":"","lead_id":null}"#,
                "missing_field: visitor_id or lead_id",
            ),
            (r#"{"event_id":"e","occurred_at":1,"kind":"click","visitor_id":7}"#, "invalid_field: visitor_id"),
            (r#"{"event_id":"e","occurred_at":"soon","visitor_id":7}"#, "missing_field: kind"),
            (
                r#"{"event_id":"e","occurred_at":"soon","kind":"teleported","visitor_id":"v"}"#,
                "invalid_field: occurred_at",
            ),
            (r#"{"event_id":"e","occurred_at":1.5,"kind":"click","visitor_id":"v"}"#, "invalid_field: occurred_at"),
            (
                r#"{"event_id":"e","occurred_at":-400000000000000,"kind":"click","visitor_id":"v"}"#,
                "invalid_field: occurred_at",
            ),
            (
                r#"{"event_id":"e","occurred_at":1,"kind":"click","visitor_id":"v","utm_source":["a"]}"#,
                "invalid_field: utm_source",
            ),
            (
                r#"{"event_id":"e","occurred_at":1,"kind":"click","visitor_id":"v","properties":{"a":1}}"#,
                "invalid_field: properties",
            ),
            (
                r#"{"event_id":"e","occurred_at":1767225900001,"kind":"teleported","visitor_id":"v"}"#,
                "future: occurred_at",
            ),
            (
                r#"{"event_id":"e","occurred_at":99999999999999999999,"kind":"click","visitor_id":"v"}"#,
                "invalid_field: occurred_at",
            ),
            (
                r#"{"event_id":"e","occurred_at":1767225600000000000,"kind":"click","visitor_id":"v"}"#,
                "future: occurred_at",
            ),
            (r#"{"event_id":"e","occurred_at":1,"kind":"Click","visitor_id":"v"}"#, "unknown_kind: kind"),
        ],
    );
}

#[test]
fn sizes() {
    let touch = |rest: String| format!(r#"{{"event_id":"e","occurred_at":1,"kind":"click","visitor_id":"v",{rest}}}"#);
    let map = |entries: usize| (0..entries).map(|n| format!(r#""k{n}":"x""#)).collect::<Vec<_>>().join(",");
    let text = |bytes: usize| "x".repeat(bytes);
    let of_id = |bytes| format!(r#"{{"event_id":"{}","occurred_at":1,"kind":"click","visitor_id":"v"}}"#, text(bytes));
    let cases = [
        (of_id(128), "accepted"),
        (of_id(129), "invalid_field: event_id"),
        (of_id(5000), "invalid_field: event_id"),
        (touch(format!(r#""properties":{{{}}}"#, map(64))), "accepted"),
        (touch(format!(r#""properties":{{{}}}"#, map(65))), "oversized: properties"),
        (touch(format!(r#""properties":{{"a":"{}"}}"#, text(4097))), "oversized: properties"),
        (touch(format!(r#""properties":{{"{}":null}}"#, text(4097))), "oversized: properties"),
        (touch(format!(r#""utm_term":"{}""#, text(4096))), "accepted"),
        (touch(format!(r#""utm_term":"{}""#, text(4097))), "oversized: utm_term"),
        (touch(format!(r#""utm_term":"{}","kind":"teleported""#, text(4097))), "oversized: utm_term"),
        (touch(format!(r#""unknown":"{}""#, text(100_000))), "accepted"),
        (touch(format!(r#""unknown":"{}""#, text(1 << 20))), "oversized: the record"),
        (text((1 << 20) + 1), "oversized: the record"),
        (touch(format!(r#""deep":{}1{}"#, "[".repeat(100_000), "]".repeat(100_000))), "accepted"),
    ];
    for (value, expected) in cases {
        let verdict = verdict(&ingest(), Topic::Touchpoints, Some(value.as_bytes()));
        assert!(verdict.starts_with(expected), "{}…: {verdict}, not {expected}", &value[..100.min(value.len())]);
    }
}

#[test]
fn form_fills() {
    check(
        Topic::FormFills,
        &[
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","form_id":"f","form_kind":"contact"}"#, "accepted"),
            (r#"{"event_id":"e","occurred_at":1,"form_id":"f","form_kind":"contact"}"#, "missing_field: lead_id"),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","form_kind":"contact"}"#, "missing_field: form_id"),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","form_id":"f"}"#, "missing_field: form_kind"),
            (
                r#"{"event_id":"e","occurred_at":1,"lead_id":"l","form_id":"f","form_kind":"quiz"}"#,
                "unknown_kind: form_kind",
            ),
            (
                r#"{"event_id":"e","occurred_at":1,"lead_id":"l","form_id":"f","form_kind":"quiz","answers":[]}"#,
                "invalid_field: answers",
            ),
        ],
    );
}

#[test]
fn deal_stages() {
    check(
        Topic::DealStages,
        &[
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"mql"}"#, "accepted"),
            (
                r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"won","deal_id":"d","amount":"1e3","currency":"EUR","probability":1}"#,
                "accepted",
            ),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l"}"#, "missing_field: stage"),
            (r#"{"event_id":"e","occurred_at":1,"stage":"mql"}"#, "missing_field: lead_id"),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"opportunity"}"#, "missing_field: deal_id"),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"lost","deal_id":""}"#, "missing_field: deal_id"),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"lost","amount":"x"}"#, "missing_field: deal_id"),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"disqualified"}"#, "accepted"),
            (
                r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"mql","probability":1.5}"#,
                "invalid_field: probability",
            ),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"mql","amount":true}"#, "invalid_field: amount"),
            (
                r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"mql","amount":"1,000"}"#,
                "invalid_field: amount",
            ),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"mql","amount":1e99}"#, "invalid_field: amount"),
            (
                r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"closed","currency":"XYZ"}"#,
                "unknown_stage: stage",
            ),
            (r#"{"event_id":"e","occurred_at":1,"lead_id":"l","stage":"mql","currency":"XYZ"}"#, "unknown_currency"),
        ],
    );
}

#[test]
fn spend() {
    check(
        Topic::Spend,
        &[
            (r#"{"event_id":"e","occurred_at":1,"channel":"email","amount":-1}"#, "accepted"),
            (
                r#"{"event_id":"e","occurred_at":1,"channel":"email","amount":1,"period_start":5,"period_end":"1970-01-02T00:00:00Z"}"#,
                "accepted",
            ),
            (r#"{"event_id":"e","occurred_at":1,"amount":1}"#, "missing_field: channel"),
            (r#"{"event_id":"e","occurred_at":1,"channel":"email"}"#, "missing_field: amount"),
            (r#"{"event_id":"e","occurred_at":1,"channel":"email","amount":""}"#, "missing_field: amount"),
            (
                r#"{"event_id":"e","occurred_at":1,"channel":"email","amount":1,"period_end":5}"#,
                "invalid_field: period_start",
            ),
            (
                r#"{"event_id":"e","occurred_at":1,"channel":"email","amount":1,"period_start":5}"#,
                "invalid_field: period_end",
            ),
            (
                r#"{"event_id":"e","occurred_at":1,"channel":"email","amount":1,"period_start":5,"period_end":5}"#,
                "invalid_field: period_end",
            ),
            (
                r#"{"event_id":"e","occurred_at":1767225900001,"channel":"email","amount":1,"period_end":5}"#,
                "invalid_field: period_start",
            ),
            (r#"{"event_id":"e","occurred_at":1767225900001,"channel":"email","amount":1,"category":"x"}"#, "future"),
            (
                r#"{"event_id":"e","occurred_at":1,"channel":"email","amount":1,"category":"x","currency":"XYZ"}"#,
                "unknown_kind: category",
            ),
            (r#"{"event_id":"e","occurred_at":1,"channel":"email","amount":1,"currency":"XYZ"}"#, "unknown_currency"),
        ],
    );
}

#[test]
fn accounts() {
    check(
        Topic::Accounts,
        &[
            (r#"{"account_id":"a","is_target":true,"buying_unit_size":3}"#, "accepted"),
            (r#"{"name":"A"}"#, "missing_field: account_id"),
            (r#"{"account_id":"a","is_target":"yes"}"#, "invalid_field: is_target"),
            (r#"{"account_id":"a","buying_unit_size":-1}"#, "invalid_field: buying_unit_size"),
        ],
    );
    let ingest = ingest();
    let tombstone = |key| ingest.decode(Topic::Accounts, &RawRecord { key, value: None, timestamp: NOW }, NOW);
    let deleted = Event::Account(Box::new(Account { account_id: "a".into(), record: None }));
    assert_eq!(tombstone(Some(b"a")).expect("a verdict"), Decoded::Event(deleted));
    assert!(matches!(tombstone(None), Ok(Decoded::Rejected(_))));
    assert_eq!(verdict(&ingest, Topic::Spend, None), "skipped");
}

#[test]
fn values_of_events() {
    let ingest = ingest();
    let event = |topic, value: &'static str| {
        let record = RawRecord { key: None, value: Some(value.as_bytes()), timestamp: NOW };
        match ingest.decode(topic, &record, NOW) {
            Ok(Decoded::Event(event)) => event,
            other => panic!("{value}: {other:?}"),
        }
    };
    let Event::Stage(stage) = event(
        Topic::DealStages,
        r#"{"event_id":"e","occurred_at":"1970-01-01T00:00:01.5Z","lead_id":"l","stage":"sql","deal_id":"d","amount":"0.0000005","currency":"EUR","probability":0.7}"#,
    ) else {
        panic!("a stage")
    };
    assert_eq!((stage.occurred_at, stage.deal_id, stage.probability), (Millis(1500), None, Some(700_000_000)));
    assert_eq!(stage.amount.map(|amount| amount.0), Some(1), "0.55 millionths round up");
    let Event::Fill(fill) = event(
        Topic::FormFills,
        r#"{"event_id":"e","occurred_at":1,"lead_id":"l","form_id":"(f)","form_kind":"survey","page_url":"https://x.example/a/?b","answers":{"z":"1","nps":"9","z":"2","no":null,"empty":""}}"#,
    ) else {
        panic!("a fill")
    };
    assert_eq!(fill.answers, [("nps".into(), "9".into()), ("z".into(), "2".into())]);
    assert_eq!((&*fill.form_id, &*fill.page), ("'(f)", "/a"));
}

/// Fields of a touch after its id, time and visitor; channel, campaign, page and click of the event.
#[test]
fn origins_of_touches() {
    let ingest = ingest();
    for (fields, expected) in [
        (r#""kind":"page_view""#, "direct|(none)|(none)|"),
        (r#""kind":"page_view","channel":" Paid-Social Ads ""#, "paid_social_ads|(none)|(none)|"),
        (r#""kind":"page_view","channel":"(none)","utm_campaign":"(x)""#, "'(none)|'(x)|(none)|"),
        (r#""kind":"email_clicked","utm_source":"Capterra ","utm_medium":"cpc""#, "review_sites|(none)|(none)|"),
        (
            r#""kind":"page_view","utm_medium":"Partner","page_url":"https://x.example/Partners/a""#,
            "partner|(none)|/Partners/a|",
        ),
        (r#""kind":"click","click_id":"WBRAID=abc""#, "paid_search|(none)|(none)|wbraid=abc"),
        (r#""kind":"impression","click_id":"wbraid=abc""#, "direct|(none)|(none)|wbraid=abc"),
        (r#""kind":"email_sent","utm_source":"google","utm_medium":"cpc""#, "email|(none)|(none)|"),
        (r#""kind":"nurture_joined""#, "email|(none)|(none)|"),
        (r#""kind":"webinar_question""#, "webinar|(none)|(none)|"),
        (r#""kind":"mail_claimed""#, "direct_mail|(none)|(none)|"),
        (r#""kind":"community_left""#, "community|(none)|(none)|"),
        (r#""kind":"question_answered""#, "community|(none)|(none)|"),
        (r#""kind":"product_used""#, "product|(none)|(none)|"),
        (r#""kind":"referral_made""#, "referral|(none)|(none)|"),
        (r#""kind":"social_engaged""#, "organic_social|(none)|(none)|"),
        (r#""kind":"click","click_id":"gclid=A1""#, "paid_search|(none)|(none)|gclid=A1"),
        (
            r#""kind":"click","click_id":"gclid=A1","utm_source":"adnet","utm_medium":"display""#,
            "display|(none)|(none)|gclid=A1",
        ),
        (r#""kind":"click","click_id":"gclid=A1","referrer":"https://t.co/x""#, "paid_search|(none)|(none)|gclid=A1"),
        (
            r#""kind":"click","page_url":"https://x.example/?a=1&li_fat_id=7&gclid=8""#,
            "paid_social|(none)|/|li_fat_id=7",
        ),
        (r#""kind":"click","page_url":"https://x.example/?fbclid=7""#, "direct|(none)|/|fbclid=7"),
        (
            r#""kind":"click","page_url":"https://x.example/?fbclid=7","referrer":"https://l.facebook.com/""#,
            "organic_social|(none)|/|fbclid=7",
        ),
        (
            r#""kind":"click","click_id":"nonsense","page_url":"https://x.example/?msclkid=7""#,
            "paid_search|(none)|/|msclkid=7",
        ),
        (
            r#""kind":"page_view","page_url":"https://x.example/lp/?utm_source=bing&utm_medium=cpc&utm_campaign=a%20b+c&utm_campaign=later#top""#,
            "paid_search|a b c|/lp|",
        ),
        (
            r#""kind":"page_view","utm_campaign":"own","page_url":"https://x.example/?utm_campaign=url""#,
            "direct|own|/|",
        ),
        (r#""kind":"page_view","utm_source":"","page_url":"https://x.example/?utm_source=sms""#, "sms|(none)|/|"),
        (r#""kind":"page_view","referrer":"https://www.startpage.com/""#, "organic_search|(none)|(none)|"),
        (r#""kind":"page_view","referrer":"https://blog.example.org/post""#, "referral|(none)|(none)|"),
        (r#""kind":"page_view","referrer":"https://www.google.com/","utm_source":"acme""#, "other|(none)|(none)|"),
        (r#""kind":"page_view","referrer":"https://www.google.com/","utm_medium":"cpc""#, "paid_search|(none)|(none)|"),
        (r#""kind":"page_view","utm_source":"(direct)","utm_medium":"(none)""#, "direct|(none)|(none)|"),
    ] {
        let record = format!(r#"{{"event_id":"e","occurred_at":1,"visitor_id":"v",{fields}}}"#);
        let raw = RawRecord { key: None, value: Some(record.as_bytes()), timestamp: NOW };
        let Ok(Decoded::Event(Event::Touch(touch))) = ingest.decode(Topic::Touchpoints, &raw, NOW) else {
            panic!("{fields} is no touch")
        };
        let click = touch
            .details
            .and_then(|details| details.click)
            .map_or(String::new(), |click| format!("{}={}", click.platform, click.id));
        let got = format!("{}|{}|{}|{click}", touch.origin.channel, touch.origin.campaign, touch.page);
        assert_eq!(got, expected, "{fields}");
    }
}
