//! A file and the environment → the configuration, or every problem in them.

use std::path::Path;

use serde::Deserialize;
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
        let (root, errors) = DeTable::parse_recoverable(sources.file());
        if !errors.is_empty() {
            return Err(Problems::new(errors.iter().map(|error| syntax(error, &sources)).collect()));
        }
        let mut root = root;
        let schema = schema::json_schema();
        let mut problems = environment::apply(&sources, Node::root(&schema), root.get_mut());
        let mut structure = Structure::new(&sources);
        structure.prune_table(Node::root(&schema), root.get_mut(), "");
        problems.append(&mut structure.problems);
        let raw = match Raw::deserialize(toml::Deserializer::from(root)) {
            Ok(raw) => raw,
            Err(error) => {
                problems.push(syntax(&error, &sources));
                return Err(Problems::new(problems));
            }
        };
        let directory = Path::new(file_name).parent().unwrap_or(Path::new("")).to_owned();
        let mut checker = Checker { sources: &sources, problems, removed: structure.removed, directory };
        let config = check::check(&raw, &mut checker);
        if checker.problems.is_empty() { Ok(config) } else { Err(Problems::new(checker.problems)) }
    }
}

fn syntax(error: &toml::de::Error, sources: &Sources) -> Problem {
    let problem = Problem::new(error.message());
    match error.span() {
        Some(span) => problem.at(sources, &span),
        None => problem,
    }
}
