//! A provider of one's own, from the empty file to a green conformance report.
//!
//! Beacon is made up, a push service like ntfy: `POST /{channel}` takes the sealed octets as they
//! are and a TTL, answers 200 with an id, and 404 `no such channel` for one that is gone.
//!
//! `cargo run --example custom_provider`

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, run};
use sealpush::providers::http::{BaseUrl, Http, HttpBuilder, authorization};
use sealpush::providers::refusal::Refusal;
use sealpush::transport::retry_after;
use sealpush::{
    Accepted, Capabilities, Error, ErrorKind, MessageId, ProviderId, PushProvider, Result,
    SealedMessage, Token, UserAgentKeys,
};
use serde_json::json;

const BEACON: ProviderId = ProviderId::from_static("beacon");

/// 1. What it needs: where the service is, the key to it (`Debug` of which shows nothing), a way
///    there with the time of day.
#[derive(Debug)]
struct Beacon {
    base: BaseUrl,
    key: HeaderValue,
    http: Http,
}

/// 2. The contract: three methods, one attempt.
#[async_trait]
impl PushProvider for Beacon {
    fn id(&self) -> ProviderId {
        BEACON
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(4096).with_ttl()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        self.attempt(token, message).await.map_err(|error| error.with_provider(BEACON))
    }
}

impl Beacon {
    async fn attempt(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        token.require(&BEACON)?;
        self.capabilities().check(message)?;
        let response = self.http.send(self.request(token, message)?).await?;
        self.outcome(&response)
    }

    /// 3. From a sealed message to a request. A channel is checked before it becomes a path.
    fn request(&self, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let letter = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
        let valid = |name: &&str| (1..=64).contains(&name.len()) && name.bytes().all(letter);
        let invalid = || Error::new(ErrorKind::InvalidToken, "a channel is 1 to 64 of a-z, 0-9");
        let channel = token.expose("channel").filter(valid).ok_or_else(invalid)?;
        Request::post(self.base.join(&format!("/{channel}"))?)
            .header("authorization", &self.key)
            .header("content-encoding", "aes128gcm")
            .header("ttl", message.ttl().as_secs())
            .body(message.body().clone())
            .map_err(|_| Error::new(ErrorKind::Configuration, "the base URL is not one"))
    }

    /// 4. From the answer to an outcome. Only the words, not the status, say that a channel is gone.
    fn outcome(&self, response: &Response<Bytes>) -> Result<Accepted> {
        let gone = response.body().starts_with(b"no such channel");
        let refusal = match response.status().as_u16() {
            200..=299 => {
                let id = std::str::from_utf8(response.body()).ok().map(MessageId::from);
                return Ok(Accepted::new(BEACON).with_message_id(id));
            }
            404 if gone => Refusal::new(ErrorKind::Expired, "the channel is gone"),
            _ => Refusal::by_status(response),
        };
        let delay = retry_after(response.headers(), self.http.now());
        Err(refusal.into_error("beacon", response.status(), delay))
    }
}

/// 5. What the kit must know: how to make one, what a token looks like, how Beacon words things.
struct BeaconHarness;

impl Harness for BeaconHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let http = HttpBuilder::default().transport(vendor.transport()).clock(vendor.clock());
        Arc::new(Beacon {
            base: vendor.url().parse().expect("a URL"),
            key: authorization("Bearer", "beacon-key-5pW3xTq8").expect("printable"),
            http: http.build().expect("with a transport nothing is missing"),
        })
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        Token::new(BEACON, &json!({ "channel": name }), keys).expect("a name makes a channel")
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        let (status, body) = match scenario {
            Scenario::Accepted => (StatusCode::OK, "message-1"),
            Scenario::Expired => (StatusCode::NOT_FOUND, "no such channel"),
            Scenario::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "slow down"),
            Scenario::Unauthorized => (StatusCode::UNAUTHORIZED, "bad key"),
            Scenario::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "maintenance"),
            _ => return Vec::new(),
        };
        let mut response = Response::new(Bytes::from_static(body.as_bytes()));
        *response.status_mut() = status;
        vec![response]
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        Some(request.body().clone())
    }

    fn credentials(&self) -> Credentials {
        Credentials::Static
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("key", "beacon-key-5pW3xTq8")]
    }
}

// 6. One test for each promise: `cargo test --example custom_provider`.
sealpush::conformance_tests!(beacon, BeaconHarness);

/// 7. Or all of them as a report.
fn main() {
    let report = run(BeaconHarness);
    println!("{report}");
    assert!(report.is_ok());
}
