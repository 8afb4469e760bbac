//! The relay as one value: keys, database, the ways out, and its life from start to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sealpush::clock::{Clock, SystemClock};
use sealpush::contact::RelayOrigin;
use sealpush::contact::relay::Relay;
use sealpush::layers::RetryPolicy;
use sealpush::local::PushService;
use sealpush::providers::WebPush;
use sealpush::providers::webpush::VapidKeys;
use sealpush::transport::HyperTransport;
use sealpush::{Client, EndpointGuard, Error, ErrorKind, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::keys::KeyFile;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::relay;
use crate::settings::Settings;
use crate::store::Store;

/// What every route sees.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) relay: Relay,
    pub(crate) store: Store,
    pub(crate) client: Client,
    /// To other relays.
    pub(crate) transport: HyperTransport,
    pub(crate) origin: RelayOrigin,
    pub(crate) vapid_public_key: String,
    pub(crate) keeps_messages: bool,
    pub(crate) behind_proxy: bool,
    pub(crate) shows_metrics: bool,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    keys: KeyFile,
    clock: Arc<dyn Clock>,
}

/// A relay that runs. Dropping it ends it at once; [`stop`](Self::stop) loses nothing.
#[derive(Debug)]
pub struct Messenger {
    app: Arc<App>,
    address: SocketAddr,
    local_push: Option<PushService>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Messenger {
    /// Reads keys and database, or makes them, and listens.
    ///
    /// # Errors
    ///
    /// `Configuration` for a setting, a directory or a key file that cannot be used; `Unavailable`
    /// when the database cannot be reached; `Transport` when the address cannot be listened on.
    pub async fn start(settings: Settings) -> Result<Self> {
        Self::start_with_clock(settings, Arc::new(SystemClock)).await
    }

    /// As [`start`](Self::start), with another clock for addresses, counters and delays.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        make_directory(&settings.data)?;
        let (keys, ring) = KeyFile::open(&settings.data.join("keys.json"), clock.now())?;
        let store = Store::open(&database_url(&settings)?).await?;

        let listener = TcpListener::bind(settings.listen).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let origin = match settings.origin {
            Some(origin) => origin,
            None => format!("localhost:{}", address.port()).parse()?,
        };
        let local_push = match settings.local_push {
            Some(port) => {
                let listen = SocketAddr::from(([127, 0, 0, 1], port));
                Some(PushService::builder().listen(listen).start().await?)
            }
            None => None,
        };
        let loopback_only = settings.loopback_only || local_push.is_some();
        let guard = || match loopback_only {
            true => EndpointGuard::loopback_for_tests(),
            false => EndpointGuard::default(),
        };

        let mut vapid = keys.vapid_keys()?.into_iter();
        let newest = vapid
            .next()
            .ok_or_else(|| Error::new(ErrorKind::Configuration, "the key file has no VAPID key"))?;
        let mut relay = Relay::new(ring, Arc::new(store.clone()))
            .with_slot_limit(settings.per_card)
            .with_clock(Arc::clone(&clock));
        let vapid_public_key = newest.public_key_base64();
        relay = relay.with_vapid_key(&vapid_public_key)?;
        let mut vapid_keys = VapidKeys::new(settings.vapid_subject.parse()?, newest);
        for older in vapid {
            relay = relay.with_vapid_key(&older.public_key_base64())?;
            vapid_keys = vapid_keys.with_key(older);
        }
        if settings.no_mailbox {
            relay = relay.without_mailbox();
        }
        if settings.any_push_service || loopback_only {
            relay = relay.with_any_push_service();
        }
        let web_push = WebPush::builder().vapid(vapid_keys).guard(guard()).build()?;
        let app = Arc::new(App {
            relay,
            store,
            client: Client::builder().provider(web_push).retry(patience()).build()?,
            transport: HyperTransport::builder().guard(guard()).build()?,
            origin,
            vapid_public_key,
            keeps_messages: !settings.no_mailbox,
            behind_proxy: settings.behind_proxy,
            shows_metrics: settings.metrics,
            limits: Limits::new(settings.per_minute),
            metrics: Metrics::default(),
            keys,
            clock,
        });

        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&app), stopping.clone()));
        tasks.spawn(push_delayed(Arc::clone(&app), stopping.clone()));
        tasks.spawn(keep_house(Arc::clone(&app), stopping));
        Ok(Self { app, address, local_push, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Under which name devices reach it.
    #[must_use]
    pub fn origin(&self) -> &RelayOrigin {
        &self.app.origin
    }

    /// The push service on this machine, where there is one.
    #[must_use]
    pub fn local_push(&self) -> Option<&PushService> {
        self.local_push.as_ref()
    }

    /// Takes no more requests, finishes those under way, stores the keys, closes the database.
    ///
    /// # Errors
    ///
    /// `Configuration` when the key file cannot be written.
    pub async fn stop(mut self) -> Result<()> {
        // Nobody listens when all tasks have ended already.
        let _ = self.stop.send(true);
        let ended = tokio::time::timeout(LONGEST_STOP, async {
            while self.tasks.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!("connections that did not end were cut");
        }
        let stored = self.app.store_keys();
        self.app.store.close().await;
        if let Some(service) = self.local_push {
            service.shutdown().await;
        }
        stored
    }
}

impl App {
    fn store_keys(&self) -> Result<()> {
        let mut stored = Ok(());
        self.relay.store_keys(|ring| stored = self.keys.store(ring));
        stored
    }
}

async fn serve(listener: TcpListener, app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let routes = relay::routes(app).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, routes).with_graceful_shutdown(async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    if let Err(error) = served.await {
        tracing::error!(%error, "the listener failed");
    }
}

/// Pushes what has waited for its time. A message is forgotten only after its push, so that a crash
/// makes a second push of it, which the device drops, and never none.
async fn push_delayed(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    loop {
        match app.store.due(app.clock.now()).await {
            Ok(waiting) if !waiting.is_empty() => {
                let mut pushes = JoinSet::new();
                for it in waiting {
                    pushes.spawn(push_one(Arc::clone(&app), it.id, it.sealed));
                }
                // While the database has trouble, it is not asked without a pause.
                let all_done = pushes.join_all().await.into_iter().all(|done| done);
                if all_done && !*stopping.borrow() {
                    continue;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(kind = ?error.kind(), "delayed messages cannot be read"),
        }
        if sleeps(&mut stopping, LOOK_FOR_DELAYED).await {
            return;
        }
    }
}

/// Whether the message is off the list.
async fn push_one(app: Arc<App>, id: i64, sealed: Vec<u8>) -> bool {
    match app.relay.resume(&sealed).await {
        Ok(Some(push)) => {
            let _ = relay::push(&app, push).await;
        }
        // Its address died, or the key that sealed the row is gone: nobody can push it any more.
        Ok(None) => {}
        Err(error) if error.kind() == ErrorKind::Rejected => {}
        Err(_) => return false,
    }
    let done = app.store.done(id).await;
    if let Err(error) = &done {
        tracing::warn!(kind = ?error.kind(), "a delayed message will be pushed again");
    }
    done.is_ok()
}

/// Rotates and stores the keys, forgets what is over.
async fn keep_house(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    loop {
        let rotated = app.relay.rotate_keys(|_| {});
        if let Err(error) = rotated.and_then(|()| app.store_keys()) {
            tracing::error!(kind = ?error.kind(), "the keys cannot be rotated or stored");
        }
        if let Err(error) = app.store.tidy(app.clock.now()).await {
            tracing::warn!(kind = ?error.kind(), "the database cannot be tidied");
        }
        if sleeps(&mut stopping, HOUSEKEEPING).await {
            return;
        }
    }
}

/// Waits; `true` when it is time to stop.
async fn sleeps(stopping: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::time::timeout(time, stopping.wait_for(|stop| *stop)).await.is_ok()
}

fn make_directory(path: &std::path::Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| {
        let fact = "the directory of --data cannot be made";
        Error::new(ErrorKind::Configuration, fact).with_source(error)
    })
}

fn database_url(settings: &Settings) -> Result<String> {
    if let Some(url) = &settings.database_url {
        return Ok(url.clone());
    }
    let path = settings.data.join("messenger.db");
    let path = path.to_str().filter(|path| !path.contains(['?', '#', '%']));
    let path = path.ok_or_else(|| {
        let fact = "the directory of --data has a name that no database URL can say";
        Error::new(ErrorKind::Configuration, fact)
    })?;
    Ok(format!("sqlite://{path}?mode=rwc"))
}

/// A sender waits for the answer, so a push is tried for some seconds only; the mailbox has it.
fn patience() -> RetryPolicy {
    RetryPolicy::default()
        .with_attempts(std::num::NonZeroU32::MIN.saturating_add(1))
        .with_max_elapsed(Duration::from_secs(10))
}

fn cannot_listen(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Transport, "the address of --listen cannot be listened on")
        .with_source(error)
}

/// How long connections may take to end.
const LONGEST_STOP: Duration = Duration::from_secs(45);
const LOOK_FOR_DELAYED: Duration = Duration::from_secs(1);
const HOUSEKEEPING: Duration = Duration::from_secs(3600);
