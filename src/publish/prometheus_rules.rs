//! Recording and alert rules for Prometheus: a configuration in, the text of a rule file out. The recorded series are
//! what the alerts look at, so that a dashboard shows the very number that an alert speaks of.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Config;

/// Where what to do about an alert is written.
const RUNBOOK: &str = "docs/operations.md";
/// Records behind which a lag that grows is worth a call.
const LAG: u32 = 10_000;

#[derive(Debug, Serialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Rule {
    Recorded { record: &'static str, expr: String },
    Alert(Box<Alert>),
}

#[derive(Debug, Serialize)]
struct Alert {
    alert: &'static str,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "str::is_empty")]
    lasting: &'static str,
    labels: BTreeMap<&'static str, &'static str>,
    annotations: BTreeMap<&'static str, String>,
}

/// Somebody is called, a ticket is written, or it is only shown.
#[derive(Clone, Copy, Debug)]
enum Severity {
    Critical,
    Warning,
    Info,
}

/// The rule file that goes with a configuration.
///
/// # Errors
/// None is known; the encoder's is passed on.
pub fn rules(config: &Config) -> Result<String, yaml_serde::Error> {
    // Rules of one group are evaluated one after the other: alerts see what has just been recorded.
    let rules = recorded().into_iter().chain(alerts(config)).collect();
    let file = File { groups: vec![Group { name: "tributary", rules }] };
    let head = "# Made by `tributary catalogue --output prometheus`: change the program or its configuration, not this file.\n";
    Ok(format!("{head}{}", yaml_serde::to_string(&file)?))
}

fn recorded() -> Vec<Rule> {
    let rule = |record, expr: &str| Rule::Recorded { record, expr: expr.to_owned() };
    let of_consumed = |part: &str| {
        let whole = "sum by (job) (rate(tributary_events_consumed_total[15m])) > 0";
        format!("(sum by (job) (rate(tributary_{part}[15m])) / ({whole})) or ({whole}) * 0")
    };
    vec![
        rule(
            "job_topic:tributary_events_consumed:rate5m",
            "sum by (job, topic) (rate(tributary_events_consumed_total[5m]))",
        ),
        rule("job:tributary_events_consumed:rate5m", "sum by (job) (rate(tributary_events_consumed_total[5m]))"),
        rule("job:tributary_kpi_rows_published:rate5m", "sum by (job) (rate(tributary_kpi_rows_published_total[5m]))"),
        rule("job_topic:tributary_consumer_lag_records:sum", "sum by (job, topic) (tributary_consumer_lag_records)"),
        rule("job:tributary_consumer_lag_records:sum", "sum by (job) (tributary_consumer_lag_records)"),
        rule("job:tributary_watermark_delay_seconds:max", "max by (job) (tributary_watermark_delay_seconds)"),
        // Nought where nothing was rejected, late or aborted so far; none where nothing came in.
        rule("job:tributary_events_rejected:ratio_rate15m", &of_consumed("events_rejected_total")),
        rule("job:tributary_events_late:ratio_rate15m", &of_consumed("events_late_total")),
        rule(
            "job:tributary_transactions_failed:ratio_rate15m",
            "(sum by (job) (rate(tributary_transactions_total{outcome!=\"committed\"}[15m])) \
             / (sum by (job) (rate(tributary_transactions_total[15m])) > 0)) \
             or (sum by (job) (rate(tributary_transactions_total[15m])) > 0) * 0",
        ),
        rule(
            "job:tributary_end_to_end_latency_seconds:p95_rate5m",
            "histogram_quantile(0.95, sum by (job, le) (rate(tributary_end_to_end_latency_seconds_bucket[5m])))",
        ),
        rule("job:tributary_state_bytes:sum", "sum by (job) (tributary_state_bytes)"),
    ]
}

fn alerts(config: &Config) -> Vec<Rule> {
    use Severity::{Critical, Info, Warning};
    let alert = |alert, severity, lasting, expr: String, summary: &str, description: &str| {
        Rule::Alert(Box::new(Alert::new(alert, severity, lasting, expr, summary, description)))
    };
    let lateness = config.time.allowed_lateness;
    let mut rules = vec![
        alert(
            "TributaryAbsent",
            Critical,
            "5m",
            "absent(tributary_build_info)".to_owned(),
            "No tributary is scraped",
            "Prometheus has seen no instance for five minutes: all are down, or none is a target of a scrape.",
        ),
        alert(
            "TributaryNotReady",
            Critical,
            "10m",
            "tributary_ready == 0".to_owned(),
            "{{ $labels.instance }} is not ready",
            "It has no shards, or has not restored them, for ten minutes. /readyz of the instance says why.",
        ),
        alert(
            "TributaryRowsNotPublished",
            Critical,
            "10m",
            "job:tributary_events_consumed:rate5m > 0 unless job:tributary_kpi_rows_published:rate5m > 0".to_owned(),
            "Events come in but no KPI row goes out",
            "{{ $labels.job }} reads {{ $value | humanize }} records a second and publishes no changes of KPIs.",
        ),
        alert(
            "TributaryWatermarkDelayed",
            Warning,
            "15m",
            "job:tributary_watermark_delay_seconds:max > 3600".to_owned(),
            "Event time is {{ $value | humanizeDuration }} behind",
            "Numbers of {{ $labels.job }} are that old: a backlog is being read, or an input partition holds event time back.",
        ),
        alert(
            "TributaryConsumerLagGrowing",
            Warning,
            "15m",
            format!(
                "job:tributary_consumer_lag_records:sum > {LAG} \
                 and deriv(job:tributary_consumer_lag_records:sum[15m]) > 0"
            ),
            "{{ $value | humanize }} records behind, and more and more",
            "More comes in than {{ $labels.job }} reads. Start further instances, up to one a shard, or see what slows them.",
        ),
        alert(
            "TributaryEventsRejected",
            Warning,
            "15m",
            "job:tributary_events_rejected:ratio_rate15m > 0.05".to_owned(),
            "{{ $value | humanizePercentage }} of the records are rejected",
            "They are in the dead letters, as they came: `tributary dead-letters` says why, and sends them back after a fix.",
        ),
        alert(
            "TributaryEventsLate",
            Warning,
            "15m",
            "job:tributary_events_late:ratio_rate15m > 0.01".to_owned(),
            "{{ $value | humanizePercentage }} of the records are late",
            &format!(
                "They come more than `time.allowed_lateness` ({} h) behind event time, and final numbers do not have them.",
                lateness.0 / 3_600_000
            ),
        ),
        alert(
            "TributaryNoEvents",
            Warning,
            "30m",
            "job:tributary_events_consumed:rate5m == 0 and job:tributary_consumer_lag_records:sum == 0".to_owned(),
            "No events come in",
            "{{ $labels.job }} has read all there is, and nothing has come for half an hour. Look at what produces events.",
        ),
        alert(
            "TributaryLatencyHigh",
            Warning,
            "15m",
            "job:tributary_end_to_end_latency_seconds:p95_rate5m > 60".to_owned(),
            "Changes are published after {{ $value | humanizeDuration }}",
            "Of the events of the last minutes one in twenty took longer from its arrival to the rows of {{ $labels.job }}.",
        ),
    ];
    rules.extend(alerts_of_parts(config));
    rules.push(alert(
        "TributaryKpiAlert",
        Info,
        "",
        "max without (instance) (tributary_alert_firing) > 0".to_owned(),
        "{{ $labels.rule }} in {{ $labels.window }}",
        "A rule over KPIs holds: {{ $labels.rule }}. /api/v1/alerts and the topic of the alerts have the values.",
    ));
    rules
}

/// What single parts suffer from.
fn alerts_of_parts(config: &Config) -> Vec<Rule> {
    use Severity::{Critical, Warning};
    let alert = |alert, severity, lasting, expr: String, summary: &str, description: &str| {
        Rule::Alert(Box::new(Alert::new(alert, severity, lasting, expr, summary, description)))
    };
    let tail = config.state.snapshot_min_tail_bytes.saturating_mul(u64::from(config.topics.partitions));
    vec![
        alert(
            "TributarySeriesOverflow",
            Warning,
            "15m",
            "tributary_kpi_series_overflowed > 0".to_owned(),
            "{{ $value | humanize }} series are summed up into (other)",
            &format!(
                "A KPI has more rows than `metrics.max_series` ({}). Raise it, export fewer KPIs (`metrics.kpis`), or see \
                 which dimension grows.",
                config.metrics.max_series
            ),
        ),
        alert(
            "TributaryRestarting",
            Warning,
            "",
            "changes(process_start_time_seconds[30m]) > 2 and on (job, instance) tributary_build_info".to_owned(),
            "{{ $labels.instance }} has restarted {{ $value | humanize }} times in half an hour",
            "Its log says why it ended; out of memory, see how much state there is on the dashboard of operations.",
        ),
        alert(
            "TributaryRebalancing",
            Warning,
            "",
            "sum by (job, group) (increase(tributary_rebalances_total[30m])) > 10".to_owned(),
            "The group {{ $labels.group }} does not come to rest",
            "{{ $value | humanize }} rebalances in half an hour: instances come and go, or miss `session.timeout.ms`.",
        ),
        alert(
            "TributaryTransactionsFailing",
            Warning,
            "10m",
            "job:tributary_transactions_failed:ratio_rate15m > 0.1".to_owned(),
            "{{ $value | humanizePercentage }} of the transactions fail",
            "What they would have written is written again; brokers are slow, or instances fence each other.",
        ),
        alert(
            "TributarySnapshotsStale",
            Warning,
            "",
            format!(
                "sum by (job) (increase(tributary_journal_written_bytes_total[6h])) > {} \
                 unless sum by (job) (increase(tributary_snapshot_duration_seconds_count[6h])) > 0",
                // Snapshots may wait for twice the last one's bytes, and journals are not filled alike.
                tail.saturating_mul(8)
            ),
            "No snapshot for six hours, though much was written",
            "A restart of {{ $labels.job }} will take long: the journal since the last snapshot is read again.",
        ),
        alert(
            "TributaryJournalResends",
            Warning,
            "",
            "sum by (job) (increase(tributary_journal_resends_total[15m])) > 10".to_owned(),
            "The journal is written again and again",
            "{{ $value | humanize }} flushes in a quarter of an hour did not get through at once: look at the brokers.",
        ),
        alert(
            "TributaryOffsetsLost",
            Critical,
            "",
            "sum by (job, instance) (increase(tributary_lost_offsets_total[1h])) > 0".to_owned(),
            "Records were gone before they were read",
            "Retention of an input topic took about {{ $value | humanize }} records that {{ $labels.instance }} had not read.",
        ),
    ]
}

impl Alert {
    fn new(
        alert: &'static str,
        severity: Severity,
        lasting: &'static str,
        expr: String,
        summary: &str,
        description: &str,
    ) -> Self {
        let severity = match severity {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let annotations = [
            ("summary", summary.to_owned()),
            ("description", description.to_owned()),
            ("runbook", format!("{RUNBOOK}#{}", alert.to_lowercase())),
        ];
        Self { alert, expr, lasting, labels: [("severity", severity)].into(), annotations: annotations.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_says_what_it_is_and_where_to_read_on() {
        let config = Config::parse("", "test.toml", std::iter::empty()).expect("a valid configuration");
        let text = rules(&config).expect("it is encoded");
        let file: yaml_serde::Value = yaml_serde::from_str(&text).expect("YAML");
        let rules = file["groups"][0]["rules"].as_sequence().expect("rules");
        let alerts: Vec<_> = rules.iter().filter(|rule| rule["record"].is_null()).collect();
        for alert in &alerts {
            let name = alert["alert"].as_str().expect("a name");
            let annotation = |name: &str| alert["annotations"][name].as_str().unwrap_or_default().to_owned();
            assert!(name.starts_with("Tributary") && alert["labels"]["severity"].is_string(), "{name}");
            assert!(!annotation("summary").is_empty() && annotation("description").ends_with('.'), "{name}");
            assert_eq!(annotation("runbook"), format!("docs/operations.md#{}", name.to_lowercase()));
        }
        assert!(alerts.len() > 15);
    }
}
