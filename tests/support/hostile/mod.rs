//! Servers that never end, never begin, or answer nonsense, as fast as the wire allows; each with
//! the one right verdict on it.

pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealpush::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// One way of being hostile.
#[derive(Clone)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) script: Script,
    pub(crate) verdict: Verdict,
    pub(crate) reqwest: Reqwest,
    /// How often the request may arrive: more than once only where the server has declared each
    /// time that it did not process it.
    pub(crate) arrivals: usize,
}

impl Mode {
    pub(crate) fn new(name: &'static str, script: Script, verdict: Verdict) -> Self {
        Self { name, script, verdict, reqwest: Reqwest::Same, arrivals: 1 }
    }

    /// With another verdict where reqwest cannot know as much.
    pub(crate) fn reqwest(mut self, verdict: Verdict) -> Self {
        self.reqwest = Reqwest::Other(verdict);
        self
    }

    /// Not bounded by reqwest, as its documentation says.
    pub(crate) fn not_held_by_reqwest(mut self) -> Self {
        self.reqwest = Reqwest::NotHeld;
        self
    }

    pub(crate) fn arrivals(mut self, most: usize) -> Self {
        self.arrivals = most;
        self
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reqwest {
    Same,
    Other(Verdict),
    NotHeld,
}

/// What the caller must be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// A response with this status.
    Status(u16),
    /// A failure with an outcome that is known.
    Known(ErrorKind),
    /// A failure with an outcome that is unknown.
    Unknown(ErrorKind),
    /// A failure of which it depends on the moment whether the request had gone out.
    Either(ErrorKind),
}

/// What the server does with each connection.
#[derive(Clone)]
pub(crate) enum Script {
    /// Closes it at once.
    Close,
    /// Reads nothing, and holds it.
    Hold,
    /// Reads a first time, and then does these things.
    After(Vec<Step>),
    /// Speaks HTTP/2: this at once, and the steps when a request has come in.
    Http2(Vec<u8>, Vec<Step>),
    /// The same, with an answer to every request, by the number of its stream.
    Http2Each(Vec<u8>, fn(u32) -> Vec<u8>),
}

#[derive(Clone)]
pub(crate) enum Step {
    Say(Vec<u8>),
    /// One octet at a time, with pauses, for ever.
    Drip(u8),
    /// The same octets again and again until nobody takes them any more.
    Flood(Vec<u8>),
    /// The same octets so many times.
    Times(usize, Vec<u8>),
    /// Closes the sending half and reads on.
    Shut,
    /// Ends the connection with a reset.
    Reset,
}

pub(crate) fn say(octets: impl AsRef<[u8]>) -> Step {
    Step::Say(octets.as_ref().to_vec())
}

pub(crate) fn flood(octets: impl AsRef<[u8]>) -> Step {
    // In pieces, so that the server is never what is slow.
    let octets = octets.as_ref();
    Step::Flood(octets.repeat((16 * 1024 / octets.len()).max(1)))
}

/// A server that plays a script on every connection.
pub(crate) struct Server {
    pub(crate) port: u16,
    log: Arc<Log>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    arrivals: AtomicUsize,
    written: AtomicUsize,
    received: AtomicUsize,
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = listener();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Log::default());
        let shared = Arc::clone(&log);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(play(stream, script.clone(), Arc::clone(&shared)));
            }
        });
        Self { port, log, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// How often the request's body has arrived.
    pub(crate) fn arrivals(&self) -> usize {
        self.log.arrivals.load(Ordering::SeqCst)
    }

    /// Octets that the server got rid of.
    pub(crate) fn written(&self) -> usize {
        self.log.written.load(Ordering::SeqCst)
    }

    /// Octets that came.
    pub(crate) fn received(&self) -> usize {
        self.log.received.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// With a small send buffer, so that what was written says what was read.
fn listener() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(64 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(1024).unwrap()
}

async fn play(stream: TcpStream, script: Script, log: Arc<Log>) {
    let mut peer = Peer { stream, log, seen: Vec::new(), bodies: 0 };
    match script {
        Script::Close => {}
        Script::Hold => std::future::pending().await,
        Script::After(steps) => {
            peer.read().await;
            peer.steps(steps).await;
        }
        Script::Http2(first, steps) => {
            if peer.say(&first).await.is_ok() {
                while peer.bodies == 0 {
                    if peer.read().await == 0 {
                        return;
                    }
                }
                peer.steps(steps).await;
            }
        }
        Script::Http2Each(first, answer) => {
            let mut answered = 0;
            let mut open = peer.say(&first).await.is_ok();
            while open && peer.read().await > 0 {
                while answered < peer.bodies {
                    answered += 1;
                    let stream = u32::try_from(answered).unwrap() * 2 - 1;
                    open = peer.say(&answer(stream)).await.is_ok();
                }
            }
        }
    }
}

struct Peer {
    stream: TcpStream,
    log: Arc<Log>,
    /// The end of what was read, in which a body may have begun.
    seen: Vec<u8>,
    bodies: usize,
}

impl Peer {
    async fn read(&mut self) -> usize {
        let mut octets = [0; 4096];
        let length = self.stream.read(&mut octets).await.unwrap_or(0);
        self.log.received.fetch_add(length, Ordering::SeqCst);
        self.seen.extend_from_slice(&octets[..length]);
        let found = self.seen.windows(BODY.len()).filter(|part| *part == BODY).count();
        self.bodies += found;
        self.log.arrivals.fetch_add(found, Ordering::SeqCst);
        let kept = self.seen.len().saturating_sub(BODY.len() - 1);
        self.seen.drain(..kept);
        length
    }

    async fn say(&mut self, octets: &[u8]) -> std::io::Result<()> {
        let mut rest = octets;
        while !rest.is_empty() {
            let length = self.stream.write(rest).await?;
            self.log.written.fetch_add(length, Ordering::SeqCst);
            rest = &rest[length..];
        }
        Ok(())
    }

    async fn steps(mut self, steps: Vec<Step>) {
        for step in steps {
            let done = match step {
                Step::Say(octets) => self.say(&octets).await,
                Step::Times(times, octets) => self.say(&octets.repeat(times)).await,
                Step::Flood(octets) => loop {
                    if let Err(error) = self.say(&octets).await {
                        break Err(error);
                    }
                },
                Step::Drip(octet) => {
                    // The server's own pace; no test waits for it.
                    let mut pace = tokio::time::interval(Duration::from_millis(5));
                    loop {
                        pace.tick().await;
                        if let Err(error) = self.say(&[octet]).await {
                            break Err(error);
                        }
                    }
                }
                Step::Shut => self.stream.shutdown().await,
                Step::Reset => {
                    let _ = self.stream.set_zero_linger();
                    return;
                }
            };
            if done.is_err() {
                return;
            }
        }
        while self.read().await > 0 {}
    }
}

/// The body of every request.
pub(crate) const BODY: &[u8] = b"sealed";
