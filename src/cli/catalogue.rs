//! `tributary catalogue`: the KPIs that are built in and those of the configuration, on stdout.

mod examples;

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use serde::Serialize;

use self::examples::{Example, examples};
use super::ConfigSource;
use crate::kpi::catalogue::listing::{Entry, entries, markdown};
use crate::kpi::catalogue::matches_glob;

#[derive(Debug, Args)]
pub struct Catalogue {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Only KPIs whose id matches: an id or a glob
    #[arg(long, value_name = "GLOB", default_value = "*")]
    kpi: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

impl Catalogue {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config = source.load()?;
        let mut entries = entries(&config);
        entries.retain(|entry| matches_glob(&self.kpi, &entry.id));
        if entries.is_empty() {
            return Err(super::BadUsage(format!("no KPI matches `{}`", self.kpi)).into());
        }
        let text = match self.output {
            Format::Text => table(&entries),
            Format::Json => {
                let examples = examples(&config)?;
                let shown = entries.iter().map(|entry| Shown { entry, example: examples.get(&entry.id) });
                serde_json::to_string_pretty(&shown.collect::<Vec<_>>())? + "\n"
            }
            Format::Markdown => {
                let line = |(id, Example { key, record }): (String, Example)| (id, format!("{key} {record}"));
                markdown(&entries, &examples(&config)?.into_iter().map(line).collect::<BTreeMap<_, _>>())
            }
        };
        stdout().lock().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    /// A row of it, as the topic of the KPIs has it.
    example: Option<&'a Example>,
}

fn table(entries: &[Entry]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["id", "", "unit", "meaning", "by"]);
    for entry in entries {
        table.add_row([&entry.id, &entry.marks(), &entry.unit, &entry.meaning, &entry.sets()]);
    }
    format!("{table}\n\n~ settles; % with a 95 % interval\n")
}
