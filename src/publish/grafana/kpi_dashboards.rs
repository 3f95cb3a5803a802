//! What the dashboards about KPIs show, and where. A KPI that no section names comes in a section of its own, on the
//! dashboard that has its group: a new row of the catalogue is on a dashboard without a word here.

use super::kpi_panels::{Section, Show};
use crate::kpi::measures::Dim::{
    Asset, AssetType, Campaign, Category, Channel, ChannelA, ChannelB, ChannelGroup, Definition, Experiment, Form,
    Grade, Kind, Kpi, LandingPage, Model, Page, Path, Reason, Route, Segment, Stage, Stat, Variant,
};
use Show::{Bars, BarsOf, Funnel, Matrix, MatrixOf, Present, Table, Tile, Trend, TrendBy};

const OF_STAGE: &[(crate::kpi::measures::Dim, &str)] = &[(Stage, "$stage")];

pub(super) const EXECUTIVE: &[Section] = &[
    Section {
        title: "At a glance",
        shows: &[
            Tile("revenue"),
            Tile("pipeline"),
            Tile("customers"),
            Tile("won_deals"),
            Tile("leads"),
            Tile("mqls"),
            Tile("spend"),
            Tile("customer_acquisition_cost"),
            Tile("return_on_ad_spend"),
            Tile("return_on_investment"),
            Tile("lifetime_value"),
            Tile("ltv_cac_ratio"),
        ],
    },
    Section {
        title: "How it goes",
        shows: &[
            Trend("Revenue, pipeline and spend", &["revenue", "pipeline", "spend"]),
            Trend("Leads, MQLs, SQLs and opportunities", &["leads", "mqls", "sqls", "opportunities"]),
            Funnel("Funnel", &["leads", "mqls", "sals", "sqls", "opportunities", "proposals", "won_deals"]),
            Funnel(
                "From stage to stage",
                &["lead_mql_ratio", "mql_sql_ratio", "sql_customer_ratio", "lead_customer_ratio", "win_ratio"],
            ),
            Funnel(
                "What an entry costs",
                &["cost_per_lead", "cost_per_mql", "cost_per_sql", "cost_per_opportunity", "customer_acquisition_cost"],
            ),
        ],
    },
    Section {
        title: "Where it comes from (by the chosen model)",
        shows: &[
            Table(
                "Channels",
                &[Channel],
                &[
                    "spend",
                    "leads",
                    "mqls",
                    "opportunities",
                    "pipeline",
                    "customers",
                    "revenue",
                    "cost_per_lead",
                    "customer_acquisition_cost",
                    "return_on_ad_spend",
                    "return_on_investment",
                ],
            ),
            Matrix("revenue", Channel, Model),
        ],
    },
    Section {
        title: "Pipeline and forecast",
        shows: &[
            Tile("open_pipeline"),
            Tile("weighted_pipeline"),
            Tile("likely_pipeline"),
            Tile("forecast_revenue"),
            Present("influenced_pipeline"),
            Present("influenced_pipeline_ratio"),
            Tile("influenced_pipeline"),
            Tile("influenced_pipeline_ratio"),
            Tile("influenced_revenue"),
            Tile("influenced_revenue_ratio"),
            Table("Open deals by stage", &[Stage], &["open_pipeline", "weighted_pipeline", "likely_pipeline"]),
            Table(
                "Sourced by marketing, by definition",
                &[Definition],
                &["sourced_pipeline", "sourced_pipeline_ratio", "sourced_revenue", "sourced_revenue_ratio"],
            ),
        ],
    },
    Section {
        title: "Goals and budgets",
        shows: &[
            Table("Goals", &[Kpi], &["goal", "goal_attainment_ratio", "goal_pace_ratio"]),
            Table("What a goal of revenue asks of each stage", &[Stage], &["goal_required", "goal_lead_seconds"]),
            Table("Budgets", &[Channel], &["budget", "budget_used_ratio", "budget_pace_ratio", "budget_projection"]),
            Table(
                "Budgets, all channels",
                &[],
                &["budget", "budget_used_ratio", "budget_pace_ratio", "budget_projection"],
            ),
        ],
    },
];

pub(super) const CHANNEL: &[Section] = &[
    Section {
        title: "Traffic",
        shows: &[
            Tile("sessions"),
            Tile("visitors"),
            Tile("touches"),
            Tile("form_fills"),
            Tile("session_lead_ratio"),
            Tile("what_if_leads"),
            Tile("traffic_share_ratio"),
            Tile("page_fill_ratio"),
            Tile("content_reads"),
            Tile("content_leads"),
            Tile("suppressed_touches"),
            Tile("wasted_spend"),
            TrendBy("sessions", Channel),
            TrendBy("leads", Channel),
            Bars("traffic_share_ratio", ChannelGroup),
        ],
    },
    Section {
        title: "Channels (by the chosen model)",
        shows: &[
            Table(
                "What channels bring and cost",
                &[Channel],
                &[
                    "sessions",
                    "visitors",
                    "leads",
                    "session_lead_ratio",
                    "spend",
                    "cost_per_lead",
                    "cost_per_mql",
                    "cost_per_sql",
                    "cost_per_opportunity",
                ],
            ),
            Table(
                "How well channels work",
                &[Channel],
                &[
                    "efficiency_index",
                    "cost_index",
                    "conversion_index",
                    "what_if_leads",
                    "suppressed_touches",
                    "wasted_spend",
                ],
            ),
        ],
    },
    Section {
        title: "Models side by side",
        shows: &[
            Matrix("leads", Channel, Model),
            Matrix("cost_per_lead", Channel, Model),
            Matrix("pipeline", Channel, Model),
            Matrix("return_on_ad_spend", Channel, Model),
        ],
    },
    Section {
        title: "Attribution of the chosen stage",
        shows: &[
            MatrixOf("attributed_share_ratio", Channel, Model, OF_STAGE),
            MatrixOf("attributed_conversions", Channel, Model, OF_STAGE),
            MatrixOf("attributed_value", Channel, Model, OF_STAGE),
            MatrixOf("touch_dated_conversions", Channel, Model, OF_STAGE),
            MatrixOf("touch_dated_value", Channel, Model, OF_STAGE),
            BarsOf("removal_effect_ratio", Channel, OF_STAGE),
            BarsOf("assisted_conversions", Channel, OF_STAGE),
            Table("Channels that help each other", &[Stage, ChannelA, ChannelB], &["synergy_ratio"]),
            Table("Paths", &[Stage, Path], &["path_conversions"]),
            Matrix("journey_touches", Stage, Stat),
        ],
    },
    Section {
        title: "Campaigns (by the chosen model)",
        shows: &[Table(
            "Campaigns",
            &[Channel, Campaign],
            &[
                "spend",
                "sessions",
                "leads",
                "session_lead_ratio",
                "cost_per_lead",
                "mqls",
                "opportunities",
                "pipeline",
                "revenue",
                "return_on_ad_spend",
            ],
        )],
    },
    Section {
        title: "Pages, content and spend",
        shows: &[
            Table("Landing pages", &[LandingPage], &["sessions", "visitors", "session_lead_ratio"]),
            Bars("page_fill_ratio", Page),
            Bars("form_fills", Form),
            Table("Content", &[Asset], &["content_reads", "content_leads", "content_lead_ratio"]),
            Bars("touches", Kind),
            Bars("spend", Category),
        ],
    },
    Section {
        title: "Experiments",
        shows: &[Table(
            "Variants",
            &[Experiment, Variant],
            &[
                "variant_subjects",
                "variant_conversions",
                "variant_conversion_ratio",
                "variant_lift_ratio",
                "variant_p_value",
                "variant_break_even_ratio",
            ],
        )],
    },
];

pub(super) const FUNNEL: &[Section] = &[
    Section {
        title: "Funnel",
        shows: &[
            Tile("leads"),
            Tile("mqls"),
            Tile("sals"),
            Tile("sqls"),
            Tile("opportunities"),
            Tile("won_deals"),
            Funnel("Entries", &["leads", "mqls", "sals", "sqls", "opportunities", "proposals", "won_deals"]),
            Bars("stage_conversion_ratio", Stage),
            Funnel(
                "What became of those that entered",
                &["lead_mql_ratio", "mql_sql_ratio", "mql_demo_ratio", "sql_customer_ratio", "lead_customer_ratio"],
            ),
            Trend("Entries over time", &["leads", "mqls", "sals", "sqls", "opportunities", "won_deals"]),
            TrendBy("mqls", Channel),
        ],
    },
    Section {
        title: "What is lost",
        shows: &[
            Tile("leaked_leads"),
            Tile("recycled_leads"),
            Tile("reactivations"),
            Tile("lost_deals"),
            Tile("raw_leads"),
            Tile("rejected_leads"),
            Table("Leaks by stage", &[Stage], &["leaked_leads", "leakage_ratio"]),
            Bars("rejected_leads", Reason),
            Matrix("leakage_ratio", Channel, Stage),
            Matrix("leaked_leads", Channel, Stage),
        ],
    },
    Section {
        title: "Speed",
        shows: &[
            Tile("follow_up_seconds"),
            Tile("sales_cycle_seconds"),
            Tile("lead_conversion_seconds"),
            Tile("sla_met_ratio"),
            Tile("sla_breaches"),
            Matrix("stage_dwell_seconds", Stage, Stat),
            Table(
                "Mean and quantiles",
                &[Stat],
                &["follow_up_seconds", "sales_cycle_seconds", "lead_conversion_seconds"],
            ),
            Trend("Follow-up in time", &["sla_met_ratio"]),
        ],
    },
    Section {
        title: "Sales",
        shows: &[
            Tile("win_ratio"),
            Tile("average_deal_value"),
            Tile("sales_velocity"),
            Trend("Deals won and lost", &["won_deals", "lost_deals"]),
            Table(
                "By the source of the lead",
                &[Channel],
                &[
                    "win_ratio",
                    "average_deal_value",
                    "sales_velocity",
                    "lost_deals",
                    "sla_met_ratio",
                    "sla_breaches",
                    "lead_mql_ratio",
                    "mql_sql_ratio",
                    "lead_customer_ratio",
                    "recycled_leads",
                    "lead_score",
                ],
            ),
        ],
    },
    Section {
        title: "Who they are",
        shows: &[
            Tile("lead_score"),
            Bars("graded_leads", Grade),
            Bars("routed_leads", Route),
            Bars("segment_leads", Segment),
            Table(
                "Segments",
                &[Segment],
                &[
                    "leads",
                    "mqls",
                    "sqls",
                    "opportunities",
                    "won_deals",
                    "revenue",
                    "lead_mql_ratio",
                    "lead_customer_ratio",
                ],
            ),
        ],
    },
    Section {
        title: "Accounts",
        shows: &[
            Tile("target_accounts"),
            Tile("target_accounts_reached"),
            Tile("account_penetration_ratio"),
            Tile("buying_unit_coverage_ratio"),
            Tile("engaged_members"),
            Table("Target accounts by channel", &[Channel], &["target_accounts_reached", "account_penetration_ratio"]),
        ],
    },
];

const EMAILS: &[&str] = &[
    "emails_sent",
    "emails_delivered",
    "email_delivery_ratio",
    "email_unique_open_ratio",
    "email_unique_click_ratio",
    "email_click_to_open_ratio",
    "email_unsubscribe_ratio",
];

pub(super) const EMAIL: &[Section] = &[
    Section {
        title: "Email",
        shows: &[
            Tile("emails_sent"),
            Tile("emails_delivered"),
            Tile("email_delivery_ratio"),
            Tile("email_unique_open_ratio"),
            Tile("email_unique_click_ratio"),
            Tile("email_click_to_open_ratio"),
            Tile("email_unsubscribe_ratio"),
            Tile("nurtured_leads"),
            Tile("nurture_mql_ratio"),
            Trend("Opened and clicked", &["email_unique_open_ratio", "email_unique_click_ratio"]),
            Trend("Delivered", &["email_delivery_ratio"]),
            Table("By type", &[AssetType], EMAILS),
            Table("By email", &[Asset], EMAILS),
        ],
    },
    Section {
        title: "Demos and meetings (channels by the chosen model)",
        shows: &[
            Tile("demos"),
            Tile("meetings"),
            Tile("mql_demo_ratio"),
            Table("Booked, by channel", &[Channel], &["demos", "meetings"]),
        ],
    },
    Section {
        title: "Webinars",
        shows: &[
            Tile("webinar_registrations"),
            Tile("webinar_attendees"),
            Tile("webinar_replays"),
            Tile("webinar_questioners"),
            Table(
                "By webinar",
                &[Asset],
                &[
                    "webinar_registrations",
                    "webinar_attendees",
                    "webinar_attendance_ratio",
                    "webinar_replays",
                    "webinar_questioners",
                    "webinar_conversion_ratio",
                ],
            ),
        ],
    },
    Section {
        title: "Direct mail",
        shows: &[Table("By mail piece", &[Asset], &["mail_claim_ratio", "mail_meeting_ratio"])],
    },
    Section {
        title: "Community and loyalty",
        shows: &[
            Tile("community_size"),
            Tile("community_active_members"),
            Tile("question_response_seconds"),
            Tile("product_active_accounts"),
            Tile("referrals"),
            Tile("nps"),
            Tile("satisfaction"),
            Tile("referral_likelihood_ratio"),
            Tile("survey_responses"),
        ],
    },
];
