//! How a provider reaches the push service that the kit plays.

/// How a provider reaches its push service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Wire {
    /// With an HTTP client of its own, over the loopback interface, in clear: HTTP/1.1, or HTTP/2
    /// with prior knowledge (RFC 9113 §3.3). It must send to
    /// [`Vendor::url`](super::Vendor::url) and give up after [`Vendor::deadline`](super::Vendor::deadline). Checks run in real time.
    Loopback,
    /// Not at all: it speaks no HTTP. The checks that need an answer are skipped.
    None,
    /// As [`Loopback`](Self::Loopback), over TLS: it must trust
    /// [`Vendor::root_certificate_pem`](super::Vendor::root_certificate_pem). Needs the feature
    /// `conformance-tls`.
    Tls,
    /// Through [`Vendor::transport`](super::Vendor::transport). Checks run in paused time and can lose, hold and refuse every
    /// request exactly.
    Transport,
}
