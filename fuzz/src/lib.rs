//! Everything of `sealpush` that reads from outside, as functions over octets.

pub mod targets;

/// A function that must stand any octets: it panics when a promise is broken.
pub type Target = fn(&[u8]);

/// All of them, by the name of their corpus.
pub const TARGETS: &[(&str, Target)] = &[
    #[cfg(feature = "full")]
    ("apns_answer", targets::answers::apns),
    #[cfg(feature = "full")]
    ("contact_uri", targets::vapid::subject),
    #[cfg(feature = "full")]
    ("endpoint", targets::endpoint::endpoint),
    #[cfg(feature = "full")]
    ("fcm_answer", targets::answers::fcm),
    #[cfg(feature = "full")]
    ("fcm_request", targets::service::fcm_request),
    #[cfg(feature = "full")]
    ("http_request", targets::service::http_request),
    #[cfg(feature = "full")]
    ("google_key_file", targets::credentials::google_key_file),
    #[cfg(feature = "full")]
    ("klaviyo_answer", targets::answers::klaviyo),
    #[cfg(feature = "full")]
    ("ndjson", targets::ndjson::ndjson),
    ("notification", targets::core::notification),
    #[cfg(feature = "full")]
    ("onesignal_answer", targets::answers::onesignal),
    #[cfg(feature = "full")]
    ("onesignal_request", targets::service::onesignal_request),
    ("open", targets::core::open),
    ("open_data", targets::core::open_data),
    ("options", targets::core::options),
    #[cfg(feature = "full")]
    ("pubsub_answer", targets::answers::pubsub),
    #[cfg(feature = "full")]
    ("retry_after", targets::answers::retry_after),
    #[cfg(feature = "full")]
    ("sailthru_answer", targets::answers::sailthru),
    #[cfg(feature = "full")]
    ("saved_user_agent", targets::service::saved_user_agent),
    ("token", targets::core::token),
    #[cfg(feature = "full")]
    ("user_agent", targets::service::user_agent),
    #[cfg(feature = "full")]
    ("vapid_key", targets::vapid::key),
    #[cfg(feature = "full")]
    ("webpush_answer", targets::answers::webpush),
    #[cfg(feature = "full")]
    ("websocket", targets::service::websocket),
];

/// Runs the target of this name.
///
/// # Panics
///
/// When there is none, or a promise is broken.
pub fn run(name: &str, octets: &[u8]) {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = found.unwrap_or_else(|| panic!("there is no target '{name}'"));
    target(octets);
}
