//! Revenue impact: what is open, what marketing had to do with it, what is to come; and how goals stand.

use super::{By, Kpi, Unit};
use crate::kpi::measures::Dim;

const OPEN: &[By] = &[By::Total, By::Dims(&[Dim::Stage])];
const DEFINITION: &[By] = &[By::Dims(&[Dim::Definition])];
const TOTAL: &[By] = &[By::Total];
const GOAL: &[By] = &[By::Dims(&[Dim::Kpi])];

pub(super) const KPIS: &[Kpi] = &[
    Kpi::currency("open_pipeline", "Amounts of the deals that are open.", "open_pipeline", OPEN),
    Kpi::currency(
        "weighted_pipeline",
        "Amounts of the deals that are open, each times its probability.",
        "weighted_pipeline",
        OPEN,
    ),
    Kpi::currency(
        "likely_pipeline",
        "Amounts of the open deals with a probability of at least `funnel.likely`.",
        "likely_pipeline",
        OPEN,
    ),
    Kpi::currency(
        "sourced_pipeline",
        "Amounts of the deals entering opportunity that marketing sourced, by definition.",
        "sourced_pipeline",
        DEFINITION,
    )
    .settling()
    .at_present("open_sourced"),
    Kpi::currency(
        "influenced_pipeline",
        "Amounts of the deals entering opportunity that marketing influenced.",
        "influenced_pipeline",
        TOTAL,
    )
    .settling()
    .at_present("open_influenced"),
    Kpi::currency(
        "sourced_revenue",
        "Amounts of the deals won that marketing sourced, by definition.",
        "sourced_revenue",
        DEFINITION,
    )
    .settling(),
    Kpi::currency(
        "influenced_revenue",
        "Amounts of the deals won that marketing influenced.",
        "influenced_revenue",
        TOTAL,
    )
    .settling(),
    Kpi::ratio(
        "sourced_pipeline_ratio",
        "Sourced pipeline over pipeline.",
        "sourced_pipeline / sourced_pipeline_base",
        DEFINITION,
    )
    .settling()
    .at_present("open_sourced / open_sourced_base"),
    Kpi::ratio(
        "influenced_pipeline_ratio",
        "Influenced pipeline over pipeline.",
        "influenced_pipeline / pipeline",
        TOTAL,
    )
    .settling()
    .at_present("open_influenced / open_pipeline"),
    Kpi::ratio(
        "sourced_revenue_ratio",
        "Sourced revenue over revenue.",
        "sourced_revenue / sourced_revenue_base",
        DEFINITION,
    )
    .settling(),
    Kpi::ratio("influenced_revenue_ratio", "Influenced revenue over revenue.", "influenced_revenue / revenue", TOTAL)
        .settling(),
    Kpi::currency(
        "forecast_revenue",
        "Revenue of the running quarter, and of each open deal its amount times the win ratio of its stage.",
        "this_quarter(revenue) \
         + open_at_opportunity \
           * chance(last_year(won_since_opportunity), last_year(opportunities), chance_of_opportunity) \
         + open_at_proposal * chance(last_year(won_since_proposal), last_year(proposals), chance_of_proposal)",
        TOTAL,
    )
    .settling()
    .without_parts(),
];

pub(super) const GOALS: &[Kpi] = &[
    Kpi::count("goal", "The configured target of a KPI, in its unit.", "target_amount", GOAL)
        .without_parts()
        .of_goals(),
    Kpi::ratio("goal_attainment_ratio", "The KPI over its target.", "goal_value / target_amount", GOAL)
        .of_goals(),
    Kpi::count(
        "goal_required",
        "For goals of revenue: entries of the stage needed, by the average deal value and back through the stage ratios.",
        "required",
        &[By::Dims(&[Dim::Stage])],
    )
    .without_parts()
    .of_goals(),
    Kpi::new(
        "goal_lead_seconds",
        Unit::Seconds,
        "For goals of revenue: the median time from the stage to won, of deals won in the last 365 days.",
        "to_won_times",
        &[By::Dims(&[Dim::Stage])],
    )
    .without_parts()
    .of_goals(),
    Kpi::ratio(
        "goal_pace_ratio",
        "The KPI over the part of its target that is due: Mondays to Fridays without holidays, each day evenly.",
        "goal_value / (target_amount * worked_share)",
        GOAL,
    )
    .of_goals(),
];
