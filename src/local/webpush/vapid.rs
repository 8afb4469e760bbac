//! Checks the `Authorization` of a push request (RFC 8292), as strictly as it is written.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use serde::Deserialize;

use super::super::es256::is_signed;
use super::super::store::PublicKey;

/// The key that signed a request to `origin`, or why the request is refused. The texts are those
/// of Mozilla's service where it has one.
pub(super) fn signer(
    headers: &HeaderMap,
    origin: &str,
    now: SystemTime,
) -> Result<PublicKey, Refused> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let value = fields.next().ok_or(Refused::Missing)?;
    if fields.next().is_some() {
        return Err(Refused::Invalid("Authorization must not be repeated"));
    }
    let value = value.to_str().map_err(|_| Refused::Invalid("Invalid VAPID token"))?;
    let (scheme, parameters) =
        value.split_once(' ').ok_or(Refused::Invalid("Unknown auth scheme"))?;
    if !scheme.eq_ignore_ascii_case("vapid") {
        return Err(Refused::Invalid("Unknown auth scheme"));
    }
    let token = parameter(parameters, "t").ok_or(Refused::Invalid("Missing VAPID token"))?;
    let key = parameter(parameters, "k").ok_or(Refused::Invalid("Missing VAPID public key"))?;
    let key = URL_SAFE_NO_PAD
        .decode(key)
        .ok()
        .and_then(|octets| PublicKey::try_from(octets).ok())
        .filter(|octets| octets.first() == Some(&4))
        .ok_or(Refused::Invalid("Invalid VAPID public key"))?;

    let claims = verify(token, &key).ok_or(Refused::Invalid("Invalid VAPID token"))?;
    if claims.aud != origin {
        return Err(Refused::Invalid("Invalid VAPID audience"));
    }
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    if claims.exp <= now {
        return Err(Refused::Invalid("Invalid VAPID expiry"));
    }
    if claims.exp - now > MAX_LIFETIME {
        return Err(Refused::Invalid("The VAPID token expiration is too long"));
    }
    Ok(key)
}

/// Why a request was not authorized.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    Invalid(&'static str),
    Missing,
}

/// Longest time from the request to `exp`, in seconds (RFC 8292 §2).
const MAX_LIFETIME: f64 = 24.0 * 60.0 * 60.0;

#[derive(Deserialize)]
struct JoseHeader {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    /// A number that may have a fraction (RFC 7519 §2).
    exp: f64,
}

/// The value of one of the comma-separated parameters (RFC 8292 §3), quoted or not.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(',').find_map(|parameter| {
        let (key, value) = parameter.trim().split_once('=')?;
        key.trim_end().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The claims of a JSON Web Token that `key` signed with ES256.
fn verify(token: &str, key: &PublicKey) -> Option<Claims> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header: JoseHeader = serde_json::from_slice(&decode(header)?).ok()?;
    if header.alg != "ES256" {
        return None;
    }
    if !is_signed(key, signed.as_bytes(), &decode(signature)?) {
        return None;
    }
    serde_json::from_slice(&decode(claims)?).ok()
}
