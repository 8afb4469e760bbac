//! A secret, and the forms in which one gets out.

mod search;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

pub(crate) use self::search::Search;

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

    /// The secret itself.
    pub(crate) fn expose(&self) -> &[u8] {
        self.forms.first().map_or(&[], |form| &form.octets)
    }

    /// The form in which the secret occurs in a text, if it does.
    #[must_use]
    pub fn find_in(&self, text: &[u8]) -> Option<&'static str> {
        Search::new([self.clone()]).all(text).first().map(|(_, form)| *form)
    }

    /// Its forms, itself first; none if it is too short to be searched for.
    pub(crate) fn forms(&self) -> &[Form] {
        &self.forms
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("what", &self.what).finish_non_exhaustive()
    }
}

/// The first secret that occurs in a text, described without showing it.
pub(crate) fn find(secrets: &[Secret], text: &[u8]) -> Option<String> {
    Search::new(secrets.iter().cloned()).first(text)
}

/// One way in which a secret gets out.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) octets: Vec<u8>,
}

fn forms(octets: &[u8]) -> Vec<Form> {
    let unreserved = |octet: &u8| octet.is_ascii_alphanumeric() || b"-._~".contains(octet);
    let mut hex = Vec::with_capacity(octets.len() * 2);
    let mut percent = Vec::with_capacity(octets.len() * 3);
    let mut every_percent = Vec::with_capacity(octets.len() * 3);
    for octet in octets {
        let digits = [octet >> 4, octet & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
        hex.extend(digits);
        every_percent.extend([b'%', digits[0], digits[1]]);
        match unreserved(octet) {
            true => percent.push(*octet),
            false => percent.extend([b'%', digits[0], digits[1]].map(|c| c.to_ascii_uppercase())),
        }
    }
    let numbers = octets.iter().map(ToString::to_string).collect::<Vec<_>>();

    let mut forms = vec![
        ("as it is", octets.to_vec()),
        ("in hexadecimal", hex.to_ascii_uppercase()),
        ("in hexadecimal", hex),
        ("percent-encoded", percent),
        ("percent-encoded", every_percent.to_ascii_uppercase()),
        ("percent-encoded", every_percent),
        ("as a list of numbers", numbers.join(",").into_bytes()),
        ("as a list of numbers", numbers.join(", ").into_bytes()),
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
    forms.into_iter().map(|(name, octets)| Form { name, octets }).collect()
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
        let hex = "6d61726b65722f776974682b6f64643d7369676e733f".to_owned();
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
