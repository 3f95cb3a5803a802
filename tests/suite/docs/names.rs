//! The names in the pages: commands and their options as the command line knows them, KPIs, metrics, settings, and
//! whatever else is written as a name in code.

use std::collections::BTreeSet;

use clap::{CommandFactory, Parser};
use regex::Regex;
use serde_json::Value;
use tributary::cli::Cli;
use tributary::config::{Config, json_schema};
use tributary::kpi::families::families_of;

use super::pages::{Page, page, pages};
use super::{blocks, project, texts};

/// The calls of tributary in a line of shell, each with its arguments.
fn calls(line: &str) -> Vec<Vec<String>> {
    let words = shlex::split(line).unwrap_or_else(|| panic!("this is no line of shell: {line}"));
    let commands = words.split(|word| ["|", "&&", "||", ";", "&"].contains(&word.as_str()));
    let named = commands.filter_map(|words| {
        let at = words.iter().position(|word| word == "tributary" || word.ends_with("/tributary"))?;
        // Not as an argument of something else; settings in front of it are fine.
        words[..at].iter().all(|word| word.contains('=') || word == "time").then_some(&words[at..])
    });
    named.map(|words| words.iter().take_while(|word| !word.starts_with(['<', '>'])).cloned().collect()).collect()
}

/// Each call in the blocks of shell, with its page.
fn all_calls(pages: &[Page]) -> Vec<(&Page, Vec<String>)> {
    let mut found = Vec::new();
    for (page, block) in blocks(pages, "sh") {
        let text = block.text.replace("\\\n", " ").replace("|\n", "| ");
        found.extend(text.lines().flat_map(calls).map(|call| (page, call)));
    }
    found
}

#[test]
fn calls_are_found() {
    let found = calls("cat 'a b' | X=1 target/release/tributary report DIR --kpi 'cost_*' >out.csv # and more");
    assert_eq!(found, [["target/release/tributary", "report", "DIR", "--kpi", "cost_*"]]);
    assert_eq!(calls("install tributary /usr/bin").len(), 0);
}

#[test]
fn commands_are_as_the_pages_call_them() {
    let pages = pages();
    let calls = all_calls(&pages);
    assert!(calls.len() > 30);
    for (page, call) in calls {
        if let Err(error) = Cli::try_parse_from(&call) {
            let is_help = [clap::error::ErrorKind::DisplayHelp, clap::error::ErrorKind::DisplayVersion];
            assert!(is_help.contains(&error.kind()), "{}: {call:?}\n{error}", page.path.display());
        }
    }
}

#[test]
fn every_command_has_its_section() {
    let page = page("docs/commands.md");
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        let is_there = page.anchors.iter().any(|anchor| anchor.split("--").any(|part| part == name) || anchor == name);
        let shared = page.anchors.contains("completions-man") && ["completions", "man"].contains(&name);
        assert!(is_there || shared, "docs/commands.md has no section of `{name}`");
    }
}

fn kpis(settings: &str) -> BTreeSet<String> {
    let config = Config::parse(settings, "", std::iter::empty()).unwrap();
    families_of(&config).kpis.iter().map(|kpi| kpi.id.to_string()).collect()
}

#[test]
fn kpis_that_commands_ask_for_are_there() {
    let (pages, known) = (pages(), kpis(""));
    for (page, call) in all_calls(&pages) {
        for pair in call.windows(2).filter(|pair| pair[0] == "--kpi" && !pair[1].contains('*') && pair[1] != "ID") {
            for id in pair[1].split(',') {
                assert!(known.contains(id), "{}: there is no KPI {id}", page.path.display());
            }
        }
    }
}

/// Every source, and what else names things: one text to look in.
fn sources() -> String {
    let mut all = Vec::new();
    for folder in ["src", "schemas", "deploy"] {
        texts(&project().join(folder), &mut all);
    }
    all.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn metrics_are_there() {
    let name = Regex::new(r"\btributary_([a-z0-9_]+)").unwrap();
    let (sources, built_in) = (sources(), kpis(""));
    for page in pages().iter().filter(|page| page.path.file_name().unwrap() != "CHANGELOG.md") {
        let own: String = blocks(std::slice::from_ref(page), "toml configuration")
            .iter()
            .filter(|(_, block)| block.text.contains("[[kpi]]"))
            .map(|(_, block)| block.text.as_str())
            .collect();
        let own = kpis(&own);
        for found in name.captures_iter(&page.text) {
            // Of a histogram there are several.
            let rest = ["_count", "_sum", "_bucket"].iter().find_map(|of| found[1].strip_suffix(of));
            let rest = rest.unwrap_or(&found[1]);
            let of_processor = [format!("\"{rest}\""), format!("\"tributary_{rest}\"")];
            let is_known = built_in.contains(rest)
                || own.contains(rest)
                || of_processor.iter().any(|literal| sources.contains(literal.as_str()));
            assert!(is_known, "{}: there is no metric {}", page.path.display(), &found[0]);
        }
    }
}

#[test]
fn settings_are_there() {
    let schema = json_schema();
    let sections: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let setting = Regex::new(r"^([a-z_]+)((?:\.[a-z_]+)+)(?:$|[ =])").unwrap();
    for page in pages() {
        for code in &page.code {
            let Some(found) = setting.captures(code).filter(|found| sections.contains(&found[1].to_owned())) else {
                continue;
            };
            let path: Vec<&str> = std::iter::once(&found[1]).chain(found[2].split('.').skip(1)).collect();
            let is_file = ["toml", "md", "json", "ndjson", "avro", "csv", "avsc", "rs"].contains(path.last().unwrap());
            assert!(is_file || leads_to(&schema, &path), "{}: there is no setting {code}", page.path.display());
        }
    }
}

fn leads_to(schema: &Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    let inner = schema.get("items").unwrap_or(schema);
    match (&inner["properties"][first], &inner["additionalProperties"]) {
        (Value::Null, Value::Object(_)) => true,
        (Value::Null, _) => false,
        (next, _) => leads_to(next, rest),
    }
}

/// Names of other systems are in the pages about feeding from them.
#[test]
fn names_are_those_of_the_product() {
    let name = Regex::new(r"^[a-z][a-z0-9]*(_[a-z0-9]+)+$").unwrap();
    let sources = sources();
    let words: BTreeSet<&str> = sources.split(|one: char| !(one == '_' || one.is_ascii_alphanumeric())).collect();
    let of_product = |page: &&Page| {
        let file = page.path.file_name().unwrap().to_str().unwrap();
        page.path.starts_with("docs") && !file.starts_with("feeding-")
    };
    for page in pages().iter().filter(of_product) {
        let own: String = page.blocks.iter().map(|block| block.text.as_str()).collect();
        for code in page.code.iter().filter(|code| name.is_match(code)) {
            assert!(
                words.contains(code.as_str()) || code.starts_with("tributary_") || own.contains(code.as_str()),
                "{}: nothing is named `{code}`",
                page.path.display()
            );
        }
    }
}
