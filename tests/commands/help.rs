//! What the program says of itself: help of every command, which cannot change unseen (`UPDATE_EXPECT=1` takes it over);
//! completions that a shell loads; manual pages without a complaint of the formatter; errors in usage that name what was
//! meant.

use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use expect_test::expect_file;
use tributary::cli::Cli;

use crate::tributary;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tributary");

fn commands() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

#[test]
fn help_is_as_it_was() {
    let mut all = vec![("tributary".to_owned(), vec!["--help".to_owned()])];
    all.extend(commands().into_iter().map(|name| (name.clone(), vec![name, "--help".to_owned()])));
    for (name, arguments) in all {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, out, err) = tributary(Path::new("."), &arguments, &[("TRIBUTARY_CONFIG", "secret-place.toml")]);
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert!(!out.contains("secret-place"), "what the environment says is nobody else's business: {out}");
        let lines: String = out.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        expect_file![format!("help/{name}.txt")].assert_eq(&lines);
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    let completed = |words: &str, at: usize| {
        let mut from_last = words.rsplit(' ');
        let (last, before) = (from_last.next().unwrap_or_default(), from_last.next().unwrap_or_default());
        let script = format!(
            "source <('{PROGRAM}' completions bash) || exit 9
             complete -p tributary >/dev/null || exit 8
             COMP_WORDS=({words}); COMP_CWORD={at}; _tributary tributary '{last}' '{before}'; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["--norc", "-c", &script]).output().expect("bash runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    assert_eq!(completed("tributary jour", 1), "journey");
    assert_eq!(completed("tributary check --con", 2), "--connect --config");
    assert_eq!(completed("tributary report --output nd", 3), "ndjson");
}

#[test]
fn manual_pages_are_without_fault() {
    let mut pages = vec![String::new()];
    pages.extend(commands());
    for page in pages {
        let script = format!("set -o pipefail; '{PROGRAM}' man {page} | groff -ww -man -Tutf8 >/dev/null");
        let output = Command::new("bash").args(["-c", &script]).output().expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{page}: {said}");
    }
}

#[test]
fn what_was_meant_is_named() {
    for (arguments, part) in [
        (&["jorney", "x"][..], "'journey'"),
        (&["check", "--conect"], "'--connect'"),
        (&["man", "jorney"], "did you mean `journey`?"),
        (&["completions", "bsh"], "'bash'"),
        (&["dead-letters", "--reason", "late_event"], "one of undecodable"),
        (&["dead-letters", "--letter", "3"], "such as 3:120"),
        (&["journey", "l1", "--at", "localhost:9464"], "such as http://localhost:9464"),
    ] {
        let (code, out, err) = tributary(Path::new("."), arguments, &[]);
        assert!(code == 2 && out.is_empty() && err.contains(part), "{arguments:?}: {code} {err}");
    }
}

#[test]
fn who_has_read_enough_is_no_error() {
    for command in ["schema", "catalogue", "init --stdout", "man", "completions bash", "topics"] {
        let script = format!("set -o pipefail; '{PROGRAM}' {command} | head -1 >/dev/null");
        let output = Command::new("bash").args(["-c", &script]).output().expect("bash runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{command}: {output:?}");
    }
}
