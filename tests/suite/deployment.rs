//! What is in `deploy/`, judged by the tools that its users have, and by what the product says of itself: the image, the
//! compose file, the chart, the unit, the manifests.

mod chart;
mod compose;
mod image;
mod strimzi;
mod unit;

use std::path::{Path, PathBuf};
use std::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_tributary");

/// A path in the repository.
fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(in_repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a program says, which must end well.
fn said(command: &mut Command) -> String {
    let (well, text) = outcome(command);
    assert!(well, "{command:?}: {text}");
    text
}

/// Whether it ended well, and all that it said.
fn outcome(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// `tributary check` of a configuration, with variables.
fn check(config: &Path, variables: &[(String, String)]) -> String {
    let mut command = Command::new(BINARY);
    command.args(["check", "--config"]).arg(config).envs(variables.iter().map(|(name, value)| (name, value)));
    said(&mut command)
}
