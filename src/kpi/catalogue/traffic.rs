//! Traffic: sessions, visitors, touches, fills and content, and the counts of what arrived.

use super::{By, Kpi};
use crate::kpi::measures::Dim;

pub(super) const KPIS: &[Kpi] = &[
    Kpi::count("sessions", "Sessions begun.", "sessions", &[By::Total, By::C, By::Dims(&[Dim::LandingPage])]),
    Kpi::count(
        "visitors",
        "Distinct visitors with a session.",
        "visitors",
        &[By::Total, By::Dims(&[Dim::Channel]), By::Dims(&[Dim::LandingPage])],
    ),
    Kpi::count(
        "touches",
        "Accepted touches.",
        "touches",
        &[
            By::Total,
            By::Dims(&[Dim::Kind]),
            By::Dims(&[Dim::Channel, Dim::Kind]),
            By::Dims(&[Dim::Campaign, Dim::Channel, Dim::Kind]),
        ],
    ),
    Kpi::ratio(
        "traffic_share_ratio",
        "Sessions of the channel group over all sessions.",
        "sessions / total(sessions)",
        &[By::Total, By::Dims(&[Dim::ChannelGroup])],
    )
    .with_interval(),
    Kpi::ratio(
        "page_fill_ratio",
        "Sessions with a fill on the page over sessions that viewed it; in total, sessions with a fill over all.",
        "page_sessions_with_fill / page_sessions",
        &[By::Total, By::Dims(&[Dim::Page])],
    )
    .settling()
    .with_interval(),
    Kpi::count("form_fills", "Accepted form fills.", "form_fills", &[By::Total, By::Dims(&[Dim::Form])]),
    Kpi::count("content_reads", "Touches that read the asset.", "content_reads", &[By::Total, By::Dims(&[Dim::Asset])]),
    Kpi::count(
        "content_leads",
        "Leads whose entry is a fill that names the asset.",
        "content_leads",
        &[By::Total, By::Dims(&[Dim::Asset])],
    ),
    Kpi::ratio(
        "content_lead_ratio",
        "Leads from the asset over reads of it.",
        "content_leads / content_reads",
        &[By::Dims(&[Dim::Asset])],
    ),
];

pub(super) const OPERATIONS: &[Kpi] = &[
    Kpi::count(
        "late_events",
        "Events that arrived behind the allowed lateness, by the time of their record.",
        "late_events",
        &[By::Total],
    ),
    Kpi::count(
        "dead_letters",
        "Records sent to the dead letters, by the time of the record.",
        "dead_letters",
        &[By::Total, By::Dims(&[Dim::Reason])],
    ),
];
