//! The committed manifests for Strimzi are what `topics --output strimzi` prints for the configuration beside them. That
//! their rights suffice is tried on a real broker, in `kafka_line`.

use std::collections::BTreeSet;
use std::process::Command;

use yaml_serde::Value;

use super::{BINARY, check, in_repository, read};

const CONFIG: &str = "deploy/strimzi/tributary.toml";
const MANIFESTS: &str = "deploy/strimzi/tributary.yaml";

fn printed() -> String {
    let output =
        Command::new(BINARY).args(["topics", "--output", "strimzi", "--config"]).arg(in_repository(CONFIG)).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn the_committed_manifests_are_current() {
    check(&in_repository(CONFIG), &[]);
    let command = format!("target/debug/tributary topics --config {CONFIG} --output strimzi > {MANIFESTS}");
    assert_eq!(read(MANIFESTS), printed(), "write them anew: {command}");
}

#[test]
fn every_topic_is_there_and_nothing_is_allowed_on_the_cluster() {
    let text = printed();
    let documents: Vec<Value> =
        text.split("---\n").filter(|one| !one.is_empty()).map(|one| yaml_serde::from_str(one).unwrap()).collect();
    let mut names = BTreeSet::new();
    for document in &documents {
        assert_eq!(document["apiVersion"].as_str(), Some("kafka.strimzi.io/v1"));
        assert_eq!(document["metadata"]["labels"]["strimzi.io/cluster"].as_str(), Some("my-cluster"));
        let kind = document["kind"].as_str().unwrap();
        assert!(names.insert((kind, document["metadata"]["name"].as_str().unwrap())), "named twice");
        let known: &[&str] = match kind {
            "KafkaTopic" => &["topicName", "partitions", "replicas", "config"],
            "KafkaUser" => &["authentication", "authorization"],
            other => panic!("{other}"),
        };
        for (key, _) in document["spec"].as_mapping().unwrap() {
            assert!(known.contains(&key.as_str().unwrap()), "{kind} has no {key:?}");
        }
    }
    let json =
        Command::new(BINARY).args(["topics", "--output", "json", "--config"]).arg(in_repository(CONFIG)).output();
    let json: serde_json::Value = serde_json::from_slice(&json.unwrap().stdout).unwrap();
    let wanted: BTreeSet<_> =
        json.as_array().unwrap().iter().map(|one| ("KafkaTopic", one["name"].as_str().unwrap())).collect();
    let user = BTreeSet::from([("KafkaUser", "tributary")]);
    assert_eq!(names, &wanted | &user);

    let user = documents.last().unwrap();
    for acl in user["spec"]["authorization"]["acls"].as_sequence().unwrap() {
        let resource = acl["resource"]["type"].as_str().unwrap();
        assert!(["topic", "group", "transactionalId"].contains(&resource), "{resource}");
        let operations = acl["operations"].as_sequence().unwrap();
        assert!(
            operations.iter().all(|one| !matches!(one.as_str(), Some("All" | "Alter" | "Create"))),
            "{operations:?}"
        );
    }
}
