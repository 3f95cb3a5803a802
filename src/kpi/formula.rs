//! Formulas: text such as `spend / (demos + meetings)` in, a tree out, and its value from the values of its names.
//! The catalogue's own KPIs and those of the configuration are written in the same language.
//!
//! formula := term (('+' | '-') term)*    term := factor (('*' | '/') factor)*
//! factor := number | name | `total(` name `)` | `beside(` name `)` | `baseline(` name `)` | `this_quarter(` name `)` | `last_year(` name `)` | `at_stage(` name `)`
//!   | function `(` formula (',' formula)* `)` | '(' formula ')' | '-' factor

use super::number::Number;

/// Deeper formulas are refused, so that none can exhaust the stack.
const MAX_DEPTH: usize = 32;

#[derive(Clone, Debug, PartialEq)]
pub enum Expr<T> {
    Constant(f64),
    Term(T),
    Negative(Box<Self>),
    Binary(Operation, Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `p_value(converted, subjects, converted of the other, its subjects)`: two-sided, of both being the same.
    PValue,
    /// `chance(won, entered, configured)`: the measured share, or the configured one while too few have entered.
    Chance,
}

impl Function {
    const fn arguments(self) -> usize {
        match self {
            Self::PValue => 4,
            Self::Chance => 3,
        }
    }
}

/// Fewer deals than these say little of a chance.
const ENOUGH_DEALS: f64 = 20.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Plus,
    Minus,
    Times,
    Over,
}

/// A measure or KPI by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub name: String,
    pub scope: Scope,
}

/// Which facts a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Those with the row's dimensions.
    Row,
    /// All, whatever their dimensions.
    Total,
    /// Those of the configured baseline: the channel to compare with, the control of an experiment.
    Baseline,
    /// Those with the row's dimensions, which make no row by themselves.
    Beside,
    /// Those of the quarter that runs.
    Quarter,
    /// Those of the last 365 days.
    Year,
    /// Those of the row's stage, whatever its other dimensions.
    Stage,
}

impl Scope {
    /// Whether it leaves the row's dimensions out.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Total | Self::Quarter | Self::Year)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormulaError {
    #[error("unexpected `{found}` at column {column}")]
    Unexpected { found: char, column: usize },
    #[error("the formula ends too early")]
    Short,
    #[error("`{0}` is no number")]
    Number(String),
    #[error("the formula is nested more than {MAX_DEPTH} deep")]
    Deep,
    #[error("there is no KPI or measure named `{0}`")]
    Unknown(String),
    #[error("`{name}` cannot be had by {by}")]
    NotBy { name: String, by: String },
    #[error("`{0}` is made of whole journeys: a formula cannot use it")]
    OfJourneys(String),
    #[error("`{0}` is built in")]
    Taken(String),
    #[error("`{0}` is defined by itself")]
    Circular(String),
    #[error("there is no dimension named `{0}`")]
    Dimension(String),
}

pub fn parse(text: &str) -> Result<Expr<Name>, FormulaError> {
    let mut parser = Parser { rest: text, text, depth: 0 };
    let expr = parser.sum()?;
    parser.skip_space();
    match parser.rest.chars().next() {
        None => Ok(expr),
        Some(found) => Err(parser.unexpected(found)),
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Expr<Name>, FormulaError> {
        let mut left = self.product()?;
        while let Some(operation) =
            self.operation(&[('+', Operation::Plus), ('-', Operation::Minus), ('−', Operation::Minus)])
        {
            left = Expr::Binary(operation, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr<Name>, FormulaError> {
        let mut left = self.factor()?;
        while let Some(operation) = self.operation(&[
            ('*', Operation::Times),
            ('×', Operation::Times),
            ('/', Operation::Over),
            ('÷', Operation::Over),
        ]) {
            left = Expr::Binary(operation, Box::new(left), Box::new(self.factor()?));
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Expr<Name>, FormulaError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FormulaError::Deep);
        }
        let found = self.peek().ok_or(FormulaError::Short)?;
        let factor = match found {
            '(' => {
                self.take(1);
                let inner = self.sum()?;
                self.expect(')')?;
                inner
            }
            '-' | '−' => {
                self.take(found.len_utf8());
                Expr::Negative(Box::new(self.factor()?))
            }
            '0'..='9' | '.' => self.number()?,
            'a'..='z' | 'A'..='Z' | '_' => self.name()?,
            _ => return Err(self.unexpected(found)),
        };
        self.depth -= 1;
        Ok(factor)
    }

    fn number(&mut self) -> Result<Expr<Name>, FormulaError> {
        let digits = self.while_in(|c| c.is_ascii_digit() || c == '.');
        let value: f64 = digits.parse().map_err(|_| FormulaError::Number(digits.clone()))?;
        Ok(Expr::Constant(value))
    }

    fn name(&mut self) -> Result<Expr<Name>, FormulaError> {
        let name = self.while_in(|c| c.is_ascii_alphanumeric() || c == '_');
        let scope = match name.as_str() {
            _ if self.peek() != Some('(') => return Ok(Expr::Term(Name { name, scope: Scope::Row })),
            "p_value" => return self.call(Function::PValue),
            "chance" => return self.call(Function::Chance),
            "total" => Scope::Total,
            "baseline" => Scope::Baseline,
            "beside" => Scope::Beside,
            "this_quarter" => Scope::Quarter,
            "last_year" => Scope::Year,
            "at_stage" => Scope::Stage,
            _ => return Err(FormulaError::Unknown(name)),
        };
        self.take(1);
        self.skip_space();
        let name = self.while_in(|c| c.is_ascii_alphanumeric() || c == '_');
        self.expect(')')?;
        Ok(Expr::Term(Name { name, scope }))
    }

    fn call(&mut self, function: Function) -> Result<Expr<Name>, FormulaError> {
        self.expect('(')?;
        let mut arguments = vec![self.sum()?];
        while arguments.len() < function.arguments() {
            self.expect(',')?;
            arguments.push(self.sum()?);
        }
        self.expect(')')?;
        Ok(Expr::Call(function, arguments))
    }

    fn operation(&mut self, known: &[(char, Operation)]) -> Option<Operation> {
        let found = self.peek()?;
        let (_, operation) = known.iter().find(|(sign, _)| *sign == found)?;
        self.take(found.len_utf8());
        Some(*operation)
    }

    fn expect(&mut self, wanted: char) -> Result<(), FormulaError> {
        match self.peek() {
            Some(found) if found == wanted => {
                self.take(found.len_utf8());
                Ok(())
            }
            Some(found) => Err(self.unexpected(found)),
            None => Err(FormulaError::Short),
        }
    }

    fn while_in(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let taken = self.rest[..end].to_owned();
        self.take(end);
        taken
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest.chars().next()
    }

    fn take(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self, found: char) -> FormulaError {
        let before = &self.text[..self.text.len() - self.rest.len()];
        FormulaError::Unexpected { found, column: before.chars().count() + 1 }
    }
}

impl<T> Expr<T> {
    /// The same tree over other terms; a term may become a tree.
    pub fn expand<U, E>(self, with: &mut impl FnMut(T) -> Result<Expr<U>, E>) -> Result<Expr<U>, E> {
        Ok(match self {
            Self::Constant(value) => Expr::Constant(value),
            Self::Term(term) => with(term)?,
            Self::Negative(inner) => Expr::Negative(Box::new(inner.expand(with)?)),
            Self::Call(function, arguments) => {
                let arguments: Result<Vec<_>, E> = arguments.into_iter().map(|of| of.expand(with)).collect();
                Expr::Call(function, arguments?)
            }
            Self::Binary(operation, left, right) => {
                Expr::Binary(operation, Box::new(left.expand(with)?), Box::new(right.expand(with)?))
            }
        })
    }

    /// Whether it is so of any of its terms.
    pub fn any(&self, is_so: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::Term(term) => is_so(term),
            Self::Negative(inner) => inner.any(is_so),
            Self::Binary(_, left, right) => left.any(is_so) || right.any(is_so),
            Self::Call(_, arguments) => arguments.iter().any(|of| of.any(is_so)),
        }
    }

    /// None when it divides by zero.
    pub fn value(&self, of: &impl Fn(&T) -> Number) -> Option<Number> {
        match self {
            Self::Constant(value) => Number::real(*value),
            Self::Term(term) => Some(of(term)),
            Self::Negative(inner) => inner.value(of).map(Number::negative),
            Self::Call(function, arguments) => {
                let values: Option<Vec<f64>> =
                    arguments.iter().map(|of_it| of_it.value(of).map(Number::to_f64)).collect();
                function.value(&values?).and_then(Number::real)
            }
            Self::Binary(operation, left, right) => {
                let (left, right) = (left.value(of)?, right.value(of)?);
                match operation {
                    Operation::Plus => left.plus(right),
                    Operation::Minus => left.plus(right.negative()),
                    Operation::Times => left.times(right),
                    Operation::Over => left.over(right),
                }
            }
        }
    }

    /// What a row shows as numerator and denominator: those of the outermost quotient, and the constant that
    /// multiplies it. Without a quotient, the whole over nothing.
    #[must_use]
    pub fn split(self) -> Split<T> {
        match self {
            Self::Binary(Operation::Over, numerator, denominator) => {
                Split { numerator: *numerator, denominator: Some(*denominator), factor: 1.0 }
            }
            Self::Binary(Operation::Times, left, right) => match (*left, *right) {
                (quotient @ Self::Binary(..), Self::Constant(factor))
                | (Self::Constant(factor), quotient @ Self::Binary(..)) => {
                    let split = quotient.split();
                    Split { factor: split.factor * factor, ..split }
                }
                (left, right) => {
                    let whole = Self::Binary(Operation::Times, Box::new(left), Box::new(right));
                    Split { numerator: whole, denominator: None, factor: 1.0 }
                }
            },
            whole => Split { numerator: whole, denominator: None, factor: 1.0 },
        }
    }
}

impl Function {
    fn value(self, arguments: &[f64]) -> Option<f64> {
        match (self, arguments) {
            (Self::PValue, &[converted, subjects, other, others]) => p_value((converted, subjects), (other, others)),
            (Self::Chance, &[won, entered, configured]) => {
                Some(if entered < ENOUGH_DEALS { configured } else { won / entered })
            }
            _ => None,
        }
    }
}

/// The pooled two-proportion z-test, two-sided: how likely a difference at least as large is if both are the same. None
/// where one has no subjects, and where all or none of them converted.
fn p_value((converted, subjects): (f64, f64), (other_converted, other_subjects): (f64, f64)) -> Option<f64> {
    let pooled = (converted + other_converted) / (subjects + other_subjects);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / subjects + 1.0 / other_subjects)).sqrt();
    let z = (converted / subjects - other_converted / other_subjects) / deviation;
    z.is_finite().then(|| libm::erfc(z.abs() / std::f64::consts::SQRT_2))
}

impl<T> Split<T> {
    /// Of a formula whose rows show the value alone.
    #[must_use]
    pub const fn whole(formula: Expr<T>) -> Self {
        Self { numerator: formula, denominator: None, factor: 1.0 }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Split<T> {
    pub numerator: Expr<T>,
    pub denominator: Option<Expr<T>>,
    pub factor: f64,
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::kpi::measures::Scale;

    fn check(text: &str, expected: &Expect) {
        let shown = match parse(text) {
            Ok(expr) => expr
                .value(&|name| Number::of(i128::try_from(name.name.len()).unwrap_or(0), Scale::Count))
                .map_or_else(|| "no value".to_owned(), |n| n.to_string()),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    /// A name is worth its length.
    #[test]
    fn formulas_have_values() {
        check("aaaa / bb", &expect!["2"]);
        check("1 + 2 * 3 - 4", &expect!["3"]);
        check("8 / 2 / 2", &expect!["2"]);
        check("-(aaa − a) × 2.5", &expect!["-5"]);
        check("aa + b", &expect!["3"]);
        check("total(aa) ÷ a", &expect!["2"]);
        check("a / (bb - cc)", &expect!["no value"]);
        check("p_value(10 + 10, 100, 30, 100)", &expect!["0.1024704348597495"]);
        check("p_value(100, 100, 30, 30)", &expect!["no value"]);
        check("p_value(1, 2, 0, 0)", &expect!["no value"]);
    }

    #[test]
    fn errors_name_the_place() {
        check("", &expect!["the formula ends too early"]);
        check("spend / ", &expect!["the formula ends too early"]);
        check("spend // demos", &expect!["unexpected `/` at column 8"]);
        check("(a + b", &expect!["the formula ends too early"]);
        check("a b", &expect!["unexpected `b` at column 3"]);
        check("1.2.3", &expect!["`1.2.3` is no number"]);
        check(&"(".repeat(5000), &expect!["the formula is nested more than 32 deep"]);
    }

    #[test]
    fn the_outermost_quotient_is_split() {
        let split = parse("leads / sessions * 50").expect("a formula").split();
        assert_eq!(split.factor, 50.0);
        assert_eq!(split.denominator, Some(Expr::Term(Name { name: "sessions".to_owned(), scope: Scope::Row })));
        assert_eq!(parse("a + b").expect("a formula").split().denominator, None);
    }
}
