//! OneSignal: what is asked, what the answers mean, and what is never sent.

#![cfg(feature = "onesignal")]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::providers::OneSignal;
use sealpush::providers::onesignal::{Address, Alias, OneSignalBuilder, OneSignalOptions};
use sealpush::seal::open_data;
use sealpush::{
    ErrorKind, Message, MessageId, PushProvider, PushProviderExt, Token, Topic, Ttl, Urgency,
    UserAgentKeys,
};
use serde_json::{Value, json};

use self::support::exchanges::Table;
use self::support::script::{Script, clock};
use self::support::vendors::{message, user_agent};

const APP: &str = "0a0a0a0a-0000-4000-8000-0123456789ab";
const SUBSCRIPTION: &str = "1dad4a3e-0000-4000-8000-0123456789ab";

fn builder(script: &Script) -> OneSignalBuilder {
    OneSignal::builder()
        .app_id(APP.parse().unwrap())
        .api_key("os_v2_app_marker")
        .clock(clock())
        .transport(script.clone())
}

fn keys() -> UserAgentKeys {
    user_agent().keys().clone()
}

fn token() -> Token {
    Address::Subscription(SUBSCRIPTION.parse().unwrap()).to_token(keys()).unwrap()
}

fn accepting() -> Script {
    let script = Script::default();
    script.answer(200, r#"{"id":"5cbb7b4c-0000-4000-8000-00000000000a"}"#);
    script
}

async fn sent(token: &Token, message: &Message) -> Value {
    let script = accepting();
    builder(&script).build().unwrap().send_encrypted(token, message).await.unwrap();
    script.json()
}

/// What golden requests have where each real one has other text.
fn sealed() -> Value {
    json!({"e2ee": "the sealed body"})
}

#[tokio::test]
async fn every_answer_means_what_the_reference_says() {
    let answers = Table::load("onesignal").answers;
    assert!(answers.len() >= 53, "{} rows", answers.len());
    for (name, row) in answers {
        let script = Script::default();
        let response = row.response();
        script.answer_with(move || Ok(response.clone()));
        let onesignal = builder(&script).build().unwrap();
        let outcome = onesignal.send_encrypted(&token(), &message("hello")).await;
        row.check(&name, &outcome, script.requests().len());
    }
}

#[tokio::test]
async fn a_request_is_a_post_with_the_key() {
    let script = accepting();
    let onesignal = builder(&script).build().unwrap();
    let accepted = onesignal.send_encrypted(&token(), &message("hello")).await.unwrap();
    assert_eq!(
        accepted.message_id.as_ref().map(MessageId::expose),
        Some("5cbb7b4c-0000-4000-8000-00000000000a")
    );
    let requests = script.requests();
    assert_eq!(requests[0].method(), "POST");
    assert_eq!(requests[0].uri(), "https://api.onesignal.com/notifications");
    assert_eq!(requests[0].headers()["authorization"], "Key os_v2_app_marker");
    assert!(requests[0].headers()["authorization"].is_sensitive());
    assert_eq!(requests[0].headers()["content-type"], "application/json");
}

#[tokio::test]
async fn the_request_of_a_plain_message() {
    let mut request = sent(&token(), &message("hello")).await;
    let data = std::mem::replace(&mut request["data"], sealed());
    let fields: Vec<_> = data.as_object().unwrap().iter().collect();
    let fields = fields.iter().map(|(name, value)| (name, value.as_str().unwrap()));
    assert_eq!(open_data(&user_agent(), fields).unwrap().unwrap(), b"hello");
    assert!(request["idempotency_key"].is_string());
    request["idempotency_key"] = "a UUID".into();
    assert_eq!(request, Table::load("onesignal").requests["plain"]);
}

#[tokio::test]
async fn the_request_of_a_message_with_every_option() {
    let message = message("hello")
        .with_ttl(Ttl::from_secs(90))
        .with_urgency(Urgency::Low)
        .with_topic("door".parse::<Topic>().unwrap())
        .with_placeholder("Neu".parse().unwrap());
    let alias = Alias::new(Alias::EXTERNAL_ID, "user-7").unwrap();
    let token = Address::Alias(alias).to_token(keys()).unwrap();
    let script = accepting();
    let headings = |text| json!({"headings": {"en": text}}).to_string();
    let options = |text| OneSignalOptions::new().with_json_visible_to_provider(&headings(text));
    let onesignal = builder(&script)
        .base_url("https://onesignal.example.net/api/v1/")
        .options(options("Gate").unwrap().with_android_channel_id("x"))
        .build()
        .unwrap();
    // What one message brings is laid over what all have.
    let message = message.with_provider_options(&options("Door").unwrap()).unwrap();
    onesignal.send_encrypted(&token, &message).await.unwrap();
    assert_eq!(script.requests()[0].uri(), "https://onesignal.example.net/api/v1/notifications");
    let mut request = script.json();
    request["data"] = sealed();
    request["idempotency_key"] = "a UUID".into();
    assert_eq!(request, Table::load("onesignal").requests["every-option"]);
}

#[tokio::test]
async fn an_alias_without_a_subscription_is_expired_unless_anything_was_sent() {
    let alias = Alias::new(Alias::EXTERNAL_ID, "user-7").unwrap();
    let token = Address::Alias(alias).to_token(keys()).unwrap();
    for (errors, dead) in [
        (json!({"invalid_aliases": {"external_id": ["user-7"]}}), true),
        (json!({"invalid_external_user_ids": ["user-7"]}), true),
        (json!({"invalid_aliases": {"external_id": ["user-8"]}}), false),
        (json!({"invalid_aliases": {"onesignal_id": ["user-7"]}}), false),
        (json!({"invalid_player_ids": ["user-7"]}), false),
    ] {
        for id in [json!(""), Value::Null] {
            let script = Script::default();
            script.answer(200, json!({"id": id, "errors": errors}).to_string());
            let onesignal = builder(&script).build().unwrap();
            let outcome = onesignal.send_encrypted(&token, &message("x")).await;
            assert_eq!(outcome.unwrap_err().is_token_dead(), dead, "{errors}");
        }
        // One of the person's installations got it.
        let script = Script::default();
        script.answer(200, json!({"id": "5cbb7b4c", "errors": errors}).to_string());
        let onesignal = builder(&script).build().unwrap();
        let accepted = onesignal.send_encrypted(&token, &message("x")).await.unwrap();
        assert_eq!(accepted.message_id.as_ref().map(MessageId::expose), Some("5cbb7b4c"));
    }
}

#[tokio::test]
async fn the_idempotency_key_is_the_same_for_the_same_message_only() {
    let script = accepting();
    let onesignal = builder(&script).build().unwrap();
    let sealed = message("hello").seal(&keys(), OneSignal::MAX_BODY).unwrap();
    let other = message("hello").seal(&keys(), OneSignal::MAX_BODY).unwrap();
    let alias = Alias::new(Alias::EXTERNAL_ID, "user-7").unwrap();
    let alias = Address::Alias(alias).to_token(keys()).unwrap();
    for (token, message) in [
        (&token(), &sealed),
        (&token(), &sealed),
        (&token(), &other),
        (&alias, &sealed),
        (&token(), &sealed.clone().with_ttl(Ttl::from_secs(1))),
    ] {
        onesignal.send(token, message).await.unwrap();
    }
    let requests = script.requests();
    assert_eq!(requests[0].body(), requests[1].body());
    let mut keys: Vec<_> = requests
        .iter()
        .map(|request| {
            let request: Value = serde_json::from_slice(request.body()).unwrap();
            request["idempotency_key"].as_str().unwrap().to_owned()
        })
        .collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
    assert!(onesignal.capabilities().idempotent);
}

#[tokio::test]
async fn two_pushes_without_a_payload_are_two() {
    let script = accepting();
    let onesignal = builder(&script).build().unwrap();
    let [first, second] = [0; 2].map(|_| Message::new("").seal(&keys(), 4096).unwrap());
    for message in [&first, &first, &second] {
        onesignal.send(&token(), message).await.unwrap();
    }
    let requests: Vec<Value> =
        script.requests().iter().map(|r| serde_json::from_slice(r.body()).unwrap()).collect();
    assert_eq!(requests[0]["data"], json!({"e2ee": ""}));
    assert!(requests[0]["idempotency_key"].is_string());
    assert_eq!(requests[0], requests[1]);
    assert_ne!(requests[0]["idempotency_key"], requests[2]["idempotency_key"]);
}

#[tokio::test]
async fn urgency_maps_to_two_priorities() {
    for (urgency, priority) in
        [(Urgency::VeryLow, 5), (Urgency::Low, 5), (Urgency::Normal, 10), (Urgency::High, 10)]
    {
        let request = sent(&token(), &message("x").with_urgency(urgency)).await;
        assert_eq!(request["priority"], priority);
    }
}

#[tokio::test]
async fn a_ttl_over_four_weeks_is_reduced_and_said_so() {
    let script = accepting();
    let onesignal = builder(&script).build().unwrap();
    let message = message("x").with_ttl(Ttl::from_secs(u32::MAX));
    let accepted = onesignal.send_encrypted(&token(), &message).await.unwrap();
    assert_eq!(accepted.ttl, Some(Ttl::from_secs(2_419_200)));
    assert_eq!(script.json()["ttl"], 2_419_200);
}

#[tokio::test]
async fn the_largest_body_fills_what_onesignal_counts() {
    let request = sent(&token(), &message(&"x".repeat(1424))).await;
    assert_eq!(request["data"].to_string().len(), 2047);
    let text = request["data"]["e2ee"].as_str().unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(text).unwrap().len(), OneSignal::MAX_BODY);
    assert_eq!(OneSignal::MAX_BODY, 1527);
}

#[tokio::test]
async fn nothing_is_asked_for_a_message_that_cannot_be_sent() {
    let script = accepting();
    let onesignal = builder(&script).build().unwrap();
    let too_large = onesignal.send_encrypted(&token(), &message(&"x".repeat(1425))).await;
    assert_eq!(too_large.unwrap_err().kind(), ErrorKind::PayloadTooLarge);

    for address in [
        json!({}),
        json!({"subscription_id": "x"}),
        json!({"subscription_id": 7}),
        json!({"subscription_id": SUBSCRIPTION, "alias": {"external_id": "x"}}),
        json!({"alias": {}}),
        json!({"alias": {"external_id": "x", "other": "y"}}),
        json!({"alias": {"external_id": ""}}),
        json!({"alias": {"external_id": "a\nb"}}),
        json!({"alias": {"external_id": ["x"]}}),
        json!({"segment": "All"}),
    ] {
        let token = Token::new(OneSignal::ID, &address, keys()).unwrap();
        let error = onesignal.send_encrypted(&token, &message("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken, "{address}");
    }
    let other = "fcm".parse().unwrap();
    let foreign = Token::new(other, &json!({"token": "x"}), keys()).unwrap();
    let error = onesignal.send_encrypted(&foreign, &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);
    assert_eq!(script.requests().len(), 0);
}

#[tokio::test]
async fn no_answer_puts_a_secret_into_an_error() {
    for status in [200, 400, 401, 404, 429, 500] {
        let script = Script::default();
        let echo = format!("{SUBSCRIPTION} os_v2_app_marker");
        let body = json!({"id": "", "errors": [echo, {"code": echo, "title": echo}]});
        script.answer(status, body.to_string());
        let onesignal = builder(&script).build().unwrap();
        let error =
            onesignal.send_encrypted(&token(), &message("marker-payload")).await.unwrap_err();
        let shown = format!("{error} {error:?} {onesignal:?} {:?}", builder(&script));
        assert!(!shown.contains("marker") && !shown.contains("1dad4a3e"), "{shown}");
    }
}

#[test]
fn a_builder_says_what_is_wrong() {
    let script = Script::default();
    let app = || OneSignal::builder().app_id(APP.parse().unwrap());
    for (builder, fact) in [
        (OneSignal::builder(), "app id"),
        (app(), "API key"),
        (app().api_key("a b"), "printable"),
        (app().api_key("a\r\nb"), "printable"),
        (builder(&script).base_url("x"), "base URL"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(fact), "{error}");
    }
}

#[test]
fn visible_members_cannot_replace_what_is_sealed() {
    for name in [
        "app_id",
        "collapse_id",
        "content_available",
        "contents",
        "custom_data",
        "data",
        "excluded_segments",
        "external_id",
        "filters",
        "idempotency_key",
        "include_aliases",
        "include_subscription_ids",
        "included_segments",
        "priority",
        "target_channel",
        "template_id",
        "ttl",
        "web_push_topic",
    ] {
        let visible = json!({ name: "marker" }).to_string();
        // Neither by the setter nor by options that were stored.
        assert!(serde_json::from_str::<OneSignalOptions>(&visible).is_err(), "{name}");
        let error = OneSignalOptions::new().with_json_visible_to_provider(&visible).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{name}");
        assert!(error.to_string().contains("must not set"), "{name}: {error}");
        assert!(!error.to_string().contains("marker"), "{error}");
    }
}
