//! The backends, each behind a feature of its own name.
//!
//! | provider | feature | address in a token | largest body, octets |
//! |---|---|---|---|
//! | [`Apns`] | `apns` | device token | 2727 |
//! | [`Fcm`] | `fcm` | registration token or installation id | 3069 |
//! | [`Klaviyo`] | `klaviyo` | external id, e-mail address or phone number | 2151 |
//! | [`Mock`] | `mock` | none | as set |
//! | [`OneSignal`] | `onesignal` | subscription id or alias | 1527 |
//! | [`PubSub`] | `pubsub` | topic | 4096 |
//! | [`Sailthru`] | `sailthru` | device id, user id or sid | 2151 |
//! | [`WebPush`] | `webpush` | the browser's subscription | 4096 |

#[cfg(feature = "apns")]
pub mod apns;
#[cfg(feature = "credential")]
pub mod credential;
#[cfg(feature = "fcm")]
pub mod fcm;
#[cfg(any(feature = "fcm", feature = "pubsub"))]
pub mod google;
#[cfg(feature = "guard")]
pub mod http;
#[cfg(feature = "jws")]
pub mod jws;
#[cfg(feature = "klaviyo")]
pub mod klaviyo;
#[cfg(feature = "mock")]
pub mod mock;
#[cfg(feature = "onesignal")]
pub mod onesignal;
#[cfg(any(feature = "apns", feature = "fcm"))]
mod pointer;
#[cfg(feature = "pubsub")]
pub mod pubsub;
pub mod refusal;
#[cfg(feature = "sailthru")]
pub mod sailthru;
#[cfg(any(feature = "apns", feature = "fcm", feature = "onesignal", feature = "sailthru"))]
mod visible;
#[cfg(feature = "webpush")]
pub mod webpush;

#[cfg(feature = "apns")]
pub use self::apns::Apns;
#[cfg(feature = "fcm")]
pub use self::fcm::Fcm;
#[cfg(feature = "klaviyo")]
pub use self::klaviyo::Klaviyo;
#[cfg(feature = "mock")]
pub use self::mock::Mock;
#[cfg(feature = "onesignal")]
pub use self::onesignal::OneSignal;
#[cfg(feature = "pubsub")]
pub use self::pubsub::PubSub;
#[cfg(feature = "sailthru")]
pub use self::sailthru::Sailthru;
#[cfg(feature = "webpush")]
pub use self::webpush::WebPush;
