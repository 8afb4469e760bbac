//! A private key from whatever file or variable holds it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::providers::jws::SigningKey;
use crate::{Error, ErrorKind, Result};

use super::key::{NAME, VapidKey};

impl VapidKey {
    /// Takes the private key in any form that tools write:
    ///
    /// * the scalar in base64url or base64, as [`from_base64`](Self::from_base64);
    /// * PEM, as [`from_pem`](Self::from_pem);
    /// * PKCS#8 or SEC 1 in DER, as octets or in base64;
    /// * a JSON Web Key (RFC 7517) of type `EC` and curve `P-256` (RFC 7518 §6.2);
    /// * a JSON object with the scalar as `privateKey` or `private_key`, which some tools print.
    ///
    /// White space around it and between the lines of base64 is passed over, and so is a byte
    /// order mark.
    ///
    /// ```
    /// use sealpush::providers::webpush::VapidKey;
    ///
    /// let jwk = br#"{"kty":"EC","crv":"P-256","d":"yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"}"#;
    /// let key = VapidKey::import(jwk)?;
    /// assert!(key.public_key_base64().starts_with("BP4z9KsN6nGRTbVYI_c7VJSP"));
    /// # Ok::<_, sealpush::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Configuration`, naming what is wrong with the form that it looks like, never a value.
    pub fn import(octets: &[u8]) -> Result<Self> {
        if octets.first() == Some(&DER_SEQUENCE) && std::str::from_utf8(octets).is_err() {
            return Self::from_der(octets);
        }
        let octets = octets.strip_prefix(BYTE_ORDER_MARK).unwrap_or(octets);
        let text = std::str::from_utf8(octets).map_err(|_| configuration(UNKNOWN))?.trim();
        if text.starts_with('{') {
            return Self::from_json(text);
        }
        if text.contains("-----BEGIN") {
            return Self::from_pem(text);
        }
        let mut joined = Zeroizing::new(String::with_capacity(text.len()));
        joined.extend(text.split_whitespace());
        let text = joined;
        match decode(&text) {
            Some(der) if der.len() > 32 && der.first() == Some(&DER_SEQUENCE) => {
                Self::from_der(&der)
            }
            _ => Self::from_base64(&text),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self> {
        SigningKey::of_der(der).map(Self::from).map_err(|fact| fact.about(NAME))
    }

    fn from_json(text: &str) -> Result<Self> {
        // The parser's own error repeats parts of its input, which is a secret.
        let members: Members = serde_json::from_str(text).map_err(|_| {
            configuration("the VAPID key looks like JSON and is no JSON object with text members")
        })?;
        if members.kty.as_ref().is_some_and(|kty| kty.as_str() != "EC")
            || members.crv.as_ref().is_some_and(|curve| curve.as_str() != "P-256")
        {
            return Err(configuration(
                "the JSON Web Key is not of type 'EC' and curve 'P-256' (RFC 8292 section 2)",
            ));
        }
        let scalar = members.d.or(members.private_key).ok_or_else(|| {
            configuration("the JSON holds no private key: neither 'd' (RFC 7518) nor 'privateKey'")
        })?;
        let key = Self::from_base64(&scalar)?;
        if let (Some(x), Some(y)) = (members.x, members.y) {
            let point = decode(key.public_key()).unwrap_or_default();
            let half = |range| point.get(range).map(<[u8]>::to_vec);
            let named = |text: &str| decode(text).map(|octets| octets.to_vec());
            if half(1..33) != named(&x) || half(33..65) != named(&y) {
                return Err(configuration(
                    "the JSON Web Key's 'x' and 'y' are not the public half of its 'd'",
                ));
            }
        }
        Ok(key)
    }
}

/// A JSON Web Key, or a pair as tools print it.
#[derive(Deserialize)]
struct Members {
    kty: Option<Zeroizing<String>>,
    crv: Option<Zeroizing<String>>,
    d: Option<Zeroizing<String>>,
    x: Option<Zeroizing<String>>,
    y: Option<Zeroizing<String>>,
    #[serde(alias = "privateKey")]
    private_key: Option<Zeroizing<String>>,
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let engine = if text.contains(['+', '/']) { &STANDARD_NO_PAD } else { &URL_SAFE_NO_PAD };
    engine.decode(text.trim_end_matches('=')).ok().map(Zeroizing::new)
}

fn configuration(message: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

const DER_SEQUENCE: u8 = 0x30;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const UNKNOWN: &str = "the VAPID private key is neither text nor DER";
