//! `keys`, `vapid`, `seal` and `open`: everything that needs no network.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use sealpush::providers::webpush::VapidKey;
use sealpush::seal::MAX_BODY;
use sealpush::{Padding, UserAgentSecret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Failure, parse_padding, print, read_stdin, read_token};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print one JSON object: p256dh, auth (give them to senders) and private_key (keep it)
    Generate,
}

#[derive(Subcommand)]
pub(crate) enum VapidCommand {
    /// Print a fresh key pair as VAPID_PRIVATE_KEY=... and VAPID_PUBLIC_KEY=...
    Generate,
    /// Print the public key, for `applicationServerKey` in the browser
    Public {
        /// The private key: base64url of 32 octets. Prefer the environment; arguments can be seen
        /// by other users of the machine
        #[arg(long, env = "VAPID_PRIVATE_KEY", hide_env_values = true)]
        vapid_private_key: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct SealArguments {
    /// The message; none seals an empty one
    #[arg(default_value = "")]
    message: String,
    /// How to hide the size: none, buckets, or the length of the body in octets
    #[arg(long, default_value = "buckets", value_parser = parse_padding)]
    padding: Padding,
    /// Print {"body": base64url} instead of the raw body
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct OpenArguments {
    /// What `sealpush keys generate` printed
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
}

/// The form of `keys generate`: all three in base64url without padding, the private key as its
/// scalar of 32 octets.
#[derive(Deserialize, Serialize)]
struct Keys {
    p256dh: String,
    auth: String,
    private_key: Zeroizing<String>,
}

pub(crate) fn generate() -> Result<(), Failure> {
    let secret = UserAgentSecret::generate()?;
    let private_key = secret.expose_private_key();
    let keys = Keys {
        p256dh: URL_SAFE_NO_PAD.encode(secret.keys().public_octets()),
        auth: URL_SAFE_NO_PAD.encode(secret.keys().auth_secret().expose()),
        private_key: Zeroizing::new(URL_SAFE_NO_PAD.encode(private_key.as_slice())),
    };
    print_json(&keys)
}

pub(crate) fn vapid(command: &VapidCommand) -> Result<(), Failure> {
    match command {
        VapidCommand::Generate => {
            let key = VapidKey::generate()?;
            let private_key = key.expose_private_key_base64();
            let public_key = key.public_key_base64();
            let lines = format!(
                "VAPID_PRIVATE_KEY={}\nVAPID_PUBLIC_KEY={public_key}\n",
                private_key.as_str()
            );
            print(Zeroizing::new(lines).as_bytes())
        }
        VapidCommand::Public { vapid_private_key } => {
            let text = vapid_private_key.as_deref().unwrap_or_default();
            if text.is_empty() {
                return Err(Failure::usage(
                    "there is no private key: set VAPID_PRIVATE_KEY (`sealpush vapid generate` \
                     makes one)",
                ));
            }
            print(format!("{}\n", VapidKey::from_base64(text)?.public_key_base64()).as_bytes())
        }
    }
}

pub(crate) fn seal(arguments: &SealArguments) -> Result<(), Failure> {
    let token = read_token()?;
    let body = sealpush::seal(token.keys(), arguments.message.as_bytes(), arguments.padding)?;
    if arguments.json {
        print_json(&serde_json::json!({ "body": URL_SAFE_NO_PAD.encode(&body) }))
    } else {
        print(body.as_ref())
    }
}

pub(crate) fn open(arguments: &OpenArguments) -> Result<(), Failure> {
    let secret = read_secret(arguments)?;
    let body = read_stdin(MAX_BODY)?;
    let plaintext = sealpush::open(&secret, &body)
        .map(Zeroizing::new)
        .map_err(|error| Failure::other(error.to_string()))?;
    print(&plaintext)
}

fn read_secret(arguments: &OpenArguments) -> Result<UserAgentSecret, Failure> {
    let path = arguments.keys.display();
    let text = std::fs::read_to_string(&arguments.keys)
        .map(Zeroizing::new)
        .map_err(|error| Failure::usage(format!("{path}: {error}")))?;
    let malformed = |what: &str| Failure::usage(format!("{path}: {what}"));
    // The parser's own error repeats parts of the file.
    let keys: Keys = serde_json::from_str(&text)
        .map_err(|_| malformed("not a JSON object with p256dh, auth and private_key"))?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new);
    let (Ok(private_key), Ok(auth)) = (decode(&keys.private_key), decode(&keys.auth)) else {
        return Err(malformed("private_key or auth is not base64url"));
    };
    let secret =
        UserAgentSecret::new(&private_key, &auth).map_err(|error| malformed(&error.to_string()))?;
    if URL_SAFE_NO_PAD.encode(secret.keys().public_octets()) != keys.p256dh {
        return Err(malformed("p256dh is not the public half of private_key"));
    }
    Ok(secret)
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut line =
        serde_json::to_string(value).map_err(|error| Failure::other(error.to_string()))?;
    line.push('\n');
    print(Zeroizing::new(line).as_bytes())
}
