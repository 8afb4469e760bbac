//! What the relay did, as counters that name nobody.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sealpush::Accepted;
use sealpush::contact::Answer;

/// Counters since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    answers: [AtomicU64; ANSWERS.len()],
    challenges: [AtomicU64; 2],
    forwarded: [AtomicU64; 2],
    pushes: [AtomicU64; 2],
    push_microseconds: AtomicU64,
    floods: AtomicU64,
}

impl Metrics {
    pub(crate) fn message(&self, answer: Answer) {
        let place = match answer {
            Answer::Accepted => 0,
            Answer::Gone => 1,
            Answer::Kept => 2,
            Answer::SlowDown(_) => 3,
            Answer::TooLarge => 4,
        };
        add(&self.answers[place], 1);
    }

    pub(crate) fn challenge(&self, outcome: &sealpush::Result<Accepted>) {
        add(&self.challenges[usize::from(outcome.is_ok())], 1);
    }

    pub(crate) fn forwarded(&self, answered: bool) {
        add(&self.forwarded[usize::from(answered)], 1);
    }

    pub(crate) fn push(&self, outcome: &sealpush::Result<Accepted>, took: Duration) {
        add(&self.pushes[usize::from(outcome.is_ok())], 1);
        add(&self.push_microseconds, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn flood(&self) {
        add(&self.floods, 1);
    }

    /// The text format of Prometheus, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, label: &str, rows: &mut dyn Iterator<Item = (&str, u64)>| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "# TYPE messenger_{name} counter");
            for (value, count) in rows {
                let _ = writeln!(text, "messenger_{name}{{{label}=\"{value}\"}} {count}");
            }
        };
        let answers = self.answers.iter().map(get);
        family("messages_total", "answer", &mut ANSWERS.into_iter().zip(answers));
        for (name, counters) in [
            ("challenges_total", &self.challenges),
            ("forwarded_total", &self.forwarded),
            ("pushes_total", &self.pushes),
        ] {
            family(name, "ok", &mut ["false", "true"].into_iter().zip(counters.iter().map(get)));
        }
        let seconds = get(&self.push_microseconds) as f64 / 1e6;
        let floods = get(&self.floods);
        let _ = writeln!(
            text,
            "# TYPE messenger_push_seconds_total counter\n\
             messenger_push_seconds_total {seconds}\n\
             # TYPE messenger_floods_refused_total counter\n\
             messenger_floods_refused_total {floods}"
        );
        text
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

const ANSWERS: [&str; 5] = ["accepted", "gone", "kept", "slow_down", "too_large"];
