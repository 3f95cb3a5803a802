//! The chart, rendered and linted by Helm's own packages, with the least values and with all of them; what comes out is
//! judged by Kubernetes' schemas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use yaml_serde::Value;

use super::{check, in_repository, outcome, read, said};
use crate::real_parts::tool;

const LEAST: &str = "kafka: { brokers: 'kafka:9092' }\n";

fn chart(values: &[&Path]) -> Command {
    let mut command = Command::new(tool("manifests/chart"));
    command.arg(in_repository("deploy/helm/tributary")).args(values);
    command
}

fn file(directory: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The manifests by kind, all judged.
fn rendered(values: &str) -> BTreeMap<String, Value> {
    let directory = tempfile::tempdir().unwrap();
    let text = said(&mut chart(&[&file(&directory, "values.yaml", values)]));
    judge(&file(&directory, "manifests.yaml", &text));
    let documents = text.split("---\n").filter(|one| !one.trim().is_empty());
    let documents = documents.map(|one| yaml_serde::from_str::<Value>(one).unwrap());
    documents.map(|one| (one["kind"].as_str().unwrap().to_owned(), one)).collect()
}

/// Resources of others than Kubernetes have no schema there: they are judged as they are rendered.
fn judge(manifests: &Path) {
    let (_, text) = outcome(Command::new(tool("python/bin/kubernetes-validate")).arg("--strict").arg(manifests));
    let errors: Vec<_> = text.lines().filter(|line| line.starts_with("ERROR")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(text.contains("passed for resource deployment/"), "{text}");
}

fn container(manifests: &BTreeMap<String, Value>) -> &Value {
    &manifests["Deployment"]["spec"]["template"]["spec"]["containers"][0]
}

/// What the container has in its environment, with the pod's address filled in, as far as values are given.
fn environment(container: &Value) -> Vec<(String, String)> {
    let entries = container["env"].as_sequence().unwrap().iter();
    let fill = |text: &str| text.replace("[$(POD_IP)]", "[fd00::7]").replace("$(POD_IP)", "10.1.2.3");
    let value = |entry: &Value| Some(fill(entry.get("value")?.as_str()?));
    entries.filter_map(|entry| Some((entry["name"].as_str()?.to_owned(), value(entry)?))).collect()
}

/// The configuration of the pods, with files where secrets would be mounted.
fn check_configuration(manifests: &BTreeMap<String, Value>) {
    let directory = tempfile::tempdir().unwrap();
    let text = manifests["ConfigMap"]["data"]["tributary.toml"].as_str().unwrap();
    let config = file(&directory, "tributary.toml", text);
    let token = file(&directory, "token", "secret");
    let mut variables = environment(container(manifests));
    variables.retain(|(name, _)| name != "TRIBUTARY_CONFIG");
    for (name, value) in &mut variables {
        if name == "TRIBUTARY_HTTP__TOKEN_FILE" {
            assert!(value.starts_with("/etc/tributary/secrets/http/"), "{value}");
            token.to_str().unwrap().clone_into(value);
        }
    }
    assert!(check(&config, &variables).contains("is valid"));
}

#[test]
fn the_least_values_give_a_deployment_that_is_as_it_should_be() {
    let manifests = rendered(LEAST);
    let kinds: Vec<_> = manifests.keys().map(String::as_str).collect();
    let expected = ["ConfigMap", "Deployment", "Pod", "PodDisruptionBudget", "Secret", "Service", "ServiceAccount"];
    assert_eq!(kinds, expected);
    check_configuration(&manifests);

    let pod = &manifests["Deployment"]["spec"]["template"]["spec"];
    let grace = pod["terminationGracePeriodSeconds"].as_i64().unwrap();
    assert!(grace * 1000 > tributary::cli::LONGEST_STOP.0, "{grace}");
    assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"].as_str(), Some("RuntimeDefault"));
    let kinds: Vec<_> = pod["volumes"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|volume| {
            let keys = volume.as_mapping().unwrap().keys().map(|key| key.as_str().unwrap().to_owned());
            keys.filter(|key| key != "name").collect::<String>()
        })
        .collect();
    assert_eq!(kinds, ["configMap", "secret"], "no disk");
    let container = container(&manifests);
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(security["allowPrivilegeEscalation"].as_bool(), Some(false));
    assert_eq!(security["capabilities"]["drop"][0].as_str(), Some("ALL"));
    let path = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap();
    assert_eq!(
        [path("startupProbe"), path("livenessProbe"), path("readinessProbe")],
        ["/healthz", "/healthz", "/readyz"]
    );

    // The pod of `helm test` must get no requests.
    let selector = manifests["Service"]["spec"]["selector"].as_mapping().unwrap();
    let labels = |of: &Value| of["metadata"]["labels"].clone();
    let selected = |labels: &Value| selector.iter().all(|(name, value)| labels.get(name) == Some(value));
    assert!(selected(&labels(&manifests["Deployment"]["spec"]["template"])) && !selected(&labels(&manifests["Pod"])));
}

#[test]
fn all_values_together_are_valid_and_each_is_used() {
    let all = read("tests/manifests/all.yaml");
    let manifests = rendered(&all);
    for kind in ["Ingress", "NetworkPolicy", "PrometheusRule", "ServiceMonitor"] {
        assert!(manifests.contains_key(kind), "{kind}: {:?}", manifests.keys());
    }
    check_configuration(&manifests);
    let schema: serde_json::Value = serde_json::from_str(&read("deploy/helm/tributary/values.schema.json")).unwrap();
    let values: Value = yaml_serde::from_str(&all).unwrap();
    let known = schema["properties"].as_object().unwrap().keys().filter(|key| *key != "global");
    for key in known {
        assert!(values.get(key.as_str()).is_some(), "{key} is not tried");
    }
    let texts = yaml_serde::to_string(&manifests).unwrap();
    for expected in [
        "registry.example/tributary@sha256:0123",
        "secretName: schema-registry",
        "team: marketing",
        "maxUnavailable: 50%",
        "http://[$(POD_IP)]:8080",
        "priorityClassName: high",
    ] {
        assert!(texts.contains(expected), "{expected} is nowhere in\n{texts}");
    }
}

#[test]
fn a_changed_configuration_makes_new_pods() {
    let sum = |values: &str| {
        let annotations = &rendered(values)["Deployment"]["spec"]["template"]["metadata"]["annotations"];
        annotations["checksum/config"].as_str().unwrap().to_owned()
    };
    assert_ne!(sum(LEAST), sum(&format!("{LEAST}config: '[time]'\n")));
}

#[test]
fn one_replica_has_no_disruption_budget() {
    assert!(!rendered(&format!("{LEAST}replicas: 1\n")).contains_key("PodDisruptionBudget"));
}

#[test]
fn what_is_wrong_or_missing_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (values, complaint) in [
        ("{}", "kafka.brokers is missing"),
        ("kafka: { broker: 'a:1' }", "broker"),
        ("replica: 3", "replica"),
        ("replicas: three", "replicas"),
        ("terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds"),
        ("strategy: { type: Rolling }", "strategy"),
        ("config: { topics: { partitions: 8 } }", "config"),
        ("secrets: [{ name: http, secretName: mine }]", "secrets"),
        ("image: { digest: latest }", "digest"),
        ("serviceMonitor: { enabled: 'yes' }", "serviceMonitor"),
        ("prometheusRule: { enabled: true }", "prometheusRule.file is missing"),
        ("prometheusRule: { enabled: true, file: 'groups: [{ nam: x, rules: [] }]' }", "nam"),
    ] {
        let least = file(&directory, "least.yaml", if values == "{}" { "{}" } else { LEAST });
        let (well, text) = outcome(&mut chart(&[&least, &file(&directory, "values.yaml", values)]));
        assert!(!well && text.contains(complaint), "{values}: {text}");
    }
}

#[test]
fn the_schema_of_the_values_is_one() {
    let mut command = Command::new(tool("python/bin/check-jsonschema"));
    said(command.arg("--check-metaschema").arg(in_repository("deploy/helm/tributary/values.schema.json")));
}

/// Its version is that of the product.
#[test]
fn it_installs_this_version() {
    let chart: Value = yaml_serde::from_str(&read("deploy/helm/tributary/Chart.yaml")).unwrap();
    assert_eq!(chart["appVersion"].as_str(), Some(env!("CARGO_PKG_VERSION")));
}
