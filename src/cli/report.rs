//! `tributary report DIR`: a history in files through the same fold as a running instance; its rows as a table, as the
//! records of the `kpis` topic, or as CSV.

mod filter;

use std::collections::BTreeMap;
use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};

use self::filter::Filter;
use super::{ConfigSource, progress};
use crate::config::Config;
use crate::ingest::files::Histories;
use crate::model::time::Millis;
use crate::publish::kpi_update;
use crate::rollup::row::Row;
use crate::runtime::batch::{self, Outcome};
use crate::runtime::line::Line;
use crate::shards::letter::Letter;

const READING: &str = "{elapsed_precise} {wide_bar} {percent:>3} %  reading files: {bytes} of {total_bytes}";
const FOLDING: &str =
    "{elapsed_precise} {wide_bar} {percent:>3} %  {human_pos} of {human_len} records  {rate}  {eta} left";
const ROWS: &str = "{elapsed_precise} {wide_bar} {percent:>3} %  computing windows: {msg}  {eta} left";
/// A table of more rows is hard to read.
const MANY_ROWS: usize = 1000;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tributary report history                                         every row there is
  tributary report history --kpi leads,cost_per_lead --window 1mo --where channel=paid_search
  tributary report history --kpi revenue --window all --output csv > revenue.csv
  tributary report history --output ndjson                         the records of the topic `kpis`")]
pub struct Report {
    /// Where the files are: touchpoints.ndjson, form-fills.ndjson, deal-stages.ndjson, spend.ndjson, accounts.ndjson
    dir: PathBuf,
    /// The last watermark, such as 2026-02-19T00:00:00Z [default: the greatest `occurred_at`]
    #[arg(long, value_name = "TIME")]
    as_of: Option<jiff::Timestamp>,
    /// Only these KPIs, by id; several with commas, or repeated
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    kpi: Vec<String>,
    /// Only these windows, such as 1d or all
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    window: Vec<String>,
    /// Only rows with this dimension, such as channel=email; may be repeated
    #[arg(long = "where", value_name = "DIM=VALUE")]
    only: Vec<String>,
    /// How to print the rows: a table, the records of the topic `kpis` (a line each, or an array), or CSV
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
        let wanted = Filter::new(&self.kpi, &self.window, &self.only, &config)?;
        let mut lines = Lines::new();
        let outcome = self.fold(&config, &mut lines)?;
        if let Some(path) = &self.dead_letters {
            write_letters(path, &outcome, &lines).with_context(|| format!("writing {}", path.display()))?;
        }
        let bar = progress::bar(0, ROWS);
        let mut count = 0;
        let rows = wanted.rows(&outcome, &bar).inspect(|_| count += 1);
        let mut out = BufWriter::new(stdout().lock());
        match self.output {
            Form::Table => {
                let text = table(rows);
                bar.finish_and_clear();
                out.write_all(text.as_bytes())?;
            }
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
        bar.finish_and_clear();
        if let Some(letters) = letters_in_words(&outcome.letters) {
            let hint = if self.dead_letters.is_some() { "" } else { "; --dead-letters FILE writes them, and why" };
            tracing::warn!("dead letters: {letters}{hint}");
        }
        if count == 0 {
            tracing::warn!("no rows: {}", wanted.why_empty(&outcome, &config));
        } else if count > MANY_ROWS && self.output == Form::Table {
            tracing::info!("{count} rows: --kpi, --window and --where ask for fewer");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn fold(&self, config: &Arc<Config>, lines: &mut Lines) -> anyhow::Result<Outcome<Line>> {
        let reading = progress::bar(0, READING);
        let histories = Histories::open_watched(&self.dir, &mut |done, all| {
            reading.set_length(all);
            reading.set_position(done);
        })?;
        reading.finish_and_clear();
        let schemas = histories.schemas(Line::named_schemas(config)?);
        let parts = Line::of_files(Arc::clone(config), schemas);
        let as_of = self.as_of.map(|at| Millis(at.as_millisecond()));
        let folding = progress::bar(histories.remaining() as u64, FOLDING);
        let mut closing = None;
        let counts = histories.counts();
        let records = histories.map(|record| {
            let record = record?;
            folding.inc(1);
            if self.dead_letters.is_some() {
                lines.entry(record.topic.name()).or_default().push(record.line);
            }
            anyhow::Ok(record)
        });
        // After the last record the watermark moves to its end, and everything that waited for it happens.
        let records = records.chain(std::iter::from_fn(|| {
            folding.finish_and_clear();
            closing.get_or_insert_with(|| progress::spinner("moving the watermark to the end of the history"));
            None
        }));
        let outcome = batch::fold(&parts, config, as_of, counts, records)?;
        if let Some(closing) = closing {
            closing.finish_and_clear();
        }
        Ok(outcome)
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

/// How many for which reason, if there are any.
fn letters_in_words(letters: &[Letter]) -> Option<String> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for letter in letters {
        *reasons.entry(&letter.reason).or_default() += 1;
    }
    let counts: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

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
