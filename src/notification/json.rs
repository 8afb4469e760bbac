//! The JSON form of Declarative Web Push.
//!
//! Written by hand in both directions: derived code would name no member in its errors, or repeat
//! its value.

use std::str::FromStr;

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Action, Direction, Link, Notification};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::token::wipe;

/// The members of `notification` that have a field of their own.
pub(super) const MEMBERS: [&str; 17] = [
    "actions",
    "app_badge",
    "badge",
    "body",
    "data",
    "dir",
    "icon",
    "image",
    "lang",
    "mutable",
    "navigate",
    "renotify",
    "requireInteraction",
    "silent",
    "tag",
    "timestamp",
    "title",
];

/// The value of `web_push`: the number of the RFC.
const WEB_PUSH: u64 = 8030;

/// Longest JSON form that is read, in octets. Every push service takes less.
const MAX_LEN: usize = 65_536;

/// The last time that ECMAScript has, in milliseconds (ECMA-262 §21.4.1.1).
pub(super) const MAX_TIMESTAMP: u64 = 8_640_000_000_000_000;

/// Text of the payload, wiped when dropped.
pub(super) type Text = Zeroizing<String>;

/// JSON of the payload, wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Json(pub(super) Value);

impl Drop for Json {
    fn drop(&mut self) {
        wipe(std::iter::once(&mut self.0));
    }
}

/// Members without a field of their own, wiped when dropped.
#[derive(Clone, Default, Eq, PartialEq)]
pub(super) struct Members(pub(super) Map<String, Value>);

impl Members {
    /// Takes a member out; `null` counts as absent.
    fn take<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.0.remove(name).map(Json) else {
            return Ok(None);
        };
        if value.0.is_null() {
            return Ok(None);
        }
        read(&value.0).map(Some).ok_or_else(|| {
            invalid(format!("the notification's '{name}' has the wrong type or value"))
        })
    }

    fn require<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T> {
        self.take(name, read)?.ok_or_else(|| invalid(format!("the notification has no '{name}'")))
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        wipe(self.0.values_mut());
    }
}

impl Notification {
    /// Reads the JSON form, UTF-8.
    ///
    /// # Errors
    ///
    /// `Rejected` for anything that is not a JSON object with `"web_push": 8030`, a title, a page
    /// to open, and members of the right types, naming the member. The message repeats no value.
    pub fn from_json(octets: &[u8]) -> Result<Self> {
        parse(octets)
    }

    /// The JSON form, to seal as a payload: a copy of the content, which is the caller's to wipe.
    #[must_use]
    pub fn to_json(&self) -> String {
        // In one allocation: a buffer that grows leaves its content behind.
        let mut octets = Vec::with_capacity(self.json_len());
        serde_json::to_writer(&mut octets, self).expect("maps with text keys serialize");
        String::from_utf8(octets).expect("JSON is UTF-8")
    }

    /// Length of the JSON form, in octets.
    pub(super) fn json_len(&self) -> usize {
        let mut length = Length(0);
        serde_json::to_writer(&mut length, self).expect("maps with text keys serialize");
        length.0
    }
}

impl FromStr for Notification {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::from_json(text.as_bytes())
    }
}

/// Takes the JSON form as the payload, with the default options.
///
/// It cannot fail: [`Notification::check`] says beforehand what browsers would refuse, and
/// [`Message::seal`] refuses what is too large.
impl From<Notification> for Message {
    fn from(notification: Notification) -> Self {
        Self::new(notification)
    }
}

/// The JSON form, so that [`Message::new`] takes a notification.
impl From<Notification> for Vec<u8> {
    fn from(notification: Notification) -> Self {
        notification.to_json().into_bytes()
    }
}

fn parse(octets: &[u8]) -> Result<Notification> {
    if octets.len() > MAX_LEN {
        return Err(invalid(format!(
            "the notification is {} octets, limit {MAX_LEN}",
            octets.len()
        )));
    }
    // The parser's own error may repeat its input, which is the payload.
    let members = serde_json::from_slice(octets).map_err(|error| {
        invalid(format!(
            "the notification is not a JSON object (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    from_members(Members(members))
}

fn from_members(mut outside: Members) -> Result<Notification> {
    if outside.take("web_push", Value::as_u64)? != Some(WEB_PUSH) {
        return Err(invalid("the notification is not one of 'web_push' 8030"));
    }
    let mut inside = outside.require("notification", object)?;
    // The W3C's draft has these two outside, the first Safari that knew the form inside.
    let app_badge = take_twice(&mut outside, &mut inside, "app_badge", count)?;
    let mutable = take_twice(&mut outside, &mut inside, "mutable", Value::as_bool)?;
    Ok(Notification {
        title: inside.require("title", text)?,
        navigate: inside.require("navigate", link)?,
        body: inside.take("body", text)?,
        icon: inside.take("icon", link)?,
        image: inside.take("image", link)?,
        badge: inside.take("badge", link)?,
        tag: inside.take("tag", text)?,
        actions: inside.take("actions", actions)?.unwrap_or_default(),
        data: inside.take("data", |value| Some(Json(value.clone())))?,
        lang: inside.take("lang", text)?,
        dir: inside.take("dir", direction)?,
        silent: inside.take("silent", Value::as_bool)?,
        renotify: inside.take("renotify", Value::as_bool)?.unwrap_or_default(),
        require_interaction: inside.take("requireInteraction", Value::as_bool)?.unwrap_or_default(),
        timestamp: inside.take("timestamp", timestamp)?,
        app_badge,
        mutable: mutable.unwrap_or_default(),
        more: inside,
        more_outside: outside,
    })
}

fn take_twice<T>(
    outside: &mut Members,
    inside: &mut Members,
    name: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>> {
    let second = inside.take(name, &read)?;
    Ok(outside.take(name, &read)?.or(second))
}

fn object(value: &Value) -> Option<Members> {
    value.as_object().cloned().map(Members)
}

fn text(value: &Value) -> Option<Text> {
    value.as_str().map(|text| Text::new(text.to_owned()))
}

fn link(value: &Value) -> Option<Link> {
    value.as_str()?.parse().ok()
}

fn direction(value: &Value) -> Option<Direction> {
    let name = value.as_str()?;
    Direction::ALL.into_iter().find(|direction| direction.as_str() == name)
}

/// Safari also takes the count as text.
fn count(value: &Value) -> Option<u64> {
    match value.as_str() {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
        Some(_) => None,
        None => value.as_u64(),
    }
}

fn timestamp(value: &Value) -> Option<u64> {
    value.as_u64().filter(|&milliseconds| milliseconds <= MAX_TIMESTAMP)
}

fn actions(value: &Value) -> Option<Vec<Action>> {
    let actions = value.as_array().filter(|list| list.len() <= Notification::MAX_ACTIONS)?;
    actions.iter().map(action).collect()
}

fn action(value: &Value) -> Option<Action> {
    let mut members = object(value)?;
    Some(Action {
        action: members.require("action", text).ok()?,
        title: members.require("title", text).ok()?,
        navigate: members.require("navigate", link).ok()?,
        icon: members.take("icon", link).ok()?,
        more: members,
    })
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Rejected, message)
}

impl Serialize for Notification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("web_push", &WEB_PUSH)?;
        map.serialize_entry("notification", &Inside(self))?;
        entry(&mut map, "app_badge", self.app_badge.as_ref())?;
        entry(&mut map, "mutable", self.mutable.then_some(&true))?;
        rest(&mut map, &self.more_outside)?;
        map.end()
    }
}

/// The object under `notification`.
struct Inside<'a>(&'a Notification);

impl Serialize for Inside<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let it = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("title", &*it.title)?;
        map.serialize_entry("navigate", &it.navigate)?;
        entry(&mut map, "body", it.body.as_deref().map(String::as_str))?;
        entry(&mut map, "icon", it.icon.as_ref())?;
        entry(&mut map, "image", it.image.as_ref())?;
        entry(&mut map, "badge", it.badge.as_ref())?;
        entry(&mut map, "tag", it.tag.as_deref().map(String::as_str))?;
        entry(&mut map, "actions", (!it.actions.is_empty()).then_some(&it.actions))?;
        entry(&mut map, "data", it.data.as_ref().map(|data| &data.0))?;
        entry(&mut map, "lang", it.lang.as_deref().map(String::as_str))?;
        entry(&mut map, "dir", it.dir.map(Direction::as_str))?;
        entry(&mut map, "silent", it.silent.as_ref())?;
        entry(&mut map, "renotify", it.renotify.then_some(&true))?;
        entry(&mut map, "requireInteraction", it.require_interaction.then_some(&true))?;
        entry(&mut map, "timestamp", it.timestamp.as_ref())?;
        // Repeated for Safari, which looks for them here.
        entry(&mut map, "app_badge", it.app_badge.as_ref())?;
        entry(&mut map, "mutable", it.mutable.then_some(&true))?;
        rest(&mut map, &it.more)?;
        map.end()
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", &*self.action)?;
        map.serialize_entry("title", &*self.title)?;
        map.serialize_entry("navigate", &self.navigate)?;
        entry(&mut map, "icon", self.icon.as_ref())?;
        rest(&mut map, &self.more)?;
        map.end()
    }
}

fn entry<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    name: &str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

fn rest<M: SerializeMap>(map: &mut M, members: &Members) -> Result<(), M::Error> {
    members.0.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
}

impl<'de> Deserialize<'de> for Notification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::deserialize(deserializer)
            .map_err(|_| D::Error::custom("the notification is not a JSON object"))?;
        from_members(Members(members)).map_err(D::Error::custom)
    }
}

/// Counts what is written to it.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0 += octets.len();
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
