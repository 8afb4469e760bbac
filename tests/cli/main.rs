//! The command `sealpush`, run as a user runs it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod body;
mod contact;
mod keys;
mod listen;
mod many;
mod providers;
mod send;
mod serve;
mod terminal;
mod usage;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use sealpush::local::{Fault, Faults, PushService, UserAgent};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const SUBJECT: &str = "mailto:ops@sealpush.dev";
const BINARY: &str = env!("CARGO_BIN_EXE_sealpush");

struct Output {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Output {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }

    /// One JSON value a line.
    fn json_lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .envs(std::env::vars_os().filter(|(name, _)| name == "LLVM_PROFILE_FILE"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn run(arguments: &[&str], environment: &[(&str, &str)], stdin: &[u8]) -> Output {
    finish(command(arguments, environment), stdin).await
}

async fn finish(mut command: Command, stdin: &[u8]) -> Output {
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // A command that ends before it reads is no failure of the test.
    let _ = input.write_all(stdin).await;
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    Output {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command that goes on, with the lines that it prints.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        self.lines.next_line().await.unwrap().expect("it ended before it printed this line")
    }

    /// Waits for its end, and answers the code with what it wrote to standard error.
    async fn end(self) -> (i32, String) {
        let output = self.child.wait_with_output().await.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

/// A directory that is removed at the end of the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("sealpush-cli-{}-{count}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a file and answers its path.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A private key and its public half.
async fn vapid_keys() -> (String, String) {
    let output = run(&["vapid", "generate", "--json"], &[], b"").await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    let pair = output.json();
    let text = |name: &str| pair[name].as_str().unwrap().to_owned();
    (text("private_key"), text("public_key"))
}

/// A push service with one subscription that takes any sender.
async fn subscribed() -> (PushService, UserAgent, String) {
    let service = PushService::start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let token = user_agent.subscribe(None).await.unwrap().token().to_json();
    (service, user_agent, token)
}

fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().unwrap().to_owned()
}
