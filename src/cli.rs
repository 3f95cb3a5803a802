//! The command line: one arm and one module a command. Exit codes: 0 done, 1 failed while running, 2 bad usage or
//! configuration.

mod catalogue;
mod check;
mod completions;
mod dead_letters;
mod demo;
mod erasures;
pub mod generate;
mod init;
mod instance;
mod journey;
mod man;
mod progress;
mod records;
mod report;
mod reset;
mod run;
mod schema;
mod test;
mod top;
mod topics;

use std::io::{ErrorKind, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

pub use self::run::LONGEST_STOP;
use crate::config::{Config, Problems};
use crate::model::time::Millis;
use crate::runtime::kafka_log::wrong_property;
use crate::runtime::log::LogError;
use crate::telemetry::logging::LoggingError;

/// The configuration that is read when none is named, if it is there.
const DEFAULT_CONFIG: &str = "tributary.toml";
const BAD_USAGE: u8 = 2;

/// Streaming marketing KPIs and attribution beside Kafka.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, arg_required_else_help = true)]
pub struct Cli {
    /// The configuration [default: tributary.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "TRIBUTARY_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the KPI catalogue: what each KPI means, its formula, what its rows are split by
    Catalogue(catalogue::Catalogue),
    /// Validate the configuration: every problem, with its place and a hint
    Check(check::Check),
    /// Print what a shell needs to complete commands and options
    Completions(completions::Completions),
    /// List the records that were rejected and why; after a fix, send them back
    DeadLetters(dead_letters::DeadLetters),
    /// Everything in one process with nothing to install: generated events, the processor, the live page
    Demo(demo::DemoArgs),
    /// Ask for leads to be erased; list what may still be where, until when
    Erasures(erasures::ErasuresArgs),
    /// Write a reproducible synthetic history, to try things out or to measure them
    Generate(generate::Generate),
    /// Write a commented configuration
    Init(init::Init),
    /// Show one lead's journey and credits, from a running instance
    Journey(journey::Journey),
    /// Print the manual page, of the program or of a command
    Man(man::Man),
    /// Compute every KPI of a history in files: the same fold and the same rows as a running instance
    Report(report::Report),
    /// Plan the deletion of offsets and internal topics for a clean replay, or carry it out
    Reset(reset::Reset),
    /// Run the processor until it is told to stop
    Run(run::Run),
    /// Print the JSON schema of the configuration, the OpenAPI or the AsyncAPI document
    Schema(schema::Schema),
    /// Run scenario files: a configuration, events in, rows expected
    Test(test::Test),
    /// Watch a running instance: throughput, lag, event time, alerts, leading channels, the funnel
    Top(top::Top),
    /// Print the topics that a deployment needs, or create those that are absent
    Topics(topics::Topics),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Whether escape codes for colours are welcome.
fn is_colourful(to: &impl IsTerminal) -> bool {
    to.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A moment in JSON, as tables show it.
fn as_text<S: serde::Serializer>(at: &Millis, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{at:?}"))
}

/// What is wrong with how a command was called, beyond what the parser sees.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadUsage(pub String);

impl Cli {
    /// # Errors
    /// `Problems` of the configuration, `BadUsage`, or whatever stopped the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let source = ConfigSource { named: self.config };
        match self.command {
            Command::Catalogue(catalogue) => catalogue.run(&source),
            Command::Check(check) => check.run(&source),
            Command::Completions(completions) => completions.run(),
            Command::DeadLetters(letters) => letters.run(&source),
            Command::Demo(demo) => demo.run(),
            Command::Erasures(erasures) => erasures.run(&source),
            Command::Generate(generate) => generate.run(&source),
            Command::Init(init) => init.run(&source),
            Command::Journey(journey) => journey.run(&source),
            Command::Man(man) => man.run(),
            Command::Report(report) => report.run(&source),
            Command::Reset(reset) => reset.run(&source),
            Command::Run(run) => run.run(&source),
            Command::Schema(schema) => schema.run(&source),
            Command::Test(test) => test.run(&source),
            Command::Top(top) => top.run(&source),
            Command::Topics(topics) => topics.run(&source),
        }
    }
}

/// Where a command finds the configuration.
struct ConfigSource {
    named: Option<PathBuf>,
}

impl ConfigSource {
    /// The named file, else the default one if it is there; none means defaults alone.
    fn path(&self) -> Option<&Path> {
        let default = Path::new(DEFAULT_CONFIG);
        self.named.as_deref().or_else(|| default.exists().then_some(default))
    }

    fn path_to_write(&self) -> &Path {
        self.named.as_deref().unwrap_or(Path::new(DEFAULT_CONFIG))
    }

    fn load(&self) -> Result<Config, Problems> {
        let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
        let env = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        Config::load_with(self.path(), env, &wrong_property)
    }
}

/// Says on stderr what went wrong, and with which code the process ends.
#[must_use]
pub fn report_failure(failure: &anyhow::Error) -> ExitCode {
    // Who reads our output has read enough (`tributary schema | head`).
    if failure.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let colour = is_colourful(&stderr());
    let (text, code) = match failure.downcast_ref::<Problems>() {
        Some(problems) => (format!("{}error: {problems}\n", problems.render(colour)), BAD_USAGE),
        None if failure.is::<BadUsage>() || failure.is::<LoggingError>() => (format!("error: {failure}\n"), BAD_USAGE),
        None if failure.chain().any(|cause| cause.is::<LogError>()) => {
            let hint = "hint: `tributary check --connect` looks at the brokers, topics and rights";
            (format!("error: {failure:#}\n{hint}\n"), 1)
        }
        None => (format!("error: {failure:#}\n"), 1),
    };
    // Where stderr is closed there is nobody to tell; the exit code still says it.
    let _ = stderr().lock().write_all(text.as_bytes());
    ExitCode::from(code)
}
