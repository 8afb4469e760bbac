//! The browser's side of the push service: the websocket of Mozilla's Autopush.
//!
//! A connection says `hello`, registers and unregisters subscriptions, is sent notifications and
//! acknowledges them. A message is deleted on any acknowledgement, whatever its code: a user agent
//! that could not open it will not be able to later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{FutureExt, SinkExt, StreamExt};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::super::answer::{self, Answer};
use super::super::call::Call;
use super::super::hub::{Hub, random_name};
use super::super::protocol::{ContentHeaders, FromUserAgent, MAX_FRAME, SUBPROTOCOL, ToUserAgent};
use super::super::store::{Line, NotRegistered, Notification, PublicKey};
use super::super::{paths, uuid};
use super::Refusal;
use crate::seal::backend::{Active, Backend};
use crate::seal::keys::decode_base64;
use crate::serve::Deadlines;

/// Answers the handshake (RFC 6455 §4.2) and goes on with the user agent in a task of its own.
pub(super) fn upgrade(hub: &Arc<Hub>, mut call: Call) -> Answer {
    let (accept_key, upgraded) = match handshake(hub, call.head_mut()) {
        Ok(agreed) => agreed,
        Err(refusal) => return call.answer(refusal.into_answer()),
    };
    let mut answer = answer::bare(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept_key);
    if lists(&call.head().headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }

    let hub = Arc::clone(hub);
    let connection = call.connection().clone();
    call.connection().spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config));
        let mut socket = socket.await;
        let session = Session::new(hub, connection.deadlines().clone());
        let line = Arc::clone(&session.line);
        let mut stop = connection.stop();
        tokio::select! {
            () = session.run(&mut socket) => {}
            () = line.hung_up.notified() => {}
            _ = stop.changed() => {}
        }
        // Says goodbye where that needs no waiting for a peer that may not be reading.
        socket.close(None).now_or_never();
    });
    call.answer(answer)
}

/// The key of the answer, and the octets that follow it.
fn handshake(hub: &Hub, head: &mut Parts) -> Result<(HeaderValue, OnUpgrade), Refusal> {
    let key = head
        .headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|_| head.method == Method::GET && wants_websocket(&head.headers))
        .ok_or(Refusal::UPGRADE)?;
    let accept_key = derive_accept_key(key.as_bytes()).parse().map_err(|_| Refusal::UNKNOWN)?;
    if !hub.store().is_online() {
        return Err(Refusal::OFFLINE);
    }
    let upgraded = head.extensions.remove::<OnUpgrade>().ok_or(Refusal::UPGRADE)?;
    Ok((accept_key, upgraded))
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    lists(headers, &header::CONNECTION, "upgrade") && lists(headers, &header::UPGRADE, "websocket")
}

/// Whether a comma-separated field has this member.
fn lists(headers: &HeaderMap, name: &header::HeaderName, member: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(member))
}

/// One connection of a user agent, forgotten by the store when it is dropped.
struct Session {
    hub: Arc<Hub>,
    deadlines: Deadlines,
    line: Arc<Line>,
    uaid: Option<String>,
}

impl Session {
    fn new(hub: Arc<Hub>, deadlines: Deadlines) -> Self {
        Self { hub, deadlines, line: Arc::default(), uaid: None }
    }

    /// Until the user agent leaves, breaks the protocol, or does not read.
    async fn run(mut self, socket: &mut WebSocketStream<TokioIo<Upgraded>>) {
        let deadlines = self.deadlines.clone();
        let unsaid_hello = deadlines.deadline(MAX_BEFORE_HELLO);
        loop {
            let frame = tokio::select! {
                () = self.line.wake.notified() => {
                    for notification in self.due() {
                        let frame = notify(notification).to_text();
                        if !write(&deadlines, socket, frame).await {
                            return;
                        }
                    }
                    continue;
                }
                () = unsaid_hello.passed(), if self.uaid.is_none() => return,
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => match self.answer(&text) {
                        Some(frame) => frame,
                        None => return,
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    _ => return,
                },
            };
            if let Some(frame) = frame
                && !write(&deadlines, socket, frame).await
            {
                return;
            }
        }
    }

    fn due(&self) -> Vec<Notification> {
        let Some(uaid) = &self.uaid else { return Vec::new() };
        let now = self.hub.now();
        self.hub.store().due(uaid, &self.line, now)
    }

    /// The answer to a frame, `Some(None)` where there is none; `None` ends the connection.
    fn answer(&mut self, text: &str) -> Option<Option<String>> {
        let frame = FromUserAgent::parse(text)?;
        let answer = match (frame, &self.uaid) {
            (FromUserAgent::Hello { uaid, use_webpush: true }, None) => self.hello(uaid)?,
            (FromUserAgent::Ping {}, _) => return Some(Some("{}".to_owned())),
            (FromUserAgent::Ack { updates }, Some(uaid)) => {
                for update in updates {
                    self.hub.acknowledge(uaid, update.version, update.code.into());
                }
                return Some(None);
            }
            // The message was acknowledged before its handler failed.
            (FromUserAgent::BroadcastSubscribe {} | FromUserAgent::Nack {}, Some(_)) => {
                return Some(None);
            }
            (FromUserAgent::Register { channel_id, key }, Some(uaid))
                if uuid::is_uuid(&channel_id) =>
            {
                let registered = self.register(uaid, &channel_id, key.as_deref());
                let status = registered.as_ref().map_or_else(|status| *status, |_| 200);
                ToUserAgent::Register { channel_id, status, push_endpoint: registered.ok() }
            }
            (FromUserAgent::Unregister { channel_id }, Some(uaid)) => {
                self.hub.unregister(uaid, &channel_id);
                ToUserAgent::Unregister { channel_id, status: 200 }
            }
            (FromUserAgent::Hello { .. } | FromUserAgent::Register { .. }, _) | (_, None) => {
                return None;
            }
        };
        Some(Some(answer.to_text()))
    }

    fn hello(&mut self, claimed: Option<String>) -> Option<ToUserAgent> {
        let line = Arc::clone(&self.line);
        let uaid = self.hub.hello(claimed, fresh_uaid()?, line)?;
        self.uaid = Some(uaid.clone());
        Some(ToUserAgent::Hello {
            uaid,
            status: 200,
            use_webpush: true,
            broadcasts: BTreeMap::new(),
        })
    }

    /// The push resource, or the status that says why there is none.
    fn register(&self, uaid: &str, channel_id: &str, key: Option<&str>) -> Result<String, u16> {
        let key = key.map(application_server_key).transpose().map_err(|()| 400_u16)?;
        let address = random_name::<32>().map_err(|_| 500_u16)?;
        let registered = self.hub.register(uaid, channel_id, key, address);
        let address = registered.map_err(|reason| match reason {
            NotRegistered::Full => 503_u16,
            NotRegistered::Key | NotRegistered::Unknown => 409,
        })?;
        let path = if key.is_some() { paths::RESTRICTED } else { paths::OPEN };
        Ok(format!("{}{path}{address}", self.hub.origin()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(uaid) = &self.uaid {
            self.hub.store().disconnect(uaid, &self.line);
        }
    }
}

/// Whether the user agent took the frame.
async fn write(
    deadlines: &Deadlines,
    socket: &mut WebSocketStream<TokioIo<Upgraded>>,
    frame: String,
) -> bool {
    let write = socket.send(Message::text(frame));
    deadlines.within(MAX_UNREAD, write).await.is_some_and(|written| written.is_ok())
}

fn notify(notification: Notification) -> ToUserAgent {
    let Notification { channel_id, id, body } = notification;
    let has_body = !body.is_empty();
    ToUserAgent::Notification {
        channel_id,
        version: id,
        data: has_body.then(|| URL_SAFE_NO_PAD.encode(&body)),
        headers: has_body.then(|| ContentHeaders { encoding: "aes128gcm".to_owned() }),
    }
}

/// 32 hexadecimal digits, as Mozilla's service gives out.
fn fresh_uaid() -> Option<String> {
    let mut octets = [0; 16];
    crate::seal::keys::fill_random(&mut octets).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(octets)))
}

fn application_server_key(text: &str) -> Result<PublicKey, ()> {
    let octets = decode_base64(text).ok_or(())?;
    let key = PublicKey::try_from(octets.as_slice()).map_err(|_| ())?;
    Active::public_key(&key).map_err(|_| ())?;
    Ok(key)
}

/// Longest time from the handshake to `hello`: 5 seconds, as in Mozilla's service.
const MAX_BEFORE_HELLO: Duration = Duration::from_secs(5);
/// Longest time in which a user agent takes nothing of what is written to it.
const MAX_UNREAD: Duration = Duration::from_secs(30);
