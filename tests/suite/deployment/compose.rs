//! The compose file, read by Compose's own package, and what it mounts.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{check, in_repository, said};
use crate::real_parts::{command, tool};

/// The model as Docker has it: merged, filled in, with absolute paths.
fn model() -> Value {
    let mut compose = Command::new(tool("manifests/compose"));
    let compose = compose.args(["-format", "json", "compose.yaml"]).current_dir(in_repository("deploy"));
    let output = compose.env_remove("TRIBUTARY_TOML").env_remove("TRIBUTARY_TOKEN").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn it_is_valid_and_reachable_from_this_machine_alone() {
    let mut schema = Command::new(tool("python/bin/check-jsonschema"));
    schema.args(["--builtin-schema", "vendor.compose-spec"]).arg(in_repository("deploy/compose.yaml"));
    said(&mut schema);
    let model = model();
    let services = model["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["grafana", "kafka", "prometheus", "sample", "tributary"]);
    for (name, service) in services {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name}");
        }
        let (_, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap();
        assert!(
            tag == "local" || tag.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()),
            "{name}: {tag}"
        );
    }
    assert_eq!(services["sample"]["profiles"], serde_json::json!(["sample"]));
    assert_eq!(services["tributary"]["depends_on"]["kafka"]["condition"], "service_healthy");
    assert_eq!(services["tributary"]["build"]["dockerfile"], "deploy/Dockerfile");
}

#[test]
fn what_it_mounts_is_there_and_right() {
    let model = model();
    let mounts = model["services"].as_object().unwrap().values().flat_map(|service| service["volumes"].as_array());
    let binds: Vec<_> = mounts.flatten().filter(|mount| mount["type"] == "bind").collect();
    for bind in &binds {
        let source = bind["source"].as_str().unwrap();
        assert!(Path::new(source).exists(), "{source} is mounted, but not there");
        assert_eq!(bind["read_only"], true, "{source}");
    }
    let source_of = |target: &str| {
        let bind = binds.iter().find(|bind| bind["target"] == target).unwrap_or_else(|| panic!("{target}"));
        Path::new(bind["source"].as_str().unwrap()).to_owned()
    };

    let environment = model["services"]["tributary"]["environment"].as_object().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let variables: Vec<_> = environment.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let said_of = check(&source_of("/etc/tributary/tributary.toml"), &variables);
    assert!(said_of.contains("is valid"), "{said_of}");

    let prometheus = source_of("/etc/prometheus").join("prometheus.yml");
    said(Command::new(command("promtool")).args(["check", "config"]).arg(prometheus));

    let provisioned = source_of("/etc/grafana/provisioning");
    let yaml = |path: &str| -> yaml_serde::Value {
        yaml_serde::from_str(&std::fs::read_to_string(provisioned.join(path)).unwrap()).unwrap()
    };
    let source = &yaml("datasources/prometheus.yaml")["datasources"][0];
    assert_eq!((source["type"].as_str(), source["url"].as_str()), (Some("prometheus"), Some("http://prometheus:9090")));
    let folder = yaml("dashboards/tributary.yaml")["providers"][0]["options"]["path"].as_str().unwrap().to_owned();
    source_of(&folder);
}

/// A history that would not be of today would show nothing in the running windows.
#[test]
fn the_generated_events_end_today() {
    let model = model();
    let command: Vec<&str> =
        model["services"]["sample"]["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let after = |name: &str| command[command.iter().position(|word| *word == name).unwrap() + 1];
    assert_eq!(after("--start"), format!("now-{}d", after("--days")));
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path().to_str().unwrap();
    let brokers = command.iter().position(|word| *word == "--brokers").unwrap();
    let mut arguments = command.clone();
    arguments.drain(brokers..brokers + 2);
    let leads = arguments.iter().position(|word| *word == "--leads").unwrap();
    arguments[leads + 1] = "20";
    said(Command::new(super::BINARY).args(&arguments).args(["--out", files]));
    let touches = std::fs::read_to_string(directory.path().join("touchpoints.ndjson")).unwrap();
    let day = |at: jiff::Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let yesterday = day(jiff::Timestamp::now()).yesterday().unwrap();
    assert!(touches.contains(&format!("\"{yesterday}T")), "nothing happened on {yesterday}");
}
