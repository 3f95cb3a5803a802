//! KPI rows as gauges: the rows of running windows in, metric families out, at most `metrics.max_series` series a
//! metric. What is beyond goes, summed, into one series of `(other)` for each window and set of dimensions. Alerts that
//! fire are a gauge of the same kind.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};

use crate::config::Metrics;
use crate::kpi::catalogue::{matches_glob, prometheus_name};
use crate::kpi::families::Published;
use crate::kpi::number::Number;
use crate::model::event::OTHER;
use crate::model::window::WindowKind;
use crate::rollup::alerts::Alert;
use crate::rollup::row::Row;

#[derive(Debug, Default)]
pub struct Gauges {
    pub families: Vec<MetricFamily>,
    /// How many series went into `(other)`.
    pub overflowed: u64,
}

/// `rows` are those of the running windows, sorted by their ids. A row without a value has no sample.
#[must_use]
pub fn gauges<'a, R: Borrow<Row>>(kpis: impl Iterator<Item = &'a Published>, rows: &[R], metrics: &Metrics) -> Gauges {
    let rows: Vec<&Row> = rows.iter().map(Borrow::borrow).collect();
    let mut made = Gauges::default();
    for kpi in kpis.filter(|kpi| metrics.kpis.iter().any(|glob| matches_glob(glob, &kpi.id))) {
        let first = rows.partition_point(|row| *row.id.kpi < *kpi.id);
        let of_it = rows[first..].iter().take_while(|row| *row.id.kpi == *kpi.id);
        let mut rows: Vec<&Row> = of_it.copied().filter(|row| row.says.value.is_some()).collect();
        // The coarse rows first: they are the last to be lost.
        rows.sort_by_key(|row| row.id.dims.len());
        let (own, over) = rows.split_at(rows.len().min(metrics.max_series));
        made.overflowed += over.len() as u64;
        let mut samples: Vec<Metric> = own.iter().filter_map(|row| sample(row)).collect();
        samples.extend(others(over));
        made.push(prometheus_name(&kpi.id), &kpi.meaning, samples);
    }
    made
}

impl Gauges {
    fn push(&mut self, name: String, help: &str, samples: Vec<Metric>) {
        if samples.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name);
        family.set_help(help.to_owned());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(samples);
        self.families.push(family);
    }

    /// Adds `tributary_alert_firing`: 1 for each alert that fires; beyond the bound, how many of a rule.
    pub fn add_alerts<A: Borrow<Alert>>(&mut self, alerts: &[A], metrics: &Metrics) {
        let firing: Vec<&Alert> = alerts.iter().map(Borrow::borrow).filter(|alert| alert.is_firing()).collect();
        let (own, over) = firing.split_at(firing.len().min(metrics.max_series));
        self.overflowed += over.len() as u64;
        let labels = |alert: &Alert| vec![pair("rule", &alert.id.rule), pair("window", &alert.window.to_string())];
        let sample = |alert: &&Alert| {
            let dims = alert.id.dims.iter().map(|(name, value)| pair(name, value));
            metric(labels(alert).into_iter().chain(dims).collect(), 1.0)
        };
        let mut samples: Vec<Metric> = own.iter().map(sample).collect();
        // Those of a rule follow each other.
        for others in over.chunk_by(|a, b| a.id.rule == b.id.rule) {
            let names = others[0].id.dims.iter().map(|(name, _)| pair(name, OTHER));
            samples.push(metric(labels(others[0]).into_iter().chain(names).collect(), others.len() as f64));
        }
        self.push("tributary_alert_firing".to_owned(), "Alerts that fire at present: 1 for each.", samples);
    }
}

fn sample(row: &Row) -> Option<Metric> {
    let dims = row.id.dims.iter().map(|(name, value)| (*name, &**value));
    Some(gauge(row.id.window, dims, row.currency.as_deref(), row.says.value?.to_f64()))
}

/// Sums of what is additive; of quotients, the mean weighted by the denominators, which is the quotient of the sums.
fn others(rows: &[&Row]) -> Vec<Metric> {
    let mut sums: BTreeMap<(WindowKind, Vec<&str>), Sum<'_>> = BTreeMap::new();
    for row in rows {
        let Some(value) = row.says.value.map(Number::to_f64) else { continue };
        let names = row.id.dims.iter().map(|(name, _)| *name).collect();
        let sum = sums.entry((row.id.window, names)).or_default();
        sum.currency = row.currency.as_deref();
        match row.says.denominator.map(Number::to_f64) {
            None => sum.values += value,
            Some(weight) => {
                sum.values += value * weight;
                sum.weights += weight;
            }
        }
    }
    let series = sums.into_iter().map(|((window, names), sum)| {
        let value = if sum.weights == 0.0 { sum.values } else { sum.values / sum.weights };
        gauge(window, names.into_iter().map(|name| (name, OTHER)), sum.currency, value)
    });
    series.collect()
}

#[derive(Default)]
struct Sum<'a> {
    values: f64,
    weights: f64,
    currency: Option<&'a str>,
}

fn gauge<'a>(
    window: WindowKind,
    dims: impl Iterator<Item = (&'a str, &'a str)>,
    currency: Option<&str>,
    value: f64,
) -> Metric {
    let mut labels = vec![pair("window", &window.to_string())];
    labels.extend(dims.map(|(name, value)| pair(name, value)));
    labels.extend(currency.map(|currency| pair("currency", currency)));
    metric(labels, value)
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

fn metric(labels: Vec<LabelPair>, value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::from_label(labels);
    metric.set_gauge(gauge);
    metric
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;
    use prometheus::TextEncoder;

    use super::*;
    use crate::kpi::measures::Scale;
    use crate::model::time::Millis;
    use crate::rollup::row::{RowId, Says};

    fn row(channel: &str, spend: i128) -> Row {
        let spend = Number::of(spend * 1_000_000, Scale::Money);
        let leads = Number::of(2, Scale::Count);
        Row {
            id: RowId {
                kpi: Arc::from("cost_per_lead"),
                window: WindowKind::Day,
                start: Some(Millis(0)),
                dims: [("channel", Arc::from(channel))].into(),
            },
            unit: Arc::from("currency"),
            currency: Some(Arc::from("EUR")),
            end: None,
            says: Says {
                value: spend.over(leads),
                numerator: Some(spend),
                denominator: Some(leads),
                ..Says::default()
            },
            watermark: Millis(0),
            updated_at: Millis(0),
        }
    }

    #[test]
    fn series_beyond_the_cap_are_one() {
        let kpi = Published {
            id: "cost_per_lead".to_owned(),
            unit: "currency".to_owned(),
            meaning: "Spend over leads.".to_owned(),
            interval: false,
        };
        let rows = [row("a\"b\\c\n", 3), row("email", 5), row("webinar", 8)];
        let metrics = Metrics { max_series: 1, kpis: vec!["cost_*".to_owned()] };
        let made = gauges([&kpi].into_iter(), &rows, &metrics);
        assert_eq!(made.overflowed, 2);
        let text = TextEncoder::new().encode_to_string(&made.families).expect("it encodes");
        expect![[r#"
            # HELP tributary_cost_per_lead Spend over leads.
            # TYPE tributary_cost_per_lead gauge
            tributary_cost_per_lead{window="1d",channel="a\"b\\c\n",currency="EUR"} 1.5
            tributary_cost_per_lead{window="1d",channel="(other)",currency="EUR"} 3.25
        "#]]
        .assert_eq(&text);
        let none = Metrics { max_series: 1, kpis: vec!["leads".to_owned()] };
        assert!(gauges([&kpi].into_iter(), &rows, &none).families.is_empty());
    }
}
