//! Who to contact about the messages: the claim `sub`.

use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind, Result};

/// A contact of the application server, `mailto:` or `https:` (RFC 8292 §2.1).
///
/// The standard makes it optional; push services do not, and Apple refuses what it takes for no
/// contact. So this type is strict:
///
/// * `mailto:` (RFC 6068) and one address. The local part is a dot-atom (RFC 5322 §3.2.3) of at
///   most 64 octets, percent-encoded where RFC 6068 §2 demands it. Lists of addresses, quoted local
///   parts, addresses in brackets and header fields (`?subject=`) are refused: the claim names one
///   contact.
/// * `https://` (RFC 9110 §4.2.2) and a page, without user name and password.
/// * The domain of both is a full host name (RFC 1123 §2.1) that can be reached: not an IP address,
///   `localhost`, or a name that is reserved (RFC 2606, RFC 6761).
///
/// Schemes are taken in any case and kept in lower case.
///
/// ```
/// use sealpush::providers::webpush::Subject;
///
/// assert!("mailto:ops@push-demo.dev".parse::<Subject>().is_ok());
/// assert!("mailto:ops@localhost".parse::<Subject>().is_err());
/// assert!("mailto:ops@push..dev".parse::<Subject>().is_err());
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
    /// `Configuration`, naming the rule that the text breaks and repeating nothing of it.
    fn from_str(text: &str) -> Result<Self> {
        parse(text).map(Self).map_err(|rule| {
            Error::new(ErrorKind::Configuration, format!("the VAPID subject {rule}"))
        })
    }
}

impl TryFrom<&str> for Subject {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

fn parse(text: &str) -> Result<String, &'static str> {
    if text.len() > Subject::MAX_LEN {
        return Err("is longer than 255 octets");
    }
    if !text.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&octet)) {
        return Err(
            "must not have spaces, quotes, brackets or other characters that cannot stand in a URI",
        );
    }
    let (scheme, rest) = text.split_once(':').ok_or(NO_SCHEME)?;
    let (scheme, domain) = if scheme.eq_ignore_ascii_case("mailto") {
        ("mailto", mail_domain(rest)?)
    } else if scheme.eq_ignore_ascii_case("https") {
        ("https", web_domain(rest)?)
    } else {
        return Err(NO_SCHEME);
    };
    if !is_host_name(domain) {
        return Err("must hold a mail address or a web page at a full domain name");
    }
    if is_reserved(domain) {
        return Err(
            "must be reachable: not localhost, nor a name reserved for examples and tests; use an \
             address of your own",
        );
    }
    Ok(format!("{scheme}:{rest}"))
}

/// The domain of `local@domain` (RFC 6068 §2).
fn mail_domain(address: &str) -> Result<&str, &'static str> {
    if address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) {
        return Err("has 'mailto:' twice");
    }
    if address.contains('?') {
        return Err("must have no header fields: end it with the mail address");
    }
    if address.contains(',') {
        return Err("must hold one mail address, not a list");
    }
    let (local, domain) = address.split_once('@').ok_or("must hold a mail address")?;
    if is_local_part(local) { Ok(domain) } else { Err("must hold a plain mail address") }
}

/// A dot-atom (RFC 5322 §3.2.3) in the spelling of RFC 6068 §2.
fn is_local_part(text: &str) -> bool {
    let Some(octets) = decoded(text) else { return false };
    let atext =
        |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(octet);
    octets.len() <= MAX_LOCAL_PART
        && octets
            .split(|octet| *octet == b'.')
            .all(|atom| !atom.is_empty() && atom.iter().all(atext))
}

/// Undoes percent-encoding. `None` where a character must be encoded and is not, or is encoded
/// wrongly.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut octets = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(octet) = octets.next() {
        decoded.push(match octet {
            b'%' => {
                let mut digit = || char::from(octets.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            _ if octet.is_ascii_alphanumeric() || b"!$'*+-._~".contains(&octet) => octet,
            _ => return None,
        });
    }
    Some(decoded)
}

/// The domain of what stands behind `https:`.
fn web_domain(rest: &str) -> Result<&str, &'static str> {
    let rest = rest.strip_prefix("//").ok_or(NO_SCHEME)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err("must have no user name and password");
    }
    if !is_percent_encoded(path) || path.contains(['[', ']']) || path.matches('#').count() > 1 {
        return Err("must hold a valid URL");
    }
    match authority.split_once(':') {
        None => Ok(authority),
        Some((host, port)) => {
            let digits = port.bytes().all(|octet| octet.is_ascii_digit());
            let good = digits && port.parse::<u16>().is_ok_and(|port| port != 0);
            if good { Ok(host) } else { Err("must have a port from 1 to 65535, or none") }
        }
    }
}

fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        after.get(..2).is_some_and(|digits| digits.bytes().all(|octet| octet.is_ascii_hexdigit()))
    })
}

/// Labels of RFC 1123 §2.1, two at least, the last alphabetic at its start: no IP address is one.
fn is_host_name(domain: &str) -> bool {
    let inner = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && domain.len() <= 253
        && domain.split('.').all(label)
        && last.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn is_reserved(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    let is_or_is_below = |name: &str| {
        domain.strip_suffix(name).is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    RESERVED.iter().any(|name| is_or_is_below(name))
}

const NO_SCHEME: &str = "must begin with 'mailto:' or 'https://'";

/// Octets before the `@` (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;

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
