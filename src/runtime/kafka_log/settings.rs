//! The settings of each kind of client, in three layers: defaults for this work, over them the user's
//! `[kafka.properties]`, over them what correctness rests on.

use rdkafka::ClientConfig;

use crate::config::Kafka;
use crate::runtime::log::Isolation;

/// The largest record that is written, snapshots' chunks and journal blocks included.
const LARGEST_RECORD_BYTES: &str = "8388608";

fn build(kafka: &Kafka, defaults: &[(&str, &str)], fixed: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("client.id", "tributary").set("statistics.interval.ms", "0");
    // Small requests follow on each other here; held back by Nagle's algorithm each would cost 40 ms.
    config.set("socket.nagle.disable", "true");
    if cfg!(feature = "vendored") {
        // An OpenSSL of our own does not know where the system keeps its certificate authorities.
        config.set("ssl.ca.location", "probe");
    }
    for (name, value) in defaults {
        config.set(*name, *value);
    }
    for (name, value) in &kafka.properties {
        config.set(name, value);
    }
    config.set("bootstrap.servers", &kafka.brokers);
    for (name, value) in fixed {
        config.set(*name, *value);
    }
    config
}

/// Consumers prefetch no more than this together with what one fetch brings, each.
const FETCH: [(&str, &str); 3] = [
    ("queued.max.messages.kbytes", "16384"),
    // The default of a second starves a reader of a backlog: its queue is empty long before.
    ("fetch.queue.backoff.ms", "10"),
    ("fetch.wait.max.ms", "100"),
];

pub(super) fn reader(kafka: &Kafka, isolation: Isolation) -> ClientConfig {
    let isolation = match isolation {
        Isolation::ReadUncommitted => "read_uncommitted",
        Isolation::ReadCommitted => "read_committed",
    };
    let mut defaults = FETCH.to_vec();
    defaults.push(("fetch.message.max.bytes", "2097152"));
    build(
        kafka,
        &defaults,
        &[
            // It never joins: the name is for the rights to look at offsets.
            ("group.id", &kafka.group),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", "error"),
            ("isolation.level", isolation),
        ],
    )
}

pub(super) fn member(kafka: &Kafka, group: &str) -> ClientConfig {
    let mut defaults = FETCH.to_vec();
    defaults.extend([
        // A partition's records come in runs of that much: while one is read the others fall behind in event time.
        ("fetch.message.max.bytes", "524288"),
        // A dead member's partitions stand still for as long as this.
        ("session.timeout.ms", "8000"),
        // Members hear of a rebalance with their next heartbeat; handing a partition over takes two.
        ("heartbeat.interval.ms", "500"),
        ("max.poll.interval.ms", "120000"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        // New partitions and topics of the inputs are seen within half a minute.
        ("topic.metadata.refresh.interval.ms", "30000"),
    ]);
    build(
        kafka,
        &defaults,
        &[
            ("group.id", group),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
        ],
    )
}

/// For questions about offsets: committed ones are those that no open transaction can change any more.
pub(super) fn asker(kafka: &Kafka, group: &str, isolation: &str) -> ClientConfig {
    build(kafka, &[], &[("group.id", group), ("enable.auto.commit", "false"), ("isolation.level", isolation)])
}

pub(super) fn admin(kafka: &Kafka) -> ClientConfig {
    build(kafka, &[], &[])
}

const PRODUCE: [(&str, &str); 4] = [
    ("linger.ms", "5"),
    ("message.max.bytes", LARGEST_RECORD_BYTES),
    ("queue.buffering.max.kbytes", "65536"),
    ("message.timeout.ms", "60000"),
];

pub(super) fn writer(kafka: &Kafka) -> ClientConfig {
    let mut defaults = PRODUCE.to_vec();
    // Journal, snapshots and partials are ids and numbers, with each text written once a block: little would be gained.
    defaults.push(("compression.codec", "none"));
    let mut config = build(kafka, &defaults, &[("enable.idempotence", "true"), ("acks", "all")]);
    // One of these in the properties is for the transactors.
    config.remove("transactional.id").remove("transaction.timeout.ms");
    config
}

pub(super) fn transactor(kafka: &Kafka, id: &str) -> ClientConfig {
    let mut defaults = PRODUCE.to_vec();
    // Rows are texts that repeat themselves.
    defaults.push(("compression.codec", "lz4"));
    defaults.push(("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS));
    let mut config =
        build(kafka, &defaults, &[("transactional.id", id), ("enable.idempotence", "true"), ("acks", "all")]);
    // A record may wait as long as its transaction, not longer: librdkafka adjusts its own default.
    config.remove("message.timeout.ms");
    config
}

pub(super) const TRANSACTION_TIMEOUT_MS: &str = "60000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_correctness_rests_on_wins_over_the_users_properties() {
        let properties =
            [("enable.auto.commit", "true"), ("acks", "0"), ("linger.ms", "50"), ("auto.offset.reset", "end")];
        let kafka = Kafka {
            brokers: "localhost:1".into(),
            group: "g".into(),
            properties: properties.map(|(name, value)| (name.into(), value.into())).into(),
        };
        assert_eq!(member(&kafka, "m").get("enable.auto.commit"), Some("false"));
        assert_eq!(reader(&kafka, Isolation::ReadCommitted).get("auto.offset.reset"), Some("error"));
        assert_eq!(writer(&kafka).get("acks"), Some("all"));
        assert_eq!(writer(&kafka).get("linger.ms"), Some("50"), "the user's wins over a default");
    }
}
