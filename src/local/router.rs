//! Where a path leads.

use std::sync::Arc;

use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::answer::{self, Answer};
use super::apns::{self, Apns};
use super::call::Call;
use super::fcm::{self, Fcm};
use super::hub::Hub;
use super::klaviyo::{self, Klaviyo};
use super::onesignal::{self, OneSignal};
use super::paths::PathKind;
use super::pubsub::{self, PubSub};
use super::sailthru::{self, Sailthru};
use super::site::Foreign;
use super::webpush::{self, Refusal, WebPush};
use crate::serve::{Abandoned, Connection};

/// The push services behind one port.
pub(super) struct Router {
    pub(super) hub: Arc<Hub>,
    pub(super) webpush: WebPush,
    pub(super) apns: Arc<Apns>,
    pub(super) fcm: Arc<Fcm>,
    pub(super) klaviyo: Arc<Klaviyo>,
    pub(super) onesignal: Arc<OneSignal>,
    pub(super) pubsub: Arc<PubSub>,
    pub(super) sailthru: Arc<Sailthru>,
}

impl Router {
    /// Serves one request.
    pub(super) async fn serve(
        self: Arc<Self>,
        connection: Connection,
        request: Request<Incoming>,
    ) -> Result<Answer, Abandoned> {
        let path = request.uri().path().to_owned();
        let route = Route::of(&path);
        let call = Call::new(&self.hub, connection, request, route.kind());
        if let Err(foreign) = self.hub.site().admits(call.head()) {
            return Ok(call.answer(refuse(foreign)));
        }
        match route {
            Route::Apns(path) => self.apns.serve(call, path).await,
            Route::Fcm(path) => self.fcm.serve(call, path).await,
            Route::Klaviyo(path) => self.klaviyo.serve(call, path).await,
            Route::OneSignal(path) => self.onesignal.serve(call, path).await,
            Route::PubSub(path) => self.pubsub.serve(call, path).await,
            Route::Sailthru(path) => self.sailthru.serve(call, path).await,
            Route::Unknown => Ok(call.answer(Refusal::NOT_FOUND.into_answer())),
            Route::WebPush(path) => self.webpush.serve(call, path).await,
        }
    }
}

impl Drop for Router {
    /// Nobody serves any longer: whoever waits is hung up on.
    fn drop(&mut self) {
        self.hub.store().set_online(false);
    }
}

/// A path of one of the push services.
enum Route<'a> {
    Apns(apns::Path<'a>),
    Fcm(fcm::Path<'a>),
    Klaviyo(klaviyo::Path),
    OneSignal(onesignal::Path<'a>),
    PubSub(pubsub::Path<'a>),
    Sailthru(sailthru::Path),
    Unknown,
    WebPush(webpush::Path<'a>),
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Self {
        let webpush = webpush::Path::of(path).map(Self::WebPush);
        webpush
            .or_else(|| apns::Path::of(path).map(Self::Apns))
            .or_else(|| pubsub::Path::of(path).map(Self::PubSub))
            .or_else(|| fcm::Path::of(path).map(Self::Fcm))
            .or_else(|| klaviyo::Path::of(path).map(Self::Klaviyo))
            .or_else(|| onesignal::Path::of(path).map(Self::OneSignal))
            .or_else(|| sailthru::Path::of(path).map(Self::Sailthru))
            .unwrap_or(Self::Unknown)
    }

    fn kind(&self) -> PathKind {
        match self {
            Self::Apns(path) => path.kind(),
            Self::Fcm(path) => path.kind(),
            Self::Klaviyo(path) => path.kind(),
            Self::OneSignal(path) => path.kind(),
            Self::PubSub(path) => path.kind(),
            Self::Sailthru(path) => path.kind(),
            Self::Unknown => PathKind::Unknown,
            Self::WebPush(path) => path.kind(),
        }
    }
}

fn refuse(foreign: Foreign) -> Answer {
    match foreign {
        // RFC 9110 §15.5.20.
        Foreign::Host => answer::text(
            StatusCode::MISDIRECTED_REQUEST,
            "This push service is not known by that name: see its public URL.",
        ),
        Foreign::Origin => {
            answer::text(StatusCode::FORBIDDEN, "This push service answers no page of that origin.")
        }
    }
}
