//! What every check works with: one push service, one user agent, fresh providers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::Answer;
use super::attempt::Attempt;
use super::check::{Checked, fail, skip};
use super::harness::{Harness, Scenario};
use super::parts::{address, texts};
use super::secret::Secret;
use super::trace::Trace;
use super::vendor::Vendor;
use super::wire::Wire;
use crate::seal::MAX_BODY;
use crate::{
    Message, Padding, ProviderId, PushProvider, Result, SealedMessage, Token, UserAgentSecret,
};

/// The context of one check.
pub(crate) struct Kit {
    pub(crate) harness: Arc<dyn Harness>,
    pub(crate) vendor: Vendor,
    pub(crate) agent: UserAgentSecret,
    pub(crate) trace: Trace,
    /// How much had arrived when the script was set.
    arrived_before: AtomicUsize,
    known: OnceLock<Vec<Secret>>,
    used: OnceLock<Arc<dyn PushProvider>>,
}

impl Kit {
    pub(crate) async fn open(harness: Arc<dyn Harness>, trace: Trace) -> Result<Self> {
        let mint = harness.clone();
        let mint = Arc::new(move |request: &_, nth| mint.mint(request, nth));
        let vendor = Vendor::open(harness.wire(), harness.origin(), mint).await?;
        Ok(Self {
            arrived_before: AtomicUsize::new(0),
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
        self.script([answer]);
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

    /// Sets the script, and forgets what arrived. The last answer is given again and again.
    pub(crate) fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.vendor.script(answers);
        // A provider without a wire has its own record, which does not forget.
        let before = self.harness.arrived(&self.vendor).len();
        self.arrived_before.store(before, Ordering::Relaxed);
    }

    /// The sealed octets that arrived since the script was set.
    pub(crate) fn arrived(&self) -> Vec<Bytes> {
        let mut arrived = self.harness.arrived(&self.vendor);
        let before = self.arrived_before.load(Ordering::Relaxed).min(arrived.len());
        arrived.split_off(before)
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

/// A payload that occurs nowhere by chance.
pub(crate) const PAYLOAD: &str = "conformance-payload-q7Zt4vN2xLr9Kw";
/// The name of this check's subscription.
const NAME: &str = "k7fq2zt9wv4hx1ncb8";
