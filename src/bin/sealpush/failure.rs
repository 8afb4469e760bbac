//! Why the command ends with another code than 0, in words that a reader of its help knows.

use std::error::Error as _;
use std::io;

use sealpush::{Error, ErrorKind};

/// Exit codes, as `sealpush --help` lists them.
pub(crate) const OTHER: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const DEAD: u8 = 3;
pub(crate) const BAD_TOKEN: u8 = 4;
pub(crate) const REFUSED: u8 = 5;
pub(crate) const TEMPORARY: u8 = 6;
pub(crate) const SOME_FAILED: u8 = 7;
pub(crate) const DOUBTFUL: u8 = 8;

/// A code and a sentence.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(OTHER, message)
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Says which option or input it is about.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut message = sentence(error);
        if let Some(delay) = error.retry_after() {
            message.push_str(&format!("; try again in {} s", delay.as_secs()));
        }
        if !error.is_outcome_known() {
            message.push_str("; the message may have been accepted all the same");
        }
        let code = if error.is_token_doubtful() { DOUBTFUL } else { code(error.kind()) };
        Self::new(code, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::other(error.to_string())
    }
}

/// The error and its causes, with the options of this command where the library names its own.
pub(crate) fn sentence(error: &Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !sentence.contains(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        cause = error.source();
    }
    for (library, option) in OPTIONS {
        sentence = sentence.replace(library, option);
    }
    sentence
}

fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Configuration => USAGE,
        ErrorKind::Expired => DEAD,
        ErrorKind::InvalidToken => BAD_TOKEN,
        ErrorKind::Blocked
        | ErrorKind::PayloadTooLarge
        | ErrorKind::Rejected
        | ErrorKind::TokenMismatch
        | ErrorKind::Unauthorized => REFUSED,
        ErrorKind::RateLimited
        | ErrorKind::Timeout
        | ErrorKind::Transport
        | ErrorKind::Unavailable => TEMPORARY,
        _ => OTHER,
    }
}

/// What the library's errors advise, and the option that does it here.
const OPTIONS: [(&str, &str); 2] = [
    ("EndpointGuard::allow_hosts", "--allow-host"),
    ("EndpointGuard::loopback_for_tests", "--allow-loopback"),
];
