//! What the drivers need of the configuration, and the bounds of everything that they hold in memory or wait for.

use std::time::Duration;

use crate::config::Config;
use crate::model::time::{Millis, Span};

#[derive(Clone, Debug)]
pub struct Settings {
    pub idle_after: Span,
    pub advance_when_idle: bool,
    pub history_until: Option<Millis>,
    /// How far in event time a partition of the inputs is read ahead of others that have more to read.
    pub ahead_at_most: Span,
    pub output_interval: Span,
    pub settle_interval: Span,
    pub snapshot_min_tail_bytes: u64,
    /// A snapshot older than this is refused: what was deleted since may be in it.
    pub snapshot_max_age: Span,
    pub limits: Limits,
}

/// Bounds, the same for every deployment.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Records handed over in one poll.
    pub poll_records: usize,
    /// An ingest flush is written after this time or at this size of its input.
    pub flush_after: Span,
    pub flush_bytes: usize,
    /// What waits of all partitions that are ahead of others, in bytes.
    pub held_bytes: usize,
    /// Flushes that are written but not acknowledged: input waits beyond. From the fifth record of a partition on
    /// librdkafka's idempotent producer spins until one is acknowledged.
    pub flushes_under_way: usize,
    /// The same for each partition of what the shards write without transactions.
    pub records_under_way: usize,
    /// The group's consumer is not polled for so long at most while they are; then the inputs are paused.
    pub unheard_at_most: Span,
    /// A partition that was at its end so lately has no backlog.
    pub ended_lately: Span,
    /// How often everything idle says so again, for the watermark to move on.
    pub idle_beat: Span,
    /// How often the inputs' partitions are counted.
    pub recount_after: Span,
    /// A failing partition or client is tried again after this time, and after twice as long each time up to the last.
    pub retry_first: Span,
    pub retry_last: Span,
    /// A part that another owner has fenced begins anew after this time, if the group still says it is the owner.
    pub fenced_pause: Span,
    /// A shard commits at this interval when there is news.
    pub commit_interval: Span,
    /// … and at this one when only offsets moved.
    pub offsets_interval: Span,
    /// A shard tells the rollup all its cells, not only changed ones, at least so often while it has anything to tell.
    pub whole_interval: Span,
    /// What a shard tells the rollup is cut into records of so many bytes, which any broker takes.
    pub partials_bytes: usize,
    /// What a shard folds while a transaction is under way, in bytes of its input.
    pub batch_bytes: usize,
    /// What waits for the shared writer, in bytes.
    pub outbox_bytes: usize,
    /// Rows in one transaction of the rollup.
    pub rows_per_transaction: usize,
    /// How often the records before the shards' last whole blocks are deleted.
    pub trim_interval: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            poll_records: 1000,
            flush_after: Span(200),
            flush_bytes: 2 << 20,
            held_bytes: 32 << 20,
            flushes_under_way: 4,
            records_under_way: 4,
            unheard_at_most: Span(10_000),
            ended_lately: Span(1000),
            idle_beat: Span(1000),
            recount_after: Span(30_000),
            retry_first: Span(200),
            retry_last: Span(10_000),
            fenced_pause: Span(5000),
            commit_interval: Span(250),
            offsets_interval: Span(1000),
            whole_interval: Span(600_000),
            partials_bytes: 700_000,
            batch_bytes: 8 << 20,
            outbox_bytes: 32 << 20,
            rows_per_transaction: 5000,
            trim_interval: Span(60_000),
        }
    }
}

impl Settings {
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            idle_after: span(config.time.idle_after),
            advance_when_idle: config.time.advance_when_idle,
            history_until: config.time.history_until,
            // Half of what makes an event late, or less: a cost read last is still in time. With little, partitions of one
            // topic wait for each other; with much, touches change deals that are read before them.
            ahead_at_most: Span(config.time.allowed_lateness.0 / 2).clamp(Span(10 * 60_000), Span(6 * 3_600_000)),
            output_interval: span(config.output.interval),
            settle_interval: span(config.output.settle_interval),
            snapshot_min_tail_bytes: config.state.snapshot_min_tail_bytes,
            snapshot_max_age: config.state.journal_retention,
            limits: Limits::default(),
        }
    }
}

fn span(duration: Duration) -> Span {
    Span(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// When to try again: twice as long after each failure, up to a bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
    not_before: Option<Millis>,
}

impl Backoff {
    #[must_use]
    pub fn is_due(&self, now: Millis) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }

    /// Whether the last try failed.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.failures > 0
    }

    /// Says whether it is the first failure in a row, which is the one to log.
    pub fn fail(&mut self, now: Millis, limits: &Limits) -> bool {
        let wait = Span(limits.retry_first.0 << self.failures.min(16)).min(limits.retry_last);
        self.failures += 1;
        self.not_before = Some(now + wait);
        self.failures == 1
    }

    /// Not before a while from now, whatever failed before.
    pub fn hold(&mut self, now: Millis, wait: Span) {
        self.failures = self.failures.max(1);
        self.not_before = Some(now + wait);
    }

    pub fn succeed(&mut self) {
        *self = Self::default();
    }
}
