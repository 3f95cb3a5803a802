//! Funnel: entries into the stages, what became of them, and what never became a lead.

use super::{By, Kpi, Unit};
use crate::kpi::measures::Dim;

const ENTRIES: &[By] = &[By::Total, By::M, By::Dims(&[Dim::Segment])];
const COHORT: &[By] = &[By::Total, By::S, By::Dims(&[Dim::Segment])];

pub(super) const KPIS: &[Kpi] = &[
    Kpi::count("leads", "Leads: subjects entering the funnel.", "leads", ENTRIES).settling(),
    Kpi::count("mqls", "Leads entering the stage mql.", "mqls", ENTRIES).settling(),
    Kpi::count("sals", "Leads entering the stage sal, the first sales follow-up.", "sals", ENTRIES).settling(),
    Kpi::count("sqls", "Leads entering the stage sql.", "sqls", ENTRIES).settling(),
    Kpi::count("opportunities", "Deals entering the stage opportunity.", "opportunities", ENTRIES).settling(),
    Kpi::count("proposals", "Deals entering the stage proposal.", "proposals", ENTRIES).settling(),
    Kpi::count("customers", "Accounts (or leads without one) at their first won deal.", "customers", ENTRIES)
        .settling(),
    Kpi::count("won_deals", "Deals won.", "won_deals", ENTRIES).settling(),
    Kpi::count(
        "lost_deals",
        "Deals at their first loss, by the source of their lead.",
        "lost_deals",
        &[By::Total, By::S],
    ),
    Kpi::ratio(
        "session_lead_ratio",
        "Leads (credit of the last touch) over sessions.",
        "leads / sessions",
        &[By::Total, By::S, By::Dims(&[Dim::LandingPage])],
    ),
    Kpi::count(
        "what_if_leads",
        "Leads that the configured number of extra sessions would bring at the present ratio.",
        "leads / sessions * extra_sessions",
        &[By::Total, By::Dims(&[Dim::Channel])],
    ),
    Kpi::ratio(
        "lead_mql_ratio",
        "Share of the window's leads that have become mql.",
        "lead_mql_reached / lead_mql_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "mql_sql_ratio",
        "Share of the window's mqls that have become sql.",
        "mql_sql_reached / mql_sql_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "sql_customer_ratio",
        "Share of the window's sqls that have won a deal.",
        "sql_customer_reached / sql_customer_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "lead_customer_ratio",
        "Share of the window's leads that have won a deal.",
        "lead_customer_reached / lead_customer_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "mql_demo_ratio",
        "Share of the window's mqls that have booked a demo, before or after.",
        "mql_demo_reached / mql_demo_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "stage_conversion_ratio",
        "Share of the window's entries into the stage that have entered the next one.",
        "stage_cohort_moved / stage_cohort",
        &[By::Dims(&[Dim::Stage])],
    )
    .settling()
    .with_interval(),
    Kpi::count("raw_leads", "First fills that are no survey, rejected ones included.", "raw_leads", &[By::Total]),
    Kpi::count(
        "rejected_leads",
        "Leads that a reject rule matched.",
        "rejected_leads",
        &[By::Total, By::Dims(&[Dim::Reason])],
    ),
    Kpi::count(
        "leaked_leads",
        "Leads that leak at the stage: disqualified, every deal lost, or silent for too long.",
        "leaked_leads",
        &[
            By::Total,
            By::Dims(&[Dim::Stage]),
            By::Dims(&[Dim::Channel, Dim::Stage]),
            By::Dims(&[Dim::Campaign, Dim::Channel, Dim::Stage]),
        ],
    ),
    Kpi::ratio(
        "leakage_ratio",
        "Share of the window's leads entering the stage that leaked at it.",
        "leak_cohort_leaked / leak_cohort",
        &[
            By::Dims(&[Dim::Stage]),
            By::Dims(&[Dim::Channel, Dim::Stage]),
            By::Dims(&[Dim::Campaign, Dim::Channel, Dim::Stage]),
        ],
    )
    .settling()
    .with_interval(),
    Kpi::count(
        "recycled_leads",
        "Leads recycled: by an event, or because no follow-up came.",
        "recycled_leads",
        &[By::Total, By::S],
    ),
    Kpi::count(
        "reactivations",
        "Recycled leads whose later engagement reached the activation threshold.",
        "reactivations",
        &[By::Total, By::S],
    ),
    Kpi::new(
        "lead_score",
        Unit::Score,
        "Mean score of the window's leads, once settled.",
        "scores / scored_leads",
        COHORT,
    )
    .settling(),
    Kpi::count(
        "graded_leads",
        "The window's leads by their grade, once settled.",
        "graded_leads",
        &[By::Total, By::Dims(&[Dim::Grade]), By::Dims(&[Dim::Channel, Dim::Grade])],
    )
    .settling(),
    Kpi::count(
        "routed_leads",
        "The window's leads by the route that the rules give them, once settled.",
        "routed_leads",
        &[By::Total, By::Dims(&[Dim::Route])],
    )
    .settling(),
    Kpi::count(
        "segment_leads",
        "Leads that are in the segment at present.",
        "segment_leads",
        &[By::Dims(&[Dim::Segment])],
    ),
    Kpi::count(
        "duplicate_events",
        "Records dropped as repeats of an event, by the time of the record.",
        "duplicate_events",
        &[By::Total],
    ),
    Kpi::count("demos", "Leads at their first booked demo.", "demos", &[By::Total, By::M]),
    Kpi::count("meetings", "Leads at their first booked meeting.", "meetings", &[By::Total, By::M]),
];
