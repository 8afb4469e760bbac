//! What the push service remembers: user agents, subscriptions, messages. Pure: no I/O; names,
//! time and connections come from outside.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::options::{Topic, Ttl};

/// Everything that is remembered. A message belongs to one subscription, and is kept until it is
/// acknowledged, cancelled, replaced, expired, or its subscription ends.
pub(super) struct Store {
    online: bool,
    /// Most messages kept for one subscription.
    max_stored: usize,
    user_agents: HashMap<String, UserAgent>,
    /// By address: the last segment of the push resource.
    subscriptions: HashMap<String, Subscription>,
    /// The address that each kept message belongs to.
    messages: HashMap<String, String>,
    /// Orders messages across the subscriptions of one user agent.
    deposits: u64,
    /// That all messages take.
    octets: usize,
    /// Addresses of the subscriptions that ended, the first first.
    ended: VecDeque<String>,
}

impl Store {
    pub(super) fn new(max_stored: usize) -> Self {
        Self {
            online: true,
            max_stored,
            user_agents: HashMap::new(),
            subscriptions: HashMap::new(),
            messages: HashMap::new(),
            deposits: 0,
            octets: 0,
            ended: VecDeque::new(),
        }
    }

    /// Going offline hangs up on every user agent; until back online none can say hello.
    pub(super) fn set_online(&mut self, online: bool) {
        self.online = online;
        if !online {
            for line in self.user_agents.values_mut().filter_map(|agent| agent.line.take()) {
                line.hung_up.notify_one();
            }
        }
    }

    pub(super) fn is_online(&self) -> bool {
        self.online
    }

    /// Connects a user agent. A known `claimed` name keeps its subscriptions, any other is
    /// replaced by `fresh`. An older connection of the same user agent is hung up. `None` while
    /// offline.
    pub(super) fn hello(
        &mut self,
        claimed: Option<String>,
        fresh: String,
        line: Arc<Line>,
    ) -> Option<String> {
        if !self.online {
            return None;
        }
        let uaid = claimed.filter(|uaid| self.user_agents.contains_key(uaid)).unwrap_or(fresh);
        line.wake.notify_one();
        let agent = self.user_agents.entry(uaid.clone()).or_default();
        if let Some(older) = agent.line.replace(line) {
            older.hung_up.notify_one();
        }
        Some(uaid)
    }

    /// Forgets a connection, unless a newer one took its place; and a user agent that has no
    /// subscription to come back for.
    pub(super) fn disconnect(&mut self, uaid: &str, line: &Arc<Line>) {
        if let Some(agent) = self.user_agents.get_mut(uaid)
            && agent.line.take_if(|current| Arc::ptr_eq(current, line)).is_some()
            && agent.channels.is_empty()
        {
            self.user_agents.remove(uaid);
        }
    }

    pub(super) fn has_user_agent(&self) -> bool {
        self.user_agents.values().any(|agent| agent.line.is_some())
    }

    /// Makes a subscription at `address`, or finds the one that the channel already has.
    pub(super) fn register(
        &mut self,
        uaid: &str,
        channel_id: &str,
        key: Option<PublicKey>,
        address: String,
    ) -> Result<String, NotRegistered> {
        let agent = self.user_agents.get_mut(uaid).ok_or(NotRegistered::Unknown)?;
        if let Some(address) = agent.channels.get(channel_id) {
            let known = self.subscriptions.get(address).ok_or(NotRegistered::Unknown)?;
            return if known.key == key { Ok(address.clone()) } else { Err(NotRegistered::Key) };
        }
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            let oldest = self.ended.pop_front().ok_or(NotRegistered::Full)?;
            self.subscriptions.remove(&oldest);
        }
        agent.channels.insert(channel_id.to_owned(), address.clone());
        let subscription = Subscription {
            uaid: uaid.to_owned(),
            channel_id: channel_id.to_owned(),
            key,
            ended: false,
            messages: VecDeque::new(),
        };
        self.subscriptions.insert(address.clone(), subscription);
        Ok(address)
    }

    /// Ends the subscription of a channel and drops its messages. Whether there was one.
    pub(super) fn unregister(&mut self, uaid: &str, channel_id: &str) -> bool {
        let Some(agent) = self.user_agents.get_mut(uaid) else { return false };
        let Some(address) = agent.channels.remove(channel_id) else { return false };
        if let Some(subscription) = self.subscriptions.get_mut(&address) {
            subscription.ended = true;
            for message in subscription.messages.drain(..) {
                self.messages.remove(&message.id);
                self.octets -= message.octets();
            }
            self.ended.push_back(address);
        }
        true
    }

    /// The application server key that a subscription is restricted to (RFC 8292 §4).
    pub(super) fn key(&self, address: &str) -> Result<Option<&PublicKey>, Missing> {
        match self.subscriptions.get(address) {
            None => Err(Missing::Unknown),
            Some(subscription) if subscription.ended => Err(Missing::Ended),
            Some(subscription) => Ok(subscription.key.as_ref()),
        }
    }

    /// Takes a message for a subscription and wakes its user agent.
    ///
    /// A stored message with the same topic is replaced (RFC 8030 §5.4). With a TTL of zero the
    /// message lives as long as the connection, and is dropped at once when there is none.
    pub(super) fn deposit(
        &mut self,
        address: &str,
        id: String,
        deposit: Deposit,
        now: SystemTime,
    ) -> Result<(), NotStored> {
        let subscription = match self.subscriptions.get_mut(address) {
            None => return Err(NotStored::Missing(Missing::Unknown)),
            Some(subscription) if subscription.ended => {
                return Err(NotStored::Missing(Missing::Ended));
            }
            Some(subscription) => subscription,
        };
        let line = self.user_agents.get(&subscription.uaid).and_then(|agent| agent.line.as_ref());
        subscription.messages.retain(|stored| {
            let replaced = stored.topic.is_some() && stored.topic == deposit.topic;
            let kept = !replaced && stored.lifetime.lasts(now, line);
            if !kept {
                self.messages.remove(&stored.id);
                self.octets -= stored.octets();
            }
            kept
        });
        let lifetime = match (deposit.ttl, line) {
            (Ttl::NOW, None) => return Ok(()),
            (Ttl::NOW, Some(line)) => Lifetime::Connection(Arc::clone(line)),
            // A clock beyond the range of its type keeps nothing.
            (ttl, _) => Lifetime::Until(now.checked_add(ttl.as_duration()).unwrap_or(now)),
        };
        if subscription.messages.len() >= self.max_stored {
            return Err(NotStored::Full);
        }
        self.deposits += 1;
        let stored = Stored {
            id,
            body: deposit.body,
            topic: deposit.topic,
            lifetime,
            order: self.deposits,
            sent_on: None,
        };
        if self.octets + stored.octets() > MAX_OCTETS {
            self.forget_expired(now);
        }
        if self.octets + stored.octets() > MAX_OCTETS {
            return Err(NotStored::NoRoom);
        }
        let Some(subscription) = self.subscriptions.get_mut(address) else {
            return Err(NotStored::Missing(Missing::Unknown));
        };
        self.octets += stored.octets();
        self.messages.insert(stored.id.clone(), address.to_owned());
        let agent = self.user_agents.get(&subscription.uaid);
        subscription.messages.push_back(stored);
        if let Some(line) = agent.and_then(|agent| agent.line.as_ref()) {
            line.wake.notify_one();
        }
        Ok(())
    }

    fn forget_expired(&mut self, now: SystemTime) {
        for subscription in self.subscriptions.values_mut() {
            let agent = self.user_agents.get(&subscription.uaid);
            let line = agent.and_then(|agent| agent.line.as_ref());
            subscription.messages.retain(|stored| {
                let kept = stored.lifetime.lasts(now, line);
                if !kept {
                    self.messages.remove(&stored.id);
                    self.octets -= stored.octets();
                }
                kept
            });
        }
    }

    /// The messages to write to this connection, oldest first, each once. Expired ones are
    /// dropped. Empty for a connection that is not the user agent's current one.
    pub(super) fn due(
        &mut self,
        uaid: &str,
        line: &Arc<Line>,
        now: SystemTime,
    ) -> Vec<Notification> {
        let Some(agent) = self.user_agents.get(uaid) else { return Vec::new() };
        if !agent.line.as_ref().is_some_and(|current| Arc::ptr_eq(current, line)) {
            return Vec::new();
        }
        let mut due = Vec::new();
        for address in agent.channels.values() {
            let Some(subscription) = self.subscriptions.get_mut(address) else { continue };
            subscription.messages.retain(|stored| {
                let kept = stored.lifetime.lasts(now, Some(line));
                if !kept {
                    self.messages.remove(&stored.id);
                    self.octets -= stored.octets();
                }
                kept
            });
            for stored in &mut subscription.messages {
                if !stored.sent_on.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, line)) {
                    stored.sent_on = Some(Arc::clone(line));
                    due.push((
                        stored.order,
                        Notification {
                            channel_id: subscription.channel_id.clone(),
                            id: stored.id.clone(),
                            body: stored.body.clone(),
                        },
                    ));
                }
            }
        }
        due.sort_unstable_by_key(|(order, _)| *order);
        due.into_iter().map(|(_, notification)| notification).collect()
    }

    /// Removes a message that belongs to this user agent. Whether there was one.
    pub(super) fn acknowledge(&mut self, uaid: &str, id: &str) -> bool {
        let owned = self
            .messages
            .get(id)
            .and_then(|address| self.subscriptions.get(address))
            .is_some_and(|subscription| subscription.uaid == uaid);
        owned && self.remove(id)
    }

    /// Removes a message. Whether there was one.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some(address) = self.messages.remove(id) else { return false };
        if let Some(subscription) = self.subscriptions.get_mut(&address) {
            subscription.messages.retain(|stored| {
                let kept = stored.id != id;
                if !kept {
                    self.octets -= stored.octets();
                }
                kept
            });
        }
        true
    }
}

/// An application server's public key: an uncompressed point of P-256.
pub(super) type PublicKey = [u8; 65];

/// One connection of a user agent; told apart by address.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// There may be messages to write.
    pub(super) wake: Notify,
    /// The connection is to end.
    pub(super) hung_up: Notify,
}

/// A message as the application server handed it in.
pub(super) struct Deposit {
    pub(super) body: Bytes,
    pub(super) ttl: Ttl,
    pub(super) topic: Option<Topic>,
}

/// A message on its way to a user agent.
pub(super) struct Notification {
    pub(super) channel_id: String,
    pub(super) id: String,
    pub(super) body: Bytes,
}

/// Why there is no subscription.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Missing {
    /// The user agent unsubscribed.
    Ended,
    /// There never was one at this address.
    Unknown,
}

/// Why a subscription was not made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NotRegistered {
    /// As many subscriptions as are kept exist and have not ended.
    Full,
    /// The channel has a subscription with another key.
    Key,
    /// There is no such user agent.
    Unknown,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NotStored {
    /// The subscription has as many messages as are kept.
    Full,
    Missing(Missing),
    /// All messages together take as many octets as are kept.
    NoRoom,
}

#[derive(Default)]
struct UserAgent {
    line: Option<Arc<Line>>,
    /// Channel id to address.
    channels: HashMap<String, String>,
}

struct Subscription {
    uaid: String,
    channel_id: String,
    key: Option<PublicKey>,
    /// Kept after its end, to tell 410 from 404.
    ended: bool,
    messages: VecDeque<Stored>,
}

struct Stored {
    id: String,
    body: Bytes,
    topic: Option<Topic>,
    lifetime: Lifetime,
    order: u64,
    sent_on: Option<Arc<Line>>,
}

impl Stored {
    fn octets(&self) -> usize {
        self.body.len() + OCTETS_OF_A_MESSAGE
    }
}

enum Lifetime {
    Connection(Arc<Line>),
    Until(SystemTime),
}

impl Lifetime {
    fn lasts(&self, now: SystemTime, line: Option<&Arc<Line>>) -> bool {
        match self {
            Self::Connection(bound) => line.is_some_and(|line| Arc::ptr_eq(bound, line)),
            Self::Until(end) => now < *end,
        }
    }
}

/// Most subscriptions, with those that ended and are still told from unknown ones.
const MAX_SUBSCRIPTIONS: usize = 10_000;
/// Most octets that all messages take in memory: 8 MiB.
const MAX_OCTETS: usize = 8 * 1024 * 1024;
/// What a message takes beside its body: names, indexes, the ends of allocations.
const OCTETS_OF_A_MESSAGE: usize = 512;

#[cfg(test)]
mod tests;
