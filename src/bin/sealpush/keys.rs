//! `keys`: a user agent that is not a browser.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use sealpush::UserAgentSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::input::{Source, write_secret};
use crate::output::print_json;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print one JSON object: private_key (keep it), and p256dh, auth and token (give them to
    /// senders)
    Generate(GenerateArguments),
}

#[derive(Args)]
pub(crate) struct GenerateArguments {
    /// Write the token to this file, too: what `seal` and, once it has an address, `send` take
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// The form of `keys generate`: all three in base64url without padding, the private key as its
/// scalar of 32 octets.
#[derive(Deserialize, Serialize)]
struct Keys {
    p256dh: String,
    auth: Zeroizing<String>,
    private_key: Zeroizing<String>,
    #[serde(default, skip_deserializing)]
    token: serde_json::Value,
}

pub(crate) fn generate(arguments: &GenerateArguments) -> Result<(), Failure> {
    let secret = UserAgentSecret::generate()?;
    let private_key = secret.expose_private_key();
    let token = json!({ "keys": secret.keys() });
    if let Some(path) = &arguments.token_file {
        write_secret("--token-file", path, format!("{token}\n").as_bytes())?;
    }
    print_json(&Keys {
        p256dh: URL_SAFE_NO_PAD.encode(secret.keys().public_octets()),
        auth: Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.keys().auth_secret().expose())),
        private_key: Zeroizing::new(URL_SAFE_NO_PAD.encode(private_key.as_slice())),
        token,
    })
}

/// Reads what `keys generate` printed.
pub(crate) fn read(path: &Path) -> Result<UserAgentSecret, Failure> {
    let source = Source::of("--keys", path);
    let text = source.read("keys (JSON)", MAX_FILE)?;
    let malformed = |fact: &str| Failure::usage(fact).about(&source.name());
    // The parser's own error repeats parts of the file.
    let keys: Keys = serde_json::from_slice(&text).map_err(|_| {
        malformed(
            "not the JSON object with p256dh, auth and private_key that `sealpush keys generate` \
             prints",
        )
    })?;
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

/// Octets of a file of keys that are read.
const MAX_FILE: usize = 16 * 1024;
