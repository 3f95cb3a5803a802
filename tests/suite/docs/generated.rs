//! Pages that are generated: the reference of KPIs by the catalogue, that of the configuration by its schema.
//! `make docs` writes them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use expect_test::expect_file;
use serde_json::{Map, Value};
use tributary::config::json_schema;

use super::BINARY;

const HEAD: &str = "\
# Configuration

Every setting, with its default and what it is for. `tributary init` writes the same as a commented file,
`tributary check` says what is wrong with yours, `tributary schema` prints the JSON schema that this page is made from.

Settings are TOML, in sections. Each can also be given in the environment, as `TRIBUTARY_SECTION__KEY`, such as
`TRIBUTARY_KAFKA__BROKERS=broker:9092`; lists and tables as TOML values. Unknown keys are errors. Durations are written
`90s`, `30m`, `24h`, `7d`; sizes `64MiB`. Regular expressions are unanchored, and all matching ignores case. Relative
paths start at the directory of the file.
";

/// What the program prints where there is no configuration.
fn printed(arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY).args(arguments).current_dir(directory.path()).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_reference_of_kpis_is_current() {
    expect_file!["../../../docs/kpis.md"].assert_eq(&printed(&["catalogue", "--output", "markdown"]));
}

#[test]
fn the_reference_of_the_configuration_is_current() {
    expect_file!["../../../docs/configuration.md"].assert_eq(&configuration());
}

/// What the commented file says.
#[derive(Default)]
struct Template {
    /// Of each setting, by its path; where the schema has nothing to say.
    says: BTreeMap<String, String>,
    /// Of each list of tables, as TOML.
    examples: BTreeMap<String, String>,
    /// In the order of the file.
    sections: Vec<String>,
}

impl Template {
    /// Prose begins with `# `, a setting that is left at its default with `#` alone.
    fn read(text: &str) -> Self {
        let mut template = Self::default();
        let (mut section, mut says, mut is_said) = (String::new(), String::new(), false);
        for line in text.lines() {
            let setting = line.strip_prefix('#').unwrap_or(line);
            if let Some(prose) = line.strip_prefix("# ") {
                if is_said {
                    says.clear();
                }
                is_said = false;
                says = format!("{says} {prose}").trim_start().to_owned();
            } else if let Some(head) = setting.strip_prefix("[[") {
                section = head.trim_end_matches(']').to_owned();
                template.enter(&section);
                template.examples.entry(section.clone()).or_default().push_str(&format!("{setting}\n"));
            } else if let Some(head) = setting.strip_prefix('[') {
                // What stands before it is of all its settings that have nothing of their own.
                section = head.trim_end_matches(']').to_owned();
                template.enter(&section);
                is_said = true;
            } else if let Some((key, _)) = setting.split_once(" = ") {
                template.says.insert(format!("{section}.{key}"), says.clone());
                if let Some(example) = template.examples.get_mut(&section) {
                    example.push_str(&format!("{setting}\n"));
                }
                is_said = true;
            } else if line.is_empty() {
                says.clear();
            }
        }
        template
    }

    fn enter(&mut self, section: &str) {
        let name = section.split('.').next().unwrap_or_default().to_owned();
        if !self.sections.contains(&name) {
            self.sections.push(name);
        }
    }

    /// What the schema says of a setting, else what the file does.
    fn sentence(&self, path: &str, of: &Value) -> String {
        let says = sentence(of);
        if says.is_empty() { self.says.get(path).cloned().unwrap_or_default() } else { says }
    }
}

/// In the order of the commented file.
fn configuration() -> String {
    let (schema, template) = (json_schema(), Template::read(&printed(&["init", "--stdout"])));
    let sections = schema["properties"].as_object().unwrap();
    assert_eq!(sections.len(), template.sections.len());
    let mut page = HEAD.to_owned();
    for name in &template.sections {
        let section = &sections[name];
        let _ = write!(page, "\n## {name}\n");
        if let Some(says) = section["description"].as_str() {
            let _ = write!(page, "\n{}\n", says.replace('\n', " "));
        }
        match section.get("items") {
            Some(items) => list(&mut page, name, items, &template),
            None => table(&mut page, name, section, &template),
        }
    }
    page
}

/// The settings of a section, those of tables in it among them; lists of tables come after it.
fn table(page: &mut String, path: &str, section: &Value, template: &Template) {
    let (mut rows, mut lists) = (String::new(), Vec::new());
    gather(path, section, template, &mut rows, &mut lists);
    if rows.is_empty() {
        let (key, value) = (format!("{path}.<{}>", key_of(path)), type_of(&section["additionalProperties"]));
        rows = format!("| `{key}` | none | {value} |\n");
    }
    let _ = write!(page, "\n| setting | default | |\n|---|---|---|\n{rows}");
    for (path, items) in lists {
        let _ = write!(page, "\n### {path}\n");
        if let Some(says) = items["description"].as_str() {
            let _ = write!(page, "\n{}\n", says.replace('\n', " "));
        }
        list(page, &path, items, template);
    }
}

fn gather<'a>(
    path: &str,
    section: &'a Value,
    template: &Template,
    rows: &mut String,
    lists: &mut Vec<(String, &'a Value)>,
) {
    for (key, of) in section["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        let inner = &of["additionalProperties"];
        if of.get("properties").is_some() {
            gather(&path, of, template, rows, lists);
        } else if of["items"].get("properties").is_some() {
            lists.push((path, &of["items"]));
        } else if inner.get("properties").is_some() {
            let says = sentence(inner);
            let keys: Vec<String> = keys(inner).keys().map(|key| format!("`{key}`")).collect();
            let _ = writeln!(rows, "| `[{path}.<name>]` | none | {says} Keys: {}. |", keys.join(" "));
        } else {
            let _ = writeln!(rows, "| `{path}` | {} | {} |", default_of(of), template.sentence(&path, of));
        }
    }
}

/// The keys of a table that there may be any number of.
fn list(page: &mut String, path: &str, items: &Value, template: &Template) {
    let _ = write!(page, "\nAny number of `[[{path}]]`, each with\n\n| key | | |\n|---|---|---|\n");
    for (key, of) in &keys(items) {
        let needed = items["required"].as_array().is_some_and(|keys| keys.iter().any(|one| one == key.as_str()));
        let needed = if needed { "required" } else { "" };
        let _ = writeln!(page, "| `{key}` | {needed} | {} |", sentence(of));
    }
    let _ = write!(page, "\n```toml configuration\n{}```\n", template.examples[path]);
}

/// Of a table, or of all its forms together.
fn keys(of: &Value) -> Map<String, Value> {
    let forms = of["anyOf"].as_array().or(of["oneOf"].as_array());
    let of_forms = forms.into_iter().flatten().chain([of]).filter_map(|form| form["properties"].as_object());
    of_forms.flat_map(|keys| keys.clone()).collect()
}

fn sentence(of: &Value) -> String {
    let says = of["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
    match of["enum"].as_array() {
        Some(values) if !says.contains(values[0].as_str().unwrap_or_default()) => {
            let values: Vec<String> = values.iter().filter_map(|one| Some(format!("`{}`", one.as_str()?))).collect();
            format!("{says} One of {}.", values.join(" ")).trim_start().to_owned()
        }
        _ => says,
    }
}

fn default_of(of: &Value) -> String {
    match &of["default"] {
        Value::Null => "none".to_owned(),
        Value::Array(values) if values.is_empty() => "`[]`".to_owned(),
        Value::Object(values) if values.is_empty() => "none".to_owned(),
        Value::Object(values) => {
            let pairs: Vec<String> = values.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            format!("`{{ {} }}`", pairs.join(", "))
        }
        Value::Array(values) => {
            format!("`[{}]`", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        value => format!("`{value}`"),
    }
}

/// What stands for the key of a table with keys of the user's.
fn key_of(section: &str) -> &'static str {
    if section == "schemas" { "id" } else { "name" }
}

fn type_of(of: &Value) -> &str {
    match of["type"].as_str() {
        Some("string") => "a text",
        _ => "a value",
    }
}
