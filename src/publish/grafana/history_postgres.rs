//! The dashboard of windows that have ended, from the table that `deploy/postgres` keeps: the same numbers for as long
//! as one likes, and with all that SQL can do to them.

use serde_json::{Value, json};

use super::gauges::Gauges;
use super::history_api::choices;
use super::kpi_panels::look;
use super::layout::{Layout, Placed};
use super::looks::title;
use super::panels::{Look, Query, by_name, datasource, plain_table, tile, trend_of};
use super::variables::{several, source};

const SOURCE: &str = "grafana-postgresql-datasource";
/// Rows without a dimension.
const TOTAL: &str = "dims = '{}'";

pub(super) fn fill(layout: &mut Layout, gauges: &Gauges<'_>) -> Vec<Value> {
    layout.section(
        "Funnel",
        [
            totals(gauges, "Leads, MQLs, SQLs and opportunities", &["leads", "mqls", "sqls", "opportunities"]),
            totals(gauges, "Sessions and visitors", &["sessions", "visitors"]),
            with_interval(gauges, "lead_mql_ratio"),
            running_sum(gauges, "leads"),
        ]
        .into_iter()
        .flatten()
        .collect(),
    );
    layout.section(
        "Money",
        [
            totals(gauges, "Spend, pipeline and revenue", &["spend", "pipeline", "revenue"]),
            totals(gauges, "Cost per lead", &["cost_per_lead"]),
        ]
        .into_iter()
        .flatten()
        .collect(),
    );
    layout.section(
        "Channels (by the chosen model)",
        [by_channel(gauges, "leads"), by_channel(gauges, "pipeline"), by_model(gauges, "leads"), sessions(gauges)]
            .into_iter()
            .flatten()
            .collect(),
    );
    layout.section("The table", vec![newest(), count("Rows", "count(*)", "short"), freshness(), settled()]);
    variables(gauges)
}

fn variables(gauges: &Gauges<'_>) -> Vec<Value> {
    let [windows, models] = choices(gauges);
    let channels = "SELECT DISTINCT dims->>'channel' FROM kpis WHERE dims ? 'channel' ORDER BY 1";
    let channel = json!({
        "name": "channel", "label": "Channel", "type": "query", "datasource": datasource(SOURCE),
        "query": channels,
        "refresh": 1, "sort": 0, "hide": 0, "includeAll": false, "multi": false, "regex": "", "options": [],
        "current": {},
    });
    let mut channel = several(channel, "");
    // Grafana puts all values in the place of All.
    channel["allValue"] = Value::Null;
    vec![source(SOURCE), windows, models, channel]
}

fn sql(format: &str, text: &str) -> Value {
    json!({ "format": format, "rawQuery": true, "editorMode": "code", "rawSql": text })
}

/// The rows of a window in the time that is shown.
fn shown(kpis: &str, rows: &str) -> String {
    format!("WHERE kpi {kpis}\n  AND window_kind = '$window'\n  AND {rows}\n  AND $__timeFilter(window_start)")
}

fn totals(gauges: &Gauges<'_>, name: &str, ids: &[&str]) -> Option<Placed> {
    let kpis: Vec<_> = ids.iter().filter_map(|id| gauges.kpis().find(|kpi| kpi.id == *id)).collect();
    let list: Vec<String> = kpis.iter().map(|kpi| format!("'{}'", kpi.id)).collect();
    let rows = shown(&format!("IN ({})", list.join(", ")), TOTAL);
    let text = format!("SELECT window_start AS time, kpi AS metric, value\nFROM kpis\n{rows}\nORDER BY time");
    let meanings: Vec<String> = kpis.iter().map(|kpi| format!("**{}**: {}", title(&kpi.id), kpi.meaning)).collect();
    let look = Look { thresholds: None, ..look(gauges, kpis.first()?) };
    Some(trend_of(name, &meanings.join("\n\n"), SOURCE, vec![sql("time_series", &text)], &look))
}

fn one(gauges: &Gauges<'_>, id: &str, name: &str, note: &str, text: &str) -> Option<Placed> {
    let kpi = gauges.kpis().find(|kpi| kpi.id == id)?;
    let look = Look { thresholds: None, ..look(gauges, kpi) };
    let of = format!("{}{note}", kpi.meaning);
    Some(trend_of(name, &of, SOURCE, vec![sql("time_series", text)], &look))
}

fn with_interval(gauges: &Gauges<'_>, id: &str) -> Option<Placed> {
    let rows = shown(&format!("= '{id}'"), TOTAL);
    let text = format!(
        "SELECT window_start AS time, value, low AS \"low (95 %)\", high AS \"high (95 %)\"\n\
         FROM kpis\n{rows}\nORDER BY time"
    );
    one(gauges, id, &format!("{}, with its interval", title(id)), " Few cases make a wide interval.", &text)
}

fn running_sum(gauges: &Gauges<'_>, id: &str) -> Option<Placed> {
    let rows = shown(&format!("= '{id}'"), TOTAL);
    let text = format!(
        "SELECT window_start AS time, sum(value) OVER (ORDER BY window_start) AS value\n\
         FROM kpis\n{rows}\nORDER BY time"
    );
    let note = " Added up over the windows that are shown: choose one that does not overlap.";
    one(gauges, id, &format!("{}, added up", title(id)), note, &text)
}

fn by_channel(gauges: &Gauges<'_>, id: &str) -> Option<Placed> {
    let credited = "dims->>'model' = '$model'\n  AND dims->>'channel' IN ($channel)\n  \
                    AND dims - ARRAY['channel', 'model'] = '{}'";
    let rows = shown(&format!("= '{id}'"), credited);
    let text =
        format!("SELECT window_start AS time, dims->>'channel' AS metric, value\nFROM kpis\n{rows}\nORDER BY time");
    one(gauges, id, &format!("{} by channel", title(id)), "", &text)
}

fn sessions(gauges: &Gauges<'_>) -> Option<Placed> {
    let rows = shown("= 'sessions'", "dims->>'channel' IN ($channel)\n  AND dims - 'channel' = '{}'");
    let text =
        format!("SELECT window_start AS time, dims->>'channel' AS metric, value\nFROM kpis\n{rows}\nORDER BY time");
    one(gauges, "sessions", "Sessions by channel", "", &text)
}

/// The chosen channels together, as each model sees them.
fn by_model(gauges: &Gauges<'_>, id: &str) -> Option<Placed> {
    let credited =
        "dims ? 'model'\n  AND dims->>'channel' IN ($channel)\n  AND dims - ARRAY['channel', 'model'] = '{}'";
    let rows = shown(&format!("= '{id}'"), credited);
    let text = format!(
        "SELECT window_start AS time, dims->>'model' AS metric, sum(value) AS value\n\
         FROM kpis\n{rows}\nGROUP BY 1, 2\nORDER BY time"
    );
    one(gauges, id, &format!("{} of the chosen channels, by model", title(id)), " Models disagree.", &text)
}

fn newest() -> Placed {
    let text = format!(
        "SELECT DISTINCT ON (kpi) kpi, window_start, value, previous, change, benchmark, final\nFROM kpis\n\
         WHERE window_kind = '$window' AND {TOTAL} AND $__timeFilter(window_start)\nORDER BY kpi, window_start DESC"
    );
    let overrides = vec![by_name("change", &Look::unit("percentunit"))];
    let of = "Each KPI of the newest window in the time that is shown, and what it is compared with.";
    plain_table("The newest window of each KPI", of, SOURCE, vec![sql("table", &text)], overrides)
}

fn number(name: &str, of: &str, text: &str, unit: &str) -> Placed {
    let mut placed = tile(name, of, &Query::default(), &Look::unit(unit));
    let mut target = sql("table", text);
    target["refId"] = "A".into();
    target["datasource"] = datasource(SOURCE);
    placed.panel["targets"] = json!([target]);
    placed.panel["datasource"] = datasource(SOURCE);
    placed.panel["options"]["graphMode"] = "none".into();
    placed
}

fn count(name: &str, what: &str, unit: &str) -> Placed {
    number(name, "How many rows the table has.", &format!("SELECT {what} AS rows FROM kpis"), unit)
}

fn freshness() -> Placed {
    let text = "SELECT extract(epoch FROM max(updated_at)) * 1000 AS updated FROM kpis";
    number("Newest change", "When the newest row was published.", text, "dateTimeFromNow")
}

fn settled() -> Placed {
    let text =
        "SELECT avg(final::int) AS final FROM kpis WHERE window_kind = '$window' AND $__timeFilter(window_start)";
    number("Final rows", "Of the rows that are shown, the share that can change no more.", text, "percentunit")
}
