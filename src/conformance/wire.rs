//! How a provider reaches the push service that the kit plays.

/// How a provider reaches its push service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Wire {
    /// With an HTTP client of its own, over the loopback interface: it must send to
    /// [`Vendor::url`](super::Vendor::url) and give up after [`Vendor::deadline`](super::Vendor::deadline). Checks run in real time.
    Loopback,
    /// Not at all: it speaks no HTTP. The checks that need an answer are skipped.
    None,
    /// Through [`Vendor::transport`](super::Vendor::transport). Checks run in paused time and can lose, hold and refuse every
    /// request exactly.
    Transport,
}
