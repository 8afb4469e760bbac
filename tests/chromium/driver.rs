//! A real Chromium, driven through chromedriver's HTTP interface (W3C WebDriver) and the DevTools
//! protocol behind it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::installed::find;

/// Keys in WebDriver's notation (W3C WebDriver §17.4.2).
pub(crate) const DOWN: &str = "\u{e015}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const TAB: &str = "\u{e004}";

/// A browser with a fresh profile; ends with the value.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: PathBuf,
}

impl Browser {
    /// Starts a browser. `None` without Chromium on a developer's machine, which is said on the
    /// terminal; in CI (`CI=true`) that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let (chromium, chromedriver) = (find(&["chromium"])?, find(&["chromedriver"])?);
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let profile = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("chromium-{}-{number}", std::process::id()));
        fs::create_dir_all(&profile).unwrap();

        let (driver, port) = start_driver(&chromedriver, &profile);
        let mut browser = Self { driver, port, session: String::new(), profile };
        let options = json!({
            "binary": chromium,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                format!("--user-data-dir={}", browser.profile.display()),
            ],
        });
        let capabilities = json!({"browserName": "chrome", "goog:chromeOptions": options});
        let session = browser.request(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": capabilities}}),
        );
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        Some(browser)
    }

    /// Opens a page and allows its origin to show notifications.
    pub(crate) fn open(&self, origin: &str) {
        let permission = json!({"origin": origin, "permissions": ["notifications"]});
        self.devtools("Browser.grantPermissions", &permission);
        self.post("/url", &json!({"url": format!("{origin}/")}));
    }

    /// Opens a page of nobody's.
    pub(crate) fn leave(&self) {
        self.post("/url", &json!({"url": "about:blank"}));
    }

    /// Runs the body of an async function in the page, with `argument`, and returns its result.
    pub(crate) fn run(&self, body: &str, argument: &Value) -> Value {
        let script = format!(
            "const [argument, done] = arguments;
             (async () => {{ {body} }})().then(
               (value) => done({{ value: value ?? null }}),
               (error) => done({{ error: `${{error.name}}: ${{error.message}}` }}),
             );"
        );
        let mut answer =
            self.post("/execute/async", &json!({"script": script, "args": [argument]}));
        assert!(answer["error"].is_null(), "{}", answer["error"]);
        answer["value"].take()
    }

    /// A command of the Chrome DevTools protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Delivers a push message, as text, to the first service worker of the profile.
    pub(crate) fn push(&self, origin: &str, message: &str) {
        self.devtools("ServiceWorker.enable", &json!({}));
        let parameters = json!({"origin": origin, "registrationId": "0", "data": message});
        self.devtools("ServiceWorker.deliverPushMessage", &parameters);
    }

    /// Presses keys one after the other.
    pub(crate) fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key})))
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.post("/actions", &json!({"actions": [keyboard]}));
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, mut answer) = self.exchange(method, path, body).unwrap();
        assert!(status.contains(" 200 "), "{method} {path}: {}", answer["value"]["message"]);
        answer["value"].take()
    }

    /// One request on a connection of its own: status line and body of the answer.
    fn exchange(&self, method: &str, path: &str, body: &Value) -> io::Result<(String, Value)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;

        let mut reader = BufReader::new(stream);
        let mut status = String::new();
        reader.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().map_err(io::Error::other)?;
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok((status, serde_json::from_slice(&body)?))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium; killing the driver alone would leave it.
        let _ = self.exchange("DELETE", &format!("/session/{}", self.session), &json!({}));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// Starts chromedriver on a free port. It asks the system for one on IPv4 and then takes the same
/// on IPv6, where another may be first; so it gets several tries.
fn start_driver(program: &Path, home: &Path) -> (Child, u16) {
    for _ in 0..5 {
        let mut driver = Command::new(program)
            .arg("--port=0")
            .env("HOME", home)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        if let Some(port) = port {
            // It may go on to print, and must not find a closed pipe.
            std::thread::spawn(move || lines.for_each(drop));
            return (driver, port);
        }
        driver.wait().unwrap();
    }
    panic!("chromedriver finds no free port");
}
