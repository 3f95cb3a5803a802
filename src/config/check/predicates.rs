//! Predicates: a field of a lead and exactly one test of it. Which fields may be asked depends on who asks: what the
//! score is made of cannot depend on the score.

use super::Checker;
use crate::config::raw::{self, Scalar, Text};
use crate::config::{Field, Predicate, Scoring, Test, nearest};
use crate::model::stage::Stage;

/// The fields of an account's record.
const ACCOUNT_FIELDS: [&str; 8] =
    ["account_id", "name", "is_target", "is_customer", "buying_unit_size", "industry", "company_size", "tier"];

/// What may be asked, and what the names in it may be.
#[derive(Clone, Copy)]
pub enum Scope<'a> {
    /// Answers, account fields and the id.
    Facts,
    /// Also grade and stage.
    Standing(&'a Scoring),
    /// Also segments, by their names.
    Everything(&'a Scoring, &'a [String]),
}

pub fn check_all(raw: &[raw::Predicate], scope: Scope<'_>, cx: &mut Checker<'_>) -> Vec<Predicate> {
    raw.iter().filter_map(|predicate| check(predicate, scope, cx)).collect()
}

/// None beside a problem.
pub fn check(raw: &raw::Predicate, scope: Scope<'_>, cx: &mut Checker<'_>) -> Option<Predicate> {
    let field = field(&raw.field, scope, cx);
    let test = test(raw, cx);
    let (field, test) = (field?, test?);
    check_values(raw, &field, scope, cx);
    Some(Predicate { field, test })
}

fn field(name: &Text, scope: Scope<'_>, cx: &mut Checker<'_>) -> Option<Field> {
    let text = cx.name(name, "field");
    if let Some(field) = text.strip_prefix("account.") {
        if !ACCOUNT_FIELDS.contains(&field) {
            let help = nearest::hint(field, ACCOUNT_FIELDS);
            cx.fault(name, format!("an account has no field `{field}`"), "not known", help);
            return None;
        }
        return Some(Field::Account(field.to_owned()));
    }
    let (field, allowed) = match text.as_str() {
        "lead_id" => (Field::LeadId, true),
        "grade" => (Field::Grade, !matches!(scope, Scope::Facts)),
        "stage" => (Field::Stage, !matches!(scope, Scope::Facts)),
        "segment" => (Field::Segment, matches!(scope, Scope::Everything(..))),
        _ => return Some(Field::Answer(text)),
    };
    if !allowed {
        let message = format!("`{text}` cannot be asked here: it depends on the answer");
        cx.fault(name, message, "goes in a circle", "a form answer, `account.<field>` or `lead_id`");
        return None;
    }
    Some(field)
}

fn test(raw: &raw::Predicate, cx: &mut Checker<'_>) -> Option<Test> {
    let mut tests = Vec::new();
    if let Some(value) = &raw.equals {
        tests.push(Some(Test::Equals(spelled(value))));
    }
    if let Some(values) = &raw.r#in {
        if values.is_empty() {
            cx.fault(values, "`in` of nothing never holds", "empty", "name what it may be");
        }
        tests.push(Some(Test::In(values.iter().map(spelled).collect())));
    }
    if let Some(pattern) = &raw.regex {
        tests.push(cx.regex(pattern.span.as_ref(), pattern).map(Test::Matches));
    }
    if raw.min.is_some() || raw.max.is_some() {
        tests.push(Some(range(raw, cx)));
    }
    if tests.len() == 1 {
        return tests.pop().flatten();
    }
    let places = ["routes.when", "segments.when", "scoring.fit", "scoring.reject"];
    if tests.is_empty() && places.iter().any(|place| cx.has_removed_in(place)) {
        return None;
    }
    let (message, label) = match tests.len() {
        0 => ("a predicate needs a test", "without a test"),
        _ => ("a predicate has one test", "with several tests"),
    };
    cx.fault(&raw.field, message, label, "one of `equals`, `in`, `regex`, or `min` and `max`");
    None
}

fn range(raw: &raw::Predicate, cx: &mut Checker<'_>) -> Test {
    let min = raw.min.as_ref().map(|min| cx.finite(min, "min"));
    let max = raw.max.as_ref().map(|max| cx.finite(max, "max"));
    if let (Some(least), Some(most), Some(at)) = (min, max, &raw.min)
        && least > most
    {
        cx.fault(at, "`min` is greater than `max`", "never holds", "both are within the range");
    }
    Test::Range { min, max }
}

fn spelled(value: &Scalar) -> String {
    value.spelled().trim().to_lowercase()
}

/// Stages, grades and segments are known: a name that is none of them never matches.
fn check_values(raw: &raw::Predicate, field: &Field, scope: Scope<'_>, cx: &mut Checker<'_>) {
    let (what, known): (_, Vec<String>) = match (field, scope) {
        (Field::Stage, _) => ("stage", Stage::ALL.map(|stage| stage.name().to_owned()).to_vec()),
        (Field::Grade, Scope::Standing(scoring) | Scope::Everything(scoring, _)) => {
            ("grade", scoring.grades.iter().map(|(grade, _)| grade.clone()).collect())
        }
        (Field::Segment, Scope::Everything(_, segments)) => ("segment", segments.to_vec()),
        _ => return,
    };
    let (values, at) = match (&raw.equals, &raw.r#in) {
        (Some(value), _) => (vec![value.spelled()], value.span.as_ref()),
        (None, Some(values)) => (values.iter().map(Scalar::spelled).collect(), values.span.as_ref()),
        (None, None) => return,
    };
    let unknown = |value: &&String| !known.iter().any(|name| name.to_lowercase() == value.trim().to_lowercase());
    for value in values.iter().filter(unknown) {
        let help = nearest::hint(value, known.iter().map(String::as_str));
        cx.fault_at(at, format!("unknown {what} `{value}`"), "never holds", help);
    }
}
