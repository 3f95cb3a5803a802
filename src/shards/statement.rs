//! Statements: which touches a conversion is credited to, for the ledger of attributions. Leads write those of their own
//! entries. A deal may move from one lead or unit to another: whoever has its journey tells the deal, which writes.

use serde::{Deserialize, Serialize};

use super::credit::{Journey, JourneyTouch};
use super::event_id::PackedId;
use super::fold::Fold;
use super::forward::{Known, News, Recipient, Stated, StatedConversion, StatedTouch};
use super::ledger::{Attribution, Credited, Line, Said, State};
use crate::attribution::rules::Entered;
use crate::model::entity::EntityKey;
use crate::model::event::{NONE, UNATTRIBUTED};
use crate::model::money::Credit;
use crate::model::time::Millis;

/// Whose conversion it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    Lead,
    Deal(EntityKey),
}

/// A conversion with its journey, in numbers of the shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub subject: Subject,
    /// A stage's name, or a booking's.
    pub stage: Box<str>,
    pub at: Millis,
    pub value: Option<i64>,
    pub lead_id: Option<Box<str>>,
    pub account: Option<Box<str>>,
    pub entered: Entered,
    pub touches: Vec<JourneyTouch>,
    /// Of one without a touch: whether there are touches, but too old ones.
    pub is_outside: bool,
    /// The last watermark at which it may change.
    pub closes: Millis,
    pub is_final: bool,
}

/// What made a conversion's journey another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    #[default]
    Touch,
    /// Touches became known to be, or not to be, the lead's.
    Identity,
    Fill,
    Stage,
    Deal,
    Account,
    /// Nothing: it cannot change any more.
    Final,
    Erasure,
}

impl Cause {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Touch => "touch",
            Self::Identity => "identity",
            Self::Fill => "form_fill",
            Self::Stage => "stage",
            Self::Deal => "deal",
            Self::Account => "account",
            Self::Final => "final",
            Self::Erasure => "erasure",
        }
    }
}

/// How often the conversions of a subject were stated, by stage; those that were once are left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Revisions(Vec<(Box<str>, u32)>);

impl Revisions {
    /// The number of the next statement of a stage.
    fn next(&mut self, stage: &str, is_new: bool) -> u32 {
        match self.0.iter_mut().find(|(known, _)| **known == *stage) {
            Some((_, revision)) => {
                *revision += 1;
                *revision
            }
            None if is_new => 1,
            None => {
                self.0.push((stage.into(), 2));
                2
            }
        }
    }

    /// A stage that is not stated any more may be again.
    fn keep(&mut self, stage: &str) {
        if !self.0.iter().any(|(known, _)| **known == *stage) {
            self.0.push((stage.into(), 1));
        }
    }
}

impl Statement {
    const fn place(&self) -> (Subject, &str) {
        (self.subject, &*self.stage as &str)
    }

    /// Why nobody has its credit, if nobody has.
    #[must_use]
    pub const fn unattributed(&self) -> Option<&'static str> {
        match (self.touches.is_empty(), self.is_outside) {
            (false, _) => None,
            (true, true) => Some("outside_lookback"),
            (true, false) => Some("no_touch"),
        }
    }
}

/// Brings an entity's statements in their order, each conversion once.
pub fn sort(all: &mut Vec<Statement>) {
    all.sort_by(|a, b| a.place().cmp(&b.place()));
    all.dedup_by(|later, first| later.place() == first.place());
}

impl Fold {
    /// Says, or tells deals, what is stated otherwise now. `teller` is whose journeys they are.
    pub fn restate(&mut self, teller: EntityKey, before: &[Statement], after: &[Statement], revisions: &mut Revisions) {
        let find =
            |all: &[Statement], of: &Statement| all.binary_search_by(|other| other.place().cmp(&of.place())).ok();
        for gone in before.iter().filter(|of| find(after, of).is_none()) {
            match gone.subject {
                Subject::Lead => {
                    revisions.keep(&gone.stage);
                    let lead_id = gone.lead_id.as_deref().unwrap_or_default();
                    self.said.push(Said { state: State::Retracted, line: retracted(&gone.stage, lead_id) });
                }
                Subject::Deal(deal) => self.tell_deal(deal, teller, gone, false),
            }
        }
        for statement in after {
            let known = find(before, statement).map(|place| &before[place]);
            if known.is_some_and(|known| known == statement || self.reads_the_same(known, statement)) {
                continue;
            }
            match statement.subject {
                Subject::Deal(deal) => self.tell_deal(deal, teller, statement, true),
                Subject::Lead => {
                    let revision = revisions.next(&statement.stage, known.is_none());
                    let cause = self.cause_of(known, statement);
                    let lead_id = statement.lead_id.as_deref().unwrap_or_default().to_owned();
                    self.state(statement, &lead_id, revision, cause);
                }
            }
        }
    }

    /// Whether what is written of two statements is the same: not every touch has credit, nor does every moment count.
    fn reads_the_same(&self, a: &Statement, b: &Statement) -> bool {
        let rest = |of: &Statement| Statement { touches: Vec::new(), entered: Entered::default(), ..of.clone() };
        if rest(a) != rest(b) {
            return false;
        }
        let journeys = [a, b].map(|of| Journey::new(of.touches.clone(), self));
        let mut models = (0..self.rules.models.len()).filter(|model| self.rules.models[*model].enabled);
        models.all(|model| {
            let credits = [a, b].map(|of| of.entered);
            let credits = [0, 1].map(|n| journeys[n].credits(model, &credits[n], self));
            let [ours, theirs] = [0, 1].map(|n| {
                let credited = journeys[n].touches.iter().zip(&credits[n]);
                credited.filter(|(_, credit)| **credit != 0).collect::<Vec<_>>()
            });
            let same = |((a, credit), (b, other)): (&(&JourneyTouch, &i64), &(&JourneyTouch, &i64))| {
                (credit, a.at, a.origin) == (other, b.at, b.origin) && self.ids.compare(a.id, b.id).is_eq()
            };
            ours.len() == theirs.len() && ours.iter().zip(&theirs).all(same)
        })
    }

    fn cause_of(&self, known: Option<&Statement>, now: &Statement) -> Cause {
        let only_final = known.is_some_and(|known| *now == Statement { is_final: true, ..known.clone() });
        if only_final { Cause::Final } else { self.cause }
    }

    fn tell_deal(&mut self, deal: EntityKey, teller: EntityKey, statement: &Statement, added: bool) {
        let stated = Stated {
            teller,
            stage: statement.stage.to_string(),
            cause: self.cause,
            of: added.then(|| self.spell_statement(statement)),
        };
        self.news.push(News { added, ..News::always(Recipient::Deal(deal), Known::Stated(stated)) });
    }

    /// Empty where the touch is that of a lead that was forgotten.
    pub fn event_id(&self, touch: &JourneyTouch) -> String {
        if touch.id == PackedId::UNSET { String::new() } else { self.ids.text(touch.id) }
    }

    fn spell_statement(&self, statement: &Statement) -> StatedConversion {
        let touch = |touch: &JourneyTouch| StatedTouch {
            at: touch.at,
            event_id: self.event_id(touch),
            origin: self.symbols.spell_origin(touch.origin),
        };
        StatedConversion {
            at: statement.at,
            value: statement.value,
            lead_id: statement.lead_id.as_deref().map(ToOwned::to_owned),
            account: statement.account.as_deref().map(ToOwned::to_owned),
            entered: statement.entered,
            touches: statement.touches.iter().map(touch).collect(),
            is_outside: statement.is_outside,
            closes: statement.closes,
        }
    }

    /// Writes a statement down.
    fn state(&mut self, statement: &Statement, subject: &str, revision: u32, cause: Cause) {
        let journey = Journey::new(statement.touches.clone(), self);
        let models = self.rules.models.iter().zip(0..).filter(|(model, _)| model.enabled);
        let credited = |model: usize| {
            let credits = journey.credits(model, &statement.entered, self);
            let touch = |(touch, credit): (&JourneyTouch, i64)| {
                let [channel, campaign, content, term] = self.symbols.spell_origin(touch.origin);
                let event_id = Some(self.event_id(touch)).filter(|id| !id.is_empty());
                Credited { event_id, channel, campaign, content, term, at: Some(touch.at), credit }
            };
            journey.touches.iter().zip(credits).filter(|(_, credit)| *credit != 0).map(touch).collect()
        };
        let nobody = || Credited {
            event_id: None,
            channel: UNATTRIBUTED.to_owned(),
            campaign: NONE.to_owned(),
            content: NONE.to_owned(),
            term: NONE.to_owned(),
            at: None,
            credit: Credit::WHOLE,
        };
        let shared = |model: usize| if journey.touches.is_empty() { vec![nobody()] } else { credited(model) };
        let models = models.map(|(model, n)| (model.name.clone(), shared(n))).collect();
        let line = Line::Attribution(Box::new(Attribution {
            key: key(&statement.stage, subject),
            stage: statement.stage.to_string(),
            subject: subject.to_owned(),
            is_deal: statement.subject != Subject::Lead,
            lead_id: statement.lead_id.as_deref().map(ToOwned::to_owned),
            account_id: statement.account.as_deref().map(ToOwned::to_owned),
            at: statement.at,
            value: statement.value,
            currency: statement.value.map(|_| self.rules.config.money.currency.clone()),
            models,
            unattributed: statement.unattributed(),
            revision,
            reason: if revision == 1 { "new" } else { cause.name() },
            is_final: statement.is_final,
        }));
        let state = if revision == 1 { State::New } else { State::Restated };
        self.said.push(Said { state, line });
    }
}

fn key(stage: &str, subject: &str) -> String {
    format!("{stage}:{subject}")
}

fn retracted(stage: &str, subject: &str) -> Line {
    Line::Retracted(key(stage, subject))
}

/// What a deal is told of its conversions, and has written of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Statements {
    /// By teller: of a stage the last one holds.
    told: Vec<(EntityKey, Statement)>,
    revisions: Revisions,
}

impl Statements {
    #[must_use]
    pub const fn new() -> Self {
        Self { told: Vec::new(), revisions: Revisions(Vec::new()) }
    }

    /// Takes what is told of the deal that records call `id`.
    pub fn hear(&mut self, id: &str, deal: EntityKey, told: &Stated, clock: Millis, fold: &mut Fold) {
        let is_it = |(teller, known): &(EntityKey, Statement)| *teller == told.teller && *known.stage == *told.stage;
        let place = self.told.iter().position(is_it);
        let before = self.current(&told.stage).cloned();
        let gone = place.map(|place| self.told.remove(place));
        if let Some(of) = &told.of {
            let statement = Statement::heard(deal, &told.stage, of, clock, fold);
            self.told.push((told.teller, statement));
        }
        self.write(id, &told.stage, before.as_ref(), told.cause, fold);
        if let Some((_, gone)) = gone {
            gone.touches.iter().for_each(|touch| fold.ids.release(touch.id));
        }
    }

    /// The statement that holds of a stage.
    #[must_use]
    pub fn current(&self, stage: &str) -> Option<&Statement> {
        self.told.iter().rfind(|(_, known)| *known.stage == *stage).map(|(_, statement)| statement)
    }

    fn write(&mut self, id: &str, stage: &str, before: Option<&Statement>, cause: Cause, fold: &mut Fold) {
        let now = self.current(stage).cloned();
        match (before, now) {
            (before, Some(now)) if before.is_none_or(|before| !fold.reads_the_same(before, &now)) => {
                let revision = self.revisions.next(stage, before.is_none());
                fold.state(&now, id, revision, cause);
            }
            (Some(_), None) => {
                self.revisions.keep(stage);
                fold.said.push(Said { state: State::Retracted, line: retracted(stage, id) });
            }
            _ => {}
        }
    }

    /// When the first of those that may still change is final.
    pub fn next(&self) -> Option<Millis> {
        let open = self.told.iter().filter(|(_, statement)| !statement.is_final);
        open.map(|(_, statement)| Millis(statement.closes.0 + 1)).min()
    }

    /// The watermark has come so far.
    pub fn close(&mut self, id: &str, clock: Millis, fold: &mut Fold) {
        let due = |statement: &Statement| !statement.is_final && statement.closes < clock;
        let mut stages: Vec<Box<str>> =
            self.told.iter().filter(|(_, of)| due(of)).map(|(_, of)| of.stage.clone()).collect();
        stages.dedup();
        for stage in stages {
            let before = self.current(&stage).cloned();
            for (_, statement) in self.told.iter_mut().filter(|(_, of)| of.stage == stage && due(of)) {
                statement.is_final = true;
            }
            self.write(id, &stage, before.as_ref(), Cause::Final, fold);
        }
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        let touches: usize = self.told.iter().map(|(_, of)| size_of_val(&*of.touches)).sum();
        touches + self.told.capacity() * size_of::<(EntityKey, Statement)>()
    }
}

impl Statement {
    fn heard(deal: EntityKey, stage: &str, of: &StatedConversion, clock: Millis, fold: &mut Fold) -> Self {
        let touch = |StatedTouch { at, event_id, origin }: &StatedTouch| {
            let id = fold.ids.pack(&event_id.as_str().into());
            JourneyTouch { at: *at, id, origin: fold.symbols.read_origin(origin) }
        };
        Self {
            subject: Subject::Deal(deal),
            stage: stage.into(),
            at: of.at,
            value: of.value,
            lead_id: of.lead_id.as_deref().map(Into::into),
            account: of.account.as_deref().map(Into::into),
            entered: of.entered,
            touches: of.touches.iter().map(touch).collect(),
            is_outside: of.is_outside,
            closes: of.closes,
            is_final: of.closes < clock,
        }
    }
}
