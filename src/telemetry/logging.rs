//! Logs to stderr, between bars of progress: text on a terminal, JSON otherwise. `TRIBUTARY_LOG` filters, such as `debug` or
//! `info,tributary::runtime=trace`; `info` without it.

use std::io::{IsTerminal, Write, stderr};
use std::sync::OnceLock;

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;

pub const FILTER_VARIABLE: &str = "TRIBUTARY_LOG";

#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    #[error("{FILTER_VARIABLE} is no log filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("{FILTER_VARIABLE} is no text")]
    NotUnicode,
    #[error("logging cannot be set up: {0}")]
    Start(#[from] Box<dyn std::error::Error + Send + Sync>),
}

/// # Errors
/// When the filter is not understood, or logging has been started before.
pub fn start() -> Result<(), LoggingError> {
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(text)?,
        Ok(_) | Err(std::env::VarError::NotPresent) => EnvFilter::new("info"),
        Err(std::env::VarError::NotUnicode(_)) => return Err(LoggingError::NotUnicode),
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| BetweenBars);
    if stderr().is_terminal() {
        logs.try_init()?;
    } else {
        logs.json().flatten_event(true).try_init()?;
    }
    Ok(())
}

/// The bars that are drawn; none where stderr is no terminal.
pub fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// Takes the bars away for as long as it writes.
struct BetweenBars;

impl Write for BetweenBars {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        bars().suspend(|| stderr().lock().write(text))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        stderr().lock().flush()
    }
}
