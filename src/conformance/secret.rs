//! Finding a secret in what a provider shows, in the forms in which one gets out.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Something that must never be shown: a name for the report, and the octets to search for.
///
/// It is searched for as it is, in hexadecimal, in base64 and base64url at every alignment,
/// percent-encoded, and as the list of numbers that `Debug` makes of octets; a long one also in
/// parts of [`PART`](Self::PART) octets.
#[derive(Clone)]
pub struct Secret {
    what: Cow<'static, str>,
    octets: Vec<u8>,
}

impl Secret {
    /// Shortest secret that is searched for, in octets: a shorter one is found by chance.
    pub const MIN_LEN: usize = 8;
    /// Length of the parts of a long secret, in octets.
    pub const PART: usize = 16;

    /// A secret, with what to call it in a report.
    pub fn new(what: impl Into<Cow<'static, str>>, octets: impl Into<Vec<u8>>) -> Self {
        Self { what: what.into(), octets: octets.into() }
    }

    /// What to call it.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The form in which the secret occurs in a text, if it does.
    #[must_use]
    pub fn find_in(&self, text: &[u8]) -> Option<&'static str> {
        if self.octets.len() < Self::MIN_LEN {
            return None;
        }
        let forms = self.forms();
        let whole = forms.into_iter().find(|(_, form)| contains(text, form)).map(|(name, _)| name);
        whole.or_else(|| {
            let mut parts = self.octets.windows(Self::PART);
            parts.any(|part| contains(text, part)).then_some("in part")
        })
    }

    fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let octets = &self.octets;
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
            ("as it is", octets.clone()),
            ("in hexadecimal", hex.to_ascii_uppercase().into_bytes()),
            ("in hexadecimal", hex.into_bytes()),
            ("percent-encoded", percent.into_bytes()),
            ("percent-encoded", every_percent.to_ascii_uppercase().into_bytes()),
            ("percent-encoded", every_percent.into_bytes()),
            ("as a list of numbers", numbers.into_bytes()),
        ];
        for offset in 0..3 {
            forms.push(("in base64", base64_at(&STANDARD_NO_PAD, octets, offset)));
            forms.push(("in base64url", base64_at(&URL_SAFE_NO_PAD, octets, offset)));
        }
        forms
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("what", &self.what).finish_non_exhaustive()
    }
}

/// The first secret that occurs in a text, described without showing it.
pub(crate) fn find(secrets: &[Secret], text: &[u8]) -> Option<String> {
    secrets
        .iter()
        .find_map(|secret| secret.find_in(text).map(|form| format!("the {} {form}", secret.what())))
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    match (str::from_utf8(text), str::from_utf8(part)) {
        _ if part.is_empty() => false,
        // The search in text is much faster, and nearly everything is text.
        (Ok(text), Ok(part)) => text.contains(part),
        _ => text.windows(part.len()).any(|window| window == part),
    }
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
            (MARKER[..Secret::PART].to_owned(), "in part"),
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
    fn other_text_is_not_found() {
        for text in ["", "marker", "marker with odd signs", "bWFya2Vy"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
