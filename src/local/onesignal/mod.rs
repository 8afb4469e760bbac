//! The double of OneSignal's REST API.
//!
//! <https://documentation.onesignal.com/reference/push-notification>

use std::collections::{BTreeMap, HashMap};

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::answer;
use super::device::Content;
use super::hub::Service;
use super::json::{is_uuid, uuid};
use super::store::{Deposit, NotStored};
use super::webpush::Answer;
use crate::options::{Topic, Ttl};
use crate::seal::keys::fill_random;

/// Apps by their ids.
#[derive(Default)]
pub(in crate::local) struct Apps(HashMap<String, App>);

impl Apps {
    /// The API key of an app, which is the given one when the app is new.
    pub(super) fn app(&mut self, app_id: &str, api_key: String) -> String {
        let app = self.0.entry(app_id.to_owned());
        app.or_insert_with(|| App { api_key, ..App::default() }).api_key.clone()
    }

    pub(super) fn subscribe(&mut self, app_id: &str, id: &str, external_id: Option<&str>) {
        if let Some(app) = self.0.get_mut(app_id) {
            app.subscriptions.insert(id.to_owned(), external_id.map(str::to_owned));
        }
    }
}

#[derive(Default)]
struct App {
    api_key: String,
    /// The `external_id` by subscription.
    subscriptions: BTreeMap<String, Option<String>>,
    /// Digest of the request and id of the message, by idempotency key.
    sent: HashMap<String, ([u8; 32], String)>,
}

/// The address in the store. The space keeps it out of reach of the paths of Web Push.
pub(super) fn address(subscription_id: &str) -> String {
    format!("onesignal {subscription_id}")
}

/// Takes a message, or says why not.
pub(super) fn accept(service: &Service, head: &Parts, body: &[u8]) -> Answer {
    send(service, head, body).unwrap_or_else(|Refused(status, error)| refuse(status, &error))
}

/// The refusal of a scripted fault, as OneSignal words it.
pub(super) fn scripted(status: StatusCode) -> Answer {
    match status {
        StatusCode::TOO_MANY_REQUESTS => refuse(status, "API rate limit exceeded"),
        status if status.is_server_error() => answer::text(status, ""),
        status => refuse(status, "A scripted fault"),
    }
}

fn refuse(status: StatusCode, error: &str) -> Answer {
    answer::json(status, &json!({ "errors": [error] }))
}

fn send(service: &Service, head: &Parts, body: &[u8]) -> Result<Answer, Refused> {
    if head.method != Method::POST {
        return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed".to_owned()));
    }
    let invalid = || Refused::bad("Request body is not valid JSON");
    if !answer::is_of_type(&head.headers, "application/json") {
        return Err(invalid());
    }
    let request: Map<String, Value> = serde_json::from_slice(body).map_err(|_| invalid())?;
    let mut apps = service.vendors().onesignal();
    let app = authorize(&mut apps, head, &request)?;
    let message = read(&request)?;
    let targets = Targets::read(&request, app)?;

    let digest: [u8; 32] = Sha256::digest(body).into();
    let key = match request.get("idempotency_key") {
        None => None,
        Some(Value::String(key)) if is_uuid(key) => Some(key.to_ascii_lowercase()),
        Some(_) => return Err(Refused::bad("idempotency_key is not a valid UUID")),
    };
    if let Some((known, id)) = key.as_ref().and_then(|key| app.sent.get(key)) {
        if *known != digest {
            let text = "The idempotency key was used with another request".to_owned();
            return Err(Refused(StatusCode::CONFLICT, text));
        }
        let mut answer = accepted(id, key.as_deref(), None);
        let replayed = HeaderValue::from_static("true");
        answer.headers_mut().insert("idempotent-replayed", replayed);
        return Ok(answer);
    }

    let reached = targets.reached(service, &message)?;
    if reached.ids.is_empty() {
        let errors = targets
            .alias_errors()
            .unwrap_or_else(|| json!(["All included players are not subscribed"]));
        return Ok(answer::json(StatusCode::OK, &json!({ "id": "", "errors": errors })));
    }
    // The message of the first target lends its name to the whole, as senders see it.
    let id = reached.ids.into_iter().next().unwrap_or_default();
    if let Some(key) = &key {
        app.sent.insert(key.clone(), (digest, id.clone()));
    }
    let errors = (!reached.unsubscribed.is_empty())
        .then(|| json!({ "invalid_player_ids": reached.unsubscribed }));
    Ok(accepted(&id, key.as_deref(), errors))
}

fn accepted(id: &str, key: Option<&str>, errors: Option<Value>) -> Answer {
    let mut answer = json!({ "id": id, "external_id": key });
    if let Some(errors) = errors {
        answer["errors"] = errors;
    }
    answer::json(StatusCode::OK, &answer)
}

/// The app of the request, which the key must belong to.
fn authorize<'a>(
    apps: &'a mut Apps,
    head: &Parts,
    request: &Map<String, Value>,
) -> Result<&'a mut App, Refused> {
    let denied = || {
        let text = "Access denied.  Please include an 'Authorization: ...' header with a valid \
                    API key (https://documentation.onesignal.com/docs/accounts-and-keys)";
        Refused(StatusCode::FORBIDDEN, text.to_owned())
    };
    let api_key = answer::credentials(&head.headers, "Key").ok_or_else(denied)?;
    let app_id = request.get("app_id").and_then(Value::as_str).unwrap_or_default();
    if !is_uuid(app_id) {
        return Err(Refused::bad("app_id not found. You may be missing a Content-Type header."));
    }
    let app = apps.0.get_mut(&app_id.to_ascii_lowercase()).ok_or_else(denied)?;
    if app.api_key == api_key { Ok(app) } else { Err(denied()) }
}

/// A message as it is handed to each of its targets.
struct Message {
    content: Content,
    ttl: Ttl,
    topic: Option<Topic>,
}

fn read(request: &Map<String, Value>) -> Result<Message, Refused> {
    let english = request.get("contents").and_then(|contents| contents.get("en"));
    let english = english.and_then(Value::as_str).filter(|text| !text.is_empty());
    let shown = english
        .ok_or_else(|| Refused::bad("Message Notifications must have English language content"))?;
    let data = match request.get("data") {
        None => BTreeMap::new(),
        Some(data) if data.is_object() && data.to_string().len() <= MAX_DATA => {
            // Other values than texts are OneSignal's business, and of no use to a sealed message.
            let texts = data.as_object().into_iter().flatten();
            texts
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect()
        }
        Some(data) if data.is_object() => {
            return Err(Refused::bad("Notification data must be no more than 2048 bytes long"));
        }
        Some(_) => return Err(Refused::bad("data must be an object")),
    };
    let ttl = match request.get("ttl") {
        None => DEFAULT_TTL,
        Some(ttl) => ttl
            .as_u64()
            .filter(|ttl| *ttl <= MAX_TTL)
            .and_then(|ttl| u32::try_from(ttl).ok())
            .map(Ttl::from_secs)
            .ok_or_else(|| Refused::bad("ttl must be an integer from 0 to 2419200"))?,
    };
    if request.get("priority").is_some_and(|priority| !matches!(priority.as_u64(), Some(5 | 10))) {
        return Err(Refused::bad("priority must be 5 or 10"));
    }
    let text = |name: &str, most: usize| match request.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= most => Ok(Some(text.as_str())),
        Some(_) => Err(Refused::bad(format!("{name} must be text of at most {most} bytes"))),
    };
    text("web_push_topic", 64)?;
    let topic = text("collapse_id", 64)?.and_then(|topic| topic.parse().ok());
    Ok(Message { content: Content { data, shown: Some(shown.to_owned()) }, ttl, topic })
}

/// Whom a request goes to.
struct Targets {
    /// Those that exist; the others are left out silently.
    known: Vec<String>,
    aliases: Option<Value>,
}

/// What became of the targets.
struct Reached {
    /// Names of the messages.
    ids: Vec<String>,
    unsubscribed: Vec<String>,
}

impl Targets {
    fn read(request: &Map<String, Value>, app: &App) -> Result<Self, Refused> {
        let family = |name: &&String| {
            name.starts_with("include_") || *name == "included_segments" || *name == "filters"
        };
        let mut families = request.keys().filter(family);
        let (Some(family), None) = (families.next(), families.next()) else {
            return Err(Refused::bad("Exactly one way to name the targets is required"));
        };
        match family.as_str() {
            "include_subscription_ids" => Self::subscriptions(&request[family], app),
            "include_aliases" => {
                if request.get("target_channel") != Some(&json!("push")) {
                    return Err(Refused::bad("target_channel must be push"));
                }
                Self::aliases(&request[family], app)
            }
            _ => Err(Refused::bad("The double takes subscription ids and aliases only")),
        }
    }

    fn subscriptions(ids: &Value, app: &App) -> Result<Self, Refused> {
        let ids = texts(ids)
            .ok_or_else(|| Refused::bad("include_subscription_ids must be an array of UUIDs"))?;
        if !ids.iter().all(|id| is_uuid(id)) {
            return Err(Refused::bad(
                "Incorrect subscription_id format in include_subscription_ids (not a valid UUID)",
            ));
        }
        let ids = ids.iter().map(|id| id.to_ascii_lowercase());
        Ok(Self {
            known: ids.filter(|id| app.subscriptions.contains_key(id)).collect(),
            aliases: None,
        })
    }

    fn aliases(aliases: &Value, app: &App) -> Result<Self, Refused> {
        let names = aliases.get("external_id").and_then(texts).ok_or_else(|| {
            Refused::bad("include_aliases must have external_id with an array of texts")
        })?;
        let person = |external_id: &Option<String>| {
            external_id.as_deref().is_some_and(|id| names.contains(&id))
        };
        let known = app.subscriptions.iter().filter(|(_, external_id)| person(external_id));
        Ok(Self {
            known: known.map(|(id, _)| id.clone()).collect(),
            aliases: Some(aliases.clone()),
        })
    }

    fn alias_errors(&self) -> Option<Value> {
        self.aliases.as_ref().map(|aliases| json!({ "invalid_aliases": aliases }))
    }

    /// Stores a message for each.
    fn reached(&self, service: &Service, message: &Message) -> Result<Reached, Refused> {
        let mut reached = Reached { ids: Vec::new(), unsubscribed: Vec::new() };
        for subscription_id in &self.known {
            let mut octets = [0; 16];
            fill_random(&mut octets).map_err(|_| {
                Refused(StatusCode::INTERNAL_SERVER_ERROR, "No randomness".to_owned())
            })?;
            let id = uuid(octets);
            let deposit = Deposit {
                body: message.content.to_bytes(),
                ttl: message.ttl,
                topic: message.topic.clone(),
            };
            let address = address(subscription_id);
            match service.store().deposit(&address, id.clone(), deposit, service.now()) {
                // A device that is full is no concern of the sender's: OneSignal accepted.
                Ok(()) | Err(NotStored::Full) => reached.ids.push(id),
                Err(NotStored::Missing(_)) => reached.unsubscribed.push(subscription_id.clone()),
            }
        }
        Ok(reached)
    }
}

/// An array of texts that is not empty.
fn texts(value: &Value) -> Option<Vec<&str>> {
    let texts: Vec<_> = value.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
    (!texts.is_empty()).then_some(texts)
}

struct Refused(StatusCode, String);

impl Refused {
    fn bad(error: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, error.into())
    }
}

/// Most octets of `data` as JSON.
const MAX_DATA: usize = 2048;
/// Four weeks, in seconds.
const MAX_TTL: u64 = 2_419_200;
/// Three days.
const DEFAULT_TTL: Ttl = Ttl::from_secs(259_200);
