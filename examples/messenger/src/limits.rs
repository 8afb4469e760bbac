//! How often one part of the network may ask. A limit for each slot is in the relay itself; this
//! one keeps a single sender from using the relay up.
//!
//! There is no proof of work: it would cost a phone seconds and a flooder's server nothing, and a
//! message needs a card anyway, which its owner revokes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sealpush::{Error, ErrorKind};

use crate::app::App;
use crate::relay::Refusal;

/// Requests of each part of the network in the minute that runs. It holds hashes under a key that
/// ends with the process, never an address.
#[derive(Debug)]
pub(crate) struct Limits {
    per_minute: u32,
    key: RandomState,
    minute: Mutex<(Instant, HashMap<u64, u32>)>,
}

impl Limits {
    pub(crate) fn new(per_minute: u32) -> Self {
        let minute = Mutex::new((Instant::now(), HashMap::new()));
        Self { per_minute, key: RandomState::new(), minute }
    }

    /// Counts one request; `Some` when it is one too many, with what is left of the minute.
    fn count(&self, from: IpAddr) -> Option<Duration> {
        let name = self.key.hash_one(prefix(from));
        // A count is whole after every statement.
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, counts) = &mut *minute;
        let age = began.elapsed();
        if age >= MINUTE || counts.len() >= MOST_PREFIXES {
            *began = Instant::now();
            counts.clear();
        }
        let count = counts.entry(name).or_default();
        *count = count.saturating_add(1);
        (*count > self.per_minute).then(|| MINUTE.saturating_sub(age))
    }
}

/// Refuses who asks too often, before anything is read.
pub(crate) async fn refuse_floods(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let forwarded = app.behind_proxy.then(|| forwarded_for(&request)).flatten();
    match app.limits.count(forwarded.unwrap_or_else(|| peer.ip())) {
        None => next.run(request).await,
        Some(wait) => {
            app.metrics.flood();
            let fact = "too many requests from this part of the network; wait";
            let error = Error::new(ErrorKind::RateLimited, fact).with_retry_after(wait);
            Refusal::from(error).into_response()
        }
    }
}

/// The last address of `X-Forwarded-For` is the one that the proxy itself added.
fn forwarded_for(request: &Request) -> Option<IpAddr> {
    let field = request.headers().get_all("x-forwarded-for").iter().next_back()?;
    field.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// Whom one line of the network belongs to: /24 of IPv4, /56 of IPv6.
fn prefix(address: IpAddr) -> [u8; 7] {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            [4, a, b, c, 0, 0, 0]
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, ..] = address.octets();
            [a, b, c, d, e, f, g]
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
/// Prefixes that are counted at once: beyond them the minute begins anew, so that memory is bounded.
const MOST_PREFIXES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_limit_and_strangers_do_not() {
        let limits = Limits::new(2);
        let count = |address: &str| limits.count(address.parse().unwrap()).is_some();
        assert!(!count("192.0.2.1") && !count("::ffff:192.0.2.9"));
        assert!(count("192.0.2.200"));
        assert!(!count("192.0.3.1"));
        assert!(!count("2001:db8::1") && !count("2001:db8:0:0:ffff::1"));
        assert!(count("2001:db8:0:00ff::1"));
        assert!(!count("2001:db8:0:0100::1"));
    }
}
