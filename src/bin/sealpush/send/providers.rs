//! Every provider that is compiled in, made from options and environment when a token asks for it.

use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use clap::Args;
use sealpush::layers::Trace;
use sealpush::providers::WebPush;
use sealpush::providers::webpush::VapidKeys;
use sealpush::{
    Accepted, Capabilities, EndpointGuard, ProviderId, PushProvider, SealedMessage, Token,
};

use crate::failure::Failure;
use crate::vapid;

#[cfg(feature = "apns")]
mod apns;
#[cfg(feature = "fcm")]
mod fcm;
#[cfg(any(feature = "fcm", feature = "pubsub"))]
mod google;
#[cfg(feature = "klaviyo")]
mod klaviyo;
#[cfg(feature = "onesignal")]
mod onesignal;
#[cfg(feature = "pubsub")]
mod pubsub;
#[cfg(feature = "sailthru")]
mod sailthru;

#[derive(Args)]
#[group(skip)]
pub(crate) struct Arguments {
    #[command(flatten)]
    webpush: WebPushArguments,
    #[cfg(feature = "apns")]
    #[command(flatten)]
    apns: apns::Arguments,
    #[cfg(feature = "fcm")]
    #[command(flatten)]
    fcm: fcm::Arguments,
    #[cfg(feature = "klaviyo")]
    #[command(flatten)]
    klaviyo: klaviyo::Arguments,
    #[cfg(feature = "onesignal")]
    #[command(flatten)]
    onesignal: onesignal::Arguments,
    #[cfg(feature = "pubsub")]
    #[command(flatten)]
    pubsub: pubsub::Arguments,
    #[cfg(feature = "sailthru")]
    #[command(flatten)]
    sailthru: sailthru::Arguments,
    #[command(flatten)]
    reach: Reach,
}

/// A provider on its way.
pub(crate) type Building<'a> =
    Pin<Box<dyn Future<Output = Result<Box<dyn PushProvider>, Failure>> + Send + 'a>>;

impl Arguments {
    /// The provider of this name, or why it cannot be had; `None` where none is compiled in.
    pub(crate) fn build(&self, name: &str) -> Option<Building<'_>> {
        Some(match name {
            "webpush" => Box::pin(async { Ok(boxed(self.webpush.build(&self.reach)?)) }),
            #[cfg(feature = "apns")]
            "apns" => Box::pin(async { Ok(boxed(self.apns.build(&self.reach)?)) }),
            #[cfg(feature = "fcm")]
            "fcm" => Box::pin(async { Ok(boxed(self.fcm.build(&self.reach).await?)) }),
            #[cfg(feature = "klaviyo")]
            "klaviyo" => Box::pin(async { Ok(boxed(self.klaviyo.build(&self.reach)?)) }),
            #[cfg(feature = "mock")]
            "mock" => Box::pin(async { Ok(boxed(sealpush::providers::Mock::new())) }),
            #[cfg(feature = "onesignal")]
            "onesignal" => Box::pin(async { Ok(boxed(self.onesignal.build(&self.reach)?)) }),
            #[cfg(feature = "pubsub")]
            "pubsub" => Box::pin(async { Ok(boxed(self.pubsub.build(&self.reach).await?)) }),
            #[cfg(feature = "sailthru")]
            "sailthru" => Box::pin(async { Ok(boxed(self.sailthru.build(&self.reach)?)) }),
            _ => return None,
        })
    }

    /// The names that [`build`](Self::build) knows.
    pub(crate) const NAMES: &'static [&'static str] =
        &["apns", "fcm", "klaviyo", "mock", "onesignal", "pubsub", "sailthru", "webpush"];

    /// Whether a key is read from standard input.
    pub(crate) fn is_on_stdin(&self) -> bool {
        self.webpush.key.is_on_stdin()
    }
}

fn boxed(provider: impl PushProvider) -> Box<dyn PushProvider> {
    Box::new(Trace::new(provider))
}

/// An API key in a file or a variable of the environment, never on the command line.
#[cfg(any(feature = "klaviyo", feature = "onesignal", feature = "sailthru"))]
fn api_key(
    option: &str,
    file: Option<&std::path::Path>,
    variable: &str,
) -> Result<Option<zeroize::Zeroizing<String>>, Failure> {
    use zeroize::Zeroizing;

    /// Octets of a key file that are read.
    const MAX_KEY: usize = 4096;

    let Some(path) = file.filter(|path| !path.as_os_str().is_empty()) else {
        let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
        return Ok(value.map(Zeroizing::new));
    };
    let source = crate::input::Source::of(option, path);
    let octets = source.read("a key", MAX_KEY)?;
    let text = std::str::from_utf8(&octets)
        .map_err(|_| Failure::usage("the key is not text").about(&source.name()))?;
    Ok(Some(Zeroizing::new(text.trim().to_owned())))
}

/// Where requests may go beside the public internet.
#[derive(Args)]
#[command(next_help_heading = "Your own push service")]
pub(crate) struct Reach {
    /// Also send to this host although it is not public: HOST, HOST:PORT or http://HOST:PORT
    #[arg(long, env = "PUSH_ALLOW_HOST", value_name = "HOST", value_delimiter = ',')]
    allow_host: Vec<String>,
    /// Also send to loopback addresses, over plain HTTP too, as for `sealpush serve`
    #[arg(long)]
    allow_loopback: bool,
}

impl Reach {
    fn hosts(&self) -> Result<EndpointGuard, Failure> {
        let hosts = self.allow_host.iter().filter(|host| !host.is_empty());
        EndpointGuard::allow_hosts(hosts)
            .map_err(|error| Failure::from(error).about("--allow-host"))
    }

    /// The guard for a service at this address, which the operator chose.
    #[cfg(any(
        feature = "apns",
        feature = "fcm",
        feature = "klaviyo",
        feature = "onesignal",
        feature = "pubsub",
        feature = "sailthru"
    ))]
    fn of(&self, base_url: Option<&str>) -> Result<EndpointGuard, Failure> {
        let loopback = EndpointGuard::loopback_for_tests();
        let is_loopback = base_url.is_some_and(|url| loopback.check(url).is_ok());
        if self.allow_loopback && is_loopback { Ok(loopback) } else { self.hosts() }
    }
}

#[derive(Args)]
#[command(next_help_heading = "Web Push")]
struct WebPushArguments {
    #[command(flatten)]
    key: vapid::Key,
    /// Where the push service can reach you: mailto:... or https://...
    #[arg(long, env = "VAPID_SUBJECT", value_name = "URI")]
    vapid_subject: Option<String>,
}

impl WebPushArguments {
    /// Without a key, requests go out without VAPID.
    fn build(&self, reach: &Reach) -> Result<ByAddress, Failure> {
        let sender = |guard| -> Result<WebPush, Failure> {
            let builder = WebPush::builder().guard(guard);
            Ok(match self.keys()? {
                Some(keys) => builder.vapid(keys).build()?,
                None => builder.build()?,
            })
        };
        let loopback = if reach.allow_loopback {
            Some(sender(EndpointGuard::loopback_for_tests())?)
        } else {
            None
        };
        Ok(ByAddress { public: sender(reach.hosts()?)?, loopback })
    }

    fn keys(&self) -> Result<Option<VapidKeys>, Failure> {
        let Some(key) = self.key.read()? else { return Ok(None) };
        let subject = self.vapid_subject.as_deref().filter(|text| !text.is_empty());
        let subject = subject.ok_or_else(|| {
            Failure::usage(
                "a VAPID key needs a contact: set VAPID_SUBJECT to mailto:... or https://...",
            )
        })?;
        Ok(Some(VapidKeys::new(vapid::subject(subject)?, key)))
    }
}

/// Web Push with a guard of its own for loopback addresses, which shares no connection with the
/// public one.
#[derive(Debug)]
struct ByAddress {
    public: WebPush,
    loopback: Option<WebPush>,
}

#[async_trait]
impl PushProvider for ByAddress {
    fn id(&self) -> ProviderId {
        self.public.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.public.capabilities()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> sealpush::Result<Accepted> {
        let guard = EndpointGuard::loopback_for_tests();
        let is_loopback = || token.expose("endpoint").is_some_and(|url| guard.check(url).is_ok());
        match &self.loopback {
            Some(loopback) if is_loopback() => loopback.send(token, message).await,
            _ => self.public.send(token, message).await,
        }
    }
}
