//! `tributary journey`: one lead's journey and credits, from a running instance, as a timeline to read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::instance::Instance;
use super::{BadUsage, ConfigSource, Output, is_colourful};
use crate::config::Config;
use crate::config::nearest::hint;

const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tributary journey ada@example.com --model linear
  tributary journey ada@example.com --at http://other:9464 --output json | jq .conversions")]
pub struct Journey {
    /// The lead's id, as records spell it
    lead: String,
    /// Any instance [default: that of `http.listen`]
    #[arg(long, value_name = "URL")]
    at: Option<String>,
    /// Only this model's credits; may be repeated
    #[arg(long, value_name = "MODEL")]
    model: Vec<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl Journey {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config = source.load()?;
        let instance = Instance::find(&config, self.at.as_deref(), PATIENCE)?;
        let profile = instance.get(&["api", "v1", "leads", &self.lead], &[])?.body;
        check_models(&profile, &self.model)?;
        let text = match self.output {
            Output::Json => format!("{}\n", serde_json::to_string_pretty(&profile)?),
            Output::Text => timeline(&profile, &config, &self.model, is_colourful(&stdout())),
        };
        stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Models by whose names nothing would be shown.
fn check_models(profile: &Value, models: &[String]) -> Result<(), BadUsage> {
    let conversions = profile["conversions"].as_array().into_iter().flatten();
    let credits = conversions.flat_map(|conversion| conversion["models"].as_array().into_iter().flatten());
    let known: BTreeSet<&str> = credits.filter_map(|credit| credit["model"].as_str()).collect();
    match models.iter().find(|model| !known.contains(model.as_str())) {
        Some(model) if !known.is_empty() => {
            Err(BadUsage(format!("--model {model}: no credits by it; {}", hint(model, known))))
        }
        _ => Ok(()),
    }
}

/// What happened, in order of time; at each conversion who has how much of it.
fn timeline(profile: &Value, config: &Config, models: &[String], colour: bool) -> String {
    let bold = |text: &str| if colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() };
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut out = bold(&text(&profile["lead_id"]));
    let account = profile["account_id"].as_str().map_or_else(String::new, |account| format!(" of {account}"));
    let _ = write!(out, "{account}\n  stage {}, score {}", text(&profile["stage"]), profile["score"]);
    for (name, value) in [("grade", &profile["grade"]), ("route", &profile["route"])] {
        if let Some(value) = value.as_str() {
            let _ = write!(out, ", {name} {value}");
        }
    }
    let segments: Vec<String> = profile["segments"].as_array().into_iter().flatten().map(text).collect();
    if !segments.is_empty() {
        let _ = write!(out, ", {}", segments.join(", "));
    }
    out.push('\n');
    if let Some(reason) = profile["rejected"]["reason"].as_str() {
        let _ = writeln!(out, "  rejected: {reason}");
    }
    let mut lines: BTreeMap<(i64, u8), Vec<String>> = BTreeMap::new();
    let mut add = |time: &Value, rank: u8, line: String| {
        lines.entry((time.as_i64().unwrap_or_default(), rank)).or_default().push(line);
    };
    for touch in profile["touches"].as_array().into_iter().flatten() {
        let aside = if touch["in_journey"] == true { "" } else { "  (not in the journey)" };
        let campaign = touch["campaign"].as_str().filter(|name| *name != "(none)");
        let campaign = campaign.map_or_else(String::new, |name| format!(" · {name}"));
        let stitched = if touch["known_from"] == touch["time"] { "" } else { "  (stitched)" };
        let line = format!("{} · {}{campaign}{aside}{stitched}", text(&touch["kind"]), text(&touch["channel"]));
        add(&touch["time"], 0, line);
    }
    for fill in profile["form_fills"].as_array().into_iter().flatten() {
        add(&fill["time"], 1, format!("form · {}", text(&fill["form_kind"])));
    }
    for conversion in profile["conversions"].as_array().into_iter().flatten() {
        let deal = conversion["deal_id"].as_str().map_or_else(String::new, |deal| format!(" · deal {deal}"));
        let value = conversion["value"]
            .as_f64()
            .map_or_else(String::new, |value| format!(" · {value} {}", config.money.currency));
        let mut line = bold(&format!("→ {}{deal}{value}", text(&conversion["stage"])));
        line += &credits(conversion, models);
        add(&conversion["time"], 2, line);
    }
    for ((time, _), lines) in &lines {
        let at = jiff::Timestamp::from_millisecond(*time).unwrap_or_default();
        let at = at.to_zoned(config.time.calendar.zone().clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        for line in lines {
            let _ = writeln!(out, "  {at}  {line}");
        }
    }
    out
}

fn credits(conversion: &Value, models: &[String]) -> String {
    let unit = conversion["unit"].as_str().unwrap_or("lead");
    if unit != "lead" {
        return format!("\n{:25}credited to the journey of the {unit}: see the topic `attributions`", "");
    }
    let mut out = String::new();
    let wanted = |model: &&Value| models.is_empty() || models.iter().any(|name| model["model"] == name.as_str());
    for model in conversion["models"].as_array().into_iter().flatten().filter(wanted) {
        let share = |touch: &Value| {
            let percent = touch["credit"].as_f64().unwrap_or_default() * 100.0;
            format!("{} {percent:.1} %", touch["channel"].as_str().unwrap_or("-"))
        };
        let shares: Vec<String> = model["touches"].as_array().into_iter().flatten().map(share).collect();
        let shares = if shares.is_empty() { "(unattributed)".to_owned() } else { shares.join(", ") };
        let _ = write!(out, "\n{:25}{:16} {shares}", "", model["model"].as_str().unwrap_or("-"));
    }
    out
}
