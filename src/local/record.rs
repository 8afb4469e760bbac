//! What arrived, for those who look at it afterwards.

use std::collections::VecDeque;
use std::fmt;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::paths::PathKind;

/// A request that a [`PushService`](super::PushService) received.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where the path leads. The path itself is a capability and is not kept.
    pub kind: PathKind,
    /// All header fields, with the sender's credentials.
    pub headers: HeaderMap,
    /// Octets of the body that were read.
    pub body_len: usize,
    /// The status answered; `None` while there is none, or when the request was cut off.
    pub status: Option<StatusCode>,
}

impl Request {
    pub(super) fn new(head: &Parts, kind: PathKind) -> Self {
        Self {
            method: head.method.clone(),
            kind,
            headers: copy(&head.headers),
            body_len: 0,
            status: None,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("kind", &self.kind)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_len", &self.body_len)
            .field("status", &self.status)
            .finish()
    }
}

/// The latest requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// How many were dropped from the front.
    dropped: u64,
    requests: VecDeque<Request>,
    /// Of the requests together.
    octets: usize,
}

impl Record {
    /// Keeps a request, and answers by which number it is found.
    pub(super) fn push(&mut self, request: Request) -> u64 {
        self.octets += octets(&request.headers);
        self.requests.push_back(request);
        while self.requests.len() > MAX_RECORDED || self.octets > MAX_OCTETS {
            let Some(oldest) = self.requests.pop_front() else { break };
            self.octets -= octets(&oldest.headers);
            self.dropped += 1;
        }
        self.dropped + self.requests.len() as u64 - 1
    }

    pub(super) fn get_mut(&mut self, entry: u64) -> Option<&mut Request> {
        let index = entry.checked_sub(self.dropped)?;
        self.requests.get_mut(usize::try_from(index).ok()?)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.iter().cloned().collect()
    }
}

/// How many octets of memory header fields take, with what the map needs for each.
pub(super) fn octets(headers: &HeaderMap) -> usize {
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    fields.map(|octets| octets + OCTETS_OF_A_FIELD).sum::<usize>() + OCTETS_OF_A_REQUEST
}

/// Fields that share no memory with the buffer that the whole head was read into.
fn copy(headers: &HeaderMap) -> HeaderMap {
    let fields = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut copied = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in fields {
        copied.append(name, value);
    }
    copied
}

/// Most requests, and most acknowledgements, that are remembered; the oldest go first.
pub(super) const MAX_RECORDED: usize = 10_000;
/// Most octets that the remembered requests take in memory: 6 MiB.
const MAX_OCTETS: usize = 6 * 1024 * 1024;
/// A bucket of `HeaderMap` with its share of spare room, and the ends of two allocations.
const OCTETS_OF_A_FIELD: usize = 200;
const OCTETS_OF_A_REQUEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(octets: usize) -> Request {
        let mut head = http::Request::new(()).into_parts().0;
        let value = HeaderValue::from_bytes(&vec![b'x'; octets]).unwrap();
        head.headers.insert("x-large", value);
        Request::new(&head, PathKind::Unknown)
    }

    #[test]
    fn the_oldest_requests_make_room_in_number_and_in_octets() {
        let mut record = Record::default();
        for _ in 0..=MAX_RECORDED {
            record.push(request(1));
        }
        assert_eq!((record.requests.len(), record.dropped), (MAX_RECORDED, 1));
        for _ in 0..2_000 {
            let entry = record.push(request(16 * 1024));
            record.get_mut(entry).unwrap().body_len = 7;
        }
        assert!(record.octets <= MAX_OCTETS && record.octets > MAX_OCTETS / 2);
        assert!(record.requests.len() < 390, "{}", record.requests.len());
        assert!(record.requests().iter().all(|request| request.body_len == 7));
        assert!(record.get_mut(0).is_none());
        let kept: usize = record.requests().iter().map(|request| octets(&request.headers)).sum();
        assert_eq!(kept, record.octets);
    }
}
