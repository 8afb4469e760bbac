//! `vapid`: the key that identifies the application server (RFC 8292), made, imported and shown.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealpush::providers::webpush::{Subject, VapidKey};
use serde_json::json;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::input::Source;
use crate::output::{json_line, print, warn};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print a fresh key pair as lines for a file `.env`, with the line for your contact
    Generate(Output),
    /// Print a key that another tool made in the same form
    Import {
        /// PEM, DER, a JSON Web Key, or base64url of 32 octets; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Print the public key, for `applicationServerKey` in the browser
    Public(Key),
}

#[derive(Args)]
pub(crate) struct Output {
    /// Print one JSON object instead: private_key, public_key, subject
    #[arg(long)]
    json: bool,
    /// Your contact: mailto:... or https://...
    #[arg(long, env = "VAPID_SUBJECT", value_name = "URI")]
    vapid_subject: Option<String>,
}

/// Where the private key is.
#[derive(Args)]
pub(crate) struct Key {
    /// The file with the application server's private key: PEM, DER, a JSON Web Key, or base64url;
    /// `-` is standard input
    #[arg(long, env = "VAPID_KEY_FILE", value_name = "FILE")]
    vapid_key_file: Option<PathBuf>,
    /// The key itself, in any of these forms. Prefer the environment or the file: other users of
    /// the machine can see arguments
    #[arg(long, env = "VAPID_PRIVATE_KEY", value_name = "KEY")]
    vapid_private_key: Option<String>,
}

impl Key {
    /// The key, `None` where neither says one; the file goes before the variable.
    pub(crate) fn read(&self) -> Result<Option<VapidKey>, Failure> {
        if let Some(path) = self.vapid_key_file.as_ref().filter(|path| !path.as_os_str().is_empty())
        {
            return read_file(&Source::of("--vapid-key-file", path)).map(Some);
        }
        match self.vapid_private_key.as_deref() {
            None | Some("") => Ok(None),
            Some(key) => VapidKey::import(key.as_bytes())
                .map(Some)
                .map_err(|error| Failure::from(error).about("--vapid-private-key")),
        }
    }

    /// Whether the key is read from standard input.
    pub(crate) fn is_on_stdin(&self) -> bool {
        self.vapid_key_file.as_deref().is_some_and(|path| path == std::path::Path::new("-"))
    }
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Generate(output) => show(&VapidKey::generate()?, output),
        Command::Import { file, output } => show(&read_file(&Source::of("FILE", file))?, output),
        Command::Public(key) => {
            let key = key.read()?.ok_or_else(|| {
                Failure::usage(
                    "there is no private key: set VAPID_PRIVATE_KEY or --vapid-key-file \
                     (`sealpush vapid generate` makes one)",
                )
            })?;
            print(format!("{}\n", key.public_key_base64()).as_bytes())
        }
    }
}

/// Reads a contact, and knows the one that `vapid generate` leaves to be replaced.
pub(crate) fn subject(text: &str) -> Result<Subject, Failure> {
    if text == PLACEHOLDER {
        return Err(Failure::usage(
            "VAPID_SUBJECT still is what `sealpush vapid generate` wrote: put in where push \
             services can reach you, mailto:... or https://...",
        ));
    }
    text.parse().map_err(|error: sealpush::Error| Failure::from(error).about("--vapid-subject"))
}

fn show(key: &VapidKey, output: &Output) -> Result<(), Failure> {
    let private_key = key.expose_private_key_base64();
    let public_key = key.public_key_base64();
    let contact = output.vapid_subject.as_deref().filter(|text| !text.is_empty());
    let contact = contact.filter(|text| *text != PLACEHOLDER).map(subject).transpose()?;
    if output.json {
        let line = json_line(&json!({
            "private_key": private_key.as_str(),
            "public_key": public_key,
            "subject": contact.as_ref().map(Subject::as_str),
        }))?;
        return print(line.as_bytes());
    }
    let subject = contact.as_ref().map_or(PLACEHOLDER, Subject::as_str);
    let lines = Zeroizing::new(format!(
        "VAPID_PRIVATE_KEY={}\nVAPID_PUBLIC_KEY={public_key}\nVAPID_SUBJECT={subject}\n",
        private_key.as_str()
    ));
    print(lines.as_bytes())?;
    if contact.is_none() {
        warn("replace the contact in VAPID_SUBJECT by yours, mailto:... or https://...");
    }
    Ok(())
}

fn read_file(source: &Source<'_>) -> Result<VapidKey, Failure> {
    let octets = source.read("a private key", MAX_FILE)?;
    VapidKey::import(&octets).map_err(|error| Failure::from(error).about(&source.name()))
}

/// A contact that `Subject` refuses, so that it cannot be forgotten.
const PLACEHOLDER: &str = "mailto:you@example.com";
/// Octets of a key file that are read; a PEM with its certificates stays below.
const MAX_FILE: usize = 64 * 1024;
