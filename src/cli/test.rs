//! `tributary test FILES…`: scenario files in, how each scenario went out. All files are read before anything runs: one
//! that is wrong is bad usage, a scenario that fails is a failure.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{BAD_USAGE, BadUsage, ConfigSource, Output, check};
use crate::config::Problems;
use crate::config::document::Document;
use crate::scenario::{self, FORMAT, Failure, Fault, Named, Scenario};

#[derive(Debug, Args)]
#[command(after_long_help = FORMAT)]
pub struct Test {
    /// Scenario files, in TOML (`--help` describes the format)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// How a scenario went.
#[derive(Serialize)]
struct Verdict {
    file: String,
    line: usize,
    title: String,
    ok: bool,
    failures: Vec<Failure>,
}

impl Test {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let scenarios = match (self.read(source)?, self.output) {
            (Ok(scenarios), _) => scenarios,
            (Err(problems), Output::Text) => return Err(problems.into()),
            (Err(problems), Output::Json) => {
                check::print(&json!({ "valid": false, "problems": check::listed(&problems) }))?;
                return Ok(ExitCode::from(BAD_USAGE));
            }
        };
        let verdicts = scenarios.iter().map(|(file, scenario)| {
            let failures = scenario::run(scenario)?;
            let (title, line) = (scenario.title.clone(), scenario.line);
            anyhow::Ok(Verdict { file: file.clone(), line, title, ok: failures.is_empty(), failures })
        });
        let verdicts = verdicts.collect::<Result<Vec<_>, _>>()?;
        let failed = verdicts.iter().filter(|verdict| !verdict.ok).count();
        match self.output {
            Output::Text => stdout().lock().write_all(text(&verdicts, failed).as_bytes())?,
            Output::Json => check::print(&json!({
                "valid": true, "passed": verdicts.len() - failed, "failed": failed, "scenarios": verdicts,
            }))?,
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Each scenario with the name of its file.
    fn read(&self, source: &ConfigSource) -> Result<Result<Vec<(String, Scenario)>, Problems>, BadUsage> {
        let (mut scenarios, mut problems) = (Vec::new(), Vec::new());
        for path in &self.files {
            let name = path.display().to_string();
            match scenario::read(&Document::new(&name, &contents(path)?), &|| source.load()) {
                Ok(read) => scenarios.extend(read.into_iter().map(|scenario| (name.clone(), scenario))),
                Err(found) => problems.push(found),
            }
        }
        Ok(if problems.is_empty() { Ok(scenarios) } else { Err(Problems::of_all(problems)) })
    }
}

fn contents(path: &Path) -> Result<String, BadUsage> {
    std::fs::read_to_string(path).map_err(|error| BadUsage(format!("cannot read {}: {error}", path.display())))
}

fn text(verdicts: &[Verdict], failed: usize) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    for Verdict { file, line, title, ok, failures } in verdicts {
        let _ = writeln!(text, "{}  {file}:{line}  {title}", if *ok { "ok    " } else { "FAILED" });
        for Failure { line, fault } in failures {
            let _ = writeln!(text, "  {file}:{line}  {}", described(fault));
        }
    }
    let plural = if verdicts.len() == 1 { "" } else { "s" };
    let _ = writeln!(text, "{} scenario{plural}, {failed} failed", verdicts.len());
    text
}

fn described(fault: &Fault) -> String {
    let value = |row: &Named| row.value.clone().unwrap_or_else(|| "null".to_owned());
    match fault {
        Fault::Different { row, differences } => differences.iter().fold(row.clone(), |text, difference| {
            format!("{text}\n    {}: expected {}, found {}", difference.column, difference.expected, difference.found)
        }),
        Fault::Missing { row, nearest } if nearest.is_empty() => format!("{row}\n    no such row, nor any of this KPI"),
        Fault::Missing { row, nearest } => {
            nearest.iter().fold(format!("{row}\n    no such row; there are"), |text, row| {
                format!("{text}\n      {} = {}", row.row, value(row))
            })
        }
        Fault::Unexpected { row } => format!("{}\n    must not be there, and is: {}", row.row, value(row)),
        Fault::Rejected { event, reason, message } => format!("{event}\n    rejected as {reason}: {message}"),
        Fault::NotRejected { event, expected } => format!("{event}\n    must be rejected as {expected}, and is not"),
        Fault::OtherwiseRejected { event, expected, found, message } => {
            format!("{event}\n    must be rejected as {expected}, and is as {found}: {message}")
        }
    }
}
