//! The kinds of panels as Grafana's JSON has them: what is shown in, one panel out. Where its numbers come from is
//! asked of a data source that the reader chooses.

use serde_json::{Value, json};

use super::layout::Placed;
use super::looks::steps_of;

/// What Grafana shows where there is no value.
const NONE: &str = "–";

/// Which data source a panel asks: a variable of the dashboard, never one source.
pub(super) fn datasource(kind: &str) -> Value {
    json!({ "type": kind, "uid": "${datasource}" })
}

/// One query to Prometheus.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub expr: String,
    /// Labels in braces: `{{channel}}`.
    pub legend: String,
}

impl Query {
    pub fn new(expr: impl Into<String>, legend: impl Into<String>) -> Self {
        Self { expr: expr.into(), legend: legend.into() }
    }
}

/// How the values of a panel, or of a column, look.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub unit: String,
    pub thresholds: Option<Value>,
    /// Values that are shown as words.
    pub words: Vec<(&'static str, &'static str, &'static str)>,
}

impl Look {
    pub fn unit(unit: &str) -> Self {
        Self { unit: unit.to_owned(), ..Self::default() }
    }

    pub fn steps(self, steps: &[(Option<f64>, &str)]) -> Self {
        Self { thresholds: Some(steps_of(steps)), ..self }
    }

    fn field(&self) -> Value {
        let mut field = json!({ "unit": self.unit, "noValue": NONE });
        if let Some(thresholds) = &self.thresholds {
            field["thresholds"] = thresholds.clone();
            field["color"] = json!({ "mode": "thresholds" });
        }
        if !self.words.is_empty() {
            let word = |(at, (value, text, color)): (usize, &(&str, &str, &str))| {
                ((*value).to_owned(), json!({ "text": text, "color": color, "index": at }))
            };
            let options: serde_json::Map<String, Value> = self.words.iter().enumerate().map(word).collect();
            field["mappings"] = json!([{ "type": "value", "options": options }]);
        }
        field
    }
}

/// Title, description and queries, in whatever shape the data source takes them.
fn panel(kind: &str, title: &str, description: &str, source: &str, targets: Vec<Value>) -> Value {
    let named = targets.into_iter().enumerate().map(|(at, mut target)| {
        target["refId"] = ref_id(at).into();
        target["datasource"] = datasource(source);
        target
    });
    json!({
        "type": kind,
        "title": title,
        "description": description,
        "datasource": datasource(source),
        "targets": named.collect::<Vec<_>>(),
    })
}

/// `A`, `B`, … `Z`, `AA`, ….
pub(super) fn ref_id(at: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(at % 26).unwrap_or_default());
    if at < 26 { letter.to_string() } else { format!("{}{letter}", ref_id(at / 26 - 1)) }
}

/// A query for the whole time that is shown.
fn over_time(query: &Query) -> Value {
    json!({ "expr": query.expr, "legendFormat": query.legend, "range": true, "instant": false })
}

/// A query for the end of it.
fn at_the_end(query: &Query) -> Value {
    json!({ "expr": query.expr, "legendFormat": query.legend, "range": false, "instant": true })
}

fn as_table(query: &Query) -> Value {
    json!({ "expr": query.expr, "format": "table", "range": false, "instant": true })
}

/// One number, or one of each series, with its course behind it.
pub(super) fn tile(title: &str, description: &str, query: &Query, look: &Look) -> Placed {
    let mut panel = panel("stat", title, description, "prometheus", vec![over_time(query)]);
    panel["fieldConfig"] = json!({ "defaults": look.field(), "overrides": [] });
    let colored = look.thresholds.is_some() || !look.words.is_empty();
    panel["options"] = json!({
        "reduceOptions": { "calcs": ["lastNotNull"], "values": false, "fields": "" },
        "colorMode": if colored { "value" } else { "none" },
        "graphMode": if look.words.is_empty() { "area" } else { "none" },
        "textMode": "auto",
        "justifyMode": "auto",
        "orientation": "auto",
    });
    Placed { panel, width: 4, height: 4, widest: 8 }
}

/// Lines over time.
pub(super) fn trend(title: &str, description: &str, queries: &[Query], look: &Look) -> Placed {
    trend_of(title, description, "prometheus", queries.iter().map(over_time).collect(), look)
}

/// The same of any data source.
pub(super) fn trend_of(title: &str, description: &str, source: &str, targets: Vec<Value>, look: &Look) -> Placed {
    let mut panel = panel("timeseries", title, description, source, targets);
    let mut field = look.field();
    field["custom"] = json!({ "drawStyle": "line", "lineWidth": 2, "fillOpacity": 8, "showPoints": "auto" });
    panel["fieldConfig"] = json!({ "defaults": field, "overrides": [] });
    panel["options"] = json!({
        "legend": { "showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": ["lastNotNull"] },
        "tooltip": { "mode": "multi", "sort": "desc" },
    });
    Placed { panel, width: 12, height: 8, widest: 24 }
}

/// A bar of each series.
pub(super) fn bars(title: &str, description: &str, queries: &[Query], look: &Look) -> Placed {
    let mut panel = panel("bargauge", title, description, "prometheus", queries.iter().map(at_the_end).collect());
    panel["fieldConfig"] = json!({ "defaults": look.field(), "overrides": [] });
    panel["options"] = json!({
        "reduceOptions": { "calcs": ["lastNotNull"], "values": false, "fields": "" },
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "text",
        "showUnfilled": true,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "sizing": "auto",
    });
    Placed { panel, width: 8, height: 8, widest: 24 }
}

/// A column of a table: of each query one.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub title: String,
    pub query: Query,
    pub look: Look,
}

/// A row for each combination of labels, a column of each query.
pub(super) fn table(title: &str, description: &str, labels: &[&str], columns: &[Column]) -> Placed {
    let targets = columns.iter().map(|column| as_table(&column.query)).collect();
    let mut panel = panel("table", title, description, "prometheus", targets);
    let value = |at: usize| if columns.len() == 1 { "Value".to_owned() } else { format!("Value #{}", ref_id(at)) };
    let mut order: Vec<(String, String)> = labels.iter().map(|label| ((*label).to_owned(), words(label))).collect();
    order.extend(columns.iter().enumerate().map(|(at, column)| (value(at), column.title.clone())));
    let indexes: serde_json::Map<String, Value> =
        order.iter().enumerate().map(|(at, (name, _))| (name.clone(), at.into())).collect();
    let names: serde_json::Map<String, Value> =
        order.iter().map(|(name, shown)| (name.clone(), shown.as_str().into())).collect();
    panel["transformations"] = json!([
        { "id": "merge", "options": {} },
        { "id": "organize", "options": {
            "excludeByName": { "Time": true }, "indexByName": indexes, "renameByName": names,
        } },
    ]);
    let overrides: Vec<Value> = columns.iter().map(|column| by_name(&column.title, &column.look)).collect();
    panel["fieldConfig"] =
        json!({ "defaults": { "noValue": NONE, "custom": { "filterable": true } }, "overrides": overrides });
    let first = columns.first().map(|column| column.title.as_str());
    panel["options"] = json!({ "showHeader": true, "sortBy": [{ "displayName": first, "desc": true }] });
    Placed { panel, width: 24, height: 9, widest: 24 }
}

/// The looks of one column.
pub(super) fn by_name(name: &str, look: &Look) -> Value {
    let mut properties = vec![json!({ "id": "unit", "value": look.unit })];
    if let Some(thresholds) = &look.thresholds {
        properties.push(json!({ "id": "thresholds", "value": thresholds }));
        properties.push(json!({ "id": "color", "value": { "mode": "thresholds" } }));
        properties.push(json!({ "id": "custom.cellOptions", "value": { "type": "color-text" } }));
    }
    json!({ "matcher": { "id": "byName", "options": name }, "properties": properties })
}

/// One label down, another across.
pub(super) fn matrix(
    title: &str,
    description: &str,
    (row, column): (&str, &str),
    query: &Query,
    look: &Look,
) -> Placed {
    let mut panel = panel("table", title, description, "prometheus", vec![as_table(query)]);
    let options = json!({ "rowField": row, "columnField": column, "valueField": "Value" });
    panel["transformations"] = json!([{ "id": "groupingToMatrix", "options": options }]);
    let mut field = look.field();
    field["custom"] = json!({ "align": "auto" });
    panel["fieldConfig"] = json!({ "defaults": field, "overrides": [] });
    panel["options"] = json!({ "showHeader": true });
    Placed { panel, width: 12, height: 9, widest: 24 }
}

/// A table of rows as the data source gives them.
pub(super) fn plain_table(
    title: &str,
    description: &str,
    source: &str,
    targets: Vec<Value>,
    overrides: Vec<Value>,
) -> Placed {
    let mut panel = panel("table", title, description, source, targets);
    panel["fieldConfig"] =
        json!({ "defaults": { "noValue": NONE, "custom": { "filterable": true } }, "overrides": overrides });
    panel["options"] = json!({ "showHeader": true });
    Placed { panel, width: 24, height: 9, widest: 24 }
}

/// A text for the reader.
pub(super) fn note(text: &str) -> Placed {
    let panel = json!({ "type": "text", "title": "", "options": { "mode": "markdown", "content": text } });
    Placed { panel, width: 24, height: 4, widest: 24 }
}

/// `landing_page` as `Landing page`.
pub(super) fn words(label: &str) -> String {
    let text = if label == "kpi" { "KPI".to_owned() } else { label.replace('_', " ") };
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
