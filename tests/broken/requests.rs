//! Providers that send something else than they were given.

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use sealpush::{Accepted, Capabilities, ErrorKind, Result, SealedMessage, Token, Ttl};
use serde_json::json;

use super::sound::{self, Api, Conduct, MAX_BODY, content, request};

/// Seen in: an audience made of scheme and host, without the port.
#[derive(Debug)]
pub(crate) struct AudienceWithoutPort;

#[async_trait]
impl Conduct for AudienceWithoutPort {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        let without_port = api.base.trim_end_matches(":8443");
        let (right, wrong) = (sound::audience(&api.base), sound::audience(without_port));
        if let Some(value) = request.headers_mut().get_mut("authorization") {
            *value = value.to_str().unwrap().replace(&right, &wrong).parse().unwrap();
        }
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: an address that is put together again from scheme, host and path.
#[derive(Debug)]
pub(crate) struct AddressWithoutPort;

impl Conduct for AddressWithoutPort {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut request = request(api, token, content(message))?;
        *request.uri_mut() = request.uri().to_string().replace(":8443", "").parse().unwrap();
        Ok(request)
    }
}

/// Seen in: a field of the request that was never filled.
#[derive(Debug)]
pub(crate) struct TtlDropped;

impl Conduct for TtlDropped {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        request(api, token, content(&message.clone().with_ttl(Ttl::default())))
    }
}

/// Seen in: `if ttl { .. }` in languages where zero is false.
#[derive(Debug)]
pub(crate) struct ZeroTtlIsUnset;

impl Conduct for ZeroTtlIsUnset {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let ttl = if message.ttl() == Ttl::NOW { Ttl::default() } else { message.ttl() };
        request(api, token, content(&message.clone().with_ttl(ttl)))
    }
}

/// Seen in: one interface over many vendors that ignores what one of them cannot do.
#[derive(Debug)]
pub(crate) struct TopicDropped;

impl Conduct for TopicDropped {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(MAX_BODY).with_ttl().with_urgency()
    }

    fn check(&self, _: &Api, token: &Token, message: &SealedMessage) -> Result<()> {
        token.require(&sound::ID)?;
        if message.topic().is_some() { Ok(()) } else { self.capabilities().check(message) }
    }

    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["replaces"].take();
        request(api, token, content)
    }
}

/// Seen in: a server that cuts messages to its own limit.
#[derive(Debug)]
pub(crate) struct BodyTruncated;

impl Conduct for BodyTruncated {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        let text = content["data"].as_str().unwrap_or_default();
        content["data"] = text.chars().take(2048).collect::<String>().into();
        request(api, token, content)
    }
}

/// Seen in: octets that travel as a string.
#[derive(Debug)]
pub(crate) struct BodyAsText;

impl Conduct for BodyAsText {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        use base64::Engine;
        let text = String::from_utf8_lossy(message.body()).into_owned();
        let mut content = content(message);
        content["data"] = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text).into();
        request(api, token, content)
    }
}

/// Seen in: a fallback to a visible text when the encrypted form is refused.
#[derive(Debug)]
pub(crate) struct VisibleFallback;

#[async_trait]
impl Conduct for VisibleFallback {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request.clone()).await?;
        match self.outcome(&response, api.clock.now()) {
            Err(error) if error.kind() == ErrorKind::Rejected => {
                *request.body_mut() = json!({ "text": "New message" }).to_string().into();
                let response = api.transport.send(request).await?;
                self.outcome(&response, api.clock.now())
            }
            outcome => outcome,
        }
    }
}

/// Seen in: webhooks that pass the whole subscription on.
#[derive(Debug)]
pub(crate) struct KeysTravel;

impl Conduct for KeysTravel {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["subscription"] = serde_json::to_value(token).unwrap();
        request(api, token, content)
    }
}

/// Seen in: JSON that is pasted together.
#[derive(Debug)]
pub(crate) struct AddressPasted;

impl Conduct for AddressPasted {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let channel = token.expose("channel").unwrap_or_default();
        let content = content(message).to_string();
        let pasted = format!("{{\"channel\":\"{channel}\",{}", content.trim_start_matches('{'));
        sound::build(&format!("{}/v1/channels", api.base), pasted.into())
    }
}

/// Seen in: clients that leave the limit to the push service.
#[derive(Debug)]
pub(crate) struct LimitUnchecked;

impl Conduct for LimitUnchecked {
    fn check(&self, _: &Api, token: &Token, _: &SealedMessage) -> Result<()> {
        token.require(&sound::ID)
    }
}

/// Seen in: routing by the member that happens to be there.
#[derive(Debug)]
pub(crate) struct ForeignTokenSent;

impl Conduct for ForeignTokenSent {
    fn check(&self, _: &Api, _: &Token, message: &SealedMessage) -> Result<()> {
        self.capabilities().check(message)
    }
}
