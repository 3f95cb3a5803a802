//! The two tables at the bottom: the leading channels by the chosen KPI, and the funnel.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Row as Cells, Table, Widget, Wrap};

use super::answers::{Answers, Row};
use super::numbers::{change, count, share, value, value_to};
use super::view::{Palette, panel};

const STAGES: [(&str, &str); 7] = [
    ("leads", "Leads"),
    ("mqls", "MQLs"),
    ("sals", "SALs"),
    ("sqls", "SQLs"),
    ("opportunities", "Opportunities"),
    ("proposals", "Proposals"),
    ("won_deals", "Won deals"),
];
/// From here on there is room for a bar.
const ROOM_FOR_BAR: u16 = 64;
const BAR: usize = 16;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

pub fn channels(answers: &Answers, scroll: usize, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let choice = &answers.choice;
    let model = choice.model.as_ref().map_or_else(String::new, |model| format!(", {model}"));
    let block = panel(format!(" Leading channels: {}, {}{model} ", choice.kpi, choice.window), palette);
    if answers.channels.is_empty() {
        let reason = answers.empty_because.as_deref().unwrap_or("no channel has any");
        Paragraph::new(reason).wrap(Wrap { trim: true }).block(block).render(area, buffer);
        return;
    }
    // Ratios have no sum to have a share of.
    let sum = |row: &Row| row.value.filter(|_| row.unit == "count" || row.unit == "currency");
    let total: f64 = answers.channels.iter().filter_map(sum).sum();
    let most = answers.channels.iter().filter_map(|row| row.value).fold(0.0, f64::max);
    // One place after the point, if any of them needs it: columns of numbers are to be compared.
    let is_whole = |row: &Row| row.value.is_none_or(|value| value.fract().abs() < 1e-9 || value.abs() >= 1000.0);
    let places = usize::from(!answers.channels.iter().all(is_whole));
    let (all, seen) = (answers.channels.len(), usize::from(area.height.saturating_sub(3)));
    let from = scroll.min(all.saturating_sub(seen));
    let has_bar = area.width >= ROOM_FOR_BAR;
    let right = |text: String| Line::from(text).right_aligned();
    let rows = answers.channels.iter().skip(from).take(seen).map(|row| {
        let channel = row.dims.get("channel").map_or("", String::as_str).replace('_', " ");
        let part = sum(row).map_or_else(String::new, |part| share(part, total));
        let cells = vec![
            Line::from(channel),
            right(match row.unit.as_str() {
                "count" | "score" => value_to(row.value, places),
                unit => value(row.value, unit, row.currency.as_deref()),
            }),
            right(part),
            right(change(row.change)).style(direction(row.change, palette)),
            Line::styled(if has_bar { bar(row.value, most) } else { String::new() }, palette.of(Color::Cyan)),
        ];
        Cells::new(cells)
    });
    let head = ["channel", "", "share", "change", ""];
    let head = head.into_iter().enumerate().map(|(at, name)| {
        let text = if at == 1 { choice.kpi.clone() } else { name.to_owned() };
        if at == 0 { Line::from(text) } else { right(text) }
    });
    let least = if answers.channels.iter().any(|row| row.currency.is_some()) { 13 } else { 9 };
    let number = u16::try_from(choice.kpi.len()).unwrap_or(u16::MAX).clamp(least, 26);
    let widths = [
        Constraint::Min(12),
        Constraint::Length(number),
        Constraint::Length(7),
        Constraint::Length(9),
        Constraint::Length(if has_bar { BAR as u16 } else { 0 }),
    ];
    let block = if seen < all {
        let place = format!(" {}–{} of {all} ", from + 1, all.min(from + seen));
        block.title_bottom(Line::styled(place, palette.quiet()).right_aligned())
    } else {
        block
    };
    let table = Table::new(rows, widths).header(Cells::new(head).style(palette.quiet())).block(block);
    Widget::render(table, area, buffer);
}

/// The change against the window before: up or down is said by its sign too.
fn direction(change: Option<f64>, palette: Palette) -> Style {
    match change {
        Some(change) if change > 0.0 => palette.of(Color::Green),
        Some(change) if change < 0.0 => palette.of(Color::Red),
        _ => palette.quiet(),
    }
}

fn bar(value: Option<f64>, most: f64) -> String {
    let share = value.filter(|_| most > 0.0).map_or(0.0, |value| (value / most).clamp(0.0, 1.0));
    let eighths = (share * (BAR * 8) as f64).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

pub fn funnel(answers: &Answers, palette: Palette, area: Rect, buffer: &mut Buffer) {
    let mut before: Option<f64> = None;
    let right = |text: String| Line::from(text).right_aligned();
    let rows: Vec<Cells> = answers
        .funnel
        .iter()
        .map(|row| {
            let name = STAGES.iter().find(|(id, _)| *id == row.kpi).map_or(row.kpi.as_str(), |(_, name)| name);
            let passed = row.value.zip(before).map_or_else(String::new, |(now, before)| share(now, before));
            before = row.value;
            let number = row.value.map_or_else(|| "–".to_owned(), count);
            Cells::new(vec![Line::from(name), right(number), right(passed).style(palette.quiet())])
        })
        .collect();
    let block = panel(format!(" Funnel: {} ", answers.choice.window), palette);
    if rows.is_empty() {
        Paragraph::new("no lead yet").block(block).render(area, buffer);
        return;
    }
    let head = Cells::new(vec![Line::from("stage"), right("reached".to_owned()), right("of those".to_owned())]);
    let widths = [Constraint::Min(8), Constraint::Length(7), Constraint::Length(8)];
    Widget::render(Table::new(rows, widths).header(head.style(palette.quiet())).block(block), area, buffer);
}
