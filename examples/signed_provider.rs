//! A provider of a push service that speaks HTTP/2 only and takes signed credentials, in the manner
//! of Apple's, with its harness.
//!
//! Courier is made up: `POST /3/device/{device}` takes JSON of 4096 octets at most, with a topic and
//! a kind in fields, a time of expiry, and a token signed with ES256 that may be renewed after 20
//! minutes and lives for an hour. `custom_provider.rs` is the simpler one to read first.
//!
//! `cargo run --example signed_provider`

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use sealpush::clock::Clock;
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, run};
use sealpush::providers::credential::CredentialCache;
use sealpush::providers::http::{BaseUrl, authorization, post_json};
use sealpush::providers::jws::{self, SigningKey};
use sealpush::transport::{Transport, retry_after};
use sealpush::{
    Accepted, Capabilities, Error, ErrorKind, MessageId, ProviderId, PushProvider, Result,
    SealedMessage, Token, Ttl, Urgency, UserAgentKeys,
};
use serde_json::{Value, json};

const COURIER: ProviderId = ProviderId::from_static("courier");

/// What it needs. In a program the transport is `HyperTransport` or `ReqwestTransport` with
/// `http2_prior_knowledge`, so that nothing but HTTP/2 is spoken.
#[derive(Debug)]
struct Courier {
    base: BaseUrl,
    topic: &'static str,
    key: SigningKey,
    credential: CredentialCache<HeaderValue>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl PushProvider for Courier {
    fn id(&self) -> ProviderId {
        COURIER
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(MAX_BODY).with_ttl().with_urgency()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        self.attempt(token, message).await.map_err(|error| error.with_provider(COURIER))
    }
}

impl Courier {
    /// One attempt, and a second one with a new credential if the first was refused for its own.
    async fn attempt(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        token.require(&COURIER)?;
        self.capabilities().check(message)?;
        let request = self.request(token, message)?;
        let credential = self.credential.get(self.clock.now(), async || self.sign()).await?;
        let outcome = self.exchange(request.clone(), &credential).await;
        if !matches!(&outcome, Err(error) if error.kind() == ErrorKind::Unauthorized) {
            return outcome;
        }
        match self.credential.replace(&credential, self.clock.now(), async || self.sign()).await? {
            Some(renewed) => self.exchange(request, &renewed).await,
            None => outcome,
        }
    }

    async fn exchange(
        &self,
        mut request: Request<Bytes>,
        credential: &HeaderValue,
    ) -> Result<Accepted> {
        request.headers_mut().insert("authorization", credential.clone());
        self.outcome(&self.transport.send(request).await?)
    }

    /// RFC 7515 and 7518; the push service knows the key by its `kid`.
    fn sign(&self) -> Result<(HeaderValue, std::time::SystemTime)> {
        let header = json!({ "alg": "ES256", "kid": "K7FQ2ZT9WV" });
        let claims = json!({ "iss": "TEAM4HX1NC", "iat": self.clock.unix_seconds() });
        let token = jws::compact(&header, &claims, |octets| self.key.sign(octets))?;
        let now = self.clock.now();
        let end = now.checked_add(LIFETIME).unwrap_or(now);
        Ok((authorization("bearer", &token)?, end))
    }

    fn request(&self, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let hex = |text: &&str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let invalid = || Error::new(ErrorKind::InvalidToken, "a device is 64 hexadecimal digits");
        let device = token.expose("device").filter(hex).ok_or_else(invalid)?;
        let body = json!({
            "alert": message.placeholder().as_str(),
            "e2ee": URL_SAFE_NO_PAD.encode(message.body()),
        });
        let url = self.base.join(&format!("/3/device/{device}"))?;
        let mut request = post_json(&url, body.to_string().into());
        let fields = request.headers_mut();
        fields.insert("push-topic", HeaderValue::from_static(self.topic));
        fields.insert("push-kind", HeaderValue::from_static("alert"));
        fields.insert("push-expiration", self.expiration(message.ttl()).into());
        fields.insert("push-priority", priority(message.urgency()).into());
        Ok(request)
    }

    /// The second at which the message is thrown away; zero for now or never.
    fn expiration(&self, ttl: Ttl) -> u64 {
        match ttl.as_secs() {
            0 => 0,
            seconds => self.clock.unix_seconds().saturating_add(seconds.into()),
        }
    }

    fn outcome(&self, response: &Response<Bytes>) -> Result<Accepted> {
        let status = response.status().as_u16();
        let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let reason = answer.get("reason").and_then(Value::as_str).unwrap_or_default();
        let (kind, fact) = match (status, reason) {
            (200..=299, _) => {
                let name = response.headers().get("push-id").and_then(|id| id.to_str().ok());
                return Ok(Accepted::new(COURIER).with_message_id(name.map(MessageId::from)));
            }
            (410, "Unregistered") => (ErrorKind::Expired, "the app is gone from the device"),
            (400, "DeviceTokenNotForTopic") => {
                (ErrorKind::TokenMismatch, "the device belongs to another topic")
            }
            (403, "TopicDisallowed") => (ErrorKind::Rejected, "the key may not push to the topic"),
            (401 | 403, _) => (ErrorKind::Unauthorized, "courier refused the signed token"),
            (408 | 500..=599, _) => (ErrorKind::Unavailable, "courier has trouble"),
            (413, _) => (ErrorKind::PayloadTooLarge, "courier finds the message too large"),
            (429, _) => (ErrorKind::RateLimited, "courier asked to slow down"),
            _ => (ErrorKind::Rejected, "courier refused the message"),
        };
        let delay = retry_after(response.headers(), self.clock.now());
        Err(Error::answered(kind, status, fact).with_retry_after(delay))
    }
}

const fn priority(urgency: Urgency) -> u16 {
    match urgency {
        Urgency::VeryLow => 1,
        Urgency::Low | Urgency::Normal => 5,
        Urgency::High => 10,
    }
}

/// Octets of a sealed body that fit beside the longest placeholder: 100 characters, of which JSON
/// writes none in more than 6 octets, and some 30 of names and quotes, in 4096. Base64url makes 4
/// octets of 3.
const MAX_BODY: usize = (MAX_CONTENT - 630) / 4 * 3;
const MAX_CONTENT: usize = 4096;
const LIFETIME: Duration = Duration::from_secs(3600);
const LEAST_AGE: Duration = Duration::from_secs(20 * 60);

/// What the kit must know, and what it may: the last five methods are as strict as Courier is.
struct CourierHarness {
    key: String,
}

impl CourierHarness {
    fn new() -> Self {
        let key = SigningKey::generate().expect("the system has randomness");
        Self { key: key.expose_private_key_base64().to_string() }
    }
}

impl Harness for CourierHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        Arc::new(Courier {
            base: vendor.url().parse().expect("the kit's URL is one"),
            topic: "com.example.courier",
            key: SigningKey::from_base64(&self.key).expect("it was one before"),
            credential: CredentialCache::new().with_least_age(LEAST_AGE),
            transport: vendor.transport(),
            clock: vendor.clock(),
        })
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        let device: String = name.bytes().map(|octet| format!("{octet:02x}")).collect();
        Token::new(COURIER, &json!({ "device": format!("{device:0<64}") }), keys)
            .expect("digits make a device")
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        let said = |status: u16, reason: &str| {
            let mut response = Response::new(json!({ "reason": reason }).to_string().into());
            *response.status_mut() = status.try_into().expect("a status");
            response
        };
        match scenario {
            Scenario::Accepted => {
                let mut response = Response::new(Bytes::new());
                let name = HeaderValue::from_static("eabeae54-14a8-11e5-b60b-1697f925ec7b");
                response.headers_mut().insert("push-id", name);
                vec![response]
            }
            Scenario::Expired => vec![said(410, "Unregistered")],
            Scenario::Forbidden => vec![said(403, "TopicDisallowed")],
            Scenario::Mismatch => vec![said(400, "DeviceTokenNotForTopic")],
            Scenario::PayloadTooLarge => vec![said(413, "PayloadTooLarge")],
            Scenario::RateLimited => vec![said(429, "TooManyRequests")],
            Scenario::Rejected => vec![said(400, "BadPriority"), said(400, "MissingTopic")],
            Scenario::Unauthorized => {
                vec![said(403, "ExpiredProviderToken"), said(403, "InvalidProviderToken")]
            }
            Scenario::Unavailable => vec![said(500, "InternalServerError"), said(503, "Shutdown")],
            _ => Vec::new(),
        }
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        let content: Value = serde_json::from_slice(request.body()).ok()?;
        URL_SAFE_NO_PAD.decode(content["e2ee"].as_str()?).ok().map(Bytes::from)
    }

    fn credentials(&self) -> Credentials {
        Credentials::Renewed { lifetime: LIFETIME }
    }

    fn least_age(&self) -> Duration {
        LEAST_AGE
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("private key", &self.key)]
    }

    fn takes(&self, vendor: &Vendor, credential: &[u8]) -> bool {
        let claims = str::from_utf8(credential).ok().and_then(|text| text.split('.').nth(1));
        let claims = claims.and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
        let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
        let issued = claims.and_then(|claims| claims["iat"].as_u64());
        let age = issued.and_then(|issued| vendor.clock().unix_seconds().checked_sub(issued));
        age.is_some_and(|age| age <= LIFETIME.as_secs())
    }

    fn refusal(&self, _: &Vendor, request: &Request<Bytes>) -> Option<String> {
        let missing = ["push-topic", "push-kind", "push-expiration", "push-priority"];
        let missing = missing.into_iter().find(|name| !request.headers().contains_key(*name));
        if let Some(missing) = missing {
            return Some(format!("{missing} is missing"));
        }
        let len = request.body().len();
        (len > MAX_CONTENT).then(|| format!("the content is {len} octets, limit {MAX_CONTENT}"))
    }

    fn ttl(&self, vendor: &Vendor, request: &Request<Bytes>) -> Option<Ttl> {
        let end = number(request, "push-expiration")?;
        let seconds = end.saturating_sub(vendor.clock().unix_seconds());
        u32::try_from(seconds).ok().map(Ttl::from_secs)
    }

    fn urgency(&self, request: &Request<Bytes>) -> Option<Urgency> {
        match number(request, "push-priority")? {
            1 => Some(Urgency::VeryLow),
            5 => Some(Urgency::Normal),
            10 => Some(Urgency::High),
            _ => None,
        }
    }

    fn message_id(&self, response: &Response<Bytes>) -> Option<String> {
        response.headers().get("push-id")?.to_str().ok().map(str::to_owned)
    }
}

fn number(request: &Request<Bytes>, name: &str) -> Option<u64> {
    request.headers().get(name)?.to_str().ok()?.parse().ok()
}

sealpush::conformance_tests!(courier, CourierHarness::new());

fn main() {
    let report = run(CourierHarness::new()).require(150);
    println!("{report}");
    assert!(report.is_ok());
}
