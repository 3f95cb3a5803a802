//! `tributary report DIR`: a history in files through the same fold as a running instance; its rows as a table, as the
//! records of the `kpis` topic, or as CSV.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::{BadUsage, ConfigSource};
use crate::config::Config;
use crate::ingest::files::Histories;
use crate::model::time::Millis;
use crate::model::window::WindowKind;
use crate::publish::kpi_update;
use crate::rollup::lookup::{Query, Starts};
use crate::rollup::row::Row;
use crate::runtime::batch::{self, Outcome};
use crate::runtime::line::Line;

#[derive(Debug, Args)]
pub struct Report {
    /// Where the files are: touchpoints.ndjson, form-fills.ndjson, deal-stages.ndjson, spend.ndjson, accounts.ndjson
    dir: PathBuf,
    /// The last watermark, such as 2026-02-19T00:00:00Z [default: the greatest `occurred_at`]
    #[arg(long, value_name = "TIME")]
    as_of: Option<jiff::Timestamp>,
    /// Only these KPIs, by id
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    kpi: Vec<String>,
    /// Only these windows, such as 1d or all
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    window: Vec<String>,
    /// Only rows with this dimension, such as channel=email
    #[arg(long = "where", value_name = "DIM=VALUE")]
    only: Vec<String>,
    #[arg(long, value_enum, default_value_t = Form::Table)]
    output: Form,
    /// Write the rejected and late records here, as the dead-letters topic would hold them
    #[arg(long, value_name = "FILE")]
    dead_letters: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Ndjson,
    Csv,
    Json,
}

impl Report {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config = Arc::new(source.load()?);
        let wanted = self.filter()?;
        let mut lines = Lines::new();
        let outcome = self.fold(&config, &mut lines)?;
        if let Some(path) = &self.dead_letters {
            write_letters(path, &outcome, &lines).with_context(|| format!("writing {}", path.display()))?;
        }
        let mut rows = wanted.rows(&outcome, &config).peekable();
        if rows.peek().is_none() {
            tracing::warn!("{}", why_empty(&outcome));
        }
        let mut out = BufWriter::new(stdout().lock());
        match self.output {
            Form::Table => out.write_all(table(rows).as_bytes())?,
            Form::Csv => write_csv(&mut out, rows)?,
            Form::Json => write_array(&mut out, rows)?,
            Form::Ndjson => {
                for row in rows {
                    out.write_all(&kpi_update::to_json(&row)?)?;
                    out.write_all(b"\n")?;
                }
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    fn fold(&self, config: &Arc<Config>, lines: &mut Lines) -> anyhow::Result<Outcome<Line>> {
        let histories = Histories::open(&self.dir)?;
        let schemas = histories.schemas(Line::named_schemas(config)?);
        let parts = Line::of_files(Arc::clone(config), schemas);
        let as_of = self.as_of.map(|at| Millis(at.as_millisecond()));
        let progress = indicatif::ProgressBar::new(histories.remaining() as u64);
        let counts = histories.counts();
        let records = histories.map(|record| {
            let record = record?;
            progress.inc(1);
            if self.dead_letters.is_some() {
                lines.entry(record.topic.name()).or_default().push(record.line);
            }
            anyhow::Ok(record)
        });
        let outcome = batch::fold(&parts, config, as_of, counts, records)?;
        progress.finish_and_clear();
        Ok(outcome)
    }

    fn filter(&self) -> Result<Filter, BadUsage> {
        let windows = self.window.iter().map(|name| {
            WindowKind::parse(name)
                .ok_or_else(|| BadUsage(format!("--window {name}: not a window; 1h, 1d, 30d, all …")))
        });
        let dims = self.only.iter().map(|text| {
            let (name, value) =
                text.split_once('=').ok_or_else(|| BadUsage(format!("--where {text}: not DIM=VALUE")))?;
            Ok((name.to_owned(), value.to_owned()))
        });
        Ok(Filter {
            kpis: self.kpi.clone(),
            windows: windows.collect::<Result<_, _>>()?,
            dims: dims.collect::<Result<_, _>>()?,
        })
    }
}

struct Filter {
    kpis: Vec<String>,
    windows: Vec<WindowKind>,
    dims: Vec<(String, String)>,
}

impl Filter {
    /// The rows asked for, sorted. There may be millions: those of a KPI in a kind of window are made at a time.
    fn rows<'a>(&'a self, outcome: &'a Outcome<Line>, config: &Config) -> impl Iterator<Item = Row> + 'a {
        let rollup = &outcome.rollup.rollup;
        let updated_at = outcome.watermark.unwrap_or_default();
        let mut kpis: Vec<&str> = rollup.kpis().map(|kpi| &*kpi.id).collect();
        kpis.retain(|kpi| self.kpis.is_empty() || self.kpis.iter().any(|wanted| wanted == kpi));
        kpis.sort_unstable();
        let mut windows = config.time.windows.clone();
        windows.retain(|window| self.windows.is_empty() || self.windows.contains(window));
        windows.sort_unstable();
        let query = move |kpi: &str, window| Query {
            kpi: Some(kpi.to_owned()),
            window: Some(window),
            starts: Starts::Any,
            dims: self.dims.clone(),
        };
        let queries = kpis.into_iter().flat_map(move |kpi| windows.clone().into_iter().map(move |kind| (kpi, kind)));
        queries.flat_map(move |(kpi, window)| rollup.rows(&query(kpi, window), updated_at))
    }
}

fn why_empty(outcome: &Outcome<Line>) -> &'static str {
    match outcome.watermark {
        None => "no rows: no event was accepted (see --dead-letters for what was rejected)",
        Some(_) => "no rows: no KPI, window and dimension asked for has a fact in this history",
    }
}

const COLUMNS: [&str; 8] = ["kpi", "window", "start", "dimensions", "value", "unit", "change", "final"];

fn columns(row: &Row) -> [String; 8] {
    let dims: Vec<String> = row.id.dims.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let start = row.id.start.and_then(|at| jiff::Timestamp::from_millisecond(at.0).ok());
    [
        row.id.kpi.to_string(),
        row.id.window.to_string(),
        start.map(|at| at.to_string()).unwrap_or_default(),
        dims.join(" "),
        row.says.value.map(|value| value.to_string()).unwrap_or_default(),
        row.currency.as_ref().map_or_else(|| row.unit.to_string(), ToString::to_string),
        row.says.change.map(|change| format!("{:+.1} %", change * 100.0)).unwrap_or_default(),
        row.says.last.to_string(),
    ]
}

fn table(rows: impl Iterator<Item = Row>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(COLUMNS);
    for row in rows {
        table.add_row(columns(&row));
    }
    format!("{table}\n")
}

fn write_csv(out: &mut impl Write, rows: impl Iterator<Item = Row>) -> std::io::Result<()> {
    let quoted = |text: &str| {
        if text.contains(['"', ',', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    };
    writeln!(out, "{}", COLUMNS.join(","))?;
    for row in rows {
        let fields: Vec<String> = columns(&row).iter().map(|field| quoted(field)).collect();
        writeln!(out, "{}", fields.join(","))?;
    }
    Ok(())
}

fn write_array(out: &mut impl Write, rows: impl Iterator<Item = Row>) -> anyhow::Result<()> {
    out.write_all(b"[")?;
    for (n, row) in rows.enumerate() {
        out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
        out.write_all(&kpi_update::to_json(&row)?)?;
    }
    out.write_all(b"\n]\n")?;
    Ok(())
}

/// Of each topic, the lines of its file in the order of their arrival.
type Lines = BTreeMap<&'static str, Vec<u64>>;

fn write_letters(path: &std::path::Path, outcome: &Outcome<Line>, lines: &Lines) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    for letter in &outcome.letters {
        let arrived = usize::try_from(letter.offset).ok();
        let line = arrived.and_then(|n| lines.get(&*letter.topic)?.get(n));
        let value = letter.value.as_deref().map(String::from_utf8_lossy);
        let line = serde_json::json!({
            "topic": letter.topic,
            "line": line,
            "reason": letter.reason,
            "message": letter.message,
            "timestamp": letter.timestamp.0,
            "value": value,
        });
        writeln!(out, "{line}")?;
    }
    out.flush()
}
