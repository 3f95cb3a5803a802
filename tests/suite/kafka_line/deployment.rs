//! A deployment of its own on the shared broker: a configuration, topics and groups under a name, any number of running
//! instances. It knows when everything has been read and what must have come out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tributary::config::Config;
use tributary::publish::ledgers::Ledger;
use tributary::runtime::kafka_log::KafkaLog;
use tributary::runtime::log::{Log, LogError, Partition};
use tributary::runtime::topics::Names;

use super::records::{Record, read_all};
use super::story::{Came, HISTORY, Rows, Story, UNTIL, run, story, strip};
use crate::broker::broker;
use crate::ledgers::Net;
use crate::real_parts::{Part, command, new_directory, wait_for};

pub const BINARY: &str = env!("CARGO_BIN_EXE_tributary");
pub const SHARDS: usize = 4;
const INPUTS: [&str; 5] = ["touchpoints", "form-fills", "deal-stages", "spend", "accounts"];

/// What differs from test to test.
pub struct Wishes {
    /// Empty: it is no history, and topics without events hold nothing up.
    pub history_until: String,
    pub registry: Option<String>,
    pub avro: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { history_until: UNTIL.to_owned(), registry: None, avro: false }
    }
}

/// The broker, the topics and the groups of a deployment.
fn connections(name: &str) -> String {
    let brokers = broker().bootstrap();
    format!(
        r#"
[kafka]
brokers = "{brokers}"
group = "{name}"
[kafka.properties]
"session.timeout.ms" = "8000"
[topics]
touchpoints = "{name}-touchpoints"
form_fills = "{name}-form-fills"
deal_stages = "{name}-deal-stages"
spend = "{name}-spend"
accounts = "{name}-accounts"
kpis = "{name}-kpis"
attributions = "{name}-attributions"
lead_lifecycle = "{name}-lead-lifecycle"
conversions = "{name}-conversions"
suppressions = "{name}-suppressions"
alerts = "{name}-alerts"
dead_letters = "{name}-dead-letters"
erasures = "{name}-erasures"
internal_prefix = "{name}-internal-"
partitions = {SHARDS}
[http]
listen = "127.0.0.1:0"
"#
    )
}

fn configuration(name: &str, wishes: &Wishes) -> String {
    let Wishes { history_until, registry, avro } = wishes;
    let until = match history_until.is_empty() {
        true => String::new(),
        false => format!("history_until = \"{history_until}\""),
    };
    let encoding = if *avro { "avro" } else { "json" };
    let registry = registry.as_ref().map(|url| format!("[schema_registry]\nurl = \"{url}\"\n")).unwrap_or_default();
    let connections = connections(name);
    format!(
        r#"{registry}{connections}[state]
snapshot_min_tail = "256KiB"
[time]
idle_after = "2s"
advance_when_idle = false
{until}
windows = ["1d", "1mo", "all"]
[output]
# Rows of windows that have ended, too.
settle_interval = "1s"
encoding = "{encoding}"
kpis = ["leads", "mqls", "touches", "sessions", "visitors", "pipeline", "revenue", "customers", "spend", "cost_per_lead",
  "lead_mql_ratio", "duplicate_events", "late_events", "dead_letters"]
[[alerts]]
name = "busy"
window = "1d"
when = "touches >= 5"
[[alerts]]
name = "any"
window = "all"
when = "cost_per_lead > 0"
[accounts]
hold_from = "start"
[attribution]
models = ["first", "linear", "markov", "shapley"]
detail_models = ["first"]
[attribution.data_driven]
min_conversions = 5
[feedback]
stages = ["mql", "won"]
[scoring.engagement]
page_view = 1
email_clicked = 5
webinar_attended = 15
form_demo_request = 25
[[scoring.fit]]
field = "account.is_target"
equals = true
points = 20
[[scoring.reject]]
reason = "test_address"
field = "lead_id"
regex = "@test\\."
[money.rates]
EUR = 1.1
CNY = 0.14
"#
    )
}

pub struct Deployment {
    name: String,
    directory: TempDir,
    log: KafkaLog,
    names: Names,
    /// What its instances have in their environment.
    environment: Vec<(String, String)>,
}

impl Deployment {
    pub fn new(name: &str, wishes: &Wishes) -> Self {
        Self::with(name, &configuration(name, wishes))
    }

    /// With settings of whatever is no connection.
    pub fn with_settings(name: &str, settings: &str) -> Self {
        Self::with(name, &format!("{}{settings}", connections(name)))
    }

    fn with(name: &str, text: &str) -> Self {
        let directory = new_directory(name);
        std::fs::write(directory.path().join("tributary.toml"), text).unwrap();
        let config = Config::parse(text, "tributary.toml", std::iter::empty()).unwrap();
        let names = Names::new(&config, &config.fold_hash());
        Self { name: name.to_owned(), directory, log: KafkaLog::new(config.kafka), names, environment: Vec::new() }
    }

    pub fn with_environment(mut self, variables: &[(&str, &str)]) -> Self {
        self.environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn config(&self) -> PathBuf {
        self.directory.path().join("tributary.toml")
    }

    pub fn topic(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    pub fn ends(&self, topic: &str) -> Vec<i64> {
        broker().ends(&self.topic(topic))
    }

    fn generate<'a>(&self, config: &'a str, history: &[&'a str]) -> Vec<&'a str> {
        let to = ["generate", "--config", config, "--brokers", broker().bootstrap()];
        [&to[..], history].concat()
    }

    /// Writes a history to the input topics, and to files if wanted.
    pub fn load(&self, history: &[&str], files: Option<&Path>) {
        let config = self.config();
        let mut arguments = self.generate(config.to_str().unwrap(), history);
        arguments.extend(files.iter().flat_map(|files| ["--out", files.to_str().unwrap()]));
        run(&arguments);
    }

    /// The tests' history at so many records a second, beside whatever else is done.
    pub fn load_slowly(&self, rate: u32) -> Part {
        self.load_slowly_of(&HISTORY, rate)
    }

    pub fn load_slowly_of(&self, history: &[&str], rate: u32) -> Part {
        let (config, rate) = (self.config(), rate.to_string());
        let arguments = [self.generate(config.to_str().unwrap(), history), vec!["--rate", &rate]].concat();
        Part::start(new_directory("generate"), BINARY.as_ref(), &arguments)
    }

    /// Creates the input topics, so that instances may start before there is anything in them.
    pub fn create_inputs(&self) {
        for topic in INPUTS {
            broker().create_topic(&self.topic(topic), SHARDS, &[]);
        }
    }

    pub fn start(&self) -> Instance {
        let config = self.config();
        let variables: Vec<_> = self.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let run = [BINARY, "run", "--config", config.to_str().unwrap()];
        let arguments: Vec<_> = variables.iter().map(String::as_str).chain(run).collect();
        Instance(Part::start(new_directory("run"), &command("env"), &arguments))
    }

    /// An instance of one role.
    pub fn start_as(&self, role: &str) -> Instance {
        let config = self.config();
        let arguments = ["run", "--config", config.to_str().unwrap(), "--roles", role];
        Instance(Part::start(new_directory("run"), BINARY.as_ref(), &arguments))
    }

    /// How far a group has committed a topic.
    pub fn committed(&self, group: &str, topic: &str) -> Result<Vec<i64>, LogError> {
        let count = broker().ends(topic).len();
        let partition = |number| Partition { topic: topic.into(), number };
        let partitions: Vec<_> = (0..i32::try_from(count).unwrap()).map(partition).collect();
        Ok(self.log.committed(group, &partitions)?.into_iter().map(Option::unwrap_or_default).collect())
    }

    pub fn ingest_committed(&self, topic: &str) -> Vec<i64> {
        let topic = self.topic(topic);
        wait_for("committed offsets", Duration::from_secs(10), || self.committed(&self.names.ingest_group, &topic).ok())
    }

    /// The topics that it keeps for itself, sorted.
    pub fn own_topics(&self) -> Vec<String> {
        let mut topics = self.log.topics().unwrap();
        topics.retain(|topic| topic.starts_with(&format!("{}-internal-", self.name)));
        topics.sort_unstable();
        topics
    }

    /// Deletes what all shards have read of each other and of the journal, as retention does.
    pub fn trim_internal(&self) {
        for topic in [&self.names.journal, &self.names.forwards] {
            for (number, next) in (0..).zip(self.committed(&self.names.shards_group, topic).unwrap()) {
                self.log.trim(&Partition { topic: topic.clone(), number }, next).unwrap();
            }
        }
    }

    pub fn journal_committed(&self) -> Result<Vec<i64>, LogError> {
        self.committed(&self.names.shards_group, &self.names.journal)
    }

    pub fn journal_ends(&self) -> Vec<i64> {
        broker().ends(&self.names.journal)
    }

    /// How much all shards have told each other.
    pub fn forwards_ends(&self) -> i64 {
        broker().ends(&self.names.forwards).iter().sum()
    }

    /// What is written but not read, from the inputs to the rollup; none while it cannot be said.
    pub fn lag(&self) -> Option<i64> {
        let inputs = INPUTS.map(|topic| (&self.names.ingest_group, self.topic(topic)));
        let shards = [&self.names.journal, &self.names.forwards].map(|log| (&self.names.shards_group, log.to_string()));
        let partials = [(&self.names.rollup_group, self.names.partials.to_string())];
        let mut lag = 0;
        for (group, topic) in inputs.into_iter().chain(shards).chain(partials) {
            let committed = self.committed(group, &topic).ok()?;
            lag += broker().ends(&topic).iter().sum::<i64>() - committed.iter().sum::<i64>();
        }
        Some(lag)
    }

    /// Waits till everything is read and the rows are those that `report` has for the history, and have stopped changing.
    pub fn settle(&self, patience: Duration) {
        self.settle_for(&story().rows, patience, || self.rows());
    }

    pub fn settle_for(&self, expected: &Rows, patience: Duration, read: impl Fn() -> Rows) {
        let until = Instant::now() + patience;
        let mut ends = Vec::new();
        loop {
            std::thread::sleep(Duration::from_secs(2));
            let now = broker().ends(&self.topic("kpis"));
            let rests = now == ends && now.iter().any(|end| *end > 0) && self.lag() == Some(0);
            let is_over = Instant::now() > until;
            ends = now;
            if !rests && !is_over {
                continue;
            }
            let rows = read();
            if &rows == expected {
                return;
            }
            assert!(!is_over, "lag {:?}; {}", self.lag(), differences(expected, &rows));
        }
    }

    /// The published rows as kcat reads them, the newest of each key.
    pub fn rows(&self) -> Rows {
        let topic = self.topic("kpis");
        let how = ["-e", "-q", "-X", "isolation.level=read_committed", "-f", "%k\t%S\t%s\n"];
        let mut rows = Rows::new();
        for line in broker().kcat(&[&["-C", "-t", &topic][..], &how].concat()).lines() {
            let mut parts = line.splitn(3, '\t');
            let [key, size, value] = [(); 3].map(|()| parts.next().unwrap());
            if size == "-1" {
                rows.remove(key);
                continue;
            }
            let mut row: Value = serde_json::from_str(value).unwrap();
            strip(&mut row);
            rows.insert(key.to_owned(), row);
        }
        rows
    }

    /// All committed records of one of its topics.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        read_all(&self.topic(topic))
    }

    pub fn letters(&self) -> Vec<Record> {
        self.records("dead-letters")
    }

    /// What its ledgers come to must be what the history does, each line once.
    pub fn check_ledgers(&self) {
        self.check_net(Net::default());
    }

    pub fn check_ledgers_after_crashes(&self) {
        self.check_net(Net { after_crashes: true, ..Net::default() });
    }

    fn check_net(&self, mut net: Net) {
        for ledger in Ledger::ALL {
            for record in self.records(ledger.name()) {
                let key = String::from_utf8(record.key.unwrap()).unwrap();
                net.take(ledger, &key, record.value.as_deref());
            }
        }
        net.compare(&story().net);
    }

    /// Each record that is to be rejected must have one letter, and nothing else any: as it came, with the right reason,
    /// and where it came from.
    pub fn check_letters(&self) {
        self.check_letters_of(story());
    }

    pub fn check_letters_of(&self, story: &Story) {
        let mut inputs = BTreeMap::new();
        for topic in INPUTS.map(|topic| self.topic(topic)) {
            for record in read_all(&topic) {
                inputs.insert((topic.clone(), record.partition, record.offset), record);
            }
        }
        let (mut found, mut places) = (Vec::new(), BTreeSet::new());
        for letter in self.letters() {
            let error = |name: &str| letter.header(&format!("tributary.error.{name}"));
            let place = (error("topic"), error("partition").parse().unwrap(), error("offset").parse().unwrap());
            assert!(places.insert(place.clone()), "two letters of {place:?}");
            let source = &inputs[&place];
            assert_eq!((&letter.key, &letter.value), (&source.key, &source.value), "{place:?}");
            let added = letter.headers.len() - source.headers.len();
            assert_eq!((&letter.headers[..source.headers.len()], added), (&source.headers[..], 6), "{place:?}");
            assert_eq!(error("timestamp"), source.timestamp.to_string());
            assert!(!error("message").is_empty());
            let topic = place.0.trim_start_matches(&self.name)[1..].to_owned();
            let came =
                Came { topic, key: letter.key.clone(), value: letter.value.clone(), timestamp: source.timestamp };
            found.push((came, error("reason")));
        }
        found.sort();
        let short = |(came, reason): &(Came, String)| (came.topic.clone(), came.timestamp, reason.clone());
        let expected = &story.rejected;
        let [here, there] = [&found, expected].map(|all| all.iter().map(short).collect::<Vec<_>>());
        assert_eq!(here, there);
        assert!(found == *expected, "some letter's bytes are not what was sent");
    }
}

/// What is missing, extra and different, shortly.
fn differences(expected: &Rows, rows: &Rows) -> String {
    let keys: BTreeSet<_> = expected.keys().chain(rows.keys()).collect();
    let wrong: Vec<_> = keys.into_iter().filter(|key| expected.get(*key) != rows.get(*key)).collect();
    let mut text = format!("{} rows of {}, {} wrong", rows.len(), expected.len(), wrong.len());
    for key in wrong.iter().take(5) {
        let side = |rows: &Rows| rows.get(*key).map_or("-".to_owned(), Value::to_string);
        let _ = write!(text, "\n{key}\n  expected {}\n  found    {}", side(expected), side(rows));
    }
    text
}

/// A running instance.
pub struct Instance(Part);

impl std::ops::Deref for Instance {
    type Target = Part;

    fn deref(&self) -> &Part {
        &self.0
    }
}

impl std::ops::DerefMut for Instance {
    fn deref_mut(&mut self) -> &mut Part {
        &mut self.0
    }
}

impl Instance {
    /// Ends it without a word.
    pub fn kill(mut self) {
        self.signal("KILL");
        self.wait_end(Duration::from_secs(10));
    }

    fn says(&self, message: &str) -> Vec<Value> {
        let log = self.log();
        let said = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        said.filter(|line| line["message"] == message).collect()
    }

    /// Where it answers over HTTP.
    pub fn address(&self) -> SocketAddr {
        wait_for("its address", Duration::from_secs(30), || {
            self.says("running").first()?["page"].as_str()?.parse().ok()
        })
    }

    /// Waits till it has all shards, and says from where to where each was replayed.
    pub fn wait_live(&self) -> Vec<(String, String)> {
        wait_for("all shards", Duration::from_secs(60), || (self.says("live").len() >= SHARDS).then_some(()));
        let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
        self.says("replaying").iter().map(|line| (text(line, "from"), text(line, "to"))).collect()
    }
}
