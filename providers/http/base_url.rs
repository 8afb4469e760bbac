//! Where a vendor's API lives: theirs, or the double that a test starts.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use crate::endpoint::Endpoint;
use crate::{Error, ErrorKind, Result};

/// An `https` or `http` URL without user name, password and query, to which paths are added.
///
/// `Debug` shows its origin only: a path can hold a key.
///
/// ```
/// use sealpush::providers::http::BaseUrl;
///
/// let base: BaseUrl = "https://api.example.net/v1/".parse()?;
/// assert_eq!(base.join("/send")?.path(), "/v1/send");
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone)]
pub struct BaseUrl {
    endpoint: Endpoint,
    text: String,
}

impl BaseUrl {
    /// The URL with a path added, which begins with a slash.
    ///
    /// # Errors
    ///
    /// `Configuration` when the two together are no URL.
    pub fn join(&self, path: &str) -> Result<Uri> {
        format!("{}{path}", self.text).parse().map_err(|_| invalid())
    }
}

impl FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // The reader's own error speaks of a token.
        let endpoint: Endpoint = text.parse().map_err(|_| invalid())?;
        if endpoint.expose().query().is_some() {
            return Err(invalid());
        }
        let text = endpoint.expose().to_string().trim_end_matches('/').to_owned();
        Ok(Self { endpoint, text })
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BaseUrl").field(&self.endpoint.origin().as_str()).finish()
    }
}

fn invalid() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "a base URL is an 'https' or 'http' URL without user name, password and query",
    )
}
