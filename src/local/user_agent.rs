//! A user agent in Rust: what a browser is to a web page, for tests and for programs without one.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use zeroize::Zeroizing;

use super::protocol::{
    DELIVERED, FromUserAgent, MAX_FRAME, NOT_DELIVERED, NOT_OPENED, ToUserAgent, Update,
};
use super::uuid::random_uuid;
use crate::provider::ProviderId;
use crate::seal::backend::{Active, Backend};
use crate::seal::keys::{POINT_LEN, decode_base64};
use crate::{Error, ErrorKind, OpenError, Result, Token, UserAgentSecret, open};

/// Subscribes, receives and opens messages, over the websocket that browsers use.
///
/// Its keys are made here and never leave; a [`Token`] carries the public half. Nothing runs in the
/// background: messages are read, opened and acknowledged in [`next`](Self::next).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sealpush::local::{PushService, UserAgent};
///
/// let service = PushService::start().await?;
/// let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
/// let subscription = user_agent.subscribe(None).await?;
/// let token = subscription.token(); // to hand to a sender
/// # assert_eq!(token.provider().as_str(), "webpush");
/// # Ok(()) }
/// ```
pub struct UserAgent {
    websocket_url: String,
    uaid: Option<String>,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    /// By channel id.
    held: HashMap<String, Held>,
    /// Opened and not yet handed out.
    arrived: VecDeque<Result<Delivery>>,
    /// Not yet written: acknowledgements wait here, so that a `next` that is dropped loses none.
    outgoing: VecDeque<FromUserAgent>,
    /// The latest messages, to drop one that is repeated after a reconnection.
    seen: VecDeque<String>,
}

impl UserAgent {
    /// Connects to a push service, `ws://` only, and says hello.
    ///
    /// # Errors
    ///
    /// `Transport` when there is no connection, `UnexpectedResponse` when the other side does not
    /// speak the protocol.
    pub async fn connect(websocket_url: &str) -> Result<Self> {
        let mut user_agent = Self::new(websocket_url);
        user_agent.reconnect().await?;
        Ok(user_agent)
    }

    /// Connects as the user agent that [`save`](Self::save) wrote down; stored messages follow.
    ///
    /// Its [subscriptions](Self::subscriptions) are none when the push service no longer knows it.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that `save` did not write; else as [`connect`](Self::connect).
    pub async fn resume(websocket_url: &str, saved: &str) -> Result<Self> {
        let mut user_agent = Self::new(websocket_url);
        user_agent.load(saved).ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "the text is not a saved user agent")
        })?;
        user_agent.reconnect().await?;
        Ok(user_agent)
    }

    /// What [`resume`](Self::resume) needs to go on in another process, as JSON. It holds the
    /// private keys.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sealpush::local::{PushService, UserAgent};
    ///
    /// let service = PushService::start().await?;
    /// let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
    /// let token = user_agent.subscribe(None).await?.token();
    /// let saved = user_agent.save();
    /// drop(user_agent);
    ///
    /// let user_agent = UserAgent::resume(&service.websocket_url(), &saved).await?;
    /// assert!(user_agent.subscriptions().any(|subscription| subscription.token() == token));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn save(&self) -> Zeroizing<String> {
        let subscriptions = self.held.iter().map(|(id, held)| SavedSubscription {
            id: id.clone(),
            token: held.token.clone(),
            private_key: Zeroizing::new(
                URL_SAFE_NO_PAD.encode(held.secret.expose_private_key().as_slice()),
            ),
        });
        let saved = Saved { uaid: self.uaid.clone(), subscriptions: subscriptions.collect() };
        Zeroizing::new(serde_json::to_string(&saved).expect("maps with text keys serialize"))
    }

    /// The subscriptions that it opens messages for, in no order.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription> {
        self.held
            .iter()
            .map(|(id, held)| Subscription { id: id.clone(), token: held.token.clone() })
    }

    /// Makes a subscription with fresh keys.
    ///
    /// With an application server key, in base64, only messages signed with it are accepted, and
    /// the token names it in `applicationServerKey`.
    ///
    /// # Errors
    ///
    /// `Configuration` when the key is not a point of P-256, `Rejected` when the push service
    /// refuses; `Transport` and `UnexpectedResponse` as [`connect`](Self::connect).
    pub async fn subscribe(
        &mut self,
        application_server_key: Option<&str>,
    ) -> Result<Subscription> {
        let key = application_server_key.map(normalize_key).transpose()?;
        let secret = UserAgentSecret::generate()?;
        let channel_id = random_uuid()?;
        self.outgoing.push_back(FromUserAgent::Register {
            channel_id: channel_id.clone(),
            key: key.clone(),
        });
        let endpoint = loop {
            match self.receive().await? {
                ToUserAgent::Register { channel_id: answered, status, push_endpoint }
                    if answered == channel_id =>
                {
                    if status != 200 {
                        return Err(Error::new(
                            ErrorKind::Rejected,
                            "the push service refused the subscription",
                        )
                        .with_status(status));
                    }
                    break push_endpoint.ok_or_else(unexpected)?;
                }
                frame => self.take(frame),
            }
        };
        let address = Address { endpoint, application_server_key: key };
        let token =
            Token::new(ProviderId::from_static("webpush"), &address, secret.keys().clone())?;
        self.held.insert(channel_id.clone(), Held { secret, token: token.clone() });
        Ok(Subscription { id: channel_id, token })
    }

    /// Waits for the next message, opens it and acknowledges it.
    ///
    /// A message that does not open is acknowledged as such and answered as an error; the messages
    /// after it follow. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// `Rejected`, with [`OpenError`] as its source, for a message that does not open; `Transport`
    /// when the connection ends or there is none: [`reconnect`](Self::reconnect).
    pub async fn next(&mut self) -> Result<Delivery> {
        loop {
            if !self.arrived.is_empty() {
                // What is here is handed out even when the connection is gone; its
                // acknowledgement then waits for the next one.
                let _ = self.flush().await;
            }
            if let Some(delivery) = self.arrived.pop_front() {
                return delivery;
            }
            let frame = self.receive().await?;
            self.take(frame);
        }
    }

    /// Ends a subscription: the push service answers 410 from here on.
    ///
    /// # Errors
    ///
    /// `Transport` and `UnexpectedResponse` as [`connect`](Self::connect).
    pub async fn unsubscribe(&mut self, subscription: &Subscription) -> Result<()> {
        self.outgoing.push_back(FromUserAgent::Unregister { channel_id: subscription.id.clone() });
        loop {
            match self.receive().await? {
                ToUserAgent::Unregister { channel_id, .. } if channel_id == subscription.id => {
                    self.held.remove(&subscription.id);
                    return Ok(());
                }
                frame => self.take(frame),
            }
        }
    }

    /// Closes the connection. Subscriptions stay; the push service stores what comes.
    pub async fn disconnect(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            // The other side may have left already.
            let _ = socket.close(None).await;
            while let Some(Ok(_)) = socket.next().await {}
        }
    }

    /// Connects again as the same user agent; stored messages follow. Subscriptions end when the
    /// push service no longer knows it.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn reconnect(&mut self) -> Result<()> {
        self.disconnect().await;
        // An acknowledgement that waits is still right; requests were given up by their callers.
        self.outgoing.retain(|frame| matches!(frame, FromUserAgent::Ack { .. }));
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let (socket, _) = tokio_tungstenite::connect_async_with_config(
            self.websocket_url.as_str(),
            Some(config),
            true,
        )
        .await
        .map_err(|error| {
            Error::new(ErrorKind::Transport, "cannot connect to the push service's websocket")
                .with_source(error)
        })?;
        self.socket = Some(socket);
        self.outgoing
            .push_front(FromUserAgent::Hello { uaid: self.uaid.clone(), use_webpush: true });
        let ToUserAgent::Hello { uaid, status: 200, use_webpush: true, .. } =
            self.receive().await?
        else {
            self.socket = None;
            return Err(unexpected());
        };
        if self.uaid.replace(uaid) != self.uaid {
            self.held.clear();
        }
        Ok(())
    }

    fn new(websocket_url: &str) -> Self {
        Self {
            websocket_url: websocket_url.to_owned(),
            uaid: None,
            socket: None,
            held: HashMap::new(),
            arrived: VecDeque::new(),
            outgoing: VecDeque::new(),
            seen: VecDeque::new(),
        }
    }

    fn load(&mut self, saved: &str) -> Option<()> {
        let saved: Saved = serde_json::from_str(saved).ok()?;
        self.uaid = saved.uaid;
        for SavedSubscription { id, token, private_key } in saved.subscriptions {
            let private_key = decode_base64(&private_key)?;
            let auth_secret = token.keys().auth_secret().expose();
            let secret = UserAgentSecret::new(&private_key, auth_secret).ok()?;
            if secret.keys() != token.keys() {
                return None;
            }
            self.held.insert(id, Held { secret, token });
        }
        Some(())
    }

    /// Opens what is a notification, drops what is not.
    fn take(&mut self, frame: ToUserAgent) {
        let ToUserAgent::Notification { channel_id, version, data, .. } = frame else { return };
        let code = if self.seen.contains(&version) {
            NOT_DELIVERED
        } else {
            if self.seen.len() == MAX_SEEN {
                self.seen.pop_front();
            }
            self.seen.push_back(version.clone());
            match self.open(&channel_id, data.as_deref()) {
                None => NOT_DELIVERED,
                Some(Ok(payload)) => {
                    let delivery = Delivery { subscription: channel_id.clone(), payload };
                    self.arrived.push_back(Ok(delivery));
                    DELIVERED
                }
                Some(Err(error)) => {
                    self.arrived.push_back(Err(Error::new(
                        ErrorKind::Rejected,
                        "a message arrived that does not open",
                    )
                    .with_source(error)));
                    NOT_OPENED
                }
            }
        };
        let update = Update { channel_id, version, code };
        self.outgoing.push_back(FromUserAgent::Ack { updates: vec![update] });
    }

    /// `None` for an unknown channel.
    fn open(
        &self,
        channel_id: &str,
        data: Option<&str>,
    ) -> Option<Result<Option<Vec<u8>>, OpenError>> {
        let secret = &self.held.get(channel_id)?.secret;
        let Some(data) = data else { return Some(Ok(None)) };
        let body = URL_SAFE_NO_PAD.decode(data.trim_end_matches('=')).map_err(|_| OpenError);
        Some(body.and_then(|body| open(secret, &body)).map(Some))
    }

    /// Writes what waits and reads one frame.
    async fn receive(&mut self) -> Result<ToUserAgent> {
        self.flush().await?;
        let socket = self.socket.as_mut().ok_or_else(disconnected)?;
        loop {
            let text = match socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(_)) | None => {
                    self.socket = None;
                    return Err(disconnected());
                }
                Some(Err(error)) => {
                    self.socket = None;
                    return Err(disconnected().with_source(error));
                }
            };
            return ToUserAgent::parse(&text).ok_or_else(unexpected);
        }
    }

    async fn flush(&mut self) -> Result<()> {
        let socket = self.socket.as_mut().ok_or_else(disconnected)?;
        let failed = |error| disconnected().with_source(error);
        while let Some(frame) = self.outgoing.front() {
            // A `feed` that is dropped while it waits has taken nothing.
            socket.feed(Message::text(frame.to_text())).await.map_err(failed)?;
            self.outgoing.pop_front();
        }
        socket.flush().await.map_err(failed)
    }
}

impl fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAgent")
            .field("websocket_url", &self.websocket_url)
            .field("connected", &self.socket.is_some())
            .field("subscriptions", &self.held.len())
            .finish_non_exhaustive()
    }
}

/// A subscription with what opens its messages.
struct Held {
    secret: UserAgentSecret,
    token: Token,
}

/// A user agent written down.
#[derive(Deserialize, Serialize)]
struct Saved {
    uaid: Option<String>,
    subscriptions: Vec<SavedSubscription>,
}

#[derive(Deserialize, Serialize)]
struct SavedSubscription {
    id: String,
    token: Token,
    /// The scalar in base64url; the token has the rest.
    private_key: Zeroizing<String>,
}

/// A subscription of a [`UserAgent`].
#[derive(Clone)]
pub struct Subscription {
    id: String,
    token: Token,
}

impl Subscription {
    /// Names the subscription in [`Delivery::subscription`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What a sender needs: the push resource and the public keys.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token.clone()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).field("token", &self.token).finish()
    }
}

/// A message that arrived and opened.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// The [`Subscription::id`] that it came for.
    pub subscription: String,
    /// The plaintext; `None` for a push without a body.
    pub payload: Option<Vec<u8>>,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("subscription", &self.subscription)
            .field("payload", &self.payload.as_ref().map(|_| "[redacted]"))
            .finish()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_server_key: Option<String>,
}

/// How many messages are remembered to find a repeated one.
const MAX_SEEN: usize = 256;

fn disconnected() -> Error {
    Error::new(ErrorKind::Transport, "the user agent is not connected to its push service")
}

fn unexpected() -> Error {
    Error::new(ErrorKind::UnexpectedResponse, "the push service does not follow the protocol")
}

fn normalize_key(text: &str) -> Result<String> {
    let octets = decode_base64(text)
        .and_then(|octets| <[u8; POINT_LEN]>::try_from(octets.as_slice()).ok())
        .filter(|octets| octets.first() == Some(&4) && Active::public_key(octets).is_ok())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "the application server key must be a point of P-256: 65 octets in base64",
            )
        })?;
    Ok(URL_SAFE_NO_PAD.encode(octets))
}
