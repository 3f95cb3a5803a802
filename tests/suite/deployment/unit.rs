//! The unit of systemd, read by systemd.

use std::process::Command;

use super::{BINARY, outcome, read, said};
use crate::real_parts::command;

/// The unit in a directory, with the binary where it is here.
fn unit() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text = read("deploy/systemd/tributary.service").replace("/usr/local/bin/tributary", BINARY);
    std::fs::write(directory.path().join("tributary.service"), text).unwrap();
    directory
}

#[test]
fn systemd_takes_it() {
    let directory = unit();
    let mut verify = Command::new(command("systemd-analyze"));
    let verify = verify.args(["verify", "--man=no"]).arg(directory.path().join("tributary.service"));
    assert_eq!(said(verify), "");
    let mut broken = Command::new(command("systemd-analyze"));
    std::fs::write(directory.path().join("tributary.service"), "[Service]\nExecStart=/no/such/program\n").unwrap();
    let (well, _) = outcome(broken.args(["verify", "--man=no"]).arg(directory.path().join("tributary.service")));
    assert!(!well, "the judge judges");
}

/// 0 is the least exposed, 10 a service without any restriction. What is left is the network.
#[test]
fn it_is_hardly_exposed() {
    let directory = unit();
    let mut security = Command::new(command("systemd-analyze"));
    security.args(["security", "--no-pager", "--offline=true", "--threshold=15"]);
    said(security.arg(directory.path().join("tributary.service")));
}

#[test]
fn a_stop_has_time_and_a_start_too() {
    let text = read("deploy/systemd/tributary.service");
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap();
    assert_eq!((value("Type"), value("TimeoutStartSec")), ("notify", "infinity"));
    let stop: i64 = value("TimeoutStopSec").parse().unwrap();
    assert!(stop * 1000 > tributary::cli::LONGEST_STOP.0, "{stop} s");
    assert!(value("WatchdogSec").parse::<i64>().unwrap() * 1000 > tributary::cli::LONGEST_STOP.0);
}
