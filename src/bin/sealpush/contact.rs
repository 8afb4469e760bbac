//! `contact`: a message to somebody whose card one has, without an account and without a token.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealpush::clock::{Clock, SystemClock};
use sealpush::contact::{Answer, Card, Draft, Identity, Outgoing, Request, paths, post};
use sealpush::transport::{HyperTransport, Transport, retry_after};
use sealpush::{EndpointGuard, Error, ErrorKind};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::failure::{self, BAD_TOKEN, Failure};
use crate::input::{Source, write_secret};
use crate::output::{json_line, print, print_json};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make an identity for one contact, by which they know the sender again: print it, and keep it
    Identity(IdentityArguments),
    /// Seal a message to a card and post it to the card's relay
    Send(SendArguments),
}

#[derive(Args)]
pub(crate) struct IdentityArguments {
    /// Write it to this file, which only you can read, in place of standard output
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SendArguments {
    /// The message; `-` reads it from standard input
    #[arg(default_value = "")]
    message: String,
    /// The file with the card: a link that ends in #c=... [default: standard input]
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// Sign with the identity in this file, which counts the messages. Without it the message is
    /// from nobody
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Print the outcome as one JSON object
    #[arg(long)]
    json: bool,
    /// Also post to this relay although it is not public: HOST or HOST:PORT
    #[arg(long, env = "PUSH_ALLOW_HOST", value_name = "HOST", value_delimiter = ',')]
    allow_host: Vec<String>,
    /// Also post to a relay on this machine, over plain HTTP
    #[arg(long)]
    allow_loopback: bool,
}

const AFTER_HELP: &str = "\
Examples:
  sealpush contact send 'The door is open' < card.txt
  sealpush contact identity --identity me.json
  sealpush contact send 'It is me again' --card card.txt --identity me.json

A card is a link, https://.../#c=..., that its owner gave you. The relay in it sees your network
address, the time and one of three sizes; not the text, and nobody's name.
Exit codes: see `sealpush --help`; 3 is a card that is dead, 4 a card that does not parse.";

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Identity(arguments) => identity(arguments),
        Command::Send(arguments) => send(arguments),
    }
}

fn identity(arguments: &IdentityArguments) -> Result<(), Failure> {
    let identity = json_line(&Identity::generate()?)?;
    match &arguments.identity {
        None => print(identity.as_bytes()),
        Some(path) => write_secret("--identity", path, identity.as_bytes()),
    }
}

fn send(arguments: &SendArguments) -> Result<(), Failure> {
    let source = Source::of_option("--card", arguments.card.as_ref());
    let card = read_card(&source)?;
    let text = message(arguments, &source)?;
    let outgoing = compose(arguments, &card, &text)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = transport(arguments, &outgoing)
        .and_then(|transport| runtime.block_on(exchange(&transport, &outgoing)));
    if arguments.json {
        print_json(&report(&outgoing.request, &outcome))?;
    }
    let answer = outcome?;
    if !arguments.json {
        print(format!("{} by {}\n", word(answer), outgoing.relay).as_bytes())?;
    }
    Ok(())
}

fn message(arguments: &SendArguments, card: &Source<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = if arguments.message == "-" {
        if card.is_stdin() {
            return Err(Failure::usage("standard input has the card; give the message otherwise"));
        }
        Source::Stdin.read("a message", MAX_MESSAGE)?
    } else {
        Zeroizing::new(arguments.message.as_bytes().to_vec())
    };
    if text.is_empty() {
        return Err(Failure::usage("there is no message; a contact is sent a text"));
    }
    Ok(text)
}

fn read_card(source: &Source<'_>) -> Result<Card, Failure> {
    let octets = source.read("a card (a link)", MAX_CARD)?;
    let bad = |fact: &str| Failure::new(BAD_TOKEN, fact).about(&source.name());
    let text = std::str::from_utf8(&octets).map_err(|_| bad("the card is not text"))?;
    if text.trim().is_empty() {
        return Err(bad("there is no card; give the link, for example \
                        `sealpush contact send Hello --card card.txt`"));
    }
    text.parse().map_err(|error: Error| Failure::from(error).about(&source.name()))
}

/// A signed message is counted in the identity's file before it exists.
fn compose(arguments: &SendArguments, card: &Card, text: &[u8]) -> Result<Outgoing, Failure> {
    let now = SystemClock.now();
    let Some(path) = &arguments.identity else {
        return Ok(Draft::anonymous(card, text, now)?.seal()?);
    };
    let octets = Source::of("--identity", path).read("an identity (JSON)", MAX_CARD)?;
    // The parser's own error repeats parts of the file.
    let mut identity: Identity = serde_json::from_slice(&octets).map_err(|_| {
        Failure::usage("the file of --identity is not what `sealpush contact identity` prints")
    })?;
    let draft = identity.draft(card, text, now)?;
    write_secret("--identity", path, json_line(&identity)?.as_bytes())?;
    Ok(draft.seal()?)
}

fn transport(arguments: &SendArguments, outgoing: &Outgoing) -> Result<HyperTransport, Error> {
    let loopback = EndpointGuard::loopback_for_tests();
    let is_loopback = loopback.check(&outgoing.relay.url()).is_ok();
    let guard = if arguments.allow_loopback && is_loopback {
        loopback
    } else {
        EndpointGuard::allow_hosts(arguments.allow_host.iter().filter(|host| !host.is_empty()))?
    };
    HyperTransport::builder().guard(guard).build()
}

/// Posts the request, and reads the relay's word.
async fn exchange(transport: &HyperTransport, outgoing: &Outgoing) -> Result<Answer, Error> {
    let octets = outgoing.request.to_octets();
    let response = transport.send(post(&outgoing.relay, paths::MESSAGES, octets)).await?;
    let status = response.status();
    let error =
        |kind, message: &'static str| Error::new(kind, message).with_status(status.as_u16());
    if !status.is_success() {
        let kind = match status.as_u16() {
            429 => ErrorKind::RateLimited,
            413 => ErrorKind::PayloadTooLarge,
            500.. => ErrorKind::Unavailable,
            _ => ErrorKind::Rejected,
        };
        let wait = retry_after(response.headers(), SystemClock.now());
        return Err(error(kind, "the relay refused the request").with_retry_after(wait));
    }
    match Answer::from_octets(response.body())? {
        answer @ (Answer::Accepted | Answer::Kept) => Ok(answer),
        Answer::Gone => Err(error(ErrorKind::Expired, "the card is dead; ask for a new one")),
        Answer::TooLarge => Err(error(
            ErrorKind::PayloadTooLarge,
            "the receiver's push service takes shorter messages only",
        )),
        Answer::SlowDown(wait) => {
            let slow = error(ErrorKind::RateLimited, "the relay asks to slow down");
            Err(slow.with_retry_after(wait))
        }
    }
}

fn word(answer: Answer) -> &'static str {
    if answer == Answer::Kept { "kept" } else { "accepted" }
}

fn report(request: &Request, outcome: &Result<Answer, Error>) -> Value {
    let octets = request.to_octets().len();
    match outcome {
        Ok(answer) => {
            json!({ "accepted": true, "kept": *answer == Answer::Kept, "octets": octets })
        }
        Err(error) => json!({
            "accepted": false,
            "kind": error.kind().as_str(),
            "message": failure::sentence(error),
            "status": error.status(),
            "retry_after": error.retry_after().map(|delay| delay.as_secs()),
            "is_retryable": error.is_retryable(),
            "is_card_dead": error.is_token_dead(),
            "is_outcome_known": error.is_outcome_known(),
        }),
    }
}

/// Octets that a message, and a card or an identity, are read to.
const MAX_MESSAGE: usize = 4096;
const MAX_CARD: usize = 8192;
