//! `OneSignal` keeps every promise of a provider, for subscriptions and for a person's names.

#![cfg(all(feature = "conformance", feature = "onesignal"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod support;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, Wire};
use sealpush::providers::OneSignal;
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{EndpointGuard, PushProvider, Token, UserAgentKeys};
use serde_json::{Value, json};

use self::support::exchanges::Table;

struct OneSignalHarness {
    wire: Wire,
    /// Whether tokens hold a person's name instead of a subscription.
    alias: bool,
}

impl Harness for OneSignalHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let transport: Arc<dyn Transport> = match self.wire {
            Wire::Loopback => {
                let guard = EndpointGuard::loopback_for_tests();
                let builder = ReqwestTransport::builder().guard(guard);
                Arc::new(builder.timeout(vendor.deadline()).build().unwrap())
            }
            _ => vendor.transport(),
        };
        let provider = OneSignal::builder()
            .app_id("1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap())
            .api_key(API_KEY)
            .base_url(vendor.url())
            .transport(transport)
            .clock(vendor.clock())
            .build();
        Arc::new(provider.unwrap())
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        let address = if self.alias {
            json!({ "alias": { "external_id": name } })
        } else {
            let hex: String = name.bytes().take(16).map(|octet| format!("{octet:02x}")).collect();
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            json!({ "subscription_id": parts.join("-") })
        };
        Token::new(OneSignal::ID, &address, keys).unwrap()
    }

    /// But for the answers that name another address than a test's.
    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        Table::load("onesignal").answers(scenario, |name, _| !name.contains("this-"))
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        let content: Value = serde_json::from_slice(request.body()).ok()?;
        let text = content["data"]["e2ee"].as_str()?;
        URL_SAFE_NO_PAD.decode(text).ok().map(Bytes::from)
    }

    fn wire(&self) -> Wire {
        self.wire
    }

    fn credentials(&self) -> Credentials {
        Credentials::Static
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("API key", API_KEY)]
    }

    fn malformed(&self, _: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        let addresses = [
            json!({ "subscription_id": "1dad4a3e-0000-4000-8000-0123456789az" }),
            json!({ "subscription_id": "../../apps" }),
            json!({ "alias": {} }),
            json!({ "segment": "All" }),
        ];
        let token = |address| Token::new(OneSignal::ID, &address, keys.clone()).unwrap();
        addresses.into_iter().map(token).collect()
    }

    fn idempotency_key(&self, request: &Request<Bytes>) -> Option<String> {
        let content: Value = serde_json::from_slice(request.body()).ok()?;
        content["idempotency_key"].as_str().map(str::to_owned)
    }
}

const API_KEY: &str = "os_v2_app_k3y4tests0nly7Qz";

sealpush::conformance_tests!(bare, OneSignalHarness { wire: Wire::Transport, alias: false });
sealpush::conformance_tests!(to_an_alias, OneSignalHarness { wire: Wire::Transport, alias: true });
sealpush::conformance_tests!(over_http, OneSignalHarness { wire: Wire::Loopback, alias: false });

#[test]
fn every_layer_keeps_the_promises() {
    support::every_layer::keeps_the_promises(|| OneSignalHarness {
        wire: Wire::Transport,
        alias: false,
    });
}
