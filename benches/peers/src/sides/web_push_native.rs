//! `web-push-native`, with RustCrypto.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use web_push_native::jwt_simple::algorithms::ES256KeyPair;
use web_push_native::p256::{PublicKey, SecretKey};
use web_push_native::{Auth, WebPushBuilder, decrypt};

use super::{Answer, repeat};
use crate::task::{Task, Work};

pub fn run(work: &Work) -> Answer {
    let decode = |text: &str| BASE64URL.decode(text).expect("it is base64url");
    let public_key = PublicKey::from_sec1_bytes(&decode(&work.place.p256dh)).expect("it is a key");
    let auth = Auth::clone_from_slice(&decode(&work.place.auth));
    let builder =
        WebPushBuilder::new(work.endpoint.parse().expect("it is a URI"), public_key, auth);
    match work.task {
        Task::Seal => repeat(work, || {
            BASE64URL.encode(builder.build(work.text.as_str()).expect("it seals").body())
        }),
        Task::Request => {
            let key = ES256KeyPair::from_bytes(&decode(&work.place.vapid)).expect("it is a key");
            let builder = builder.with_vapid(&key, "mailto:bench@push-bench.net");
            repeat(work, || {
                BASE64URL.encode(builder.build(work.text.as_str()).expect("it seals").body())
            })
        }
        Task::Open => {
            let key = SecretKey::from_slice(&decode(&work.place.private_key)).expect("it is a key");
            let body = decode(&work.body);
            repeat(work, || {
                let text = decrypt(body.clone(), &key, &auth).expect("it opens");
                String::from_utf8(text).expect("it is text")
            })
        }
        task => unreachable!("{task:?} is not for it"),
    }
}
