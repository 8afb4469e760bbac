//! What push services answer. The first octets choose the status and the header fields, the rest is
//! the body; a transport of our own hands it to the provider.

use std::future::Future;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use sealpush::providers::apns::AuthKey;
use sealpush::providers::google::{AccessToken, AccessTokenRequest, Credentials};
use sealpush::providers::jws::SigningKey;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::providers::{Apns, Fcm, Klaviyo, OneSignal, PubSub, Sailthru, WebPush};
use sealpush::transport::{MAX_RETRY_AFTER, MIN_RETRY_AFTER, Transport};
use sealpush::{Error, Message, PushProvider, Result, SealedMessage, Token, UserAgentSecret};
use serde_json::json;

/// `Retry-After`, from its octets and the seconds of a clock.
pub fn retry_after(octets: &[u8]) {
    let (now, value) = octets.split_first_chunk::<4>().unwrap_or((&[0; 4], octets));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u32::from_be_bytes(*now).into());
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let mut headers = HeaderMap::new();
    headers.append(header::RETRY_AFTER, value);
    if let Some(delay) = sealpush::transport::retry_after(&headers, now) {
        assert!((MIN_RETRY_AFTER..=MAX_RETRY_AFTER).contains(&delay));
    }
}

/// An answer of one of the push services that speak RFC 8030, chosen by the first octet.
pub fn webpush(octets: &[u8]) {
    const SERVICES: [&str; 6] = [
        "https://fcm.googleapis.com/fcm/send/secretAddress0123456789",
        "https://updates.push.services.mozilla.com/wpush/v2/secretAddress0123456789",
        "https://web.push.apple.com/secretAddress0123456789",
        "https://db5p.notify.windows.com/w/?token=secretAddress0123456789",
        "https://ntfy.sh/upSecretAddress0123456789?up=1",
        "https://push.example.net/secretAddress0123456789",
    ];
    static PROVIDER: LazyLock<WebPush> = LazyLock::new(|| {
        let key = VapidKey::generate().expect("there is randomness");
        let subject = "mailto:ops@push-demo.dev".parse().expect("it is a contact");
        let builder = WebPush::builder().vapid(VapidKeys::new(subject, key));
        builder.transport(Canned).build().expect("it has all it needs")
    });
    let (&service, answer) = octets.split_first().unwrap_or((&0, &[]));
    let endpoint = SERVICES[usize::from(service) % SERVICES.len()];
    send(&*PROVIDER, json!({ "endpoint": endpoint }), answer);
}

/// An answer of Apple's. Its second field names the message.
pub fn apns(octets: &[u8]) {
    static PROVIDER: LazyLock<Apns> = LazyLock::new(|| {
        let key = SigningKey::generate().expect("there is randomness");
        let key = AuthKey::new(key, "K7FQ2ZT9WV", "TEAM4HX1NC").expect("they are ids");
        let builder = Apns::builder().auth_key(key).bundle_id("com.example.door");
        builder.transport(Canned).build().expect("it has all it needs")
    });
    let address = json!({
        "provider": "apns",
        "device_token": "1dad4a3e00001dad4a3e",
        "registered_at": 1_800_000_000,
        "sandbox": true,
    });
    send(&*PROVIDER, address, octets);
}

/// An answer of FCM.
pub fn fcm(octets: &[u8]) {
    static PROVIDER: LazyLock<Fcm> = LazyLock::new(|| {
        let project = "example-project".parse().expect("it is a project");
        let builder = Fcm::builder().credentials(Fixed).project_id(project);
        builder.transport(Canned).build().expect("it has all it needs")
    });
    send(&*PROVIDER, json!({ "provider": "fcm", "token": "secretAddress0123456789" }), octets);
}

/// An answer of Klaviyo.
pub fn klaviyo(octets: &[u8]) {
    static PROVIDER: LazyLock<Klaviyo> = LazyLock::new(|| {
        let metric = "Sealed message".parse().expect("it is a name");
        let builder = Klaviyo::builder().api_key("secretKey0123456789").metric(metric);
        builder.transport(Canned).build().expect("it has all it needs")
    });
    let address = json!({ "provider": "klaviyo", "external_id": "secretAddress0123456789" });
    send(&*PROVIDER, address, octets);
}

/// An answer of Sailthru Mobile.
pub fn sailthru(octets: &[u8]) {
    static PROVIDER: LazyLock<Sailthru> = LazyLock::new(|| {
        let builder = Sailthru::builder().api_key("secretKey0123456789");
        builder.transport(Canned).build().expect("it has all it needs")
    });
    let address = json!({ "provider": "sailthru", "device_id": "secretAddress0123456789" });
    send(&*PROVIDER, address, octets);
}

/// An answer of OneSignal.
pub fn onesignal(octets: &[u8]) {
    static PROVIDER: LazyLock<OneSignal> = LazyLock::new(|| {
        let app = "1dad4a3e-0000-4000-8000-0123456789ab".parse().expect("it is an id");
        let builder = OneSignal::builder().app_id(app).api_key("secretKey0123456789");
        builder.transport(Canned).build().expect("it has all it needs")
    });
    let id = "1dad4a3e-0000-4000-8000-0123456789ac";
    send(&*PROVIDER, json!({ "provider": "onesignal", "subscription_id": id }), octets);
}

/// An answer of Pub/Sub.
pub fn pubsub(octets: &[u8]) {
    static PROVIDER: LazyLock<PubSub> = LazyLock::new(|| {
        let project = "example-project".parse().expect("it is a project");
        let builder = PubSub::builder().credentials(Fixed).project_id(project);
        builder.transport(Canned).build().expect("it has all it needs")
    });
    send(&*PROVIDER, json!({ "provider": "pubsub", "topic": "secretAddress0123456789" }), octets);
}

fn send(provider: &dyn PushProvider, mut address: serde_json::Value, answer: &[u8]) {
    static SEALED: LazyLock<(UserAgentSecret, SealedMessage)> = LazyLock::new(|| {
        let secret = UserAgentSecret::generate().expect("there is randomness");
        let sealed = Message::new("hi").seal(secret.keys(), 512).expect("it is short");
        (secret, sealed)
    });
    let (secret, sealed) = &*SEALED;
    address["keys"] = json!(secret.keys());
    let token: Token = address.to_string().parse().expect("it is a token");

    *ANSWER.lock().expect("nobody panics with it") = answer.to_vec();
    match block_on(provider.send(&token, sealed)) {
        Ok(accepted) => assert_eq!(accepted.provider, provider.id()),
        Err(error) => judge(&error, provider),
    }
}

fn judge(error: &Error, provider: &dyn PushProvider) {
    assert_eq!(error.provider(), Some(&provider.id()));
    assert!(!(error.is_token_dead() && error.is_retryable()));
    assert!(!(error.is_token_dead() && error.is_token_doubtful()));
    if let Some(delay) = error.retry_after() {
        assert!(delay <= MAX_RETRY_AFTER, "{delay:?}");
    }
    let shown = format!("{error} {error:?}");
    for secret in ["secretAddress", "SecretAddress", "secretKey", "1dad4a3e"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    // A stranger's text is not repeated for ever.
    assert!(shown.len() < 2048, "{} octets", shown.len());
}

/// The answer that is due; targets run one after the other.
static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Answers every request with what is due: two octets of status, one line of `Retry-After`, one of
/// `Location`, and the body.
#[derive(Debug)]
struct Canned;

#[async_trait]
impl Transport for Canned {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>> {
        let answer = ANSWER.lock().expect("nobody panics with it").clone();
        let (status, rest) = answer.split_first_chunk::<2>().unwrap_or((&[0, 200], &answer));
        let status = 200 + u16::from_be_bytes(*status) % 400;
        let mut parts = rest.splitn(3, |&octet| octet == b'\n');
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::from_u16(status).expect("200 to 599");
        for name in [header::RETRY_AFTER, header::LOCATION] {
            let value = parts.next().and_then(|value| HeaderValue::from_bytes(value).ok());
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                if name == header::LOCATION {
                    response.headers_mut().insert("apns-id", value.clone());
                }
                response.headers_mut().insert(name, value);
            }
        }
        *response.body_mut() = Bytes::copy_from_slice(parts.next().unwrap_or_default());
        Ok(response)
    }
}

/// An access token without anybody to ask.
#[derive(Debug)]
struct Fixed;

#[async_trait]
impl Credentials for Fixed {
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        AccessToken::new("secretKey0123456789", request.now + Duration::from_secs(3600))
    }
}

/// Runs a future on a runtime of this thread.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the operating system has room for a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
