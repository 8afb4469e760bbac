//! An embedded push service and user agent, for development and tests.
//!
//! [`PushService`] is a whole push service on a loopback address: the push resources that senders
//! post to (RFC 8030, strict as RFC 8292 and RFC 8291 are written) and the websocket that Firefox
//! speaks, so that real browsers can subscribe to it. [`UserAgent`] is the other end without a
//! browser. [`Faults`] makes trouble on demand: refusals, resets, delays, garbage.
//!
//! ```
//! # #[cfg(feature = "webpush")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sealpush::local::{Acknowledgement, Fault, Faults, PushService, UserAgent};
//! use sealpush::providers::WebPush;
//! use sealpush::{EndpointGuard, Message, PushProviderExt};
//!
//! let service = PushService::start().await?;
//! let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
//! let token = user_agent.subscribe(None).await?.token();
//!
//! let web_push = WebPush::builder().guard(EndpointGuard::loopback_for_tests()).build()?;
//! service.set_faults(Faults::script([Fault::status(503)]));
//! assert!(web_push.send_encrypted(&token, &Message::new("hi")).await.unwrap_err().is_retryable());
//! let accepted = web_push.send_encrypted(&token, &Message::new("hi")).await?;
//!
//! let delivery = user_agent.next().await?;
//! assert_eq!(delivery.payload.as_deref(), Some(&b"hi"[..]));
//! let message_id = accepted.message_id.ok_or("no message resource")?;
//! assert_eq!(service.acknowledgement(&message_id).await, Acknowledgement::Delivered);
//! service.shutdown().await;
//! # Ok(()) }
//! # #[cfg(not(feature = "webpush"))]
//! # fn main() {}
//! ```
//!
//! It is not a push service for production: everything is in memory and nothing is limited but
//! the number of messages stored for one subscription and the size of what is read.
//!
//! # How it is built
//!
//! | file | idea |
//! |---|---|
//! | `store.rs` | subscriptions and messages; pure. A message goes in by `deposit`, whatever protocol brought it |
//! | `service.rs` | the state that connections share |
//! | `server.rs` | one port for HTTP/1.1 and HTTP/2; owns every task |
//! | `http.rs` | one `match` on the path; push resources and message resources |
//! | `vapid.rs` | who signed a request |
//! | `websocket.rs`, `protocol.rs` | the browser's side |
//! | `acknowledgement.rs` | what user agents said about messages |
//! | `faults.rs` | what goes wrong, around any path that stores messages |
//! | `user_agent.rs` | the user agent |
//! | [`vendors`] | doubles of FCM and OneSignal, over the same store |

mod acknowledgement;
mod answer;
mod device;
mod devices;
mod faults;
mod fcm;
mod hub;
mod json;
mod onesignal;
mod protocol;
mod router;
mod server;
mod store;
mod user_agent;
pub mod vendors;
mod webpush;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ::http::{HeaderMap, Method, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::hub::Service;
use crate::clock::{Clock, SystemClock};
use crate::{Error, ErrorKind, MessageId, Result, Token};

pub use self::acknowledgement::Acknowledgement;
pub use self::faults::{Fault, Faults, RetryAfter};
pub use self::user_agent::{Delivery, Subscription, UserAgent};

/// A push service on a loopback address; see the [module](self).
///
/// Dropping it stops it at once. All its tasks run on the runtime that started it.
pub struct PushService {
    service: Arc<Service>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl PushService {
    /// Settings, with defaults for all of them.
    pub fn builder() -> Builder {
        Builder {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            faults: Faults::none(),
            clock: Arc::new(SystemClock),
            require_vapid: false,
            max_stored: DEFAULT_MAX_STORED,
        }
    }

    /// Starts with the defaults: a free port of 127.0.0.1, no faults.
    ///
    /// # Errors
    ///
    /// `Transport` when no port can be had.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// Where it listens, as `http://127.0.0.1:PORT`: the `aud` of VAPID headers.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.service.origin()
    }

    /// Where user agents connect, as `ws://127.0.0.1:PORT/`.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws{}/", self.origin().trim_start_matches("http"))
    }

    /// The latest requests that arrived, oldest first: at most 10,000.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.service.requests()
    }

    /// Waits until the user agent acknowledges a message, named as senders see it: by its
    /// `Location`, which is [`Accepted::message_id`](crate::Accepted::message_id).
    ///
    /// For ever when the message was dropped, cancelled or never there. The latest 10,000 are
    /// remembered.
    pub async fn acknowledgement(&self, message_id: &MessageId) -> Acknowledgement {
        self.service.acknowledgement(message_id.expose()).await
    }

    /// Waits until a user agent is connected. Firefox connects once it is up, and loses a
    /// subscription that a page asks for before.
    pub async fn connected(&self) {
        self.service.connected().await;
    }

    /// Waits until the user agent ends the subscription of a token: browsers tell the page first
    /// and the push service later.
    pub async fn unsubscribed(&self, token: &Token) {
        self.service.ended(token.expose("endpoint").unwrap_or_default()).await;
    }

    /// Replaces what goes wrong from the next push request on.
    pub fn set_faults(&self, faults: Faults) {
        self.service.set_faults(faults);
    }

    /// Hangs up on all user agents and refuses new ones with 503, or takes them again. Messages
    /// are accepted and stored all the while.
    pub fn set_online(&self, online: bool) {
        self.service.store().set_online(online);
    }

    /// Stops listening, lets the requests in flight finish, hangs up on user agents.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // It fails only when it panicked, and a panic has been printed.
        let _ = (&mut self.server).await;
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl fmt::Debug for PushService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushService").field("origin", &self.origin()).finish_non_exhaustive()
    }
}

/// Settings of a [`PushService`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    listen: SocketAddr,
    faults: Faults,
    clock: Arc<dyn Clock>,
    require_vapid: bool,
    max_stored: usize,
}

impl Builder {
    /// Where to listen. Default: a free port of 127.0.0.1. Port 0 finds a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// What goes wrong. Default: nothing.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Tells when messages and VAPID headers expire. Default: the operating system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Refuses requests without VAPID even where the subscription takes any sender. Default: no.
    pub fn require_vapid(mut self, require: bool) -> Self {
        self.require_vapid = require;
        self
    }

    /// Most messages stored for one subscription, beyond which it answers 429. Default: 100.
    pub fn max_stored(mut self, messages: usize) -> Self {
        self.max_stored = messages;
        self
    }

    /// Listens, and serves from a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// `Transport` when the address cannot be listened on.
    pub async fn start(self) -> Result<PushService> {
        let failed = |error| {
            Error::new(ErrorKind::Transport, "the push service cannot listen on its address")
                .with_source(error)
        };
        let listener = TcpListener::bind(self.listen).await.map_err(failed)?;
        let origin = format!("http://{}", listener.local_addr().map_err(failed)?);
        let service = Arc::new(Service::new(
            origin,
            self.clock,
            self.require_vapid,
            self.max_stored,
            self.faults,
        ));
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(server::run(listener, Arc::clone(&service), stopped));
        Ok(PushService { service, stop, server })
    }
}

/// A request that a [`PushService`] received.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where the path leads. The path itself is a capability and is not kept.
    pub kind: PathKind,
    /// All header fields, with the sender's credentials.
    pub headers: HeaderMap,
    /// Octets of the body that were read.
    pub body_len: usize,
    /// The status answered; `None` while there is none, or when the request was cut off.
    pub status: Option<StatusCode>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("kind", &self.kind)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_len", &self.body_len)
            .field("status", &self.status)
            .finish()
    }
}

/// What a path of a [`PushService`] leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PathKind {
    /// The token endpoint of the double of FCM.
    AccessToken,
    /// Messages to a project at the double of FCM.
    FcmMessages,
    /// A stored message: DELETE cancels it.
    MessageResource,
    /// Messages to apps at the double of OneSignal.
    OneSignalNotifications,
    /// A subscription: POST pushes to it.
    PushResource,
    /// Nowhere.
    Unknown,
    /// The websocket of user agents.
    Websocket,
}

const DEFAULT_MAX_STORED: usize = 100;
/// Most requests that are recorded; the oldest go first.
const MAX_RECORDED: usize = 10_000;
