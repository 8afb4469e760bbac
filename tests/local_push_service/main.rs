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

use std::time::{Duration, SystemTime};

use sealpush::Token;
use sealpush::clock::SetClock;
use sealpush::local::{PushService, Subscription, UserAgent};

/// A push service at a fixed time, and a user agent connected to it.
async fn connected() -> (PushService, SetClock, UserAgent) {
    let clock = SetClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
    let service = PushService::builder().clock(clock.clone()).start().await.unwrap();
    let user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    (service, clock, user_agent)
}

fn endpoint(subscription: &Subscription) -> String {
    let token: Token = subscription.token();
    token.expose("endpoint").unwrap().to_owned()
}

/// 2027-01-15, in seconds since the epoch.
const NOW: u64 = 1_800_000_000;
