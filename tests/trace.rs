//! `Trace` reports every call once, under fixed names, and nothing secret.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealpush::layers::{Retry, RetryPolicy, Trace};
use sealpush::{Client, Error, ErrorKind, Message, PushProvider, SealedMessage, Ttl, Urgency};
use support::scripted::{Answer, Scripted, token};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

fn sealed() -> SealedMessage {
    Message::new("a secret text")
        .with_ttl(Ttl::from_secs(60))
        .with_urgency(Urgency::High)
        .with_topic("secret-topic".parse().unwrap())
        .seal(token("a", 0).keys(), 4096)
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_accepted_message_is_one_span_and_two_events() {
    let log = Log::start();
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_millis(250)));
    let to = token("push.example.net", 1);
    Trace::new(provider).send(&to, &sealed()).await.unwrap();

    let records = log.records();
    assert_eq!(records.len(), 3, "{records:#?}");
    let fingerprint = to.fingerprint().to_string();
    for record in &records[..2] {
        assert_eq!((record.target, record.level), ("sealpush::push", Level::DEBUG));
        for (name, value) in [
            ("provider", "webpush"),
            ("token", &fingerprint),
            ("octets", "512"),
            ("ttl", "60"),
            ("urgency", "high"),
            ("topic", "true"),
        ] {
            assert_eq!(record.fields[name], value, "{name}");
        }
    }
    assert_eq!(records[0].name, "push");
    assert_eq!(records[0].fields.len(), 6);
    assert_eq!(records[1].fields["outcome"], "accepted");
    assert_eq!(records[1].fields["elapsed_ms"], "250.0");
    assert_eq!(records[1].fields.len(), 8);

    assert_eq!(records[2].target, "sealpush::metrics");
    let expected = [
        ("histogram.sealpush_push_ms", "250.0"),
        ("monotonic_counter.sealpush_pushes", "1"),
        ("outcome", "accepted"),
        ("provider", "webpush"),
    ];
    let fields: Vec<_> = records[2].fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn a_failure_has_its_kind_and_status_and_a_level_of_its_own() {
    let unknown = || Error::new(ErrorKind::Transport, "reset").with_unknown_outcome();
    let limited = || {
        Error::new(ErrorKind::RateLimited, "slow down")
            .with_status(429)
            .with_retry_after(Duration::from_secs(3))
    };
    let absurd = || Error::new(ErrorKind::RateLimited, "never").with_retry_after(Duration::MAX);
    let expired = || Error::new(ErrorKind::Expired, "gone").with_status(410);
    type Make = fn() -> Error;
    for (make, level, outcome, kind, status, retry_after) in [
        (unknown as Make, Level::WARN, "unknown", "transport", None, None),
        (limited as Make, Level::WARN, "refused", "rate_limited", Some("429"), Some("3000")),
        (
            absurd as Make,
            Level::WARN,
            "refused",
            "rate_limited",
            None,
            Some(&*u64::MAX.to_string()),
        ),
        (expired as Make, Level::INFO, "refused", "expired", Some("410"), None),
    ] {
        let log = Log::start();
        let provider = Scripted::new(move |_| Answer::error(make()));
        Trace::new(provider).send(&token("a", 1), &sealed()).await.unwrap_err();
        let record = &log.records()[1];
        let field = |name| record.fields.get(name).map(String::as_str);
        assert_eq!(record.level, level, "{kind}");
        assert_eq!(field("outcome"), Some(outcome));
        assert_eq!(field("kind"), Some(kind));
        assert_eq!(field("status"), status);
        assert_eq!(field("retry_after_ms"), retry_after);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_reported_as_dropped() {
    let log = Log::start();
    let trace = Trace::new(Scripted::new(|_| Answer::hang()));
    let (token, message) = (token("a", 1), sealed());
    let call = trace.send(&token, &message);
    tokio::time::timeout(Duration::from_secs(1), call).await.unwrap_err();
    let records = log.records();
    assert_eq!(records.len(), 3);
    assert_eq!(records[1].fields["outcome"], "dropped");
    assert_eq!(records[2].fields["outcome"], "dropped");
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_reported_with_its_number_and_delay() {
    let log = Log::start();
    let provider = Scripted::new(|attempt| match attempt.number {
        0 | 1 => Answer::error(Error::new(ErrorKind::Unavailable, "busy").with_status(503)),
        _ => Answer::accept(),
    });
    let retry = Retry::new(provider, RetryPolicy::default().with_seed(1));
    retry.send(&token("a", 1), &sealed()).await.unwrap();
    let records = log.records();
    assert_eq!(records.len(), 2);
    for (number, record) in records.iter().enumerate() {
        assert_eq!((record.target, record.level), ("sealpush::retry", Level::DEBUG));
        assert_eq!(record.fields["attempt"], (number + 1).to_string());
        assert_eq!(record.fields["kind"], "unavailable");
        assert_eq!(record.fields["status"], "503");
        record.fields["delay_ms"].parse::<u64>().unwrap();
    }
}

/// Around the retries, for one message and for many.
#[tokio::test(start_paused = true)]
async fn a_client_that_traces_reports_each_message_once() {
    let flaky = || {
        Scripted::new(|attempt| match attempt.number {
            0 => Answer::refuse(ErrorKind::Unavailable),
            _ => Answer::accept(),
        })
    };
    let build = |trace: bool| {
        let client = Client::builder().provider(flaky()).retry(RetryPolicy::default());
        if trace { client.trace() } else { client }.build().unwrap()
    };
    let (to, message) = (token("a", 1), Message::new("hello"));
    for many in [false, true] {
        for (trace, expected) in [(true, vec!["accepted"]), (false, vec![])] {
            let log = Log::start();
            let client = build(trace);
            if many {
                client.send_all([((), to.clone(), message.clone())]).summary().await;
            } else {
                client.send_encrypted(&to, &message).await.unwrap();
            }
            let records = log.records();
            let outcomes = records.iter().filter(|record| record.target == "sealpush::push");
            let outcomes: Vec<_> =
                outcomes.filter_map(|record| record.fields.get("outcome")).collect();
            assert_eq!(outcomes, expected, "{many} {trace}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_field_holds_a_secret() {
    let log = Log::start();
    // A careless provider puts the push resource into its error.
    let provider = Scripted::new(|attempt| {
        let url = attempt.token.expose("endpoint").unwrap().to_owned();
        Answer::error(Error::new(ErrorKind::Unavailable, url.clone()).with_source(url))
    });
    let policy = RetryPolicy::default().with_seed(1);
    let layers = Trace::new(Retry::new(Trace::new(provider), policy));
    let to = token("secret.example.net", 424_242);
    layers.send(&to, &sealed()).await.unwrap_err();
    let shown = format!("{:?}", log.records());
    assert!(log.records().len() > 20);
    for secret in ["secret", "424242", "example", "BCVxsr", "BTBZMq", "secret-topic"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

/// Keeps what this thread reports while it lives.
struct Log {
    records: Arc<Mutex<Vec<Reported>>>,
    _guard: DefaultGuard,
}

impl Log {
    fn start() -> Self {
        let records = Arc::<Mutex<Vec<Reported>>>::default();
        let guard = tracing::subscriber::set_default(Collector(Arc::clone(&records)));
        Self { records, _guard: guard }
    }

    /// What this crate reported, oldest first.
    fn records(&self) -> Vec<Reported> {
        self.records.lock().unwrap().clone()
    }
}

#[derive(Clone, Debug)]
struct Reported {
    name: &'static str,
    target: &'static str,
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

struct Collector(Arc<Mutex<Vec<Reported>>>);

impl Collector {
    fn keep(&self, metadata: &Metadata<'static>, fields: Fields) {
        self.0.lock().unwrap().push(Reported {
            name: metadata.name(),
            target: metadata.target(),
            level: *metadata.level(),
            fields: fields.0,
        });
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("sealpush")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        self.keep(span.metadata(), fields);
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        fields.0.remove("message");
        self.keep(event.metadata(), fields);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}
