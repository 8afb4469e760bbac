//! `send`: one sealed message to one token, over Web Push.

use clap::Args;
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::{Accepted, EndpointGuard, Error, Message, Padding, PushProviderExt, Token};
use serde_json::json;

use crate::{Failure, parse_padding, print, read_token};

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The message; none sends a push without a body
    #[arg(default_value = "")]
    message: String,
    /// Seconds that the push service keeps the message for an absent user agent; 0 is now or never
    /// [default: 28 days]
    #[arg(long, env = "PUSH_TTL", value_name = "SECONDS")]
    ttl: Option<String>,
    /// very-low, low, normal or high [default: normal]
    #[arg(long, env = "PUSH_URGENCY")]
    urgency: Option<String>,
    /// Replaces a stored message with the same topic; 1 to 32 of A-Z a-z 0-9 - _
    #[arg(long, env = "PUSH_TOPIC")]
    topic: Option<String>,
    /// How to hide the size: none, buckets, or the length of the body in octets
    #[arg(long, default_value = "buckets", value_parser = parse_padding)]
    padding: Padding,
    /// The application server's private key: base64url of 32 octets. Empty sends without VAPID.
    /// Prefer the environment; arguments can be seen by other users of the machine
    #[arg(long, env = "VAPID_PRIVATE_KEY", hide_env_values = true, value_name = "KEY")]
    vapid_private_key: Option<String>,
    /// Where the push service can reach you: mailto:... or https://...
    #[arg(long, env = "VAPID_SUBJECT", value_name = "URI")]
    vapid_subject: Option<String>,
    /// Also send to this host although it is not public: HOST, HOST:PORT or http://HOST:PORT
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// Also send to loopback addresses, over plain HTTP too, as for `sealpush serve`
    #[arg(long)]
    allow_loopback: bool,
    /// Print the outcome as one JSON object, with the message resource, which is a capability
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
The token on standard input is what PushSubscription.toJSON() returned in the browser:
  {\"endpoint\":\"https://...\",\"keys\":{\"p256dh\":\"...\",\"auth\":\"...\"}}
An empty environment variable counts as not set. Exit codes: see `sealpush --help`.";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let message = message(arguments)?;
    let token = read_token()?;
    let provider = provider(arguments, &token)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(provider.send_encrypted(&token, &message));
    if arguments.json {
        print(format!("{}\n", report(&token, &outcome)).as_bytes())?;
    }
    let accepted = outcome?;
    if !arguments.json {
        let kept = accepted.ttl.map(|ttl| format!(", kept for {} s", ttl.as_secs()));
        let line = format!("accepted by {}{}\n", accepted.provider, kept.unwrap_or_default());
        print(line.as_bytes())?;
    }
    Ok(())
}

fn provider(arguments: &Arguments, token: &Token) -> Result<WebPush, Failure> {
    let mut guard = EndpointGuard::allow_hosts(&arguments.allow_host)?;
    if arguments.allow_loopback {
        let loopback = EndpointGuard::loopback_for_tests();
        if token.expose("endpoint").is_some_and(|endpoint| loopback.check(endpoint).is_ok()) {
            guard = loopback;
        }
    }
    let mut builder = WebPush::builder().guard(guard);
    if let Some(key) = set(&arguments.vapid_private_key) {
        let key = VapidKey::from_base64(key)?;
        let subject = set(&arguments.vapid_subject).ok_or_else(|| {
            Failure::usage(
                "a VAPID key needs a subject: set VAPID_SUBJECT to mailto:... or https://...",
            )
        })?;
        builder = builder.vapid(VapidKeys::new(subject.parse()?, key));
    }
    Ok(builder.build()?)
}

fn message(arguments: &Arguments) -> Result<Message, Failure> {
    let mut message = Message::new(arguments.message.as_str()).with_padding(arguments.padding);
    if let Some(ttl) = set(&arguments.ttl) {
        message = message.with_ttl(ttl.parse()?);
    }
    if let Some(urgency) = set(&arguments.urgency) {
        message = message.with_urgency(urgency.parse()?);
    }
    if let Some(topic) = set(&arguments.topic) {
        message = message.with_topic(topic.parse()?);
    }
    Ok(message)
}

/// An option that is given and not empty.
fn set(option: &Option<String>) -> Option<&str> {
    option.as_deref().filter(|text| !text.is_empty())
}

fn report(token: &Token, outcome: &Result<Accepted, Error>) -> serde_json::Value {
    match outcome {
        Ok(accepted) => json!({
            "accepted": true,
            "provider": accepted.provider.as_str(),
            "message_id": accepted.message_id,
            "ttl": accepted.ttl.map(sealpush::Ttl::as_secs),
        }),
        Err(error) => json!({
            "accepted": false,
            "provider": token.provider().as_str(),
            "kind": format!("{:?}", error.kind()),
            "message": error.to_string(),
            "status": error.status(),
            "retry_after": error.retry_after().map(|delay| delay.as_secs()),
            "is_retryable": error.is_retryable(),
            "is_token_dead": error.is_token_dead(),
            "is_outcome_known": error.is_outcome_known(),
        }),
    }
}
