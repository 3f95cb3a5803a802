//! What the fold reads of the configuration, compiled once: spans, models, kinds, and the plan of what is counted.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::acts::{self, About};
use super::criteria::Criteria;
use crate::attribution::rules::Rule;
use crate::config::{AttributionUnit, Config};
use crate::kpi::measures::Measure;
use crate::kpi::plan::Plan;
use crate::model::channel::ChannelGroups;
use crate::model::kinds::TouchKind;
use crate::model::stage::Stage;
use crate::model::time::{Millis, Span};

#[derive(Debug)]
pub struct Rules {
    pub config: Arc<Config>,
    pub plan: Plan,
    pub shards: u16,
    /// The enabled rule-based models, and `last` when it is not among them: formulas that need a credit take it.
    pub models: Vec<CreditModel>,
    pub groups: ChannelGroups,
    pub criteria: Criteria,
    /// Whether leads look accounts up, for their rules or to know customers.
    pub looks_up_accounts: bool,
    /// Whether leads write what happens to them, and who must get no paid touch.
    pub writes_actions: bool,
    pub writes_suppressions: bool,
    /// Whether the ids of leads are needed as records spell them.
    pub keeps_ids: bool,
    /// Whether account records are of use.
    pub keeps_records: bool,
    /// Whether every touch of a lead counts for something beside its journey.
    pub tells_all: bool,
    /// Whose journey deals are attributed to; the lead's where nobody asks.
    pub unit: AttributionUnit,
    /// Whether conversions are written with the touches that they are credited to.
    pub writes_attributions: bool,
    /// Whether ad platforms are told of conversions.
    pub writes_uploads: bool,
    /// Whether paths, or the times of touches, count for something.
    pub follows_journeys: bool,
    /// Whether amounts count at the times of touches.
    pub dates_amounts: bool,
    /// Whether leads wait for what does not happen: then every engaging touch moves a deadline.
    pub waits: bool,
    engaging: [bool; TouchKind::ALL.len()],
    /// Kinds that count by person and what they are about.
    noted: [bool; TouchKind::ALL.len()],
    /// Kinds that some KPI is by the assets of.
    about: [bool; TouchKind::ALL.len()],
    /// Whether touches count once settled, and whether assets are told of questions.
    pub settles_touches: bool,
    pub tells_questions: bool,
    /// Whether accounts are told of engaging touches, and of the use of the product; whether touches to customers count.
    pub tells_reach: bool,
    pub tells_use: bool,
    pub suppresses: bool,
    not_accounts: BTreeSet<String>,
}

/// What is counted of leaks.
pub const LEAKS: [Measure; 5] =
    [Measure::LeakedLeads, Measure::LeakCohort, Measure::LostSteps, Measure::LostChannels, Measure::LostPairs];

/// What is counted of paths, and at the times of touches.
const OF_PATHS: [Measure; 9] = [
    Measure::TouchCredit,
    Measure::TouchValue,
    Measure::Assists,
    Measure::Paths,
    Measure::JourneyLengths,
    Measure::PathSteps,
    Measure::PathChannels,
    Measure::PathValue,
    Measure::PathPairs,
];

/// What else is counted of the journeys of deals.
const OF_UNITS: [Measure; 7] = [
    Measure::EntryCredit,
    Measure::DealValueCredit,
    Measure::CustomerCredit,
    Measure::SourcedValue,
    Measure::InfluencedValue,
    Measure::OpenSourced,
    Measure::OpenInfluenced,
];

#[derive(Debug)]
pub struct CreditModel {
    pub name: String,
    pub rule: Rule,
    /// Whether its credit carries content and term.
    pub detailed: bool,
    /// Whether the configuration asks for it, or only formulas do.
    pub enabled: bool,
}

impl Rules {
    #[must_use]
    pub fn new(config: Arc<Config>, plan: Plan) -> Self {
        let attribution = &config.attribution;
        let mut models: Vec<CreditModel> = attribution
            .models
            .iter()
            .filter_map(|model| {
                let rule = Rule::of(model, attribution.half_life)?;
                let name = model.name().to_owned();
                let detailed = attribution.detail_models.contains(&name);
                Some(CreditModel { name, rule, detailed, enabled: true })
            })
            .collect();
        if !models.iter().any(|model| model.name == "last") {
            models.push(CreditModel { name: "last".to_owned(), rule: Rule::Last, detailed: false, enabled: false });
        }
        let mut engaging = [true; TouchKind::ALL.len()];
        for kind in &config.journey.not_engaging {
            engaging[*kind as usize] = false;
        }
        let wants = |measures: &[Measure]| measures.iter().any(|measure| plan.wants(*measure));
        let criteria = Criteria::new(&config);
        let suppresses = wants(&[Measure::SuppressedTouches]);
        let tells_use = wants(&[Measure::ProductAccounts]);
        let tells_reach = wants(&[
            Measure::TargetsReached,
            Measure::TargetsReachedByChannel,
            Measure::SizedTargetsReached,
            Measure::EngagedLeads,
            Measure::UnitShares,
        ]);
        let writes = |ledger| config.output.ledgers.contains(ledger);
        let (writes_actions, writes_suppressions) = (writes("lead-lifecycle"), writes("suppressions"));
        let writes_attributions = writes("attributions");
        let shares = config.attribution.unit != AttributionUnit::Lead
            && (writes_attributions || wants(&OF_PATHS) || wants(&OF_UNITS));
        let unit = if shares { config.attribution.unit } else { AttributionUnit::Lead };
        let looks_up_accounts = criteria.asks_accounts || suppresses || writes_suppressions;
        Self {
            looks_up_accounts,
            writes_actions,
            writes_suppressions,
            keeps_ids: criteria.asks_ids || writes_actions || writes_suppressions || writes_attributions,
            keeps_records: looks_up_accounts || tells_reach || wants(&[Measure::TargetAccounts]),
            tells_all: suppresses || tells_use || tells_reach || unit != AttributionUnit::Lead,
            unit,
            writes_attributions,
            writes_uploads: writes("conversions") && !config.feedback.stages.is_empty(),
            tells_reach,
            tells_use,
            suppresses,
            follows_journeys: wants(&OF_PATHS),
            dates_amounts: wants(&[Measure::TouchValue]),
            waits: writes_actions || wants(&LEAKS),
            settles_touches: wants(&[Measure::SettledTouches]),
            tells_questions: wants(&[Measure::ResponseTimes]),
            noted: acts::noted(&plan),
            about: acts::about(&plan),
            plan,
            shards: config.topics.partitions,
            models,
            groups: ChannelGroups::new(config.channels.groups.clone(), config.channels.not_marketing.clone()),
            engaging,
            criteria,
            not_accounts: config.identity.not_accounts.iter().map(|name| name.to_lowercase()).collect(),
            config,
        }
    }

    /// Whether ad platforms are told of entries into a stage.
    #[must_use]
    pub fn uploads(&self, stage: Stage) -> bool {
        self.writes_uploads && self.config.feedback.stages.contains(&stage)
    }

    #[must_use]
    pub const fn is_engaging(&self, kind: TouchKind) -> bool {
        self.engaging[kind as usize]
    }

    /// Whether an act of this kind counts by its person.
    #[must_use]
    pub fn notes(&self, kind: TouchKind, about: About) -> bool {
        self.noted[kind as usize] || about.exposure.is_some()
    }

    /// Whether some KPI is by what acts of this kind are about.
    #[must_use]
    pub fn is_about(&self, kind: TouchKind) -> bool {
        self.about[kind as usize]
    }

    /// Whether a lead contributes something by touches alone.
    #[must_use]
    pub const fn counts_touches(&self) -> bool {
        self.criteria.has_points || self.tells_all || self.writes_suppressions
    }

    /// Whether a touch of this kind is a reason against further ones.
    #[must_use]
    pub fn unsubscribes(&self, kind: TouchKind) -> bool {
        self.writes_suppressions && kind == TouchKind::EmailUnsubscribed
    }

    /// Whether a lead needs to know of a touch of its visitor that is no step of its journey.
    #[must_use]
    pub fn tells(&self, kind: TouchKind, about: About) -> bool {
        self.tells_all
            || self.notes(kind, about)
            || self.criteria.scores_at(kind)
            || self.unsubscribes(kind)
            || (self.waits && self.is_engaging(kind))
    }

    /// The latest watermark at which a fact may change.
    #[must_use]
    pub fn bound(&self, at: Millis, settles: bool) -> Millis {
        // A plain fact at the watermark − L is closed, a settling one is still open at its bound.
        if settles { at + self.settle() + self.lateness() } else { at + self.lateness() - Span(1) }
    }

    /// L: how far behind the watermark a plain fact may still change.
    #[must_use]
    pub fn lateness(&self) -> Span {
        self.config.time.allowed_lateness
    }

    /// H: how long after its time a settling fact takes what becomes known.
    #[must_use]
    pub fn settle(&self) -> Span {
        self.config.time.settle
    }

    /// An account id, unless it is one that stands for no account.
    #[must_use]
    pub fn account<'a>(&self, id: Option<&'a str>) -> Option<&'a str> {
        id.filter(|id| !self.not_accounts.contains(&id.to_lowercase()))
    }
}
