//! What is measured, and how much of it.

use std::io::stdin;

use serde::{Deserialize, Serialize};

use crate::push_service::Place;
use crate::sides::Side;

/// One kind of work.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Task {
    /// Seals a text of 256 octets.
    Seal,
    /// Makes the whole request with its VAPID header, and sends nothing.
    Request,
    /// Opens a sealed body.
    Open,
    /// Sends over TLS to a push service that answers at once.
    Send,
    /// The same, answered after 20 ms.
    Send20,
    /// The same, answered after 250 ms.
    Send250,
    /// The same with refusals: 1 % 429, 1 % 503, 0.5 % resets and a GOAWAY now and then.
    Errors,
    /// 100,000 messages, for the memory.
    Memory,
}

impl Task {
    pub const ALL: [Self; 8] = [
        Self::Seal,
        Self::Request,
        Self::Open,
        Self::Send,
        Self::Send20,
        Self::Send250,
        Self::Errors,
        Self::Memory,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Request => "request",
            Self::Open => "open",
            Self::Send => "send",
            Self::Send20 => "send at 20 ms",
            Self::Send250 => "send at 250 ms",
            Self::Errors => "send with errors",
            Self::Memory => "memory at 100k",
        }
    }

    /// The sides that can do it.
    pub fn sides(self, ready: &[Side]) -> Vec<Side> {
        ready.iter().copied().filter(|side| side.can(self)).collect()
    }

    fn count(self, side: Side) -> usize {
        let quick = if side.is_slow() { 0.2 } else { 1.0 };
        let count = match self {
            Self::Seal | Self::Request | Self::Open => 5_000.0,
            Self::Send | Self::Send20 | Self::Errors => 10_000.0,
            Self::Send250 => 4_000.0,
            Self::Memory => return 100_000,
        };
        (count * quick) as usize
    }
}

/// What a side is told: everything it needs, and nothing that differs between sides.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Work {
    pub task: Task,
    /// Messages that are measured.
    pub count: usize,
    /// Messages before, unmeasured: connections open and caches fill.
    pub warm_up: usize,
    pub in_flight: usize,
    /// The text, the same octet again and again.
    pub text: String,
    pub place: Place,
    /// The push resource for this task.
    pub endpoint: String,
    /// A sealed body in base64url, for `open`.
    pub body: String,
}

impl Work {
    /// A task for one side; `scale` is a factor on the number of messages.
    pub fn new(task: Task, side: Side, place: &Place, scale: f64) -> Self {
        let (count, in_flight) = (((task.count(side) as f64 * scale) as usize).max(100), 256);
        Self {
            task,
            count,
            warm_up: (count / 10).max(2 * in_flight),
            in_flight,
            text: "x".repeat(256),
            endpoint: place.endpoint(task),
            body: place.sealed.clone(),
            place: place.clone(),
        }
    }

    pub fn from_stdin() -> Self {
        serde_json::from_reader(stdin()).expect("the parent writes a task")
    }
}
