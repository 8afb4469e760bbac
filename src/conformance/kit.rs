//! What every check works with: one push service, one user agent, fresh providers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::again::Place;
use super::answer::Answer;
use super::attempt::Attempt;
use super::checked::{Checked, fail, skip};
use super::harness::Harness;
use super::known::Known;
use super::parts::{NAME, PAYLOAD, address, beyond_origin, carries, leaves, texts};
use super::scenario::{Failure, Scenario};
use super::secret::Secret;
use super::stage::Stage;
use super::trace::Trace;
use super::vendor::Vendor;
use super::watch::Watch;
use super::wire::Wire;
use crate::seal::keys::fill_random;
use crate::seal::record::{HEADER_LEN, SALT_LEN};
use crate::seal::{MAX_BODY, Sealed};
use crate::{
    Message, Padding, ProviderId, PushProvider, Result, SealedMessage, Token, Topic, Ttl, Urgency,
    UserAgentSecret,
};

/// The context of one check.
pub(crate) struct Kit {
    pub(crate) harness: Arc<dyn Harness>,
    pub(crate) vendor: Vendor,
    pub(crate) agent: UserAgentSecret,
    pub(crate) trace: Trace,
    pub(crate) watch: Arc<Watch>,
    /// Which process this is.
    pub(crate) place: Arc<Place>,
    stage: Stage,
    /// How much had arrived when the script was set.
    arrived_before: AtomicUsize,
    known: Arc<Known>,
    /// A sealed body that others are made of.
    mould: OnceLock<Bytes>,
    used: OnceLock<Arc<dyn PushProvider>>,
}

impl Kit {
    pub(crate) async fn open(
        harness: Arc<dyn Harness>,
        trace: Trace,
        stage: Stage,
        place: Arc<Place>,
    ) -> Result<Self> {
        let agent = UserAgentSecret::generate()?;
        let watch = Arc::new(Watch::new(harness.clone(), agent.keys()));
        stage.open(watch.clone());
        let real_time = is_in_real_time(&*harness);
        let vendor =
            Vendor::open(harness.wire(), real_time, harness.origin(), watch.clone()).await?;
        let known = Known::new(harness.clone(), vendor.clone(), agent.keys().clone());
        let known = Arc::new(known);
        stage.know(known.clone());
        Ok(Self {
            arrived_before: AtomicUsize::new(0),
            harness,
            vendor,
            agent,
            trace,
            watch,
            stage,
            known,
            place,
            mould: OnceLock::new(),
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

    /// Good tokens with one text of the address changed each, with the name of its member.
    pub(crate) fn each_text(&self, change: impl Fn(&str) -> String) -> Vec<(String, Token)> {
        let texts = address(&self.token()).into_iter().filter(|(_, value)| value.is_string());
        let changed = texts.filter_map(|(name, value)| {
            let text = change(value.as_str()?);
            let token = self.token_with(|address| {
                address.insert(name.clone(), text.into());
            })?;
            Some((name, token))
        });
        changed.collect()
    }

    /// The same address at other providers: an unknown one, and two with nearly the same name.
    pub(crate) fn foreign_tokens(&self) -> Checked<Vec<Token>> {
        let own = self.token().provider().as_str().to_owned();
        let shorter = own.get(..own.len() - 1).unwrap_or_default();
        let names = ["somebody-else".to_owned(), format!("{own}2"), shorter.to_owned()];
        let tokens = names.iter().filter_map(|name| name.parse::<ProviderId>().ok()).map(|id| {
            Token::new(id, &address(&self.token()), self.agent.keys().clone())
                .or_else(|_| fail("the harness's token has an address that no token can hold"))
        });
        tokens.collect()
    }

    /// Whether a request reaches the user agent of a token, as far as can be seen.
    pub(crate) fn reaches(&self, request: &Request<Bytes>, token: &Token) -> bool {
        self.harness.reaches(&self.vendor, request, token).unwrap_or_else(|| {
            let address = address(token);
            let mut texts = texts(&address).filter(|text| text.len() >= Secret::MIN_LEN).peekable();
            texts.peek().is_some() && texts.all(|text| carries(request, beyond_origin(text)))
        })
    }

    /// Whether a request carries a TTL, in seconds, milliseconds or as the time when it ends.
    pub(crate) fn carries_ttl(&self, request: &Request<Bytes>, ttl: Ttl) -> bool {
        if let Some(read) = self.harness.ttl(&self.vendor, request) {
            return read == ttl;
        }
        let now = self.vendor.now();
        let epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let seconds = u64::from(ttl.as_secs());
        // A provider on the system's clock has gained a moment since the kit set its own.
        let mut known = vec![seconds, seconds * 1000];
        known.extend((0..5).flat_map(|late| {
            let end = epoch + seconds + late;
            [end, end * 1000]
        }));
        let date = now.checked_add(ttl.as_duration()).map(httpdate::fmt_http_date);
        leaves(request).values().any(|leaf| {
            let number = leaf.strip_suffix('s').unwrap_or(leaf).parse::<u64>();
            number.is_ok_and(|number| known.contains(&number)) || Some(leaf) == date.as_ref()
        })
    }

    /// What arrived since the script was set, one message each.
    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        let requests = self.vendor.requests();
        requests.iter().flat_map(|request| self.harness.unpack(request)).collect()
    }

    /// A small sealed message with default options, other octets each time.
    ///
    /// To seal is costly, and a provider sees octets: but for the first one, they look sealed and
    /// open nowhere.
    pub(crate) fn message(&self) -> Checked<SealedMessage> {
        let Some(mould) = self.mould.get() else {
            let message = self.sealed(&Message::new(PAYLOAD).with_padding(Padding::None))?;
            return Ok({
                self.mould.get_or_init(|| message.body().clone());
                message
            });
        };
        let mut octets = mould.to_vec();
        let drawn = |part: Option<&mut [u8]>| part.map_or(Ok(()), fill_random);
        drawn(octets.get_mut(..SALT_LEN))
            .and_then(|()| drawn(octets.get_mut(HEADER_LEN..)))
            .and_then(|()| Sealed::from_octets(octets))
            .map(SealedMessage::new)
            .or_else(|error| fail(format!("the kit cannot seal: {:?}", error.kind())))
    }

    /// The same message with every option that is claimed.
    pub(crate) fn with_claims(
        &self,
        mut message: SealedMessage,
        urgency: Urgency,
    ) -> Checked<SealedMessage> {
        let claims = self.provider().capabilities();
        if claims.ttl {
            message = message.with_ttl(Ttl::from_secs(3_600));
        }
        if claims.urgency {
            message = message.with_urgency(urgency);
        }
        if claims.topic {
            let longest = "t".repeat(Topic::MAX_LEN).parse::<Topic>();
            message = message.with_topic(longest.or_else(|_| fail("the kit cannot make a topic"))?);
        }
        Ok(message)
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
        if self.harness.wire() == Wire::Transport {
            Ok(())
        } else {
            skip("brings its own HTTP client")
        }
    }

    /// Whether it makes connections itself.
    pub(crate) fn brings_a_client(&self) -> bool {
        !matches!(self.harness.wire(), Wire::None | Wire::Transport)
    }

    /// Skips the check where waiting takes real time.
    pub(crate) fn needs_paused_time(&self) -> Checked {
        if self.is_in_real_time() { skip("runs in real time") } else { Ok(()) }
    }

    pub(crate) fn is_in_real_time(&self) -> bool {
        is_in_real_time(&*self.harness)
    }

    /// How many sends to have under way at once: every one is a file descriptor or two where it
    /// makes a connection, and some systems give a process 256.
    pub(crate) fn at_once(&self, wanted: usize) -> usize {
        match self.harness.wire() {
            Wire::None | Wire::Transport => wanted,
            _ => wanted.min(MOST_CONNECTIONS),
        }
    }

    /// Skips the check behind a layer that repeats attempts.
    pub(crate) fn needs_one_attempt(&self) -> Checked {
        if self.harness.repeats() { skip("stands behind a layer that repeats") } else { Ok(()) }
    }

    /// The vendor's forms of an answer; skips the check if it has none.
    pub(crate) fn answers(&self, scenario: Scenario) -> Checked<Vec<Answer>> {
        let answers = self.forms(scenario);
        if !answers.is_empty() {
            return Ok(answers);
        }
        match scenario {
            Scenario::Accepted => fail("the harness has no answer for `Accepted`"),
            _ => skip(format!("the push service has no answer for `{scenario:?}`")),
        }
    }

    /// The vendor's forms of an answer, or the way to bring it about without one.
    pub(crate) fn forms(&self, scenario: Scenario) -> Vec<Answer> {
        match self.harness.wire() {
            Wire::None if scenario == Scenario::Accepted => vec![self.accepted()],
            Wire::None => vec![Answer::Provoke(Failure::Says(scenario))],
            _ => self.harness.answers(scenario).into_iter().map(Answer::Reply).collect(),
        }
    }

    /// The same, but for one form of each where an attempt costs time.
    pub(crate) fn some_forms(&self, scenario: Scenario) -> Vec<Answer> {
        let mut forms = self.forms(scenario);
        if self.is_in_real_time() {
            forms.truncate(1);
        }
        forms
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
        self.attempt_with(answer, self.message()?).await
    }

    pub(crate) async fn attempt_with(
        &self,
        answer: Answer,
        message: SealedMessage,
    ) -> Checked<Attempt> {
        self.stage.set(format!("the answer was {answer}"));
        let provoked = self.provoked(&answer);
        let hangs = matches!(answer, Answer::Hang) || self.vendor.mint_hangs();
        self.script([answer]);
        self.vendor.set_haste(hangs);
        let provider = match self.brings_a_client() && !hangs {
            true => self.used.get_or_init(|| self.provider()).clone(),
            false => self.provider(),
        };
        if let Some(failure) = provoked
            && !self.harness.provoke(&self.vendor, failure)
        {
            return skip(format!("speaks no HTTP, and the harness cannot provoke `{failure:?}`"));
        }
        let token = self.token();
        let send = self.send(&provider, &token, &message);
        let attempt = if hangs && self.is_in_real_time() {
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

    /// What to bring about instead of an answer, for a provider that hears none.
    fn provoked(&self, answer: &Answer) -> Option<Failure> {
        if self.harness.wire() != Wire::None {
            return None;
        }
        match answer {
            Answer::Hang => Some(Failure::Hangs),
            Answer::Provoke(failure) => Some(*failure),
            Answer::Refuse => Some(Failure::Refuses),
            Answer::Reset => Some(Failure::Breaks),
            _ => None,
        }
    }

    /// Sends a small message, which must be accepted.
    pub(crate) async fn send_accepted(&self, provider: &Arc<dyn PushProvider>) -> Checked<Attempt> {
        self.script([self.accepted()]);
        let attempt = self.send(provider, &self.token(), &self.message()?).await;
        attempt.accepted()?;
        Ok(attempt)
    }

    /// Makes one attempt and keeps what arrived during it.
    pub(crate) async fn send(
        &self,
        provider: &Arc<dyn PushProvider>,
        token: &Token,
        message: &SealedMessage,
    ) -> Attempt {
        let before = self.vendor.count();
        let bodies_before = match self.harness.wire() {
            Wire::None => self.arrived().len(),
            _ => 0,
        };
        let started = Instant::now();
        let result = provider.send(token, message).await;
        let requests = self.vendor.requests_from(before);
        let requests: Vec<_> =
            requests.iter().flat_map(|request| self.harness.unpack(request)).collect();
        let arrived = match self.harness.wire() {
            Wire::None => self.arrived().split_off(bodies_before),
            _ => requests.iter().filter_map(|request| self.harness.body(request)).collect(),
        };
        Attempt { result, elapsed: started.elapsed(), requests, arrived, known: self.known.clone() }
    }

    /// Sets the script, and forgets what arrived. The last answer is given again and again.
    pub(crate) fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.vendor.script(answers);
        // A provider without a wire has its own record, which does not forget.
        let before = match self.harness.wire() {
            Wire::None => self.harness.arrived(&self.vendor).len(),
            _ => 0,
        };
        self.arrived_before.store(before, Ordering::Relaxed);
    }

    /// The sealed octets that arrived since the script was set.
    pub(crate) fn arrived(&self) -> Vec<Bytes> {
        if self.harness.wire() != Wire::None {
            let requests = self.requests();
            return requests.iter().filter_map(|request| self.harness.body(request)).collect();
        }
        let mut arrived = self.harness.arrived(&self.vendor);
        let before = self.arrived_before.load(Ordering::Relaxed).min(arrived.len());
        arrived.split_off(before)
    }

    /// Keeps the credentials that were seen, which must not be shown later either.
    pub(crate) fn note_credentials(&self) {
        self.known.note();
    }

    /// What a text shows of what it must not, described without showing it.
    pub(crate) fn shows(&self, text: &str) -> Option<String> {
        self.known.find(text.as_bytes())
    }
}

/// Whether the checks run on the clock on the wall.
pub(crate) fn is_in_real_time(harness: &dyn Harness) -> bool {
    harness.real_time() || !matches!(harness.wire(), Wire::None | Wire::Transport)
}

/// Most connections at once.
const MOST_CONNECTIONS: usize = 60;
