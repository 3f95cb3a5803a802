//! The dashboard of windows that have ended, from the HTTP API: Prometheus holds the running ones alone. Addresses are
//! relative to the base URL of the Infinity data source.

use serde_json::{Value, json};

use super::gauges::Gauges;
use super::kpi_panels::look;
use super::layout::{Layout, Placed};
use super::looks::title;
use super::panels::{Look, by_name, plain_table, trend_of};
use super::variables::{MODEL, among, named, source};
use crate::kpi::families::Published;
use crate::kpi::measures::Dim;
use crate::model::window::WindowKind;

const SOURCE: &str = "yesoreyeram-infinity-datasource";

pub(super) fn fill(layout: &mut Layout, gauges: &Gauges<'_>) -> Vec<Value> {
    let over_time = |name: &str, ids: &[&str]| totals(gauges, name, ids);
    let by_channel = |id: &str| split(gauges, id);
    let panels = |panels: Vec<Option<Placed>>| panels.into_iter().flatten().collect();
    layout.section(
        "Funnel",
        panels(vec![
            over_time("Leads, MQLs, SQLs and opportunities", &["leads", "mqls", "sqls", "opportunities"]),
            over_time("From stage to stage", &["lead_mql_ratio", "mql_sql_ratio", "win_ratio"]),
            over_time("Sessions and visitors", &["sessions", "visitors"]),
            over_time("Deals won and lost", &["won_deals", "lost_deals"]),
        ]),
    );
    layout.section(
        "Money",
        panels(vec![
            over_time("Spend, pipeline and revenue", &["spend", "pipeline", "revenue"]),
            over_time("What an entry costs", &["cost_per_lead", "cost_per_mql", "customer_acquisition_cost"]),
        ]),
    );
    layout.section(
        "Channels (by the chosen model)",
        panels(vec![by_channel("sessions"), by_channel("leads"), by_channel("spend"), by_channel("pipeline")]),
    );
    layout.section("Compared", vec![compared()]);
    variables(gauges)
}

/// Windows that end: those of which there is history.
fn ending(gauges: &Gauges<'_>) -> Vec<WindowKind> {
    let ends =
        |kind: &WindowKind| !matches!(kind, WindowKind::All | WindowKind::Now | WindowKind::Minute | WindowKind::Hour);
    gauges.config.time.windows.iter().copied().filter(ends).collect()
}

/// The variables of a history: whose windows, and whose credit. The shortest windows are what history is made of.
pub(super) fn choices(gauges: &Gauges<'_>) -> [Value; 2] {
    let kinds = ending(gauges);
    let text = |kind: &WindowKind| match kind {
        WindowKind::Day => "Days".to_owned(),
        WindowKind::Week => "Weeks".to_owned(),
        WindowKind::Month => "Months".to_owned(),
        WindowKind::Quarter => "Quarters".to_owned(),
        WindowKind::Year => "Years".to_owned(),
        other => named(*other),
    };
    let windows: Vec<_> = kinds.iter().map(|kind| (text(kind), kind.to_string())).collect();
    let first = kinds.iter().min().map_or_else(|| "1d".to_owned(), ToString::to_string);
    let models = gauges.config.attribution.models.iter().filter(|model| model.is_rule_based());
    let models: Vec<_> = models.map(|model| (model.name().to_owned(), model.name().to_owned())).collect();
    let usual = models.iter().find(|(name, _)| name == MODEL).or(models.first());
    let model = usual.map_or(MODEL, |(name, _)| name);
    [among("window", "Windows", &windows, &first), among("model", "Model", &models, model)]
}

fn variables(gauges: &Gauges<'_>) -> Vec<Value> {
    let [windows, models] = choices(gauges);
    vec![source(SOURCE), windows, models]
}

fn column(selector: &str, text: &str, kind: &str) -> Value {
    json!({ "selector": selector, "text": text, "type": kind })
}

/// Rows of one KPI come by the beginning of their windows, as time series must.
fn target(url: &str, format: &str, columns: Vec<Value>) -> Value {
    json!({
        "type": "json",
        "source": "url",
        "parser": "backend",
        "format": format,
        "url": url,
        "url_options": { "method": "GET", "data": "" },
        "root_selector": "",
        "columns": columns,
        "filters": [],
        "global_query_id": "",
    })
}

fn published<'g>(gauges: &'g Gauges<'_>, id: &str, dims: &[Dim]) -> Option<&'g Published> {
    let sets = gauges.sets(id);
    sets.iter().any(|set| set == dims).then(|| gauges.kpis().find(|kpi| kpi.id == id))?
}

fn totals(gauges: &Gauges<'_>, name: &str, ids: &[&str]) -> Option<Placed> {
    let kpis: Vec<&Published> = ids.iter().filter_map(|id| published(gauges, id, &[])).collect();
    let targets = kpis.iter().map(|kpi| {
        let url = format!("/api/v1/kpis?kpi={}&window=${{window}}&dims=", kpi.id);
        target(
            &url,
            "timeseries",
            vec![column("start", "Time", "timestamp_epoch"), column("value", &title(&kpi.id), "number")],
        )
    });
    let meanings: Vec<String> = kpis.iter().map(|kpi| format!("**{}**: {}", title(&kpi.id), kpi.meaning)).collect();
    let look = Look { thresholds: None, ..look(gauges, kpis.first()?) };
    Some(trend_of(name, &meanings.join("\n\n"), SOURCE, targets.collect(), &look))
}

/// A KPI by channel, under the chosen model where it is by model.
fn split(gauges: &Gauges<'_>, id: &str) -> Option<Placed> {
    let plain = published(gauges, id, &[Dim::Channel]);
    let credited = || published(gauges, id, &[Dim::Channel, Dim::Model]);
    let (kpi, dims) = match plain {
        Some(kpi) => (kpi, "dims=channel"),
        None => (credited()?, "dims=channel,model&model=${model}"),
    };
    let url = format!("/api/v1/kpis?kpi={id}&window=${{window}}&{dims}");
    let columns = vec![
        column("start", "Time", "timestamp_epoch"),
        column("dims.channel", "channel", "string"),
        column("value", &title(id), "number"),
    ];
    let look = Look { thresholds: None, ..look(gauges, kpi) };
    let name = format!("{} by channel", title(id));
    Some(trend_of(&name, &kpi.meaning, SOURCE, vec![target(&url, "timeseries", columns)], &look))
}

/// Every KPI of the running window with what it is compared with.
fn compared() -> Placed {
    let columns = vec![
        column("kpi", "KPI", "string"),
        column("unit", "Unit", "string"),
        column("value", "Value", "number"),
        column("previous", "Window before", "number"),
        column("change", "Change", "number"),
        column("benchmark", "Median of 8 windows", "number"),
        column("low", "Low (95 %)", "number"),
        column("high", "High (95 %)", "number"),
        column("final", "Final", "boolean"),
    ];
    let url = "/api/v1/kpis?window=${window}&start=running&dims=";
    let overrides = vec![by_name("Change", &Look::unit("percentunit"))];
    let of = "Each KPI of the running window: the same window before, the change, and the median of the eight before.";
    plain_table(
        "This window, the one before, and the usual",
        of,
        SOURCE,
        vec![target(url, "table", columns)],
        overrides,
    )
}
