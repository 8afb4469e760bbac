//! Providers that show what they must hide.

use std::time::SystemTime;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::{Accepted, Error, Result, SealedMessage, Token};

use super::sound::{self, Api, Conduct, SECRET, content, request};

/// Seen in: "could not send to <address>".
#[derive(Debug)]
pub(crate) struct AddressInError;

#[async_trait]
impl Conduct for AddressInError {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let address = request.uri().to_string();
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now()).map_err(|error| {
            let text = format!("cannot send to {address}");
            Error::answered(error.kind(), error.status().unwrap_or_default(), text)
                .with_retry_after(error.retry_after())
        })
    }
}

/// Seen in: HTTP clients whose error holds the URL, kept as a source.
#[derive(Debug)]
pub(crate) struct AddressInSource;

#[async_trait]
impl Conduct for AddressInSource {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let address = request.uri().to_string();
        let response = api.transport.send(request).await;
        let response = response.map_err(|error| error.with_source(address))?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: the answer of the push service as the text of the error, whole.
#[derive(Debug)]
pub(crate) struct AnswerInError;

impl Conduct for AnswerInError {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        sound::outcome(response, now).map_err(|error| {
            let text = String::from_utf8_lossy(response.body()).into_owned();
            Error::answered(error.kind(), response.status().as_u16(), text)
                .with_retry_after(error.retry_after())
        })
    }
}

/// Seen in: a configuration with `derive(Debug)`.
#[derive(Debug)]
pub(crate) struct DerivedDebug {
    #[allow(dead_code, reason = "only `Debug` reads it, and that is the flaw")]
    pub(crate) client_secret: &'static str,
}

impl DerivedDebug {
    pub(crate) fn new() -> Self {
        Self { client_secret: SECRET }
    }
}

impl Conduct for DerivedDebug {}

/// Seen in: HTTP clients that trace the fields of their requests.
#[derive(Debug)]
pub(crate) struct CredentialTraced;

#[async_trait]
impl Conduct for CredentialTraced {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let value = request.headers().get("authorization").map(|value| value.as_bytes());
        tracing::trace!(authorization = ?value, "sending");
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a token that is "hidden" by an encoding.
#[derive(Debug)]
pub(crate) struct TokenTracedInBase64;

impl Conduct for TokenTracedInBase64 {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        tracing::debug!(token = STANDARD.encode(token.to_json()), "sending");
        request(api, token, content(message))
    }
}

/// Seen in: a line that was there to find a bug.
#[derive(Debug)]
pub(crate) struct AddressPrinted;

impl Conduct for AddressPrinted {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        eprintln!("to {}", token.expose("channel").unwrap_or_default());
        request(api, token, content(message))
    }
}

/// Seen in: programs whose log is standard output, when something fails.
#[derive(Debug)]
pub(crate) struct CredentialPrintedOnFailure;

#[async_trait]
impl Conduct for CredentialPrintedOnFailure {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let fields = request.headers().clone();
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now()).inspect_err(|_| {
            if let Some(value) = fields.get("authorization") {
                println!("refused with {}", String::from_utf8_lossy(value.as_bytes()));
            }
        })
    }
}

/// Seen in: a last word of a client about itself.
#[derive(Debug)]
pub(crate) struct SecretPrintedAtTheEnd;

impl Conduct for SecretPrintedAtTheEnd {}

impl Drop for SecretPrintedAtTheEnd {
    fn drop(&mut self) {
        eprintln!("closing the client of {SECRET}");
    }
}

/// Seen in: libraries that log through `log`.
#[derive(Debug)]
pub(crate) struct CredentialLogged;

#[async_trait]
impl Conduct for CredentialLogged {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        if let Some(value) = request.headers().get("authorization") {
            log::debug!("authorization: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a queue for the log with a thread of its own.
#[derive(Debug)]
pub(crate) struct AddressTracedByAThread;

impl Conduct for AddressTracedByAThread {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let channel = token.expose("channel").unwrap_or_default().to_owned();
        std::thread::spawn(move || tracing::info!(%channel, "sending"));
        request(api, token, content(message))
    }
}

/// Seen in: what was asked, where a secret is refused.
#[derive(Debug)]
pub(crate) struct RefusedSecretPrinted;

#[async_trait]
impl Conduct for RefusedSecretPrinted {
    async fn mint(&self, api: &Api) -> Result<http::HeaderValue> {
        sound::mint(api).await.inspect_err(|_| eprintln!("nobody takes {SECRET}"))
    }
}
