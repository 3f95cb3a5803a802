//! One running product for all that watch it: a real Kafka and registry, the built program with the configuration that
//! goes with the generated history, a Prometheus that scrapes it and evaluates the rules.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tributary::generate::files::CONFIGURATION;

use crate::kafka_line::deployment::{Deployment, Instance};
use crate::prometheus::Prometheus;
use crate::real_parts::wait_for;
use crate::registry::Registry;

/// A history in which everything happens that a panel is about, lately.
const HISTORY: [&str; 10] =
    ["--seed", "2", "--leads", "300", "--days", "80", "--late", "1%", "--start", "2026-01-01T00:00:00Z"];

pub struct Product {
    pub line: Deployment,
    pub registry: Registry,
    pub prometheus: Prometheus,
    pub address: SocketAddr,
    _instance: Instance,
}

/// Started by the first test that asks, ended with the test process.
pub fn product() -> &'static Product {
    static SHARED: LazyLock<Product> = LazyLock::new(Product::start);
    &SHARED
}

pub fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/rules/tributary.yml")
}

/// The demo's configuration with fewer rows of the past, and what publishes them soon.
fn settings(registry: SocketAddr) -> String {
    let changed = |text: String, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
        text.replace(from, to)
    };
    let text = CONFIGURATION.to_owned();
    let text = changed(
        text,
        "windows = [\"1h\", \"1d\", \"1w\", \"1mo\", \"1q\", \"30d\", \"90d\", \"all\", \"now\"]",
        "windows = [\"1d\", \"1mo\", \"1q\", \"30d\", \"all\", \"now\"]\nidle_after = \"2s\"\nadvance_when_idle = false\n\
         history_until = \"2026-03-22T00:00:00Z\"",
    );
    let text = changed(text, "\"last_non_direct\", \"last_paid\", \"linear\", \"position_based\"", "\"linear\"");
    let text = changed(text, "[attribution]\n", "[attribution]\ndetail_models = []\n");
    let text = changed(text, "min_conversions = 10", "min_conversions = 3");
    format!(
        "{text}\n[schema_registry]\nurl = \"http://{registry}\"\n[output]\nencoding = \"avro\"\nsettle_interval = \"1s\"\n\
         [output.retention]\n\"1d\" = \"8d\"\nrolling = \"2d\"\n"
    )
}

impl Product {
    fn start() -> Self {
        let registry = Registry::start();
        let line = Deployment::with_settings("observed", &settings(registry.address()));
        line.create_inputs();
        let instance = line.start();
        let address = instance.address();
        // It is watched from the beginning: rates are of what it has seen.
        let prometheus = Prometheus::start_with(address, "2s", &[&rules()]);
        wait_for("a first scrape", Duration::from_secs(60), || prometheus.query("tributary_ready == 1").pop());
        line.load(&HISTORY, None);
        let product = Self { line, registry, prometheus, address, _instance: instance };
        product.wait_settled();
        product
    }

    /// Everything is read and published, and scraped and recorded after that.
    fn wait_settled(&self) {
        let start = Instant::now();
        let mut ends = Vec::new();
        loop {
            std::thread::sleep(Duration::from_secs(2));
            let now = self.line.ends("kpis");
            if now == ends && now.iter().sum::<i64>() > 10_000 && self.line.lag() == Some(0) {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(180), "lag {:?}, {now:?}", self.line.lag());
            ends = now;
        }
        let settled = jiff::Timestamp::now().as_second();
        wait_for("a scrape and a recording after that", Duration::from_secs(60), || {
            let expression = format!("timestamp(job:tributary_state_bytes:sum) > {}", settled + 4);
            self.prometheus.query(&expression).pop()
        });
    }
}
