//! The double of Apple's service: from the key to what an app opens, and what it refuses.

use sealpush::local::{Acknowledgement, ApnsApp, Fault, Faults};
use sealpush::providers::Apns;
use sealpush::providers::apns::{Address, ApnsOptions, AuthKey, PushType};
use sealpush::providers::jws::{self, SigningKey};
use sealpush::{Error, ErrorKind, Message, PushProviderExt, Token};

use super::*;

const BUNDLE_ID: &str = "com.example.door";

fn auth_key(app: &ApnsApp) -> AuthKey {
    AuthKey::from_pem(&app.private_key_pem(), &app.key_id(), &app.team_id()).unwrap()
}

fn provider(app: &ApnsApp, key: AuthKey, options: ApnsOptions) -> Apns {
    Apns::builder()
        .auth_key(key)
        .bundle_id(app.bundle_id())
        .options(options)
        .base_url(app.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .clock(SetClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)))
        .build()
        .unwrap()
}

fn apns(app: &ApnsApp) -> Apns {
    provider(app, auth_key(app), ApnsOptions::new())
}

async fn refused(apns: &Apns, token: &Token) -> Error {
    apns.send_encrypted(token, &Message::new("hi")).await.unwrap_err()
}

#[tokio::test]
async fn a_message_goes_from_the_key_to_the_app() {
    let service = start().await;
    let app = service.apns(BUNDLE_ID).unwrap();
    let background = ApnsOptions::new().with_push_type(PushType::Background);
    for (options, voip, shown) in [
        (ApnsOptions::new(), false, Some("New message")),
        (ApnsOptions::new(), true, None),
        (background, false, None),
    ] {
        let apns = provider(&app, auth_key(&app), options);
        let device = if voip { app.register_voip() } else { app.register() };
        let mut device = device.unwrap();
        let accepted = apns.send_encrypted(&device.token(), &Message::new("hello")).await.unwrap();
        let delivery = device.next().await.unwrap();
        assert_eq!(delivery.payload.as_deref(), Some(&b"hello"[..]));
        assert_eq!(delivery.shown.as_deref(), shown);
        let id = accepted.message_id.unwrap();
        assert_eq!(service.acknowledgement(&id).await, Acknowledgement::Delivered);
    }
}

#[tokio::test]
async fn wrong_keys_dead_tokens_and_rates_come_out_as_their_kinds() {
    let service = start().await;
    let app = service.apns(BUNDLE_ID).unwrap();
    let device = app.register().unwrap();
    let other = service.apns("com.example.bell").unwrap();

    let foreign = provider(&app, auth_key(&other), ApnsOptions::new());
    assert_eq!(refused(&foreign, &device.token()).await.kind(), ErrorKind::Unauthorized);
    let error = refused(&apns(&other), &device.token()).await;
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);

    let apns = apns(&app);
    service.set_faults(Faults::script([Fault::status(429), Fault::status(503)]));
    assert_eq!(refused(&apns, &device.token()).await.kind(), ErrorKind::RateLimited);
    assert_eq!(refused(&apns, &device.token()).await.kind(), ErrorKind::Unavailable);

    device.unregister();
    assert!(refused(&apns, &device.token()).await.is_token_dead());
    // The same device token, registered again at a later time that Apple does not know of yet.
    let address = Address::try_from(&device.token()).unwrap();
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 1);
    let again = address.with_registered_at(later).to_token(device.token().keys().clone()).unwrap();
    let error = refused(&apns, &again).await;
    assert!(!error.is_token_dead() && error.is_token_doubtful(), "{error}");
    let unknown = Address::new("0a1b".parse().unwrap());
    let unknown = unknown.to_token(device.token().keys().clone()).unwrap();
    let error = refused(&apns, &unknown).await;
    assert!(!error.is_token_dead() && error.is_token_doubtful(), "{error}");

    app.revoke_key();
    let error = refused(&apns, &device.token()).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(403)));
}

/// A request that is taken, but for what a case changes.
struct Sender {
    transport: ReqwestTransport,
    app: ApnsApp,
    url: String,
    authorization: String,
}

impl Sender {
    fn new(app: ApnsApp, token: &Token) -> Self {
        let guard = EndpointGuard::loopback_for_tests();
        let transport = ReqwestTransport::builder().guard(guard).http2_prior_knowledge();
        let url = format!("{}/3/device/{}", app.base_url(), token.expose("device_token").unwrap());
        let authorization = authorization(&app, NOW);
        Self { transport: transport.build().unwrap(), app, url, authorization }
    }

    async fn post(&self, changed: &[(&str, &str)], body: &str) -> (u16, Value) {
        let mut headers = vec![
            ("apns-push-type", "alert"),
            ("apns-topic", BUNDLE_ID),
            ("authorization", self.authorization.as_str()),
        ];
        for (name, value) in changed {
            headers.retain(|(known, _)| known != name);
            if !value.is_empty() {
                headers.push((name, value));
            }
        }
        let (status, answer) = post(&self.transport, &self.url, &headers, body.to_owned()).await;
        (status, answer["reason"].clone())
    }
}

fn authorization(app: &ApnsApp, issued_at: u64) -> String {
    let key = SigningKey::from_pem(&app.private_key_pem()).unwrap();
    let header = json!({ "alg": "ES256", "kid": app.key_id() });
    let claims = json!({ "iss": app.team_id(), "iat": issued_at });
    let token = jws::compact(&header, &claims, |octets| key.sign(octets)).unwrap();
    format!("bearer {}", *token)
}

const PAYLOAD: &str = r#"{"aps":{"alert":"x","mutable-content":1}}"#;

#[tokio::test]
async fn every_field_is_what_apple_documents() {
    let service = start().await;
    let app = service.apns(BUNDLE_ID).unwrap();
    service.apns("com.example.bell").unwrap();
    let device = app.register().unwrap();
    let sender = Sender::new(app, &device.token());
    let (old, ahead) =
        (authorization(&sender.app, NOW - 3601), authorization(&sender.app, NOW + 301));
    let long = "x".repeat(65);
    for (changed, status, reason) in [
        (&[][..], 200, ""),
        (&[("apns-priority", "1")], 200, ""),
        (&[("apns-priority", "7")], 400, "BadPriority"),
        (&[("apns-push-type", "background")], 400, "BadPriority"),
        (&[("apns-push-type", "background"), ("apns-priority", "10")], 400, "BadPriority"),
        (&[("apns-push-type", "background"), ("apns-priority", "5")], 200, ""),
        (&[("apns-push-type", "shout")], 400, "InvalidPushType"),
        (&[("apns-push-type", "")], 400, "InvalidPushType"),
        (&[("apns-push-type", "voip")], 400, "BadTopic"),
        (
            &[("apns-push-type", "voip"), ("apns-topic", "com.example.door.voip")],
            400,
            "DeviceTokenNotForTopic",
        ),
        (&[("apns-topic", "")], 400, "MissingTopic"),
        (&[("apns-topic", "com.example.other")], 400, "TopicDisallowed"),
        (&[("apns-topic", "com.example.bell")], 403, "InvalidProviderToken"),
        (&[("apns-expiration", "soon")], 400, "BadExpirationDate"),
        (&[("apns-expiration", "0")], 200, ""),
        (&[("apns-collapse-id", &long)], 400, "BadCollapseId"),
        (&[("apns-id", "1")], 400, "BadMessageId"),
        (&[("authorization", "")], 403, "MissingProviderToken"),
        (&[("authorization", "Basic x")], 403, "MissingProviderToken"),
        (&[("authorization", "bearer x.y.z")], 403, "InvalidProviderToken"),
        (&[("authorization", &old)], 403, "ExpiredProviderToken"),
        (&[("authorization", &ahead)], 403, "InvalidProviderToken"),
    ] {
        let seen = sender.post(changed, PAYLOAD).await;
        let expected = if status == 200 { Value::Null } else { reason.into() };
        assert_eq!(seen, (status, expected), "{changed:?}");
    }
}

#[tokio::test]
async fn every_payload_is_what_apple_documents() {
    let service = start().await;
    let app = service.apns(BUNDLE_ID).unwrap();
    let device = app.register().unwrap();
    let sender = Sender::new(app, &device.token());
    let of = |len: usize| format!(r#"{{"aps":{{}},"x":"{}"}}"#, "x".repeat(len - 17));
    for (payload, status, reason) in [
        (of(4096), 200, ""),
        (of(4097), 413, "PayloadTooLarge"),
        (String::new(), 400, "PayloadEmpty"),
        ("{}".to_owned(), 400, "PayloadEmpty"),
        ("[]".to_owned(), 400, "PayloadEmpty"),
    ] {
        let seen = sender.post(&[], &payload).await;
        let expected = if status == 200 { Value::Null } else { reason.into() };
        assert_eq!(seen, (status, expected), "{}", payload.len());
    }
    let missing = format!("{}/3/apps/x", sender.app.base_url());
    let (status, answer) = post(&sender.transport, &missing, &[], "").await;
    assert_eq!((status, &answer["reason"]), (404, &json!("BadPath")));
    let (status, _) = post(&transport(), &sender.url, &[], "").await;
    assert_eq!(status, 505, "over HTTP/1.1");
}

#[tokio::test]
async fn a_new_token_for_every_message_is_too_many() {
    let service = start().await;
    let app = service.apns(BUNDLE_ID).unwrap();
    let device = app.register().unwrap();
    let sender = Sender::new(app, &device.token());
    let mut statuses = Vec::new();
    for _ in 0..11 {
        // ES256 draws a number for each signature, so every one is another token.
        let fresh = authorization(&sender.app, NOW);
        statuses.push(sender.post(&[("authorization", &fresh)], PAYLOAD).await.0);
    }
    assert_eq!(statuses.pop(), Some(429));
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

#[tokio::test]
async fn code_runs_only_where_the_push_says_so() {
    let service = start().await;
    let app = service.apns(BUNDLE_ID).unwrap();
    let mut device = app.register().unwrap();
    let sender = Sender::new(app, &device.token());
    for (aps, runs) in [
        (r#"{"alert":"x","mutable-content":1}"#, true),
        (r#"{"alert":{"body":"x"},"mutable-content":1}"#, true),
        (r#"{"alert":"","mutable-content":1}"#, false),
        (r#"{"alert":"x"}"#, false),
        (r#"{"mutable-content":1}"#, false),
    ] {
        let payload = format!(r#"{{"aps":{aps},"e2ee":"x"}}"#);
        assert_eq!(sender.post(&[], &payload).await.0, 200);
        assert_eq!(device.next_data().await.unwrap().contains_key("e2ee"), runs, "{aps}");
    }
}
