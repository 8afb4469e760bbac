//! Servers that never end, never begin, or answer nonsense: a typed error or a bounded response,
//! within the transport's own deadline, after a bounded number of octets, with nothing sent twice
//! (rules R4 and R19). Both transports, but for the modes that the second names as not held.

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod support;

use std::error::Error as StdError;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use sealpush::transport::{HyperTransport, MAX_RESPONSE, Transport};
use sealpush::{EndpointGuard, Error, ErrorKind, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::Instant;

use support::hostile::{Mode, Reqwest, Server, Verdict, http1, http2, tls};
use support::transports::{BOTH, Kind, Settings};

#[tokio::test]
async fn every_hostile_server_over_http1_gets_its_verdict() {
    for mode in http1::modes() {
        judge_both(&mode, "http", &Settings::loopback()).await;
    }
}

#[tokio::test]
async fn every_hostile_server_over_http2_gets_its_verdict() {
    for mode in http2::modes() {
        judge_both(&mode, "http", &Settings::loopback().http2()).await;
    }
}

#[tokio::test]
async fn every_hostile_server_over_tls_gets_its_verdict_and_no_request() {
    // Somebody's, so that there is a root where the machine has none.
    let root = rcgen::generate_simple_self_signed(["somebody.example".to_owned()]).unwrap();
    let settings = Settings::loopback().trusting(&root.cert.pem());
    for mode in tls::modes() {
        judge_both(&mode, "https", &settings).await;
    }
}

#[test]
fn the_modes_are_many_and_those_that_reqwest_does_not_hold_are_these() {
    let modes = [http1::modes(), http2::modes(), tls::modes()];
    let not_held: Vec<_> = modes
        .iter()
        .flatten()
        .filter(|mode| mode.reqwest == Reqwest::NotHeld)
        .map(|mode| mode.name)
        .collect();
    assert_eq!(
        not_held,
        [
            "100 without end",
            "103 without end",
            "giant 103 without end",
            "empty lines without end",
            "PING without end",
            "PING answers without end",
            "SETTINGS without end",
            "a table that grows and shrinks",
            "WINDOW_UPDATE without end",
            "WINDOW_UPDATE of the stream without end",
            "PRIORITY without end",
            "unknown frames without end",
            "interim responses without end",
            "GOAWAY without end",
        ]
    );
    assert!(modes.iter().map(Vec::len).sum::<usize>() >= 100);
}

/// A heart beats in the same thread while the servers flood: the runtime breathes, and nobody
/// waits for the deadline. What is bounded is work, so processor time is what is measured: what
/// other programs take from a busy machine is not the transport's. The servers are in it.
#[tokio::test]
async fn a_runtime_beats_on_beside_16_endpoints_that_flood() {
    // Some four times what a debug build needs; without a bound a flood takes seconds.
    let (http1, http2) = (Settings::loopback(), Settings::loopback().http2());
    for (name, settings, standstill) in [
        ("100 without end", http1, Duration::from_millis(100)),
        ("interim responses without end", http2, Duration::from_millis(1_400)),
    ] {
        let mut modes = http1::modes().into_iter().chain(http2::modes());
        let mode = modes.find(|mode| mode.name == name).unwrap();
        let mut servers = Vec::new();
        for _ in 0..16 {
            servers.push(Server::start(mode.script.clone()).await);
        }
        let transport = settings.timeout(Duration::from_secs(60)).build(Kind::Hyper);
        let longest = Arc::new(Mutex::new(Duration::ZERO));
        let noted = Arc::clone(&longest);
        let heart = tokio::spawn(async move {
            let (mut beats, mut last) = (tokio::time::interval(BEAT), worked());
            loop {
                beats.tick().await;
                let now = worked();
                let mut longest = noted.lock().unwrap();
                *longest = longest.max(now.saturating_sub(last));
                last = now;
            }
        });
        let started = worked();
        let sending = servers.iter().map(|server| {
            let (transport, port) = (Arc::clone(&transport), server.port);
            tokio::spawn(async move { send(&*transport, "http", port).await })
        });
        for outcome in sending.collect::<Vec<_>>() {
            let error = outcome.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport, "not its deadline: {error}");
            assert!(!error.is_outcome_known());
        }
        heart.abort();
        let (all, longest) = (worked().saturating_sub(started), *longest.lock().unwrap());
        println!("{name}: {all:?} of work, {longest:?} at a stretch");
        assert!(longest < standstill, "{name}: no beat for {longest:?}");
        assert!(all < 2 * standstill, "{name}: {all:?} of work");
        for server in &servers {
            assert!(server.written() < FLOODED, "{} octets", server.written());
            assert_eq!((server.arrivals(), server.connections()), (1, 1));
        }
    }
}

/// Processor time of this thread, where the system says; else the time of the day.
fn worked() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|first| first.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

#[tokio::test]
async fn a_connection_that_flooded_or_kept_silent_is_not_used_again() {
    for name in ["100 without end", "reads and says nothing"] {
        let mode = http1::modes().into_iter().find(|mode| mode.name == name).unwrap();
        not_used_again(&mode, &Settings::loopback()).await;
    }
    for name in ["interim responses without end", "PING without end", "settings and nothing more"] {
        let mode = http2::modes().into_iter().find(|mode| mode.name == name).unwrap();
        not_used_again(&mode, &Settings::loopback().http2()).await;
    }
}

async fn not_used_again(mode: &Mode, settings: &Settings) {
    let server = Server::start(mode.script.clone()).await;
    let transport = settings.clone().timeout(SHORT).build(Kind::Hyper);
    for connections in 1..=3 {
        send(&*transport, "http", server.port).await.unwrap_err();
        assert_eq!(server.connections(), connections, "{}", mode.name);
    }
}

#[tokio::test]
async fn of_a_long_body_16_kib_are_read() {
    for kind in BOTH {
        for name in ["a body without end", "a body of ten gigabytes", "chunks without end"] {
            let mode = http1::modes().into_iter().find(|mode| mode.name == name).unwrap();
            let server = Server::start(mode.script).await;
            let response = send(&*Settings::loopback().build(kind), "http", server.port).await;
            assert_eq!(response.unwrap().body().len(), MAX_RESPONSE, "{kind}: {name}");
        }
    }
}

#[tokio::test]
async fn of_a_broken_body_the_octets_that_came_are_kept() {
    for kind in BOTH {
        for name in ["a body that stops", "a body that breaks off"] {
            let mode = http1::modes().into_iter().find(|mode| mode.name == name).unwrap();
            let server = Server::start(mode.script).await;
            let transport = Settings::loopback().timeout(SHORT).build(kind);
            let response = send(&*transport, "http", server.port).await.unwrap();
            assert_eq!(&response.body()[..], b"half", "{kind}: {name}");
        }
    }
}

/// A thousand names that a stranger owns cost what is allowed, and a healthy origin keeps its
/// connection meanwhile.
#[tokio::test]
async fn idle_connections_are_bounded_in_all_and_a_proven_one_stays() {
    let healthy = answering().await;
    let strangers = answering().await;
    let guard = EndpointGuard::loopback_for_tests();
    let transport = HyperTransport::builder().guard(guard).idle_connections(8).build().unwrap();
    for _ in 0..2 {
        assert_eq!(get(&transport, "127.0.0.1", healthy.port).await, 201);
    }
    let names = (1..=250_u8).flat_map(|c| (0..4_u8).map(move |b| format!("127.{b}.{c}.1")));
    for (count, name) in names.enumerate() {
        if count % 25 == 0 {
            assert_eq!(get(&transport, "127.0.0.1", healthy.port).await, 201);
        }
        assert_eq!(get(&transport, &name, strangers.port).await, 201);
        let open = strangers.open() + healthy.open();
        // The task of a connection that was given up needs a turn to close it.
        assert!(open <= 8 + 4, "{open} connections after {count} names");
    }
    assert_eq!(healthy.all(), 1, "the healthy origin kept its connection");
    assert_eq!(strangers.all(), 1000);
}

#[tokio::test]
async fn a_refused_connection_is_a_transport_failure_with_the_cause_and_nothing_sent() {
    for kind in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let response = send(&*Settings::loopback().build(kind), "http", port).await;
        let error = assert_verdict(response, Verdict::Known(ErrorKind::Transport), kind, "refused");
        let error = error.unwrap();
        let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
        assert_eq!(cause.unwrap().kind(), std::io::ErrorKind::ConnectionRefused);
    }
}

async fn judge_both(mode: &Mode, scheme: &str, settings: &Settings) {
    judge(mode, mode.verdict, scheme, settings, Kind::Hyper).await;
    match mode.reqwest {
        Reqwest::Same => judge(mode, mode.verdict, scheme, settings, Kind::Reqwest).await,
        Reqwest::Other(verdict) => judge(mode, verdict, scheme, settings, Kind::Reqwest).await,
        Reqwest::NotHeld => {}
    }
}

async fn judge(mode: &Mode, verdict: Verdict, scheme: &str, settings: &Settings, kind: Kind) {
    let name = mode.name;
    let server = Server::start(mode.script.clone()).await;
    let mut settings = settings.clone();
    // The deadline only where the test is about running into it, or into a body that stops.
    let times_out = matches!(
        verdict,
        Verdict::Known(ErrorKind::Timeout) | Verdict::Unknown(ErrorKind::Timeout)
    );
    if times_out {
        (settings.timeout, settings.connect_timeout) = (2 * SHORT, SHORT);
    } else if matches!(verdict, Verdict::Status(_)) {
        settings.timeout = 4 * SHORT;
    }
    let transport = settings.build(kind);
    let sending =
        tokio::time::timeout(Duration::from_secs(14), send(&*transport, scheme, server.port));
    let response = sending.await.unwrap_or_else(|_| panic!("{kind}: {name}: no end"));
    assert_verdict(response, verdict, kind, name);
    // Closes the connections that are still open.
    drop(transport);
    // reqwest sends before it knows whether it may, and says that the outcome is unknown.
    let unknowing = mode.reqwest == Reqwest::Other(verdict);
    let most = if unknowing { mode.arrivals.max(1) } else { mode.arrivals };
    assert!(server.arrivals() <= most, "{kind}: {name}: {} arrivals", server.arrivals());
    if mode.arrivals == 1 && !matches!(verdict, Verdict::Known(_) | Verdict::Either(_)) {
        assert!(server.connections() == 1, "{kind}: {name}: {} connections", server.connections());
    }
    if kind == Kind::Hyper {
        let bound = BOUND * server.connections().max(1);
        assert!(server.written() < bound, "{kind}: {name}: {} octets taken", server.written());
        assert!(server.received() < bound, "{kind}: {name}: {} octets sent", server.received());
    }
}

async fn send(transport: &dyn Transport, scheme: &str, port: u16) -> Result<Response<Bytes>> {
    let uri = format!("{scheme}://127.0.0.1:{port}/{SECRET}");
    let body = Bytes::from_static(support::hostile::BODY);
    transport.send(Request::post(uri).body(body).unwrap()).await
}

async fn get(transport: &dyn Transport, host: &str, port: u16) -> u16 {
    let request = Request::get(format!("http://{host}:{port}/")).body(Bytes::new()).unwrap();
    transport.send(request).await.unwrap().status().as_u16()
}

/// Checks kind and outcome, and that the error shows nothing of the request's URL.
fn assert_verdict(
    response: Result<Response<Bytes>>,
    verdict: Verdict,
    kind: Kind,
    name: &str,
) -> Option<Error> {
    let error = match (response, verdict) {
        (Ok(response), Verdict::Status(status)) => {
            assert_eq!(response.status(), status, "{kind}: {name}");
            assert!(response.body().len() <= MAX_RESPONSE, "{kind}: {name}");
            return None;
        }
        (Ok(response), verdict) => {
            panic!("{kind}: {name}: {}, not {verdict:?}", response.status())
        }
        (Err(error), _) => error,
    };
    let known = error.is_outcome_known();
    let right = match verdict {
        Verdict::Known(expected) => error.kind() == expected && known,
        Verdict::Unknown(expected) => error.kind() == expected && !known,
        Verdict::Either(expected) => error.kind() == expected,
        Verdict::Status(_) => false,
    };
    assert!(right, "{kind}: {name}: {error:?}, not {verdict:?}");
    let mut shown = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        shown += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    for secret in [SECRET, "127.0.0.1", "http:", "https:"] {
        assert!(!shown.contains(secret), "{kind}: {name}: {shown}");
    }
    Some(error)
}

/// A server that answers every request on every loopback address, and counts connections.
async fn answering() -> Answering {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let shared = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            shared.iter().for_each(|count| _ = count.fetch_add(1, Ordering::SeqCst));
            tokio::spawn(async move {
                use tokio::io::AsyncReadExt;
                let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
                while stream.read(&mut [0; 4096]).await.unwrap_or(0) > 0 {
                    if stream.write_all(answer).await.is_err() {
                        break;
                    }
                }
                shared[0].fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    Answering { port, counts }
}

struct Answering {
    port: u16,
    counts: Arc<[std::sync::atomic::AtomicUsize; 2]>,
}

impl Answering {
    fn open(&self) -> usize {
        self.counts[0].load(std::sync::atomic::Ordering::SeqCst)
    }

    fn all(&self) -> usize {
        self.counts[1].load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// In the path of every request; no error may show it.
const SECRET: &str = "JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV";

/// The deadline where the test is about running into it.
const SHORT: Duration = Duration::from_millis(150);

const BEAT: Duration = Duration::from_millis(10);

/// Most octets that an endless flood gets rid of: 64 KiB that are read, and what fits into two
/// sockets.
const FLOODED: usize = 256 * 1024;

/// Most octets on one connection: what the transport reads, and what fits into two sockets.
const BOUND: usize = 1024 * 1024;
