//! `/api/v1/attribution`: the models side by side. For a stage (`stage`, default `won`) in a window (`window`, default
//! `all`; `start` for one that has ended): by channel what each model says, how far the models are apart, what the
//! touches of the window have brought so far beside it; the most frequent paths, and how long journeys are.
//!
//! Two models are as far apart as the credit that would have to move from one channel to another to make them the same:
//! half the sum of the differences of their shares (total variation distance), 0 to 1. A channel's divergence is that
//! of the model that gives it most from the one that gives it least.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use url::form_urlencoded;

use super::Site;
use super::answer::{self, Refusal};
use super::operations::{self, Answer, Operation, Parameter};
use super::question::{did_you_mean, unknown_parameter};
use crate::model::event::UNATTRIBUTED;
use crate::model::stage::Stage;
use crate::model::time::Millis;
use crate::model::window::WindowKind;
use crate::publish::board::{Start, Wanted};
use crate::rollup::row::Row;

const SHARES: &str = "attributed_share_ratio";
const MOST: usize = 100_000;

pub(super) const ATTRIBUTION: Operation = Operation {
    path: "/api/v1/attribution",
    name: "attribution",
    summary: "The models side by side: what each says of each channel, and how far they are apart",
    parameters: PARAMETERS,
    answer: Answer::Json(|schemas| schemas.subschema_for::<Comparison>()),
    refusals: &[400, 404],
    handler: |served| get(attribution).with_state(Arc::clone(&served.site)),
    ..Operation::PLAIN
};

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "stage", about: "A stage of the funnel", schema: operations::stage },
    Parameter {
        name: "window",
        about: "A kind of window that has such rows; not given: `all`, or the first there is",
        schema: operations::window,
    },
    Parameter {
        name: "start",
        about: "When the window begins, in milliseconds; not given: the one that runs",
        schema: |_| json!({ "type": "integer", "format": "int64" }),
    },
];

type ByModel = BTreeMap<String, f64>;

#[derive(Debug, PartialEq)]
struct Question {
    stage: Stage,
    window: WindowKind,
    start: Start,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Comparison {
    stage: &'static str,
    window: String,
    start: Option<i64>,
    currency: String,
    /// Of the stage, with and without a touch.
    conversions: Option<f64>,
    models: Vec<String>,
    /// The largest share first.
    channels: Vec<Channel>,
    /// The farthest first.
    distances: Vec<Distance>,
    paths: Vec<Path>,
    /// Touches per journey: mean, p50, p90.
    journey_touches: BTreeMap<String, f64>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "ComparedChannel")]
struct Channel {
    channel: String,
    /// By model: the share of all conversions, conversions and, where the stage has one, the amount.
    shares: ByModel,
    conversions: ByModel,
    value: ByModel,
    /// The same credit at the time of the touches: what those of the window have brought so far.
    touch_dated_conversions: ByModel,
    touch_dated_value: ByModel,
    /// Conversions with the channel in the journey, but not last.
    assisted: Option<f64>,
    divergence: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ModelDistance")]
struct Distance {
    models: [String; 2],
    distance: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedPath")]
struct Path {
    path: String,
    conversions: f64,
}

async fn attribution(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let question = Question::read(&query.unwrap_or_default(), &site)?;
    Ok(answer::json(&question.answer(&site)))
}

impl Question {
    fn read(query: &str, site: &Site) -> Result<Self, Refusal> {
        let families = site.families.families.iter().filter(|of| site.families.kpis[of.kpi].id == SHARES);
        let kinds: BTreeSet<WindowKind> = families.flat_map(|of| of.kinds.iter().copied()).collect();
        if kinds.is_empty() {
            let status = axum::http::StatusCode::NOT_FOUND;
            let refusal = Refusal::new(status, "not_computed", format!("`{SHARES}` is not computed"));
            return Err(refusal.hint(format!("add `{SHARES}` to `output.kpis`")));
        }
        let first = kinds.iter().copied().find(|kind| *kind == WindowKind::All).or(kinds.first().copied());
        let window = first.unwrap_or(WindowKind::All);
        let mut question = Self { stage: Stage::Won, window, start: Start::Running };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "stage" => question.stage = stage(&value)?,
                "window" => {
                    let kind = WindowKind::parse(&value).filter(|kind| kinds.contains(kind));
                    question.window = kind.ok_or_else(|| {
                        let names: Vec<String> = kinds.iter().map(ToString::to_string).collect();
                        Refusal::bad("invalid_window", format!("there are no such rows in `{value}`"))
                            .hint(names.join(", "))
                    })?;
                }
                "start" => {
                    let at: i64 = value.parse().map_err(|_| {
                        Refusal::bad("invalid_start", format!("`{value}` is no time"))
                            .hint("milliseconds, as `start` of rows; not given: the window that runs")
                    })?;
                    question.start = Start::At(Millis(at));
                }
                _ => return Err(unknown_parameter(&name, PARAMETERS)),
            }
        }
        Ok(question)
    }

    fn rows(&self, site: &Site, kpi: &str, with_stage: bool, set: &[&str]) -> Vec<Arc<Row>> {
        let stage = ("stage".to_owned(), self.stage.name().to_owned());
        let wanted = Wanted {
            kpis: vec![kpi.to_owned()],
            windows: vec![self.window],
            start: self.start,
            dims: with_stage.then_some(stage).into_iter().collect(),
            sets: vec![set.iter().map(|name| (*name).to_owned()).collect()],
        };
        site.board.find(&wanted, MOST)
    }

    fn answer(&self, site: &Site) -> Comparison {
        let by_model = ["channel", "model", "stage"];
        let mut channels: BTreeMap<String, Channel> = BTreeMap::new();
        let mut comparison = Comparison {
            stage: self.stage.name(),
            window: self.window.to_string(),
            start: if let Start::At(at) = self.start { Some(at.0) } else { None },
            currency: site.config.money.currency.clone(),
            ..Comparison::default()
        };
        let mut models = BTreeSet::new();
        for row in self.rows(site, SHARES, true, &by_model) {
            let (Some(channel), Some(model)) = (dim(&row, "channel"), dim(&row, "model")) else { continue };
            let of = channels.entry(channel.to_owned()).or_default();
            if let Some(share) = value(&row) {
                models.insert(model.to_owned());
                of.shares.insert(model.to_owned(), share);
            }
            let credit = row.says.numerator.map(|credit| (model.to_owned(), credit.to_f64()));
            of.conversions.extend(credit);
            comparison.conversions = row.says.denominator.map(|all| all.to_f64()).or(comparison.conversions);
        }
        let amounts = match self.stage {
            Stage::Opportunity => Some("pipeline"),
            Stage::Won => Some("revenue"),
            _ => None,
        };
        let mut fill = |rows: Vec<Arc<Row>>, into: fn(&mut Channel) -> &mut ByModel| {
            for row in rows {
                if let (Some(channel), Some(model), Some(value)) =
                    (dim(&row, "channel"), dim(&row, "model"), value(&row))
                {
                    into(channels.entry(channel.to_owned()).or_default()).insert(model.to_owned(), value);
                }
            }
        };
        if let Some(kpi) = amounts {
            fill(self.rows(site, kpi, false, &["channel", "model"]), |channel| &mut channel.value);
        }
        fill(self.rows(site, "attributed_value", true, &by_model), |channel| &mut channel.value);
        let dated = self.rows(site, "touch_dated_conversions", true, &by_model);
        fill(dated, |channel| &mut channel.touch_dated_conversions);
        fill(self.rows(site, "touch_dated_value", true, &by_model), |channel| &mut channel.touch_dated_value);
        for row in self.rows(site, "assisted_conversions", true, &["channel", "stage"]) {
            if let Some(channel) = dim(&row, "channel") {
                channels.entry(channel.to_owned()).or_default().assisted = value(&row);
            }
        }
        comparison.models = models.into_iter().collect();
        comparison.distances = distances(&mut channels, &comparison.models);
        let paths = self.rows(site, "path_conversions", true, &["path", "stage"]);
        comparison.paths = paths
            .iter()
            .filter_map(|row| Some(Path { path: dim(row, "path")?.to_owned(), conversions: value(row)? }))
            .collect();
        comparison.paths.sort_by(|a, b| b.conversions.total_cmp(&a.conversions).then_with(|| a.path.cmp(&b.path)));
        let lengths = self.rows(site, "journey_touches", true, &["stage", "stat"]);
        let lengths = lengths.iter().filter_map(|row| Some((dim(row, "stat")?.to_owned(), value(row)?)));
        comparison.journey_touches = lengths.collect();
        comparison.channels = channels.into_iter().map(|(channel, of)| Channel { channel, ..of }).collect();
        let largest = |channel: &Channel| channel.shares.values().copied().fold(0.0, f64::max);
        comparison.channels.sort_by(|a, b| largest(b).total_cmp(&largest(a)).then_with(|| a.channel.cmp(&b.channel)));
        comparison
    }
}

fn stage(name: &str) -> Result<Stage, Refusal> {
    Stage::LADDER.into_iter().find(|stage| stage.name() == name).ok_or_else(|| {
        let refusal = Refusal::bad("invalid_stage", format!("`{name}` is no stage of the funnel"));
        did_you_mean(refusal, name, Stage::LADDER.into_iter().map(Stage::name))
    })
}

fn dim<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.id.dims.iter().find(|(dim, _)| *dim == name).map(|(_, value)| &**value)
}

fn value(row: &Row) -> Option<f64> {
    row.says.value.map(|value| value.to_f64())
}

/// Notes the divergence of each channel, too. What a model gives nobody counts as a channel of its own.
fn distances(channels: &mut BTreeMap<String, Channel>, models: &[String]) -> Vec<Distance> {
    let share = |of: &Channel, model: &str| of.shares.get(model).copied().unwrap_or(0.0);
    for model in models {
        let given: f64 = channels.values().map(|of| share(of, model)).sum();
        let rest = 1.0 - given;
        if rest > 1e-9 {
            *channels.entry(UNATTRIBUTED.to_owned()).or_default().shares.entry(model.clone()).or_default() += rest;
        }
    }
    for of in channels.values_mut() {
        let shares = || models.iter().map(|model| share(of, model));
        let least_and_most = shares().reduce(f64::min).zip(shares().reduce(f64::max));
        of.divergence = least_and_most.map_or(0.0, |(least, most)| most - least);
    }
    let mut all = Vec::new();
    for (n, a) in models.iter().enumerate() {
        for b in &models[n + 1..] {
            let moved = channels.values().map(|of| (share(of, a) - share(of, b)).abs()).sum::<f64>() / 2.0;
            all.push(Distance { models: [a.clone(), b.clone()], distance: moved });
        }
    }
    all.sort_by(|a, b| b.distance.total_cmp(&a.distance));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_as_far_apart_as_credit_would_have_to_move() {
        let channel = |shares: &[(&str, f64)]| Channel {
            shares: shares.iter().map(|(model, share)| ((*model).to_owned(), *share)).collect(),
            ..Channel::default()
        };
        let mut channels = BTreeMap::from([
            ("email".to_owned(), channel(&[("first", 0.75), ("last", 0.25), ("markov", 0.5)])),
            ("pr".to_owned(), channel(&[("first", 0.25), ("last", 0.75)])),
        ]);
        let models = ["first", "last", "markov"].map(str::to_owned);
        let distances = distances(&mut channels, &models);
        let of = |a: &str, b: &str| distances.iter().find(|of| of.models == [a, b]).map(|of| of.distance);
        assert_eq!((of("first", "last"), of("first", "markov")), (Some(0.5), Some(0.5)));
        assert_eq!(of("last", "markov"), Some(0.75));
        assert_eq!((channels["email"].divergence, channels["pr"].divergence), (0.5, 0.75));
        assert_eq!(channels[UNATTRIBUTED].shares, BTreeMap::from([("markov".to_owned(), 0.5)]));
    }

    #[test]
    fn where_no_model_says_anything_none_differ() {
        let mut channels =
            BTreeMap::from([("email".to_owned(), Channel { assisted: Some(3.0), ..Channel::default() })]);
        assert!(distances(&mut channels, &[]).is_empty());
        assert!(channels["email"].divergence.abs() < f64::EPSILON);
    }
}
