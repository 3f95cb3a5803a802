//! What the configuration asks of leads, compiled once: points, rejections, grades, segments and routes. Only answers to
//! questions that some rule asks are kept.

use std::collections::BTreeSet;

use crate::config::{Config, Engagement, Field, Predicate, Test};
use crate::model::kinds::{FormKind, TouchKind};
use crate::model::stage::Stage;
use crate::shards::records::Record;

/// The number of a question that some rule asks.
pub type Question = u16;

#[derive(Debug)]
pub struct Criteria {
    /// Lower-cased.
    questions: Vec<String>,
    /// Whether leads have points at all.
    pub has_points: bool,
    points: Vec<i64>,
    caps: Vec<Option<i64>>,
    pub fit: Vec<(Criterion, i64)>,
    pub threshold: i64,
    pub activation_threshold: i64,
    /// Grade and its least score, the highest first.
    pub grades: Vec<(String, i64)>,
    pub reject: Vec<(String, Criterion)>,
    pub segments: Vec<(String, Vec<Criterion>)>,
    pub routes: Vec<(String, Vec<Criterion>)>,
    /// The fields of account records that some rule looks at, whether one does at all, and at ids of leads.
    asked_of_accounts: BTreeSet<String>,
    pub asks_accounts: bool,
    pub asks_ids: bool,
    /// Whether fit depends on account records: then a score may change between two touches without points.
    fit_asks_accounts: bool,
}

#[derive(Debug)]
pub struct Criterion {
    asked: Asked,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Answer(Question),
    Account(String),
    LeadId,
    Grade,
    Stage,
    Segment,
}

/// What is known of a lead when rules ask.
pub struct Known<'a> {
    pub lead_id: &'a str,
    /// By question.
    pub answers: &'a [Option<&'a str>],
    pub account: Option<(&'a str, &'a Record)>,
    pub grade: Option<&'a str>,
    pub highest: Option<Stage>,
    pub segments: &'a [&'a str],
}

/// The place of a kind of touch or form among the points.
const fn place(engagement: Engagement) -> usize {
    match engagement {
        Engagement::Touch(kind) => kind as usize,
        Engagement::Form(kind) => TouchKind::ALL.len() + kind as usize,
    }
}

const PLACES: usize = TouchKind::ALL.len() + FormKind::ALL.len();

impl Criteria {
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let scoring = &config.scoring;
        let mut points = vec![0; PLACES];
        let mut caps = vec![None; PLACES];
        scoring.engagement.iter().for_each(|(kind, given)| points[place(*kind)] = *given);
        scoring.caps.iter().for_each(|(kind, cap)| caps[place(*kind)] = Some(*cap));
        let mut questions = Vec::new();
        let mut all = |when: &[Predicate]| -> Vec<Criterion> {
            when.iter().map(|predicate| Criterion::new(predicate, &mut questions)).collect()
        };
        let mut one = |predicate: &Predicate| all(std::slice::from_ref(predicate)).remove(0);
        let fit: Vec<_> = scoring.fit.iter().map(|rule| (one(&rule.predicate), rule.points)).collect();
        let reject: Vec<_> = scoring.reject.iter().map(|rule| (rule.reason.clone(), one(&rule.predicate))).collect();
        let segments: Vec<_> = config.segments.iter().map(|of| (of.segment.clone(), all(&of.when))).collect();
        let routes: Vec<_> = config.routes.iter().map(|of| (of.route.clone(), all(&of.when))).collect();
        let asked = || {
            let single = fit.iter().map(|(asked, _)| asked).chain(reject.iter().map(|(_, asked)| asked));
            let several = segments.iter().chain(&routes).flat_map(|(_, when)| when);
            single.chain(several).map(|criterion| &criterion.asked)
        };
        let of_account = |asked: &Asked| match asked {
            Asked::Account(field) => Some(field.clone()),
            _ => None,
        };
        let asked_of_accounts: BTreeSet<String> = asked().filter_map(of_account).collect();
        Self {
            has_points: scoring.has_points(),
            points,
            caps,
            threshold: scoring.threshold,
            activation_threshold: scoring.activation_threshold,
            grades: scoring.grades.clone(),
            asks_accounts: !asked_of_accounts.is_empty(),
            asks_ids: asked().any(|asked| *asked == Asked::LeadId),
            asked_of_accounts,
            fit_asks_accounts: fit.iter().any(|(criterion, _)| matches!(criterion.asked, Asked::Account(_))),
            fit,
            reject,
            segments,
            routes,
            questions,
        }
    }

    /// The answers that some rule asks for, given question and answer.
    pub fn answers<'a, Q: AsRef<str> + 'a>(
        &self,
        given: impl Iterator<Item = &'a (Q, Q)>,
    ) -> Box<[(Question, Box<str>)]> {
        let asked = given.filter_map(|(question, answer)| {
            let question = question.as_ref().to_lowercase();
            let known = self.questions.iter().position(|known| *known == question)?;
            Some((Question::try_from(known).ok()?, answer.as_ref().into()))
        });
        asked.collect()
    }

    /// Whether some rule asks for a field of account records.
    #[must_use]
    pub fn asks_of_accounts(&self, field: &str) -> bool {
        self.asked_of_accounts.contains(field)
    }

    /// How many questions rules ask.
    #[must_use]
    pub const fn questions(&self) -> usize {
        self.questions.len()
    }

    /// Whether a lead's score may be another at a touch of this kind.
    #[must_use]
    pub fn scores_at(&self, kind: TouchKind) -> bool {
        self.has_points && (self.fit_asks_accounts || self.points[kind as usize] != 0)
    }
}

/// Points of engagement, kind by kind, each up to its cap.
#[derive(Clone, Debug)]
pub struct Engaged<'a> {
    criteria: &'a Criteria,
    by_kind: [i64; PLACES],
}

impl<'a> Engaged<'a> {
    #[must_use]
    pub const fn new(criteria: &'a Criteria) -> Self {
        Self { criteria, by_kind: [0; PLACES] }
    }

    pub fn add(&mut self, engagement: Engagement) {
        let at = place(engagement);
        self.by_kind[at] += self.criteria.points[at];
    }

    #[must_use]
    pub fn points(&self) -> i64 {
        let capped = |(points, cap): (&i64, &Option<i64>)| cap.map_or(*points, |cap| cap.min(*points));
        self.by_kind.iter().zip(&self.criteria.caps).map(capped).sum()
    }
}

impl Criterion {
    fn new(predicate: &Predicate, questions: &mut Vec<String>) -> Self {
        let asked = match &predicate.field {
            Field::Answer(question) => {
                let question = question.to_lowercase();
                let known = questions.iter().position(|known| *known == question).unwrap_or_else(|| {
                    questions.push(question);
                    questions.len() - 1
                });
                Asked::Answer(Question::try_from(known).expect("a configuration asks fewer questions"))
            }
            Field::Account(field) => Asked::Account(field.clone()),
            Field::LeadId => Asked::LeadId,
            Field::Grade => Asked::Grade,
            Field::Stage => Asked::Stage,
            Field::Segment => Asked::Segment,
        };
        Self { asked, test: predicate.test.clone() }
    }

    #[must_use]
    pub fn holds(&self, known: &Known<'_>) -> bool {
        let passes = |value: &str| self.test.passes(value);
        match &self.asked {
            Asked::Answer(question) => known.answers[usize::from(*question)].is_some_and(passes),
            Asked::Account(field) => {
                known.account.and_then(|(id, record)| record.field(field, id)).is_some_and(|value| passes(&value))
            }
            Asked::LeadId => passes(known.lead_id),
            Asked::Grade => known.grade.is_some_and(passes),
            Asked::Stage => known.highest.is_some_and(|stage| passes(stage.name())),
            Asked::Segment => known.segments.iter().any(|segment| passes(segment)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_the_same_in_any_case() {
        let text = "[[segments]]\nsegment = \"big\"\nwhen = [{ field = \"Größe\", equals = \"L\" }]\n";
        let config = Config::parse(text, "test.toml", std::iter::empty()).expect("a configuration");
        let criteria = Criteria::new(&config);
        let given = [("GRÖSSE", "m"), ("GRÖßE", "l"), ("größe", "L")];
        let kept = criteria.answers(given.iter());
        assert_eq!(kept.iter().map(|(n, answer)| (*n, &**answer)).collect::<Vec<_>>(), [(0, "l"), (0, "L")]);
    }
}
