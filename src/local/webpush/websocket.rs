//! The browser's side of the push service: the websocket of Mozilla's Autopush.
//!
//! A connection says `hello`, registers and unregisters subscriptions, is sent notifications and
//! acknowledges them. A message is deleted on any acknowledgement, whatever its code: a user agent
//! that could not open it will not be able to later.

use std::collections::BTreeMap;
use std::sync::Arc;

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

use super::super::hub::{Service, random_name};
use super::super::protocol::{ContentHeaders, FromUserAgent, MAX_FRAME, SUBPROTOCOL, ToUserAgent};
use super::super::server::Connection;
use super::super::store::{Line, Notification, PublicKey};
use super::{Answer, Refusal};
use crate::seal::backend::{Active, Backend};
use crate::seal::keys::decode_base64;

/// Answers the handshake (RFC 6455 §4.2) and goes on with the user agent in a task of its own.
pub(super) fn upgrade(
    service: &Arc<Service>,
    connection: &Connection,
    head: &mut Parts,
) -> Result<Answer, Refusal> {
    let key = head
        .headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|_| head.method == Method::GET && wants_websocket(&head.headers))
        .ok_or(Refusal::UPGRADE)?;
    let accept_key = derive_accept_key(key.as_bytes());
    if !service.store().is_online() {
        return Err(Refusal::OFFLINE);
    }
    let upgraded = head.extensions.remove::<OnUpgrade>().ok_or(Refusal::UPGRADE)?;

    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept_key = accept_key.parse().map_err(|_| Refusal::UNKNOWN)?;
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept_key);
    if lists(&head.headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }

    let service = Arc::clone(service);
    let mut stop = connection.stop();
    connection.spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config));
        let mut socket = socket.await;
        let session = Session::new(service);
        let line = Arc::clone(&session.line);
        tokio::select! {
            () = session.run(&mut socket) => {}
            () = line.hung_up.notified() => {}
            _ = stop.changed() => {}
        }
        // Says goodbye where that needs no waiting for a peer that may not be reading.
        socket.close(None).now_or_never();
    });
    Ok(answer)
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
    service: Arc<Service>,
    line: Arc<Line>,
    uaid: Option<String>,
}

impl Session {
    fn new(service: Arc<Service>) -> Self {
        Self { service, line: Arc::default(), uaid: None }
    }

    /// Until the user agent leaves or breaks the protocol.
    async fn run(mut self, socket: &mut WebSocketStream<TokioIo<Upgraded>>) {
        loop {
            let frames = tokio::select! {
                () = self.line.wake.notified() => self.due(),
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => match self.answer(&text) {
                        Some(frame) => vec![frame],
                        None => return,
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    _ => return,
                },
            };
            for frame in frames.into_iter().flatten() {
                if socket.send(Message::text(frame)).await.is_err() {
                    return;
                }
            }
        }
    }

    fn due(&self) -> Vec<Option<String>> {
        let Some(uaid) = &self.uaid else { return Vec::new() };
        let due = self.service.store().due(uaid, &self.line, self.service.now());
        due.into_iter().map(|notification| Some(notify(notification).to_text())).collect()
    }

    /// The answer to a frame, `Some(None)` where there is none; `None` ends the connection.
    fn answer(&mut self, text: &str) -> Option<Option<String>> {
        let frame = FromUserAgent::parse(text)?;
        let answer = match (frame, &self.uaid) {
            (FromUserAgent::Hello { uaid, use_webpush: true }, None) => self.hello(uaid)?,
            (FromUserAgent::Ping {}, _) => return Some(Some("{}".to_owned())),
            (FromUserAgent::Ack { updates }, Some(uaid)) => {
                for update in updates {
                    self.service.acknowledge(uaid, update.version, update.code.into());
                }
                return Some(None);
            }
            // The message was acknowledged before its handler failed.
            (FromUserAgent::BroadcastSubscribe {} | FromUserAgent::Nack {}, Some(_)) => {
                return Some(None);
            }
            (FromUserAgent::Register { channel_id, key }, Some(uaid)) => {
                let registered = self.register(uaid, &channel_id, key.as_deref());
                let status = registered.as_ref().map_or_else(|status| *status, |_| 200);
                ToUserAgent::Register { channel_id, status, push_endpoint: registered.ok() }
            }
            (FromUserAgent::Unregister { channel_id }, Some(uaid)) => {
                self.service.unregister(uaid, &channel_id);
                ToUserAgent::Unregister { channel_id, status: 200 }
            }
            (FromUserAgent::Hello { .. }, _) | (_, None) => return None,
        };
        Some(Some(answer.to_text()))
    }

    fn hello(&mut self, claimed: Option<String>) -> Option<ToUserAgent> {
        let line = Arc::clone(&self.line);
        let uaid = self.service.hello(claimed, fresh_uaid()?, line)?;
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
        let address = random_name::<32>().ok_or(500_u16)?;
        let address =
            self.service.store().register(uaid, channel_id, key, address).ok_or(409_u16)?;
        Ok(self.service.push_resource(&address, key.as_ref()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(uaid) = &self.uaid {
            self.service.store().disconnect(uaid, &self.line);
        }
    }
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
