//! A file and the environment → the configuration, or every problem in them.

use std::path::Path;

use serde::Deserialize;
use serde_spanned::Spanned;
use toml::de::DeTable;

use super::Config;
use super::PropertyCheck;
use super::check::{self, Checker};
use super::environment;
use super::problem::{Problem, Problems};
use super::raw::Raw;
use super::schema::{self, Node};
use super::sources::Sources;
use super::structure::Structure;

impl Config {
    /// Without a file: the defaults, and what the environment overrides.
    ///
    /// # Errors
    /// All that is wrong with the configuration, or that the file cannot be read.
    pub fn load(path: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Self, Problems> {
        Self::load_with(path, env, &|_, _| None)
    }

    /// With somebody who knows what properties of Kafka's clients may be.
    ///
    /// # Errors
    /// All that is wrong with the configuration, or that the file cannot be read.
    pub fn load_with(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        property: &PropertyCheck<'_>,
    ) -> Result<Self, Problems> {
        let Some(path) = path else { return Self::parse_with("", "", env, property) };
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse_with(&text, &name, env, property),
            Err(error) => {
                let problem = Problem::new(format!("cannot read `{name}`: {error}"))
                    .help("`tributary init` writes a commented configuration");
                Err(Problems::new(vec![problem]))
            }
        }
    }

    /// The file's name is for messages, and its directory is where relative paths in it start.
    ///
    /// # Errors
    /// All that is wrong with the configuration.
    pub fn parse(text: &str, file_name: &str, env: impl Iterator<Item = (String, String)>) -> Result<Self, Problems> {
        Self::parse_with(text, file_name, env, &|_, _| None)
    }

    /// With somebody who knows what properties of Kafka's clients may be.
    ///
    /// # Errors
    /// All that is wrong with the configuration.
    pub fn parse_with(
        text: &str,
        file_name: &str,
        env: impl Iterator<Item = (String, String)>,
        property: &PropertyCheck<'_>,
    ) -> Result<Self, Problems> {
        let sources = Sources::new(file_name, text, env);
        let (root, syntax) = recovered(&sources);
        let read = Self::of_table(root, &sources, property);
        match (syntax.is_empty(), read) {
            (true, read) => read.map_err(Problems::new),
            (false, Ok(_)) => Err(Problems::new(syntax)),
            (false, Err(others)) => Err(Problems::new(beside(syntax, others, sources.file()))),
        }
    }

    /// The configuration that a table of a document is.
    pub(super) fn of_table<'s>(
        mut root: Spanned<DeTable<'s>>,
        sources: &'s Sources,
        property: &PropertyCheck<'_>,
    ) -> Result<Self, Vec<Problem>> {
        let schema = schema::json_schema();
        let mut problems = environment::apply(sources, Node::root(&schema), root.get_mut());
        let mut structure = Structure::new(sources, "the configuration");
        structure.prune_table(Node::root(&schema), root.get_mut(), "");
        problems.append(&mut structure.problems);
        let raw = match Raw::deserialize(toml::Deserializer::from(root)) {
            Ok(raw) => raw,
            Err(error) => {
                problems.push(syntax(&error, sources));
                return Err(problems);
            }
        };
        let mut checker = Checker {
            sources,
            problems,
            notes: Vec::new(),
            removed: structure.removed,
            places: structure.places,
            directory: sources.directory(),
            property,
        };
        let mut config = check::check(&raw, &mut checker);
        if !checker.problems.is_empty() {
            return Err(checker.problems);
        }
        config.notes = Problems::new(checker.notes);
        Ok(config)
    }
}

pub(super) fn parsed(sources: &Sources) -> Result<Spanned<DeTable<'_>>, Vec<Problem>> {
    let (root, errors) = recovered(sources);
    if errors.is_empty() { Ok(root) } else { Err(errors) }
}

/// What can be read, and what cannot.
fn recovered(sources: &Sources) -> (Spanned<DeTable<'_>>, Vec<Problem>) {
    let (root, errors) = DeTable::parse_recoverable(sources.file());
    (root, errors.iter().map(|error| syntax(error, sources)).collect())
}

/// What is wrong besides the syntax. Up to the next table it may only be so because of it, and so it may nowhere.
fn beside(syntax: Vec<Problem>, others: Vec<Problem>, text: &str) -> Vec<Problem> {
    let headers: Vec<usize> =
        text.lines().enumerate().filter(|(_, line)| line.starts_with('[')).map(|(at, _)| at + 1).collect();
    let line = |problem: &Problem| problem.position().map(|(_, line, _)| line);
    let table = |line: usize| headers.iter().filter(|header| **header <= line).count();
    let broken: Vec<usize> = syntax.iter().filter_map(line).map(table).collect();
    let stands_alone = |problem: &Problem| line(problem).is_some_and(|line| !broken.contains(&table(line)));
    syntax.into_iter().chain(others.into_iter().filter(stands_alone)).collect()
}

pub(super) fn syntax(error: &toml::de::Error, sources: &Sources) -> Problem {
    let help = match error.message() {
        "duplicate key" => "a key is given once in its table: leave one of them out",
        message if message.contains("quoted") => "texts stand in quotes: `\"…\"`",
        message if message.contains("unclosed") || message.contains("unopened") => "brackets and quotes come in pairs",
        _ => "TOML: `[section]`, in it lines `key = value`, texts in quotes",
    };
    let problem = Problem::new(error.message()).help(help);
    match error.span() {
        Some(span) => problem.at(sources, &span),
        None => problem,
    }
}
