//! A file and the environment → the configuration, or every problem in them.

use std::path::Path;

use serde::Deserialize;
use serde_spanned::Spanned;
use toml::de::DeTable;

use super::Config;
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
        let Some(path) = path else { return Self::parse("", "", env) };
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &name, env),
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
        let sources = Sources::new(file_name, text, env);
        let root = parsed(&sources).map_err(Problems::new)?;
        Self::of_table(root, &sources).map_err(Problems::new)
    }

    /// The configuration that a table of a document is.
    pub(super) fn of_table<'s>(mut root: Spanned<DeTable<'s>>, sources: &'s Sources) -> Result<Self, Vec<Problem>> {
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
        let mut checker = Checker { sources, problems, removed: structure.removed, directory: sources.directory() };
        let config = check::check(&raw, &mut checker);
        if checker.problems.is_empty() { Ok(config) } else { Err(checker.problems) }
    }
}

pub(super) fn parsed(sources: &Sources) -> Result<Spanned<DeTable<'_>>, Vec<Problem>> {
    let (root, errors) = DeTable::parse_recoverable(sources.file());
    if errors.is_empty() { Ok(root) } else { Err(errors.iter().map(|error| syntax(error, sources)).collect()) }
}

pub(super) fn syntax(error: &toml::de::Error, sources: &Sources) -> Problem {
    let problem = Problem::new(error.message());
    match error.span() {
        Some(span) => problem.at(sources, &span),
        None => problem,
    }
}
