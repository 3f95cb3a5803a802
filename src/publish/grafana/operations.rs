//! The dashboard about the processor itself: whether it works, how far behind it is, what it rejects, what it costs.
//! Every metric of `telemetry::metrics` is on it.

use super::gauges::{Gauges, Rows};
use super::layout::{Layout, Placed};
use super::looks::title;
use super::panels::{Column, Look, Query, bars, table, tile, trend};
use crate::kpi::measures::Dim;
use crate::telemetry::metrics::Metrics;

/// The KPIs that are shown here.
pub(super) const KPIS: [&str; 3] = ["late_events", "dead_letters", "duplicate_events"];
const ALERTS: &str = "Rules over KPIs, built in or of the configuration (`[[alerts]]`). 0 where none fires.";
const OURS: &str = "job=\"$job\",instance=~\"$instance\"";

/// `sum by (…) (rate(metric[…]))`.
fn rate(metric: &str, by: &str) -> String {
    format!("sum by ({by}) (rate(tributary_{metric}{{{OURS}}}[$__rate_interval]))")
}

/// A rate that is nought where nothing of the kind has happened yet.
fn rate_or_none(metric: &str, more: &str) -> String {
    format!("sum(rate(tributary_{metric}{{{OURS}{more}}}[$__rate_interval])) or on () vector(0)")
}

fn gauge(metric: &str, by: &str) -> String {
    format!("sum by ({by}) (tributary_{metric}{{{OURS}}})")
}

fn quantile(quantile: f64, metric: &str) -> String {
    format!("histogram_quantile({quantile}, sum by (le) (rate(tributary_{metric}_bucket{{{OURS}}}[$__rate_interval])))")
}

/// The mean of what has been observed since the process began: some of it is rare.
fn mean(metric: &str) -> String {
    format!(
        "sum by (instance) (tributary_{metric}_sum{{{OURS}}}) \
         / sum by (instance) (tributary_{metric}_count{{{OURS}}} > 0)"
    )
}

/// What metrics mean, by their names without the prefix.
fn meanings(metrics: &[&str]) -> String {
    let known = Metrics::new();
    metrics.iter().filter_map(|name| known.help(name)).collect::<Vec<_>>().join("\n\n")
}

pub(super) fn fill(layout: &mut Layout, gauges: &Gauges<'_>) {
    layout.section("Is it well?", well());
    layout.section("What comes in", intake());
    layout.section("How far behind it is", behind());
    layout.section("What goes out", out());
    layout.section("State and memory", state());
    layout.section("Bad and late records, by the catalogue", records(gauges));
}

fn well() -> Vec<Placed> {
    let short = Look::unit("short");
    let ready = Look { words: vec![("1", "ready", "green"), ("0", "not ready", "red")], ..Look::unit("none") };
    let none_is_well = |unit: &str, from: f64| Look::unit(unit).steps(&[(None, "green"), (Some(from), "red")]);
    let stat = |title: &str, of: &[&str], expr: String, look: &Look| {
        let meaning = if of.is_empty() { ALERTS.to_owned() } else { meanings(of) };
        tile(title, &meaning, &Query::new(expr, title), look)
    };
    let late = format!(
        "sum(rate(tributary_events_late_total{{{OURS}}}[$__rate_interval])) \
         / (sum(rate(tributary_events_consumed_total{{{OURS}}}[$__rate_interval])) > 0) or on () vector(0)"
    );
    let rejected = format!(
        "sum(rate(tributary_events_rejected_total{{{OURS}}}[$__rate_interval])) \
         / (sum(rate(tributary_events_consumed_total{{{OURS}}}[$__rate_interval])) > 0) or on () vector(0)"
    );
    vec![
        stat("Ready", &["ready"], format!("min(tributary_ready{{{OURS}}})"), &ready),
        stat("Instances", &["build_info"], format!("count(tributary_build_info{{{OURS}}})"), &short),
        stat(
            "Watermark delay",
            &["watermark_delay_seconds"],
            format!("max(tributary_watermark_delay_seconds{{{OURS}}})"),
            &Look::unit("s").steps(&[(None, "green"), (Some(600.0), "orange"), (Some(3600.0), "red")]),
        ),
        stat("Lag", &["consumer_lag_records"], format!("sum(tributary_consumer_lag_records{{{OURS}}})"), &short),
        stat("Rejected", &["events_rejected_total"], rejected, &none_is_well("percentunit", 0.05)),
        stat("Late", &["events_late_total"], late, &none_is_well("percentunit", 0.01)),
        stat(
            "Alerts of KPIs that fire",
            &[],
            "count(tributary_alert_firing{job=\"$job\"}) or on () vector(0)".to_owned(),
            &Look::unit("none").steps(&[(None, "green"), (Some(1.0), "orange")]),
        ),
        stat(
            "Series over the bound",
            &["kpi_series_overflowed"],
            format!("sum(tributary_kpi_series_overflowed{{{OURS}}})"),
            &Look::unit("none").steps(&[(None, "green"), (Some(1.0), "orange")]),
        ),
        version(),
    ]
}

fn version() -> Placed {
    let query = Query::new(format!("count by (version) (tributary_build_info{{{OURS}}})"), "{{version}}");
    let mut placed = tile("Version", &meanings(&["build_info"]), &query, &Look::unit("none"));
    placed.panel["options"]["textMode"] = "name".into();
    placed.panel["options"]["graphMode"] = "none".into();
    placed
}

fn intake() -> Vec<Placed> {
    let by_topic = |metric: &str| rate(metric, "topic");
    let per_second = Look::unit("cps");
    vec![
        trend(
            "Records read",
            &meanings(&["events_consumed_total"]),
            &[Query::new(by_topic("events_consumed_total"), "{{topic}}")],
            &per_second,
        ),
        trend(
            "Events accepted",
            &meanings(&["events_accepted_total"]),
            &[Query::new(by_topic("events_accepted_total"), "{{topic}}")],
            &per_second,
        ),
        trend(
            "Dropped, late and rejected",
            &meanings(&[
                "events_duplicated_total",
                "events_late_total",
                "events_rejected_total",
                "events_skipped_total",
            ]),
            &[
                Query::new(rate_or_none("events_duplicated_total", ""), "redelivered"),
                Query::new(rate_or_none("events_late_total", ""), "late"),
                Query::new(rate_or_none("events_rejected_total", ""), "rejected"),
                Query::new(rate_or_none("events_skipped_total", ""), "skipped"),
            ],
            &per_second,
        ),
        bars(
            "Rejected since the start, by reason",
            &meanings(&["events_rejected_total"]),
            &[Query::new(
                format!("sum by (reason) (tributary_events_rejected_total{{{OURS}}}) or on () vector(0)"),
                "{{reason}}",
            )],
            &Look::unit("short"),
        ),
    ]
}

fn behind() -> Vec<Placed> {
    let seconds = Look::unit("s");
    let latency = |share: f64| quantile(share, "end_to_end_latency_seconds");
    vec![
        trend(
            "Lag by topic",
            &meanings(&["consumer_lag_records"]),
            &[Query::new(gauge("consumer_lag_records", "topic"), "{{topic}}")],
            &Look::unit("short"),
        ),
        trend(
            "Watermark delay",
            &meanings(&["watermark_delay_seconds", "watermark_timestamp_seconds"]),
            &[Query::new(format!("max by (instance) (tributary_watermark_delay_seconds{{{OURS}}})"), "{{instance}}")],
            &seconds,
        ),
        trend(
            "From arrival to the published row",
            &meanings(&["end_to_end_latency_seconds"]),
            &[Query::new(latency(0.5), "p50"), Query::new(latency(0.95), "p95"), Query::new(latency(0.99), "p99")],
            &seconds,
        ),
        tile(
            "Event time has come to",
            &meanings(&["watermark_timestamp_seconds"]),
            &Query::new(format!("min(tributary_watermark_timestamp_seconds{{{OURS}}}) * 1000"), "event time"),
            &Look::unit("dateTimeAsIso"),
        ),
    ]
}

fn out() -> Vec<Placed> {
    let per_second = Look::unit("cps");
    vec![
        trend(
            "KPI rows published",
            &meanings(&["kpi_rows_published_total"]),
            &[Query::new(rate("kpi_rows_published_total", "instance"), "{{instance}}")],
            &per_second,
        ),
        trend(
            "Transactions",
            &meanings(&["transactions_total"]),
            &[Query::new(rate("transactions_total", "role, outcome"), "{{role}} {{outcome}}")],
            &per_second,
        ),
        trend(
            "Journal",
            &meanings(&["journal_written_bytes_total"]),
            &[Query::new(rate("journal_written_bytes_total", "instance"), "{{instance}}")],
            &Look::unit("Bps"),
        ),
        trend(
            "Flushes of the journal",
            &meanings(&["journal_flushes_total", "journal_resends_total"]),
            &[
                Query::new(rate_or_none("journal_flushes_total", ""), "written"),
                Query::new(rate_or_none("journal_resends_total", ""), "written again"),
            ],
            &per_second,
        ),
        table(
            "Since the start",
            &meanings(&["lost_offsets_total", "journal_resends_total", "rebalances_total"]),
            &["instance"],
            &[
                ("Lost offsets", "lost_offsets_total"),
                ("Journal flushes written again", "journal_resends_total"),
                ("Rebalances", "rebalances_total"),
            ]
            .map(|(title, metric)| Column {
                title: title.to_owned(),
                query: Query::new(gauge(metric, "instance"), ""),
                look: Look::unit("none"),
            }),
        ),
    ]
}

fn state() -> Vec<Placed> {
    let by_instance = |metric: &str| [Query::new(gauge(metric, "instance"), "{{instance}}")];
    vec![
        trend("Leads in memory", &meanings(&["state_leads"]), &by_instance("state_leads"), &Look::unit("short")),
        trend("Touches in memory", &meanings(&["state_touches"]), &by_instance("state_touches"), &Look::unit("short")),
        trend("State of the shards", &meanings(&["state_bytes"]), &by_instance("state_bytes"), &Look::unit("bytes")),
        trend(
            "Memory of the process",
            "Resident memory of each instance.",
            &[Query::new(format!("max by (instance) (process_resident_memory_bytes{{{OURS}}})"), "{{instance}}")],
            &Look::unit("bytes"),
        ),
        trend(
            "Processor time",
            "Cores that each instance keeps busy.",
            &[Query::new(
                format!("sum by (instance) (rate(process_cpu_seconds_total{{{OURS}}}[$__rate_interval]))"),
                "{{instance}}",
            )],
            &Look::unit("short"),
        ),
        trend(
            "Snapshots and restores, mean since the start",
            &meanings(&["snapshot_duration_seconds", "restore_duration_seconds"]),
            &[
                Query::new(
                    format!(
                        "{} or sum by (instance) (tributary_ready{{{OURS}}}) * 0",
                        mean("snapshot_duration_seconds")
                    ),
                    "snapshot {{instance}}",
                ),
                Query::new(mean("restore_duration_seconds"), "restore {{instance}}"),
            ],
            &Look::unit("s"),
        ),
    ]
}

/// What the catalogue says of the same, by the time of the records.
fn records(gauges: &Gauges<'_>) -> Vec<Placed> {
    let mut panels = Vec::new();
    for id in KPIS {
        if let Some(asked) = gauges.ask(id, Rows::default()) {
            let query = Query::new(format!("{} or on () vector(0)", asked.expr), title(id));
            panels.push(tile(&title(id), &asked.kpi.meaning, &query, &Look::unit("short")));
        }
    }
    if let Some(asked) = gauges.ask("dead_letters", Rows { by: &[Dim::Reason], ..Rows::default() }) {
        let query = [Query::new(format!("{} or on () vector(0)", asked.expr), "{{reason}}")];
        panels.push(bars("Dead letters by reason", &asked.kpi.meaning, &query, &Look::unit("short")));
    }
    let firing = "max without (instance, job) (tributary_alert_firing{job=\"$job\"}) or on () vector(0)";
    let column = Column { title: "Firing".to_owned(), query: Query::new(firing, ""), look: Look::unit("none") };
    panels.push(table("Alerts of KPIs that fire", ALERTS, &["rule", "window", "channel"], &[column]));
    panels
}
