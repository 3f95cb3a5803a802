//! For those who watch over the instance: whether it lives, whether it is ready, and its metrics. None of them asks for
//! a token, none of them asks Kafka.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{TEXT_FORMAT, TextEncoder};

use super::operations::{Answer, Operation};
use super::{Site, now};
use crate::publish::prometheus_rows::gauges;

pub(super) const ALIVE: Operation = Operation {
    path: "/healthz",
    name: "alive",
    summary: "Whether the instance lives",
    answer: Answer::Text("text/plain"),
    guarded: false,
    handler: |_| get(alive),
    ..Operation::PLAIN
};

pub(super) const READY: Operation = Operation {
    path: "/readyz",
    name: "ready",
    summary: "Whether the instance is ready: it has shards, and all of them are restored",
    answer: Answer::Text("text/plain"),
    refusals: &[503],
    guarded: false,
    handler: |served| get(ready).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

pub(super) const METRICS: Operation = Operation {
    path: "/metrics",
    name: "metrics",
    summary: "Metrics for Prometheus",
    about: "Those of the processor; where the instance owns the rollup also a gauge for each KPI row of a running window.",
    answer: Answer::Text("text/plain"),
    guarded: false,
    handler: |served| get(metrics).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

async fn alive() -> &'static str {
    "alive\n"
}

async fn ready(State(site): State<Arc<Site>>) -> Response {
    match &site.board.status().not_ready {
        None => "ready\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}

/// The processor's metrics, and the gauges of KPIs and alerts where this instance is the one to export them.
async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let status = site.board.status();
    site.metrics.set_watermark(status.watermark, now());
    site.metrics.ready.set(i64::from(status.not_ready.is_none()));
    let rows = if status.owns_rollup { site.board.running() } else { Vec::new() };
    let mut kpis = gauges(site.families.kpis.iter(), &rows, &site.config.metrics);
    if status.owns_rollup {
        kpis.add_alerts(&site.board.alerts(), &site.config.metrics);
    }
    site.metrics.overflowed_series.set(i64::try_from(kpis.overflowed).unwrap_or(i64::MAX));
    let families = [site.metrics.gather(), kpis.families].concat();
    match TextEncoder::new().encode_to_string(&families) {
        Ok(text) => ([(header::CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT))], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
