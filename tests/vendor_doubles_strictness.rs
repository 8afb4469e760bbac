//! What the doubles of FCM and OneSignal refuse, as the real ones do.

#![cfg(feature = "local")]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::EndpointGuard;
use sealpush::clock::Clock;
use sealpush::local::PushService;
use sealpush::local::vendors::{FcmProject, Platform};
use sealpush::transport::{ReqwestTransport, Transport};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

const PROJECT: &str = "example-project";
const APP: &str = "0a0a0a0a-0000-4000-8000-0123456789ab";
const NOW: u64 = 1_000_000_000;

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

async fn start() -> PushService {
    PushService::builder().clock(std::sync::Arc::new(Standing)).start().await.unwrap()
}

fn transport() -> ReqwestTransport {
    ReqwestTransport::builder().guard(EndpointGuard::loopback_for_tests()).build().unwrap()
}

/// Posts, and answers the status and the JSON, or null for what is none.
async fn post(
    transport: &ReqwestTransport,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> (u16, Value) {
    let (response, json) = post_for_response(transport, url, headers, body).await;
    (response.status().as_u16(), json)
}

async fn post_for_response(
    transport: &ReqwestTransport,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> (Response<Bytes>, Value) {
    let mut request = Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = transport.send(request.body(body.into()).unwrap()).await.unwrap();
    let json = serde_json::from_slice(response.body()).unwrap_or_default();
    (response, json)
}

/// The parts of a service account's key file.
struct Account {
    transport: ReqwestTransport,
    file: Value,
    key: KeyPair,
}

impl Account {
    fn of(project: &FcmProject) -> Self {
        let file: Value = serde_json::from_str(&project.service_account_json().unwrap()).unwrap();
        let pem = file["private_key"].as_str().unwrap();
        let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap();
        Self { transport: transport(), key: KeyPair::from_pkcs8(&der).unwrap(), file }
    }

    fn token_uri(&self) -> &str {
        self.file["token_uri"].as_str().unwrap()
    }

    fn header(&self) -> Value {
        json!({"alg": "RS256", "typ": "JWT", "kid": self.file["private_key_id"]})
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.file["client_email"],
            "aud": self.file["token_uri"],
            "scope": "https://www.googleapis.com/auth/firebase.messaging",
            "iat": NOW,
            "exp": NOW + 3600,
        })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    async fn ask(&self, grant_type: &str, assertion: &str) -> (u16, Value) {
        let form = Serializer::new(String::new())
            .append_pair("grant_type", grant_type)
            .append_pair("assertion", assertion)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        post(&self.transport, self.token_uri(), &headers, form).await
    }

    async fn bearer(&self) -> String {
        let (status, answer) =
            self.ask(JWT_BEARER, &self.sign(&self.header(), &self.claims())).await;
        assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")));
        assert_eq!(answer["expires_in"], 3599);
        format!("Bearer {}", answer["access_token"].as_str().unwrap())
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

#[tokio::test]
async fn the_token_endpoint_checks_the_assertion() {
    let service = start().await;
    let account = Account::of(&service.fcm(PROJECT));
    let stranger = Account::of(&service.fcm("other-project"));
    let with = |name: &str, value: Value| {
        let mut claims = account.claims();
        claims[name] = value;
        account.sign(&account.header(), &claims)
    };
    let good = account.sign(&account.header(), &account.claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    for (assertion, error) in [
        (String::new(), "invalid_grant"),
        ("a.b.c".to_owned(), "invalid_grant"),
        (format!("{signed}."), "invalid_grant"),
        (format!("{signed}.{}", URL_SAFE_NO_PAD.encode([7; 256])), "invalid_grant"),
        (stranger.sign(&account.header(), &account.claims()), "invalid_grant"),
        (stranger.sign(&stranger.header(), &account.claims()), "invalid_grant"),
        (account.sign(&json!({"alg": "none"}), &account.claims()), "invalid_grant"),
        (account.sign(&json!({"alg": "HS256"}), &account.claims()), "invalid_grant"),
        (account.sign(&json!({"alg": "RS256", "kid": "x"}), &account.claims()), "invalid_grant"),
        (with("iss", "someone@example.net".into()), "invalid_grant"),
        (with("aud", "https://oauth2.googleapis.com/token".into()), "invalid_grant"),
        (with("iat", (NOW + 301).into()), "invalid_grant"),
        (with("exp", (NOW - 300).into()), "invalid_grant"),
        (with("exp", (NOW + 3601).into()), "invalid_grant"),
        (with("exp", Value::Null), "invalid_grant"),
        (with("scope", "https://www.googleapis.com/auth/drive".into()), "invalid_scope"),
    ] {
        let (status, answer) = account.ask(JWT_BEARER, &assertion).await;
        assert_eq!((status, &answer["error"]), (400, &json!(error)), "{assertion}");
    }
    let (status, answer) = account.ask("password", &good).await;
    assert_eq!((status, &answer["error"]), (400, &json!("unsupported_grant_type")));
    let (status, _) =
        post(&account.transport, account.token_uri(), &[("content-type", "text/plain")], "x").await;
    assert_eq!(status, 400);
    account.bearer().await;
}

#[tokio::test]
async fn fcm_checks_the_access_token_first() {
    let transport = transport();
    let service = start().await;
    let (project, other) = (service.fcm(PROJECT), service.fcm("other-project"));
    let url = format!("{}/v1/projects/{PROJECT}/messages:send", project.base_url());
    let bearer = Account::of(&project).bearer().await;
    let theirs = Account::of(&other).bearer().await;
    for (authorization, expected) in [
        ("", 401),
        ("Bearer", 401),
        ("Bearer x", 401),
        (&bearer.replace("Bearer", "Key"), 401),
        (&theirs, 403),
        (&bearer, 400),
    ] {
        let headers = [("authorization", authorization), ("content-type", "application/json")];
        let (status, answer) = post(&transport, &url, &headers, "{}").await;
        assert_eq!(status, expected, "{authorization}");
        assert_eq!(answer["error"]["code"], expected);
    }
}

#[tokio::test]
async fn fcm_checks_the_message() {
    let transport = transport();
    let service = start().await;
    let project = service.fcm(PROJECT);
    let url = format!("{}/v1/projects/{PROJECT}/messages:send", project.base_url());
    let bearer = Account::of(&project).bearer().await;
    let mut device = project.register(Platform::Android).unwrap();
    let token = device.token().expose("token").unwrap().to_owned();
    let send = async |body: Value| {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        post(&transport, &url, &headers, body.to_string()).await
    };
    let with = |name: &str, value: Value| json!({"message": {"token": token, "data": {"marker": "x"}, name: value}});
    for bad in [
        json!([]),
        json!({}),
        json!({"message": 7}),
        json!({"message": {}, "surprise": 1}),
        json!({"message": {"token": token}, "validate_only": "yes"}),
        json!({"message": {"data": {}}}),
        json!({"message": {"token": 7}}),
        json!({"message": {"token": token, "fid": "x"}}),
        json!({"message": {"token": token, "topic": "x"}}),
        json!({"message": {"topic": "news"}}),
        json!({"message": {"token": "no-token"}}),
        with("surprise", json!({})),
        with("data", json!({"n": 12})),
        with("data", json!({"from": "x"})),
        with("data", json!({"gcm": "x"})),
        with("data", json!({"google.x": "x"})),
        with("data", json!({"gcm.notification.x": "x"})),
        with("data", json!({"message_type": "x"})),
        with("data", json!({"e2ee": "x".repeat(4093)})),
        with("android", json!([])),
        with("android", json!({"surprise": 1})),
        with("android", json!({"priority": "very-high"})),
        with("android", json!({"priority": 10})),
        with("android", json!({"ttl": 60})),
        with("android", json!({"ttl": "60"})),
        with("android", json!({"ttl": "-1s"})),
        with("android", json!({"ttl": "1.s"})),
        with("android", json!({"ttl": "2419201s"})),
        with("android", json!({"collapse_key": 7})),
        with("apns", json!({"payload": {}})),
        with("apns", json!({"payload": {"aps": 1}})),
        with("apns", json!({"headers": {"apns-priority": 10}})),
        with("apns", json!({"headers": {"apns-priority": "7"}})),
        with("apns", json!({"headers": {"apns-push-type": "surprise"}})),
        with("apns", json!({"headers": {"apns-push-type": "background", "apns-priority": "10"}})),
        with("apns", json!({"headers": {"apns-push-type": "background", "apns-priority": "5"}})),
        with("apns", json!({"headers": {"apns-expiration": "soon"}})),
        with("apns", json!({"headers": {"apns-collapse-id": "x".repeat(65)}})),
        with("webpush", json!({"headers": {"Urgency": "urgent"}})),
        with("webpush", json!({"headers": {"TTL": "-1"}})),
        with("webpush", json!({"headers": {"Topic": "a b"}})),
        with("webpush", json!({"fcm_options": {"link": "http://example.net/"}})),
    ] {
        let (status, answer) = send(bad.clone()).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{bad}"
        );
    }
    let unknown = token.replace("APA91b", "APA91bx");
    let (status, answer) = send(json!({"message": {"token": unknown}})).await;
    assert_eq!(status, 404);
    assert_eq!(answer["error"]["details"][0]["errorCode"], "UNREGISTERED");

    // Nothing of it was kept, and both spellings are taken.
    let good = json!({"validateOnly": false, "message": {
        "token": token,
        "data": {"e2ee": ""},
        "android": {"collapseKey": "x", "ttl": "3.5s", "priority": "high", "directBootOk": true},
    }});
    let (status, answer) = send(good).await;
    assert_eq!(status, 200, "{answer}");
    let delivery = device.next().await.unwrap();
    assert!(!delivery.data.contains_key("marker") && delivery.payload.is_none());
}

#[tokio::test]
async fn onesignal_checks_the_message() {
    let transport = transport();
    let service = start().await;
    let app = service.onesignal(APP).unwrap();
    let mut device = app.register(Some("user-7")).unwrap();
    let id = device.token().expose("subscription_id").unwrap().to_owned();
    let url = format!("{}/notifications", app.base_url());
    let key = format!("Key {}", app.api_key());
    let send = async |body: Value| {
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        post_for_response(&transport, &url, &headers, body.to_string()).await
    };
    let good = |extra: Value| {
        let mut request = json!({
            "app_id": APP,
            "contents": {"en": "New message"},
            "data": {"marker": "x"},
            "include_subscription_ids": [id],
        });
        for (name, value) in extra.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    };
    for bad in [
        json!([]),
        json!({"app_id": "x"}),
        good(json!({"contents": null})),
        good(json!({"contents": {"de": "Neu"}})),
        good(json!({"contents": {"en": ""}})),
        good(json!({"data": "x"})),
        good(json!({"data": {"e2ee": "x".repeat(2038)}})),
        good(json!({"ttl": "60"})),
        good(json!({"ttl": -1})),
        good(json!({"ttl": 2_419_201})),
        good(json!({"priority": 7})),
        good(json!({"priority": "10"})),
        good(json!({"collapse_id": "x".repeat(65)})),
        good(json!({"collapse_id": 7})),
        good(json!({"idempotency_key": "x"})),
        good(json!({"include_subscription_ids": []})),
        good(json!({"include_subscription_ids": "x"})),
        good(json!({"include_subscription_ids": ["x"]})),
        good(json!({"include_aliases": {"external_id": ["user-7"]}})),
        good(json!({"included_segments": ["All"]})),
        json!({"app_id": APP, "contents": {"en": "x"}}),
        json!({"app_id": APP, "contents": {"en": "x"}, "included_segments": ["All"]}),
        json!({"app_id": APP, "contents": {"en": "x"}, "include_aliases": {"external_id": ["a"]}}),
    ] {
        let (response, answer) = send(bad.clone()).await;
        assert_eq!(response.status(), 400, "{bad}");
        assert!(answer["errors"][0].is_string(), "{bad}");
    }
    for authorization in ["", "Key x", &key.replace("Key", "Basic")] {
        let headers = [("authorization", authorization), ("content-type", "application/json")];
        let (status, _) = post(&transport, &url, &headers, good(json!({})).to_string()).await;
        assert_eq!(status, 403, "{authorization}");
    }

    let request = good(json!({
        "data": {"e2ee": ""},
        "idempotency_key": "2f2f2f2f-0000-4000-8000-00000000000b",
    }));
    let (first, answer) = send(request.clone()).await;
    assert_eq!(first.status(), 200, "{answer}");
    assert!(first.headers().get("idempotent-replayed").is_none());
    let (again, repeated) = send(request.clone()).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(answer["id"], repeated["id"]);
    let (conflict, _) = send(good(json!({
        "ttl": 5,
        "idempotency_key": "2f2f2f2f-0000-4000-8000-00000000000b",
    })))
    .await;
    assert_eq!(conflict.status(), 409);
    assert!(!device.next().await.unwrap().data.contains_key("marker"));

    device.unsubscribe();
    let (nobody, answer) = send(good(json!({}))).await;
    assert_eq!(nobody.status(), 200);
    assert_eq!(answer, json!({"id": "", "errors": ["All included players are not subscribed"]}));
    let other = app.register(None).unwrap();
    let other = other.token().expose("subscription_id").unwrap().to_owned();
    let (some, answer) = send(good(json!({"include_subscription_ids": [id, other]}))).await;
    assert_eq!(some.status(), 200);
    assert_eq!(answer["errors"], json!({"invalid_player_ids": [id]}));
    assert!(!answer["id"].as_str().unwrap().is_empty());
}
