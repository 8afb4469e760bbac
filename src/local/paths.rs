//! The paths of the push service, and the URLs that are made of them.

/// What a path of a [`PushService`](super::PushService) leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PathKind {
    /// The token endpoint of the double of FCM.
    AccessToken,
    /// Messages to a device at the double of Apple's service.
    ApnsDevice,
    /// Messages to a project at the double of FCM.
    FcmMessages,
    /// Events at the double of Klaviyo.
    KlaviyoEvents,
    /// Push tokens at the double of Klaviyo.
    KlaviyoPushTokens,
    /// A stored message: DELETE cancels it.
    MessageResource,
    /// Messages to apps at the double of OneSignal.
    OneSignalNotifications,
    /// Messages to a topic at the double of Pub/Sub.
    PubSubTopic,
    /// A subscription: POST pushes to it.
    PushResource,
    /// Notifications at the double of Sailthru Mobile.
    SailthruNotifications,
    /// Nowhere.
    Unknown,
    /// The websocket of user agents.
    Websocket,
}

/// Path of the message resources.
pub(super) const MESSAGE: &str = "/m/";
/// Path of the push resources that take any application server.
pub(super) const OPEN: &str = "/wpush/v1/";
/// Path of the push resources that are bound to one application server key.
pub(super) const RESTRICTED: &str = "/wpush/v2/";
/// Path of the token endpoint (RFC 6749 §3.2).
pub(super) const ACCESS_TOKEN: &str = "/token";

/// What names a resource in the store.
pub(super) fn last_segment(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, segment)| segment)
}
