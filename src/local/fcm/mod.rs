//! The double of FCM's HTTP v1 API.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>

pub(super) mod oauth;

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::answer;
use super::device::Content;
use super::hub::{Service, random_name};
use super::json::{is_text_map, member, unknown_member};
use super::store::{Deposit, NotStored};
use super::vendors::Platform;
use super::webpush::Answer;
use crate::options::{Topic, Ttl, Urgency};

/// App installations by their ids.
pub(in crate::local) type Installations = HashMap<String, Installation>;

/// One app installation.
pub(in crate::local) struct Installation {
    pub(super) project_id: String,
    pub(super) platform: Platform,
    pub(super) registration_token: String,
}

/// The address in the store. The space keeps it out of reach of the paths of Web Push.
pub(super) fn address(installation_id: &str) -> String {
    format!("fcm {installation_id}")
}

/// Takes a message, or says why not.
pub(super) fn accept(service: &Service, head: &Parts, body: &[u8], project_id: &str) -> Answer {
    match send(service, head, body, project_id) {
        Ok(id) => {
            let name = format!("projects/{project_id}/messages/{id}");
            answer::json(StatusCode::OK, &json!({ "name": name }))
        }
        Err(refusal) => refusal.into_answer(),
    }
}

/// The refusal of a scripted fault, as FCM words it.
pub(super) fn scripted(status: StatusCode) -> Answer {
    let (code, detail) = match status {
        StatusCode::BAD_REQUEST => ("INVALID_ARGUMENT", Some("INVALID_ARGUMENT")),
        StatusCode::UNAUTHORIZED => ("UNAUTHENTICATED", None),
        StatusCode::FORBIDDEN => ("PERMISSION_DENIED", None),
        StatusCode::NOT_FOUND => ("NOT_FOUND", Some("UNREGISTERED")),
        StatusCode::TOO_MANY_REQUESTS => ("RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED")),
        StatusCode::INTERNAL_SERVER_ERROR => ("INTERNAL", Some("INTERNAL")),
        StatusCode::SERVICE_UNAVAILABLE => ("UNAVAILABLE", Some("UNAVAILABLE")),
        _ => return answer::text(status, "A scripted fault"),
    };
    Refusal::new(status, code, detail, "A scripted fault").into_answer()
}

fn send(service: &Service, head: &Parts, body: &[u8], project_id: &str) -> Result<String, Refusal> {
    if head.method != Method::POST {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(Refusal::new(status, "UNIMPLEMENTED", None, "The method must be POST."));
    }
    authorize(service, head, project_id)?;
    let invalid = || Refusal::invalid("Invalid JSON payload received.");
    if !answer::is_of_type(&head.headers, "application/json") {
        return Err(invalid());
    }
    let request: Map<String, Value> = serde_json::from_slice(body).map_err(|_| invalid())?;
    known(&request, &["message", "validate_only"], "")?;
    let message = member(&request, "message").and_then(Value::as_object).ok_or_else(invalid)?;
    let dry_run = match member(&request, "validate_only") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(invalid)?,
    };
    let message = Message::read(message, service.now())?;
    let (address, platform) = target(service, message.fields, project_id)?;
    let delivery = message.for_platform(platform)?;
    if dry_run {
        return Ok("fake_message_id".to_owned());
    }
    let id = random_name::<16>().ok_or_else(Refusal::internal)?;
    let stored = service.store().deposit(&address, id.clone(), delivery, service.now());
    stored.map(|()| id).map_err(|reason| match reason {
        NotStored::Full => Refusal::quota(),
        NotStored::Missing(_) => Refusal::unregistered(),
    })
}

/// Only a service account of the project may send.
fn authorize(service: &Service, head: &Parts, project_id: &str) -> Result<(), Refusal> {
    let access_token = answer::credentials(&head.headers, "Bearer").unwrap_or_default();
    let accounts = service.vendors().accounts();
    match accounts.project_of(access_token, service.now()) {
        None => Err(Refusal::unauthenticated()),
        Some(project) if project == project_id => Ok(()),
        Some(_) => Err(Refusal::permission_denied()),
    }
}

/// The one target of a message, by registration token or installation id.
fn target(
    service: &Service,
    message: &Map<String, Value>,
    project_id: &str,
) -> Result<(String, Platform), Refusal> {
    let mut targets = TARGETS.iter().filter_map(|name| Some((*name, message.get(*name)?)));
    let (Some((name, Value::String(target))), None) = (targets.next(), targets.next()) else {
        return Err(Refusal::invalid("Exactly one of fid, token, topic or condition is required"));
    };
    let malformed =
        || Refusal::invalid("The registration token is not a valid FCM registration token");
    let installation_id = match name {
        "fid" => target.as_str(),
        "token" => target.split_once(":APA91b").ok_or_else(malformed)?.0,
        _ => return Err(Refusal::invalid("The double has no topics")),
    };
    let installations = service.vendors().fcm();
    let installation = installations
        .get(installation_id)
        .filter(|known| name == "fid" || known.registration_token == *target)
        .ok_or_else(Refusal::unregistered)?;
    if installation.project_id != project_id {
        return Err(Refusal::sender_id_mismatch());
    }
    Ok((address(installation_id), installation.platform))
}

/// A message whose every part has been checked.
struct Message<'a> {
    fields: &'a Map<String, Value>,
    data: BTreeMap<String, String>,
    apns_payload: Option<&'a Map<String, Value>>,
    android: (Ttl, Option<Topic>),
    apns: (Ttl, Option<Topic>),
    webpush: (Ttl, Option<Topic>),
}

impl<'a> Message<'a> {
    fn read(fields: &'a Map<String, Value>, now: SystemTime) -> Result<Self, Refusal> {
        known(fields, &MESSAGE, "message")?;
        let android = section(fields, "android", &ANDROID)?;
        let apns = section(fields, "apns", &APNS)?;
        let webpush = section(fields, "webpush", &WEBPUSH)?;
        let apns_payload = match apns.and_then(|apns| apns.get("payload")) {
            None => None,
            Some(Value::Object(payload)) if payload.get("aps").is_some_and(Value::is_object) => {
                Some(payload)
            }
            Some(_) => return Err(Refusal::field("message.apns.payload")),
        };
        Ok(Self {
            fields,
            data: data(fields)?,
            apns_payload,
            android: android.map_or(Ok(DEFAULTS), android_options)?,
            apns: apns.map_or(Ok(DEFAULTS), |apns| apns_options(apns, now))?,
            webpush: webpush.map_or(Ok(DEFAULTS), webpush_options)?,
        })
    }

    /// What one platform's devices get of it.
    fn for_platform(self, platform: Platform) -> Result<Deposit, Refusal> {
        let octets: usize = self.data.iter().map(|(name, value)| name.len() + value.len()).sum();
        if octets > MAX_DATA {
            return Err(Refusal::invalid("Message is too large. The maximum is 4K (4096 bytes)."));
        }
        let alert = self.apns_payload.and_then(|payload| payload.get("aps")?.get("alert"));
        let body = alert.and_then(|alert| alert.get("body").or(Some(alert))?.as_str());
        let notification =
            |section: &str| self.fields.get(section)?.get("notification")?.get("body")?.as_str();
        let ((ttl, topic), shown) = match platform {
            Platform::Android => (self.android, notification("android")),
            Platform::Apple => {
                // FCM puts the data beside `aps`.
                let mut payload = self.apns_payload.cloned().unwrap_or_default();
                let data = self.data.iter().map(|(name, text)| (name.clone(), text.clone().into()));
                payload.extend(data);
                if Value::Object(payload).to_string().len() > MAX_DATA {
                    return Err(Refusal::invalid("iOS message is too big"));
                }
                (self.apns, body)
            }
            Platform::Web => (self.webpush, notification("webpush")),
        };
        let content = Content { shown: shown.map(str::to_owned), data: self.data };
        Ok(Deposit { body: content.to_bytes(), ttl, topic })
    }
}

/// `message.data`: texts, and no name that FCM keeps for itself.
fn data(message: &Map<String, Value>) -> Result<BTreeMap<String, String>, Refusal> {
    let Some(data) = message.get("data") else { return Ok(BTreeMap::new()) };
    let refused = || Refusal::field("message.data");
    let data: BTreeMap<String, String> =
        serde_json::from_value(data.clone()).map_err(|_| refused())?;
    let reserved = |name: &String| {
        matches!(name.as_str(), "from" | "message_type" | "gcm" | "google")
            || name.starts_with("google.")
            || name.starts_with("gcm.notification.")
    };
    if data.keys().any(reserved) { Err(refused()) } else { Ok(data) }
}

fn android_options(android: &Map<String, Value>) -> Result<(Ttl, Option<Topic>), Refusal> {
    if let Some(priority) = android.get("priority")
        && !matches!(priority.as_str(), Some("HIGH" | "NORMAL" | "high" | "normal"))
    {
        return Err(Refusal::field("message.android.priority"));
    }
    let ttl = match android.get("ttl") {
        None => MAX_TTL,
        Some(ttl) => ttl
            .as_str()
            .and_then(seconds)
            .filter(|ttl| *ttl <= MAX_TTL)
            .ok_or_else(|| Refusal::field("message.android.ttl"))?,
    };
    let key = member(android, "collapse_key")
        .map(|key| key.as_str().ok_or_else(|| Refusal::field("message.android.collapse_key")));
    Ok((ttl, key.transpose()?.and_then(|key| key.parse().ok())))
}

fn apns_options(
    apns: &Map<String, Value>,
    now: SystemTime,
) -> Result<(Ttl, Option<Topic>), Refusal> {
    let headers = headers(apns, "message.apns.headers")?;
    let refused = |_| Refusal::field("message.apns.headers");
    let header = |name: &str| headers?.get(name)?.as_str();
    let background = match (header("apns-push-type"), header("apns-priority")) {
        (None | Some("alert"), None | Some("1" | "5" | "10")) => false,
        (Some("background"), Some("5")) => true,
        _ => return Err(Refusal::field("message.apns.headers")),
    };
    let flag = |name: &str| apns.get("payload")?.get("aps")?.get(name)?.as_u64();
    if background && flag("content-available") != Some(1) {
        return Err(Refusal::field("message.apns.payload"));
    }
    let ttl = match header("apns-expiration") {
        None => MAX_TTL,
        Some("0") => Ttl::NOW,
        Some(end) => {
            let end = end.parse().map_err(refused)?;
            let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            Ttl::from_secs(u32::try_from(u64::saturating_sub(end, now)).unwrap_or(u32::MAX))
        }
    };
    let id = header("apns-collapse-id");
    if id.is_some_and(|id| id.len() > 64) {
        return Err(Refusal::field("message.apns.headers"));
    }
    Ok((ttl, id.and_then(|id| id.parse().ok())))
}

fn webpush_options(webpush: &Map<String, Value>) -> Result<(Ttl, Option<Topic>), Refusal> {
    let headers = headers(webpush, "message.webpush.headers")?;
    let refused = |_| Refusal::field("message.webpush.headers");
    let header = |name: &str| headers?.get(name)?.as_str();
    header("Urgency").map(str::parse::<Urgency>).transpose().map_err(refused)?;
    let topic = header("Topic").map(str::parse).transpose().map_err(refused)?;
    let ttl = header("TTL").map(str::parse).transpose().map_err(refused)?;
    let options = member(webpush, "fcm_options").and_then(|options| options.get("link"));
    if options.is_some_and(|link| !link.as_str().is_some_and(|link| link.starts_with("https://"))) {
        return Err(Refusal::field("message.webpush.fcm_options.link"));
    }
    Ok((ttl.unwrap_or(MAX_TTL), topic))
}

/// A part of the message that is an object with known members only.
fn section<'a>(
    message: &'a Map<String, Value>,
    name: &'static str,
    members: &[&str],
) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    let Some(section) = message.get(name) else { return Ok(None) };
    let section = section.as_object().ok_or_else(|| Refusal::field(name))?;
    known(section, members, name)?;
    Ok(Some(section))
}

fn headers<'a>(
    section: &'a Map<String, Value>,
    field: &str,
) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    match section.get("headers") {
        None => Ok(None),
        Some(headers) if is_text_map(headers) => Ok(headers.as_object()),
        Some(_) => Err(Refusal::field(field)),
    }
}

fn known(object: &Map<String, Value>, members: &[&str], at: &str) -> Result<(), Refusal> {
    let Some(name) = unknown_member(object, members) else { return Ok(()) };
    Err(Refusal::invalid(format!(
        "Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."
    )))
}

/// A duration of Google's JSON in seconds, the fraction rounded up.
fn seconds(text: &str) -> Option<Ttl> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let more = u32::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Ttl::from_secs(whole.parse::<u32>().ok()?.checked_add(more)?))
}

/// An error in Google's form.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// FCM's own code, where the real service gives one.
    detail: Option<&'static str>,
    message: String,
}

impl Refusal {
    fn new(
        status: StatusCode,
        code: &'static str,
        detail: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        Self { status, code, detail, message: message.into() }
    }

    fn field(field: &str) -> Self {
        Self::invalid(format!("Invalid value at '{field}'"))
    }

    fn internal() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "INTERNAL", Some("INTERNAL"), "Internal error encountered.")
    }

    fn invalid(message: impl Into<String>) -> Self {
        let code = "INVALID_ARGUMENT";
        Self::new(StatusCode::BAD_REQUEST, code, Some(code), message)
    }

    fn permission_denied() -> Self {
        let message = "Permission 'cloudmessaging.messages.create' denied on the project.";
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", None, message)
    }

    fn quota() -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let message = "Device message rate has been exceeded.";
        Self::new(status, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), message)
    }

    fn sender_id_mismatch() -> Self {
        let detail = Some("SENDER_ID_MISMATCH");
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", detail, "SenderId mismatch")
    }

    fn unauthenticated() -> Self {
        let message = "Request had invalid authentication credentials.";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", None, message)
    }

    fn unregistered() -> Self {
        let message = "Requested entity was not found.";
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", Some("UNREGISTERED"), message)
    }

    fn into_answer(self) -> Answer {
        let details: Vec<_> = self
            .detail
            .map(|code| json!({ "@type": FCM_ERROR, "errorCode": code }))
            .into_iter()
            .collect();
        let error = json!({ "error": {
            "code": self.status.as_u16(),
            "message": self.message,
            "status": self.code,
            "details": details,
        }});
        let mut answer = answer::json(self.status, &error);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

const FCM_ERROR: &str = "type.googleapis.com/google.firebase.fcm.v1.FcmError";

/// Most octets of names and values together; for Apple, of the payload.
const MAX_DATA: usize = 4096;
/// Four weeks.
const MAX_TTL: Ttl = Ttl::from_secs(2_419_200);
const DEFAULTS: (Ttl, Option<Topic>) = (MAX_TTL, None);

const TARGETS: [&str; 4] = ["condition", "fid", "token", "topic"];
const MESSAGE: [&str; 11] = [
    "android",
    "android_v2",
    "apns",
    "condition",
    "data",
    "fcm_options",
    "fid",
    "notification",
    "token",
    "topic",
    "webpush",
];
const ANDROID: [&str; 10] = [
    "bandwidth_constrained_ok",
    "collapse_key",
    "data",
    "direct_boot_ok",
    "fcm_options",
    "notification",
    "priority",
    "restricted_package_name",
    "restricted_satellite_ok",
    "ttl",
];
const APNS: [&str; 4] = ["fcm_options", "headers", "live_activity_token", "payload"];
const WEBPUSH: [&str; 4] = ["data", "fcm_options", "headers", "notification"];
