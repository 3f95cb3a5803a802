//! Where the configuration came from: the file and the environment's overrides, laid end to end as one line of bytes,
//! so that a span says by itself which of them it belongs to.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::NamedSource;

#[derive(Debug)]
pub struct Sources {
    file_name: String,
    file: Arc<str>,
    overrides: Vec<Override>,
}

/// `NAME=value`, as one would write it in a shell.
#[derive(Debug)]
pub struct Override {
    pub name: String,
    pub value: String,
    /// Of its name; the value begins one byte after the name ends.
    start: usize,
}

impl Override {
    pub const fn name_span(&self) -> Range<usize> {
        self.start..self.start + self.name.len()
    }

    pub const fn value_start(&self) -> usize {
        self.start + self.name.len() + 1
    }

    const fn end(&self) -> usize {
        self.value_start() + self.value.len()
    }

    /// What a message may show: never a secret.
    fn shown(&self) -> String {
        let secret = ["TOKEN", "PASSWORD", "SECRET", "PROPERTIES"].iter().any(|word| self.name.contains(word));
        let value = if secret { "*".repeat(self.value.len()) } else { self.value.clone() };
        format!("{}={value}", self.name)
    }
}

impl Sources {
    /// Of the environment only the overrides are kept, sorted by name.
    pub fn new(file_name: &str, text: &str, environment: impl Iterator<Item = (String, String)>) -> Self {
        let mut given: Vec<_> = environment.filter(|(name, _)| name.starts_with(super::environment::PREFIX)).collect();
        given.sort();
        let mut start = text.len() + 1;
        let mut overrides = Vec::with_capacity(given.len());
        for (name, value) in given {
            let one = Override { name, value, start };
            start = one.end() + 1;
            overrides.push(one);
        }
        Self { file_name: file_name.to_owned(), file: text.into(), overrides }
    }

    /// Where relative paths in the file start.
    pub fn directory(&self) -> PathBuf {
        Path::new(&self.file_name).parent().unwrap_or(Path::new("")).to_owned()
    }

    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// The environment variable that a span is of, if it is of one.
    pub fn variable(&self, span: &Range<usize>) -> Option<&str> {
        self.overrides.iter().rev().find(|one| one.start <= span.start).map(|one| one.name.as_str())
    }

    /// The text that holds a span, and the span within it.
    pub fn locate(&self, span: &Range<usize>) -> (NamedSource<Arc<str>>, Range<usize>) {
        match self.overrides.iter().rev().find(|one| one.start <= span.start) {
            Some(one) => {
                let local = span.start - one.start..span.end.min(one.end()) - one.start;
                (NamedSource::new("environment", one.shown().into()), local)
            }
            None => (NamedSource::new(&self.file_name, self.file.clone()), span.clone()),
        }
    }
}
