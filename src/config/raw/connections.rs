//! Keys about the world outside: Kafka, topics, schemas, HTTP.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Placed, Scalar, Text};

/// The cluster that everything is read from and written to.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// Bootstrap servers: `host:port`, several with commas.
    pub brokers: Text,
    /// The consumer group; instances of one group share the work.
    pub group: Text,
    /// Any librdkafka property. `"name_file" = "path"` takes the value of `name` from a file.
    pub properties: BTreeMap<Text, Placed<Scalar>>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self { brokers: Placed::text("localhost:9092"), group: Placed::text("tributary"), properties: BTreeMap::new() }
    }
}

/// Names of the topics, and how they are created.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Topics {
    pub touchpoints: Text,
    pub form_fills: Text,
    pub deal_stages: Text,
    pub spend: Text,
    pub accounts: Text,
    pub kpis: Text,
    pub attributions: Text,
    pub lead_lifecycle: Text,
    pub conversions: Text,
    pub suppressions: Text,
    pub alerts: Text,
    pub dead_letters: Text,
    pub erasures: Text,
    /// Of the journal, forwards, partials and snapshots.
    pub internal_prefix: Text,
    /// Shards: the upper bound of scale-out. Cannot change without `tributary reset`.
    #[schemars(range(min = 1))]
    pub partitions: u16,
    /// Whether missing output and internal topics are created at the start.
    pub create: bool,
    /// Of the topics that are created.
    #[schemars(range(min = 1))]
    pub replication_factor: u16,
    pub encoding: Encodings,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            touchpoints: Placed::text("touchpoints"),
            form_fills: Placed::text("form-fills"),
            deal_stages: Placed::text("deal-stages"),
            spend: Placed::text("spend"),
            accounts: Placed::text("accounts"),
            kpis: Placed::text("kpis"),
            attributions: Placed::text("attributions"),
            lead_lifecycle: Placed::text("lead-lifecycle"),
            conversions: Placed::text("conversions"),
            suppressions: Placed::text("suppressions"),
            alerts: Placed::text("alerts"),
            dead_letters: Placed::text("dead-letters"),
            erasures: Placed::text("erasures"),
            internal_prefix: Placed::text("tributary-"),
            partitions: 8,
            create: true,
            replication_factor: 1,
            encoding: Encodings::default(),
        }
    }
}

/// How the records of each input topic are encoded.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Encodings {
    pub touchpoints: InputEncoding,
    pub form_fills: InputEncoding,
    pub deal_stages: InputEncoding,
    pub spend: InputEncoding,
    pub accounts: InputEncoding,
}

/// `auto`: by the first byte, 0 is Avro in the Confluent wire format, `{` is JSON.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputEncoding {
    #[default]
    Auto,
    Json,
    Avro,
}

/// A schema registry with the Confluent REST API.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaRegistry {
    pub url: Text,
    pub user: Option<Text>,
    pub password: Option<Text>,
    /// A file that holds the password.
    pub password_file: Option<Text>,
    /// A file with the certificate authority to trust.
    pub ca: Option<Text>,
}

/// The page, the metrics and the API.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    pub listen: Text,
    /// Asked of every request but health and metrics when `listen` is no loopback address.
    pub token: Option<Text>,
    /// A file that holds the token.
    pub token_file: Option<Text>,
    /// Where other instances send who asks about a lead that is here, such as `http://tributary-0:9464`.
    pub advertise: Option<Text>,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: Placed::text("127.0.0.1:9464"), token: None, token_file: None, advertise: None }
    }
}
