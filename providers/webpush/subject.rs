//! Who to contact about the messages: the claim `sub`.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use crate::{Error, ErrorKind, Result};

/// A contact of the application server, `mailto:` or `https:` (RFC 8292 §2.1).
///
/// The standard makes it optional; push services do not. Apple refuses contacts that nobody can
/// reach, so this type does: `localhost`, names that are reserved (RFC 2606, RFC 6761), spaces and
/// angle brackets.
///
/// ```
/// use sealpush::providers::webpush::Subject;
///
/// assert!("mailto:ops@push-demo.dev".parse::<Subject>().is_ok());
/// assert!("mailto:ops@localhost".parse::<Subject>().is_err());
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Subject(String);

impl Subject {
    /// Longest contact, in octets: it travels in every `Authorization` header.
    pub const MAX_LEN: usize = 255;

    /// The contact.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subject").field(&self.0).finish()
    }
}

impl FromStr for Subject {
    type Err = Error;

    /// # Errors
    ///
    /// `Configuration`, naming the rule that the text breaks.
    fn from_str(text: &str) -> Result<Self> {
        let refuse = |rule: &'static str| Err(Error::new(ErrorKind::Configuration, rule));
        if text.len() > Self::MAX_LEN {
            return refuse("the VAPID subject is longer than 255 octets");
        }
        if !text.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>\"\\".contains(&octet)) {
            return refuse(
                "the VAPID subject must not have spaces, quotes, angle brackets or characters \
                 outside ASCII",
            );
        }
        let domain = if let Some(address) = text.strip_prefix("mailto:") {
            mail_domain(address)
        } else if text.starts_with("https://") {
            web_domain(text)
        } else {
            return refuse("the VAPID subject must begin with 'mailto:' or 'https://'");
        };
        let Some(domain) = domain else {
            return refuse(
                "the VAPID subject must hold a mail address or a web page at a domain name",
            );
        };
        if is_reserved(&domain) {
            return refuse(
                "the VAPID subject must be reachable: not localhost, nor a name reserved for \
                 examples and tests",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

fn mail_domain(address: &str) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    if local.is_empty() {
        return None;
    }
    // The host rules are those of URLs; anything but a host changes what is parsed and is refused.
    let Ok(Host::Domain(parsed)) = Host::parse(domain) else { return None };
    Some(parsed)
}

fn web_domain(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.domain().map(str::to_owned)
}

fn is_reserved(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase();
    let is_or_is_below = |name: &str| {
        domain.strip_suffix(name).is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    !domain.contains('.') || RESERVED.iter().any(|name| is_or_is_below(name))
}

/// Names that resolve nowhere in public (RFC 2606 §2 and §3, RFC 6761 §6, RFC 6762 §3,
/// RFC 7686 §2, RFC 8375 §3, and `internal`, reserved by ICANN).
const RESERVED: [&str; 12] = [
    "example",
    "example.com",
    "example.net",
    "example.org",
    "home.arpa",
    "internal",
    "invalid",
    "lan",
    "local",
    "localhost",
    "onion",
    "test",
];
