//! What the kit must know about the push service of the broken providers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor};
use sealpush::{PushProvider, Token, UserAgentKeys};
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
            Scenario::Accepted => vec![answer(200, json!({ "id": "message-81" }))],
            Scenario::AcceptedButRefused => vec![answer(200, json!({ "error": "no_device" }))],
            Scenario::Expired => vec![answer(410, json!({ "error": "channel_gone" }))],
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

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("client secret", SECRET)]
    }

    fn malformed(&self, _: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        vec![Token::new(ID, &json!({ "channel": "../admin" }), keys).unwrap()]
    }
}
