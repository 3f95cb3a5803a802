//! `tributary top`: a running instance, live in the terminal. A thread asks it once a second, keys choose what is
//! shown, and the terminal is left as it was, however it ends. Without a terminal, and with `--once`, one frame as plain text.

mod answers;
mod asking;
mod numbers;
mod screen;
mod tables;
#[cfg(test)]
mod tests;
mod view;

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use ratatui::DefaultTerminal;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::layout::Rect;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use self::answers::{Answers, Wanted};
use self::asking::{Asker, News};
use self::screen::{Act, Screen};
use self::view::Palette;
use super::instance::Instance;
use super::{BadUsage, ConfigSource, Output, check, is_colourful};

/// Somebody waits for the next look; for the only one a little longer.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_ONCE: Duration = Duration::from_secs(15);
/// A key is answered, and news are shown, within this time.
const BEAT: Duration = Duration::from_millis(100);
/// Of plain text, where the environment does not say `COLUMNS`.
const PLAIN_WIDTH: u16 = 100;

#[derive(Debug, Args)]
#[command(after_help = "\
Keys: q quits, p pauses, w window, k KPI, m model (shift: backwards), arrows scroll, ? lists all.
Examples:
  tributary top                                      the instance at `http.listen`
  tributary top --at http://tributary-0:9464 --window 1d --kpi revenue
  tributary top --output json | jq .status.intake    one look, for programs")]
pub struct Top {
    /// Any instance [default: that of `http.listen`]
    #[arg(long, value_name = "URL")]
    at: Option<String>,
    /// The window to begin with [default: 30d, or the first there is]
    #[arg(long, value_name = "KIND")]
    window: Option<String>,
    /// The KPI of the leading channels to begin with [default: leads, or the first there is]
    #[arg(long, value_name = "ID")]
    kpi: Option<String>,
    /// The attribution model to begin with [default: linear, or the first there is]
    #[arg(long)]
    model: Option<String>,
    /// Print one frame as plain text, and end; so it is where there is no terminal
    #[arg(long)]
    once: bool,
    /// How to print one look: as a frame, or as an object for programs
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl Top {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config = source.load()?;
        let once = self.once || self.output == Output::Json || !stdout().is_terminal();
        let patience = if once { PATIENCE_ONCE } else { PATIENCE };
        let instance = Instance::find(&config, self.at.as_deref(), patience)?;
        let wanted = Wanted { window: self.window, kpi: self.kpi, model: self.model };
        let address = instance.address();
        let asker = Asker::new(instance, wanted);
        if once {
            print_once(asker, &address, self.output)?;
        } else {
            watch(asker, &address)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One look, and another one for the rate of events.
fn print_once(mut asker: Asker, address: &str, output: Output) -> anyhow::Result<()> {
    let mut screen = Screen::still(address);
    for look in 0..2 {
        if look > 0 {
            std::thread::sleep(asking::EVERY);
        }
        screen.hear(News::Seen(Box::new(asker.ask()?)))?;
    }
    match output {
        Output::Json => check::print(&object(&screen, address))?,
        Output::Text => stdout().lock().write_all(frame(&screen).as_bytes())?,
    }
    Ok(())
}

fn object(screen: &Screen, address: &str) -> serde_json::Value {
    let shown = screen.shown();
    let Some(Answers { status, choice, alerts, channels, funnel, empty_because, .. }) = &shown.answers else {
        return json!({ "address": address });
    };
    json!({
        "address": address,
        "status": status,
        "events_per_second": shown.rate,
        "alerts": alerts,
        "channels": {
            "kpi": choice.kpi, "window": choice.window, "model": choice.model,
            "rows": channels, "empty_because": empty_because,
        },
        "funnel": { "window": choice.window, "rows": funnel },
    })
}

/// As plain text, as high as it takes.
fn frame(screen: &Screen) -> String {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let width = columns.unwrap_or(PLAIN_WIDTH).clamp(40, 300);
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, view::whole_height(screen)));
    view::draw(screen, Palette::plain(), &mut buffer);
    let cells: Vec<_> = buffer.content().chunks(usize::from(width)).collect();
    let line = |row: &&[ratatui::buffer::Cell]| {
        let text: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        format!("{}\n", text.trim_end())
    };
    cells.iter().map(line).collect()
}

/// Until a key or a signal says that it is enough. The terminal is restored on the way out, by a panic, too.
fn watch(asker: Asker, address: &str) -> anyhow::Result<()> {
    let ended = Arc::new(AtomicBool::new(false));
    let signals = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    signals.spawn(end_on_signal(Arc::clone(&ended)));
    let (say, news) = channel();
    let (choose, wishes) = channel();
    std::thread::Builder::new().name("asking".to_owned()).spawn(move || asker.run(&say, &wishes))?;
    let mut terminal = ratatui::try_init().context("the terminal cannot be taken: --once prints one frame")?;
    let mut screen = Screen::new(address);
    let outcome = show(&mut terminal, &mut screen, &ended, &news, &choose);
    ratatui::try_restore().context("the terminal cannot be given back: `reset` does it")?;
    outcome
}

fn show(
    terminal: &mut DefaultTerminal,
    screen: &mut Screen,
    ended: &AtomicBool,
    news: &std::sync::mpsc::Receiver<News>,
    choose: &std::sync::mpsc::Sender<Wanted>,
) -> anyhow::Result<()> {
    let palette = if is_colourful(&stdout()) { Palette::colourful() } else { Palette::plain() };
    while !ended.load(Ordering::SeqCst) {
        for heard in news.try_iter() {
            screen.hear(heard)?;
        }
        terminal.draw(|frame| view::draw(screen, palette, frame.buffer_mut()))?;
        if !event::poll(BEAT)? {
            continue;
        }
        // Another size is drawn anew in the next round.
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match screen.press(key) {
            Act::Quit => return Ok(()),
            Act::Ask(wanted) => {
                choose.send(wanted).map_err(|_| BadUsage("who asks the instance has ended".to_owned()))?;
            }
            Act::Nothing => {}
        }
    }
    Ok(())
}

async fn end_on_signal(ended: Arc<AtomicBool>) {
    let Ok((mut terminate, mut hang_up)) =
        signal(SignalKind::terminate()).and_then(|one| Ok((one, signal(SignalKind::hangup())?)))
    else {
        // Then a signal ends the process at once, as it does by default.
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    ended.store(true, Ordering::SeqCst);
}
