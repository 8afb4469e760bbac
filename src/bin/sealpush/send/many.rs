//! One message to many tokens: read as they are sent, so that memory stays flat.

use std::collections::HashMap;
use std::io::{BufReader, IsTerminal};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sealpush::{Accepted, Client, Error, ErrorKind, Message, ProviderId, Token};
use serde_json::json;
use tokio::sync::mpsc;

use super::lines::{Line, Lines};
use super::report::{self, Summary};
use super::{Arguments, providers, with_retries};
use crate::failure::{BAD_TOKEN, Failure, REFUSED, SOME_FAILED};
use crate::input::Source;
use crate::output::{print, print_json, warn};

pub(super) async fn run(
    arguments: &Arguments,
    message: &Message,
    tokens: &Source<'_>,
) -> Result<(), Failure> {
    let (client, missing) = client(arguments).await?;
    let report = Report::new(arguments.json, tokens);
    let lines = read(tokens)?;
    let mut outcomes = client.send_many(jobs(lines, &missing, message, &report));
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            outcome = outcomes.next() => match outcome {
                Some((key, outcome)) => report.outcome(&key, &outcome)?,
                None => break,
            },
            _ = interrupted.as_mut() => {
                warn("interrupted: waiting for what is under way, 10 s at most");
                let drained = outcomes.drain(DRAIN).await;
                for (key, outcome) in drained.finished {
                    report.outcome(&key, &outcome)?;
                }
                report.state().summary.leave(drained.unsent.len());
                break;
            }
        }
    }
    drop(outcomes);
    report.finish()
}

/// A client with every provider that can be made, and why the others cannot.
async fn client(
    arguments: &Arguments,
) -> Result<(Client, HashMap<&'static str, Failure>), Failure> {
    let mut builder = Client::builder();
    let mut missing = HashMap::new();
    for &name in providers::Arguments::NAMES {
        let Some(building) = arguments.providers.build(name) else { continue };
        match building.await {
            Ok(provider) => builder = builder.provider(provider),
            Err(failure) => {
                missing.insert(name, failure);
            }
        }
    }
    Ok((with_retries(builder, arguments).build()?, missing))
}

/// Where an outcome belongs.
struct Key {
    line: u64,
    provider: ProviderId,
}

/// Reads the lines in a thread of their own: a pipe may be slow, and what is under way goes on
/// meanwhile.
fn read(tokens: &Source<'_>) -> Result<mpsc::Receiver<Result<Line, Failure>>, Failure> {
    let reader = tokens.open("tokens (JSON), one a line,")?;
    let name = tokens.name();
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        for line in Lines::new(BufReader::new(reader)) {
            let line = line.map_err(|error| {
                Failure::other(format!("{name} cannot be read: {}", error.kind()))
            });
            let is_last = line.is_err();
            // Nobody takes it after an interruption.
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    Ok(receiver)
}

/// The lines that can be sent; those that cannot are reported on the way.
fn jobs<'a>(
    mut lines: mpsc::Receiver<Result<Line, Failure>>,
    missing: &'a HashMap<&'static str, Failure>,
    message: &'a Message,
    report: &'a Report,
) -> impl Stream<Item = (Key, Token, Message)> + 'a {
    stream::poll_fn(move |context| {
        loop {
            let line = match ready!(lines.poll_recv(context)) {
                Some(Ok(line)) => line,
                Some(Err(failure)) => {
                    report.state().stopped = Some(failure);
                    return Poll::Ready(None);
                }
                None => return Poll::Ready(None),
            };
            report.bar.inc(line.octets);
            let number = line.number;
            let token = match line.token {
                Ok(token) => token,
                Err(error) => {
                    report.refuse(number, &Failure::from(error));
                    continue;
                }
            };
            let provider = token.provider().clone();
            if let Some(failure) = missing.get(provider.as_str()) {
                report.refuse(number, failure);
            } else if !providers::Arguments::NAMES.contains(&provider.as_str()) {
                let fact = format!("this command has no provider '{provider}'");
                report.refuse(number, &Failure::new(REFUSED, fact));
            } else {
                return Poll::Ready(Some((Key { line: number, provider }, token, message.clone())));
            }
        }
    })
}

/// Tells what happens: a bar where somebody looks, a line for each failure, or JSON.
struct Report {
    bar: ProgressBar,
    json: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    summary: Summary,
    /// Why reading or writing ended early.
    stopped: Option<Failure>,
}

impl Report {
    fn new(json: bool, tokens: &Source<'_>) -> Self {
        Self { bar: bar(tokens), json, state: Mutex::default() }
    }

    fn outcome(&self, key: &Key, outcome: &Result<Accepted, Error>) -> Result<(), Failure> {
        match outcome {
            Ok(_) => self.state().summary.accept(),
            Err(error) => self.count(key.line, &Failure::from(error)),
        }
        if self.json {
            let mut line = report::outcome(&key.provider, outcome);
            line["line"] = key.line.into();
            print_json(&line)?;
        }
        self.show();
        Ok(())
    }

    /// A line that was never sent.
    fn refuse(&self, line: u64, failure: &Failure) {
        self.count(line, failure);
        if self.json {
            let kind = match failure.code() {
                BAD_TOKEN => ErrorKind::InvalidToken,
                _ => ErrorKind::Configuration,
            };
            let outcome = print_json(&json!({
                "accepted": false,
                "line": line,
                "kind": kind.as_str(),
                "message": failure.message(),
                "is_retryable": false,
                "is_token_dead": false,
                "is_token_doubtful": false,
                "is_outcome_known": true,
            }));
            if let Err(failure) = outcome {
                self.state().stopped = Some(failure);
            }
        }
        self.show();
    }

    fn count(&self, line: u64, failure: &Failure) {
        self.state().summary.fail(failure);
        if !self.json {
            self.bar.suspend(|| warn(&format!("line {line}: {}", failure.message())));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self) {
        let state = self.state();
        let failed = state.summary.total() - state.summary.accepted();
        self.bar.set_message(format!("{} accepted, {failed} not", state.summary.accepted()));
    }

    fn finish(self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let State { summary, stopped } =
            self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.json {
            print_json(&summary.as_json())?;
        } else {
            print(format!("{}\n", summary.in_words()).as_bytes())?;
        }
        if let Some(failure) = stopped {
            return Err(failure);
        }
        match (summary.total(), summary.accepted()) {
            (0, _) => Err(Failure::new(BAD_TOKEN, "there is no token in what --tokens names")),
            (total, accepted) if total == accepted => Ok(()),
            (total, accepted) => Err(Failure::new(
                SOME_FAILED,
                format!("{} of {total} tokens did not get the message", total - accepted),
            )),
        }
    }
}

/// A bar that measures the octets of the file, or counts where there is no file. Without a terminal
/// it draws nothing.
fn bar(tokens: &Source<'_>) -> ProgressBar {
    let size = match tokens {
        Source::File { path, .. } => std::fs::metadata(path).ok().filter(|file| file.is_file()),
        Source::Stdin => None,
    };
    let bar = match size {
        Some(file) => ProgressBar::new(file.len()).with_style(
            ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        ),
        None => ProgressBar::new_spinner(),
    };
    bar.set_draw_target(if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    });
    bar
}

/// Lines that are read before they are sent.
const READ_AHEAD: usize = 256;
/// How long an interruption waits for what is under way.
const DRAIN: Duration = Duration::from_secs(10);
