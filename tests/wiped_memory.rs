//! What is secret is wiped before its memory goes back: an allocator looks into every freed block.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::hint::black_box;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use sealpush::providers::apns::{Address, DeviceToken};
use sealpush::providers::fcm::{Address as FcmAddress, AuthorizedUser};
use sealpush::providers::http::wiped;
use sealpush::providers::onesignal::Address as OneSignalAddress;
use sealpush::providers::{Fcm, OneSignal};
use sealpush::seal::AuthSecret;
use sealpush::transport::Transport;
use sealpush::{Message, PushProviderExt, Result, UserAgentKeys, UserAgentSecret};
use zeroize::Zeroizing;

#[global_allocator]
static ALLOCATOR: freed::Watching = freed::Watching;

const AUTH: [u8; 16] = *b"\x91 auth secret \xfe\x83";
const SCALAR: [u8; 32] = *b"\x21 the scalar of a private key \x7f\x83";

#[test]
fn a_secret_that_nobody_wipes_is_found() {
    let found = freed::blocks_with(&AUTH, || drop(black_box(Box::new((7_u8, AUTH, 9_u8)))));
    assert_eq!(found, 1);
    let found = freed::blocks_with(&AUTH, || {
        let mut grows = AUTH.to_vec();
        grows.reserve_exact(1000);
        drop(black_box(grows));
    });
    assert_eq!(found, 2);
}

#[test]
fn an_authentication_secret_is_wiped() {
    let found = freed::blocks_with(&AUTH, || {
        let secret = Box::new(AuthSecret::new(&AUTH).unwrap());
        assert_eq!(secret.expose(), &AUTH);
        drop(black_box(secret.clone()));
        drop(black_box(secret));
    });
    assert_eq!(found, 0);
}

#[test]
fn a_user_agents_secrets_are_wiped() {
    for secret in [&AUTH[..], &SCALAR] {
        let found = freed::blocks_with(secret, || {
            let secret = Box::new(UserAgentSecret::new(&SCALAR, &AUTH).unwrap());
            assert_eq!(*secret.expose_private_key(), SCALAR);
            drop(black_box(Box::new(secret.expose_private_key())));
            drop(black_box(Box::new(UserAgentSecret::from_json(&secret.to_json()).unwrap())));
            drop(black_box(Box::new(secret.keys().clone())));
            drop(black_box(secret));
        });
        assert_eq!(found, 0);
    }
}

#[test]
fn keys_in_base64_leave_nothing_behind() {
    let secret = UserAgentSecret::new(&SCALAR, &AUTH).unwrap();
    let json = serde_json::to_value(secret.keys()).unwrap();
    let (p256dh, auth) = (json["p256dh"].as_str().unwrap(), json["auth"].as_str().unwrap());
    let found = freed::blocks_with(&AUTH, || {
        drop(black_box(Box::new(UserAgentKeys::from_base64(p256dh, auth).unwrap())));
    });
    assert_eq!(found, 0);
}

#[test]
fn a_payload_is_wiped_when_it_was_sealed_and_when_it_was_opened_by_nobody() {
    let payload = b"\x01 a payload that is long enough \x02";
    let secret = UserAgentSecret::generate().unwrap();
    let found = freed::blocks_with(payload, || {
        // Into the vector that the message keeps: a copy before that is the caller's own.
        let mut octets = Vec::with_capacity(payload.len());
        octets.extend_from_slice(payload);
        let message = Message::new(octets);
        drop(black_box(message.clone().seal(secret.keys(), 4096).unwrap()));
        drop(black_box(message));
    });
    assert_eq!(found, 0);
}

#[test]
fn a_device_token_is_wiped() {
    let digits = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
    let secret = UserAgentSecret::generate().unwrap();
    let found = freed::blocks_with(digits.as_bytes(), || {
        let device_token: DeviceToken = digits.parse().unwrap();
        let token = Address::new(device_token).to_token(secret.keys().clone()).unwrap();
        drop(black_box(Box::new(Address::try_from(&token).unwrap())));
        drop(black_box(token));
    });
    assert_eq!(found, 0);
}

/// Answers as Google's token endpoint, FCM and OneSignal do.
#[derive(Debug)]
struct Vendors;

#[async_trait]
impl Transport for Vendors {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let answer = match request.uri().path() {
            "/token" => format!(r#"{{"access_token":"{ACCESS_TOKEN}","expires_in":3599}}"#),
            "/notifications" => r#"{"id":"5cbb7b4c-0000-4000-8000-00000000000a"}"#.to_owned(),
            _ => {
                let authorization = request.headers()["authorization"].to_str().unwrap();
                assert!(authorization.ends_with(ACCESS_TOKEN));
                r#"{"name":"projects/p/messages/1"}"#.to_owned()
            }
        };
        // What the answer lies in is the transport's own affair.
        Ok(Response::new(wiped(Zeroizing::new(answer))))
    }
}

#[test]
fn the_credentials_of_google_are_wiped() {
    // The file belongs to the caller.
    let file = serde_json::json!({
        "type": "authorized_user", "client_id": "a", "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
    });
    let file = file.to_string();
    for secret in [CLIENT_SECRET, REFRESH_TOKEN, ACCESS_TOKEN] {
        let found = freed::blocks_with(secret.as_bytes(), || {
            let fcm = Fcm::builder()
                .credentials(AuthorizedUser::from_json(&file).unwrap())
                .project_id("example-project".parse().unwrap())
                .transport(Vendors)
                .build()
                .unwrap();
            let keys = UserAgentSecret::generate().unwrap().keys().clone();
            let token = FcmAddress::Token("abc".parse().unwrap()).to_token(keys).unwrap();
            for _ in 0..2 {
                let message = Message::new("hello");
                let sent = fcm.send_encrypted(&token, &message).now_or_never();
                sent.expect("nothing waits").unwrap();
            }
            drop(black_box(fcm));
        });
        assert_eq!(found, 0, "{secret}");
    }
}

#[test]
fn the_key_of_onesignal_is_wiped() {
    let found = freed::blocks_with(API_KEY.as_bytes(), || {
        let onesignal = OneSignal::builder()
            .app_id("1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap())
            .api_key(API_KEY)
            .transport(Vendors)
            .build()
            .unwrap();
        let keys = UserAgentSecret::generate().unwrap().keys().clone();
        let id = "1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap();
        let token = OneSignalAddress::Subscription(id).to_token(keys).unwrap();
        let sent = onesignal.send_encrypted(&token, &Message::new("hello")).now_or_never();
        sent.expect("nothing waits").unwrap();
        drop(black_box(onesignal));
    });
    assert_eq!(found, 0);
}

const ACCESS_TOKEN: &str = "ya29.the-access-token-of-a-test";
const API_KEY: &str = "os_v2_app_the-key-of-a-test";
const CLIENT_SECRET: &str = "GOCSPX-the-secret-of-a-client";
const REFRESH_TOKEN: &str = "1_the-refresh-token-of-a-login";
