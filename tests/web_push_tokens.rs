//! The browser's `PushSubscription.toJSON()` is a token as it is.
#![cfg(feature = "webpush")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{PushResource, VapidKey};
use sealpush::{ErrorKind, Message, PushProvider, PushProviderExt, Token, UserAgentSecret, open};
use serde_json::{Value, json};

use support::script::Script;
use support::web_push::*;

#[tokio::test]
async fn keys_are_taken_in_every_base64() {
    let user_agent = UserAgentSecret::generate().unwrap();
    let (point, auth) = (user_agent.keys().public_octets(), user_agent.keys().auth_secret());
    let script = Script::created();
    let web_push = WebPush::builder().transport(script.clone()).build().unwrap();
    for engine in [&URL_SAFE_NO_PAD, &URL_SAFE, &STANDARD, &STANDARD_NO_PAD] {
        let token: Token = json!({
            "endpoint": ENDPOINT,
            "expirationTime": null,
            "keys": { "p256dh": engine.encode(point), "auth": engine.encode(auth.expose()) },
        })
        .to_string()
        .parse()
        .unwrap();
        web_push.send_encrypted(&token, &Message::new("hello")).await.unwrap();
    }
    let requests = script.requests();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!(open(&user_agent, request.body()).unwrap(), b"hello");
    }
}

#[test]
fn a_byte_order_mark_before_a_token_is_passed_over() {
    let text = format!("\u{feff}{}\r\n", subscription(ENDPOINT));
    assert_eq!(text.parse::<Token>().unwrap(), token(ENDPOINT));
}

#[test]
fn what_a_browser_adds_is_kept() {
    let browser = json!({
        "endpoint": ENDPOINT,
        "expirationTime": 1_800_000_000_000_u64,
        "options": { "userVisibleOnly": true },
        "applicationServerKey": P256DH,
        "keys": { "p256dh": P256DH, "auth": AUTH },
    });
    let token: Token = browser.to_string().parse().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&token.to_json()).unwrap(), browser);
}

#[test]
fn the_octets_of_the_push_resource_are_kept() {
    for endpoint in [
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2bZ%2fq%3d",
        "https://fcm.googleapis.com/fcm/send/dJ8:APA91b_-~x",
        "https://push.example.net/a//b/../c?x=%7E&y=~'!()*",
        "https://push.example.net:443/?",
    ] {
        let resource = PushResource::try_from(&token(endpoint)).unwrap();
        assert_eq!(resource.expose().to_string(), endpoint);
    }
}

#[test]
fn a_push_resource_shows_nothing_of_itself() {
    let resource = PushResource::try_from(&token(ENDPOINT)).unwrap();
    assert_eq!(format!("{resource:?}"), "PushResource([redacted])");
    assert_eq!(resource.origin(), "https://push.example.net");
}

#[tokio::test]
async fn a_bad_push_resource_is_refused_and_nothing_is_sent() {
    let script = Script::created();
    let web_push = WebPush::builder().transport(script.clone()).build().unwrap();
    let long = format!("https://push.example.net/{}", "a".repeat(2048));
    for endpoint in [
        "",
        "/wpush/v2/secret-capability",
        "push.example.net/secret-capability",
        "https://",
        "https:///secret-capability",
        "https://push.example.net:99999/secret-capability",
        "https://push.example.net/secret capability",
        "https://push.example.net/secret\ncapability",
        "https://push.example.net/sécret",
        "https://push.example.net\\secret-capability",
        "https://push.example.net/secret-capability#fragment",
        "https://push.example.net/secret-capability#",
        "https://user@push.example.net/secret-capability",
        "https://user:password@push.example.net/secret-capability",
        "ftp://push.example.net/secret-capability",
        "file:///secret-capability",
        "data:text/plain,secret-capability",
        "javascript:secret-capability",
        &long,
    ] {
        let error = web_push.send(&token(endpoint), &message()).await.expect_err(endpoint);
        assert_eq!(error.kind(), ErrorKind::InvalidToken, "{endpoint}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    for endpoint in [json!(null), json!(5), json!(["https://push.example.net/a"])] {
        let mut subscription = subscription(ENDPOINT);
        subscription["endpoint"] = endpoint;
        let token: Token = subscription.to_string().parse().unwrap();
        let error = web_push.send(&token, &message()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken);
    }
    assert!(script.requests().is_empty());
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_an_ended_subscription() {
    let script = Script::created();
    let web_push = WebPush::builder().transport(script.clone()).build().unwrap();
    for endpoint in [
        "https://permanently-removed.invalid/fcm/send/secret-capability",
        "https://permanently-removed.invalid./secret-capability",
        "https://Permanently-Removed.INVALID:8443/secret-capability",
        "http://permanently-removed.invalid/secret-capability",
        "https://a.b.invalid/secret-capability",
        "https://invalid/secret-capability",
        "https://%69nvalid/secret-capability",
    ] {
        let token = token(endpoint);
        let error = PushResource::try_from(&token).expect_err(endpoint);
        assert!(error.is_token_dead(), "{endpoint}: {error:?}");
        let error = web_push.send(&token, &message()).await.unwrap_err();
        assert!(error.is_token_dead() && !error.is_retryable());
        assert!(error.to_string().contains("subscribe again a little later"), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(!error.to_string().contains("allow"), "{error}");
    }
    assert!(script.requests().is_empty());
    for endpoint in ["https://invalid.example.net/a", "https://push.notinvalid/a"] {
        web_push.send(&token(endpoint), &message()).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_of_another_provider_is_refused_and_nothing_is_sent() {
    let script = Script::created();
    let web_push = WebPush::builder().transport(script.clone()).build().unwrap();
    let mut subscription = subscription(ENDPOINT);
    subscription["provider"] = "fcm".into();
    let token: Token = subscription.to_string().parse().unwrap();
    let error = web_push.send(&token, &message()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);
    assert_eq!(error.provider(), Some(&WebPush::ID));
    assert!(script.requests().is_empty());
}

#[test]
fn a_push_resource_goes_through_text_and_token() {
    let resource: PushResource = ENDPOINT.parse().unwrap();
    let token = resource.to_token(token(ENDPOINT).keys().clone()).unwrap();
    assert_eq!(token, self::token(ENDPOINT));
    assert_eq!(PushResource::try_from(&token).unwrap().expose(), resource.expose());
    assert!("https://permanently-removed.invalid/a".parse::<PushResource>().is_err());
    assert_eq!("x".parse::<PushResource>().unwrap_err().kind(), ErrorKind::InvalidToken);
}

#[tokio::test]
async fn a_token_is_checked_at_the_door_as_a_send_would() {
    let key = VapidKey::generate().unwrap();
    let known = key.public_key_base64();
    let builder = || WebPush::builder().vapid(ring(VapidKey::generate().unwrap()));
    let public = builder().build().unwrap();
    let of_key = |key: &str| token_of("https://push-demo.dev/a", key);
    let mut foreign = subscription("https://push-demo.dev/a");
    foreign["provider"] = "fcm".into();
    for (token, kind) in [
        (token("https://127.0.0.1/a"), ErrorKind::Blocked),
        (token("https://permanently-removed.invalid/a"), ErrorKind::Expired),
        (token("no url"), ErrorKind::InvalidToken),
        (of_key(&known), ErrorKind::TokenMismatch),
        (foreign.to_string().parse().unwrap(), ErrorKind::TokenMismatch),
    ] {
        let error = public.check(&token).unwrap_err();
        assert_eq!((error.kind(), error.provider()), (kind, Some(&WebPush::ID)));
        let sent = public.send(&token, &message()).await.unwrap_err();
        assert_eq!(sent.kind(), kind);
    }
    public.check(&token("https://push-demo.dev/a")).unwrap();
    // A transport of one's own has no guard unless one is set.
    let own = builder().transport(Script::created()).build().unwrap();
    own.check(&token("https://127.0.0.1/a")).unwrap();
    let guarded = builder().transport(Script::created()).guard(sealpush::EndpointGuard::public());
    let error = guarded.build().unwrap().check(&token("https://127.0.0.1/a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked);
}

#[tokio::test]
async fn a_request_can_be_had_without_sending_it() {
    let script = Script::created();
    let keys = ring(VapidKey::generate().unwrap());
    let web_push = WebPush::builder().vapid(keys).transport(script.clone()).build().unwrap();
    let message = message();
    let request = web_push.request(&token(ENDPOINT), &message).unwrap();
    assert!(script.requests().is_empty());
    web_push.send(&token(ENDPOINT), &message).await.unwrap();
    let sent = script.requests().remove(0);
    assert_eq!((sent.uri(), sent.headers()), (request.uri(), request.headers()));
    assert_eq!(sent.body(), request.body());
    assert!(request.headers().contains_key("authorization"));
    let error = web_push.request(&token("no url"), &message).unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::InvalidToken, Some(&WebPush::ID)));
}

#[tokio::test]
async fn a_guard_in_front_of_a_transport_of_ones_own_is_asked_first() {
    let script = Script::created();
    let web_push = WebPush::builder()
        .transport(script.clone())
        .guard(sealpush::EndpointGuard::public())
        .build()
        .unwrap();
    let error = web_push.send(&token("https://127.0.0.1/a"), &message()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked);
    assert!(script.requests().is_empty());
    web_push.send(&token("https://updates.push.services.mozilla.com/a"), &message()).await.unwrap();
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn by_default_only_the_public_internet_is_reached() {
    let web_push = WebPush::builder().build().unwrap();
    for endpoint in ["http://127.0.0.1:9/a", "https://localhost/a", "https://10.0.0.1/a"] {
        let error = web_push.send(&token(endpoint), &message()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked, "{endpoint}");
    }
}
