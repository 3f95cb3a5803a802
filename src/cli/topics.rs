//! `tributary topics`: what a deployment needs of its brokers, printed or created.

mod strimzi;

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::ConfigSource;
use crate::config::Config;
use crate::runtime::kafka_log::KafkaLog;
use crate::runtime::log::{Log, NewTopic};
use crate::runtime::rights;
use crate::runtime::topics::{Names, wanted};

#[derive(Debug, Args)]
pub struct Topics {
    /// Create the topics that are absent; those that exist are left as they are
    #[arg(long)]
    create: bool,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// The name of the Kafka resource that Strimzi's manifests are for
    #[arg(long, value_name = "NAME", default_value = "my-cluster")]
    cluster: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Text,
    Json,
    /// YAML manifests for Strimzi: a KafkaTopic each, and a KafkaUser with the rights that `run` needs
    Strimzi,
}

impl Topics {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config: Config = source.load()?;
        let names = Names::new(&config, &config.fold_hash());
        let topics = wanted(&config, &names);
        if self.create {
            KafkaLog::new(config.kafka.clone()).create(&topics)?;
        }
        let text = match self.output {
            Form::Text => table(&topics),
            Form::Json => format!("{:#}\n", Value::Array(topics.iter().map(in_json).collect())),
            Form::Strimzi => {
                strimzi::manifests(&self.cluster, &names.group, &topics, &rights::needed(&config, &names))?
            }
        };
        stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn table(topics: &[NewTopic]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["topic", "partitions", "replicas", "settings"]);
    for topic in topics {
        let settings: Vec<String> = topic.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let counts = [topic.partitions.to_string(), topic.replication_factor.to_string()];
        table.add_row([&topic.name, &counts[0], &counts[1], &settings.join(" ")]);
    }
    format!("{table}\n")
}

fn in_json(topic: &NewTopic) -> Value {
    let settings: serde_json::Map<String, Value> =
        topic.properties.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "name": topic.name,
        "partitions": topic.partitions,
        "replication_factor": topic.replication_factor,
        "config": settings,
    })
}
