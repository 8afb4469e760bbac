//! The double of Sailthru Mobile: its transactional notifications.
//!
//! What Sailthru does not document is decided so: an address that nobody has counts nowhere, a
//! device that has no room for a message is a failure, and what devices do not take is refused
//! with 413.

mod notification;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use self::notification::{Field, Notification};
use super::answer::{self, Answer};
use super::call::{Call, Received};
use super::device::Device;
use super::hub::{Hub, lock, random_name};
use super::paths::PathKind;
use super::store::{Deposit, NotStored};
use super::uuid::random_uuid;
use crate::options::Ttl;
use crate::serve::Abandoned;
use crate::{Result, Token};

/// The double of Sailthru Mobile.
pub(super) struct Sailthru {
    hub: Arc<Hub>,
    apps: Mutex<HashMap<String, App>>,
}

/// What the double knows of an app.
struct App {
    api_key: String,
    /// The key of an API client without the role to send.
    reading_key: String,
    /// By device id.
    installations: BTreeMap<String, Person>,
}

/// Whose installation it is.
#[derive(Clone)]
struct Person {
    sid: String,
    user_id: Option<String>,
}

impl Sailthru {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, apps: Mutex::default() }
    }

    /// An app, which is made when it is new.
    pub(super) fn app(self: &Arc<Self>, name: &str) -> Result<SailthruApp> {
        let (api_key, reading_key) = (random_name::<24>()?, random_name::<24>()?);
        let mut apps = self.apps();
        let app = apps.entry(name.to_owned()).or_insert_with(|| App {
            api_key,
            reading_key,
            installations: BTreeMap::new(),
        });
        let (api_key, reading_key) = (app.api_key.clone(), app.reading_key.clone());
        drop(apps);
        Ok(SailthruApp { sailthru: Arc::clone(self), name: name.to_owned(), api_key, reading_key })
    }

    fn apps(&self) -> MutexGuard<'_, HashMap<String, App>> {
        lock(&self.apps)
    }

    pub(super) async fn serve(&self, call: Call, path: Path) -> Result<Answer, Abandoned> {
        match path {
            Path::Notifications => {
                call.serve_with_faults(MAX_REQUEST, scripted, |head, received| {
                    self.send(head, &received).unwrap_or_else(Refused::into_answer)
                })
                .await
            }
            Path::Unknown => {
                Ok(call.answer(Refused(StatusCode::NOT_FOUND, "not found").into_answer()))
            }
        }
    }

    /// Takes a message, or says why not.
    fn send(&self, head: &Parts, received: &Received) -> Result<Answer, Refused> {
        if head.method != Method::POST {
            return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"));
        }
        let key = key(head).ok_or(UNAUTHORIZED)?;
        let mut apps = self.apps();
        let app = apps.values_mut().find(|app| app.api_key == key || app.reading_key == key);
        let app = app.ok_or(UNAUTHORIZED)?;
        if app.reading_key == key {
            let text = "your api client does not have the correct roles";
            return Err(Refused(StatusCode::FORBIDDEN, text));
        }
        if !answer::is_of_type(&head.headers, "application/json") {
            return Err(Refused::bad("the body is not JSON"));
        }
        if received.octets > MAX_REQUEST {
            return Err(notification::TOO_LARGE);
        }
        let notification = Notification::read(&received.body)?;

        let id = random_uuid()
            .map_err(|_| Refused(StatusCode::INTERNAL_SERVER_ERROR, "no randomness"))?;
        let body = notification.content.to_bytes();
        let (mut success, mut uninstalled, mut failures) = (0_u64, 0_u64, Vec::new());
        for (device_id, person) in &app.installations {
            let is_meant = match notification.field {
                Field::DeviceId => *device_id == notification.value,
                Field::Sid => person.sid == notification.value,
                Field::UserId => person.user_id.as_ref() == Some(&notification.value),
            };
            if !is_meant {
                continue;
            }
            // The first message lends its name to the whole, as senders see it.
            let name = if success == 0 { id.clone() } else { format!("{id}.{success}") };
            let deposit = Deposit { body: body.clone(), ttl: Ttl::default(), topic: None };
            match self.hub.deposit(&address(device_id), name, deposit) {
                Ok(()) => success += 1,
                Err(NotStored::Full | NotStored::NoRoom) => failures.push(device_id),
                Err(NotStored::Missing(_)) => uninstalled += 1,
            }
        }
        let results = json!({
            "success": success, "uninstalled": uninstalled, "failures": failures,
        });
        Ok(answer::json(StatusCode::OK, &json!({ "id": id, "results": results })))
    }
}

/// A path of Sailthru's.
#[derive(Clone, Copy)]
pub(super) enum Path {
    Notifications,
    Unknown,
}

impl Path {
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/v6/")? {
            "transactional/notifications" => Some(Self::Notifications),
            _ => Some(Self::Unknown),
        }
    }

    pub(super) fn kind(self) -> PathKind {
        match self {
            Self::Notifications => PathKind::SailthruNotifications,
            Self::Unknown => PathKind::Unknown,
        }
    }
}

/// An app at the double of Sailthru Mobile; see
/// [`PushService::sailthru`](super::PushService::sailthru).
#[derive(Clone)]
pub struct SailthruApp {
    sailthru: Arc<Sailthru>,
    name: String,
    api_key: String,
    reading_key: String,
}

impl SailthruApp {
    /// The base URL to give to `Sailthru::builder`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.sailthru.hub.origin().to_owned()
    }

    /// The key of an API client that may send push messages.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The key of an API client that may not.
    #[must_use]
    pub fn api_key_without_push(&self) -> &str {
        &self.reading_key
    }

    /// Installs the app on a device, of a person who is known by this user id, or by none.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness or there are 10,000 subscriptions
    /// already, `Transport` while the push service is offline.
    pub fn register(&self, user_id: Option<&str>) -> Result<SailthruDevice> {
        let device_id = random_name::<18>()?;
        let fresh = Person { sid: random_name::<18>()?, user_id: user_id.map(str::to_owned) };
        let mut installation = SailthruInstallation {
            sailthru: Arc::clone(&self.sailthru),
            device_id: device_id.clone(),
            person: fresh,
        };
        let mut apps = self.sailthru.apps();
        let app = apps.get_mut(&self.name);
        let known = app.as_ref().and_then(|app| {
            let mut known = app.installations.values();
            known.find(|known| known.user_id.is_some() && known.user_id.as_deref() == user_id)
        });
        if let Some(known) = known {
            installation.person = known.clone();
        }
        let person = installation.person.clone();
        let device = Device::open(&self.sailthru.hub, &address(&device_id), installation)?;
        if let Some(app) = app {
            app.installations.insert(device_id, person);
        }
        Ok(device)
    }
}

impl fmt::Debug for SailthruApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SailthruApp").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An app installation that receives through the double of Sailthru Mobile.
pub type SailthruDevice = Device<SailthruInstallation>;

/// What Sailthru knows of a [`SailthruDevice`].
pub struct SailthruInstallation {
    sailthru: Arc<Sailthru>,
    device_id: String,
    person: Person,
}

impl SailthruDevice {
    /// What a sender needs, with the device id.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token_with(PROVIDER, &json!({ "device_id": self.app.device_id }))
    }

    /// What a sender needs, with the person's `sid`.
    #[must_use]
    pub fn sid_token(&self) -> Token {
        self.token_with(PROVIDER, &json!({ "sid": self.app.person.sid }))
    }

    /// What a sender needs, with the person's user id; `None` for a person without one.
    #[must_use]
    pub fn user_token(&self) -> Option<Token> {
        let id = self.app.person.user_id.as_ref()?;
        Some(self.token_with(PROVIDER, &json!({ "user_id": id })))
    }

    /// Removes the app from the device.
    pub fn uninstall(&self) {
        self.close();
    }
}

impl fmt::Debug for SailthruDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SailthruDevice").field("token", &self.token()).finish_non_exhaustive()
    }
}

impl fmt::Debug for SailthruInstallation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.sailthru.hub.origin();
        f.debug_struct("SailthruInstallation").field("at", &origin).finish_non_exhaustive()
    }
}

/// The address in the store. The space keeps it out of reach of the paths of Web Push.
fn address(device_id: &str) -> String {
    format!("sailthru {device_id}")
}

/// The password of HTTP Basic (RFC 7617), whose user name is empty, or what older documents put
/// there, the bundle id.
fn key(head: &Parts) -> Option<String> {
    let pair = STANDARD.decode(answer::credentials(&head.headers, "Basic")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    pair.split_once(':').map(|(_, key)| key.to_owned())
}

/// The refusal of a scripted fault.
fn scripted(status: StatusCode) -> Answer {
    match status {
        StatusCode::UNAUTHORIZED => UNAUTHORIZED.into_answer(),
        status if status.is_server_error() => answer::text(status, ""),
        status => Refused(status, "a scripted fault").into_answer(),
    }
}

struct Refused(StatusCode, &'static str);

impl Refused {
    const fn bad(error: &'static str) -> Self {
        Self(StatusCode::BAD_REQUEST, error)
    }

    fn into_answer(self) -> Answer {
        answer::json(self.0, &json!({ "error": self.1 }))
    }
}

const PROVIDER: &str = "sailthru";
const UNAUTHORIZED: Refused = Refused(StatusCode::UNAUTHORIZED, "unauthorized");
/// Most octets of a request: a payload, and room for filters.
const MAX_REQUEST: usize = 16 * 1024;
