//! The embedded push service is as strict as the standards, and fails as it is told to.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod attack;
mod delivery;
mod faults;
mod lifetime;
mod panics;
mod sender;
mod strictness;
mod websocket;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use sealpush::Token;
use sealpush::clock::Clock;
use sealpush::local::{PushService, Subscription, UserAgent};

/// A push service at a fixed time, and a user agent connected to it.
async fn connected() -> (PushService, Arc<SetClock>, UserAgent) {
    let clock = Arc::new(SetClock::default());
    let service = PushService::builder().clock(clock.clone()).start().await.unwrap();
    let user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    (service, clock, user_agent)
}

fn endpoint(subscription: &Subscription) -> String {
    let token: Token = subscription.token();
    token.expose("endpoint").unwrap().to_owned()
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
struct SetClock(Mutex<SystemTime>);

impl SetClock {
    fn advance(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

impl Default for SetClock {
    fn default() -> Self {
        Self(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)))
    }
}

impl Clock for SetClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// 2027-01-15, in seconds since the epoch.
const NOW: u64 = 1_800_000_000;
