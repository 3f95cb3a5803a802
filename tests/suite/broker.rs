//! A real Kafka broker (KRaft, one node) on random loopback ports. All tests of the binary share one, so each names its
//! topics and groups with a prefix of its own.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::real_parts::{Part, command, free_address, new_directory, start_patiently, tool, wait_for};

pub struct Broker {
    bootstrap: String,
    guarded: String,
    admin: AdminClient<DefaultClientContext>,
    /// Dropped last: the client must not outlive what it talks to.
    _part: Part,
}

/// The broker that all tests share: started by the first that asks, ended with the test process.
pub fn broker() -> &'static Broker {
    static SHARED: LazyLock<Broker> = LazyLock::new(|| start_patiently("Kafka", Broker::start));
    &SHARED
}

impl Broker {
    fn start() -> Result<Self, String> {
        let directory = new_directory("kafka");
        let [bootstrap, guarded] = [(); 2].map(|()| free_address().to_string());
        let settings = directory.path().join("server.properties");
        let properties = server_properties(&bootstrap, &guarded, &free_address().to_string(), directory.path());
        std::fs::write(&settings, properties).unwrap();
        format_storage(&settings);

        let classes = classes();
        let arguments = ["-Xmx1g", QUIET, "-cp", &classes, "kafka.Kafka", settings.to_str().unwrap()];
        let mut part = Part::start(directory, &command("java"), &arguments);
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &bootstrap).set("log_level", "0").create().unwrap();
        part.wait_ready(|| {
            let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(1)).ok()?;
            (!metadata.brokers().is_empty()).then_some(())
        })?;
        Ok(Self { bootstrap, guarded, admin, _part: part })
    }

    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The listener that asks who one is (SASL, PLAIN), and where one may do only what was granted.
    pub fn guarded(&self) -> &str {
        &self.guarded
    }

    pub fn admin(&self) -> &AdminClient<DefaultClientContext> {
        &self.admin
    }

    /// Creates a topic and waits till every partition of it has a leader.
    pub fn create_topic(&self, name: &str, partitions: usize, configs: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, i32::try_from(partitions).unwrap(), TopicReplication::Fixed(1));
        topic.config.extend_from_slice(configs);
        let created = std::thread::scope(|scope| {
            // A thread of its own, so that async tests may call this too.
            let create = || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(self.admin.create_topics([&topic], &AdminOptions::new()))
            };
            scope.spawn(create).join().unwrap()
        });
        assert_eq!(created.unwrap(), [Ok(name.to_owned())]);
        wait_for(&format!("leaders of {name}"), Duration::from_secs(20), || {
            let metadata = self.admin.inner().fetch_metadata(Some(name), Duration::from_secs(5)).ok()?;
            let with_leader = metadata.topics().first()?.partitions().iter().filter(|one| one.leader() >= 0);
            let found: HashSet<i32> = with_leader.map(|one| one.id()).collect();
            (found.len() == partitions).then_some(())
        });
    }

    /// The next offset of each partition of a topic.
    pub fn ends(&self, topic: &str) -> Vec<i64> {
        let (client, step) = (self.admin.inner(), Duration::from_secs(10));
        // A topic that has only just been created has no leaders for a moment.
        wait_for(&format!("the ends of {topic}"), Duration::from_secs(30), || {
            let metadata = client.fetch_metadata(Some(topic), step).ok()?;
            let partitions = i32::try_from(metadata.topics().first()?.partitions().len()).ok()?;
            (0..partitions)
                .map(|number| client.fetch_watermarks(topic, number, step).ok().map(|(_, end)| end))
                .collect()
        })
    }

    /// What kcat, a foreign client, prints.
    pub fn kcat(&self, arguments: &[&str]) -> String {
        kcat(&self.bootstrap, arguments, "")
    }

    /// The same with something on its standard input: `kcat_fed(&["-P", "-t", topic], "one\ntwo\n")`.
    pub fn kcat_fed(&self, arguments: &[&str], input: &str) -> String {
        kcat(&self.bootstrap, arguments, input)
    }
}

/// What kcat, a foreign client, prints of whatever broker when it is fed that input.
pub fn kcat(bootstrap: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("timeout")
        .arg("60")
        .arg(command("kcat"))
        .args(["-b", bootstrap])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // All of the input goes in before any output is read: kcat either produces or consumes.
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "kcat {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
/// Who may come in at the guarded listener, and with which password.
pub const USER: &str = "limited";
pub const PASSWORD: &str = "of-limited";

const QUIET: &str = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";

fn classes() -> String {
    format!("{}/*", tool("kafka").display())
}

fn format_storage(settings: &Path) {
    let classes = classes();
    let arguments = [QUIET, "-cp", &classes, "kafka.tools.StorageTool", "format", "-t", "dHJpYnV0YXJ5LXRlc3RzIQ", "-c"];
    let output = Command::new(command("java")).args(arguments).arg(settings).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "formatting the broker's storage (Kafka 4 needs Java 17): {text}");
}

fn server_properties(bootstrap: &str, guarded: &str, controller: &str, directory: &Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
listeners=PLAINTEXT://{bootstrap},GUARDED://{guarded},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{bootstrap},GUARDED://{guarded}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
# Whoever says no name may do everything.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.guarded.sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=\
  org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
# One node.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A typing mistake in a topic is an error.
auto.create.topics.enable=false
# Record times are event times, often long ago: retention by time would delete them at once.
log.retention.ms=-1
# Tests wait for rebalances, lost members and hanging transactions.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
group.consumer.min.session.timeout.ms=500
group.consumer.min.heartbeat.interval.ms=100
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
",
        data = directory.join("data").display()
    )
}

#[cfg(test)]
mod tests {
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;

    #[test]
    fn records_make_the_round_trip_by_kcat() {
        let broker = broker();
        broker.create_topic("broker-round-trip", 2, &[("cleanup.policy", "compact")]);
        broker.kcat_fed(&["-P", "-t", "broker-round-trip", "-p", "1", "-K", "="], "lead-1=first\nlead-2=second\n");
        let read = broker.kcat(&["-C", "-t", "broker-round-trip", "-e", "-q", "-f", "%p %o %k %s\n"]);
        assert_eq!(read, "1 0 lead-1 first\n1 1 lead-2 second\n");
    }

    #[test]
    fn a_transaction_left_hanging_is_aborted_soon() {
        let broker = broker();
        broker.create_topic("broker-hanging", 1, &[]);
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", broker.bootstrap())
            .set("transactional.id", "broker-hanging")
            .set("transaction.timeout.ms", "1000")
            .create()
            .unwrap();
        producer.init_transactions(Duration::from_secs(20)).unwrap();
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::<(), str>::to("broker-hanging").payload("never committed")).unwrap();
        producer.flush(Duration::from_secs(20)).unwrap();
        drop(producer);

        broker.kcat_fed(&["-P", "-t", "broker-hanging"], "after\n");
        let everything = ["-C", "-t", "broker-hanging", "-e", "-q", "-X", "isolation.level=read_uncommitted"];
        assert_eq!(broker.kcat(&everything), "never committed\nafter\n");
        let committed = ["-C", "-t", "broker-hanging", "-e", "-q", "-X", "isolation.level=read_committed"];
        let read = wait_for("the abort", Duration::from_secs(20), || {
            Some(broker.kcat(&committed)).filter(|read| !read.is_empty())
        });
        assert_eq!(read, "after\n");
    }
}
