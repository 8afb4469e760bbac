//! `Fcm` keeps every promise of a provider, as a service account and as a person who signed in.

#![cfg(all(feature = "conformance", feature = "fcm"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod support;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, Wire};
use sealpush::providers::Fcm;
use sealpush::providers::fcm::{self, Address, AuthorizedUser, ServiceAccount};
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{EndpointGuard, PushProvider, Token, UserAgentKeys};
use serde_json::{Value, json};

use self::support::exchanges::Table;

struct FcmHarness {
    wire: Wire,
    /// A service account signs for each access token; a person's login only asks.
    login: bool,
    /// Read once: an RSA key is checked when it is read.
    credentials: OnceLock<Arc<dyn fcm::Credentials>>,
}

impl FcmHarness {
    fn new(wire: Wire) -> Self {
        Self { wire, login: false, credentials: OnceLock::new() }
    }

    fn login() -> Self {
        Self { login: true, ..Self::new(Wire::Transport) }
    }

    fn signed_in(&self, vendor: &Vendor) -> Arc<dyn fcm::Credentials> {
        let token_uri = format!("{}/token", vendor.url());
        let file = if self.login {
            json!({
                "type": "authorized_user",
                "client_id": "client-1",
                "client_secret": CLIENT_SECRET,
                "refresh_token": REFRESH_TOKEN,
                "token_uri": token_uri,
            })
        } else {
            json!({
                "type": "service_account",
                "project_id": "example-project",
                "private_key_id": "key-1",
                "private_key": PRIVATE_KEY,
                "client_email": "push@example-project.iam.gserviceaccount.com",
                "token_uri": token_uri,
            })
        };
        let read = || -> Arc<dyn fcm::Credentials> {
            match self.login {
                true => Arc::new(AuthorizedUser::from_json(&file.to_string()).unwrap()),
                false => Arc::new(ServiceAccount::from_json(&file.to_string()).unwrap()),
            }
        };
        self.credentials.get_or_init(read).clone()
    }
}

impl Harness for FcmHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let transport: Arc<dyn Transport> = match self.wire {
            Wire::Loopback => {
                let guard = EndpointGuard::loopback_for_tests();
                let builder = ReqwestTransport::builder().guard(guard);
                Arc::new(builder.timeout(vendor.deadline()).build().unwrap())
            }
            _ => vendor.transport(),
        };
        let provider = Fcm::builder()
            .credentials(self.signed_in(vendor))
            .project_id("example-project".parse().unwrap())
            .base_url(vendor.url())
            .transport(transport)
            .clock(vendor.clock())
            .build();
        Arc::new(provider.unwrap())
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        Address::Token(format!("{name}:APA91b").parse().unwrap()).to_token(keys).unwrap()
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        let answer = |status: u16, body: Value| {
            Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
        };
        match scenario {
            Scenario::MintRefused => vec![
                answer(400, json!({ "error": "invalid_grant", "error_description": "no" })),
                answer(401, json!({ "error": "invalid_client" })),
            ],
            Scenario::MintUnavailable => vec![
                answer(500, json!({ "error": "internal_failure" })),
                answer(503, json!({})),
                answer(429, json!({})),
            ],
            // A refusal of the project's key for Apple or for browsers is not about our own.
            Scenario::Unauthorized => {
                Table::load("fcm").answers(scenario, |_, row| row.means.requests == 2)
            }
            scenario => Table::load("fcm").answers(scenario, |_, _| true),
        }
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        let content: Value = serde_json::from_slice(request.body()).ok()?;
        let text = content["message"]["data"]["e2ee"].as_str()?;
        URL_SAFE_NO_PAD.decode(text).ok().map(Bytes::from)
    }

    fn wire(&self) -> Wire {
        self.wire
    }

    fn credentials(&self) -> Credentials {
        Credentials::Renewed { lifetime: Duration::from_secs(3600) }
    }

    fn mint(&self, request: &Request<Bytes>, nth: usize) -> Option<Response<Bytes>> {
        let answer = json!({
            "access_token": format!("ya29.access-token-{nth}-Lw4Rk8Zq"),
            "expires_in": 3599,
            "token_type": "Bearer",
        });
        (request.uri().path() == "/token").then(|| Response::new(answer.to_string().into()))
    }

    fn secrets(&self) -> Vec<Secret> {
        let lines = PRIVATE_KEY.lines().filter(|line| !line.starts_with("-----"));
        vec![
            Secret::new("private key", lines.collect::<String>()),
            Secret::new("client secret", CLIENT_SECRET),
            Secret::new("refresh token", REFRESH_TOKEN),
        ]
    }

    fn malformed(&self, _: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        let addresses =
            [json!({ "token": "a b" }), json!({ "fid": "ä" }), json!({ "topic": "news" })];
        let token = |address| Token::new(Fcm::ID, &address, keys.clone()).unwrap();
        addresses.into_iter().map(token).collect()
    }
}

const CLIENT_SECRET: &str = "client-secret-Hw8Lm3Ry";
const REFRESH_TOKEN: &str = "1//refresh-token-Zp4Tn6Vd";
const PRIVATE_KEY: &str = include_str!("keys/rsa-pkcs8.pem");

sealpush::conformance_tests!(bare, FcmHarness::new(Wire::Transport));
sealpush::conformance_tests!(as_a_person, FcmHarness::login());
sealpush::conformance_tests!(over_http, FcmHarness::new(Wire::Loopback));

#[test]
fn every_layer_keeps_the_promises() {
    support::every_layer::keeps_the_promises(FcmHarness::login);
}
