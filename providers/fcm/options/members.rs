//! What the caller's own members may not set: the message does.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::providers::visible::{self, Members};
use crate::{Error, ErrorKind, Result};

/// Reads members and refuses those at reserved places.
pub(super) fn read(json: &str, reserved: &[&'static str]) -> Result<Members> {
    unreserved(visible::read(json)?, reserved)
}

/// Reads members of stored options, which may come from anywhere.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
    reserved: &[&'static str],
) -> Result<Members, D::Error> {
    unreserved(Members::deserialize(deserializer)?, reserved).map_err(D::Error::custom)
}

/// Refuses members that would replace the sealed body or the message's own options. A pointer
/// reserves what is below it, and above it whatever is no object.
fn unreserved(members: Members, reserved: &[&'static str]) -> Result<Members> {
    match reserved.iter().find(|pointer| contains(&members, pointer)) {
        None => Ok(members),
        Some(pointer) => Err(Error::new(
            ErrorKind::Configuration,
            format!("the override must not set '{pointer}': the message does"),
        )),
    }
}

/// FCM takes every name in two spellings (`collapse_key`, `collapseKey`).
fn contains(members: &Members, pointer: &str) -> bool {
    let spelled = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let mut names = pointer.trim_start_matches('/').splitn(2, '/');
    let (first, rest) = (names.next().unwrap_or_default(), names.next());
    members.iter().filter(|(name, _)| spelled(name) == spelled(first)).any(|(_, value)| {
        rest.is_none_or(|rest| match value {
            Value::Object(inner) => contains(inner, rest),
            _ => true,
        })
    })
}
