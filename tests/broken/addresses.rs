//! Providers that take an address for what it is not.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use sealpush::{Accepted, Error, ErrorKind, ProviderId, Result, SealedMessage, Token};
use serde_json::Value;

use super::sound::{self, Api, Conduct, build, content, request};

/// Seen in: a topic that stands for all subscribers.
#[derive(Debug)]
pub(crate) struct AddressForgotten;

impl Conduct for AddressForgotten {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        sound::channel(token)?;
        build(&format!("{}/v1/channels/all", api.base), content(message).to_string().into())
    }
}

/// Seen in: a connection per user that was opened for the first one.
#[derive(Debug, Default)]
pub(crate) struct AddressKept(pub(crate) Mutex<Option<String>>);

impl Conduct for AddressKept {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = sound::channel(token)?.to_owned();
        let first = self.0.lock().unwrap().get_or_insert(own).clone();
        build(&format!("{}/v1/channels/{first}", api.base), content(message).to_string().into())
    }
}

/// Seen in: a builder that is shared by all sends, filled in before an await and read after it.
#[derive(Debug, Default)]
pub(crate) struct AddressShared(pub(crate) Mutex<Option<String>>);

#[async_trait]
impl Conduct for AddressShared {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = sound::channel(token)?.to_owned();
        *self.0.lock().unwrap() = Some(own);
        request(api, token, content(message))
    }

    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        tokio::task::yield_now().await;
        if let Some(last) = self.0.lock().unwrap().clone() {
            *request.uri_mut() = format!("{}/v1/channels/{last}", api.base).parse().unwrap();
        }
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a repetition after a failure that is built from what was sent last.
#[derive(Debug, Default)]
pub(crate) struct AddressOfTheLast(pub(crate) Mutex<Option<http::Uri>>);

#[async_trait]
impl Conduct for AddressOfTheLast {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = request(api, token, content(message))?;
        *self.0.lock().unwrap() = Some(own.uri().clone());
        Ok(own)
    }

    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let request = self.request(api, token, message)?;
        let access = self.access(api, None).await?;
        let mut first = request.clone();
        first.headers_mut().insert("authorization", access.clone());
        match self.exchange(api, first).await {
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                let mut again = request;
                if let Some(last) = self.0.lock().unwrap().clone() {
                    *again.uri_mut() = last;
                }
                let access = self.access(api, Some(&access)).await?;
                again.headers_mut().insert("authorization", access);
                self.exchange(api, again).await
            }
            outcome => outcome,
        }
    }
}

/// Seen in: a normalisation of names.
#[derive(Debug)]
pub(crate) struct AddressTidied;

impl Conduct for AddressTidied {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = sound::channel(token)?.to_lowercase();
        build(&format!("{}/v1/channels/{own}", api.base), content(message).to_string().into())
    }
}

/// Seen in: a column of 64 characters.
#[derive(Debug)]
pub(crate) struct AddressCut;

impl Conduct for AddressCut {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own: String = sound::channel(token)?.chars().take(64).collect();
        build(&format!("{}/v1/channels/{own}", api.base), content(message).to_string().into())
    }
}

/// Seen in: a path that is pasted together.
#[derive(Debug)]
pub(crate) struct PathPasted;

impl Conduct for PathPasted {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = token.expose("channel").filter(|own| !own.is_empty() && !own.starts_with('.'));
        let own = own.ok_or_else(|| Error::new(ErrorKind::InvalidToken, "no channel"))?;
        build(&format!("{}/v1/channels/{own}", api.base), content(message).to_string().into())
    }
}

/// Seen in: an address that may be a whole URL.
#[derive(Debug)]
pub(crate) struct UrlTaken;

impl Conduct for UrlTaken {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = token.expose("channel").unwrap_or_default();
        if own.starts_with("https://") {
            return build(own, content(message).to_string().into());
        }
        request(api, token, content(message))
    }
}

/// Seen in: a token that is passed on with all its members.
#[derive(Debug)]
pub(crate) struct AllMembersTravel;

impl Conduct for AllMembersTravel {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["target"] = token.address()?;
        request(api, token, content)
    }
}

/// Seen in: a reader that denies unknown members.
#[derive(Debug)]
pub(crate) struct StrangeMembersRefused;

impl Conduct for StrangeMembersRefused {
    fn check(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<()> {
        let members = token.address::<serde_json::Map<_, Value>>()?;
        if members.keys().any(|name| name != "channel") {
            return Err(Error::new(ErrorKind::InvalidToken, "the token has an unknown member"));
        }
        sound::Sound.check(api, token, message)
    }
}

/// Seen in: a memory of what was sent, against duplicates.
#[derive(Debug, Default)]
pub(crate) struct RepetitionDropped(pub(crate) Mutex<HashSet<[u8; 16]>>);

#[async_trait]
impl Conduct for RepetitionDropped {
    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        if !self.0.lock().unwrap().insert(*message.id()) {
            return Ok(Accepted::new(sound::ID));
        }
        sound::Sound.attempt(api, token, message).await
    }
}

/// Seen in: names that say which instance it is.
#[derive(Debug, Default)]
pub(crate) struct NameChanges(pub(crate) AtomicUsize);

impl Conduct for NameChanges {
    fn id(&self) -> ProviderId {
        let nth = self.0.fetch_add(1, Ordering::Relaxed);
        format!("channels{}", if nth < 1 { String::new() } else { nth.to_string() })
            .parse()
            .unwrap()
    }
}

/// Seen in: a cache of addresses by their first letters.
#[derive(Debug, Default)]
pub(crate) struct AddressByItsBeginning(Mutex<std::collections::HashMap<String, String>>);

impl Conduct for AddressByItsBeginning {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = sound::channel(token)?.to_owned();
        let beginning: String = own.chars().take(4).collect();
        let kept = self.0.lock().unwrap().entry(beginning).or_insert(own).clone();
        build(&format!("{}/v1/channels/{kept}", api.base), content(message).to_string().into())
    }
}

/// Seen in: a ring of buffers, as many as anybody was thought to need.
pub(crate) struct RingOfAddresses(AtomicUsize, Mutex<Vec<String>>);

impl std::fmt::Debug for RingOfAddresses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RingOfAddresses")
    }
}

impl RingOfAddresses {
    pub(crate) fn new(len: usize) -> Self {
        Self(AtomicUsize::new(0), Mutex::new(vec![String::new(); len]))
    }
}

#[async_trait]
impl Conduct for RingOfAddresses {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        let slot = {
            let mut ring = self.1.lock().unwrap();
            let slot = self.0.fetch_add(1, Ordering::Relaxed) % ring.len();
            ring[slot] = request.uri().to_string();
            slot
        };
        tokio::task::yield_now().await;
        *request.uri_mut() = self.1.lock().unwrap()[slot].parse().unwrap();
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: what was said of one subscription, told of those that look like it.
#[derive(Debug, Default)]
pub(crate) struct EndOfAnother(Mutex<HashSet<String>>);

#[async_trait]
impl Conduct for EndOfAnother {
    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let own = sound::channel(token)?;
        // The one that it was said of is asked for again.
        let others = format!("{}-{}", &own[..own.len().min(6)], own.len());
        let known = self.0.lock().unwrap().contains(&others);
        if known && !self.0.lock().unwrap().contains(own) {
            return Err(Error::new(ErrorKind::Expired, "the channel is gone"));
        }
        let outcome = sound::Sound.attempt(api, token, message).await;
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::Expired) {
            self.0.lock().unwrap().extend([own.to_owned(), others]);
        }
        outcome
    }
}

/// Seen in: settings that were pasted.
#[derive(Debug)]
pub(crate) struct AddressTrimmed;

impl Conduct for AddressTrimmed {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = token.expose("channel").unwrap_or_default().trim();
        if own.is_empty() || !own.bytes().all(|octet| octet.is_ascii_alphanumeric()) {
            return Err(Error::new(ErrorKind::InvalidToken, "the token has no channel"));
        }
        build(&format!("{}/v1/channels/{own}", api.base), content(message).to_string().into())
    }
}
