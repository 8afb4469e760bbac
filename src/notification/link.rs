use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// Where a notification leads, or where one of its pictures lies.
///
/// An `https:` URL, or a path of the receiving app's own origin such as `/inbox/7`; for
/// development also `http://localhost` and `http://127.0.0.1`. At most [`MAX_LEN`](Self::MAX_LEN)
/// printable ASCII characters (other characters are percent-encoded), and no user name or
/// password. So no notification can carry `javascript:` or lead to a page without TLS.
///
/// Safari shows a notification without a service worker only if its links are whole URLs.
///
/// ```
/// use sealpush::notification::Link;
///
/// let link: Link = "https://www.example.net/inbox/7".parse()?;
/// assert_eq!(link.expose(), "https://www.example.net/inbox/7");
/// assert!("javascript:alert(1)".parse::<Link>().is_err());
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Link(Zeroizing<String>);

impl Link {
    /// Longest link, in characters: as long as a push resource may be.
    pub const MAX_LEN: usize = 2048;

    /// The URL or path. It is a part of the payload: treat it as a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn is_valid(text: &str) -> bool {
        // Browsers read a backslash as a slash: `/\host` would leave the origin.
        let printable = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if !printable || text.len() > Self::MAX_LEN {
            return false;
        }
        if let Some(rest) = text.strip_prefix('/') {
            return !rest.starts_with('/');
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return false;
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return false;
        }
        let host = authority.split_once(':').map_or(authority, |(host, _)| host);
        match scheme {
            "https" => !host.is_empty(),
            "http" => host == "localhost" || host == "127.0.0.1",
            _ => false,
        }
    }
}

impl FromStr for Link {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if Self::is_valid(text) {
            return Ok(Self(Zeroizing::new(text.to_owned())));
        }
        Err(Error::new(
            ErrorKind::Configuration,
            "a link is an https URL or a path that starts with one '/', at most 2048 printable \
             ASCII characters, without user name or password",
        ))
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_on_tls_or_on_the_own_origin() {
        let longest = format!("/{}", "a".repeat(2047));
        for good in [
            "https://www.example.net",
            "https://www.example.net:8443/a?b=c#d",
            "https://www.example.net/@user",
            "https://www.example.net?q=a@b",
            "https://[2001:db8::1]/",
            "/",
            "/inbox/7?a=%C3%A4#b",
            "http://localhost:8000/x",
            "http://127.0.0.1/",
            &longest,
        ] {
            assert_eq!(good.parse::<Link>().unwrap().expose(), good);
        }
        let too_long = format!("{longest}a");
        for bad in [
            "",
            "inbox",
            "//evil.example/x",
            "/\\evil.example/x",
            "https:\\\\evil.example",
            "https://",
            "https://:443/",
            "https:///x",
            "https://user@www.example.net/",
            "https://user:password@www.example.net/",
            "HTTPS://www.example.net/",
            "http://www.example.net/",
            "http://localhost.evil.example/",
            "http://localhost:80@evil.example/",
            "http://127.0.0.1@evil.example/",
            "http://127.0.0.1.evil.example/",
            "javascript:alert(1)",
            "javascript://%0aalert(1)",
            "data:text/html,x",
            "blob:https://www.example.net/1",
            "file:///etc/passwd",
            "https://www.example.net/a b",
            "https://www.example.net/\n",
            "/\t/evil.example",
            " https://www.example.net/",
            "https://www.example.net/ä",
            &too_long,
        ] {
            let error = bad.parse::<Link>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{bad:?}");
        }
    }

    #[test]
    fn debug_shows_no_url() {
        assert_eq!(format!("{:?}", "/secret".parse::<Link>().unwrap()), "Link([redacted])");
    }
}
