//! The binary's commands as a shell sees them: arguments and environment in, exit code and output out.

#[path = "commands/help.rs"]
mod help;
#[path = "commands/report.rs"]
mod report;

use std::path::Path;
use std::process::Command;

/// Runs in a directory; gives the exit code, stdout and stderr.
fn tributary(directory: &Path, arguments: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tributary"))
        .args(arguments)
        .envs(env.iter().copied())
        .current_dir(directory)
        .output()
        .expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

#[test]
fn init_writes_what_check_accepts_and_overwrites_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| tributary(directory.path(), arguments, &[]);
    assert_eq!(run(&["init"]).0, 0);
    let (code, out, _) = run(&["check"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("tributary.toml is valid\n"), "{out}");
    let (code, _, err) = run(&["init"]);
    assert_eq!((code, err.as_str()), (2, "error: tributary.toml is there already; --force overwrites it\n"));
    assert_eq!(run(&["init", "--force"]).0, 0);
}

#[test]
fn problems_end_in_code_2_with_their_places() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("mine.toml"), "[time]\nzoen = \"UTC\"\n").expect("a file");
    let (code, out, err) = tributary(directory.path(), &["check", "--config", "mine.toml"], &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("mine.toml:2:1") && err.contains("did you mean `zone`?"), "{err}");

    let arguments = ["check", "--config", "mine.toml", "--output", "json"];
    let (code, out, _) = tributary(directory.path(), &arguments, &[("TRIBUTARY_TIME__SETTLE", "soon")]);
    let result: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &result["valid"]), (2, &false.into()));
    assert_eq!(result["problems"][0]["line"], 2);
    assert_eq!(result["problems"][1]["file"], "environment");
}

#[test]
fn bad_usage_ends_in_code_2() {
    let directory = tempfile::tempdir().expect("a directory");
    for arguments in [&["frobnicate"][..], &["check", "--frob"], &["check", "--config", "missing.toml"], &[]] {
        assert_eq!(tributary(directory.path(), arguments, &[]).0, 2, "{arguments:?}");
    }
    assert_eq!(tributary(directory.path(), &["check"], &[("TRIBUTARY_LOG", "a=b=c")]).0, 2);
}

#[test]
fn the_schema_is_json() {
    let directory = tempfile::tempdir().expect("a directory");
    let (code, out, _) = tributary(directory.path(), &["schema"], &[]);
    let schema: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, 0);
    assert_eq!(schema["properties"]["time"]["properties"]["zone"]["default"], "UTC");
    assert_eq!(tributary(directory.path(), &["schema", "config"], &[]), (0, out, String::new()));
}

#[test]
fn the_api_and_the_topics_are_described_as_configured() {
    let directory = tempfile::tempdir().expect("a directory");
    let env = [("TRIBUTARY_TOPICS__KPIS", "bi.kpis"), ("TRIBUTARY_TIME__WINDOWS", r#"["1d", "all"]"#)];
    let document = |of: &str| -> serde_json::Value {
        let (code, out, err) = tributary(directory.path(), &["schema", of], &env);
        assert_eq!((code, err.as_str()), (0, ""));
        serde_json::from_str(&out).expect("JSON")
    };
    assert_eq!(document("asyncapi")["channels"]["kpis"]["address"], "bi.kpis");
    let openapi = document("openapi");
    let parameters = &openapi["paths"]["/api/v1/conversions"]["get"]["parameters"];
    assert_eq!(parameters[1]["schema"]["enum"], serde_json::json!(["1d", "all"]));
    assert_eq!(tributary(directory.path(), &["schema", "opanapi"], &[]).0, 2);
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| tributary(directory.path(), arguments, &[]);
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, err) = run(&["completions", shell]);
        assert_eq!((code, err.as_str()), (0, ""));
        for command in ["journey", "report", "erasures"] {
            assert!(out.contains(command), "{shell}: {command}");
        }
    }
    let (code, out, _) = run(&["man"]);
    assert!(code == 0 && out.contains(".TH tributary 1") && out.contains("journey"), "{out}");
    let (code, out, _) = run(&["man", "journey"]);
    assert!(code == 0 && out.contains("journey and credits") && out.contains("\\-\\-model"), "{out}");
    assert_eq!(run(&["man", "jorney"]).0, 2);
}

#[test]
fn a_journey_needs_an_instance() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| tributary(directory.path(), arguments, &[]);
    let (code, _, err) = run(&["journey", "l1", "--at", "http://127.0.0.1:1"]);
    assert_eq!(code, 1);
    assert!(err.contains("is an instance running there?"), "{err}");
    assert_eq!(run(&["journey", "l1", "--at", "nowhere"]).0, 2);
    let everywhere = [("TRIBUTARY_HTTP__LISTEN", "0.0.0.0:9464"), ("TRIBUTARY_HTTP__TOKEN", "secret")];
    let (code, _, err) = tributary(directory.path(), &["journey", "l1"], &everywhere);
    assert!(code == 2 && err.contains("give --at"), "{err}");
}

#[test]
fn a_catalogue_for_tools_says_what_it_lacks() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| tributary(directory.path(), &[&["catalogue"], arguments].concat(), &[]);
    for (arguments, hint) in [
        (&["--output", "grafana"][..], "name one with `--dashboard` (executive, channel, funnel-and-sales,"),
        (&["--dashboard", "executive"], "go with `--output grafana`"),
        (&["--output", "prometheus", "--dashboard", "executive"], "`--dashboard` goes with `--output grafana`"),
        (&["--output", "grafana", "--dashboard", "exec"], "a similar value exists: 'executive'"),
    ] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(hint), "{arguments:?}: {err}");
    }
    let (code, out, _) = run(&["--output", "grafana", "--dashboard", "operations"]);
    let dashboard: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &dashboard["uid"]), (0, &"tributary-operations".into()));
}
