//! KPI rows, the catalogue and the instance's status as JSON. An empty answer says why it is empty, in a header, so that
//! the body stays the array that programs read.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Refusal, json, json_bytes};
use super::operations::{Answer, Operation};
use super::question::{self, Question};
use super::{Site, now};
use crate::kpi::catalogue::prometheus_name;
use crate::publish::kpi_update::{EncodeError, to_json};
use crate::rollup::row::Row;
use crate::telemetry::metrics::{Held, Intake, Rejections};

/// Why there is nothing.
pub(super) const EMPTY_BECAUSE: &str = "tributary-empty-because";
/// After how many rows the answer was cut.
pub(super) const CUT_AT: &str = "tributary-cut-at";

pub(super) const KPIS: Operation = Operation {
    path: "/api/v1/kpis",
    name: "kpis",
    summary: "KPI rows, as the topic has them",
    parameters: question::PARAMETERS,
    by_dims: true,
    answer: Answer::Records("KpiUpdate"),
    refusals: &[400, 404],
    handler: |served| get(kpis).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

pub(super) const CATALOGUE: Operation = Operation {
    path: "/api/v1/catalogue",
    name: "catalogue",
    summary: "Every KPI that is published: what it means, and which rows it has",
    answer: Answer::Json(|schemas| schemas.subschema_for::<Catalogue<'_>>()),
    handler: |served| get(catalogue).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

pub(super) const STATUS: Operation = Operation {
    path: "/api/v1/status",
    name: "status",
    summary: "How the instance is doing",
    answer: Answer::Json(|schemas| schemas.subschema_for::<Doing>()),
    handler: |served| get(status).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

async fn kpis(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let question = question::read(&query.unwrap_or_default(), &site)?;
    let mut rows = site.board.find(&question.wanted, question.most + 1);
    let cut = rows.len() > question.most;
    rows.truncate(question.most);
    if rows.is_empty() {
        return Ok(empty_because(&why_empty(&site, &question)));
    }
    let mut response = json_bytes(array(&rows)?);
    if cut {
        response.headers_mut().insert(CUT_AT, question.most.into());
    }
    Ok(response)
}

pub(super) fn array(rows: &[Arc<Row>]) -> Result<Vec<u8>, Refusal> {
    array_of(rows.iter().map(|row| to_json(row)))
}

/// Records as they are published, in one array.
pub(super) fn array_of(records: impl Iterator<Item = Result<Vec<u8>, EncodeError>>) -> Result<Vec<u8>, Refusal> {
    let mut bytes = vec![b'['];
    for (at, record) in records.enumerate() {
        if at > 0 {
            bytes.push(b',');
        }
        bytes.extend(
            record.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()))?,
        );
    }
    bytes.push(b']');
    Ok(bytes)
}

/// Why nothing is published yet; none if something is.
pub(super) fn why_nothing_yet(site: &Site) -> Option<String> {
    let status = site.board.status();
    let reason = match (&status.not_ready, &status.trouble, status.watermark) {
        _ if !site.board.is_empty() => return None,
        (Some(reason), ..) => reason,
        (None, Some(trouble), _) => trouble,
        (None, None, Some(_)) => "the first rows are on their way",
        (None, None, None) if site.metrics.intake().consumed > 0 => {
            "events come in, and the first rows are on their way"
        }
        (None, None, None) => "no events have come in",
    };
    Some(format!("nothing is published yet: {reason}"))
}

/// An empty array with the reason in a header.
pub(super) fn empty_because(reason: &str) -> Response {
    let mut response = json_bytes(b"[]".to_vec());
    if let Ok(reason) = HeaderValue::from_str(reason) {
        response.headers_mut().insert(EMPTY_BECAUSE, reason);
    }
    response
}

fn why_empty(site: &Site, question: &Question) -> String {
    let status = site.board.status();
    let wanted = &question.wanted;
    if let Some(reason) = why_nothing_yet(site) {
        return reason;
    }
    let exist = |row: (&str, &[String], &str)| {
        let (kpi, dims, window) = row;
        let given = |(name, _): &(String, String)| dims.contains(name);
        (wanted.kpis.is_empty() || wanted.kpis.iter().any(|id| id == kpi))
            && (wanted.windows.is_empty() || wanted.windows.iter().any(|kind| kind.to_string() == window))
            && wanted.dims.iter().all(given)
            && (wanted.sets.is_empty()
                || wanted.sets.iter().any(|set| set.len() == dims.len() && set.iter().all(|name| dims.contains(name))))
    };
    let shapes = shapes(site);
    let any = shapes
        .iter()
        .any(|(kpi, sets)| sets.iter().any(|set| set.windows.iter().any(|window| exist((kpi, &set.dims, window)))));
    if !any {
        return "no such rows exist: /api/v1/catalogue says which dimensions and windows each KPI has".to_owned();
    }
    let watermark = status.watermark.map_or_else(String::new, |at| format!(" (event time has come to {at:?})"));
    format!("no fact has made such a row yet{watermark}, or its window ended long ago: the kpis topic has those")
}

#[derive(Serialize, JsonSchema)]
struct Catalogue<'a> {
    kpis: Vec<Entry<'a>>,
    windows: Vec<String>,
    models: Vec<&'a str>,
    currency: &'a str,
    zone: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CatalogueEntry")]
struct Entry<'a> {
    id: &'a str,
    unit: &'a str,
    meaning: &'a str,
    interval: bool,
    prometheus: String,
    rows: Vec<Shape>,
}

/// A set of dimensions and the windows that rows with it come in.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CatalogueRows")]
struct Shape {
    dims: Vec<String>,
    windows: Vec<String>,
}

async fn catalogue(State(site): State<Arc<Site>>) -> Response {
    let mut shapes = shapes(&site);
    let entry = |kpi: &'_ crate::kpi::families::Published| shapes.remove(&*kpi.id).unwrap_or_default();
    let rows: Vec<_> = site.families.kpis.iter().map(entry).collect();
    let kpis = site.families.kpis.iter().zip(rows).map(|(kpi, rows)| Entry {
        id: &kpi.id,
        unit: &kpi.unit,
        meaning: &kpi.meaning,
        interval: kpi.interval,
        prometheus: prometheus_name(&kpi.id),
        rows,
    });
    let config = &site.config;
    json(&Catalogue {
        kpis: kpis.collect(),
        windows: config.time.windows.iter().map(ToString::to_string).collect(),
        models: config.attribution.models.iter().map(|model| model.name()).collect(),
        currency: &config.money.currency,
        zone: config.time.calendar.zone().iana_name().unwrap_or("local").to_owned(),
    })
}

fn shapes(site: &Site) -> BTreeMap<&str, Vec<Shape>> {
    let mut shapes: BTreeMap<&str, Vec<Shape>> = BTreeMap::new();
    for family in &site.families.families {
        shapes.entry(&site.families.kpis[family.kpi].id).or_default().push(Shape {
            dims: family.dims.iter().map(|dim| dim.name().to_owned()).collect(),
            windows: family.kinds.iter().map(ToString::to_string).collect(),
        });
    }
    shapes
}

/// How the instance is doing, for the page.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Status")]
pub(super) struct Doing {
    version: &'static str,
    ready: bool,
    not_ready: Option<String>,
    trouble: Option<String>,
    watermark: Option<i64>,
    now: i64,
    intake: Intake,
    rejections: Vec<Rejections>,
    state: Held,
    /// Changes of KPI rows so far.
    rows_published: u64,
    /// Whether it owns the rollup: it alone measures the lag and publishes rows.
    owns_rollup: bool,
}

impl Doing {
    pub(super) fn of(site: &Site) -> Self {
        let status = site.board.status();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            ready: status.not_ready.is_none(),
            not_ready: status.not_ready.clone(),
            trouble: status.trouble.clone(),
            watermark: status.watermark.map(|at| at.0),
            now: now().0,
            intake: site.metrics.intake(),
            rejections: site.metrics.rejections(),
            state: site.metrics.held(),
            rows_published: site.metrics.rows.get(),
            owns_rollup: status.owns_rollup,
        }
    }
}

async fn status(State(site): State<Arc<Site>>) -> Response {
    json(&Doing::of(&site)).into_response()
}
