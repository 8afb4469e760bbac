//! The push service that the kit plays.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri};
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::answer::Answer;
use super::server::{Front, Port, Running};
use super::wire::Wire;
use crate::clock::{Clock, SystemClock};
use crate::transport::{MAX_RESPONSE, Transport};
use crate::{Error, ErrorKind, Result};

/// The push service that the kit plays: answers from the script of the running check, and keeps
/// what arrived.
///
/// A provider reaches it through [`transport`](Self::transport), or over the loopback interface at
/// [`url`](Self::url) if its harness says [`Wire::Loopback`] or [`Wire::Tls`]. Both go to the same script.
#[derive(Clone)]
pub struct Vendor(Arc<Inner>);

impl Vendor {
    /// The origin of the push service, without a slash at the end. Its port is not the default
    /// one, so that a provider that loses it is found out.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The host and the port of [`url`](Self::url).
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.url.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The way to the push service, for [`Wire::Transport`]. It keeps the contract of
    /// [`Transport`], with [`deadline`](Self::deadline) for each request.
    #[must_use]
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(Wired(self.clone()))
    }

    /// The time of day as the checks set it.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(Set(self.0.clone()))
    }

    /// How long a provider waits for an answer: the client of a [`Wire::Loopback`] provider must
    /// be given it. In real time it is short in the checks that wait for it, and long in all others.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        match self.0.real_time {
            true if self.0.state().in_haste => HASTE,
            true => REAL_DEADLINE,
            false => DEADLINE,
        }
    }

    /// The root certificate that a client must trust, in PEM; `None` but for [`Wire::Tls`].
    #[must_use]
    pub fn root_certificate_pem(&self) -> Option<&str> {
        self.0.root_certificate.as_deref()
    }

    /// What arrived, oldest first; without the requests for credentials.
    #[must_use]
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests_from(0)
    }

    /// What arrived after so many others.
    pub(crate) fn requests_from(&self, first: usize) -> Vec<Request<Bytes>> {
        self.0.state().requests.get(first..).unwrap_or_default().to_vec()
    }

    /// How much arrived.
    pub(crate) fn count(&self) -> usize {
        self.0.state().requests.len()
    }

    /// The addresses that were asked for, those that were refused a connection included.
    pub(crate) fn dialled(&self) -> Vec<Uri> {
        self.0.state().dialled.clone()
    }

    /// The requests for credentials that arrived, oldest first.
    #[must_use]
    pub fn mints(&self) -> Vec<Request<Bytes>> {
        self.0.state().mints.clone()
    }

    /// Opens the push service for one check.
    pub(crate) async fn open(
        wire: Wire,
        real_time: bool,
        origin: &str,
        desk: Arc<dyn Desk>,
    ) -> Result<Self> {
        let server = match wire {
            Wire::Loopback => Some(Port::bind(false).await?),
            Wire::Tls => Some(Port::bind(true).await?),
            Wire::None | Wire::Transport => None,
        };
        let root_certificate = server.as_ref().and_then(Port::root_certificate);
        let url = server.as_ref().map_or_else(|| origin.to_owned(), Port::url);
        let vendor = Self(Arc::new(Inner {
            url,
            real_time,
            desk,
            state: Mutex::new(State::new()),
            exhausted: Notify::new(),
            root_certificate,
        }));
        if let Some(server) = server {
            vendor.0.state().server = Some(server.serve(vendor.clone()));
        }
        Ok(vendor)
    }

    /// Sets the script, and forgets what arrived. The last answer is given again and again.
    pub(crate) fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        let mut state = self.0.state();
        state.requests.clear();
        state.mints.clear();
        state.dialled.clear();
        state.route = None;
        state.script = answers.into_iter().collect();
        // An address where nobody listens is the only way to refuse a connection for certain.
        if state.script.iter().any(|answer| matches!(answer, Answer::Refuse)) {
            state.broken |= state.server.take().is_some_and(|server| server.is_broken());
        }
    }

    /// Answers by what is asked instead of by the order of asking.
    pub(crate) fn route(&self, route: impl Fn(&Request<Bytes>) -> Answer + Send + Sync + 'static) {
        self.0.state().route = Some(Arc::new(route));
    }

    /// Answers every request for a credential so, instead of asking the harness.
    pub(crate) fn script_mint(&self, answer: impl Into<Option<Answer>>) {
        self.0.state().mint = answer.into();
    }

    /// Whether an endless body was read far beyond any limit.
    pub(crate) fn is_overread(&self) -> bool {
        self.0.state().overread
    }

    /// Whether requests for credentials are left without an answer.
    pub(crate) fn mint_hangs(&self) -> bool {
        matches!(self.0.state().mint, Some(Answer::Hang))
    }

    /// Shortens the deadline of the providers made from here on, where time is real.
    pub(crate) fn set_haste(&self, in_haste: bool) {
        self.0.state().in_haste = in_haste;
    }

    /// Moves the time of day.
    pub(crate) fn set_now(&self, now: SystemTime) {
        self.0.state().now = now;
    }

    /// The time of day.
    pub(crate) fn now(&self) -> SystemTime {
        self.0.state().now
    }

    /// How many connections were made, and how many there are.
    pub(crate) fn connections(&self) -> (usize, usize) {
        self.0.state().server.as_ref().map_or((0, 0), Running::connections)
    }

    /// Whether the push service itself panicked.
    pub(crate) fn is_broken(&self) -> bool {
        let mut state = self.0.state();
        state.broken |= state.server.as_ref().is_some_and(Running::is_broken);
        state.broken
    }

    /// Comes back when more requests were made than any check needs.
    pub(crate) async fn exhausted(&self) {
        self.0.exhausted.notified().await;
    }

    /// Whether a request came with several messages, and nobody knows how to answer it.
    pub(crate) fn is_at_a_loss(&self) -> bool {
        self.0.state().at_a_loss
    }

    fn answer(&self, request: Request<Bytes>, part: &Request<Bytes>) -> Answer {
        let uri = request.uri().clone();
        let answer = self.next(part);
        let mut state = self.0.state();
        state.dialled.push(uri);
        if !matches!(answer, Answer::Block | Answer::Refuse) {
            state.requests.push(request);
        }
        answer
    }

    /// The next answer of the route or the script.
    fn next(&self, request: &Request<Bytes>) -> Answer {
        let mut state = self.0.state();
        if let Some(route) = state.route.clone() {
            drop(state);
            return route(request);
        }
        match state.script.len() {
            0 | 1 => state.script.front().cloned().unwrap_or(Answer::Hang),
            _ => state.script.pop_front().unwrap_or(Answer::Hang),
        }
    }

    fn pack(&self, answers: Vec<Answer>) -> Answer {
        let mut replies = Vec::new();
        for answer in &answers {
            match answer {
                Answer::Reply(response) => replies.push(response.clone()),
                other => return other.clone(),
            }
        }
        let first = replies.first().cloned();
        self.0
            .desk
            .pack(replies)
            .or_else(|| {
                self.0.state().at_a_loss = true;
                first
            })
            .map_or(Answer::Hang, Answer::Reply)
    }
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vendor").field("url", &self.0.url).finish_non_exhaustive()
    }
}

impl Front for Vendor {
    fn url(&self) -> &str {
        Self::url(self)
    }

    fn take(&self, request: Request<Bytes>) -> Answer {
        let nth = {
            let mut state = self.0.state();
            state.taken += 1;
            if state.taken > MOST_REQUESTS {
                self.0.exhausted.notify_one();
                return Answer::Silence;
            }
            state.minted
        };
        // The desk is asked without the lock: it may look at the vendor.
        if let Some(response) = self.0.desk.mint(&request, nth) {
            self.0.desk.see(self, &request, true);
            let mut state = self.0.state();
            state.mints.push(request);
            state.minted += 1;
            return state.mint.clone().unwrap_or(Answer::Reply(response));
        }
        let parts = self.0.desk.unpack(&request);
        for part in &parts {
            self.0.desk.see(self, part, false);
        }
        match parts.as_slice() {
            [] => self.answer(request.clone(), &request),
            [part] => self.answer(request, part),
            [first, others @ ..] => {
                let mut answers = vec![self.answer(request, first)];
                answers.extend(others.iter().map(|part| self.next(part)));
                self.pack(answers)
            }
        }
    }

    fn set_overread(&self) {
        self.0.state().overread = true;
    }
}

/// Knows what the vendor does not: how to read a request, and what becomes of one for a
/// credential.
pub(crate) trait Desk: Send + Sync + 'static {
    /// Answers a request for a credential, by how many came before it.
    fn mint(&self, request: &Request<Bytes>, nth: usize) -> Option<Response<Bytes>>;
    /// Looks at a request that arrived.
    fn see(&self, vendor: &Vendor, request: &Request<Bytes>, mint: bool);
    /// Takes a request with several messages apart.
    fn unpack(&self, request: &Request<Bytes>) -> Vec<Request<Bytes>>;
    /// Puts the answers to its parts together.
    fn pack(&self, answers: Vec<Response<Bytes>>) -> Option<Response<Bytes>>;
}

struct Inner {
    url: String,
    real_time: bool,
    desk: Arc<dyn Desk>,
    state: Mutex<State>,
    exhausted: Notify,
    root_certificate: Option<String>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // A provider that panics is reported; the record is whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct State {
    taken: usize,
    at_a_loss: bool,
    broken: bool,
    dialled: Vec<Uri>,
    in_haste: bool,
    overread: bool,
    now: SystemTime,
    script: VecDeque<Answer>,
    route: Option<Arc<Route>>,
    mint: Option<Answer>,
    requests: Vec<Request<Bytes>>,
    mints: Vec<Request<Bytes>>,
    minted: usize,
    server: Option<Running>,
}

impl State {
    fn new() -> Self {
        // Whole seconds, as `Retry-After` dates have.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(SystemClock.unix_seconds());
        Self {
            taken: 0,
            at_a_loss: false,
            broken: false,
            dialled: Vec::new(),
            in_haste: false,
            overread: false,
            now,
            script: VecDeque::new(),
            route: None,
            mint: None,
            requests: Vec::new(),
            mints: Vec::new(),
            minted: 0,
            server: None,
        }
    }
}

type Route = dyn Fn(&Request<Bytes>) -> Answer + Send + Sync;

/// The vendor's end of [`Transport`].
struct Wired(Vendor);

impl fmt::Debug for Wired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport(the kit's push service)")
    }
}

#[async_trait]
impl Transport for Wired {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        // Two more places to be cancelled at: before the request is out, and after.
        yield_now().await;
        let answer = self.0.take(request);
        yield_now().await;
        let response = match answer {
            Answer::Block => {
                return Err(Error::new(ErrorKind::Blocked, "the endpoint guard refused"));
            }
            Answer::Provoke(_) | Answer::Silence => return pending().await,
            Answer::Endless(response) => response.map(|()| Bytes::from(vec![b'a'; MAX_RESPONSE])),
            Answer::Hang => {
                tokio::time::sleep(self.0.deadline()).await;
                return Err(
                    Error::new(ErrorKind::Timeout, "no answer in time").with_unknown_outcome()
                );
            }
            Answer::Late(delay, response) => {
                tokio::time::sleep(delay).await;
                response
            }
            Answer::Refuse => {
                return Err(Error::new(ErrorKind::Transport, "the connection was refused"));
            }
            Answer::Reply(response) => response,
            Answer::Reset => {
                return Err(Error::new(ErrorKind::Transport, "the connection was reset")
                    .with_unknown_outcome());
            }
        };
        Ok(response.map(|body| body.slice(..body.len().min(MAX_RESPONSE))))
    }
}

/// The time of day that the checks set.
struct Set(Arc<Inner>);

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(set by the kit)")
    }
}

impl Clock for Set {
    fn now(&self) -> SystemTime {
        self.0.state().now
    }
}

/// How long a request may take in paused time: that of `HyperTransport`.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long a request may take in real time, on a machine that is busy.
const REAL_DEADLINE: Duration = Duration::from_secs(30);
/// How long a request may take in real time that is not going to be answered.
const HASTE: Duration = Duration::from_millis(500);
/// More requests than any check makes.
const MOST_REQUESTS: usize = 8_000;
