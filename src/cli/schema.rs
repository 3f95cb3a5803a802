//! `tributary schema`: the JSON schema of the configuration, for editors, on stdout.

use std::io::{Write, stdout};
use std::process::ExitCode;

use crate::config::json_schema;

pub fn run() -> anyhow::Result<ExitCode> {
    writeln!(stdout().lock(), "{:#}", json_schema())?;
    Ok(ExitCode::SUCCESS)
}
