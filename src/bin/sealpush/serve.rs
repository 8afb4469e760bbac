//! `serve`: the embedded push service as a process of its own, and what it sees.

use std::net::SocketAddr;

use clap::Args;
use sealpush::ErrorKind;
use sealpush::local::{Acknowledgement, Event, PathKind, PushService, Request};

use crate::failure::{Failure, sentence};
use crate::output::{print, warn};

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes any free one
    #[arg(
        long,
        env = "PUSH_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8030",
        value_parser = parse_address
    )]
    listen: SocketAddr,
    /// How others reach it, behind a reverse proxy or in a container: https://HOST; its push
    /// resources begin so [default: where it listens]
    #[arg(long, env = "PUSH_PUBLIC_URL", value_name = "ORIGIN")]
    public_url: Option<String>,
}

const AFTER_HELP: &str = "\
`sealpush listen` subscribes here without a browser. Firefox does with these preferences
(about:config):
  dom.push.serverURL                        the websocket address that is printed
  dom.push.testing.allowInsecureServerURL   true
Senders on this machine allow it with `--allow-loopback`, others with `--allow-host` and the origin
that is printed.
It prints a line for everything that happens, without addresses and contents. It keeps everything in
memory, knows no users, and is meant for development.";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.listen.ip().is_loopback() {
        warn("listening beyond this machine, on a service without any access control");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut builder = PushService::builder().listen(arguments.listen).on_event(tell);
        if let Some(url) = arguments.public_url.as_deref().filter(|url| !url.is_empty()) {
            builder = builder.public_url(url);
        }
        let service = builder.start().await.map_err(|error| match error.kind() {
            ErrorKind::Configuration => Failure::from(error).about("--public-url"),
            _ => {
                Failure::usage(format!("cannot listen on {}: {}", arguments.listen, cause(&error)))
            }
        })?;
        print(
            format!(
                "push service  {}\nwebsocket     {}\nCtrl-C stops it\n",
                service.origin(),
                service.websocket_url()
            )
            .as_bytes(),
        )?;
        tokio::signal::ctrl_c().await?;
        service.shutdown().await;
        Ok(())
    })
}

/// Prints a line about an event; where nobody reads it, the service goes on.
fn tell(event: &Event) {
    let line = match event {
        Event::Acknowledged(Acknowledgement::Delivered) => "message delivered".to_owned(),
        Event::Acknowledged(_) => "message not opened by the user agent".to_owned(),
        Event::Connected => "user agent connected".to_owned(),
        Event::Request(request) => match describe(request) {
            Some(line) => line,
            None => return,
        },
        Event::Subscribed => "subscribed".to_owned(),
        Event::Unsubscribed => "unsubscribed".to_owned(),
        _ => return,
    };
    let _ = print(format!("{line}\n").as_bytes());
}

/// What a request was, in names and numbers that the protocol knows; `None` for a websocket, whose
/// user agent is told of when it says hello.
fn describe(request: &Request) -> Option<String> {
    let to = match request.kind {
        PathKind::AccessToken => "for an access token",
        PathKind::ApnsDevice => "to Apple",
        PathKind::FcmMessages => "to FCM",
        PathKind::KlaviyoEvents => "to Klaviyo",
        PathKind::KlaviyoPushTokens => "to Klaviyo, for a device",
        PathKind::MessageResource => "to a message",
        PathKind::OneSignalNotifications => "to OneSignal",
        PathKind::PubSubTopic => "to Pub/Sub",
        PathKind::PushResource => "to a subscription",
        PathKind::SailthruNotifications => "to Sailthru",
        PathKind::Websocket => return None,
        _ => "to nowhere",
    };
    let status = request.status;
    let status = status.map_or_else(|| "cut off".to_owned(), |s| s.as_u16().to_string());
    let mut line = format!("{} {to}: {status}, {} octets", request.method, request.body_len);
    // Their values are a number and one of four words where they are good, else not shown.
    if let Some(ttl) = parsed::<sealpush::Ttl>(request, "ttl") {
        line.push_str(&format!(", kept for {} s", ttl.as_secs()));
    }
    if let Some(urgency) = parsed::<sealpush::Urgency>(request, "urgency") {
        line.push_str(&format!(", urgency {}", urgency.as_str()));
    }
    if request.headers.contains_key("authorization") {
        line.push_str(", signed");
    }
    Some(line)
}

fn parsed<T: std::str::FromStr>(request: &Request, name: &str) -> Option<T> {
    request.headers.get(name)?.to_str().ok()?.parse().ok()
}

/// What the operating system says, else the whole error.
fn cause(error: &sealpush::Error) -> String {
    std::error::Error::source(error).map_or_else(|| sentence(error), ToString::to_string)
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "give an address and a port, such as 127.0.0.1:8030 or [::1]:8030; port 0 takes any free one"
            .to_owned()
    })
}
