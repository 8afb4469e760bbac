//! Where the messages for one app installation arrive.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::acknowledgement::Acknowledgement;
use super::hub::Service;
use super::store::Line;
use super::vendors::name;
use crate::seal::open_data;
use crate::{Error, ErrorKind, Result, UserAgentSecret};

/// A line to the store, in this process: no socket is involved, as none of the application's is
/// between a phone and its vendor.
pub(super) struct Mailbox {
    service: Arc<Service>,
    user_agent: String,
    line: Option<Arc<Line>>,
    /// Names and contents of the messages that were fetched.
    arrived: VecDeque<(String, Bytes)>,
}

impl Mailbox {
    /// Opens a mailbox at an address of the store.
    pub(super) fn open(service: &Arc<Service>, address: &str) -> Result<Self> {
        let user_agent = name::<16>()?;
        let mut mailbox = Self {
            service: Arc::clone(service),
            user_agent: user_agent.clone(),
            line: None,
            arrived: VecDeque::new(),
        };
        mailbox.connect()?;
        service.store().register(&user_agent, CHANNEL, None, address.to_owned());
        Ok(mailbox)
    }

    pub(super) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    pub(super) fn connect(&mut self) -> Result<()> {
        self.disconnect();
        let line = Arc::<Line>::default();
        let name = self.user_agent.clone();
        self.service
            .store()
            .hello(Some(name.clone()), name, Arc::clone(&line))
            .ok_or_else(offline)?;
        self.line = Some(line);
        Ok(())
    }

    pub(super) fn disconnect(&mut self) {
        // What was fetched and not handed out comes again on the next connection.
        self.arrived.clear();
        if let Some(line) = self.line.take() {
            self.service.store().disconnect(&self.user_agent, &line);
        }
    }

    /// Ends the subscription. What is stored is dropped.
    pub(super) fn close(&self) {
        self.service.unregister(&self.user_agent, CHANNEL);
    }

    /// Waits for the next message. What `open` makes of it is acknowledged and returned. Dropping
    /// the future loses nothing.
    pub(super) async fn next<T>(&mut self, open: impl Fn(Content) -> Result<T>) -> Result<T> {
        loop {
            if let Some((id, body)) = self.arrived.pop_front() {
                let opened = serde_json::from_slice(&body).map_err(|_| damaged()).and_then(&open);
                let code = match &opened {
                    Ok(_) => Acknowledgement::Delivered,
                    Err(_) => Acknowledgement::NotOpened,
                };
                self.service.acknowledge(&self.user_agent, id, code);
                return opened;
            }
            let line = Arc::clone(self.line.as_ref().ok_or_else(offline)?);
            let now = self.service.now();
            let due = self.service.store().due(&self.user_agent, &line, now);
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

/// What a vendor hands to an app.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// The data as the app gets it, with the sealed body still in it.
    pub data: BTreeMap<String, String>,
    /// The plaintext; `None` for a push without a payload.
    pub payload: Option<Vec<u8>>,
    /// The text that a device shows while nobody has opened the message, where there is one.
    pub shown: Option<String>,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("data", &self.data.keys().collect::<Vec<_>>())
            .field("payload", &self.payload.as_ref().map(|_| "[redacted]"))
            .field("shown", &self.shown)
            .finish()
    }
}

/// What the store keeps of a vendor's message.
#[derive(Deserialize, Serialize)]
pub(super) struct Content {
    pub(super) data: BTreeMap<String, String>,
    pub(super) shown: Option<String>,
}

impl Content {
    pub(super) fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("a map with text keys serializes").into()
    }
}

/// Opens a message for the keys of this device.
pub(super) fn open(content: Content, secret: &UserAgentSecret) -> Result<Delivery> {
    let Content { data, shown } = content;
    let payload = open_data(secret, &data).map_err(|error| damaged().with_source(error))?;
    Ok(Delivery { data, payload, shown })
}

fn damaged() -> Error {
    Error::new(ErrorKind::Rejected, "a message arrived that does not open")
}

fn offline() -> Error {
    Error::new(ErrorKind::Transport, "the device is not connected to its push service")
}

/// A mailbox has one subscription.
const CHANNEL: &str = "app";
