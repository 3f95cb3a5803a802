//! The structure of the written configuration against the schema: every unknown key, missing key and wrong type is a
//! problem, and is taken out of the document, so that what is left can be read and checked further.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::nearest;
use super::problem::Problem;
use super::schema::{Kind, Node};
use super::sources::Sources;

pub struct Structure<'s> {
    sources: &'s Sources,
    /// What the document is, for messages.
    whole: &'static str,
    pub problems: Vec<Problem>,
    /// Paths of what has been taken out.
    pub removed: BTreeSet<String>,
    /// Where the values of keys are, by their paths.
    pub places: BTreeMap<String, Range<usize>>,
}

impl<'s> Structure<'s> {
    pub const fn new(sources: &'s Sources, whole: &'static str) -> Self {
        Self { sources, whole, problems: Vec::new(), removed: BTreeSet::new(), places: BTreeMap::new() }
    }

    /// Keeps what fits the schema. The path is empty at the root.
    pub fn prune_table(&mut self, node: Node<'_>, table: &mut DeTable<'_>, path: &str) {
        let mut refused = Vec::new();
        for (key, value) in table.iter_mut() {
            let name = key.get_ref().as_ref();
            let here = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            self.places.insert(here.clone(), value.span());
            let kept = match node.child(name) {
                Some(child) => self.prune_value(child, value, &here),
                None => {
                    self.unknown_key(node, name, path, &key.span());
                    false
                }
            };
            if !kept {
                self.removed.insert(here);
                refused.push(key.clone());
            }
        }
        for key in refused {
            table.remove(&key);
        }
    }

    /// False when the value has to go.
    fn prune_value(&mut self, node: Node<'_>, value: &mut Spanned<DeValue<'_>>, path: &str) -> bool {
        let span = value.span();
        let kind = kind_of(value.get_ref());
        let Some(branch) = node.branch(kind) else {
            self.wrong_kind(node, kind, path, &span);
            return false;
        };
        match value.get_mut() {
            DeValue::Table(table) => {
                let given: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
                self.prune_table(branch, table, path);
                self.has_required(branch, &given, path, &span)
                    && branch.required().iter().all(|key| table.contains_key(*key))
            }
            DeValue::Array(items) => self.prune_items(branch, items, path),
            DeValue::String(text) => self.is_known_word(node, text, path, &span),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                self.is_in_bounds(branch, number, path, &span)
            }
            DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => true,
        }
    }

    fn prune_items(&mut self, branch: Node<'_>, items: &mut DeArray<'_>, path: &str) -> bool {
        let Some(item) = branch.items() else { return true };
        for mut value in std::mem::replace(items, DeArray::new()) {
            if self.prune_value(item, &mut value, path) {
                items.push(value);
            } else {
                self.removed.insert(path.to_owned());
            }
        }
        true
    }

    fn unknown_key(&mut self, node: Node<'_>, name: &str, path: &str, span: &Range<usize>) {
        let place = if path.is_empty() { self.whole.to_owned() } else { format!("`{path}`") };
        let problem = Problem::new(format!("unknown key `{name}` in {place}"))
            .at(self.sources, span)
            .label("not a known key")
            .help(self.hint(name, node, span));
        self.problems.push(problem);
    }

    /// The nearest key, in the spelling of where it stands.
    fn hint(&self, name: &str, node: Node<'_>, span: &Range<usize>) -> String {
        let near = nearest::nearest(name, node.keys());
        match (near, self.sources.variable(span)) {
            (Some(near), Some(variable)) => {
                let meant = variable.replacen(&name.to_uppercase(), &near.to_uppercase(), 1);
                format!("did you mean `{meant}`?")
            }
            _ => nearest::hint(name, node.keys()),
        }
    }

    fn wrong_kind(&mut self, node: Node<'_>, found: Kind, path: &str, span: &Range<usize>) {
        let mut kinds = node.kinds();
        if kinds.contains(&Kind::Number) {
            kinds.retain(|kind| *kind != Kind::Whole);
        }
        let expected: Vec<&str> = kinds.into_iter().map(Kind::described).collect();
        let mut problem =
            Problem::new(format!("`{path}` must be {}, not {}", expected.join(" or "), found.described()))
                .at(self.sources, span)
                .label(format!("this is {}", found.described()));
        match node.default_text() {
            Some(default) if default != "[]" => problem = problem.help(format!("its default is {default}")),
            _ if found == Kind::Table && node.takes(Kind::List) => {
                problem = problem.help(format!("a list of tables is written `[[{path}]]`"));
            }
            _ => {}
        }
        self.problems.push(problem);
    }

    fn has_required(&mut self, node: Node<'_>, given: &[String], path: &str, span: &Range<usize>) -> bool {
        let missing: Vec<&str> =
            node.required().into_iter().filter(|key| !given.iter().any(|own| own == key)).collect();
        if missing.is_empty() {
            return true;
        }
        let list = missing.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ");
        let problem = Problem::new(format!("`{path}` needs {list}"))
            .at(self.sources, span)
            .label(format!("without {list}"))
            .help(format!("its keys are {}", node.keys().join(", ")));
        self.problems.push(problem);
        false
    }

    fn is_known_word(&mut self, node: Node<'_>, text: &str, path: &str, span: &Range<usize>) -> bool {
        let Some(words) = node.words() else { return true };
        if words.contains(&text) {
            return true;
        }
        let problem = Problem::new(format!("`{path}` cannot be `{text}`"))
            .at(self.sources, span)
            .label("not a known value")
            .help(nearest::hint(text, words));
        self.problems.push(problem);
        false
    }

    fn is_in_bounds(&mut self, node: Node<'_>, number: Option<i64>, path: &str, span: &Range<usize>) -> bool {
        let (least, most) = node.bounds();
        if number.is_some_and(|number| least.is_none_or(|l| number >= l) && most.is_none_or(|m| number <= m)) {
            return true;
        }
        let range = match (least, most) {
            (Some(least), Some(most)) => format!("must be {least} to {most}"),
            (Some(least), None) => format!("must be at least {least}"),
            (None, Some(most)) => format!("must be at most {most}"),
            (None, None) => "is too great a number".to_owned(),
        };
        let mut problem = Problem::new(format!("`{path}` {range}")).at(self.sources, span).label("out of range");
        if let Some(default) = node.default_text() {
            problem = problem.help(format!("its default is {default}"));
        }
        self.problems.push(problem);
        false
    }
}

pub const fn kind_of(value: &DeValue<'_>) -> Kind {
    match value {
        DeValue::String(_) => Kind::Text,
        DeValue::Integer(_) => Kind::Whole,
        DeValue::Float(_) => Kind::Number,
        DeValue::Boolean(_) => Kind::Truth,
        DeValue::Datetime(_) => Kind::Moment,
        DeValue::Array(_) => Kind::List,
        DeValue::Table(_) => Kind::Table,
    }
}
