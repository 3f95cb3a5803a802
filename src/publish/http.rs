//! What an instance answers over HTTP, read-only: the page, health, metrics, KPI rows and the stream of their changes,
//! alerts, single leads, what more sessions would bring. It reads the board and the metrics, and asks the shards, so that it
//! answers whatever Kafka does; only where another instance has a lead it asks Kafka who.

mod alerts;
mod answer;
mod api;
mod assets;
mod comparison;
mod conversions;
mod guard;
mod health;
mod leads;
mod openapi;
mod operations;
mod question;
mod stream;
mod what_if;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::get;
use tokio::sync::{Semaphore, watch};
use tower_http::compression::CompressionLayer;

pub use self::leads::{Found, LateLeads, Leads};
pub use self::openapi::document as openapi;
use self::operations::Served;
use super::board::Board;
use crate::config::Config;
use crate::kpi::families::{Families, families_of};
use crate::model::time::Millis;
use crate::telemetry::metrics::Metrics;

/// Browsers and others that listen to the stream at the same time.
const MOST_STREAMS: usize = 100;
/// What is being answered may go on for so long after the end has been asked for.
const GRACE: Duration = Duration::from_secs(3);

/// What all answers are made from.
pub struct Site {
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    config: Config,
    families: Families,
    streams: Arc<Semaphore>,
    leads: LateLeads,
    /// Places for those who look through shards.
    looks: Semaphore,
    /// Asks other instances; made when it is first needed.
    client: OnceLock<reqwest::Client>,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address} (`http.listen`): {error}")]
    Bind { address: SocketAddr, error: std::io::Error },
    #[error("the HTTP server cannot start: {0}")]
    Start(std::io::Error),
}

/// A running server. It stops when it is told to, or dropped.
pub struct Server {
    address: SocketAddr,
    ending: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    #[must_use]
    pub fn new(config: &Config, board: Arc<Board>, metrics: Arc<Metrics>) -> Self {
        let streams = Arc::new(Semaphore::new(MOST_STREAMS));
        let families = families_of(config);
        Self {
            board,
            metrics,
            config: config.clone(),
            families,
            streams,
            leads: LateLeads::default(),
            looks: Semaphore::new(conversions::AT_ONCE),
            client: OnceLock::new(),
        }
    }

    /// Whoever is to be asked about leads, once that is there.
    #[must_use]
    pub fn leads(&self) -> LateLeads {
        Arc::clone(&self.leads)
    }

    /// The token that is asked for, where one is.
    fn token(&self) -> Option<&str> {
        let http = &self.config.http;
        http.token.as_deref().filter(|_| !http.listen.ip().is_loopback())
    }
}

impl Server {
    /// Listens on `http.listen` of the site's configuration (port 0: any that is free) until `stop`.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn start(site: Site) -> Result<Self, ServeError> {
        Self::start_at(site.config.http.listen, site)
    }

    /// Listens elsewhere than configured; whether a token is asked for still goes by the configuration.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn start_at(wanted: SocketAddr, site: Site) -> Result<Self, ServeError> {
        let bound = TcpListener::bind(wanted).map_err(|error| ServeError::Bind { address: wanted, error })?;
        bound.set_nonblocking(true).map_err(ServeError::Start)?;
        let address = bound.local_addr().map_err(ServeError::Start)?;
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).thread_name("http").enable_all();
        let runtime = runtime.build().map_err(ServeError::Start)?;
        let (ending, ended) = watch::channel(false);
        let serve = move || {
            if let Err(error) = runtime.block_on(serve(bound, site, ended)) {
                tracing::error!(%error, "the HTTP server has ended");
            }
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(serve).map_err(ServeError::Start)?;
        Ok(Self { address, ending, thread: Some(thread) })
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends streams, lets answers under way be finished, and returns when all is done.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.ending.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the HTTP server's thread has panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

async fn serve(bound: TcpListener, site: Site, ended: watch::Receiver<bool>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(bound)?;
    let stop = |mut ended: watch::Receiver<bool>| async move {
        // The sender gone is the end, too.
        let _ = ended.wait_for(|ended| *ended).await;
    };
    let pages = router(Arc::new(site), ended.clone());
    let serving = axum::serve(listener, pages).with_graceful_shutdown(stop(ended.clone()));
    tokio::select! {
        served = serving => served,
        () = async { stop(ended).await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

fn router(site: Arc<Site>, ended: watch::Receiver<bool>) -> Router {
    let served = Served { site: Arc::clone(&site), ended };
    let routes = |guarded: bool| {
        let some = operations::ALL.iter().filter(|operation| operation.guarded == guarded);
        some.fold(Router::new(), |all, operation| all.route(operation.path, (operation.handler)(&served)))
    };
    let guarded = routes(true).fallback(get(assets::asset)).layer(from_fn_with_state(site, guard::guard));
    let pages = routes(false).merge(guarded).method_not_allowed_fallback(answer::read_only);
    // Not the stream: what is said there is to be heard at once.
    pages.layer(CompressionLayer::new()).layer(map_response(harden))
}

/// The page needs nothing from elsewhere, and nobody needs it in a frame.
async fn harden(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                          connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[allow(
    clippy::disallowed_methods,
    reason = "how old something shown is goes by the wall clock, and changes no number"
)]
fn now() -> Millis {
    Millis(jiff::Timestamp::now().as_millisecond())
}
