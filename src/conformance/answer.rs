//! What the push service that the kit plays does with a request.

use std::time::Duration;

use bytes::Bytes;
use http::Response;

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The endpoint guard refuses it; [`Wire::Transport`](super::Wire::Transport) only.
    Block,
    /// It arrives, and this comes back, with a body that does not end.
    Endless(Response<()>),
    /// It arrives, and nothing ever comes back.
    Hang,
    /// It arrives, and this comes back after a while; [`Wire::Transport`](super::Wire::Transport) only.
    Late(Duration, Response<Bytes>),
    /// The connection is refused: it does not arrive.
    Refuse,
    /// It arrives, and this comes back.
    Reply(Response<Bytes>),
    /// It arrives, and the connection breaks before an answer.
    Reset,
}
