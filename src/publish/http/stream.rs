//! Server-sent events: `rows` (an array of KpiUpdates), `gone` (an array of keys), `status` (once a second), and `behind`
//! when the listener was too slow to hear everything and has to ask anew. The query is that of `/api/v1/kpis`, where
//! `start` and `limit` say nothing; `ask`, repeated, holds several such queries at once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};
use url::form_urlencoded;

use super::Site;
use super::answer::Refusal;
use super::api::{Doing, array};
use super::operations::{Answer, Operation, Parameter};
use super::question;
use crate::publish::board::{News, Wanted};
use crate::publish::kpi_update::key;
use crate::rollup::row::RowChange;

pub(super) const STREAM: Operation = Operation {
    path: "/api/v1/stream",
    name: "stream",
    summary: "Changes of KPI rows, as they are published: server-sent events",
    about: "Events: `rows` (an array of KpiUpdates), `gone` (an array of keys), `status` (once a second, as \
        /api/v1/status), and `behind` when the listener was too slow to hear everything and has to ask anew. `start` and \
        `limit` say nothing here.",
    parameters: PARAMETERS,
    by_dims: true,
    answer: Answer::Text("text/event-stream"),
    refusals: &[400, 404, 503],
    handler: |served| get(stream).with_state((Arc::clone(&served.site), served.ended.clone())),
    ..Operation::PLAIN
};

const PARAMETERS: &[Parameter] = &[
    question::PARAMETERS[0],
    question::PARAMETERS[1],
    question::PARAMETERS[2],
    question::PARAMETERS[3],
    question::PARAMETERS[4],
    Parameter {
        name: "ask",
        about: "A whole query of its own, percent-encoded; may be repeated",
        schema: |_| json!({ "type": "string" }),
    },
];

const BEAT: Duration = Duration::from_secs(1);

struct Listening {
    site: Arc<Site>,
    wanted: Vec<Wanted>,
    news: broadcast::Receiver<News>,
    beat: Interval,
    ended: watch::Receiver<bool>,
    to_send: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

async fn stream(
    State((site, ended)): State<(Arc<Site>, watch::Receiver<bool>)>,
    RawQuery(query): RawQuery,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let wanted = questions(&query.unwrap_or_default(), &site)?;
    let place = Arc::clone(&site.streams).try_acquire_owned().map_err(|_| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", "too many listen to the stream already")
    })?;
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let news = site.board.subscribe();
    let listening = Listening { site, wanted, news, beat, ended, to_send: VecDeque::new(), _place: place };
    Ok(Sse::new(unfold(listening, |mut listening| async {
        let event = listening.next().await?;
        Some((Ok(event), listening))
    })))
}

fn questions(query: &str, site: &Site) -> Result<Vec<Wanted>, Refusal> {
    let asked: Vec<_> = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "ask").collect();
    if asked.is_empty() {
        return Ok(vec![question::read(query, site)?.wanted]);
    }
    asked.iter().map(|(_, query)| Ok(question::read(query, site)?.wanted)).collect()
}

impl Listening {
    /// None when the server stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.to_send.pop_front() {
                return Some(event);
            }
            let news = tokio::select! {
                _ = self.ended.wait_for(|ended| *ended) => return None,
                _ = self.beat.tick() => return status(&self.site),
                news = self.news.recv() => news,
            };
            match news {
                Ok(News::Rows(changes)) => self.tell(&changes),
                Ok(News::Status(_)) => return status(&self.site),
                Err(RecvError::Lagged(_)) => return Some(Event::default().event("behind").data("ask again")),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn tell(&mut self, changes: &[RowChange]) {
        let wanted = || changes.iter().filter(|change| self.wanted.iter().any(|wanted| wanted.includes(change.id())));
        let rows: Vec<_> = wanted().filter_map(RowChange::row).cloned().collect();
        let gone: Vec<_> = wanted().filter(|change| change.row().is_none()).map(|change| key(change.id())).collect();
        let rows = (!rows.is_empty()).then(|| array(&rows).ok().and_then(|bytes| String::from_utf8(bytes).ok()));
        let gone = (!gone.is_empty()).then(|| serde_json::to_string(&gone).ok());
        for (name, data) in [("rows", rows), ("gone", gone)] {
            match data {
                None => {}
                Some(Some(data)) => self.to_send.push_back(Event::default().event(name).data(data)),
                Some(None) => tracing::error!("changes of KPI rows do not encode as JSON"),
            }
        }
    }
}

fn status(site: &Site) -> Option<Event> {
    let doing = serde_json::to_string(&Doing::of(site)).ok()?;
    Some(Event::default().event("status").data(doing))
}
