//! `tributary check`: the configuration, file and environment, in; every problem out, or what it amounts to.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{BAD_USAGE, ConfigSource, Output};
use crate::config::{Config, Model, Problem, Problems};

#[derive(Debug, Args)]
pub struct Check {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl Check {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        match (source.load(), self.output) {
            (Ok(config), Output::Text) => {
                let name = source.path().map_or("the default configuration".into(), |path| path.display().to_string());
                stdout().write_all(summary(&name, &config).as_bytes())?;
                Ok(ExitCode::SUCCESS)
            }
            (Ok(config), Output::Json) => {
                print(&json!({ "valid": true, "fold_hash": config.fold_hash(), "problems": [] }))?;
                Ok(ExitCode::SUCCESS)
            }
            (Err(problems), Output::Text) => Err(problems.into()),
            (Err(problems), Output::Json) => {
                print(&json!({ "valid": false, "problems": listed(&problems) }))?;
                Ok(ExitCode::from(BAD_USAGE))
            }
        }
    }
}

fn summary(name: &str, config: &Config) -> String {
    let models: Vec<&str> = config.attribution.models.iter().map(Model::name).collect();
    let windows: Vec<String> = config.time.windows.iter().map(ToString::to_string).collect();
    format!(
        "{name} is valid\n  brokers  {}\n  shards   {}\n  zone     {}\n  windows  {}\n  models   {}\n  hash     {}\n",
        config.kafka.brokers,
        config.topics.partitions,
        config.time.calendar.zone().iana_name().unwrap_or("UTC"),
        windows.join(" "),
        models.join(" "),
        config.fold_hash(),
    )
}

fn listed(problems: &Problems) -> Vec<Value> {
    problems.iter().map(as_json).collect()
}

fn as_json(problem: &Problem) -> Value {
    let (file, line, column) = problem.position().map_or((None, None, None), |(f, l, c)| (Some(f), Some(l), Some(c)));
    json!({ "message": problem.message(), "file": file, "line": line, "column": column, "hint": problem.hint() })
}

fn print(value: &Value) -> std::io::Result<()> {
    writeln!(stdout().lock(), "{value:#}")
}
