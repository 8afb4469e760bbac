//! A provider with an HTTP client of its own, as it comes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Harness, Scenario, Vendor, Wire};
use sealpush::{
    Accepted, Capabilities, Error, ErrorKind, ProviderId, PushProvider, Result, SealedMessage,
    Token, UserAgentKeys,
};
use serde_json::json;

/// Seen in: nearly every sender. No deadline, ten redirects, no limit to what is read, and errors
/// that hold the address.
struct Defaults {
    base: String,
    client: reqwest::Client,
}

impl fmt::Debug for Defaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Defaults")
    }
}

#[async_trait]
impl PushProvider for Defaults {
    fn id(&self) -> ProviderId {
        ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(4096)
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        token.require(&ID)?;
        self.capabilities().check(message)?;
        let url = format!("{}/{}", self.base, token.expose("channel").unwrap_or_default());
        let failed = |error: reqwest::Error| {
            Error::new(ErrorKind::Transport, "the request failed")
                .with_unknown_outcome()
                .with_source(error)
        };
        let request = self.client.post(url).body(message.body().clone());
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        response.bytes().await.map_err(failed)?;
        if status.is_success() {
            return Ok(Accepted::new(ID));
        }
        Err(Error::answered(ErrorKind::Rejected, status.as_u16(), "the push service refused"))
    }
}

pub(crate) struct DefaultsHarness;

impl Harness for DefaultsHarness {
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        Arc::new(Defaults { base: vendor.url().to_owned(), client: reqwest::Client::new() })
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        Token::new(ID, &json!({ "channel": name }), keys).unwrap()
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        match scenario {
            Scenario::Accepted => vec![Response::new(Bytes::new())],
            _ => Vec::new(),
        }
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        Some(request.body().clone())
    }

    fn wire(&self) -> Wire {
        Wire::Loopback
    }
}

/// Seen in: a client that is made where it is used, and dropped.
pub(crate) struct ClientForEach;

#[derive(Debug)]
struct Fresh(String);

#[async_trait]
impl PushProvider for Fresh {
    fn id(&self) -> ProviderId {
        ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(4096)
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let client = reqwest::Client::new();
        Defaults { base: self.0.clone(), client }.send(token, message).await
    }
}

/// Seen in: a task that keeps a client for itself and never ends.
pub(crate) struct Leaks;

/// Both are the harness of the defaults, but for the provider.
macro_rules! otherwise {
    ($harness:ident, $provider:expr) => {
        impl Harness for $harness {
            fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
                $provider(vendor)
            }

            fn token(&self, vendor: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
                DefaultsHarness.token(vendor, name, keys)
            }

            fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
                DefaultsHarness.answers(scenario)
            }

            fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
                DefaultsHarness.body(request)
            }

            fn wire(&self) -> Wire {
                Wire::Loopback
            }
        }
    };
}

otherwise!(ClientForEach, |vendor: &Vendor| Arc::new(Fresh(vendor.url().to_owned())) as Arc<_>);
otherwise!(Leaks, |vendor: &Vendor| {
    let client = reqwest::Client::new();
    std::mem::forget(client.clone());
    Arc::new(Defaults { base: vendor.url().to_owned(), client }) as Arc<_>
});

const ID: ProviderId = ProviderId::from_static("defaults");
