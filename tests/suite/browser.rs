//! A real browser without a window: headless Chromium, driven through chromedriver. Neither outlives the tests, and
//! nothing of it leaves the machine.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::real_parts::{Part, command, free_address, new_directory, start_patiently, tool};

/// Keys as WebDriver names them.
pub const TAB: char = '\u{e004}';
pub const ENTER: char = '\u{e007}';
pub const ESCAPE: char = '\u{e00c}';

/// The rules of WCAG 2.0 to 2.2, levels A and AA: what breaks them, in a line each.
const AXE: &str = "const done = arguments[0]; \
    axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((found) => \
    done(found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(' ')}`)))";

/// How a page is looked at.
#[derive(Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

pub struct Browser {
    runtime: Runtime,
    client: Option<Client>,
    _part: Part,
}

impl Browser {
    pub fn start(look: Look) -> Self {
        start_patiently("chromedriver", || {
            let directory = new_directory("browser");
            let address = free_address();
            let profile = directory.path().join("profile");
            let port = format!("--port={}", address.port());
            let mut part = Part::start(directory, &command("chromedriver"), &[&port, "--allowed-ips=127.0.0.1"]);
            let runtime = Runtime::new().map_err(|error| error.to_string())?;
            let capabilities = capabilities(look, &profile);
            let connect = || {
                let mut builder = ClientBuilder::rustls().ok()?;
                builder.capabilities(capabilities.as_object()?.clone());
                runtime.block_on(builder.connect(&format!("http://{address}"))).ok()
            };
            let client = Some(part.wait_ready(connect)?);
            Ok(Self { runtime, client, _part: part })
        })
    }

    pub fn open(&self, url: &str) {
        self.runtime.block_on(self.client().goto(url)).unwrap();
    }

    /// The value of a JavaScript expression.
    pub fn eval(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        self.runtime.block_on(self.client().execute(&script, Vec::new())).unwrap()
    }

    /// Waits till an expression is true; fails with what the page shows.
    pub fn wait_for(&self, expression: &str) {
        let start = std::time::Instant::now();
        while self.eval(&format!("Boolean({expression})")) != Value::Bool(true) {
            let shown = || self.eval("document.body.innerText");
            assert!(start.elapsed() < Duration::from_secs(20), "waited for {expression}; the page says {}", shown());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key, whatever has the focus.
    pub fn press(&self, key: char) {
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = keys.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        self.runtime.block_on(self.client().perform_actions(keys)).unwrap();
    }

    /// What breaks the rules of accessibility in what is shown, by axe-core.
    pub fn barriers(&self) -> Vec<String> {
        let axe = std::fs::read_to_string(tool("node/node_modules/axe-core/axe.min.js")).unwrap();
        let found = self.runtime.block_on(async {
            self.client().execute(&axe, Vec::new()).await?;
            self.client().execute_async(AXE, Vec::new()).await
        });
        found.unwrap().as_array().unwrap().iter().map(Value::to_string).collect()
    }

    /// A picture of what fits the window.
    pub fn view(&self) -> Vec<u8> {
        self.runtime.block_on(self.client().screenshot()).unwrap()
    }

    /// A picture of the whole page, however long it is.
    pub fn picture(&self) -> Vec<u8> {
        let taken = self.runtime.block_on(self.client().issue_cmd(WholePicture)).unwrap();
        BASE64_STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    /// What the console has said since it was last asked: warnings and errors.
    pub fn complaints(&self) -> Vec<String> {
        self.runtime.block_on(async {
            let said = self.client().issue_cmd(ConsoleLog).await.unwrap();
            let complains = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
            said.as_array().unwrap().iter().filter(complains).map(Value::to_string).collect()
        })
    }

    fn client(&self) -> &Client {
        self.client.as_ref().unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let closed = self.runtime.block_on(client.close());
            assert!(closed.is_ok() || std::thread::panicking(), "{closed:?}");
        }
    }
}

fn capabilities(look: Look, profile: &Path) -> Value {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--no-first-run".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--lang=en-US".to_owned(),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
        format!("--user-data-dir={}", profile.display()),
        format!("--window-size={},{}", look.width, look.height),
    ];
    if look.dark {
        arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    // A desktop's window is at least 500 wide: phones are emulated.
    let mut chrome = json!({ "args": arguments });
    if look.width < 500 {
        let metrics = json!({ "width": look.width, "height": look.height, "pixelRatio": 2.0, "touch": true });
        chrome["mobileEmulation"] = json!({ "deviceMetrics": metrics });
    }
    json!({ "browserName": "chrome", "goog:chromeOptions": chrome, "goog:loggingPrefs": { "browser": "ALL" } })
}

/// What only chromedriver knows: the console's log.
#[derive(Debug)]
struct ConsoleLog;

impl fantoccini::wd::WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// What only chromedriver does: a picture beyond what fits the window.
#[derive(Debug)]
struct WholePicture;

impl fantoccini::wd::WebDriverCompatibleCommand for WholePicture {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        let parameters = json!({ "captureBeyondViewport": true });
        let command = json!({ "cmd": "Page.captureScreenshot", "params": parameters });
        (axum::http::Method::POST, Some(command.to_string()))
    }
}
