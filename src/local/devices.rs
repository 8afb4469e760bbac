//! Devices with an app on them, as the vendors' libraries make them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::device::{self, Delivery, Mailbox};
use super::fcm::{self, Installation};
use super::hub::Service;
use super::json;
use super::vendors::{Platform, name};
use crate::provider::ProviderId;
use crate::seal::keys::fill_random;
use crate::{Result, Token, UserAgentSecret};

/// An app installation that receives through the double of FCM.
///
/// Its keys are made here and never leave; a [`Token`] carries the public half.
pub struct FcmDevice {
    mailbox: Mailbox,
    secret: UserAgentSecret,
    installation_id: String,
    registration_token: String,
}

impl FcmDevice {
    pub(super) fn register(
        service: &Arc<Service>,
        project_id: &str,
        platform: Platform,
    ) -> Result<Self> {
        let installation_id = name::<16>()?;
        let device = Self {
            mailbox: Mailbox::open(service, &fcm::address(&installation_id))?,
            secret: UserAgentSecret::generate()?,
            registration_token: registration_token(&installation_id)?,
            installation_id,
        };
        let installation = Installation {
            project_id: project_id.to_owned(),
            platform,
            registration_token: device.registration_token.clone(),
        };
        service.vendors().fcm().insert(device.installation_id.clone(), installation);
        Ok(device)
    }

    /// What a sender needs, with the registration token.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token_with(&json!({ "token": self.registration_token }))
    }

    /// What a sender needs, with the installation id.
    #[must_use]
    pub fn installation_token(&self) -> Token {
        self.token_with(&json!({ "fid": self.installation_id }))
    }

    /// The secret that opens what arrives.
    #[must_use]
    pub fn secret(&self) -> &UserAgentSecret {
        &self.secret
    }

    /// Gets another registration token. FCM answers `UNREGISTERED` for the one before.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness.
    pub fn rotate_token(&mut self) -> Result<()> {
        self.registration_token = registration_token(&self.installation_id)?;
        let mut installations = self.mailbox.service().vendors().fcm();
        if let Some(installation) = installations.get_mut(&self.installation_id) {
            installation.registration_token = self.registration_token.clone();
        }
        Ok(())
    }

    /// Uninstalls the app: FCM answers `UNREGISTERED` from here on.
    pub fn unregister(&self) {
        self.mailbox.service().vendors().fcm().remove(&self.installation_id);
        self.mailbox.close();
    }

    /// Waits for the next message and opens it. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// `Rejected`, with [`OpenError`](crate::OpenError) as its source, for a message that does not
    /// open; `Transport` when the device is not connected: [`reconnect`](Self::reconnect).
    pub async fn next(&mut self) -> Result<Delivery> {
        self.mailbox.next(|content| device::open(content, &self.secret)).await
    }

    /// Waits for the next message and hands over its data as it came: for a receiver that has keys
    /// of its own, such as a page in a browser under test, whose token a sender used with this
    /// device's address. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// `Transport` when the device is not connected: [`reconnect`](Self::reconnect).
    pub async fn next_data(&mut self) -> Result<BTreeMap<String, String>> {
        self.mailbox.next(|content| Ok(content.data)).await
    }

    /// Goes out of reach. The push service stores what comes.
    pub fn disconnect(&mut self) {
        self.mailbox.disconnect();
    }

    /// Comes back; stored messages follow.
    ///
    /// # Errors
    ///
    /// `Transport` while the push service is offline.
    pub fn reconnect(&mut self) -> Result<()> {
        self.mailbox.connect()
    }

    fn token_with(&self, address: &Value) -> Token {
        Token::new(ProviderId::from_static("fcm"), address, self.secret.keys().clone())
            .expect("an object with one text is an address")
    }
}

impl fmt::Debug for FcmDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FcmDevice").field("token", &self.token()).finish_non_exhaustive()
    }
}

/// An app installation that receives through the double of OneSignal.
///
/// Its keys are made here and never leave; a [`Token`] carries the public half.
pub struct OneSignalDevice {
    mailbox: Mailbox,
    secret: UserAgentSecret,
    subscription_id: String,
    external_id: Option<String>,
}

impl OneSignalDevice {
    pub(super) fn register(
        service: &Arc<Service>,
        app_id: &str,
        external_id: Option<&str>,
    ) -> Result<Self> {
        let mut octets = [0; 16];
        fill_random(&mut octets)?;
        let subscription_id = json::uuid(octets);
        let mailbox = Mailbox::open(service, &super::onesignal::address(&subscription_id))?;
        service.vendors().onesignal().subscribe(app_id, &subscription_id, external_id);
        Ok(Self {
            mailbox,
            secret: UserAgentSecret::generate()?,
            subscription_id,
            external_id: external_id.map(str::to_owned),
        })
    }

    /// What a sender needs, with the subscription id.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token_with(&json!({ "subscription_id": self.subscription_id }))
    }

    /// What a sender needs, with the person's `external_id`; `None` for a person without one.
    #[must_use]
    pub fn alias_token(&self) -> Option<Token> {
        let id = self.external_id.as_ref()?;
        Some(self.token_with(&json!({ "alias": { "external_id": id } })))
    }

    /// The secret that opens what arrives.
    #[must_use]
    pub fn secret(&self) -> &UserAgentSecret {
        &self.secret
    }

    /// Turns notifications off: OneSignal knows the subscription and does not reach it.
    pub fn unsubscribe(&self) {
        self.mailbox.close();
    }

    /// Waits for the next message and opens it. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// `Rejected`, with [`OpenError`](crate::OpenError) as its source, for a message that does not
    /// open; `Transport` when the device is not connected: [`reconnect`](Self::reconnect).
    pub async fn next(&mut self) -> Result<Delivery> {
        self.mailbox.next(|content| device::open(content, &self.secret)).await
    }

    /// Waits for the next message and hands over its data as it came: for a receiver that has keys
    /// of its own, such as a page in a browser under test, whose token a sender used with this
    /// device's address. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// `Transport` when the device is not connected: [`reconnect`](Self::reconnect).
    pub async fn next_data(&mut self) -> Result<BTreeMap<String, String>> {
        self.mailbox.next(|content| Ok(content.data)).await
    }

    /// Goes out of reach. The push service stores what comes.
    pub fn disconnect(&mut self) {
        self.mailbox.disconnect();
    }

    /// Comes back; stored messages follow.
    ///
    /// # Errors
    ///
    /// `Transport` while the push service is offline.
    pub fn reconnect(&mut self) -> Result<()> {
        self.mailbox.connect()
    }

    fn token_with(&self, address: &Value) -> Token {
        Token::new(ProviderId::from_static("onesignal"), address, self.secret.keys().clone())
            .expect("an object without 'provider' and 'keys' is an address")
    }
}

impl fmt::Debug for OneSignalDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneSignalDevice").field("token", &self.token()).finish_non_exhaustive()
    }
}

/// In the form of Google's: the installation id, a colon, and 140 characters.
fn registration_token(installation_id: &str) -> Result<String> {
    Ok(format!("{installation_id}:APA91b{}", name::<100>()?))
}
