//! Providers that make something else of a message's options.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::{
    Accepted, Capabilities, Error, ErrorKind, Result, SealedMessage, Token, Ttl, Urgency,
};

use super::sound::{self, Api, Conduct, MAX_BODY, content, request};

/// Seen in: a share for the push service and a share for the device.
#[derive(Debug)]
pub(crate) struct TtlHalved;

impl Conduct for TtlHalved {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let seconds = message.ttl().as_secs();
        let ttl = Ttl::from_secs(seconds / 2);
        request(api, token, content(&message.clone().with_ttl(ttl)))
    }
}

/// Seen in: a minute at least, because zero looks wrong.
#[derive(Debug)]
pub(crate) struct TtlOfAMinuteAtLeast;

impl Conduct for TtlOfAMinuteAtLeast {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let seconds = message.ttl().as_secs();
        let ttl = Ttl::from_secs(seconds.max(60));
        request(api, token, content(&message.clone().with_ttl(ttl)))
    }
}

/// Seen in: a limit that is kept silently.
#[derive(Debug)]
pub(crate) struct TtlCapped;

impl Conduct for TtlCapped {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let seconds = message.ttl().as_secs();
        let ttl = Ttl::from_secs(seconds.min(30 * 24 * 3600));
        request(api, token, content(&message.clone().with_ttl(ttl)))
    }
}

/// Seen in: a TTL that one of many vendors does not have.
#[derive(Debug)]
pub(crate) struct TtlUnclaimed;

impl Conduct for TtlUnclaimed {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(MAX_BODY).with_urgency().with_topic()
    }

    fn check(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<()> {
        let _ = api;
        token.require(&sound::ID)?;
        if message.ttl() != Ttl::default() { Ok(()) } else { self.capabilities().check(message) }
    }
}

/// Seen in: an urgency that one of many vendors does not have.
#[derive(Debug)]
pub(crate) struct UrgencyUnclaimed;

impl Conduct for UrgencyUnclaimed {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(MAX_BODY).with_ttl().with_topic()
    }

    fn check(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<()> {
        let _ = api;
        token.require(&sound::ID)?;
        if message.urgency() != Urgency::default() {
            Ok(())
        } else {
            self.capabilities().check(message)
        }
    }
}

/// Seen in: a field of the request that was never filled, for urgency.
#[derive(Debug)]
pub(crate) struct UrgencyDropped;

impl Conduct for UrgencyDropped {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["urgency"] = "normal".into();
        request(api, token, content)
    }
}

/// Seen in: priorities that count downwards.
#[derive(Debug)]
pub(crate) struct UrgencyTurned;

impl Conduct for UrgencyTurned {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["urgency"] = match message.urgency() {
            Urgency::VeryLow => "low",
            Urgency::Low => "very-low",
            other => other.as_str(),
        }
        .into();
        request(api, token, content)
    }
}

/// Seen in: a column of 16 characters for topics.
#[derive(Debug)]
pub(crate) struct TopicCut;

impl Conduct for TopicCut {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        let topic =
            message.topic().map(|topic| topic.as_str().chars().take(16).collect::<String>());
        content["replaces"] = topic.into();
        request(api, token, content)
    }
}

/// Seen in: settings that stay until they are set again.
#[derive(Debug, Default)]
pub(crate) struct OptionsStick(pub(crate) std::sync::Mutex<Option<String>>);

impl Conduct for OptionsStick {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        let mut last = self.0.lock().unwrap();
        if message.topic().is_none() {
            content["replaces"] = last.clone().into();
        } else {
            *last = message.topic().map(|topic| topic.as_str().to_owned());
        }
        request(api, token, content)
    }
}

/// Seen in: text that is escaped twice.
#[derive(Debug)]
pub(crate) struct PlaceholderEscaped;

impl Conduct for PlaceholderEscaped {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["shown"] = message.placeholder().as_str().escape_default().to_string().into();
        request(api, token, content)
    }
}

/// Seen in: a text beside the sealed one, for devices that cannot open it.
#[derive(Debug)]
pub(crate) struct PreviewTravels;

impl Conduct for PreviewTravels {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["preview"] = "conformance-payload-q7Zt4vN2xLr9Kw".into();
        request(api, token, content)
    }
}

/// Seen in: a field that every other vendor guesses.
#[derive(Debug)]
pub(crate) struct FieldMissing;

impl Conduct for FieldMissing {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut request = request(api, token, content(message))?;
        request.headers_mut().remove("content-type");
        Ok(request)
    }
}

/// Seen in: a message that is dropped because it is empty.
#[derive(Debug)]
pub(crate) struct EmptyDropped;

#[async_trait]
impl Conduct for EmptyDropped {
    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        if message.body().is_empty() {
            return Ok(Accepted::new(sound::ID));
        }
        sound::Sound.attempt(api, token, message).await
    }
}

/// Seen in: a rule of the vendor's that the claims do not say.
#[derive(Debug)]
pub(crate) struct CombinationRefused;

impl Conduct for CombinationRefused {
    fn check(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<()> {
        if message.topic().is_some() && message.ttl() == Ttl::from_secs(3_600) {
            return Err(Error::new(ErrorKind::Configuration, "a topic excludes a TTL"));
        }
        sound::Sound.check(api, token, message)
    }
}

/// Seen in: a topic that is demanded of everyone.
#[derive(Debug)]
pub(crate) struct TopicDemanded;

impl Conduct for TopicDemanded {
    fn check(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<()> {
        if message.topic().is_none() {
            return Err(Error::new(ErrorKind::Configuration, "a topic is needed"));
        }
        sound::Sound.check(api, token, message)
    }
}

/// Seen in: a limit that is learnt from refusals.
#[derive(Debug, Default)]
pub(crate) struct ClaimsLearnt(pub(crate) AtomicUsize);

impl Conduct for ClaimsLearnt {
    fn capabilities(&self) -> Capabilities {
        let learnt = self.0.load(Ordering::Relaxed);
        Capabilities::new(MAX_BODY - learnt).with_ttl().with_urgency().with_topic()
    }

    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        if response.status().as_u16() == 413 {
            self.0.store(500, Ordering::Relaxed);
        }
        sound::outcome(response, now)
    }
}

/// Seen in: a limit that is asked for each time, of a push service that is not sure.
#[derive(Debug, Default)]
pub(crate) struct ClaimsGrow(pub(crate) AtomicUsize);

impl Conduct for ClaimsGrow {
    fn capabilities(&self) -> Capabilities {
        let nth = self.0.fetch_add(1, Ordering::Relaxed);
        Capabilities::new(1_800 + nth.min(6) * 200).with_ttl().with_urgency().with_topic()
    }
}

/// Seen in: a limit from another document.
#[derive(Debug)]
pub(crate) struct ClaimsTooMuch;

impl Conduct for ClaimsTooMuch {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(5_000).with_ttl().with_urgency().with_topic()
    }
}

/// Seen in: one slot for the settings of the next message.
#[derive(Debug, Default)]
pub(crate) struct OptionShared(pub(crate) std::sync::Mutex<u32>);

#[async_trait]
impl Conduct for OptionShared {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        *self.0.lock().unwrap() = message.ttl().as_secs();
        request(api, token, content(message))
    }

    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        tokio::task::yield_now().await;
        let ttl = *self.0.lock().unwrap();
        let mut content: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        content["ttl"] = ttl.into();
        *request.body_mut() = content.to_string().into();
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: the token in the error about it.
#[derive(Debug)]
pub(crate) struct TokenInError;

impl Conduct for TokenInError {
    fn check(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<()> {
        sound::Sound.check(api, token, message)?;
        sound::channel(token).map(drop).map_err(|error| {
            let text = token.expose("channel").unwrap_or_default().to_owned();
            Error::new(error.kind(), format!("'{}' is no channel", text.escape_default()))
        })
    }
}

/// Seen in: nothing: it is right.
#[derive(Debug)]
pub(crate) struct Keyed;

impl Conduct for Keyed {
    fn capabilities(&self) -> Capabilities {
        sound::Sound.capabilities().with_idempotent()
    }

    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["key"] = sealpush_hex(message.id()).into();
        request(api, token, content)
    }
}

/// Seen in: a key that is drawn for each request.
#[derive(Debug)]
pub(crate) struct KeyDrawn;

impl Conduct for KeyDrawn {
    fn capabilities(&self) -> Capabilities {
        sound::Sound.capabilities().with_idempotent()
    }

    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["key"] = NEXT.fetch_add(1, Ordering::Relaxed).to_string().into();
        request(api, token, content)
    }
}

/// Seen in: a key that is the address.
#[derive(Debug)]
pub(crate) struct KeyOfTheAddress;

impl Conduct for KeyOfTheAddress {
    fn capabilities(&self) -> Capabilities {
        sound::Sound.capabilities().with_idempotent()
    }

    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["key"] = token.expose("channel").unwrap_or_default().into();
        request(api, token, content)
    }
}

fn sealpush_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Seen in: a TTL in minutes.
#[derive(Debug)]
pub(crate) struct TtlInWholeMinutes;

impl Conduct for TtlInWholeMinutes {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let minutes = message.ttl().as_secs().div_ceil(60);
        let ttl = Ttl::from_secs(minutes.saturating_mul(60));
        request(api, token, content(&message.clone().with_ttl(ttl)))
    }
}

/// Seen in: a second for the way.
#[derive(Debug)]
pub(crate) struct TtlLessASecond;

impl Conduct for TtlLessASecond {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let ttl = Ttl::from_secs(message.ttl().as_secs().saturating_sub(1));
        request(api, token, content(&message.clone().with_ttl(ttl)))
    }
}

/// Seen in: a table of urgencies with three rows.
#[derive(Debug)]
pub(crate) struct VeryLowIsLow;

impl Conduct for VeryLowIsLow {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        if message.urgency() == Urgency::VeryLow {
            content["urgency"] = "low".into();
        }
        request(api, token, content)
    }
}

/// Seen in: a topic in the branch for stored messages.
#[derive(Debug)]
pub(crate) struct TopicWithTtlOnly;

impl Conduct for TopicWithTtlOnly {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        if message.ttl() == Ttl::default() {
            content["replaces"].take();
        }
        request(api, token, content)
    }
}

/// Seen in: a limit that is lower at night.
#[derive(Debug, Default)]
pub(crate) struct ClaimsByTheClock(std::sync::Mutex<Option<SystemTime>>, AtomicUsize);

#[async_trait]
impl Conduct for ClaimsByTheClock {
    fn capabilities(&self) -> Capabilities {
        let less = self.1.load(Ordering::Relaxed);
        Capabilities::new(MAX_BODY - less).with_ttl().with_urgency().with_topic()
    }

    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let now = api.clock.now();
        let first = *self.0.lock().unwrap().get_or_insert(now);
        if now.duration_since(first).is_ok_and(|passed| passed.as_secs() > 7_200) {
            self.1.store(900, Ordering::Relaxed);
        }
        let response = api.transport.send(request).await?;
        self.outcome(&response, now)
    }
}

/// Seen in: a second one to be sure, of what matters.
#[derive(Debug)]
pub(crate) struct TwiceWhenUrgent;

#[async_trait]
impl Conduct for TwiceWhenUrgent {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let content: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        if content["urgency"] == "high" {
            let response = api.transport.send(request.clone()).await?;
            self.outcome(&response, api.clock.now())?;
        }
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: room for the topic, taken from the message.
#[derive(Debug)]
pub(crate) struct CutForTheTopic;

impl Conduct for CutForTheTopic {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        if message.topic().is_some() {
            let data = content["data"].as_str().unwrap_or_default();
            content["data"] = data.chars().take(3_800).collect::<String>().into();
        }
        request(api, token, content)
    }
}

/// Seen in: branches for one option that forget another.
#[derive(Debug)]
pub(crate) struct TtlLostBesideATopic;

impl Conduct for TtlLostBesideATopic {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let plain = message.clone().with_ttl(Ttl::default());
        let kept = if message.topic().is_some() { &plain } else { message };
        request(api, token, content(kept))
    }
}

/// Seen in: one field for what is urgent and what expires.
#[derive(Debug)]
pub(crate) struct UrgencyLostBesideATtl;

impl Conduct for UrgencyLostBesideATtl {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let plain = message.clone().with_urgency(Urgency::default());
        let kept = if message.ttl() == Ttl::default() { message } else { &plain };
        request(api, token, content(kept))
    }
}

/// Seen in: a call that is not to replace another.
#[derive(Debug)]
pub(crate) struct TopicLostWhenUrgent;

impl Conduct for TopicLostWhenUrgent {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        if message.urgency() == Urgency::High {
            content["replaces"].take();
        }
        request(api, token, content)
    }
}
