//! `tributary run`: the processor, until SIGTERM or SIGINT; then it finishes, commits, saves, leaves and ends with 0.

mod restoring;
mod service_manager;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use self::service_manager::ServiceManager;
use super::ConfigSource;
use crate::config::Config;
use crate::model::time::Span;
use crate::publish::board::Board;
use crate::publish::http::{self, Server};
use crate::runtime::instance::{Instance, Roles};
use crate::runtime::kafka_log::KafkaLog;
use crate::runtime::leads::{LeadDesk, Owners};
use crate::runtime::line::Line;
use crate::runtime::settings::Settings;
use crate::runtime::showing::{Published, Showing};
use crate::runtime::site::Site;
use crate::runtime::topics::{Names, prepare};
use crate::telemetry::metrics::Metrics;

/// How long a graceful stop may take: within the grace period that orchestrators give.
const GRACE: Span = Span(20_000);

/// How long a stop takes at most: the shards bring home what is under way, after them the rollup, then all leave their
/// groups and the last answers are finished. Whoever stops an instance waits longer.
pub const LONGEST_STOP: Span = Span(2 * GRACE.0 + 15_000);

#[derive(Debug, Args)]
#[command(after_help = "\
SIGTERM or SIGINT ends it with 0: it finishes, commits, saves its state and leaves its groups.
Logs go to stderr, as JSON where that is no terminal; TRIBUTARY_LOG=debug says more.
Another instance with the same configuration shares the work.
Examples:
  tributary run --config tributary.toml
  tributary run --roles ingest          and elsewhere: tributary run --roles shards,rollup")]
pub struct Run {
    /// What this instance does; several instances may share the work, or the roles
    #[arg(long, value_delimiter = ',', default_value = "ingest,shards,rollup")]
    roles: Vec<Role>,
    /// Threads that fold [default: one a core]
    #[arg(long, value_name = "COUNT")]
    workers: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    Ingest,
    Shards,
    Rollup,
}

impl Run {
    pub fn run(self, source: &ConfigSource) -> anyhow::Result<ExitCode> {
        let config = Arc::new(source.load()?);
        let stop = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.spawn(stop_on_signal(Arc::clone(&stop)));
        let log = Arc::new(KafkaLog::new(config.kafka.clone()));
        let names = Names::new(&config, &config.fold_hash());
        prepare(&*log, &config, &names).context("preparing topics")?;
        let (board, metrics) = (Arc::new(Board::default()), Arc::new(Metrics::new()));
        let pages = http::Site::new(&config, Arc::clone(&board), Arc::clone(&metrics));
        let leads = pages.leads();
        let server = Server::start(pages)?;
        let log = match config.http.address(server.address()) {
            Some(address) => Arc::new(KafkaLog::clone(&log).at(&address)),
            None => log,
        };
        let instance = self.instance(
            &config,
            Arc::clone(&log),
            names.clone(),
            Published { board: Arc::clone(&board), metrics: Arc::clone(&metrics) },
        )?;
        let desk = LeadDesk::new(instance.watch().desk, names.shards, owners(Arc::clone(&log), names.clone()));
        leads.get_or_init(|| Arc::new(desk));
        let shards = instance.watch().board;
        let manager = ServiceManager::new(Arc::clone(&board));
        let showing = Showing::new(log, Arc::new(names), instance.watch(), board, metrics);
        let page = server.address();
        tracing::info!(brokers = config.kafka.brokers, group = config.kafka.group, %page, "running");
        std::thread::scope(|scope| {
            let looking = std::thread::Builder::new().name("showing".to_owned());
            looking.spawn_scoped(scope, || showing.run(&stop))?;
            if self.roles.contains(&Role::Shards) {
                let telling = std::thread::Builder::new().name("restoring".to_owned());
                telling.spawn_scoped(scope, || restoring::tell(|| shards.shards(), &stop))?;
            }
            let telling = std::thread::Builder::new().name("telling".to_owned());
            telling.spawn_scoped(scope, || manager.tell(&stop))?;
            instance.run(&stop, GRACE).context("stopped by a failure")
        })?;
        server.stop();
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }

    #[allow(clippy::disallowed_methods, reason = "an instance is told apart from all others by chance alone")]
    fn instance(
        &self,
        config: &Arc<Config>,
        log: Arc<KafkaLog>,
        names: Names,
        view: Published,
    ) -> anyhow::Result<Instance<KafkaLog, Line>> {
        let parts = Arc::new(Line::new(Arc::clone(config))?);
        let site = Site::new(log, parts, names, Settings::new(config), uuid::Uuid::new_v4().to_string());
        let has = |role| self.roles.contains(&role);
        let roles = Roles { ingest: has(Role::Ingest), shards: has(Role::Shards), rollup: has(Role::Rollup) };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Instance::new(Arc::new(site), roles, self.workers.unwrap_or(cores).max(1), Arc::new(view)))
    }
}

/// Asks the members of the group that shares the shards.
fn owners(log: Arc<KafkaLog>, names: Names) -> Owners {
    Box::new(move |shards| {
        let partitions: Vec<_> = shards.iter().map(|shard| names.journal_of(*shard)).collect();
        log.owners(&names.shards_group, &partitions).unwrap_or_else(|error| {
            tracing::warn!(%error, ?shards, "the owners of shards cannot be found");
            vec![None; shards.len()]
        })
    })
}

async fn stop_on_signal(stop: Arc<AtomicBool>) {
    let heard = async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok::<(), std::io::Error>(())
    };
    match heard.await {
        Ok(()) => {
            tracing::info!("stopping");
            stop.store(true, Ordering::SeqCst);
        }
        Err(error) => tracing::error!(%error, "signals cannot be heard: only SIGKILL will stop this instance"),
    }
}
