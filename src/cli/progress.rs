//! Bars of progress on stderr, for what takes long: hidden by themselves where it is no terminal, and written around by
//! the logs.

use std::fmt::Write;

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};

use crate::telemetry::logging::bars;

/// So long, in the words of the template.
pub(super) fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = bars().add(ProgressBar::new(length));
    styled(bar, template)
}

/// For what nobody knows the length of.
pub(super) fn spinner(message: &'static str) -> ProgressBar {
    let bar = bars().add(ProgressBar::new_spinner());
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    styled(bar, "{elapsed_precise} {spinner} {msg}").with_message(message)
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    // A template is part of the build.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.with_key("rate", rate).progress_chars("█▉▊▋▌▍▎▏ "))
}

/// Whole ones a second.
fn rate(state: &ProgressState, to: &mut dyn Write) {
    // Writing a bar's text does not fail.
    let _ = write!(to, "{}/s", HumanCount(state.per_sec().round() as u64));
}
