//! Documents that are not the configuration but are read like it, and may hold one: text in, values of a known structure
//! out, and every problem in it with its place and the nearest known name.

use std::ops::Range;
use std::path::PathBuf;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_spanned::Spanned;
use toml::de::DeTable;

use super::load::{parsed, syntax};
use super::problem::Problem;
use super::schema::Node;
use super::sources::Sources;
use super::structure::Structure;
use super::{Config, Placed, Problems, nearest};

pub use super::schema::MOMENT;

/// The text of a document.
#[derive(Debug)]
pub struct Document(Sources);

/// A table of a document, as it is written.
pub type Table<'d> = Spanned<DeTable<'d>>;

impl Document {
    /// The file's name is for messages, and its directory is where relative paths in it start.
    #[must_use]
    pub fn new(file_name: &str, text: &str) -> Self {
        Self(Sources::new(file_name, text, std::iter::empty()))
    }

    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.file_name()
    }

    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.0.directory()
    }

    /// The line that a span begins in, from 1.
    #[must_use]
    pub fn line(&self, span: &Range<usize>) -> usize {
        self.0.file().get(..span.start).map_or(0, |before| before.matches('\n').count()) + 1
    }
}

/// Reads a document, and notes what is wrong with it.
pub struct Reader<'d> {
    document: &'d Document,
    problems: Vec<Problem>,
}

impl<'d> Reader<'d> {
    #[must_use]
    pub const fn new(document: &'d Document) -> Self {
        Self { document, problems: Vec::new() }
    }

    #[must_use]
    pub const fn document(&self) -> &'d Document {
        self.document
    }

    /// None: it is no TOML.
    pub fn parse(&mut self) -> Option<Table<'d>> {
        self.noted(parsed(&self.document.0))
    }

    /// What a table holds, if its structure is that of `T`.
    pub fn read<T: DeserializeOwned + JsonSchema>(&mut self, mut table: Table<'d>) -> Option<T> {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        let mut structure = Structure::new(&self.document.0, "the document");
        structure.prune_table(Node::root(&schema), table.get_mut(), "");
        if !structure.problems.is_empty() {
            self.problems.append(&mut structure.problems);
            return None;
        }
        let read = T::deserialize(toml::Deserializer::from(table));
        self.noted(read.map_err(|error| vec![syntax(&error, &self.document.0)]))
    }

    /// The configuration that a table is.
    pub fn config(&mut self, table: Table<'d>) -> Option<Config> {
        self.noted(Config::of_table(table, &self.document.0, &|_, _| None))
    }

    /// The configuration of a file that the document names.
    pub fn config_file(&mut self, file: &str) -> Option<Config> {
        let read = Config::load(Some(&self.document.directory().join(file)), std::iter::empty());
        self.noted(read.map_err(Problems::into_inner))
    }

    /// What went well, or a note of what did not.
    pub fn noted<T>(&mut self, outcome: Result<T, Vec<Problem>>) -> Option<T> {
        outcome.map_err(|mut problems| self.problems.append(&mut problems)).ok()
    }

    /// Notes a problem at a value, with the label under it and a hint.
    pub fn fault<T>(
        &mut self,
        at: &Placed<T>,
        message: impl Into<String>,
        label: &str,
        hint: impl Into<Option<String>>,
    ) {
        let mut problem = Problem::new(message);
        if let Some(span) = &at.span {
            problem = problem.at(&self.document.0, span).label(label);
        }
        self.problems.push(match hint.into() {
            Some(hint) => problem.help(hint),
            None => problem,
        });
    }

    /// Notes a name that is none of those known.
    pub fn unknown<'a>(&mut self, name: &Placed<String>, what: &str, known: impl IntoIterator<Item = &'a str>) {
        let hint = nearest::hint(name, known);
        self.fault(name, format!("unknown {what} `{}`", name.value), "not known", hint);
    }

    /// # Errors
    /// All the problems that were noted.
    pub fn finish<T>(self, read: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(read) } else { Err(Problems::new(self.problems)) }
    }
}
