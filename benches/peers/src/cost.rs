//! What a piece of work cost a process.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// What one side spent on one task.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cost {
    /// CPU time of the process, user and system, for each message, in microseconds.
    pub cpu: f64,
    /// Messages a second.
    pub rate: f64,
    /// Most memory that the process held, in MiB.
    pub peak: f64,
    /// Messages that the push service accepted.
    pub accepted: usize,
    /// Messages that ended otherwise.
    pub failed: usize,
}

/// Measures from its making on.
pub struct Meter {
    started: Instant,
    cpu: Duration,
}

impl Meter {
    pub fn start() -> Self {
        Self { started: Instant::now(), cpu: process_cpu() }
    }

    /// The cost of so many messages.
    pub fn stop(&self, accepted: usize, failed: usize) -> Cost {
        let messages = (accepted + failed) as f64;
        let cpu = process_cpu() - self.cpu;
        Cost {
            cpu: cpu.as_secs_f64() * 1e6 / messages,
            rate: messages / self.started.elapsed().as_secs_f64(),
            peak: usage().max_rss() as f64 / 1024.0,
            accepted,
            failed,
        }
    }
}

fn process_cpu() -> Duration {
    let usage = usage();
    let microseconds = |time: nix::sys::time::TimeVal| {
        Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()) as u64)
    };
    microseconds(usage.user_time()) + microseconds(usage.system_time())
}

fn usage() -> nix::sys::resource::Usage {
    getrusage(UsageWho::RUSAGE_SELF).expect("a process may ask about itself")
}
