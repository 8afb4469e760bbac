//! A secret that stands where a name was expected is not repeated: people put the content of a key
//! file where its path belongs, and an API key where an app's id does.

use std::error::Error as _;
use std::ffi::OsString;
use std::time::SystemTime;

use sealpush::contact::{
    Card, Contact, Device, Identity, Pseudonym, RelayOrigin, ReplayWindow, VerificationKey,
};
use sealpush::endpoint::Endpoint;
use sealpush::local::{PushService, UserAgent};
use sealpush::providers::apns::{self, ApnsOptions as AppleOptions, AuthKey, DeviceToken};
use sealpush::providers::fcm::{
    AccessToken, AndroidOptions, ApnsOptions, ApplicationDefault, AuthorizedUser, InstallationId,
    ProjectId, RegistrationToken, ServiceAccount, WebPushOptions,
};
use sealpush::providers::google::MetadataServer;
use sealpush::providers::http::{BaseUrl, authorization};
use sealpush::providers::jws::SigningKey;
use sealpush::providers::klaviyo::{KlaviyoBuilder, Metric, Profile, PushToken, Revision};
use sealpush::providers::onesignal::{Alias, AppId, OneSignalOptions, SubscriptionId};
use sealpush::providers::pubsub::{self, TopicId};
use sealpush::providers::sailthru::{Group, Id, SailthruOptions};
use sealpush::providers::webpush::{PushResource, Subject, VapidKey};
use sealpush::providers::{Apns, Fcm, Klaviyo, OneSignal, PubSub, Sailthru};
use sealpush::transport::{HyperTransport, ReqwestTransport};
use sealpush::{
    EndpointGuard, Error, MessageId, Notification, Placeholder, ProviderId, Result, SealedMessage,
    Token, Topic, Ttl, Urgency, UserAgentKeys, UserAgentSecret,
};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What people paste. `MARKER` is what must not come back.
const SECRETS: [&str; 14] = [
    r#"{"type":"service_account","private_key":"MARKER","client_email":"MARKER"}"#,
    r#"{"type":"MARKER"}"#,
    r#"{"type":"authorized_user","client_secret":"MARKER"}"#,
    r#"{"MARKER":"#,
    "\u{feff}{\"private_key\":\"MARKER\"}",
    "-----BEGIN PRIVATE KEY-----\nMARKERMARKERMARKER\n-----END PRIVATE KEY-----\n",
    "-----BEGIN MARKER-----",
    "  -----BEGIN PRIVATE KEY-----\\nMARKER\\n-----END PRIVATE KEY-----",
    "os_v2_app_MARKER",
    "ya29.MARKER with blanks",
    "MARKER\r\nMARKER",
    "https://MARKER:MARKER@MARKER.example.net/MARKER?MARKER#MARKER",
    "mailto:MARKER@MARKER",
    "/run/secrets/MARKER\0",
];

/// Every place that takes a text and can refuse it.
type Place = (&'static str, fn(&str) -> Option<Error>);

const PLACES: &[Place] = &[
    ("Alias::new, label", |text| refused(Alias::new(text, ""))),
    ("Alias::new, name", |text| refused(Alias::new("", text))),
    ("AndroidOptions", |text| refused(AndroidOptions::new().with_json_visible_to_provider(text))),
    ("ApnsOptions", |text| refused(ApnsOptions::new().with_json_visible_to_provider(text))),
    ("Apns, the bundle id", |text| refused(apns().bundle_id(text).build())),
    ("ApnsBuilder::base_url", |text| refused(apns().base_url(text).build())),
    ("AppId", |text| refused(text.parse::<AppId>())),
    ("AuthKey::from_file", |text| refused(AuthKey::from_file(text, KEY_ID, TEAM_ID))),
    ("AuthKey::from_pem", |text| refused(AuthKey::from_pem(text, KEY_ID, TEAM_ID))),
    ("AuthKey, the key id", |text| refused(AuthKey::new(key(), text, TEAM_ID))),
    ("AuthKey, the team id", |text| refused(AuthKey::new(key(), KEY_ID, text))),
    ("AuthorizedUser::from_file", |text| refused(AuthorizedUser::from_file(text))),
    ("AuthorizedUser::from_json", |text| refused(AuthorizedUser::from_json(text))),
    ("BaseUrl", |text| refused(text.parse::<BaseUrl>())),
    ("DeviceToken", |text| refused(text.parse::<DeviceToken>())),
    ("EndpointGuard::allow_hosts", |text| refused(EndpointGuard::allow_hosts([text]))),
    ("EndpointGuard::allow_range", |text| refused(EndpointGuard::allow_range(text))),
    ("EndpointGuard::check", |text| refused(EndpointGuard::public().check(text))),
    ("FcmBuilder::base_url", |text| {
        let login = r#"{"type":"authorized_user","client_id":"a","client_secret":"b",
                        "refresh_token":"c","quota_project_id":"a-project"}"#;
        let login = AuthorizedUser::from_json(login).ok()?;
        refused(Fcm::builder().credentials(login).base_url(text).build())
    }),
    ("KlaviyoBuilder::api_key", |text| refused(klaviyo().api_key(text).build())),
    ("KlaviyoBuilder::base_url", |text| refused(klaviyo().base_url(text).build())),
    ("Metric", |text| refused(text.parse::<Metric>())),
    ("Notification", |text| refused(text.parse::<Notification>())),
    ("Notification, the link", |text| refused(text.parse::<sealpush::notification::Link>())),
    ("OneSignalBuilder::api_key", |text| refused(onesignal().api_key(text).build())),
    ("OneSignalBuilder::base_url", |text| refused(onesignal().base_url(text).build())),
    ("OneSignalOptions", |text| {
        refused(OneSignalOptions::new().with_json_visible_to_provider(text))
    }),
    ("Placeholder", |text| refused(text.parse::<Placeholder>())),
    ("Profile::email", |text| refused(Profile::email(text))),
    ("Profile::external_id", |text| refused(Profile::external_id(text))),
    ("Profile::phone_number", |text| refused(Profile::phone_number(text))),
    ("ProjectId", |text| refused(text.parse::<ProjectId>())),
    ("ProviderId", |text| refused(text.parse::<ProviderId>())),
    ("ServiceAccount::from_file", |text| refused(ServiceAccount::from_file(text))),
    ("ServiceAccount::from_json", |text| refused(ServiceAccount::from_json(text))),
    ("ServiceAccount, the private key", |text| {
        let file = serde_json::json!({
            "type": "service_account", "client_email": "a@b", "private_key": text,
        });
        refused(ServiceAccount::from_json(&file.to_string()))
    }),
    ("SigningKey::from_base64", |text| refused(SigningKey::from_base64(text))),
    ("SigningKey::from_pem", |text| refused(SigningKey::from_pem(text))),
    ("PushToken", |text| refused(PushToken::ios(text))),
    ("Revision", |text| refused(text.parse::<Revision>())),
    ("SailthruBuilder::api_key", |text| refused(Sailthru::builder().api_key(text).build())),
    ("SailthruBuilder::base_url", |text| {
        refused(Sailthru::builder().api_key("key").base_url(text).build())
    }),
    ("SailthruOptions", |text| refused(SailthruOptions::new().with_json_visible_to_provider(text))),
    ("sailthru::Group", |text| refused(text.parse::<Group>())),
    ("sailthru::Id", |text| refused(text.parse::<Id>())),
    ("SealedMessage", |text| refused(text.parse::<SealedMessage>())),
    ("Subject", |text| refused(text.parse::<Subject>())),
    ("SubscriptionId", |text| refused(text.parse::<SubscriptionId>())),
    ("Token", |text| refused(text.parse::<Token>())),
    ("Token, its provider", |text| {
        let token = serde_json::json!({ "provider": text, "keys": {} });
        refused(token.to_string().parse::<Token>())
    }),
    ("Topic", |text| refused(text.parse::<Topic>())),
    ("Ttl", |text| refused(text.parse::<Ttl>())),
    ("Urgency", |text| refused(text.parse::<Urgency>())),
    ("UserAgentKeys, p256dh", |text| refused(UserAgentKeys::from_base64(text, "AA"))),
    ("UserAgentSecret::from_json", |text| refused(UserAgentSecret::from_json(text))),
    ("VapidKey::from_base64", |text| refused(VapidKey::from_base64(text))),
    ("VapidKey::from_pem", |text| refused(VapidKey::from_pem(text))),
    ("VapidKey::import", |text| refused(VapidKey::import(text.as_bytes()))),
    ("WebPushOptions", |text| refused(WebPushOptions::new().with_json_visible_to_provider(text))),
    ("apns::ApnsOptions", |text| refused(AppleOptions::new().with_json_visible_to_provider(text))),
    ("AccessToken", |text| refused(AccessToken::new(text, SystemTime::UNIX_EPOCH))),
    ("Card", |text| refused(text.parse::<Card>())),
    ("Endpoint", |text| refused(text.parse::<Endpoint>())),
    ("HyperTransport, the proxy", |text| refused(HyperTransport::builder().proxy(text).build())),
    ("HyperTransport, a root certificate", |text| {
        refused(HyperTransport::builder().add_root_certificate_pem(text.as_bytes()).build())
    }),
    ("KeyRing of an outbox", |text| refused(text.parse::<sealpush::outbox::KeyRing>())),
    ("InstallationId", |text| refused(text.parse::<InstallationId>())),
    ("PubSub, the emulator", |text| refused(pubsub().emulator(text).build())),
    ("PubSub, the base URL", |text| refused(pubsub().base_url(text).build())),
    ("PushResource", |text| refused(text.parse::<PushResource>())),
    ("RegistrationToken", |text| refused(text.parse::<RegistrationToken>())),
    ("RelayOrigin", |text| refused(text.parse::<RelayOrigin>())),
    ("ReqwestTransport, the proxy", |text| {
        refused(ReqwestTransport::builder().proxy(text).build())
    }),
    ("ReqwestTransport, a root certificate", |text| {
        refused(ReqwestTransport::builder().add_root_certificate_pem(text.as_bytes()).build())
    }),
    ("TopicId", |text| refused(text.parse::<TopicId>())),
    ("UserAgentKeys, auth", |text| refused(UserAgentKeys::from_base64(P256DH, text))),
    ("a credential in a header", |text| refused(authorization("Bearer", text))),
];

fn refused<T>(result: Result<T>) -> Option<Error> {
    result.err()
}

const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const KEY_ID: &str = "K7FQ2ZT9WV";
const TEAM_ID: &str = "TEAM4HX1NC";

fn key() -> SigningKey {
    SigningKey::generate().expect("the system has randomness")
}

fn pubsub() -> pubsub::PubSubBuilder {
    PubSub::builder().project_id("example-project".parse().expect("an id"))
}

fn apns() -> apns::ApnsBuilder {
    let key = AuthKey::new(key(), KEY_ID, TEAM_ID).expect("ids of ten characters");
    Apns::builder().auth_key(key).bundle_id("com.example.door")
}

fn klaviyo() -> KlaviyoBuilder {
    Klaviyo::builder().api_key("key").metric("Sealed message".parse().expect("a name"))
}

fn onesignal() -> sealpush::providers::onesignal::OneSignalBuilder {
    let app = "1dad4a3e-0000-4000-8000-0123456789ab".parse().expect("a UUID");
    OneSignal::builder().app_id(app).api_key("key")
}

/// The error as people see it: its text, its `Debug`, and the chain of its causes.
fn shown(error: &Error) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        shown.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    shown
}

#[test]
fn no_place_repeats_a_secret() {
    let mut refusals = 0;
    for (place, take) in PLACES {
        let mut refused = false;
        for secret in SECRETS {
            if let Some(error) = take(secret) {
                let shown = shown(&error);
                let upper = shown.to_uppercase();
                assert!(!upper.contains("MARKER"), "{place}: {shown}");
                refused = true;
                refusals += 1;
            }
        }
        assert!(refused, "{place} took everything, so it proves nothing");
    }
    assert!(refusals > 10 * PLACES.len() / 2, "{refusals} refusals");
}

/// Types that are read from JSON: a secret in place of the whole, and of every member.
#[test]
fn nothing_that_is_read_from_json_repeats_a_secret() {
    fn read<T: DeserializeOwned>(json: &Value) -> Option<serde_json::Error> {
        serde_json::from_str::<T>(&json.to_string()).err()
    }
    type Read = (&'static str, fn(&Value) -> Option<serde_json::Error>);
    let reads: &[Read] = &[
        ("Card", read::<Card>),
        ("Contact", read::<Contact>),
        ("Device", read::<Device>),
        ("Identity", read::<Identity>),
        ("Link", read::<sealpush::notification::Link>),
        ("KeyRing", read::<sealpush::contact::relay::KeyRing>),
        ("MessageId", read::<MessageId>),
        ("Notification", read::<Notification>),
        ("Outcome", read::<sealpush::outbox::Outcome>),
        ("ParcelId", read::<sealpush::outbox::ParcelId>),
        ("Placeholder", read::<Placeholder>),
        ("ProviderId", read::<ProviderId>),
        ("Pseudonym", read::<Pseudonym>),
        ("RelayOrigin", read::<RelayOrigin>),
        ("ReplayWindow", read::<ReplayWindow>),
        ("SealedMessage", read::<SealedMessage>),
        ("Tag", read::<sealpush::outbox::Tag>),
        ("Token", read::<Token>),
        ("Topic", read::<Topic>),
        ("Ttl", read::<Ttl>),
        ("Urgency", read::<Urgency>),
        ("VerificationKey", read::<VerificationKey>),
    ];
    let mut leaks = Vec::new();
    for (name, read) in reads {
        for secret in SECRETS {
            for json in [json!(secret), json!([secret]), json!({ secret: secret })] {
                if let Some(error) = read(&json) {
                    let shown = format!("{error} {error:?}");
                    if shown.to_uppercase().contains("MARKER") {
                        leaks.push(format!("{name}: {shown}"));
                    }
                }
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn the_content_of_a_file_in_place_of_its_path_is_named_as_such() {
    for (secret, form) in [(SECRETS[0], "JSON"), (SECRETS[4], "JSON"), (SECRETS[5], "PEM")] {
        for error in [
            ServiceAccount::from_file(secret).unwrap_err(),
            AuthorizedUser::from_file(secret).unwrap_err(),
        ] {
            let expected = format!("holds {form}, where the path of a file is expected");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
}

#[tokio::test]
async fn no_variable_of_the_environment_is_repeated() {
    for variable in [
        "CLOUDSDK_CONFIG",
        "GCE_METADATA_HOST",
        "GCLOUD_PROJECT",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "HOME",
        "NO_GCE_CHECK",
    ] {
        for secret in SECRETS {
            // `.invalid` hosts are never asked, so nothing leaves the machine.
            let error = ApplicationDefault::find_with(|name| match name {
                _ if name == variable => Some(OsString::from(secret)),
                "NO_GCE_CHECK" if variable != "GCE_METADATA_HOST" => Some("true".into()),
                "GCE_METADATA_HOST" => Some("nowhere invalid".into()),
                _ => None,
            })
            .await
            .unwrap_err();
            let shown = shown(&error);
            assert!(!shown.contains("MARKER"), "{variable}: {shown}");
            if variable == "GOOGLE_APPLICATION_CREDENTIALS" {
                assert!(error.to_string().contains(variable), "{error}");
                let json = secret.contains('{') && !secret.contains("-----");
                let named = error.to_string().contains("holds JSON, where the path");
                assert_eq!(named, json, "{secret}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn no_address_of_a_server_is_repeated() {
    let service = PushService::start().await.unwrap();
    for secret in SECRETS {
        let error = MetadataServer::find_at(secret).await.unwrap_err();
        assert!(!shown(&error).contains("MARKER"), "{error:?}");
        let error = UserAgent::connect(secret).await.unwrap_err();
        assert!(!shown(&error).contains("MARKER"), "{error:?}");
        let error = UserAgent::resume(&service.websocket_url(), secret).await.unwrap_err();
        assert!(!shown(&error).contains("MARKER"), "{error:?}");
        let error = service.onesignal(secret).err().unwrap();
        assert!(!shown(&error).contains("MARKER"), "{error:?}");
        let error = PushService::builder().public_url(secret).start().await.unwrap_err();
        assert!(!shown(&error).contains("MARKER"), "{error:?}");
    }
}
