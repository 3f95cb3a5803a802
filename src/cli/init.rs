//! `tributary init`: writes a configuration that names and explains every key. Nothing that exists is overwritten
//! unasked.

use std::fs::File;
use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{BadUsage, ConfigSource};

/// Prose in it begins with `# `, a setting that is left at its default with `#` alone.
const TEMPLATE: &str = include_str!("../config/template.toml");

#[derive(Debug, Args)]
#[command(after_help = "\
Every setting is in it, commented, with its default; each is TRIBUTARY_SECTION__KEY as well.
Examples:
  tributary init                           tributary.toml
  tributary init --stdout | less           to read it")]
pub struct Init {
    /// Overwrite the file if it exists
    #[arg(long)]
    force: bool,
    /// Print it, write no file
    #[arg(long, conflicts_with = "force")]
    stdout: bool,
}

impl Init {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        if self.stdout {
            stdout().write_all(TEMPLATE.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        let path = source.path_to_write();
        let opened = if self.force { File::create(path) } else { File::create_new(path) };
        let mut file = match opened {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let message = format!("{} is there already; --force overwrites it", path.display());
                return Err(BadUsage(message).into());
            }
            opened => opened.with_context(|| format!("cannot write {}", path.display()))?,
        };
        file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(stdout().lock(), "{} is written; next: tributary check --config {0}", path.display())?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::config::{Config, json_schema};

    /// Keys that stand for one another: the template shows one of each.
    const ALTERNATIVES: [&str; 9] = ["password", "token", "equals", "in", "regex", "min", "max", "prefix", "suffix"];

    fn uncommented() -> String {
        let setting =
            |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#'])).map(str::to_owned);
        TEMPLATE.lines().map(|line| setting(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
    }

    fn parse(text: &str, file_name: &str) -> Config {
        Config::parse(text, file_name, std::iter::empty())
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    }

    #[test]
    fn as_written_it_is_the_default() {
        assert_eq!(parse(TEMPLATE, "template.toml").fold_hash(), parse("", "").fold_hash());
    }

    #[test]
    fn every_setting_in_it_is_valid() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("a file");
        for name in ["registry-password", "registry-ca.pem", "http-token", "kafka-password"] {
            write(name, "secret\n");
        }
        write("touchpoint.avsc", "\"string\"");
        let file = directory.path().join("tributary.toml");
        let config = parse(&uncommented(), &file.display().to_string());
        assert_eq!(config.http.token.as_deref(), Some("secret"));
        assert_eq!(config.kafka.properties.get("sasl.password").map(String::as_str), Some("secret"));
    }

    #[test]
    fn it_lists_every_key() {
        let document: toml::Table = uncommented().parse().expect("TOML");
        let document = serde_json::to_value(document).expect("JSON");
        let mut missing = BTreeSet::new();
        find_missing(&json_schema(), &[&document], "", &mut missing);
        assert_eq!(missing, BTreeSet::new());
    }

    /// Looks for every property in at least one of the tables that stand at this place.
    fn find_missing(schema: &Value, tables: &[&Value], path: &str, missing: &mut BTreeSet<String>) {
        let branches = schema.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![schema.clone()]);
        for branch in &branches {
            if let Some(items) = branch.get("items") {
                let items_here: Vec<&Value> = tables.iter().filter_map(|t| t.as_array()).flatten().collect();
                find_missing(items, &items_here, path, missing);
            }
            for (key, child) in branch.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let here = format!("{path}.{key}");
                let found: Vec<&Value> = tables.iter().filter_map(|table| table.get(key)).collect();
                if found.is_empty() {
                    if !ALTERNATIVES.contains(&key.as_str()) {
                        missing.insert(here);
                    }
                } else {
                    find_missing(child, &found, &here, missing);
                }
            }
        }
    }
}
