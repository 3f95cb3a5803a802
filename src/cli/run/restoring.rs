//! How far an instance is with restoring its shards, told while it lasts: as a bar on a terminal, else as a log line
//! now and then.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::HumanDuration;

use crate::cli::progress;
use crate::runtime::recovery::{Extent, Restoring};
use crate::runtime::shard_driver::Report;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What takes no longer is not worth a line; and between two lines.
const LOG_EVERY: Duration = Duration::from_secs(10);
const STEPS: f64 = 1000.0;
const NONE_COMES: Duration = Duration::from_secs(60);
const TEMPLATE: &str = "{elapsed_precise} {wide_bar} {percent:>3} %  {msg}";

/// What all shards together have to read, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    shards: usize,
    restored: usize,
    read: Restoring,
}

impl Sum {
    fn of(reports: &BTreeMap<u16, Report>) -> Self {
        let mut sum = Self { shards: reports.len(), ..Self::default() };
        for Report { caught_up, restoring: Restoring { snapshots, journal, forwards }, .. } in reports.values() {
            sum.restored += usize::from(*caught_up);
            sum.read.snapshots = sum.read.snapshots.plus(*snapshots);
            sum.read.journal = sum.read.journal.plus(*journal);
            sum.read.forwards = sum.read.forwards.plus(*forwards);
        }
        sum
    }

    const fn is_done(&self) -> bool {
        self.shards > 0 && self.restored == self.shards
    }

    /// The share that is done. A record of the journal holds many events, one of the forwards few: each log counts as
    /// much. None before it is known what there is to read.
    fn share(&self) -> Option<f64> {
        let shares = [self.read.journal.share(), self.read.forwards.share()];
        let known: Vec<f64> = shares.into_iter().flatten().collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }

    fn words(&self) -> String {
        let Self { shards, restored, read: Restoring { snapshots, journal, forwards } } = self;
        let of = |name: &str, extent: &Extent| format!("{name} {} of {}", extent.done, extent.of);
        let (snapshots, journal) = (of("snapshot parts", snapshots), of("journal", journal));
        format!("{restored} of {shards} shards, {snapshots}, {journal}, {}", of("forwards", forwards))
    }
}

/// Until all shards that the instance has got are restored, or it is to stop.
#[allow(clippy::disallowed_methods, reason = "how long a restore takes is for people to read")]
pub(super) fn tell(shards: impl Fn() -> BTreeMap<u16, Report>, stop: &AtomicBool) {
    let begun = Instant::now();
    let (mut bar, mut replaying, mut logged) = (None, None, begun);
    loop {
        std::thread::sleep(LOOK_EVERY);
        let sum = Sum::of(&shards());
        // Other instances may have all of them.
        let has_none = sum.shards == 0 && begun.elapsed() > NONE_COMES;
        if sum.is_done() || has_none || stop.load(Ordering::SeqCst) {
            break;
        }
        let Some(share) = sum.share() else { continue };
        let since = *replaying.get_or_insert_with(Instant::now);
        let left = left(share, since.elapsed());
        let left = left.map_or_else(String::new, |left| format!(", about {} left", HumanDuration(left)));
        if stderr().is_terminal() {
            let bar = bar.get_or_insert_with(|| progress::bar(STEPS as u64, TEMPLATE));
            bar.set_position((share * STEPS) as u64);
            bar.set_message(format!("{}{left}", sum.words()));
        } else if logged.elapsed() >= LOG_EVERY {
            logged = Instant::now();
            tracing::info!(percent = (share * 100.0) as u64, "restoring: {}{left}", sum.words());
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

/// At the pace so far.
fn left(share: f64, took: Duration) -> Option<Duration> {
    (share > 0.0).then(|| took.mul_f64((1.0 - share).max(0.0) / share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_the_sum_of_its_shards() {
        let extent = |done, of| Extent { done, of };
        let report = |caught_up, snapshots, journal, forwards| Report {
            caught_up,
            restoring: Restoring { snapshots, journal, forwards },
            ..Report::default()
        };
        let mut reports = BTreeMap::from([
            (0, report(true, extent(4, 4), extent(20, 20), extent(500, 500))),
            (1, report(false, extent(2, 6), extent(0, 20), extent(0, 0))),
        ]);
        let sum = Sum::of(&reports);
        assert_eq!(sum.words(), "1 of 2 shards, snapshot parts 6 of 10, journal 20 of 40, forwards 500 of 500");
        assert_eq!((sum.is_done(), sum.share()), (false, Some(0.75)));
        assert_eq!(left(0.25, Duration::from_secs(2)), Some(Duration::from_secs(6)));
        assert_eq!(left(0.0, Duration::from_secs(2)), None);
        reports.insert(1, report(true, extent(6, 6), extent(20, 20), extent(0, 0)));
        assert!(Sum::of(&reports).is_done() && !Sum::of(&BTreeMap::new()).is_done());
        assert_eq!(Sum::of(&BTreeMap::new()).share(), None);
    }
}
