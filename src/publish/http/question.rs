//! The query of a request for KPI rows: text in, what is wanted out, or why it makes no sense.
//!
//! `kpi` and `window` take several values, repeated or with commas; `start` is a time or `running`; `dims` names the
//! dimensions that rows must have, no more and no less (`dims=` is the total), and may be repeated; every other parameter
//! is a dimension with the value that it must have.

use axum::http::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Site;
use super::answer::Refusal;
use super::operations::{self, Parameter};
use crate::config::Config;
use crate::kpi::families::families_of;
use crate::kpi::measures::Dim;
use crate::model::time::Millis;
use crate::model::window::WindowKind;
use crate::publish::board::{Start, Wanted};

/// Rows in one answer, at most and without a limit given.
pub(super) const MOST_ROWS: usize = 10_000;

/// The dimensions are parameters, too.
pub(super) const PARAMETERS: &[Parameter] = &[
    Parameter { name: "kpi", about: "Ids of KPIs; not given: all", schema: kpis },
    Parameter { name: "window", about: "Kinds of windows; not given: all", schema: operations::texts },
    Parameter {
        name: "start",
        about: "When the window begins, in milliseconds or as RFC 3339, or `running`; not given: any",
        schema: operations::start,
    },
    Parameter {
        name: "dims",
        about: "The dimensions that a row must have, no more and no less; empty: the totals; may be repeated",
        schema: operations::texts,
    },
    Parameter {
        name: "limit",
        about: "How many rows at most",
        schema: |_| json!({ "type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": MOST_ROWS }),
    },
];

fn kpis(config: &Config) -> Value {
    let families = families_of(config);
    let ids: Vec<&str> = families.kpis.iter().map(|kpi| &*kpi.id).collect();
    json!({ "type": "array", "items": { "type": "string", "enum": ids } })
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub wanted: Wanted,
    pub most: usize,
}

pub(super) fn read(query: &str, site: &Site) -> Result<Question, Refusal> {
    let mut wanted = Wanted::default();
    let mut most = MOST_ROWS;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "kpi" => {
                for id in list(&value) {
                    wanted.kpis.push(known_kpi(id, site)?);
                }
            }
            "window" => {
                for text in list(&value) {
                    wanted.windows.push(window(text, site)?);
                }
            }
            "start" => wanted.start = start(&value)?,
            "dims" => wanted.sets.push(list(&value).map(dim).collect::<Result<_, _>>()?),
            "limit" => most = limit(&value, MOST_ROWS)?,
            _ => wanted.dims.push((dim(&name)?, value.into_owned())),
        }
    }
    Ok(Question { wanted, most })
}

pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn known_kpi(id: &str, site: &Site) -> Result<String, Refusal> {
    let ids = || site.families.kpis.iter().map(|kpi| &*kpi.id);
    if ids().any(|known| known == id) {
        return Ok(id.to_owned());
    }
    let refusal = Refusal::new(StatusCode::NOT_FOUND, "unknown_kpi", format!("there is no KPI `{id}`"));
    Err(match nearest(id, ids()) {
        Some(near) => refusal.hint(format!("did you mean `{near}`? /api/v1/catalogue lists them all")),
        None => refusal.hint("/api/v1/catalogue lists them all"),
    })
}

pub(super) fn window(text: &str, site: &Site) -> Result<WindowKind, Refusal> {
    let configured = &site.config.time.windows;
    WindowKind::parse(text).filter(|window| configured.contains(window)).ok_or_else(|| {
        let names: Vec<String> = configured.iter().map(ToString::to_string).collect();
        let hint = format!("`time.windows` has {}", names.join(", "));
        Refusal::bad("unknown_window", format!("there is no window `{text}`")).hint(hint)
    })
}

pub(super) fn start(text: &str) -> Result<Start, Refusal> {
    if text == "running" {
        return Ok(Start::Running);
    }
    let millis = text.parse().ok().or_else(|| Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()));
    millis.map(|at| Start::At(Millis(at))).ok_or_else(|| {
        let hint = "milliseconds since 1970, RFC 3339 such as 2026-01-05T00:00:00Z, or `running`";
        Refusal::bad("invalid_start", format!("`{text}` is no start of a window")).hint(hint)
    })
}

fn dim(name: &str) -> Result<String, Refusal> {
    dim_or(name, PARAMETERS)
}

/// The name of a dimension, where these are the other parameters.
pub(super) fn dim_or(name: &str, parameters: &[Parameter]) -> Result<String, Refusal> {
    if Dim::parse(name).is_some() {
        return Ok(name.to_owned());
    }
    let refusal = Refusal::bad("unknown_parameter", format!("`{name}` is neither a parameter nor a dimension"));
    Err(did_you_mean(refusal, name, parameters.iter().map(|parameter| parameter.name).chain(Dim::ALL.map(Dim::name))))
}

/// That there is no such parameter.
pub(super) fn unknown_parameter(name: &str, parameters: &[Parameter]) -> Refusal {
    let refusal = Refusal::bad("unknown_parameter", format!("`{name}` is no parameter"));
    did_you_mean(refusal, name, parameters.iter().map(|parameter| parameter.name))
}

/// A refusal that names what comes nearest, if anything does.
pub(super) fn did_you_mean<'a>(refusal: Refusal, text: &str, known: impl Iterator<Item = &'a str>) -> Refusal {
    match nearest(text, known) {
        Some(near) => refusal.hint(format!("did you mean `{near}`?")),
        None => refusal,
    }
}

pub(super) fn limit(text: &str, most: usize) -> Result<usize, Refusal> {
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| Refusal::bad("invalid_limit", format!("`limit` is between 1 and {most}")))
}

fn nearest<'a>(text: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = among.map(|known| (strsim::jaro_winkler(text, known), known));
    scored.filter(|(score, _)| *score > 0.8).max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn ask(query: &str) -> Result<Question, Refusal> {
        let config = Config::parse("", "", std::iter::empty()).expect("the defaults are valid");
        read(query, &Site::new(&config, Arc::default(), Arc::default()))
    }

    #[test]
    fn a_question_is_read() {
        let question =
            ask("kpi=leads,mqls&kpi=spend&window=30d&start=2026-01-05T00:00:00Z&channel=a%26b&dims=&limit=5");
        let texts = |of: &[&str]| of.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let wanted = Wanted {
            kpis: texts(&["leads", "mqls", "spend"]),
            windows: vec![WindowKind::Rolling(30)],
            start: Start::At(Millis(1_767_571_200_000)),
            dims: vec![("channel".to_owned(), "a&b".to_owned())],
            sets: vec![vec![]],
        };
        assert_eq!(question, Ok(Question { wanted, most: 5 }));
        assert_eq!(ask(""), Ok(Question { wanted: Wanted::default(), most: MOST_ROWS }));
        assert_eq!(ask("start=running&dims=channel,model").expect("fine").wanted.sets, [["channel", "model"]]);
    }

    #[test]
    fn refusals_name_the_nearest() {
        for (query, error, hint) in [
            ("kpi=lead", "unknown_kpi", Some("`leads`")),
            ("kpi=xyz", "unknown_kpi", Some("/api/v1/catalogue")),
            ("window=2w", "unknown_window", Some("1h, 1d")),
            ("window=1w", "unknown_window", Some("1h, 1d")),
            ("start=yesterday", "invalid_start", Some("RFC 3339")),
            ("chanel=email", "unknown_parameter", Some("`channel`")),
            ("dims=modle", "unknown_parameter", Some("`model`")),
            ("limit=0", "invalid_limit", None),
        ] {
            let refusal = ask(query).expect_err(query);
            assert_eq!(refusal.error, error, "{query}");
            let said = refusal.hint.unwrap_or_default();
            assert!(hint.is_none_or(|hint| said.contains(hint)), "{query}: {said}");
        }
    }
}
