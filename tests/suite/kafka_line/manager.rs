//! A service manager as systemd is one: a socket, and everything that an instance says there.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use crate::http::get;
use crate::real_parts::{new_directory, wait_for};

pub struct Manager {
    directory: TempDir,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Manager {
    pub fn new() -> Self {
        let directory = new_directory("manager");
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&heard);
        // It ends with the tests.
        std::thread::spawn(move || {
            let mut message = [0; 4096];
            while let Ok(length) = socket.recv(&mut message) {
                let text = String::from_utf8_lossy(&message[..length]).into_owned();
                to.lock().unwrap().extend(text.lines().map(str::to_owned));
            }
        });
        Self { directory, heard }
    }

    /// It takes a silence of a second for death.
    pub fn environment(&self) -> [(&'static str, &'static str); 2] {
        let path = self.directory.path().join("notify");
        let path: &'static str = path.to_str().unwrap().to_owned().leak();
        [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "1000000")]
    }

    pub fn wait_for(&self, line: &str) {
        let heard = || self.heard.lock().unwrap().iter().any(|heard| heard == line).then_some(());
        wait_for(line, Duration::from_secs(60), heard);
    }

    /// It must be told so when the instance says so itself, not before, and be told why not.
    pub fn wait_ready(&self, instance: SocketAddr) {
        self.wait_for("READY=1");
        assert_eq!(get(instance, "/readyz").unwrap().status, 200);
        self.wait_for("WATCHDOG=1");
        let heard = self.heard.lock().unwrap();
        assert!(heard[0].starts_with("STATUS=not ready: "), "{heard:?}");
        assert!(heard.iter().any(|line| line == "STATUS=running"), "{heard:?}");
        let before = heard.iter().position(|line| line == "READY=1").unwrap();
        assert!(before > 0 && !heard.iter().any(|line| line == "STOPPING=1"), "{heard:?}");
    }
}
