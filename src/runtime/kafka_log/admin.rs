//! Questions and orders to the cluster: topics, bounds, committed offsets, trimming. They wait for their answer, within
//! a limit, so they are for plain threads.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic as KafkaTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use super::consumer::offsets_list;
use super::errors::{from_code, from_kafka};
use super::{PATIENCE, Words, settings};
use crate::config::Kafka;
use crate::model::time::Span;
use crate::runtime::log::{LogError, NewTopic, Partition};

/// Between two looks at something that takes a while.
const STEP: Duration = Duration::from_millis(50);

/// So much of what a client has noted is heard when it fails.
const NOTES: usize = 100;

type Asker = Arc<BaseConsumer<Words>>;

/// How long a topic keeps what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    For(Span),
    Forever,
    /// The newest value of each key.
    Compacted,
}

/// Clients are made when they are first needed and kept.
pub(super) struct Admin {
    kafka: Arc<Kafka>,
    admin: Mutex<Option<Arc<AdminClient<Words>>>>,
    /// By group and isolation.
    askers: Mutex<BTreeMap<(String, &'static str), Asker>>,
}

/// What failed. The client has noted why, such as a certificate that it does not trust: let it be logged before.
fn failed(asker: &BaseConsumer<Words>, error: &KafkaError, what: &str) -> LogError {
    for _ in 0..NOTES {
        drop(asker.poll(Duration::ZERO));
    }
    from_kafka(error, what)
}

impl Admin {
    pub fn new(kafka: Arc<Kafka>) -> Self {
        Self { kafka, admin: Mutex::new(None), askers: Mutex::new(BTreeMap::new()) }
    }

    fn asker(&self, group: &str, isolation: &'static str) -> Result<Asker, LogError> {
        let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (group.to_owned(), isolation);
        if let Some(asker) = askers.get(&key) {
            return Ok(Arc::clone(asker));
        }
        let made = settings::asker(&self.kafka, group, isolation).create_with_context(Words);
        let asker: Asker = Arc::new(made.map_err(|error| from_kafka(&error, "client"))?);
        askers.insert(key, Arc::clone(&asker));
        Ok(asker)
    }

    fn admin(&self) -> Result<Arc<AdminClient<Words>>, LogError> {
        let mut admin = self.admin.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(admin) = &*admin {
            return Ok(Arc::clone(admin));
        }
        let made = settings::admin(&self.kafka).create_with_context(Words);
        let made = Arc::new(made.map_err(|error| from_kafka(&error, "admin client"))?);
        *admin = Some(Arc::clone(&made));
        Ok(made)
    }

    pub fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<i64>>, LogError> {
        let asked: Vec<_> = partitions.iter().map(|partition| (partition.clone(), None)).collect();
        let asker = self.asker(group, "read_committed")?;
        let what = format!("the committed offsets of {group}");
        let answer = asker.committed_offsets(offsets_list(&asked)?, PATIENCE);
        let answer = answer.map_err(|error| match from_kafka(&error, &what) {
            // The broker knows nothing of the place yet, or a transaction holds it.
            LogError::Spent(text) => LogError::Retriable(text),
            error => error,
        })?;
        let offset = |partition: &Partition| {
            let Some(found) = answer.find_partition(&partition.topic, partition.number) else { return Ok(None) };
            found.error().map_err(|error| from_kafka(&error, &what))?;
            Ok(match found.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
        };
        partitions.iter().map(offset).collect()
    }

    pub fn bounds(&self, partition: &Partition) -> Result<(i64, i64), LogError> {
        let asker = self.asker(&self.kafka.group, "read_uncommitted")?;
        let what = format!("the bounds of {} {}", partition.topic, partition.number);
        let bounds = asker.fetch_watermarks(&partition.topic, partition.number, PATIENCE);
        bounds.map_err(|error| failed(&asker, &error, &what))
    }

    pub fn partitions(&self, topic: &str) -> Result<Option<i32>, LogError> {
        let what = format!("the partitions of {topic}");
        let asker = self.asker(&self.kafka.group, "read_uncommitted")?;
        let metadata = asker.fetch_metadata(Some(topic), PATIENCE).map_err(|error| failed(&asker, &error, &what))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
        match found.error().map(Code::from) {
            None => Ok(Some(i32::try_from(found.partitions().len()).unwrap_or(i32::MAX))),
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => Ok(None),
            Some(code) => Err(from_code(code, &what)),
        }
    }

    pub fn create(&self, topics: &[NewTopic]) -> Result<(), LogError> {
        let mut absent = Vec::new();
        for topic in topics {
            if self.partitions(&topic.name)?.is_none() {
                absent.push(topic);
            }
        }
        if absent.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> = absent.iter().map(|topic| wanted(topic)).collect();
        let admin = self.admin()?;
        let outcome = block_on(admin.create_topics(&wanted, &options()));
        // Somebody else may have been faster.
        all_done(outcome, "creating the topic", Code::TopicAlreadyExists)?;
        absent.iter().try_for_each(|topic| self.await_leaders(topic))
    }

    pub fn topics(&self) -> Result<Vec<String>, LogError> {
        let asker = self.asker(&self.kafka.group, "read_uncommitted")?;
        let metadata = asker.fetch_metadata(None, PATIENCE).map_err(|error| failed(&asker, &error, "the topics"))?;
        Ok(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
    }

    /// Each with the number of its members.
    pub fn groups(&self) -> Result<Vec<(String, usize)>, LogError> {
        let asker = self.asker(&self.kafka.group, "read_uncommitted")?;
        let groups = asker.fetch_group_list(None, PATIENCE).map_err(|error| failed(&asker, &error, "the groups"))?;
        Ok(groups.groups().iter().map(|group| (group.name().to_owned(), group.members().len())).collect())
    }

    /// The client ids of the members of a group that have these partitions.
    pub fn owners(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<String>>, LogError> {
        let asker = self.asker(group, "read_committed")?;
        let groups = asker.fetch_group_list(Some(group), PATIENCE);
        let groups = groups.map_err(|error| from_kafka(&error, "the members of a group"))?;
        let members = groups.groups().iter().filter(|found| found.name() == group).flat_map(|found| found.members());
        let members: Vec<(&str, Vec<Partition>)> =
            members.filter_map(|member| Some((member.client_id(), assigned(member.assignment()?)?))).collect();
        let owner = |partition: &Partition| members.iter().find(|(_, all)| all.contains(partition));
        Ok(partitions.iter().map(|partition| owner(partition).map(|(id, _)| (*id).to_owned())).collect())
    }

    pub fn delete_groups(&self, names: &[String]) -> Result<(), LogError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(());
        }
        let outcome = block_on(self.admin()?.delete_groups(&names, &options()));
        all_done(outcome, "deleting the group", Code::GroupIdNotFound)
    }

    pub fn keeping(&self, topic: &str) -> Result<Keeping, LogError> {
        let what = format!("the settings of {topic}");
        let outcome = block_on(self.admin()?.describe_configs([&ResourceSpecifier::Topic(topic)], &options()));
        let found = outcome.map_err(|error| from_kafka(&error, &what))?.into_iter().next();
        let found = found.ok_or_else(|| LogError::Retriable(what.clone()))?.map_err(|code| from_code(code, &what))?;
        let value = |name: &str| found.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
        if value("cleanup.policy").split(',').any(|policy| policy == "compact") {
            return Ok(Keeping::Compacted);
        }
        let retention = value("retention.ms").parse().ok().filter(|retention| *retention >= 0);
        Ok(retention.map_or(Keeping::Forever, |retention| Keeping::For(Span(retention))))
    }

    pub fn delete_topics(&self, names: &[String]) -> Result<(), LogError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(());
        }
        let outcome = block_on(self.admin()?.delete_topics(&names, &options()));
        all_done(outcome, "deleting the topic", Code::UnknownTopicOrPartition)?;
        names.iter().try_for_each(|name| self.await_end(name))
    }

    /// A topic is gone some time after it was deleted.
    fn await_end(&self, topic: &str) -> Result<(), LogError> {
        let mut left = PATIENCE;
        while self.partitions(topic)?.is_some() {
            if left.is_zero() {
                return Err(LogError::Retriable(format!("the topic {topic} is deleted, but still there")));
            }
            left = left.saturating_sub(STEP);
            std::thread::sleep(STEP);
        }
        Ok(())
    }

    /// A topic is of use when each of its partitions has a leader that answers.
    fn await_leaders(&self, topic: &NewTopic) -> Result<(), LogError> {
        let mut left = PATIENCE;
        for number in 0..i32::from(topic.partitions) {
            let partition = Partition { topic: topic.name.as_str().into(), number };
            while let Err(error) = self.bounds(&partition) {
                if left.is_zero() {
                    return Err(LogError::Retriable(error.to_string()));
                }
                left = left.saturating_sub(STEP);
                std::thread::sleep(STEP);
            }
        }
        Ok(())
    }

    pub fn trim(&self, partition: &Partition, before: i64) -> Result<(), LogError> {
        let what = format!("trimming {} {}", partition.topic, partition.number);
        let list: TopicPartitionList = offsets_list(&[(partition.clone(), Some(before))])?;
        let admin = self.admin()?;
        let outcome = block_on(admin.delete_records(&list, &options())).map_err(|error| from_kafka(&error, &what))?;
        for element in outcome.elements() {
            element.error().map_err(|error| match error.rdkafka_error_code() {
                Some(Code::OffsetOutOfRange) => LogError::OutOfRange { partition: partition.clone(), offset: before },
                _ => from_kafka(&error, &what),
            })?;
        }
        Ok(())
    }
}

fn wanted(topic: &NewTopic) -> KafkaTopic<'_> {
    let replication = TopicReplication::Fixed(i32::from(topic.replication_factor));
    let mut wanted = KafkaTopic::new(&topic.name, i32::from(topic.partitions), replication);
    wanted.config = topic.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    wanted
}

/// What became of each; `done` is the error of one that is as wanted already.
fn all_done(outcome: KafkaResult<Vec<Result<String, (String, Code)>>>, what: &str, done: Code) -> Result<(), LogError> {
    for one in outcome.map_err(|error| from_kafka(&error, what))? {
        match one {
            Err((name, code)) if code != done => return Err(from_code(code, &format!("{what} {name}"))),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

/// Runs a future on this thread, asleep until it is woken.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// The partitions of a member, as the consumer protocol writes them: version, then the topics with their partitions.
fn assigned(bytes: &[u8]) -> Option<Vec<Partition>> {
    let (_version, mut rest) = bytes.split_first_chunk::<2>()?;
    let number = |rest: &mut &[u8]| {
        let (number, after) = rest.split_first_chunk::<4>()?;
        *rest = after;
        Some(i32::from_be_bytes(*number))
    };
    let mut all = Vec::new();
    for _ in 0..number(&mut rest)? {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (name, after) = after.split_at_checked(usize::try_from(i16::from_be_bytes(*length)).ok()?)?;
        let topic: Arc<str> = std::str::from_utf8(name).ok()?.into();
        rest = after;
        for _ in 0..number(&mut rest)? {
            all.push(Partition { topic: Arc::clone(&topic), number: number(&mut rest)? });
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read() {
        let bytes = b"\x00\x01\x00\x00\x00\x02\x00\x01a\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x05\x00\x02bc\x00\x00\x00\x01\x00\x00\x00\x00";
        let of = |topic: &str, number| Partition { topic: topic.into(), number };
        assert_eq!(assigned(bytes), Some(vec![of("a", 3), of("a", 5), of("bc", 0)]));
        assert!((0..bytes.len()).all(|at| assigned(&bytes[..at]).is_none()), "cut short");
    }
}
