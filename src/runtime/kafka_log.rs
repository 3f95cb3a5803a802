//! The log over Kafka, the only part that knows librdkafka. What goes in are the settings of `[kafka]`; what must hold
//! for exactly-once, whatever those settings say, stands in `settings`.

mod admin;
mod consumer;
pub mod embedded;
mod errors;
mod member;
mod reader;
mod settings;
mod transactor;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use self::admin::Admin;
pub use self::admin::Keeping;
pub use self::member::KafkaMember;
pub use self::reader::KafkaReader;
pub use self::transactor::KafkaTransactor;
pub use self::writer::KafkaWriter;
use super::log::{Isolation, Log, LogError, MemberMode, NewTopic, Partition};
use crate::config::Kafka;

/// How long a question to the brokers may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between the name of a client and the address of its instance.
const AT: &str = " at ";

/// All clones are the same log.
#[derive(Clone)]
pub struct KafkaLog {
    kafka: Arc<Kafka>,
    admin: Arc<Admin>,
}

impl KafkaLog {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(kafka: Kafka) -> Self {
        let kafka = Arc::new(kafka);
        Self { admin: Arc::new(Admin::new(Arc::clone(&kafka))), kafka }
    }

    /// The names of all topics of the cluster.
    pub fn topics(&self) -> Result<Vec<String>, LogError> {
        self.admin.topics()
    }

    /// All consumer groups of the cluster, each with the number of its members.
    pub fn groups(&self) -> Result<Vec<(String, usize)>, LogError> {
        self.admin.groups()
    }

    /// With the address that this instance says to the members of its groups.
    #[must_use]
    pub fn at(mut self, address: &str) -> Self {
        let mut kafka = Kafka::clone(&self.kafka);
        let id = kafka.properties.get("client.id").map_or("tributary", String::as_str);
        let id = format!("{id}{AT}{address}");
        kafka.properties.insert("client.id".to_owned(), id);
        self.kafka = Arc::new(kafka);
        self
    }

    /// Where the members of a group answer that have these partitions, as far as they say so.
    pub fn owners(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<String>>, LogError> {
        let address = |id: String| id.split_once(AT).map(|(_, address)| address.to_owned());
        let owners = self.admin.owners(group, partitions)?;
        Ok(owners.into_iter().map(|owner| owner.and_then(address)).collect())
    }

    /// Deletes groups with their offsets. One that has members stays, and is an error.
    pub fn delete_groups(&self, names: &[String]) -> Result<(), LogError> {
        self.admin.delete_groups(names)
    }

    /// How long a topic keeps what is in it.
    pub fn keeping(&self, topic: &str) -> Result<Keeping, LogError> {
        self.admin.keeping(topic)
    }

    pub fn delete_topics(&self, names: &[String]) -> Result<(), LogError> {
        self.admin.delete_topics(names)
    }
}

impl Log for KafkaLog {
    type Reader = KafkaReader;
    type Writer = KafkaWriter;
    type Transactor = KafkaTransactor;
    type Member = KafkaMember;

    fn reader(&self, isolation: Isolation) -> Result<KafkaReader, LogError> {
        KafkaReader::new(&settings::reader(&self.kafka, isolation))
    }

    fn writer(&self) -> Result<KafkaWriter, LogError> {
        KafkaWriter::new(&settings::writer(&self.kafka))
    }

    fn transactor(&self, id: &str) -> Result<KafkaTransactor, LogError> {
        KafkaTransactor::new(settings::transactor(&self.kafka, id), id)
    }

    fn member(&self, group: &str, topics: &[String], mode: MemberMode) -> Result<KafkaMember, LogError> {
        KafkaMember::new(&settings::member(&self.kafka, group), topics, mode)
    }

    fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<i64>>, LogError> {
        self.admin.committed(group, partitions)
    }

    fn bounds(&self, partition: &Partition) -> Result<(i64, i64), LogError> {
        self.admin.bounds(partition)
    }

    fn partitions(&self, topic: &str) -> Result<Option<i32>, LogError> {
        self.admin.partitions(topic)
    }

    fn create(&self, topics: &[NewTopic]) -> Result<(), LogError> {
        self.admin.create(topics)
    }

    fn trim(&self, partition: &Partition, before: i64) -> Result<(), LogError> {
        self.admin.trim(partition, before)
    }
}

/// Passes librdkafka's own words on to the log of the program. They are about brokers, topics and groups, never about
/// what is in a record.
struct Words;

impl ClientContext for Words {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The same but for how long it took.
        let words = message.split(" (after ").next().unwrap_or(message);
        if level as i32 > WARNING || is_news(words) {
            say(level as i32, facility, message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if is_news(&error.to_string()) {
            tracing::warn!(%error, reason, "kafka client");
        }
    }
}

impl ConsumerContext for Words {}

/// The same error of whichever client is told no more often than this.
const SAME_ERROR: Duration = Duration::from_secs(10);
/// As syslog counts: what is more is about nothing that is wrong.
const WARNING: i32 = 4;

/// Each client says again and again that brokers are away, or are not trusted, hundreds of times while it is closed.
#[allow(clippy::disallowed_methods, reason = "how often something is logged goes by the wall clock")]
fn is_news(text: &str) -> bool {
    static LAST: Mutex<Vec<(String, Instant)>> = Mutex::new(Vec::new());
    let now = Instant::now();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.retain(|(_, told)| now.duration_since(*told) < SAME_ERROR);
    let is_new = last.iter().all(|(known, _)| known != text);
    if is_new {
        last.push((text.to_owned(), now));
    }
    is_new
}

/// What is wrong with a property of the clients and its value, if anything is. The value is not told: it may be a secret.
#[must_use]
pub fn wrong_property(name: &str, value: &str) -> Option<String> {
    let problem = rdkafka::ClientConfig::new().set(name, value).create_native_config().err()?;
    Some(match problem {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => {
            format!("Kafka's clients have no property `{name}`")
        }
        _ => format!("the property `{name}` does not take this value"),
    })
}

/// librdkafka's levels are those of syslog.
fn say(level: i32, facility: &str, message: &str) {
    match level {
        0..=3 => tracing::error!(facility, "kafka client: {message}"),
        4 => tracing::warn!(facility, "kafka client: {message}"),
        5 | 6 => tracing::info!(facility, "kafka client: {message}"),
        _ => tracing::debug!(facility, "kafka client: {message}"),
    }
}

/// Gives a client up. That can take long, or hang when brokers do, so it happens on a thread of its own; when none is to
/// be had, it happens here.
fn give_up<T: Send + 'static>(client: T) {
    if let Err(error) = std::thread::Builder::new().name("kafka-close".into()).spawn(move || drop(client)) {
        tracing::warn!(%error, "no thread to close a kafka client on");
    }
}
