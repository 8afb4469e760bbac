//! Everything that a provider writes to `tracing` and `log`, as text.

use std::fmt;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What was traced during one check, down to the level `TRACE`.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Inner>);

struct Inner {
    text: Mutex<String>,
    next: AtomicU64,
}

impl Trace {
    /// What was traced since it was asked last.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut self.0.text.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hears what every thread of this process traces and logs, unless the program hears it itself.
    pub(crate) fn of_all_threads(self) -> Self {
        // Who was first prints it, and what is printed is read too.
        let _ = tracing::subscriber::set_global_default(self.clone());
        if log::set_boxed_logger(Box::new(self.clone())).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
        self
    }

    fn write(&self, record: impl FnOnce(&mut Fields)) {
        // A field's `Debug` may itself trace: the text is not locked while it is asked.
        let mut fields = Fields(String::new());
        record(&mut fields);
        let mut text = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&fields.0);
        text.push('\n');
    }
}

impl Default for Trace {
    fn default() -> Self {
        // A span has no number zero.
        Self(Arc::new(Inner { text: Mutex::default(), next: AtomicU64::new(1) }))
    }
}

/// Spans are not told apart, and need no registry: what they hold counts, not what they enclose.
impl Subscriber for Trace {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.write(|fields| {
            fields.0.push_str(span.metadata().name());
            span.record(fields);
        });
        Id::from_u64(self.0.next.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.write(|fields| values.record(fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.write(|fields| event.record(fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl log::Log for Trace {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.write(|fields| {
            let _ = write!(fields.0, "{}: {}", record.target(), record.args());
        });
    }

    fn flush(&self) {}
}

struct Fields(String);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Not quoted: a quote or a backslash in front of a character would hide a secret.
        let _ = write!(self.0, " {}={value}", field.name());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_their_fields_and_events_are_heard() {
        let trace = Trace::default();
        tracing::subscriber::with_default(trace.clone(), || {
            let span =
                tracing::trace_span!("sending", to = "somebody", status = tracing::field::Empty);
            let _inside = span.enter();
            span.record("status", 201);
            tracing::debug!(key = "a \"quoted\" one", "sent");
            log::Log::log(&trace, &log::Record::builder().args(format_args!("and logged")).build());
        });
        let heard = trace.take();
        for part in ["sending to=somebody", "status=201", "key=a \"quoted\" one", "and logged"] {
            assert!(heard.contains(part), "{part} in {heard}");
        }
        assert_eq!(trace.take(), "");
    }
}
