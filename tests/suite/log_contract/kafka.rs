//! A real broker as a place for the contract, and what only a real client can show.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tributary::runtime::kafka_log::KafkaLog;
use tributary::runtime::log::{Log, LogError, Outgoing, Writer};

use super::Place;
use crate::broker::broker;

pub struct Kafka(KafkaLog);

impl Kafka {
    pub fn new() -> Self {
        Self::with(broker().bootstrap(), &[])
    }

    fn with(brokers: &str, properties: &[(&str, &str)]) -> Self {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let group = "contract".to_owned();
        Self(KafkaLog::new(tributary::config::Kafka { brokers: brokers.to_owned(), group, properties }))
    }
}

impl Place for Kafka {
    type Log = KafkaLog;

    fn log(&self) -> &KafkaLog {
        &self.0
    }

    fn leave_open(&self, id: &str, records: Vec<Outgoing>) -> Box<dyn FnOnce() -> bool> {
        let owner: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", broker().bootstrap())
            .set("transactional.id", id)
            .set("log_level", "0")
            .create()
            .unwrap();
        let wait = Duration::from_secs(20);
        owner.init_transactions(wait).unwrap();
        owner.begin_transaction().unwrap();
        for Outgoing { partition, value, .. } in records {
            let value = value.unwrap();
            let record: BaseRecord<'_, (), Vec<u8>> = BaseRecord::to(&partition.topic);
            owner.send(record.partition(partition.number).payload(&value)).map_err(|(error, _)| error).unwrap();
        }
        owner.flush(wait).unwrap();
        Box::new(move || owner.commit_transaction(wait).is_ok())
    }
}

#[test]
fn without_a_broker_every_record_is_reported_as_failed() {
    let nowhere = crate::real_parts::free_address().to_string();
    let place = Kafka::with(&nowhere, &[("message.timeout.ms", "1000"), ("log_level", "0")]);
    let partition = tributary::runtime::log::Partition { topic: "t".into(), number: 0 };
    let mut writer = place.log().writer().unwrap();
    for number in 0..100 {
        writer.send(number, super::record(&partition, "v")).unwrap().unwrap();
    }
    let mut failed = BTreeMap::new();
    super::wait_for("the failures", || {
        let told = &mut |number, outcome: Result<i64, LogError>| {
            assert!(matches!(outcome, Err(LogError::Retriable(_))), "{outcome:?}");
            assert!(failed.insert(number, ()).is_none(), "{number} is told twice");
        };
        writer.poll(super::STEP, told).unwrap();
        (failed.len() == 100).then_some(())
    });
    assert!(matches!(writer.send(100, super::record(&partition, "v")), Err(LogError::Spent(_))));
    let start = Instant::now();
    drop(writer);
    assert!(start.elapsed() < Duration::from_millis(100), "closing happens elsewhere");
}
