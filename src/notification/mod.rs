//! What a person sees: a typed notification, in the JSON form that browsers know.
//!
//! The members have the names of the W3C's
//! [Notifications API](https://notifications.spec.whatwg.org/), the JSON form is that of
//! [Declarative Web Push](https://w3c.github.io/push-api/#declarative-push-message):
//!
//! ```json
//! {"web_push": 8030, "notification": {"title": "New mail", "navigate": "https://www.example.net/inbox/7"}}
//! ```
//!
//! A browser that knows this form shows the notification without a service worker; elsewhere the
//! service worker or the app reads the same JSON (`examples/web-receiver`). It is sealed like every
//! payload: push services see nothing of it. Applications with a form of their own send raw
//! octets with [`Message::new`](crate::Message::new) and do not need this module.

mod action;
mod direction;
mod json;
mod link;

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::action::Action;
pub use self::direction::Direction;
pub use self::link::Link;

use self::json::{Json, Members, Text};
use crate::error::{Error, ErrorKind, Result};
use crate::seal::MAX_PLAINTEXT;

/// A notification: its text, where it leads, and how it behaves.
///
/// ```
/// use sealpush::Message;
/// use sealpush::notification::{Action, Notification};
///
/// let notification =
///     Notification::new("The door is open", "https://www.example.net/door".parse()?)
///         .with_body("Since five minutes")
///         .with_tag("door")
///         .with_action(Action::new("close", "Close it", "/door/close".parse()?));
/// notification.check()?;
/// let message = Message::from(notification);
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// On the other side, from what [`open`](crate::open) gave:
///
/// ```
/// use sealpush::notification::Notification;
///
/// let notification = Notification::from_json(
///     br#"{"web_push":8030,"notification":{"title":"New mail","navigate":"/inbox/7","later":1}}"#,
/// )?;
/// assert_eq!(notification.title(), "New mail");
/// assert_eq!(notification.member::<u32>("later")?, Some(1));
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// Members that this version does not know are kept. `Debug` shows nothing of the content, which is
/// wiped when the notification is dropped.
#[derive(Clone, PartialEq)]
pub struct Notification {
    title: Text,
    navigate: Link,
    body: Option<Text>,
    icon: Option<Link>,
    image: Option<Link>,
    badge: Option<Link>,
    tag: Option<Text>,
    actions: Vec<Action>,
    data: Option<Json>,
    lang: Option<Text>,
    dir: Option<Direction>,
    silent: Option<bool>,
    renotify: bool,
    require_interaction: bool,
    timestamp: Option<u64>,
    app_badge: Option<u64>,
    mutable: bool,
    more: Members,
    more_outside: Members,
}

impl Notification {
    /// Most actions that a notification carries; browsers show two or three.
    pub const MAX_ACTIONS: usize = 8;

    /// A notification with a title and the page that a click opens.
    pub fn new(title: impl Into<String>, navigate: Link) -> Self {
        Self {
            title: Text::new(title.into()),
            navigate,
            body: None,
            icon: None,
            image: None,
            badge: None,
            tag: None,
            actions: Vec::new(),
            data: None,
            lang: None,
            dir: None,
            silent: None,
            renotify: false,
            require_interaction: false,
            timestamp: None,
            app_badge: None,
            mutable: false,
            more: Members::default(),
            more_outside: Members::default(),
        }
    }

    /// Finds what a browser would refuse: an empty title or action, too many or repeated actions,
    /// [`with_renotify`](Self::with_renotify) without a tag; and a notification that no push
    /// service takes.
    ///
    /// # Errors
    ///
    /// `Configuration` for such members; `PayloadTooLarge` when the JSON form is over
    /// [`MAX_PLAINTEXT`] octets. A provider with a smaller limit refuses in
    /// [`Message::seal`](crate::Message::seal).
    pub fn check(&self) -> Result<()> {
        let refuse = |fact: &'static str| Err(Error::new(ErrorKind::Configuration, fact));
        if self.title.is_empty() {
            return refuse("the notification has an empty title");
        }
        if self.renotify && self.tag.as_ref().is_none_or(|tag| tag.is_empty()) {
            return refuse("the notification has renotify without a tag to replace");
        }
        if self.actions.len() > Self::MAX_ACTIONS {
            return refuse("the notification has more than 8 actions");
        }
        for (index, action) in self.actions.iter().enumerate() {
            if action.action().is_empty() || action.title().is_empty() {
                return refuse("the notification has an action without a name or a title");
            }
            if self.actions.iter().take(index).any(|other| other.action() == action.action()) {
                return refuse("the notification has two actions of the same name");
            }
        }
        let len = self.json_len();
        if len > MAX_PLAINTEXT {
            return Err(Error::new(
                ErrorKind::PayloadTooLarge,
                format!("the notification is {len} octets of JSON, limit {MAX_PLAINTEXT}"),
            ));
        }
        Ok(())
    }

    /// The text below the title.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(Text::new(body.into()));
        self
    }

    /// A small picture beside the text.
    #[must_use]
    pub fn with_icon(mut self, icon: Link) -> Self {
        self.icon = Some(icon);
        self
    }

    /// A large picture below the text.
    #[must_use]
    pub fn with_image(mut self, image: Link) -> Self {
        self.image = Some(image);
        self
    }

    /// A monochrome picture where there is no room for the text, such as Android's status bar.
    #[must_use]
    pub fn with_badge(mut self, badge: Link) -> Self {
        self.badge = Some(badge);
        self
    }

    /// Replaces the notification of the same tag that is on the screen. Unlike a
    /// [`Topic`](crate::Topic), the push service does not see it.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(Text::new(tag.into()));
        self
    }

    /// Adds a button.
    #[must_use]
    pub fn with_action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Adds data for the receiving app, as anything that serializes.
    ///
    /// # Errors
    ///
    /// `Configuration` when it does not serialize to JSON.
    pub fn with_data(mut self, data: &impl Serialize) -> Result<Self> {
        self.data = Some(Json(to_value(data)?));
        Ok(self)
    }

    /// The language of the texts, a BCP 47 tag such as `de-CH`.
    #[must_use]
    pub fn with_lang(mut self, lang: impl Into<String>) -> Self {
        self.lang = Some(Text::new(lang.into()));
        self
    }

    /// The direction of the texts.
    #[must_use]
    pub fn with_dir(mut self, dir: Direction) -> Self {
        self.dir = Some(dir);
        self
    }

    /// Makes no sound and no vibration, or insists on the device's usual ones. Unset, the device
    /// decides.
    #[must_use]
    pub fn with_silent(mut self, silent: bool) -> Self {
        self.silent = Some(silent);
        self
    }

    /// Alerts again when it replaces a notification of the same tag.
    #[must_use]
    pub fn with_renotify(mut self) -> Self {
        self.renotify = true;
        self
    }

    /// Stays on the screen until somebody acts on it.
    #[must_use]
    pub fn with_require_interaction(mut self) -> Self {
        self.require_interaction = true;
        self
    }

    /// When what it tells happened. Milliseconds count; a time before 1970 becomes 1970, one that
    /// JavaScript cannot express the last that it can.
    #[must_use]
    pub fn with_timestamp(mut self, time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.timestamp = Some(milliseconds.min(json::MAX_TIMESTAMP));
        self
    }

    /// The number on the app's icon; 0 clears it.
    #[must_use]
    pub fn with_app_badge(mut self, count: u64) -> Self {
        self.app_badge = Some(count);
        self
    }

    /// Lets a service worker, if there is one, change the notification before a browser that knows
    /// the declarative form shows it.
    #[must_use]
    pub fn with_mutable(mut self) -> Self {
        self.mutable = true;
        self
    }

    /// Adds a member that this version has no method for, beside the title: `vibrate`, or what
    /// browsers learn later.
    ///
    /// # Errors
    ///
    /// `Configuration` when there is a method for the member, or the value does not serialize to
    /// JSON.
    pub fn with_member(mut self, name: &str, value: &impl Serialize) -> Result<Self> {
        if json::MEMBERS.contains(&name) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("the member '{name}' has a method of its own"),
            ));
        }
        self.more.0.insert(name.to_owned(), to_value(value)?);
        Ok(self)
    }

    /// See [`new`](Self::new).
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// See [`new`](Self::new).
    #[must_use]
    pub fn navigate(&self) -> &Link {
        &self.navigate
    }

    /// See [`with_body`](Self::with_body).
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref().map(String::as_str)
    }

    /// See [`with_icon`](Self::with_icon).
    #[must_use]
    pub fn icon(&self) -> Option<&Link> {
        self.icon.as_ref()
    }

    /// See [`with_image`](Self::with_image).
    #[must_use]
    pub fn image(&self) -> Option<&Link> {
        self.image.as_ref()
    }

    /// See [`with_badge`](Self::with_badge).
    #[must_use]
    pub fn badge(&self) -> Option<&Link> {
        self.badge.as_ref()
    }

    /// See [`with_tag`](Self::with_tag).
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref().map(String::as_str)
    }

    /// See [`with_action`](Self::with_action).
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The app's data as a type of its own; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `Rejected` when it is not a `T`. The message repeats no value.
    pub fn data<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.data.as_ref().map(|data| from_value("data", &data.0)).transpose()
    }

    /// See [`with_lang`](Self::with_lang).
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        self.lang.as_deref().map(String::as_str)
    }

    /// See [`with_dir`](Self::with_dir).
    #[must_use]
    pub fn dir(&self) -> Option<Direction> {
        self.dir
    }

    /// See [`with_silent`](Self::with_silent).
    #[must_use]
    pub fn silent(&self) -> Option<bool> {
        self.silent
    }

    /// See [`with_renotify`](Self::with_renotify).
    #[must_use]
    pub fn renotify(&self) -> bool {
        self.renotify
    }

    /// See [`with_require_interaction`](Self::with_require_interaction).
    #[must_use]
    pub fn require_interaction(&self) -> bool {
        self.require_interaction
    }

    /// See [`with_timestamp`](Self::with_timestamp); `None` also for a time that this platform
    /// cannot express.
    #[must_use]
    pub fn timestamp(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.timestamp?))
    }

    /// See [`with_app_badge`](Self::with_app_badge).
    #[must_use]
    pub fn app_badge(&self) -> Option<u64> {
        self.app_badge
    }

    /// See [`with_mutable`](Self::with_mutable).
    #[must_use]
    pub fn mutable(&self) -> bool {
        self.mutable
    }

    /// A member that this version has no method for; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// `Rejected` when it is not a `T`. The message repeats no value.
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.more.0.get(name).map(|value| from_value(name, value)).transpose()
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notification([redacted])")
    }
}

fn to_value(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|_| Error::new(ErrorKind::Configuration, "the value does not serialize to JSON"))
}

fn from_value<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T> {
    T::deserialize(value).map_err(|_| {
        Error::new(
            ErrorKind::Rejected,
            format!("the notification's '{name}' is not what the app expects"),
        )
    })
}
