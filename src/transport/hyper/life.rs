//! What is known of one connection, shared by its socket, its driver and the requests on it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use h2::{Ping, PingPong};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// The state of a connection.
pub(super) struct Life {
    /// Octets that the server may still send.
    allowance: AtomicI64,
    ending: AtomicU8,
    driver: AtomicWaker,
    /// Takes no more requests; those under way may end.
    retired: AtomicBool,
    /// Final heads of responses so far.
    answers: AtomicU64,
    /// Streams that the server allows at a time (RFC 9113 §5.1.2).
    streams: AtomicUsize,
    settled: Notify,
    idle_since: Mutex<Option<Instant>>,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Ending {
    /// It closed, or it was closed because nobody needs it.
    Closed = 1,
    /// The server sent more than was asked for.
    Flooded,
    /// The server did not answer a ping.
    Unresponsive,
}

impl Life {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            allowance: AtomicI64::new(CONNECTION_ALLOWANCE),
            ending: AtomicU8::new(0),
            driver: AtomicWaker::new(),
            retired: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            streams: AtomicUsize::new(UNSETTLED),
            settled: Notify::new(),
            idle_since: Mutex::new(None),
        })
    }

    /// Octets that may be read; none after the end.
    pub(super) fn allowance(&self) -> usize {
        if self.ending().is_some() {
            return 0;
        }
        usize::try_from(self.allowance.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Notes that octets were read. Without any left the connection ends.
    pub(super) fn pay(&self, octets: usize) {
        let octets = i64::try_from(octets).unwrap_or(i64::MAX);
        if self.allowance.fetch_sub(octets, Ordering::Relaxed) <= octets {
            self.end(Ending::Flooded);
        }
    }

    /// A request pays for its response.
    pub(super) fn grant(&self) {
        self.allowance.fetch_add(REQUEST_ALLOWANCE, Ordering::Relaxed);
    }

    /// What the responses left over is not saved up beyond what the requests under way have paid.
    pub(super) fn settle(&self, under_way: usize) {
        let under_way = i64::try_from(under_way).unwrap_or(i64::MAX);
        let most = under_way.saturating_mul(REQUEST_ALLOWANCE).saturating_add(CONNECTION_ALLOWANCE);
        self.allowance.fetch_min(most, Ordering::Relaxed);
    }

    /// Ends the connection; the first reason stays.
    pub(super) fn end(&self, ending: Ending) {
        let first =
            self.ending.compare_exchange(0, ending as u8, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            self.driver.wake();
            self.settled.notify_waiters();
        }
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        match self.ending.load(Ordering::Acquire) {
            0 => None,
            ending if ending == Ending::Flooded as u8 => Some(Ending::Flooded),
            ending if ending == Ending::Unresponsive as u8 => Some(Ending::Unresponsive),
            _ => Some(Ending::Closed),
        }
    }

    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Whether it takes no more requests.
    pub(super) fn is_over(&self) -> bool {
        self.retired.load(Ordering::Acquire) || self.ending().is_some()
    }

    /// Notes the final head of a response.
    pub(super) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Streams that the server allows at a time.
    pub(super) fn streams(&self) -> usize {
        match self.streams.load(Ordering::Acquire) {
            UNSETTLED => 0,
            streams => streams,
        }
    }

    /// Waits for the server's settings, or for the end.
    pub(super) async fn settled(&self) {
        loop {
            let mut settled = pin!(self.settled.notified());
            settled.as_mut().enable();
            if self.streams.load(Ordering::Acquire) != UNSETTLED || self.ending().is_some() {
                return;
            }
            settled.await;
        }
    }

    pub(super) fn set_idle(&self, since: Option<Instant>) {
        *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    pub(super) fn idle_since(&self) -> Option<Instant> {
        *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_streams(&self, streams: usize) -> bool {
        let changed = self.streams.swap(streams, Ordering::AcqRel) != streams;
        if changed {
            self.settled.notify_waiters();
        }
        changed
    }
}

/// Drives a connection until it ends. `inspect` sees it after each step and says how many streams
/// the server allows; `changed` hears of it.
pub(super) async fn drive<C: Future + Send + Unpin>(
    mut connection: C,
    life: Arc<Life>,
    ping: Option<PingPong>,
    inspect: impl Fn(&C) -> usize + Send + Sync,
    changed: impl Fn() + Send + Sync,
) {
    let mut watch = pin!(watch(&life, ping));
    std::future::poll_fn(|cx| {
        life.driver.register(cx.waker());
        if life.ending().is_some() || watch.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let ended = Pin::new(&mut connection).poll(cx).is_ready();
        if life.set_streams(inspect(&connection)) {
            changed();
        }
        if ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    life.end(Ending::Closed);
    drop(connection);
    changed();
}

/// Ends when the connection has been idle for too long, or does not answer a ping.
async fn watch(life: &Life, mut ping: Option<PingPong>) {
    loop {
        sleep(PING_INTERVAL).await;
        if life.idle_since().is_some_and(|since| since.elapsed() >= IDLE_TIMEOUT) {
            return life.end(Ending::Closed);
        }
        let Some(ping) = &mut ping else { continue };
        // An error is that of the connection, which ends by itself.
        if timeout(PING_TIMEOUT, ping.ping(Ping::opaque())).await.is_err() {
            return life.end(Ending::Unresponsive);
        }
    }
}

/// Octets that a server may send unasked: its part of the handshakes, its settings, its pings.
const CONNECTION_ALLOWANCE: i64 = 64 * 1024;
/// Octets that one request pays for: 64 KiB for all that comes before the final status and with
/// it, and the window of its body.
const REQUEST_ALLOWANCE: i64 = 64 * 1024 + super::STREAM_WINDOW as i64;

/// A dead HTTP/2 connection is noticed after the sum of the two, 20 seconds.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection that nobody uses is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Before the server's first settings have come: a number that no settings can hold.
pub(super) const UNSETTLED: usize = usize::MAX - 1;
