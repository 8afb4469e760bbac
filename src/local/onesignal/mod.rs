//! The double of OneSignal's REST API.
//!
//! <https://documentation.onesignal.com/reference/push-notification>

mod notification;
mod sent;
mod targets;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use self::notification::Notification;
use self::sent::Sent;
use self::targets::Targets;
use super::answer::{self, Answer};
use super::call::{Call, Received};
use super::device::Device;
use super::hub::{Hub, lock, random_name};
use super::paths::PathKind;
use super::uuid::{is_uuid, random_uuid};
use crate::serve::Abandoned;
use crate::{Error, ErrorKind, Result, Token};

/// The double of OneSignal.
pub(super) struct OneSignal {
    hub: Arc<Hub>,
    apps: Mutex<HashMap<String, App>>,
}

/// What the double knows of an app.
struct App {
    api_key: String,
    /// Aliases by subscription: labels and ids.
    subscriptions: BTreeMap<String, Aliases>,
    sent: Sent,
}

/// The names of a person by label, such as `external_id`.
type Aliases = BTreeMap<String, String>;

impl OneSignal {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, apps: Mutex::default() }
    }

    /// An app, which is made when it is new.
    pub(super) fn app(self: &Arc<Self>, app_id: &str) -> Result<OneSignalApp> {
        let app_id = app_id.to_ascii_lowercase();
        if !is_uuid(&app_id) {
            let text = "the id of a OneSignal app is a UUID";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let api_key = format!("os_v2_app_{}", random_name::<24>()?);
        let new = || App { api_key, subscriptions: BTreeMap::new(), sent: Sent::default() };
        let api_key = self.apps().entry(app_id.clone()).or_insert_with(new).api_key.clone();
        Ok(OneSignalApp { onesignal: Arc::clone(self), app_id, api_key })
    }

    fn apps(&self) -> MutexGuard<'_, HashMap<String, App>> {
        lock(&self.apps)
    }

    pub(super) async fn serve(&self, call: Call, path: Path<'_>) -> Result<Answer, Abandoned> {
        match path {
            Path::Notification(id) => {
                let answer = self.look_up(call.head(), id).unwrap_or_else(Refused::into_answer);
                Ok(call.answer(answer))
            }
            Path::Notifications => {
                call.serve_with_faults(MAX_REQUEST, scripted, |head, received| {
                    self.create(head, &received).unwrap_or_else(Refused::into_answer)
                })
                .await
            }
            Path::Unknown => {
                Ok(call.answer(Refused::new(StatusCode::NOT_FOUND, "Not Found").into_answer()))
            }
        }
    }

    /// Takes a message, or says why not.
    fn create(&self, head: &Parts, received: &Received) -> Result<Answer, Refused> {
        if head.method != Method::POST {
            return Err(Refused::method());
        }
        let invalid = || Refused::bad("Request body is not valid JSON");
        if !answer::is_of_type(&head.headers, "application/json") {
            return Err(invalid());
        }
        let mut apps = self.apps();
        // Nobody without a key has its JSON read.
        let api_key = answer::credentials(&head.headers, "Key").ok_or_else(Refused::denied)?;
        if !apps.values().any(|app| app.api_key == api_key) {
            return Err(Refused::denied());
        }
        if received.octets > MAX_REQUEST || members(&received.body) > MAX_MEMBERS {
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Large"));
        }
        let mut request: Map<String, Value> =
            serde_json::from_slice(&received.body).map_err(|_| invalid())?;
        request.retain(|_, value| !value.is_null());
        let app_id = request.get("app_id").and_then(Value::as_str).unwrap_or_default();
        let app = own(&mut apps, app_id, api_key)?;
        let notification = Notification::read(&request)?;
        let targets = Targets::read(&request, app)?;

        let digest: [u8; 32] = Sha256::digest(&received.body).into();
        let key = match request.get("idempotency_key") {
            None => None,
            Some(Value::String(key)) if is_uuid(key) => Some(key.to_ascii_lowercase()),
            Some(_) => return Err(Refused::bad("idempotency_key is not a valid UUID")),
        };
        if let Some((known, id)) = key.as_ref().and_then(|key| app.sent.by_key(key)) {
            if *known != digest {
                let text = "The idempotency key was used with another request";
                return Err(Refused::new(StatusCode::CONFLICT, text));
            }
            let mut answer = accepted(id, key.as_deref(), None);
            let replayed = HeaderValue::from_static("true");
            answer.headers_mut().insert("idempotent-replayed", replayed);
            return Ok(answer);
        }

        let reached = targets.reach(&self.hub, &notification)?;
        let Some(id) = reached.ids.first().cloned() else {
            return Ok(answer::json(
                StatusCode::OK,
                &json!({ "id": "", "errors": reached.nobody() }),
            ));
        };
        // The message of the first target lends its name to the whole, as senders see it.
        let errors = reached.errors();
        if let Some(key) = &key {
            app.sent.remember_key(key.clone(), digest, id.clone());
        }
        app.sent.remember(id.clone(), reached.ids, &notification, self.hub.now());
        Ok(accepted(&id, key.as_deref(), errors))
    }

    /// Shows a message, or cancels it.
    fn look_up(&self, head: &Parts, id: &str) -> Result<Answer, Refused> {
        let api_key = answer::credentials(&head.headers, "Key").ok_or_else(Refused::denied)?;
        let query = head.uri.query().unwrap_or_default();
        let app_id = url::form_urlencoded::parse(query.as_bytes())
            .find_map(|(name, value)| (name == "app_id").then_some(value));
        let app_id = app_id.unwrap_or_default().into_owned();
        let mut apps = self.apps();
        let app = own(&mut apps, &app_id, api_key)?;
        match head.method {
            Method::GET => match app.sent.view(&self.hub, &app_id, id) {
                Some(view) => Ok(answer::json(StatusCode::OK, &view)),
                None => Err(Refused::new(StatusCode::NOT_FOUND, "Notification not found")),
            },
            Method::DELETE => {
                let cancelled = app.sent.cancel(&self.hub, id);
                let status = if cancelled { StatusCode::OK } else { StatusCode::NOT_FOUND };
                Ok(answer::json(status, &json!({ "success": cancelled })))
            }
            _ => Err(Refused::method()),
        }
    }
}

/// A path of OneSignal's, by its present or its older base URL.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    /// One message.
    Notification(&'a str),
    Notifications,
    Unknown,
}

impl<'a> Path<'a> {
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        if path.starts_with("/apps/") {
            return Some(Self::Unknown);
        }
        match path.strip_prefix("/notifications")? {
            "" => Some(Self::Notifications),
            rest => {
                let id = rest.strip_prefix('/')?;
                Some(if is_uuid(id) { Self::Notification(id) } else { Self::Unknown })
            }
        }
    }

    pub(super) fn kind(self) -> PathKind {
        match self {
            Self::Notification(_) | Self::Notifications => PathKind::OneSignalNotifications,
            Self::Unknown => PathKind::Unknown,
        }
    }
}

/// An app at the double of OneSignal; see [`PushService::onesignal`](super::PushService::onesignal).
#[derive(Clone)]
pub struct OneSignalApp {
    onesignal: Arc<OneSignal>,
    app_id: String,
    api_key: String,
}

impl OneSignalApp {
    /// The base URL to give to `OneSignal::builder`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.onesignal.hub.origin().to_owned()
    }

    /// The app's id.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// The app's API key.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Subscribes an app installation, of a person who is known by this `external_id`, or by none.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness or there are 10,000 subscriptions
    /// already, `Transport` while the push service is offline.
    pub fn register(&self, external_id: Option<&str>) -> Result<OneSignalDevice> {
        let subscription_id = random_uuid()?;
        let subscription = OneSignalSubscription {
            onesignal: Arc::clone(&self.onesignal),
            app_id: self.app_id.clone(),
            subscription_id: subscription_id.clone(),
            external_id: external_id.map(str::to_owned),
        };
        let device = Device::open(&self.onesignal.hub, &address(&subscription_id), subscription)?;
        let mut apps = self.onesignal.apps();
        if let Some(app) = apps.get_mut(&self.app_id) {
            let same_person = external_id.and_then(|external_id| {
                let mut known = app.subscriptions.values();
                known.find(|aliases| aliases.get(EXTERNAL_ID).is_some_and(|id| id == external_id))
            });
            let aliases = match (same_person, external_id) {
                (Some(aliases), _) => aliases.clone(),
                (None, external_id) => {
                    let own = [(ONESIGNAL_ID.to_owned(), random_uuid()?)];
                    let named = external_id.map(|id| (EXTERNAL_ID.to_owned(), id.to_owned()));
                    own.into_iter().chain(named).collect()
                }
            };
            app.subscriptions.insert(subscription_id, aliases);
        }
        drop(apps);
        Ok(device)
    }
}

impl fmt::Debug for OneSignalApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneSignalApp").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

/// An app installation that receives through the double of OneSignal.
pub type OneSignalDevice = Device<OneSignalSubscription>;

/// What OneSignal knows of a [`OneSignalDevice`].
pub struct OneSignalSubscription {
    onesignal: Arc<OneSignal>,
    app_id: String,
    subscription_id: String,
    external_id: Option<String>,
}

impl OneSignalDevice {
    /// What a sender needs, with the subscription id.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token_with(PROVIDER, &json!({ "subscription_id": self.app.subscription_id }))
    }

    /// What a sender needs, with the person's `external_id`; `None` for a person without one.
    #[must_use]
    pub fn alias_token(&self) -> Option<Token> {
        let id = self.app.external_id.as_ref()?;
        Some(self.token_with(PROVIDER, &json!({ "alias": { EXTERNAL_ID: id } })))
    }

    /// Gives the person of this device another name, under a label of the application's own.
    pub fn add_alias(&self, label: &str, id: &str) {
        let mut apps = self.app.onesignal.apps();
        let subscriptions = apps.get_mut(&self.app.app_id).map(|app| &mut app.subscriptions);
        if let Some(aliases) = subscriptions.and_then(|all| all.get_mut(&self.app.subscription_id))
        {
            aliases.insert(label.to_owned(), id.to_owned());
        }
    }

    /// The person's `onesignal_id`: OneSignal gives one to everybody.
    #[must_use]
    pub fn onesignal_id(&self) -> Option<String> {
        let apps = self.app.onesignal.apps();
        apps.get(&self.app.app_id)?
            .subscriptions
            .get(&self.app.subscription_id)?
            .get(ONESIGNAL_ID)
            .cloned()
    }

    /// Turns notifications off: OneSignal knows the subscription and does not reach it.
    pub fn unsubscribe(&self) {
        self.close();
    }
}

impl fmt::Debug for OneSignalDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneSignalDevice").field("token", &self.token()).finish_non_exhaustive()
    }
}

impl fmt::Debug for OneSignalSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneSignalSubscription([redacted])")
    }
}

/// The address in the store. The space keeps it out of reach of the paths of Web Push.
fn address(subscription_id: &str) -> String {
    format!("onesignal {subscription_id}")
}

/// The app of the request, which the key must belong to.
fn own<'a>(
    apps: &'a mut HashMap<String, App>,
    app_id: &str,
    api_key: &str,
) -> Result<&'a mut App, Refused> {
    if !is_uuid(app_id) {
        return Err(Refused::bad("app_id not found. You may be missing a Content-Type header."));
    }
    let app = apps.get_mut(&app_id.to_ascii_lowercase()).ok_or_else(Refused::denied)?;
    if app.api_key == api_key { Ok(app) } else { Err(Refused::denied()) }
}

fn accepted(id: &str, key: Option<&str>, errors: Option<Value>) -> Answer {
    let mut answer = json!({ "id": id, "external_id": key });
    if let Some(errors) = errors {
        answer["errors"] = errors;
    }
    answer::json(StatusCode::OK, &answer)
}

/// The refusal of a scripted fault, as OneSignal words it.
fn scripted(status: StatusCode) -> Answer {
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            Refused::new(status, "API rate limit exceeded").into_answer()
        }
        status if status.is_server_error() => answer::text(status, ""),
        status => Refused::new(status, "A scripted fault").into_answer(),
    }
}

/// Bounds how many values a JSON text can hold, before any of it is read.
fn members(json: &[u8]) -> usize {
    json.iter().filter(|octet| matches!(octet, b',' | b'[' | b'{')).count()
}

struct Refused(StatusCode, String);

impl Refused {
    fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self(status, error.into())
    }

    fn bad(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    fn denied() -> Self {
        let text = "Access denied.  Please include an 'Authorization: ...' header with a valid \
                    API key (https://documentation.onesignal.com/docs/accounts-and-keys)";
        Self::new(StatusCode::FORBIDDEN, text)
    }

    fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
    }

    fn into_answer(self) -> Answer {
        answer::json(self.0, &json!({ "errors": [self.1] }))
    }
}

const PROVIDER: &str = "onesignal";
const EXTERNAL_ID: &str = "external_id";
const ONESIGNAL_ID: &str = "onesignal_id";

/// Most octets of a request: 20,000 subscription ids take 780,000.
const MAX_REQUEST: usize = 1024 * 1024;
/// Most values in a request: 20,000 ids and a notification.
const MAX_MEMBERS: usize = 24_000;
