//! A real Prometheus that scrapes one address, and promtool's judgement of what is scraped.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use crate::http::get;
use crate::real_parts::{Part, command, free_address, new_directory, start_patiently};

pub struct Prometheus {
    address: SocketAddr,
    _part: Part,
}

impl Prometheus {
    /// Scrapes `/metrics` of `target` five times a second, as job `tributary`.
    pub fn start(target: SocketAddr) -> Self {
        Self::start_with(target, "200ms", &[])
    }

    /// The same so often, with rule files that are evaluated as often.
    pub fn start_with(target: SocketAddr, every: &str, rules: &[&Path]) -> Self {
        start_patiently("Prometheus", || {
            let directory = new_directory("prometheus");
            let settings = format!(
                "global: {{ scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: {every} }}\n\
                 rule_files: {rules:?}\n\
                 scrape_configs: [{{ job_name: tributary, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
            );
            std::fs::write(directory.path().join("prometheus.yml"), settings).unwrap();
            let address = free_address();
            let listen = format!("--web.listen-address={address}");
            let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", &listen, "--log.level=warn"];
            let mut part = Part::start(directory, &command("prometheus"), &arguments);
            part.wait_ready(|| get(address, "/-/ready").ok().filter(|answer| answer.status == 200))?;
            Ok(Self { address, _part: part })
        })
    }

    /// The series of an instant query: `{ "metric": { labels }, "value": [time, "text"] }` each.
    pub fn query(&self, expression: &str) -> Vec<Value> {
        self.ask("query?query", expression)["result"].as_array().unwrap().clone()
    }

    /// The series of a query over the last minute: `{ "metric": { labels }, "values": [[time, "text"], …] }` each.
    pub fn query_range(&self, expression: &str) -> Vec<Value> {
        let now = jiff::Timestamp::now().as_second();
        let call = format!("query_range?start={}&end={now}&step=5&query", now - 60);
        self.ask(&call, expression)["result"].as_array().unwrap().clone()
    }

    /// The values of a label, of the series that fit, as Grafana's `label_values` looks them up.
    pub fn label_values(&self, series: &str, label: &str) -> BTreeSet<String> {
        let found = self.ask("series?match[]", series);
        found.as_array().unwrap().iter().filter_map(|series| Some(series[label].as_str()?.to_owned())).collect()
    }

    /// Every rule, with its health.
    pub fn rules(&self) -> Vec<Value> {
        let groups = get(self.address, "/api/v1/rules").unwrap().json();
        let groups = groups["data"]["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
    }

    fn ask(&self, call: &str, expression: &str) -> Value {
        let encoded: String = byte_serialize(expression.as_bytes()).collect();
        let answer = get(self.address, &format!("/api/v1/{call}={encoded}")).unwrap();
        assert_eq!(answer.status, 200, "{expression}: {answer:?}");
        answer.json()["data"].clone()
    }
}

/// `promtool check metrics` on a scrape: an error is what it complains of.
pub fn check_metrics(scrape: &str) -> Result<(), String> {
    let mut child = Command::new(command("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() && complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::real_parts::wait_for;

    const SCRAPE: &str =
        "# HELP events_total Events seen.\n# TYPE events_total counter\nevents_total{topic=\"t\"} 42\n";

    #[test]
    fn a_metric_is_scraped_and_found() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let target = listener.local_addr().unwrap();
        let pages = Router::new().route("/metrics", get(|| async { SCRAPE }));
        runtime.spawn(async { axum::serve(listener, pages).await });

        let prometheus = Prometheus::start(target);
        let series = wait_for("a scrape", Duration::from_secs(30), || {
            prometheus.query("sum by (topic) (events_total{job=\"tributary\"})").pop()
        });
        assert_eq!(series["metric"]["topic"], "t");
        assert_eq!(series["value"][1], "42");
    }

    #[test]
    fn promtool_tells_good_metrics_from_bad() {
        assert_eq!(check_metrics(SCRAPE), Ok(()));
        let complaint = check_metrics("# TYPE seen counter\nseen 1\n").unwrap_err();
        assert!(complaint.contains("_total"), "{complaint}");
    }
}
