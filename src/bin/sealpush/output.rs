//! Standard output and standard error, whether somebody reads them or not.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Writes to standard output; a reader that went away is no failure of ours.
pub(crate) fn print(octets: &[u8]) -> Result<(), Failure> {
    print_while_read(octets).map(|_| ())
}

/// Writes to standard output, and says whether somebody still reads it.
pub(crate) fn print_while_read(octets: &[u8]) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(octets).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(json_line(value)?.as_bytes())
}

/// One line of JSON, wiped when dropped.
pub(crate) fn json_line(value: &impl Serialize) -> Result<Zeroizing<String>, Failure> {
    let mut line = serde_json::to_string(value)
        .map(Zeroizing::new)
        .map_err(|error| Failure::other(error.to_string()))?;
    line.push('\n');
    Ok(line)
}

/// Writes a line to standard error; where nobody reads it, what counts is what the command does.
pub(crate) fn warn(line: &str) {
    complain(&format!("sealpush: {line}\n"));
}

pub(crate) fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Text of a stranger's for a terminal: control characters, which could move the cursor or speak
/// in our name, are spelled out. Line feeds and tabs stay.
pub(crate) fn printable(text: &str) -> Zeroizing<String> {
    let mut shown = Zeroizing::new(String::with_capacity(text.len()));
    for character in text.chars() {
        if is_safe(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

fn is_safe(character: char) -> bool {
    matches!(character, '\n' | '\t') || !(character.is_control() || is_direction(character))
}

/// Characters that reorder the text around them (Unicode Standard Annex #9 §2).
fn is_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes what this crate reports with `tracing` to standard error. Other crates' reports may hold
/// addresses.
pub(crate) fn trace() {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).without_time();
    let ours = Targets::new()
        .with_target("sealpush", LevelFilter::DEBUG)
        .with_target("sealpush::metrics", LevelFilter::OFF);
    tracing_subscriber::registry().with(ours).with(lines).init();
}
