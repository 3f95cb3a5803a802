//! Asks an instance for all that is shown, once a second and at once when something else is chosen. While there is no
//! answer it goes on asking, and says for how long there has been none.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers::{Answers, Catalogue, Choice, Row, Wanted};
use crate::cli::BadUsage;
use crate::cli::instance::Instance;

pub const EVERY: Duration = Duration::from_secs(1);
/// The stages of the funnel, in order.
const FUNNEL: [&str; 7] = ["leads", "mqls", "sals", "sqls", "opportunities", "proposals", "won_deals"];

pub enum News {
    Seen(Box<Answers>),
    /// Why there is no answer, and for how many seconds.
    Away(String, u64),
    /// What was asked for on the command line is not there.
    Refused(String),
}

pub struct Asker {
    instance: Instance,
    wanted: Wanted,
    /// Asked for again after each time away: another configuration may be there by then.
    catalogue: Option<Arc<Catalogue>>,
    /// Whether the instance has answered before.
    answered: bool,
}

impl Asker {
    pub const fn new(instance: Instance, wanted: Wanted) -> Self {
        Self { instance, wanted, catalogue: None, answered: false }
    }

    /// Until nobody listens any more.
    #[allow(clippy::disallowed_methods, reason = "for how long there is no answer is by the wall clock")]
    pub fn run(mut self, say: &Sender<News>, wishes: &Receiver<Wanted>) {
        let mut answered_at = Instant::now();
        loop {
            let news = match self.ask() {
                Ok(answers) => {
                    answered_at = Instant::now();
                    News::Seen(Box::new(answers))
                }
                Err(error) if error.is::<BadUsage>() => News::Refused(error.to_string()),
                Err(error) => {
                    self.catalogue = None;
                    News::Away(error.root_cause().to_string(), answered_at.elapsed().as_secs())
                }
            };
            if say.send(news).is_err() {
                return;
            }
            match wishes.recv_timeout(EVERY) {
                Ok(wanted) => self.wanted = wishes.try_iter().last().unwrap_or(wanted),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// # Errors
    /// `BadUsage` when the first answer says that what is wanted does not exist; else why there is no answer.
    pub fn ask(&mut self) -> anyhow::Result<Answers> {
        let status = read(self.instance.get(&["api", "v1", "status"], &[])?.body)?;
        let catalogue = match &self.catalogue {
            Some(known) => Arc::clone(known),
            None => Arc::new(read(self.instance.get(&["api", "v1", "catalogue"], &[])?.body)?),
        };
        if !self.answered
            && let Some(refusal) = catalogue.refuses(&self.wanted)
        {
            return Err(BadUsage(refusal).into());
        }
        self.answered = true;
        self.catalogue = Some(Arc::clone(&catalogue));
        let alerts = self.instance.get(&["api", "v1", "alerts"], &[("state", "firing")])?;
        let mut answers = Answers { status, alerts: read(alerts.body)?, ..Answers::default() };
        match catalogue.choose(&self.wanted) {
            Some(choice) => self.ask_numbers(&catalogue, choice, &mut answers)?,
            None => answers.empty_because = Some("no KPI has rows by channel: see `output.kpis`".to_owned()),
        }
        answers.catalogue = catalogue;
        Ok(answers)
    }

    fn ask_numbers(&self, catalogue: &Catalogue, choice: Choice, into: &mut Answers) -> anyhow::Result<()> {
        let dims = choice.dims().join(",");
        let mut query =
            vec![("kpi", choice.kpi.as_str()), ("window", &choice.window), ("start", "running"), ("dims", &dims)];
        query.extend(choice.model.as_deref().map(|model| ("model", model)));
        let answer = self.instance.get(&["api", "v1", "kpis"], &query)?;
        (into.channels, into.empty_because) = (read(answer.body)?, answer.empty_because);
        into.channels.sort_by(|a, b| b.value.unwrap_or(f64::MIN).total_cmp(&a.value.unwrap_or(f64::MIN)));
        let stages: Vec<&str> =
            FUNNEL.into_iter().filter(|id| catalogue.kpis.iter().any(|kpi| kpi.id == *id)).collect();
        if !stages.is_empty() {
            let ids = stages.join(",");
            let query = [("kpi", ids.as_str()), ("window", &choice.window), ("start", "running"), ("dims", "")];
            let rows: Vec<Row> = read(self.instance.get(&["api", "v1", "kpis"], &query)?.body)?;
            let of = |stage: &&str| rows.iter().rev().find(|row| row.kpi == *stage).cloned();
            into.funnel = stages.iter().filter_map(of).collect();
        }
        into.choice = choice;
        Ok(())
    }
}

fn read<T: DeserializeOwned>(body: Value) -> anyhow::Result<T> {
    serde_json::from_value(body).context("an answer is not as expected: is it a tributary of this version?")
}
