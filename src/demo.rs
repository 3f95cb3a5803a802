//! Everything in one process with nothing to install: the synthetic history flows through a broker in the process, which
//! any Kafka client can write to and read from, into a log in memory; the same instance as in a real deployment works on
//! it, the page shows what comes of it. Nothing is kept when it ends.

mod bridge;
mod feed;
pub mod outage;
mod warp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::{Config, Kafka, Problems};
use crate::generate::files::CONFIGURATION;
use crate::model::time::{Millis, Span};
use crate::publish::board::{Board, Wanted};
use crate::publish::http::{self, ServeError, Server};
use crate::runtime::instance::{Instance, Roles};
use crate::runtime::kafka_log::KafkaLog;
use crate::runtime::kafka_log::embedded::EmbeddedBroker;
use crate::runtime::leads::LeadDesk;
use crate::runtime::line::{Line, LineError};
use crate::runtime::log::{Log, LogError, NewTopic};
use crate::runtime::memory_log::MemoryLog;
use crate::runtime::settings::Settings;
use crate::runtime::showing::{Published, Showing};
use crate::runtime::site::Site;
use crate::runtime::topics::{Names, wanted};
use crate::telemetry::metrics::Metrics;

use self::bridge::Bridge;
use self::feed::Feed;

/// What is under way when it ends may take so long.
const GRACE: Span = Span(2000);
const WORKERS: usize = 1;
const WINDOWS: [&str; 7] = ["1h", "1d", "1mo", "30d", "90d", "all", "now"];
const MODELS: [&str; 8] = ["first", "last", "linear", "u_shaped", "w_shaped", "time_decay", "markov", "shapley"];
const RETENTION_DAYS: [(&str, i64); 3] = [("1h", 1), ("1d", 40), ("rolling", 40)];

/// The story that is told.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    pub seed: u64,
    pub leads: u32,
    /// So many days have passed when the demo begins …
    pub days: u32,
    /// … and from then on a second is as many.
    pub speed: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Configuration(#[from] Problems),
    #[error(transparent)]
    Line(#[from] LineError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("a thread cannot start: {0}")]
    Thread(#[from] std::io::Error),
}

pub struct Demo {
    server: Server,
    broker: EmbeddedBroker,
    board: Arc<Board>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// The configuration that goes with the story, in a hurry where a deployment would take its time, and with what the page
/// shows rather than with everything: each window, model and day is thousands of rows more.
///
/// # Errors
/// None is known: the configuration is part of the build, and a test reads it.
pub fn configuration(listen: SocketAddr) -> Result<Config, Problems> {
    let mut config = Config::parse(CONFIGURATION, "the demo's configuration", std::iter::empty())?;
    config.http.listen = listen;
    config.topics.partitions = 2;
    config.time.idle_after = Duration::from_secs(1);
    // A night without events is no second of silence: the past passes in half a minute.
    config.time.advance_when_idle = false;
    config.time.windows.retain(|window| WINDOWS.contains(&window.to_string().as_str()));
    config.attribution.models.retain(|model| MODELS.contains(&model.name()));
    config.attribution.detail_models.clear();
    config.output.interval = Duration::from_millis(500);
    config.output.settle_interval = Duration::from_secs(4);
    config.output.retention.extend(RETENTION_DAYS.map(|(window, days)| (window.to_owned(), Span::days(days))));
    Ok(config)
}

impl Demo {
    /// # Errors
    /// When the address is taken, or nothing can be started.
    pub fn start(config: &Config, story: Story) -> Result<Self, DemoError> {
        let log = Arc::new(MemoryLog::on_wall_clock());
        let names = Names::new(config, &config.fold_hash());
        let topics = topics(config, &names);
        log.create(&topics)?;
        let broker = EmbeddedBroker::start(&bridge::seen(topics, &names))?;
        let (board, metrics) = (Arc::new(Board::default()), Arc::new(Metrics::new()));
        let pages = http::Site::new(config, Arc::clone(&board), Arc::clone(&metrics));
        let leads = pages.leads();
        let server = Server::start(pages)?;
        let line = Line::new(Arc::new(config.clone()))?;
        let site = Site::new(
            Arc::clone(&log),
            Arc::new(line),
            names.clone(),
            Settings::new(config),
            format!("demo {}", story.seed),
        );
        let view = Arc::new(Published { board: Arc::clone(&board), metrics: Arc::clone(&metrics) });
        let instance = Instance::new(Arc::new(site), Roles::ALL, WORKERS, view);
        // There is no other instance.
        let desk = LeadDesk::new(instance.watch().desk, names.shards, Box::new(|shards| vec![None; shards.len()]));
        leads.get_or_init(|| Arc::new(desk));
        let names = Arc::new(names);
        let showing = Showing::new(Arc::clone(&log), Arc::clone(&names), instance.watch(), Arc::clone(&board), metrics);
        let outside = Arc::new(KafkaLog::new(Kafka { brokers: broker.address(), ..config.kafka.clone() }));
        let mut demo = Self { server, broker, board, stop: Arc::default(), threads: Vec::new() };
        demo.spawn("instance", move |stop| match instance.run(stop, GRACE) {
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "the instance has stopped"),
        })?;
        demo.spawn("showing", move |stop| showing.run(stop))?;
        let feed = Feed::new(&*log, &*outside, Arc::clone(&names), story)?;
        let bridge = Bridge::new(outside, log, names)?;
        demo.spawn("bridge", move |stop| match bridge.run(stop) {
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "nothing comes in from the broker any more"),
        })?;
        demo.spawn("feed", move |stop| match feed.run(stop) {
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "no more events come in"),
        })?;
        Ok(demo)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce(&AtomicBool) + Send + 'static) -> Result<(), DemoError> {
        let stop = Arc::clone(&self.stop);
        let run = move || {
            run(&stop);
            stop.store(true, Ordering::SeqCst);
        };
        self.threads.push(std::thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where Kafka clients find the broker.
    #[must_use]
    pub fn broker(&self) -> String {
        self.broker.address()
    }

    /// Whether a part has ended, and so the demo.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether a KPI has a value by now.
    #[must_use]
    pub fn has_numbers(&self) -> bool {
        let leads = Wanted { kpis: vec!["leads".to_owned()], ..Wanted::default() };
        !self.board.find(&leads, 1).is_empty()
    }

    /// Ends everything, and returns when it has ended.
    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the demo has panicked");
            }
        }
        self.server.stop();
    }
}

/// As in a deployment, but inputs have one partition each: the story is small, and a partition without news holds event
/// time back.
fn topics(config: &Config, names: &Names) -> Vec<NewTopic> {
    let mut topics = wanted(config, names);
    for topic in topics.iter_mut().filter(|topic| names.input(&topic.name).is_some()) {
        topic.partitions = 1;
    }
    topics
}

#[allow(clippy::disallowed_methods, reason = "the story goes on by the wall clock")]
fn wall_clock() -> Millis {
    Millis(jiff::Timestamp::now().as_millisecond())
}
