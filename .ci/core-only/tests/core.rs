//! The portable backend through the public door, with no other backend in the build.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::providers::Mock;
use sealpush::{ErrorKind, Message, Padding, PushProviderExt, UserAgentSecret, open, seal};

#[test]
fn the_message_of_rfc_8291_is_opened() {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let secret = UserAgentSecret::new(
        &decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
        &decode("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    .unwrap();
    let body = decode(concat!(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg",
        "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVB",
        "St2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
    ));
    assert_eq!(open(&secret, &body).unwrap(), b"When I grow up, I want to be a watermelon");
}

#[test]
fn sizes_to_the_limit_are_sealed_and_opened() {
    let secret = UserAgentSecret::generate().unwrap();
    for size in [0, 1, 3992, 3993] {
        let plaintext = vec![1; size];
        let sealed = seal(secret.keys(), &plaintext, Padding::Buckets).unwrap();
        assert_eq!(open(&secret, sealed.as_ref()).unwrap(), plaintext);
    }
    let error = seal(secret.keys(), &[1; 3994], Padding::None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
}

#[test]
fn send_encrypted_needs_no_runtime() {
    let secret = UserAgentSecret::generate().unwrap();
    let token = Mock::token("a", secret.keys().clone());
    let mock = Mock::new();
    let message = Message::new("hello");
    let mut sending = pin!(mock.send_encrypted(&token, &message));
    let outcome = sending.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(outcome, Poll::Ready(Ok(_))));
    assert_eq!(open(&secret, mock.sent()[0].message.body()).unwrap(), b"hello");
}
