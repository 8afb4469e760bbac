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
//! [`PushService::apns`], [`PushService::fcm`], [`PushService::klaviyo`], [`PushService::onesignal`]
//! and [`PushService::sailthru`] are doubles of the push services that apps use, on the same port, over the same store, under the same faults (except at the token endpoint
//! of FCM, which refuses what [`FcmProject::revoke_service_account`] revoked). They are strict where
//! the real ones are: credentials, the shape of the JSON, texts that must be texts, reserved names,
//! sizes, times, exactly one target. A message reaches a [`Device`] of
//! theirs, which opens it. This is how to test an application: give the provider the double's URL and
//! credentials, and the guard that lets it connect to this machine only.
//!
//! ```
//! # #[cfg(feature = "fcm")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sealpush::local::{Platform, PushService};
//! use sealpush::providers::Fcm;
//! use sealpush::providers::fcm::ServiceAccount;
//! use sealpush::{EndpointGuard, Message, PushProviderExt};
//!
//! let service = PushService::start().await?;
//! let project = service.fcm("example-project");
//! let mut device = project.register(Platform::Android)?;
//!
//! let fcm = Fcm::builder()
//!     .credentials(ServiceAccount::from_json(&project.service_account_json()?)?)
//!     .base_url(project.base_url())
//!     .guard(EndpointGuard::loopback_for_tests())
//!     .build()?;
//! fcm.send_encrypted(&device.token(), &Message::new("the door is open")).await?;
//!
//! let delivery = device.next().await?;
//! assert_eq!(delivery.payload.as_deref(), Some(&b"the door is open"[..]));
//! # Ok(()) }
//! # #[cfg(not(feature = "fcm"))]
//! # fn main() {}
//! ```
//!
//! What the doubles do not do: localized texts, templates, segments, delivery reports, and the
//! limits on rates, which [`Faults`] play.
//!
//! # Limits
//!
//! It is not a push service for production: everything is in memory, and there are no users. But a
//! developer's machine has browsers, so it answers no request whose `Host` is not its own name, or
//! whose `Origin` is a page elsewhere. What it keeps is bounded in octets, so that all of it stays
//! below 64 MiB: messages (8 MiB, and [`max_stored`](PushServiceBuilder::max_stored) for one
//! subscription), recorded requests (6 MiB), requests in flight (6 MiB), 10,000 subscriptions, 512
//! connections. A request's head must arrive in 10 seconds and its body in 30.
//!
//! # How it is built
//!
//! Each row knows the rows below it and none above.
//!
//! | file | idea |
//! |---|---|
//! | `mod.rs`, `router.rs` | the whole: settings, and where a path leads |
//! | `webpush/`, `apns/`, `fcm/`, `klaviyo/`, `onesignal/`, `pubsub/`, `sailthru/` | one folder per push service; none knows another |
//! | `oauth.rs` | who may use the doubles of Google's |
//! | `device.rs` | a phone with an app on it |
//! | `call.rs` | one request: read it, play a fault, serve it, finish its record |
//! | `hub.rs` | the state that connections share |
//! | `store.rs` | subscriptions and messages; pure. A message goes in by `deposit`, whatever protocol brought it |
//! | `site.rs`, `faults.rs`, `record.rs`, `acknowledgement.rs` | who may call, what goes wrong, what arrived, what user agents said |
//! | `user_agent.rs` | a browser without a browser |
//! | `protocol.rs`, `answer.rs`, `paths.rs`, `uuid.rs`, `es256.rs` | words, and one signature |
//!
//! The server under it, which knows no push, is `serve/`; the conformance kit stands on it too.

mod acknowledgement;
mod answer;
mod apns;
mod call;
mod device;
mod es256;
mod faults;
mod fcm;
mod hub;
mod klaviyo;
mod oauth;
mod onesignal;
mod paths;
mod protocol;
mod pubsub;
mod record;
mod router;
mod sailthru;
mod site;
mod store;
mod user_agent;
mod uuid;
mod webpush;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use self::apns::Apns;
use self::fcm::Fcm;
use self::hub::{Hub, Observer};
use self::klaviyo::Klaviyo;
use self::oauth::Accounts;
use self::onesignal::OneSignal;
use self::pubsub::PubSub;
use self::router::Router;
use self::sailthru::Sailthru;
use self::site::Site;
use self::webpush::WebPush;
use crate::clock::{Clock, SystemClock};
use crate::serve::Server;
use crate::{Error, ErrorKind, MessageId, Result, Token};

pub use self::acknowledgement::Acknowledgement;
pub use self::apns::{ApnsApp, ApnsDevice, ApnsInstallation};
pub use self::device::{Device, DeviceDelivery};
pub use self::faults::{Fault, Faults, RetryAfter};
pub use self::fcm::{FcmDevice, FcmInstallation, FcmProject, Platform};
pub use self::hub::Event;
pub use self::klaviyo::{KlaviyoAccount, KlaviyoDevice, KlaviyoInstallation};
pub use self::onesignal::{OneSignalApp, OneSignalDevice, OneSignalSubscription};
pub use self::paths::PathKind;
pub use self::pubsub::{PubSubProject, PubSubReceiver, PubSubSubscription};
pub use self::record::Request;
pub use self::sailthru::{SailthruApp, SailthruDevice, SailthruInstallation};
pub use self::user_agent::{Delivery, Subscription, UserAgent};

/// A push service on a loopback address; see the [module](self).
///
/// Dropping it stops it at once. All its tasks run on the runtime that started it.
///
/// # Panics
///
/// When one of its tasks panicked, for example in a [`Clock`] of the test's own: the methods that
/// wait, [`shutdown`](Self::shutdown), and dropping it, so that no test passes over it.
pub struct PushService {
    hub: Arc<Hub>,
    apns: Arc<Apns>,
    fcm: Arc<Fcm>,
    klaviyo: Arc<Klaviyo>,
    onesignal: Arc<OneSignal>,
    pubsub: Arc<PubSub>,
    sailthru: Arc<Sailthru>,
    server: Server,
}

impl PushService {
    /// Settings, with defaults for all of them.
    pub fn builder() -> PushServiceBuilder {
        PushServiceBuilder {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            faults: Faults::none(),
            clock: Arc::new(SystemClock),
            require_vapid: false,
            max_stored: DEFAULT_MAX_STORED,
            observer: None,
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

    /// How senders reach it, the `aud` of VAPID headers: the
    /// [public URL](PushServiceBuilder::public_url), or where it listens as
    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.hub.origin()
    }

    /// Where user agents connect, as `ws://127.0.0.1:PORT/`.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws{}/", self.origin().trim_start_matches("http"))
    }

    /// An app at the double of Apple Push Notification service. The same bundle id gives the same
    /// app, with a key and a team of its own.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness for a key.
    pub fn apns(&self, bundle_id: &str) -> Result<ApnsApp> {
        self.apns.app(bundle_id)
    }

    /// A Firebase project at the double of FCM. The same name gives the same project.
    #[must_use]
    pub fn fcm(&self, project_id: &str) -> FcmProject {
        self.fcm.project(project_id)
    }

    /// An app at the double of OneSignal. The same UUID gives the same app.
    ///
    /// # Errors
    ///
    /// `Configuration` when the id is not a UUID, `Unavailable` when the operating system has no
    /// randomness for a key.
    pub fn onesignal(&self, app_id: &str) -> Result<OneSignalApp> {
        self.onesignal.app(app_id)
    }

    /// A Google Cloud project at the double of Pub/Sub. The same name gives the same project.
    #[must_use]
    pub fn pubsub(&self, project_id: &str) -> PubSubProject {
        self.pubsub.project(project_id)
    }

    /// An app at the double of Sailthru Mobile. The same name gives the same app.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness for keys.
    pub fn sailthru(&self, name: &str) -> Result<SailthruApp> {
        self.sailthru.app(name)
    }

    /// An account at the double of Klaviyo. The same name gives the same account.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness for a key.
    pub fn klaviyo(&self, name: &str) -> Result<KlaviyoAccount> {
        self.klaviyo.account(name)
    }

    /// The latest requests that arrived, oldest first: at most 10,000, and 6 MiB of header fields.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.server.check();
        self.hub.requests()
    }

    /// Waits until the user agent acknowledges a message, named as senders see it: by its
    /// `Location`, which is [`Accepted::message_id`](crate::Accepted::message_id).
    ///
    /// For ever when the message was dropped, cancelled or never there. The latest 10,000 are
    /// remembered.
    pub async fn acknowledgement(&self, message_id: &MessageId) -> Acknowledgement {
        self.server.watch(self.hub.acknowledgement(message_id.expose())).await
    }

    /// Waits until a user agent is connected. Firefox connects once it is up, and loses a
    /// subscription that a page asks for before.
    pub async fn connected(&self) {
        self.server.watch(self.hub.connected()).await;
    }

    /// Waits until the user agent ends the subscription of a token: browsers tell the page first
    /// and the push service later.
    pub async fn unsubscribed(&self, token: &Token) {
        let push_resource = token.expose("endpoint").unwrap_or_default();
        self.server.watch(self.hub.ended(push_resource)).await;
    }

    /// Replaces what goes wrong from the next push request on.
    pub fn set_faults(&self, faults: Faults) {
        self.hub.set_faults(faults);
    }

    /// Hangs up on all user agents and refuses new ones with 503, or takes them again. Messages
    /// are accepted and stored all the while.
    pub fn set_online(&self, online: bool) {
        self.hub.store().set_online(online);
    }

    /// Stops listening, lets the requests in flight finish, hangs up on user agents.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
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
pub struct PushServiceBuilder {
    listen: SocketAddr,
    public_url: Option<String>,
    faults: Faults,
    clock: Arc<dyn Clock>,
    require_vapid: bool,
    max_stored: usize,
    observer: Option<Observer>,
}

impl PushServiceBuilder {
    /// Where to listen. Default: a free port of 127.0.0.1. Port 0 finds a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// How senders and user agents reach it, where that is not the address it listens on: behind
    /// a reverse proxy, in a container. Push resources begin with it, and VAPID headers name it.
    /// An origin such as `https://push.example.com`.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// What goes wrong. Default: nothing.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Tells when messages and VAPID headers expire. Default: the operating system's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Refuses requests without VAPID even where the subscription takes any sender. Default: no.
    pub fn require_vapid(mut self, require: bool) -> Self {
        self.require_vapid = require;
        self
    }

    /// Most messages stored for one subscription, beyond which it answers 429. Default: 100. All
    /// subscriptions together hold 8 MiB, beyond which the push service answers 503.
    pub fn max_stored(mut self, messages: usize) -> Self {
        self.max_stored = messages;
        self
    }

    /// Calls `observer` with everything that happens, as it happens, in the task that serves it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sealpush::local::{Event, PushService};
    ///
    /// let builder = PushService::builder().on_event(|event| {
    ///     if let Event::Request(request) = event {
    ///         println!("{} {:?} {:?}", request.method, request.kind, request.status);
    ///     }
    /// });
    /// let service = builder.start().await?;
    /// # Ok(()) }
    /// ```
    pub fn on_event(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Observer(Arc::new(observer)));
        self
    }

    /// Listens, and serves from a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// `Transport` when the address cannot be listened on, `Configuration` when the public URL is
    /// not an origin.
    pub async fn start(self) -> Result<PushService> {
        let failed = |error| {
            Error::new(ErrorKind::Transport, "the push service cannot listen on its address")
                .with_source(error)
        };
        let listener = TcpListener::bind(self.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let site = Site::new(address, self.public_url.as_deref())?;
        let hub = Hub::new(site, self.clock, self.max_stored, self.faults, self.observer);
        let hub = Arc::new(hub);
        let apns = Arc::new(Apns::new(Arc::clone(&hub)));
        let accounts = Arc::<Mutex<Accounts>>::default();
        let fcm = Arc::new(Fcm::new(Arc::clone(&hub), Arc::clone(&accounts)));
        let klaviyo = Arc::new(Klaviyo::new(Arc::clone(&hub)));
        let onesignal = Arc::new(OneSignal::new(Arc::clone(&hub)));
        let pubsub = Arc::new(PubSub::new(Arc::clone(&hub), accounts));
        let sailthru = Arc::new(Sailthru::new(Arc::clone(&hub)));
        let router = Arc::new(Router {
            hub: Arc::clone(&hub),
            webpush: WebPush::new(Arc::clone(&hub), self.require_vapid),
            apns: Arc::clone(&apns),
            fcm: Arc::clone(&fcm),
            klaviyo: Arc::clone(&klaviyo),
            onesignal: Arc::clone(&onesignal),
            pubsub: Arc::clone(&pubsub),
            sailthru: Arc::clone(&sailthru),
        });
        let server = Server::start(listener, move |connection, request| {
            Arc::clone(&router).serve(connection, request)
        });
        Ok(PushService { hub, apns, fcm, klaviyo, onesignal, pubsub, sailthru, server })
    }
}

const DEFAULT_MAX_STORED: usize = 100;
