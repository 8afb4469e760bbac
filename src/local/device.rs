//! Devices with an app on them, as the vendors' libraries make them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acknowledgement::Acknowledgement;
use super::hub::{Hub, random_name};
use super::store::Line;
use crate::provider::ProviderId;
use crate::seal::open_data;
use crate::{Error, ErrorKind, Result, Token, UserAgentSecret};

/// An app installation that receives through a double: an [`ApnsDevice`](super::ApnsDevice), an
/// [`FcmDevice`](super::FcmDevice), a [`KlaviyoDevice`](super::KlaviyoDevice), an
/// [`OneSignalDevice`](super::OneSignalDevice) or a [`SailthruDevice`](super::SailthruDevice).
///
/// Its keys are made here and never leave; a [`Token`] carries the public half.
pub struct Device<App> {
    /// What the vendor knows of it.
    pub(super) app: App,
    secret: UserAgentSecret,
    mailbox: Mailbox,
}

impl<App> Device<App> {
    /// A device whose messages arrive at an address of the store.
    pub(super) fn open(hub: &Arc<Hub>, address: &str, app: App) -> Result<Self> {
        let mailbox = Mailbox::open(hub, address)?;
        Ok(Self { app, secret: UserAgentSecret::generate()?, mailbox })
    }

    /// The secret that opens what arrives.
    #[must_use]
    pub fn secret(&self) -> &UserAgentSecret {
        &self.secret
    }

    /// Waits for the next message and opens it. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// `Rejected`, with [`OpenError`](crate::OpenError) as its source, for a message that does not
    /// open; `Transport` when the device is not connected: [`reconnect`](Self::reconnect).
    pub async fn next(&mut self) -> Result<DeviceDelivery> {
        self.mailbox.next(|content| content.open(&self.secret)).await
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
    /// `Transport` while the push service is offline, or when it has ended.
    pub fn reconnect(&mut self) -> Result<()> {
        self.mailbox.connect()
    }

    /// Ends the subscription. What is stored is dropped.
    pub(super) fn close(&self) {
        self.mailbox.close();
    }

    pub(super) fn token_with(&self, provider: &'static str, address: &Value) -> Token {
        Token::new(ProviderId::from_static(provider), address, self.secret.keys().clone())
            .expect("an object without 'provider' and 'keys' is an address")
    }
}

/// What a vendor hands to an app.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct DeviceDelivery {
    /// The data as the app gets it, with the sealed body still in it.
    pub data: BTreeMap<String, String>,
    /// The plaintext; `None` for a push without a payload.
    pub payload: Option<Vec<u8>>,
    /// The text that a device shows while nobody has opened the message, where there is one.
    pub shown: Option<String>,
}

impl fmt::Debug for DeviceDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceDelivery")
            .field("data", &self.data.keys().collect::<Vec<_>>())
            .field("payload", &self.payload.as_ref().map(|_| "[redacted]"))
            .field("shown", &self.shown)
            .finish()
    }
}

/// A line to the store, in this process: no socket is involved, as none of the application's is
/// between a phone and its vendor.
struct Mailbox {
    hub: Arc<Hub>,
    user_agent: String,
    line: Option<Arc<Line>>,
    /// Names and contents of the messages that were fetched.
    arrived: VecDeque<(String, Bytes)>,
}

impl Mailbox {
    /// Opens a mailbox at an address of the store.
    fn open(hub: &Arc<Hub>, address: &str) -> Result<Self> {
        let user_agent = random_name::<16>()?;
        let mut mailbox = Self {
            hub: Arc::clone(hub),
            user_agent: user_agent.clone(),
            line: None,
            arrived: VecDeque::new(),
        };
        mailbox.connect()?;
        hub.register(&user_agent, CHANNEL, None, address.to_owned()).map_err(|_| full())?;
        Ok(mailbox)
    }

    fn connect(&mut self) -> Result<()> {
        self.disconnect();
        let line = Arc::<Line>::default();
        let name = self.user_agent.clone();
        self.hub.hello(Some(name.clone()), name, Arc::clone(&line)).ok_or_else(offline)?;
        self.line = Some(line);
        Ok(())
    }

    fn disconnect(&mut self) {
        // What was fetched and not handed out comes again on the next connection.
        self.arrived.clear();
        if let Some(line) = self.line.take() {
            self.hub.store().disconnect(&self.user_agent, &line);
        }
    }

    /// Ends the subscription. What is stored is dropped.
    fn close(&self) {
        self.hub.unregister(&self.user_agent, CHANNEL);
    }

    /// Waits for the next message. What `open` makes of it is acknowledged and returned. Dropping
    /// the future loses nothing.
    async fn next<T>(&mut self, open: impl Fn(Content) -> Result<T>) -> Result<T> {
        loop {
            if let Some((id, body)) = self.arrived.pop_front() {
                let opened = serde_json::from_slice(&body).map_err(|_| damaged()).and_then(&open);
                let code = match &opened {
                    Ok(_) => Acknowledgement::Delivered,
                    Err(_) => Acknowledgement::NotOpened,
                };
                self.hub.acknowledge(&self.user_agent, id, code);
                return opened;
            }
            let line = Arc::clone(self.line.as_ref().ok_or_else(offline)?);
            let now = self.hub.now();
            let due = self.hub.store().due(&self.user_agent, &line, now);
            self.arrived.extend(due.into_iter().map(|message| (message.id, message.body)));
            if self.arrived.is_empty() {
                tokio::select! {
                    () = line.wake.notified() => {}
                    () = line.hung_up.notified() => self.line = None,
                }
            }
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// What the store keeps of a vendor's message.
#[derive(Deserialize, Serialize)]
pub(super) struct Content {
    pub(super) data: BTreeMap<String, String>,
    pub(super) shown: Option<String>,
}

impl Content {
    /// Opens a message for the keys of this device.
    fn open(self, secret: &UserAgentSecret) -> Result<DeviceDelivery> {
        let Self { data, shown } = self;
        let payload = open_data(secret, &data).map_err(|error| damaged().with_source(error))?;
        Ok(DeviceDelivery { data, payload, shown })
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("a map with text keys serializes").into()
    }
}

fn damaged() -> Error {
    Error::new(ErrorKind::Rejected, "a message arrived that does not open")
}

fn offline() -> Error {
    Error::new(ErrorKind::Transport, "the device is not connected to its push service")
}

fn full() -> Error {
    Error::new(ErrorKind::Unavailable, "the push service has as many subscriptions as it keeps")
}

/// A mailbox has one subscription.
const CHANNEL: &str = "app";
