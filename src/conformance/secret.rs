//! Finding a secret in what a provider shows, in the forms in which one gets out.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Something that must never be shown: a name for the report, and the octets to search for.
///
/// It is searched for as it is, in capital and small letters, in hexadecimal, in base64 and
/// base64url at every alignment, percent-encoded, escaped, and as the list of numbers that `Debug`
/// makes of octets; and any [`PART`](Self::PART) octets of it in a row.
#[derive(Clone)]
pub struct Secret {
    what: Cow<'static, str>,
    forms: Arc<[Form]>,
}

impl Secret {
    /// Shortest secret that is searched for, in octets: a shorter one is found by chance.
    pub const MIN_LEN: usize = 8;
    /// How much of a secret is too much, in octets.
    pub const PART: usize = WINDOW + STEP - 1;

    /// A secret, with what to call it in a report.
    pub fn new(what: impl Into<Cow<'static, str>>, octets: impl AsRef<[u8]>) -> Self {
        let octets = octets.as_ref();
        let forms = if octets.len() < Self::MIN_LEN { Vec::new() } else { forms(octets) };
        Self { what: what.into(), forms: forms.into() }
    }

    /// What to call it.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The secret itself, a character for each octet.
    pub(crate) fn expose(&self) -> &str {
        self.forms.first().map_or("", |form| &form.text)
    }

    /// The form in which the secret occurs in a text, if it does.
    #[must_use]
    pub fn find_in(&self, text: &[u8]) -> Option<&'static str> {
        self.find_in_latin(&latin(text))
    }

    fn find_in_latin(&self, text: &str) -> Option<&'static str> {
        let mut forms = self.forms.iter();
        forms.find(|form| text.contains(&*form.text)).map(|form| form.name)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("what", &self.what).finish_non_exhaustive()
    }
}

/// The first secret that occurs in a text, described without showing it.
pub(crate) fn find(secrets: &[Secret], text: &[u8]) -> Option<String> {
    let text = latin(text);
    secrets.iter().find_map(|secret| {
        secret.find_in_latin(&text).map(|form| format!("the {} {form}", secret.what()))
    })
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && latin(text).contains(&*latin(part))
}

/// Octets as characters, one each: the search in text is much faster than in octets.
fn latin(octets: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(octets) {
        Ok(text) if octets.is_ascii() => text.into(),
        _ => octets.iter().map(|octet| char::from(*octet)).collect::<String>().into(),
    }
}

/// One way in which a secret gets out.
struct Form {
    name: &'static str,
    text: String,
}

fn forms(octets: &[u8]) -> Vec<Form> {
    let hex = each(octets, |text, octet| write!(text, "{octet:02x}"));
    let percent = each(octets, |text, octet| match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            write!(text, "{}", char::from(octet))
        }
        _ => write!(text, "%{octet:02X}"),
    });
    let every_percent = each(octets, |text, octet| write!(text, "%{octet:02x}"));
    let numbers = octets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");

    let mut forms = vec![
        ("as it is", octets.to_vec()),
        ("in hexadecimal", hex.to_ascii_uppercase().into_bytes()),
        ("in hexadecimal", hex.into_bytes()),
        ("percent-encoded", percent.into_bytes()),
        ("percent-encoded", every_percent.to_ascii_uppercase().into_bytes()),
        ("percent-encoded", every_percent.into_bytes()),
        ("as a list of numbers", numbers.replace(", ", ",").into_bytes()),
        ("as a list of numbers", numbers.into_bytes()),
        ("escaped", octets.escape_ascii().to_string().into_bytes()),
        ("in capital letters", octets.to_ascii_uppercase()),
        ("in small letters", octets.to_ascii_lowercase()),
        ("backwards", octets.iter().rev().copied().collect()),
    ];
    for offset in 0..3 {
        forms.push(("in base64", base64_at(&STANDARD_NO_PAD, octets, offset)));
        forms.push(("in base64url", base64_at(&URL_SAFE_NO_PAD, octets, offset)));
    }
    let parts = octets.windows(WINDOW).step_by(STEP);
    forms.extend(parts.map(|part| ("in part", part.to_vec())));
    let form = |(name, octets): (_, Vec<u8>)| Form { name, text: latin(&octets).into_owned() };
    forms.into_iter().map(form).collect()
}

/// The characters that encode only octets of the secret when `offset` other octets precede it.
fn base64_at(engine: &impl Engine, octets: &[u8], offset: usize) -> Vec<u8> {
    let mut shifted = vec![0; offset];
    shifted.extend_from_slice(octets);
    let mut text = engine.encode(&shifted).into_bytes();
    // The last character carries bits of whatever follows, unless the octets fill it.
    if !shifted.len().is_multiple_of(3) {
        text.pop();
    }
    text.drain(..(offset * 8).div_ceil(6));
    text
}

fn each(octets: &[u8], write: impl Fn(&mut String, u8) -> fmt::Result) -> String {
    octets.iter().fold(String::new(), |mut text, &octet| {
        // Writing to a `String` does not fail.
        let _ = write(&mut text, octet);
        text
    })
}

/// Parts of this length are searched for, in octets,
const WINDOW: usize = 12;
/// one at every so many octets of the secret.
const STEP: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "marker/with+odd=signs?";

    fn found(text: &str) -> Option<&'static str> {
        Secret::new("marker", MARKER).find_in(text.as_bytes())
    }

    #[test]
    fn every_form_is_found() {
        let percent = "marker%2Fwith%2Bodd%3Dsigns%3F";
        let numbers = format!("{:?}", MARKER.as_bytes());
        let hex = each(MARKER.as_bytes(), |text, octet| write!(text, "{octet:02x}"));
        for (text, form) in [
            (format!("x{MARKER}x"), "as it is"),
            (hex.to_uppercase(), "in hexadecimal"),
            (hex, "in hexadecimal"),
            (percent.to_owned(), "percent-encoded"),
            (numbers, "as a list of numbers"),
            (MARKER[..WINDOW].to_owned(), "in part"),
        ] {
            assert_eq!(found(&text), Some(form), "{text}");
        }
    }

    #[test]
    fn base64_is_found_wherever_the_secret_stands_in_it() {
        for before in ["", "a", "ab", "abc", "abcd"] {
            for after in ["", "z", "zy"] {
                let text = format!("{before}{MARKER}{after}");
                assert!(found(&STANDARD_NO_PAD.encode(&text)).is_some(), "{text}");
                assert!(found(&URL_SAFE_NO_PAD.encode(&text)).is_some(), "{text}");
            }
        }
    }

    #[test]
    fn every_part_of_a_long_secret_is_found() {
        let long: String = ('!'..='~').collect();
        let secret = Secret::new("long", &long);
        for start in 0..long.len() - Secret::PART {
            assert!(secret.find_in(&long.as_bytes()[start..start + Secret::PART]).is_some());
        }
    }

    #[test]
    fn other_text_is_not_found() {
        for text in ["", "marker", "marker with odd signs", "bWFya2Vy"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
