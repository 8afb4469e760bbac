//! What FCM's answers mean. Pure.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>. The detail of type
//! `FcmError` decides before the status does, and the free text is the last resort. A token is
//! given up on unambiguous answers only, and FCM's own text is never repeated: it can quote the
//! request.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::providers::google::access_tokens::Refused;
use crate::providers::refusal::Refusal;
use crate::transport::{MAX_RETRY_AFTER, MIN_RETRY_AFTER, retry_after};
use crate::{Accepted, ErrorKind, MessageId};

use super::Fcm;

/// Why FCM did not accept a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
enum Reason {
    #[error("the access token was refused")]
    AccessToken,
    #[error("the app installation is gone; delete the token")]
    Gone,
    #[error("'message.{0}' was refused")]
    InvalidField(&'static str),
    #[error("the address is malformed; delete the token")]
    MalformedAddress,
    #[error("no such project or path; check the project id and the base URL, keep the token")]
    NoSuchProject,
    #[error("the credentials may not send for this project: {0}")]
    NotPermitted(&'static str),
    #[error("slow down: too many messages for the project or for this device")]
    Quota,
    #[error("the message was refused")]
    Refused,
    #[error("the token belongs to another app of the project's; keep it, look at the bundle id")]
    OtherApp,
    #[error("the token belongs to another Firebase project; keep it, send with that project")]
    SenderIdMismatch,
    #[error(
        "Apple's or the browser's push service refused the project's own key ({0}); renew it in \
         the Firebase console"
    )]
    ThirdPartyAuth(&'static str),
    #[error("the message is over the limit of 4096 octets, or of what Apple takes")]
    TooLarge,
    #[error("FCM has trouble; try again later")]
    Unavailable,
    #[error("success without the name of a message")]
    Unreadable,
}

impl Reason {
    fn kind(self) -> ErrorKind {
        match self {
            Self::AccessToken | Self::NotPermitted(_) | Self::ThirdPartyAuth(_) => {
                ErrorKind::Unauthorized
            }
            Self::Gone | Self::MalformedAddress => ErrorKind::Expired,
            Self::InvalidField(_) | Self::NoSuchProject | Self::Refused => ErrorKind::Rejected,
            Self::Quota => ErrorKind::RateLimited,
            Self::OtherApp | Self::SenderIdMismatch => ErrorKind::TokenMismatch,
            Self::TooLarge => ErrorKind::PayloadTooLarge,
            Self::Unavailable => ErrorKind::Unavailable,
            Self::Unreadable => ErrorKind::UnexpectedResponse,
        }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        let mut refusal = Self::new(reason.kind(), "");
        refusal.advice = reason.to_string().into();
        refusal.credential_refused = reason == Reason::AccessToken;
        refusal
    }
}

/// Reads an answer.
pub(super) fn read(response: &Response<Bytes>, now: SystemTime) -> Result<Accepted, Refused> {
    let status = response.status();
    let refused = |reason: Reason, asked| {
        let refusal = Refusal::from(reason);
        Refused {
            about_access_token: refusal.credential_refused,
            error: refusal.into_error("FCM", status, asked),
        }
    };
    if status.is_success() {
        // The name alone decides: whatever else stands there, the message was taken.
        let name = serde_json::from_slice(response.body()).ok().and_then(|Success { name }| name);
        let name = name.filter(|name| !name.is_empty());
        let kept = |name: String| (name.len() <= MAX_NAME).then(|| MessageId::from(name));
        return name
            .map(|name| Accepted::new(Fcm::ID).with_message_id(kept(name)))
            .ok_or_else(|| refused(Reason::Unreadable, None));
    }
    let Failure { message, status: named, details } = Failure::read(response.body());
    let details = Details::read(&details);
    let code = details.code.or_else(|| ErrorCode::read(&named).filter(|code| code.is_of_fcm()));
    let reason = if status == StatusCode::TOO_MANY_REQUESTS {
        // A rate, of whatever kind, says nothing about the token or the message.
        Reason::Quota
    } else if status.is_client_error() && details.is_of_another_app() {
        Reason::OtherApp
    } else {
        code.and_then(|code| coded(code, &details, &message))
            .filter(|reason| reason.kind() != ErrorKind::Expired || speaks_of_target(status))
            .unwrap_or_else(|| uncoded(status, &details, &message))
    };
    // Deleting cannot be taken back, so an answer that does not know what it says deletes nothing.
    let reason = match reason.kind() {
        ErrorKind::Expired if code == Some(ErrorCode::Unspecified) => Reason::Refused,
        _ => reason,
    };
    let asked = retry_after(response.headers(), now).max(details.retry_delay);
    // FCM's documentation asks for a minute where a 429 names no delay.
    let asked = asked.or_else(|| (reason == Reason::Quota).then_some(QUOTA_DELAY));
    Err(refused(reason, asked))
}

/// The meaning of an FCM error code; `None` leaves the status to decide.
fn coded(code: ErrorCode, details: &Details, text: &str) -> Option<Reason> {
    Some(match code {
        ErrorCode::Internal | ErrorCode::Unavailable => Reason::Unavailable,
        ErrorCode::InvalidArgument => invalid_argument(details, text),
        ErrorCode::QuotaExceeded => Reason::Quota,
        ErrorCode::SenderIdMismatch => Reason::SenderIdMismatch,
        ErrorCode::ThirdPartyAuthError => {
            Reason::ThirdPartyAuth(details.apns.as_ref().map_or(NO_REASON, ApnsError::known_reason))
        }
        ErrorCode::Unregistered => Reason::Gone,
        ErrorCode::Unspecified => return None,
    })
}

/// Deleting a token cannot be taken back, so code and status must agree that the target is gone.
fn speaks_of_target(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::GONE)
}

/// The meaning of an answer without a code.
fn uncoded(status: StatusCode, details: &Details, text: &str) -> Reason {
    match status {
        StatusCode::BAD_REQUEST => invalid_argument(details, text),
        StatusCode::UNAUTHORIZED => Reason::AccessToken,
        StatusCode::FORBIDDEN if speaks_of_another_sender(text) => Reason::SenderIdMismatch,
        StatusCode::FORBIDDEN => Reason::NotPermitted(details.permission),
        // The same text as for a dead registration token: only a code tells them apart, FCM's or
        // Apple's, whom FCM asks only about an address that it found.
        StatusCode::NOT_FOUND => details
            .apns
            .as_ref()
            .and_then(ApnsError::meaning)
            .filter(|reason| *reason == Reason::Gone)
            .unwrap_or(Reason::NoSuchProject),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Reason::Unavailable,
        StatusCode::PAYLOAD_TOO_LARGE => Reason::TooLarge,
        status if status.is_server_error() => Reason::Unavailable,
        _ => Reason::Refused,
    }
}

/// What lies behind a 400: first what Apple said, then the field that is named, then the few
/// sentences that are known.
fn invalid_argument(details: &Details, text: &str) -> Reason {
    if let Some(reason) = details.apns.as_ref().and_then(ApnsError::meaning) {
        return reason;
    }
    let text = text.to_ascii_lowercase();
    if details.is_about_address || text.contains("not a valid fcm registration token") {
        Reason::MalformedAddress
    } else if text.contains("message is too big") || text.contains("message is too large") {
        Reason::TooLarge
    } else if text.contains("device") && text.contains("rate") && text.contains("exceeded") {
        Reason::Quota
    } else {
        details.field.map_or(Reason::Refused, Reason::InvalidField)
    }
}

/// `SenderId mismatch` and its other spellings, where FCM leaves out the code.
fn speaks_of_another_sender(text: &str) -> bool {
    let letters = text.chars().filter(char::is_ascii_alphabetic);
    let text: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    text.contains("senderidmismatch") || text.contains("mismatchsenderid")
}

#[derive(Deserialize)]
struct Success {
    name: Option<String>,
}

/// What is understood of `error`. Each member is read for itself, so that one that is absent, null
/// or of another type takes nothing from the others; of a body that is not JSON (a proxy's page,
/// nothing at all) nothing is left, and the status decides.
struct Failure {
    message: String,
    status: String,
    details: Vec<Value>,
}

impl Failure {
    fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let member = |name| body.get("error").and_then(|error| error.get(name));
        let text = |name| member(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            message: text("message"),
            status: text("status"),
            details: member("details").and_then(Value::as_array).cloned().unwrap_or_default(),
        }
    }
}

/// FCM's own error codes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ErrorCode {
    Internal,
    InvalidArgument,
    QuotaExceeded,
    SenderIdMismatch,
    ThirdPartyAuthError,
    Unavailable,
    Unregistered,
    Unspecified,
}

impl ErrorCode {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "INTERNAL" => Self::Internal,
            "INVALID_ARGUMENT" => Self::InvalidArgument,
            "QUOTA_EXCEEDED" => Self::QuotaExceeded,
            "SENDER_ID_MISMATCH" => Self::SenderIdMismatch,
            "APNS_AUTH_ERROR" | "THIRD_PARTY_AUTH_ERROR" => Self::ThirdPartyAuthError,
            "UNAVAILABLE" => Self::Unavailable,
            "UNREGISTERED" => Self::Unregistered,
            "UNSPECIFIED_ERROR" => Self::Unspecified,
            _ => return None,
        })
    }

    /// Whether the code is FCM's alone. Some of Google's documentation shows such a one in
    /// `status`, where a canonical code otherwise stands, which only repeats the HTTP status.
    fn is_of_fcm(self) -> bool {
        !matches!(self, Self::Internal | Self::InvalidArgument | Self::Unavailable)
    }
}

/// What is understood of `error.details`.
#[derive(Default)]
struct Details {
    apns: Option<ApnsError>,
    code: Option<ErrorCode>,
    field: Option<&'static str>,
    /// Whether a field that is named holds nothing but the address. It is always text, so only the
    /// address can be wrong with it.
    is_about_address: bool,
    permission: &'static str,
    retry_delay: Option<Duration>,
}

impl Details {
    fn read(details: &[Value]) -> Self {
        let mut read = Self { permission: "check its roles and the project id", ..Self::default() };
        let mut codes = Vec::new();
        for detail in details {
            let text = |name| detail.get(name).and_then(Value::as_str);
            match text("@type").and_then(|name| name.rsplit('/').next()) {
                Some("google.firebase.fcm.v1.FcmError") => {
                    codes.push(text("errorCode").and_then(ErrorCode::read));
                }
                Some("google.firebase.fcm.v1.ApnsError") => {
                    read.apns = Some(ApnsError {
                        status_code: detail.get("statusCode").and_then(Value::as_u64),
                        reason: text("reason").unwrap_or_default().to_owned(),
                    });
                }
                Some("google.rpc.BadRequest") => {
                    read.field = violated_fields(detail).find_map(part_of_request);
                    read.is_about_address = violated_fields(detail).any(is_address);
                }
                Some("google.rpc.ErrorInfo") => {
                    read.permission = text("reason").map_or(read.permission, permission);
                }
                Some("google.rpc.RetryInfo") => {
                    read.retry_delay = text("retryDelay").and_then(duration);
                }
                _ => {}
            }
        }
        // Two codes that contradict each other say nothing.
        read.code = codes.first().copied().flatten();
        if codes.iter().any(|code| *code != read.code) {
            read.code = Some(ErrorCode::Unspecified);
        }
        read
    }

    fn is_of_another_app(&self) -> bool {
        self.apns.as_ref().is_some_and(|apns| apns.reason == "DeviceTokenNotForTopic")
    }
}

/// What Apple's push service told FCM.
struct ApnsError {
    status_code: Option<u64>,
    reason: String,
}

impl ApnsError {
    fn meaning(&self) -> Option<Reason> {
        match (self.status_code, self.reason.as_str()) {
            (Some(410), _) | (_, "BadDeviceToken" | "ExpiredToken" | "Unregistered") => {
                Some(Reason::Gone)
            }
            (Some(413), _) | (_, "PayloadTooLarge") => Some(Reason::TooLarge),
            (Some(429), _) | (_, "TooManyRequests") => Some(Reason::Quota),
            _ => None,
        }
    }

    fn known_reason(&self) -> &'static str {
        const KNOWN: [&str; 5] = [
            "BadEnvironmentKeyIdInToken",
            "BadEnvironmentKeyInToken",
            "ExpiredProviderToken",
            "InvalidProviderToken",
            "MissingProviderToken",
        ];
        KNOWN.into_iter().find(|known| *known == self.reason).unwrap_or(NO_REASON)
    }
}

/// The fields of the request that FCM complains about.
fn violated_fields(detail: &Value) -> impl Iterator<Item = &str> {
    let violations = detail.get("fieldViolations").and_then(Value::as_array);
    violations.into_iter().flatten().filter_map(|violation| violation.get("field")?.as_str())
}

fn is_address(field: &str) -> bool {
    matches!(field, "message.fid" | "message.token")
}

/// The part of the request that a field belongs to, as one of ours.
fn part_of_request(field: &str) -> Option<&'static str> {
    const FIELDS: [&str; 6] = ["android", "apns", "data", "fid", "token", "webpush"];
    let part = field.strip_prefix("message.")?;
    FIELDS.into_iter().find(|known| {
        part.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// What to do about a refusal of Google's front end
/// (<https://cloud.google.com/apis/design/errors#error_info>).
fn permission(reason: &str) -> &'static str {
    match reason {
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => "the access token lacks the scope firebase.messaging",
        "CONSUMER_INVALID" => "the project id is wrong",
        "IAM_PERMISSION_DENIED" => "grant cloudmessaging.messages.create on the project",
        "SERVICE_DISABLED" => "enable the Firebase Cloud Messaging API for the project",
        _ => "check its roles and the project id",
    }
}

/// A duration of Google's JSON, such as `12s` or `3.5s`.
fn duration(text: &str) -> Option<Duration> {
    let seconds = text.strip_suffix('s')?.parse().ok()?;
    let delay = Duration::try_from_secs_f64(seconds).ok()?;
    Some(delay.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER))
}

/// Where Apple gave no reason, or none that is known.
const NO_REASON: &str = "no reason given";

/// Longest name of a message that is kept, in octets.
const MAX_NAME: usize = 512;

/// How long to wait after a 429 without a delay.
const QUOTA_DELAY: Duration = Duration::from_secs(60);
