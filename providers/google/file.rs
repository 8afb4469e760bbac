//! The JSON files in which Google keeps credentials.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use http::Uri;
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::{Error, ErrorKind, Result};

use super::ProjectId;

/// Reads a file whole. `name` says in an error where the path came from; the path itself may be a
/// secret that stands where a path was expected, and is never repeated.
pub(super) fn read(name: &str, path: &Path) -> Result<Zeroizing<String>> {
    let unreadable = |error| {
        let text = match content_as_path(path) {
            Some(form) => format!("{name} holds {form}, where the path of a file is expected"),
            None => format!("{name} names a file that cannot be read"),
        };
        configuration(text).with_source(error)
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let len = file.metadata().map_or(0, |metadata| metadata.len());
    // At its final size at once, so that no copy is left behind where it grew out of.
    let capacity = usize::try_from(len.min(MAX_LEN)).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    (&mut file).take(MAX_LEN).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// What a path is that is no path.
fn content_as_path(path: &Path) -> Option<&'static str> {
    let text = path.to_string_lossy();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('{') {
        Some("JSON")
    } else if text.starts_with("-----BEGIN") {
        Some("PEM")
    } else {
        None
    }
}

/// The members of credentials, before it is known of which kind. Wiped when dropped.
pub(super) struct Members(Map<String, Value>);

/// The kinds that are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    AuthorizedUser,
    ServiceAccount,
}

impl Members {
    pub(super) fn parse(json: &str) -> Result<Self> {
        // The parser's own error can repeat parts of the secrets.
        let json = json.strip_prefix('\u{feff}').unwrap_or(json);
        serde_json::from_str(json).map(Self).map_err(|error| {
            if json.trim_start().starts_with("-----BEGIN") {
                return configuration(
                    "the credentials are PEM, where the JSON of a key file is expected".to_owned(),
                );
            }
            let place = format!("line {}, column {}", error.line(), error.column());
            configuration(format!("the credentials are no JSON object ({place})"))
        })
    }

    /// A member that is text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A member that this kind of credentials cannot do without.
    pub(super) fn required(&self, name: &str) -> Result<&str> {
        self.text(name)
            .ok_or_else(|| configuration(format!("the credentials have no '{name}' as text")))
    }

    /// A member that names a project.
    pub(super) fn project(&self, name: &str) -> Result<Option<ProjectId>> {
        self.text(name).map(str::parse).transpose()
    }

    /// Which kind this is.
    ///
    /// # Errors
    ///
    /// `Configuration` for a kind that is not taken, with what to do instead.
    pub(super) fn kind(&self) -> Result<Kind> {
        let why = match self.text("type").unwrap_or_default() {
            "authorized_user" => return Ok(Kind::AuthorizedUser),
            "service_account" => return Ok(Kind::ServiceAccount),
            "external_account" | "external_account_authorized_user" => {
                "the credentials are of workload identity federation, which is not supported here; \
                 bring an own `Credentials` that exchanges the identity for an access token"
            }
            "gdch_service_account" => {
                "the credentials are of Google Distributed Cloud, which has no FCM"
            }
            "impersonated_service_account" => {
                "the credentials impersonate a service account, which is not supported here; use \
                 a key of that account, or bring an own `Credentials`"
            }
            "" => {
                "the JSON is no credentials: it has no 'type'; an app's google-services.json is \
                 another file, create a key under project settings, service accounts"
            }
            _ => "the credentials' 'type' must be 'service_account' or 'authorized_user'",
        };
        Err(configuration(why.to_owned()))
    }

    /// Refuses another kind than the one that is wanted.
    pub(super) fn require(&self, kind: Kind) -> Result<()> {
        if self.kind()? == kind {
            return Ok(());
        }
        let wanted = match kind {
            Kind::AuthorizedUser => "the credentials' 'type' must be 'authorized_user' here",
            Kind::ServiceAccount => "the credentials' 'type' must be 'service_account' here",
        };
        Err(configuration(wanted.to_owned()))
    }

    /// Where access tokens are asked for.
    pub(super) fn token_uri(&self) -> Result<Uri> {
        self.text("token_uri")
            .unwrap_or(TOKEN_URI)
            .parse()
            .ok()
            .filter(|uri: &Uri| matches!(uri.scheme_str(), Some("https" | "http")))
            .ok_or_else(|| configuration("the credentials' 'token_uri' is no URL".to_owned()))
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            wipe(value);
        }
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}

pub(super) fn configuration(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

/// Most that is read of a file, in octets. Google's have some 2400.
const MAX_LEN: u64 = 64 * 1024;

/// Google's token endpoint.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
