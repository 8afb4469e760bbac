//! What every check works with: one push service, one user agent, fresh providers.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::harness::{Harness, Scenario, Wire};
use super::secret::Secret;
use super::trace::Trace;
use super::vendor::{Answer, Vendor};
use crate::seal::MAX_BODY;
use crate::{
    Accepted, Error, Message, Padding, ProviderId, PushProvider, Result, SealedMessage, Token,
    UserAgentSecret,
};

/// A check of the list, as [`checks!`] declares it.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) promise: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) run: fn(Kit) -> BoxFuture<'static, Checked>,
}

/// Declares the checks of one group: the function's name, the promise, and why it matters.
macro_rules! checks {
    ($group:literal; $($name:ident: $promise:literal because $reason:literal;)+) => {
        /// The checks of this group.
        pub(crate) const CHECKS: &[$crate::conformance::kit::Check] = &[$(
            $crate::conformance::kit::Check {
                name: stringify!($name),
                group: $group,
                promise: $promise,
                reason: $reason,
                run: |kit| Box::pin($name(kit)),
            },
        )+];
    };
}
pub(crate) use checks;

/// The end of a check: kept, or stopped.
pub(crate) type Checked<T = ()> = std::result::Result<T, Stop>;

/// Why a check did not come to its end.
pub(crate) enum Stop {
    Failed(String),
    Skipped(String),
}

/// Fails the check unless a condition holds.
pub(crate) fn ensure(holds: bool, saw: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Stop::Failed(saw())) }
}

/// Fails the check.
pub(crate) fn fail<T>(saw: impl Into<String>) -> Checked<T> {
    Err(Stop::Failed(saw.into()))
}

/// Skips the check: the promise cannot be asked of this provider.
pub(crate) fn skip<T>(why: impl Into<String>) -> Checked<T> {
    Err(Stop::Skipped(why.into()))
}

/// The context of one check.
pub(crate) struct Kit {
    pub(crate) harness: Arc<dyn Harness>,
    pub(crate) vendor: Vendor,
    pub(crate) agent: UserAgentSecret,
    pub(crate) trace: Trace,
    known: OnceLock<Vec<Secret>>,
    used: OnceLock<Arc<dyn PushProvider>>,
}

impl Kit {
    pub(crate) async fn open(harness: Arc<dyn Harness>, trace: Trace) -> Result<Self> {
        let vendor = Vendor::open(harness.clone()).await?;
        Ok(Self {
            harness,
            vendor,
            agent: UserAgentSecret::generate()?,
            trace,
            known: OnceLock::new(),
            used: OnceLock::new(),
        })
    }

    /// A fresh provider.
    pub(crate) fn provider(&self) -> Arc<dyn PushProvider> {
        self.harness.provider(&self.vendor)
    }

    /// A good token of this check's user agent.
    pub(crate) fn token(&self) -> Token {
        self.token_named(NAME)
    }

    pub(crate) fn token_named(&self, name: &str) -> Token {
        self.harness.token(&self.vendor, name, self.agent.keys().clone())
    }

    /// A good token with its address changed. `None` if the address is no longer one that a token
    /// can hold.
    pub(crate) fn token_with(&self, change: impl FnOnce(&mut Map<String, Value>)) -> Option<Token> {
        let token = self.token();
        let mut address = address(&token);
        change(&mut address);
        Token::new(token.provider().clone(), &address, self.agent.keys().clone()).ok()
    }

    /// The same address at another provider.
    pub(crate) fn foreign_token(&self) -> Checked<Token> {
        let id = ProviderId::from_static("somebody-else");
        Token::new(id, &address(&self.token()), self.agent.keys().clone())
            .or_else(|_| fail("the harness's token has an address that no token can hold"))
    }

    /// A small sealed message with default options, other octets each time.
    pub(crate) fn message(&self) -> Checked<SealedMessage> {
        self.sealed(&Message::new(PAYLOAD).with_padding(Padding::None))
    }

    /// Seals for this check's user agent, whatever the provider takes.
    pub(crate) fn sealed(&self, message: &Message) -> Checked<SealedMessage> {
        message
            .seal(self.agent.keys(), MAX_BODY)
            .or_else(|error| fail(format!("the kit cannot seal: {:?}", error.kind())))
    }

    /// Skips the check for a provider that speaks no HTTP.
    pub(crate) fn needs_http(&self) -> Checked {
        if self.harness.wire() == Wire::None { skip("speaks no HTTP") } else { Ok(()) }
    }

    /// Skips the check for a provider that brings its own HTTP client.
    pub(crate) fn needs_transport(&self) -> Checked {
        self.needs_http()?;
        if self.harness.wire() == Wire::Loopback {
            skip("brings its own HTTP client")
        } else {
            Ok(())
        }
    }

    /// Skips the check behind a layer that repeats attempts.
    pub(crate) fn needs_one_attempt(&self) -> Checked {
        if self.harness.repeats() { skip("stands behind a layer that repeats") } else { Ok(()) }
    }

    /// The vendor's forms of an answer; skips the check if it has none.
    pub(crate) fn answers(&self, scenario: Scenario) -> Checked<Vec<Response<Bytes>>> {
        self.needs_http()?;
        let answers = self.harness.answers(scenario);
        if !answers.is_empty() {
            return Ok(answers);
        }
        match scenario {
            Scenario::Accepted => fail("the harness has no answer for `Accepted`"),
            _ => skip(format!("the push service has no answer for `{scenario:?}`")),
        }
    }

    /// An answer by which the message is taken.
    pub(crate) fn accepted(&self) -> Answer {
        self.harness
            .answers(Scenario::Accepted)
            .into_iter()
            .next()
            .map_or(Answer::Reply(Response::new(Bytes::new())), Answer::Reply)
    }

    /// Makes one attempt with a small message and this answer: of a fresh provider, or over the
    /// loopback interface of one for the whole check, because an HTTP client is costly to make.
    pub(crate) async fn attempt(&self, answer: Answer) -> Checked<Attempt> {
        let message = self.message()?;
        let hangs = matches!(answer, Answer::Hang) || self.vendor.mint_hangs();
        self.vendor.script([answer]);
        self.vendor.set_haste(hangs);
        let provider = match self.harness.wire() {
            Wire::Loopback if !hangs => self.used.get_or_init(|| self.provider()).clone(),
            Wire::Loopback | Wire::None | Wire::Transport => self.provider(),
        };
        let token = self.token();
        let send = self.send(&provider, &token, &message);
        let attempt = if hangs && self.harness.wire() == Wire::Loopback {
            let patience = self.vendor.deadline() * 10;
            tokio::time::timeout(patience, send)
                .await
                .or_else(|_| fail(format!("no end within {patience:?}")))?
        } else {
            send.await
        };
        self.vendor.set_haste(false);
        Ok(attempt)
    }

    /// Makes one attempt and keeps what arrived during it.
    pub(crate) async fn send(
        &self,
        provider: &Arc<dyn PushProvider>,
        token: &Token,
        message: &SealedMessage,
    ) -> Attempt {
        let before = self.vendor.requests().len();
        let bodies_before = self.arrived().len();
        let started = Instant::now();
        let result = provider.send(token, message).await;
        Attempt {
            result,
            elapsed: started.elapsed(),
            requests: self.vendor.requests().split_off(before),
            arrived: self.arrived().split_off(bodies_before),
        }
    }

    /// The sealed octets that arrived since the script was set.
    pub(crate) fn arrived(&self) -> Vec<Bytes> {
        self.vendor.arrived()
    }

    /// Everything that must not be shown: the token's address and keys, the payload, and the
    /// provider's credentials, given and seen.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = self.known.get_or_init(|| self.known_secrets()).clone();
        let requests = self.vendor.requests();
        let credentials: HashSet<_> =
            requests.iter().filter_map(|request| self.harness.credential(request)).collect();
        secrets.extend(credentials.into_iter().map(|octets| Secret::new("credential", octets)));
        secrets
    }

    fn known_secrets(&self) -> Vec<Secret> {
        let mut secrets = self.harness.secrets();
        let keys = self.agent.keys();
        secrets.push(Secret::new("user agent's public key", keys.public_octets()));
        secrets.push(Secret::new("user agent's secret", keys.auth_secret().expose()));
        secrets.push(Secret::new("payload", PAYLOAD));
        secrets.extend(texts(&address(&self.token())).map(|text| {
            // The origin of a push resource is no secret.
            let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
            Secret::new("token's address", path.map_or(text, |(_, path)| path))
        }));
        secrets
    }
}

/// One call of [`PushProvider::send`] and what it did.
pub(crate) struct Attempt {
    pub(crate) result: Result<Accepted>,
    pub(crate) elapsed: Duration,
    pub(crate) requests: Vec<Request<Bytes>>,
    pub(crate) arrived: Vec<Bytes>,
}

impl Attempt {
    /// The acceptance; fails the check if there is none.
    pub(crate) fn accepted(&self) -> Checked<&Accepted> {
        self.result.as_ref().or_else(|_| fail(format!("expected acceptance, saw {self}")))
    }

    /// The error; fails the check if the message was accepted.
    pub(crate) fn refused(&self) -> Checked<&Error> {
        self.result.as_ref().err().map_or_else(|| fail("expected an error, saw acceptance"), Ok)
    }

    /// Whether nothing left the provider.
    pub(crate) fn is_silent(&self) -> bool {
        self.requests.is_empty() && self.arrived.is_empty()
    }
}

/// Never the error's own text: it is a suspect.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Ok(_) => f.write_str("acceptance")?,
            Err(error) => {
                write!(f, "{:?}", error.kind())?;
                if let Some(status) = error.status() {
                    write!(f, " ({status})")?;
                }
                if let Some(delay) = error.retry_after() {
                    write!(f, ", retry after {delay:?}")?;
                }
                if !error.is_outcome_known() {
                    f.write_str(", outcome unknown")?;
                }
            }
        }
        write!(f, " after {} request(s)", self.requests.len().max(self.arrived.len()))
    }
}

/// The members of a token that only its provider understands.
pub(crate) fn address(token: &Token) -> Map<String, Value> {
    token.address().unwrap_or_default()
}

/// The texts in an address, however deep.
pub(crate) fn texts(address: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> = address.values().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(members) => open.extend(members.values()),
            Value::String(text) => found.push(text.as_str()),
            _ => {}
        }
    }
    found.into_iter()
}

/// All octets of a request: method, address, fields and body.
pub(crate) fn octets(request: &Request<Bytes>) -> Vec<u8> {
    let mut octets = format!("{} {}\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        octets.extend_from_slice(name.as_str().as_bytes());
        octets.extend_from_slice(b": ");
        octets.extend_from_slice(value.as_bytes());
        octets.push(b'\n');
    }
    octets.extend_from_slice(request.body());
    octets
}

/// A response with a status and a body.
pub(crate) fn reply(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    // Every caller passes a status between 200 and 599.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response
}

/// What a proxy in front of every push service answers.
pub(crate) const HTML: &str = "<!DOCTYPE html><title>Error</title><h1>Error</h1>";
/// A payload that occurs nowhere by chance.
pub(crate) const PAYLOAD: &str = "conformance-payload-q7Zt4vN2xLr9Kw";
/// The name of this check's subscription.
const NAME: &str = "k7fq2zt9wv4hx1ncb8";
