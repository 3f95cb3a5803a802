//! `tributary reset`: what a deployment keeps between its inputs and its outputs, as a plan and, with `--yes`, deleted,
//! so that the next `run` reads the inputs from their beginning.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{ConfigSource, Output};
use crate::config::Config;
use crate::runtime::kafka_log::KafkaLog;
use crate::runtime::topics::{is_own_group, is_own_topic};

#[derive(Debug, Args)]
#[command(after_help = "\
Inputs and outputs stay. The next run reads the inputs from their beginning, as far back as they go.
Examples:
  tributary reset            what would be deleted
  tributary reset --yes      delete it, once all instances have stopped")]
pub struct Reset {
    /// Delete what the plan lists; all instances must have stopped
    #[arg(long)]
    yes: bool,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Of every generation that there was.
struct Plan {
    groups: Vec<String>,
    topics: Vec<String>,
    /// A group that has members.
    in_use: Option<String>,
}

impl Reset {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config = source.load()?;
        let log = KafkaLog::new(config.kafka.clone());
        let plan = Plan::new(&config, &log)?;
        if self.yes {
            // Before anything is deleted: instances need not have all roles, and so not be in all groups.
            if let Some(group) = &plan.in_use {
                anyhow::bail!("the group {group} is in use: stop all instances first; nothing is deleted");
            }
            log.delete_groups(&plan.groups)?;
            log.delete_topics(&plan.topics)?;
        }
        let text = match self.output {
            Output::Text => plan.text(self.yes),
            Output::Json => {
                format!("{:#}\n", json!({ "groups": plan.groups, "topics": plan.topics, "deleted": self.yes }))
            }
        };
        stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Plan {
    fn new(config: &Config, log: &KafkaLog) -> anyhow::Result<Self> {
        let mut groups = log.groups()?;
        groups.retain(|(name, _)| is_own_group(config, name));
        let mut topics = log.topics()?;
        topics.retain(|name| is_own_topic(config, name));
        groups.sort_unstable();
        topics.sort_unstable();
        let in_use = groups.iter().find(|(_, members)| *members > 0).map(|(name, _)| name.clone());
        Ok(Self { groups: groups.into_iter().map(|(name, _)| name).collect(), topics, in_use })
    }

    fn text(&self, deleted: bool) -> String {
        if self.groups.is_empty() && self.topics.is_empty() {
            return "there is nothing to delete: the next `tributary run` begins anew\n".to_owned();
        }
        let mut text = String::from(if deleted { "deleted\n" } else { "to be deleted\n" });
        for (kind, names) in [("group", &self.groups), ("topic", &self.topics)] {
            names.iter().for_each(|name| text.push_str(&format!("  {kind}  {name}\n")));
        }
        text.push_str(
            "inputs and outputs stay. The next `tributary run` reads the inputs from the beginning, as far back as \
             their\nretention goes: rows are computed from that alone, and dead letters are written again\n",
        );
        if !deleted {
            text.push_str("nothing is deleted yet: stop all instances, then `tributary reset --yes`\n");
        }
        text
    }
}
