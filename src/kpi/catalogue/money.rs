//! Money: spend, what it bought, and what came of it.

use super::{By, Kpi};
use crate::kpi::measures::Dim;

const CREDITED: &[By] = &[By::Total, By::M];
const CHANNEL: &[By] = &[By::Dims(&[Dim::Channel])];
const BY_CHANNEL: &[By] = &[By::Total, By::Dims(&[Dim::Channel])];
const VALUE: &[By] = &[By::Total, By::M, By::Dims(&[Dim::Segment])];

pub(super) const KPIS: &[Kpi] = &[
    Kpi::currency(
        "spend",
        "Money spent; what is for a period accrues over it.",
        "spend",
        &[By::Total, By::C, By::Dims(&[Dim::Category])],
    ),
    Kpi::currency("cost_per_lead", "Spend over leads.", "spend / leads", CREDITED),
    Kpi::currency("cost_per_mql", "Spend over mqls.", "spend / mqls", CREDITED),
    Kpi::currency("cost_per_sql", "Spend over sqls.", "spend / sqls", CREDITED),
    Kpi::currency("cost_per_opportunity", "Spend over opportunities.", "spend / opportunities", CREDITED),
    Kpi::currency("customer_acquisition_cost", "Spend over customers.", "spend / customers", CREDITED),
    Kpi::currency("pipeline", "Amounts of the deals entering the stage opportunity.", "pipeline", VALUE).settling(),
    Kpi::currency("revenue", "Amounts of the deals won.", "revenue", VALUE).settling(),
    Kpi::currency(
        "average_deal_value",
        "Revenue over deals won, by the source of their lead.",
        "revenue_by_source / won_by_source",
        &[By::Total, By::S],
    )
    .settling(),
    Kpi::ratio(
        "win_ratio",
        "Deals won over deals closed.",
        "closed_won / (closed_won + closed_lost)",
        &[By::Total, By::S],
    )
    .with_interval(),
    Kpi::ratio("return_on_ad_spend", "Revenue over spend.", "revenue / spend", CREDITED).settling(),
    Kpi::ratio("return_on_investment", "Revenue less spend, over spend.", "(revenue - spend) / spend", CREDITED)
        .settling(),
    Kpi::currency(
        "lifetime_value",
        "What a customer is worth: revenue over customers, times gross margin and lifetime multiple.",
        "gross_margin * lifetime_multiple * (revenue / settled_customers)",
        &[By::Total],
    )
    .settling()
    .without_parts(),
    Kpi::ratio(
        "ltv_cac_ratio",
        "Lifetime value over customer acquisition cost.",
        "lifetime_value / customer_acquisition_cost",
        &[By::Total],
    )
    .settling(),
    Kpi::ratio(
        "cost_index",
        "The channel's cost per lead over the baseline channel's.",
        "cost_per_lead / baseline(cost_per_lead)",
        CHANNEL,
    ),
    Kpi::ratio(
        "conversion_index",
        "The channel's session-to-lead ratio over the baseline channel's.",
        "session_lead_ratio / baseline(session_lead_ratio)",
        CHANNEL,
    ),
    Kpi::ratio("efficiency_index", "Conversion index over cost index.", "conversion_index / cost_index", CHANNEL),
    Kpi::currency("budget", "The configured budget of the window.", "target_amount", BY_CHANNEL),
    Kpi::ratio("budget_used_ratio", "Spend over budget.", "spend / target_amount", BY_CHANNEL),
    Kpi::ratio(
        "budget_pace_ratio",
        "Spend over the part of the budget that the elapsed share of the window is worth.",
        "spend / (target_amount * elapsed_share)",
        BY_CHANNEL,
    ),
    Kpi::currency(
        "budget_projection",
        "What spend will come to by the end of the window at its present pace.",
        "spend / elapsed_share",
        BY_CHANNEL,
    ),
    Kpi::count(
        "suppressed_touches",
        "Touches to customers: the account's record says so by then, or the lead's deal was won before.",
        "suppressed_touches",
        BY_CHANNEL,
    )
    .settling(),
    Kpi::currency(
        "wasted_spend",
        "Spend times the share of the channel's touches that went to customers; in total, the sum over channels.",
        "spend * (suppressed_touches / beside(settled_touches))",
        BY_CHANNEL,
    )
    .settling()
    .over_channels(),
];
