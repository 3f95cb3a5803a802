//! `tributary check`: the configuration, file and environment, in; every problem out, or what it amounts to. With
//! `--connect` what it connects to is looked at as well.

mod connection;

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use self::connection::{Look, look};
use super::{BAD_USAGE, ConfigSource, Output};
use crate::config::{Config, Model, Problem, Problems};

#[derive(Debug, Args)]
pub struct Check {
    /// Look at the brokers, topics, groups and the schema registry, too
    #[arg(long)]
    connect: bool,
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
                let looks = self.looks(&config);
                for Look { what, ok, found } in &looks {
                    writeln!(stdout(), "  {}  {what}: {found}", if *ok { "ok  " } else { "FAIL" })?;
                }
                Ok(code(&looks))
            }
            (Ok(config), Output::Json) => {
                let looks = self.looks(&config);
                let mut result = json!({ "valid": true, "fold_hash": config.fold_hash(), "problems": [] });
                if self.connect {
                    result["connection"] = serde_json::to_value(&looks)?;
                }
                print(&result)?;
                Ok(code(&looks))
            }
            (Err(problems), Output::Text) => Err(problems.into()),
            (Err(problems), Output::Json) => {
                print(&json!({ "valid": false, "problems": listed(&problems) }))?;
                Ok(ExitCode::from(BAD_USAGE))
            }
        }
    }

    fn looks(&self, config: &Config) -> Vec<Look> {
        if self.connect { look(config) } else { Vec::new() }
    }
}

/// What is not as it must be is a failure of what runs, not of the configuration.
fn code(looks: &[Look]) -> ExitCode {
    if looks.iter().all(|look| look.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

pub(super) fn listed(problems: &Problems) -> Vec<Value> {
    problems.iter().map(as_json).collect()
}

fn as_json(problem: &Problem) -> Value {
    let (file, line, column) = problem.position().map_or((None, None, None), |(f, l, c)| (Some(f), Some(l), Some(c)));
    json!({ "message": problem.message(), "file": file, "line": line, "column": column, "hint": problem.hint() })
}

pub(super) fn print(value: &Value) -> std::io::Result<()> {
    writeln!(stdout().lock(), "{value:#}")
}
