//! Other people's libraries against the doubles, without a patch: what they send is taken, and what
//! arrives is opened. They are installed into `target/` by the first run, which takes a minute.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod programs;

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::local::{Acknowledgement, FcmDevice, Platform, PushService, UserAgent};
use sealpush::providers::apns::AuthKey;
use sealpush::providers::pubsub::ServiceAccount;
use sealpush::providers::{Apns, PubSub};
use sealpush::providers::{Klaviyo, Sailthru};
use sealpush::{
    EndpointGuard, Message, MessageId, Padding, PushProviderExt, UserAgentKeys, UserAgentSecret,
    seal,
};
use serde_json::{Value, json};

use self::programs::Language;

const PROJECT: &str = "example-project";
const APP: &str = "0a0a0a0a-0000-4000-8000-0123456789ab";

/// A text sealed for these keys, as it travels in a field of data.
fn sealed(keys: &UserAgentKeys, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(seal(keys, text.as_bytes(), Padding::None).unwrap().as_ref())
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn registration_token(device: &FcmDevice) -> String {
    device.token().expose("token").unwrap().to_owned()
}

async fn assert_opened(device: &mut FcmDevice, text: &str, times: usize) {
    for _ in 0..times {
        let delivery = device.next().await.unwrap();
        assert_eq!(delivery.payload.as_deref(), Some(text.as_bytes()));
    }
}

/// A project with a device that listens to a topic, and what a program needs to send to it.
async fn with_fcm() -> (PushService, FcmDevice, Value) {
    let service = PushService::start().await.unwrap();
    let (project, other) = (service.fcm(PROJECT), service.fcm("other-project"));
    let device = project.register(Platform::Android).unwrap();
    device.subscribe_to_topic("news").unwrap();
    let gone = project.register(Platform::Android).unwrap();
    gone.unregister();
    let given = json!({
        "base_url": project.base_url(),
        "service_account": json_of(&project.service_account_json().unwrap()),
        "token": registration_token(&device),
        "unknown": registration_token(&gone),
        "foreign": registration_token(&other.register(Platform::Android).unwrap()),
        "keys": device.secret().keys(),
        "e2ee": sealed(device.secret().keys(), "sealed by us"),
    });
    (service, device, given)
}

/// firebase-admin 7.7 for Python. Its URL is a constant of a class, which the program sets.
#[tokio::test]
async fn firebase_admin_for_python_sends_and_understands_refusals() {
    let (_service, mut device, given) = with_fcm().await;
    let run = Language::Python.run("firebase_admin_python.py", &given).await;
    let Some(answer) = run else { return };
    for name in ["sent", "to_topic", "to_condition"] {
        let name = answer[name].as_str().unwrap();
        assert!(name.starts_with("projects/example-project/messages/"), "{name}");
    }
    assert!(answer["dry_run"].as_str().unwrap().ends_with("/fake_message_id"));
    assert_eq!(answer["many"], json!([true, false]), "{answer}");
    assert_eq!(answer["unknown"], "UnregisteredError");
    assert_eq!(answer["foreign"], "SenderIdMismatchError");
    assert_eq!(answer["malformed"], "InvalidArgumentError");
    // The one of `send_each`, and three more under one collapse key while it is connected.
    assert_opened(&mut device, "sealed by us", 1).await;
}

/// firebase-admin 13.10 for Node (14 needs Node 22), sealed by http_ece. Over HTTP/1.1: its HTTP/2
/// writes the scheme with a colon, against RFC 9113 §8.3.1, and hyper resets such a stream.
#[tokio::test]
async fn firebase_admin_for_node_sends_what_http_ece_sealed() {
    let (_service, mut device, given) = with_fcm().await;
    let run = Language::Node.run("firebase_admin_node.mjs", &given).await;
    let Some(answer) = run else { return };
    for name in ["sent", "to_topic"] {
        let name = answer[name].as_str().unwrap();
        assert!(name.starts_with("projects/example-project/messages/"), "{name}");
    }
    assert!(answer["dry_run"].as_str().unwrap().ends_with("/fake_message_id"));
    assert_eq!(answer["many"], json!([true, false]), "{answer}");
    assert_eq!(answer["unknown"], "messaging/registration-token-not-registered");
    assert_eq!(answer["foreign"], "messaging/mismatched-credential");
    assert_eq!(answer["malformed"], "messaging/invalid-argument");
    assert_opened(&mut device, "sealed by http_ece", 1).await;
}

/// google-auth 2.63, whose assertions name a constant as their audience.
#[tokio::test]
async fn google_auth_gets_access_tokens_for_accounts_and_people() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let given = json!({
        "account": json_of(&project.service_account_json().unwrap()),
        "user": json_of(&project.authorized_user_json().unwrap()),
    });
    let run = Language::Python.run("google_auth_python.py", &given).await;
    let Some(answer) = run else { return };
    assert_eq!(answer["account"], "valid");
    assert_eq!(answer["user"], "valid");
    assert_eq!(answer["strange_account"], "invalid_grant");
    assert_eq!(answer["strange_user"], "invalid_grant");
    assert_eq!(project.access_tokens(), 2);
}

/// google-api-python-client 2.202, from the discovery document that it ships (revision 20261027).
#[tokio::test]
async fn googles_client_publishes_to_the_double_of_pubsub() {
    let service = PushService::start().await.unwrap();
    let project = service.pubsub(PROJECT);
    let mut relay = project.subscribe("doors").unwrap();
    let given = json!({
        "base_url": project.base_url(),
        "project": PROJECT,
        "service_account": json_of(&project.service_account_json().unwrap()),
        "e2ee": sealed(relay.secret().keys(), "sealed by us"),
    });
    let run = Language::Python.run("google_api_python.py", &given).await;
    let Some(answer) = run else { return };
    assert_eq!(answer["sent"]["messageIds"].as_array().map(Vec::len), Some(2), "{answer}");
    assert_eq!(answer["gone"], json!([404, "Resource not found (resource=nowhere)."]), "{answer}");
    assert_eq!(answer["empty"][0], 400, "{answer}");
    // What the double knows is what Google describes.
    assert_eq!(answer["request"], json!(["messages"]));
    assert_eq!(answer["answer"], json!(["messageIds"]));
    let members = ["attributes", "data", "messageId", "orderingKey", "publishTime"];
    assert_eq!(answer["message"], json!(members));
    for _ in 0..2 {
        let delivery = relay.next().await.unwrap();
        assert_eq!(delivery.payload.as_deref(), Some(&b"sealed by us"[..]));
    }
}

/// http-ece 1.2 opens what Apple's and Google's doubles got from our providers.
#[tokio::test]
async fn http_ece_opens_what_went_through_apple_and_pubsub() {
    let service = PushService::start().await.unwrap();
    let guard = EndpointGuard::loopback_for_tests;
    let app = service.apns("com.example.door").unwrap();
    let mut phone = app.register().unwrap();
    let key = AuthKey::from_pem(&app.private_key_pem(), &app.key_id(), &app.team_id()).unwrap();
    let apns = Apns::builder().auth_key(key).bundle_id(app.bundle_id()).guard(guard());
    let apns = apns.base_url(app.base_url()).build().unwrap();
    let project = service.pubsub(PROJECT);
    let mut relay = project.subscribe("doors").unwrap();
    let account = ServiceAccount::from_json(&project.service_account_json().unwrap()).unwrap();
    let pubsub = PubSub::builder().credentials(account).guard(guard());
    let pubsub = pubsub.base_url(project.base_url()).build().unwrap();

    let message = Message::new("Grüße, 世界");
    apns.send_encrypted(&phone.token(), &message).await.unwrap();
    pubsub.send_encrypted(&relay.token(), &message).await.unwrap();
    let (at_phone, at_relay) = (phone.next_data().await.unwrap(), relay.next_data().await.unwrap());
    let given = [arrived(phone.secret(), at_phone), arrived(relay.secret(), at_relay)];
    let run = Language::Python.run("http_ece_python.py", &json!(given)).await;
    let Some(answer) = run else { return };
    assert_eq!(answer, json!(["Grüße, 世界", "Grüße, 世界"]));
}

/// What http-ece needs to open a message.
fn arrived(secret: &UserAgentSecret, data: BTreeMap<String, String>) -> Value {
    json!({
        "private_key": URL_SAFE_NO_PAD.encode(secret.expose_private_key().as_slice()),
        "auth": json!(secret.keys())["auth"],
        "body": data["e2ee"],
    })
}

#[tokio::test]
async fn onesignals_library_for_python_sends_looks_and_cancels() {
    onesignal(Language::Python, "onesignal_python.py").await;
}

#[tokio::test]
async fn onesignals_library_for_node_sends_looks_and_cancels() {
    onesignal(Language::Node, "onesignal_node.mjs").await;
}

async fn onesignal(language: Language, program: &str) {
    let service = PushService::start().await.unwrap();
    let app = service.onesignal(APP).unwrap();
    let mut device = app.register(Some("user-7")).unwrap();
    let given = json!({
        "base_url": app.base_url(),
        "app_id": app.app_id(),
        "api_key": app.api_key(),
        "subscription_id": device.token().expose("subscription_id").unwrap(),
        "e2ee": sealed(device.secret().keys(), "sealed by us"),
    });
    let Some(answer) = language.run(program, &given).await else { return };
    assert_eq!(answer["view"], answer["sent"]);
    assert_eq!((&answer["cancelled"], &answer["refused"]), (&json!(true), &json!(400)), "{answer}");
    let delivery = device.next().await.unwrap();
    assert_eq!(delivery.payload.as_deref(), Some(&b"sealed by us"[..]));
    assert_eq!(delivery.shown.as_deref(), Some("New message"));
}

/// klaviyo-api 25.0.0, a client of the double by its `test_host`.
#[tokio::test]
async fn klaviyos_library_registers_a_device_and_raises_events() {
    let service = PushService::start().await.unwrap();
    let account = service.klaviyo("doors").unwrap();
    account.add_flow("Sealed message");
    let mut device = account.install("user-7").unwrap();
    let given = json!({
        "base_url": account.base_url(),
        "api_key": account.api_key(),
        "metric": "Sealed message",
        "external_id": "user-7",
        "push_token": device.push_token(),
        "e2ee": sealed(device.secret().keys(), "sealed by us"),
    });
    let run = Language::Python.run("klaviyo_python.py", &given).await;
    let Some(answer) = run else { return };
    let expected = json!({
        "registered": "taken",
        "raised": "taken",
        "again": "taken",
        "bare": "taken",
        "empty": 400,
        "stranger": 401,
    });
    assert_eq!(answer, expected);
    // The event that was raised twice came once.
    assert_eq!(device.next().await.unwrap().payload.as_deref(), Some(&b"sealed by us"[..]));
    assert_eq!(device.next().await.unwrap().data.len(), 0);
}

#[tokio::test]
async fn sailthru_is_sent_to_by_other_people_s_http_and_sealing() {
    let service = PushService::start().await.unwrap();
    let app = service.sailthru("doors").unwrap();
    let mut device = app.register(None).unwrap();
    let given = json!({
        "base_url": app.base_url(),
        "api_key": app.api_key(),
        "device_id": device.token().expose("device_id").unwrap(),
        "keys": device.secret().keys(),
    });
    let run = Language::Python.run("sailthru_python.py", &given).await;
    let Some(answer) = run else { return };
    assert_eq!(answer["sent"]["body"]["results"]["success"], 1, "{answer}");
    assert_eq!(answer["stranger"], json!({"status": 401, "body": {"error": "unauthorized"}}));
    let delivery = device.next().await.unwrap();
    assert_eq!(delivery.payload.as_deref(), Some(&b"sealed by http_ece"[..]));
}

/// What our providers send to the doubles of Klaviyo and Sailthru.
#[tokio::test]
async fn http_ece_opens_what_the_devices_got() {
    let service = PushService::start().await.unwrap();
    let account = service.klaviyo("doors").unwrap();
    account.add_flow("Sealed message");
    let klaviyo = Klaviyo::builder()
        .api_key(account.api_key())
        .metric("Sealed message".parse().unwrap())
        .base_url(account.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .build()
        .unwrap();
    let app = service.sailthru("doors").unwrap();
    let sailthru = Sailthru::builder()
        .api_key(app.api_key())
        .base_url(app.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .build()
        .unwrap();
    let (mut on_klaviyo, mut on_sailthru) =
        (account.register("user-7").unwrap(), app.register(None).unwrap());
    let message = |text: &str| Message::new(text);
    klaviyo.send_encrypted(&on_klaviyo.token(), &message("by Klaviyo")).await.unwrap();
    sailthru.send_encrypted(&on_sailthru.token(), &message("by Sailthru")).await.unwrap();
    let got = |secret: &UserAgentSecret, e2ee: &String| {
        json!({
            "private_key": URL_SAFE_NO_PAD.encode(*secret.expose_private_key()),
            "auth": URL_SAFE_NO_PAD.encode(secret.keys().auth_secret().expose()),
            "e2ee": e2ee,
        })
    };
    let data = on_klaviyo.next_data().await.unwrap();
    let first = got(on_klaviyo.secret(), &data["e2ee"]);
    let data = on_sailthru.next_data().await.unwrap();
    let given = json!([first, got(on_sailthru.secret(), &data["e2ee"])]);
    let Some(answer) = Language::Python.run("open_python.py", &given).await else { return };
    assert_eq!(answer, json!(["by Klaviyo", "by Sailthru"]));
}

/// A user agent with a subscription for one key pair, and what a program needs to push to it.
async fn with_web_push() -> (PushService, UserAgent, Value) {
    let service = PushService::start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let key = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let private = |key: &EcdsaKeyPair| {
        let octets: EcPrivateKeyBin<'_> = key.private_key().as_be_bytes().unwrap();
        URL_SAFE_NO_PAD.encode(octets.as_ref())
    };
    let own = key();
    let public = URL_SAFE_NO_PAD.encode(own.public_key());
    let token = user_agent.subscribe(Some(&public)).await.unwrap().token();
    let given = json!({
        "subscription": { "endpoint": token.expose("endpoint").unwrap(), "keys": token.keys() },
        "vapid": { "publicKey": public, "privateKey": private(&own) },
        "stranger": private(&key()),
        "payload": "Grüße, 世界",
    });
    (service, user_agent, given)
}

/// npm web-push 3.6.7. Its `sendNotification` speaks TLS to every host, so its request is made by
/// `generateRequestDetails` and posted by the program.
#[tokio::test]
async fn npm_web_push_is_opened() {
    let (service, mut user_agent, given) = with_web_push().await;
    let run = Language::Node.run("web_push_node.mjs", &given).await;
    let Some(answer) = run else { return };
    assert_eq!(answer["sent"]["status"], 201, "{answer}");
    assert_eq!(answer["bare"]["status"], 201, "{answer}");
    assert_eq!(answer["stranger"]["status"], 403, "{answer}");
    let mut payloads = Vec::new();
    for _ in 0..2 {
        payloads.push(user_agent.next().await.unwrap().payload);
    }
    assert_eq!(payloads, [Some("Grüße, 世界".as_bytes().to_vec()), None]);
    let bare = MessageId::from(answer["bare"]["location"].as_str().unwrap());
    user_agent.disconnect().await;
    assert_eq!(service.acknowledgement(&bare).await, Acknowledgement::Delivered);
}

/// pywebpush 2.5, which seals with http-ece for Python.
#[tokio::test]
async fn pywebpush_is_opened() {
    let (_service, mut user_agent, given) = with_web_push().await;
    let run = Language::Python.run("pywebpush_python.py", &given).await;
    let Some(answer) = run else { return };
    assert!(answer["sent"].as_str().unwrap().contains("/m/"), "{answer}");
    assert!(answer["urgent"].as_str().unwrap().contains("/m/"), "{answer}");
    assert_eq!(answer["stranger"], 403);
    for _ in 0..2 {
        let delivery = user_agent.next().await.unwrap();
        assert_eq!(delivery.payload.as_deref(), Some("Grüße, 世界".as_bytes()));
    }
}
