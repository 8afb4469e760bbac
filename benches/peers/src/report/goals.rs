//! What sealpush wants to be, in ratios, so that they hold on any machine.

use std::fmt;

use serde::Serialize;

use super::Report;
use crate::sides::Side;
use crate::task::Task;

/// Every goal whose sides ran, with what was measured.
#[derive(Serialize)]
pub struct Goals(Vec<Goal>);

#[derive(Serialize)]
struct Goal {
    what: String,
    measured: f64,
    /// The measured ratio must be at least this, or at most.
    limit: f64,
    at_least: bool,
    met: bool,
}

impl Goals {
    pub(super) fn of(report: &Report) -> Self {
        let mut goals = Vec::new();
        let cpu = |task, side| report.median(task, side, |cost| cost.cpu);
        let rate = |task, side| report.median(task, side, |cost| cost.rate);
        let peak = |task, side| report.median(task, side, |cost| cost.peak);

        for (task, side, times) in CHEAPER {
            let ratio =
                cpu(task, side).zip(cpu(task, Side::Sealpush)).map(|(peer, ours)| peer / ours);
            let what = format!("{}, CPU of {} over ours", task.name(), side.name());
            goals.extend(ratio.map(|ratio| Goal::at_least(what, ratio, times)));
        }
        for (side, times) in FASTER {
            let task = Task::Send20;
            let ratio =
                rate(task, Side::Sealpush).zip(rate(task, side)).map(|(ours, peer)| ours / peer);
            let what = format!("{}, our messages/s over {}", task.name(), side.name());
            goals.extend(ratio.map(|ratio| Goal::at_least(what, ratio, times)));
        }
        for (side, share) in SMALLER {
            let task = Task::Memory;
            let ratio =
                peak(task, Side::Sealpush).zip(peak(task, side)).map(|(ours, peer)| ours / peer);
            let what = format!("{}, our peak over {}", task.name(), side.name());
            goals.extend(ratio.map(|ratio| Goal::at_most(what, ratio, share)));
        }
        let floor = cpu(Task::Send, Side::Sealpush)
            .zip(cpu(Task::Send, Side::Floor))
            .map(|(ours, floor)| ours / floor);
        let what = "send, our CPU over (sealing + h2)".to_owned();
        goals.extend(floor.map(|ratio| Goal::at_most(what, ratio, 1.20)));
        let lost = report.median(Task::Errors, Side::Sealpush, |cost| cost.failed as f64);
        let what = "send with errors, messages without success".to_owned();
        goals.extend(lost.map(|lost| Goal::at_most(what, lost, 0.0)));
        Self(goals)
    }

    pub fn all_met(&self) -> bool {
        self.0.iter().all(|goal| goal.met)
    }
}

impl Goal {
    fn at_least(what: String, measured: f64, limit: f64) -> Self {
        Self { what, measured, limit, at_least: true, met: measured >= limit }
    }

    fn at_most(what: String, measured: f64, limit: f64) -> Self {
        Self { what, measured, limit, at_least: false, met: measured <= limit }
    }
}

impl fmt::Display for Goals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<64} {:>9} {:>9}", "goal", "measured", "limit")?;
        for goal in &self.0 {
            let sign = if goal.at_least { "≥" } else { "≤" };
            let verdict = if goal.met { "met" } else { "MISSED" };
            let Goal { what, measured, limit, .. } = goal;
            writeln!(f, "{what:<64} {measured:>9.2} {sign}{limit:>8.2} {verdict}")?;
        }
        Ok(())
    }
}

/// CPU time: how many times ours each peer needs at least.
const CHEAPER: [(Task, Side, f64); 14] = [
    (Task::Seal, Side::Ece, 2.8),
    (Task::Seal, Side::WebPushIsahc, 2.8),
    (Task::Seal, Side::WebPushNative, 4.0),
    (Task::Seal, Side::Node, 3.0),
    (Task::Seal, Side::Python, 2.2),
    (Task::Request, Side::WebPushIsahc, 7.5),
    (Task::Request, Side::WebPushNative, 6.7),
    (Task::Request, Side::Node, 11.0),
    (Task::Request, Side::Python, 3.1),
    (Task::Open, Side::Ece, 4.2),
    (Task::Open, Side::WebPushNative, 4.8),
    (Task::Send, Side::WebPushIsahc, 7.0),
    (Task::Send, Side::WebPushHyper, 6.0),
    (Task::Send, Side::Node, 12.0),
];

/// Messages a second at 20 ms, 256 in flight: how many times theirs.
const FASTER: [(Side, f64); 4] = [
    (Side::WebPushIsahc, 5.0),
    (Side::WebPushHyper, 5.0),
    (Side::Node, 9.0),
    (Side::PythonAiohttp, 5.0),
];

/// Peak memory at 100,000 messages: which share of theirs.
const SMALLER: [(Side, f64); 2] = [(Side::WebPushIsahc, 0.55), (Side::Node, 0.2)];
