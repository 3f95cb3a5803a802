//! `tributary generate`: settings from the command line in, a synthetic history out, as files that `report` reads, into
//! the input topics, or both. Where the records go is a closure, so that other sinks need nothing but one of their own.

mod brokers;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context;

use self::brokers::Brokers;
use super::{ConfigSource, progress};
use crate::generate::files::{Counts, Files};
use crate::generate::{History, Produced, Settings};
use crate::model::time::{Millis, Span};

/// Progress is shown, and the rate kept, by so many records.
const PACE: u64 = 256;
const STEPS: f64 = 1000.0;
const TEMPLATE: &str = "{elapsed_precise} {wide_bar} {percent:>3} %  {msg} records  {eta} left";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tributary generate --out history         then: tributary report history --config history/tributary.toml
  tributary generate --out history --leads 10000 --days 365 --seed 7
  tributary generate --brokers localhost:9092 --events 1000000 --rate 5000")]
pub struct Generate {
    #[command(flatten)]
    pub history: HistoryArgs,
    /// Directory to write one NDJSON file a topic to, with a configuration that fits, the expected rejections and a
    /// manifest
    #[arg(long, value_name = "DIR", required_unless_present = "brokers")]
    pub out: Option<PathBuf>,
    /// Kafka to write to, into the input topics of the configuration; absent ones are created to keep all of it
    #[arg(long, value_name = "HOST:PORT")]
    pub brokers: Option<String>,
}

/// What the history is like. The same arguments give the same bytes, everywhere.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// Another seed, another history
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// People whose stories are told [default: 1000, or as many as --events needs]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub leads: Option<u32>,
    /// Records in all, exactly; anonymous visits fill up what the leads leave
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub events: Option<u64>,
    /// Length of the history
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
    /// When it begins: RFC 3339, or a day so long ago, such as now-90d
    #[arg(long, default_value = "2026-01-01T00:00:00Z", value_parser = moment)]
    pub start: Millis,
    /// Share of events that arrive after later ones, such as 0.1 or 10%
    #[arg(long, default_value = "10%", value_parser = share)]
    pub disorder: f64,
    /// How late an event of these is at most; over `time.allowed_lateness` it counts as late
    #[arg(long, default_value = "6h", value_parser = span)]
    pub max_delay: Span,
    /// Share of events that are delivered a second time, within six hours
    #[arg(long, default_value = "2%", value_parser = share)]
    pub duplicates: f64,
    /// Broken records, as a share of the good ones; every reason of rejection has its turn
    #[arg(long, default_value = "0.1%", value_parser = share)]
    pub bad: f64,
    /// Share of events that arrive more than a day late
    #[arg(long, default_value = "0%", value_parser = share)]
    pub late: f64,
    /// Records a second [default: as fast as possible]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
}

impl HistoryArgs {
    #[must_use]
    pub fn settings(&self) -> Settings {
        let defaults = Settings::default();
        Settings {
            seed: self.seed,
            start: self.start,
            days: self.days,
            leads: self.leads.unwrap_or_else(|| self.events.map_or(defaults.leads, Settings::leads_for)),
            events: self.events,
            disorder: self.disorder,
            max_delay: self.max_delay,
            duplicates: self.duplicates,
            bad: self.bad,
            late: self.late,
            huge: defaults.huge,
        }
    }
}

impl Generate {
    /// # Errors
    /// When a file or a topic cannot be written.
    pub(super) fn run(&self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let mut settings = self.history.settings();
        // Few brokers take a record over 1 MiB; files of the same history hold the same.
        settings.huge &= self.brokers.is_none();
        let mut files = self.out.as_deref().map(|dir| open(dir).map(|files| (dir, files))).transpose()?;
        let mut brokers = self.brokers.as_deref().map(|brokers| connect(source, brokers)).transpose()?;
        let counts = send(&settings, self.history.rate, |produced| {
            if let Some((dir, files)) = &mut files {
                files.write(&produced).with_context(|| format!("cannot write to {}", dir.display()))?;
            }
            brokers.as_mut().map_or(Ok(()), |brokers| brokers.write(produced))
        })?;
        if let Some(brokers) = brokers {
            brokers.finish()?;
        }
        let to = [self.out.as_ref().map(|dir| dir.display().to_string()), self.brokers.clone()];
        let to = to.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        let rejected: u64 = counts.rejected.values().sum();
        let mut out = stdout().lock();
        writeln!(
            out,
            "{} records in {to}: {} of them redelivered, {rejected} broken; {} leads, {} days",
            counts.records, counts.duplicates, settings.leads, settings.days
        )?;
        if let Some((dir, files)) = files {
            files.finish(dir, &settings, &counts).with_context(|| format!("cannot write to {}", dir.display()))?;
            let (config, dir) = (dir.join("tributary.toml"), dir.display());
            writeln!(out, "next: tributary report {dir} --config {} --as-of {:?}", config.display(), settings.end())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn open(dir: &Path) -> anyhow::Result<Files> {
    Files::create(dir).with_context(|| format!("cannot create files in {}", dir.display()))
}

fn connect(source: &ConfigSource, brokers: &str) -> anyhow::Result<Brokers> {
    let mut config = source.load()?;
    brokers.clone_into(&mut config.kafka.brokers);
    Brokers::connect(&config)
}

/// Gives each record to the sink, in arrival order and no faster than the rate, with a progress bar on a terminal.
///
/// # Errors
/// The sink's first one.
#[allow(clippy::disallowed_methods, reason = "the pace of records is by the wall clock")]
pub fn send(
    settings: &Settings,
    rate: Option<u64>,
    mut sink: impl FnMut(Produced) -> anyhow::Result<()>,
) -> anyhow::Result<Counts> {
    let bar = progress::bar(STEPS as u64, TEMPLATE);
    let begun = Instant::now();
    let mut counts = Counts::default();
    let mut history = History::new(settings.clone());
    while let Some(produced) = history.next() {
        counts.add(&produced);
        sink(produced)?;
        if let Some(rate) = rate {
            keep_pace(begun, counts.records, rate);
        }
        if counts.records.is_multiple_of(PACE) {
            bar.set_position((history.progress() * STEPS) as u64);
            bar.set_message(counts.records.to_string());
        }
    }
    bar.finish_and_clear();
    Ok(counts)
}

/// Sleeps while more records are out than the rate allows; by small batches when it is high.
fn keep_pace(begun: Instant, records: u64, rate: u64) {
    if rate > 10 * PACE && !records.is_multiple_of(PACE) {
        return;
    }
    let due = Duration::from_secs_f64(records as f64 / rate as f64);
    std::thread::sleep(due.saturating_sub(begun.elapsed()));
}

fn moment(text: &str) -> Result<Millis, String> {
    if let Some(ago) = text.strip_prefix("now-") {
        return days_before_today(ago);
    }
    match jiff::Timestamp::from_str(text) {
        Ok(at) if at >= jiff::Timestamp::UNIX_EPOCH => Ok(Millis(at.as_millisecond())),
        Ok(_) => Err("before 1970".to_owned()),
        Err(_) => Err("not an RFC 3339 time, such as 2026-01-01T00:00:00Z, and not so long ago as now-90d".to_owned()),
    }
}

/// Where that day begins, in UTC.
#[allow(clippy::disallowed_methods, reason = "who asks for a history up to today asks for the clock")]
fn days_before_today(ago: &str) -> Result<Millis, String> {
    let days = ago.strip_suffix('d').and_then(|days| days.parse::<u16>().ok());
    let days = days.ok_or_else(|| "not a number of days ago, such as now-90d".to_owned())?;
    let today = jiff::Timestamp::now().as_millisecond().div_euclid(Span::DAY.0);
    let day = today - i64::from(days);
    if day < 0 { Err("before 1970".to_owned()) } else { Ok(Millis(day * Span::DAY.0)) }
}

/// `0.1` or `10%`.
fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    match number.trim().parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&(number / whole)) => Ok(number / whole),
        _ => Err("not a share, such as 0.1 or 10%".to_owned()),
    }
}

fn span(text: &str) -> Result<Span, String> {
    let wrong = || "not a duration between 1s and 48h, such as 90m or 6h".to_owned();
    let span = jiff::SignedDuration::from_str(text).map_err(|_| wrong())?;
    let millis = i64::try_from(span.as_millis()).map_err(|_| wrong())?;
    if (1000..=2 * Span::DAY.0).contains(&millis) { Ok(Span(millis)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        generate: Generate,
    }

    fn parse(line: &str) -> Result<Settings, clap::error::ErrorKind> {
        let line = ["generate", "--out", "x"].into_iter().chain(line.split_whitespace());
        let line = <Line as clap::Parser>::try_parse_from(line).map_err(|error| error.kind())?;
        Ok(line.generate.history.settings())
    }

    #[test]
    fn settings_come_from_the_command_line() {
        assert_eq!(parse(""), Ok(Settings::default()));
        let settings =
            parse("--events 1000000 --disorder 0.25 --bad 1% --max-delay 90m --start 2026-02-01T00:00:00+01:00");
        let settings = settings.expect("valid");
        assert_eq!((settings.events, settings.leads), (Some(1_000_000), 25_000));
        assert_eq!((settings.disorder, settings.bad, settings.max_delay), (0.25, 0.01, Span(5_400_000)));
        assert_eq!(format!("{:?}", settings.start), "2026-01-31T23:00:00Z");
        for wrong in ["--bad 101%", "--late -1", "--max-delay 3d", "--days 0", "--leads 0", "--start yesterday"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn files_hold_what_the_manifest_and_the_expected_rejections_say() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = ["generate", "--out", "x", "--leads", "50", "--bad", "2%", "--days", "20"];
        let mut line = <Line as clap::Parser>::try_parse_from(history).expect("valid").generate;
        let made = dir.path().join("made");
        line.out = Some(made.clone());
        line.run(&ConfigSource { named: None }).expect("written");
        let read = |name: &str| std::fs::read_to_string(made.join(name)).expect(name);
        let manifest: serde_json::Value = serde_json::from_str(&read("manifest.json")).expect("JSON");
        for topic in crate::model::event::Topic::OF_RECORDS {
            let lines = read(&format!("{}.ndjson", topic.name())).lines().count();
            assert_eq!(manifest["counts"]["topics"][topic.name()], lines, "{topic:?}");
        }
        let rejects = read("expected-rejects.ndjson");
        let undecodable =
            rejects.lines().find(|line| line.contains(r#""touchpoints""#) && line.contains("undecodable"));
        let undecodable: serde_json::Value = serde_json::from_str(undecodable.expect("one of each")).expect("JSON");
        let place = undecodable["line"].as_u64().expect("a line") as usize;
        let touches = read("touchpoints.ndjson");
        assert!(touches.lines().nth(place - 1).expect("that line").contains("\"raw\":"));
        let rejected: u64 =
            manifest["counts"]["rejected"].as_object().expect("reasons").values().filter_map(|n| n.as_u64()).sum();
        assert_eq!(rejected, rejects.lines().count() as u64);
        assert_eq!(manifest["as_of"], "2026-01-21T00:00:00Z");
    }
}
