//! Attribution side by side: what each model says of each channel, when the touches were, and which paths lead there.

use super::{By, Journeys, Kpi, Unit};
use crate::kpi::measures::Dim;

const MODELS: &[By] = &[By::Dims(&[Dim::Stage, Dim::Model, Dim::Channel])];
const CHANNELS: &[By] = &[By::Dims(&[Dim::Stage, Dim::Channel])];
const PAIRS: &[By] = &[By::Dims(&[Dim::Stage, Dim::ChannelA, Dim::ChannelB])];
const PATHS: &[By] = &[By::Dims(&[Dim::Stage, Dim::Path])];
const STATS: &[By] = &[By::Dims(&[Dim::Stage, Dim::Stat])];

pub(super) const KPIS: &[Kpi] = &[
    Kpi::ratio(
        "attributed_share_ratio",
        "The channel's credit over all conversions of the stage; under the data-driven models in rolling windows and `all`.",
        "credit / at_stage(entries)",
        MODELS,
    )
    .of_journeys(Journeys::Share),
    Kpi::count(
        "attributed_conversions",
        "Conversions of the stage that a data-driven model gives the channel: by removal effects (markov), or evenly among \
         the channels of each journey (shapley).",
        "markov(path_steps, lost_steps) or shapley(path_channels)",
        MODELS,
    )
    .of_journeys(Journeys::Conversions),
    Kpi::currency(
        "attributed_value",
        "The amounts of these conversions that a data-driven model gives the channel.",
        "markov(path_steps, lost_steps) * path_values or shapley(path_values)",
        MODELS,
    )
    .settling()
    .of_journeys(Journeys::Value),
    Kpi::count(
        "touch_dated_conversions",
        "Credit at the time of the touches: what those of this window have brought so far.",
        "touch_credit",
        MODELS,
    )
    .settling(),
    Kpi::currency(
        "touch_dated_value",
        "Amounts at the time of the touches: what those of this window have brought so far.",
        "touch_value",
        MODELS,
    )
    .settling(),
    Kpi::ratio(
        "removal_effect_ratio",
        "By how much conversions were rarer if every journey that comes to the channel ended there (Markov model).",
        "removal(path_steps, lost_steps)",
        CHANNELS,
    )
    .of_journeys(Journeys::Removal),
    Kpi::ratio(
        "synergy_ratio",
        "Conversion rate of journeys with both channels over the greater rate of those with one of them and not the other.",
        "rate(both) / max(rate(a without b), rate(b without a))",
        PAIRS,
    )
    .of_journeys(Journeys::Synergy),
    Kpi::count(
        "assisted_conversions",
        "Conversions of the stage with the channel in the journey, but not last.",
        "assists",
        CHANNELS,
    ),
    Kpi::count(
        "path_conversions",
        "Conversions of the stage by the channels of their journey, of the most frequent paths; repeats are one.",
        "paths",
        PATHS,
    )
    .of_journeys(Journeys::Paths),
    Kpi::new(
        "journey_touches",
        Unit::Count,
        "Touches in the journeys of the stage's conversions: the mean, and quantiles to within 1 %.",
        "journey_lengths",
        STATS,
    )
    .without_parts(),
];
