//! An AsyncAPI 3.0 document of every topic: named and set as the configuration says, with the records of `schemas` in
//! every encoding that they come in. Made from the list of topics that are created, so that none is without its channel.

use serde_json::{Map, Value, json};

use super::effects::{ABOUT, HEADERS};
use super::log::NewTopic;
use super::topics::{Names, wanted};
use crate::config::{Config, Encoding};
use crate::ingest::schemas::reader_schema;
use crate::model::event::Topic;
use crate::publish::avro_json::{Writer, json_schema};
use crate::publish::ledgers::Ledger;
use crate::publish::{alert, kpi_update};

/// A topic and what it carries.
#[derive(Clone, Copy)]
enum Channel {
    Input(Topic),
    Ledger(Ledger),
    Kpis,
    Alerts,
    DeadLetters,
    /// What instances keep for each other.
    Internal(&'static str),
}

#[must_use]
pub fn document(config: &Config) -> Value {
    let names = Names::new(config, &config.fold_hash());
    let (mut channels, mut operations) = (Map::new(), Map::new());
    let (mut messages, mut schemas) = (Map::new(), Map::new());
    for topic in wanted(config, &names) {
        let Some(channel) = Channel::of(&topic.name, &names) else { continue };
        let own = channel.messages(config);
        let references: Map<String, Value> =
            own.iter().map(|(name, _)| (name.clone(), reference("components/messages", name))).collect();
        channels.insert(channel.name().to_owned(), channel.describe(&topic, references));
        for action in channel.actions() {
            let name = format!("{action}{}", pascal(channel.name()));
            operations.insert(name, channel.operation(action, &names, own.iter().map(|(name, _)| name)));
        }
        schemas.extend(channel.schema().map(|schema| (channel.record().to_owned(), schema)));
        messages.extend(own);
    }
    schemas.insert("DeadLetterHeaders".to_owned(), letter_headers());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "tributary",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("{}. Outputs are written in transactions: read them with isolation.level=read_committed. \
                A value that is absent is a tombstone: the row, the alert or the statement of that key is gone.",
                env!("CARGO_PKG_DESCRIPTION")),
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": servers(config),
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas, "securitySchemes": security_schemes() },
    })
}

fn reference(place: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/{place}/{name}") })
}

/// `lead-lifecycle` as `LeadLifecycle`.
fn pascal(name: &str) -> String {
    let part = |part: &str| part.chars().take(1).flat_map(char::to_uppercase).chain(part.chars().skip(1)).collect();
    name.split('-').map(part).collect::<Vec<String>>().concat()
}

/// The brokers, each a server.
fn servers(config: &Config) -> Map<String, Value> {
    let brokers = config.kafka.brokers.split(',').map(str::trim).filter(|broker| !broker.is_empty());
    brokers.zip(1..).map(|(broker, n)| (format!("broker-{n}"), server(broker, config))).collect()
}

/// How to log in is said by the name of a scheme alone.
fn server(broker: &str, config: &Config) -> Value {
    let property = |name: &str| config.kafka.properties.get(name).map_or("", String::as_str).to_lowercase();
    let protocol = property("security.protocol");
    let mechanism = Some(property("sasl.mechanism")).filter(|name| !name.is_empty());
    let mechanism = mechanism.unwrap_or_else(|| property("sasl.mechanisms"));
    let scheme = match mechanism.as_str() {
        _ if !protocol.starts_with("sasl") => None,
        "plain" => Some("plain"),
        "scram-sha-256" => Some("scramSha256"),
        "scram-sha-512" => Some("scramSha512"),
        "oauthbearer" => Some("oauthbearer"),
        _ => Some("gssapi"),
    };
    let scheme = scheme.or_else(|| (!property("ssl.certificate.location").is_empty()).then_some("certificate"));
    let mut server = json!({
        "host": broker,
        "protocol": if protocol.ends_with("ssl") { "kafka-secure" } else { "kafka" },
        "description": "Any property of librdkafka passes through from `kafka.properties`: security.protocol, \
            sasl.mechanisms, sasl.username and so on.",
        "x-isolation-level": "read_committed",
        "security": scheme.map(|scheme| vec![reference("components/securitySchemes", scheme)]).unwrap_or_default(),
    });
    if let (Some(registry), Some(server)) = (&config.schema_registry, server.as_object_mut()) {
        let binding = json!({ "kafka": { "schemaRegistryUrl": registry.url, "schemaRegistryVendor": "confluent",
            "bindingVersion": "0.5.0" } });
        server.insert("bindings".to_owned(), binding);
    }
    server
}

fn security_schemes() -> Value {
    json!({
        "plain": { "type": "plain", "description": "SASL/PLAIN" },
        "scramSha256": { "type": "scramSha256", "description": "SASL/SCRAM-SHA-256" },
        "scramSha512": { "type": "scramSha512", "description": "SASL/SCRAM-SHA-512" },
        "gssapi": { "type": "gssapi", "description": "SASL/GSSAPI" },
        "oauthbearer": { "type": "http", "scheme": "bearer", "description": "SASL/OAUTHBEARER" },
        "certificate": { "type": "X509", "description": "A client certificate over TLS" },
    })
}

fn letter_headers() -> Value {
    let header =
        |(name, about): (&str, &str)| (format!("{ABOUT}{name}"), json!({ "type": "string", "description": about }));
    let headers: Map<String, Value> = HEADERS.map(header).into_iter().collect();
    let names: Vec<&String> = headers.keys().collect();
    let about =
        "After the headers that the record came with; a late event, whose record stays where it is, has these alone";
    json!({ "type": "object", "description": about, "required": names, "properties": headers })
}

impl Channel {
    fn of(topic: &str, names: &Names) -> Option<Self> {
        let is = |name: &str| name == topic;
        let ledger = || Ledger::ALL.into_iter().find(|ledger| is(names.ledger(*ledger))).map(Self::Ledger);
        let known = [
            (&names.kpis, Self::Kpis),
            (&names.alerts, Self::Alerts),
            (&names.dead_letters, Self::DeadLetters),
            (&names.journal, Self::Internal("journal")),
            (&names.forwards, Self::Internal("forwards")),
            (&names.partials, Self::Internal("partials")),
            (&names.snapshots, Self::Internal("snapshots")),
        ];
        let known = known.into_iter().find(|(name, _)| is(name)).map(|(_, channel)| channel);
        names.input(topic).map(Self::Input).or_else(ledger).or(known)
    }

    /// Whatever the configuration calls the topic.
    const fn name(self) -> &'static str {
        match self {
            Self::Input(topic) => topic.name(),
            Self::Ledger(ledger) => ledger.name(),
            Self::Kpis => "kpis",
            Self::Alerts => "alerts",
            Self::DeadLetters => "dead-letters",
            Self::Internal(name) => name,
        }
    }

    const fn record(self) -> &'static str {
        match self {
            Self::Input(Topic::Touchpoints) => "Touchpoint",
            Self::Input(Topic::FormFills) => "FormFill",
            Self::Input(Topic::DealStages) => "DealStage",
            Self::Input(Topic::Spend) => "Spend",
            Self::Input(Topic::Accounts) => "Account",
            Self::Input(Topic::Erasures) => "Erasure",
            Self::Ledger(Ledger::Lifecycle) => "LeadAction",
            Self::Ledger(Ledger::Suppressions) => "Suppression",
            Self::Ledger(Ledger::Attributions) => "Attribution",
            Self::Ledger(Ledger::Conversions) => "Conversion",
            Self::Kpis => "KpiUpdate",
            Self::Alerts => "Alert",
            Self::DeadLetters => "DeadLetter",
            Self::Internal(_) => "Internal",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Input(Topic::Touchpoints) => "Interactions of visitors and known leads with marketing",
            Self::Input(Topic::FormFills) => "Forms that leads have sent",
            Self::Input(Topic::DealStages) => "Leads and deals that enter a stage of the funnel",
            Self::Input(Topic::Spend) => "Money that was spent on channels and campaigns",
            Self::Input(Topic::Accounts) => "What is known of accounts; a tombstone deletes a record",
            Self::Input(Topic::Erasures) => "Leads that are to be forgotten: the key says whom, whatever the value",
            Self::Ledger(Ledger::Lifecycle) => "What happens to leads, restated or retracted when more becomes known",
            Self::Ledger(Ledger::Suppressions) => "Leads that must get no paid touch, and why",
            Self::Ledger(Ledger::Attributions) => "Conversions with the touches that each model credits them to",
            Self::Ledger(Ledger::Conversions) => "Conversions for ad platforms, by the last click of each",
            Self::Kpis => "The newest state of each KPI row",
            Self::Alerts => "Rules over KPIs that fire, and when they ended",
            Self::DeadLetters => "Records that were rejected, as they came, and events that came late",
            Self::Internal(_) => "What instances keep for each other: its layout may change with every version",
        }
    }

    /// None: records of this topic have no key that means something.
    const fn key(self) -> Option<&'static str> {
        match self {
            Self::Input(Topic::Accounts) => Some("account_id"),
            Self::Input(Topic::Erasures) => Some("The id of the lead, as records spell it"),
            Self::Input(_) => Some("Any, or none: the product goes by the fields"),
            Self::Ledger(Ledger::Lifecycle | Ledger::Suppressions) => Some("lead_id"),
            Self::Ledger(Ledger::Attributions) => Some("{stage}:{subject}"),
            Self::Ledger(Ledger::Conversions) => Some("click_id"),
            Self::Kpis => Some(
                "{kpi}|{window}|{start in milliseconds, empty for all and now}|{dim=value,… sorted by name}, with %, |, \
                 comma and = percent-encoded in values",
            ),
            Self::Alerts => Some("{rule}|{dim=value,… sorted by name}, encoded as those of kpis"),
            Self::DeadLetters => Some("As it came"),
            Self::Internal(_) => None,
        }
    }

    /// Its records in Avro.
    const fn avro(self) -> Option<&'static str> {
        match self {
            Self::Input(Topic::Erasures) | Self::DeadLetters | Self::Internal(_) => None,
            Self::Input(topic) => Some(reader_schema(topic)),
            Self::Ledger(ledger) => Some(ledger.schema()),
            Self::Kpis => Some(kpi_update::SCHEMA),
            Self::Alerts => Some(alert::SCHEMA),
        }
    }

    /// Its records in JSON.
    fn schema(self) -> Option<Value> {
        let writer = if matches!(self, Self::Input(_)) { Writer::Others } else { Writer::Us };
        self.avro().map(|avro| json_schema(avro, writer))
    }

    /// As seen from the product.
    const fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Input(_) => &["receive"],
            Self::Internal(_) => &["send", "receive"],
            Self::Ledger(_) | Self::Kpis | Self::Alerts | Self::DeadLetters => &["send"],
        }
    }

    fn describe(self, topic: &NewTopic, messages: Map<String, Value>) -> Value {
        let number = |text: &str| text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number));
        let mut settings: Map<String, Value> =
            topic.properties.iter().map(|(name, value)| (name.clone(), number(value))).collect();
        let policy = settings.get("cleanup.policy").and_then(Value::as_str).unwrap_or("delete").to_owned();
        settings.insert("cleanup.policy".to_owned(), json!([policy]));
        json!({
            "address": topic.name,
            "title": self.name(),
            "description": self.about(),
            "messages": messages,
            "x-internal": matches!(self, Self::Internal(_)),
            "bindings": { "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "replicas": topic.replication_factor,
                "topicConfiguration": settings,
                "bindingVersion": "0.5.0",
            } },
        })
    }

    fn operation<'a>(self, action: &str, names: &Names, messages: impl Iterator<Item = &'a String>) -> Value {
        let place = format!("channels/{}/messages", self.name());
        let group = match self {
            Self::Input(_) => &names.ingest_group,
            Self::Internal("partials") => &names.rollup_group,
            _ => &names.shards_group,
        };
        let mut operation = json!({
            "action": action,
            "channel": reference("channels", self.name()),
            "summary": self.about(),
            "messages": messages.map(|name| reference(&place, name)).collect::<Vec<_>>(),
        });
        let is_committed = matches!(self, Self::Ledger(_) | Self::DeadLetters | Self::Kpis | Self::Alerts);
        if let Some(of) = operation.as_object_mut() {
            if action == "receive" {
                let group = json!({ "type": "string", "enum": [group] });
                of.insert("bindings".to_owned(), json!({ "kafka": { "groupId": group, "bindingVersion": "0.5.0" } }));
            }
            if is_committed {
                of.insert("x-isolation-level".to_owned(), json!("read_committed"));
            }
        }
        operation
    }

    /// By name: one for each encoding.
    fn messages(self, config: &Config) -> Vec<(String, Value)> {
        let encoding = match self {
            Self::Input(topic) => config.topics.inputs.get(&topic).map_or(Encoding::Auto, |input| input.encoding),
            Self::Ledger(_) | Self::Kpis | Self::Alerts => match config.output.encoding {
                Encoding::Auto => Encoding::Json,
                encoding => encoding,
            },
            Self::DeadLetters | Self::Internal(_) => Encoding::Json,
        };
        let Some(avro) = self.avro() else { return vec![(self.bare_name(), self.bare())] };
        let mut messages = Vec::new();
        if encoding != Encoding::Avro {
            let payload = reference("components/schemas", self.record());
            messages.push((self.record().to_owned(), self.message("application/json", payload, json!({}))));
        }
        if encoding != Encoding::Json {
            let schema: Value = serde_json::from_str(avro).unwrap_or_default();
            let payload = json!({ "schemaFormat": "application/vnd.apache.avro+json;version=1.9.0", "schema": schema });
            let wire = json!({ "schemaIdLocation": "payload", "schemaIdPayloadEncoding": "confluent" });
            messages.push((
                format!("{}Avro", self.record()),
                self.message("application/vnd.confluent.avro", payload, wire),
            ));
        }
        messages
    }

    fn bare_name(self) -> String {
        match self {
            Self::Internal(name) => pascal(name),
            _ => self.record().to_owned(),
        }
    }

    /// Records whose value is not ours to describe.
    fn bare(self) -> Value {
        let about = match self {
            Self::Input(_) => "Not read",
            Self::DeadLetters => "As it came; a late event is JSON, in the fields of its input",
            _ => "Binary, with a checksum",
        };
        let mut message = self.message("application/octet-stream", json!({ "description": about }), json!({}));
        if let (Self::DeadLetters, Some(message)) = (self, message.as_object_mut()) {
            message.insert("headers".to_owned(), reference("components/schemas", "DeadLetterHeaders"));
        }
        message
    }

    fn message(self, content_type: &str, payload: Value, mut binding: Value) -> Value {
        if let Some(binding) = binding.as_object_mut() {
            let key = self.key().map(|about| json!({ "type": "string", "description": about }));
            binding.extend(key.map(|key| ("key".to_owned(), key)));
            binding.insert("bindingVersion".to_owned(), json!("0.5.0"));
        }
        json!({
            "name": self.record(),
            "title": self.record(),
            "contentType": content_type,
            "payload": payload,
            "bindings": { "kafka": binding },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_that_is_created_has_a_channel() {
        let text = "[topics]\nkpis = \"bi.kpis\"\n[topics.encoding]\nspend = \"avro\"\n[output]\nencoding = \"avro\"\n\
            [schema_registry]\nurl = \"http://registry:8081\"\n[kafka]\nbrokers = \"a:9092, b:9092\"\n[kafka.properties]\n\
            \"security.protocol\" = \"sasl_ssl\"\n\"sasl.mechanisms\" = \"SCRAM-SHA-512\"\n";
        let config = Config::parse(text, "", std::iter::empty()).expect("valid");
        let document = document(&config);
        let names = Names::new(&config, &config.fold_hash());
        let mut addresses: Vec<&str> = document["channels"]
            .as_object()
            .expect("channels")
            .values()
            .filter_map(|of| of["address"].as_str())
            .collect();
        let topics = wanted(&config, &names);
        let mut expected: Vec<&str> = topics.iter().map(|topic| &*topic.name).collect();
        addresses.sort_unstable();
        expected.sort_unstable();
        assert_eq!(addresses, expected);
        assert_eq!(
            document["channels"]["kpis"]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"],
            json!(["compact"])
        );
        let names_of = |channel: &str| {
            document["channels"][channel]["messages"].as_object().expect("messages").keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            (names_of("kpis"), names_of("spend")),
            (vec!["KpiUpdateAvro".to_owned()], vec!["SpendAvro".to_owned()])
        );
        assert_eq!(names_of("touchpoints"), ["Touchpoint", "TouchpointAvro"]);
        let server = &document["servers"]["broker-2"];
        assert_eq!(server["host"], "b:9092");
        assert_eq!(
            (&server["protocol"], &server["security"][0]),
            (&json!("kafka-secure"), &reference("components/securitySchemes", "scramSha512"))
        );
    }
}
