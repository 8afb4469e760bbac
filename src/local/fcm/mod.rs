//! The double of FCM's HTTP v1 API.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>

mod condition;
mod message;
mod refusal;
mod schema;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use http::Method;
use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};

use self::condition::is_topic;
use self::message::{Message, Target};
use self::refusal::Refusal;
use super::answer::{self, Answer};
use super::call::{Call, Received};
use super::device::Device;
use super::hub::{Hub, lock, random_name};
use super::oauth::{self, Accounts};
use super::paths::{self, PathKind};
use super::store::NotStored;
use crate::serve::Abandoned;
use crate::{Error, ErrorKind, Result, Token};

/// The double of FCM, and of the token endpoint that it trusts.
pub(super) struct Fcm {
    hub: Arc<Hub>,
    accounts: Arc<Mutex<Accounts>>,
    /// By installation id.
    installations: Mutex<HashMap<String, Installation>>,
}

/// One app installation.
struct Installation {
    project_id: String,
    platform: Platform,
    registration_token: String,
    topics: BTreeSet<String>,
}

impl Fcm {
    pub(super) fn new(hub: Arc<Hub>, accounts: Arc<Mutex<Accounts>>) -> Self {
        Self { hub, accounts, installations: Mutex::default() }
    }

    pub(super) fn project(self: &Arc<Self>, project_id: &str) -> FcmProject {
        FcmProject { fcm: Arc::clone(self), project_id: project_id.to_owned() }
    }

    /// Serves a request. Faults strike where messages come in, not at the token endpoint.
    pub(super) async fn serve(&self, call: Call, path: Path<'_>) -> Result<Answer, Abandoned> {
        match path {
            Path::AccessToken => {
                call.serve(MAX_REQUEST, |head, received| {
                    let (token_uri, now) = (self.token_uri(), self.hub.now());
                    oauth::accept(&mut self.accounts(), &token_uri, head, &received, now)
                })
                .await
            }
            Path::Messages { project_id } => {
                call.serve_with_faults(MAX_REQUEST, refusal::scripted, |head, received| {
                    self.accept(head, &received, project_id)
                })
                .await
            }
            Path::Unknown => Ok(call.answer(Refusal::not_found().into_answer())),
        }
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        lock(&self.accounts)
    }

    fn installations(&self) -> MutexGuard<'_, HashMap<String, Installation>> {
        lock(&self.installations)
    }

    fn token_uri(&self) -> String {
        format!("{}{}", self.hub.origin(), paths::ACCESS_TOKEN)
    }

    /// Takes a message, or says why not.
    fn accept(&self, head: &Parts, received: &Received, project_id: &str) -> Answer {
        if received.octets > MAX_REQUEST {
            return answer::text(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Large");
        }
        match self.send(head, &received.body, project_id) {
            Ok(id) => {
                let name = format!("projects/{project_id}/messages/{id}");
                answer::json(StatusCode::OK, &json!({ "name": name }))
            }
            Err(refusal) => refusal.into_answer(),
        }
    }

    fn send(&self, head: &Parts, body: &[u8], project_id: &str) -> Result<String, Refusal> {
        if head.method != Method::POST {
            return Err(Refusal::method());
        }
        self.authorize(head, project_id)?;
        let invalid = || Refusal::json("", "Invalid JSON payload received.");
        if !answer::is_of_type(&head.headers, "application/json") {
            return Err(invalid());
        }
        let request: Value = serde_json::from_slice(body).map_err(|_| invalid())?;
        let request = schema::read(&request)?;
        let message = request.get("message").and_then(Value::as_object);
        let message = message.ok_or_else(|| Refusal::field("message", "message is required"))?;
        let message = Message::read(message, self.hub.now())?;
        let dry_run = request.get("validate_only").and_then(Value::as_bool) == Some(true);
        self.deliver(&message, project_id, dry_run)
    }

    /// Only a service account of the project may send.
    fn authorize(&self, head: &Parts, project_id: &str) -> Result<(), Refusal> {
        let access_token = answer::credentials(&head.headers, "Bearer").unwrap_or_default();
        match self.accounts().grant(access_token, self.hub.now()) {
            None => Err(Refusal::unauthenticated()),
            Some(grant) if !grant.allows("firebase.messaging") => {
                Err(Refusal::insufficient_scope())
            }
            Some(grant) if grant.project_id == project_id => Ok(()),
            Some(_) => Err(Refusal::permission_denied()),
        }
    }

    /// Stores a message for every device that it is for, and answers its name.
    fn deliver(
        &self,
        message: &Message,
        project_id: &str,
        dry_run: bool,
    ) -> Result<String, Refusal> {
        let targets = self.targets(&message.target, project_id)?;
        let first = random_name::<16>().map_err(|_| Refusal::internal())?;
        let is_one = !matches!(message.target, Target::Condition(_));
        for (index, (installation_id, platform)) in targets.iter().enumerate() {
            let deposit = message.for_platform(*platform)?;
            if dry_run {
                continue;
            }
            // The message of the first device lends its name to the whole, as senders see it.
            let id = if index == 0 { Ok(first.clone()) } else { random_name::<16>() };
            let id = id.map_err(|_| Refusal::internal())?;
            match self.hub.deposit(&address(installation_id), id, deposit) {
                // What one of many does not take is no concern of the sender's.
                Err(reason) if is_one => return Err(reason.into()),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(if dry_run { "fake_message_id".to_owned() } else { first })
    }

    /// The devices that a message is for.
    fn targets(
        &self,
        target: &Target,
        project_id: &str,
    ) -> Result<Vec<(String, Platform)>, Refusal> {
        let installations = self.installations();
        let id = match target {
            Target::Condition(condition) => {
                let reached = installations.iter().filter(|(_, installation)| {
                    installation.project_id == project_id && condition.holds(&installation.topics)
                });
                return Ok(reached.map(|(id, found)| (id.clone(), found.platform)).collect());
            }
            Target::InstallationId(id) => id.as_str(),
            Target::Token(token) => token.split(':').next().unwrap_or_default(),
        };
        let installation = installations
            .get(id)
            .filter(|known| match target {
                Target::Token(token) => known.registration_token == *token,
                Target::Condition(_) | Target::InstallationId(_) => true,
            })
            .ok_or_else(Refusal::unregistered)?;
        if installation.project_id != project_id {
            return Err(Refusal::sender_id_mismatch());
        }
        Ok(vec![(id.to_owned(), installation.platform)])
    }
}

impl From<NotStored> for Refusal {
    fn from(reason: NotStored) -> Self {
        match reason {
            NotStored::Full => Self::quota(),
            NotStored::Missing(_) => Self::unregistered(),
            NotStored::NoRoom => Self::unavailable(),
        }
    }
}

/// A path of FCM or of its token endpoint.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    AccessToken,
    Messages { project_id: &'a str },
    Unknown,
}

impl<'a> Path<'a> {
    pub(super) fn of(path: &'a str) -> Option<Self> {
        if path == paths::ACCESS_TOKEN {
            return Some(Self::AccessToken);
        }
        let project_id = path.strip_prefix("/v1/")?.strip_prefix("projects/");
        let project_id = project_id.and_then(|rest| rest.strip_suffix("/messages:send"));
        Some(match project_id {
            Some(project_id) if !project_id.contains('/') => Self::Messages { project_id },
            _ => Self::Unknown,
        })
    }

    pub(super) fn kind(self) -> PathKind {
        match self {
            Self::AccessToken => PathKind::AccessToken,
            Self::Messages { .. } => PathKind::FcmMessages,
            Self::Unknown => PathKind::Unknown,
        }
    }
}

/// A Firebase project at the double of FCM; see [`PushService::fcm`](super::PushService::fcm).
#[derive(Clone)]
pub struct FcmProject {
    fcm: Arc<Fcm>,
    project_id: String,
}

impl FcmProject {
    /// The base URL to give to `Fcm::builder`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.fcm.hub.origin().to_owned()
    }

    /// The key file of a service account of this project, whose `token_uri` is the double's. The
    /// key is made by the first call, and the same file is given until
    /// [`revoke_service_account`](Self::revoke_service_account).
    ///
    /// # Errors
    ///
    /// `Unavailable` when no RSA key can be made.
    pub fn service_account_json(&self) -> Result<String> {
        self.fcm.accounts().key_file(&self.project_id, &self.fcm.token_uri())
    }

    /// The credentials of a person who may send for this project, as `gcloud auth
    /// application-default login` writes them down, with the double's `token_uri`.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness.
    pub fn authorized_user_json(&self) -> Result<String> {
        self.fcm.accounts().user_file(&self.project_id, &self.fcm.token_uri())
    }

    /// Refuses all access tokens given out so far. The next one is good.
    pub fn revoke_access_tokens(&self) {
        self.fcm.accounts().revoke_access_tokens(&self.project_id);
    }

    /// Refuses the key file, the person's credentials, and the access tokens that came from them.
    pub fn revoke_service_account(&self) {
        self.fcm.accounts().revoke(&self.project_id);
    }

    /// How many access tokens were given out for this project.
    #[must_use]
    pub fn access_tokens(&self) -> usize {
        self.fcm.accounts().granted(&self.project_id)
    }

    /// Registers an app installation: what a phone or a browser does when the app first starts.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness or there are 10,000 subscriptions
    /// already, `Transport` while the push service is offline.
    pub fn register(&self, platform: Platform) -> Result<FcmDevice> {
        let installation_id = random_name::<16>()?;
        let registration_token = registration_token(&installation_id)?;
        let installation = FcmInstallation {
            fcm: Arc::clone(&self.fcm),
            installation_id: installation_id.clone(),
            registration_token: registration_token.clone(),
        };
        let device = Device::open(&self.fcm.hub, &address(&installation_id), installation)?;
        let installation = Installation {
            project_id: self.project_id.clone(),
            platform,
            registration_token,
            topics: BTreeSet::new(),
        };
        self.fcm.installations().insert(installation_id, installation);
        Ok(device)
    }
}

impl fmt::Debug for FcmProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FcmProject").field("project_id", &self.project_id).finish_non_exhaustive()
    }
}

/// What an app is installed on, which decides how much fits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Platform {
    /// 4096 octets of data.
    #[default]
    Android,
    /// 4096 octets of data and alert together.
    Apple,
    /// A browser: 4096 octets of data.
    Web,
}

/// An app installation that receives through the double of FCM.
pub type FcmDevice = Device<FcmInstallation>;

/// What FCM knows of an [`FcmDevice`].
pub struct FcmInstallation {
    fcm: Arc<Fcm>,
    installation_id: String,
    registration_token: String,
}

impl FcmDevice {
    /// What a sender needs, with the registration token.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token_with(PROVIDER, &json!({ "token": self.app.registration_token }))
    }

    /// What a sender needs, with the installation id.
    #[must_use]
    pub fn installation_token(&self) -> Token {
        self.token_with(PROVIDER, &json!({ "fid": self.app.installation_id }))
    }

    /// Gets another registration token. FCM answers `UNREGISTERED` for the one before.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness.
    pub fn rotate_token(&mut self) -> Result<()> {
        self.app.registration_token = registration_token(&self.app.installation_id)?;
        let mut installations = self.app.fcm.installations();
        if let Some(installation) = installations.get_mut(&self.app.installation_id) {
            installation.registration_token.clone_from(&self.app.registration_token);
        }
        Ok(())
    }

    /// Subscribes to a topic, so that messages to it, and to conditions that it fulfils, arrive.
    ///
    /// # Errors
    ///
    /// `Configuration` for a name that is not 1 to 900 letters, digits or `-_.~%`.
    pub fn subscribe_to_topic(&self, topic: &str) -> Result<()> {
        if !is_topic(topic) {
            let text = "the name of a topic is 1 to 900 letters, digits or -_.~%";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let mut installations = self.app.fcm.installations();
        if let Some(installation) = installations.get_mut(&self.app.installation_id) {
            installation.topics.insert(topic.to_owned());
        }
        Ok(())
    }

    /// Takes the subscription to a topic back.
    pub fn unsubscribe_from_topic(&self, topic: &str) {
        let mut installations = self.app.fcm.installations();
        if let Some(installation) = installations.get_mut(&self.app.installation_id) {
            installation.topics.remove(topic);
        }
    }

    /// Uninstalls the app: FCM answers `UNREGISTERED` from here on.
    pub fn unregister(&self) {
        self.app.fcm.installations().remove(&self.app.installation_id);
        self.close();
    }
}

impl fmt::Debug for FcmDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FcmDevice").field("token", &self.token()).finish_non_exhaustive()
    }
}

impl fmt::Debug for FcmInstallation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FcmInstallation([redacted])")
    }
}

/// The address in the store. The space keeps it out of reach of the paths of Web Push.
fn address(installation_id: &str) -> String {
    format!("fcm {installation_id}")
}

/// In the form of Google's: the installation id, a colon, and 140 characters.
fn registration_token(installation_id: &str) -> Result<String> {
    Ok(format!("{installation_id}:APA91b{}", random_name::<100>()?))
}

const PROVIDER: &str = "fcm";

/// Most octets of a request's body that are kept.
const MAX_REQUEST: usize = 64 * 1024;
