//! What all parts of an instance share: the log, the pure parts, names, bounds and the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use super::log::{Log, LogError};
use super::outbox::Outbox;
use super::parts::{Damage, Parts};
use super::settings::Settings;
use super::topics::Names;
use crate::model::time::Millis;

pub struct Site<L: Log, P: Parts> {
    pub log: Arc<L>,
    pub parts: Arc<P>,
    pub names: Arc<Names>,
    pub settings: Settings,
    pub outbox: Outbox<L>,
    /// Told apart from every other instance there ever was.
    instance: String,
    drawn: AtomicU64,
}

impl<L: Log, P: Parts> Site<L, P> {
    pub fn new(log: Arc<L>, parts: Arc<P>, names: Names, settings: Settings, instance: String) -> Self {
        let outbox = Outbox::new(Arc::clone(&log), settings.limits.clone());
        Self { log, parts, names: Arc::new(names), settings, outbox, instance, drawn: AtomicU64::new(0) }
    }

    /// A number that nobody else draws: an owner's claim, a snapshot's epoch.
    pub fn draw(&self, now: Millis) -> u64 {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        xxh3_64(format!("{} {} {drawn}", self.instance, now.0).as_bytes())
    }
}

/// Why a driver cannot go on. What can be waited out is not told.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{topic} partition {partition} offset {offset}: {damage}")]
    Damaged { topic: String, partition: i32, offset: i64, damage: Damage },
    #[error("{0}")]
    Unreadable(#[from] crate::partials::parts::PartError),
}
