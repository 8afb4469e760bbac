//! RFC 8292: the application server says who it is.
#![cfg(feature = "webpush")]

mod support;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::{ErrorKind, PushProvider, Token};
use serde_json::Value;

use support::script::{NOW, Script, clock, hours};
use support::web_push::*;

/// The parts of `vapid t=<JWT>, k=<key>`, after the signature is found good with the key.
fn verified(authorization: &str) -> Option<(Value, Value, String)> {
    let (jwt, key) = authorization.strip_prefix("vapid t=")?.split_once(", k=")?;
    let (signed, signature) = jwt.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |text| URL_SAFE_NO_PAD.decode(text).ok();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key)?)
        .verify(signed.as_bytes(), &decode(signature)?)
        .ok()?;
    let json = |text| serde_json::from_slice(&decode(text)?).ok();
    Some((json(header)?, json(claims)?, key.to_owned()))
}

#[test]
fn the_example_of_rfc_8292_section_2_4_verifies() {
    let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZX\
                 QiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxC\
                 DquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA";
    let key =
        "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
    let (header, claims, _) = verified(&format!("vapid t={token}, k={key}")).unwrap();
    assert_eq!(header["alg"], "ES256");
    assert_eq!(claims["aud"], "https://push.example.net");
    let forged = token.replace("eyJhdWQiOiJo", "eyJhdWQiOiJp");
    assert!(verified(&format!("vapid t={forged}, k={key}")).is_none());
}

#[tokio::test]
async fn the_header_says_audience_expiry_and_subject() {
    let (script, clock) = (Script::created(), clock());
    let key = VapidKey::generate().unwrap();
    let public_key = key.public_key_base64();
    assert_eq!(public_key.len(), 87);
    web_push(ring(key), &script, &clock).send(&token(ENDPOINT), &message()).await.unwrap();

    let (header, claims, key) = verified(&script.authorizations()[0]).unwrap();
    assert_eq!(header, serde_json::json!({ "typ": "JWT", "alg": "ES256" }));
    assert_eq!(
        claims,
        serde_json::json!({
            "aud": "https://push.example.net",
            "exp": NOW + 12 * 3600,
            "sub": "mailto:ops@push-demo.dev",
        })
    );
    assert_eq!(key, public_key);
    assert!(script.requests()[0].headers()["authorization"].is_sensitive());
}

#[tokio::test]
async fn keys_without_a_contact_reach_this_computer_and_nothing_else() {
    let (script, clock) = (Script::created(), clock());
    let keys = VapidKeys::for_loopback(VapidKey::generate().unwrap());
    let web_push = web_push(keys, &script, &clock);
    let here = ["http://127.0.0.1:8030/p", "https://[::1]/p", "http://localhost:8030/p"];
    for endpoint in here {
        web_push.send(&token(endpoint), &message()).await.unwrap();
    }
    for authorization in script.authorizations() {
        assert_eq!(verified(&authorization).unwrap().1.get("sub"), None);
    }
    for endpoint in [ENDPOINT, "https://10.0.0.1/p", "https://localhost.example.net/p"] {
        let token = token(endpoint);
        for error in [
            web_push.send(&token, &message()).await.unwrap_err(),
            web_push.check(&token).unwrap_err(),
            web_push.request(&token, &message()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Configuration, "{endpoint}");
            assert!(error.to_string().contains("a contact of yours"), "{error}");
        }
    }
    assert_eq!(script.requests().len(), here.len());
}

#[tokio::test]
async fn the_audience_is_the_origin_with_a_port_that_is_not_the_schemes_own() {
    let (script, clock) = (Script::created(), clock());
    let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
    let audiences = [
        ("https://push.example.net/a?b=c", "https://push.example.net"),
        ("https://push.example.net:443/a", "https://push.example.net"),
        ("https://push.example.net:8443/a", "https://push.example.net:8443"),
        ("https://PUSH.example.net/a", "https://push.example.net"),
        ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:80/a", "http://127.0.0.1"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443"),
    ];
    for (endpoint, _) in audiences {
        web_push.send(&token(endpoint), &message()).await.unwrap();
    }
    for (authorization, (endpoint, audience)) in script.authorizations().iter().zip(audiences) {
        assert_eq!(verified(authorization).unwrap().1["aud"], audience, "{endpoint}");
    }
}

#[tokio::test]
async fn a_header_is_signed_once_per_key_and_origin() {
    let (script, clock) = (Script::created(), clock());
    let other = VapidKey::generate().unwrap();
    let named = other.public_key_base64();
    let keys = ring(VapidKey::generate().unwrap()).with_key(other);
    let web_push = web_push(keys, &script, &clock);
    for path in 0..50 {
        for origin in ["https://a.example.net", "https://b.example.net"] {
            let endpoint = format!("{origin}/{path}");
            web_push.send(&token(&endpoint), &message()).await.unwrap();
            web_push.send(&token_of(&endpoint, &named), &message()).await.unwrap();
        }
    }
    let mut headers = script.authorizations();
    assert_eq!(headers.len(), 200);
    headers.sort();
    headers.dedup();
    // ECDSA is randomized: every signature makes another header.
    assert_eq!(headers.len(), 4);
}

#[tokio::test]
async fn a_hundred_sends_at_once_share_one_signature() {
    let (script, clock) = (Script::created(), clock());
    let web_push =
        std::sync::Arc::new(web_push(ring(VapidKey::generate().unwrap()), &script, &clock));
    let mut sends = tokio::task::JoinSet::new();
    for user in 0..100 {
        let web_push = web_push.clone();
        sends.spawn(async move {
            let token = token(&format!("https://push.example.net/{user}"));
            web_push.send(&token, &message()).await.unwrap();
        });
    }
    while let Some(done) = sends.join_next().await {
        done.unwrap();
    }
    let headers = script.authorizations();
    assert_eq!(headers.len(), 100);
    assert!(headers.iter().all(|header| *header == headers[0]));
}

#[tokio::test]
async fn a_header_is_renewed_before_it_expires() {
    let (script, clock) = (Script::created(), clock());
    let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
    for _ in 0..24 {
        web_push.send(&token(ENDPOINT), &message()).await.unwrap();
        clock.advance(hours(1));
    }
    let mut expiries = Vec::new();
    for (hour, authorization) in (0..).zip(script.authorizations()) {
        let expiry = verified(&authorization).unwrap().1["exp"].as_u64().unwrap();
        let left = expiry - (NOW + hour * 3600);
        assert!((3600..=24 * 3600).contains(&left), "{left} seconds are left in hour {hour}");
        expiries.push(expiry);
    }
    expiries.dedup();
    assert_eq!(expiries.len(), 3, "signed in the hours 0, 11 and 22");
}

#[tokio::test]
async fn a_refused_header_is_signed_anew_exactly_once() {
    for status in [401, 403] {
        let (script, clock) = (Script::created(), clock());
        let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
        script.answer(status, "");
        web_push.send(&token(ENDPOINT), &message()).await.unwrap();
        let headers = script.authorizations();
        assert_eq!(headers.len(), 2);
        assert_ne!(headers[0], headers[1]);
        let requests = script.requests();
        assert_eq!(requests[0].body(), requests[1].body());

        // The new header is kept.
        web_push.send(&token(ENDPOINT), &message()).await.unwrap();
        assert_eq!(script.authorizations()[2], headers[1]);
    }
}

#[tokio::test]
async fn a_key_that_is_always_refused_costs_one_request_per_send() {
    let (script, clock) = (Script::created(), clock());
    let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
    for _ in 0..5 {
        script.answer(403, "");
    }
    // Two for the first send, whose header is signed anew, one for each of the others.
    for requests in [2, 3, 4] {
        let error = web_push.send(&token(ENDPOINT), &message()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(403)));
        assert_eq!(script.requests().len(), requests);
    }
    clock.advance(hours(1));
    web_push.send(&token(ENDPOINT), &message()).await.unwrap();
    assert_eq!(script.requests().len(), 6, "after an hour another header is tried");
}

#[tokio::test]
async fn a_hundred_refusals_at_once_share_one_new_signature() {
    let (script, clock) = (Script::created(), clock());
    let web_push =
        std::sync::Arc::new(web_push(ring(VapidKey::generate().unwrap()), &script, &clock));
    script.refuse_first_header();
    let mut sends = tokio::task::JoinSet::new();
    for user in 0..100 {
        let web_push = web_push.clone();
        sends.spawn(async move {
            let token = token(&format!("https://push.example.net/{user}"));
            web_push.send(&token, &message()).await
        });
    }
    while let Some(done) = sends.join_next().await {
        done.unwrap().unwrap();
    }
    let mut headers = script.authorizations();
    assert_eq!(headers.len(), 200);
    headers.sort();
    headers.dedup();
    assert_eq!(headers.len(), 2);
}

#[tokio::test]
async fn apple_gets_no_second_header_within_the_hour() {
    let (script, clock) = (Script::created(), clock());
    let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
    let token = token("https://web.push.apple.com/secret-capability");
    script.answer(403, "");
    let error = web_push.send(&token, &message()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(script.requests().len(), 1);

    clock.advance(hours(1));
    script.answer(403, "");
    web_push.send(&token, &message()).await.unwrap();
    let headers = script.authorizations();
    assert_eq!(headers.len(), 3);
    assert_eq!(headers[0], headers[1]);
    assert_ne!(headers[1], headers[2]);
}

#[tokio::test]
async fn ntfy_does_not_read_the_header_and_gets_no_other() {
    let (script, clock) = (Script::created(), clock());
    let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
    script.answer(403, "");
    let token = token("https://push.example.net/upsecret-capability?up=1");
    let error = web_push.send(&token, &message()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn a_page_of_a_firewall_is_not_a_reason_to_sign_anew() {
    for status in [401, 403] {
        for (media_type, body) in [
            ("text/html", ""),
            ("TEXT/HTML; charset=utf-8", "forbidden"),
            ("application/xhtml+xml", "forbidden"),
            ("text/plain", "<!DOCTYPE html><title>403 Forbidden</title>"),
            ("text/plain", "\r\n <HTML>"),
        ] {
            let (script, clock) = (Script::created(), clock());
            let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
            let answer =
                http::Response::builder().status(status).header("content-type", media_type);
            script.answer_response(answer.body(body.into()).unwrap());
            let error = web_push.send(&token(ENDPOINT), &message()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
            assert!(error.to_string().contains("not about our credentials"), "{error}");
            assert_eq!(script.requests().len(), 1, "{media_type} {body}");
        }
    }
}

#[tokio::test]
async fn a_page_of_googles_about_the_header_is_a_reason_to_sign_anew() {
    let (script, clock) = (Script::created(), clock());
    let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
    let page = "<HTML><HEAD><TITLE>invalid JWT provided</TITLE></HEAD></HTML>";
    script.answer_response(http::Response::builder().status(403).body(page.into()).unwrap());
    let token = token("https://fcm.googleapis.com/fcm/send/secret-capability");
    web_push.send(&token, &message()).await.unwrap();
    assert_eq!(script.requests().len(), 2);
}

#[tokio::test]
async fn a_mismatch_is_not_a_reason_to_sign_anew() {
    let (script, clock) = (Script::created(), clock());
    let web_push = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
    script.answer_response(
        http::Response::builder().status(403).body("the VAPID public key mismatch".into()).unwrap(),
    );
    let error = web_push.send(&token(ENDPOINT), &message()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);
    assert!(!error.is_token_dead());
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn a_token_is_sent_to_with_the_key_that_it_names() {
    let (script, clock) = (Script::created(), clock());
    let keys: Vec<_> = (0..3).map(|_| VapidKey::generate().unwrap()).collect();
    let public: Vec<_> = keys.iter().map(VapidKey::public_key_base64).collect();
    let mut keys = keys.into_iter();
    let ring = ring(keys.next().unwrap());
    let web_push = web_push(keys.fold(ring, VapidKeys::with_key), &script, &clock);

    let octets = URL_SAFE_NO_PAD.decode(&public[2]).unwrap();
    let (padded, standard) = (URL_SAFE.encode(&octets), STANDARD.encode(&octets));
    let named = [&public[0], &public[1], &public[2], &padded, &standard];
    web_push.send(&token(ENDPOINT), &message()).await.unwrap();
    for key in named {
        web_push.send(&token_of(ENDPOINT, key), &message()).await.unwrap();
    }
    let used: Vec<_> =
        script.authorizations().iter().map(|header| verified(header).unwrap().2).collect();
    let expected = [0, 0, 1, 2, 2, 2].map(|key: usize| public[key].clone());
    assert_eq!(used, expected);
}

#[tokio::test]
async fn a_token_that_names_an_unknown_key_is_refused_before_anything_is_sent() {
    let (script, clock) = (Script::created(), clock());
    let stranger = VapidKey::generate().unwrap().public_key_base64();
    let with_keys = web_push(ring(VapidKey::generate().unwrap()), &script, &clock);
    let without = WebPush::builder().transport(script.clone()).build().unwrap();
    for web_push in [with_keys, without] {
        for key in [stranger.as_str(), "no key", " "] {
            let error = web_push.send(&token_of(ENDPOINT, key), &message()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TokenMismatch);
            assert!(!error.is_token_dead() && !error.is_retryable());
            assert!(key == " " || !format!("{error} {error:?}").contains(key));
        }
    }
    assert!(script.requests().is_empty());
}

#[tokio::test]
async fn an_empty_key_is_no_key_and_one_that_is_no_text_is_an_error() {
    let (script, clock) = (Script::created(), clock());
    let key = VapidKey::generate().unwrap();
    let first = key.public_key_base64();
    let web_push = web_push(ring(key).with_key(VapidKey::generate().unwrap()), &script, &clock);
    let token = |key: Value| -> Token {
        let mut subscription = subscription(ENDPOINT);
        subscription["applicationServerKey"] = key;
        subscription.to_string().parse().unwrap()
    };
    for none in [Value::Null, "".into()] {
        web_push.send(&token(none), &message()).await.unwrap();
    }
    for authorization in script.authorizations() {
        assert_eq!(verified(&authorization).unwrap().2, first);
    }
    // What `JSON.stringify` makes of octets, and other mistakes.
    for no_text in [
        serde_json::json!([4, 1, 2]),
        serde_json::json!([]),
        serde_json::json!({ "0": 4, "1": 1 }),
        serde_json::json!({}),
        serde_json::json!(7),
        serde_json::json!(true),
    ] {
        let error = web_push.send(&token(no_text.clone()), &message()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken, "{no_text}");
        assert!(error.to_string().contains("'applicationServerKey' must be text"), "{error}");
    }
    assert_eq!(script.requests().len(), 2);
}

#[tokio::test]
async fn without_keys_there_is_no_authorization() {
    let script = Script::created();
    let web_push = WebPush::builder().transport(script.clone()).build().unwrap();
    web_push.send(&token(ENDPOINT), &message()).await.unwrap();
    assert_eq!(script.authorizations(), [""]);
    script.answer(401, "");
    let error = web_push.send(&token(ENDPOINT), &message()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(script.requests().len(), 2, "there is no header to sign anew");
}
