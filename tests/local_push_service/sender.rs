//! An application server of a few lines: HTTP/1.1 by hand and VAPID with aws-lc-rs, so that these
//! tests share no code with what they test.

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Who sends, by its VAPID key.
pub(crate) struct ApplicationServer(EcdsaKeyPair);

impl ApplicationServer {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }

    /// An `Authorization` with these claims (RFC 8292 §3).
    pub(crate) fn authorization(&self, claims: &Value) -> String {
        self.authorization_with(&json!({"typ": "JWT", "alg": "ES256"}), claims)
    }

    pub(crate) fn authorization_with(&self, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        format!("vapid t={signed}.{signature}, k={}", self.public_key())
    }
}

/// A request, to be changed and sent.
#[derive(Clone)]
pub(crate) struct Request {
    method: &'static str,
    url: String,
    fields: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, url: &str) -> Self {
        Self { method, url: url.to_owned(), fields: Vec::new(), body: Vec::new() }
    }

    /// A good push of a small body, kept for a minute.
    pub(crate) fn push(endpoint: &str) -> Self {
        Self::new("POST", endpoint)
            .with("ttl", "60")
            .with("content-encoding", "aes128gcm")
            .with_body(sealed(SMALL))
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| *field != name);
        self
    }

    pub(crate) fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The answer; `None` when the connection ended without one.
    pub(crate) async fn send(&self) -> Option<Answer> {
        let rest = self.url.strip_prefix("http://").expect("an http URL");
        let (authority, path) = rest.split_once('/').expect("a path");
        let mut head = format!(
            "{} /{path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.method,
            self.body.len()
        );
        if !self.fields.iter().any(|(name, _)| *name == "host") {
            head.push_str(&format!("host: {authority}\r\n"));
        }
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");

        let mut stream = TcpStream::connect(authority).await.unwrap();
        let mut octets = head.into_bytes();
        octets.extend_from_slice(&self.body);
        stream.write_all(&octets).await.ok()?;
        let mut answer = Vec::new();
        // A reset after the answer is of no interest, one before it leaves nothing to parse.
        let _ = stream.read_to_end(&mut answer).await;
        Answer::parse(&answer)
    }

    /// The answer, of which there must be one.
    pub(crate) async fn answer(&self) -> Answer {
        self.send().await.expect("an answer")
    }
}

/// Octets of the smallest body: a header and one record of a delimiter and a tag.
pub(crate) const SMALL: usize = 103;

/// A body of the right shape that opens for nobody: a salt, a record size of 4096, a point of P-256
/// as key id, and one record.
pub(crate) fn sealed(octets: usize) -> Vec<u8> {
    let mut body = vec![7; 16];
    body.extend_from_slice(&4096_u32.to_be_bytes());
    body.push(65);
    body.push(4);
    body.extend_from_slice(&BASE_POINT);
    body.resize(octets, 9);
    body
}

/// The base point of P-256 (SEC 2 §2.4.2), x and y.
const BASE_POINT: [u8; 64] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// What the push service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(octets: &[u8]) -> Option<Self> {
        let end = octets.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&octets[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Some(Self { status, fields, body: octets[end + 4..].to_vec() })
    }

    /// `errno` and `message` of the error body, whose `code` must be the status.
    pub(crate) fn error(&self) -> (u64, String) {
        let error: Value = serde_json::from_slice(&self.body).expect("a JSON error body");
        assert_eq!(error["code"], self.status);
        assert!(!error["error"].as_str().expect("a reason").is_empty());
        (
            error["errno"].as_u64().expect("an errno"),
            error["message"].as_str().expect("a message").to_owned(),
        )
    }
}
