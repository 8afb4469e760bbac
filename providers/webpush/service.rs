//! Which push service a resource belongs to, and how long it keeps a message.

use crate::Ttl;

/// The push services whose answers are known; told apart by the host, ntfy by its query.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Service {
    Apple,
    Google,
    Microsoft,
    Mozilla,
    Ntfy,
    /// Any other that follows RFC 8030.
    Other,
}

impl Service {
    /// From the host of an origin and the query of a push resource.
    pub(super) fn of(host: &str, query: Option<&str>) -> Self {
        let below =
            |suffix: &str| host.strip_suffix(suffix).is_some_and(|name| name.ends_with('.'));
        if below("push.apple.com") {
            Self::Apple
        } else if host == "fcm.googleapis.com" {
            Self::Google
        } else if below("notify.windows.com") {
            Self::Microsoft
        } else if below("push.services.mozilla.com") {
            Self::Mozilla
        } else if query.is_some_and(|query| query.split('&').any(|pair| pair == "up=1")) {
            // ntfy is at home on any host; its UnifiedPush endpoints have this mark.
            Self::Ntfy
        } else {
            Self::Other
        }
    }

    /// The name in error messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Apple => "apple",
            Self::Google => "google",
            Self::Microsoft => "microsoft",
            Self::Mozilla => "mozilla",
            Self::Ntfy => "ntfy",
            Self::Other => "the push service",
        }
    }

    /// The TTL to ask for: the nearest to what is wanted that the service takes.
    pub(super) fn ttl(self, wanted: Ttl) -> Ttl {
        let (least, most) = match self {
            // `BadTtl` below one second.
            Self::Apple => (1, 30 * DAY),
            Self::Google => (0, 28 * DAY),
            Self::Mozilla => (0, 30 * DAY),
            Self::Microsoft | Self::Ntfy | Self::Other => (0, u32::MAX),
        };
        Ttl::from_secs(wanted.as_secs().clamp(least, most))
    }
}

/// In seconds.
const DAY: u32 = 24 * 3600;
