//! What the author of a provider tells the kit about it.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};

use super::again::this_program;
use super::scenario::{Failure, Scenario};
use super::secret::Secret;
use super::vendor::Vendor;
use super::wire::Wire;
use crate::{PushProvider, Token, Ttl, Urgency, UserAgentKeys};

/// Makes the provider under test and explains its push service to the kit.
///
/// Four methods are needed. Of the others, the first say what the push service is like, and their
/// defaults skip the checks that do not apply. The last, from [`refusal`](Self::refusal) on, decode
/// a request for the kit: without them it looks for what was asked in the forms that it knows, and
/// with them it knows for certain. [`amend`](super::amend) replaces one method of a harness and
/// keeps the rest.
///
/// The kit plays the push service: see [`Vendor`].
pub trait Harness: Send + Sync + 'static {
    /// A fresh provider that speaks to `vendor`, with test credentials.
    ///
    /// It must share nothing with the ones made before, or one check would disturb another.
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider>;

    /// A good token of this provider for a user agent.
    ///
    /// `name` is 16 to 32 of `a-z`, `0-9`; different names must give different addresses, and the
    /// address is searched for in everything that the provider shows.
    fn token(&self, vendor: &Vendor, name: &str, keys: UserAgentKeys) -> Token;

    /// How the push service says it: every form that its documentation knows. An empty list when
    /// it has no such answer, but for [`Scenario::Accepted`], which needs one.
    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>>;

    /// The sealed octets that a request carries, decoded from the form in which they travel;
    /// `None` where there are none.
    fn body(&self, request: &Request<Bytes>) -> Option<Bytes>;

    /// How the provider reaches its push service.
    fn wire(&self) -> Wire {
        Wire::Transport
    }

    /// The statuses by which alone, whatever the body, the push service says that the subscription
    /// is gone: 404 and 410 for Web Push (RFC 8030 §7.3). Default: none.
    fn dead_statuses(&self) -> &[u16] {
        &[]
    }

    /// What the provider proves itself with. Default: nothing.
    fn credentials(&self) -> Credentials {
        Credentials::Absent
    }

    /// The credential that a request carries. Default: the field `Authorization`.
    fn credential(&self, request: &Request<Bytes>) -> Option<Bytes> {
        request.headers().get(AUTHORIZATION).map(|value| Bytes::copy_from_slice(value.as_bytes()))
    }

    /// Whether the push service would take a credential: its audience and expiry, where it has
    /// them. Default: yes.
    fn takes(&self, vendor: &Vendor, credential: &[u8]) -> bool {
        let _ = (vendor, credential);
        true
    }

    /// Answers a request for a credential, such as one to an OAuth token endpoint; `None` for
    /// every other request. `nth` counts from zero, and every answer must hold another credential.
    fn mint(&self, request: &Request<Bytes>, nth: usize) -> Option<Response<Bytes>> {
        let _ = (request, nth);
        None
    }

    /// The secrets of the provider's settings: keys, passwords, credentials. What the kit can see
    /// for itself (token, user agent's keys, payload, credential in the request) is added.
    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }

    /// Tokens whose address cannot be one of this push service, beside those that the kit makes
    /// out of a good one.
    fn malformed(&self, vendor: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        let _ = (vendor, keys);
        Vec::new()
    }

    /// Whether the provider looks into a token's address at all. Default: yes.
    fn checks_addresses(&self) -> bool {
        true
    }

    /// The key by which the push service recognizes a repeated request. Needed by a provider that
    /// claims [`Capabilities::idempotent`](crate::Capabilities::idempotent).
    fn idempotency_key(&self, request: &Request<Bytes>) -> Option<String> {
        let _ = request;
        None
    }

    /// Whether a layer around the provider repeats attempts, as [`behind`](super::behind) sets it.
    /// The promises about one attempt are skipped then.
    fn repeats(&self) -> bool {
        false
    }

    /// The origin of the push service, for a provider that knows its push services by their hosts
    /// and is reached over [`Wire::Transport`]. Nothing is ever sent to it. Default: one that no
    /// provider knows, with a port that is not the default one, so that a provider that loses the
    /// port is found out.
    fn origin(&self) -> &str {
        ORIGIN
    }

    /// Whether the provider waits for threads of its own, as one that signs in a thread does.
    ///
    /// Checks run in paused time, which passes in leaps while nothing is left to do; a thread that
    /// tokio does not know is not seen to be at work, and the wait for it ends in a timeout. With
    /// `true` the checks run in real time, and take some seconds more. Default: no.
    fn real_time(&self) -> bool {
        false
    }

    /// How old a credential must be before the push service lets it be replaced: 20 minutes for
    /// Apple's. A younger one that is refused is not renewed. Default: zero.
    fn least_age(&self) -> Duration {
        Duration::ZERO
    }

    /// Makes the next send end in a failure, for a provider that speaks no HTTP: of the provider
    /// made last. `false` when it cannot be brought about. Default: never.
    fn provoke(&self, vendor: &Vendor, failure: Failure) -> bool {
        let _ = (vendor, failure);
        false
    }

    /// Why the push service would refuse a request; `None` when it would take it. Asked about every
    /// request of every check but those with addresses that the kit made up: be as strict as the
    /// push service's documentation. Default: it takes everything.
    fn refusal(&self, vendor: &Vendor, request: &Request<Bytes>) -> Option<String> {
        let _ = (vendor, request);
        None
    }

    /// Whether a request reaches the user agent of a token. Default: `None`, and the kit looks for
    /// the texts of the token's address in the request.
    fn reaches(&self, vendor: &Vendor, request: &Request<Bytes>, token: &Token) -> Option<bool> {
        let _ = (vendor, request, token);
        None
    }

    /// How long the push service keeps the message of a request. A time of expiry is counted from
    /// [`Vendor::clock`]. Default: `None`, and the kit looks for the number.
    fn ttl(&self, vendor: &Vendor, request: &Request<Bytes>) -> Option<Ttl> {
        let _ = (vendor, request);
        None
    }

    /// How urgent the message of a request is; of several urgencies that look the same, the one
    /// that the push service means. Default: `None`, and the kit compares requests.
    fn urgency(&self, request: &Request<Bytes>) -> Option<Urgency> {
        let _ = request;
        None
    }

    /// The urgencies that the push service tells apart. Each of them must arrive as itself; what a
    /// provider makes of the others is only asked to be in order. Default: not known.
    fn urgencies(&self) -> &[Urgency] {
        &[]
    }

    /// What a request names its message so that a later one replaces it. Default: `None`, and the
    /// kit compares requests.
    fn topic(&self, request: &Request<Bytes>) -> Option<String> {
        let _ = request;
        None
    }

    /// How an answer names the message that was taken. Default: `None`, and the kit looks for the
    /// provider's name for it in the answer.
    fn message_id(&self, response: &Response<Bytes>) -> Option<String> {
        let _ = response;
        None
    }

    /// The requests of one message each that a request with several messages stands for. Every
    /// other method is asked about these. Default: the request is one.
    fn unpack(&self, request: &Request<Bytes>) -> Vec<Request<Bytes>> {
        vec![request.clone()]
    }

    /// The one answer to a request with several messages, made of an answer to each. Default:
    /// `None`, and the checks that need it are skipped.
    fn pack(&self, answers: Vec<Response<Bytes>>) -> Option<Response<Bytes>> {
        let _ = answers;
        None
    }

    /// How long one check may take on the clock on the wall, before the provider is given up as one
    /// that does not stop; checks over real HTTP take ten seconds more. A run gives up as long, all
    /// such checks together. Default: 40 seconds.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// How to start this program again, so that it comes to the same call of the kit.
    ///
    /// Some promises need a process of their own: what is printed and logged by it, and what it
    /// makes of its environment, is not to be told apart from that of others here. There it carries
    /// out one check and ends; what it did before the call it does again. `None` skips them.
    /// Default: [`this_program`].
    fn again(&self) -> Option<Command> {
        this_program()
    }

    /// The sealed octets that arrived, oldest first. Only a provider without a wire
    /// ([`Wire::None`]) needs its own.
    fn arrived(&self, vendor: &Vendor) -> Vec<Bytes> {
        let requests = vendor.requests();
        let single = requests.iter().flat_map(|request| self.unpack(request));
        single.filter_map(|request| self.body(&request)).collect()
    }
}

/// What a provider proves itself with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Credentials {
    /// Nothing.
    Absent,
    /// One that the provider makes or fetches, uses for a while, and renews.
    Renewed {
        /// How long one may be used, at most. The kit moves [`Vendor::clock`] past it.
        lifetime: Duration,
    },
    /// One that the provider was given and cannot renew.
    Static,
}

const PATIENCE: Duration = Duration::from_secs(40);
/// A name that an endpoint guard takes for public.
const ORIGIN: &str = "https://push.example.net:8443";
