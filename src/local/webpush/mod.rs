//! The HTTP side: push resources (RFC 8030 §5), message resources (§5.1) and the way to the
//! websocket.

mod vapid;
mod websocket;

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::json;

use self::vapid::Refused;
use super::hub::Service;
use super::server::Connection;
use super::store::{Deposit, Missing, NotStored, PublicKey};
use super::{Fault, PathKind, router};
use crate::options::{Ttl, Urgency};
use crate::seal::MAX_BODY;
use crate::seal::record::Parts as SealedParts;

/// Serves one request and records it.
pub(super) async fn serve(
    service: Arc<Service>,
    connection: Connection,
    request: http::Request<Incoming>,
) -> Result<Answer, Abandoned> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let route = Route::of(&path);
    let entry = service.record(&head, route.kind());
    let answer = match route {
        Route::Message(id) => Ok(cancel(&service, &head.method, id)),
        Route::Push(resource) => {
            return push(&service, &connection, head, body, resource, entry).await;
        }
        Route::Unknown => Err(Refusal::NOT_FOUND),
        Route::Vendor(route) => {
            return router::serve(&service, &connection, head, body, route, entry).await;
        }
        Route::Websocket => websocket::upgrade(&service, &connection, &mut head),
    };
    let answer = answer.unwrap_or_else(Refusal::into_answer);
    service.finish(entry, 0, Some(answer.status()));
    Ok(answer)
}

/// An answer of the push service.
pub(super) type Answer = Response<Full<Bytes>>;

/// The connection, or the stream on HTTP/2, ends without an answer.
#[derive(Debug)]
pub(super) struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was left without an answer")
    }
}

impl std::error::Error for Abandoned {}

/// Where a path leads.
enum Route<'a> {
    Message(&'a str),
    Push(PushResource<'a>),
    Unknown,
    Vendor(router::Route<'a>),
    Websocket,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Self {
        if path == "/" {
            Self::Websocket
        } else if let Some(id) = path.strip_prefix(MESSAGE_PATH) {
            Self::Message(id)
        } else if let Some(address) = path.strip_prefix(OPEN_PATH) {
            Self::Push(PushResource { address, restricted: false })
        } else if let Some(address) = path.strip_prefix(RESTRICTED_PATH) {
            Self::Push(PushResource { address, restricted: true })
        } else if let Some(route) = router::Route::of(path) {
            Self::Vendor(route)
        } else {
            Self::Unknown
        }
    }

    fn kind(&self) -> PathKind {
        match self {
            Self::Message(_) => PathKind::MessageResource,
            Self::Push(_) => PathKind::PushResource,
            Self::Unknown => PathKind::Unknown,
            Self::Vendor(route) => route.kind(),
            Self::Websocket => PathKind::Websocket,
        }
    }
}

/// A push resource, by its path.
#[derive(Clone, Copy)]
struct PushResource<'a> {
    address: &'a str,
    /// Whether the path says that the subscription is bound to a key.
    restricted: bool,
}

/// Path of the message resources.
pub(super) const MESSAGE_PATH: &str = "/m/";
/// Path of the push resources that take any application server.
pub(super) const OPEN_PATH: &str = "/wpush/v1/";
/// Path of the push resources that are bound to one application server key.
pub(super) const RESTRICTED_PATH: &str = "/wpush/v2/";

/// Longest time a message is kept: 30 days, as in Mozilla's service.
const MAX_TTL: Ttl = Ttl::from_secs(30 * 24 * 60 * 60);
/// Most octets of a request's body that are read, so that a sender that writes all of an oversized
/// body before it reads gets to see the 413.
const MAX_READ: usize = 256 * 1024;

async fn push(
    service: &Service,
    connection: &Connection,
    head: Parts,
    body: Incoming,
    resource: PushResource<'_>,
    entry: u64,
) -> Result<Answer, Abandoned> {
    let fault = service.next_fault();
    let refuse = |status| Refusal::scripted(status).into_answer();
    let serve = |body, octets| {
        accept(service, &head, body, octets, resource).unwrap_or_else(Refusal::into_answer)
    };
    exchange(service, connection, body, MAX_BODY, entry, fault, refuse, serve).await
}

/// Reads a request of which `max` octets are kept, and serves it, with a fault.
#[allow(clippy::too_many_arguments, reason = "two callers, which name every one of them")]
pub(super) async fn exchange(
    service: &Service,
    connection: &Connection,
    body: Incoming,
    max: usize,
    entry: u64,
    fault: Fault,
    refuse: fn(StatusCode) -> Answer,
    serve: impl FnOnce(Bytes, usize) -> Answer + Send,
) -> Result<Answer, Abandoned> {
    if fault == Fault::Disconnect {
        connection.close();
    }
    if fault.is_before_body() {
        return Err(Abandoned);
    }
    let (body, octets) = read(body, max).await?;
    service.finish(entry, octets, None);
    let answer = fault.play(service.now(), refuse, || serve(body, octets)).await?;
    service.finish(entry, octets, Some(answer.status()));
    Ok(answer)
}

/// Reads at most `max` octets, throws away up to [`MAX_READ`], and counts both.
async fn read(mut body: Incoming, max: usize) -> Result<(Bytes, usize), Abandoned> {
    let mut kept = BytesMut::new();
    let mut octets = 0_usize;
    while octets < MAX_READ {
        let Some(frame) = body.frame().await else { break };
        let Ok(data) = frame.map_err(|_| Abandoned)?.into_data() else { continue };
        octets = octets.saturating_add(data.len());
        if octets <= max {
            kept.extend_from_slice(&data);
        }
    }
    Ok((kept.freeze(), octets))
}

/// Takes a push message (RFC 8030 §5), or says why not.
fn accept(
    service: &Service,
    head: &Parts,
    body: Bytes,
    octets: usize,
    resource: PushResource<'_>,
) -> Result<Answer, Refusal> {
    if head.method != Method::POST {
        return Err(Refusal::METHOD);
    }
    let key = match service.store().key(resource.address) {
        Ok(key) if key.is_some() == resource.restricted => key.copied(),
        Ok(_) => return Err(Refusal::NOT_FOUND),
        Err(missing) => return Err(missing.into()),
    };
    authorize(service, &head.headers, key, &body)?;
    let ttl = ttl(&head.headers)?;
    let topic = option(&head.headers, "topic", Refusal::TOPIC)?;
    option::<Urgency>(&head.headers, "urgency", Refusal::URGENCY)?;
    content_coding(&head.headers, octets)?;
    if octets > MAX_BODY {
        return Err(Refusal::TOO_LARGE);
    }

    let id = service.deposit(resource.address, Deposit { body, ttl, topic })?;
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::CREATED;
    let location = service.message_resource(&id).parse().map_err(|_| Refusal::UNKNOWN)?;
    answer.headers_mut().insert(header::LOCATION, location);
    answer.headers_mut().insert("ttl", ttl.as_secs().into());
    Ok(answer)
}

fn authorize(
    service: &Service,
    headers: &HeaderMap,
    key: Option<PublicKey>,
    body: &[u8],
) -> Result<(), Refusal> {
    let signer = match vapid::signer(headers, service.origin(), service.now()) {
        Ok(signer) => signer,
        Err(Refused::Missing) if key.is_none() && !service.requires_vapid() => return Ok(()),
        Err(Refused::Missing) => return Err(Refusal::UNAUTHORIZED),
        Err(Refused::Invalid(message)) => return Err(Refusal { message, ..Refusal::FORBIDDEN }),
    };
    if key.is_some_and(|key| key != signer) {
        return Err(Refusal { message: "VAPID public key mismatch", ..Refusal::FORBIDDEN });
    }
    // RFC 8292 §3.2: the key must not serve the encryption too.
    if SealedParts::parse(body).is_some_and(|parts| parts.key_id == &signer) {
        return Err(Refusal::SAME_KEY);
    }
    Ok(())
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

/// Deletes a message that was not delivered yet (RFC 8030 §6.2 for the user agent; here for the
/// sender that knows the resource).
fn cancel(service: &Service, method: &Method, id: &str) -> Answer {
    if method != Method::DELETE {
        return Refusal::METHOD.into_answer();
    }
    if !service.store().remove(id) {
        return Refusal::NOT_FOUND.into_answer();
    }
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// An error of the push service, in the form of Mozilla's: `{"code", "errno", "error", "message"}`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    errno: u16,
    message: &'static str,
}

impl Refusal {
    const CODING: Self =
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, 110, "Unknown Content-Encoding");
    const FORBIDDEN: Self = Self::new(StatusCode::FORBIDDEN, 109, "Invalid VAPID token");
    const FULL: Self =
        Self::new(StatusCode::TOO_MANY_REQUESTS, 201, "Too many messages are stored");
    const GONE: Self = Self::new(StatusCode::GONE, 106, "No such subscription");
    const METHOD: Self = Self::new(StatusCode::METHOD_NOT_ALLOWED, 999, "Method not allowed");
    const NO_CODING: Self =
        Self::new(StatusCode::BAD_REQUEST, 110, "Missing Content-Encoding header");
    const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, 102, "Invalid URL endpoint");
    const SAME_KEY: Self = Self::new(
        StatusCode::BAD_REQUEST,
        110,
        "The VAPID key must not be the key of the encryption",
    );
    const TOO_LARGE: Self = Self::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        104,
        "This message is too large: the limit is 4096 octets",
    );
    const TOPIC: Self = Self::new(StatusCode::BAD_REQUEST, 113, "Invalid Topic header");
    const TTL: Self = Self::new(StatusCode::BAD_REQUEST, 111, "Missing or invalid TTL header");
    const UNAUTHORIZED: Self = Self::new(StatusCode::UNAUTHORIZED, 109, "Missing VAPID token");
    pub(super) const UNKNOWN: Self =
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 999, "Unknown error");
    const URGENCY: Self = Self::new(StatusCode::BAD_REQUEST, 110, "Invalid Urgency header");
    pub(super) const OFFLINE: Self =
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 201, "The service is offline");
    pub(super) const UPGRADE: Self =
        Self::new(StatusCode::UPGRADE_REQUIRED, 999, "This is a websocket");

    const fn new(status: StatusCode, errno: u16, message: &'static str) -> Self {
        Self { status, errno, message }
    }

    /// The refusal of a scripted fault: as the service itself would word it.
    pub(super) fn scripted(status: StatusCode) -> Self {
        match status {
            StatusCode::FORBIDDEN => Self::FORBIDDEN,
            StatusCode::GONE => Self::GONE,
            StatusCode::NOT_FOUND => Self::NOT_FOUND,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TOO_LARGE,
            StatusCode::UNAUTHORIZED => Self::UNAUTHORIZED,
            _ => Self::new(status, 999, "A scripted fault"),
        }
    }

    pub(super) fn into_answer(self) -> Answer {
        let error = json!({
            "code": self.status.as_u16(),
            "errno": self.errno,
            "error": self.status.canonical_reason().unwrap_or("Unknown"),
            "message": self.message,
        });
        let mut answer = Response::new(error.to_string().into());
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("vapid"));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            _ => {}
        }
        answer
    }
}

impl From<Missing> for Refusal {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Ended => Self::GONE,
            Missing::Unknown => Self::NOT_FOUND,
        }
    }
}

impl From<NotStored> for Refusal {
    fn from(reason: NotStored) -> Self {
        match reason {
            NotStored::Full => Self::FULL,
            NotStored::Missing(missing) => missing.into(),
        }
    }
}
