//! The senders that are compared, each as its own documentation uses it.

mod ece;
mod floor;
mod sealpush;
mod web_push;
mod web_push_native;

use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::ValueEnum;
use serde::Serialize;

use crate::cost::{Cost, Meter};
use crate::task::{Task, Work};

/// One sender.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
pub enum Side {
    /// sealpush: `Client::send_many` over `WebPush`, with retry and trace.
    Sealpush,
    /// Sealing and the bare h2 crate, with everything else made before: no sender can be cheaper.
    Floor,
    /// Mozilla's `ece`.
    Ece,
    /// `web-push` with its isahc client.
    WebPushIsahc,
    /// The same with one VAPID header for all messages.
    WebPushIsahcCached,
    /// `web-push` with its hyper client.
    WebPushHyper,
    /// The same with one VAPID header for all messages.
    WebPushHyperCached,
    /// `web-push-native`, which sends nothing itself.
    WebPushNative,
    /// `web-push` of npm.
    Node,
    /// The same with one VAPID header for all messages.
    NodeCached,
    /// `pywebpush` over requests.
    Python,
    /// `pywebpush` over aiohttp.
    PythonAiohttp,
    /// The same with one VAPID header for all messages.
    PythonAiohttpCached,
}

impl Side {
    /// Those whose program and packages are on this machine; says which are not.
    pub fn ready() -> Vec<Self> {
        let mut ready = Vec::new();
        for &side in Self::value_variants() {
            match side.program() {
                Some((_, needs)) if !needs.exists() => {
                    eprintln!("MISSING: {} ({}); see README.md", side.name(), needs.display());
                }
                _ => ready.push(side),
            }
        }
        ready
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sealpush => "sealpush",
            Self::Floor => "floor: seal + h2",
            Self::Ece => "ece",
            Self::WebPushIsahc => "web-push isahc",
            Self::WebPushIsahcCached => "web-push isahc, cached VAPID",
            Self::WebPushHyper => "web-push hyper",
            Self::WebPushHyperCached => "web-push hyper, cached VAPID",
            Self::WebPushNative => "web-push-native",
            Self::Node => "npm web-push",
            Self::NodeCached => "npm web-push, cached VAPID",
            Self::Python => "pywebpush",
            Self::PythonAiohttp => "pywebpush aiohttp",
            Self::PythonAiohttpCached => "pywebpush aiohttp, cached VAPID",
        }
    }

    pub fn can(self, task: Task) -> bool {
        match self {
            Self::Sealpush => true,
            Self::Floor => matches!(task, Task::Send | Task::Send20 | Task::Send250),
            Self::Ece => matches!(task, Task::Seal | Task::Open),
            Self::WebPushIsahc => task != Task::Open,
            Self::WebPushNative => matches!(task, Task::Seal | Task::Request | Task::Open),
            Self::WebPushHyper => !matches!(task, Task::Seal | Task::Request | Task::Open),
            Self::Node => true,
            // One connection for each message: slow, and nothing new at other delays.
            Self::Python => matches!(task, Task::Seal | Task::Request | Task::Open | Task::Send),
            Self::PythonAiohttp => matches!(task, Task::Send | Task::Send20 | Task::Errors),
            Self::WebPushIsahcCached
            | Self::WebPushHyperCached
            | Self::NodeCached
            | Self::PythonAiohttpCached => matches!(task, Task::Send),
        }
    }

    /// Whether a fifth of the messages is enough of them.
    pub fn is_slow(self) -> bool {
        matches!(
            self,
            Self::Node
                | Self::NodeCached
                | Self::Python
                | Self::PythonAiohttp
                | Self::PythonAiohttpCached
        )
    }

    /// Whether it signs one VAPID header for all messages where its own way is one for each.
    pub fn is_cached(self) -> bool {
        matches!(
            self,
            Self::WebPushIsahcCached
                | Self::WebPushHyperCached
                | Self::NodeCached
                | Self::PythonAiohttpCached
        )
    }

    /// Does the work in this process.
    pub fn run(self, work: &Work) -> String {
        let answer = match self {
            Self::Sealpush => sealpush::run(work),
            Self::Floor => floor::run(work),
            Self::Ece => ece::run(work),
            Self::WebPushIsahc | Self::WebPushIsahcCached => {
                web_push::isahc(work, self.is_cached())
            }
            Self::WebPushHyper | Self::WebPushHyperCached => {
                web_push::hyper(work, self.is_cached())
            }
            Self::WebPushNative => web_push_native::run(work),
            _ => unreachable!("it is a program of its own"),
        };
        serde_json::to_string(&answer).expect("it is plain data")
    }

    /// Does the work in a process of its own.
    pub fn start(self, work: &Work) -> Result<Cost, String> {
        let output = self.output(work)?;
        serde_json::from_str(&output).map_err(|error| format!("{error} in {output:?}"))
    }

    /// What the process of this side prints.
    pub fn output(self, work: &Work) -> Result<String, String> {
        let mut command = match self.program() {
            Some((program, _)) => program,
            None => {
                let mut program =
                    Command::new(std::env::current_exe().expect("the bench has a path"));
                program.arg("side");
                program
            }
        };
        command.arg(self.to_possible_value().expect("no side is skipped").get_name());
        // Each peer's way to a root certificate.
        for variable in
            ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
        {
            command.env(variable, &work.place.root);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut stdin = child.stdin.take().expect("it is piped");
        serde_json::to_writer(&mut stdin, work).map_err(|error| error.to_string())?;
        let _ = stdin.flush();
        drop(stdin);
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("ended with {}", output.status));
        }
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    }

    /// The program of a side in another language, and what it needs.
    fn program(self) -> Option<(Command, PathBuf)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        match self {
            Self::Node | Self::NodeCached => {
                let mut command = Command::new("node");
                command.arg(root.join("node/side.mjs"));
                Some((command, root.join("node/node_modules/web-push")))
            }
            Self::Python | Self::PythonAiohttp | Self::PythonAiohttpCached => {
                let python = root.join("python/venv/bin/python");
                let mut command = Command::new(&python);
                command.arg(root.join("python/side.py"));
                Some((command, python))
            }
            _ => None,
        }
    }
}

/// What a side answers to a task.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Answer {
    Cost(Cost),
    /// A sealed body or an opened text, for the check.
    Text(String),
}

/// Does something in this thread, again and again; a check asks for it once.
fn repeat(work: &Work, mut once: impl FnMut() -> String) -> Answer {
    if work.count == 1 {
        return Answer::Text(once());
    }
    (0..work.warm_up).for_each(|_| drop(once()));
    let meter = Meter::start();
    (0..work.count).for_each(|_| drop(once()));
    Answer::Cost(meter.stop(work.count, 0))
}

/// Sends with so many tasks as there are messages in flight; `send` says whether the push service
/// accepted.
fn send_all<F>(work: &Work, send: impl Fn() -> F + Clone + Send + Sync + 'static) -> Answer
where
    F: Future<Output = bool> + Send,
{
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        many(work.warm_up, work.in_flight, send.clone()).await;
        let meter = Meter::start();
        let accepted = many(work.count, work.in_flight, send).await;
        Answer::Cost(meter.stop(accepted, work.count - accepted))
    })
}

async fn many<F>(
    count: usize,
    in_flight: usize,
    send: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> usize
where
    F: Future<Output = bool> + Send,
{
    let left = Arc::new(AtomicUsize::new(count));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        let (left, send) = (Arc::clone(&left), send.clone());
        tasks.spawn(async move {
            let mut accepted = 0;
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
            {
                accepted += usize::from(send().await);
            }
            accepted
        });
    }
    tasks.join_all().await.into_iter().sum()
}
