//! What is wrong with a configuration: every problem found, each with its place and a hint. Rendered for people by
//! miette, for machines by `position`, `message` and `help`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, NamedSource, Severity, SourceCode,
    SourceSpan, SpanContents,
};

use super::sources::Sources;

#[derive(Clone, Debug)]
pub struct Problem {
    message: String,
    help: Option<String>,
    place: Option<Place>,
    is_note: bool,
}

#[derive(Clone, Debug)]
struct Place {
    source: WholeLines,
    span: Range<usize>,
    label: Option<String>,
    /// Where it stands among all sources, to sort by.
    order: usize,
}

/// Shows the lines of a span, and no neighbours: those may hold secrets.
#[derive(Clone, Debug)]
struct WholeLines(NamedSource<Arc<str>>);

impl SourceCode for WholeLines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        if (lines_before, lines_after) == (0, 0) {
            return self.0.read_span(span, 0, 0);
        }
        let text = self.0.inner();
        let (start, end) = (span.offset(), span.offset() + span.len());
        let from = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let to = text.get(end..).and_then(|after| after.find('\n')).map_or(text.len(), |at| end + at);
        self.0.read_span(&(from..to).into(), 0, 0)
    }
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, place: None, is_note: false }
    }

    pub(super) fn at(mut self, sources: &Sources, span: &Range<usize>) -> Self {
        let (source, local) = sources.locate(span);
        self.place = Some(Place { source: WholeLines(source), span: local, label: None, order: span.start });
        self
    }

    /// Of what is valid.
    pub(super) fn note(mut self) -> Self {
        self.is_note = true;
        self
    }

    pub(super) fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(place) = &mut self.place {
            place.label = Some(text.into());
        }
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// File, line and column, counted from 1.
    #[must_use]
    pub fn position(&self) -> Option<(&str, usize, usize)> {
        let place = self.place.as_ref()?;
        let before = place.source.0.inner().get(..place.span.start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some((place.source.0.name(), before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(if self.is_note { Severity::Warning } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|text| Box::new(text) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| &place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let label = LabeledSpan::new_with_span(place.label.clone(), place.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

/// All the problems of one configuration, in the order of their places. As an error never none.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.place.as_ref().map(|place| place.order));
        Self(problems)
    }

    /// Those of several documents, one document after the other.
    #[must_use]
    pub fn of_all(documents: Vec<Self>) -> Self {
        Self(documents.into_iter().flat_map(|problems| problems.0).collect())
    }

    #[must_use]
    pub fn into_inner(self) -> Vec<Problem> {
        self.0
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// For a terminal; with escape codes when `colour`.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_context_lines(1);
        let mut out = String::new();
        for problem in &self.0 {
            // Writing to a String cannot fail; a formatter that does anyway leaves at least the message.
            if handler.render_report(&mut out, problem).is_err() {
                out.push_str(&problem.message);
            }
            out.push('\n');
        }
        out
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "1 problem found"),
            many => write!(f, "{many} problems found"),
        }
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.0.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
