//! Kafka, topics, schemas and HTTP. The only checks that read files: secrets, and the schemas that are named.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use url::Url;

use super::Checker;
use crate::config::nearest;
use crate::config::raw::{self, InputEncoding, Placed, Text};
use crate::config::{Encoding, Http, Input, Kafka, SchemaRegistry, Topics};
use crate::model::event::Topic;

/// Properties that exactly-once depends on, or that have a key of their own.
const RESERVED: [(&str, &str); 6] = [
    ("bootstrap.servers", "set `kafka.brokers`"),
    ("metadata.broker.list", "set `kafka.brokers`"),
    ("group.id", "set `kafka.group`"),
    ("transactional.id", "made from `topics.internal_prefix`"),
    ("enable.auto.commit", "offsets are committed with what they led to"),
    ("isolation.level", "always read_committed"),
];

/// Those that people set, for hints: librdkafka knows some two hundred.
const PROPERTIES: [&str; 28] = [
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.token.endpoint.url",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.key.location",
    "ssl.key.pem",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
    "enable.ssl.certificate.verification",
    "client.id",
    "client.rack",
    "broker.address.family",
    "compression.codec",
    "fetch.message.max.bytes",
    "queued.max.messages.kbytes",
    "session.timeout.ms",
    "socket.timeout.ms",
    "transaction.timeout.ms",
];

pub fn check_kafka(raw: &raw::Kafka, cx: &mut Checker<'_>) -> Kafka {
    let mut properties = BTreeMap::new();
    for (name, value) in &raw.properties {
        let (name_given, text) = match name.strip_suffix("_file") {
            Some(bare) => (bare, cx.secret_in(&Placed { value: value.spelled(), span: value.span.clone() })),
            None => (name.as_str(), value.spelled()),
        };
        if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| *reserved == name_given) {
            cx.fault(name, format!("`{name_given}` cannot be passed through"), "tributary sets it", *why);
        }
        if let Some(problem) = (cx.property)(name_given, &text) {
            let help = match nearest::nearest(name_given, PROPERTIES) {
                Some(near) if near != name_given => format!("did you mean `{near}`?"),
                _ => "librdkafka's CONFIGURATION.md lists them".to_owned(),
            };
            cx.fault(name, problem, "not taken by librdkafka", help);
        }
        if properties.insert(name_given.to_owned(), text).is_some() {
            cx.fault(name, format!("`{name_given}` is given twice"), "again", "in the clear or as a file, not both");
        }
    }
    Kafka { brokers: brokers(&raw.brokers, cx), group: cx.name(&raw.group, "consumer group"), properties }
}

fn brokers(raw: &Text, cx: &mut Checker<'_>) -> String {
    for one in raw.split(',') {
        let port = one.rsplit_once("://").map_or(one, |(_, rest)| rest).rsplit_once(':').map(|(_, port)| port);
        if one.trim().is_empty() || port.is_some_and(|port| port.trim().parse::<u16>().is_err() && !port.ends_with(']'))
        {
            let message = format!("`kafka.brokers` has no broker in `{one}`");
            cx.fault(raw, message, "not a list of brokers", "`host:port`, several with commas");
        }
    }
    raw.value.clone()
}

pub fn check_topics(raw: &raw::Topics, cx: &mut Checker<'_>) -> Topics {
    check_topic_names(raw, cx);
    let input = |name: &Text, encoding| Input { topic: name.value.clone(), encoding: decoding(encoding) };
    let encoding = &raw.encoding;
    Topics {
        inputs: BTreeMap::from([
            (Topic::Touchpoints, input(&raw.touchpoints, encoding.touchpoints)),
            (Topic::FormFills, input(&raw.form_fills, encoding.form_fills)),
            (Topic::DealStages, input(&raw.deal_stages, encoding.deal_stages)),
            (Topic::Spend, input(&raw.spend, encoding.spend)),
            (Topic::Accounts, input(&raw.accounts, encoding.accounts)),
            (Topic::Erasures, input(&raw.erasures, InputEncoding::Auto)),
        ]),
        kpis: raw.kpis.value.clone(),
        attributions: raw.attributions.value.clone(),
        lead_lifecycle: raw.lead_lifecycle.value.clone(),
        conversions: raw.conversions.value.clone(),
        suppressions: raw.suppressions.value.clone(),
        alerts: raw.alerts.value.clone(),
        dead_letters: raw.dead_letters.value.clone(),
        internal_prefix: raw.internal_prefix.value.clone(),
        create: raw.create,
        replication_factor: raw.replication_factor,
        partitions: raw.partitions,
    }
}

const fn decoding(raw: InputEncoding) -> Encoding {
    match raw {
        InputEncoding::Auto => Encoding::Auto,
        InputEncoding::Json => Encoding::Json,
        InputEncoding::Avro => Encoding::Avro,
    }
}

fn check_topic_names(raw: &raw::Topics, cx: &mut Checker<'_>) {
    let names = [
        &raw.touchpoints,
        &raw.form_fills,
        &raw.deal_stages,
        &raw.spend,
        &raw.accounts,
        &raw.kpis,
        &raw.attributions,
        &raw.lead_lifecycle,
        &raw.conversions,
        &raw.suppressions,
        &raw.alerts,
        &raw.dead_letters,
        &raw.erasures,
    ];
    let mut seen = BTreeSet::new();
    // Defaults last, so that a clash with one is reported at what was given.
    for name in names.iter().filter(|name| name.span.is_none()).chain(names.iter().filter(|name| name.span.is_some())) {
        check_topic_name(name, "topic", cx);
        if !seen.insert(name.as_str()) {
            cx.fault(name, format!("topic `{}` is used twice", name.value), "taken", "each topic has one use");
        }
        if name.starts_with(raw.internal_prefix.as_str()) {
            let message = format!("topic `{}` begins like the internal topics", name.value);
            cx.fault(name, message, "taken", format!("`{}` is `topics.internal_prefix`", raw.internal_prefix.value));
        }
    }
    check_topic_name(&raw.internal_prefix, "prefix of topics", cx);
}

fn check_topic_name(name: &Text, what: &str, cx: &mut Checker<'_>) {
    let legal = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if name.is_empty() || name.len() > 249 || !legal || matches!(name.as_str(), "." | "..") {
        let message = format!("`{}` cannot be a {what}", name.value);
        cx.fault(name, message, "not a name Kafka takes", "1 to 249 letters, digits, `.`, `_` and `-`");
    }
}

pub fn check_registry(raw: &raw::SchemaRegistry, cx: &mut Checker<'_>) -> SchemaRegistry {
    let known = Url::parse(&raw.url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !known {
        cx.fault(&raw.url, format!("no URL: `{}`", raw.url.value), "not a URL", "such as `http://localhost:8081`");
    }
    let ca = raw.ca.as_ref().map(|file| {
        cx.contents(file);
        cx.path(file).display().to_string()
    });
    SchemaRegistry {
        url: raw.url.value.clone(),
        user: raw.user.as_ref().map(|user| user.value.clone()),
        password: cx.secret(raw.password.as_ref(), raw.password_file.as_ref(), "schema_registry.password"),
        ca,
    }
}

pub fn check_schemas(raw: &BTreeMap<Text, Text>, cx: &mut Checker<'_>) -> BTreeMap<u32, String> {
    let mut schemas = BTreeMap::new();
    for (id, file) in raw {
        let Ok(number) = id.parse::<u32>() else {
            cx.fault(
                id,
                format!("no schema id: `{}`", id.value),
                "not a number",
                "ids are whole numbers: `7 = \"touchpoint.avsc\"`",
            );
            continue;
        };
        if let Some(text) = cx.contents(file)
            && let Err(error) = apache_avro::Schema::parse_str(&text)
        {
            cx.fault(
                file,
                format!("no Avro schema: {error}"),
                "in this file",
                "the schema that records were written with, as JSON",
            );
        }
        schemas.insert(number, cx.path(file).display().to_string());
    }
    schemas
}

pub fn check_http(raw: &raw::Http, cx: &mut Checker<'_>) -> Http {
    let listen = raw.listen.parse::<SocketAddr>().unwrap_or_else(|_| {
        let message = format!("`http.listen` is no address: `{}`", raw.listen.value);
        cx.fault(&raw.listen, message, "not an address and a port", "such as `127.0.0.1:9464` or `[::1]:9464`");
        SocketAddr::from((Ipv4Addr::LOCALHOST, 9464))
    });
    let token = cx.secret(raw.token.as_ref(), raw.token_file.as_ref(), "http.token");
    let refused = cx.removed.contains("http.token") || cx.removed.contains("http.token_file");
    if !listen.ip().is_loopback() && token.is_none() && raw.token_file.is_none() && !refused {
        let message = format!("`http.listen` = `{listen}` can be reached from elsewhere and asks for no token");
        cx.fault(&raw.listen, message, "not loopback", "set `http.token_file`, or listen on 127.0.0.1");
    }
    let advertise = raw.advertise.as_ref().map(|address| {
        let parsed = Url::parse(address).ok();
        if parsed.is_none_or(|url| !matches!(url.scheme(), "http" | "https") || !url.has_host()) {
            let message = format!("`http.advertise` is no address: `{}`", address.value);
            cx.fault(address, message, "not a URL", "such as `http://tributary-0.example:9464`");
        }
        address.value.clone()
    });
    Http { listen, token, advertise }
}

impl Checker<'_> {
    /// A secret given in the clear or in a file.
    fn secret(&mut self, inline: Option<&Text>, file: Option<&Text>, key: &str) -> Option<String> {
        match (inline, file) {
            (Some(_), Some(file)) => {
                self.fault(
                    file,
                    format!("`{key}` and `{key}_file` are both given"),
                    "one too many",
                    "leave one of them out",
                );
                None
            }
            (Some(text), None) if text.is_empty() => {
                self.fault(text, format!("`{key}` is empty"), "empty", format!("or keep it in a file: `{key}_file`"));
                None
            }
            (Some(text), None) => Some(text.value.clone()),
            (None, Some(file)) => Some(self.secret_in(file)),
            (None, None) => None,
        }
    }

    /// What a file holds, without the line break at its end.
    fn secret_in(&mut self, file: &Text) -> String {
        let text = self.contents(file).map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        if text.as_ref().is_some_and(String::is_empty) {
            self.fault(file, format!("`{}` is empty", file.value), "holds no secret", "the secret is its first line");
        }
        text.unwrap_or_default()
    }

    fn contents(&mut self, file: &Text) -> Option<String> {
        let path = self.path(file);
        std::fs::read_to_string(&path)
            .map_err(|error| {
                let message = format!("cannot read `{}`: {error}", path.display());
                self.fault(file, message, "this file", "relative paths start at the configuration's directory");
            })
            .ok()
    }
}
