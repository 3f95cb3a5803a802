//! Speed: how long leads and deals take, and whether sales follows up in time.

use super::{By, Kpi, Unit};
use crate::kpi::measures::Dim;

const STAT: &[By] = &[By::Dims(&[Dim::Stat])];
const SOURCE: &[By] = &[By::Total, By::S];

pub(super) const KPIS: &[Kpi] = &[
    Kpi::new(
        "lead_conversion_seconds",
        Unit::Seconds,
        "From lead entry to the first won deal, of leads won in the window.",
        "conversion_times",
        &[
            By::Dims(&[Dim::Stat]),
            By::Dims(&[Dim::Channel, Dim::Stat]),
            By::Dims(&[Dim::Campaign, Dim::Channel, Dim::Stat]),
        ],
    ),
    Kpi::new(
        "stage_dwell_seconds",
        Unit::Seconds,
        "From the entry of the stage to that of the next, of subjects moving on in the window.",
        "dwell_times",
        &[By::Dims(&[Dim::Stage, Dim::Stat])],
    ),
    Kpi::new(
        "sales_cycle_seconds",
        Unit::Seconds,
        "From opportunity to won, of deals won in the window.",
        "sales_cycles",
        STAT,
    ),
    Kpi::new(
        "follow_up_seconds",
        Unit::Seconds,
        "From mql to sal, of leads followed up in the window.",
        "follow_ups",
        STAT,
    ),
    Kpi::count(
        "sla_breaches",
        "Mqls whose follow-up did not come in time, at the deadline.",
        "sla_breaches",
        SOURCE,
    ),
    Kpi::ratio(
        "sla_met_ratio",
        "Share of the window's mqls followed up in time, of those followed up or due.",
        "sla_cohort_met / sla_cohort",
        SOURCE,
    )
    .settling()
    .with_interval(),
    Kpi::new(
        "sales_velocity",
        Unit::CurrencyPerDay,
        "What the pipeline brings a day: opportunities, times average deal value, times win ratio, over the sales cycle.",
        "opportunities_by_source * (revenue_by_source / won_by_source) \
         * (won_by_source / (won_by_source + lost_by_source)) \
         * (86400 / (sales_cycle_seconds_by_source / won_by_source))",
        SOURCE,
    )
    .settling()
    .without_parts(),
];
