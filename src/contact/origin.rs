//! Where a relay is: the origin that a card names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, ErrorKind, Result};

/// A relay's origin as `host` or `host:port`, in the one form that a card may carry: at most 64
/// octets, lower case, no scheme, no path, no final dot, no default port.
///
/// It is reached over `https`; over `http` if and only if the host is the loopback interface.
///
/// ```
/// use sealpush::contact::RelayOrigin;
///
/// let origin: RelayOrigin = "relay.example.net".parse()?;
/// assert_eq!(origin.url(), "https://relay.example.net");
/// assert!("Relay.example.net".parse::<RelayOrigin>().is_err());
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RelayOrigin {
    text: String,
    is_loopback: bool,
}

impl RelayOrigin {
    /// Longest origin, in octets.
    pub const MAX_LEN: usize = 64;

    /// `host` or `host:port`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `https://host[:port]`, or `http://` on the loopback interface.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.is_loopback { "http" } else { "https" }, self.text)
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_LEN {
            return None;
        }
        let (host, port) = match text.rfind(']') {
            Some(end) => text.split_at_checked(end + 1)?,
            None => text.split_at_checked(text.find(':').unwrap_or(text.len()))?,
        };
        let address = address(host)?;
        let is_loopback = host == "localhost" || address.is_some_and(|ip| ip.is_loopback());
        let default_port = if is_loopback { 80 } else { 443 };
        if !port.is_empty() {
            let digits = port.strip_prefix(':')?;
            let number: u16 = digits.parse().ok().filter(|number| *number > 0)?;
            if number.to_string() != digits || number == 443 || number == default_port {
                return None;
            }
        }
        Some(Self { text: text.to_owned(), is_loopback })
    }
}

impl FromStr for RelayOrigin {
    type Err = Error;

    /// Reads the form that a card carries.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for any other form.
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidToken,
                "a relay is host or host:port: at most 64 octets, lower case, no scheme, no path, \
                 no final dot, no default port",
            )
        })
    }
}

impl fmt::Display for RelayOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RelayOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for RelayOrigin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for RelayOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The address that a host is, `Some(None)` for a name; `None` for what is neither, and for an
/// address in another than its usual form.
fn address(host: &str) -> Option<Option<IpAddr>> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        let address: Ipv6Addr = inner.parse().ok()?;
        return (address.to_string() == inner).then_some(Some(address.into()));
    }
    let is_label = |label: &str| {
        let octets = label.as_bytes();
        (1..=63).contains(&octets.len())
            && octets.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && octets.first() != Some(&b'-')
            && octets.last() != Some(&b'-')
    };
    if !host.split('.').all(is_label) {
        return None;
    }
    // A name whose last label is a number is read as an IPv4 address by browsers.
    let last = host.rsplit('.').next()?;
    let is_number = last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if is_number {
        return host.parse::<Ipv4Addr>().ok().map(|address| Some(address.into()));
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_form() {
        for good in [
            "relay.example.net",
            "a",
            "relay.example.net:8443",
            "xn--bcher-kva.example",
            "192.0.2.7:80",
            "[2001:db8::1]:8080",
        ] {
            assert_eq!(good.parse::<RelayOrigin>().unwrap().url(), format!("https://{good}"));
        }
        for loopback in ["127.0.0.1:8080", "localhost", "[::1]:9000", "127.1.2.3"] {
            let origin: RelayOrigin = loopback.parse().unwrap();
            assert_eq!(origin.url(), format!("http://{loopback}"));
        }
        let long = format!("{}.example", "a".repeat(57));
        for bad in [
            "",
            "Relay.example.net",
            "https://relay.example.net",
            "relay.example.net/",
            "relay.example.net.",
            "relay.example.net:443",
            "relay.example.net:0443",
            "relay.example.net:0",
            "relay.example.net:65536",
            "relay.example.net:",
            "localhost:80",
            "user@relay.example.net",
            "relay..net",
            "-a.net",
            "bücher.example",
            "127.1",
            "0x7f000001",
            "0177.0.0.1",
            "[::0001]",
            "[::1",
            "::1",
            "a b",
            long.as_str(),
        ] {
            assert!(bad.parse::<RelayOrigin>().is_err(), "{bad}");
        }
    }
}
