//! What FCM's platforms can be told beside the sealed body.
//!
//! Everything here travels in the clear. FCM reads it, and so do Apple and the browser's push
//! service. What a person should read belongs into the message, which is sealed.

mod android;
mod apns;
mod members;
#[cfg(test)]
mod tests;
mod web_push;

use serde::{Deserialize, Serialize};

use crate::{ProviderId, ProviderOptions};

use super::Fcm;

pub use self::android::{AndroidNotification, AndroidOptions};
pub use self::apns::ApnsOptions;
pub use self::web_push::WebPushOptions;

/// What FCM's platforms can be told beside the sealed body: for every message of an
/// [`Fcm`](super::FcmBuilder::options), for one
/// ([`with_provider_options`](crate::Message::with_provider_options)), or both. What one message
/// brings is laid over what all have: it adds and replaces, and takes nothing away.
///
/// ```
/// use sealpush::Message;
/// use sealpush::providers::fcm::{AndroidNotification, AndroidOptions, FcmOptions};
///
/// let doors = AndroidNotification::new().with_channel_id("doors");
/// let options = FcmOptions::new()
///     .with_android(AndroidOptions::new().with_placeholder_shown(doors));
/// let message = Message::new("the door is open").with_provider_options(&options)?;
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FcmOptions {
    pub(super) android: AndroidOptions,
    pub(super) apns: ApnsOptions,
    pub(super) webpush: WebPushOptions,
}

impl FcmOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How Android devices receive.
    #[must_use]
    pub fn with_android(mut self, options: AndroidOptions) -> Self {
        self.android = options;
        self
    }

    /// How Apple's devices receive.
    #[must_use]
    pub fn with_apns(mut self, options: ApnsOptions) -> Self {
        self.apns = options;
        self
    }

    /// How browsers receive.
    #[must_use]
    pub fn with_web_push(mut self, options: WebPushOptions) -> Self {
        self.webpush = options;
        self
    }

    /// Lays the options of one message over these.
    pub(super) fn with(mut self, above: Self) -> Self {
        self.android.add(above.android);
        self.apns.add(above.apns);
        self.webpush.add(above.webpush);
        self
    }
}

impl ProviderOptions for FcmOptions {
    const PROVIDER: ProviderId = Fcm::ID;
}
