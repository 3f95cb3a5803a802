//! The binary: parses the command line, sets up logging, runs the command, and turns its outcome into an exit code.

use std::process::ExitCode;

use clap::Parser;
use tributary::cli::{Cli, report_failure};
use tributary::telemetry::logging;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Memory is taken step by step and given back in pieces: a huge page would be cleared whole each time, for little of it.
fn keep_pages_small() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay");
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = logging::start().map_err(Into::into).and_then(|()| {
        keep_pages_small();
        cli.run()
    });
    outcome.unwrap_or_else(|failure| report_failure(&failure))
}
