//! `Klaviyo` keeps every promise of a provider, and never says more than that a message is queued.

#![cfg(all(feature = "conformance", feature = "klaviyo"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod support;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, Wire};
use sealpush::providers::Klaviyo;
use sealpush::providers::klaviyo::{KlaviyoBuilder, Metric, Profile, PushToken, Revision};
use sealpush::seal::open_data;
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{
    EndpointGuard, ErrorKind, PushProvider, PushProviderExt, Stage, Token, Topic, Ttl, Urgency,
    UserAgentKeys,
};
use serde_json::{Value, json};

use self::support::every_layer;
use self::support::exchanges::Table;
use self::support::script::{Script, clock};
use self::support::vendors::{message, user_agent};

struct KlaviyoHarness {
    wire: Wire,
    /// The member that holds the address.
    field: &'static str,
}

impl Harness for KlaviyoHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let transport: Arc<dyn Transport> = match self.wire {
            Wire::Loopback => {
                let guard = EndpointGuard::loopback_for_tests();
                let builder = ReqwestTransport::builder().guard(guard);
                Arc::new(builder.timeout(vendor.deadline()).build().unwrap())
            }
            _ => vendor.transport(),
        };
        let builder = Klaviyo::builder().api_key(API_KEY).base_url(vendor.url()).metric(metric());
        Arc::new(builder.transport(transport).clock(vendor.clock()).build().unwrap())
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        let name = match self.field {
            "email" => format!("{name}@example.net"),
            _ => name.to_owned(),
        };
        Token::new(Klaviyo::ID, &json!({ self.field: name }), keys).unwrap()
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        // A missing scope is the operator's to give; a refused key another's to hand out.
        let forbidden = scenario == Scenario::Forbidden;
        let asked = if forbidden { Scenario::Unauthorized } else { scenario };
        Table::load("klaviyo").answers(asked, |_, row| match scenario {
            Scenario::Forbidden => row.status == 403,
            Scenario::Unauthorized => row.status == 401,
            _ => true,
        })
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        let text = attributes(request)?["properties"]["e2ee"].as_str()?.to_owned();
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
            json!({ "email": "nobody" }),
            json!({ "external_id": "a\nb" }),
            json!({ "external_id": "x".repeat(257) }),
            json!({ "external_id": "a", "email": "a@example.net" }),
            json!({ "phone_number": "15005550006" }),
            json!({ "phone_number": "+1 500 555 0006" }),
            json!({ "list": "All" }),
        ];
        let token = |address| Token::new(Klaviyo::ID, &address, keys.clone()).unwrap();
        addresses.into_iter().map(token).collect()
    }

    fn idempotency_key(&self, request: &Request<Bytes>) -> Option<String> {
        attributes(request)?["unique_id"].as_str().map(str::to_owned)
    }

    fn refusal(&self, _: &Vendor, request: &Request<Bytes>) -> Option<String> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let json_api = Some("application/vnd.api+json");
        let good = [
            ("path", request.uri().path() == "/api/events"),
            ("method", request.method() == "POST"),
            ("media type", header("content-type") == json_api && header("accept") == json_api),
            ("revision", header("revision") == Some("2026-10-15")),
            ("attributes", attributes(request).is_some_and(|it| it["unique_id"].is_string())),
        ];
        good.iter().find(|(_, good)| !good).map(|(what, _)| (*what).to_owned())
    }
}

fn attributes(request: &Request<Bytes>) -> Option<Value> {
    let content: Value = serde_json::from_slice(request.body()).ok()?;
    Some(content["data"]["attributes"].clone())
}

fn metric() -> Metric {
    "Sealed message".parse().unwrap()
}

const API_KEY: &str = "pk_k3y4tests0nly7Qz";

const BARE: KlaviyoHarness = KlaviyoHarness { wire: Wire::Transport, field: "external_id" };

sealpush::conformance_tests!(bare, BARE);
sealpush::conformance_tests!(
    to_an_email_address,
    KlaviyoHarness { wire: Wire::Transport, field: "email" }
);
sealpush::conformance_tests!(
    over_http,
    KlaviyoHarness { wire: Wire::Loopback, field: "external_id" }
);

#[test]
fn every_layer_keeps_the_promises() {
    every_layer::keeps_the_promises(|| BARE);
}

fn builder(script: &Script) -> KlaviyoBuilder {
    let builder = Klaviyo::builder().api_key(API_KEY).metric(metric());
    builder.clock(clock()).transport(script.clone())
}

fn profile() -> Profile {
    Profile::external_id("user-7-secret").unwrap()
}

fn token() -> Token {
    profile().to_token(user_agent().keys().clone()).unwrap()
}

fn accepting() -> Script {
    let script = Script::default();
    script.answer(202, "");
    script
}

#[tokio::test]
async fn every_answer_means_what_the_reference_says() {
    let answers = Table::load("klaviyo").answers;
    assert!(answers.len() >= 22, "{} rows", answers.len());
    for (name, row) in answers {
        let script = Script::default();
        let response = row.response();
        script.answer_with(move || Ok(response.clone()));
        let klaviyo = builder(&script).build().unwrap();
        let outcome = klaviyo.send_encrypted(&token(), &message("hello")).await;
        row.check(&name, &outcome, script.requests().len());
        if let Ok(accepted) = outcome {
            assert_eq!(accepted.stage, Stage::Queued, "{name}");
        }
        // A push token is registered under the same answers, but may be there already.
        let push_token = PushToken::android("dXt3-secret").unwrap();
        let registered = klaviyo.register(&push_token, &profile()).await;
        let kind = registered.err().map(|error| {
            assert!(!format!("{error:?}").contains("secret"), "{name}: {error:?}");
            format!("{:?}", error.kind())
        });
        let expected = row.means.kind.filter(|_| name != "conflict");
        assert_eq!(kind, expected, "{name}");
    }
}

#[tokio::test]
async fn requests_are_those_of_the_table() {
    let table = Table::load("klaviyo").requests;
    let script = accepting();
    let klaviyo = builder(&script).revision("2025-01-15".parse().unwrap()).build().unwrap();
    let sealed = message("hello").seal(user_agent().keys(), Klaviyo::MAX_BODY).unwrap();
    klaviyo.send(&token(), &sealed).await.unwrap();
    let request = &script.requests()[0];
    assert_eq!(request.uri(), "https://a.klaviyo.com/api/events");
    assert_eq!(request.headers()["authorization"], format!("Klaviyo-API-Key {API_KEY}"));
    assert!(request.headers()["authorization"].is_sensitive());
    assert_eq!(request.headers()["revision"], "2025-01-15");
    let mut content = script.json();
    let attributes = &mut content["data"]["attributes"];
    let field = attributes["properties"]["e2ee"].take();
    let opened = open_data(&user_agent(), [("e2ee", field.as_str().unwrap())]);
    assert_eq!(opened.unwrap().unwrap(), b"hello");
    assert_eq!(attributes["unique_id"], URL_SAFE_NO_PAD.encode(sealed.id()));
    attributes["properties"]["e2ee"] = "the sealed body".into();
    attributes["unique_id"] = "the message's own id".into();
    assert_eq!(content, table["plain"]);

    let script = accepting();
    let klaviyo = builder(&script).build().unwrap();
    klaviyo.register(&PushToken::ios("00fc13ad").unwrap(), &profile()).await.unwrap();
    assert_eq!(script.requests()[0].uri(), "https://a.klaviyo.com/api/push-tokens");
    assert_eq!(script.json(), table["push-token"]);
}

#[tokio::test]
async fn what_klaviyo_does_not_have_is_refused_before_anything_is_sent() {
    let script = accepting();
    let klaviyo = builder(&script).build().unwrap();
    let topic: Topic = "door".parse().unwrap();
    for message in [
        message("x").with_ttl(Ttl::from_secs(60)),
        message("x").with_urgency(Urgency::High),
        message("x").with_topic(topic),
    ] {
        let error = klaviyo.send_encrypted(&token(), &message).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
    let error = klaviyo.send_encrypted(&token(), &message(&"x".repeat(2049))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    assert_eq!(script.requests().len(), 0);
    klaviyo.send_encrypted(&token(), &message(&"x".repeat(2048))).await.unwrap();
}

#[test]
fn a_builder_says_what_is_wrong() {
    let script = Script::default();
    for (builder, fact) in [
        (Klaviyo::builder(), "API key"),
        (Klaviyo::builder().api_key("k"), "metric"),
        (Klaviyo::builder().metric(metric()).api_key("a b"), "printable"),
        (builder(&script).base_url("x"), "base URL"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(
            (error.kind(), error.provider()),
            (ErrorKind::Configuration, Some(&Klaviyo::ID))
        );
        assert!(error.to_string().contains(fact), "{error}");
    }
    for bad in ["", "today", "2026-1-15", "2026-10-1x", "2026-10-15 "] {
        assert!(bad.parse::<Revision>().is_err(), "{bad}");
    }
    for bad in ["", "a\nb", &"x".repeat(129)] {
        assert!(bad.parse::<Metric>().is_err(), "{bad}");
    }
    for bad in ["", "a b", "ä", &"x".repeat(4097)] {
        assert_eq!(PushToken::ios(bad).unwrap_err().kind(), ErrorKind::InvalidToken);
    }
}

#[test]
fn nothing_shows_the_key_or_an_address() {
    let script = Script::default();
    let (push_token, built) =
        (PushToken::ios("secret").unwrap(), builder(&script).build().unwrap());
    let shown = format!("{:?} {:?} {push_token:?} {built:?}", builder(&script), profile());
    assert!(!shown.contains("pk_") && !shown.contains("secret"), "{shown}");
}
