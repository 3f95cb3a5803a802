//! The conversions of a stage in a span of time, as the ledger of attributions states them, with the credit of each touch:
//! for whoever asks what a number is made of. A shard looks through its leads, or its deals, some at a time, so that its
//! fold goes on in between. It must have the ledger to keep: without it neither ids nor what deals are told is known.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Shard;
use super::credit::{Journey, JourneyTouch};
use super::fold::Fold;
use super::statement::{Statement, Subject};
use crate::kpi::measures::Scale;
use crate::model::event::{NONE, UNATTRIBUTED};
use crate::model::money::Credit;
use crate::model::stage::Stage;
use crate::model::time::Millis;

/// Leads or deals that are looked at in one go: a few milliseconds.
const AT_ONCE: usize = 1000;
/// Touches that are told of a conversion: of a longer journey the first one, and the latest.
const MOST_TOUCHES: usize = 100;

/// Which conversions.
#[derive(Clone, Debug)]
pub struct Asked {
    /// A stage of the ladder, or a booking.
    pub stage: String,
    pub within: Range<Millis>,
    /// By a rule; the credit is that under it.
    pub model: String,
    /// Whose credit is asked for; neither: all of it. `(unattributed)`: nobody's.
    pub channel: Option<String>,
    pub campaign: Option<String>,
    /// How many are told of, the latest ones.
    pub most: usize,
}

/// What some of a shard's entities say.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// How many conversions there are, and their credit in billionths.
    pub total: u64,
    pub credit: i64,
    /// Of these the latest, the last one first.
    pub latest: Vec<Conversion>,
    /// Where to go on; none at the end.
    pub next: Option<usize>,
}

/// A conversion with the touches of its journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conversion {
    /// Whose it is, as in the topic `attributions`: the id of the lead or of the deal.
    pub subject: String,
    pub subject_type: SubjectType,
    pub lead_id: Option<String>,
    pub account_id: Option<String>,
    pub deal_id: Option<String>,
    pub stage: String,
    /// Milliseconds since 1970.
    pub time: i64,
    /// The amount of the deal, in the reporting currency.
    pub value: Option<f64>,
    /// What of it is the channel's and the campaign's that were asked for, under the model; 1 where neither was.
    pub credit: f64,
    /// Why it has no touch: `no_touch` or `outside_lookback`.
    pub unattributed: Option<String>,
    /// The journey, in the order of time.
    pub touches: Vec<CreditedTouch>,
    /// How many touches of a long journey are not told of: those after the first one.
    pub touches_left_out: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    Lead,
    Deal,
}

/// A touch of a journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreditedTouch {
    /// None of a lead that was forgotten.
    pub event_id: Option<String>,
    /// Milliseconds since 1970.
    pub time: i64,
    pub channel: String,
    pub campaign: String,
    pub content: String,
    pub term: String,
    /// By model, where it has any; under each model the touches of a conversion come to 1.
    pub credits: BTreeMap<String, f64>,
}

impl Conversion {
    /// The latest first; at the same time by their subjects.
    #[must_use]
    pub fn place(&self) -> (Reverse<i64>, String) {
        (Reverse(self.time), self.subject.clone())
    }
}

impl Shard {
    /// Looks at some of the entities that have such conversions, from a place on, and tells of those that are not before
    /// `floor`. A lead that is erased between two looks may hide another one from the second.
    #[must_use]
    pub fn conversions(&self, asked: &Asked, from: usize, floor: Millis) -> Looked {
        let mut found = Finding { asked, fold: &self.fold, floor, looked: Looked::default(), kept: Vec::new() };
        let rules = &self.fold.rules;
        let Some(model) = rules.models.iter().position(|model| model.name == asked.model) else {
            return found.looked;
        };
        let mut seen = 0;
        if Stage::parse(&asked.stage).is_some_and(Stage::is_of_deal) {
            for deal in self.deals.whole_from(from).take(AT_ONCE) {
                seen += 1;
                let stated = deal.stated(&asked.stage).filter(|(_, statement)| asked.within.contains(&statement.at));
                if let Some((id, statement)) = stated {
                    found.weigh(model, id, statement);
                }
            }
        } else {
            for lead in self.leads.whole_from(from).take(AT_ONCE) {
                seen += 1;
                for statement in lead.stated(&asked.stage, &asked.within, &self.fold) {
                    found.weigh(model, statement.lead_id.as_deref().unwrap_or_default(), &statement);
                }
            }
        }
        found.tell((seen == AT_ONCE).then_some(from + seen))
    }
}

struct Finding<'a> {
    asked: &'a Asked,
    fold: &'a Fold,
    floor: Millis,
    looked: Looked,
    kept: Vec<Kept>,
}

struct Kept {
    credit: i64,
    subject: String,
    statement: Statement,
}

impl Finding<'_> {
    /// Counts a conversion, if there is credit in it for whom it is asked for.
    fn weigh(&mut self, model: usize, subject: &str, statement: &Statement) {
        let credit = self.credit(model, statement);
        if credit == 0 {
            return;
        }
        self.looked.total += 1;
        self.looked.credit += credit;
        if statement.at >= self.floor {
            self.kept.push(Kept { credit, subject: subject.to_owned(), statement: statement.clone() });
            if self.kept.len() > 2 * self.asked.most {
                self.cut();
            }
        }
    }

    /// What of a conversion is whose it is asked for, in billionths.
    fn credit(&self, model: usize, statement: &Statement) -> i64 {
        let Asked { channel, campaign, .. } = self.asked;
        let (channel, campaign) = (channel.as_deref(), campaign.as_deref());
        if channel.is_none() && campaign.is_none() {
            return Credit::WHOLE;
        }
        if statement.touches.is_empty() {
            let is_it = channel.is_none_or(|name| name == UNATTRIBUTED) && campaign.is_none_or(|name| name == NONE);
            return if is_it { Credit::WHOLE } else { 0 };
        }
        let journey = Journey::new(statement.touches.clone(), self.fold);
        let credits = journey.credits(model, &statement.entered, self.fold);
        let is_its = |touch: &JourneyTouch| {
            let [of, within, ..] =
                self.fold.symbols.origin_symbols(touch.origin).map(|text| self.fold.symbols.text(text));
            channel.is_none_or(|name| name == of) && campaign.is_none_or(|name| name == within)
        };
        journey.touches.iter().zip(credits).filter(|(touch, _)| is_its(touch)).map(|(_, credit)| credit).sum()
    }

    fn cut(&mut self) {
        self.kept.sort_by(|a, b| b.statement.at.cmp(&a.statement.at).then_with(|| a.subject.cmp(&b.subject)));
        self.kept.truncate(self.asked.most);
    }

    fn tell(mut self, next: Option<usize>) -> Looked {
        self.cut();
        let latest = self.kept.iter().map(|kept| kept.spell(self.fold)).collect();
        Looked { latest, next, ..self.looked }
    }
}

impl Kept {
    fn spell(&self, fold: &Fold) -> Conversion {
        let Self { credit, subject, statement } = self;
        let is_deal = statement.subject != Subject::Lead;
        Conversion {
            subject: subject.clone(),
            subject_type: if is_deal { SubjectType::Deal } else { SubjectType::Lead },
            lead_id: statement.lead_id.as_deref().map(ToOwned::to_owned),
            account_id: statement.account.as_deref().map(ToOwned::to_owned),
            deal_id: is_deal.then(|| subject.clone()),
            stage: statement.stage.to_string(),
            time: statement.at.0,
            value: statement.value.map(|value| Scale::Money.to_f64(value)),
            credit: Scale::Credit.to_f64(*credit),
            unattributed: statement.unattributed().map(ToOwned::to_owned),
            touches: touches(statement, fold),
            touches_left_out: statement.touches.len().saturating_sub(MOST_TOUCHES),
        }
    }
}

/// The journey, with the credit of each touch under every model that the configuration asks for.
fn touches(statement: &Statement, fold: &Fold) -> Vec<CreditedTouch> {
    let journey = Journey::new(statement.touches.clone(), fold);
    let models = fold.rules.models.iter().enumerate().filter(|(_, model)| model.enabled);
    let credits: Vec<(&str, Vec<i64>)> =
        models.map(|(n, model)| (&*model.name, journey.credits(n, &statement.entered, fold))).collect();
    let spell = |(n, touch): (usize, &JourneyTouch)| {
        let [channel, campaign, content, term] = fold.symbols.spell_origin(touch.origin);
        let own = credits.iter().map(|(model, credits)| ((*model).to_owned(), credits[n]));
        let own = own.filter(|(_, credit)| *credit != 0).map(|(model, credit)| (model, Scale::Credit.to_f64(credit)));
        let event_id = Some(fold.event_id(touch)).filter(|id| !id.is_empty());
        CreditedTouch { event_id, time: touch.at.0, channel, campaign, content, term, credits: own.collect() }
    };
    let left_out = journey.touches.len().saturating_sub(MOST_TOUCHES);
    let told = journey.touches.iter().enumerate().filter(|(n, _)| *n == 0 || *n > left_out);
    told.map(spell).collect()
}
