//! The double of Google Cloud Pub/Sub: publishing over REST.
//!
//! <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish>

mod message;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use super::answer::{self, Answer};
use super::call::{Call, Received};
use super::device::Device;
use super::hub::{Hub, lock, random_name};
use super::oauth::Accounts;
use super::paths::{self, PathKind};
use super::store::{Deposit, NotStored};
use crate::options::Ttl;
use crate::serve::Abandoned;
use crate::{Result, Token};

/// The double of Pub/Sub.
pub(super) struct PubSub {
    hub: Arc<Hub>,
    accounts: Arc<Mutex<Accounts>>,
    /// The names of subscriptions by project and topic.
    topics: Mutex<BTreeMap<(String, String), Vec<String>>>,
    /// How many messages were published, which names them.
    published: Mutex<u64>,
}

impl PubSub {
    pub(super) fn new(hub: Arc<Hub>, accounts: Arc<Mutex<Accounts>>) -> Self {
        Self { hub, accounts, topics: Mutex::default(), published: Mutex::default() }
    }

    pub(super) fn project(self: &Arc<Self>, project_id: &str) -> PubSubProject {
        PubSubProject { pubsub: Arc::clone(self), project_id: project_id.to_owned() }
    }

    pub(super) async fn serve(&self, call: Call, path: Path<'_>) -> Result<Answer, Abandoned> {
        call.serve_with_faults(MAX_REQUEST, scripted, |head, received| {
            match self.publish(head, &received, path) {
                Ok(ids) => answer::json(StatusCode::OK, &json!({ "messageIds": ids })),
                Err(refusal) => refusal.into_answer(),
            }
        })
        .await
    }

    fn publish(
        &self,
        head: &Parts,
        received: &Received,
        path: Path<'_>,
    ) -> Result<Vec<String>, Refusal> {
        if head.method != Method::POST {
            return Err(Refusal::new(404, "NOT_FOUND", "Not Found"));
        }
        self.authorize(head, path.project_id)?;
        if !answer::is_of_type(&head.headers, "application/json") {
            return Err(Refusal::invalid("Invalid JSON payload received."));
        }
        if received.octets > MAX_REQUEST {
            let text = "Request payload size exceeds the limit: the request size is too large.";
            return Err(Refusal::invalid(text));
        }
        let messages = message::read(&received.body)?;
        // A topic's name arrives percent-encoded, as any part of a path.
        let topic = path.topic.replace("%25", "%");
        let place = (path.project_id.to_owned(), topic);
        let subscriptions = self.topics().get(&place).cloned().ok_or_else(|| {
            let text = format!("Resource not found (resource={}).", place.1);
            Refusal::new(404, "NOT_FOUND", text)
        })?;
        let mut ids = Vec::with_capacity(messages.len());
        for content in messages {
            let id = self.next_id();
            for (index, subscription) in subscriptions.iter().enumerate() {
                // The message of the first subscription lends its name to the whole.
                let name = if index == 0 { id.clone() } else { format!("{id}.{index}") };
                let deposit = Deposit { body: content.to_bytes(), ttl: RETENTION, topic: None };
                match self.hub.deposit(&address(subscription), name, deposit) {
                    // A subscription that has ended is none of the publisher's business.
                    Ok(()) | Err(NotStored::Missing(_)) => {}
                    Err(NotStored::Full | NotStored::NoRoom) => {
                        return Err(Refusal::new(503, "UNAVAILABLE", "The service is full."));
                    }
                }
            }
            ids.push(id);
        }
        Ok(ids)
    }

    /// Only accounts of the project may publish.
    fn authorize(&self, head: &Parts, project_id: &str) -> Result<(), Refusal> {
        let access_token = answer::credentials(&head.headers, "Bearer").unwrap_or_default();
        match lock(&self.accounts).grant(access_token, self.hub.now()) {
            None => Err(Refusal::new(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
            )),
            Some(grant) if !grant.allows("pubsub") => Err(Refusal::new(
                403,
                "PERMISSION_DENIED",
                "Request had insufficient authentication scopes.",
            )),
            Some(grant) if grant.project_id == project_id => Ok(()),
            Some(_) => Err(Refusal::new(
                403,
                "PERMISSION_DENIED",
                "User not authorized to perform this action.",
            )),
        }
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<(String, String), Vec<String>>> {
        lock(&self.topics)
    }

    fn next_id(&self) -> String {
        let mut published = lock(&self.published);
        *published += 1;
        (FIRST_ID + *published).to_string()
    }
}

/// A path of Pub/Sub's: where messages are published.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    project_id: &'a str,
    topic: &'a str,
}

impl<'a> Path<'a> {
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let (project_id, rest) = path.strip_prefix("/v1/projects/")?.split_once("/topics/")?;
        let topic = rest.strip_suffix(":publish")?;
        let plain = !project_id.contains('/') && !topic.contains('/');
        plain.then_some(Self { project_id, topic })
    }

    pub(super) fn kind(self) -> PathKind {
        PathKind::PubSubTopic
    }
}

/// A Google Cloud project at the double of Pub/Sub; see
/// [`PushService::pubsub`](super::PushService::pubsub).
#[derive(Clone)]
pub struct PubSubProject {
    pubsub: Arc<PubSub>,
    project_id: String,
}

impl PubSubProject {
    /// The base URL to give to `PubSub::builder`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.pubsub.hub.origin().to_owned()
    }

    /// The key file of a service account of this project, whose `token_uri` is the double's: the
    /// same as that of the Firebase project of this name.
    ///
    /// # Errors
    ///
    /// `Unavailable` when no RSA key can be made.
    pub fn service_account_json(&self) -> Result<String> {
        let token_uri = format!("{}{}", self.pubsub.hub.origin(), paths::ACCESS_TOKEN);
        lock(&self.pubsub.accounts).key_file(&self.project_id, &token_uri)
    }

    /// Refuses all access tokens given out so far. The next one is good.
    pub fn revoke_access_tokens(&self) {
        lock(&self.pubsub.accounts).revoke_access_tokens(&self.project_id);
    }

    /// Refuses the key file, and the access tokens that came from it.
    pub fn revoke_service_account(&self) {
        lock(&self.pubsub.accounts).revoke(&self.project_id);
    }

    /// Subscribes to a topic, which is made where it is new: a relay or a worker with keys of its
    /// own.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness or there are 10,000 subscriptions
    /// already, `Transport` while the push service is offline.
    pub fn subscribe(&self, topic: &str) -> Result<PubSubReceiver> {
        let name = random_name::<16>()?;
        let subscription = PubSubSubscription { topic: topic.to_owned() };
        let receiver = Device::open(&self.pubsub.hub, &address(&name), subscription)?;
        let place = (self.project_id.clone(), topic.to_owned());
        self.pubsub.topics().entry(place).or_default().push(name);
        Ok(receiver)
    }

    /// Deletes a topic: Pub/Sub answers that it is not there from here on.
    pub fn delete_topic(&self, topic: &str) {
        self.pubsub.topics().remove(&(self.project_id.clone(), topic.to_owned()));
    }
}

impl fmt::Debug for PubSubProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PubSubProject")
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

/// Who receives through the double of Pub/Sub: the data of a delivery holds the sealed body in
/// `e2ee`, the attributes, and the ordering key under `googOrderingKey`.
pub type PubSubReceiver = Device<PubSubSubscription>;

/// What Pub/Sub knows of a [`PubSubReceiver`].
pub struct PubSubSubscription {
    topic: String,
}

impl PubSubReceiver {
    /// What a sender needs: the topic.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token_with(PROVIDER, &json!({ "topic": self.app.topic }))
    }
}

impl fmt::Debug for PubSubReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PubSubReceiver").field("token", &self.token()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PubSubSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PubSubSubscription([redacted])")
    }
}

/// An error of `google.rpc.Status`.
struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    fn into_answer(self) -> Answer {
        let Self { status, code, message } = self;
        let body = json!({ "error": { "code": status, "message": message, "status": code } });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer::json(status, &body)
    }
}

/// The refusal of a scripted fault, as Google words it.
fn scripted(status: StatusCode) -> Answer {
    let code = match status.as_u16() {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        _ => return answer::text(status, "A scripted fault"),
    };
    Refusal::new(status.as_u16(), code, "A scripted fault").into_answer()
}

/// The address in the store. The space keeps it out of reach of the paths of Web Push.
fn address(subscription: &str) -> String {
    format!("pubsub {subscription}")
}

const PROVIDER: &str = "pubsub";
/// How long a subscription keeps messages unless it is set up otherwise: 7 days.
const RETENTION: Ttl = Ttl::from_secs(7 * 24 * 3600);
/// Ids are numbers of some 16 digits.
const FIRST_ID: u64 = 1_000_000_000_000_000;
/// Most octets of a request. Google takes 10 MB; everything that this service keeps is less.
const MAX_REQUEST: usize = 1024 * 1024;
