//! The names of all metrics of the processor, in one place. The drivers count through the public fields; a scrape reads
//! them all, with the gauges of KPIs beside them. Labels are topics, groups, reasons and the like: never what an event
//! says.

use std::cell::RefCell;
use std::collections::BTreeMap;

use prometheus::proto::MetricFamily;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::model::event::Topic;
use crate::model::time::Millis;

/// From a second's hundredth, which is the best there is, to the five minutes after which somebody looks.
const LATENCY: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];
const WORK: [f64; 9] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];

/// Counters stay for as long as the process runs; gauges go when what they are of has gone.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// What each means, by its name without the prefix.
    helps: BTreeMap<String, String>,
    /// By topic: the input's own name, whatever the topic is called.
    pub consumed: IntCounterVec,
    pub accepted: IntCounterVec,
    /// By topic and reason.
    pub rejected: IntCounterVec,
    pub skipped: IntCounterVec,
    /// Decided by the fold, of the shards that this instance has.
    pub duplicated: IntCounter,
    pub late: IntCounter,
    /// From the arrival of an event to the publication of the rows that it changed.
    pub latency_seconds: Histogram,
    /// By topic and partition.
    pub lag_records: IntGaugeVec,
    watermark: GaugeVec,
    watermark_delay: GaugeVec,
    pub leads: IntGauge,
    pub touches: IntGauge,
    pub state_bytes: IntGauge,
    pub snapshot_seconds: Histogram,
    pub restore_seconds: Histogram,
    /// By role (`shard`, `rollup`) and outcome (`committed`, `aborted`, `unknown`).
    pub transactions: IntCounterVec,
    /// By group.
    pub rebalances: IntCounterVec,
    pub journal_bytes: IntCounter,
    pub journal_flushes: IntCounter,
    pub journal_resends: IntCounter,
    pub lost_offsets: IntCounter,
    pub rows: IntCounter,
    pub ready: IntGauge,
    /// Series that the last scrape summed up into `(other)`.
    pub overflowed_series: IntGauge,
}

/// What came in so far and what became of it, over all topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Intake {
    pub consumed: u64,
    pub accepted: u64,
    pub duplicated: u64,
    pub late: u64,
    pub rejected: u64,
    /// None where no partition is read.
    pub lag: Option<i64>,
}

/// What an instance has in memory, of the shards that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Held {
    pub leads: i64,
    pub touches: i64,
    /// Estimated.
    pub bytes: i64,
}

/// Records of an input topic that were rejected for one reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Rejections {
    pub topic: String,
    pub reason: String,
    pub count: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    #[must_use]
    pub fn new() -> Self {
        let made = Maker { registry: Registry::new(), helps: RefCell::default() };
        made.build_info();
        made.process();
        Self {
            consumed: made.by_topic("events_consumed_total", "Records read from the input topics."),
            accepted: made.by_topic("events_accepted_total", "Events accepted into the journal."),
            duplicated: made.counter("events_duplicated_total", "Redelivered events, dropped."),
            late: made.counter("events_late_total", "Events later than the allowed lateness."),
            rejected: made.counters(
                "events_rejected_total",
                "Records rejected into the dead letters.",
                &["topic", "reason"],
            ),
            skipped: made.counters("events_skipped_total", "Tombstones where they mean nothing.", &["topic"]),
            latency_seconds: made.histogram(
                "end_to_end_latency_seconds",
                "From the arrival of an event to the publication of the rows that it changed.",
                &LATENCY,
            ),
            lag_records: made.gauges(
                "consumer_lag_records",
                "Records of an input partition that are not read yet.",
                &["topic", "partition"],
            ),
            watermark: made.moments("watermark_timestamp_seconds", "Up to where event time has come."),
            watermark_delay: made.moments("watermark_delay_seconds", "How far event time is behind the clock."),
            leads: made.gauge("state_leads", "Leads in memory."),
            touches: made.gauge("state_touches", "Touches in memory."),
            state_bytes: made.gauge("state_bytes", "Memory taken by the state of the shards, estimated."),
            snapshot_seconds: made.histogram("snapshot_duration_seconds", "Time to write a snapshot.", &WORK),
            restore_seconds: made.histogram("restore_duration_seconds", "Time to restore a shard.", &WORK),
            transactions: made.counters("transactions_total", "Transactions by their outcome.", &["role", "outcome"]),
            rebalances: made.counters("rebalances_total", "Rebalances of a consumer group.", &["group"]),
            journal_bytes: made.counter("journal_written_bytes_total", "Bytes written to the journal."),
            journal_flushes: made.counter("journal_flushes_total", "Flushes written to the journal."),
            journal_resends: made.counter("journal_resends_total", "Flushes that were written again."),
            lost_offsets: made.counter("lost_offsets_total", "Input offsets that were gone before they were read."),
            rows: made.counter("kpi_rows_published_total", "Changes of KPI rows that were published."),
            ready: made
                .gauge("ready", "Whether this instance has its partitions and has restored them (1) or not (0)."),
            overflowed_series: made.gauge(
                "kpi_series_overflowed",
                "Series of KPIs over metrics.max_series, summed up into (other), at this scrape.",
            ),
            registry: made.registry,
            helps: made.helps.into_inner(),
        }
    }

    /// What a metric means, by its name without the prefix.
    #[must_use]
    pub fn help(&self, name: &str) -> Option<&str> {
        self.helps.get(name).map(String::as_str)
    }

    /// Where event time stands, by which clock; none where it is not known (any more).
    pub fn set_watermark(&self, watermark: Option<Millis>, now: Millis) {
        match watermark {
            Some(at) => {
                let none: [&str; 0] = [];
                self.watermark.with_label_values(&none).set(seconds(at.0));
                self.watermark_delay.with_label_values(&none).set(seconds((now - at).0));
            }
            None => {
                self.watermark.reset();
                self.watermark_delay.reset();
            }
        }
    }

    /// The partition belongs to somebody else now.
    pub fn forget_partition(&self, topic: &str, partition: i32) {
        // An error says that there was nothing to remove.
        let _ = self.lag_records.remove_label_values(&[topic, &partition.to_string()]);
    }

    #[must_use]
    pub fn intake(&self) -> Intake {
        let lags = samples(&self.lag_records, |metric| metric.get_gauge().get_value() as i64);
        Intake {
            consumed: sum(&self.consumed),
            accepted: sum(&self.accepted),
            duplicated: self.duplicated.get(),
            late: self.late.get(),
            rejected: sum(&self.rejected),
            lag: (!lags.is_empty()).then(|| lags.iter().sum()),
        }
    }

    /// What was rejected so far, by topic and reason.
    #[must_use]
    pub fn rejections(&self) -> Vec<Rejections> {
        let of = |metric: &prometheus::proto::Metric| {
            let label = |name| metric.get_label().iter().find(|label| label.name() == name);
            let text = |name| label(name).map(|label| label.value().to_owned()).unwrap_or_default();
            let count = metric.get_counter().get_value() as u64;
            Rejections { topic: text("topic"), reason: text("reason"), count }
        };
        let mut found = samples(&self.rejected, of);
        found.retain(|of| of.count > 0);
        found.sort_by(|a, b| (&a.topic, &a.reason).cmp(&(&b.topic, &b.reason)));
        found
    }

    #[must_use]
    pub fn held(&self) -> Held {
        Held { leads: self.leads.get(), touches: self.touches.get(), bytes: self.state_bytes.get() }
    }

    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// Brings a counter up to a total that is kept elsewhere. A total that began anew waits until it is past the counter's.
pub fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

fn sum(counters: &IntCounterVec) -> u64 {
    samples(counters, |metric| metric.get_counter().get_value() as u64).into_iter().sum()
}

fn samples<T>(of: &impl prometheus::core::Collector, value: impl Fn(&prometheus::proto::Metric) -> T) -> Vec<T> {
    of.collect().iter().flat_map(|family| family.get_metric().iter().map(&value).collect::<Vec<_>>()).collect()
}

/// Makes metrics with the application's prefix and registers them. Names and labels stand above: that they are well
/// formed and unique is what the first test sees.
struct Maker {
    registry: Registry,
    helps: RefCell<BTreeMap<String, String>>,
}

impl Maker {
    fn register<C: prometheus::core::Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("names and labels are constants");
        self.registry.register(Box::new(made.clone())).expect("names are unique");
        made
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(self.opts(name, help)))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(self.opts(name, help), labels))
    }

    /// Of each input from the beginning: what a counter has when it is first seen is in no rate.
    fn by_topic(&self, name: &str, help: &str) -> IntCounterVec {
        let counters = self.counters(name, help, &["topic"]);
        for topic in Topic::ALL {
            counters.with_label_values(&[topic.name()]);
        }
        counters
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(self.opts(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(self.opts(name, help), labels))
    }

    /// A gauge that can be absent.
    fn moments(&self, name: &str, help: &str) -> GaugeVec {
        self.register(GaugeVec::new(self.opts(name, help), &[]))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::from(self.opts(name, help)).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(opts))
    }

    fn build_info(&self) {
        let version = env!("CARGO_PKG_VERSION");
        let info = self.gauges("build_info", "The build that runs: always 1.", &["version"]);
        info.with_label_values(&[version]).set(1);
    }

    /// Processor time, memory and the start of the process, under the names that every exporter has for them.
    fn process(&self) {
        #[cfg(target_os = "linux")]
        {
            let collector = prometheus::process_collector::ProcessCollector::for_self();
            self.registry.register(Box::new(collector)).expect("names are unique");
        }
    }

    fn opts(&self, name: &str, help: &str) -> Opts {
        self.helps.borrow_mut().insert(name.to_owned(), help.to_owned());
        Opts::new(format!("tributary_{name}"), help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_go_and_counters_stay() {
        let metrics = Metrics::new();
        let named = |name: &str| metrics.gather().iter().any(|family| family.name() == name);
        metrics.lag_records.with_label_values(&["spend", "3"]).set(7);
        metrics.set_watermark(Some(Millis(5000)), Millis(7500));
        metrics.consumed.with_label_values(&["spend"]).inc_by(4);
        metrics.rejected.with_label_values(&["spend", "future"]).inc();
        assert!(named("tributary_watermark_delay_seconds") && named("tributary_consumer_lag_records"));
        assert_eq!(metrics.intake(), Intake { consumed: 4, rejected: 1, lag: Some(7), ..Intake::default() });
        let rejections = Rejections { topic: "spend".to_owned(), reason: "future".to_owned(), count: 1 };
        assert_eq!(metrics.rejections(), [rejections]);
        metrics.forget_partition("spend", 3);
        metrics.set_watermark(None, Millis(7500));
        assert!(!named("tributary_watermark_timestamp_seconds") && !named("tributary_watermark_delay_seconds"));
        assert!(!named("tributary_consumer_lag_records") && named("tributary_events_consumed_total"));
        assert_eq!(metrics.intake().lag, None);
    }

    #[test]
    fn a_counter_follows_a_total_and_never_goes_back() {
        let metrics = Metrics::new();
        for (total, expected) in [(5, 5), (5, 5), (2, 5), (8, 8)] {
            raise(&metrics.journal_bytes, total);
            assert_eq!(metrics.journal_bytes.get(), expected);
        }
    }
}
