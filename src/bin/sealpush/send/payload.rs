//! What is sent: a text, a file, or a notification, with the options of RFC 8030 §5.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpush::notification::{Link, Notification};
use sealpush::seal::MAX_PLAINTEXT;
use sealpush::{Message, Padding, Topic, Ttl, Urgency};

use crate::body::{PADDING_HELP, parse_padding};
use crate::failure::Failure;
use crate::input::Source;

#[derive(Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The message; none sends a push without a body
    pub(crate) message: Option<String>,
    /// The file with the message, any octets; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["message", "title"], help_heading = "What")]
    message_file: Option<PathBuf>,
    #[command(flatten)]
    notification: NotificationArguments,
    /// Seconds that the push service keeps the message for an absent user agent; 0 is now or never
    /// [default: 28 days]
    #[arg(long, env = "PUSH_TTL", value_name = "SECONDS", help_heading = "How")]
    ttl: Option<String>,
    /// very-low, low, normal or high [default: normal]
    #[arg(long, env = "PUSH_URGENCY", help_heading = "How")]
    urgency: Option<String>,
    /// Replaces a stored message with the same topic; 1 to 32 of A-Z a-z 0-9 - _
    #[arg(long, env = "PUSH_TOPIC", help_heading = "How")]
    topic: Option<String>,
    #[arg(
        long,
        value_name = "HOW",
        default_value = "buckets",
        value_parser = parse_padding,
        help = PADDING_HELP,
        help_heading = "How"
    )]
    padding: Padding,
}

/// A notification that the browser or app shows.
#[derive(Args)]
#[command(next_help_heading = "What, as a notification")]
struct NotificationArguments {
    /// The title
    #[arg(long, value_name = "TEXT", conflicts_with = "message", requires = "url")]
    title: Option<String>,
    /// The text below the title
    #[arg(long, value_name = "TEXT", requires = "title")]
    body: Option<String>,
    /// The page that a click opens: https://... or a path of the app's own
    #[arg(long, requires = "title")]
    url: Option<String>,
    /// A small picture beside the text
    #[arg(long, value_name = "URL", requires = "title")]
    icon: Option<String>,
    /// A large picture below the text
    #[arg(long, value_name = "URL", requires = "title")]
    image: Option<String>,
    /// Replaces the notification of the same tag on the screen
    #[arg(long, requires = "title")]
    tag: Option<String>,
    /// The language of the texts, such as de-CH
    #[arg(long, requires = "title")]
    lang: Option<String>,
    /// Stays on the screen until somebody acts on it
    #[arg(long, requires = "title")]
    require_interaction: bool,
    /// Makes no sound
    #[arg(long, requires = "title")]
    silent: bool,
}

impl Arguments {
    /// Reads and checks everything that makes the message.
    pub(crate) fn message(&self) -> Result<Message, Failure> {
        let mut message = match (&self.message_file, self.notification.read()?) {
            (Some(path), _) => {
                let octets = Source::of("--message-file", path).read("a message", MAX_PLAINTEXT)?;
                Message::new(octets.to_vec())
            }
            (None, Some(notification)) => Message::from(notification),
            (None, None) => Message::new(self.message.clone().unwrap_or_default()),
        };
        message = message.with_padding(self.padding);
        if let Some(ttl) = parse::<Ttl>("--ttl", self.ttl.as_deref())? {
            message = message.with_ttl(ttl);
        }
        if let Some(urgency) = parse::<Urgency>("--urgency", self.urgency.as_deref())? {
            message = message.with_urgency(urgency);
        }
        if let Some(topic) = parse::<Topic>("--topic", self.topic.as_deref())? {
            message = message.with_topic(topic);
        }
        Ok(message)
    }

    /// Whether the message is read from standard input.
    pub(crate) fn is_on_stdin(&self) -> bool {
        self.message_file.as_deref() == Some(Path::new("-"))
    }
}

impl NotificationArguments {
    fn read(&self) -> Result<Option<Notification>, Failure> {
        let link = |option, text: &Option<String>| parse::<Link>(option, text.as_deref());
        let (Some(title), Some(url)) = (&self.title, link("--url", &self.url)?) else {
            return Ok(None);
        };
        let mut notification = Notification::new(title, url);
        if let Some(body) = &self.body {
            notification = notification.with_body(body);
        }
        if let Some(icon) = link("--icon", &self.icon)? {
            notification = notification.with_icon(icon);
        }
        if let Some(image) = link("--image", &self.image)? {
            notification = notification.with_image(image);
        }
        if let Some(tag) = &self.tag {
            notification = notification.with_tag(tag);
        }
        if let Some(lang) = &self.lang {
            notification = notification.with_lang(lang);
        }
        if self.require_interaction {
            notification = notification.with_require_interaction();
        }
        if self.silent {
            notification = notification.with_silent(true);
        }
        notification.check()?;
        Ok(Some(notification))
    }
}

/// Parses the value of an option; an empty one is none.
pub(crate) fn parse<T: std::str::FromStr<Err = sealpush::Error>>(
    option: &str,
    text: Option<&str>,
) -> Result<Option<T>, Failure> {
    let text = text.filter(|text| !text.is_empty());
    // Whatever kind the library gives it, here it is a wrong argument.
    text.map(str::parse)
        .transpose()
        .map_err(|error| Failure::usage(crate::failure::sentence(&error)).about(option))
}
