//! What the kit must know about the push service of the broken providers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, amend};
use sealpush::{PushProvider, Token, Ttl, Urgency, UserAgentKeys};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::sound::{Api, Conduct, ID, LIFETIME, Provider, SECRET, audience};

pub(crate) struct Channels<C>(pub(crate) fn() -> C);

impl<C: Conduct> Harness for Channels<C> {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let api = Api {
            base: vendor.url().to_owned(),
            transport: vendor.transport(),
            clock: vendor.clock(),
            held: Mutex::new(None),
        };
        Arc::new(Provider { conduct: (self.0)(), api })
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        Token::new(ID, &json!({ "channel": name }), keys).unwrap()
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        let answer = |status: u16, body: Value| {
            Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
        };
        match scenario {
            Scenario::Accepted => vec![
                answer(200, json!({ "id": "message-of-the-push-service-81" })),
                answer(202, json!({ "id": "message-of-the-push-service-82" })),
            ],
            Scenario::AcceptedButRefused => vec![answer(200, json!({ "error": "no_device" }))],
            Scenario::Expired => vec![answer(410, json!({ "error": "channel_gone" }))],
            Scenario::Forbidden => vec![answer(403, json!({ "error": "no_permission" }))],
            Scenario::Mismatch => vec![answer(403, json!({ "error": "other_sender" }))],
            Scenario::MintRefused => vec![answer(400, json!({ "error": "invalid_grant" }))],
            Scenario::MintUnavailable => vec![answer(503, json!({}))],
            Scenario::PayloadTooLarge => vec![answer(413, json!({ "error": "too_large" }))],
            Scenario::RateLimited => vec![answer(429, json!({ "error": "slow_down" }))],
            Scenario::Rejected => vec![answer(400, json!({ "error": "bad_request" }))],
            Scenario::Unauthorized => vec![answer(401, json!({ "error": "unauthorized" }))],
            Scenario::Unavailable => vec![answer(503, json!({ "error": "maintenance" }))],
            _ => Vec::new(),
        }
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        let content: Value = serde_json::from_slice(request.body()).ok()?;
        URL_SAFE_NO_PAD.decode(content.get("data")?.as_str()?).ok().map(Bytes::from)
    }

    fn credentials(&self) -> Credentials {
        Credentials::Renewed { lifetime: LIFETIME }
    }

    fn takes(&self, vendor: &Vendor, credential: &[u8]) -> bool {
        credential.ends_with(format!(".{}", audience(vendor.url())).as_bytes())
    }

    fn mint(&self, request: &Request<Bytes>, nth: usize) -> Option<Response<Bytes>> {
        let body = json!({ "access_token": format!("access-token-{nth}-Qx7Lm2Vt") }).to_string();
        (request.uri().path() == "/oauth/token").then(|| Response::new(body.into()))
    }

    fn ttl(&self, _: &Vendor, request: &Request<Bytes>) -> Option<Ttl> {
        let seconds = u32::try_from(member(request, "ttl")?.as_u64()?).ok()?;
        Some(Ttl::from_secs(seconds))
    }

    fn urgency(&self, request: &Request<Bytes>) -> Option<Urgency> {
        member(request, "urgency")?.as_str()?.parse().ok()
    }

    fn urgencies(&self) -> &[Urgency] {
        &Urgency::ALL
    }

    fn topic(&self, request: &Request<Bytes>) -> Option<String> {
        member(request, "replaces")?.as_str().map(str::to_owned)
    }

    fn message_id(&self, response: &Response<Bytes>) -> Option<String> {
        let answer: Value = serde_json::from_slice(response.body()).ok()?;
        answer.get("id")?.as_str().map(str::to_owned)
    }

    fn idempotency_key(&self, request: &Request<Bytes>) -> Option<String> {
        member(request, "key")?.as_str().map(str::to_owned)
    }

    fn refusal(&self, _: &Vendor, request: &Request<Bytes>) -> Option<String> {
        let json = request.headers().get("content-type");
        (json.is_none()).then(|| "the content type is missing".to_owned())
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("client secret", SECRET)]
    }

    fn malformed(&self, _: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        vec![Token::new(ID, &json!({ "channel": "../admin" }), keys).unwrap()]
    }
}

/// The same push service with keys that are given out once.
pub(crate) fn given<C: Conduct>(conduct: fn() -> C) -> impl Harness {
    amend(Channels(conduct))
        .with_credentials(|_| Credentials::Static)
        .with_takes(|_, _, _| true)
        .with_mint(|_, _, _| None)
        .with_answers(|channels, scenario| match scenario {
            Scenario::MintRefused | Scenario::MintUnavailable => Vec::new(),
            scenario => channels.answers(scenario),
        })
}

fn member(request: &Request<Bytes>, name: &str) -> Option<Value> {
    let content: Value = serde_json::from_slice(request.body()).ok()?;
    content.get(name).cloned()
}
