//! Who sends: the `Authorization` header of RFC 8292, signed once per key and push service.
//!
//! Pure: the time is handed in. A header is signed under the lock of its key's cache, about 20 µs
//! and no await, so however many sends want the same one, it is signed once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::endpoint::Origin;
use crate::providers::http::sensitive;
use crate::providers::jws;
use crate::{Error, ErrorKind, Result, Token};

use super::key::VapidKey;
use super::subject::Subject;

/// The application server's keys: one that new subscriptions are made with, and older ones whose
/// subscriptions are still in use.
///
/// A token names its key in the member `applicationServerKey`, the public key in base64url; one
/// that names none, or has nothing, null or an empty text there, belongs to the first key.
///
/// ```
/// use sealpush::providers::webpush::{VapidKey, VapidKeys};
///
/// let keys = VapidKeys::new("mailto:ops@push-demo.dev".parse()?, VapidKey::generate()?)
///     .with_key(VapidKey::generate()?);
/// # Ok::<_, sealpush::Error>(())
/// ```
pub struct VapidKeys {
    /// `None`: for loopback only.
    subject: Option<Subject>,
    first: VapidKey,
    older: Vec<VapidKey>,
}

impl VapidKeys {
    /// A ring of one key.
    #[must_use]
    pub const fn new(subject: Subject, key: VapidKey) -> Self {
        Self { subject: Some(subject), first: key, older: Vec::new() }
    }

    /// A ring of one key and no contact, for tests and examples against a push service on this
    /// computer, such as the embedded one. Whoever carries messages for others wants to reach you, so
    /// what is sent anywhere else with it is a `Configuration` error, and nothing goes out.
    ///
    /// RFC 8292 §2.1 leaves the contact to the application server; push services do not.
    #[must_use]
    pub const fn for_loopback(key: VapidKey) -> Self {
        Self { subject: None, first: key, older: Vec::new() }
    }

    /// Adds a key for the tokens that name it.
    #[must_use]
    pub fn with_key(mut self, key: VapidKey) -> Self {
        self.older.push(key);
        self
    }
}

impl fmt::Debug for VapidKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VapidKeys")
            .field("subject", &self.subject)
            .field("keys", &(1 + self.older.len()))
            .finish()
    }
}

/// The key that a token names.
///
/// `InvalidToken` when it is no text: `JSON.stringify` makes an object or a list of the octets that
/// a browser's `options.applicationServerKey` is.
fn application_server_key(token: &Token) -> Result<Option<&str>> {
    #[derive(Deserialize)]
    struct Members {
        #[serde(rename = "applicationServerKey")]
        application_server_key: Option<IgnoredAny>,
    }
    if let Some(name) = token.expose("applicationServerKey") {
        return Ok(Some(name).filter(|name| !name.is_empty()));
    }
    let members: Members = token.address()?;
    match members.application_server_key {
        None => Ok(None),
        Some(IgnoredAny) => Err(Error::new(
            ErrorKind::InvalidToken,
            "the token's 'applicationServerKey' must be text: the public VAPID key in base64url",
        )),
    }
}

/// The ring at work. Empty: only tokens that name no key can be sent to.
#[derive(Default)]
pub(super) struct Signers(Vec<Signer>);

impl Signers {
    /// The signer that a token belongs to; `None` without any key.
    ///
    /// `TokenMismatch` when the token names a key that is not in the ring, `Configuration` when the
    /// ring has no contact and the token is not one of this computer.
    pub(super) fn of(&self, token: &Token, origin: &Origin) -> Result<Option<&Signer>> {
        let signer = match application_server_key(token)? {
            None => self.0.first(),
            Some(name) => Some(self.named(name)?),
        };
        if signer.is_some_and(|signer| signer.subject.is_none()) && !is_loopback(origin) {
            return Err(Error::new(
                ErrorKind::Configuration,
                "the VAPID keys are for loopback and have no contact; make them with \
                 `VapidKeys::new` and a contact of yours, mailto: or https:",
            ));
        }
        Ok(signer)
    }

    fn named(&self, key: &str) -> Result<&Signer> {
        match self.0.iter().find(|signer| signer.key.is_named_by(key)) {
            Some(signer) => Ok(signer),
            None => Err(Error::new(
                ErrorKind::TokenMismatch,
                "the token was made with a VAPID key that is not configured; add that key, or \
                 subscribe again with a configured one",
            )),
        }
    }
}

impl From<VapidKeys> for Signers {
    fn from(keys: VapidKeys) -> Self {
        let signer = |key| Signer::new(key, keys.subject.clone());
        Self(std::iter::once(keys.first).chain(keys.older).map(signer).collect())
    }
}

fn is_loopback(origin: &Origin) -> bool {
    match origin.address() {
        Some(address) => address.to_canonical().is_loopback(),
        None => origin.host() == "localhost",
    }
}

/// A key, and the headers that it signed, by origin.
pub(super) struct Signer {
    key: VapidKey,
    subject: Option<Subject>,
    headers: Mutex<HashMap<String, Header>>,
}

impl Signer {
    fn new(key: VapidKey, subject: Option<Subject>) -> Self {
        Self { key, subject, headers: Mutex::default() }
    }

    /// The value of `Authorization` for an origin; `now` in seconds since the UNIX epoch.
    pub(super) fn authorization(&self, origin: &str, now: u64) -> Result<HeaderValue> {
        let mut headers = self.headers();
        if let Some(header) = headers.get_mut(origin).filter(|header| header.is_fresh(now)) {
            header.used_at = now;
            return Ok(header.value.clone());
        }
        self.sign(&mut headers, origin, now, None)
    }

    /// Another header in place of one that the push service refused, signed at least `age` seconds
    /// ago. `None` when there is nothing new to try: a header is replaced once an hour at most, so
    /// that a key that is always refused does not double every request.
    pub(super) fn replace(
        &self,
        refused: &HeaderValue,
        age: u64,
        origin: &str,
        now: u64,
    ) -> Result<Option<HeaderValue>> {
        let mut headers = self.headers();
        if let Some(header) = headers.get(origin) {
            if header.value != *refused {
                return Ok(Some(header.value.clone()));
            }
            let replaced = header.replaced_at.is_some_and(|at| now.saturating_sub(at) < HOUR);
            if replaced || now.saturating_sub(header.signed_at) < age {
                return Ok(None);
            }
        }
        self.sign(&mut headers, origin, now, Some(now)).map(Some)
    }

    fn sign(
        &self,
        headers: &mut HashMap<String, Header>,
        origin: &str,
        now: u64,
        replaced_at: Option<u64>,
    ) -> Result<HeaderValue> {
        let sub = self.subject.as_ref().map(Subject::as_str);
        let claims = Claims { aud: origin, exp: now.saturating_add(LIFETIME), sub };
        let value = authorization(&self.key, &claims)?;
        make_room(headers, now);
        let header = Header { value: value.clone(), signed_at: now, used_at: now, replaced_at };
        headers.insert(origin.to_owned(), header);
        Ok(value)
    }

    fn headers(&self) -> MutexGuard<'_, HashMap<String, Header>> {
        // The map is whole after every statement, so a panic elsewhere does not spoil it.
        self.headers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A signed header and, in seconds since the UNIX epoch, what happened to it.
struct Header {
    value: HeaderValue,
    signed_at: u64,
    used_at: u64,
    /// When it took the place of one that was refused.
    replaced_at: Option<u64>,
}

impl Header {
    /// Not near its expiry, and not from the future of a clock that was set back.
    fn is_fresh(&self, now: u64) -> bool {
        now.checked_sub(self.signed_at).is_some_and(|age| age < LIFETIME - HOUR)
    }
}

/// Keeps the cache bounded: whoever subscribes chooses the origin.
fn make_room(headers: &mut HashMap<String, Header>, now: u64) {
    if headers.len() < MAX_ORIGINS {
        return;
    }
    headers.retain(|_, header| header.is_fresh(now));
    if headers.len() >= MAX_ORIGINS {
        let idle = headers.iter().min_by_key(|(_, header)| header.used_at);
        if let Some(idle) = idle.map(|(origin, _)| origin.clone()) {
            headers.remove(&idle);
        }
    }
}

/// What the header says, signed (RFC 8292 §2).
#[derive(Serialize)]
struct JwtHeader {
    typ: &'static str,
    alg: &'static str,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

/// `vapid t=<JWT>, k=<public key>` (RFC 8292 §3).
fn authorization(key: &VapidKey, claims: &Claims<'_>) -> Result<HeaderValue> {
    let header = JwtHeader { typ: "JWT", alg: "ES256" };
    let jwt = jws::compact(&header, claims, |octets| key.signing_key().sign(octets))?;
    sensitive(Zeroizing::new(format!("vapid t={}, k={}", *jwt, key.public_key())))
}

/// Seconds from signing to `exp`. The most allowed is 24 hours (RFC 8292 §2); half of it leaves
/// room for clocks that differ.
const LIFETIME: u64 = 12 * HOUR;
/// How long before its expiry a header is signed anew, and how seldom one is replaced after a
/// refusal, in seconds. Apple asks for no more than one new token an hour.
const HOUR: u64 = 3600;
/// Headers kept per key.
const MAX_ORIGINS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn signer() -> Signer {
        Signer::new(VapidKey::generate().unwrap(), "mailto:ops@push-demo.dev".parse().ok())
    }

    #[test]
    fn a_stranger_cannot_grow_the_cache_nor_push_out_an_origin_in_use() {
        let signer = signer();
        let in_use = signer.authorization("https://push.example.net", NOW).unwrap();
        for stranger in 0..MAX_ORIGINS + 10 {
            let now = NOW + 1 + u64::try_from(stranger).unwrap() / 100;
            signer.authorization(&format!("https://{stranger}.example.net"), now).unwrap();
            assert_eq!(signer.authorization("https://push.example.net", now).unwrap(), in_use);
        }
        assert_eq!(signer.headers().len(), MAX_ORIGINS);
    }

    #[test]
    fn expired_headers_make_room_first() {
        let signer = signer();
        for origin in 0..MAX_ORIGINS {
            signer.authorization(&format!("https://{origin}.example.net"), NOW).unwrap();
        }
        signer.authorization("https://push.example.net", NOW + LIFETIME).unwrap();
        assert_eq!(signer.headers().len(), 1);
    }

    #[test]
    fn a_header_of_the_future_is_not_used() {
        let signer = signer();
        let early = signer.authorization("https://push.example.net", NOW).unwrap();
        let later = signer.authorization("https://push.example.net", NOW - 1).unwrap();
        assert_ne!(early, later);
    }
}
