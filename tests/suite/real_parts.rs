//! What all real parts share: where they are installed, processes that never outlive the tests (not even when these are
//! killed), free ports, patience with a limit.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Runs the program "$@" under the shell's own pid. Beside it a watcher waits for the end of standard input, whose other
/// end only the tests hold: when it closes, for whatever reason, the program is killed and its directory ($0) removed (which
/// fails as long as the dying program still writes there).
const WATCHED: &str = r#"
exec 3<&0
{ read -r _ <&3; kill -9 $$; until rm -rf "$0"; do sleep 0.1; done; } 2>/dev/null &
exec "$@" </dev/null 3<&-
"#;

/// A running program with a directory of its own.
pub struct Part {
    child: Child,
    lifeline: Option<ChildStdin>,
    directory: PathBuf,
}

impl Part {
    pub fn start(directory: TempDir, program: &Path, arguments: &[&str]) -> Self {
        let log = File::create(directory.path().join("log")).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", WATCHED])
            .arg(directory.path())
            .arg(program)
            .args(arguments)
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // An interrupt from the terminal is for the tests alone: the watcher must live to clean up.
            .process_group(0)
            .spawn()
            .unwrap();
        let lifeline = child.stdin.take();
        // From here on the watcher removes it.
        Self { child, lifeline, directory: directory.keep() }
    }

    /// Waits till `ready` gives something. An error when the program ends before, or has not got there in a minute: with
    /// the end of its log.
    pub fn wait_ready<T>(&mut self, mut ready: impl FnMut() -> Option<T>) -> Result<T, String> {
        let start = Instant::now();
        loop {
            if let Some(value) = ready() {
                return Ok(value);
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > Duration::from_secs(60) {
                let state = ended.map_or("not ready in time".to_owned(), |status| status.to_string());
                return Err(format!("{state}; its log ends with\n{}", self.log_end()));
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Sends a signal, such as `TERM`, to the program.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success(), "kill -{name}");
    }

    /// Waits till the program has ended by itself, or by a signal.
    pub fn wait_end(&mut self, patience: Duration) -> ExitStatus {
        wait_for("the end of a program", patience, || self.child.try_wait().unwrap())
    }

    /// All that it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let ended = self.child.wait();
        assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
    }
}

/// A directory for a part to be started in.
pub fn new_directory(name: &str) -> TempDir {
    tempfile::Builder::new().prefix(&format!("tributary-{name}-")).tempdir().unwrap()
}

/// A loopback address whose port was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Starts a part on addresses that were free a moment ago: somebody else may have taken them meanwhile, so three times.
pub fn start_patiently<T>(name: &str, mut start: impl FnMut() -> Result<T, String>) -> T {
    let mut problems = Vec::new();
    for _ in 0..3 {
        match start() {
            Ok(part) => return part,
            Err(problem) => problems.push(problem),
        }
    }
    panic!("{name} did not start: {}", problems.join("\n"))
}

/// Waits till `look` gives something; fails after `patience`.
pub fn wait_for<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(start.elapsed() < patience, "waited {patience:?} for {what}");
        sleep(Duration::from_millis(50));
    }
}

/// A command of the system.
pub fn command(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: install it with `make setup`"))
}

/// Something that the setup put into `.tools`.
pub fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools").join(name);
    assert!(path.exists(), "{} is missing: install it with `make setup`", path.display());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_part_is_gone_with_its_directory() {
        let directory = new_directory("part");
        let path = directory.path().to_owned();
        let part = Part::start(directory, Path::new("sleep"), &["600"]);
        let process = PathBuf::from(format!("/proc/{}", part.child.id()));
        assert!(process.exists() && path.exists());
        drop(part);
        assert!(!process.exists());
        wait_for("the directory to go", Duration::from_secs(10), || (!path.exists()).then_some(()));
    }

    #[test]
    fn a_part_that_ends_at_once_says_why() {
        let mut part = Part::start(new_directory("part"), Path::new("ls"), &["/no/such/folder"]);
        let problem = part.wait_ready(|| None::<()>).unwrap_err();
        assert!(problem.contains("/no/such/folder"), "{problem}");
    }
}
