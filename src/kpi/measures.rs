//! The measures: what shards count. A measure is a sum of facts, each with a time and dimensions; every measure is
//! counted by exactly one kind of entity, so that sums over shards never count twice.

use serde::{Deserialize, Serialize};

use crate::model::stage::Stage;

/// A dimension by the name that rows carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Dim {
    Channel,
    Campaign,
    Content,
    Term,
    Model,
    Kind,
    LandingPage,
    Page,
    Form,
    Asset,
    Category,
    Stage,
    Reason,
    Segment,
    /// Derived from the channel when rows are made; no measure carries it.
    ChannelGroup,
    Grade,
    Route,
    /// Of rows over a spread: mean or quantile. No measure carries it.
    Stat,
    /// The bucket of a spread that a value is in; no row carries it.
    Bucket,
    AssetType,
    Experiment,
    Variant,
    Definition,
    /// Of a goal: the KPI that it is of. No measure carries it.
    Kpi,
    /// The channels of a journey, one after the other.
    Path,
    ChannelA,
    ChannelB,
    /// A step of a journey: the last channels before it, and the one that follows, or how it ends. No row carries it.
    From,
    To,
    /// How many distinct channels a journey has. No row carries it.
    Size,
}

impl Dim {
    pub const ALL: [Self; 30] = [
        Self::Channel,
        Self::Campaign,
        Self::Content,
        Self::Term,
        Self::Model,
        Self::Kind,
        Self::LandingPage,
        Self::Page,
        Self::Form,
        Self::Asset,
        Self::Category,
        Self::Stage,
        Self::Reason,
        Self::Segment,
        Self::ChannelGroup,
        Self::Grade,
        Self::Route,
        Self::Stat,
        Self::Bucket,
        Self::AssetType,
        Self::Experiment,
        Self::Variant,
        Self::Definition,
        Self::Kpi,
        Self::Path,
        Self::ChannelA,
        Self::ChannelB,
        Self::From,
        Self::To,
        Self::Size,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Campaign => "campaign",
            Self::Content => "content",
            Self::Term => "term",
            Self::Model => "model",
            Self::Kind => "kind",
            Self::LandingPage => "landing_page",
            Self::Page => "page",
            Self::Form => "form",
            Self::Asset => "asset",
            Self::Category => "category",
            Self::Stage => "stage",
            Self::Reason => "reason",
            Self::Segment => "segment",
            Self::ChannelGroup => "channel_group",
            Self::Grade => "grade",
            Self::Route => "route",
            Self::Stat => "stat",
            Self::Bucket => "bucket",
            Self::AssetType => "asset_type",
            Self::Experiment => "experiment",
            Self::Variant => "variant",
            Self::Definition => "definition",
            Self::Kpi => "kpi",
            Self::Path => "path",
            Self::ChannelA => "channel_a",
            Self::ChannelB => "channel_b",
            Self::From => "from",
            Self::To => "to",
            Self::Size => "size",
        }
    }

    /// A value that it may have, for documents.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Channel => "email",
            Self::Campaign => "spring",
            Self::Content => "banner",
            Self::Term => "crm",
            Self::Model => "last",
            Self::Kind => "page_view",
            Self::LandingPage | Self::Page => "/pricing",
            Self::Form => "contact",
            Self::Asset => "guide",
            Self::AssetType => "nurture",
            Self::Category => "media",
            Self::Stage => "mql",
            Self::Reason => "invalid_field",
            Self::Segment => "enterprise",
            Self::ChannelGroup => "owned",
            Self::Grade => "A",
            Self::Route => "sales",
            Self::Stat => "p50",
            Self::Bucket => "0",
            Self::Experiment => "hero",
            Self::Variant => "b",
            Self::Definition => "first_touch",
            Self::Kpi => "leads",
            Self::Path => "paid_search > email",
            Self::ChannelA | Self::From => "email",
            Self::ChannelB | Self::To => "webinar",
            Self::Size => "2",
        }
    }

    /// Whether no row carries it.
    #[must_use]
    pub const fn is_internal(self) -> bool {
        matches!(self, Self::Bucket | Self::From | Self::To | Self::Size)
    }

    /// Whether its values are as many as there are journeys: no bound of values holds for it.
    #[must_use]
    pub const fn is_of_journeys(self) -> bool {
        matches!(self, Self::Path | Self::From)
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dim| dim.name() == name)
    }
}

/// What one unit of a measure's sum is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Count,
    /// 10⁻⁹ of a conversion.
    Credit,
    /// 10⁻⁶ of the reporting currency.
    Money,
    /// 10⁻³ of a second.
    Seconds,
    /// 10⁻¹² of a whole.
    Share,
}

/// How cells of a measure add up to windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// Facts have one moment; windows are sums of day (hour, minute) cells.
    Additive,
    /// Subjects count once in each window: cells are windows; of a rolling kind, +1 on the first day whose window
    /// holds the subject and −1 on the day after the last.
    Distinct,
    /// What is so at present: cells are of `now` alone.
    Present,
    /// What is so from a moment on: cells are steps by the minute, and a window reads those up to its end + H.
    Standing,
}

macro_rules! measures {
    ($($(#[$doc:meta])* $name:ident: $scale:ident $sum:ident $settles:ident [$($dim:ident),*],)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Measure { $($(#[$doc])* $name,)+ }

        impl Measure {
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The finest dimensions that its facts carry, in the order of a cell's values.
            #[must_use]
            pub const fn dims(self) -> &'static [Dim] {
                match self { $(Self::$name => &[$(Dim::$dim),*],)+ }
            }

            #[must_use]
            pub const fn scale(self) -> Scale {
                match self { $(Self::$name => Scale::$scale,)+ }
            }

            #[must_use]
            pub const fn sum(self) -> Sum {
                match self { $(Self::$name => Sum::$sum,)+ }
            }

            #[must_use]
            const fn settling(self) -> Settling {
                match self { $(Self::$name => Settling::$settles,)+ }
            }
        }
    };
}

#[derive(PartialEq, Eq)]
enum Settling {
    Plain,
    Settles,
}

impl Measure {
    /// Whether its facts take what becomes known up to H after their time.
    #[must_use]
    pub fn settles(self) -> bool {
        self.settling() == Settling::Settles
    }
}

measures! {
    // Visitors
    /// Sessions begun.
    Sessions: Count Additive Plain [Channel, Campaign, Content, Term, LandingPage],
    /// Distinct visitors with a session.
    Visitors: Count Distinct Plain [],
    VisitorsByChannel: Count Distinct Plain [Channel],
    VisitorsByLandingPage: Count Distinct Plain [LandingPage],
    /// Sessions, as the denominator of page_fill_ratio's total, and those of them with a fill.
    SessionsSettled: Count Additive Settles [],
    SessionsWithFill: Count Additive Settles [],
    /// Sessions that viewed the page, and those of them with a fill on it; at the session's time.
    PageSessions: Count Additive Settles [Page],
    PageSessionsWithFill: Count Additive Settles [Page],
    // Visitors and leads: the one that the touch belongs to on arrival
    /// Accepted touches.
    Touches: Count Additive Plain [Kind, Channel, Campaign],
    /// `content_read` touches of the asset.
    ContentReads: Count Additive Plain [Asset],
    /// Touches about an asset, of the kinds that count each time: stage is what was done.
    AssetTouches: Count Additive Plain [Stage, AssetType, Asset],
    // Visitors and leads: persons by what they did; stage is what that was
    /// Distinct persons and assets.
    Unique: Count Distinct Plain [Stage],
    UniqueByType: Count Distinct Plain [Stage, AssetType],
    UniqueByAsset: Count Distinct Plain [Stage, Asset],
    /// Cohorts of person and asset, and those of them that did what the ratio is of.
    AssetCohort: Count Additive Settles [Stage, Asset],
    AssetCohortReached: Count Additive Settles [Stage, Asset],
    /// Persons in the community.
    CommunityMembers: Count Present Plain [],
    // Leads
    /// Leads at their first joining of nurture, and those that became mql after it.
    NurtureCohort: Count Additive Settles [],
    NurtureCohortMql: Count Additive Settles [],
    /// Leads at their first exposure to the variant, and those that came to the configured stage then or later.
    Exposed: Count Additive Settles [Experiment, Variant],
    ExposedConverted: Count Additive Settles [Experiment, Variant],
    /// Survey fills; and in each window the latest valid answers of leads: promoters less detractors in hundredths, the sum
    /// of answers, and the leads that gave one.
    SurveyResponses: Count Additive Plain [],
    NpsScores: Count Distinct Plain [],
    NpsSum: Count Distinct Plain [],
    NpsLeads: Count Distinct Plain [],
    SatisfactionSum: Count Distinct Plain [],
    SatisfactionLeads: Count Distinct Plain [],
    FormFills: Count Additive Plain [Form],
    /// Leads whose entry is a fill that names an asset.
    ContentLeads: Count Additive Plain [Asset],
    /// Subjects entering the stage. Stage is the stage's name; deals of a lead are counted by the lead known then.
    Entries: Count Additive Plain [Stage],
    /// The same by segment of the settled lead.
    EntriesBySegment: Count Additive Settles [Stage, Segment],
    /// The credit of the entries. Content and term are given for detail models only.
    EntryCredit: Credit Additive Plain [Stage, Model, Channel, Campaign, Content, Term],
    /// Lead entries by the landing page of the session of the entering fill.
    LeadsByLandingPage: Count Additive Plain [LandingPage],
    /// Leads at their first booking: stage is `demo` or `meeting`.
    Bookings: Count Additive Plain [Stage],
    BookingCredit: Credit Additive Plain [Stage, Model, Channel, Campaign, Content, Term],
    /// First `lost` of a deal, by the lead's source.
    LostDeals: Count Additive Plain [Channel, Campaign],
    /// Deals closed as won and as lost, by the lead's source.
    ClosedWon: Count Additive Plain [Channel, Campaign],
    ClosedLost: Count Additive Plain [Channel, Campaign],
    /// First non-survey fills, and those that a reject rule matched.
    RawLeads: Count Additive Plain [],
    RejectedLeads: Count Additive Plain [Reason],
    /// Cohorts: subjects entering the first stage of the ratio named by `stage` (`lead_mql` …), by source, and those
    /// of them that have entered the second.
    Cohort: Count Additive Settles [Stage, Channel, Campaign],
    CohortReached: Count Additive Settles [Stage, Channel, Campaign],
    CohortBySegment: Count Additive Settles [Stage, Segment],
    CohortReachedBySegment: Count Additive Settles [Stage, Segment],
    /// Cohorts of stage_conversion_ratio: subjects entering the stage, and those that went on to the next.
    StageCohort: Count Additive Settles [Stage],
    StageCohortMoved: Count Additive Settles [Stage],
    /// Amounts of deals entering `opportunity` (pipeline) and `won` (revenue), by `stage`: whole, credited, by segment.
    DealValue: Money Additive Settles [Stage],
    DealValueCredit: Money Additive Settles [Stage, Model, Channel, Campaign, Content, Term],
    DealValueBySegment: Money Additive Settles [Stage, Segment],
    /// Revenue and deals won by the source of the deal's lead: average_deal_value.
    RevenueBySource: Money Additive Settles [Channel, Campaign],
    WonBySource: Count Additive Settles [Channel, Campaign],
    /// Leads at their entry, with what their score, grade and route are once settled; by source.
    ScoredLeads: Count Additive Settles [Channel, Campaign],
    Scores: Count Additive Settles [Channel, Campaign],
    ScoredLeadsBySegment: Count Additive Settles [Segment],
    ScoresBySegment: Count Additive Settles [Segment],
    GradedLeads: Count Additive Settles [Grade, Channel, Campaign],
    RoutedLeads: Count Additive Settles [Route],
    SegmentLeads: Count Present Plain [Segment],
    /// Leads that leak, at the first leak of each stage, by source; and the cohort of leads entering the stage.
    LeakedLeads: Count Additive Plain [Stage, Channel, Campaign],
    LeakCohort: Count Additive Settles [Stage, Channel, Campaign],
    LeakCohortLeaked: Count Additive Settles [Stage, Channel, Campaign],
    /// Leads recycled and back again, by source.
    RecycledLeads: Count Additive Plain [Channel, Campaign],
    Reactivations: Count Additive Plain [Channel, Campaign],
    /// Follow-ups that did not come in time; the cohort of mqls whose follow-up came or was due, and those in time.
    SlaBreaches: Count Additive Plain [Channel, Campaign],
    SlaCohort: Count Additive Settles [Channel, Campaign],
    SlaCohortMet: Count Additive Settles [Channel, Campaign],
    /// Spreads of times, and their sums: lead entry to first won deal, by source; stage entry to the next; opportunity
    /// to won; mql to sal.
    ConversionTimes: Count Additive Plain [Channel, Campaign, Bucket],
    ConversionSeconds: Seconds Additive Plain [Channel, Campaign],
    DwellTimes: Count Additive Plain [Stage, Bucket],
    DwellSeconds: Seconds Additive Plain [Stage],
    SalesCycles: Count Additive Plain [Bucket],
    SalesCycleSeconds: Seconds Additive Plain [],
    FollowUps: Count Additive Plain [Bucket],
    FollowUpSeconds: Seconds Additive Plain [],
    /// From the entry of each stage to won, of deals won.
    ToWonTimes: Count Additive Plain [Stage, Bucket],
    ToWonSeconds: Seconds Additive Plain [Stage],
    /// The parts of sales_velocity, by the source of the lead that the deal has in the end.
    OpportunitiesBySource: Count Additive Settles [Channel, Campaign],
    LostBySource: Count Additive Settles [Channel, Campaign],
    SalesCycleSecondsBySource: Seconds Additive Settles [Channel, Campaign],
    /// Amounts of deals entering `opportunity` and `won`, by `stage`: all of them under each definition, those sourced by
    /// it, those influenced.
    SourcedBase: Money Additive Settles [Stage, Definition],
    SourcedValue: Money Additive Settles [Stage, Definition],
    InfluencedValue: Money Additive Settles [Stage],
    /// Amounts of the deals that are open: by stage, times their probability, of the likely ones; what of it is sourced and
    /// influenced.
    OpenValue: Money Present Plain [Stage],
    OpenWeighted: Money Present Plain [Stage],
    OpenLikely: Money Present Plain [Stage],
    OpenSourcedBase: Money Present Plain [Definition],
    OpenSourced: Money Present Plain [Definition],
    OpenInfluenced: Money Present Plain [],
    /// Deals at their entry of a stage that are won by now.
    WonSince: Count Additive Plain [Stage],
    /// Touches as they settle, and those to customers; a touch is its lead's, else its visitor's to count.
    SettledTouches: Count Additive Settles [Channel],
    SuppressedTouches: Count Additive Settles [Channel],
    // Assets
    /// From the first question to its first answer.
    ResponseTimes: Count Additive Plain [Bucket],
    ResponseSeconds: Seconds Additive Plain [],
    // Whoever has the journeys: leads, or the units that deals are attributed to
    /// The credit of touches and their part of amounts, at the time of the touch: as far as known when that settles.
    TouchCredit: Credit Additive Settles [Stage, Model, Channel],
    TouchValue: Money Additive Settles [Stage, Model, Channel],
    /// Conversions with the channel in the journey, but not last.
    Assists: Count Additive Plain [Stage, Channel],
    /// Conversions by the channels of their journeys, and how many touches these have.
    Paths: Count Additive Plain [Stage, Path],
    JourneyLengths: Count Additive Plain [Stage, Bucket],
    JourneyTouches: Count Additive Plain [Stage],
    /// What the data-driven models are made from. Of converting journeys: their steps; by channel and number of channels,
    /// their number and amounts; pairs of channels.
    PathSteps: Count Additive Plain [Stage, From, To],
    PathChannels: Count Additive Plain [Stage, Channel, Size],
    PathValue: Money Additive Settles [Stage, Channel, Size],
    PathPairs: Count Additive Plain [Stage, ChannelA, ChannelB],
    /// The same of the journeys of leads that leaked, once in each window.
    LostSteps: Count Distinct Plain [Stage, From, To],
    LostChannels: Count Distinct Plain [Stage, Channel],
    LostPairs: Count Distinct Plain [Stage, ChannelA, ChannelB],
    // Accounts
    /// Accounts that are targets, as steps of time.
    TargetAccounts: Count Standing Settles [],
    /// Distinct target accounts with an engaging touch; those whose buying unit has a size; their distinct engaged leads, and
    /// what each is of the buying unit.
    TargetsReached: Count Distinct Settles [],
    TargetsReachedByChannel: Count Distinct Settles [Channel],
    SizedTargetsReached: Count Distinct Settles [],
    EngagedLeads: Count Distinct Settles [],
    UnitShares: Share Distinct Settles [],
    /// Distinct accounts that used the product.
    ProductAccounts: Count Distinct Plain [],
    // Accounts (or leads without one)
    /// First won deal of a customer, and its credit.
    Customers: Count Additive Plain [],
    CustomerCredit: Credit Additive Plain [Model, Channel, Campaign, Content, Term],
    CustomersBySegment: Count Additive Settles [Segment],
    CustomersSettled: Count Additive Settles [],
    // Spend
    Spend: Money Additive Settles [Channel, Campaign, Content, Term, Category],
    // What arrived, by its Kafka timestamp
    DuplicateEvents: Count Additive Plain [],
    LateEvents: Count Additive Plain [],
    DeadLetters: Count Additive Plain [Reason],
}

/// The `stage` value under which bookings are counted and credited.
pub const DEMO: &str = "demo";
pub const MEETING: &str = "meeting";

/// The cohort ratios between stages: id without `_ratio`, the stage of the cohort, what is to be reached.
pub const COHORTS: [(&str, Stage, Reached); 5] = [
    ("lead_mql", Stage::Lead, Reached::Stage(Stage::Mql)),
    ("mql_sql", Stage::Mql, Reached::Stage(Stage::Sql)),
    ("sql_customer", Stage::Sql, Reached::Stage(Stage::Won)),
    ("lead_customer", Stage::Lead, Reached::Stage(Stage::Won)),
    ("mql_demo", Stage::Mql, Reached::Demo),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    Stage(Stage),
    Demo,
}
