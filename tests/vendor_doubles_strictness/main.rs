//! What the doubles of the vendors refuse, as the real ones do.

#![cfg(feature = "local")]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod apns;
mod fcm;
mod klaviyo;
mod oauth;
mod onesignal;
mod pubsub;
mod sailthru;

use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::EndpointGuard;
use sealpush::clock::SetClock;
use sealpush::local::{FcmProject, PushService};
use sealpush::transport::{ReqwestTransport, Transport};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

const PROJECT: &str = "example-project";
const APP: &str = "0a0a0a0a-0000-4000-8000-0123456789ab";
const NOW: u64 = 1_000_000_000;

async fn start() -> PushService {
    let clock = SetClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
    PushService::builder().clock(clock).start().await.unwrap()
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
