//! Where a vendor's API lives: theirs, or the double that a test starts.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use crate::{Error, ErrorKind, Result};

/// An `https` or `http` URL without user name, password and query, to which paths are added.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct BaseUrl(String);

impl BaseUrl {
    /// The URL with a path added, which begins with a slash.
    ///
    /// # Errors
    ///
    /// `Configuration` when the two together are no URL.
    pub(super) fn join(&self, path: &str) -> Result<Uri> {
        format!("{}{path}", self.0).parse().map_err(|_| invalid())
    }
}

impl FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        let bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !web || !bare || uri.query().is_some() || text.contains('#') {
            return Err(invalid());
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn invalid() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "a base URL is an 'https' or 'http' URL without user name, password and query",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_plain() {
        for good in ["https://api.example.net", "http://127.0.0.1:8080/", "https://example.net/v1"]
        {
            let joined = good.parse::<BaseUrl>().unwrap().join("/send").unwrap();
            assert!(joined.path().ends_with("/send") && !joined.path().contains("//"), "{joined}");
        }
        for bad in
            ["", "/v1", "example.net", "ftp://a.example.net", "https://u:p@a.b", "https://a.b?c=d"]
        {
            let error = bad.parse::<BaseUrl>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
        }
    }
}
