//! From the screen to cells of a terminal, of any size: what does not fit goes, the least important first. Colour only
//! underlines what words and signs say as well.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Clear, Padding, Paragraph, RenderDirection, Sparkline, Widget, Wrap};

use super::answers::{Alert, Answers, Status};
use super::numbers::{bytes, moment, share, span, value, whole};
use super::screen::{Screen, Shown};
use super::tables::{channels, funnel};

const ABOUT_HEIGHT: u16 = 7;
const EVENTS_WIDTH: u16 = 26;
/// From here on the funnel stands beside the channels.
const WIDE: u16 = 72;
const FUNNEL_WIDTH: u16 = 32;
/// From here on the line of events stands beside the instance.
const ROOM_FOR_EVENTS: u16 = 70;
const MOST_ALERTS: usize = 3;
const HELP: [(&str, &str); 9] = [
    ("q, Esc, Ctrl-C", "quit"),
    ("p, Space", "pause, go on"),
    ("w, W", "next window, the one before"),
    ("k, K", "next KPI of the channels, the one before"),
    ("m, M", "next attribution model, the one before"),
    ("↓ ↑, j J", "scroll the channels"),
    ("PgDn PgUp", "by ten"),
    ("Home End", "to the first, to the last"),
    ("?, h", "this"),
];

#[derive(Clone, Copy)]
pub struct Palette {
    colour: bool,
}

impl Palette {
    pub const fn plain() -> Self {
        Self { colour: false }
    }

    pub const fn colourful() -> Self {
        Self { colour: true }
    }

    pub const fn of(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    pub const fn quiet(self) -> Style {
        self.of(Color::DarkGray)
    }

    pub const fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
}

/// The lines that all of it takes, for a frame that nobody scrolls.
pub fn whole_height(screen: &Screen) -> u16 {
    let Some(answers) = &screen.shown().answers else { return 3 };
    let alerts = if answers.alerts.is_empty() { 0 } else { answers.alerts.len() + 2 };
    let tables = answers.channels.len().max(answers.funnel.len()).max(1) + 3;
    let lines = 1 + notices(answers).len() + usize::from(ABOUT_HEIGHT) + alerts + tables;
    u16::try_from(lines).unwrap_or(u16::MAX)
}

pub fn draw(screen: &Screen, palette: Palette, buffer: &mut Buffer) {
    let area = buffer.area;
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(if screen.still { 0 } else { 1 }),
    ])
    .areas(area);
    let shown = screen.shown();
    draw_head(screen, palette, head, buffer);
    match &shown.answers {
        Some(answers) => draw_body(screen, shown, answers, palette, body, buffer),
        None => draw_waiting(screen, palette, body, buffer),
    }
    draw_foot(screen, palette, foot, buffer);
    if screen.help {
        draw_help(palette, area, buffer);
    }
}

fn draw_head(screen: &Screen, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let shown = screen.shown();
    let version = shown.answers.as_ref().map_or("", |answers| answers.status.version.as_str());
    let left = Line::from(vec![
        Span::styled(format!("tributary {version}").trim_end().to_owned(), Palette::strong()),
        Span::styled(format!("  {}", screen.address), palette.quiet()),
    ]);
    let (state, colour) = match (&shown.away, &shown.answers) {
        (Some((_, seconds)), _) => (format!("✗ no answer for {seconds} s"), Color::Red),
        (None, Some(answers)) if answers.status.trouble.is_some() => ("! trouble".to_owned(), Color::Red),
        (None, Some(answers)) if answers.status.ready => ("● ready".to_owned(), Color::Green),
        (None, Some(_)) => ("○ not ready".to_owned(), Color::Yellow),
        (None, None) => ("asking …".to_owned(), Color::Yellow),
    };
    let mut right = vec![Span::styled(state, palette.of(colour).add_modifier(Modifier::BOLD))];
    if screen.is_paused() {
        right.insert(0, Span::styled(" PAUSED ", Style::new().add_modifier(Modifier::REVERSED)));
        right.insert(1, Span::raw("  "));
    }
    let right = Line::from(right).right_aligned();
    let width = u16::try_from(right.width()).unwrap_or(u16::MAX);
    let [at_left, at_right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(width.saturating_add(1))]).areas(area);
    left.render(at_left, buffer);
    right.render(at_right, buffer);
}

fn draw_waiting(screen: &Screen, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let text = match &screen.shown().away {
        Some((reason, _)) => format!("No answer from {}: {reason}\n\nAsking again every second.", screen.address),
        None => format!("Asking {} …", screen.address),
    };
    let block = Block::bordered().border_style(palette.quiet()).padding(Padding::horizontal(1));
    Paragraph::new(text).wrap(Wrap { trim: true }).block(block).render(area, buffer);
}

/// What is wrong, in lines.
fn notices(answers: &Answers) -> Vec<String> {
    let Status { ready, not_ready, trouble, .. } = &answers.status;
    let waits = not_ready.iter().filter(|_| !ready).map(|reason| format!("not ready: {reason}"));
    waits.chain(trouble.iter().map(|reason| format!("trouble: {reason}"))).collect()
}

fn draw_body(screen: &Screen, shown: &Shown, answers: &Answers, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let mut said: Vec<Line> =
        notices(answers).into_iter().map(|text| Line::styled(text, palette.of(Color::Yellow))).collect();
    if let Some((reason, _)) = &shown.away {
        let text = format!("no answer: {reason}. Asking again every second; this is from before.");
        said.insert(0, Line::styled(text, palette.of(Color::Red)));
    }
    let firing = if screen.still { answers.alerts.len() } else { answers.alerts.len().min(MOST_ALERTS) };
    let about = if area.height >= ABOUT_HEIGHT + 4 { ABOUT_HEIGHT } else { 0 };
    let alerts_height = if firing == 0 || about == 0 { 0 } else { firing + 2 };
    let length = |lines: usize| Constraint::Length(u16::try_from(lines).unwrap_or(u16::MAX));
    let [notices, top, alerts, tables] =
        Layout::vertical([length(said.len()), Constraint::Length(about), length(alerts_height), Constraint::Min(4)])
            .areas(area);
    Text::from(said).render(notices, buffer);
    let events_width = if area.width >= ROOM_FOR_EVENTS { EVENTS_WIDTH } else { 0 };
    let [events, instance] = Layout::horizontal([Constraint::Length(events_width), Constraint::Min(0)]).areas(top);
    if events_width > 0 {
        draw_events(shown, screen.still, palette, events, buffer);
    }
    draw_instance(answers, shown.rate.filter(|_| events_width == 0), palette, instance, buffer);
    draw_alerts(answers, firing, palette, alerts, buffer);
    let beside = if area.width >= WIDE { FUNNEL_WIDTH } else { 0 };
    let [left, right] = Layout::horizontal([Constraint::Min(0), Constraint::Length(beside)]).areas(tables);
    channels(answers, screen.scroll, palette, left, buffer);
    if beside > 0 {
        funnel(answers, palette, right, buffer);
    }
}

pub(super) fn panel<'a>(title: impl Into<Line<'a>>, palette: Palette) -> Block<'a> {
    Block::bordered().border_style(palette.quiet()).title(title).title_style(Palette::strong())
}

fn draw_events(shown: &Shown, still: bool, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let block = panel(" Events ", palette);
    let inner = block.inner(area);
    block.render(area, buffer);
    let [number, line] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
    let rate = shown.rate.map_or_else(|| "–".to_owned(), |rate| whole(rate.round() as u64));
    Line::from(vec![Span::styled(rate, Palette::strong()), Span::raw(" a second")]).render(number, buffer);
    if still || line.height < 2 {
        return;
    }
    let newest = shown.rates.iter().rev().take(usize::from(line.width)).copied();
    let most = newest.clone().max().unwrap_or(0);
    let [spark, scale] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(line);
    Sparkline::default()
        .data(newest)
        .max(most.max(1))
        .direction(RenderDirection::RightToLeft)
        .style(palette.of(Color::Cyan))
        .render(spark, buffer);
    Line::styled(format!("highest {}", whole(most)), palette.quiet()).render(scale, buffer);
}

/// With the rate of events where that has no place of its own.
fn draw_instance(answers: &Answers, rate: Option<f64>, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let status = &answers.status;
    let intake = &status.intake;
    let part = |count: u64| match share(count as f64, intake.consumed as f64) {
        share if count == 0 || share.is_empty() => whole(count),
        share => format!("{} ({share})", whole(count)),
    };
    let label = |text: &'static str| Span::styled(format!("{text:<11}"), palette.quiet());
    let pair = |first: &'static str, left: String, second: &'static str, right: String| {
        Line::from(vec![label(first), Span::raw(format!("{left:<17}")), label(second), Span::raw(right)])
    };
    let lag = match intake.lag {
        Some(1) => "1 record".to_owned(),
        Some(lag) => format!("{} records", whole(lag.max(0).unsigned_abs())),
        None => "–".to_owned(),
    };
    let time = status.watermark.map_or_else(
        || "–".to_owned(),
        |at| format!("{}, {} behind", moment(at, &answers.catalogue.zone), span(status.now - at)),
    );
    let held = status.state.map_or_else(
        || "–".to_owned(),
        |held| {
            let (leads, touches) = (held.leads.max(0).unsigned_abs(), held.touches.max(0).unsigned_abs());
            format!("{} leads, {} touches, {}", whole(leads), whole(touches), bytes(held.bytes))
        },
    );
    let consumed = whole(intake.consumed);
    let came = rate.map_or_else(|| consumed.clone(), |rate| format!("{consumed} ({}/s)", whole(rate.round() as u64)));
    let rows = status.rows_published.map_or_else(|| "–".to_owned(), whole);
    let lines = vec![
        pair("in", came, "late", part(intake.late)),
        pair("duplicate", part(intake.duplicated), "rejected", part(intake.rejected)),
        pair("lag", lag, "rows out", rows),
        Line::from(vec![label("event time"), Span::raw(time)]),
        Line::from(vec![label("in memory"), Span::raw(held)]),
    ];
    Paragraph::new(lines).block(panel(" Instance ", palette)).render(area, buffer);
}

fn draw_alerts(answers: &Answers, firing: usize, palette: Palette, area: Rect, buffer: &mut Buffer) {
    if area.height < 3 {
        return;
    }
    let alerts = &answers.alerts;
    let now = answers.status.watermark.unwrap_or(answers.status.now);
    let line = |alert: &Alert| {
        let dims: String = alert.dims.iter().map(|(name, value)| format!("  {name}={value}")).collect();
        Line::from(vec![
            Span::styled(format!("{}  ", alert.rule), palette.of(Color::Red).add_modifier(Modifier::BOLD)),
            Span::raw(format!("{}: {}{dims}  ", alert.condition, found(alert))),
            Span::styled(format!("{}, for {}", alert.window, span(now - alert.since)), palette.quiet()),
        ])
    };
    let title = if firing < alerts.len() {
        format!(" Alerts firing: {}, the first {firing} ", alerts.len())
    } else {
        format!(" Alerts firing: {} ", alerts.len())
    };
    let lines: Vec<Line> = alerts.iter().take(firing).map(line).collect();
    Paragraph::new(lines).block(panel(title, palette)).render(area, buffer);
}

/// What an alert is about is a ratio more often than not, and its unit is not told.
fn found(alert: &Alert) -> String {
    match alert.value {
        Some(small) if alert.currency.is_none() && small.abs() < 10.0 && small.fract() != 0.0 => format!("{small:.3}"),
        number => value(number, if alert.currency.is_some() { "currency" } else { "count" }, alert.currency.as_deref()),
    }
}

fn draw_foot(screen: &Screen, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let choice = screen.shown().answers.as_ref().map(|answers| answers.choice.clone()).unwrap_or_default();
    let model = choice.model.unwrap_or_else(|| "–".to_owned());
    let keys = [
        ("q", "quit".to_owned()),
        ("p", if screen.is_paused() { "go on" } else { "pause" }.to_owned()),
        ("w", format!("window {}", choice.window)),
        ("k", format!("KPI {}", choice.kpi)),
        ("m", format!("model {model}")),
        ("↑↓", "scroll".to_owned()),
        ("?", "help".to_owned()),
    ];
    let spans = keys.into_iter().flat_map(|(key, does)| {
        [Span::styled(key, Palette::strong()), Span::styled(format!(" {}  ", does.trim_end()), palette.quiet())]
    });
    Line::from_iter(spans).render(area, buffer);
}

fn draw_help(palette: Palette, area: Rect, buffer: &mut Buffer) {
    let lines = HELP
        .map(|(keys, does)| Line::from(vec![Span::styled(format!("{keys:<16}"), Palette::strong()), Span::raw(does)]));
    let height = u16::try_from(lines.len()).unwrap_or(0) + 2;
    let place = area.centered(Constraint::Length(62), Constraint::Length(height));
    Clear.render(place, buffer);
    let block = panel(" Keys ", palette).padding(Padding::horizontal(1));
    Paragraph::new(lines.to_vec()).block(block).render(place, buffer);
}
