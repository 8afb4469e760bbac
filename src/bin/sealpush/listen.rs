//! `listen`: a user agent at the shell, the other half of `serve`.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpush::local::{Delivery, Subscription, UserAgent};
use sealpush::notification::Notification;
use sealpush::{Error, ErrorKind};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::failure::{Failure, sentence};
use crate::input::{Source, write_secret};
use crate::output::{json_line, print_while_read, printable, warn};

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The websocket of the push service, as `sealpush serve` prints it; without TLS
    #[arg(long, env = "PUSH_SERVICE", value_name = "URL", default_value = DEFAULT_SERVICE)]
    push_service: String,
    /// Keep the keys and the subscription in this file, and go on with them at the next start: the
    /// token stays the same
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Write the token to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Take messages of the application server with this key only, base64url
    #[arg(long, env = "VAPID_PUBLIC_KEY", value_name = "KEY")]
    vapid_public_key: Option<String>,
    /// End after so many messages
    #[arg(long, value_name = "N", value_parser = parse_count)]
    count: Option<u64>,
    /// Print one JSON object a line: {"token"}, then {"text"}, {"notification"}, {"base64"} or {}
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Example, with `sealpush serve` in another terminal:
  sealpush listen --identity me.json --token-file token.json
  sealpush send 'The door is open' --token token.json --allow-loopback

It prints the token and then what arrives: text as it is, a notification with its title, text and
page. A message that does not open is reported on standard error. It speaks the websocket protocol
of Mozilla's push service, without TLS.";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut user_agent = connect(arguments).await?;
        let subscription = subscribe(&mut user_agent, arguments).await?;
        if announce(&subscription, arguments)? {
            tokio::select! {
                outcome = receive(&mut user_agent, arguments) => outcome?,
                interrupted = tokio::signal::ctrl_c() => interrupted?,
            }
        }
        user_agent.disconnect().await;
        Ok(())
    })
}

async fn connect(arguments: &Arguments) -> Result<UserAgent, Failure> {
    let url = websocket_url(&arguments.push_service)?;
    let connected = match saved(arguments.identity.as_deref())? {
        Some(saved) => UserAgent::resume(&url, &saved).await,
        None => UserAgent::connect(&url).await,
    };
    connected.map_err(|error| match error.kind() {
        ErrorKind::Configuration => Failure::usage(format!("the file of --identity: {error}")),
        ErrorKind::Transport => {
            let failure = Failure::from(&error);
            Failure::new(
                failure.code(),
                format!("{}; is `sealpush serve` running there?", failure.message()),
            )
        }
        _ => error.into(),
    })
}

/// What is written down, where there is such a file yet.
fn saved(identity: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(path) = identity.filter(|path| path.exists()) else { return Ok(None) };
    let octets = Source::File { option: "--identity", path }.read("an identity", MAX_IDENTITY)?;
    // Text that is not UTF-8 is no JSON either, and refused as such.
    Ok(Some(Zeroizing::new(String::from_utf8_lossy(&octets).into_owned())))
}

/// The subscription that is written down, or a new one.
async fn subscribe(
    user_agent: &mut UserAgent,
    arguments: &Arguments,
) -> Result<Subscription, Failure> {
    let held = user_agent.subscriptions().next();
    let subscription = match held {
        Some(subscription) => subscription,
        None => {
            let key = arguments.vapid_public_key.as_deref().filter(|key| !key.is_empty());
            user_agent.subscribe(key).await.map_err(|error| match error.kind() {
                ErrorKind::Configuration => Failure::from(error).about("--vapid-public-key"),
                _ => error.into(),
            })?
        }
    };
    if let Some(path) = &arguments.identity {
        write_secret("--identity", path, user_agent.save().as_bytes())?;
    }
    Ok(subscription)
}

/// Hands the token out, and says whether somebody reads on.
fn announce(subscription: &Subscription, arguments: &Arguments) -> Result<bool, Failure> {
    let token = subscription.token();
    let line = Zeroizing::new(token.to_json() + "\n");
    let goes_on = if let Some(path) = &arguments.token_file {
        write_secret("--token-file", path, line.as_bytes())?;
        true
    } else if arguments.json {
        print_while_read(json_line(&json!({ "token": token }))?.as_bytes())?
    } else {
        print_while_read(line.as_bytes())?
    };
    warn("subscribed; what arrives follows, Ctrl-C ends");
    Ok(goes_on)
}

async fn receive(user_agent: &mut UserAgent, arguments: &Arguments) -> Result<(), Failure> {
    let mut left = arguments.count;
    while left != Some(0) {
        let delivery = match user_agent.next().await {
            Ok(delivery) => delivery,
            Err(error) if error.kind() == ErrorKind::Rejected => {
                warn(&sentence(&error));
                continue;
            }
            Err(error) => return Err(ended(&error)),
        };
        let line =
            if arguments.json { json_line(&as_json(&delivery))? } else { as_text(&delivery) };
        if !print_while_read(line.as_bytes())? {
            break;
        }
        left = left.map(|left| left.saturating_sub(1));
    }
    Ok(())
}

fn ended(error: &Error) -> Failure {
    let failure = Failure::from(error);
    Failure::new(
        failure.code(),
        format!(
            "{}; with --identity, the next start goes on with the same token",
            failure.message()
        ),
    )
}

fn as_text(delivery: &Delivery) -> Zeroizing<String> {
    let Some(payload) = &delivery.payload else {
        return Zeroizing::new("(a push without a message)\n".to_owned());
    };
    if let Ok(notification) = Notification::from_json(payload) {
        let mut text = printable(notification.title());
        for more in notification.body().into_iter().chain([notification.navigate().expose()]) {
            text.push_str("\n  ");
            text.push_str(&printable(more));
        }
        text.push('\n');
        return text;
    }
    match std::str::from_utf8(payload) {
        Ok(text) => {
            let mut text = printable(text);
            text.push('\n');
            text
        }
        Err(_) => Zeroizing::new(format!("({} octets that are not text)\n", payload.len())),
    }
}

fn as_json(delivery: &Delivery) -> Value {
    let Some(payload) = &delivery.payload else { return json!({}) };
    if Notification::from_json(payload).is_ok()
        && let Ok(Value::Object(mut members)) = serde_json::from_slice(payload)
        && let Some(notification) = members.remove("notification")
    {
        return json!({ "notification": notification });
    }
    match std::str::from_utf8(payload) {
        Ok(text) => json!({ "text": text }),
        Err(_) => {
            json!({ "base64": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, payload) })
        }
    }
}

/// `http://` is what `serve` prints beside the websocket's address.
fn websocket_url(text: &str) -> Result<String, Failure> {
    if let Some(rest) = text.strip_prefix("http://") {
        return Ok(format!("ws://{rest}"));
    }
    if text.starts_with("ws://") {
        return Ok(text.to_owned());
    }
    Err(Failure::usage(
        "--push-service: give the websocket's address, ws://HOST:PORT/; TLS (wss://) is not spoken \
         here",
    ))
}

fn parse_count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "give a number of messages".to_owned())
}

const DEFAULT_SERVICE: &str = "ws://127.0.0.1:8030/";
/// Octets of an identity that are read.
const MAX_IDENTITY: usize = 64 * 1024;
