//! What was sent: for those who repeat a request, look at a message or cancel it.

use std::collections::{HashMap, VecDeque};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::acknowledgement::Acknowledgement;
use super::super::hub::Hub;
use super::notification::Notification;

/// The latest messages of an app.
#[derive(Default)]
pub(super) struct Sent {
    /// Oldest first.
    messages: VecDeque<Message>,
    /// How many targets they have together.
    targets: usize,
    /// Digest of the request and id of the message, by idempotency key.
    by_key: HashMap<String, ([u8; 32], String)>,
    /// Oldest first.
    keys: VecDeque<String>,
}

struct Message {
    id: String,
    /// Names of what was stored for each target.
    deposits: Vec<String>,
    shown: Option<String>,
    queued_at: u64,
    cancelled: bool,
}

impl Sent {
    pub(super) fn by_key(&self, key: &str) -> Option<&([u8; 32], String)> {
        self.by_key.get(key)
    }

    pub(super) fn remember_key(&mut self, key: String, digest: [u8; 32], id: String) {
        if self.keys.len() == MAX_KEYS
            && let Some(oldest) = self.keys.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.keys.push_back(key.clone());
        self.by_key.insert(key, (digest, id));
    }

    pub(super) fn remember(
        &mut self,
        id: String,
        deposits: Vec<String>,
        notification: &Notification,
        now: SystemTime,
    ) {
        self.targets += deposits.len();
        let shown = notification.content.shown.as_ref();
        self.messages.push_back(Message {
            id,
            deposits,
            shown: shown.map(|text| text.chars().take(MAX_SHOWN).collect()),
            queued_at: now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
            cancelled: false,
        });
        while self.messages.len() > MAX_MESSAGES || self.targets > MAX_TARGETS {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.targets -= oldest.deposits.len();
        }
    }

    /// A message as OneSignal shows it.
    pub(super) fn view(&self, hub: &Hub, app_id: &str, id: &str) -> Option<Value> {
        let message = self.messages.iter().find(|message| message.id.eq_ignore_ascii_case(id))?;
        let delivered = |id: &&String| hub.acknowledged(id) == Some(Acknowledgement::Delivered);
        let mut view = json!({
            "id": message.id,
            "app_id": app_id,
            "canceled": message.cancelled,
            "successful": message.deposits.len(),
            "received": message.deposits.iter().filter(delivered).count(),
            "failed": 0,
            "errored": 0,
            "converted": 0,
            "remaining": 0,
            "queued_at": message.queued_at,
            "send_after": message.queued_at,
            "completed_at": message.queued_at,
        });
        if let Some(shown) = &message.shown {
            view["contents"] = json!({ "en": shown });
        }
        Some(view)
    }

    /// Takes back what was not delivered yet. Whether there is such a message.
    pub(super) fn cancel(&mut self, hub: &Hub, id: &str) -> bool {
        let mut messages = self.messages.iter_mut();
        let Some(message) = messages.find(|message| message.id.eq_ignore_ascii_case(id)) else {
            return false;
        };
        let mut store = hub.store();
        for deposit in &message.deposits {
            store.remove(deposit);
        }
        message.cancelled = true;
        true
    }
}

/// Most messages that are remembered; the oldest go first.
const MAX_MESSAGES: usize = 1_000;
/// Most characters that are remembered of what a message shows.
const MAX_SHOWN: usize = 1_000;
/// Most targets that the remembered messages have together.
const MAX_TARGETS: usize = 20_000;
/// Most idempotency keys that are remembered.
const MAX_KEYS: usize = 10_000;
