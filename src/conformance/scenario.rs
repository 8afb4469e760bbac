//! What can become of a message at the push service.

/// What a push service can say.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scenario {
    /// The message was taken.
    Accepted,
    /// The message was not taken, although the status is 2xx.
    AcceptedButRefused,
    /// The subscription is gone, beyond doubt.
    Expired,
    /// Our credential is good, but may not do this, and a new one could not either.
    Forbidden,
    /// The subscription belongs to another sender or key.
    Mismatch,
    /// The request for a credential was refused for good.
    MintRefused,
    /// The request for a credential failed for the moment.
    MintUnavailable,
    /// The message is too large.
    PayloadTooLarge,
    /// Too many requests.
    RateLimited,
    /// This message is refused for another reason.
    Rejected,
    /// The credential was refused, and a new one may help.
    Unauthorized,
    /// The push service has trouble.
    Unavailable,
}

impl Scenario {
    /// All of them, by name.
    pub const ALL: &[Self] = &[
        Self::Accepted,
        Self::AcceptedButRefused,
        Self::Expired,
        Self::Forbidden,
        Self::Mismatch,
        Self::MintRefused,
        Self::MintUnavailable,
        Self::PayloadTooLarge,
        Self::RateLimited,
        Self::Rejected,
        Self::Unauthorized,
        Self::Unavailable,
    ];

    /// What a push service can say to a message that it does not take, but for some of it.
    pub(crate) fn refusals_but(but: &[Self]) -> impl Iterator<Item = Self> {
        let refusals = Self::ALL.iter().copied().filter(|scenario| {
            !matches!(scenario, Self::Accepted | Self::MintRefused | Self::MintUnavailable)
        });
        refusals.filter(move |scenario| !but.contains(scenario))
    }

    /// The same, but for what leads to a second request or is about the credential.
    pub(crate) fn plain_refusals() -> impl Iterator<Item = Self> {
        Self::refusals_but(&[Self::Forbidden, Self::Unauthorized])
    }
}

/// How a send can fail, for a provider without HTTP; see
/// [`Harness::provoke`](super::Harness::provoke).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The connection breaks after the message went out.
    Breaks,
    /// The message went out, and nothing comes back until the provider gives up.
    Hangs,
    /// There is no connection: nothing went out.
    Refuses,
    /// The push service says so.
    Says(Scenario),
}
