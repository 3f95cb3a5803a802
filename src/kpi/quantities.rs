//! Quantities: the names that formulas are written in. A quantity is one number that several measures keep at
//! different dimensions (leads in all, by segment, by credit); for a set of dimensions the first source that has
//! them serves. Credit without a model is `last`; spend is the same under every model.

use super::measures::{DEMO, Dim, MEETING, Measure, Sum};

/// The model of credit where a formula asks for none.
pub const CREDIT_MODEL: &str = "last";

#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    pub name: &'static str,
    pub sources: &'static [Source],
    /// A fact for each enabled rule-based model, though its measure carries none.
    pub every_model: bool,
}

/// A measure, of which only the facts with this value of `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    pub measure: Measure,
    pub stage: Option<&'static str>,
}

const fn all(measure: Measure) -> Source {
    Source { measure, stage: None }
}

const fn at(measure: Measure, stage: &'static str) -> Source {
    Source { measure, stage: Some(stage) }
}

const fn quantity(name: &'static str, sources: &'static [Source]) -> Quantity {
    Quantity { name, sources, every_model: false }
}

macro_rules! entries {
    ($name:literal, $stage:literal) => {
        quantity(
            $name,
            &[at(Measure::Entries, $stage), at(Measure::EntriesBySegment, $stage), at(Measure::EntryCredit, $stage)],
        )
    };
}

macro_rules! unique {
    ($name:literal, $what:literal) => {
        quantity(
            $name,
            &[at(Measure::Unique, $what), at(Measure::UniqueByType, $what), at(Measure::UniqueByAsset, $what)],
        )
    };
}

macro_rules! cohort {
    ($of:literal, $reached:literal, $ratio:literal) => {
        [
            quantity($of, &[at(Measure::Cohort, $ratio), at(Measure::CohortBySegment, $ratio)]),
            quantity($reached, &[at(Measure::CohortReached, $ratio), at(Measure::CohortReachedBySegment, $ratio)]),
        ]
    };
}

macro_rules! value {
    ($name:literal, $stage:literal) => {
        quantity(
            $name,
            &[
                at(Measure::DealValue, $stage),
                at(Measure::DealValueBySegment, $stage),
                at(Measure::DealValueCredit, $stage),
            ],
        )
    };
}

const TABLES: [&[Quantity]; 8] = [
    &[
        quantity("sessions", &[all(Measure::Sessions)]),
        quantity(
            "visitors",
            &[all(Measure::Visitors), all(Measure::VisitorsByChannel), all(Measure::VisitorsByLandingPage)],
        ),
        quantity("touches", &[all(Measure::Touches)]),
        quantity("page_sessions", &[all(Measure::SessionsSettled), all(Measure::PageSessions)]),
        quantity("page_sessions_with_fill", &[all(Measure::SessionsWithFill), all(Measure::PageSessionsWithFill)]),
        quantity("form_fills", &[all(Measure::FormFills)]),
        quantity("content_reads", &[all(Measure::ContentReads)]),
        quantity("content_leads", &[all(Measure::ContentLeads)]),
        quantity(
            "leads",
            &[
                at(Measure::Entries, "lead"),
                at(Measure::EntriesBySegment, "lead"),
                all(Measure::LeadsByLandingPage),
                at(Measure::EntryCredit, "lead"),
            ],
        ),
        entries!("mqls", "mql"),
        entries!("sals", "sal"),
        entries!("sqls", "sql"),
        entries!("opportunities", "opportunity"),
        entries!("proposals", "proposal"),
        entries!("won_deals", "won"),
        quantity(
            "customers",
            &[all(Measure::Customers), all(Measure::CustomersBySegment), all(Measure::CustomerCredit)],
        ),
        quantity("settled_customers", &[all(Measure::CustomersSettled)]),
        quantity("lost_deals", &[all(Measure::LostDeals)]),
        quantity("closed_won", &[all(Measure::ClosedWon)]),
        quantity("closed_lost", &[all(Measure::ClosedLost)]),
        quantity("raw_leads", &[all(Measure::RawLeads)]),
        quantity("rejected_leads", &[all(Measure::RejectedLeads)]),
        quantity("duplicate_events", &[all(Measure::DuplicateEvents)]),
        quantity("scored_leads", &[all(Measure::ScoredLeads), all(Measure::ScoredLeadsBySegment)]),
        quantity("scores", &[all(Measure::Scores), all(Measure::ScoresBySegment)]),
        quantity("graded_leads", &[all(Measure::GradedLeads)]),
        quantity("routed_leads", &[all(Measure::RoutedLeads)]),
        quantity("segment_leads", &[all(Measure::SegmentLeads)]),
        quantity("emails_sent", &[at(Measure::AssetTouches, "sent")]),
        quantity("emails_delivered", &[at(Measure::AssetTouches, "delivered")]),
        quantity("email_unsubscribes", &[at(Measure::AssetTouches, "unsubscribed")]),
        quantity("referrals", &[at(Measure::AssetTouches, "referred")]),
        unique!("unique_email_opens", "opened"),
        unique!("unique_email_clicks", "clicked"),
        unique!("webinar_registrations", "registered"),
        unique!("webinar_attendees", "attended"),
        unique!("webinar_replays", "replayed"),
        unique!("webinar_questioners", "questioned"),
        unique!("community_active_members", "community"),
        unique!("nurtured_leads", "nurtured"),
        quantity("community_size", &[all(Measure::CommunityMembers)]),
        quantity("nurture_cohort", &[all(Measure::NurtureCohort)]),
        quantity("nurture_cohort_mql", &[all(Measure::NurtureCohortMql)]),
        quantity("webinar_attendance_cohort", &[at(Measure::AssetCohort, "webinar_attendance")]),
        quantity("webinar_attendance_reached", &[at(Measure::AssetCohortReached, "webinar_attendance")]),
        quantity("webinar_conversion_cohort", &[at(Measure::AssetCohort, "webinar_conversion")]),
        quantity("webinar_conversion_reached", &[at(Measure::AssetCohortReached, "webinar_conversion")]),
        quantity("mail_claim_cohort", &[at(Measure::AssetCohort, "mail_claim")]),
        quantity("mail_claim_reached", &[at(Measure::AssetCohortReached, "mail_claim")]),
        quantity("mail_meeting_cohort", &[at(Measure::AssetCohort, "mail_meeting")]),
        quantity("mail_meeting_reached", &[at(Measure::AssetCohortReached, "mail_meeting")]),
        quantity("exposed", &[all(Measure::Exposed)]),
        quantity("exposed_converted", &[all(Measure::ExposedConverted)]),
        quantity("survey_responses", &[all(Measure::SurveyResponses)]),
        quantity("nps_scores", &[all(Measure::NpsScores)]),
        quantity("nps_sum", &[all(Measure::NpsSum)]),
        quantity("nps_leads", &[all(Measure::NpsLeads)]),
        quantity("satisfaction_sum", &[all(Measure::SatisfactionSum)]),
        quantity("satisfaction_leads", &[all(Measure::SatisfactionLeads)]),
        quantity("open_pipeline", &[all(Measure::OpenValue)]),
        quantity("open_at_opportunity", &[at(Measure::OpenValue, "opportunity")]),
        quantity("open_at_proposal", &[at(Measure::OpenValue, "proposal")]),
        quantity("weighted_pipeline", &[all(Measure::OpenWeighted)]),
        quantity("likely_pipeline", &[all(Measure::OpenLikely)]),
        quantity("open_sourced_base", &[all(Measure::OpenSourcedBase)]),
        quantity("open_sourced", &[all(Measure::OpenSourced)]),
        quantity("open_influenced", &[all(Measure::OpenInfluenced)]),
        quantity("sourced_pipeline_base", &[at(Measure::SourcedBase, "opportunity")]),
        quantity("sourced_pipeline", &[at(Measure::SourcedValue, "opportunity")]),
        quantity("influenced_pipeline", &[at(Measure::InfluencedValue, "opportunity")]),
        quantity("sourced_revenue_base", &[at(Measure::SourcedBase, "won")]),
        quantity("sourced_revenue", &[at(Measure::SourcedValue, "won")]),
        quantity("influenced_revenue", &[at(Measure::InfluencedValue, "won")]),
        quantity("won_since_opportunity", &[at(Measure::WonSince, "opportunity")]),
        quantity("won_since_proposal", &[at(Measure::WonSince, "proposal")]),
        quantity("settled_touches", &[all(Measure::SettledTouches)]),
        quantity("suppressed_touches", &[all(Measure::SuppressedTouches)]),
        quantity("target_accounts", &[all(Measure::TargetAccounts)]),
        quantity("target_accounts_reached", &[all(Measure::TargetsReached), all(Measure::TargetsReachedByChannel)]),
        quantity("sized_targets_reached", &[all(Measure::SizedTargetsReached)]),
        quantity("engaged_leads", &[all(Measure::EngagedLeads)]),
        quantity("buying_unit_shares", &[all(Measure::UnitShares)]),
        quantity("product_active_accounts", &[all(Measure::ProductAccounts)]),
        quantity("entered_lead", &[at(Measure::StageCohort, "lead")]),
        quantity("moved_lead", &[at(Measure::StageCohortMoved, "lead")]),
        quantity("entered_mql", &[at(Measure::StageCohort, "mql")]),
        quantity("moved_mql", &[at(Measure::StageCohortMoved, "mql")]),
        quantity("entered_sal", &[at(Measure::StageCohort, "sal")]),
        quantity("moved_sal", &[at(Measure::StageCohortMoved, "sal")]),
        quantity("entered_sql", &[at(Measure::StageCohort, "sql")]),
        quantity("moved_sql", &[at(Measure::StageCohortMoved, "sql")]),
        quantity("entered_opportunity", &[at(Measure::StageCohort, "opportunity")]),
        quantity("moved_opportunity", &[at(Measure::StageCohortMoved, "opportunity")]),
        quantity("entered_proposal", &[at(Measure::StageCohort, "proposal")]),
        quantity("moved_proposal", &[at(Measure::StageCohortMoved, "proposal")]),
        quantity("leaked_leads", &[all(Measure::LeakedLeads)]),
        quantity("leak_cohort", &[all(Measure::LeakCohort)]),
        quantity("leak_cohort_leaked", &[all(Measure::LeakCohortLeaked)]),
        quantity("recycled_leads", &[all(Measure::RecycledLeads)]),
        quantity("reactivations", &[all(Measure::Reactivations)]),
        quantity("sla_breaches", &[all(Measure::SlaBreaches)]),
        quantity("sla_cohort", &[all(Measure::SlaCohort)]),
        quantity("sla_cohort_met", &[all(Measure::SlaCohortMet)]),
        quantity("opportunities_by_source", &[all(Measure::OpportunitiesBySource)]),
        quantity("lost_by_source", &[all(Measure::LostBySource)]),
        quantity("sales_cycle_seconds_by_source", &[all(Measure::SalesCycleSecondsBySource)]),
        quantity("stage_cohort", &[all(Measure::StageCohort)]),
        quantity("stage_cohort_moved", &[all(Measure::StageCohortMoved)]),
        quantity("demos", &[at(Measure::Bookings, DEMO), at(Measure::BookingCredit, DEMO)]),
        quantity("meetings", &[at(Measure::Bookings, MEETING), at(Measure::BookingCredit, MEETING)]),
        quantity("credit", &[all(Measure::EntryCredit)]),
        quantity("entries", &[all(Measure::Entries)]),
        quantity("touch_credit", &[all(Measure::TouchCredit)]),
        quantity("touch_value", &[all(Measure::TouchValue)]),
        quantity("assists", &[all(Measure::Assists)]),
        quantity("paths", &[all(Measure::Paths)]),
        quantity("path_steps", &[all(Measure::PathSteps)]),
        quantity("path_channels", &[all(Measure::PathChannels)]),
        quantity("path_values", &[all(Measure::PathValue)]),
        quantity("path_pairs", &[all(Measure::PathPairs)]),
        quantity("lost_steps", &[all(Measure::LostSteps)]),
        quantity("lost_channels", &[all(Measure::LostChannels)]),
        quantity("lost_pairs", &[all(Measure::LostPairs)]),
        quantity("late_events", &[all(Measure::LateEvents)]),
        quantity("dead_letters", &[all(Measure::DeadLetters)]),
    ],
    &cohort!("lead_mql_cohort", "lead_mql_reached", "lead_mql"),
    &cohort!("mql_sql_cohort", "mql_sql_reached", "mql_sql"),
    &cohort!("sql_customer_cohort", "sql_customer_reached", "sql_customer"),
    &cohort!("lead_customer_cohort", "lead_customer_reached", "lead_customer"),
    &cohort!("mql_demo_cohort", "mql_demo_reached", "mql_demo"),
    &[value!("pipeline", "opportunity"), value!("revenue", "won")],
    &[
        Quantity { name: "spend", sources: &[all(Measure::Spend)], every_model: true },
        quantity("revenue_by_source", &[all(Measure::RevenueBySource)]),
        quantity("won_by_source", &[all(Measure::WonBySource)]),
    ],
];

/// A spread of values, by name: how many are in which bucket, and their sum.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub name: &'static str,
    pub counts: Measure,
    pub sum: Measure,
}

const SPREADS: [Spread; 7] = [
    Spread { name: "journey_lengths", counts: Measure::JourneyLengths, sum: Measure::JourneyTouches },
    Spread { name: "to_won_times", counts: Measure::ToWonTimes, sum: Measure::ToWonSeconds },
    Spread { name: "response_times", counts: Measure::ResponseTimes, sum: Measure::ResponseSeconds },
    Spread { name: "conversion_times", counts: Measure::ConversionTimes, sum: Measure::ConversionSeconds },
    Spread { name: "dwell_times", counts: Measure::DwellTimes, sum: Measure::DwellSeconds },
    Spread { name: "sales_cycles", counts: Measure::SalesCycles, sum: Measure::SalesCycleSeconds },
    Spread { name: "follow_ups", counts: Measure::FollowUps, sum: Measure::FollowUpSeconds },
];

impl Spread {
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SPREADS.iter().find(|spread| spread.name == name)
    }
}

/// Every quantity, in the order of the tables.
pub fn quantities() -> impl Iterator<Item = &'static Quantity> {
    TABLES.into_iter().flatten()
}

impl Quantity {
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        quantities().find(|quantity| quantity.name == name)
    }

    /// The source that has these dimensions.
    #[must_use]
    pub fn source(&self, by: &[Dim]) -> Option<Source> {
        self.sources.iter().copied().find(|source| source.has(by, self.every_model))
    }
}

impl Source {
    fn has(self, by: &[Dim], every_model: bool) -> bool {
        let free = |dim: &Dim| self.measure.dims().contains(dim) && !(*dim == Dim::Stage && self.stage.is_some());
        let carried = by.iter().all(|dim| match dim {
            Dim::ChannelGroup => free(&Dim::Channel),
            Dim::Model => every_model || free(dim),
            _ => free(dim),
        });
        // Subjects of a distinct measure cannot be added up over a dimension.
        let kept = |dim: &Dim| by.contains(dim) || (*dim == Dim::Stage && self.stage.is_some());
        let whole = || self.measure.dims().iter().all(kept) && !by.contains(&Dim::ChannelGroup);
        carried && (self.measure.sum() != Sum::Distinct || whole())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_source_with_the_dimensions_serves() {
        let source = |name: &str, by: &[Dim]| Quantity::named(name).and_then(|q| q.source(by)).map(|s| s.measure);
        assert_eq!(source("leads", &[]), Some(Measure::Entries));
        assert_eq!(source("leads", &[Dim::Segment]), Some(Measure::EntriesBySegment));
        assert_eq!(source("leads", &[Dim::LandingPage]), Some(Measure::LeadsByLandingPage));
        assert_eq!(source("leads", &[Dim::Channel]), Some(Measure::EntryCredit));
        assert_eq!(source("leads", &[Dim::ChannelGroup, Dim::Model]), Some(Measure::EntryCredit));
        assert_eq!(source("leads", &[Dim::Stage]), None);
        assert_eq!(source("visitors", &[Dim::Channel]), Some(Measure::VisitorsByChannel));
        assert_eq!(source("visitors", &[Dim::ChannelGroup]), None);
        assert_eq!(source("spend", &[Dim::Channel, Dim::Model]), Some(Measure::Spend));
        assert_eq!(source("sessions", &[Dim::Channel, Dim::Model]), None);
    }

    #[test]
    fn names_are_unique_and_every_measure_is_named() {
        let mut names: Vec<_> = quantities().map(|q| q.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for measure in Measure::ALL {
            let is_spread = SPREADS.iter().any(|spread| [spread.counts, spread.sum].contains(measure));
            let mut sources = quantities().flat_map(|quantity| quantity.sources);
            assert!(is_spread || sources.any(|source| source.measure == *measure), "{measure:?}");
        }
    }
}
