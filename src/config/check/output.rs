//! What comes out: experiments, feedback, own KPIs, outputs, metrics, state.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checker, nearest};
use crate::config::raw::{self, Names, OutputEncoding, Placed, Text};
use crate::config::{Config, Encoding, Experiments, Feedback, Metrics, Output, State, Time, UserKpi, quantities};
use crate::kpi::catalogue::built_in;
use crate::kpi::families::problems_of;
use crate::kpi::formula::FormulaError;
use crate::kpi::quantities::quantities;
use crate::model::stage::Stage;
use crate::model::time::Span;
use crate::model::window::WindowKind;

const LEDGERS: [&str; 4] = ["attributions", "lead-lifecycle", "conversions", "suppressions"];
const UNITS: [&str; 6] = ["count", "ratio", "currency", "currency per day", "seconds", "score"];
/// What rows can be split by.
const DIMENSIONS: [&str; 24] = [
    "channel",
    "campaign",
    "content",
    "term",
    "channel_group",
    "model",
    "segment",
    "kind",
    "landing_page",
    "page",
    "form",
    "asset",
    "asset_type",
    "stage",
    "stat",
    "reason",
    "grade",
    "route",
    "category",
    "path",
    "definition",
    "experiment",
    "variant",
    "kpi",
];

pub fn check_experiments(raw: &raw::Experiments, cx: &mut Checker<'_>) -> Experiments {
    Experiments {
        stage: cx.stage(&raw.stage).unwrap_or(Stage::Lead),
        control: cx.name(&raw.control, "control variant"),
    }
}

pub fn check_feedback(raw: &raw::Feedback, cx: &mut Checker<'_>) -> Feedback {
    Feedback { stages: cx.stages(&raw.stages), lookback: cx.positive_duration(&raw.lookback, "feedback.lookback") }
}

pub fn check_kpis(raw: &[raw::Kpi], cx: &mut Checker<'_>) -> Vec<UserKpi> {
    let mut seen = BTreeSet::new();
    let mut kpis = Vec::new();
    for one in raw {
        let legal = one.id.starts_with(|c: char| c.is_ascii_lowercase())
            && one.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !legal {
            let help = "lower-case letters, digits and `_`, a letter first: it becomes a metric's name";
            cx.fault(&one.id, format!("`{}` cannot be the id of a KPI", one.id.value), "not an id", help);
        }
        if !seen.insert(one.id.value.clone()) {
            cx.fault(&one.id, format!("KPI `{}` is there twice", one.id.value), "again", "give one of them another id");
        }
        if !UNITS.contains(&one.unit.as_str()) {
            cx.unknown(&one.unit, "unit", UNITS);
        }
        if one.formula.trim().is_empty() {
            cx.fault(&one.formula, "a KPI needs a formula", "empty", "such as `spend / demos`");
        }
        kpis.push(UserKpi {
            id: one.id.value.clone(),
            unit: one.unit.value.clone(),
            formula: one.formula.value.clone(),
            by: dimension_sets(&one.by, cx),
        });
    }
    kpis
}

/// Whether what the formulas name exists, by the dimensions that are asked for.
pub fn check_formulas(raw: &[raw::Kpi], config: &Config, cx: &mut Checker<'_>) {
    // A dimension that there is not is said where it is read, and the formula is judged all the same.
    let mut judged = config.clone();
    for set in judged.kpis.iter_mut().flat_map(|kpi| &mut kpi.by) {
        set.retain(|dim| DIMENSIONS.contains(&dim.as_str()));
    }
    for problem in problems_of(&judged) {
        let Some(one) = raw.iter().find(|one| one.id.value == problem.id) else { continue };
        match &problem.error {
            // Said where the formula was read.
            FormulaError::Short if one.formula.trim().is_empty() => {}
            FormulaError::Taken(_) => cx.fault(&one.id, problem.to_string(), "taken", "choose another id"),
            FormulaError::Dimension(name) => {
                let help = nearest::hint(name, DIMENSIONS.iter().copied());
                cx.fault(&one.formula, problem.to_string(), "in this formula", help);
            }
            error => fault_in_formula(&one.formula, error, problem.to_string(), config, cx),
        }
    }
}

/// At the word or sign in a formula that is at fault.
pub fn fault_in_formula(formula: &Text, error: &FormulaError, message: String, config: &Config, cx: &mut Checker<'_>) {
    const FORM: &str = "KPIs and measures, numbers, `+ - * /` and parentheses: `spend / demos`";
    let (at, label, help) = match error {
        FormulaError::Unknown(name) => {
            let own = config.kpis.iter().map(|kpi| kpi.id.as_str());
            let known = built_in().map(|kpi| kpi.id).chain(quantities().map(|quantity| quantity.name)).chain(own);
            let help = match nearest::nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`tributary catalogue` lists the KPIs".to_owned(),
            };
            (cx.word_in(formula, name), "not known", help)
        }
        FormulaError::Unexpected { found, column } => {
            let start = formula.char_indices().nth(column.saturating_sub(1)).map_or(0, |(at, _)| at);
            let part = cx.part_of(formula, start, found.len_utf8());
            (part.or_else(|| formula.span.clone()), "not expected here", FORM.to_owned())
        }
        FormulaError::Number(text) => (cx.word_in(formula, text), "not a number", "such as `0.5`".to_owned()),
        FormulaError::Short => (formula.span.clone(), "something is missing at its end", FORM.to_owned()),
        FormulaError::Deep => (formula.span.clone(), "in this formula", "make a KPI of a part of it".to_owned()),
        FormulaError::OfJourneys(name) => {
            let help = "counts, amounts and ratios of them can be used: `tributary catalogue`";
            (cx.word_in(formula, name), "of whole journeys", help.to_owned())
        }
        FormulaError::NotBy { name, .. } => {
            let help = "`tributary catalogue` says by which dimensions it can be had";
            (cx.word_in(formula, name), "not by these dimensions", help.to_owned())
        }
        FormulaError::Circular(_) => {
            let help = "a KPI is made of others, and in the end of those that are built in";
            (formula.span.clone(), "goes in a circle", help.to_owned())
        }
        FormulaError::Taken(_) | FormulaError::Dimension(_) => (formula.span.clone(), "in this formula", String::new()),
    };
    cx.fault_at(at.as_ref(), message, label, help);
}

fn dimension_sets(raw: &[Names], cx: &mut Checker<'_>) -> Vec<Vec<String>> {
    raw.iter().map(|set| dimension_set(set, cx)).collect()
}

pub fn dimension_set(raw: &Names, cx: &mut Checker<'_>) -> Vec<String> {
    for name in raw.iter().filter(|name| !DIMENSIONS.contains(&name.as_str())) {
        cx.unknown(name, "dimension", DIMENSIONS);
    }
    raw.iter().map(|name| name.value.clone()).collect()
}

pub fn check(raw: &raw::Output, time: &Time, cx: &mut Checker<'_>) -> Output {
    for name in raw.ledgers.iter().filter(|name| !LEDGERS.contains(&name.as_str())) {
        cx.unknown(name, "ledger", LEDGERS);
    }
    Output {
        encoding: match raw.encoding {
            OutputEncoding::Json => Encoding::Json,
            OutputEncoding::Avro => Encoding::Avro,
        },
        interval: cx.wall_clock(&raw.interval, "output.interval"),
        settle_interval: cx.wall_clock(&raw.settle_interval, "output.settle_interval"),
        ledgers: raw.ledgers.iter().map(|name| name.value.clone()).collect(),
        max_values: raw.max_values,
        kpis: globs(&raw.kpis, cx),
        alerts: raw.alerts.iter().map(|name| name.trim().to_owned()).collect(),
        rolling_dims: dimension_sets(&raw.rolling_dims, cx),
        hourly_dims: dimension_sets(&raw.hourly_dims, cx),
        retention: retention(&raw.retention, time.advance_when_idle, cx),
    }
}

/// What is given goes over the defaults; only windows that end can be retained for a time. The defaults are for live
/// streams: the rows of a history that time does not go on after stay, unless it is said for how long.
fn retention(raw: &BTreeMap<Text, Text>, is_live: bool, cx: &mut Checker<'_>) -> BTreeMap<String, Span> {
    let defaults = raw::Output::default_retention();
    let mut kept: BTreeMap<String, Span> = BTreeMap::new();
    for (kind, keep) in defaults.iter().filter(|_| is_live).chain(raw) {
        let known = kind.value == "rolling"
            || WindowKind::parse(kind)
                .is_some_and(|kind| !matches!(kind, WindowKind::Rolling(_) | WindowKind::All | WindowKind::Now));
        if !known {
            let help = nearest::hint(kind, ["1m", "1h", "1d", "1w", "1mo", "1q", "1y", "rolling"]);
            cx.fault(kind, format!("no retention for `{}`", kind.value), "not a kind of window that ends", help);
        }
        kept.insert(kind.value.clone(), cx.duration(keep, &format!("output.retention.{}", kind.value)));
    }
    kept
}

/// An id of a KPI, or a pattern of ids.
pub fn is_glob(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '*' | '?'))
}

fn globs(raw: &Names, cx: &mut Checker<'_>) -> Vec<String> {
    for name in raw {
        if !is_glob(name) {
            cx.fault(name, format!("`{}` names no KPI", name.value), "not an id or a glob", "such as `cost_*`");
        }
    }
    raw.iter().map(|name| name.value.clone()).collect()
}

pub fn check_metrics(raw: &raw::Metrics, cx: &mut Checker<'_>) -> Metrics {
    Metrics { max_series: raw.max_series, kpis: globs(&raw.kpis, cx) }
}

pub fn check_state(raw: &raw::State, cx: &mut Checker<'_>) -> State {
    let tail = &raw.snapshot_min_tail;
    let snapshot_min_tail_bytes = quantities::size(tail).unwrap_or_else(|| {
        let message = format!("`state.snapshot_min_tail` is no size: `{}`", tail.value);
        cx.fault(tail, message, "not a size", "a whole number and a unit: `64MiB`");
        0
    });
    if raw.standby > 0 {
        let at = Placed { value: raw.standby, span: cx.places.get("state.standby").cloned() };
        let help = "whoever takes a shard over restores it from its snapshot and the journal since";
        cx.note(&at, "`state.standby` has no effect: shards have no followers yet", "no effect", help);
    }
    State {
        snapshot_min_tail_bytes,
        journal_retention: cx.positive_duration(&raw.journal_retention, "state.journal_retention"),
    }
}
