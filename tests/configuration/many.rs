//! One file with more than thirty mistakes through the binary: all are said at once, offline, as text and as JSON.

use std::process::Command;

use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/configuration/many.toml");

fn check(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tributary"))
        .args(["check", "--config", FILE])
        .args(arguments)
        // Nobody answers there: nothing may be asked.
        .env("TRIBUTARY_SCHEMA_REGISTRY__URL", "http://127.0.0.1:1")
        .output()
        .expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn all_mistakes_are_found_at_once() {
    let (code, out, _) = check(&["--output", "json"]);
    let said: Value = serde_json::from_str(&out).expect("JSON");
    let problems = said["problems"].as_array().expect("a list");
    assert_eq!((code, &said["valid"]), (Some(2), &Value::Bool(false)));
    assert_eq!(problems.len(), 39, "{said:#}");
    for problem in problems {
        assert!(problem["file"] == FILE && problem["line"].is_u64() && problem["column"].is_u64(), "{problem}");
    }
    let lines: Vec<_> = problems.iter().map(|problem| problem["line"].as_u64()).collect();
    assert!(lines.is_sorted(), "{lines:?}");

    let (code, out, err) = check(&[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    for problem in problems {
        let place = format!("{FILE}:{}:{}]", problem["line"], problem["column"]);
        assert!(err.contains(&place), "{place} is not in\n{err}");
    }
    assert!(err.ends_with(&format!("error: {} problems found\n", problems.len())), "{err}");
}
