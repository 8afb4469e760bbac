//! The command `sealpush`: keys, sealing, sending, and the embedded push service.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sealpush::{Error, ErrorKind, Padding, Token};

mod keys;
mod send;
mod serve;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Keys { command: keys::Command::Generate } => keys::generate(),
        Command::Open(arguments) => keys::open(&arguments),
        Command::Seal(arguments) => keys::seal(&arguments),
        Command::Send(arguments) => send::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Vapid { command } => keys::vapid(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            warn(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}

#[derive(Parser)]
#[command(version, about, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the keys of a user agent that is not a browser
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// Open a sealed body: body on standard input, plaintext on standard output
    Open(keys::OpenArguments),
    /// Seal a message for a token without sending it
    Seal(keys::SealArguments),
    /// Seal a message and send it: token JSON on standard input
    Send(send::Arguments),
    /// Run the embedded push service, for development
    Serve(serve::Arguments),
    /// Make or show the key that identifies the application server (RFC 8292)
    Vapid {
        #[command(subcommand)]
        command: keys::VapidCommand,
    },
}

const EXAMPLES: &str = "\
Examples:
  sealpush vapid generate > .env            a key for your application server
  sealpush send 'Hello' < token.json        to what the browser's PushSubscription.toJSON() gave
  sealpush keys generate > keys.json        a user agent without a browser
  sealpush seal 'Hello' < token.json | sealpush open --keys keys.json

Exit codes:
  0  done; for `send`: the push service accepted the message
  1  anything else, such as an unreadable file or a body that does not open
  2  wrong arguments or settings; no request was made
  3  dead token: delete it
  4  bad token: it does not parse; no request was made
  5  refused: the message, our key, or the address; trying again does not help
  6  temporary failure: try again later";

/// Why the command ends with another code than 0.
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Configuration => 2,
            ErrorKind::Expired => 3,
            ErrorKind::InvalidToken => 4,
            ErrorKind::Blocked
            | ErrorKind::PayloadTooLarge
            | ErrorKind::Rejected
            | ErrorKind::TokenMismatch
            | ErrorKind::Unauthorized => 5,
            ErrorKind::RateLimited
            | ErrorKind::Timeout
            | ErrorKind::Transport
            | ErrorKind::Unavailable => 6,
            _ => 1,
        };
        let mut message = error.to_string();
        if let Some(delay) = error.retry_after() {
            message.push_str(&format!("; try again in {} s", delay.as_secs()));
        }
        if !error.is_outcome_known() {
            message.push_str("; the message may have been accepted all the same");
        }
        Self { code, message }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::other(error.to_string())
    }
}

/// Reads standard input to its end, but no more than one octet over `limit`.
pub(crate) fn read_stdin(limit: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    io::stdin().lock().take(limit).read_to_end(&mut octets)?;
    Ok(octets)
}

/// Reads a token from standard input.
pub(crate) fn read_token() -> Result<Token, Failure> {
    let text = String::from_utf8(read_stdin(Token::MAX_LEN)?).map_err(|_| Failure {
        code: 4,
        message: "the token on standard input is not text".to_owned(),
    })?;
    if text.trim().is_empty() {
        return Err(Failure {
            code: 4,
            message: "there is no token on standard input: pipe in its JSON, for example \
                      `sealpush send Hello < token.json`"
                .to_owned(),
        });
    }
    Ok(text.parse()?)
}

/// Writes to standard output; a reader that went away is no failure of ours.
pub(crate) fn print(octets: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(octets).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Writes a line to standard error; where nobody reads it, what counts is what the command does.
pub(crate) fn warn(line: &str) {
    let _ = writeln!(io::stderr(), "sealpush: {line}");
}

/// Reads `none`, `buckets` or a number of octets.
pub(crate) fn parse_padding(text: &str) -> Result<Padding, String> {
    match text {
        "buckets" => Ok(Padding::Buckets),
        "none" => Ok(Padding::None),
        octets => octets
            .parse()
            .map(Padding::To)
            .map_err(|_| "give none, buckets or a number of octets".to_owned()),
    }
}
