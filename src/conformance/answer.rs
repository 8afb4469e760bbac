//! What the push service that the kit plays does with a request.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Response;

use super::scenario::Failure;

/// What happens to one request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// The endpoint guard refuses it; [`Wire::Transport`](super::Wire::Transport) only.
    Block,
    /// It arrives, and this comes back, with a body that does not end.
    Endless(Response<()>),
    /// It arrives, and nothing ever comes back.
    Hang,
    /// It arrives, and this comes back after a while; [`Wire::Transport`](super::Wire::Transport) only.
    Late(Duration, Response<Bytes>),
    /// There is no request to answer: the harness brings it about.
    Provoke(Failure),
    /// The connection is refused: it does not arrive.
    Refuse,
    /// It arrives, and this comes back.
    Reply(Response<Bytes>),
    /// It arrives, and the connection breaks before an answer.
    Reset,
    /// Nothing comes back, and no deadline passes: the check is over.
    Silence,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => f.write_str("the guard's refusal"),
            Self::Endless(response) => write!(f, "{} without end", response.status().as_u16()),
            Self::Hang | Self::Silence => f.write_str("nothing"),
            Self::Late(delay, response) => {
                write!(f, "{} after {delay:?}", response.status().as_u16())
            }
            Self::Provoke(failure) => write!(f, "{failure:?}"),
            Self::Refuse => f.write_str("a refused connection"),
            Self::Reply(response) => {
                let status = response.status().as_u16();
                write!(f, "{status} with {} octets", response.body().len())
            }
            Self::Reset => f.write_str("a broken connection"),
        }
    }
}
