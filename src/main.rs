//! The binary: parses the command line, sets up logging, runs the command, and turns its outcome into an exit code.

use std::process::ExitCode;

use clap::Parser;
use tributary::cli::{Cli, report_failure};
use tributary::telemetry::logging;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = logging::start().map_err(Into::into).and_then(|()| cli.run());
    outcome.unwrap_or_else(|failure| report_failure(&failure))
}
