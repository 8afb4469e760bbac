//! `send`: a sealed message to one token, or to many.

use std::path::PathBuf;

use clap::Args;
use sealpush::{Client, Stage, Token};

mod lines;
mod many;
mod payload;
mod providers;
mod report;

use crate::failure::{Failure, REFUSED};
use crate::input::{Source, read_token};
use crate::output::{print, print_json};

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Repeat what fails for the moment, for 15 minutes at most; a message may then arrive twice
    #[arg(long)]
    retry: bool,
    /// Print the outcome as JSON, one object a token, with the message resource, which is a
    /// capability
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(crate) payload: payload::Arguments,
    /// The file with the token [default: standard input]
    #[arg(long, value_name = "FILE", help_heading = "To whom")]
    token: Option<PathBuf>,
    /// The file with many tokens, one JSON object a line; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "token", help_heading = "To whom")]
    tokens: Option<PathBuf>,
    #[command(flatten)]
    providers: providers::Arguments,
}

const AFTER_HELP: &str = "\
Examples:
  sealpush send 'Hello' --token token.json
  sealpush send --title 'New mail' --url https://www.example.net/inbox --token token.json
  sealpush send --message-file news.txt --tokens tokens.ndjson --json > outcomes.ndjson

A token is what PushSubscription.toJSON() returned in the browser:
  {\"endpoint\":\"https://...\",\"keys\":{\"p256dh\":\"...\",\"auth\":\"...\"}}
Others name their provider: {\"provider\":\"fcm\",\"token\":\"...\",\"keys\":{...}}.
An empty environment variable counts as not set. Exit codes: see `sealpush --help`.";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.check_stdin()?;
    let message = arguments.payload.message()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(path) = &arguments.tokens {
        let tokens = Source::of("--tokens", path);
        return runtime.block_on(many::run(arguments, &message, &tokens));
    }
    let token = read_token(&Source::of_option("--token", arguments.token.as_ref()))?;
    let client = client(arguments, &token, &runtime)?;
    let outcome = runtime.block_on(client.send_encrypted(&token, &message));
    if arguments.json {
        print_json(&report::outcome(token.provider(), &outcome))?;
    }
    let accepted = outcome?;
    if arguments.json {
        return Ok(());
    }
    let kept = accepted.ttl.map(|ttl| format!(", kept for {} s", ttl.as_secs()));
    let done = match accepted.stage {
        // Whether a push comes of it is decided there, and not told.
        Stage::Queued => "queued at",
        _ => "accepted by",
    };
    let line = format!("{done} {}{}\n", accepted.provider, kept.unwrap_or_default());
    print(line.as_bytes())
}

impl Arguments {
    /// Standard input is read once.
    fn check_stdin(&self) -> Result<(), Failure> {
        let token = match &self.tokens {
            Some(path) => Source::of("--tokens", path),
            None => Source::of_option("--token", self.token.as_ref()),
        };
        let readers = [token.is_stdin(), self.payload.is_on_stdin(), self.providers.is_on_stdin()];
        if readers.into_iter().filter(|reads| *reads).count() > 1 {
            return Err(Failure::usage(
                "standard input can be read once: give the token with --token FILE, or the \
                 message or the key in a file",
            ));
        }
        Ok(())
    }
}

/// A client for this one token.
fn client(
    arguments: &Arguments,
    token: &Token,
    runtime: &tokio::runtime::Runtime,
) -> Result<Client, Failure> {
    let provider = arguments.providers.build(token.provider().as_str()).ok_or_else(|| {
        Failure::new(REFUSED, format!("this command has no provider '{}'", token.provider()))
    })?;
    let provider = runtime.block_on(provider)?;
    Ok(with_retries(Client::builder().provider(provider), arguments).build()?)
}

fn with_retries(
    builder: sealpush::client::ClientBuilder,
    arguments: &Arguments,
) -> sealpush::client::ClientBuilder {
    if arguments.retry { builder.retry(Default::default()) } else { builder }
}
