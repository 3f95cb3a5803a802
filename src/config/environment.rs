//! Overrides from the environment: `TRIBUTARY_SECTION__KEY=value` sets `section.key`, however deep. A value is read as
//! TOML if it is TOML, else it is a text; where a text may stand, it stays the text it is.

use std::borrow::Cow;
use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::schema::{Kind, Node};
use super::sources::{Override, Sources};

pub const PREFIX: &str = "TRIBUTARY_";

/// Puts every override into the document. Variables without a section are none (Kubernetes makes some for a service
/// of this name), unless they are the name of a list at the root.
pub fn apply<'s>(sources: &'s Sources, schema: Node<'_>, root: &mut DeTable<'s>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for one in sources.overrides() {
        let Some(path) = path_of(&one.name, schema) else {
            problems.extend(misspelt(&one.name, schema).map(|meant| {
                Problem::new(format!("`{}` sets nothing", one.name))
                    .at(sources, &one.name_span())
                    .label("without `__` between section and key")
                    .help(format!("did you mean `{meant}`?"))
            }));
            continue;
        };
        let node = path.iter().try_fold(schema, |node, key| node.child(key));
        let value = value_of(one, node);
        if let Err(at) = insert(root, &path, value, &one.name_span()) {
            let problem = Problem::new(format!("`{}` sets a key of `{at}`, which is no table", one.name))
                .at(sources, &one.name_span())
                .label("a key too many")
                .help(format!("`{PREFIX}{}` sets it", at.replace('.', "__").to_uppercase()));
            problems.push(problem);
        }
    }
    problems
}

/// Variables of the program that set nothing in the configuration.
const OTHERS: [&str; 2] = ["TRIBUTARY_CONFIG", "TRIBUTARY_LOG"];

/// The variable that one without a section was meant to be, if it comes near one.
fn misspelt(name: &str, schema: Node<'_>) -> Option<String> {
    if OTHERS.contains(&name) || is_of_kubernetes(name) {
        return None;
    }
    let sections = schema.keys().into_iter();
    let variables = sections.flat_map(|section| {
        let keys = schema.child(section).map(Node::keys).unwrap_or_default().into_iter();
        keys.map(move |key| format!("{PREFIX}{}__{}", section.to_uppercase(), key.to_uppercase()))
    });
    let flat: Vec<(String, String)> = variables.map(|variable| (variable.replace("__", "_"), variable)).collect();
    let near = |close: &str| {
        let distance = strsim::damerau_levenshtein(close, &name.to_uppercase());
        (distance <= NEAR).then_some(distance)
    };
    let found = flat.iter().filter_map(|(flat, variable)| Some((near(flat)?, variable)));
    found.min().map(|(_, variable)| variable.clone())
}

/// So many slips make a variable another one.
const NEAR: usize = 2;

/// Kubernetes tells each container of the services around it, of one of this name, too.
fn is_of_kubernetes(name: &str) -> bool {
    let of_port = |name: &str| ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| name.contains(protocol));
    name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.ends_with("_PORT") || of_port(name)
}

fn path_of(name: &str, schema: Node<'_>) -> Option<Vec<String>> {
    let rest = name.strip_prefix(PREFIX)?;
    if !rest.contains("__") {
        let list = rest.to_lowercase();
        return schema.child(&list).filter(|node| node.takes(Kind::List)).map(|_| vec![list]);
    }
    let mut path: Vec<String> = Vec::new();
    let mut node = Some(schema);
    for segment in rest.split("__") {
        let free = node.is_some_and(Node::has_free_keys);
        let key = if free { free_key(&path, segment) } else { segment.to_lowercase() };
        node = node.and_then(|node| node.child(&key));
        path.push(key);
    }
    Some(path)
}

/// How a key of a user's is spelled in a variable: librdkafka's properties have dots and no underscores, currencies
/// and grades are upper case, all else is lower case.
fn free_key(table: &[String], segment: &str) -> String {
    match table.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["money", "rates"] | ["scoring", "grades"] => segment.to_owned(),
        ["kafka", "properties"] => {
            let lower = segment.to_lowercase();
            match lower.strip_suffix("_file") {
                Some(name) => format!("{}_file", name.replace('_', ".")),
                None => lower.replace('_', "."),
            }
        }
        _ => segment.to_lowercase(),
    }
}

fn value_of<'s>(one: &'s Override, node: Option<Node<'_>>) -> Spanned<DeValue<'s>> {
    let start = one.value_start();
    let text = || Spanned::new(start..start + one.value.len(), DeValue::String(Cow::Borrowed(one.value.as_str())));
    let Ok(mut value) = DeValue::parse(&one.value) else { return text() };
    let takes_text = node.is_some_and(|node| node.takes(Kind::Text));
    match value.get_ref() {
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) if takes_text => text(),
        _ => {
            shift(&mut value, start);
            value
        }
    }
}

/// Moves the spans of a value that was parsed on its own to where its text lies among the sources.
fn shift(value: &mut Spanned<DeValue<'_>>, by: usize) {
    let moved = |span: Range<usize>| span.start + by..span.end + by;
    let mut inner = std::mem::replace(value.get_mut(), DeValue::Boolean(false));
    match &mut inner {
        DeValue::Array(items) => items.iter_mut().for_each(|item| shift(item, by)),
        DeValue::Table(table) => {
            let entries = std::mem::take(table);
            for (key, mut item) in entries {
                shift(&mut item, by);
                table.insert(Spanned::new(moved(key.span()), key.into_inner()), item);
            }
        }
        _ => {}
    }
    *value = Spanned::new(moved(value.span()), inner);
}

/// Fails with the part of the path that is there and is no table.
fn insert<'s>(
    root: &mut DeTable<'s>,
    path: &[String],
    value: Spanned<DeValue<'s>>,
    name: &Range<usize>,
) -> Result<(), String> {
    let Some((last, sections)) = path.split_last() else { return Ok(()) };
    let key = |key: &str| Spanned::new(name.clone(), Cow::<'s, str>::Owned(key.to_owned()));
    let mut table = root;
    for (depth, section) in sections.iter().enumerate() {
        if !table.contains_key(section.as_str()) {
            table.insert(key(section), Spanned::new(name.clone(), DeValue::Table(DeTable::new())));
        }
        table = match table.get_mut(section.as_str()).map(Spanned::get_mut) {
            Some(DeValue::Table(next)) => next,
            _ => return Err(path[..=depth].join(".")),
        };
    }
    // Removed first, so that the key, too, is where the variable is.
    table.remove(last.as_str());
    table.insert(key(last), value);
    Ok(())
}
