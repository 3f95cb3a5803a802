//! The OpenAPI and the AsyncAPI document, judged by others' tools: the validator of OpenAPI documents, Schemathesis, which
//! asks a running instance whatever the document allows, and the official parser of AsyncAPI documents.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use tributary::config::Config;
use tributary::demo::{Demo, Story, configuration};
use tributary::generate::{History, Settings};
use tributary::publish::http::openapi;
use tributary::runtime::asyncapi;

use crate::http::get;
use crate::real_parts::{tool, wait_for};

/// Writes a document down.
pub fn written(directory: &Path, name: &str, document: &Value) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, document.to_string()).unwrap();
    path
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn run(program: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(said(&output)) }
}

/// Whether a JSON file is as a JSON Schema says.
pub fn validate(schema: &Path, instance: &Path) -> Result<(), String> {
    let [schema, instance] = [schema, instance].map(|path| path.to_str().unwrap());
    run(&tool("python/bin/check-jsonschema"), &["--schemafile", schema, instance])
}

fn defaults() -> Config {
    Config::parse("", "", std::iter::empty()).unwrap()
}

#[test]
fn the_openapi_document_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let document = openapi(&defaults());
    let path = written(directory.path(), "openapi.json", &document);
    assert_eq!(run(&tool("python/bin/openapi-spec-validator"), &[path.to_str().unwrap()]), Ok(()));
    let mut broken = document;
    broken["paths"]["/metrics"]["get"]["responses"] = json!([]);
    let path = written(directory.path(), "broken.json", &broken);
    assert!(run(&tool("python/bin/openapi-spec-validator"), &[path.to_str().unwrap()]).is_err());
}

#[test]
fn the_asyncapi_document_is_one_with_any_encoding() {
    let directory = tempfile::tempdir().unwrap();
    let avro = "[output]\nencoding = \"avro\"\n[schema_registry]\nurl = \"http://registry:8081\"\n[topics]\nkpis = \"bi.kpis\"\n\
        [kafka.properties]\n\"security.protocol\" = \"sasl_ssl\"\n\"sasl.mechanism\" = \"SCRAM-SHA-256\"\n";
    for (name, text) in [("json", ""), ("avro", avro)] {
        let config = Config::parse(text, "", std::iter::empty()).unwrap();
        assert_eq!(parse_asyncapi(directory.path(), name, &asyncapi::document(&config)), Ok(()));
    }
    let mut broken = asyncapi::document(&defaults());
    broken["components"]["messages"]["TouchpointAvro"]["payload"]["schema"]["type"] = json!("recort");
    assert!(parse_asyncapi(directory.path(), "broken", &broken).is_err());
}

fn parse_asyncapi(directory: &Path, name: &str, document: &Value) -> Result<(), String> {
    let path = written(directory, &format!("{name}.json"), document);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/standards/asyncapi.mjs");
    let packages = tool("node");
    run(Path::new("node"), &[script, packages.to_str().unwrap(), path.to_str().unwrap()])
}

/// The events of a history are as the document says.
#[test]
fn events_are_as_the_document_says() {
    let directory = tempfile::tempdir().unwrap();
    let document = asyncapi::document(&defaults());
    let settings =
        Settings { seed: 5, leads: 60, days: 30, events: Some(2000), bad: 0.0, huge: false, ..Settings::default() };
    let history: Vec<_> = History::new(settings).collect();
    for (topic, record) in [
        ("touchpoints", "Touchpoint"),
        ("form-fills", "FormFill"),
        ("deal-stages", "DealStage"),
        ("spend", "Spend"),
        ("accounts", "Account"),
    ] {
        let of_topic = history.iter().filter(|produced| produced.topic.name() == topic);
        let values = of_topic.filter_map(|produced| serde_json::from_slice(produced.value.as_ref()?).ok());
        let values: Vec<Value> = values.take(500).collect();
        assert!(values.len() > 5, "{topic}");
        let items = &document["components"]["schemas"][record];
        let schema = written(directory.path(), "schema.json", &json!({ "type": "array", "items": items }));
        let instance = written(directory.path(), "instance.json", &json!(values));
        assert_eq!(validate(&schema, &instance), Ok(()), "{topic}");
    }
}

/// A demo that has something to say everywhere.
fn demo() -> Demo {
    let config = configuration("127.0.0.1:0".parse().unwrap()).unwrap();
    let demo = Demo::start(&config, Story { seed: 1, leads: 300, days: 60, speed: 600 }).unwrap();
    let has = |path: &str, what: &str| {
        get(demo.address(), path).is_ok_and(|of| of.status == 200 && of.json()[what][0] != Value::Null)
    };
    wait_for("conversions", Duration::from_secs(60), || {
        let conversions = has("/api/v1/conversions?stage=mql&window=all", "conversions");
        (demo.has_numbers() && conversions && has("/api/v1/attribution?stage=mql", "channels")).then_some(())
    });
    demo
}

#[test]
fn a_running_instance_answers_as_its_document_says() {
    let demo = demo();
    let address = demo.address();
    let document = get(address, "/api/v1/openapi.json").unwrap().json();
    every_route_is_there(address, &document);
    answers_are_as_described(address, &document);
    whatever_is_asked(address);
    demo.stop();
}

/// The document and the server are of one list; that the list says what is served shows from outside.
fn every_route_is_there(address: SocketAddr, document: &Value) {
    let nothing = get(address, "/nothing/here").unwrap();
    assert_eq!(nothing.status, 404);
    let listed = nothing.json()["hint"].as_str().unwrap().to_owned();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let mut hinted: Vec<&str> = listed.split(' ').collect();
    hinted.sort_unstable();
    assert_eq!(hinted, paths);
    for path in paths.into_iter().filter(|path| !path.contains('{') && *path != "/api/v1/stream") {
        assert_eq!(get(address, path).unwrap().status, 200, "{path}");
    }
}

/// Answers that say something, all in one file.
fn answers_are_as_described(address: SocketAddr, document: &Value) {
    let conversions = get(address, "/api/v1/conversions?stage=mql&window=all&limit=1").unwrap().json();
    let lead = conversions["conversions"][0]["lead_id"].as_str().unwrap().to_owned();
    let mut answers = serde_json::Map::new();
    let mut properties = serde_json::Map::new();
    for (path, query) in [
        ("/api/v1/kpis", "?limit=300"),
        ("/api/v1/alerts", ""),
        ("/api/v1/attribution", "?stage=mql"),
        ("/api/v1/conversions", "?stage=mql&window=all"),
        ("/api/v1/leads/{lead_id}", ""),
        ("/api/v1/what-if", "?sessions=7"),
        ("/api/v1/catalogue", ""),
        ("/api/v1/status", ""),
    ] {
        let asked = format!("{}{query}", path.replace("{lead_id}", &lead));
        let answer = get(address, &asked).unwrap();
        assert_eq!(answer.status, 200, "{asked}: {}", answer.body);
        answers.insert(path.to_owned(), answer.json());
        let success = &document["paths"][path]["get"]["responses"]["200"];
        properties.insert(path.to_owned(), success["content"]["application/json"]["schema"].clone());
    }
    let required: Vec<&String> = properties.keys().collect();
    let schema = json!({ "type": "object", "required": required, "properties": properties, "components": document["components"] });
    let directory = tempfile::tempdir().unwrap();
    let schema = written(directory.path(), "schema.json", &schema);
    let instance = written(directory.path(), "answers.json", &Value::Object(answers.clone()));
    assert_eq!(validate(&schema, &instance), Ok(()));
    answers["/api/v1/conversions"]["conversions"][0]["touches"] = json!([{ "time": "now" }]);
    let instance = written(directory.path(), "broken.json", &Value::Object(answers));
    assert!(validate(&schema, &instance).is_err());
}

/// A few hundred questions, good and bad: none is answered by a failure, or otherwise than the document says.
fn whatever_is_asked(address: SocketAddr) {
    let directory = tempfile::tempdir().unwrap();
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
        response_schema_conformance";
    let output = Command::new(tool("python/bin/schemathesis"))
        .current_dir(directory.path())
        .args(["run", &format!("http://{address}/api/v1/openapi.json"), "--exclude-path", "/api/v1/stream"])
        .args(["--checks", checks, "--phases", "coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--no-color"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
}
