//! A broker inside the process, on loopback, which any Kafka client writes to and reads from: librdkafka's own. It keeps
//! the newest 5 MiB of a partition in memory, knows no transactions and deletes nothing on demand, so it is what the demo
//! shows to the outside, never what a number rests on.

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::runtime::log::{LogError, NewTopic};

pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Listens on a free port, and has these topics.
    ///
    /// # Errors
    /// When it cannot listen, or a topic's name is none.
    pub fn start(topics: &[NewTopic]) -> Result<Self, LogError> {
        let failed = |error: KafkaError| LogError::Fatal(format!("the embedded broker: {error}"));
        let cluster = MockCluster::new(1).map_err(failed)?;
        for topic in topics {
            cluster.create_topic(&topic.name, i32::from(topic.partitions), 1).map_err(failed)?;
        }
        Ok(Self { cluster })
    }

    /// Host and port, as clients are given them.
    #[must_use]
    pub fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}
