//! Web Push by the portable backend, through a transport of the application's own.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::transport::Transport;
use sealpush::{
    EndpointGuard, ErrorKind, Message, PushProviderExt, Result, Token, UserAgentSecret, open,
};

/// The application's own HTTP client: here, one that only takes notes.
#[derive(Clone, Debug, Default)]
struct Own(Arc<Mutex<Vec<Request<Bytes>>>>);

#[async_trait]
impl Transport for Own {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.0.lock().unwrap().push(request);
        Ok(Response::builder().status(201).body(Bytes::new()).unwrap())
    }
}

/// No runtime is needed: nothing here waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for something"),
    }
}

fn token(secret: &UserAgentSecret, endpoint: &str) -> Token {
    let keys = serde_json::to_value(secret.keys()).unwrap();
    serde_json::json!({ "endpoint": endpoint, "keys": keys }).to_string().parse().unwrap()
}

#[test]
fn a_sealed_message_goes_out_with_a_signature_that_verifies() {
    let secret = UserAgentSecret::generate().unwrap();
    let token = token(&secret, "https://push-demo.dev/p/1");
    let key = VapidKey::generate().unwrap();
    let pem_twin = VapidKey::from_base64(&key.expose_private_key_base64()).unwrap();
    assert_eq!(pem_twin.public_key_base64(), key.public_key_base64());
    let public = key.public_key_base64();
    let keys = VapidKeys::new("mailto:ops@push-demo.dev".parse().unwrap(), key);
    let own = Own::default();
    let web_push = WebPush::builder()
        .vapid(keys)
        .transport(own.clone())
        .guard(EndpointGuard::public())
        .build()
        .unwrap();
    ready(web_push.send_encrypted(&token, &Message::new("hello"))).unwrap();

    let request = own.0.lock().unwrap().remove(0);
    assert_eq!(open(&secret, request.body()).unwrap(), b"hello");
    let header = request.headers()["authorization"].to_str().unwrap();
    let (jwt, k) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    assert_eq!(k, public);
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let signature = Signature::from_slice(&decode(signature)).unwrap();
    let key = VerifyingKey::from_sec1_bytes(&decode(k)).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
}

#[test]
fn a_key_in_pem_is_read() {
    let pem = include_str!("../../../tests/keys/p256-pkcs8.pem");
    let sec1 = include_str!("../../../tests/keys/p256-sec1.pem");
    let (pem, sec1) = (VapidKey::from_pem(pem).unwrap(), VapidKey::from_pem(sec1).unwrap());
    assert_eq!(pem.public_key_base64(), sec1.public_key_base64());
    let rsa = include_str!("../../../tests/keys/rsa-pkcs8.pem");
    assert_eq!(VapidKey::from_pem(rsa).unwrap_err().kind(), ErrorKind::Configuration);
}

#[test]
fn without_a_transport_the_builder_says_what_to_do() {
    let error = WebPush::builder().build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("feature hyper"), "{error}");
}
