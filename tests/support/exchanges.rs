//! The tables of `tests/exchanges`: what a push service is sent and what it answers, one table per
//! push service, one row per request or answer.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use sealpush::conformance::Scenario;
use sealpush::{Accepted, MessageId, Result};
use serde::Deserialize;
use serde_json::Value;

/// What one push service is sent and answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// The push resource of the rows that have none of their own (Web Push).
    #[serde(default)]
    pub(crate) endpoint: String,
    pub(crate) requests: BTreeMap<String, Value>,
    pub(crate) answers: BTreeMap<String, Answer>,
}

/// One answer and what it means.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) endpoint: Option<String>,
    /// The TTL that the message asked for.
    pub(crate) ttl: Option<u32>,
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) body: Value,
    pub(crate) means: Meaning,
}

/// A refusal has a kind, an acceptance has not.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meaning {
    pub(crate) kind: Option<String>,
    /// A part of the error's text.
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) doubtful: bool,
    /// In seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) message_id: Option<String>,
    pub(crate) ttl: Option<u32>,
    /// How many requests one send makes of it.
    #[serde(default = "one")]
    pub(crate) requests: usize,
}

fn one() -> usize {
    1
}

impl Table {
    /// A table by its name, such as `webpush/apple`. A name that stands twice in it is an error,
    /// so that no row hides another.
    pub(crate) fn load(name: &str) -> Self {
        let path = format!("{}/tests/exchanges/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the table is there");
        let table: Self = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let rows = text.lines().filter(|line| line.starts_with("    \"")).count();
        assert_eq!(rows, table.requests.len() + table.answers.len(), "{name}: a row hides another");
        table
    }

    /// The answers that mean what the conformance kit asks for, but for those that `fits` leaves
    /// out by name and content.
    pub(crate) fn answers(
        &self,
        scenario: Scenario,
        fits: impl Fn(&str, &Answer) -> bool,
    ) -> Vec<Response<Bytes>> {
        let rows = self.answers.iter();
        rows.filter(|(name, row)| row.shows(scenario) && fits(name, row))
            .map(|(_, row)| row.response())
            .collect()
    }
}

impl Answer {
    pub(crate) fn response(&self) -> Response<Bytes> {
        let body = match &self.body {
            Value::Null => Bytes::new(),
            Value::String(text) => text.clone().into(),
            json => json.to_string().into(),
        };
        let response = Response::builder().status(self.status);
        let headers = self.headers.iter();
        headers
            .fold(response, |response, (name, value)| response.header(name, value))
            .body(body)
            .expect("the table holds a valid response")
    }

    /// Compares what a provider made of the answer with what the table says it means.
    pub(crate) fn check(&self, name: &str, outcome: &Result<Accepted>, requests: usize) {
        let means = &self.means;
        match outcome {
            Ok(accepted) => {
                assert!(means.kind.is_none(), "{name}: {accepted:?}");
                let id = accepted.message_id.as_ref().map(MessageId::expose);
                assert_eq!(id, means.message_id.as_deref(), "{name}");
            }
            Err(error) => {
                let kind = format!("{:?}", error.kind());
                assert_eq!(Some(&kind), means.kind.as_ref(), "{name}: {error}");
                assert_eq!(error.status(), Some(self.status), "{name}");
                let seconds = error.retry_after().map(|delay| delay.as_secs());
                assert_eq!(seconds, means.retry_after, "{name}");
                assert_eq!(error.is_token_dead(), kind == "Expired", "{name}");
                assert_eq!(error.is_token_doubtful(), means.doubtful, "{name}");

                let text = error.to_string();
                if let Some(fact) = &means.message {
                    assert!(text.contains(fact), "{name}: {text}");
                }
                assert!(text.contains(&format!("answered {}: ", self.status)), "{name}: {text}");
                assert!(!text.ends_with('.') && !text.contains('\n'), "{name}: {text}");
                assert!(!format!("{text}{error:?}").contains("secret"), "{name}: {error:?}");
            }
        }
        assert_eq!(requests, means.requests, "{name}: requests");
    }

    fn shows(&self, scenario: Scenario) -> bool {
        let kind = self.means.kind.as_deref();
        match scenario {
            Scenario::Accepted => kind.is_none(),
            Scenario::AcceptedButRefused => {
                self.status < 300 && kind.is_some_and(|kind| kind != "UnexpectedResponse")
            }
            Scenario::Mismatch => kind == Some("TokenMismatch"),
            Scenario::MintRefused | Scenario::MintUnavailable => false,
            scenario => kind == Some(&format!("{scenario:?}")),
        }
    }
}
