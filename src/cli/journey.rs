//! `tributary journey`: one lead's journey and credits, from a running instance, as a timeline to read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use super::{BadUsage, ConfigSource, Output};
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(15);
/// An instance sends to the owner of the shard; while shards move, perhaps more than once.
const MOST_HOPS: usize = 5;

#[derive(Debug, Args)]
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
        let profile = ask(&config, self.address(&config)?, &self.lead)?;
        let text = match self.output {
            Output::Json => format!("{}\n", serde_json::to_string_pretty(&profile)?),
            Output::Text => timeline(&profile, &config, &self.model, stdout().is_terminal()),
        };
        stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }

    fn address(&self, config: &Config) -> anyhow::Result<Url> {
        let of_config = || config.http.address(config.http.listen);
        let text = self.at.clone().or_else(of_config).ok_or_else(|| {
            BadUsage("`http.listen` is no address to ask at: give --at, such as --at http://localhost:9464".to_owned())
        })?;
        Url::parse(&text).map_err(|error| BadUsage(format!("--at {text}: {error}")).into())
    }
}

fn ask(config: &Config, at: Url, lead: &str) -> anyhow::Result<Value> {
    let client = Client::builder().timeout(PATIENCE).redirect(Policy::none()).build()?;
    let mut address = at;
    if let Ok(mut path) = address.path_segments_mut() {
        path.pop_if_empty().extend(["api", "v1", "leads", lead]);
    }
    for _ in 0..MOST_HOPS {
        let mut request = client.get(address.clone());
        if let Some(token) = &config.http.token {
            request = request.bearer_auth(token);
        }
        let asking = || format!("asking {}", address.origin().ascii_serialization());
        let response = request.send().with_context(|| format!("{}: is an instance running there?", asking()))?;
        match response.status() {
            StatusCode::OK => return response.json().with_context(asking),
            StatusCode::TEMPORARY_REDIRECT => {
                let there = response.headers().get(LOCATION).and_then(|there| there.to_str().ok()).unwrap_or_default();
                address = address.join(there).with_context(asking)?;
            }
            status => bail!("{}: {}", asking(), refusal(status, response)),
        }
    }
    bail!("sent from instance to instance: shards are moving, try again")
}

/// Why there is no answer, in the words of who was asked.
fn refusal(status: StatusCode, response: Response) -> String {
    let body: Value = response.json().unwrap_or_default();
    match (body["reason"].as_str(), body["hint"].as_str()) {
        (Some(reason), Some(hint)) => format!("{reason} ({hint})"),
        (Some(reason), None) => reason.to_owned(),
        (None, _) if status == StatusCode::UNAUTHORIZED => "it asks for a token: `http.token_file`".to_owned(),
        (None, _) => format!("it answered {status}"),
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
