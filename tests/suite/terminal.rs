//! Programs in a real pseudo-terminal, and what they have drawn on it, as a terminal understands it.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portable_pty::{CommandBuilder, PtyPair, PtySize, native_pty_system};

use crate::real_parts::wait_for;

pub const SOON: Duration = Duration::from_secs(90);

/// A terminal of 80 by 24 with a program in it, and what the program has drawn.
pub struct Screen {
    pair: PtyPair,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    parser: Arc<Mutex<vt100::Parser>>,
}

impl Screen {
    pub fn of(arguments: &[&str]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tributary"));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        let keys = pair.master.take_writer().unwrap();
        let parser = Arc::new(Mutex::new(vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0)));
        let (mut from, into) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&parser));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end is an error when the program has gone.
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                into.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { pair, child, keys, parser }
    }

    pub fn text(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    pub fn wait_for(&self, part: &str) {
        let seen = || self.text().contains(part).then_some(());
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| wait_for(part, SOON, seen)));
        assert!(outcome.is_ok(), "`{part}` is not on\n{}", self.text());
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub fn resize(&self, rows: u16, cols: u16) {
        self.pair.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.parser.lock().unwrap().set_size(rows.try_into().unwrap(), cols.try_into().unwrap());
    }

    /// Whether lines are edited, as a shell wants it, on the screen that it had.
    pub fn is_as_it_was(&self) -> bool {
        let modes = self.pair.master.get_termios().unwrap();
        let local = format!("{:?}", modes.local_flags);
        let parser = self.parser.lock().unwrap();
        local.contains("ICANON") && !parser.screen().alternate_screen()
    }

    pub fn end(&mut self) -> u32 {
        wait_for("the end", SOON, || self.child.try_wait().unwrap()).exit_code()
    }

    pub fn process_id(&self) -> String {
        self.child.process_id().unwrap().to_string()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
    }
}

#[test]
fn what_takes_long_says_how_far_it_is_on_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let history = directory.path().join("history");
    let mut generating = Screen::of(&["generate", "--out", history.to_str().unwrap(), "--leads", "2000"]);
    generating.wait_for(" records  ");
    assert_eq!(generating.end(), 0);
    let reporting = Screen::of(&["report", history.to_str().unwrap(), "--kpi", "leads", "--window", "all"]);
    reporting.wait_for(" records  ");
    let seen = reporting.text();
    assert!(seen.contains(" % ") && seen.contains("/s  ") && seen.contains(" left"), "{seen}");
}
