//! Web Push: push resources (RFC 8030 §5), message resources (§5.1) and the way to the websocket.

mod refusal;
mod vapid;
mod websocket;

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use super::answer::{self, Answer};
use super::call::{Call, Received};
use super::hub::{Hub, random_name};
use super::paths::{self, PathKind};
use super::store::{Deposit, PublicKey};
use crate::options::{Ttl, Urgency};
use crate::seal::MAX_BODY;
use crate::seal::backend::{Active, Backend};
use crate::seal::record::Parts as SealedParts;
use crate::serve::Abandoned;

pub(super) use self::refusal::Refusal;
use self::vapid::Refused;

/// The push service of browsers.
pub(super) struct WebPush {
    hub: Arc<Hub>,
    /// Whether even those subscriptions that take any sender want to know which.
    require_vapid: bool,
}

impl WebPush {
    pub(super) fn new(hub: Arc<Hub>, require_vapid: bool) -> Self {
        Self { hub, require_vapid }
    }

    pub(super) async fn serve(&self, call: Call, path: Path<'_>) -> Result<Answer, Abandoned> {
        match path {
            Path::Message(id) => {
                let answer = self.cancel(&call.head().method, id);
                Ok(call.answer(answer.unwrap_or_else(Refusal::into_answer)))
            }
            Path::Push(resource) => {
                let refuse = |status| Refusal::scripted(status).into_answer();
                call.serve_with_faults(MAX_BODY, refuse, |head, received| {
                    self.accept(head, received, resource).unwrap_or_else(Refusal::into_answer)
                })
                .await
            }
            Path::Websocket => Ok(websocket::upgrade(&self.hub, call)),
        }
    }

    /// Takes a push message (RFC 8030 §5), or says why not.
    fn accept(
        &self,
        head: &Parts,
        received: Received,
        resource: PushResource<'_>,
    ) -> Result<Answer, Refusal> {
        let Received { body, octets } = received;
        if head.method != Method::POST {
            return Err(Refusal::METHOD);
        }
        let key = match self.hub.store().key(resource.address) {
            Ok(key) if key.is_some() == resource.restricted => key.copied(),
            Ok(_) => return Err(Refusal::NOT_FOUND),
            Err(missing) => return Err(missing.into()),
        };
        self.authorize(&head.headers, key, &body)?;
        let ttl = ttl(&head.headers)?;
        let topic = option(&head.headers, "topic", Refusal::TOPIC)?;
        option::<Urgency>(&head.headers, "urgency", Refusal::URGENCY)?;
        content_coding(&head.headers, octets)?;
        if octets > MAX_BODY {
            return Err(Refusal::TOO_LARGE);
        }
        if octets > 0 && !is_one_record(&body) {
            return Err(Refusal::SHAPE);
        }

        let id = random_name::<16>().map_err(|_| Refusal::UNKNOWN)?;
        self.hub.deposit(resource.address, id.clone(), Deposit { body, ttl, topic })?;
        let mut answer = answer::bare(StatusCode::CREATED);
        let location = format!("{}{}{id}", self.hub.origin(), paths::MESSAGE);
        let location = location.parse().map_err(|_| Refusal::UNKNOWN)?;
        answer.headers_mut().insert(header::LOCATION, location);
        answer.headers_mut().insert("ttl", ttl.as_secs().into());
        Ok(answer)
    }

    fn authorize(
        &self,
        headers: &HeaderMap,
        key: Option<PublicKey>,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let signer = match vapid::signer(headers, self.hub.origin(), self.hub.now()) {
            Ok(signer) => signer,
            Err(Refused::Missing) if key.is_none() && !self.require_vapid => return Ok(()),
            Err(Refused::Missing) => return Err(Refusal::UNAUTHORIZED),
            Err(Refused::Invalid(message)) => {
                return Err(Refusal::FORBIDDEN.with_message(message));
            }
        };
        if key.is_some_and(|key| key != signer) {
            return Err(Refusal::FORBIDDEN.with_message("VAPID public key mismatch"));
        }
        // RFC 8292 §3.2: the key must not serve the encryption too.
        if SealedParts::parse(body).is_some_and(|parts| parts.key_id == &signer) {
            return Err(Refusal::SAME_KEY);
        }
        Ok(())
    }

    /// Deletes a message that was not delivered yet (RFC 8030 §6.2 for the user agent; here for the
    /// sender that knows the resource).
    fn cancel(&self, method: &Method, id: &str) -> Result<Answer, Refusal> {
        if method != Method::DELETE {
            return Err(Refusal::METHOD);
        }
        if !self.hub.store().remove(id) {
            return Err(Refusal::NOT_FOUND);
        }
        Ok(answer::bare(StatusCode::NO_CONTENT))
    }
}

/// A path of Web Push.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Message(&'a str),
    Push(PushResource<'a>),
    Websocket,
}

impl<'a> Path<'a> {
    pub(super) fn of(path: &'a str) -> Option<Self> {
        if path == "/" {
            Some(Self::Websocket)
        } else if let Some(id) = path.strip_prefix(paths::MESSAGE) {
            Some(Self::Message(id))
        } else if let Some(address) = path.strip_prefix(paths::OPEN) {
            Some(Self::Push(PushResource { address, restricted: false }))
        } else {
            let address = path.strip_prefix(paths::RESTRICTED)?;
            Some(Self::Push(PushResource { address, restricted: true }))
        }
    }

    pub(super) fn kind(self) -> PathKind {
        match self {
            Self::Message(_) => PathKind::MessageResource,
            Self::Push(_) => PathKind::PushResource,
            Self::Websocket => PathKind::Websocket,
        }
    }
}

/// A push resource, by its path.
#[derive(Clone, Copy)]
pub(super) struct PushResource<'a> {
    address: &'a str,
    /// Whether the path says that the subscription is bound to a key.
    restricted: bool,
}

fn ttl(headers: &HeaderMap) -> Result<Ttl, Refusal> {
    let value = single(headers, "ttl", Refusal::TTL)?.ok_or(Refusal::TTL)?;
    if value.is_empty() || !value.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(Refusal::TTL);
    }
    // More digits than fit are a longer time than any message is kept.
    Ok(value.parse().map_or(MAX_TTL, |ttl: Ttl| ttl.min(MAX_TTL)))
}

fn option<T: std::str::FromStr>(
    headers: &HeaderMap,
    name: &str,
    refusal: Refusal,
) -> Result<Option<T>, Refusal> {
    let Some(value) = single(headers, name, refusal)? else { return Ok(None) };
    value.parse().map(Some).map_err(|_| refusal)
}

/// RFC 8291 §4: the only content coding is `aes128gcm`; without a body there is none.
fn content_coding(headers: &HeaderMap, octets: usize) -> Result<(), Refusal> {
    match single(headers, header::CONTENT_ENCODING.as_str(), Refusal::CODING)? {
        _ if octets == 0 => Ok(()),
        None => Err(Refusal::NO_CODING),
        Some("aes128gcm") => Ok(()),
        Some(_) => Err(Refusal::CODING),
    }
}

/// The value of a field that must not be repeated.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &str,
    refusal: Refusal,
) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refusal);
    }
    value.to_str().map(Some).map_err(|_| refusal)
}

/// RFC 8291 §4: one record (RFC 8188 §2), whose key id is the sender's public key.
fn is_one_record(body: &[u8]) -> bool {
    SealedParts::parse(body).is_some_and(|parts| Active::public_key(parts.key_id).is_ok())
}

/// Longest time a message is kept: 30 days, as in Mozilla's service.
const MAX_TTL: Ttl = Ttl::from_secs(30 * 24 * 60 * 60);
