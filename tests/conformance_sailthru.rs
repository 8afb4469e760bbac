//! `Sailthru` keeps every promise of a provider, and says what its documentation knows.

#![cfg(all(feature = "conformance", feature = "sailthru"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod support;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, Wire};
use sealpush::providers::Sailthru;
use sealpush::providers::sailthru::{Address, Group, SailthruBuilder, SailthruOptions};
use sealpush::seal::open_data;
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{
    EndpointGuard, ErrorKind, Message, PushProvider, PushProviderExt, Token, Topic, Ttl, Urgency,
    UserAgentKeys,
};
use serde_json::{Value, json};

use self::support::every_layer;
use self::support::exchanges::Table;
use self::support::script::{Script, clock};
use self::support::vendors::{message, user_agent};

struct SailthruHarness {
    wire: Wire,
    /// The member that holds the address.
    field: &'static str,
}

impl Harness for SailthruHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let transport: Arc<dyn Transport> = match self.wire {
            Wire::Loopback => {
                let guard = EndpointGuard::loopback_for_tests();
                let builder = ReqwestTransport::builder().guard(guard);
                Arc::new(builder.timeout(vendor.deadline()).build().unwrap())
            }
            _ => vendor.transport(),
        };
        let builder = Sailthru::builder().api_key(API_KEY).base_url(vendor.url());
        Arc::new(builder.transport(transport).clock(vendor.clock()).build().unwrap())
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        Token::new(Sailthru::ID, &json!({ self.field: name }), keys).unwrap()
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        // A missing role is the operator's to give; a refused key another's to hand out.
        let forbidden = scenario == Scenario::Forbidden;
        let asked = if forbidden { Scenario::Unauthorized } else { scenario };
        Table::load("sailthru").answers(asked, |_, row| match scenario {
            Scenario::Forbidden => row.status == 403,
            Scenario::Unauthorized => row.status == 401,
            _ => true,
        })
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        let payload = payload(request)?;
        URL_SAFE_NO_PAD.decode(payload["e2ee"].as_str()?).ok().map(Bytes::from)
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
            json!({ "device_id": "a\nb" }),
            json!({ "device_id": "x".repeat(257) }),
            json!({ "device_id": "a", "sid": "b" }),
            json!({ "user_id": ["a", "b"] }),
            json!({ "segment": "All" }),
        ];
        let token = |address| Token::new(Sailthru::ID, &address, keys.clone()).unwrap();
        addresses.into_iter().map(token).collect()
    }

    fn refusal(&self, _: &Vendor, request: &Request<Bytes>) -> Option<String> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let payload = payload(request);
        let good = [
            ("path", request.uri().path() == "/v6/transactional/notifications"),
            ("method", request.method() == "POST"),
            ("media type", header("content-type") == Some("application/json")),
            ("authorization", header("authorization") == Some(&*basic())),
            ("payload", payload.as_ref().is_some_and(|payload| payload["alert"].is_string())),
            ("mutable", payload.is_some_and(|payload| payload["mutable_content"] == true)),
        ];
        good.iter().find(|(_, good)| !good).map(|(what, _)| (*what).to_owned())
    }
}

fn payload(request: &Request<Bytes>) -> Option<Value> {
    let content: Value = serde_json::from_slice(request.body()).ok()?;
    Some(content["notification"]["payload"].clone())
}

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!(":{API_KEY}")))
}

const API_KEY: &str = "c4rn1val-k3y4tests0nly7Qz";

const BARE: SailthruHarness = SailthruHarness { wire: Wire::Transport, field: "device_id" };

sealpush::conformance_tests!(bare, BARE);
sealpush::conformance_tests!(
    to_a_user,
    SailthruHarness { wire: Wire::Transport, field: "user_id" }
);
sealpush::conformance_tests!(over_http, SailthruHarness { wire: Wire::Loopback, field: "sid" });

#[test]
fn every_layer_keeps_the_promises() {
    every_layer::keeps_the_promises(|| BARE);
}

fn builder(script: &Script) -> SailthruBuilder {
    Sailthru::builder().api_key(API_KEY).clock(clock()).transport(script.clone())
}

fn keys() -> UserAgentKeys {
    user_agent().keys().clone()
}

fn token() -> Token {
    Address::Device("5f0c9d1e8asecret".parse().unwrap()).to_token(keys()).unwrap()
}

fn accepting() -> Script {
    let script = Script::default();
    script.answer(200, r#"{"id":"x","results":{"success":1,"uninstalled":0,"failures":[]}}"#);
    script
}

#[tokio::test]
async fn every_answer_means_what_the_reference_says() {
    let answers = Table::load("sailthru").answers;
    assert!(answers.len() >= 31, "{} rows", answers.len());
    for (name, row) in answers {
        let script = Script::default();
        let response = row.response();
        script.answer_with(move || Ok(response.clone()));
        let sailthru = builder(&script).build().unwrap();
        let outcome = sailthru.send_encrypted(&token(), &message("hello")).await;
        row.check(&name, &outcome, script.requests().len());
    }
}

#[tokio::test]
async fn requests_are_those_of_the_table() {
    let table = Table::load("sailthru").requests;
    let script = accepting();
    builder(&script).build().unwrap().send_encrypted(&token(), &message("hello")).await.unwrap();
    let request = &script.requests()[0];
    assert_eq!(request.uri(), "https://api.carnivalmobile.com/v6/transactional/notifications");
    assert_eq!(request.headers()["authorization"], basic());
    assert!(request.headers()["authorization"].is_sensitive());
    let mut content = script.json();
    let field = content["notification"]["payload"]["e2ee"].take();
    let opened = open_data(&user_agent(), [("e2ee", field.as_str().unwrap())]);
    assert_eq!(opened.unwrap().unwrap(), b"hello");
    content["notification"]["payload"]["e2ee"] = "the sealed body".into();
    assert_eq!(content, table["plain"]);

    let script = accepting();
    let all = SailthruOptions::new().with_sound("default").with_title_visible_to_provider("Door");
    let one = SailthruOptions::new().with_sound("bell.caf").with_category("doors");
    let one = one.with_json_visible_to_provider(r#"{"badge":1}"#).unwrap();
    let message = message("hello").with_placeholder("Neu".parse().unwrap());
    let message = message.with_provider_options(&one).unwrap();
    let user = Address::User("user-7".parse().unwrap()).to_token(keys()).unwrap();
    let group: Group = "doors-1".parse().unwrap();
    let sailthru = builder(&script).group(group).options(all).build().unwrap();
    sailthru.send_encrypted(&user, &message).await.unwrap();
    let mut content = script.json();
    content["notification"]["payload"]["e2ee"] = "the sealed body".into();
    assert_eq!(content, table["every-option"]);
}

#[tokio::test]
async fn what_sailthru_does_not_have_is_refused_before_anything_is_sent() {
    let script = accepting();
    let sailthru = builder(&script).build().unwrap();
    let topic: Topic = "door".parse().unwrap();
    for message in [
        message("x").with_ttl(Ttl::from_secs(60)),
        message("x").with_urgency(Urgency::High),
        message("x").with_topic(topic),
    ] {
        let error = sailthru.send_encrypted(&token(), &message).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
    assert_eq!(Sailthru::MAX_BODY, 2151);
    let largest = "x".repeat(2048);
    let error = sailthru.send_encrypted(&token(), &message(&(largest.clone() + "x"))).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::PayloadTooLarge);
    // The largest placeholder fits beside the largest message, a page of title does not.
    let placeholder = "\u{1f6aa}".repeat(100).parse().unwrap();
    let largest: Message = message(&largest).with_placeholder(placeholder);
    sailthru.send_encrypted(&token(), &largest).await.unwrap();
    let long = SailthruOptions::new().with_title_visible_to_provider("x".repeat(1000));
    let error =
        sailthru.send_encrypted(&token(), &largest.with_provider_options(&long).unwrap()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::PayloadTooLarge);
    assert_eq!(script.requests().len(), 1);
}

#[test]
fn a_builder_says_what_is_wrong() {
    let script = Script::default();
    for (builder, fact) in [
        (Sailthru::builder(), "API key"),
        (Sailthru::builder().api_key(""), "printable"),
        (Sailthru::builder().api_key("a b"), "printable"),
        (builder(&script).base_url("x"), "base URL"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(
            (error.kind(), error.provider()),
            (ErrorKind::Configuration, Some(&Sailthru::ID))
        );
        assert!(error.to_string().contains(fact), "{error}");
    }
    for bad in ["", "ab", "a b c", "a_b", &"x".repeat(65)] {
        assert!(bad.parse::<Group>().is_err(), "{bad}");
    }
    for name in ["alert", "e2ee", "mutable_content"] {
        let visible = json!({ name: "marker" }).to_string();
        let error = SailthruOptions::new().with_json_visible_to_provider(&visible).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{name}");
        assert!(!error.to_string().contains("marker"), "{error}");
    }
}

#[test]
fn nothing_shows_the_key_or_an_address() {
    let script = Script::default();
    let address = Address::try_from(&token()).unwrap();
    let built = builder(&script).build().unwrap();
    let shown = format!("{:?} {address:?} {built:?}", builder(&script));
    assert!(!shown.contains("c4rn1val") && !shown.contains("secret"), "{shown}");
}
