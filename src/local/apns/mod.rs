//! The double of Apple Push Notification service, its provider API.
//!
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>

mod notification;
mod provider_token;
mod refusal;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Version};
use serde_json::json;

use self::notification::{Head, MAX_VOIP_PAYLOAD, PushType};
use self::provider_token::TeamKey;
use self::refusal::Refusal;
use super::answer::{self, Answer};
use super::call::{Call, Received};
use super::device::Device;
use super::hub::{Hub, lock};
use super::paths::PathKind;
use super::store::{Deposit, NotStored};
use super::uuid::random_uuid;
use crate::seal::keys::fill_random;
use crate::serve::Abandoned;
use crate::{Result, Token};

/// The double of Apple's service: both environments in one.
pub(super) struct Apns {
    hub: Arc<Hub>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By bundle id.
    keys: HashMap<String, TeamKey>,
    /// By device token in lower case.
    installations: HashMap<String, Installation>,
}

/// An app on a device.
struct Installation {
    bundle_id: String,
    voip: bool,
    /// When it was removed, in milliseconds since the UNIX epoch.
    gone_at: Option<u64>,
}

impl Apns {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, state: Mutex::default() }
    }

    pub(super) fn app(self: &Arc<Self>, bundle_id: &str) -> Result<ApnsApp> {
        let mut state = self.state();
        if !state.keys.contains_key(bundle_id) {
            let key = TeamKey::generate(random_id()?, random_id()?)?;
            state.keys.insert(bundle_id.to_owned(), key);
        }
        Ok(ApnsApp { apns: Arc::clone(self), bundle_id: bundle_id.to_owned() })
    }

    pub(super) async fn serve(&self, call: Call, path: Path<'_>) -> Result<Answer, Abandoned> {
        // Apple closes what does not negotiate HTTP/2; here is no TLS to negotiate in.
        if call.head().version != Version::HTTP_2 {
            let text = "This push service speaks HTTP/2 only.";
            return Ok(call.answer(answer::text(StatusCode::HTTP_VERSION_NOT_SUPPORTED, text)));
        }
        match path {
            Path::Device(device_token) => {
                call.serve_with_faults(MAX_VOIP_PAYLOAD, refusal::scripted, |head, received| {
                    self.accept(head, &received, device_token)
                })
                .await
            }
            Path::Unknown => Ok(call.answer(Refusal::new(404, "BadPath").into_answer())),
        }
    }

    fn accept(&self, head: &Parts, received: &Received, device_token: &str) -> Answer {
        match self.take(head, received, device_token) {
            Ok(id) => {
                let mut answer = answer::bare(StatusCode::OK);
                if let Ok(id) = HeaderValue::from_str(&id) {
                    answer.headers_mut().insert("apns-id", id);
                }
                answer
            }
            Err(refusal) => refusal.into_answer(),
        }
    }

    /// Takes a message and answers its id, or says why not.
    fn take(
        &self,
        head: &Parts,
        received: &Received,
        device_token: &str,
    ) -> Result<String, Refusal> {
        if head.method != Method::POST {
            return Err(Refusal::new(405, "MethodNotAllowed"));
        }
        if device_token.is_empty() {
            return Err(Refusal::bad("MissingDeviceToken"));
        }
        let now = self.hub.now();
        let token = answer::credentials(&head.headers, "bearer")
            .ok_or_else(|| Refusal::new(403, "MissingProviderToken"))?;
        let asked = Head::read(&head.headers, now);
        let mut state = self.state();
        // Whose key it is decides before what is asked: the key is found by the app, or nowhere.
        let bundle_id = asked.as_ref().map(|asked| asked.bundle_id.as_str()).unwrap_or_default();
        let known = state.keys.contains_key(bundle_id);
        let mut checked = Err(Refusal::new(403, "InvalidProviderToken"));
        for (owner, key) in &mut state.keys {
            if !known || owner == bundle_id {
                checked = key.check(token, now);
                if checked.is_ok() {
                    break;
                }
            }
        }
        checked?;
        let asked = asked?;
        if !known {
            return Err(Refusal::bad("TopicDisallowed"));
        }
        let content = notification::content(asked.push_type, &received.body, received.octets)?;
        let digits = device_token.to_ascii_lowercase();
        let installation = state.installations.get(&digits);
        let installation = installation.ok_or_else(|| Refusal::bad("BadDeviceToken"))?;
        let is_for_calls = asked.push_type == PushType::Voip;
        if installation.bundle_id != asked.bundle_id || installation.voip != is_for_calls {
            return Err(Refusal::bad("DeviceTokenNotForTopic"));
        }
        if let Some(gone_at) = installation.gone_at {
            return Err(Refusal::unregistered(gone_at));
        }
        let trouble = |_| Refusal::new(500, "InternalServerError");
        let id = asked.id.map_or_else(random_uuid, Ok).map_err(trouble)?;
        let deposit =
            Deposit { body: content.to_bytes(), ttl: asked.ttl, topic: asked.collapse_id };
        self.hub.deposit(&address(&digits), id.clone(), deposit)?;
        Ok(id)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl From<NotStored> for Refusal {
    fn from(reason: NotStored) -> Self {
        match reason {
            NotStored::Full => Self::new(429, "TooManyRequests"),
            NotStored::Missing(_) => Self::bad("BadDeviceToken"),
            NotStored::NoRoom => Self::new(503, "ServiceUnavailable"),
        }
    }
}

/// A path of Apple's.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Device(&'a str),
    Unknown,
}

impl<'a> Path<'a> {
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/3/")?;
        Some(match rest.strip_prefix("device/") {
            Some(device_token) if !device_token.contains('/') => Self::Device(device_token),
            _ => Self::Unknown,
        })
    }

    pub(super) fn kind(self) -> PathKind {
        match self {
            Self::Device(_) => PathKind::ApnsDevice,
            Self::Unknown => PathKind::Unknown,
        }
    }
}

/// An app at the double of Apple's service; see [`PushService::apns`](super::PushService::apns).
#[derive(Clone)]
pub struct ApnsApp {
    apns: Arc<Apns>,
    bundle_id: String,
}

impl ApnsApp {
    /// The base URL to give to `Apns::builder`. It is plain HTTP/2, with prior knowledge.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.apns.hub.origin().to_owned()
    }

    /// The bundle id.
    #[must_use]
    pub fn bundle_id(&self) -> &str {
        &self.bundle_id
    }

    /// The key of the developer's account, in PEM as Apple's `.p8` files have it.
    #[must_use]
    pub fn private_key_pem(&self) -> String {
        self.key(|key| key.pem().to_owned())
    }

    /// The id of the key.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.key(|key| key.key_id.clone())
    }

    /// The id of the team.
    #[must_use]
    pub fn team_id(&self) -> String {
        self.key(|key| key.team_id.clone())
    }

    /// Revokes the key: Apple answers `InvalidProviderToken` from here on.
    pub fn revoke_key(&self) {
        self.key(TeamKey::revoke);
    }

    /// Installs the app on a device, which registers for notifications.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness or there are 10,000 subscriptions
    /// already, `Transport` while the push service is offline.
    pub fn register(&self) -> Result<ApnsDevice> {
        self.install(false)
    }

    /// Installs the app on a device, which registers for calls with PushKit.
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    pub fn register_voip(&self) -> Result<ApnsDevice> {
        self.install(true)
    }

    fn install(&self, voip: bool) -> Result<ApnsDevice> {
        let mut octets = [0; 32];
        fill_random(&mut octets)?;
        let device_token: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let installation = ApnsInstallation {
            apns: Arc::clone(&self.apns),
            device_token: device_token.clone(),
            registered_at: milliseconds(self.apns.hub.now()) / 1000,
            voip,
        };
        let device = Device::open(&self.apns.hub, &address(&device_token), installation)?;
        let installation = Installation { bundle_id: self.bundle_id.clone(), voip, gone_at: None };
        self.apns.state().installations.insert(device_token, installation);
        Ok(device)
    }

    fn key<T>(&self, look: impl FnOnce(&mut TeamKey) -> T) -> T {
        let mut state = self.apns.state();
        look(state.keys.get_mut(&self.bundle_id).expect("an app is made with its key"))
    }
}

impl fmt::Debug for ApnsApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApnsApp").field("bundle_id", &self.bundle_id).finish_non_exhaustive()
    }
}

/// An app on a device that receives through the double of Apple's service.
///
/// What it gets is what Apple runs code for: with an alert that says `mutable-content`, a background
/// push that says `content-available`, or a call. Otherwise its data is empty.
pub type ApnsDevice = Device<ApnsInstallation>;

/// What Apple knows of an [`ApnsDevice`].
pub struct ApnsInstallation {
    apns: Arc<Apns>,
    device_token: String,
    registered_at: u64,
    voip: bool,
}

impl ApnsDevice {
    /// What a sender needs: the device token of the sandbox, and since when.
    #[must_use]
    pub fn token(&self) -> Token {
        let mut address = json!({
            "device_token": self.app.device_token,
            "registered_at": self.app.registered_at,
            "sandbox": true,
        });
        if self.app.voip {
            address["voip"] = true.into();
        }
        self.token_with(PROVIDER, &address)
    }

    /// Removes the app: Apple answers `Unregistered` from here on, with the time.
    pub fn unregister(&self) {
        let now = milliseconds(self.app.apns.hub.now());
        let mut state = self.app.apns.state();
        if let Some(installation) = state.installations.get_mut(&self.app.device_token) {
            installation.gone_at.get_or_insert(now);
        }
        drop(state);
        self.close();
    }
}

impl fmt::Debug for ApnsDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApnsDevice").field("token", &self.token()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ApnsInstallation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApnsInstallation([redacted])")
    }
}

/// The address in the store. The space keeps it out of reach of the paths of Web Push.
fn address(device_token: &str) -> String {
    format!("apns {device_token}")
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// An id as those of keys and teams: 10 capital letters and digits.
fn random_id() -> Result<String> {
    let id = random_uuid()?;
    Ok(id.chars().filter(char::is_ascii_alphanumeric).take(10).collect::<String>().to_uppercase())
}

const PROVIDER: &str = "apns";
