//! Engagement: email, webinars, direct mail, the community, experiments, accounts, and what customers say of us.

use super::{By, Kpi, Unit};
use crate::kpi::measures::Dim;

const MAILED: &[By] = &[By::Total, By::Dims(&[Dim::AssetType]), By::Dims(&[Dim::Asset])];
const ASSET: &[By] = &[By::Total, By::Dims(&[Dim::Asset])];
const COHORT: &[By] = &[By::Dims(&[Dim::Asset])];
const TOTAL: &[By] = &[By::Total];
const CHANNEL: &[By] = &[By::Total, By::Dims(&[Dim::Channel])];
const VARIANT: &[By] = &[By::Dims(&[Dim::Experiment, Dim::Variant])];

pub(super) const EMAIL: &[Kpi] = &[
    Kpi::count("emails_sent", "Emails sent.", "emails_sent", MAILED),
    Kpi::count("emails_delivered", "Emails delivered.", "emails_delivered", MAILED),
    Kpi::ratio(
        "email_delivery_ratio",
        "Emails delivered over emails sent, both in the window.",
        "emails_delivered / emails_sent",
        MAILED,
    ),
    Kpi::ratio(
        "email_unique_open_ratio",
        "Distinct persons and emails opened over emails delivered.",
        "unique_email_opens / emails_delivered",
        MAILED,
    ),
    Kpi::ratio(
        "email_unique_click_ratio",
        "Distinct persons and emails clicked over emails delivered.",
        "unique_email_clicks / emails_delivered",
        MAILED,
    ),
    Kpi::ratio(
        "email_click_to_open_ratio",
        "Distinct persons and emails clicked over those opened.",
        "unique_email_clicks / unique_email_opens",
        MAILED,
    ),
    Kpi::ratio(
        "email_unsubscribe_ratio",
        "Unsubscribes over emails delivered.",
        "email_unsubscribes / emails_delivered",
        MAILED,
    ),
    Kpi::count("nurtured_leads", "Distinct leads joining nurture.", "nurtured_leads", TOTAL),
    Kpi::ratio(
        "nurture_mql_ratio",
        "Share of the leads first joining nurture in the window that became mql after it.",
        "nurture_cohort_mql / nurture_cohort",
        TOTAL,
    )
    .settling()
    .with_interval(),
];

pub(super) const WEBINAR_AND_MAIL: &[Kpi] = &[
    Kpi::count(
        "webinar_registrations",
        "Distinct persons and webinars registered for.",
        "webinar_registrations",
        ASSET,
    ),
    Kpi::count("webinar_attendees", "Distinct persons and webinars attended.", "webinar_attendees", ASSET),
    Kpi::count("webinar_replays", "Distinct persons and webinars replayed.", "webinar_replays", ASSET),
    Kpi::count(
        "webinar_questioners",
        "Distinct persons and webinars that they asked a question in.",
        "webinar_questioners",
        ASSET,
    ),
    Kpi::ratio(
        "webinar_attendance_ratio",
        "Share of the window's registrations whose person attended the webinar.",
        "webinar_attendance_reached / webinar_attendance_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "webinar_conversion_ratio",
        "Share of the window's attendees that entered a stage, themselves or a deal of theirs, within 30 days after.",
        "webinar_conversion_reached / webinar_conversion_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "mail_claim_ratio",
        "Share of the window's openers of a mail piece that claimed what it offers.",
        "mail_claim_reached / mail_claim_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "mail_meeting_ratio",
        "Share of the window's claimers that booked a meeting afterwards.",
        "mail_meeting_reached / mail_meeting_cohort",
        COHORT,
    )
    .settling()
    .with_interval(),
];

pub(super) const COMMUNITY: &[Kpi] = &[
    Kpi::count("community_size", "Persons that have joined the community and not left it.", "community_size", TOTAL),
    Kpi::count(
        "community_active_members",
        "Distinct persons with a touch in the community or with a question.",
        "community_active_members",
        TOTAL,
    ),
    Kpi::new(
        "nps",
        Unit::Score,
        "Net promoter score: per cent promoters (9, 10) less detractors (0 to 6), of the latest answer of each lead.",
        "nps_scores / nps_leads",
        TOTAL,
    ),
    Kpi::new("survey_responses", Unit::Score, "Surveys filled in.", "survey_responses", TOTAL),
    Kpi::new(
        "satisfaction",
        Unit::Score,
        "Mean satisfaction (1 to 5), of the latest answer of each lead.",
        "satisfaction_sum / satisfaction_leads",
        TOTAL,
    ),
    Kpi::new(
        "referral_likelihood_ratio",
        Unit::Score,
        "Mean likelihood to recommend (nps / 10), of the latest answer of each lead.",
        "(nps_sum / 10) / nps_leads",
        TOTAL,
    ),
    Kpi::count("referrals", "Referrals made.", "referrals", TOTAL),
    Kpi::new(
        "question_response_seconds",
        Unit::Seconds,
        "From the first question about an asset to its first answer, by the time of the answer.",
        "response_times",
        &[By::Dims(&[Dim::Stat])],
    ),
    Kpi::count("product_active_accounts", "Distinct accounts that used the product.", "product_active_accounts", TOTAL),
];

pub(super) const EXPERIMENTS: &[Kpi] = &[
    Kpi::count("variant_subjects", "Leads first exposed to the variant.", "exposed", VARIANT).settling(),
    Kpi::count(
        "variant_conversions",
        "Leads first exposed to the variant that came to the configured stage then or later.",
        "exposed_converted",
        VARIANT,
    )
    .settling(),
    Kpi::ratio(
        "variant_conversion_ratio",
        "Share of the leads first exposed to the variant that came to the configured stage.",
        "exposed_converted / exposed",
        VARIANT,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "variant_lift_ratio",
        "By how much the variant's conversion ratio is above the control's, as a share of it.",
        "exposed_converted / exposed / (baseline(exposed_converted) / baseline(exposed)) - 1",
        VARIANT,
    )
    .settling()
    .without_parts(),
    Kpi::ratio(
        "variant_p_value",
        "How likely a difference from the control at least as large is by chance: two-sided pooled two-proportion z-test.",
        "p_value(exposed_converted, exposed, baseline(exposed_converted), baseline(exposed))",
        VARIANT,
    )
    .settling()
    .without_parts(),
    Kpi::ratio(
        "variant_break_even_ratio",
        "How many times the control's cost per subject may be paid at equal cost per conversion.",
        "exposed_converted / exposed / (baseline(exposed_converted) / baseline(exposed))",
        VARIANT,
    )
    .settling()
    .without_parts(),
];

pub(super) const ACCOUNTS: &[Kpi] = &[
    Kpi::count("target_accounts", "Accounts that are targets at present.", "target_accounts", TOTAL).settling(),
    Kpi::count(
        "target_accounts_reached",
        "Distinct target accounts with an engaging touch.",
        "target_accounts_reached",
        CHANNEL,
    )
    .settling(),
    Kpi::ratio(
        "account_penetration_ratio",
        "Target accounts reached over target accounts.",
        "target_accounts_reached / total(target_accounts)",
        CHANNEL,
    )
    .settling()
    .with_interval(),
    Kpi::ratio(
        "buying_unit_coverage_ratio",
        "Of the target accounts reached, the mean share of their buying unit that is engaged.",
        "buying_unit_shares / sized_targets_reached",
        TOTAL,
    )
    .settling(),
    Kpi::count(
        "engaged_members",
        "Of the target accounts reached, the mean number of engaged leads.",
        "engaged_leads / target_accounts_reached",
        TOTAL,
    )
    .settling(),
];
