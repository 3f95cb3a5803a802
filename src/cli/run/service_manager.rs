//! What a service manager is told that asks for it (`Type=notify` of systemd): ready as soon as `/readyz` says so, in
//! words where the instance stands, signs of life, and that it stops. Without `NOTIFY_SOCKET` nobody is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::publish::board::{Board, Status};

const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(super) struct ServiceManager {
    board: Arc<Board>,
    ready: bool,
    /// What was said last.
    words: String,
}

impl ServiceManager {
    pub fn new(board: Arc<Board>) -> Self {
        Self { board, ready: false, words: String::new() }
    }

    /// Until the stop, which it tells, too. What cannot be told is no reason to end.
    pub fn tell(mut self, stop: &AtomicBool) {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return;
        }
        if let Err(error) = self.tell_all(stop) {
            tracing::warn!(%error, "the service manager cannot be told (NOTIFY_SOCKET)");
        }
    }

    fn tell_all(&mut self, stop: &AtomicBool) -> std::io::Result<()> {
        // Twice within the time after which silence is taken for death.
        let sign_every = sd_notify::watchdog_enabled().map(|silence| silence / 2);
        let mut since_sign = Duration::ZERO;
        while !stop.load(Ordering::SeqCst) {
            self.tell_status(&self.board.status())?;
            if sign_every.is_some_and(|every| since_sign >= every) {
                sd_notify::notify(&[NotifyState::Watchdog])?;
                since_sign = Duration::ZERO;
            }
            std::thread::sleep(LOOK_EVERY);
            since_sign += LOOK_EVERY;
        }
        sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status("stopping: finishing what is under way")])
    }

    /// Only what is new. A service stays ready for its manager: one that has lost its shards is about to get others.
    fn tell_status(&mut self, status: &Status) -> std::io::Result<()> {
        let words = in_words(status);
        let mut news = Vec::new();
        if status.not_ready.is_none() && !self.ready {
            self.ready = true;
            news.push(NotifyState::Ready);
        }
        if words != self.words {
            news.push(NotifyState::Status(&words));
        }
        if !news.is_empty() {
            sd_notify::notify(&news)?;
        }
        self.words = words;
        Ok(())
    }
}

fn in_words(status: &Status) -> String {
    match (&status.not_ready, &status.trouble) {
        (Some(reason), _) => format!("not ready: {reason}"),
        (None, Some(trouble)) => format!("running, with trouble: {trouble}"),
        (None, None) => "running".to_owned(),
    }
}
