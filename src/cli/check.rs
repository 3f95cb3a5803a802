//! `tributary check`: the configuration, file and environment, in; every problem out, or what it amounts to. With
//! `--connect` what it connects to is looked at as well.

mod connection;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use self::connection::{Look, look};
use super::{BAD_USAGE, ConfigSource, Output, is_colourful};
use crate::config::{Config, Encoding, Model, Problem, Problems};
use crate::kpi::families::families_of;
use crate::kpi::rules::rules_of;
use crate::model::event::Topic;

#[derive(Debug, Args)]
#[command(after_help = "\
Without --connect nothing is asked of anybody: it can run in a build.
Exit codes: 0 valid; 1 valid, but what it connects to is not as it must be; 2 problems found.
Examples:
  tributary check                                  tributary.toml and the environment
  tributary check --config prod.toml --connect     brokers, topics, the schema registry as well
  tributary check --output json | jq '.problems[] | .message'")]
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
                stderr().write_all(config.notes.render(is_colourful(&stderr())).as_bytes())?;
                stdout().write_all(summary(&name, &config).as_bytes())?;
                let looks = self.looks(&config);
                for Look { what, ok, found } in &looks {
                    writeln!(stdout(), "  {}  {what}: {found}", if *ok { "ok  " } else { "FAIL" })?;
                }
                Ok(code(&looks))
            }
            (Ok(config), Output::Json) => {
                let looks = self.looks(&config);
                let mut result = json!({
                    "valid": true, "fold_hash": config.fold_hash(), "problems": [], "notes": listed(&config.notes),
                });
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

/// What a run with it does, in a few lines.
fn summary(name: &str, config: &Config) -> String {
    let models: Vec<&str> = config.attribution.models.iter().map(Model::name).collect();
    let windows: Vec<String> = config.time.windows.iter().map(ToString::to_string).collect();
    let families = families_of(config);
    let own = match config.kpis.len() {
        0 => String::new(),
        own => format!(", {own} of them of your own"),
    };
    let rules: Vec<String> = rules_of(config, &families).into_iter().map(|rule| rule.name).collect();
    let encoding = if config.output.encoding == Encoding::Avro { "Avro" } else { "JSON" };
    let lines = [
        ("brokers", format!("{}, group {}", config.kafka.brokers, config.kafka.group)),
        ("reads", inputs(config).join(" ")),
        ("writes", format!("{} in {encoding}, {}*", outputs(config).join(" "), config.topics.internal_prefix)),
        ("shards", config.topics.partitions.to_string()),
        ("zone", config.time.calendar.zone().iana_name().unwrap_or("UTC").to_owned()),
        ("windows", windows.join(" ")),
        ("models", models.join(" ")),
        ("KPIs", format!("{}{own}; `tributary catalogue` lists them", families.kpis.len())),
        ("alerts", if rules.is_empty() { "none".to_owned() } else { rules.join(" ") }),
        ("http", http(config)),
        ("hash", config.fold_hash()),
    ];
    let lines: String = lines.into_iter().map(|(what, is)| format!("  {what:<9}{is}\n")).collect();
    format!("{name} is valid\n{lines}")
}

fn inputs(config: &Config) -> Vec<&str> {
    Topic::ALL.iter().filter_map(|topic| config.topics.inputs.get(topic)).map(|input| input.topic.as_str()).collect()
}

fn outputs(config: &Config) -> Vec<&str> {
    let topics = &config.topics;
    let ledgers = [
        ("attributions", &topics.attributions),
        ("lead-lifecycle", &topics.lead_lifecycle),
        ("conversions", &topics.conversions),
        ("suppressions", &topics.suppressions),
    ];
    let written = ledgers.into_iter().filter(|(ledger, _)| config.output.ledgers.contains(*ledger));
    let written = written.map(|(_, topic)| topic.as_str());
    std::iter::once(topics.kpis.as_str()).chain(written).chain([topics.alerts.as_str(), &topics.dead_letters]).collect()
}

fn http(config: &Config) -> String {
    let listen = config.http.listen;
    let asks = if listen.ip().is_loopback() { "" } else { ", for whoever has the token" };
    format!("http://{listen}/{asks}")
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
