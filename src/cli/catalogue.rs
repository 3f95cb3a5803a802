//! `tributary catalogue`: the KPIs that are built in and those of the configuration, on stdout.

mod examples;

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use serde::Serialize;

use self::examples::{Example, examples};
use super::{BadUsage, ConfigSource};
use crate::config::Config;
use crate::kpi::catalogue::listing::{Entry, entries, markdown};
use crate::kpi::catalogue::matches_glob;
use crate::publish::grafana::Dashboard;
use crate::publish::prometheus_rules::rules;

#[derive(Debug, Args)]
pub struct Catalogue {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Only KPIs whose id matches: an id or a glob
    #[arg(long, value_name = "GLOB", default_value = "*")]
    kpi: String,
    /// With `--output grafana`: the dashboard to print
    #[arg(long, value_enum)]
    dashboard: Option<Dashboard>,
    /// With `--output grafana` or `prometheus`: write the files there instead, all dashboards if none is named
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
    /// Recording and alert rules
    Prometheus,
    /// Dashboards, each as Grafana imports it
    Grafana,
}

impl Catalogue {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config = source.load()?;
        match self.output {
            Format::Prometheus | Format::Grafana => self.write_files(&config)?,
            Format::Text | Format::Json | Format::Markdown => self.list(&config)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What people read, and programs that want to know the KPIs.
    fn list(&self, config: &Config) -> anyhow::Result<()> {
        if self.dashboard.is_some() || self.directory.is_some() {
            let only = "`--dashboard` and `--directory` go with `--output grafana` or `--output prometheus`";
            return Err(BadUsage(only.to_owned()).into());
        }
        let mut entries = entries(config);
        entries.retain(|entry| matches_glob(&self.kpi, &entry.id));
        if entries.is_empty() {
            return Err(BadUsage(format!("no KPI matches `{}`", self.kpi)).into());
        }
        let text = match self.output {
            Format::Json => {
                let examples = examples(config)?;
                let shown = entries.iter().map(|entry| Shown { entry, example: examples.get(&entry.id) });
                serde_json::to_string_pretty(&shown.collect::<Vec<_>>())? + "\n"
            }
            Format::Markdown => {
                let line = |(id, Example { key, record }): (String, Example)| (id, format!("{key} {record}"));
                markdown(&entries, &examples(config)?.into_iter().map(line).collect::<BTreeMap<_, _>>())
            }
            _ => table(&entries),
        };
        stdout().lock().write_all(text.as_bytes())?;
        Ok(())
    }

    /// What Prometheus and Grafana read.
    fn write_files(&self, config: &Config) -> anyhow::Result<()> {
        let files = match (self.output, self.dashboard) {
            (Format::Prometheus, None) => vec![("tributary.yml".to_owned(), rules(config)?)],
            (Format::Prometheus, Some(_)) => {
                return Err(BadUsage("`--dashboard` goes with `--output grafana`".to_owned()).into());
            }
            (_, Some(dashboard)) => vec![file_of(dashboard, config)?],
            (_, None) if self.directory.is_none() => {
                let names = Dashboard::ALL.map(Dashboard::name).join(", ");
                let hint = format!("name one with `--dashboard` ({names}), or a `--directory` for all");
                return Err(BadUsage(format!("there are several dashboards: {hint}")).into());
            }
            (_, None) => Dashboard::ALL.iter().map(|which| file_of(*which, config)).collect::<anyhow::Result<_>>()?,
        };
        match &self.directory {
            Some(directory) => write_all(directory, &files),
            None => Ok(files.iter().try_for_each(|(_, text)| stdout().lock().write_all(text.as_bytes()))?),
        }
    }
}

fn file_of(dashboard: Dashboard, config: &Config) -> anyhow::Result<(String, String)> {
    let text = serde_json::to_string_pretty(&dashboard.json(config))? + "\n";
    Ok((format!("{}.json", dashboard.name()), text))
}

fn write_all(directory: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for (name, text) in files {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(stdout(), "{}", path.display())?;
    }
    Ok(())
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
