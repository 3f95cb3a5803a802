//! What is written → what is meant: one conversion that never stops at a problem, but notes it and goes on, so that
//! all are reported at once. A value it returns beside a problem is a stand-in that nobody gets to see.

mod alerts;
mod attribution;
mod channels;
mod connections;
mod money;
mod names;
mod output;
mod predicates;
mod scoring;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use regex::{Regex, RegexBuilder};

use super::problem::{Problem, Problems};
use super::raw::{Names, Placed, Raw, Text};
use super::sources::Sources;
use super::{Config, PropertyCheck, nearest, quantities};
use crate::model::stage::Stage;
use crate::model::time::Span;

pub use channels::channel_id;

pub struct Checker<'s> {
    pub sources: &'s Sources,
    pub problems: Vec<Problem>,
    /// What is valid, and yet may not be what was meant.
    pub notes: Vec<Problem>,
    /// Paths that structure has already refused: what depends on them is not judged.
    pub removed: BTreeSet<String>,
    /// Where the values of keys are, by their paths.
    pub places: BTreeMap<String, Range<usize>>,
    /// Where relative paths start: the directory of the file.
    pub directory: PathBuf,
    pub property: &'s PropertyCheck<'s>,
}

pub fn check(raw: &Raw, cx: &mut Checker<'_>) -> Config {
    let (time, dedupe_horizon) = time::check(raw, cx);
    let scoring = scoring::check(&raw.scoring, cx);
    let segments = scoring::check_segments(raw, &scoring, cx);
    let routes = scoring::check_routes(raw, &scoring, cx);
    let config = Config {
        notes: Problems::default(),
        kafka: connections::check_kafka(&raw.kafka, cx),
        topics: connections::check_topics(&raw.topics, cx),
        schema_registry: raw.schema_registry.as_ref().map(|registry| connections::check_registry(registry, cx)),
        schemas: connections::check_schemas(&raw.schemas, cx),
        dedupe_horizon,
        identity: attribution::check_identity(&raw.identity, cx),
        accounts_hold_from_start: matches!(raw.accounts.hold_from, super::raw::HoldFrom::Start),
        journey: attribution::check_journey(&raw.journey, cx),
        attribution: attribution::check(&raw.attribution, cx),
        funnel: scoring::check_funnel(&raw.funnel, cx),
        sla: scoring::check_sla(&raw.sla, cx),
        scoring,
        routes,
        segments,
        channels: channels::check(&raw.channels, cx),
        money: money::check(&raw.money, cx),
        budgets: money::check_budgets(&raw.budgets, &time, cx),
        goals: money::check_goals(&raw.goals, &time, cx),
        experiments: output::check_experiments(&raw.experiments, cx),
        feedback: output::check_feedback(&raw.feedback, cx),
        alerts: alerts::check(&raw.alerts, &time, cx),
        paths_top: raw.paths.top,
        what_if_extra_sessions: raw.what_if.extra_sessions,
        kpis: output::check_kpis(&raw.kpi, cx),
        output: output::check(&raw.output, &time, cx),
        metrics: output::check_metrics(&raw.metrics, cx),
        state: output::check_state(&raw.state, cx),
        http: connections::check_http(&raw.http, cx),
        time,
    };
    output::check_formulas(&raw.kpi, &config, cx);
    alerts::check_rules(raw, &config, cx);
    names::check(raw, &config, cx);
    config
}

impl Checker<'_> {
    /// Notes a problem at a value, with the label under it and a hint.
    fn fault<T>(&mut self, at: &Placed<T>, message: impl Into<String>, label: &str, help: impl Into<String>) {
        self.fault_at(at.span.as_ref(), message, label, help);
    }

    fn fault_at(
        &mut self,
        at: Option<&Range<usize>>,
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) {
        let help = help.into();
        let mut problem = Problem::new(message);
        if let Some(span) = at {
            problem = problem.at(self.sources, span).label(label);
        }
        self.problems.push(if help.is_empty() { problem } else { problem.help(help) });
    }

    /// Notes what is valid, and yet may not be what was meant.
    fn note<T>(&mut self, at: &Placed<T>, message: impl Into<String>, label: &str, help: impl Into<String>) {
        // What no one wrote is nobody's mistake.
        if let Some(span) = &at.span {
            self.notes.push(Problem::new(message).at(self.sources, span).label(label).help(help).note());
        }
    }

    /// A fault of the value of a key that holds others.
    fn fault_of_key(&mut self, path: &str, message: impl Into<String>, label: &str, help: impl Into<String>) {
        let at = self.places.get(path).cloned();
        self.fault_at(at.as_ref(), message, label, help);
    }

    /// Where a word stands in a text, as it is written; else the whole text.
    fn word_in(&self, text: &Text, word: &str) -> Option<Range<usize>> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let whole = |&(at, _): &(usize, &str)| {
            let (before, after) = (&text.value[..at], &text.value[at + word.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        };
        let at = text.value.match_indices(word).find(whole).map(|(at, _)| at);
        match at.and_then(|at| self.part_of(text, at, word.len())) {
            Some(part) => Some(part),
            None => text.span.clone(),
        }
    }

    /// Where bytes of a text are in the sources; none where it is written otherwise than it reads.
    fn part_of(&self, text: &Text, at: usize, length: usize) -> Option<Range<usize>> {
        let span = text.span.as_ref()?;
        let (source, local) = self.sources.locate(span);
        let written = source.inner().get(local)?;
        let start = span.start + written.find(text.value.as_str())? + at;
        Some(start..start + length)
    }

    fn unknown<'a>(&mut self, name: &Text, what: &str, known: impl IntoIterator<Item = &'a str>) {
        let hint = nearest::hint(name, known);
        self.fault(name, format!("unknown {what} `{}`", name.value), "not known", hint);
    }

    fn duration(&mut self, text: &Text, key: &str) -> Span {
        quantities::duration(text).unwrap_or_else(|| {
            let message = format!("`{key}` is no duration: `{}`", text.value);
            self.fault(
                text,
                message,
                quantities::wrong_duration(text),
                "a whole number and a unit: `90s`, `30m`, `24h`, `7d`",
            );
            Span::default()
        })
    }

    fn positive_duration(&mut self, text: &Text, key: &str) -> Span {
        let known = self.problems.len();
        let span = self.duration(text, key);
        if span.0 == 0 && self.problems.len() == known {
            self.fault(text, format!("`{key}` must be longer than nothing"), "no time at all", "such as `30s` or `7d`");
        }
        span
    }

    /// For what runs on the wall clock.
    fn wall_clock(&mut self, text: &Text, key: &str) -> std::time::Duration {
        std::time::Duration::from_millis(self.duration(text, key).0.unsigned_abs())
    }

    /// Whether a key of this table has been refused: then it cannot be said what the table lacks.
    fn has_removed_in(&self, table: &str) -> bool {
        self.removed.iter().any(|path| path.strip_prefix(table).is_some_and(|rest| rest.starts_with('.')))
    }

    fn share(&mut self, number: &Placed<f64>, key: &str) -> f64 {
        if !(0.0..=1.0).contains(&number.value) {
            self.fault(number, format!("`{key}` must be between 0 and 1"), "out of range", "0.35 stands for 35 %");
        }
        number.value
    }

    fn finite(&mut self, number: &Placed<f64>, key: &str) -> f64 {
        if !number.value.is_finite() {
            self.fault(number, format!("`{key}` must be a finite number"), "not finite", "such as `0.5`");
        }
        number.value
    }

    /// A stage of the ladder.
    fn stage(&mut self, name: &Text) -> Option<Stage> {
        let stage = Stage::parse(name).filter(|stage| stage.rung().is_some());
        if stage.is_none() {
            self.unknown(name, "stage", Stage::LADDER.map(Stage::name));
        }
        stage
    }

    /// Stages of the ladder, in the order given, without repeats.
    fn stages(&mut self, names: &Names) -> Vec<Stage> {
        let mut stages = Vec::new();
        for stage in names.iter().filter_map(|name| self.stage(name)) {
            if !stages.contains(&stage) {
                stages.push(stage);
            }
        }
        stages
    }

    /// At the place of the pattern in it, where that is known.
    fn regex(&mut self, at: Option<&Range<usize>>, pattern: &str) -> Option<Regex> {
        match RegexBuilder::new(pattern).case_insensitive(true).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                let text = error.to_string();
                let reason = text.rsplit("error: ").next().unwrap_or(&text).trim().to_owned();
                self.fault_at(
                    at,
                    format!("no regular expression: `{pattern}`"),
                    &reason,
                    "in a basic \"…\" string a backslash is written `\\\\`",
                );
                None
            }
        }
    }

    /// A name that is not empty and not one of the product's own, which are in parentheses.
    fn name(&mut self, name: &Text, what: &str) -> String {
        let text = name.trim();
        if text.is_empty() {
            self.fault(name, format!("a {what} needs a name"), "empty", format!("give the {what} one"));
        } else if text.starts_with('(') {
            self.fault(
                name,
                format!("a {what} cannot be named `{text}`"),
                "reserved",
                "names in parentheses are the product's own",
            );
        }
        text.to_owned()
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.join(Path::new(file))
    }
}
