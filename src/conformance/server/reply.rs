//! The body of an answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

/// A body that is whole, or has no end.
pub(super) enum Reply {
    /// Ends all the same when it is clear that the client has no limit.
    Endless {
        left: usize,
        overread: Box<dyn Fn() + Send>,
    },
    Whole(Option<Bytes>),
}

impl Reply {
    /// Without end; `overread` is told when it is clear that the client has no limit.
    pub(super) fn endless(overread: Box<dyn Fn() + Send>) -> Self {
        Self::Endless { left: ENOUGH, overread }
    }

    pub(super) fn whole(body: Bytes) -> Self {
        Self::Whole(Some(body).filter(|body| !body.is_empty()))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const PIECE: &[u8] = &[b'a'; 16 * 1024];
        let piece = match self.get_mut() {
            Self::Endless { left: 0, overread } => {
                overread();
                None
            }
            Self::Endless { left, .. } => {
                *left = left.saturating_sub(PIECE.len());
                Some(Bytes::from_static(PIECE))
            }
            Self::Whole(body) => body.take(),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Endless { .. } => hyper::body::SizeHint::default(),
            Self::Whole(body) => hyper::body::SizeHint::with_exact(
                body.as_ref().map_or(0, Bytes::len).try_into().unwrap_or(u64::MAX),
            ),
        }
    }
}

/// More than the buffers of a connection hold, so that what was sent was read, in octets.
const ENOUGH: usize = 32 * 1024 * 1024;
