//! The rights of a `KafkaUser`, granted on the real broker as Strimzi's operator would. Instances that run as that user may
//! do nothing else.
#![allow(unsafe_code, reason = "the Kafka client of the tests has no call of its own for this; librdkafka has")]

use std::ffi::{CStr, CString};
use std::process::Command;
use std::ptr::null;

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::bindings as native;
use yaml_serde::Value;

use super::deployment::{BINARY, Deployment};
use crate::broker::{PASSWORD, USER, broker};

/// Creates the topics and grants the rights of the manifests; instances started from now on are that user. The internal
/// topics are left to them: they may create those.
pub fn limited(line: Deployment) -> Deployment {
    let internal = line.topic("internal-");
    let line = line.with_environment(&[
        ("TRIBUTARY_KAFKA__BROKERS", broker().guarded()),
        ("TRIBUTARY_KAFKA__PROPERTIES__SECURITY_PROTOCOL", "sasl_plaintext"),
        ("TRIBUTARY_KAFKA__PROPERTIES__SASL_MECHANISM", "PLAIN"),
        ("TRIBUTARY_KAFKA__PROPERTIES__SASL_USERNAME", USER),
        ("TRIBUTARY_KAFKA__PROPERTIES__SASL_PASSWORD", PASSWORD),
    ]);
    let (code, looks) = check(&line);
    assert!(code == Some(1) && looks.contains("uthoriz"), "nothing is granted yet, {code:?}: {looks}");

    let manifests = manifests(&line);
    let of_kind = |kind: &'static str| manifests.iter().filter(move |one| one["kind"].as_str() == Some(kind));
    let there = broker().kcat(&["-L", "-J"]);
    for topic in of_kind("KafkaTopic") {
        let name = topic["spec"].get("topicName").unwrap_or(&topic["metadata"]["name"]).as_str().unwrap();
        if !name.starts_with(&internal) && !there.contains(&format!("\"{name}\"")) {
            create(name, &topic["spec"]);
        }
    }
    for user in of_kind("KafkaUser") {
        for acl in user["spec"]["authorization"]["acls"].as_sequence().unwrap() {
            grant(acl);
        }
    }
    let (code, looks) = check(&line);
    assert_eq!(code, Some(0), "{looks}");
    line
}

fn check(line: &Deployment) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.args(["check", "--connect", "--config"]).arg(line.config()).envs(line.environment());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn manifests(line: &Deployment) -> Vec<Value> {
    let arguments = ["topics", "--output", "strimzi", "--config"];
    let output = Command::new(BINARY).args(arguments).arg(line.config()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split("---\n").filter(|one| !one.is_empty()).map(|one| yaml_serde::from_str(one).unwrap()).collect()
}

fn create(name: &str, spec: &Value) {
    let number = |key: &str| i32::try_from(spec[key].as_i64().unwrap()).unwrap();
    let mut topic = NewTopic::new(name, number("partitions"), TopicReplication::Fixed(number("replicas")));
    if let Some(settings) = spec.get("config").and_then(Value::as_mapping) {
        topic.config.extend(settings.iter().map(|(key, value)| (key.as_str().unwrap(), value.as_str().unwrap())));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let created = runtime.block_on(broker().admin().create_topics([&topic], &AdminOptions::new()));
    assert_eq!(created.unwrap(), [Ok(name.to_owned())]);
}

/// One entry of `spec.authorization.acls`.
fn grant(acl: &Value) {
    use native::rd_kafka_AclOperation_t as Operation;
    use native::rd_kafka_ResourcePatternType_t as Pattern;
    use native::rd_kafka_ResourceType_t as Resource;

    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let resource = match text(&acl["resource"]["type"]).as_str() {
        "topic" => Resource::RD_KAFKA_RESOURCE_TOPIC,
        "group" => Resource::RD_KAFKA_RESOURCE_GROUP,
        "transactionalId" => Resource::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
        other => panic!("{other}"),
    };
    let pattern = match text(&acl["resource"]["patternType"]).as_str() {
        "literal" => Pattern::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
        "prefix" => Pattern::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
        other => panic!("{other}"),
    };
    let name = text(&acl["resource"]["name"]);
    for operation in acl["operations"].as_sequence().unwrap() {
        let operation = match text(operation).as_str() {
            "Create" => Operation::RD_KAFKA_ACL_OPERATION_CREATE,
            "Delete" => Operation::RD_KAFKA_ACL_OPERATION_DELETE,
            "Describe" => Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE,
            "Read" => Operation::RD_KAFKA_ACL_OPERATION_READ,
            "Write" => Operation::RD_KAFKA_ACL_OPERATION_WRITE,
            other => panic!("{other}"),
        };
        allow(resource, pattern, &name, operation);
    }
}

fn allow(
    resource: native::rd_kafka_ResourceType_t,
    pattern: native::rd_kafka_ResourcePatternType_t,
    name: &str,
    operation: native::rd_kafka_AclOperation_t,
) {
    let [name, who, host] =
        [name.to_owned(), format!("User:{USER}"), "*".to_owned()].map(|text| CString::new(text).unwrap());
    let client = broker().admin().inner().native_ptr();
    let mut problem = [0; 256];
    // SAFETY: the client lives as long as the tests; what is made here is destroyed here, after its last use.
    unsafe {
        let permission = native::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW;
        let mut binding = native::rd_kafka_AclBinding_new(
            resource,
            name.as_ptr(),
            pattern,
            who.as_ptr(),
            host.as_ptr(),
            operation,
            permission,
            problem.as_mut_ptr(),
            problem.len(),
        );
        assert!(!binding.is_null(), "{:?}", CStr::from_ptr(problem.as_ptr()));
        let queue = native::rd_kafka_queue_new(client);
        native::rd_kafka_CreateAcls(client, &raw mut binding, 1, null(), queue);
        let event = native::rd_kafka_queue_poll(queue, 30_000);
        let result = native::rd_kafka_event_CreateAcls_result(event);
        assert!(!result.is_null(), "no answer");
        let mut count = 0;
        let results = native::rd_kafka_CreateAcls_result_acls(result, &raw mut count);
        assert_eq!(count, 1);
        let error = native::rd_kafka_acl_result_error(*results);
        assert!(error.is_null(), "{:?}", CStr::from_ptr(native::rd_kafka_error_string(error)));
        native::rd_kafka_event_destroy(event);
        native::rd_kafka_AclBinding_destroy(binding);
        native::rd_kafka_queue_destroy(queue);
    }
}
