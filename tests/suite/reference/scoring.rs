//! Points, grades, predicates, rejections and segments of a lead as of a moment.

use std::collections::BTreeMap;

use tributary::config::{Engagement, Field, Predicate, Test};
use tributary::model::event::Fill;
use tributary::model::kinds::FormKind;
use tributary::model::stage::Stage;
use tributary::model::time::Millis;

use super::world::{World, fill_order};

/// Whom a predicate is asked about, with what only the caller knows.
pub struct Subject<'s> {
    pub lead: &'s str,
    pub at: Millis,
    /// Answers to look at in place of the lead's own.
    pub answers: Option<BTreeMap<&'s str, &'s str>>,
    pub highest: Option<Stage>,
    pub grade: Option<String>,
    pub segments: Vec<String>,
}

impl<'s> Subject<'s> {
    pub fn new(lead: &'s str, at: Millis) -> Self {
        Self { lead, at, answers: None, highest: None, grade: None, segments: vec![] }
    }
}

impl<'a> World<'a> {
    /// Fit and engagement of what is known at the moment.
    pub fn score(&self, lead: &str, at: Millis) -> i64 {
        let mut points: BTreeMap<Engagement, i64> = BTreeMap::new();
        let touched = self.touches_of(lead, at).into_iter().map(|i| Engagement::Touch(self.touches[i].kind));
        let filled = self.fills_of(lead, at).into_iter().map(|e| Engagement::Form(e.form_kind));
        for engagement in touched.chain(filled) {
            *points.entry(engagement).or_default() += self.config.scoring.engagement.get(&engagement).unwrap_or(&0);
        }
        let capped = |(kind, points): (&Engagement, &i64)| match self.config.scoring.caps.get(kind) {
            Some(cap) => *points.min(cap),
            None => *points,
        };
        let subject = Subject::new(lead, at);
        let fit = self.config.scoring.fit.iter().filter(|rule| self.holds(&rule.predicate, &subject));
        points.iter().map(capped).sum::<i64>() + fit.map(|rule| rule.points).sum::<i64>()
    }

    /// The time of the lead's first own event with a score at the threshold.
    pub fn scored_at(&self, lead: &str) -> Option<Millis> {
        if !self.config.scoring.has_points() {
            return None;
        }
        self.times_of(lead).into_iter().find(|at| self.score(lead, *at) >= self.config.scoring.threshold)
    }

    /// The score at the lead's latest own event; 0 without rules.
    pub fn latest_score(&self, lead: &str, at: Millis) -> i64 {
        let latest = self.times_of(lead).into_iter().rfind(|when| *when <= at);
        latest.filter(|_| self.config.scoring.has_points()).map_or(0, |latest| self.score(lead, latest))
    }

    /// The grade of the score at the lead's latest own event.
    pub fn grade(&self, lead: &str, at: Millis) -> Option<String> {
        let score = self.latest_score(lead, at);
        self.config.scoring.grades.iter().find(|(_, least)| score >= *least).map(|(grade, _)| grade.clone())
    }

    /// The lead's fills up to the moment, in order.
    pub fn fills_of(&self, lead: &str, at: Millis) -> Vec<&'a Fill<'a>> {
        self.fills_by(lead).filter(|e| e.occurred_at <= at).collect()
    }

    pub fn first_fill(&self, lead: &str) -> Option<&'a Fill<'a>> {
        let fills = self.fills_of(lead, Millis::MAX);
        fills.into_iter().filter(|e| e.form_kind != FormKind::Survey).min_by_key(|e| fill_order(e))
    }

    /// When and by which rule the lead is rejected, if it is.
    pub fn rejection(&self, lead: &str) -> Option<(Millis, String)> {
        let fill = self.first_fill(lead)?;
        let answers = fill.answers.iter().map(|(question, answer)| (&**question, &**answer)).collect();
        let subject = Subject { answers: Some(answers), ..Subject::new(lead, fill.occurred_at) };
        let rule = self.config.scoring.reject.iter().find(|rule| self.holds(&rule.predicate, &subject))?;
        Some((fill.occurred_at, rule.reason.clone()))
    }

    /// The latest answer to each question.
    fn answers(&self, lead: &str, at: Millis) -> BTreeMap<&'a str, &'a str> {
        let fills = self.fills_of(lead, at).into_iter();
        fills.flat_map(|e| e.answers.iter().map(|(question, answer)| (&**question, &**answer))).collect()
    }

    /// The segments that the lead is in, given its highest stage at the moment.
    pub fn segments(&self, lead: &str, at: Millis, highest: Option<Stage>) -> Vec<String> {
        let mut subject = Subject { highest, grade: self.grade(lead, at), ..Subject::new(lead, at) };
        for segment in &self.config.segments {
            if segment.when.iter().all(|predicate| self.holds(predicate, &subject)) {
                subject.segments.push(segment.segment.clone());
            }
        }
        subject.segments
    }

    pub fn holds(&self, predicate: &Predicate, subject: &Subject) -> bool {
        self.values(&predicate.field, subject).iter().any(|value| passes(&predicate.test, value))
    }

    fn values(&self, field: &Field, subject: &Subject) -> Vec<String> {
        let one = |value: Option<String>| value.into_iter().collect();
        match field {
            Field::LeadId => vec![subject.lead.to_owned()],
            Field::Grade => one(subject.grade.clone()),
            Field::Stage => one(subject.highest.map(|stage| stage.name().to_owned())),
            Field::Segment => subject.segments.clone(),
            Field::Answer(question) => {
                let answers = subject.answers.clone().unwrap_or_else(|| self.answers(subject.lead, subject.at));
                one(answers.iter().find(|(name, _)| name.eq_ignore_ascii_case(question)).map(|(_, v)| (*v).to_owned()))
            }
            Field::Account(name) => one(self.account_field(name, subject)),
        }
    }

    fn account_field(&self, name: &str, subject: &Subject) -> Option<String> {
        let id = self.account_of(subject.lead, subject.at)?;
        let record = self.record_of(id, subject.at)?;
        let text = |value: &Option<tributary::model::event::Text>| value.as_ref().map(ToString::to_string);
        match name {
            "account_id" => Some(id.to_owned()),
            "name" => text(&record.name),
            "is_target" => Some(record.is_target.to_string()),
            "is_customer" => Some(record.is_customer.to_string()),
            "buying_unit_size" => record.buying_unit_size.map(|size| size.to_string()),
            "industry" => text(&record.industry),
            "company_size" => text(&record.company_size),
            "tier" => text(&record.tier),
            _ => None,
        }
    }
}

fn passes(test: &Test, value: &str) -> bool {
    let value = value.trim();
    match test {
        Test::Equals(wanted) => value.to_lowercase() == *wanted,
        Test::In(wanted) => wanted.contains(&value.to_lowercase()),
        Test::Matches(regex) => regex.is_match(value),
        Test::Range { min, max } => value
            .parse::<f64>()
            .is_ok_and(|number| min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)),
    }
}
