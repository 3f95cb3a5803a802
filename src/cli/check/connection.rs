//! `tributary check --connect`: whether the brokers answer, the topics are there and fit, the rights suffice to ask for
//! them, and the schema registry answers. Everything is looked at, whatever fails.

use std::time::Duration;

use serde::Serialize;

use crate::config::Config;
use crate::ingest::SchemaSource as _;
use crate::ingest::registry::Registry;
use crate::runtime::kafka_log::KafkaLog;
use crate::runtime::log::{Log as _, LogError, Partition};
use crate::runtime::topics::{Names, check_shards, wanted};

/// So often what may pass is asked again, and after this time.
const TRIES: usize = 8;
const PAUSE: Duration = Duration::from_secs(1);

/// One look at something, and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Look {
    pub what: String,
    pub ok: bool,
    pub found: String,
}

impl Look {
    fn new(what: impl Into<String>, found: Result<String, String>) -> Self {
        let ok = found.is_ok();
        Self { what: what.into(), ok, found: found.unwrap_or_else(|problem| problem) }
    }
}

pub(super) fn look(config: &Config) -> Vec<Look> {
    let log = KafkaLog::new(config.kafka.clone());
    let names = Names::new(config, &config.fold_hash());
    let brokers = log.topics().map(|topics| format!("answer; {} topics", topics.len())).map_err(in_words);
    let answered = brokers.is_ok();
    let mut looks = vec![Look::new(format!("brokers {}", config.kafka.brokers), brokers)];
    // Each further question would wait for the same brokers.
    if answered {
        looks.extend(topics(config, &log, &names));
        looks.extend(groups(&log, &names));
    }
    looks.extend(config.schema_registry.as_ref().map(|registry| {
        let asked = Registry::connect(registry).map_err(|error| error.to_string());
        // Which schema is asked for does not matter: that there is none is an answer.
        let answer = asked.and_then(|registry| registry.writer_schema(1).map_err(|error| error.to_string()));
        Look::new("schema registry", answer.map(|_| "answers".to_owned()))
    }));
    looks
}

fn topics(config: &Config, log: &KafkaLog, names: &Names) -> Vec<Look> {
    let look = |name: &str| {
        let Some(count) = log.partitions(name).map_err(in_words)? else {
            return match config.topics.create {
                true => Ok("absent: `tributary run` creates it".to_owned()),
                false => Err("absent: `tributary topics --create` creates it".to_owned()),
            };
        };
        check_shards(names, name, count).map_err(in_words)?;
        let mut records = 0;
        for number in 0..count {
            let (first, next) = log.bounds(&Partition { topic: name.into(), number }).map_err(in_words)?;
            records += next - first;
        }
        let plural = |number: i64| if number == 1 { "" } else { "s" };
        Ok(format!("{count} partition{}, {records} record{}", plural(count.into()), plural(records)))
    };
    wanted(config, names).iter().map(|topic| Look::new(format!("topic {}", topic.name), look(&topic.name))).collect()
}

fn groups(log: &KafkaLog, names: &Names) -> Vec<Look> {
    let inputs = names.inputs.iter().map(|(_, name)| Partition { topic: name.clone(), number: 0 }).collect();
    let shards = vec![names.journal_of(0), names.forwards_of(0)];
    let groups: [(&str, Vec<Partition>); 3] = [
        (&names.ingest_group, inputs),
        (&names.shards_group, shards),
        (&names.rollup_group, vec![names.partials_log()]),
    ];
    let look = |group: &str, partitions: &[Partition]| match committed(log, group, partitions) {
        Ok(committed) if committed.iter().any(Option::is_some) => Ok("has committed before".to_owned()),
        Ok(_) => Ok("new".to_owned()),
        Err(error) => Err(in_words(error)),
    };
    groups.iter().map(|(group, partitions)| Look::new(format!("group {group}"), look(group, partitions))).collect()
}

/// A broker that is new to groups makes the topic of their offsets first, and says so for a while.
fn committed(log: &KafkaLog, group: &str, partitions: &[Partition]) -> Result<Vec<Option<i64>>, LogError> {
    for _ in 1..TRIES {
        match log.committed(group, partitions) {
            Err(LogError::Retriable(_)) => std::thread::sleep(PAUSE),
            answer => return answer,
        }
    }
    log.committed(group, partitions)
}

#[allow(clippy::needless_pass_by_value, reason = "reads better as the last step of a chain")]
fn in_words(error: LogError) -> String {
    error.to_string()
}
