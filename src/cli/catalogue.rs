//! `tributary catalogue`: the KPIs that are built in and those of the configuration, on stdout.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

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
        let mut entries = entries(&source.load()?);
        entries.retain(|entry| matches_glob(&self.kpi, &entry.id));
        if entries.is_empty() {
            return Err(super::BadUsage(format!("no KPI matches `{}`", self.kpi)).into());
        }
        let text = match self.output {
            Format::Text => table(&entries),
            Format::Json => serde_json::to_string_pretty(&entries)? + "\n",
            Format::Markdown => markdown(&entries),
        };
        stdout().lock().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
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
