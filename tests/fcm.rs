//! FCM: what is asked, what the answers mean, and what is never sent.

#![cfg(feature = "fcm")]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::providers::Fcm;
use sealpush::providers::fcm::{
    AccessToken, AccessTokenRequest, Address, AndroidNotification, AndroidOptions, ApnsOptions,
    Credentials, FcmBuilder, FcmOptions, ProjectId, WebPushOptions,
};
use sealpush::seal::open_data;
use sealpush::{
    ErrorKind, Message, MessageId, PushProvider, PushProviderExt, Result, Token, Topic, Ttl,
    Urgency,
};
use serde_json::{Value, json};

use self::support::exchanges::Table;
use self::support::script::{Script, clock};
use self::support::vendors::{message, user_agent};

/// Credentials that give `access-1`, `access-2` and so on, and can be told to fail.
#[derive(Clone, Debug, Default)]
struct Counted {
    asked: Arc<AtomicUsize>,
}

impl Counted {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Credentials for Counted {
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        AccessToken::new(format!("access-{number}"), request.now + Duration::from_secs(3600))
    }
}

fn builder(script: &Script) -> FcmBuilder {
    Fcm::builder()
        .credentials(Counted::default())
        .project_id("example-project".parse::<ProjectId>().unwrap())
        .clock(clock())
        .transport(script.clone())
}

fn token() -> Token {
    Address::Token("fGx9:APA91b-example".parse().unwrap())
        .to_token(user_agent().keys().clone())
        .unwrap()
}

fn accepting() -> Script {
    let script = Script::default();
    script.answer(200, r#"{"name":"projects/example-project/messages/1"}"#);
    script
}

async fn sent(builder: impl FnOnce(FcmBuilder) -> FcmBuilder, message: &Message) -> Value {
    let script = accepting();
    let fcm = builder(self::builder(&script)).build().unwrap();
    fcm.send_encrypted(&token(), message).await.unwrap();
    script.json()
}

/// What golden requests have where each real one has other text.
fn sealed() -> Value {
    json!({"e2ee": "the sealed body"})
}

#[tokio::test]
async fn every_answer_means_what_the_reference_says() {
    let answers = Table::load("fcm").answers;
    assert!(answers.len() >= 95, "{} rows", answers.len());
    for (name, row) in answers {
        let script = Script::default();
        let response = row.response();
        script.answer_with(move || Ok(response.clone()));
        let fcm = builder(&script).build().unwrap();
        let outcome = fcm.send_encrypted(&token(), &message("hello")).await;
        row.check(&name, &outcome, script.requests().len());
    }
}

#[tokio::test]
async fn a_request_is_an_authorized_post_to_the_project() {
    let script = accepting();
    let fcm = builder(&script).build().unwrap();
    let accepted = fcm.send_encrypted(&token(), &message("hello")).await.unwrap();
    assert_eq!(
        accepted.message_id.as_ref().map(MessageId::expose),
        Some("projects/example-project/messages/1")
    );
    assert_eq!(accepted.ttl, None);

    let requests = script.requests();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "https://fcm.googleapis.com/v1/projects/example-project/messages:send"
    );
    assert_eq!(request.headers()["authorization"], "Bearer access-1");
    assert!(request.headers()["authorization"].is_sensitive());
    assert_eq!(request.headers()["content-type"], "application/json");
}

#[tokio::test]
async fn the_request_of_a_plain_message() {
    let mut request = sent(|builder| builder, &message("hello")).await;
    let data = std::mem::replace(&mut request["message"]["data"], sealed());
    let fields =
        data.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap()));
    assert_eq!(open_data(&user_agent(), fields).unwrap().unwrap(), b"hello");
    assert_eq!(request, Table::load("fcm").requests["plain"]);
}

#[tokio::test]
async fn the_request_of_a_message_with_every_option() {
    let message = message("hello")
        .with_ttl(Ttl::from_secs(90))
        .with_urgency(Urgency::High)
        .with_topic("door".parse::<Topic>().unwrap())
        .with_placeholder("Neu".parse().unwrap());
    let android = AndroidNotification::new()
        .with_channel_id("chat")
        .with_click_action("OPEN")
        .with_icon("ic_chat")
        .with_image("https://example.net/a.png")
        .with_sound("default")
        .with_tag("chat-1");
    let android = AndroidOptions::new()
        .with_direct_boot()
        .with_package_name("net.example.app")
        .with_placeholder_shown(android)
        .with_json_visible_to_provider(r##"{"notification":{"color":"#aabbcc"}}"##)
        .unwrap();
    let apns = ApnsOptions::new()
        .with_badge(2)
        .with_category("CHAT")
        .with_image("https://example.net/a.png")
        .with_sound("default")
        .with_thread_id("chat-1");
    let web_push = WebPushOptions::new()
        .with_badge("https://example.net/b.png")
        .with_icon("https://example.net/i.png")
        .with_image("https://example.net/a.png")
        .with_link("https://example.net/")
        .with_placeholder_shown();
    let options = FcmOptions::new().with_android(android).with_apns(apns).with_web_push(web_push);

    // It is the same whether all messages have an option, or this one brings it.
    let own = message.clone().with_provider_options(&options).unwrap();
    let mut request = sent(|builder| builder.dry_run(true), &own).await;
    request["message"]["data"] = sealed();
    assert_eq!(request, Table::load("fcm").requests["every-option"]);
    let builder = |builder: FcmBuilder| builder.dry_run(true).options(options);
    let mut request = sent(builder, &message).await;
    request["message"]["data"] = sealed();
    assert_eq!(request, Table::load("fcm").requests["every-option"]);
}

#[tokio::test]
async fn now_or_never_is_zero_everywhere() {
    let request = sent(|builder| builder, &message("x").with_ttl(Ttl::NOW)).await;
    let message = &request["message"];
    assert_eq!(message["android"]["ttl"], "0s");
    assert_eq!(message["apns"]["headers"]["apns-expiration"], "0");
    assert_eq!(message["webpush"]["headers"]["TTL"], "0");
}

#[tokio::test]
async fn urgency_maps_to_what_each_platform_has() {
    for (urgency, android, apns) in [
        (Urgency::VeryLow, "NORMAL", "1"),
        (Urgency::Low, "NORMAL", "5"),
        (Urgency::Normal, "NORMAL", "10"),
        (Urgency::High, "HIGH", "10"),
    ] {
        let request = sent(|builder| builder, &message("x").with_urgency(urgency)).await;
        let message = &request["message"];
        assert_eq!(message["android"]["priority"], android);
        assert_eq!(message["apns"]["headers"]["apns-priority"], apns);
        assert_eq!(message["webpush"]["headers"]["Urgency"], urgency.as_str());
    }
}

#[tokio::test]
async fn a_background_push_shows_nothing_on_an_apple_device() {
    let options = FcmOptions::new().with_apns(ApnsOptions::background());
    let builder = |builder: FcmBuilder| builder.options(options);
    let request = sent(builder, &message("x").with_urgency(Urgency::High)).await;
    let apns = &request["message"]["apns"];
    assert_eq!(apns["payload"], json!({"aps": {"content-available": 1}}));
    assert_eq!(apns["headers"]["apns-push-type"], "background");
    assert_eq!(apns["headers"]["apns-priority"], "5");
}

#[tokio::test]
async fn a_push_without_a_payload_has_an_empty_field() {
    let request = sent(|builder| builder, &Message::new("")).await;
    assert_eq!(request["message"]["data"], json!({"e2ee": ""}));
}

#[tokio::test]
async fn an_installation_id_goes_into_its_own_member() {
    let script = accepting();
    let fcm = builder(&script).build().unwrap();
    let json = format!(
        r#"{{"provider":"fcm","fid":"cH8x2kQvTfOaV5m0rZpLw1","keys":{}}}"#,
        serde_json::to_string(user_agent().keys()).unwrap()
    );
    fcm.send_encrypted(&json.parse().unwrap(), &message("x")).await.unwrap();
    let request = script.json();
    assert_eq!(request["message"]["fid"], "cH8x2kQvTfOaV5m0rZpLw1");
    assert!(request["message"].get("token").is_none());
}

#[tokio::test]
async fn a_ttl_over_four_weeks_is_reduced_and_said_so() {
    let script = accepting();
    let fcm = builder(&script).build().unwrap();
    let message = message("x").with_ttl(Ttl::from_secs(2_419_201));
    let accepted = fcm.send_encrypted(&token(), &message).await.unwrap();
    assert_eq!(accepted.ttl, Some(Ttl::from_secs(2_419_200)));
    assert_eq!(script.json()["message"]["android"]["ttl"], "2419200s");
}

#[tokio::test]
async fn the_largest_body_fills_what_fcm_counts() {
    let request = sent(|builder| builder, &message(&"x".repeat(2966))).await;
    let text = request["message"]["data"]["e2ee"].as_str().unwrap();
    assert_eq!("e2ee".len() + text.len(), 4096);
    assert_eq!(URL_SAFE_NO_PAD.decode(text).unwrap().len(), Fcm::MAX_BODY);
    assert_eq!(Fcm::MAX_BODY, 3069);
}

#[tokio::test]
async fn nothing_is_asked_for_a_message_that_cannot_be_sent() {
    let script = accepting();
    let credentials = Counted::default();
    let fcm = builder(&script).credentials(credentials.clone()).build().unwrap();
    let keys = || user_agent().keys().clone();
    let too_large = fcm.send_encrypted(&token(), &message(&"x".repeat(2967))).await;
    assert_eq!(too_large.unwrap_err().kind(), ErrorKind::PayloadTooLarge);

    // A body for a provider that takes more, sealed elsewhere.
    let sealed = message(&"x".repeat(2967)).seal(&keys(), 4096).unwrap();
    let error = fcm.send(&token(), &sealed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    assert_eq!(error.to_string(), "fcm: the body is 3070 octets, limit 3069");

    let foreign: Token = format!(
        r#"{{"endpoint":"https://push.example.net/1","keys":{}}}"#,
        serde_json::to_string(&keys()).unwrap()
    )
    .parse()
    .unwrap();
    let error = fcm.send_encrypted(&foreign, &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);

    for address in [
        json!({}),
        json!({"token": "a", "fid": "b"}),
        json!({"token": ""}),
        json!({"token": "a b"}),
        json!({"token": "a\r\nb"}),
        json!({"fid": 7}),
        json!({"topic": "news"}),
    ] {
        let token = Token::new(Fcm::ID, &address, keys()).unwrap();
        let error = fcm.send_encrypted(&token, &message("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken, "{address}");
    }
    assert_eq!(script.requests().len(), 0);
    assert_eq!(credentials.asked(), 0);
}

#[tokio::test]
async fn no_answer_puts_a_secret_into_an_error() {
    let message = message("marker-payload");
    for status in [200, 400, 401, 403, 404, 429, 500] {
        let script = Script::default();
        // A service that repeats everything it was sent, in every place.
        let echo = "fGx9:APA91b-example access-1 access-2";
        let body = json!({"name": "", "error": {
            "code": status, "message": echo, "status": echo,
            "details": [
                {"@type": "x/google.firebase.fcm.v1.FcmError", "errorCode": echo},
                {"@type": "x/google.firebase.fcm.v1.ApnsError", "statusCode": 1, "reason": echo},
                {"@type": "x/google.rpc.BadRequest", "fieldViolations": [{"field": echo}]},
                {"@type": "x/google.rpc.ErrorInfo", "reason": echo},
            ],
        }});
        script.answer(status, body.to_string());
        let fcm = builder(&script).build().unwrap();
        let error = fcm.send_encrypted(&token(), &message).await.unwrap_err();
        let shown = format!("{error} {error:?} {fcm:?}");
        for secret in ["APA91b", "access-", "marker"] {
            assert!(!shown.contains(secret), "{status}: {shown}");
        }
    }
}

#[test]
fn a_builder_says_what_is_missing() {
    let error = Fcm::builder().build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.to_string(), "fcm: the builder has no credentials");
    let error = Fcm::builder().credentials(Counted::default()).build().unwrap_err();
    assert!(error.to_string().contains("project"), "{error}");
    let script = Script::default();
    let error = builder(&script).base_url("fcm.example.net").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}
