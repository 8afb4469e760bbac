//! Doubles of the push services that apps use: FCM with its token endpoint, and OneSignal.
//!
//! They stand on the same port as the push service, keep messages in the same store, and suffer the
//! same [`Faults`](super::Faults), except at the token endpoint, which refuses what
//! [`FcmProject::revoke_service_account`] revoked. They are strict where the real ones are:
//! credentials, the shape of the JSON, texts that must be texts, reserved names, sizes, times,
//! exactly one target. A message reaches a [`FcmDevice`] or an [`OneSignalDevice`], which opens it.
//!
//! This is how to test an application: give the provider the double's URL and credentials, and the
//! guard that lets it connect to this machine only.
//!
//! ```
//! # #[cfg(feature = "fcm")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sealpush::local::PushService;
//! use sealpush::local::vendors::Platform;
//! use sealpush::providers::Fcm;
//! use sealpush::providers::fcm::ServiceAccount;
//! use sealpush::{EndpointGuard, Message, PushProviderExt};
//!
//! let service = PushService::start().await?;
//! let project = service.fcm("example-project");
//! let mut device = project.register(Platform::Android)?;
//!
//! let fcm = Fcm::builder()
//!     .credentials(ServiceAccount::from_json(&project.service_account_json()?)?)
//!     .base_url(project.base_url())
//!     .guard(EndpointGuard::loopback_for_tests())
//!     .build()?;
//! fcm.send_encrypted(&device.token(), &Message::new("the door is open")).await?;
//!
//! let delivery = device.next().await?;
//! assert_eq!(delivery.payload.as_deref(), Some(&b"the door is open"[..]));
//! # Ok(()) }
//! # #[cfg(not(feature = "fcm"))]
//! # fn main() {}
//! ```
//!
//! What they do not do: topics and conditions, localized texts, templates, segments, delivery
//! reports, and the limits on rates, which [`Faults`](super::Faults) play.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fcm::oauth;
use super::hub::{Service, random_name};
use super::{PushService, json, router};
use super::{fcm, onesignal};
use crate::seal::keys::NO_RANDOMNESS;
use crate::{Error, ErrorKind, Result};

pub use super::device::Delivery;
pub use super::devices::{FcmDevice, OneSignalDevice};

/// What the doubles remember beside the store.
#[derive(Default)]
pub(super) struct Vendors {
    accounts: Mutex<oauth::Accounts>,
    fcm: Mutex<fcm::Installations>,
    onesignal: Mutex<onesignal::Apps>,
}

impl Vendors {
    pub(super) fn accounts(&self) -> MutexGuard<'_, oauth::Accounts> {
        lock(&self.accounts)
    }

    pub(super) fn fcm(&self) -> MutexGuard<'_, fcm::Installations> {
        lock(&self.fcm)
    }

    pub(super) fn onesignal(&self) -> MutexGuard<'_, onesignal::Apps> {
        lock(&self.onesignal)
    }
}

impl PushService {
    /// A Firebase project at the double of FCM. The same name gives the same project.
    #[must_use]
    pub fn fcm(&self, project_id: &str) -> FcmProject {
        FcmProject { service: Arc::clone(&self.service), project_id: project_id.to_owned() }
    }

    /// An app at the double of OneSignal. The same UUID gives the same app.
    ///
    /// # Errors
    ///
    /// `Configuration` when the id is not a UUID, `Unavailable` when the operating system has no
    /// randomness for a key.
    pub fn onesignal(&self, app_id: &str) -> Result<OneSignalApp> {
        let app_id = app_id.to_ascii_lowercase();
        if !json::is_uuid(&app_id) {
            let text = "the id of a OneSignal app is a UUID";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let api_key = format!("os_v2_app_{}", name::<24>()?);
        let api_key = self.service.vendors().onesignal().app(&app_id, api_key);
        Ok(OneSignalApp { service: Arc::clone(&self.service), app_id, api_key })
    }
}

/// A Firebase project at the double of FCM; see [`PushService::fcm`].
#[derive(Clone)]
pub struct FcmProject {
    service: Arc<Service>,
    project_id: String,
}

impl FcmProject {
    /// The base URL to give to `Fcm::builder`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.service.origin().to_owned()
    }

    /// The key file of a service account of this project, whose `token_uri` is the double's. The
    /// key is made by the first call, and the same file is given until
    /// [`revoke_service_account`](Self::revoke_service_account).
    ///
    /// # Errors
    ///
    /// `Unavailable` when no RSA key can be made.
    pub fn service_account_json(&self) -> Result<String> {
        let token_uri = format!("{}{}", self.service.origin(), router::TOKEN_PATH);
        self.service.vendors().accounts().key_file(&self.project_id, &token_uri)
    }

    /// Refuses all access tokens given out so far. The next one is good.
    pub fn revoke_access_tokens(&self) {
        self.service.vendors().accounts().revoke_access_tokens(&self.project_id);
    }

    /// Refuses the key file, and the access tokens that came from it.
    pub fn revoke_service_account(&self) {
        let vendors = self.service.vendors();
        vendors.accounts().revoke(&self.project_id);
    }

    /// How many access tokens this project's service account was given.
    #[must_use]
    pub fn access_tokens(&self) -> usize {
        self.service.vendors().accounts().granted(&self.project_id)
    }

    /// Registers an app installation: what a phone or a browser does when the app first starts.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness, `Transport` while the push
    /// service is offline.
    pub fn register(&self, platform: Platform) -> Result<FcmDevice> {
        FcmDevice::register(&self.service, &self.project_id, platform)
    }
}

impl fmt::Debug for FcmProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FcmProject").field("project_id", &self.project_id).finish_non_exhaustive()
    }
}

/// What an app is installed on, which decides how much fits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Platform {
    /// 4096 octets of data.
    #[default]
    Android,
    /// 4096 octets of data and alert together.
    Apple,
    /// A browser: 4096 octets of data.
    Web,
}

/// An app at the double of OneSignal; see [`PushService::onesignal`].
#[derive(Clone)]
pub struct OneSignalApp {
    service: Arc<Service>,
    app_id: String,
    api_key: String,
}

impl OneSignalApp {
    /// The base URL to give to `OneSignal::builder`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.service.origin().to_owned()
    }

    /// The app's id.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// The app's API key.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Subscribes an app installation, of a person who is known by this `external_id`, or by none.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness, `Transport` while the push
    /// service is offline.
    pub fn register(&self, external_id: Option<&str>) -> Result<OneSignalDevice> {
        OneSignalDevice::register(&self.service, &self.app_id, external_id)
    }
}

impl fmt::Debug for OneSignalApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneSignalApp").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

/// A random name.
pub(super) fn name<const N: usize>() -> Result<String> {
    random_name::<N>().ok_or_else(|| Error::new(ErrorKind::Unavailable, NO_RANDOMNESS))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each state is whole between statements, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
