//! One HTTP server for the embedded push service and for the conformance kit: a listener, HTTP/1.1
//! and HTTP/2 without TLS on one port, and every task that comes of them.
//!
//! It knows no push. It is built for tests, so a panic in one of its tasks fails the test: whoever
//! holds the [`Server`] panics with it, at the latest when it is dropped. And it is reachable for
//! every program on the machine, browsers included, so everything has a bound: connections, octets
//! of a head, time without a request.

mod deadlines;
mod panics;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{error, fmt, io};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use self::panics::Panics;

pub(crate) use self::deadlines::Deadlines;

/// A server that runs in tasks of the current tokio runtime. Dropping it stops it at once.
///
/// # Panics
///
/// When dropped, if one of its tasks panicked and nobody has been told of it.
pub(crate) struct Server {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    panics: Panics,
    counts: Arc<Counts>,
}

impl Server {
    /// Answers every request of every connection with `handle`, whose error ends the connection,
    /// or the stream on HTTP/2, without an answer.
    pub(crate) fn start<H, F, B>(listener: TcpListener, handle: H) -> Self
    where
        H: Fn(Connection, Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, Abandoned>> + Send + 'static,
        B: Body<Data = Bytes, Error: error::Error + Send + Sync> + Send + 'static,
    {
        Self::start_over(listener, Clear, handle)
    }

    /// The same over something else than TCP alone, such as TLS.
    pub(crate) fn start_over<C, H, F, B>(listener: TcpListener, carrier: C, handle: H) -> Self
    where
        C: Carrier,
        H: Fn(Connection, Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, Abandoned>> + Send + 'static,
        B: Body<Data = Bytes, Error: error::Error + Send + Sync> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let (panics, counts) = (Panics::default(), Arc::<Counts>::default());
        let inside = (stopped, panics.clone(), counts.clone());
        let task = tokio::spawn(run(listener, carrier, handle, inside));
        Self { stop, task, panics, counts }
    }

    /// How many connections were made, and how many there are.
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.counts.made.load(Ordering::Relaxed), self.counts.there.load(Ordering::Relaxed))
    }

    /// Whether a task panicked. The one who asks has been told of it.
    pub(crate) fn has_panicked(&self) -> bool {
        self.panics.take().is_some()
    }

    /// Stops listening and lets the requests in flight finish.
    pub(crate) async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // It does not panic: what runs in it is this module's, and looks after its tasks.
        let _ = (&mut self.task).await;
        self.panics.resume();
    }

    /// Panics if a task did.
    pub(crate) fn check(&self) {
        self.panics.resume();
    }

    /// Waits for `work`, and panics as soon as a task does.
    pub(crate) async fn watch<T>(&self, work: impl Future<Output = T> + Send) -> T {
        tokio::select! {
            biased;
            done = work => done,
            () = self.panics.happened() => {
                self.panics.resume();
                unreachable!("a panic happened")
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            self.panics.resume();
        }
    }
}

/// What lies between TCP and HTTP.
pub(crate) trait Carrier: Clone + Send + Sync + 'static {
    /// Begins a connection; an error ends it.
    fn carry(
        &self,
        stream: TcpStream,
    ) -> impl Future<Output = io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static>> + Send;
}

/// Nothing.
#[derive(Clone)]
struct Clear;

impl Carrier for Clear {
    async fn carry(
        &self,
        stream: TcpStream,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Ok(stream)
    }
}

/// How many connections there were and are.
#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    there: AtomicUsize,
}

/// A connection that is there.
struct Counted(Arc<Counts>);

impl Counted {
    fn new(counts: Arc<Counts>) -> Self {
        counts.made.fetch_add(1, Ordering::Relaxed);
        counts.there.fetch_add(1, Ordering::Relaxed);
        Self(counts)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.there.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a request may do to its connection.
#[derive(Clone)]
pub(crate) struct Connection {
    spawner: Spawner,
    closed: Arc<Notify>,
    stop: watch::Receiver<bool>,
    deadlines: Deadlines,
    activity: Arc<Activity>,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Connection {
    /// Closes the connection, with every request on it.
    pub(crate) fn close(&self) {
        self.closed.notify_one();
    }

    /// Runs a task that outlives the exchange of requests, but not the server. It keeps the
    /// connection's place among those that are counted for as long as it holds a clone of `self`.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawner.execute(task);
    }

    /// Changes when the server is to end.
    pub(crate) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// Limits in real time.
    pub(crate) fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }
}

/// The connection, or the stream on HTTP/2, ends without an answer.
#[derive(Debug)]
pub(crate) struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was left without an answer")
    }
}

impl error::Error for Abandoned {}

/// Serves until `stop` changes, then lets the requests in flight finish; or until a task panics.
async fn run<C, H, F, B>(
    listener: TcpListener,
    carrier: C,
    handle: H,
    (mut stop, panics, counts): (watch::Receiver<bool>, Panics, Arc<Counts>),
) where
    C: Carrier,
    H: Fn(Connection, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, Abandoned>> + Send + 'static,
    B: Body<Data = Bytes, Error: error::Error + Send + Sync> + Send + 'static,
{
    let (sender, mut handed_over) = mpsc::unbounded_channel();
    let spawner = Spawner(sender);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let deadlines = Deadlines::start();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept(&listener, &places, &deadlines) => {
                let (stream, place) = accepted;
                let connection = Connection {
                    spawner: spawner.clone(),
                    closed: Arc::default(),
                    stop: stop.clone(),
                    deadlines: deadlines.clone(),
                    activity: Arc::new(Activity::new()),
                    _place: Arc::new(place),
                };
                let serving = serve(stream, carrier.clone(), handle.clone(), connection);
                let counted = Counted::new(counts.clone());
                tasks.spawn(panics.clone().watch(async move {
                    serving.await;
                    drop(counted);
                }));
            }
            Some(task) = handed_over.recv() => {
                tasks.spawn(panics.clone().watch(task));
            }
            Some(_) = tasks.join_next() => {}
            _ = stop.changed() => break,
            () = panics.happened() => return,
        }
    }
    drop(listener);
    loop {
        tokio::select! {
            biased;
            () = panics.happened() => return,
            Some(task) = handed_over.recv() => {
                tasks.spawn(panics.clone().watch(task));
            }
            joined = tasks.join_next() => if joined.is_none() {
                return;
            },
        }
    }
}

/// The next connection, once there is a place for it; until then it waits in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    deadlines: &Deadlines,
) -> (TcpStream, OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("nobody closes the semaphore");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            // Out of file descriptors, most likely: others may end in the meantime.
            Err(_) => deadlines.deadline(AFTER_FAILED_ACCEPT).passed().await,
        }
    }
}

async fn serve<C, H, F, B>(stream: TcpStream, carrier: C, handle: H, connection: Connection)
where
    C: Carrier,
    H: Fn(Connection, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, Abandoned>> + Send + 'static,
    B: Body<Data = Bytes, Error: error::Error + Send + Sync> + Send + 'static,
{
    // Answers are small; waiting to fill a segment only adds latency.
    let _ = stream.set_nodelay(true);
    let deadline = connection.deadlines().clone();
    let carried = deadline.within(MAX_SILENCE_AT_FIRST, carrier.carry(stream)).await;
    // A peer that does not trust a certificate says so itself.
    let Some(Ok(stream)) = carried else { return };
    let mut server = auto::Builder::new(connection.spawner.clone());
    server.http1().max_buf_size(MAX_HEAD);
    server
        .http2()
        .max_header_list_size(MAX_HEAD_OF_STREAM)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOW_OF_STREAM)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(MAX_HEAD);
    let (mut stop, closed) = (connection.stop(), Arc::clone(&connection.closed));
    let (activity, deadlines) = (Arc::clone(&connection.activity), connection.deadlines.clone());
    let counted = Arc::clone(&activity);
    let mut exchange = pin!(server.serve_connection_with_upgrades(
        TokioIo::new(stream),
        service_fn(move |request| {
            let request_in_flight = InFlight::new(&counted);
            let answer = handle(connection.clone(), request);
            async move {
                let answer = answer.await;
                drop(request_in_flight);
                answer
            }
        }),
    ));
    let mut deadline = deadlines.deadline(MAX_SILENCE_AT_FIRST);
    loop {
        tokio::select! {
            // A connection that breaks is the peer's affair.
            _ = exchange.as_mut() => return,
            () = closed.notified() => return,
            Ok(()) = stop.changed() => exchange.as_mut().graceful_shutdown(),
            () = deadline.passed() => match activity.left() {
                Some(Duration::ZERO) => return,
                Some(left) => deadline = deadlines.deadline(left),
                None => deadline = deadlines.deadline(MAX_SILENCE),
            },
        }
    }
}

/// When a connection last had a request.
struct Activity {
    in_flight: AtomicUsize,
    last: std::sync::Mutex<(Instant, Duration)>,
}

impl Activity {
    fn new() -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            last: std::sync::Mutex::new((Instant::now(), MAX_SILENCE_AT_FIRST)),
        }
    }

    /// How long it may go on without a request; `None` while there is one.
    fn left(&self) -> Option<Duration> {
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let (last, most) = *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Some(most.saturating_sub(last.elapsed()))
    }
}

struct InFlight(Arc<Activity>);

impl InFlight {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut last = self.0.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = (Instant::now(), MAX_SILENCE);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Hands tasks over to [`run`], which owns them.
#[derive(Clone, Debug)]
struct Spawner(mpsc::UnboundedSender<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, task: F) {
        // Fails only when the server has ended, and then the task must not run.
        let _ = self.0.send(Box::pin(task));
    }
}

/// Most connections at a time, websockets included; further ones wait. Half of the 1,024 file
/// descriptors that a process usually has: in a test both ends are in one process.
const MAX_CONNECTIONS: usize = 512;
/// Most octets of a request's head over HTTP/1.1; hyper answers 431 beyond.
pub(crate) const MAX_HEAD: usize = 16 * 1024;
/// Most octets of a request's head over HTTP/2, counted as RFC 9113 §6.5.2 says.
const MAX_HEAD_OF_STREAM: u32 = 8 * 1024;
/// Most requests at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;
/// Most octets under way on one HTTP/2 stream, and on a connection.
const WINDOW_OF_STREAM: u32 = 64 * 1024;
const WINDOW: u32 = 256 * 1024;
/// Longest time from the start of a connection to the end of its first request's head.
const MAX_SILENCE_AT_FIRST: Duration = Duration::from_secs(10);
/// Longest time from one request to the end of the next one's head.
const MAX_SILENCE: Duration = Duration::from_secs(60);
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);
