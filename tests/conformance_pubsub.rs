//! `PubSub` keeps every promise of a provider, publishes what Google documents, and reads its answers.

#![cfg(all(feature = "conformance", feature = "pubsub"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod support;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, Wire};
use sealpush::providers::PubSub;
use sealpush::providers::pubsub::{
    self, AccessToken, AccessTokenRequest, PubSubOptions, ServiceAccount, TopicId,
};
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{
    EndpointGuard, ErrorKind, Message, PushProvider, PushProviderExt, Result, Token, Ttl, Urgency,
    UserAgentKeys,
};
use serde_json::{Value, json};

use self::support::exchanges::Table;
use self::support::script::{Script, clock, seconds};
use self::support::vendors::{message, user_agent};

struct PubSubHarness {
    wire: Wire,
    /// Read once: an RSA key is checked when it is read.
    credentials: OnceLock<Arc<ServiceAccount>>,
}

impl PubSubHarness {
    fn new(wire: Wire) -> Self {
        Self { wire, credentials: OnceLock::new() }
    }

    fn account(&self, vendor: &Vendor) -> Arc<ServiceAccount> {
        let read = || {
            let file = json!({
                "type": "service_account",
                "project_id": "example-project",
                "private_key_id": "key-1",
                "private_key": PRIVATE_KEY,
                "client_email": "push@example-project.iam.gserviceaccount.com",
                "token_uri": format!("{}/token", vendor.url()),
            });
            Arc::new(ServiceAccount::from_json(&file.to_string()).unwrap())
        };
        self.credentials.get_or_init(read).clone()
    }
}

impl Harness for PubSubHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let transport: Arc<dyn Transport> = match self.wire {
            Wire::Loopback => {
                let guard = EndpointGuard::loopback_for_tests();
                let builder = ReqwestTransport::builder().guard(guard);
                Arc::new(builder.timeout(vendor.deadline()).build().unwrap())
            }
            _ => vendor.transport(),
        };
        let provider = PubSub::builder()
            .credentials(self.account(vendor))
            .base_url(vendor.url())
            .transport(transport)
            .clock(vendor.clock())
            .build();
        Arc::new(provider.unwrap())
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        format!("t-{name}").parse::<TopicId>().unwrap().to_token(keys).unwrap()
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        let answer = |status: u16, body: Value| {
            Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
        };
        match scenario {
            Scenario::MintRefused => vec![answer(400, json!({ "error": "invalid_grant" }))],
            Scenario::MintUnavailable => vec![answer(503, json!({}))],
            _ => Table::load("pubsub").answers(scenario, |name, row| match scenario {
                // Another access token helps against nothing else.
                Scenario::Unauthorized => row.means.requests == 2,
                _ => !name.contains("long-id"),
            }),
        }
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        let content: Value = serde_json::from_slice(request.body()).ok()?;
        STANDARD.decode(content["messages"][0]["data"].as_str()?).ok().map(Bytes::from)
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
        vec![Secret::new("private key", lines.collect::<String>())]
    }

    fn malformed(&self, _: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        let addresses = [
            json!({ "topic": "ab" }),
            json!({ "topic": "7abc" }),
            json!({ "topic": "google-x" }),
            json!({ "topic": "a/../b" }),
            json!({ "topic": "projects/p/topics/door" }),
            json!({ "topic": 7 }),
        ];
        let token = |address| Token::new(PubSub::ID, &address, keys.clone()).unwrap();
        addresses.into_iter().map(token).collect()
    }

    fn ttl(&self, _: &Vendor, request: &Request<Bytes>) -> Option<Ttl> {
        attribute(request, "ttl")?.parse().ok()
    }

    fn urgency(&self, request: &Request<Bytes>) -> Option<Urgency> {
        attribute(request, "urgency")?.parse().ok()
    }
}

fn attribute(request: &Request<Bytes>, name: &str) -> Option<String> {
    let content: Value = serde_json::from_slice(request.body()).ok()?;
    content["messages"][0]["attributes"][name].as_str().map(str::to_owned)
}

const PRIVATE_KEY: &str = include_str!("keys/rsa-pkcs8.pem");

sealpush::conformance_tests!(bare, PubSubHarness::new(Wire::Transport));
sealpush::conformance_tests!(over_http, PubSubHarness::new(Wire::Loopback));

#[test]
fn every_layer_keeps_the_promises() {
    support::every_layer::keeps_the_promises(|| PubSubHarness::new(Wire::Transport));
}

/// Access tokens without anybody to ask.
#[derive(Debug)]
struct Login;

#[async_trait::async_trait]
impl pubsub::Credentials for Login {
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        assert_eq!(request.scopes, ["https://www.googleapis.com/auth/pubsub"]);
        AccessToken::new("access", request.now + seconds(3600))
    }
}

fn provider(script: &Script) -> PubSub {
    PubSub::builder()
        .credentials(Login)
        .project_id("example-project".parse().unwrap())
        .clock(clock())
        .transport(script.clone())
        .build()
        .unwrap()
}

fn token() -> Token {
    "door".parse::<TopicId>().unwrap().to_token(user_agent().keys().clone()).unwrap()
}

#[tokio::test]
async fn every_documented_answer_means_what_the_table_says() {
    for (name, answer) in Table::load("pubsub").answers {
        let script = Script::default();
        script.answer_response(answer.response());
        let outcome = provider(&script).send_encrypted(&token(), &message("hello")).await;
        answer.check(&name, &outcome, script.requests().len());
    }
}

#[tokio::test]
async fn requests_are_what_google_documents() {
    let table = Table::load("pubsub").requests;
    let options = PubSubOptions::new().with_ordering_key("door-7").unwrap();
    let every = message("hello")
        .with_ttl(Ttl::from_secs(60))
        .with_urgency(Urgency::High)
        .with_provider_options(&options)
        .unwrap();
    for (name, message) in [("plain", message("hello")), ("every-option", every)] {
        let script = Script::default();
        script.answer(200, r#"{"messageIds":["1"]}"#);
        provider(&script).send_encrypted(&token(), &message).await.unwrap();
        let mut body = script.json();
        let data = body["messages"][0]["data"].take();
        let data = STANDARD.decode(data.as_str().unwrap()).unwrap();
        assert_eq!(sealpush::open(&user_agent(), &data).unwrap(), b"hello");
        body["messages"][0]["data"] = "the sealed body".into();
        let request = script.requests().pop().unwrap();
        assert_eq!(json!({ "path": request.uri().path(), "body": body }), table[name]);
        assert_eq!(request.uri().host(), Some("pubsub.googleapis.com"));
        assert_eq!(script.authorizations(), ["Bearer access"]);
    }
}

#[tokio::test]
async fn an_emulator_is_asked_without_credentials() {
    let script = Script::default();
    script.answer(200, r#"{"messageIds":["1"]}"#);
    let builder = || PubSub::builder().emulator("localhost:8085").transport(script.clone());
    let error = builder().build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let emulator = builder().project_id("example-project".parse().unwrap()).build().unwrap();
    emulator.send_encrypted(&token(), &Message::new("hi")).await.unwrap();
    let request = script.requests().pop().unwrap();
    assert_eq!(
        request.uri().to_string(),
        "http://localhost:8085/v1/projects/example-project/topics/door:publish"
    );
    assert_eq!(script.authorizations(), [""]);
}

#[test]
fn an_ordering_key_has_a_limit() {
    for (len, good) in [(0, false), (1, true), (1024, true), (1025, false)] {
        let options = PubSubOptions::new().with_ordering_key("k".repeat(len));
        assert_eq!(options.is_ok(), good, "{len}");
        let stored = json!({ "ordering_key": "k".repeat(len) }).to_string();
        assert_eq!(serde_json::from_str::<PubSubOptions>(&stored).is_ok(), good, "{len}");
    }
}
