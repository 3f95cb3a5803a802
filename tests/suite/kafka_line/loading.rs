//! A history whose topics are loaded one after another, with pauses in which everything is idle: `time.history_until`
//! holds the watermark, no event is late, and the rows are those of all topics at once.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use tributary::generate::{History, Produced};
use tributary::model::event::Topic;

use super::deployment::{Deployment, SHARDS, Wishes};
use super::story::{settings, story};
use crate::broker::broker;

pub fn producer() -> BaseProducer {
    ClientConfig::new().set("bootstrap.servers", broker().bootstrap()).set("linger.ms", "5").create().unwrap()
}

pub fn send(producer: &BaseProducer, topic: &str, produced: &Produced, value: Option<&[u8]>) {
    // As good as any: the same key, the same partition.
    let sum: u32 = produced.key.iter().flat_map(|key| key.bytes()).map(u32::from).sum();
    let partition = i32::try_from(sum as usize % SHARDS).unwrap();
    let mut record = BaseRecord::<str, [u8]>::to(topic).partition(partition).timestamp(produced.timestamp.0);
    record.key = produced.key.as_deref();
    record.payload = value;
    while let Err((error, back)) = producer.send(record) {
        assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "{error}");
        producer.poll(Duration::from_millis(10));
        record = back;
    }
}

fn load(line: &Deployment, topics: &[Topic]) {
    let producer = producer();
    let mut count = 0;
    for produced in History::new(settings()).filter(|produced| topics.contains(&produced.topic)) {
        send(&producer, &line.topic(produced.topic.name()), &produced, produced.value.as_deref());
        count += 1;
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let expected: usize = topics.iter().map(|topic| story().records[topic.name()]).sum();
    assert_eq!(count, expected, "it is the same history");
}

fn topic_by_topic(name: &str, history_until: String) {
    let line = Deployment::new(name, &Wishes { history_until, ..Wishes::default() });
    line.create_inputs();
    let instance = line.start();
    for topics in [&[Topic::Spend, Topic::Accounts][..], &[Topic::DealStages], &[Topic::Touchpoints]] {
        load(&line, topics);
        // Longer than `time.idle_after`.
        std::thread::sleep(Duration::from_millis(3_500));
    }
    load(&line, &[Topic::FormFills]);
    line.settle(Duration::from_secs(120));
    line.check_letters();
    drop(instance);
}

#[test]
fn topic_by_topic_till_the_end_of_the_history() {
    topic_by_topic("loaded", super::story::UNTIL.to_owned());
}

#[test]
fn topic_by_topic_till_a_time_to_come() {
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(45);
    topic_by_topic("loading", until.to_string());
}
