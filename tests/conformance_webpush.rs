//! `WebPush` keeps every promise of a provider: over the kit's transport, and over real HTTP.

#![cfg(all(feature = "conformance", feature = "webpush"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, Version};
use sealpush::conformance::{
    Credentials, Harness, Scenario, Secret, Vendor, Verdict, Wire, amend, run, run_one,
};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{EndpointGuard, PushProvider, Token, Ttl, UserAgentKeys};

use self::support::exchanges::{Answer, Table};

/// Whether a refusal of this name is not about the credential that was sent: a proxy's page, or a
/// push service that saw none.
fn is_beside(name: &str) -> bool {
    let page = name.contains("html") && !name.contains("invalid-jwt");
    // ntfy knows no VAPID: its codes are about the topic.
    let topic = name.ends_with("-40101") || name.ends_with("-40301");
    page || topic || name.contains("unauthorized-registration")
}

struct WebPushHarness {
    wire: Wire,
    service: &'static Service,
    key: [u8; 32],
}

/// A push service that `WebPush` knows, or another one.
struct Service {
    /// Its table in `tests/exchanges/webpush`.
    name: &'static str,
    origin: &'static str,
    /// What an endpoint ends with.
    query: &'static str,
    dead: &'static [u16],
}

const OTHER: Service = Service {
    name: "other",
    origin: "https://push.example.net:8443",
    query: "?region=1",
    dead: &[410],
};
const APPLE: Service =
    Service { name: "apple", origin: "https://web.push.apple.com", query: "", dead: &[404, 410] };
const GOOGLE: Service =
    Service { name: "google", origin: "https://fcm.googleapis.com", query: "", dead: &[404, 410] };
const MICROSOFT: Service = Service {
    name: "microsoft",
    origin: "https://wns2-par02p.notify.windows.com",
    query: "?token=abc%3d",
    dead: &[404, 410],
};
const MOZILLA: Service = Service {
    name: "mozilla",
    origin: "https://updates.push.services.mozilla.com",
    query: "",
    dead: &[404, 410],
};
const NTFY: Service =
    Service { name: "ntfy", origin: "https://push.example.net:8443", query: "?up=1", dead: &[410] };

impl WebPushHarness {
    fn new(wire: Wire) -> Self {
        let key = VapidKey::generate().unwrap().expose_private_key_base64();
        let key = URL_SAFE_NO_PAD.decode(key.as_bytes()).unwrap().try_into().unwrap();
        Self { wire, service: &OTHER, key }
    }

    fn at(service: &'static Service) -> Self {
        Self { service, ..Self::new(Wire::Transport) }
    }

    fn transport(&self, vendor: &Vendor) -> Arc<dyn Transport> {
        match self.wire {
            Wire::Tls => Arc::new(
                ReqwestTransport::builder()
                    .guard(EndpointGuard::loopback_for_tests())
                    .timeout(vendor.deadline())
                    .add_root_certificate_pem(vendor.root_certificate_pem().unwrap().as_bytes())
                    .build()
                    .unwrap(),
            ),
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
        let endpoint = format!("{}/push/{name}{}", vendor.url(), self.service.query);
        let address = serde_json::json!({ "endpoint": endpoint, "expirationTime": null });
        Token::new(WebPush::ID, &address, keys).unwrap()
    }

    /// But for those that need another TTL or endpoint than a check has.
    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        let table = Table::load(&format!("webpush/{}", self.service.name));
        let asked = |row: &Answer| {
            row.endpoint.is_none() && row.ttl.is_none() && !(300..400).contains(&row.status)
        };
        match scenario {
            // A page of a proxy's is not about our credential.
            Scenario::Unauthorized => {
                table.answers(scenario, |name, row| asked(row) && !is_beside(name))
            }
            Scenario::Forbidden => {
                table.answers(Scenario::Unauthorized, |name, row| asked(row) && is_beside(name))
            }
            scenario => table.answers(scenario, |_, row| asked(row)),
        }
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        Some(request.body().clone())
    }

    fn wire(&self) -> Wire {
        self.wire
    }

    fn origin(&self) -> &str {
        self.service.origin
    }

    fn dead_statuses(&self) -> &[u16] {
        self.service.dead
    }

    fn ttl(&self, _: &Vendor, request: &Request<Bytes>) -> Option<Ttl> {
        request.headers().get("ttl")?.to_str().ok()?.parse().ok()
    }

    fn topic(&self, request: &Request<Bytes>) -> Option<String> {
        request.headers().get("topic")?.to_str().ok().map(str::to_owned)
    }

    fn reaches(&self, _: &Vendor, request: &Request<Bytes>, token: &Token) -> Option<bool> {
        Some(token.expose("endpoint") == Some(&request.uri().to_string()))
    }

    /// RFC 8030 §5, RFC 8291 §4.
    fn refusal(&self, vendor: &Vendor, request: &Request<Bytes>) -> Option<String> {
        let encoding = request.headers().get("content-encoding");
        if request.method() != "POST" {
            Some("a push is a POST".to_owned())
        } else if self.ttl(vendor, request).is_none() {
            Some("the TTL is missing".to_owned())
        } else if !request.body().is_empty() && encoding.is_none_or(|value| value != "aes128gcm") {
            Some("the content encoding is missing".to_owned())
        } else {
            None
        }
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
#[test]
fn the_push_services_that_it_knows_keep_the_promises() {
    for service in [&APPLE, &GOOGLE, &MICROSOFT, &MOZILLA, &NTFY] {
        let report = run(WebPushHarness::at(service));
        assert!(report.is_ok(), "{}: {report}", service.name);
    }
}

sealpush::conformance_tests!(over_http, WebPushHarness::new(Wire::Loopback));

/// HTTP/2 and TLS, some checks of each sort: a whole run is that over plain HTTP.
#[test]
fn the_promises_are_kept_over_tls() {
    for name in [
        "the_harness_sees_what_arrives",
        "sealed_octets_pass_unchanged",
        "a_hundred_hanging_sends_delay_no_other",
        "a_reset_after_the_request_is_unknown",
        "a_hanging_push_service_is_given_up",
        "messages_in_a_row_share_a_connection",
        "no_connection_is_left_behind",
    ] {
        let http2 =
            amend(WebPushHarness::new(Wire::Tls)).with_refusal(|harness, vendor, request| {
                let other = (request.version() != Version::HTTP_2).then(|| "not HTTP/2".to_owned());
                other.or_else(|| harness.refusal(vendor, request))
            });
        let finding = run_one(http2, name).unwrap();
        assert_eq!(finding.verdict, Verdict::Passed, "{finding}");
    }
}

#[test]
fn every_layer_keeps_the_promises() {
    support::every_layer::keeps_the_promises(|| WebPushHarness::new(Wire::Transport));
}
