//! `Apns` keeps every promise of a provider, sends what Apple documents, and reads its answers.

#![cfg(all(feature = "apns", feature = "conformance"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use sealpush::conformance::{Credentials, Harness, Scenario, Secret, Vendor, Wire};
use sealpush::providers::Apns;
use sealpush::providers::apns::{
    Address, ApnsBuilder, ApnsOptions, AuthKey, Environment, PushType,
};
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{
    EndpointGuard, ErrorKind, Message, Padding, PushProvider, PushProviderExt, Token, Ttl, Urgency,
    UserAgentKeys,
};
use serde_json::{Value, json};

use self::support::exchanges::Table;
use self::support::script::{NOW, Script, clock, seconds};
use self::support::vendors::{message, user_agent};

struct ApnsHarness {
    wire: Wire,
    options: ApnsOptions,
}

impl ApnsHarness {
    fn new(wire: Wire) -> Self {
        // Half a shell, so that the limit is one that is counted.
        let options = ApnsOptions::new().with_sound("default").with_thread_id("doors");
        Self { wire, options }
    }
}

impl Harness for ApnsHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        let transport: Arc<dyn Transport> = match self.wire {
            Wire::Transport => vendor.transport(),
            _ => {
                let guard = EndpointGuard::loopback_for_tests();
                let builder = ReqwestTransport::builder().guard(guard).http2_prior_knowledge();
                Arc::new(builder.timeout(vendor.deadline()).build().unwrap())
            }
        };
        let provider = Apns::builder()
            .auth_key(auth_key())
            .bundle_id("com.example.door")
            .options(self.options.clone())
            .base_url(vendor.url())
            .transport(transport)
            .clock(vendor.clock())
            .build();
        Arc::new(provider.unwrap())
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        let digits: String = name.bytes().map(|octet| format!("{octet:02x}")).collect();
        let address = Address::new(digits.parse().unwrap());
        address.with_environment(Environment::Sandbox).to_token(keys).unwrap()
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        // But for the answers that only some tokens or ids make what they are.
        let special = |name: &str| name.contains("registration") || name.contains("long-id");
        Table::load("apns").answers(scenario, |name, row| match scenario {
            // Another authentication token helps against nothing else.
            Scenario::Unauthorized => row.means.requests == 2,
            _ => !special(name),
        })
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        let payload: Value = serde_json::from_slice(request.body()).ok()?;
        URL_SAFE_NO_PAD.decode(payload["e2ee"].as_str()?).ok().map(Bytes::from)
    }

    fn wire(&self) -> Wire {
        self.wire
    }

    fn credentials(&self) -> Credentials {
        Credentials::Renewed { lifetime: Duration::from_secs(3600) }
    }

    fn least_age(&self) -> Duration {
        Duration::from_secs(20 * 60)
    }

    fn takes(&self, vendor: &Vendor, credential: &[u8]) -> bool {
        let now = vendor.clock().unix_seconds();
        claims(credential).is_some_and(|claims| {
            let issued = claims["iat"].as_u64().unwrap_or_default();
            claims["iss"] == TEAM_ID && now.checked_sub(issued).is_some_and(|age| age <= 3600)
        })
    }

    fn secrets(&self) -> Vec<Secret> {
        let lines = PRIVATE_KEY.lines().filter(|line| !line.starts_with("-----"));
        vec![Secret::new("private key", lines.collect::<String>())]
    }

    fn malformed(&self, _: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        let addresses = [
            json!({ "device_token": "0a1" }),
            json!({ "device_token": "0a 1" }),
            json!({ "device_token": "../../x" }),
            json!({ "device_token": "0a1b", "sandbox": "yes" }),
            json!({ "device_token": "0a1b", "registered_at": "today" }),
            json!({ "device_token": "0a1b", "voip": 1 }),
        ];
        let token = |address| Token::new(Apns::ID, &address, keys.clone()).unwrap();
        addresses.into_iter().map(token).collect()
    }

    fn refusal(&self, _: &Vendor, request: &Request<Bytes>) -> Option<String> {
        let missing = ["apns-topic", "apns-push-type", "apns-expiration", "apns-priority"];
        let missing = missing.into_iter().find(|name| !request.headers().contains_key(*name));
        if let Some(missing) = missing {
            return Some(format!("{missing} is missing"));
        }
        let len = request.body().len();
        (len > 4096).then(|| format!("the payload is {len} octets, limit 4096"))
    }

    fn ttl(&self, vendor: &Vendor, request: &Request<Bytes>) -> Option<Ttl> {
        let end = number(request, "apns-expiration")?;
        u32::try_from(end.saturating_sub(vendor.clock().unix_seconds())).ok().map(Ttl::from_secs)
    }

    fn urgency(&self, request: &Request<Bytes>) -> Option<Urgency> {
        match number(request, "apns-priority")? {
            1 => Some(Urgency::VeryLow),
            5 => Some(Urgency::Low),
            10 => Some(Urgency::High),
            _ => None,
        }
    }

    fn topic(&self, request: &Request<Bytes>) -> Option<String> {
        request.headers().get("apns-collapse-id")?.to_str().ok().map(str::to_owned)
    }

    fn message_id(&self, response: &Response<Bytes>) -> Option<String> {
        response.headers().get("apns-id")?.to_str().ok().map(str::to_owned)
    }
}

sealpush::conformance_tests!(bare, ApnsHarness::new(Wire::Transport));
sealpush::conformance_tests!(over_http2, ApnsHarness::new(Wire::Loopback));

#[test]
fn every_layer_keeps_the_promises() {
    support::every_layer::keeps_the_promises(|| ApnsHarness::new(Wire::Transport));
}

#[tokio::test]
async fn every_documented_answer_means_what_the_table_says() {
    for (name, answer) in Table::load("apns").answers {
        let (script, clock) = (Script::default(), clock());
        script.answer_response(accepted());
        script.answer_response(answer.response());
        let apns = builder(&script).clock(clock.clone()).build().unwrap();
        let message = message("hello");
        apns.send_encrypted(&registered(), &message).await.unwrap();
        // An authentication token of this age may be replaced.
        clock.advance(seconds(21 * 60));
        let outcome = apns.send_encrypted(&registered(), &message).await;
        answer.check(&name, &outcome, script.requests().len() - 1);
    }
}

#[tokio::test]
async fn a_device_token_that_may_be_of_the_other_environment_kills_no_token() {
    let script = Script::default();
    script.answer(400, r#"{"reason":"BadDeviceToken"}"#);
    let apns = builder(&script).build().unwrap();
    let error = apns.send_encrypted(&token(|address| address), &message("hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.is_token_doubtful() && error.to_string().contains("environment"), "{error}");
}

#[tokio::test]
async fn requests_are_what_apple_documents() {
    let table = Table::load("apns").requests;
    let plain = sent(ApnsOptions::new(), |address| address, &message("hello")).await;
    assert_eq!(plain, table["plain"]);

    let options = ApnsOptions::new().with_sound("default").with_thread_id("doors").with_badge(9);
    let own = ApnsOptions::new()
        .with_badge(3)
        .with_category("DOOR")
        .with_json_visible_to_provider(r#"{"alert":{"title":"Door"}}"#)
        .unwrap();
    let every = message("hello")
        .with_ttl(Ttl::from_secs(3600))
        .with_urgency(Urgency::Low)
        .with_topic("door".parse().unwrap())
        .with_placeholder("Something happened".parse().unwrap())
        .with_provider_options(&own)
        .unwrap();
    assert_eq!(sent(options, |address| address, &every).await, table["every-option"]);

    let options = ApnsOptions::new().with_sound("default").with_push_type(PushType::Background);
    let now = message("hello").with_ttl(Ttl::NOW);
    assert_eq!(sent(options, |address| address, &now).await, table["background"]);

    let call = message("hello").with_ttl(Ttl::from_secs(10));
    assert_eq!(sent(ApnsOptions::new(), Address::with_voip, &call).await, table["voip"]);
}

#[tokio::test]
async fn a_message_goes_to_the_environment_of_its_token() {
    for (default, named, host) in [
        (Environment::Production, None, "api.push.apple.com"),
        (Environment::Sandbox, None, "api.sandbox.push.apple.com"),
        (Environment::Production, Some(Environment::Sandbox), "api.sandbox.push.apple.com"),
        (Environment::Sandbox, Some(Environment::Production), "api.push.apple.com"),
    ] {
        let script = Script::default();
        script.answer_response(accepted());
        let apns = builder(&script).environment(default).build().unwrap();
        let token = token(|address| match named {
            Some(environment) => address.with_environment(environment),
            None => address,
        });
        apns.send_encrypted(&token, &message("hi")).await.unwrap();
        assert_eq!(script.requests()[0].uri().host(), Some(host));
        assert_eq!(script.requests()[0].uri().scheme_str(), Some("https"));
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let script = Script::default();
    let apns = builder(&script).build().unwrap();
    assert_eq!(apns.capabilities().max_body, Apns::MAX_BODY);
    let own = ApnsOptions::new().with_thread_id("t".repeat(500));
    let largest = Message::new("hi")
        .with_padding(Padding::To(Apns::MAX_BODY))
        .with_provider_options(&own)
        .unwrap();
    let error = apns.send_encrypted(&token(|address| address), &largest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{error}");

    let background = ApnsOptions::new().with_push_type(PushType::Background);
    let urgent = message("hi").with_urgency(Urgency::High).with_provider_options(&background);
    let error = apns.send_encrypted(&token(|address| address), &urgent.unwrap()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(script.requests().len(), 0);

    let huge = ApnsOptions::new().with_thread_id("t".repeat(4000));
    let error = builder(&script).options(huge).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn clones_of_a_key_share_one_authentication_token() {
    let (key, clock, script) = (auth_key(), clock(), Script::default());
    script.answer_response(accepted());
    let apps = ["com.example.door", "com.example.bell"].map(|bundle_id| {
        builder(&script)
            .auth_key(key.clone())
            .bundle_id(bundle_id)
            .clock(clock.clone())
            .build()
            .unwrap()
    });
    let mut headers = Vec::new();
    for minutes in [0, 49, 2, 49] {
        clock.advance(seconds(minutes * 60));
        for app in &apps {
            app.send_encrypted(&token(|address| address), &message("hi")).await.unwrap();
        }
        let requests = script.requests();
        let [.., first, second] = requests.as_slice() else { unreachable!("two were sent") };
        let header = &first.headers()["authorization"];
        assert_eq!(header, second.headers()["authorization"]);
        assert!(header.is_sensitive());
        headers.push(header.clone());
    }
    // The second at 49 minutes is the first; the one at 51 lasts beyond 100.
    let shared: Vec<_> = headers.windows(2).map(|pair| pair[0] == pair[1]).collect();
    assert_eq!(shared, [true, false, true]);
    let claims = claims(headers[0].as_bytes()).unwrap();
    assert_eq!(claims, json!({ "iss": TEAM_ID, "iat": NOW }));
    let header = headers[0].to_str().unwrap().strip_prefix("bearer ").unwrap();
    let header = URL_SAFE_NO_PAD.decode(header.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header, json!({ "alg": "ES256", "kid": KEY_ID }));
}

/// The request as the table writes it.
async fn sent(
    options: ApnsOptions,
    address: impl FnOnce(Address) -> Address,
    message: &Message,
) -> Value {
    let script = Script::default();
    script.answer_response(accepted());
    let apns = builder(&script).options(options).build().unwrap();
    apns.send_encrypted(&token(address), message).await.unwrap();
    let request = script.requests().pop().unwrap();
    let mut payload = script.json();
    let body = URL_SAFE_NO_PAD.decode(payload["e2ee"].as_str().unwrap()).unwrap();
    assert_eq!(sealpush::open(&user_agent(), &body).unwrap(), b"hello");
    payload["e2ee"] = "the sealed body".into();
    let mut headers: BTreeMap<_, _> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert!(headers.remove("authorization").is_some_and(|value| value.starts_with("bearer ey")));
    json!({ "headers": headers, "path": request.uri().path(), "payload": payload })
}

fn accepted() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let id = HeaderValue::from_static("eabeae54-14a8-11e5-b60b-1697f925ec7b");
    response.headers_mut().insert("apns-id", id);
    response
}

fn builder(script: &Script) -> ApnsBuilder {
    Apns::builder()
        .auth_key(auth_key())
        .bundle_id("com.example.door")
        .clock(clock())
        .transport(script.clone())
}

fn auth_key() -> AuthKey {
    AuthKey::from_pem(PRIVATE_KEY, KEY_ID, TEAM_ID).unwrap()
}

fn token(address: impl FnOnce(Address) -> Address) -> Token {
    let plain = Address::new("0a1b2c3d4e5f6071".parse().unwrap());
    address(plain).to_token(user_agent().keys().clone()).unwrap()
}

/// A token that says all there is to say.
fn registered() -> Token {
    let at = SystemTime::UNIX_EPOCH + seconds(NOW - 1_000_000);
    token(|address| address.with_environment(Environment::Production).with_registered_at(at))
}

fn claims(header: &[u8]) -> Option<Value> {
    let claims = str::from_utf8(header).ok()?.split('.').nth(1)?.to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

fn number(request: &Request<Bytes>, name: &str) -> Option<u64> {
    request.headers().get(name)?.to_str().ok()?.parse().ok()
}

const KEY_ID: &str = "K7FQ2ZT9WV";
const TEAM_ID: &str = "TEAM4HX1NC";
const PRIVATE_KEY: &str = include_str!("keys/p256-pkcs8.pem");
