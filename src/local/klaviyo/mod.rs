//! The double of Klaviyo: push tokens, events, and flows that make a push of an event.
//!
//! As at Klaviyo, whoever raises an event is told that it was queued, and nothing of what becomes
//! of it: not whether there is a flow, a device, or a token that lives.

mod event;
mod refusal;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use self::event::{Event, PushToken};
use self::refusal::{Refused, scripted};
use super::answer::{self, Answer};
use super::call::{Call, Received};
use super::device::Device;
use super::hub::{Hub, lock, random_name};
use super::paths::PathKind;
use super::store::Deposit;
use super::uuid::random_uuid;
use crate::options::Ttl;
use crate::serve::Abandoned;
use crate::{Result, Token};

/// The double of Klaviyo.
pub(super) struct Klaviyo {
    hub: Arc<Hub>,
    accounts: Mutex<HashMap<String, Account>>,
}

/// What the double knows of an account.
struct Account {
    api_key: String,
    /// A key without the scopes to write.
    reading_key: String,
    /// The metrics whose events become a push.
    flows: BTreeSet<String>,
    /// The names of the profile of an installation, by push token; `None` before it is registered.
    installations: BTreeMap<String, Option<Names>>,
    seen: Seen,
}

/// A profile: `external_id`, `email`, `phone_number` and their values.
type Names = BTreeMap<String, String>;

/// The latest events, each once for a profile and a metric.
#[derive(Default)]
struct Seen {
    keys: HashSet<String>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl Seen {
    /// Remembers an event; `false` for one that is known.
    fn insert(&mut self, key: String) -> bool {
        if !self.keys.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > MAX_SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

impl Klaviyo {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, accounts: Mutex::default() }
    }

    /// An account, which is made when it is new.
    pub(super) fn account(self: &Arc<Self>, name: &str) -> Result<KlaviyoAccount> {
        let (own, reading) = (random_name::<24>()?, random_name::<24>()?);
        let mut accounts = self.accounts();
        let account = accounts.entry(name.to_owned()).or_insert_with(|| Account {
            api_key: format!("pk_{own}"),
            reading_key: format!("pk_{reading}"),
            flows: BTreeSet::new(),
            installations: BTreeMap::new(),
            seen: Seen::default(),
        });
        let (api_key, reading_key) = (account.api_key.clone(), account.reading_key.clone());
        drop(accounts);
        let klaviyo = Arc::clone(self);
        Ok(KlaviyoAccount { klaviyo, name: name.to_owned(), api_key, reading_key })
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        lock(&self.accounts)
    }

    pub(super) async fn serve(&self, call: Call, path: Path) -> Result<Answer, Abandoned> {
        match path {
            Path::Unknown => {
                let refused = Refused::new(StatusCode::NOT_FOUND, "not_found", "");
                Ok(call.answer(refused.into_answer()))
            }
            path => {
                call.serve_with_faults(MAX_REQUEST, scripted, |head, received| {
                    match self.take(head, &received, path) {
                        Ok(()) => answer::bare(StatusCode::ACCEPTED),
                        Err(refused) => refused.into_answer(),
                    }
                })
                .await
            }
        }
    }

    /// Takes an event or a push token, or says why not.
    fn take(&self, head: &Parts, received: &Received, path: Path) -> Result<(), Refused> {
        if head.method != Method::POST {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Err(Refused::new(status, "method_not_allowed", ""));
        }
        let mut accounts = self.accounts();
        let key = answer::credentials(&head.headers, "Klaviyo-API-Key")
            .ok_or_else(|| Refused::new(StatusCode::UNAUTHORIZED, "not_authenticated", ""))?;
        let account = accounts.values_mut().find(|it| it.api_key == key || it.reading_key == key);
        let account = account
            .ok_or_else(|| Refused::new(StatusCode::UNAUTHORIZED, "authentication_failed", ""))?;
        if account.reading_key == key {
            return Err(Refused::new(StatusCode::FORBIDDEN, "permission_denied", ""));
        }
        let revision = head.headers.get("revision").and_then(|value| value.to_str().ok());
        if !revision.is_some_and(event::is_date) {
            return Err(Refused::bad("", "revision"));
        }
        if !answer::is_of_type(&head.headers, "application/vnd.api+json") {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Refused::new(status, "unsupported_media_type", ""));
        }
        if received.octets > MAX_REQUEST {
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", ""));
        }
        match path {
            Path::Events => self.raise(account, &Event::read(&received.body)?),
            _ => {
                let PushToken { token, names } = PushToken::read(&received.body)?;
                // A token of no device is taken too: nobody looks at it here.
                if let Some(owner) = account.installations.get_mut(&token) {
                    *owner = Some(names);
                }
                Ok(())
            }
        }
    }

    /// Starts the flow of an event.
    fn raise(&self, account: &mut Account, event: &Event) -> Result<(), Refused> {
        let now = self.hub.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let unique = event.unique_id.clone().unwrap_or_else(|| now.as_secs().to_string());
        let is_new = account.seen.insert(json!([event.metric, event.names, unique]).to_string());
        if !is_new || event.backfill || !account.flows.contains(&event.metric) {
            return Ok(());
        }
        let body = event.content().to_bytes();
        for (token, names) in &account.installations {
            let is_meant = names.as_ref().is_some_and(|names| {
                event.names.iter().any(|(field, name)| names.get(field) == Some(name))
            });
            if is_meant {
                let name = random_uuid()
                    .map_err(|_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "error", ""))?;
                let deposit = Deposit { body: body.clone(), ttl: Ttl::default(), topic: None };
                // A device that is gone or full is no concern of the sender's.
                let _ = self.hub.deposit(&address(token), name, deposit);
            }
        }
        Ok(())
    }
}

/// A path of Klaviyo's.
#[derive(Clone, Copy)]
pub(super) enum Path {
    Events,
    PushTokens,
    Unknown,
}

impl Path {
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/api/events" | "/api/events/" => Some(Self::Events),
            "/api/push-tokens" | "/api/push-tokens/" => Some(Self::PushTokens),
            path if path.starts_with("/api/v1/") => None,
            path => path.starts_with("/api/").then_some(Self::Unknown),
        }
    }

    pub(super) fn kind(self) -> PathKind {
        match self {
            Self::Events => PathKind::KlaviyoEvents,
            Self::PushTokens => PathKind::KlaviyoPushTokens,
            Self::Unknown => PathKind::Unknown,
        }
    }
}

/// An account at the double of Klaviyo; see [`PushService::klaviyo`](super::PushService::klaviyo).
#[derive(Clone)]
pub struct KlaviyoAccount {
    klaviyo: Arc<Klaviyo>,
    name: String,
    api_key: String,
    reading_key: String,
}

impl KlaviyoAccount {
    /// The base URL to give to `Klaviyo::builder`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.klaviyo.hub.origin().to_owned()
    }

    /// A private key with the scopes to raise events and to register push tokens.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// A private key without them.
    #[must_use]
    pub fn api_key_without_scopes(&self) -> &str {
        &self.reading_key
    }

    /// Prepares the flow of a metric: its push has the pair `e2ee` of the event, and shows the
    /// event's placeholder. Before that, events are taken and nothing comes of them.
    pub fn add_flow(&self, metric: &str) {
        if let Some(account) = self.klaviyo.accounts().get_mut(&self.name) {
            account.flows.insert(metric.to_owned());
        }
    }

    /// Installs the app on a device of a person, without telling Klaviyo: for a sender that
    /// registers the [push token](KlaviyoDevice::push_token).
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness or there are 10,000 subscriptions
    /// already, `Transport` while the push service is offline.
    pub fn install(&self, external_id: &str) -> Result<KlaviyoDevice> {
        self.open(external_id, None)
    }

    /// Installs the app on a device, where Klaviyo's library registers it for a person.
    ///
    /// # Errors
    ///
    /// As [`install`](Self::install).
    pub fn register(&self, external_id: &str) -> Result<KlaviyoDevice> {
        let names = Names::from([("external_id".to_owned(), external_id.to_owned())]);
        self.open(external_id, Some(names))
    }

    fn open(&self, external_id: &str, names: Option<Names>) -> Result<KlaviyoDevice> {
        let push_token = random_name::<32>()?;
        let installation = KlaviyoInstallation {
            push_token: push_token.clone(),
            external_id: external_id.to_owned(),
        };
        let device = Device::open(&self.klaviyo.hub, &address(&push_token), installation)?;
        if let Some(account) = self.klaviyo.accounts().get_mut(&self.name) {
            account.installations.insert(push_token, names);
        }
        Ok(device)
    }
}

impl fmt::Debug for KlaviyoAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KlaviyoAccount").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An app installation that receives through the double of Klaviyo.
pub type KlaviyoDevice = Device<KlaviyoInstallation>;

/// What Klaviyo knows of a [`KlaviyoDevice`].
pub struct KlaviyoInstallation {
    push_token: String,
    external_id: String,
}

impl KlaviyoDevice {
    /// What a sender needs, with the person's external id.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token_with(PROVIDER, &json!({ "external_id": self.app.external_id }))
    }

    /// What Google would call the installation: for `Klaviyo::register`.
    #[must_use]
    pub fn push_token(&self) -> &str {
        &self.app.push_token
    }

    /// Removes the app from the device.
    pub fn uninstall(&self) {
        self.close();
    }
}

impl fmt::Debug for KlaviyoDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KlaviyoDevice").field("token", &self.token()).finish_non_exhaustive()
    }
}

impl fmt::Debug for KlaviyoInstallation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KlaviyoInstallation([redacted])")
    }
}

/// The address in the store. The space keeps it out of reach of the paths of Web Push.
fn address(push_token: &str) -> String {
    format!("klaviyo {push_token}")
}

const PROVIDER: &str = "klaviyo";
/// Most octets of a request. Klaviyo takes 5 MB; a sealed message needs three thousandths of that.
const MAX_REQUEST: usize = 256 * 1024;
/// Most events that are known again.
const MAX_SEEN: usize = 10_000;
