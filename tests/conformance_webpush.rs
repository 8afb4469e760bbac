//! `WebPush` keeps every promise of a provider: over the kit's transport, and over real HTTP.

#![cfg(all(feature = "conformance", feature = "webpush"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod every_layer;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, Wire};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{EndpointGuard, PushProvider, Token, UserAgentKeys};

struct WebPushHarness {
    wire: Wire,
    key: [u8; 32],
}

impl WebPushHarness {
    fn new(wire: Wire) -> Self {
        let key = VapidKey::generate().unwrap().expose_private_key_base64();
        let key = URL_SAFE_NO_PAD.decode(key.as_bytes()).unwrap().try_into().unwrap();
        Self { wire, key }
    }

    fn transport(&self, vendor: &Vendor) -> Arc<dyn Transport> {
        match self.wire {
            Wire::Loopback => Arc::new(
                ReqwestTransport::builder()
                    .guard(EndpointGuard::loopback_for_tests())
                    .timeout(vendor.deadline())
                    .build()
                    .unwrap(),
            ),
            _ => vendor.transport(),
        }
    }
}

impl Harness for WebPushHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let key = VapidKey::from_base64(&URL_SAFE_NO_PAD.encode(self.key)).unwrap();
        let keys = VapidKeys::new("mailto:ops@push-demo.dev".parse().unwrap(), key);
        let provider = WebPush::builder()
            .vapid(keys)
            .transport(self.transport(vendor))
            .clock(vendor.clock())
            .build();
        Arc::new(provider.unwrap())
    }

    fn token(&self, vendor: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        let endpoint = format!("{}/push/{name}?region=1", vendor.url());
        let address = serde_json::json!({ "endpoint": endpoint, "expirationTime": null });
        Token::new(WebPush::ID, &address, keys).unwrap()
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        let answer = |status: u16, body: &'static str| {
            Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
        };
        match scenario {
            Scenario::Accepted => {
                let mut created = answer(201, "");
                let location = "https://push.example.net:8443/m/message-resource-3f8Kq2";
                created.headers_mut().insert("location", location.parse().unwrap());
                created.headers_mut().insert("ttl", "60".parse().unwrap());
                vec![created, answer(200, ""), answer(202, ""), answer(204, "")]
            }
            Scenario::Expired => vec![
                answer(410, ""),
                answer(
                    410,
                    r#"{"code":410,"errno":103,"error":"Gone","message":"UAID not found"}"#,
                ),
                answer(410, r#"{"reason":"Unregistered"}"#),
                answer(410, "push subscription has unsubscribed or expired.\n"),
            ],
            Scenario::PayloadTooLarge => vec![answer(413, "")],
            Scenario::RateLimited => vec![answer(429, "")],
            Scenario::Rejected => vec![answer(400, "")],
            Scenario::Unauthorized => vec![answer(401, ""), answer(403, "")],
            Scenario::Unavailable => vec![answer(500, ""), answer(502, ""), answer(503, "")],
            _ => Vec::new(),
        }
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        Some(request.body().clone())
    }

    fn wire(&self) -> Wire {
        self.wire
    }

    fn dead_statuses(&self) -> &[u16] {
        &[410]
    }

    fn credentials(&self) -> Credentials {
        Credentials::Renewed { lifetime: Duration::from_secs(12 * 3600) }
    }

    /// `vapid t=<header>.<claims>.<signature>, k=<key>` (RFC 8292 §3).
    fn takes(&self, vendor: &Vendor, credential: &[u8]) -> bool {
        let claims = str::from_utf8(credential).unwrap().split('.').nth(1).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let left = claims["exp"].as_u64().unwrap().saturating_sub(vendor.clock().unix_seconds());
        claims["aud"] == vendor.url() && (1..=24 * 3600).contains(&left)
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("private key", self.key)]
    }

    fn malformed(&self, _: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        let endpoints =
            ["push.example.net", "ftp://push.example.net/x", "https://", "https://a b/c"];
        let token = |endpoint| {
            Token::new(WebPush::ID, &serde_json::json!({ "endpoint": endpoint }), keys.clone())
        };
        endpoints.into_iter().map(|endpoint| token(endpoint).unwrap()).collect()
    }
}

sealpush::conformance_tests!(bare, WebPushHarness::new(Wire::Transport));
sealpush::conformance_tests!(over_http, WebPushHarness::new(Wire::Loopback));

#[test]
fn every_layer_keeps_the_promises() {
    every_layer::keeps_the_promises(|| WebPushHarness::new(Wire::Transport));
}
