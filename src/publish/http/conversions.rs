//! `/api/v1/conversions`: what a number is made of. The conversions of a stage in a window, the latest first, each with
//! the touches of its journey and the credit of each touch under every model that shares by a rule. `total` and `credit`
//! are of all that match, however many are told of: the credit of a channel under a model is that of its KPI rows.
//!
//! Every shard is asked, here and at other instances; what does not answer in time is named in `missing`. Conversions of
//! leads that were erased stay in the numbers and are not told of.

mod gather;

use std::sync::Arc;

pub(super) use self::gather::AT_ONCE;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::form_urlencoded;

use super::Site;
use super::answer::{self, Refusal};
use super::api::why_nothing_yet;
use super::leads::unavailable;
use super::operations::{self, Answer, Operation, Parameter};
use super::question::{self, unknown_parameter};
use crate::config::{AttributionUnit, Config};
use crate::kpi::measures::{DEMO, MEETING};
use crate::model::stage::Stage;
use crate::model::time::Millis;
use crate::model::window::WindowKind;
use crate::publish::board::Start;
use crate::shards::conversions::{Asked, Conversion};

pub(super) const CONVERSIONS: Operation = Operation {
    path: "/api/v1/conversions",
    name: "conversions",
    summary: "The conversions behind a number, the latest first, each with the touches of its journey",
    about: "`total` and `credit` are of all that match, however many are told of: the credit of a channel under a model \
        is that of its KPI rows. Instances ask each other for what they have.",
    parameters: PARAMETERS,
    answer: Answer::Json(|schemas| schemas.subschema_for::<Conversions>()),
    refusals: &[400, 404, 503],
    handler: |served| get(conversions).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "stage", about: "A stage of the funnel, or a booking", schema: operations::stage_or_booking },
    Parameter {
        name: "window",
        about: "A kind of window, but `now`; not given: `30d`, or the first there is",
        schema: operations::window,
    },
    Parameter {
        name: "start",
        about: "When the window begins, in milliseconds or as RFC 3339; not given or `running`: the one that runs",
        schema: operations::start,
    },
    Parameter {
        name: "model",
        about: "A model that shares each conversion by a rule; not given: `linear`, or the first there is",
        schema: |config| json!({ "type": "string", "enum": rules(config) }),
    },
    Parameter {
        name: "channel",
        about: "Only what has credit from it; `(unattributed)`: what has no touch; not given: all",
        schema: operations::text,
    },
    Parameter { name: "campaign", about: "Only what has credit from it; not given: all", schema: operations::text },
    Parameter {
        name: "limit",
        about: "How many are told of at most",
        schema: |_| json!({ "type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL }),
    },
    Parameter { name: "local", about: "Whether no other instance is asked", schema: operations::truth },
    Parameter {
        name: "shards",
        about: "Only those of these shards: how instances ask each other",
        schema: |config| {
            let most = config.topics.partitions.saturating_sub(1);
            json!({ "type": "array", "items": { "type": "integer", "minimum": 0, "maximum": most } })
        },
    },
];

/// Conversions in one answer: without a limit given, and at most.
const USUAL: usize = 50;
const MOST: usize = 500;

#[derive(Debug)]
struct Question {
    asked: Asked,
    window: WindowKind,
    start: Option<Millis>,
    end: Option<Millis>,
    /// Only of this instance's shards: another one asks.
    local: bool,
    /// None: all.
    shards: Option<Vec<u16>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Conversions {
    pub stage: String,
    pub window: String,
    /// Of the window, in milliseconds since 1970; none of `all`.
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub model: String,
    pub channel: Option<String>,
    pub campaign: Option<String>,
    /// The reporting currency, of every `value`.
    pub currency: String,
    /// Whose journey it is that a conversion of this stage is shared among: lead, contacts or account.
    pub unit: String,
    /// Conversions that match.
    pub total: u64,
    /// What of all these is the channel's and the campaign's, under the model.
    pub credit: f64,
    /// Whether every shard has answered.
    pub complete: bool,
    /// Why some have not.
    pub missing: Vec<String>,
    /// Why there is nothing.
    pub empty_because: Option<String>,
    /// The latest of them, the last one first.
    pub conversions: Vec<Conversion>,
}

async fn conversions(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let question = Question::read(&query.unwrap_or_default(), &site)?;
    let leads = site.leads.get().ok_or_else(|| unavailable("this instance has not begun yet"))?;
    let all = (0..leads.shards()).collect();
    let shards = question.shards.clone().unwrap_or(all);
    let found = gather::gather(&site, leads, &question, shards).await;
    Ok(answer::json(&question.answer(found, &site)))
}

impl Question {
    fn read(query: &str, site: &Site) -> Result<Self, Refusal> {
        let config = &site.config;
        if !config.output.ledgers.contains("attributions") {
            let reason = "conversions are not kept with their touches: the ledger of attributions is not written";
            let refusal = Refusal::new(axum::http::StatusCode::NOT_FOUND, "not_computed", reason);
            return Err(refusal.hint("add `attributions` to `output.ledgers`"));
        }
        let (mut stage, mut window, mut start) = (Stage::Won.name().to_owned(), None, Start::Running);
        let (mut model, mut channel, mut campaign) = (None, None, None);
        let (mut most, mut local, mut shards) = (USUAL, false, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "stage" => stage = known_stage(&value)?,
                "window" => window = Some(question::window(&value, site)?),
                "start" => start = question::start(&value)?,
                "model" => model = Some(known_model(&value, site)?),
                "channel" => channel = Some(value.into_owned()),
                "campaign" => campaign = Some(value.into_owned()),
                "limit" => most = question::limit(&value, MOST)?,
                "local" => local = flag(&value)?,
                "shards" => shards = Some(numbers(&value, site)?),
                _ => return Err(unknown_parameter(&name, PARAMETERS)),
            }
        }
        let window = usual_window(window, site)?;
        let model = model.map_or_else(|| usual_model(site), Ok)?;
        let (start, end) = bounds(window, start, site)?;
        let within = start.unwrap_or(Millis::MIN)..end.unwrap_or(Millis::MAX);
        let asked = Asked { stage, within, model, channel, campaign, most };
        Ok(Self { asked, window, start, end, local, shards })
    }

    fn answer(self, found: gather::Found, site: &Site) -> Conversions {
        let is_of_deal = Stage::parse(&self.asked.stage).is_some_and(Stage::is_of_deal);
        let unit = match site.config.attribution.unit {
            AttributionUnit::Account if is_of_deal => "account",
            AttributionUnit::Contacts if is_of_deal => "contacts",
            _ => "lead",
        };
        let is_empty = found.latest.total == 0 && found.missing.is_empty();
        let nothing = || "no such conversion is in this window".to_owned();
        Conversions {
            window: self.window.to_string(),
            start: self.start.map(|at| at.0),
            end: self.end.map(|at| at.0),
            currency: site.config.money.currency.clone(),
            unit: unit.to_owned(),
            total: found.latest.total,
            credit: found.latest.credit(),
            complete: found.missing.is_empty(),
            missing: found.missing,
            empty_because: is_empty.then(|| why_nothing_yet(site).unwrap_or_else(nothing)),
            conversions: found.latest.conversions,
            stage: self.asked.stage,
            model: self.asked.model,
            channel: self.asked.channel,
            campaign: self.asked.campaign,
        }
    }

    /// The same for other instances, and some of their shards.
    fn query(&self, shards: &[u16]) -> String {
        let Asked { stage, model, channel, campaign, most, .. } = &self.asked;
        let shards: Vec<String> = shards.iter().map(ToString::to_string).collect();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([("stage", stage.as_str()), ("model", model), ("window", &self.window.to_string())]);
        query.extend_pairs(self.start.map(|start| ("start", start.0.to_string())));
        query.extend_pairs(channel.iter().map(|channel| ("channel", channel)));
        query.extend_pairs(campaign.iter().map(|campaign| ("campaign", campaign)));
        query.extend_pairs([("limit", most.to_string()), ("local", true.to_string()), ("shards", shards.join(","))]);
        query.finish()
    }
}

/// Stages of the ladder, and bookings.
fn known_stage(name: &str) -> Result<String, Refusal> {
    let names = || Stage::LADDER.iter().map(|stage| stage.name()).chain([DEMO, MEETING]);
    if names().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let refusal = Refusal::bad("invalid_stage", format!("nothing is attributed at `{name}`"));
    Err(refusal.hint(names().collect::<Vec<_>>().join(", ")))
}

fn rules(config: &Config) -> Vec<&str> {
    let models = config.attribution.models.iter().filter(|model| model.is_rule_based());
    models.map(crate::config::Model::name).collect()
}

fn known_model(name: &str, site: &Site) -> Result<String, Refusal> {
    let rules = rules(&site.config);
    if rules.contains(&name) {
        return Ok(name.to_owned());
    }
    let refusal = if site.config.attribution.models.iter().any(|model| model.name() == name) {
        let reason = format!("`{name}` shares the conversions of a window as a whole, not each by itself");
        Refusal::bad("not_by_conversion", reason)
    } else {
        Refusal::bad("unknown_model", format!("there is no model `{name}`"))
    };
    Err(refusal.hint(format!("by a rule share {}; /api/v1/attribution compares all models", rules.join(", "))))
}

/// Linear, or the first one there is.
fn usual_model(site: &Site) -> Result<String, Refusal> {
    let rules = rules(&site.config);
    let model = rules.iter().find(|name| **name == "linear").or(rules.first());
    model.map(|name| (*name).to_owned()).ok_or_else(|| {
        let refusal = Refusal::bad("no_model", "no model shares each conversion by itself");
        refusal.hint("add a rule, such as `linear`, to `attribution.models`")
    })
}

/// 30 days, or the first kind that is no moment.
fn usual_window(given: Option<WindowKind>, site: &Site) -> Result<WindowKind, Refusal> {
    if given == Some(WindowKind::Now) {
        let refusal = Refusal::bad("invalid_window", "`now` is no span of time: nothing is converted in it");
        return Err(refusal.hint("a window that has a start, or `all`"));
    }
    let windows = || site.config.time.windows.iter().copied().filter(|kind| *kind != WindowKind::Now);
    let usual = || windows().find(|kind| *kind == WindowKind::Rolling(30)).or_else(|| windows().next());
    let none =
        || Refusal::bad("invalid_window", "`time.windows` has no span of time").hint("add `30d` to `time.windows`");
    given.or_else(usual).ok_or_else(none)
}

/// Where a window begins and ends.
fn bounds(kind: WindowKind, start: Start, site: &Site) -> Result<(Option<Millis>, Option<Millis>), Refusal> {
    let calendar = &site.config.time.calendar;
    if kind == WindowKind::All {
        return match start {
            Start::At(_) => Err(Refusal::bad("invalid_start", "`all` has no start").hint("leave `start` out")),
            Start::Any | Start::Running => Ok((None, None)),
        };
    }
    let window = match start {
        // A rolling window is named by its first day, not by the one that it is of.
        Start::At(at) if kind.is_rolling() => crate::model::window::Window { kind, start: calendar.day(at).0 },
        Start::At(at) => calendar.window_at(kind, at),
        Start::Any | Start::Running => {
            let watermark = site.board.status().watermark.max(site.board.watermark());
            let at = watermark.ok_or_else(|| {
                let reason = why_nothing_yet(site);
                unavailable(reason.as_deref().unwrap_or("event time is not known yet"))
            })?;
            calendar.window_at(kind, at)
        }
    };
    let (begins, ends) = (calendar.start(window), calendar.end(window));
    if let Start::At(at) = start
        && begins != Some(at)
    {
        let near = begins.map_or(String::new(), |begins| format!("; one begins at {}", begins.0));
        return Err(Refusal::bad("invalid_start", format!("no window of `{kind}` begins then{near}"))
            .hint("`start` of KPI rows; not given: the window that runs"));
    }
    Ok((begins, ends))
}

fn flag(text: &str) -> Result<bool, Refusal> {
    text.parse().map_err(|_| Refusal::bad("invalid_local", "`local` is `true` or `false`"))
}

fn numbers(text: &str, site: &Site) -> Result<Vec<u16>, Refusal> {
    let most = site.config.topics.partitions;
    let number = |text: &str| text.parse().ok().filter(|number| *number < most);
    let numbers: Option<Vec<u16>> = question::list(text).map(number).collect();
    let mut numbers = numbers.ok_or_else(|| {
        Refusal::bad("invalid_shards", format!("`{text}` are no shards")).hint(format!("numbers below {most}"))
    })?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let config = Config::parse("[time]\nzone = \"Europe/Berlin\"\n", "", std::iter::empty()).expect("valid");
        Site::new(&config, Arc::default(), Arc::default())
    }

    #[test]
    fn a_question_is_read_and_reads_the_same_elsewhere() {
        let site = site();
        // Local midnight of 2026-01-05.
        let query = "stage=mql&window=30d&start=2026-01-04T23:00:00Z&channel=(unattributed)&campaign=a%26b&limit=7";
        let question = Question::read(query, &site).expect("it makes sense");
        assert_eq!(question.start, Some(Millis(1_767_567_600_000)));
        assert_eq!(question.end, Some(Millis(1_767_567_600_000 + 30 * 86_400_000)));
        let again = Question::read(&question.query(&[1, 3]), &site).expect("it makes sense");
        assert_eq!(format!("{:?}", again.asked), format!("{:?}", question.asked));
        assert_eq!((again.local, again.shards), (true, Some(vec![1, 3])));
        let all = Question::read("window=all", &site).expect("it makes sense");
        assert_eq!((all.asked.model.as_str(), all.asked.stage.as_str(), all.start), ("linear", "won", None));
    }

    #[test]
    fn refusals_say_what_would_do() {
        for (query, error, hint) in [
            (
                "window=all&stage=lost",
                "invalid_stage",
                "lead, mql, sal, sql, opportunity, proposal, won, demo, meeting",
            ),
            ("window=all&model=markov", "not_by_conversion", "first, last, linear"),
            ("window=all&model=odd", "unknown_model", "first, last, linear"),
            ("window=now", "invalid_window", "a window that has a start"),
            ("window=2w", "unknown_window", "`time.windows` has"),
            ("window=1d&start=2026-01-05T00:00:00Z", "invalid_start", "not given: the window that runs"),
            ("window=all&start=0", "invalid_start", "leave `start` out"),
            ("window=all&limit=501", "invalid_limit", ""),
            ("window=all&shards=900", "invalid_shards", "numbers below"),
            ("window=all&local=1", "invalid_local", ""),
            ("window=all&chanel=email", "unknown_parameter", "`channel`"),
            ("", "unavailable", ""),
        ] {
            let refusal = Question::read(query, &site()).expect_err(query);
            assert_eq!(refusal.error, error, "{query}");
            let said = refusal.hint.unwrap_or_default();
            assert!(said.contains(hint), "{query}: {said}");
        }
    }
}
