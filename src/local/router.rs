//! The vendors' paths.

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use hyper::body::Incoming;

use super::fcm::oauth;
use super::hub::Service;
use super::server::Connection;
use super::webpush::{Abandoned, Answer, exchange};
use super::{Fault, PathKind};
use super::{answer, fcm, onesignal};

/// A path of one of the vendors.
pub(in crate::local) enum Route<'a> {
    AccessToken,
    Fcm { project_id: &'a str },
    OneSignal,
}

impl<'a> Route<'a> {
    pub(in crate::local) fn of(path: &'a str) -> Option<Self> {
        if path == TOKEN_PATH {
            Some(Self::AccessToken)
        } else if path == "/notifications" || path == "/api/v1/notifications" {
            Some(Self::OneSignal)
        } else {
            let project_id = path.strip_prefix("/v1/projects/")?.strip_suffix("/messages:send")?;
            (!project_id.contains('/')).then_some(Self::Fcm { project_id })
        }
    }

    pub(in crate::local) fn kind(&self) -> PathKind {
        match self {
            Self::AccessToken => PathKind::AccessToken,
            Self::Fcm { .. } => PathKind::FcmMessages,
            Self::OneSignal => PathKind::OneSignalNotifications,
        }
    }
}

/// Serves one request. Faults strike where messages come in, not at the token endpoint.
pub(in crate::local) async fn serve(
    service: &Service,
    connection: &Connection,
    head: Parts,
    body: Incoming,
    route: Route<'_>,
    entry: u64,
) -> Result<Answer, Abandoned> {
    let fault = match route {
        Route::AccessToken => Fault::None,
        Route::Fcm { .. } | Route::OneSignal => service.next_fault(),
    };
    let refuse = match route {
        Route::AccessToken | Route::Fcm { .. } => fcm::scripted,
        Route::OneSignal => onesignal::scripted,
    };
    let accept = |body: Bytes, octets: usize| match route {
        _ if octets > MAX_REQUEST => {
            answer::text(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Large")
        }
        Route::AccessToken => oauth::accept(service, &head, &body),
        Route::Fcm { project_id } => fcm::accept(service, &head, &body, project_id),
        Route::OneSignal => onesignal::accept(service, &head, &body),
    };
    exchange(service, connection, body, MAX_REQUEST, entry, fault, refuse, accept).await
}

/// Path of the token endpoint (RFC 6749 §3.2).
pub(super) const TOKEN_PATH: &str = "/token";

/// Most octets of a request's body that are read.
const MAX_REQUEST: usize = 64 * 1024;
