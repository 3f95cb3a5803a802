//! Traffic: sessions, visitors, touches, fills and content, and the counts of what arrived.

use super::{By, Kpi, Unit};
use crate::kpi::measures::Dim;

pub(super) const KPIS: &[Kpi] = &[
    Kpi {
        id: "sessions",
        unit: Unit::Count,
        meaning: "Sessions begun.",
        formula: "sessions",
        by: &[By::Total, By::C, By::Dims(&[Dim::LandingPage])],
        settling: false,
        interval: false,
    },
    Kpi {
        id: "visitors",
        unit: Unit::Count,
        meaning: "Distinct visitors with a session.",
        formula: "visitors",
        by: &[By::Total, By::Dims(&[Dim::Channel]), By::Dims(&[Dim::LandingPage])],
        settling: false,
        interval: false,
    },
    Kpi {
        id: "touches",
        unit: Unit::Count,
        meaning: "Accepted touches.",
        formula: "touches",
        by: &[
            By::Total,
            By::Dims(&[Dim::Kind]),
            By::Dims(&[Dim::Channel, Dim::Kind]),
            By::Dims(&[Dim::Campaign, Dim::Channel, Dim::Kind]),
        ],
        settling: false,
        interval: false,
    },
    Kpi {
        id: "traffic_share_ratio",
        unit: Unit::Ratio,
        meaning: "Sessions of the channel group over all sessions.",
        formula: "sessions / total(sessions)",
        by: &[By::Total, By::Dims(&[Dim::ChannelGroup])],
        settling: false,
        interval: true,
    },
    Kpi {
        id: "page_fill_ratio",
        unit: Unit::Ratio,
        meaning: "Sessions with a fill on the page over sessions that viewed it; in total, sessions with a fill over all.",
        formula: "page_sessions_with_fill / page_sessions",
        by: &[By::Total, By::Dims(&[Dim::Page])],
        settling: true,
        interval: true,
    },
    Kpi {
        id: "form_fills",
        unit: Unit::Count,
        meaning: "Accepted form fills.",
        formula: "form_fills",
        by: &[By::Total, By::Dims(&[Dim::Form])],
        settling: false,
        interval: false,
    },
    Kpi {
        id: "content_reads",
        unit: Unit::Count,
        meaning: "Touches that read the asset.",
        formula: "content_reads",
        by: &[By::Total, By::Dims(&[Dim::Asset])],
        settling: false,
        interval: false,
    },
    Kpi {
        id: "content_leads",
        unit: Unit::Count,
        meaning: "Leads whose entry is a fill that names the asset.",
        formula: "content_leads",
        by: &[By::Total, By::Dims(&[Dim::Asset])],
        settling: false,
        interval: false,
    },
    Kpi {
        id: "content_lead_ratio",
        unit: Unit::Ratio,
        meaning: "Leads from the asset over reads of it.",
        formula: "content_leads / content_reads",
        by: &[By::Dims(&[Dim::Asset])],
        settling: false,
        interval: false,
    },
];

pub(super) const OPERATIONS: &[Kpi] = &[
    Kpi {
        id: "late_events",
        unit: Unit::Count,
        meaning: "Events that arrived behind the allowed lateness, by the time of their record.",
        formula: "late_events",
        by: &[By::Total],
        settling: false,
        interval: false,
    },
    Kpi {
        id: "dead_letters",
        unit: Unit::Count,
        meaning: "Records sent to the dead letters, by the time of the record.",
        formula: "dead_letters",
        by: &[By::Total, By::Dims(&[Dim::Reason])],
        settling: false,
        interval: false,
    },
];
