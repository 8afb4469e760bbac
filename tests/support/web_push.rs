//! What the tests of `WebPush` share: tokens, a message, a ring of keys.

use sealpush::clock::SetClock;
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::{SealedMessage, Token, seal};
use serde_json::{Value, json};

use super::script::Script;

pub(crate) const ENDPOINT: &str = "https://push.example.net/wpush/v2/secret-capability";
/// The keys of RFC 8291 appendix A.
pub(crate) const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub(crate) const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

pub(crate) fn subscription(endpoint: &str) -> Value {
    json!({ "endpoint": endpoint, "keys": { "p256dh": P256DH, "auth": AUTH } })
}

pub(crate) fn token(endpoint: &str) -> Token {
    subscription(endpoint).to_string().parse().unwrap()
}

/// A token that names the VAPID key that it was made with.
pub(crate) fn token_of(endpoint: &str, key: &str) -> Token {
    let mut subscription = subscription(endpoint);
    subscription["applicationServerKey"] = key.into();
    subscription.to_string().parse().unwrap()
}

pub(crate) fn message() -> SealedMessage {
    let sealed = seal(token(ENDPOINT).keys(), b"hello", sealpush::Padding::None).unwrap();
    SealedMessage::new(sealed)
}

pub(crate) fn ring(key: VapidKey) -> VapidKeys {
    VapidKeys::new("mailto:ops@push-demo.dev".parse().unwrap(), key)
}

pub(crate) fn web_push(keys: VapidKeys, script: &Script, clock: &SetClock) -> WebPush {
    WebPush::builder().vapid(keys).transport(script.clone()).clock(clock.clone()).build().unwrap()
}
