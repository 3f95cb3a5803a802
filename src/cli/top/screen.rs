//! What is on the screen: what was heard, what is chosen, where one has scrolled to; keys change it.

use std::collections::VecDeque;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::answers::{Answers, Wanted};
use super::asking::News;
use crate::cli::BadUsage;

/// More than any terminal is wide.
const RATES: usize = 512;
const PAGE: usize = 10;

#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub answers: Option<Answers>,
    /// Events a second, the newest last.
    pub rates: VecDeque<u64>,
    pub rate: Option<f64>,
    /// Why there is no answer, and for how many seconds.
    pub away: Option<(String, u64)>,
}

#[derive(Debug)]
pub struct Screen {
    pub address: String,
    live: Shown,
    /// As it was when it was paused.
    paused: Option<Box<Shown>>,
    /// What was chosen last; the answer to it may still be under way.
    wanted: Option<Wanted>,
    pub scroll: usize,
    pub help: bool,
    /// One frame that no key changes.
    pub still: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Act {
    Nothing,
    Quit,
    Ask(Wanted),
}

impl Screen {
    pub fn new(address: &str) -> Self {
        let address = address.to_owned();
        Self { address, live: Shown::default(), paused: None, wanted: None, scroll: 0, help: false, still: false }
    }

    pub fn still(address: &str) -> Self {
        Self { still: true, ..Self::new(address) }
    }

    pub fn shown(&self) -> &Shown {
        self.paused.as_deref().unwrap_or(&self.live)
    }

    pub const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// # Errors
    /// When what was asked for on the command line is not there.
    pub fn hear(&mut self, news: News) -> Result<(), BadUsage> {
        match news {
            News::Seen(answers) => self.live.take(*answers),
            News::Away(reason, seconds) => {
                self.live.away = Some((reason, seconds));
                self.live.rate = None;
            }
            News::Refused(reason) => return Err(BadUsage(reason)),
        }
        Ok(())
    }

    pub fn press(&mut self, key: KeyEvent) -> Act {
        let forwards = !key.modifiers.contains(KeyModifiers::SHIFT);
        match key.code {
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return Act::Quit,
            KeyCode::Esc | KeyCode::Char('q' | 'Q' | '?' | 'h') if self.help => self.help = false,
            KeyCode::Esc | KeyCode::Char('q' | 'Q') => return Act::Quit,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char('p' | ' ') => {
                self.paused = if self.is_paused() { None } else { Some(Box::new(self.live.clone())) };
            }
            KeyCode::Char('w') => return self.choose(Of::Window, forwards),
            KeyCode::Char('W') => return self.choose(Of::Window, false),
            KeyCode::Char('k') => return self.choose(Of::Kpi, forwards),
            KeyCode::Char('K') => return self.choose(Of::Kpi, false),
            KeyCode::Char('m') => return self.choose(Of::Model, forwards),
            KeyCode::Char('M') => return self.choose(Of::Model, false),
            KeyCode::Down | KeyCode::Char('j') => self.scroll_to(self.scroll + 1),
            KeyCode::Up | KeyCode::Char('J') => self.scroll_to(self.scroll.saturating_sub(1)),
            KeyCode::PageDown => self.scroll_to(self.scroll + PAGE),
            KeyCode::PageUp => self.scroll_to(self.scroll.saturating_sub(PAGE)),
            KeyCode::Home => self.scroll = 0,
            KeyCode::End => self.scroll_to(usize::MAX),
            _ => {}
        }
        Act::Nothing
    }

    /// No further than to the last channel.
    fn scroll_to(&mut self, row: usize) {
        let rows = self.shown().answers.as_ref().map_or(0, |answers| answers.channels.len());
        self.scroll = row.min(rows.saturating_sub(1));
    }

    /// The next of what the instance has, or the one before.
    fn choose(&mut self, of: Of, forwards: bool) -> Act {
        let Some(answers) = &self.live.answers else { return Act::Nothing };
        let catalogue = &answers.catalogue;
        let Some(now) = self.wanted.as_ref().map_or_else(
            || Some(answers.choice.clone()).filter(|choice| !choice.kpi.is_empty()),
            |wanted| catalogue.choose(wanted),
        ) else {
            return Act::Nothing;
        };
        let mut wanted = self.wanted.clone().unwrap_or_else(|| Wanted {
            window: Some(now.window.clone()),
            kpi: Some(now.kpi.clone()),
            model: now.model.clone(),
        });
        let next = |among: &[&str], current: &str| {
            let at = among.iter().position(|name| *name == current).unwrap_or(0);
            let step = if forwards { 1 } else { among.len().saturating_sub(1) };
            among.get((at + step) % among.len().max(1)).map(|name| (*name).to_owned())
        };
        let models: Vec<&str> = catalogue.models.iter().map(String::as_str).collect();
        match of {
            Of::Window => wanted.window = next(&catalogue.windows(), &now.window),
            Of::Kpi => wanted.kpi = next(&catalogue.kpis_in(&now.window), &now.kpi),
            Of::Model => match &now.model {
                Some(model) => wanted.model = next(&models, model),
                // Nobody shares this KPI out.
                None => return Act::Nothing,
            },
        }
        (self.scroll, self.paused) = (0, None);
        self.wanted = Some(wanted.clone());
        Act::Ask(wanted)
    }
}

#[derive(Clone, Copy)]
enum Of {
    Window,
    Kpi,
    Model,
}

impl Shown {
    /// The rate is what came in since the answer before, by the instance's clock. One that began anew counts anew.
    fn take(&mut self, answers: Answers) {
        let before = self.answers.as_ref().filter(|_| self.away.is_none()).map(|before| &before.status);
        if let Some(before) = before {
            let (now, millis) = (&answers.status, answers.status.now - before.now);
            if millis > 0 {
                let came = now.intake.consumed.checked_sub(before.intake.consumed);
                self.rate = came.map(|came| came as f64 * 1000.0 / millis as f64);
                self.rates.extend(self.rate.map(|rate| rate.round() as u64));
            }
        }
        while self.rates.len() > RATES {
            self.rates.pop_front();
        }
        self.away = None;
        self.answers = Some(answers);
    }
}
