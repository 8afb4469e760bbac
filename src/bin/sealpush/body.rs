//! `seal` and `open`: a message into a sealed body and back, without any push service.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use sealpush::Padding;
use sealpush::seal::{MAX_BODY, MAX_PLAINTEXT};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::input::{Source, read_token};
use crate::output::{is_terminal, print, print_json, printable};

#[derive(Args)]
#[command(after_help = "\
Example:
  sealpush seal 'Hello' --token token.json --json | sealpush open --keys keys.json")]
pub(crate) struct SealArguments {
    /// The message; none seals an empty one
    pub(crate) message: Option<String>,
    /// The file with the token [default: standard input]
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    #[arg(long, value_name = "HOW", default_value = "buckets", value_parser = parse_padding, help = PADDING_HELP)]
    padding: Padding,
    /// Print {"body": base64url} instead of the raw body, which is binary
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = "\
The body is taken raw, as base64url, or in the JSON that `sealpush seal --json` prints.")]
pub(crate) struct OpenArguments {
    /// The file with what `sealpush keys generate` printed
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
}

pub(crate) fn seal(arguments: &SealArguments) -> Result<(), Failure> {
    if !arguments.json && is_terminal() {
        return Err(Failure::usage(
            "a sealed body is binary and would spoil the terminal: send it to a file or a \
             program, or use --json",
        ));
    }
    let token = read_token(&Source::of_option("--token", arguments.token.as_ref()))?;
    let message = arguments.message.as_deref().unwrap_or_default();
    let body = sealpush::seal(token.keys(), message.as_bytes(), arguments.padding)?;
    if arguments.json {
        print_json(&json!({ "body": URL_SAFE_NO_PAD.encode(&body) }))
    } else {
        print(body.as_ref())
    }
}

pub(crate) fn open(arguments: &OpenArguments) -> Result<(), Failure> {
    let secret = crate::keys::read(&arguments.keys)?;
    let source = Source::Stdin;
    let octets = source.read("a sealed body", MAX_TEXT)?;
    let body = body(&octets);
    let plaintext = sealpush::open(&secret, &body)
        .map(Zeroizing::new)
        .map_err(|error| Failure::other(error.to_string()))?;
    if is_terminal() {
        let text = printable(&String::from_utf8_lossy(&plaintext));
        return print(format!("{}\n", text.as_str()).as_bytes());
    }
    print(&plaintext)
}

/// The sealed octets, from whichever form they arrived in. A raw body that happens to look like
/// one of the others is none of them: it begins with 16 random octets.
fn body(octets: &[u8]) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Sealed {
        body: String,
    }
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim()).ok();
    let text = std::str::from_utf8(octets).unwrap_or_default();
    serde_json::from_str(text)
        .ok()
        .and_then(|sealed: Sealed| decode(&sealed.body))
        .or_else(|| decode(text).filter(|body| !body.is_empty()))
        .unwrap_or_else(|| octets.to_vec())
}

/// Reads `none`, `buckets` or a number of octets.
pub(crate) fn parse_padding(text: &str) -> Result<Padding, String> {
    match text {
        "buckets" => return Ok(Padding::Buckets),
        "none" => return Ok(Padding::None),
        _ => {}
    }
    match text.parse() {
        Ok(octets) if (MIN_BODY..=MAX_BODY).contains(&octets) => Ok(Padding::To(octets)),
        _ => {
            Err(format!("give none, buckets, or the octets of the body, {MIN_BODY} to {MAX_BODY}"))
        }
    }
}

pub(crate) const PADDING_HELP: &str = "How to hide the size: none, buckets, or the length of the \
    body in octets, 103 (an empty message) to 4096";

/// Octets of the body of an empty message: what sealing adds.
const MIN_BODY: usize = MAX_BODY - MAX_PLAINTEXT;
/// Octets of the longest body as JSON, with room for white space.
const MAX_TEXT: usize = 2 * MAX_BODY;
